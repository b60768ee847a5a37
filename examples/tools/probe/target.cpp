#include "examples/tools/probe/target.hpp"

#include <array>
#include <cstdio>

#ifdef NAL_EXAMPLES_POSIX
#include <net/if.h>
#endif

#include "nal/block_on.hpp"
#include "nal/dns.hpp"
#include "nal/hosted/format.hpp"
#include "nal/sleep.hpp"
#include "nal/udp.hpp"

namespace {
using namespace nal::literals;

constexpr nal::Duration kForNames = 10_s;
constexpr nal::Duration kForReverseNames = 2_s;

/// Opening a socket sends nothing, but asks for the way.
bool has_way(examples::Machine& machine, const nal::IpAddress& address) {
  return nal::udp_connect(machine.stack, {address, 9}).has_value();
}

}  // namespace

std::optional<Target> find_target(examples::Machine& machine, const std::string& name, nal::Family family) {
  if (const auto address = nal::IpAddress::parse(name)) {
    if (family != nal::Family::any && address->family() != family) {
      std::fprintf(stderr, "error: %s: this is an %s address\n", name.c_str(), nal::to_string(address->family()));
      return std::nullopt;
    }
    return Target{name, *address, false};
  }
  std::array<nal::IpAddress, 16> addresses;
  const auto count = nal::block_on(machine.executor,
                                   nal::with_timeout(kForNames, nal::lookup(machine.stack, name, family, addresses)));
  if (!count) {
    std::fprintf(stderr, "error: %s: %s\n", name.c_str(), nal::to_string(count.error()));
    return std::nullopt;
  }
  for (std::size_t i = 0; i < *count; ++i) {
    if (has_way(machine, addresses[i])) { return Target{name, addresses[i], true}; }
  }
  return Target{name, addresses[0], true};
}

std::optional<nal::AnyProbeSocket> open_socket(examples::Machine& machine, const nal::ProbeOptions& options) {
  auto socket = machine.stack.open_probe(options);
  if (socket) { return std::move(*socket); }
  const bool echo = options.kind == nal::ProbeKind::echo;
  std::string hint;
  if (socket.error() == nal::Error::permission_denied) {
    hint =
        "; allow it to your group: sudo sysctl net.ipv4.ping_group_range='0 2147483647', run this by sudo, or use "
        "--backend embedded";
  } else if (socket.error() == nal::Error::address_not_available) {
    hint = "; " + nal::to_string(options.local) + " is no address of this host";
  }
  std::fprintf(stderr, "error: cannot send %s: %s%s\n", echo ? "echo requests" : "probes",
               nal::to_string(socket.error()), hint.c_str());
  return std::nullopt;
}

std::optional<Origin> Origin::parse(const std::string& text) {
  if (const auto address = nal::IpAddress::parse(text)) { return Origin{.address = *address}; }
  if (const auto number = nal::detail::parse_decimal(text, 0xffff'ffff)) {
    return Origin{.interface = nal::InterfaceId(static_cast<std::uint32_t>(*number))};
  }
#ifdef NAL_EXAMPLES_POSIX
  if (const unsigned index = ::if_nametoindex(text.c_str()); index != 0) {
    return Origin{.interface = nal::InterfaceId(index)};
  }
#endif
  return std::nullopt;
}

const std::string& Names::name_of(const nal::IpAddress& address) {
  const std::string text = nal::to_string(address);
  const auto [known, is_new] = known_.try_emplace(text);
  if (is_new && wanted_) {
    std::array<char, 256> name;
    const auto size = nal::block_on(
        machine_.executor, nal::with_timeout(kForReverseNames, nal::reverse_lookup(machine_.stack, address, name)));
    if (size) { known->second.assign(name.data(), *size); }
  }
  return known->second;
}

bool Names::is_unknown(const nal::IpAddress& address) const {
  return wanted_ && !known_.contains(nal::to_string(address));
}

void Names::learn(const nal::IpAddress& address, const std::string& name) { known_[nal::to_string(address)] = name; }

std::string Names::both(const nal::IpAddress& address) {
  const std::string& name = name_of(address);
  const std::string text = nal::to_string(address);
  return name.empty() ? text : name + " (" + text + ")";
}

std::string Names::both_always(const nal::IpAddress& address) {
  const std::string text = nal::to_string(address);
  if (!wanted_) { return text; }
  const std::string& name = name_of(address);
  return (name.empty() ? text : name) + " (" + text + ")";
}

nal::Result<nal::ProbeAnswer> wait_for_answer(nal::Executor& executor, nal::AnyProbeSocket& socket,
                                              std::span<std::byte> buffer, nal::Instant until,
                                              examples::Interrupt& interrupt) {
  auto answer = nal::receive_answer(socket, buffer);
  auto interrupted = nal::wait(interrupt.event());
  auto first = nal::block_on(executor, nal::with_deadline(until, nal::race(answer, interrupted)));
  if (!first) { return nal::Unexpected(first.error()); }
  if (first->index() != 0) { return nal::Unexpected(nal::Error::cancelled); }
  return std::get<0>(*first);
}

std::string milliseconds(nal::Duration duration) {
  const double ms = static_cast<double>(duration.microseconds()) / 1000;
  std::array<char, 32> text;
  int decimals = 0;
  if (ms < 100) { decimals = 1; }
  if (ms < 10) { decimals = 2; }
  if (ms < 1) { decimals = 3; }
  std::snprintf(text.data(), text.size(), "%.*f", decimals, ms);
  return text.data();
}

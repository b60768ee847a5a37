// nal-multicast: joins groups of both families, also of certain sources alone, sends to them and prints what arrives.
#include <array>
#include <cstdio>
#include <optional>
#include <string>

#include "examples/common/interrupt.hpp"
#include "examples/common/lan.hpp"
#include "examples/common/record_text.hpp"
#include "examples/tools/multicast/options.hpp"
#include "nal/block_on.hpp"
#include "nal/hosted/format.hpp"
#include "nal/sleep.hpp"
#include "nal/task_slot.hpp"
#include "nal/udp.hpp"

namespace {

using Socket = nal::AnyUdpSocket;

/// The sockets, one for each family that is needed, and what the program does with them.
class Members {
 public:
  Members(const Options& options, nal::InterfaceId interface) : options_(options), interface_(interface) {}

  bool open(nal::AnyStack& stack) {
    for (const nal::IpAddress& group : options_.groups) {
      std::optional<Socket>& socket = of(group.family());
      if (!socket && !bind(stack, group.family())) { return false; }
      if (options_.listen && !join(*socket, group)) { return false; }
    }
    return true;
  }
  std::optional<Socket>& of(nal::Family family) { return sockets_[family == nal::Family::v4 ? 0 : 1]; }

  nal::Task<> listen(nal::Family family) {
    std::array<std::byte, 65536>& buffer = buffers_[family == nal::Family::v4 ? 0 : 1];
    while (options_.wanted == 0 || received_ < options_.wanted) {
      const auto got = co_await nal::receive(*of(family), buffer);
      if (!got) {
        std::fprintf(stderr, "warning: receiving: %s\n", nal::to_string(got.error()));
        continue;
      }
      print(*got, std::span(buffer).first(got->size));
    }
    co_return nal::Unit{};
  }

  nal::Task<> send() {
    for (unsigned i = 0; i < options_.count; ++i) {
      if (i != 0) { co_await nal::sleep(options_.interval); }
      for (const nal::IpAddress& group : options_.groups) {
        const nal::Endpoint to{with_zone(group), options_.port};
        const auto data = std::as_bytes(std::span(*options_.text));
        const auto sent = co_await nal::send_to(*of(group.family()), to, data);
        if (!sent) {
          std::fprintf(stderr, "error: sending to %s: %s\n", nal::to_text(to).c_str(), nal::to_string(sent.error()));
          co_return nal::Unexpected(sent.error());
        }
      }
    }
    co_return nal::Unit{};
  }
  unsigned received() const { return received_; }
  bool enough() const { return options_.wanted != 0 && received_ >= options_.wanted; }

 private:
  bool fail(const std::string& what, nal::Error why) const {
    std::fprintf(stderr, "error: %s: %s\n", what.c_str(), nal::to_string(why));
    return false;
  }

  /// Where the interface was chosen, which an address of its links needs to know.
  nal::IpAddress with_zone(const nal::IpAddress& group) const {
    if (group.is_v4() || group.zone() != 0 || interface_.is_any()) { return group; }
    return nal::Ipv6Address::from_bytes(group.v6().bytes(), interface_.index());
  }

  bool bind(nal::AnyStack& stack, nal::Family family) {
    nal::UdpOptions udp;
    udp.share_port = true;
    udp.multicast_hop_limit = static_cast<std::uint8_t>(options_.hops);
    udp.multicast_loopback = options_.loopback;
    if (!interface_.is_any()) { udp.multicast_interface = interface_; }
    const nal::Endpoint local{nal::IpAddress::unspecified(family), options_.listen ? options_.port : std::uint16_t{0}};
    auto bound = stack.udp_bind_multiple(local, udp);
    if (!bound) { return fail("port " + std::to_string(options_.port), bound.error()); }
    of(family).emplace(*std::move(bound));
    return true;
  }

  bool join(Socket& socket, const nal::IpAddress& group) {
    bool filtered = false;
    for (const nal::IpAddress& source : options_.sources) {
      if (source.family() != group.family()) { continue; }
      filtered = true;
      const auto joined = socket.join_source(group, source, interface_);
      if (!joined) {
        return fail("joining " + nal::to_string(group) + " of " + nal::to_string(source), joined.error());
      }
    }
    if (!filtered) {
      const auto joined = socket.join(group, interface_);
      if (!joined) { return fail("joining " + nal::to_string(group), joined.error()); }
    }
    std::printf("joined %s\n", nal::to_text(group).c_str());
    std::fflush(stdout);
    return true;
  }

  void print(const nal::Received& got, std::span<const std::byte> data) {
    // The port may hear other groups that somebody on this host has joined, or be sent to alone.
    ++received_;
    std::printf("%s > %s", nal::to_text(got.remote).c_str(), nal::to_text(got.local.address).c_str());
    if (!got.interface.is_any()) { std::printf(" interface %u", static_cast<unsigned>(got.interface.index())); }
    if (got.hop_limit != 0) { std::printf(" hops %u", static_cast<unsigned>(got.hop_limit)); }
    std::printf(" %zu bytes%s: ", got.size, got.truncated ? ", cut" : "");
    if (options_.hex) {
      for (const std::byte byte : data) { std::printf("%02x", std::to_integer<unsigned>(byte)); }
    } else {
      std::printf("%s", examples::printable({reinterpret_cast<const char*>(data.data()), data.size()}).c_str());
    }
    std::printf("\n");
    std::fflush(stdout);
  }

  const Options& options_;
  nal::InterfaceId interface_;
  std::array<std::optional<Socket>, 2> sockets_;
  static inline std::array<std::array<std::byte, 65536>, 2> buffers_;
  unsigned received_ = 0;
};

nal::Task<> listen(Members& members, nal::Family family) { co_return co_await members.listen(family); }
nal::Task<> send(Members& members) { co_return co_await members.send(); }

int run(examples::Machine& machine, const Options& options) {
  nal::InterfaceId interface;
  if (!options.interface.empty()) {
    std::string unknown;
    const auto found = examples::lan_interfaces(machine, {options.interface}, unknown);
    if (!unknown.empty()) {
      std::fprintf(stderr, "error: there is no interface '%s'\n", unknown.c_str());
      return examples::kFailed;
    }
    interface = found.front().id;
  }
  Members members(options, interface);
  if (!members.open(machine.stack)) { return examples::kFailed; }
  examples::Interrupt interrupt(machine.executor);
  std::array<nal::TaskSlot<2048>, 2> listeners;
  nal::TaskSlot<2048> sender;
  for (const nal::Family family : {nal::Family::v4, nal::Family::v6}) {
    if (!options.listen || !members.of(family)) { continue; }
    if (!listeners[family == nal::Family::v4 ? 0 : 1].start(machine.executor, listen, members, family)) {
      return examples::kFailed;
    }
  }
  if (options.text && !sender.start(machine.executor, send, members)) { return examples::kFailed; }
  const auto over = [&] {
    const bool sent = !options.text || sender.result().ready();
    const bool failed = options.text && sent && !*sender.result();
    return interrupt.happened() || failed || members.enough() || (sent && !options.listen);
  };
  const nal::Instant end = machine.executor.now() + options.timeout.value_or(nal::Duration::max());
  machine.executor.run_until(over, end);
  const bool failed = options.text && sender.result().ready() && !*sender.result();
  return failed || (options.wanted != 0 && !members.enough()) ? examples::kFailed : examples::kDone;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (const auto status = parse_options(options, argc, argv)) { return *status; }
  return examples::run_on(options.backend, [&options](examples::Machine& machine) { return run(machine, options); });
}

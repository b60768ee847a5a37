#include "examples/tools/traceroute/trace.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "nal/block_on.hpp"
#include "nal/dns.hpp"
#include "nal/hosted/format.hpp"
#include "nal/sleep.hpp"

namespace {
using namespace nal::literals;
using Kind = nal::ProbeAnswer::Kind;
using Reason = nal::ProbeAnswer::Reason;

constexpr nal::Duration kForSending = 1_s;
constexpr nal::Duration kForNames = 2_s;
/// The largest probe that a search for the path MTU begins with; smaller ones follow as this host and routers say.
constexpr std::size_t kLargest = 65000;
/// For IPv4 routers that do not tell what they take (RFC 1191 §5): the sizes of RFC 1191 §7 that are in use.
constexpr std::uint16_t kPlateaus[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68};

std::size_t first_size(const Options& options, nal::Family family) {
  if (options.discover_mtu) { return kLargest; }
  const std::size_t usual = family == nal::Family::v4 ? 60 : 80;
  return options.size.value_or(static_cast<std::uint16_t>(usual));
}

}  // namespace

Trace::Trace(examples::Machine& machine, const Options& options, Target target, nal::AnyProbeSocket socket,
             nal::InterfaceId interface)
    : machine_(machine),
      options_(options),
      target_(std::move(target)),
      socket_(std::move(socket)),
      interface_(interface),
      names_(machine, !options.numeric),
      interrupt_(machine.executor),
      probes_(std::size_t{options.queries} * (options.last_hop - options.first_hop + 1)),
      size_(first_size(options, target_.address.family())),
      last_hop_(options.last_hop),
      printed_(options.first_hop - 1) {}

std::size_t Trace::in_flight() const {
  return static_cast<std::size_t>(std::count_if(
      probes_.begin(), probes_.end(), [](const ProbeState& probe) { return probe.state == ProbeState::State::sent; }));
}

int Trace::run() {
  nal::Executor& executor = machine_.executor;
  std::printf("traceroute to %s (%s), %u hops max", target_.name.c_str(), nal::to_string(target_.address).c_str(),
              options_.last_hop);
  if (!options_.discover_mtu) { std::printf(", %zu byte packets", std::max(size_, overhead())); }
  std::printf("\n");
  std::fflush(stdout);
  while (printed_ < last_hop_) {
    while (in_flight() < options_.at_once && next_ < probes_.size() && hop_of(next_) <= last_hop_) {
      if (!send_next()) { return examples::kFailed; }
    }
    const auto answer = wait_for_answer(executor, socket_, buffer_, next_expiry(), interrupt_);
    if (answer) {
      take(*answer, executor.now());
    } else if (answer.error() == nal::Error::cancelled) {
      std::printf("\n");
      return examples::kInterrupted;
    } else if (answer.error() != nal::Error::timed_out) {
      std::fprintf(stderr, "error: %s\n", nal::to_string(answer.error()));
      return examples::kFailed;
    }
    expire(executor.now());
    print_ready();
  }
  return examples::kDone;
}

bool Trace::send_next() { return send(next_++); }

bool Trace::send(std::size_t index) {
  ProbeState& probe = probes_[index];
  const nal::Probe what{.destination = target_.address,
                        .sequence = static_cast<std::uint16_t>(index),
                        .hop_limit = static_cast<std::uint8_t>(hop_of(index)),
                        .traffic_class = options_.traffic_class,
                        .dont_fragment = options_.dont_fragment,
                        .interface = interface_};
  std::vector<std::byte> data(size_ > overhead() ? size_ - overhead() : 0);
  for (std::size_t i = 0; i < data.size(); ++i) { data[i] = static_cast<std::byte>('@' + i % 64); }
  probe.state = ProbeState::State::sent;
  probe.sent_at = machine_.executor.now();
  const auto sent =
      nal::block_on(machine_.executor, nal::with_timeout(kForSending, nal::send_probe(socket_, what, data)));
  // What is too long is told as an answer, with what is not.
  if (sent || (sent.error() == nal::Error::message_size && options_.discover_mtu)) { return true; }
  if (sent.error() == nal::Error::timed_out || sent.error() == nal::Error::would_block) {
    probe.state = ProbeState::State::lost;
    return true;
  }
  std::fflush(stdout);
  std::fprintf(stderr, "error: cannot send to %s: %s\n", nal::to_string(target_.address).c_str(),
               nal::to_string(sent.error()));
  return false;
}

nal::Instant Trace::next_expiry() const {
  nal::Instant at = nal::Instant::max();
  for (const ProbeState& probe : probes_) {
    if (probe.state == ProbeState::State::sent) { at = std::min(at, probe.sent_at + options_.timeout); }
  }
  // Nothing is under way: there is something to print, or to send.
  return at == nal::Instant::max() ? machine_.executor.now() : at;
}

void Trace::expire(nal::Instant now) {
  for (ProbeState& probe : probes_) {
    if (probe.state == ProbeState::State::sent && now >= probe.sent_at + options_.timeout) {
      probe.state = ProbeState::State::lost;
    }
  }
}

bool Trace::is_end(const nal::ProbeAnswer& answer) const {
  switch (answer.kind) {
    case Kind::reply:
    case Kind::unreachable: return true;
    case Kind::too_big: return !options_.discover_mtu;
    case Kind::time_exceeded:
    case Kind::parameter_problem: return false;
  }
  return false;
}

void Trace::take_too_big(ProbeState& probe, const nal::ProbeAnswer& answer) {
  std::uint32_t mtu = answer.mtu;
  if (mtu == 0 || mtu >= size_) {
    const auto* const smaller = std::find_if(std::begin(kPlateaus), std::end(kPlateaus),
                                             [this](std::uint16_t plateau) { return plateau < size_; });
    mtu = smaller == std::end(kPlateaus) ? 68 : *smaller;
  }
  size_ = mtu;
  probe.found_mtu = static_cast<std::uint16_t>(mtu);
}

void Trace::take(const nal::ProbeAnswer& answer, nal::Instant now) {
  if (answer.sequence >= probes_.size()) { return; }
  const std::size_t index = answer.sequence;
  ProbeState& probe = probes_[index];
  if (probe.state != ProbeState::State::sent) { return; }
  if (answer.kind == Kind::too_big && options_.discover_mtu && size_ > overhead()) {
    take_too_big(probe, answer);
    if (!send(index)) { probe.state = ProbeState::State::lost; }
    return;
  }
  probe.state = ProbeState::State::answered;
  probe.time = now - probe.sent_at;
  probe.answer = answer;
  if (is_end(answer)) { last_hop_ = std::min(last_hop_, hop_of(index)); }
}

void Trace::print_ready() {
  while (printed_ < last_hop_) {
    const std::size_t first = std::size_t{printed_ + 1 - options_.first_hop} * options_.queries;
    for (std::size_t i = first; i < first + options_.queries; ++i) {
      const auto state = probes_[i].state;
      if (state == ProbeState::State::waiting || state == ProbeState::State::sent) { return; }
    }
    print_hop(++printed_);
  }
}

void Trace::find_name(const nal::IpAddress& address) {
  if (!names_.is_unknown(address)) { return; }
  std::array<char, 256> name;
  auto asked = nal::reverse_lookup(machine_.stack, address, name);
  const nal::Instant until = machine_.executor.now() + kForNames;
  std::string found;
  for (bool done = false; !done;) {
    // Answers go on arriving, and are timed.
    auto answer = nal::receive_answer(socket_, buffer_);
    const auto first = nal::block_on(machine_.executor, nal::with_deadline(until, nal::race(asked, answer)));
    done = !first || first->index() == 0;
    if (first && first->index() == 0) {
      const auto& size = std::get<0>(*first);
      if (size) { found.assign(name.data(), *size); }
    } else if (first && std::get<1>(*first)) {
      take(*std::get<1>(*first), machine_.executor.now());
    } else {
      done = true;
    }
  }
  names_.learn(address, found);
}

void Trace::print_hop(unsigned hop) {
  std::optional<nal::IpAddress> shown;
  const std::size_t first = std::size_t{hop - options_.first_hop} * options_.queries;
  for (std::size_t i = first; i < first + options_.queries; ++i) {
    if (probes_[i].state == ProbeState::State::answered) { find_name(probes_[i].answer.from); }
  }
  std::printf("%2u ", hop);
  for (std::size_t i = first; i < first + options_.queries; ++i) {
    const ProbeState& probe = probes_[i];
    if (probe.state == ProbeState::State::lost) {
      if (probe.found_mtu != 0) { std::printf(" F=%u", static_cast<unsigned>(probe.found_mtu)); }
      std::printf(" *");
      continue;
    }
    if (shown != probe.answer.from) {
      std::printf(" %s", names_.both_always(probe.answer.from).c_str());
      shown = probe.answer.from;
    }
    if (probe.found_mtu != 0) { std::printf("  F=%u", static_cast<unsigned>(probe.found_mtu)); }
    std::printf("  %s ms%s", milliseconds(probe.time).c_str(), marks(probe.answer).c_str());
  }
  std::printf("\n");
  std::fflush(stdout);
}

std::string Trace::marks(const nal::ProbeAnswer& answer) const {
  switch (answer.kind) {
    case Kind::reply:
    case Kind::time_exceeded: return "";
    case Kind::too_big: return " !F-" + std::to_string(answer.mtu);
    case Kind::parameter_problem: return " !<" + std::to_string(answer.type) + "-" + std::to_string(answer.code) + ">";
    case Kind::unreachable: break;
  }
  switch (answer.reason) {
    case Reason::network: return " !N";
    case Reason::host: return " !H";
    case Reason::protocol: return " !P";
    // A closed port is what datagrams are sent for; where it is another host that says so, it is strange.
    case Reason::port: return options_.kind == nal::ProbeKind::udp ? "" : " !<" + std::to_string(answer.code) + ">";
    case Reason::prohibited: return " !X";
    default: return " !<" + std::to_string(answer.code) + ">";
  }
}

// nal-ping: asks a host for echoes, in the manner of iputils' ping, over any stack of nal.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "examples/tools/ping/options.hpp"
#include "examples/tools/ping/report.hpp"
#include "examples/tools/probe/target.hpp"
#include "nal/block_on.hpp"
#include "nal/hosted/format.hpp"
#include "nal/sleep.hpp"

namespace {
using namespace nal::literals;

constexpr int kNoAnswers = 1;
constexpr int kTrouble = 2;
/// For the stack to take a request, before it counts as not sent.
constexpr nal::Duration kForSending = 1_s;

class Pinger {
 public:
  Pinger(examples::Machine& machine, const Options& options, Target target, nal::AnyProbeSocket socket,
         nal::InterfaceId interface)
      : executor_(machine.executor),
        options_(options),
        target_(std::move(target)),
        socket_(std::move(socket)),
        interface_(interface),
        names_(machine, target_.is_name && !options.numeric),
        interrupt_(machine.executor),
        data_(options.size),
        buffer_(options.size + 1U) {
    for (std::size_t i = 0; i < data_.size(); ++i) { data_[i] = static_cast<std::byte>(i & 0xff); }
  }

  int run() {
    tell_start();
    start_ = executor_.now();
    last_ = start_;
    nal::Instant next = start_;
    const nal::Instant end = options_.deadline ? start_ + *options_.deadline : nal::Instant::max();
    while (!over(end)) {
      const bool more = options_.count == 0 || report_.transmitted() < options_.count;
      if (more && executor_.now() >= next) {
        send();
        next = std::max(next + options_.interval, executor_.now());
      }
      const bool again = options_.count == 0 || report_.transmitted() < options_.count;
      const nal::Instant until = again ? next : last_ + patience();
      if (!receive(std::min(until, end))) { break; }
      if (!again && executor_.now() >= until) { break; }
    }
    return finish();
  }

 private:
  bool over(nal::Instant end) const {
    // As iputils has it: what was answered and what failed are together what was asked for.
    const bool all = options_.count != 0 && report_.received() + report_.errors() >= options_.count;
    return all || executor_.now() >= end;
  }
  nal::Duration patience() const {
    return report_.received() == 0 ? options_.timeout : std::min(options_.timeout, 2 * report_.longest() + 1_s);
  }
  void tell_start() {
    const std::string address = nal::to_string(target_.address);
    if (target_.address.is_v4()) {
      std::printf("PING %s (%s) %u(%u) bytes of data.\n", target_.name.c_str(), address.c_str(),
                  static_cast<unsigned>(options_.size), static_cast<unsigned>(options_.size + 28));
    } else {
      std::printf("PING %s (%s) %u data bytes\n", target_.name.c_str(), address.c_str(),
                  static_cast<unsigned>(options_.size));
    }
    std::fflush(stdout);
  }

  void send() {
    if (options_.outstanding && report_.transmitted() != 0 && !report_.answered(sequence_) && !options_.quiet) {
      std::printf("no answer yet for icmp_seq=%u\n", static_cast<unsigned>(sequence_));
    }
    ++sequence_;
    const nal::Probe probe{.destination = target_.address,
                           .sequence = sequence_,
                           .hop_limit = options_.hop_limit,
                           .traffic_class = options_.traffic_class,
                           .dont_fragment = options_.dont_fragment,
                           .interface = interface_};
    last_ = executor_.now();
    // The time of the request is that before it is handed over: its answer may come at once.
    report_.sent(sequence_, last_);
    const auto sent = nal::block_on(executor_, nal::with_timeout(kForSending, nal::send_probe(socket_, probe, data_)));
    if (!sent) {
      report_.not_sent(sequence_);
      // What is too long is told as an answer, with what is not.
      if (sent.error() == nal::Error::message_size && options_.dont_fragment) { return; }
      std::fflush(stdout);
      std::fprintf(stderr, "nal-ping: %s: %s\n", nal::to_string(target_.address).c_str(), nal::to_string(sent.error()));
    }
  }

  /// False: interrupted, or the socket is of no use any more.
  bool receive(nal::Instant until) {
    const auto answer = wait_for_answer(executor_, socket_, buffer_, until, interrupt_);
    if (answer) {
      tell(*answer, executor_.now());
      return true;
    }
    if (answer.error() == nal::Error::timed_out) { return true; }
    if (answer.error() != nal::Error::cancelled) {
      std::fprintf(stderr, "nal-ping: %s\n", nal::to_string(answer.error()));
    }
    return false;
  }

  void tell(const nal::ProbeAnswer& answer, nal::Instant now) {
    if (answer.kind == nal::ProbeAnswer::Kind::reply) {
      const Report::Reply reply = report_.reply(answer.sequence, now);
      if (reply.expected && !options_.quiet) { tell_reply(answer, reply); }
    } else {
      // What was not sent has been counted.
      const bool local = answer.from.is_unspecified();
      if (!local) { report_.error(); }
      if (!options_.quiet) { tell_error(answer, local); }
    }
    std::fflush(stdout);
  }

  void print_time() const {
    if (!options_.print_time) { return; }
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
    std::printf("[%lld.%06lld] ", static_cast<long long>(us / 1'000'000), static_cast<long long>(us % 1'000'000));
  }

  void tell_reply(const nal::ProbeAnswer& answer, const Report::Reply& reply) {
    print_time();
    std::printf("%zu bytes from %s: icmp_seq=%u", answer.data_size + 8, names_.both(answer.from).c_str(),
                static_cast<unsigned>(answer.sequence));
    if (answer.hop_limit != 0) { std::printf(" ttl=%u", static_cast<unsigned>(answer.hop_limit)); }
    std::printf(" time=%s ms%s", milliseconds(reply.time).c_str(), reply.duplicate ? " (DUP!)" : "");
    if (answer.data_size < data_.size()) { std::printf(" (truncated)"); }
    const std::size_t size = std::min(answer.size, data_.size());
    const auto [wrong, right] =
        std::mismatch(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(size), data_.begin());
    if (wrong != buffer_.begin() + static_cast<std::ptrdiff_t>(size)) {
      std::printf("\nwrong data byte #%td should be 0x%x but was 0x%x", wrong - buffer_.begin(),
                  std::to_integer<unsigned>(*right), std::to_integer<unsigned>(*wrong));
    }
    std::printf("\n");
  }

  void tell_error(const nal::ProbeAnswer& answer, bool local) {
    print_time();
    if (local) {
      std::printf("nal-ping: local error: message too long, mtu=%u\n", static_cast<unsigned>(answer.mtu));
    } else {
      std::printf("From %s icmp_seq=%u %s\n", names_.both(answer.from).c_str(), static_cast<unsigned>(answer.sequence),
                  describe(answer).c_str());
    }
  }

  int finish() {
    const nal::Duration elapsed = last_ - start_;
    std::printf("\n--- %s ping statistics ---\n%s", target_.name.c_str(), report_.summary(elapsed).c_str());
    std::fflush(stdout);
    if (report_.received() == 0) { return kNoAnswers; }
    return options_.deadline && options_.count != 0 && report_.received() < options_.count ? kNoAnswers
                                                                                           : examples::kDone;
  }

  nal::Executor& executor_;
  const Options& options_;
  Target target_;
  nal::AnyProbeSocket socket_;
  nal::InterfaceId interface_;
  Names names_;
  examples::Interrupt interrupt_;
  Report report_;
  std::vector<std::byte> data_;
  std::vector<std::byte> buffer_;
  std::uint16_t sequence_ = 0;
  nal::Instant start_;
  nal::Instant last_;
};

int ping(examples::Machine& machine, const Options& options) {
  Origin from;
  if (!options.from.empty()) {
    const auto parsed = Origin::parse(options.from);
    if (!parsed) {
      std::fprintf(stderr, "error: '%s' is no address, and no interface\n", options.from.c_str());
      return kTrouble;
    }
    from = *parsed;
  }
  const nal::Family family = from.address ? from.address->family() : options.family;
  auto target = find_target(machine, options.destination, options.family == nal::Family::any ? family : options.family);
  if (!target) { return kTrouble; }
  auto socket =
      open_socket(machine, {.local = from.address.value_or(nal::IpAddress::unspecified(target->address.family())),
                            .identifier = options.identifier,
                            .broadcast = options.broadcast});
  if (!socket) { return kTrouble; }
  return Pinger(machine, options, std::move(*target), std::move(*socket), from.interface).run();
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (const auto status = parse_options(options, argc, argv)) { return *status; }
  return examples::run_on(options.backend, [&options](examples::Machine& machine) { return ping(machine, options); });
}

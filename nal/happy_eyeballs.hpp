#pragma once
#include <array>
#include <optional>
#include <string_view>

#include "nal/dns.hpp"
#include "nal/tcp.hpp"

namespace nal {

/// Delays of Happy Eyeballs, as RFC 8305 §8 recommends them.
struct HappyEyeballsTimes {
  /// How long IPv4 addresses wait for the IPv6 answer.
  static constexpr Duration kResolutionDelay = Duration::milliseconds(50);
  /// How long an attempt is alone before the next address is tried beside it.
  static constexpr Duration kAttemptDelay = Duration::milliseconds(250);
  /// How long an attempt keeps its place while addresses are untried and all places are taken.
  static constexpr Duration kAttemptPatience = Duration::seconds(3);
};

/// See `connect(stack, dns, name, port)`. `kAttempts` handshakes at a time, `kAddresses` of each family.
template <class N, class D, std::size_t kAttempts = 2, std::size_t kAddresses = 4>
class [[nodiscard("await it")]] ConnectByName {
 public:
  using Stream = typename N::TcpStream;
  using Times = HappyEyeballsTimes;

  ConnectByName(N& stack, D& dns, std::string_view name, std::uint16_t port, const TcpOptions& options) noexcept
      : stack_(&stack), dns_(&dns), name_(name), options_(options), port_(port) {}
  ConnectByName(ConnectByName&&) noexcept = default;
  ~ConnectByName() {
    for (auto& attempt : attempts_) { give_up(attempt); }
  }

  Poll<Result<Stream>> poll(Context& context) noexcept {
    if (!started_) { start(context); }
    poll_question(context, v6_, Family::v6);
    poll_question(context, v4_, Family::v4);
    for (auto& attempt : attempts_) {
      auto connected = poll_attempt(context, attempt);
      if (connected.ready()) { return finish(attempt); }
    }
    while (Attempt* begun = begin_next(context)) {
      // Polled at once: it may be done, or have failed so that the next one's turn has come.
      if (poll_attempt(context, *begun).ready()) { return finish(*begun); }
    }
    if (nothing_left()) { return Unexpected(error()); }
    arm(context);
    return pending;
  }

 private:
  struct Question {
    std::optional<typename D::Lookup> lookup;
    Waiter waiter;
    std::array<IpAddress, kAddresses> addresses;
    std::size_t count = 0;
    std::size_t next = 0;
    Error error{};
    bool asked = false;
    bool answered = false;

    bool has_address() const noexcept { return next < count; }
  };
  struct Attempt {
    std::optional<Stream> stream;
    Waiter waiter;
    Instant since{};
  };

  void start(Context& context) noexcept {
    started_ = true;
    next_at_ = context.now();
    if (const auto literal = IpAddress::parse(name_)) {
      Question& question = literal->is_v6() ? v6_ : v4_;
      question.addresses[0] = *literal;
      question.count = 1;
      v6_.asked = v6_.answered = v4_.asked = v4_.answered = true;
    }
  }

  void poll_question(Context& context, Question& question, Family family) noexcept {
    if (question.answered) { return; }
    if (!question.asked) {
      auto lookup = dns_->start_lookup(name_, family);
      if (!lookup) {
        const Question& other = family == Family::v6 ? v4_ : v6_;
        const bool full = lookup.error() == Error::table_full || lookup.error() == Error::no_memory;
        if (full && other.lookup) { return; }  // one after the other, then
        question.answered = true;
        question.error = lookup.error();
        return;
      }
      question.asked = true;
      question.lookup.emplace(*std::move(lookup));
    }
    auto answer = question.lookup->poll_addresses(context, question.waiter, question.addresses);
    if (!answer.ready()) { return; }
    question.waiter.unlink();
    question.lookup.reset();
    question.answered = true;
    if (*answer) {
      question.count = **answer;
    } else {
      question.error = answer->error();
    }
    if (family == Family::v4) { resolution_deadline_ = context.now() + Times::kResolutionDelay; }
    // The first one may have failed for want of the room that this one has just freed.
    Question& other = family == Family::v6 ? v4_ : v6_;
    if (!other.asked && !other.answered) { context.wake_soon(); }
  }

  // Ready when it is connected; empty afterwards if it failed.
  Poll<Unit> poll_attempt(Context& context, Attempt& attempt) noexcept {
    if (!attempt.stream) { return pending; }
    auto connected = attempt.stream->poll_connected(context, attempt.waiter);
    if (!connected.ready()) { return pending; }
    if (*connected) { return Unit{}; }
    connect_error_ = connected->error();
    give_up(attempt);
    next_at_ = context.now();
    return pending;
  }

  void give_up(Attempt& attempt) noexcept {
    attempt.waiter.unlink();
    if (attempt.stream) { attempt.stream->abort(); }
    attempt.stream.reset();
  }

  Result<Stream> finish(Attempt& winner) noexcept {
    Result<Stream> stream(std::move(*winner.stream));
    for (auto& attempt : attempts_) { give_up(attempt); }
    v6_.lookup.reset();
    v4_.lookup.reset();
    timer_.disarm();
    return stream;
  }

  bool connecting() const noexcept {
    for (const auto& attempt : attempts_) {
      if (attempt.stream) { return true; }
    }
    return false;
  }
  bool has_address() const noexcept { return v6_.has_address() || v4_.has_address(); }
  // RFC 8305 §3: IPv6 at once, IPv4 only when IPv6 has answered or had its time.
  bool may_begin(Instant now) const noexcept {
    if (!has_address() || now < next_at_) { return false; }
    return tried_ || v6_.has_address() || v6_.answered || now >= resolution_deadline_;
  }
  bool nothing_left() const noexcept { return v6_.answered && v4_.answered && !has_address() && !connecting(); }
  Error error() const noexcept {
    if (connect_error_ != Error{}) { return connect_error_; }
    // "No such name" is an answer; anything else means that nobody knows.
    return v4_.error == Error::name_not_found || v4_.error == Error{} ? (v6_.error == Error{} ? v4_.error : v6_.error)
                                                                      : v4_.error;
  }

  Attempt* oldest() noexcept {
    Attempt* found = nullptr;
    for (auto& attempt : attempts_) {
      if (attempt.stream && (!found || attempt.since < found->since)) { found = &attempt; }
    }
    return found;
  }
  // The place of the oldest attempt, which gives it up when it has had long enough.
  Attempt* place_of_oldest(Instant now) noexcept {
    Attempt* attempt = oldest();
    if (now < attempt->since + Times::kAttemptPatience) { return nullptr; }
    give_up(*attempt);
    return attempt;
  }
  // A place for another handshake.
  Attempt* place(Instant now) noexcept {
    for (auto& attempt : attempts_) {
      if (!attempt.stream) { return &attempt; }
    }
    return place_of_oldest(now);
  }

  Attempt* begin_next(Context& context) noexcept {
    const Instant now = context.now();
    while (may_begin(now)) {
      Attempt* attempt = place(now);
      if (!attempt) { return nullptr; }
      // RFC 8305 §4: the families take turns.
      Question& question = v6_.has_address() && !(last_was_v6_ && v4_.has_address()) ? v6_ : v4_;
      auto stream = stack_->start_tcp(Endpoint(question.addresses[question.next], port_), options_);
      if (!stream) {
        const bool full = stream.error() == Error::table_full || stream.error() == Error::no_memory;
        if (full && connecting()) {
          // The stack has no place: tried again when one of those has failed or had long enough.
          if (!place_of_oldest(now)) { return nullptr; }
          continue;
        }
        connect_error_ = stream.error();
      }
      ++question.next;
      last_was_v6_ = &question == &v6_;
      tried_ = true;
      if (stream) {
        attempt->stream.emplace(*std::move(stream));
        attempt->since = now;
        next_at_ = now + Times::kAttemptDelay;
        return attempt;
      }
    }
    return nullptr;
  }

  void arm(Context& context) noexcept {
    Instant at = Instant::max();
    if (has_address()) {
      const Instant now = context.now();
      if (!tried_ && !v6_.has_address() && !v6_.answered) {
        at = resolution_deadline_;
      } else {
        at = next_at_;
        if (at <= now) { at = oldest()->since + Times::kAttemptPatience; }
      }
    }
    if (at == Instant::max()) {
      timer_.disarm();
    } else {
      context.arm(timer_, at);
    }
  }

  N* stack_;
  D* dns_;
  std::string_view name_;
  TcpOptions options_;
  std::uint16_t port_;
  bool started_ = false;
  bool tried_ = false;
  bool last_was_v6_ = false;
  Error connect_error_{};
  Instant next_at_{};
  Instant resolution_deadline_ = Instant::max();
  Question v6_;
  Question v4_;
  std::array<Attempt, kAttempts> attempts_;
  Timer timer_;
};

/// Opens a TCP connection to a name: asks for its IPv6 and IPv4 addresses at once and tries them by turns, so that a
/// broken family costs a quarter of a second and not a time-out (Happy Eyeballs v2, RFC 8305). Where the stack has no
/// room for a second attempt they are made one after the other.
///
/// *Completes* with the first stream that connects. *Errors*: that of the last attempt; if there was no address to try,
/// name_not_found, name_service_failed … *Cancellation*: every attempt is aborted and every question withdrawn. *Buffer
/// lifetime*: `name` until it completes or is destroyed. Put it under `with_timeout`: a silent host is given up only
/// when the stack does.
template <TcpConnect N, Dns D>
ConnectByName<N, D> connect(N& stack, D& dns, std::string_view name, std::uint16_t port,
                            const TcpOptions& options = {}) noexcept {
  return ConnectByName<N, D>(stack, dns, name, port, options);
}
/// The same with a stack that resolves names itself.
template <TcpConnect N>
  requires Dns<N>
ConnectByName<N, N> connect(N& stack, std::string_view name, std::uint16_t port,
                            const TcpOptions& options = {}) noexcept {
  return ConnectByName<N, N>(stack, stack, name, port, options);
}

}  // namespace nal

#pragma once
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>

#include "nal/random.hpp"
#include "nal/sntp/message.hpp"
#include "nal/timer.hpp"
#include "nal/udp.hpp"

namespace nal::sntp {

/// Where servers listen.
inline constexpr std::uint16_t kPort = 123;

/// What a server told of the time.
struct Sample {
  Instant at;      ///< on this host's clock: when the answer was there
  UnixTime time;   ///< what the time was then
  Duration error;  ///< how wrong that may be at most, by the way and by the server
  Duration round_trip;
  std::uint8_t stratum = 0;
  Leap leap = Leap::none;
  Endpoint server;

  /// The time at another moment, as this host's clock counts from the sample on (or back).
  UnixTime time_at(Instant when) const noexcept { return time + (when - at); }
};

/// What `reply` means to who asked at `asked` and had the answer at `at`.
Sample make_sample(const Reply& reply, Instant asked, Instant at, const Endpoint& server) noexcept;

/// See `ask`.
template <UdpStack Stack>
class [[nodiscard("await it")]] Ask {
 public:
  Ask(Stack& stack, const Endpoint& server, Random& random) noexcept
      : stack_(&stack), server_(server), cookie_{random.u32(), random.u32()} {}

  Poll<Result<Sample>> poll(Context& context) noexcept {
    if (!socket_) {
      auto opened = udp_connect(*stack_, server_);
      if (!opened) { return Unexpected(opened.error()); }
      socket_.emplace(*std::move(opened));
    }
    if (!sent_) {
      asked_ = context.now();
      auto sent = socket_->poll_send(context, waiter_, write_request(cookie_));
      if (!sent.ready()) { return pending; }
      if (!*sent) { return Unexpected(sent->error()); }
      sent_ = true;
    }
    // What comes and is no answer is passed over, so many a poll.
    for (int i = 0; i < kMostAPoll; ++i) {
      std::array<std::byte, kMessageSize> message;
      auto received = socket_->poll_receive(context, waiter_, message);
      if (!received.ready()) { return pending; }
      if (!*received) { return Unexpected((*received).error()); }
      const Reply reply = read_reply(std::span(message).first((*received)->size), cookie_);
      switch (reply.kind) {
        case Reply::Kind::nothing: continue;
        case Reply::Kind::time: return make_sample(reply, asked_, context.now(), server_);
        case Reply::Kind::refused: return Unexpected(Error::permission_denied);
        case Reply::Kind::slow_down: return Unexpected(Error::would_block);
        case Reply::Kind::unsynchronised: return Unexpected(Error::io_error);
      }
    }
    context.wake_soon();
    return pending;
  }

 private:
  static constexpr int kMostAPoll = 8;

  Stack* stack_;
  Endpoint server_;
  Cookie cookie_;
  std::optional<typename Stack::ConnectedUdp> socket_;
  Waiter waiter_;
  Instant asked_;
  bool sent_ = false;
};
/// Asks a server once what the time is (RFC 4330 §5). *Completes* with what it says; not at all when no answer comes,
/// so that it is awaited with a time-out. *Errors*: permission_denied (the server wants never to be asked again),
/// would_block (it wants to be asked more seldom), io_error (it does not know the time itself); of the socket,
/// connection_refused among them. *Cancellation*: the socket is closed. Stack and random source outlive it.
template <UdpStack Stack>
Ask<Stack> ask(Stack& stack, const Endpoint& server, Random& random) noexcept {
  return Ask<Stack>(stack, server, random);
}

/// How a client goes about it.
struct Settings {
  Duration interval = Duration::seconds(1024);  ///< from one answer to the next question; at least 15 s (RFC 4330 §10)
  Duration retry = Duration::seconds(16);       ///< when nobody answered; each time doubled, up to `interval`
  Duration patience = Duration::seconds(3);     ///< for each server
};

/// Keeps the time of the world: asks the first server that answers, again and again, each time from the top.
///
///     sntp::Client client(executor, stack, random);
///     client.configure(servers);      // also later: from DHCP, or of names that were looked up
///     // in a task of its own, for as long as the client is used:
///     co_await client.run();
///     // elsewhere
///     NAL_CO_TRY(co_await sntp::synchronised(client));
///     const sntp::UnixTime now = *client.now();
///
/// A server that says "RATE" has it ask half as often from then on, one that says "DENY" or "RSTR" is not asked again
/// until `configure`. An answer sets the time at once: it may jump, forth and back, by what the two clocks drifted
/// since the one before. Who answers is believed: SNTP has no proof. Executor, stack and random source outlive it.
/// Confined to its executor's thread.
template <UdpStack Stack>
class Client {
 public:
  static constexpr std::size_t kServers = 4;

  Client(Executor& executor, Stack& stack, Random& random, const Settings& settings = {}) noexcept
      : executor_(&executor), stack_(&stack), random_(&random), settings_(settings) {
    if (settings_.interval < kLeastInterval) { settings_.interval = kLeastInterval; }
    if (settings_.retry < kLeastRetry) { settings_.retry = kLeastRetry; }
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Whom to ask, the best first, from now on. *Errors*: table_full (more than `kServers`; nothing has changed).
  Result<> configure(std::span<const Endpoint> servers) noexcept {
    if (servers.size() > kServers) { return Unexpected(Error::table_full); }
    count_ = servers.size();
    for (std::size_t i = 0; i < count_; ++i) { servers_[i] = {servers[i], false}; }
    current_ = 0;
    asking_.reset();
    next_ = executor_->now();
    wait_ = settings_.retry;
    changed_.wake_all();
    return {};
  }
  /// Asks at once instead of when it is due: after a link was down, or a sleep. No sooner than the least interval
  /// allows.
  void refresh() noexcept {
    const Instant soonest = sample_ ? sample_->at + kLeastInterval : executor_->now();
    if (soonest < next_) { next_ = soonest; }
    changed_.wake_all();
  }

  /// The last answer.
  const std::optional<Sample>& sample() const noexcept { return sample_; }
  /// The time of the world; none before the first answer.
  std::optional<UnixTime> now() const noexcept { return at(executor_->now()); }
  /// What the time is, or was, at a moment of the executor's clock.
  std::optional<UnixTime> at(Instant when) const noexcept {
    if (!sample_) { return std::nullopt; }
    return sample_->time_at(when);
  }
  /// Why the last question had no answer.
  Error error() const noexcept { return error_; }

  /// Ready when the time is known.
  Poll<Result<>> poll_synchronised(Context& context, Waiter& waiter) noexcept {
    if (sample_) { return Result<>(); }
    known_.add(context, waiter, Wait::readable);
    return pending;
  }

  /// See `run`.
  class [[nodiscard("await it")]] Run {
   public:
    explicit Run(Client& client) noexcept : client_(&client) {}
    Run(Run&& other) noexcept : client_(std::exchange(other.client_, nullptr)) {}
    ~Run() {
      // What it waits for would wake a task that is gone.
      if (client_) { client_->asking_.reset(); }
    }
    Poll<Result<>> poll(Context& context) noexcept { return client_->poll_run(context, timer_, waiter_); }

   private:
    Client* client_;
    Timer timer_;
    Waiter waiter_;
  };
  /// The future that does everything: one task awaits it, one at a time. *Never completes.* *Cancellation*: the time
  /// that is known is known on; nobody is asked until it is run again.
  Run run() noexcept { return Run(*this); }

 private:
  static constexpr Duration kLeastInterval = Duration::seconds(15);
  static constexpr Duration kMostInterval = Duration::hours(36);
  static constexpr Duration kLeastRetry = Duration::seconds(1);

  struct Server {
    Endpoint endpoint;
    bool refused = false;
  };

  Poll<Result<>> poll_run(Context& context, Timer& timer, Waiter& waiter) noexcept {
    while (true) {
      if (!asking_) {
        changed_.add(context, waiter, Wait::readable);
        if (count_ == 0) { return pending; }
        if (context.now() < next_) {
          context.arm(timer, next_);
          return pending;
        }
        if (!start()) { continue; }
        deadline_ = context.now() + settings_.patience;
      }
      auto answer = asking_->poll(context);
      if (answer.ready()) {
        take(*answer, context.now());
      } else if (context.now() >= deadline_) {
        fail(Error::timed_out, context.now());
      } else {
        changed_.add(context, waiter, Wait::readable);
        context.arm(timer, deadline_);
        return pending;
      }
    }
  }

  /// Begins with the next server that has not refused; when there is none any more, it was a round in vain.
  bool start() noexcept {
    while (current_ < count_ && servers_[current_].refused) { ++current_; }
    if (current_ == count_) {
      give_up_round(executor_->now());
      return false;
    }
    asking_.emplace(*stack_, servers_[current_].endpoint, *random_);
    return true;
  }
  void take(const Result<Sample>& answer, Instant now) noexcept {
    if (!answer) {
      if (answer.error() == Error::permission_denied) { servers_[current_].refused = true; }
      if (answer.error() == Error::would_block) { slow_down(); }
      fail(answer.error(), now);
      return;
    }
    sample_ = *answer;
    asking_.reset();
    current_ = 0;
    wait_ = settings_.retry;
    next_ = now + jittered(settings_.interval);
    known_.wake_all();
  }
  void fail(Error error, Instant now) noexcept {
    error_ = error;
    asking_.reset();
    if (++current_ == count_) { give_up_round(now); }
  }
  void give_up_round(Instant now) noexcept {
    current_ = 0;
    next_ = now + jittered(wait_);
    wait_ = wait_ * 2 < settings_.interval ? wait_ * 2 : settings_.interval;
  }
  void slow_down() noexcept {
    settings_.interval = settings_.interval * 2 < kMostInterval ? settings_.interval * 2 : kMostInterval;
    wait_ = settings_.interval;
  }
  /// Up to a sixteenth more, so that what was switched on together does not ask together for ever.
  Duration jittered(Duration duration) noexcept {
    return duration + duration / 1024 * static_cast<std::int64_t>(random_->below(64));
  }

  Executor* executor_;
  Stack* stack_;
  Random* random_;
  Settings settings_;
  std::array<Server, kServers> servers_{};
  std::size_t count_ = 0;
  std::size_t current_ = 0;
  std::optional<Ask<Stack>> asking_;
  std::optional<Sample> sample_;
  Instant next_;
  Instant deadline_;
  Duration wait_ = settings_.retry;
  Error error_{};
  WaitList changed_;  ///< `run`, when there is something to do
  WaitList known_;    ///< those who want to know the time
};

/// See `synchronised`.
template <class C>
class [[nodiscard("await it")]] Synchronised {
 public:
  explicit Synchronised(C& client) noexcept : client_(&client) {}
  Poll<Result<>> poll(Context& context) noexcept { return client_->poll_synchronised(context, waiter_); }

 private:
  C* client_;
  Waiter waiter_;
};
/// Waits until a client knows the time. *Completes* when it does, at once if it does already. *Cancellation*: nothing
/// happens. The client outlives it.
template <UdpStack Stack>
Synchronised<Client<Stack>> synchronised(Client<Stack>& client) noexcept {
  return Synchronised<Client<Stack>>(client);
}

}  // namespace nal::sntp

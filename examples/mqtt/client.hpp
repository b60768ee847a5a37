#pragma once
#include <algorithm>
#include <optional>
#include <type_traits>
#include <utility>

#include "examples/mqtt/backoff.hpp"
#include "examples/mqtt/clock.hpp"
#include "examples/mqtt/operations.hpp"
#include "nal/tcp.hpp"

namespace mqtt {

/// Makes connections to the server, one after the other.
///
/// *Syntax*: `c()` gives a future of a `nal::Result<S>`, where `S` is a `nal::TcpStream`.
/// *Semantics*: each call begins an attempt of its own; destroying the future gives it up.
/// *Example*: `[&] { return nal::connect(stack, endpoint); }`
///
/// One that has `bool redirect(std::string_view server, bool for_good)` too is told where a server of 5.0 wants its
/// clients to go (§4.13; `server` is a list of host names or addresses with ports, and ends with the call): when it
/// gives true the next attempt goes on, there; else the client's run ends.
template <class C>
concept Connector = requires(C& c) {
  requires nal::ResultFuture<std::invoke_result_t<C&>>;
  requires nal::TcpStream<typename nal::output_t<std::invoke_result_t<C&>>::value_type>;
};

namespace detail {

/// A future that may be there. A future that can be reset (a `nal::Task`) is its own.
template <class F>
class Maybe {
 public:
  template <class Make>
  void emplace(Make& make) noexcept {
    future_.emplace(make());
  }
  auto poll(nal::Context& context) noexcept { return future_->poll(context); }
  void reset() noexcept { future_.reset(); }

 private:
  std::optional<F> future_;
};
template <class F>
  requires requires(F& future) { future.reset(); }
class Maybe<F> {
 public:
  template <class Make>
  void emplace(Make& make) noexcept {
    future_ = make();
  }
  auto poll(nal::Context& context) noexcept { return future_.poll(context); }
  void reset() noexcept { future_.reset(); }

 private:
  F future_;
};

/// Tells a session that whoever ran it is gone, however it went.
template <class Session>
class RunningSession {
 public:
  RunningSession() = default;
  RunningSession(RunningSession&& other) noexcept : session_(std::exchange(other.session_, nullptr)) {}
  ~RunningSession() { end(); }
  void begin(Session& session) noexcept { session_ = &session; }
  bool begun() const noexcept { return session_ != nullptr; }
  void end() noexcept {
    if (session_) { std::exchange(session_, nullptr)->run_ended(); }
  }

 private:
  Session* session_ = nullptr;
};

}  // namespace detail

/// See `Client::run`.
template <Connector C, Features F>
class [[nodiscard("await it")]] Run {
 public:
  using Attempt = std::invoke_result_t<C&>;
  using Stream = typename nal::output_t<Attempt>::value_type;

  Run(BasicSession<F>& session, C& connector) noexcept : session_(&session), connector_(&connector) {}

  nal::Poll<nal::Result<>> poll(nal::Context& context) noexcept {
    if (!running_.begun()) {
      if (auto started = session_->start(); !started) { return started; }
      running_.begin(*session_);
    }
    for (unsigned turn = 0; turn < kTurnsPerPoll; ++turn) {
      const Step step = poll_phase(context);
      if (step == Step::wait) { return nal::pending; }
      if (step == Step::end) {
        running_.end();
        return result_;
      }
    }
    context.wake_soon();
    return nal::pending;
  }

 private:
  enum class Phase : std::uint8_t { connecting, up, saying_why, closing, waiting };
  enum class Step : std::uint8_t { go_on, wait, end };
  /// Packets are small and waking is cheap: other tasks get their turn.
  static constexpr unsigned kTurnsPerPoll = 16;

  Step poll_phase(nal::Context& context) noexcept {
    switch (phase_) {
      case Phase::connecting: return poll_connecting(context);
      case Phase::up: return poll_up(context);
      case Phase::saying_why: return poll_saying_why(context);
      case Phase::closing: return poll_closing(context);
      case Phase::waiting: return poll_waiting(context);
    }
    return Step::end;
  }

  Step begin_attempt(nal::Context& context) noexcept {
    session_->tell(Notice::Kind::connecting);
    attempt_.emplace(*connector_);
    since_ = context.now();
    deadline_ = after(since_, session_->config().connect_timeout);
    phase_ = Phase::connecting;
    return Step::go_on;
  }

  Step poll_connecting(nal::Context& context) noexcept {
    if (session_->stop_wanted()) { return end(nal::Result<>()); }
    auto connected = attempt_.poll(context);
    if (!connected.ready()) { return waits(context) ? Step::wait : lost(context, nal::Error::timed_out); }
    attempt_.reset();
    if (!*connected) { return lost(context, connected->error()); }
    stream_.emplace(**std::move(connected));
    session_->link_up(context.now());
    phase_ = Phase::up;
    return Step::go_on;
  }

  Step poll_up(nal::Context& context) noexcept {
    const nal::Instant now = context.now();
    // A session that is not up yet has nothing to say good-bye to.
    const bool hurried = session_->stop_wanted() && session_->state() == Session::State::handshake;
    if (hurried || (session_->stop_wanted() && close_overdue(now))) { return end(nal::Result<>()); }
    if (!session_->advance(now)) { return failed(context); }
    if (session_->finished()) { return begin_closing(); }

    bool moved = false;
    if (const auto room = session_->input_room(); !room.empty()) {
      auto got = stream_->poll_read(context, read_waiter_, room);
      if (got.ready()) {
        if (!*got) { return lost(context, got->error()); }
        if (**got == 0) { return lost(context, nal::Error::end_of_stream); }
        session_->received(**got, now);
        moved = true;
      }
    }
    if (!write_error_ && poll_output(context, now)) { moved = true; }
    if (moved) { return Step::go_on; }
    // What the server had sent by then has been read: acknowledgements, and messages that it may have no copy of any
    // more.
    if (write_error_) { return lost(context, *write_error_); }
    const nal::Instant close_by = session_->stop_wanted() ? deadline_ : nal::Instant::max();
    const nal::Instant due = session_->deadline();
    return wait_until(context, is_due(due, close_by) ? close_by : due);
  }

  /// Whether anything was sent, or could not be.
  bool poll_output(nal::Context& context, nal::Instant now) noexcept {
    std::span<const std::byte> pieces[2];
    session_->output(pieces);
    const bool nothing = pieces[0].empty() && pieces[1].empty();
    if (nothing && flushed_) { return false; }
    if (nothing) {
      const auto flushed = stream_->poll_flush(context, write_waiter_);
      if (!flushed.ready()) { return false; }
      flushed_ = true;
      if (!*flushed) { write_error_ = (*flushed).error(); }
      return !*flushed;
    }
    const auto taken = write(context, pieces);
    if (!taken.ready()) { return false; }
    if (!*taken) {
      write_error_ = (*taken).error();
      return true;
    }
    session_->sent(**taken, now);
    flushed_ = false;
    return true;
  }

  nal::Poll<nal::Result<std::size_t>> write(nal::Context& context, std::span<const std::byte> (&pieces)[2]) noexcept {
    if constexpr (nal::GatherWriter<Stream>) {
      if (!pieces[0].empty() && !pieces[1].empty()) {
        return stream_->poll_write_gather(context, write_waiter_, nal::ConstBuffers(pieces));
      }
    }
    return stream_->poll_write(context, write_waiter_, pieces[0].empty() ? pieces[1] : pieces[0]);
  }

  /// The session cannot go on with this connection. A server of 5.0 is told why, if it will listen.
  Step failed(nal::Context& context) noexcept {
    if constexpr (F.version_5) {
      if (session_->say_why()) {
        deadline_ = after(context.now(), session_->config().close_timeout);
        phase_ = Phase::saying_why;
        return Step::go_on;
      }
    }
    return lost(context, session_->fatal());
  }

  Step poll_saying_why(nal::Context& context) noexcept {
    if constexpr (F.version_5) {
      while (!session_->finished() && !write_error_ && poll_output(context, context.now())) {}
      if (!write_error_ && session_->finished() && !is_due(context.now(), deadline_)) {
        why_said_ = true;
        return begin_closing();
      }
      if (!write_error_ && waits(context)) { return Step::wait; }
      return lost(context, session_->fatal());
    }
    return Step::end;
  }

  Step begin_closing() noexcept {
    read_waiter_.unlink();
    write_waiter_.unlink();
    closing_.emplace(*std::move(stream_));
    stream_.reset();
    phase_ = Phase::closing;
    return Step::go_on;
  }

  /// Whether saying good-bye takes too long; its time begins with the first question.
  bool close_overdue(nal::Instant now) noexcept {
    if (!closing_down_) {
      closing_down_ = true;
      deadline_ = after(now, session_->config().close_timeout);
    }
    return is_due(now, deadline_);
  }

  Step poll_closing(nal::Context& context) noexcept {
    const auto closed = closing_->poll(context);
    // The server may answer DISCONNECT with a reset, or not at all: it has been told, and nothing hangs on it.
    if (!closed.ready() && waits(context)) { return Step::wait; }
    if constexpr (F.version_5) {
      if (why_said_) { return lost(context, session_->fatal()); }
    }
    return end(nal::Result<>());
  }

  Step poll_waiting(nal::Context& context) noexcept {
    if (session_->stop_wanted()) { return end(nal::Result<>()); }
    return waits(context) ? Step::wait : begin_attempt(context);
  }

  /// Unless the deadline has come.
  [[gnu::noinline]] bool waits(nal::Context& context) noexcept {
    if (is_due(context.now(), deadline_)) { return false; }
    wait_until(context, deadline_);
    return true;
  }
  Step wait_until(nal::Context& context, nal::Instant deadline) noexcept {
    session_->work().add(context, work_waiter_, nal::Wait::other);
    if (deadline.is_never()) {
      timer_.disarm();
    } else {
      context.arm(timer_, deadline);
    }
    return Step::wait;
  }

  [[gnu::noinline]] Step lost(nal::Context& context, nal::Error error) noexcept {
    return lost(context, Failure::transport(error));
  }
  Step lost(nal::Context& context, const Failure& failure) noexcept {
    const bool was_up = session_->state() >= SessionState::online;
    drop_connection();
    if (session_->stop_wanted()) { return end(nal::Result<>()); }
    was_online_ = was_online_ || was_up;
    const Reconnect& settings = session_->config().reconnect;
    const bool elsewhere = settings.enabled && redirected(failure);
    if (!elsewhere) { ++attempts_; }
    const bool in_vain = !was_online_ && settings.first_attempts != 0 && attempts_ >= settings.first_attempts;
    const bool give_up = !elsewhere && (!settings.enabled || is_final(failure) || in_vain);
    const nal::Instant now = context.now();
    const nal::Duration wait =
        give_up ? nal::Duration::max()
                : backoff_.next(settings, session_->config().random, was_up ? lasted(now) : nal::Duration());
    session_->link_down(failure, wait);
    if (give_up) { return end(nal::Unexpected(failure.error)); }
    deadline_ = after(now, wait);
    phase_ = Phase::waiting;
    return Step::go_on;
  }

  static bool is_final(const Failure& failure) noexcept {
    if constexpr (F.version_5) { return failure.is_final(); }
    return failure.is_final_refusal();
  }
  /// The clock goes forward.
  nal::Duration lasted(nal::Instant now) const noexcept {
    return nal::Duration::microseconds(now.microseconds() - since_.microseconds());
  }

  /// Whether the connector goes where the server wants it.
  bool redirected(const Failure& failure) noexcept {
    if constexpr (F.version_5 && requires(C& c) { static_cast<bool>(c.redirect(std::string_view(), true)); }) {
      const std::string_view server = session_->server_reference();
      const bool moved = failure.reason == Reason::server_moved;
      if ((!moved && failure.reason != Reason::use_another_server) || server.empty()) { return false; }
      if (!connector_->redirect(server, moved)) { return false; }
      Notice notice{Notice::Kind::redirected};
      notice.server = server;
      session_->tell(notice);
      return true;
    }
    return false;
  }

  Step end(nal::Result<> result) noexcept {
    drop_connection();
    if (result) { session_->tell(Notice::Kind::closed); }
    result_ = result;
    return Step::end;
  }

  void drop_connection() noexcept {
    read_waiter_.unlink();
    write_waiter_.unlink();
    attempt_.reset();
    closing_.reset();
    if (stream_) {
      stream_->abort();
      stream_.reset();
    }
    flushed_ = true;
    why_said_ = false;
    write_error_.reset();
  }

  // First, so that whoever waits for the session hears of its end when the connection is gone.
  detail::RunningSession<BasicSession<F>> running_;
  BasicSession<F>* session_;
  C* connector_;
  Phase phase_ = Phase::waiting;
  bool was_online_ = false;
  bool closing_down_ = false;
  bool flushed_ = true;
  bool why_said_ = false;                  ///< the connection is being closed because it failed
  std::optional<nal::Error> write_error_;  ///< nothing more can be sent; what has arrived is still read
  nal::Result<> result_;
  unsigned attempts_ = 0;
  nal::Instant since_{};     ///< when the attempt began
  nal::Instant deadline_{};  ///< of the attempt, the wait (for the first: now) or the good-bye
  nal::Waiter read_waiter_;
  nal::Waiter write_waiter_;
  nal::Waiter work_waiter_;
  nal::Timer timer_;
  Backoff backoff_;
  detail::Maybe<Attempt> attempt_;
  std::optional<Stream> stream_;
  std::optional<nal::Close<Stream>> closing_;
};

/// An MQTT client over whatever a connector connects to.
///
///     static mqtt::Buffers<> buffers;
///     mqtt::Client client([&] { return nal::connect(stack, server); }, {.client_id = "pump-7"}, buffers.memory());
///     nal::Result<> ended = co_await client.run();   // in a task of its own
///
/// Everything that an application does with it is `BasicSession`'s; functions that do not start clients take a
/// `Session&`. What it can do is chosen by its features: all, unless said otherwise; `SmallClient` has none.
template <Connector C, Features F = kFull>
class Client : public BasicSession<F> {
 public:
  Client(C connector, const Config& config, const Memory& memory) noexcept
      : BasicSession<F>(config, memory), connector_(std::move(connector)) {}

  /// Keeps the session connected. *Completes* when `disconnect` or `stop` was called and DISCONNECT was sent and the
  /// connection closed, or could not be within `close_timeout`. *Errors*: what ended the last attempt, when it is not
  /// tried again: reconnecting is not enabled, the first attempts were in vain, or the failure is final
  /// (`Failure::is_final`: refusals that trying cannot change, a session taken over, a server that has moved);
  /// `failure()` tells all of it. invalid_argument, buffer_too_small, message_size: CONNECT cannot be made of the
  /// configuration; not_supported: it wants what is no feature; what the store could not load. *Cancellation*: the
  /// connection is dropped without DISCONNECT, so the server publishes the will; messages of QoS 1 and 2 stay in the
  /// store for the next run. One at a time.
  Run<C, F> run() noexcept { return Run<C, F>(*this, connector_); }

 private:
  C connector_;
};

/// A client of 3.1.1 with QoS 0 and 1, without what else there is.
template <Connector C>
class SmallClient : public Client<C, kSmall> {
 public:
  using Client<C, kSmall>::Client;
};
template <class C>
SmallClient(C, const Config&, const Memory&) -> SmallClient<C>;

}  // namespace mqtt

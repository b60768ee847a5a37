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

}  // namespace detail

/// See `Client::run`.
template <Connector C, Features F>
class [[nodiscard("await it")]] Run {
 public:
  using Attempt = std::invoke_result_t<C&>;
  using Stream = typename nal::output_t<Attempt>::value_type;

  Run(BasicSession<F>& session, C& connector) noexcept : session_(&session), connector_(&connector) {}
  Run(Run&& other) noexcept = default;  // before its first poll
  ~Run() {
    if (phase_ == Phase::idle || phase_ == Phase::ended) { return; }
    drop_connection();
    session_->run_ended();
  }

  nal::Poll<nal::Result<>> poll(nal::Context& context) noexcept {
    if (phase_ == Phase::idle) {
      if (auto started = session_->start(); !started) { return started; }
      phase_ = Phase::waiting;
    }
    const nal::Instant now = context.now();
    for (unsigned turn = 0; turn < kTurnsPerPoll; ++turn) {
      if (!go_on(context, now)) {
        session_->work().add(context, work_waiter_, nal::Wait::other);
        // A deadline that is "never" disturbs nobody either.
        context.arm(timer_, instant_of(deadline_));
        return nal::pending;
      }
      if (phase_ == Phase::ended) {
        if (error_ != nal::Error{}) { return nal::Unexpected(error_); }
        return nal::Result<>();
      }
    }
    context.wake_soon();
    return nal::pending;
  }

 private:
  enum class Phase : std::uint8_t { idle, waiting, connecting, up, closing, ended };
  /// Packets are small and waking is cheap: other tasks get their turn.
  static constexpr unsigned kTurnsPerPoll = 16;

  // What follows gives false when there is nothing to do before `deadline_`, unless somebody wakes the task.

  bool go_on(nal::Context& context, nal::Instant now) noexcept {
    if (phase_ == Phase::up) { return go_on_up(context, now); }
    const bool late = is_due(now, deadline_);
    if (phase_ == Phase::closing) {
      // The server may answer DISCONNECT with a reset, or not at all: it has been told, and nothing hangs on it.
      if (!closing_->poll(context).ready() && !late) { return false; }
      return failing() ? lost(now) : end({});
    }
    if (session_->stop_wanted()) { return end({}); }
    if (phase_ == Phase::connecting) { return go_on_connecting(context, now); }
    if (!late) { return false; }
    session_->tell(Notice::Kind::connecting);
    attempt_.emplace(*connector_);
    since_ = now.microseconds();
    deadline_ = after(now, session_->config().connect_timeout.microseconds());
    phase_ = Phase::connecting;
    return true;
  }

  bool go_on_connecting(nal::Context& context, nal::Instant now) noexcept {
    nal::Error error = nal::Error::timed_out;
    {
      auto connected = attempt_.poll(context);
      if (!connected.ready()) {
        if (!is_due(now, deadline_)) { return false; }
      } else if (*connected) {
        stream_.emplace(**std::move(connected));
      } else {
        error = connected->error();
      }
    }
    attempt_.reset();
    if (!stream_) { return lost(now, error); }
    session_->link_up(now);
    phase_ = Phase::up;
    return true;
  }

  bool go_on_up(nal::Context& context, nal::Instant now) noexcept {
    BasicSession<F>& session = *session_;
    if (session.stop_wanted() || failing()) {
      // Saying good-bye, or why, must not take too long; its time begins with the first question.
      if (!leaving_) {
        leaving_ = true;
        deadline_ = after(now, session.config().close_timeout.microseconds());
      }
      // A session that is not up yet has nothing to say good-bye to.
      if (is_due(now, deadline_) || session.state() == SessionState::handshake) { return lost(now); }
    }
    // A server of 5.0 is told why the session cannot go on with this connection, if it will listen.
    if (!failing()) {
      static_cast<void>(session.advance(now));
      if (session.failed()) { return session.say_why() || lost(now); }
    }
    if (session.finished()) {
      read_waiter_.unlink();
      write_waiter_.unlink();
      closing_.emplace(*std::move(stream_));
      stream_.reset();
      phase_ = Phase::closing;
      return true;
    }

    bool moved = false;
    if (const auto room = session.input_room(); !room.empty() && !failing()) {
      const auto got = stream_->poll_read(context, read_waiter_, room);
      if (got.ready()) {
        if (!*got || **got == 0) { return lost(now, (*got).error_or(nal::Error::end_of_stream)); }
        session.received(**got, now);
        moved = true;
      }
    }
    if (write_error_ == nal::Error{}) { moved |= poll_output(context, now); }
    if (moved) { return true; }
    // What the server had sent by then has been read: acknowledgements, and messages that it may have no copy of any
    // more.
    if (write_error_ != nal::Error{}) { return failing() ? lost(now) : lost(now, write_error_); }
    if (!leaving_) { deadline_ = session.due(); }
    return false;
  }

  /// Whether anything was sent, or could not be.
  bool poll_output(nal::Context& context, nal::Instant now) noexcept {
    std::span<const std::byte> pieces[2];
    session_->output(pieces);
    if (pieces[0].empty() && pieces[1].empty()) {
      if (flushed_) { return false; }
      const auto flushed = stream_->poll_flush(context, write_waiter_);
      if (!flushed.ready()) { return false; }
      flushed_ = true;
      write_error_ = (*flushed).error_or(nal::Error{});
      return !*flushed;
    }
    const auto taken = write(context, pieces);
    if (!taken.ready()) { return false; }
    if (*taken) {
      session_->sent(**taken, now);
      flushed_ = false;
    } else {
      write_error_ = (*taken).error();
    }
    return true;
  }

  nal::Poll<nal::Result<std::size_t>> write(nal::Context& context, std::span<const std::byte> (&pieces)[2]) noexcept {
    if constexpr (nal::GatherWriter<Stream>) {
      return stream_->poll_write_gather(context, write_waiter_, nal::ConstBuffers(pieces));
    }
    return stream_->poll_write(context, write_waiter_, pieces[0].empty() ? pieces[1] : pieces[0]);
  }

  /// The connection cannot be gone on with, and the server is being told why, or has been.
  bool failing() const noexcept { return F.version_5 && session_->state() == SessionState::failing; }

  [[gnu::noinline]] bool lost(nal::Instant now, nal::Error error) noexcept {
    session_->fail(Failure::Cause::transport, error);
    return lost(now);
  }
  /// The connection, or the attempt, for what is fatal to the session.
  [[gnu::noinline]] bool lost(nal::Instant now) noexcept {
    const bool was_up = session_->was_up();
    drop_connection();
    if (session_->stop_wanted()) { return end({}); }
    const Failure& failure = session_->fatal();
    const Config& config = session_->config();
    const bool elsewhere = config.reconnect.enabled && redirected(failure);
    const Time lasted = was_up ? now.microseconds() - since_ : Backoff::kNeverUp;
    if ((!elsewhere && is_final(failure)) || !backoff_.next(config.reconnect, config.random, lasted)) {
      session_->link_down(failure, nal::Duration::max());
      return end(failure.error);
    }
    session_->link_down(failure, nal::Duration::microseconds(backoff_.wait()));
    deadline_ = after(now, backoff_.wait());
    phase_ = Phase::waiting;
    return true;
  }

  static bool is_final(const Failure& failure) noexcept {
    if constexpr (F.version_5) { return failure.is_final(); }
    return failure.is_final_refusal();
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
      backoff_.forgive();
      return true;
    }
    return false;
  }

  /// The run, with an error or without.
  [[gnu::noinline]] bool end(nal::Error error) noexcept {
    drop_connection();
    if (error == nal::Error{}) { session_->tell(Notice::Kind::closed); }
    // Last, so that whoever waits for the session hears of its end when the connection is gone.
    session_->run_ended();
    error_ = error;
    phase_ = Phase::ended;
    return true;
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
    leaving_ = false;
    write_error_ = {};
  }

  BasicSession<F>* session_;
  C* connector_;
  Phase phase_ = Phase::idle;
  bool flushed_ = true;
  bool leaving_ = false;      ///< `deadline_` is that of the good-bye
  nal::Error write_error_{};  ///< nothing more can be sent; what has arrived is still read
  nal::Error error_{};        ///< with which it has ended
  Time since_ = 0;            ///< when the attempt began
  Time deadline_ = 0;  ///< of the attempt, the wait (for the first: now), what the session waits for or the good-bye
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

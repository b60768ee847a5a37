#pragma once
#include <optional>
#include <type_traits>

#include "nal/endpoint.hpp"
#include "nal/read.hpp"
#include "nal/write.hpp"

namespace nal {

/// Probing a silent peer (RFC 9293 §3.8.4): the first probe after `idle`, the next after `interval` each, and the
/// connection is given up when `probes` of them went unanswered.
struct KeepAlive {
  bool enabled = true;
  Duration idle = Duration::seconds(60);
  Duration interval = Duration::seconds(10);
  std::uint8_t probes = 5;
};

/// What may be set on a connection, before or after it is made. What is left out stays as it is.
struct TcpOptions {
  std::optional<bool> no_delay{};               ///< no Nagle's algorithm (RFC 9293 §3.7.4); on unless said otherwise
  std::optional<KeepAlive> keep_alive{};        ///< off unless said otherwise
  std::optional<Duration> user_timeout{};       ///< unacknowledged this long: timed_out (RFC 5482)
  std::optional<std::uint8_t> hop_limit{};      ///< TTL or hop limit, from 1
  std::optional<std::uint8_t> traffic_class{};  ///< DSCP and ECN octet
  std::uint8_t ring_class = 0;  ///< which of its buffer classes an embedded stack lends; others ignore it
};

struct ListenOptions {
  std::uint16_t backlog = 8;  ///< connections that may wait to be accepted
  bool share_port = false;    ///< several listeners of this host share the port (SO_REUSEPORT), where there is that
  TcpOptions accepted{};      ///< for each accepted connection
};

/// A TCP connection: a handle of at most three words, movable, whose state is in the stack.
///
/// *Syntax*: a `ByteStream` and `s.poll_connected(context, waiter)`, `s.abort()`, `s.configure(options)`,
/// `s.local_endpoint()`, `s.remote_endpoint()`.
/// *Semantics*: `poll_connected` is ready when the handshake is done, or with why it failed; at once on an accepted
/// stream. `abort` resets the connection and frees everything now; the handle then answers `Error::closed`, as does one
/// that was moved from, on which `abort` does nothing.
/// *Dropping* the handle: nothing unread: a FIN behind the queued data, and a bounded linger in the background;
/// something unread, or data arriving later: a reset. No promise of delivery: `nal::close` gives one.
/// *Errors* of reading and writing: connection_reset, timed_out (user time-out, keep-alive), host_unreachable …
/// *Data is never lost between accept and first read.*
template <class S>
concept TcpStream = ByteStream<S> && std::is_nothrow_move_constructible_v<S> && std::is_nothrow_move_assignable_v<S> &&
                    requires(S& s, const S& c, Context& context, Waiter& waiter, const TcpOptions& options) {
                      { s.poll_connected(context, waiter) } -> std::same_as<Poll<Result<>>>;
                      { s.abort() } noexcept -> std::same_as<void>;
                      { s.configure(options) } -> std::same_as<Result<>>;
                      { c.local_endpoint() } -> std::same_as<Endpoint>;
                      { c.remote_endpoint() } -> std::same_as<Endpoint>;
                    };

/// A stack that opens TCP connections.
///
/// *Syntax*: `n.start_tcp(remote, options)` gives a `Result<N::TcpStream>`.
/// *Semantics*: begins the handshake and never waits; `poll_connected` tells how it ends. Dropping the handle before
/// that aborts it and frees its slot.
/// *Errors*: table_full, no_memory, invalid_argument, network_unreachable …
template <class N>
concept TcpConnect = requires(N& n, const Endpoint& remote, const TcpOptions& options) {
  requires TcpStream<typename N::TcpStream>;
  { n.start_tcp(remote, options) } -> std::same_as<Result<typename N::TcpStream>>;
};

/// A stack that opens TCP connections from where it is told (RFC 9293, MUST-43): of a host with several addresses, or
/// for a peer that knows its clients by their ports.
///
/// *Syntax*: `n.start_tcp_from(local, remote, options)` gives a `Result<N::TcpStream>`.
/// *Semantics*: as `start_tcp`; an unspecified address (of the remote's family) or port 0 is picked.
/// *Errors* besides: address_in_use (that port, towards that peer at least), address_not_available (no address of this
/// host), permission_denied.
template <class N>
concept TcpConnectFrom =
    TcpConnect<N> && requires(N& n, const Endpoint& local, const Endpoint& remote, const TcpOptions& options) {
      { n.start_tcp_from(local, remote, options) } -> std::same_as<Result<typename N::TcpStream>>;
    };

/// Where connections arrive. Dropping it refuses those that wait.
///
/// *Syntax*: `l.poll_accept(context, waiter)` gives a `Poll<Result<L::TcpStream>>`; `l.local_endpoint()`.
/// *Semantics*: ready with the oldest connection that waits, its data already being buffered. A connection that died
/// while it waited is passed over. *Errors* leave the listener usable: table_full, no_memory (told once, then it
/// waits until there is reason to hope).
template <class L>
concept TcpListener =
    std::is_nothrow_move_constructible_v<L> && requires(L& l, const L& c, Context& context, Waiter& waiter) {
      requires TcpStream<typename L::TcpStream>;
      { l.poll_accept(context, waiter) } -> std::same_as<Poll<Result<typename L::TcpStream>>>;
      { c.local_endpoint() } -> std::same_as<Endpoint>;
    };

/// A stack that listens for TCP connections.
///
/// *Syntax*: `n.listen(local, options)` gives a `Result<N::TcpListener>`. Port 0 picks a free one. The unspecified IPv6
/// address listens on IPv6 only.
/// *Errors*: address_in_use, address_not_available, permission_denied, table_full, no_memory.
template <class N>
concept TcpAccept = requires(N& n, const Endpoint& local, const ListenOptions& options) {
  requires TcpListener<typename N::TcpListener>;
  { n.listen(local, options) } -> std::same_as<Result<typename N::TcpListener>>;
};

/// See `connect`.
template <class N>
class [[nodiscard("await it")]] Connect {
 public:
  using Stream = typename N::TcpStream;
  Connect(N& stack, const Endpoint& remote, const TcpOptions& options) noexcept
      : stack_(&stack), remote_(remote), options_(options) {}
  Connect(Connect&&) noexcept = default;
  // Also one that is connected already, but that nobody was given.
  ~Connect() {
    if (stream_) { stream_->abort(); }
  }

  Poll<Result<Stream>> poll(Context& context) noexcept {
    if (!stream_) { NAL_TRY(take(stack_->start_tcp(remote_, options_))); }
    return finish(context);
  }

 protected:
  bool started() const noexcept { return stream_.has_value(); }
  Result<> take(Result<Stream> started) noexcept {
    if (!started) { return Unexpected(started.error()); }
    stream_.emplace(*std::move(started));
    return {};
  }
  Result<Stream> start_from(const Endpoint& local) noexcept { return stack_->start_tcp_from(local, remote_, options_); }
  Poll<Result<Stream>> finish(Context& context) noexcept {
    auto connected = stream_->poll_connected(context, waiter_);
    if (!connected.ready()) { return pending; }
    if (!*connected) {
      stream_.reset();
      return Unexpected(connected->error());
    }
    Result<Stream> stream(std::move(*stream_));
    stream_.reset();
    return stream;
  }

 private:
  N* stack_;
  Endpoint remote_;
  TcpOptions options_;
  std::optional<Stream> stream_;
  Waiter waiter_;
};

/// Opens a TCP connection. *Completes* with the connected stream. *Errors*: connection_refused, timed_out,
/// host_unreachable, network_unreachable, table_full, no_memory … *Cancellation*: the attempt is aborted and its slot
/// freed. The stack outlives the operation and the stream.
template <TcpConnect N>
Connect<N> connect(N& stack, const Endpoint& remote, const TcpOptions& options = {}) noexcept {
  return Connect<N>(stack, remote, options);
}

/// See `connect_from`.
template <class N>
class [[nodiscard("await it")]] ConnectFrom : Connect<N> {
 public:
  using typename Connect<N>::Stream;
  ConnectFrom(N& stack, const Endpoint& local, const Endpoint& remote, const TcpOptions& options) noexcept
      : Connect<N>(stack, remote, options), local_(local) {}

  Poll<Result<Stream>> poll(Context& context) noexcept {
    if (!this->started()) { NAL_TRY(this->take(this->start_from(local_))); }
    return this->finish(context);
  }

 private:
  Endpoint local_;
};

/// Opens a TCP connection from a local address, a local port, or both; see `TcpConnectFrom`. *Completes*,
/// *Cancellation*: as `connect`. *Errors* besides: address_in_use, address_not_available, permission_denied.
template <TcpConnectFrom N>
ConnectFrom<N> connect_from(N& stack, const Endpoint& local, const Endpoint& remote,
                            const TcpOptions& options = {}) noexcept {
  return ConnectFrom<N>(stack, local, remote, options);
}

/// See `accept`.
template <class L>
class [[nodiscard("await it")]] Accept {
 public:
  explicit Accept(L& listener) noexcept : listener_(&listener) {}
  Poll<Result<typename L::TcpStream>> poll(Context& context) noexcept {
    return listener_->poll_accept(context, waiter_);
  }

 private:
  L* listener_;
  Waiter waiter_;
};

/// Takes the oldest waiting connection. *Completes* with its stream. *Errors*: table_full, no_memory; the listener goes
/// on. *Cancellation*: no connection is taken or lost.
template <TcpListener L>
Accept<L> accept(L& listener) noexcept {
  return Accept<L>(listener);
}
/// `accept` without waiting: `Error::would_block` if nobody waits.
template <TcpListener L>
Result<typename L::TcpStream> try_accept(Executor& executor, L& listener) noexcept {
  return try_once(executor, accept(listener));
}

/// See `close`.
template <class S>
class [[nodiscard("await it")]] Close {
 public:
  explicit Close(S&& stream) noexcept : stream_(std::move(stream)) {}
  Close(Close&&) noexcept = default;
  ~Close() {
    if (stream_) { stream_->abort(); }
  }

  Poll<Result<>> poll(Context& context) noexcept {
    auto result = poll_close(context);
    // Ended cleanly: dropping it sends nothing more. Failed: nothing is left to keep.
    if (result.ready()) { stream_.reset(); }
    return result;
  }

 private:
  Poll<Result<>> poll_close(Context& context) noexcept {
    if (!shut_down_) {
      auto shut = stream_->poll_shutdown(context, waiter_);
      if (!shut.ready()) { return pending; }
      if (!*shut) { return shut; }
      shut_down_ = true;
    }
    std::byte unread[64];
    for (unsigned turn = 0; turn < kTurnsPerPoll; ++turn) {
      auto got = stream_->poll_read(context, waiter_, unread);
      if (!got.ready()) { return pending; }
      if (!*got) { return Unexpected(got->error()); }
      if (**got == 0) { return Result<>(); }
    }
    context.wake_soon();
    return pending;
  }

  static constexpr unsigned kTurnsPerPoll = 16;
  std::optional<S> stream_;
  bool shut_down_ = false;
  Waiter waiter_;
};

/// Ends a connection so that nothing is lost: sends the end behind the written data, then reads (and drops) what the
/// peer still sends, up to its end. The only portable proof that the peer read everything; protocol libraries use it,
/// under a deadline. *Completes* when the peer has ended too. *Errors*: the stream's. *Cancellation*: aborts.
template <TcpStream S>
Close<S> close(S&& stream) noexcept {
  return Close<S>(std::move(stream));
}

}  // namespace nal

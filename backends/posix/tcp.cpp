#include "backends/posix/tcp.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <climits>
#include <utility>

#include "backends/posix/address.hpp"
#include "backends/posix/error.hpp"

namespace nal::posix {

namespace {

// The system tells an error once, to whichever call comes first; after that a reset stream reads as if it had ended.
// So the first one is kept, and told to every later call.
Error fail(Socket& socket, int number) noexcept {
  // The system may have memory again the next time; the connection stands.
  if (number == ENOBUFS || number == ENOMEM) { return Error::no_memory; }
  if (socket.failure == Error{}) {
    Error error = error_from_errno(number);
    // Written to a connection that the peer has reset, when an earlier call was told of the reset. This side's own
    // shutdown never gets here.
    if (error == Error::broken_pipe) { error = Error::connection_reset; }
    socket.failure = error;
    if (!socket.shut_down) { socket.write_error = error; }
  }
  return socket.failure;
}

int pending_error(int fd) noexcept {
  int number = 0;
  socklen_t length = sizeof number;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &length) < 0) { return errno; }
  return number;
}

int to_seconds(Duration duration) noexcept {
  const std::int64_t s = (duration.milliseconds_rounded_up() + 999) / 1'000;
  return s < 1 ? 1 : s > INT_MAX ? INT_MAX : static_cast<int>(s);
}

Result<> set_user_timeout([[maybe_unused]] int fd, [[maybe_unused]] Duration timeout) noexcept {
#ifdef TCP_USER_TIMEOUT
  const std::int64_t ms = timeout.milliseconds_rounded_up();
  return set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, ms > INT_MAX ? 0 : static_cast<int>(ms));
#else
  return Unexpected(Error::not_supported);
#endif
}

// A closed connection goes on sending what is queued; these bound how long.
void bound_linger([[maybe_unused]] int fd, [[maybe_unused]] Duration linger) noexcept {
#ifdef TCP_USER_TIMEOUT
  unsigned ms = 0;
  socklen_t length = sizeof ms;
  const bool known = ::getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, &length) == 0;
  // The application's own, if that is shorter.
  if (!known || ms == 0 || Duration::milliseconds(ms) > linger) { static_cast<void>(set_user_timeout(fd, linger)); }
#endif
#ifdef TCP_LINGER2
  static_cast<void>(set_option(fd, IPPROTO_TCP, TCP_LINGER2, to_seconds(linger)));
#endif
}

void reset_when_closed(int fd) noexcept {
  const linger at_once{1, 0};
  static_cast<void>(::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
}

Result<> set_keep_alive(int fd, const KeepAlive& keep_alive) noexcept {
  NAL_TRY(set_option(fd, SOL_SOCKET, SO_KEEPALIVE, keep_alive.enabled ? 1 : 0));
  if (!keep_alive.enabled) { return {}; }
#if defined(TCP_KEEPIDLE)
  NAL_TRY(set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, to_seconds(keep_alive.idle)));
#elif defined(TCP_KEEPALIVE)
  NAL_TRY(set_option(fd, IPPROTO_TCP, TCP_KEEPALIVE, to_seconds(keep_alive.idle)));
#endif
#ifdef TCP_KEEPINTVL
  NAL_TRY(set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, to_seconds(keep_alive.interval)));
#endif
#ifdef TCP_KEEPCNT
  NAL_TRY(set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, keep_alive.probes));
#endif
  return {};
}

Result<> apply(int fd, bool v4, const TcpOptions& options) noexcept {
  if (options.no_delay) { NAL_TRY(set_option(fd, IPPROTO_TCP, TCP_NODELAY, *options.no_delay ? 1 : 0)); }
  if (options.keep_alive) { NAL_TRY(set_keep_alive(fd, *options.keep_alive)); }
  if (options.user_timeout) { NAL_TRY(set_user_timeout(fd, *options.user_timeout)); }
  if (options.hop_limit) {
    if (*options.hop_limit == 0) { return Unexpected(Error::invalid_argument); }
    NAL_TRY(v4 ? set_option(fd, IPPROTO_IP, IP_TTL, *options.hop_limit)
               : set_option(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, *options.hop_limit));
  }
  if (options.traffic_class) {
    NAL_TRY(v4 ? set_option(fd, IPPROTO_IP, IP_TOS, *options.traffic_class)
               : set_option(fd, IPPROTO_IPV6, IPV6_TCLASS, *options.traffic_class));
  }
  return {};
}

// nal sends what it is given: protocol libraries write whole messages.
Result<> apply_at_start(int fd, bool v4, TcpOptions options) noexcept {
  if (!options.no_delay) { options.no_delay = true; }
  return apply(fd, v4, options);
}

Pending wait_readable(Socket& socket, Context& context, Waiter& waiter, Wait why) noexcept {
  socket.readable = false;
  socket.readers.add(context, waiter, why);
  return pending;
}

Pending wait_writable(Socket& socket, Context& context, Waiter& waiter, Wait why) noexcept {
  socket.writable = false;
  socket.writers.add(context, waiter, why);
  return pending;
}

// What a call came to that moved nothing: `number` is its errno.
[[gnu::cold]] Result<std::size_t> stopped(Socket& socket, bool& ready, int number) noexcept {
  if (number == EAGAIN) {
    ready = false;
    return Unexpected(Error::would_block);
  }
  return Unexpected(fail(socket, number));
}

// What sending `size` bytes came to, when `sent` is what the first try gave; `send` tries again.
template <class F>
Result<std::size_t> finish_send(Socket& socket, std::size_t size, ssize_t sent, F&& send) noexcept {
  while (sent < 0 && errno == EINTR) { sent = send(); }
  if (sent <= 0) { return stopped(socket, socket.writable, sent < 0 ? errno : EAGAIN); }
  if (static_cast<std::size_t>(sent) < size) { socket.writable = false; }
  return static_cast<std::size_t>(sent);
}

}  // namespace

Poll<Result<>> TcpStream::poll_connected(Context& context, Waiter& waiter) noexcept {
  Socket* socket = live();
  if (!socket) { return Unexpected(Error::closed); }
  if (socket->connected) { return Result<>(); }
  if (socket->failure != Error{}) { return Unexpected(socket->failure); }
  if (!socket->writable && !context.probing()) { return wait_writable(*socket, context, waiter, Wait::connected); }
  if (const int number = pending_error(socket->fd)) { return Unexpected(fail(*socket, number)); }
  SocketAddress peer;
  if (::getpeername(socket->fd, peer.get(), &peer.length) < 0) {
    if (errno != ENOTCONN) { return Unexpected(fail(*socket, errno)); }
    return wait_writable(*socket, context, waiter, Wait::connected);  // woken for nothing
  }
  socket->local = bound_endpoint(socket->fd);
  if (socket->local == peer.endpoint()) {
    // The port that the system picked is the very one that nobody listens at, and the connection is with itself.
    reset_when_closed(socket->fd);
    return Unexpected(fail(*socket, ECONNREFUSED));
  }
  socket->connected = true;
  return Result<>();
}

Result<std::size_t> TcpStream::end_read(Socket& socket, std::span<std::byte> buffer, ssize_t received) noexcept {
  while (received < 0 && errno == EINTR) { received = ::recv(socket.fd, buffer.data(), buffer.size(), 0); }
  if (received < 0) { return stopped(socket, socket.readable, errno); }
  if (received == 0 && socket.failure != Error{}) { return Unexpected(socket.failure); }
  return static_cast<std::size_t>(received);
}

Result<std::size_t> TcpStream::end_write(Socket& socket, std::span<const std::byte> data, ssize_t sent) noexcept {
  return finish_send(socket, data.size(), sent,
                     [&] { return ::send(socket.fd, data.data(), data.size(), kSendFlags); });
}

// Nothing to write, or nothing can be.
Result<std::size_t> TcpStream::refuse_write(const Socket& socket) noexcept {
  if (socket.write_error != Error{}) { return Unexpected(socket.write_error); }
  return std::size_t{0};
}

Result<std::size_t> TcpStream::send_gather(Socket& socket, ConstBuffers pieces) noexcept {
  constexpr std::size_t kMostPieces = 16;
  iovec vectors[kMostPieces];
  std::size_t count = 0;
  std::size_t size = 0;
  for (const auto piece : pieces) {
    if (piece.empty()) { continue; }
    if (count == kMostPieces) { break; }
    vectors[count++] = {const_cast<std::byte*>(piece.data()), piece.size()};
    size += piece.size();
  }
  msghdr message{};
  message.msg_iov = vectors;
  message.msg_iovlen = static_cast<decltype(message.msg_iovlen)>(count);
  if (socket.write_error != Error{} || size == 0) { return refuse_write(socket); }
  const auto send = [&] { return ::sendmsg(socket.fd, &message, kSendFlags); };
  return finish_send(socket, size, send(), send);
}

Poll<Result<>> TcpStream::poll_flush(Context&, Waiter&) noexcept {
  const Socket* socket = live();
  if (!socket) { return Unexpected(Error::closed); }
  if (socket->failure != Error{}) { return Unexpected(socket->failure); }
  return Result<>();  // what `send` took is the transport's
}

Poll<Result<>> TcpStream::poll_shutdown(Context& context, Waiter& waiter) noexcept {
  Socket* socket = live();
  if (!socket) { return Unexpected(Error::closed); }
  if (socket->shut_down) { return Result<>(); }
  if (socket->failure != Error{}) { return Unexpected(socket->failure); }
  if (!socket->connected) {
    // Shut down in the middle of its handshake, a connection on Linux is given up without a word.
    auto connected = poll_connected(context, waiter);
    if (!connected.ready() || !*connected) { return connected; }
  }
  if (::shutdown(socket->fd, SHUT_WR) < 0) {
    // The connection is gone already; why stands in the socket.
    const int number = errno == ENOTCONN ? pending_error(socket->fd) : errno;
    return Unexpected(fail(*socket, number != 0 ? number : ECONNRESET));
  }
  socket->shut_down = true;
  socket->write_error = Error::broken_pipe;
  return Result<>();
}

void TcpStream::abort() noexcept {
  if (Socket* socket = live()) {
    reset_when_closed(socket->fd);
    socket->table->release(*socket);
  }
  forget();
}

void TcpStream::drop() noexcept {
  Socket* socket = live();
  if (!socket) { return; }
  if (socket->failure == Error{}) { bound_linger(socket->fd, socket->table->linger()); }
  socket->table->release(*socket);
}

Result<> TcpStream::configure(const TcpOptions& options) noexcept {
  const Socket* socket = live();
  if (!socket) { return Unexpected(Error::closed); }
  return apply(socket->fd, socket->remote.address.is_v4(), options);
}

Endpoint TcpStream::local_endpoint() const noexcept {
  Socket* socket = live();
  if (!socket) { return {}; }
  if (socket->local.port == 0) { socket->local = bound_endpoint(socket->fd); }
  return socket->local;
}

Endpoint TcpStream::remote_endpoint() const noexcept {
  const Socket* socket = live();
  return socket ? socket->remote : Endpoint();
}

namespace {

/// Binds a socket that is to be connected. The port may have other connections, to other peers.
Result<> bind_before_connect(int fd, const Endpoint& local) noexcept {
  if (local.port != 0) {
    NAL_TRY(set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1));
  } else {
#ifdef IP_BIND_ADDRESS_NO_PORT
    // Else one is taken from all peers.
    NAL_TRY(set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1));
#endif
  }
  return bind_to(fd, local);
}

}  // namespace

Result<TcpStream> start_tcp(SocketTable& table, const Endpoint& remote, const TcpOptions& options) noexcept {
  return start_tcp_from(table, Endpoint(IpAddress::unspecified(remote.address.family()), 0), remote, options);
}

Result<TcpStream> start_tcp_from(SocketTable& table, const Endpoint& local, const Endpoint& remote,
                                 const TcpOptions& options) noexcept {
  if (table.full()) { return Unexpected(Error::table_full); }
  if (remote.port == 0 || local.address.family() != remote.address.family()) {
    return Unexpected(Error::invalid_argument);
  }
  const bool v4 = remote.address.is_v4();
  NAL_TRY_SET(const int fd, open_socket(address_family(remote.address), SOCK_STREAM));
  const bool told = local.port != 0 || !local.address.is_unspecified();
  Result<> prepared = apply_at_start(fd, v4, options);
  if (prepared && told) { prepared = bind_before_connect(fd, local); }
  if (!prepared) {
    close_descriptor(fd);
    return Unexpected(prepared.error());
  }
  const SocketAddress address(remote);
  const bool connected = ::connect(fd, address.get(), address.length) == 0;
  // Interrupted: the handshake goes on all the same.
  if (!connected && errno != EINPROGRESS && errno != EINTR) {
    // EAGAIN: no ephemeral port is left, on some systems.
    Error error = errno == EAGAIN ? Error::address_not_available : error_from_errno(errno);
    // What it says when that port has a connection to that peer already.
    if (errno == EADDRNOTAVAIL && local.port != 0) { error = Error::address_in_use; }
    close_descriptor(fd);
    return Unexpected(error);
  }
  NAL_TRY_SET(Socket * socket, table.take(fd));
  socket->writable = connected;
  socket->remote = remote;
  return TcpStream(*socket);
}

Poll<Result<TcpStream>> TcpListener::poll_accept(Context& context, Waiter& waiter) noexcept {
  Socket* listener = live();
  if (!listener) { return Unexpected(Error::closed); }
  SocketTable& table = *listener->table;
  if (listener->pause_until != Instant{} && !context.probing()) {
    // Told already. Trying again at once would spin: the connection stays in the system's queue until something frees.
    if (table.paused() && context.now() < listener->pause_until) {
      table.reactor().wait_for_retry(context, waiter, Wait::acceptable);
      return pending;
    }
    listener->pause_until = Instant{};
  }
  constexpr int kTriesPerPoll = 16;
  for (int tries = 0; tries < kTriesPerPoll; ++tries) {
    if (!listener->readable && !context.probing()) {
      return wait_readable(*listener, context, waiter, Wait::acceptable);
    }
    int number = EMFILE;
    if (!table.full()) {
      SocketAddress remote;
#if defined(SOCK_NONBLOCK) && defined(SOCK_CLOEXEC)
      const int fd = ::accept4(listener->fd, remote.get(), &remote.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
#else
      const int fd = ::accept(listener->fd, remote.get(), &remote.length);
      if (fd >= 0) { make_non_blocking(fd); }
#endif
      if (fd >= 0) {
        auto taken = table.take(fd);
        if (!taken) { return Unexpected(taken.error()); }
        Socket* socket = *taken;
        socket->connected = true;
        socket->remote = remote.endpoint();
        return TcpStream(*socket);
      }
      number = errno;
    } else if (!something_waits(listener->fd)) {
      return wait_readable(*listener, context, waiter, Wait::acceptable);
    }
    switch (number) {
      case EAGAIN: return wait_readable(*listener, context, waiter, Wait::acceptable);
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        listener->pause_until = context.now() + Reactor::kRetryPause;
        table.pause();
        return Unexpected(error_from_errno(number));
      case EINTR:
      // The connection died while it waited, or a firewall wants none of it: the next one.
      case ECONNABORTED:
      case EHOSTDOWN:
      case EHOSTUNREACH:
      case ENETDOWN:
      case ENETUNREACH:
      case ENOPROTOOPT:
      case EOPNOTSUPP:
      case EPERM:
      case EPROTO:
      case ETIMEDOUT: break;
      default: return Unexpected(error_from_errno(number));
    }
  }
  context.wake_soon();
  return pending;
}

Endpoint TcpListener::local_endpoint() const noexcept {
  const Socket* socket = live();
  return socket ? socket->local : Endpoint();
}

void TcpListener::drop() noexcept {
  if (Socket* socket = live()) { socket->table->release(*socket); }
}

Result<TcpListener> listen_tcp(SocketTable& table, const Endpoint& local, const ListenOptions& options) noexcept {
  if (table.full()) { return Unexpected(Error::table_full); }
  const bool v4 = local.address.is_v4();
  NAL_TRY_SET(const int fd, open_socket(address_family(local.address), SOCK_STREAM));
  const auto prepare = [&]() -> Result<> {
    if (!v4) { NAL_TRY(set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)); }
    NAL_TRY(set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1));
    if (options.share_port) { NAL_TRY(set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1)); }
    NAL_TRY(apply_at_start(fd, v4, options.accepted));  // accepted connections inherit them
    NAL_TRY(bind_to(fd, local));
    if (::listen(fd, options.backlog) < 0) { return Unexpected(error_from_errno(errno)); }
    return {};
  };
  if (auto prepared = prepare(); !prepared) {
    close_descriptor(fd);
    return Unexpected(prepared.error());
  }
  NAL_TRY_SET(Socket * socket, table.take(fd));
  socket->local = bound_endpoint(fd);
  return TcpListener(*socket);
}

}  // namespace nal::posix

#pragma once
#include <sys/socket.h>

#include "backends/posix/socket.hpp"
#include "nal/tcp.hpp"

namespace nal::posix {

/// For `send`: a connection that the peer has reset is an error, never a signal.
#ifdef MSG_NOSIGNAL
inline constexpr int kSendFlags = MSG_NOSIGNAL;
#else
inline constexpr int kSendFlags = 0;  // SO_NOSIGPIPE was set when the socket was opened
#endif

/// A TCP connection of a POSIX stack; a model of `nal::TcpStream` and `nal::GatherWriter`.
class TcpStream : Handle {
 public:
  explicit TcpStream(Socket& socket) noexcept : Handle(socket) {}
  TcpStream(TcpStream&&) noexcept = default;
  TcpStream& operator=(TcpStream&& other) noexcept {
    if (this != &other) {
      drop();
      take(other);
    }
    return *this;
  }
  ~TcpStream() { drop(); }

  Poll<Result<>> poll_connected(Context& context, Waiter& waiter) noexcept;
  // The usual course of both is here, and not in the source file: inlined into a coroutine it costs half.
  Poll<Result<std::size_t>> poll_read(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept {
    Socket* socket = live();
    if (!socket) { return Unexpected(Error::closed); }
    if (buffer.empty()) { return std::size_t{0}; }
    if (socket->readable || context.probing()) {
      const ssize_t received = ::recv(socket->fd, buffer.data(), buffer.size(), 0);
      if (received > 0) [[likely]] {
        const auto size = static_cast<std::size_t>(received);
        // A short read has emptied the queue; the next byte or the end makes a new edge.
        if (size < buffer.size() && !socket->keep_reading) { socket->readable = false; }
        return size;
      }
      const auto result = end_read(*socket, buffer, received);
      if (result.error_or(Error{}) != Error::would_block) { return result; }
    }
    socket->readers.add(context, waiter, Wait::readable);
    return pending;
  }
  Poll<Result<std::size_t>> poll_write(Context& context, Waiter& waiter, std::span<const std::byte> data) noexcept {
    return write_with(context, waiter, [data](Socket& socket) -> Result<std::size_t> {
      if (socket.write_error == Error{} && !data.empty()) [[likely]] {
        const ssize_t sent = ::send(socket.fd, data.data(), data.size(), kSendFlags);
        if (sent == static_cast<ssize_t>(data.size())) [[likely]] { return data.size(); }
        return end_write(socket, data, sent);
      }
      return refuse_write(socket);
    });
  }
  Poll<Result<std::size_t>> poll_write_gather(Context& context, Waiter& waiter, ConstBuffers pieces) noexcept {
    return write_with(context, waiter, [pieces](Socket& socket) { return send_gather(socket, pieces); });
  }
  Poll<Result<>> poll_flush(Context& context, Waiter& waiter) noexcept;
  Poll<Result<>> poll_shutdown(Context& context, Waiter& waiter) noexcept;
  void abort() noexcept;
  Result<> configure(const TcpOptions& options) noexcept;
  Endpoint local_endpoint() const noexcept;
  Endpoint remote_endpoint() const noexcept;

 private:
  template <class F>
  Poll<Result<std::size_t>> write_with(Context& context, Waiter& waiter, F&& send) noexcept {
    Socket* socket = live();
    if (!socket) { return Unexpected(Error::closed); }
    if (socket->writable || context.probing()) {
      const auto sent = send(*socket);
      if (sent.error_or(Error{}) != Error::would_block) { return sent; }
    }
    socket->writers.add(context, waiter, Wait::writable);
    return pending;
  }
  // What a call came to that did not do all that was asked; repeats an interrupted one. `Error::would_block` where
  // nothing moves now.
  static Result<std::size_t> end_read(Socket& socket, std::span<std::byte> buffer, ssize_t received) noexcept;
  static Result<std::size_t> end_write(Socket& socket, std::span<const std::byte> data, ssize_t sent) noexcept;
  static Result<std::size_t> refuse_write(const Socket& socket) noexcept;
  static Result<std::size_t> send_gather(Socket& socket, ConstBuffers pieces) noexcept;
  void drop() noexcept;
};

/// A listener of a POSIX stack; a model of `nal::TcpListener`.
class TcpListener : Handle {
 public:
  using TcpStream = posix::TcpStream;
  explicit TcpListener(Socket& socket) noexcept : Handle(socket) {}
  TcpListener(TcpListener&&) noexcept = default;
  TcpListener& operator=(TcpListener&& other) noexcept {
    if (this != &other) {
      drop();
      take(other);
    }
    return *this;
  }
  ~TcpListener() { drop(); }

  Poll<Result<TcpStream>> poll_accept(Context& context, Waiter& waiter) noexcept;
  Endpoint local_endpoint() const noexcept;

 private:
  void drop() noexcept;
};

/// Opens a connection; see `nal::TcpConnect`.
Result<TcpStream> start_tcp(SocketTable& table, const Endpoint& remote, const TcpOptions& options) noexcept;
/// The factory of `nal::TcpConnectFrom`.
Result<TcpStream> start_tcp_from(SocketTable& table, const Endpoint& local, const Endpoint& remote,
                                 const TcpOptions& options) noexcept;
/// Opens a listener; see `nal::TcpAccept`.
Result<TcpListener> listen_tcp(SocketTable& table, const Endpoint& local, const ListenOptions& options) noexcept;

}  // namespace nal::posix

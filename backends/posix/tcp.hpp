#pragma once
#include "backends/posix/socket.hpp"
#include "nal/tcp.hpp"

namespace nal::posix {

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
  Poll<Result<std::size_t>> poll_read(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept;
  Poll<Result<std::size_t>> poll_write(Context& context, Waiter& waiter, std::span<const std::byte> data) noexcept;
  Poll<Result<std::size_t>> poll_write_gather(Context& context, Waiter& waiter, ConstBuffers pieces) noexcept;
  Poll<Result<>> poll_flush(Context& context, Waiter& waiter) noexcept;
  Poll<Result<>> poll_shutdown(Context& context, Waiter& waiter) noexcept;
  void abort() noexcept;
  Result<> configure(const TcpOptions& options) noexcept;
  Endpoint local_endpoint() const noexcept;
  Endpoint remote_endpoint() const noexcept;

 private:
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
/// Opens a listener; see `nal::TcpAccept`.
Result<TcpListener> listen_tcp(SocketTable& table, const Endpoint& local, const ListenOptions& options) noexcept;

}  // namespace nal::posix

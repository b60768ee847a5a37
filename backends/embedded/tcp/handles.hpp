#pragma once
#include <utility>

#include "nal/tcp.hpp"

namespace nal::embedded {

class Tcp;
struct Connection;
struct ListenerEntry;

/// A connection of an embedded stack (`nal::TcpStream`, and what a stream may offer beside: gather writes, reading and
/// writing in place). Two words: a late use of what has ended is `Error::closed`. The stack outlives it.
class TcpStream {
 public:
  TcpStream(TcpStream&& other) noexcept
      : tcp_(std::exchange(other.tcp_, nullptr)), slot_(other.slot_), generation_(other.generation_) {}
  TcpStream& operator=(TcpStream&& other) noexcept {
    if (this != &other) {
      drop();
      tcp_ = std::exchange(other.tcp_, nullptr);
      slot_ = other.slot_;
      generation_ = other.generation_;
    }
    return *this;
  }
  ~TcpStream() { drop(); }

  Poll<Result<>> poll_connected(Context& context, Waiter& waiter) noexcept;
  Poll<Result<std::size_t>> poll_read(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept;
  Poll<Result<std::span<const std::byte>>> poll_fill(Context& context, Waiter& waiter) noexcept;
  void consume(std::size_t n) noexcept;
  Poll<Result<std::size_t>> poll_write(Context& context, Waiter& waiter, std::span<const std::byte> data) noexcept;
  Poll<Result<std::size_t>> poll_write_gather(Context& context, Waiter& waiter, ConstBuffers pieces) noexcept;
  Poll<Result<std::span<std::byte>>> poll_reserve(Context& context, Waiter& waiter) noexcept;
  void commit(std::size_t n) noexcept;
  Poll<Result<>> poll_flush(Context& context, Waiter& waiter) noexcept;
  Poll<Result<>> poll_shutdown(Context& context, Waiter& waiter) noexcept;
  void abort() noexcept;
  Result<> configure(const TcpOptions& options) noexcept;
  Endpoint local_endpoint() const noexcept;
  Endpoint remote_endpoint() const noexcept;

 private:
  friend class Tcp;
  friend class TcpListener;
  TcpStream(Tcp& tcp, std::uint16_t slot, std::uint16_t generation) noexcept
      : tcp_(&tcp), slot_(slot), generation_(generation) {}
  inline Connection* find() const noexcept;
  inline void take(Connection& c, std::uint32_t n) noexcept;
  /// The connection where it may be written to, or why not; null to wait.
  Result<Connection*> writable() const noexcept;
  void drop() noexcept;

  Tcp* tcp_;
  std::uint16_t slot_;
  std::uint16_t generation_;
};

/// A listener of an embedded stack (`nal::TcpListener`).
class TcpListener {
 public:
  using TcpStream = embedded::TcpStream;

  TcpListener(TcpListener&& other) noexcept
      : tcp_(std::exchange(other.tcp_, nullptr)), slot_(other.slot_), generation_(other.generation_) {}
  TcpListener& operator=(TcpListener&& other) noexcept {
    if (this != &other) {
      drop();
      tcp_ = std::exchange(other.tcp_, nullptr);
      slot_ = other.slot_;
      generation_ = other.generation_;
    }
    return *this;
  }
  ~TcpListener() { drop(); }

  Poll<Result<TcpStream>> poll_accept(Context& context, Waiter& waiter) noexcept;
  Endpoint local_endpoint() const noexcept;

 private:
  friend class Tcp;
  TcpListener(Tcp& tcp, std::uint16_t slot, std::uint16_t generation) noexcept
      : tcp_(&tcp), slot_(slot), generation_(generation) {}
  ListenerEntry* find() const noexcept;
  void drop() noexcept;

  Tcp* tcp_;
  std::uint16_t slot_;
  std::uint16_t generation_;
};

}  // namespace nal::embedded

#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <utility>

#include "nal/tcp.hpp"
#include "nal/udp.hpp"

namespace nal::test {

class DeskSocket;

/// A stack of one socket at a time, UDP or TCP, with the server behind it in a function: for a resolver where there is
/// no room for a network, or where nothing but the resolver shall count. By TCP, messages have a length before them.
class Desk {
 public:
  /// Writes the answer to a message, and gives its size; 0: it says nothing.
  using Answer = std::size_t (*)(std::span<const std::byte> query, bool tcp, std::span<std::byte> out);
  Desk(const Endpoint& server, Answer answer) noexcept : server_(server), answer_(answer) {}

  using ConnectedUdp = DeskSocket;
  using UniquelyBoundUdp = DeskSocket;
  using MultiplyBoundUdp = DeskSocket;
  using TcpStream = DeskSocket;
  Result<DeskSocket> udp_connect_from(const Endpoint&, const Endpoint&, const UdpOptions&) noexcept;
  Result<DeskSocket> udp_bind_single(const Endpoint&, const UdpOptions&) noexcept;
  Result<DeskSocket> udp_bind_multiple(const Endpoint&, const UdpOptions&) noexcept;
  Result<DeskSocket> start_tcp(const Endpoint&, const TcpOptions&) noexcept;

  bool taken() const noexcept { return taken_; }

 private:
  friend class DeskSocket;
  Result<DeskSocket> open(bool tcp) noexcept;

  Endpoint server_;
  Answer answer_;
  std::array<std::byte, 600> bytes_{};
  std::size_t size_ = 0;
  bool taken_ = false;
  WaitList changed_;
};

class DeskSocket {
 public:
  DeskSocket(Desk& desk, bool tcp) noexcept : desk_(&desk), tcp_(tcp) {}
  DeskSocket(DeskSocket&& other) noexcept : desk_(std::exchange(other.desk_, nullptr)), tcp_(other.tcp_) {}
  DeskSocket& operator=(DeskSocket&& other) noexcept {
    abort();
    desk_ = std::exchange(other.desk_, nullptr);
    tcp_ = other.tcp_;
    return *this;
  }
  ~DeskSocket() { abort(); }
  void abort() noexcept {
    if (desk_) { desk_->taken_ = false; }
    desk_ = nullptr;
  }

  Poll<Result<>> poll_send(Context&, Waiter&, std::span<const std::byte> data) noexcept {
    take(data, 0);
    return Result<>();
  }
  Poll<Result<>> poll_send(Context&, Waiter&, const Endpoint&, const Endpoint&, std::span<const std::byte>) noexcept {
    return Unexpected(Error::not_supported);
  }
  Poll<Result<Received>> poll_receive(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept {
    const auto got = poll_read(context, waiter, buffer);
    if (!got.ready()) { return pending; }
    return Received{.size = **got, .datagram_size = **got, .remote = desk_->server_};
  }
  Poll<Result<>> poll_connected(Context&, Waiter&) noexcept { return Result<>(); }
  Poll<Result<std::size_t>> poll_read(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept {
    const std::size_t size = std::min(buffer.size(), desk_->size_);
    if (size == 0) {
      desk_->changed_.add(context, waiter, Wait::readable);
      return pending;
    }
    const auto begin = desk_->bytes_.begin();
    std::copy_n(begin, size, buffer.begin());
    std::copy(begin + static_cast<std::ptrdiff_t>(size), begin + static_cast<std::ptrdiff_t>(desk_->size_), begin);
    desk_->size_ -= size;
    return size;
  }
  Poll<Result<std::size_t>> poll_write(Context&, Waiter&, std::span<const std::byte> data) noexcept {
    take(data.subspan(2), 2);
    return data.size();
  }
  Poll<Result<>> poll_flush(Context&, Waiter&) noexcept { return Result<>(); }
  Poll<Result<>> poll_shutdown(Context&, Waiter&) noexcept { return Result<>(); }
  Result<> configure(const UdpOptions&) noexcept { return {}; }
  Result<> configure(const TcpOptions&) noexcept { return {}; }
  Result<> join(const IpAddress&, InterfaceId) noexcept { return Unexpected(Error::not_supported); }
  Result<> leave(const IpAddress&, InterfaceId) noexcept { return Unexpected(Error::not_supported); }
  Result<> join_source(const IpAddress&, const IpAddress&, InterfaceId) noexcept {
    return Unexpected(Error::not_supported);
  }
  Result<> leave_source(const IpAddress&, const IpAddress&, InterfaceId) noexcept {
    return Unexpected(Error::not_supported);
  }
  Endpoint local_endpoint() const noexcept { return {}; }
  Endpoint remote_endpoint() const noexcept { return {}; }

 private:
  /// Has the message answered, behind `front` bytes that tell the answer's length.
  void take(std::span<const std::byte> query, std::size_t front) noexcept {
    const std::span<std::byte> out(desk_->bytes_);
    const std::size_t size = desk_->answer_(query, tcp_, out.subspan(front));
    for (std::size_t i = 0; i < front; ++i) { out[i] = static_cast<std::byte>(size >> (8 * (front - 1 - i)) & 0xff); }
    desk_->size_ = front + size;
    desk_->changed_.wake_all();
  }

  Desk* desk_;
  bool tcp_;
};

inline Result<DeskSocket> Desk::open(bool tcp) noexcept {
  if (std::exchange(taken_, true)) { return Unexpected(Error::table_full); }
  size_ = 0;
  return DeskSocket(*this, tcp);
}
inline Result<DeskSocket> Desk::udp_connect_from(const Endpoint&, const Endpoint&, const UdpOptions&) noexcept {
  return open(false);
}
inline Result<DeskSocket> Desk::udp_bind_single(const Endpoint&, const UdpOptions&) noexcept {
  return Unexpected(Error::table_full);
}
inline Result<DeskSocket> Desk::udp_bind_multiple(const Endpoint&, const UdpOptions&) noexcept {
  return Unexpected(Error::table_full);
}
inline Result<DeskSocket> Desk::start_tcp(const Endpoint&, const TcpOptions&) noexcept { return open(true); }

}  // namespace nal::test

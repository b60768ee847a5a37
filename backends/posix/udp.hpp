#pragma once
#include "backends/posix/socket.hpp"
#include "nal/udp.hpp"

namespace nal::posix {

/// What both kinds of UDP socket of a POSIX stack share; a model of `nal::DatagramReceiver`.
class UdpSocket : protected Handle {
 public:
  explicit UdpSocket(Socket& socket) noexcept : Handle(socket) {}
  UdpSocket(UdpSocket&&) noexcept = default;
  UdpSocket& operator=(UdpSocket&& other) noexcept {
    if (this != &other) {
      drop();
      take(other);
    }
    return *this;
  }
  ~UdpSocket() { drop(); }

  Poll<Result<Received>> poll_receive(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept;
  Result<> configure(const UdpOptions& options) noexcept;
  Endpoint local_endpoint() const noexcept;

 protected:
  void drop() noexcept;
};

/// A model of `nal::ConnectedUdp`.
class ConnectedUdp : public UdpSocket {
 public:
  using UdpSocket::UdpSocket;
  Poll<Result<>> poll_send(Context& context, Waiter& waiter, std::span<const std::byte> data) noexcept;
  Endpoint remote_endpoint() const noexcept;
};

/// A model of `nal::UnconnectedUdp`.
class BoundUdp : public UdpSocket {
 public:
  using UdpSocket::UdpSocket;
  Poll<Result<>> poll_send(Context& context, Waiter& waiter, const Endpoint& local, const Endpoint& remote,
                           std::span<const std::byte> data) noexcept;
  Result<> join(const IpAddress& group, InterfaceId interface) noexcept;
  Result<> leave(const IpAddress& group, InterfaceId interface) noexcept;
  Result<> join_source(const IpAddress& group, const IpAddress& source, InterfaceId interface) noexcept;
  Result<> leave_source(const IpAddress& group, const IpAddress& source, InterfaceId interface) noexcept;
};

/// The factories of `nal::UdpStack`.
Result<ConnectedUdp> udp_connect_from(SocketTable& table, const Endpoint& local, const Endpoint& remote,
                                      const UdpOptions& options) noexcept;
Result<BoundUdp> udp_bind_single(SocketTable& table, const Endpoint& local, const UdpOptions& options) noexcept;
Result<BoundUdp> udp_bind_multiple(SocketTable& table, const Endpoint& local, const UdpOptions& options) noexcept;

}  // namespace nal::posix

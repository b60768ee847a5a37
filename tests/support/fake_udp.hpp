#pragma once
#include <array>
#include <utility>

#include "nal/udp.hpp"
#include "tests/support/fake_host.hpp"

namespace nal::test {

class FakeUdp;

/// What the three kinds of socket share: a handle of two words.
class FakeUdpSocket {
 public:
  FakeUdpSocket(FakeUdpSocket&& other) noexcept
      : udp_(std::exchange(other.udp_, nullptr)), slot_(other.slot_), generation_(other.generation_) {}
  FakeUdpSocket& operator=(FakeUdpSocket&& other) noexcept;
  ~FakeUdpSocket() { drop(); }

  Poll<Result<Received>> poll_receive(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept;
  Result<> configure(const UdpOptions& options) noexcept;
  Endpoint local_endpoint() const noexcept;

 protected:
  friend class FakeUdp;
  FakeUdpSocket(FakeUdp& udp, std::uint16_t slot, std::uint16_t generation) noexcept
      : udp_(&udp), slot_(slot), generation_(generation) {}
  void drop() noexcept;

  FakeUdp* udp_;
  std::uint16_t slot_;
  std::uint16_t generation_;
};

class FakeConnectedUdp : public FakeUdpSocket {
 public:
  Poll<Result<>> poll_send(Context& context, Waiter& waiter, std::span<const std::byte> data) noexcept;
  Endpoint remote_endpoint() const noexcept;

 private:
  friend class FakeUdp;
  using FakeUdpSocket::FakeUdpSocket;
};

class FakeUnconnectedUdp : public FakeUdpSocket {
 public:
  Poll<Result<>> poll_send(Context& context, Waiter& waiter, const Endpoint& local, const Endpoint& remote,
                           std::span<const std::byte> data) noexcept;
  Result<> join(const IpAddress& group, InterfaceId interface) noexcept;
  Result<> leave(const IpAddress& group, InterfaceId interface) noexcept;
  Result<> join_source(const IpAddress& group, const IpAddress& source, InterfaceId interface) noexcept;
  Result<> leave_source(const IpAddress& group, const IpAddress& source, InterfaceId interface) noexcept;

 private:
  friend class FakeUdp;
  using FakeUdpSocket::FakeUdpSocket;
};

/// The UDP of one fake stack. A datagram arrives as it is sent, or is lost; a full queue loses it too.
class FakeUdp {
 public:
  /// The wire, and the loopback of every host.
  static constexpr InterfaceId kWire{2};
  static constexpr InterfaceId kLoopback{1};

  explicit FakeUdp(FakeHost& host);

  Result<FakeConnectedUdp> connect_from(const Endpoint& local, const Endpoint& remote,
                                        const UdpOptions& options) noexcept;
  Result<FakeUnconnectedUdp> bind_single(const Endpoint& local, const UdpOptions& options) noexcept;
  Result<FakeUnconnectedUdp> bind_multiple(const Endpoint& local, const UdpOptions& options) noexcept;

  std::size_t slots_in_use() const noexcept;
  bool nobody_waits() const noexcept;

 private:
  friend class FakeUdpSocket;
  friend class FakeConnectedUdp;
  friend class FakeUnconnectedUdp;

  struct Datagram {
    std::vector<std::byte> data;
    Received about;
  };
  struct Membership {
    IpAddress group;
    IpAddress source;  ///< unspecified: any
    InterfaceId interface;
    friend bool operator==(const Membership&, const Membership&) = default;
  };
  struct Slot {
    bool used = false;
    bool connected = false;
    std::uint16_t generation = 0;
    Endpoint local;
    Endpoint remote;
    UdpOptions options;
    std::vector<Datagram> queue;  ///< a ring of fixed size
    std::size_t first = 0;
    std::size_t count = 0;
    std::vector<Membership> groups;
    Error error{};  ///< to be told once
    WaitList readable;
    WaitList writable;
  };
  /// One datagram on its way.
  struct Transit {
    Endpoint from;
    Endpoint to;
    std::span<const std::byte> data;
    std::uint8_t hop_limit;
    InterfaceId interface;
  };

  Slot* find(std::uint16_t slot, std::uint16_t generation) noexcept;
  Result<std::uint16_t> open(const Endpoint& local, const UdpOptions& options) noexcept;
  bool port_taken(const Endpoint& local, bool share) const noexcept;
  void release(Slot& slot) noexcept;

  Result<> send(Slot& slot, const IpAddress& local, const Endpoint& remote, std::span<const std::byte> data) noexcept;
  void send_multicast(const Slot& slot, Transit transit) noexcept;
  /// Whether some socket of this host took it.
  bool deliver(const Transit& transit) noexcept;
  bool deliver_to_members(const Transit& transit) noexcept;
  void deliver_broadcast(const Transit& transit) noexcept;
  void enqueue(Slot& slot, const Transit& transit) noexcept;
  Result<> change_membership(Slot& slot, const Membership& membership, bool join) noexcept;

  FakeHost& host_;
  std::vector<Slot> slots_;
};

}  // namespace nal::test

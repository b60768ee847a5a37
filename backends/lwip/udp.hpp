#pragma once
#include <utility>

#include "backends/lwip/core.hpp"
#include "backends/lwip/tcp.hpp"
#include "nal/udp.hpp"

namespace nal::lwip {

class ConnectedUdp;
class UnconnectedUdp;

/// A datagram that waits to be read: its pbuf stays lwIP's until then.
struct Datagram {
  pbuf* data = nullptr;
  Datagram* next = nullptr;
  Endpoint remote;
  Endpoint local;
  std::uint8_t interface = 0;
  std::uint8_t hop_limit = 0;
};

/// A UDP socket's state beside lwIP's. Of concern to `Udp`.
struct UdpSlot {
  udp_pcb* pcb = nullptr;
  Datagram* first = nullptr;
  Datagram* last = nullptr;
  Bell readable;
  std::uint16_t waiting = 0;
  std::uint16_t generation = 0;
  std::uint8_t multicast_interface = 0;
  bool broadcast : 1 = false;
  bool connected : 1 = false;
  bool share_port : 1 = false;
};

/// A socket's membership of a group. lwIP knows only the interface's.
struct Membership {
  UdpSlot* slot = nullptr;
  std::uint8_t interface = 0;
  IpAddress group;
  IpAddress source;  ///< unspecified: any

  friend bool operator==(const Membership&, const Membership&) = default;
};

/// lwIP's UDP behind nal's interface.
class Udp {
 public:
  struct Statistics {
    std::uint32_t queue_full = 0;  ///< dropped, since the application reads too slowly
  };

  Udp(Core& core, std::span<UdpSlot> slots, std::span<Datagram> datagrams, std::span<Membership> memberships,
      std::uint16_t queue_limit) noexcept;
  ~Udp() { instance_ = nullptr; }
  Udp(const Udp&) = delete;
  Udp& operator=(const Udp&) = delete;
  /// With the core locked: nothing of ours is left in lwIP.
  void end_all() noexcept;

  Result<ConnectedUdp> connect_from(const Endpoint& local, const Endpoint& remote, const UdpOptions& options) noexcept;
  Result<UnconnectedUdp> bind_single(const Endpoint& local, const UdpOptions& options) noexcept;
  Result<UnconnectedUdp> bind_multiple(const Endpoint& local, const UdpOptions& options) noexcept;

  /// There may be memory to send with again.
  void wake_senders() noexcept { room_.wake_all(); }
  bool senders_wait() const noexcept { return !room_.empty(); }

  std::size_t in_use() const noexcept { return in_use_; }
  Statistics statistics() const noexcept {
    const CoreLock lock;
    return statistics_;
  }

 private:
  friend class UdpSocket;
  friend class ConnectedUdp;
  friend class UnconnectedUdp;

  static void on_receive(void* slot, udp_pcb* pcb, pbuf* data, const ip_addr_t* source, u16_t port) noexcept;

  SlotName name_of(const UdpSlot& slot) const noexcept {
    return {static_cast<std::uint16_t>(&slot - slots_.data()), slot.generation};
  }
  Result<UdpSlot*> open(const Endpoint& local, const UdpOptions& options) noexcept;
  static Result<> bind(udp_pcb& pcb, const Endpoint& local, bool share) noexcept;
  void release(UdpSlot& slot) noexcept;
  void give_back(Datagram& datagram) noexcept;
  static Result<> configure(UdpSlot& slot, const UdpOptions& options) noexcept;
  Datagram* queue(UdpSlot& slot) noexcept;
  bool is_member(const UdpSlot& slot, const IpAddress& group, const IpAddress& source) const noexcept;
  Result<> change_membership(UdpSlot& slot, const Membership& wanted, bool join) noexcept;
  Poll<Result<>> send(Context& context, Waiter& waiter, UdpSlot& slot, const Endpoint& local, const Endpoint& remote,
                      std::span<const std::byte> data) noexcept;
  Poll<Result<>> wait_for_room(Context& context, Waiter& waiter) noexcept;

  static Udp* instance_;
  Core& core_;
  std::span<UdpSlot> slots_;
  std::span<Membership> memberships_;
  Datagram* free_ = nullptr;
  std::uint16_t queue_limit_;
  std::uint16_t in_use_ = 0;
  WaitList room_;
  Statistics statistics_;
};

/// What the kinds of socket share: a handle of two words. Dropping it frees the socket and what waits in it.
class UdpSocket {
 public:
  UdpSocket(UdpSocket&& other) noexcept : udp_(std::exchange(other.udp_, nullptr)), name_(other.name_) {}
  UdpSocket& operator=(UdpSocket&& other) noexcept {
    if (this != &other) {
      drop();
      udp_ = std::exchange(other.udp_, nullptr);
      name_ = other.name_;
    }
    return *this;
  }
  ~UdpSocket() { drop(); }

  Poll<Result<Received>> poll_receive(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept;
  Result<> configure(const UdpOptions& options) noexcept;
  Endpoint local_endpoint() const noexcept;

 protected:
  friend class Udp;
  UdpSocket(Udp& udp, SlotName name) noexcept : udp_(&udp), name_(name) {}
  UdpSlot* find() const noexcept {
    if (!udp_) { return nullptr; }
    UdpSlot& slot = udp_->slots_[name_.index];
    return slot.generation == name_.generation ? &slot : nullptr;
  }
  void drop() noexcept;

  Udp* udp_;
  SlotName name_;
};

/// A model of `nal::ConnectedUdp`. lwIP only counts ICMP errors: nobody is told that nobody is there.
class ConnectedUdp : public UdpSocket {
 public:
  Poll<Result<>> poll_send(Context& context, Waiter& waiter, std::span<const std::byte> data) noexcept;
  Endpoint remote_endpoint() const noexcept;

 private:
  friend class Udp;
  using UdpSocket::UdpSocket;
};

/// A model of `nal::UnconnectedUdp`. lwIP joins groups for all sources; those that were not asked for are kept from the
/// socket here.
class UnconnectedUdp : public UdpSocket {
 public:
  Poll<Result<>> poll_send(Context& context, Waiter& waiter, const Endpoint& local, const Endpoint& remote,
                           std::span<const std::byte> data) noexcept;
  Result<> join(const IpAddress& group, InterfaceId interface) noexcept {
    return change(group, IpAddress::unspecified(group.family()), interface, true);
  }
  Result<> leave(const IpAddress& group, InterfaceId interface) noexcept {
    return change(group, IpAddress::unspecified(group.family()), interface, false);
  }
  Result<> join_source(const IpAddress& group, const IpAddress& source, InterfaceId interface) noexcept {
    return change(group, source, interface, true);
  }
  Result<> leave_source(const IpAddress& group, const IpAddress& source, InterfaceId interface) noexcept {
    return change(group, source, interface, false);
  }

 private:
  friend class Udp;
  using UdpSocket::UdpSocket;
  Result<> change(const IpAddress& group, const IpAddress& source, InterfaceId interface, bool join) noexcept;
};

static_assert(nal::ConnectedUdp<ConnectedUdp> && nal::UnconnectedUdp<UnconnectedUdp>);

}  // namespace nal::lwip

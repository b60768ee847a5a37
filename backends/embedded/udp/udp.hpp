#pragma once
#include <array>
#include <utility>

#include "backends/embedded/absent.hpp"
#include "backends/embedded/ip/network.hpp"
#include "backends/embedded/udp/service.hpp"
#include "nal/random.hpp"
#include "nal/udp.hpp"

namespace nal::embedded {

class ConnectedUdp;
class UnconnectedUdp;

/// What a UDP socket is made of, beside the packets in its queue. Of concern to `Udp`.
struct UdpSlot {
  Address local;   ///< unspecified: every address of its family
  Address remote;  ///< of a connected socket; of another, where `route` goes
  std::uint16_t local_port = 0;
  std::uint16_t remote_port = 0;
  std::uint16_t generation = 0;
  std::uint16_t next = 0;        ///< in its bucket, or the list of free slots
  InterfaceIndex interface = 0;  ///< the zone of its link-local address; 0: any
  InterfaceIndex multicast_interface = 0;
  std::uint8_t hop_limit = 0;  ///< 0: the stack's
  std::uint8_t multicast_hop_limit = 1;
  std::uint8_t traffic_class = 0;
  Error error{};  ///< to be told once
  bool used : 1 = false;
  bool connected : 1 = false;
  bool v6 : 1 = false;
  bool broadcast : 1 = false;
  bool multicast_loopback : 1 = true;
  bool share_port : 1 = false;
  driver::PacketQueue queue;  ///< each begins with its payload; its headers stand before that
  Route route;                ///< to `remote`, as of `routes_version`
  Address route_from;         ///< the source that was asked for
  std::uint32_t routes_version = 0;
  WaitList readable;
};

/// A socket's membership of a group.
struct UdpMembership {
  static constexpr std::uint16_t kFree = 0xffff;
  std::uint16_t slot = kFree;
  InterfaceIndex interface = 0;
  Address group;
  Address source;  ///< unspecified: any

  friend bool operator==(const UdpMembership&, const UdpMembership&) = default;
};

/// Where the last datagram went, as the next one most often does.
class LastUdp {
 public:
  LastUdp() noexcept = default;
  LastUdp(const Ingress& ingress, std::uint16_t source_port, std::uint16_t destination_port, UdpSlot* slot) noexcept
      : source_(ingress.source),
        destination_(ingress.destination),
        source_port_(source_port),
        destination_port_(destination_port),
        interface_(ingress.interface),
        slot_(slot) {}
  UdpSlot* find(const Ingress& ingress, std::uint16_t source_port, std::uint16_t destination_port) const noexcept {
    const bool same = slot_ && destination_port_ == destination_port && source_port_ == source_port &&
                      interface_ == ingress.interface && source_ == ingress.source &&
                      destination_ == ingress.destination;
    return same ? slot_ : nullptr;
  }
  void forget() noexcept { slot_ = nullptr; }

 private:
  Address source_;
  Address destination_;
  std::uint16_t source_port_ = 0;
  std::uint16_t destination_port_ = 0;
  InterfaceIndex interface_ = 0;
  UdpSlot* slot_ = nullptr;
};
struct NoLastUdp {
  constexpr NoLastUdp() noexcept = default;
  constexpr NoLastUdp(const Ingress&, std::uint16_t, std::uint16_t, UdpSlot*) noexcept {}
  static constexpr UdpSlot* find(const Ingress&, std::uint16_t, std::uint16_t) noexcept { return nullptr; }
  static constexpr void forget() noexcept {}
};

/// The UDP of a stack (RFC 768, RFC 1122 §4.1): sockets over the network layer. Datagrams are found their socket by
/// hash; what arrived waits in its packet, `queue_limit` of them for each socket, and is copied once, to the
/// application.
class Udp {
 public:
  static constexpr std::uint16_t kNone = 0xffff;
  static constexpr std::uint16_t kFirstEphemeral = 49152;  // RFC 6335 §6

  struct Statistics {
    Counter received = 0;
    Counter malformed = 0;  ///< too short, or a wrong checksum
    Counter no_socket = 0;
    Counter queue_full = 0;  ///< dropped, since the application reads too slowly
    Counter sent = 0;
  };

  /// `buckets` is of a power of two, at least as many as slots for speed. All memory outlives the module.
  Udp(Network& network, Random& random, HashKey key, std::span<UdpSlot> slots, std::span<std::uint16_t> buckets,
      std::span<UdpMembership> memberships, std::uint16_t queue_limit) noexcept;

  Result<ConnectedUdp> connect_from(const Endpoint& local, const Endpoint& remote, const UdpOptions& options) noexcept;
  Result<UnconnectedUdp> bind_single(const Endpoint& local, const UdpOptions& options) noexcept;
  Result<UnconnectedUdp> bind_multiple(const Endpoint& local, const UdpOptions& options) noexcept;

  /// A datagram has arrived.
  void input(const Ingress& ingress, Packet&& packet, Instant now) noexcept;
  /// ICMP told of a datagram of this host's; only connected sockets are told. Whether some socket may have sent it.
  bool delivery_error(const DeliveryError& error) noexcept;
  /// There may be room to send again; services do what is due.
  void poll(Instant now) noexcept {
    if (!room_.empty() && may_try_again()) { room_.wake_all(); }
    for (UdpService* service = services_; service; service = service->next_) { service->poll(now); }
  }
  /// Of the services.
  Instant poll_at() const noexcept {
    Instant at = Instant::max();
    for (const UdpService* service = services_; service; service = service->next_) {
      at = service->poll_at() < at ? service->poll_at() : at;
    }
    return at;
  }

  /// Has a service driven and given its datagrams, until it is detached.
  void attach(UdpService& service) noexcept {
    service.next_ = services_;
    services_ = &service;
  }
  void detach(UdpService& service) noexcept {
    UdpService** link = &services_;
    while (*link != &service) { link = &(*link)->next_; }
    *link = service.next_;
  }

  /// Somebody waits for packets to send with.
  bool short_of_room() const noexcept { return !room_.empty(); }
  std::size_t in_use() const noexcept { return in_use_; }
  /// Free ones are among these.
  std::span<const UdpSlot> sockets() const noexcept { return slots_; }
  const Statistics& statistics() const noexcept { return statistics_; }

 private:
  friend class UdpSocket;
  friend class ConnectedUdp;
  friend class UnconnectedUdp;

  UdpSlot* find(std::uint16_t slot, std::uint16_t generation) noexcept {
    return slots_[slot].generation == generation ? &slots_[slot] : nullptr;
  }
  std::uint16_t index(const UdpSlot& slot) const noexcept { return static_cast<std::uint16_t>(&slot - slots_.data()); }
  std::uint16_t& bucket(std::uint16_t local_port, const Address* remote, std::uint16_t remote_port) noexcept;
  std::uint16_t& bucket_of(const UdpSlot& slot) noexcept {
    return bucket(slot.local_port, slot.connected ? &slot.remote : nullptr, slot.remote_port);
  }
  /// A slot with this local end, which stands in no bucket yet.
  Result<UdpSlot*> open(const Endpoint& local, const UdpOptions& options) noexcept;
  bool port_taken(const Address& local, bool v6, std::uint16_t port, bool share) const noexcept;
  void insert(UdpSlot& slot) noexcept;
  void release(UdpSlot& slot) noexcept;
  static Result<> configure(UdpSlot& slot, const UdpOptions& options) noexcept;

  UdpSlot* match(const Ingress& ingress, std::uint16_t source_port, std::uint16_t destination_port) noexcept {
    if (UdpSlot* const last = last_.find(ingress, source_port, destination_port)) { return last; }
    UdpSlot* const slot = look_up(ingress, source_port, destination_port);
    last_ = {ingress, source_port, destination_port, slot};
    return slot;
  }
  UdpSlot* look_up(const Ingress& ingress, std::uint16_t source_port, std::uint16_t destination_port) noexcept;
  void deliver_to_many(const Ingress& ingress, Packet&& packet, std::uint16_t port) noexcept;
  void enqueue(UdpSlot& slot, Packet&& packet) noexcept;
  bool is_member(const UdpSlot& slot, const Ingress& ingress) const noexcept;

  Poll<Result<>> poll_send(Context& context, Waiter& waiter, UdpSlot& slot, const Address& local, const Address& remote,
                           std::uint16_t remote_port, InterfaceIndex interface,
                           std::span<const std::byte> data) noexcept;
  Poll<Result<>> wait_for_room(Context& context, Waiter& waiter, InterfaceIndex interface) noexcept;
  bool may_try_again() noexcept;
  Result<> change_membership(UdpSlot& slot, const IpAddress& group, const IpAddress& source, InterfaceId interface,
                             bool join) noexcept;
  void leave(UdpMembership& membership) noexcept;

  Network& network_;
  Random& random_;
  HashKey key_;
  std::span<UdpSlot> slots_;
  std::span<std::uint16_t> buckets_;
  std::span<UdpMembership> memberships_;
  std::uint16_t queue_limit_;
  std::uint16_t free_ = kNone;
  std::uint16_t in_use_ = 0;
  std::uint16_t connected_ = 0;
  WaitList room_;
  // Who begins to wait has the stack polled, so that it looks out for room; that alone is no reason to try again, or
  // both would go on for ever.
  bool begun_to_wait_ = false;                 ///< since the last `poll`
  std::uint32_t full_ = 0;                     ///< a bit for each interface that had no room for somebody who waits
  std::size_t free_before_ = ~std::size_t{0};  ///< `Network::free_packets`, when they began to wait
  UdpService* services_ = nullptr;
  std::conditional_t<features::kFastPaths, LastUdp, NoLastUdp> last_;  ///< forgotten once sockets have changed
  Statistics statistics_;
};

/// What the kinds of socket share: a handle of two words. Dropping it frees the socket and what waits in it.
class UdpSocket {
 public:
  UdpSocket(UdpSocket&& other) noexcept
      : udp_(std::exchange(other.udp_, nullptr)), slot_(other.slot_), generation_(other.generation_) {}
  UdpSocket& operator=(UdpSocket&& other) noexcept {
    if (this != &other) {
      drop();
      udp_ = std::exchange(other.udp_, nullptr);
      slot_ = other.slot_;
      generation_ = other.generation_;
    }
    return *this;
  }
  ~UdpSocket() { drop(); }

  Poll<Result<Received>> poll_receive(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept;
  Result<> configure(const UdpOptions& options) noexcept;
  Endpoint local_endpoint() const noexcept;

  /// The datagram that `poll_take` gives: the bytes stay in the packet that brought them.
  struct Datagram {
    Packet packet;  ///< its data is the payload
    Received about;
  };
  /// As `poll_receive`, without a copy. The packet goes back to the stack's pool when it ends: soon, since the stack
  /// receives nothing without packets, and before the stack.
  Poll<Result<Datagram>> poll_take(Context& context, Waiter& waiter) noexcept;
  /// Has who waits to receive look again: something else than a datagram has come that they want as well.
  void wake_readers() noexcept {
    if (UdpSlot* const mine = slot()) { mine->readable.wake_all(); }
  }

 protected:
  friend class Udp;
  UdpSocket(Udp& udp, std::uint16_t slot, std::uint16_t generation) noexcept
      : udp_(&udp), slot_(slot), generation_(generation) {}
  UdpSlot* slot() const noexcept { return udp_ ? udp_->find(slot_, generation_) : nullptr; }
  void drop() noexcept;

  Udp* udp_;
  std::uint16_t slot_;
  std::uint16_t generation_;
};

class ConnectedUdp : public UdpSocket {
 public:
  Poll<Result<>> poll_send(Context& context, Waiter& waiter, std::span<const std::byte> data) noexcept;
  Endpoint remote_endpoint() const noexcept;

 private:
  friend class Udp;
  using UdpSocket::UdpSocket;
};

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

}  // namespace nal::embedded

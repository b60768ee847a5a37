#pragma once
#include "backends/embedded/absent.hpp"
#include "backends/embedded/ip/groups.hpp"
#include "backends/embedded/ip/neighbors.hpp"
#include "backends/embedded/ip/observers.hpp"
#include "backends/embedded/ip/reassembly.hpp"
#include "backends/embedded/ip/slaac.hpp"
#include "backends/embedded/wire/icmp.hpp"
#include "backends/embedded/wire/ipv4.hpp"
#include "backends/embedded/wire/ipv6.hpp"

namespace nal::embedded {

class Tcp;
class Udp;

/// A route given by hand or by DHCP. An entry of `IpLayer`.
struct StaticRoute {
  Address prefix;
  Address gateway;  ///< unspecified: the destination itself
  std::uint8_t length = 0;
  InterfaceIndex interface = 0;  ///< 0: the entry is free
};

/// The path MTU to a destination (RFC 1191, RFC 8201). An entry of `IpLayer`.
struct PathMtu {
  Address destination;
  std::uint16_t mtu = 0;  ///< 0: the entry is free
  Instant until = Instant::max();
};

/// Two addresses between which packets come, found right as of a version of the layer's tables.
struct KnownPair {
  Address source;
  Address destination;
  std::uint32_t version = 0;
  InterfaceIndex interface = 0;

  bool is(const Address& from, const Address& to, std::uint32_t now, InterfaceIndex by) const noexcept {
    return interface == by && version == now && source == from && destination == to;
  }
};
struct NoKnownPair {
  constexpr NoKnownPair() noexcept = default;
  constexpr NoKnownPair(const Address&, const Address&, std::uint32_t, InterfaceIndex) noexcept {}
  constexpr bool is(const Address&, const Address&, std::uint32_t, InterfaceIndex) const noexcept { return false; }
};

/// IPv4 and IPv6 of a stack: frames in and out, routes, fragments, ICMP; owner of the modules that keep the links
/// going. No clock and no memory of its own. What arrives is handed to the transports, which may send meanwhile.
class IpLayer final : public Network, private Link {
 public:
  struct Storage {
    std::span<Interface> interfaces;
    std::span<InterfaceAddress> addresses;  ///< shared out evenly
    std::span<Neighbor> neighbors;
    std::span<StaticRoute> routes;
    std::span<PathMtu> path_mtus;
    std::span<PartialPacket> partial_packets;
    Groups::Storage groups;
    Slaac::Storage slaac;
  };

  struct Statistics {
    Counter received = 0;
    Counter sent = 0;
    Counter malformed = 0;   ///< headers that contradict themselves, wrong header checksums
    Counter not_for_us = 0;  ///< another station's, another host's, a group not joined
    Counter bad_source = 0;  ///< from an address that nobody can have
    Counter unknown_protocol = 0;
    Counter no_packet = 0;    ///< the pool was empty
    Counter device_full = 0;  ///< given to a device that could not take it
    Counter icmp_errors_sent = 0;
    Counter icmp_errors_limited = 0;
    Counter icmp_errors_refused = 0;  ///< received, about nothing that this host has sent
  };

  /// `large_pool` (may be null) has room for datagrams larger than a frame, to be put together or cut.
  IpLayer(driver::PacketPool& pool, driver::PacketPool* large_pool, Random& random, const Storage& storage,
          const Dad::Config& dad) noexcept;
  ~IpLayer();

  /// Once, before the first packet. Without an executor time is what `poll` and `set_now` say.
  void attach(Udp* udp, Tcp* tcp, Executor* executor) noexcept {
    udp_ = udp;
    tcp_ = tcp;
    executor_ = executor;
  }

  /// Has an observer told, until null takes its place (`features::kRaw`).
  void observe(IcmpObserver* observer) noexcept { icmp_observer_ = observer; }
  void observe(PacketObserver* observer) noexcept { packet_observer_ = observer; }
  void observe(FrameObserver* observer) noexcept { frame_observer_ = observer; }
  IcmpObserver* icmp_observer() const noexcept { return icmp_observer_; }
  PacketObserver* packet_observer() const noexcept { return packet_observer_; }
  FrameObserver* frame_observer() const noexcept { return frame_observer_; }

  // Configuration.

  /// A device becomes an interface; it outlives the layer. *Errors*: table_full.
  Result<InterfaceIndex> add_interface(driver::Driver& driver, Instant now) noexcept;
  /// *Errors*: table_full, invalid_argument (a group, an address that is there).
  Result<> add_address(InterfaceIndex interface, const Address& address, unsigned prefix_length, Instant now,
                       InterfaceAddress::Origin origin = InterfaceAddress::Origin::manual) noexcept;
  Result<> remove_address(InterfaceIndex interface, const Address& address) noexcept;
  /// An unspecified gateway: the prefix is of the link. *Errors*: table_full.
  Result<> add_route(const Address& prefix, unsigned length, const Address& gateway, InterfaceIndex interface) noexcept;
  Result<> remove_route(const Address& prefix, unsigned length, InterfaceIndex interface) noexcept;
  Result<> start_link_local(InterfaceIndex interface, Family family, Instant now) noexcept;
  Result<> start_slaac(InterfaceIndex interface, Instant now, bool temporary = false) noexcept;
  Result<> stop_slaac(InterfaceIndex interface, Instant now) noexcept;
  /// Gives an address other lifetimes; told as a change when it becomes deprecated, or preferred again, by that.
  void renew_address(InterfaceAddress& address, Instant preferred_until, Instant valid_until, Instant now) noexcept {
    dad_.renew(address, preferred_until, valid_until, now);
  }
  Interface* interface(InterfaceIndex index) noexcept {
    return index > 0 && index <= storage_.interfaces.size() && storage_.interfaces[index - 1u].driver
               ? &storage_.interfaces[index - 1u]
               : nullptr;
  }
  std::span<Interface> interfaces() noexcept { return storage_.interfaces; }
  std::span<const StaticRoute> routes() const noexcept { return storage_.routes; }
  const Slaac& slaac() const noexcept { return slaac_; }
  const Neighbors& neighbors() const noexcept { return neighbors_; }
  const Groups& groups() const noexcept { return groups_; }
  /// Woken when the configuration changes: links, addresses, routes, what routers and servers tell beside those.
  WaitList& configuration_changed() noexcept { return changed_waiters_; }
  /// Another number after each such change.
  std::uint32_t configuration_version() const noexcept { return configuration_version_; }
  /// A service has learnt something that is no address and no route: DNS servers, say.
  void tell_change() noexcept { changed(); }

  /// A smaller MTU than the device's, as DHCP tells it.
  void limit_mtu(InterfaceIndex interface, std::uint16_t mtu) noexcept;
  /// Sends from an address that need not be one of this host's, over the link itself: for whoever configures it.
  void send_from(InterfaceIndex interface, const Address& source, const Address& destination, Protocol protocol,
                 Packet&& packet, Instant now) noexcept;

  // Sending by sockets that are no transport's (ip/raw_output.cpp).

  /// Sends a packet whose IP header its sender has made; of that the length and the checksum are made here, and what is
  /// 0 of identification and source. *Errors*: as `send`; message_size (it is not cut).
  Result<> send_whole(Packet&& packet, Route& route) noexcept;
  /// Sends a frame, of which the medium's header is the sender's. *Errors*: would_block, message_size, network_down.
  Result<> send_raw_frame(InterfaceIndex interface, Packet&& frame) noexcept;
  /// An empty packet for a frame to send; null when there is none.
  Packet allocate_frame(InterfaceIndex interface) noexcept;
  /// Links the waiter to what keeps a packet of `size` bytes from being sent now.
  void wait_for_room(Context& context, Waiter& waiter, InterfaceIndex interface, std::size_t size) noexcept;

  // Work.

  /// Takes up to `budget` frames from each interface, and does what is due. True: there is more to do now.
  bool poll(Instant now, unsigned budget) noexcept;
  /// When `poll` is due, were nothing to arrive.
  Instant poll_at() const noexcept;
  /// Between the two all is part of one poll, at its time: nobody needs to be told of what is sent.
  void begin_poll(Instant now) noexcept {
    now_ = now;
    polling_ = true;
  }
  void end_poll() noexcept { polling_ = false; }
  /// What happens between polls happens at this time.
  void set_now(Instant now) noexcept { now_ = now; }
  /// Woken when something sent between polls may have changed `poll_at`.
  WaitList& work() noexcept { return work_; }

  // Network, for the transports.
  Result<Route> route(const Address& destination, const Address& source, InterfaceIndex interface) noexcept override;
  std::uint32_t routes_version() const noexcept override { return version_; }
  bool can_send(InterfaceIndex interface) noexcept override;
  void want_room() noexcept override { work_.wake_all(); }
  std::size_t free_packets() const noexcept override {
    return pool_.available() + (large_pool_ ? large_pool_->available() : 0);
  }
  Packet allocate() noexcept override;
  Packet allocate_to(InterfaceIndex interface, std::size_t size) noexcept override;
  std::size_t max_datagram(Family family) const noexcept override;
  OffloadSupport offload(InterfaceIndex interface) const noexcept override;
  Result<> send(Packet&& packet, const Egress& egress, Route& route) noexcept override;
  bool send_known(Packet& packet, const KnownWay& way) noexcept override;
  void confirm_reachable(const Route& route) noexcept override;
  void port_unreachable(Packet&& packet, const Ingress& ingress) noexcept override;
  Result<InterfaceIndex> join(const Address& group, const Address& source, InterfaceIndex interface) noexcept override;
  void leave(const Address& group, const Address& source, InterfaceIndex interface) noexcept override;
  bool is_local(const Address& address, InterfaceIndex interface) const noexcept override;

  const Statistics& statistics() const noexcept { return statistics_; }
  const Reassembly::Statistics& reassembly() const noexcept { return reassembly_.statistics(); }

 private:
  // Link, for its own modules.
  void send_frame(Interface& interface, const MacAddress& destination, EtherType type, Packet&& packet,
                  Instant now) noexcept override;
  void send_control(Interface& interface, const Address& source, const Address& destination, Protocol protocol,
                    Packet&& message, Instant now) noexcept override;
  void unreachable(Interface& interface, Packet&& packet, Instant now) noexcept override;
  void changed() noexcept override;
  Random& random() noexcept override { return random_; }

  // frames.cpp
  /// Something is done from outside: at the present time, and whoever runs the stack looks at its timers again.
  void from_outside() noexcept {
    if (!polling_) { begin_outside(); }
  }
  void begin_outside() noexcept;
  inline bool has_room(InterfaceIndex index) noexcept;
  void link_changed(Interface& interface, Instant now) noexcept;
  Instant modules_at() const noexcept;
  bool modules_due(Instant now) const noexcept;
  void poll_modules(Instant now) noexcept;
  Packet allocate_large(std::size_t size) noexcept;
  void to_loopback(Packet&& packet, InterfaceIndex interface) noexcept;

  // input.cpp
  /// Takes in what has come, `first` and more, up to `budget` frames. Whether there may be more.
  bool receive(Interface& interface, Packet&& first, unsigned budget) noexcept;
  inline void input_frame(Interface& interface, Packet&& packet) noexcept;
  inline bool usual_frame(Interface& interface, Packet& packet) noexcept;
  bool loop_back(unsigned budget) noexcept;
  void input_ip(InterfaceIndex interface, Packet&& packet, bool link_to_many) noexcept;
  void input_v4(InterfaceIndex interface, Packet&& packet, bool link_to_many) noexcept;
  void input_v6(InterfaceIndex interface, Packet&& packet, bool link_to_many) noexcept;
  void input_fragment_v6(const Ingress& ingress, Packet&& packet, const wire::Ipv6Chain& chain,
                         bool link_to_many) noexcept;
  inline void deliver(const Ingress& ingress, Packet&& packet) noexcept;
  /// Whom a packet that arrived by an interface is for.
  enum class For : std::uint8_t { nobody, us, many };
  /// Whether a packet between the two is another host's to this one, as most are that come one behind the other.
  bool known_pair(const Address& source, const Address& destination, InterfaceIndex interface) const noexcept {
    return pair_.is(source, destination, version_, interface);
  }
  void remember_pair(const Address& source, const Address& destination, InterfaceIndex interface) noexcept {
    pair_ = {source, destination, version_, interface};
  }
  For whom(InterfaceIndex interface, const Address& source, const Address& destination) const noexcept;

  // output.cpp; `out` is null where the packet stays within this host
  inline Result<> send_v4(Packet&& packet, const Egress& egress, Route& route, Interface* out) noexcept;
  inline Result<> send_v6(Packet&& packet, const Egress& egress, Route& route, Interface* out) noexcept;
  Result<> cut_v4(Packet&& packet, const Egress& egress, Route& route, Interface* out) noexcept;
  Result<> cut_v6(Packet&& packet, const Egress& egress, Route& route, Interface* out) noexcept;
  /// A packet with its IP header, on to its neighbour.
  inline void pass_on(Packet&& packet, const Egress& egress, Route& route, Interface* out) noexcept;
  void hand_over(Packet&& packet, const Egress& egress, Route& route, Interface* out) noexcept;
  static void emit_v6_header(Packet& packet, const Egress& egress, std::uint8_t next_header,
                             std::uint8_t hops) noexcept;
  static inline std::uint8_t hop_limit(const Egress& egress, const Interface* out) noexcept;

  // routes.cpp
  Result<Route> route_to_group(const Address& destination, const Address& source, InterfaceIndex interface) noexcept;
  Result<Address> source_for(const Interface& out, const Address& destination, const Address& wanted) noexcept;
  std::uint16_t path_mtu(const Address& destination, std::uint16_t mtu) const noexcept;
  void set_path_mtu(const Address& destination, std::uint16_t mtu) noexcept;
  void age_path_mtus(Instant now) noexcept;
  bool is_broadcast(InterfaceIndex interface, const Address& address) const noexcept;

  // icmp.cpp
  void input_icmpv4(const Ingress& ingress, Packet&& packet) noexcept;
  void input_icmpv6(const Ingress& ingress, Packet&& packet) noexcept;
  void echo(const Ingress& ingress, Packet&& packet) noexcept;
  void input_error(const Ingress& ingress, const wire::IcmpView& message, Packet&& packet) noexcept;
  void echo_reply(const Ingress& ingress, Packet&& packet) noexcept;
  /// What a path takes now that a router tells so, if that is less than was known; else 0.
  std::uint16_t lower_mtu(const DeliveryError& error, std::uint32_t told, std::size_t least) noexcept;
  /// Whether it is about something that a transport has under way.
  bool tell_transports(const DeliveryError& error, Protocol protocol) noexcept;
  /// About packets that begin with their IP header.
  void time_exceeded(Packet&& first_fragment) noexcept;
  void send_error(Packet&& about, const Ingress& ingress, std::uint8_t type, std::uint8_t code,
                  std::uint32_t rest) noexcept;
  bool may_send_error() noexcept;

  /// `PacketBuffer::flags` of a copy that this host has sent to itself and others.
  static constexpr std::uint8_t kOwn = 1;
  /// Of one that came in fragments.
  static constexpr std::uint8_t kPutTogether = 2;

  driver::PacketPool& pool_;
  driver::PacketPool* large_pool_;
  Random& random_;
  Storage storage_;
  Groups groups_;
  Dad dad_;
  Neighbors neighbors_;
  Slaac slaac_;
  Reassembly reassembly_;
  Udp* udp_ = nullptr;
  Tcp* tcp_ = nullptr;
  Executor* executor_ = nullptr;
  IcmpObserver* icmp_observer_ = nullptr;
  PacketObserver* packet_observer_ = nullptr;
  FrameObserver* frame_observer_ = nullptr;
  driver::PacketQueue loopback_;
  std::conditional_t<features::kFastPaths, KnownPair, NoKnownPair> pair_;
  Instant now_;
  std::uint32_t version_ = 1;
  std::uint32_t configuration_version_ = 0;
  std::uint16_t headroom_ = 0;
  std::uint16_t identification_;
  std::uint8_t error_tokens_ = 0;
  bool more_ = false;  ///< frames were left by the last poll
  bool polling_ = false;
  /// Of the IPv6 packet being delivered: where the field stands that names its transport.
  std::uint32_t next_header_field_ = 0;
  Instant error_tokens_at_;
  Instant path_mtu_at_ = Instant::max();
  WaitList changed_waiters_;
  WaitList work_;
  Statistics statistics_;
};

}  // namespace nal::embedded

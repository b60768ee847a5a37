#pragma once
#include "backends/embedded/address.hpp"
#include "nal/driver/packet.hpp"
#include "nal/result.hpp"
#include "nal/time.hpp"

namespace nal::embedded {

using driver::Packet;

/// Which interface of a stack, from 1; 0 stands for "any" or "none".
using InterfaceIndex = std::uint8_t;
/// What stays within this host has come by this one.
inline constexpr InterfaceIndex kLoopback = 0xff;
/// Of the number by which applications know an interface, the zone of an address also; what is too large is no
/// interface's, and none of those that there are.
constexpr InterfaceIndex interface_index(std::uint32_t number) noexcept {
  return static_cast<InterfaceIndex>(number <= kLoopback ? number : kLoopback - 1U);
}

/// Protocol numbers as IANA gives them; also the IPv6 extension headers.
enum class Protocol : std::uint8_t {
  hop_by_hop = 0,
  icmpv4 = 1,
  igmp = 2,
  tcp = 6,
  udp = 17,
  ipv6_routing = 43,
  ipv6_fragment = 44,
  icmpv6 = 58,
  no_next_header = 59,
  destination_options = 60,
};

/// What the network layer knows of a packet that it hands up. The packet's bytes begin with the transport header;
/// `PacketBuffer::network_header` tells where the IP header is.
struct Ingress {
  Address source;
  Address destination;
  InterfaceIndex interface;
  Protocol protocol;
  std::uint8_t hop_limit;
  std::uint8_t traffic_class;  ///< DSCP and ECN
  /// To a group or a broadcast address, of the IP or of the link layer: never answered with an error or a reset.
  bool to_many;
  bool checksum_verified;  ///< the device has verified the transport checksum
};

/// How packets to a destination travel now. May be kept: `Network::routes_version` tells when to ask again.
struct Route {
  Address source;    ///< which of this host's addresses to use
  Address next_hop;  ///< the destination itself, or a router
  InterfaceIndex interface = 0;
  std::uint16_t mtu = 0;     ///< largest IP packet: of the interface, or of the path where that is known to be less
  bool broadcast = false;    ///< to all hosts of a network, which a socket must have been allowed
  bool device_sums = false;  ///< the device makes transport checksums
  std::uint16_t neighbor = 0xffff;  ///< where `next_hop` was last found in the neighbour cache; the network's
};

/// What a transport wants of the IP header.
struct Egress {
  Address source;
  Address destination;
  Protocol protocol;
  std::uint8_t hop_limit;  ///< 0: the stack's choice
  std::uint8_t traffic_class;
  bool dont_fragment;     ///< IPv4 DF, and no IPv6 fragment header: too large is `Error::message_size`
  bool loop_back = true;  ///< to a group that this host is a member of: a copy for its own sockets
};

/// The same, and the way, for `Network::send_known`; to no group and no broadcast address.
struct KnownWay {
  const Address& source;
  const Address& destination;
  const Address& next_hop;
  std::uint16_t mtu;
  std::uint16_t neighbor;  ///< `Route::neighbor`
  InterfaceIndex interface;
  Protocol protocol;
  std::uint8_t hop_limit;
  std::uint8_t traffic_class;
  bool dont_fragment;
};

/// An ICMP error about a packet that this host seems to have sent, or that a neighbour does not answer.
struct DeliveryError {
  Error error;  ///< connection_refused (port), host_unreachable, network_unreachable, permission_denied, message_size,
                ///< timed_out (hop limit exceeded), protocol_error (parameter problem)
  bool hard;    ///< RFC 1122 §4.2.3.9: not likely to go away
  std::uint16_t mtu;  ///< with message_size: what fits now, already lower than what the route had
  Address local;      ///< source of the packet
  Address remote;     ///< its destination
  InterfaceIndex interface;
  std::span<const std::byte> transport;  ///< the first bytes of its transport header: at least 8
};

/// The network layer as a transport sees it.
class Network {
 public:
  /// The way to `destination`. A `source` that is not unspecified must be one of this host's addresses and is kept; an
  /// `interface` that is not 0 must be the way. *Errors*: network_unreachable, address_not_available, network_down.
  virtual Result<Route> route(const Address& destination, const Address& source, InterfaceIndex interface) noexcept = 0;
  /// Changes whenever a kept `Route` may be wrong.
  virtual std::uint32_t routes_version() const noexcept = 0;

  /// Whether `allocate` and `send` would succeed now; if not, the network calls the transport's `poll` again when there
  /// is room.
  virtual bool can_send(InterfaceIndex interface) noexcept = 0;
  /// Somebody waits until it can: whoever runs the stack looks out for packets that come back.
  virtual void want_room() noexcept {}
  /// Packets of all kinds that are free, to see whether there are more than there were.
  virtual std::size_t free_packets() const noexcept { return 0; }
  /// An empty packet with room in front for all headers below the transport's; null when there is none.
  virtual Packet allocate() noexcept = 0;
  /// The same for what is to leave by `interface` now: null also when that cannot be, see `can_send`. A transport
  /// header and payload of `size` bytes may be more than a frame takes, and `send` cuts it into fragments; null also
  /// when nothing of that size is to be had at all: see `max_datagram`.
  virtual Packet allocate_to(InterfaceIndex interface, std::size_t /*size*/) noexcept {
    return can_send(interface) ? allocate() : Packet();
  }
  /// Transport header and payload of the largest datagram that can be sent or put together.
  virtual std::size_t max_datagram(Family /*family*/) const noexcept { return 1400; }
  /// What the device does for the transport now: TCP payload bytes that it cuts into segments (0: none), for which
  /// `allocate_to` has a packet; checksums.
  struct OffloadSupport {
    std::uint16_t max_segmentation_size = 0;
    bool checksum = false;
  };
  virtual OffloadSupport offload(InterfaceIndex interface) const noexcept = 0;

  /// Adds the IP header and sends. The packet begins with the transport header, its checksum complete, or, with
  /// `Offload::checksum_offset` set and `checksum_start` 0 (which is set here), only the pseudo header's sum in it.
  /// A packet to a neighbour that is being asked for waits there. The packet is taken in any case.
  /// *Errors*: would_block, message_size, network_down: nothing was sent.
  virtual Result<> send(Packet&& packet, const Egress& egress, Route& route) noexcept = 0;

  /// A shorter way of `send` for what most packets are: IPv4, in one piece, to one host, by a neighbour that is known.
  /// Where it is none of them nothing has happened, and `send` is to be asked.
  virtual bool send_known(Packet& /*packet*/, const KnownWay& /*way*/) noexcept { return false; }

  /// The transport has heard from `next_hop` that packets arrive (RFC 4861 §7.3.1): an acknowledgement, say.
  virtual void confirm_reachable(const Route& route) noexcept = 0;

  /// The transport had no socket for it: an ICMP port unreachable, within the rate limit. Takes the packet.
  virtual void port_unreachable(Packet&& packet, const Ingress& ingress) noexcept = 0;

  /// Has packets to a group arrive from an interface (0: that of the route to the group, which is told); from one
  /// source alone if that is not unspecified. Calls for the same add up. *Errors*: table_full, not_supported,
  /// network_unreachable.
  virtual Result<InterfaceIndex> join(const Address& /*group*/, const Address& /*source*/,
                                      InterfaceIndex /*interface*/) noexcept {
    return Unexpected(Error::not_supported);
  }
  /// Takes one such call back.
  virtual void leave(const Address& /*group*/, const Address& /*source*/, InterfaceIndex /*interface*/) noexcept {}

  /// Whether `address` is one of this host's, on any interface (or on that one).
  virtual bool is_local(const Address& address, InterfaceIndex interface) const noexcept = 0;

 protected:
  Network() = default;
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;
  ~Network() = default;
};

}  // namespace nal::embedded

#pragma once
#include "backends/embedded/ip/interface.hpp"
#include "backends/embedded/wire/ethernet.hpp"
#include "nal/random.hpp"

namespace nal::embedded {

using wire::EtherType;

/// What the modules that keep a link going (neighbours, addresses, routers, groups) may ask of the IP layer, which owns
/// them. None of it calls them back, but for what is said.
class Link {
 public:
  /// An empty packet with room in front for all headers below ICMP, ARP or IGMP; null when there is none.
  virtual Packet allocate() noexcept = 0;

  /// Sends an ARP packet, or an IP packet whose neighbour is known now. Adds the Ethernet header. A device that cannot
  /// take it drops it: whoever sent it tries again by its own timer.
  virtual void send_frame(Interface& interface, const MacAddress& destination, EtherType type, Packet&& packet,
                          Instant now) noexcept = 0;

  /// Sends an ICMPv6, IGMP or ICMPv4 message: adds the ICMPv6 checksum, the IP header (with hop limit 255 for ICMPv6
  /// but MLD, 1 for MLD and IGMP, and the Router Alert option for those two), and finds the neighbour; a group's is
  /// computed.
  virtual void send_control(Interface& interface, const Address& source, const Address& destination, Protocol protocol,
                            Packet&& message, Instant now) noexcept = 0;

  /// The neighbour of a packet that waited for it does not answer: its sender is told host_unreachable. The packet
  /// begins with its IP header.
  virtual void unreachable(Interface& interface, Packet&& packet, Instant now) noexcept = 0;

  /// Interfaces, addresses, routers or routes have changed: kept routes are wrong, and who waits for a change is woken.
  virtual void changed() noexcept = 0;

  virtual Random& random() noexcept = 0;

 protected:
  Link() = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link() = default;
};

}  // namespace nal::embedded

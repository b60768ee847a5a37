#include "backends/embedded/ip/headers.hpp"
#include "backends/embedded/ip/ip_layer.hpp"
#include "backends/embedded/tcp/tcp.hpp"
#include "backends/embedded/udp/udp.hpp"
#include "backends/embedded/wire/icmp.hpp"
#include "backends/embedded/wire/ipv4.hpp"
#include "backends/embedded/wire/ipv6.hpp"

namespace nal::embedded {

bool IpLayer::receive(Interface& interface, Packet&& first, unsigned budget) noexcept {
  for (Packet packet = std::move(first); packet; packet = interface.driver->receive(pool_, now_)) {
    input_frame(interface, std::move(packet));
    if (--budget == 0) { return true; }
  }
  return false;
}

/// The short way of what most frames are: an IPv4 packet for a transport, without options and in one piece, between the
/// two addresses of the packet before. Whether it was one; otherwise nothing has happened.
bool IpLayer::usual_frame(Interface& interface, Packet& packet) noexcept {
  if constexpr (!features::kFastPaths || !features::kIpv4) { return false; }
  constexpr std::size_t kHeaders = wire::kEthernetHeaderSize + wire::kIpv4HeaderSize;
  const std::span<const std::byte> bytes = packet.data();
  if (!interface.is_ethernet() || bytes.size() < kHeaders) { return false; }
  if (features::kRaw && (frame_observer_ || packet_observer_)) { return false; }
  const std::byte* const ip = bytes.data() + wire::kEthernetHeaderSize;
  // Behind the EtherType, version and size.
  if (wire::load_be16(ip - 2) != static_cast<std::uint16_t>(EtherType::ipv4) || wire::load_u8(ip) != 0x45 ||
      !wire::is_mac(bytes.data(), interface.hardware_address) || (wire::load_be16(ip + 6) & 0x3fff) != 0) {
    return false;
  }
  const std::size_t total = wire::load_be16(ip + 2);
  const auto protocol = static_cast<Protocol>(wire::load_u8(ip + 9));
  if (total < wire::kIpv4HeaderSize || total > bytes.size() - wire::kEthernetHeaderSize ||
      !wire::sum_of_header(ip, wire::kIpv4HeaderSize).valid()) {
    return false;
  }
  const Ingress ingress{.source = Address::from_wire(std::span<const std::byte, 4>(ip + 12, 4)),
                        .destination = Address::from_wire(std::span<const std::byte, 4>(ip + 16, 4)),
                        .interface = interface.index,
                        .protocol = protocol,
                        .hop_limit = wire::load_u8(ip + 8),
                        .traffic_class = wire::load_u8(ip + 1),
                        .to_many = false,
                        .checksum_verified = packet.offload().checksum_verified};
  if (!known_pair(ingress.source, ingress.destination, interface.index)) { return false; }
  const bool to_tcp = features::kTcp && protocol == Protocol::tcp && tcp_;
  if (!to_tcp && !(features::kUdp && protocol == Protocol::udp && udp_)) { return false; }
  driver::PacketBuffer& buffer = *packet.buffer();
  buffer.network_header = static_cast<std::uint16_t>(buffer.begin + wire::kEthernetHeaderSize);
  buffer.begin += static_cast<std::uint32_t>(kHeaders);
  buffer.size = static_cast<std::uint32_t>(total - wire::kIpv4HeaderSize);
  if (to_tcp) {
    tcp_->input(ingress, std::move(packet), now_);
  } else {
    udp_->input(ingress, std::move(packet), now_);
  }
  return true;
}

void IpLayer::input_frame(Interface& interface, Packet&& packet) noexcept {
  ++statistics_.received;
  if (usual_frame(interface, packet)) { return; }
  if constexpr (features::kRaw) {
    if (frame_observer_) [[unlikely]] { frame_observer_->frame(interface, packet, false); }
  }
  if (!interface.is_ethernet()) {
    input_ip(interface.index, std::move(packet), false);
    return;
  }
  const auto frame = wire::EthernetView::parse(packet.data());
  // A tag with a priority alone is no VLAN; a VLAN's frames are another interface's.
  if (!frame || frame->vlan() != wire::kNoVlan) {
    ++(frame ? statistics_.not_for_us : statistics_.malformed);
    return;
  }
  const MacAddress destination = frame->destination();
  const bool to_many = destination.is_multicast();
  if (!to_many && destination != interface.hardware_address) {
    ++statistics_.not_for_us;
    return;
  }
  const EtherType type = frame->type();
  packet.trim_front(frame->header_size());
  if (type == EtherType::arp && features::kIpv4) {
    neighbors_.input_arp(interface, packet.data(), now_);
  } else if (type == EtherType::ipv4 || type == EtherType::ipv6) {
    input_ip(interface.index, std::move(packet), to_many);
  } else {
    ++statistics_.unknown_protocol;
  }
}

void IpLayer::input_ip(InterfaceIndex interface, Packet&& packet, bool link_to_many) noexcept {
  packet.buffer()->network_header = static_cast<std::uint16_t>(packet.headroom());
  const unsigned version = packet.size() == 0 ? 0 : wire::load_u8(packet.data().data()) >> 4;
  if (features::kIpv4 && version == 4) {
    input_v4(interface, std::move(packet), link_to_many);
  } else if (features::kIpv6 && version == 6) {
    input_v6(interface, std::move(packet), link_to_many);
  } else {
    ++statistics_.malformed;
  }
}

IpLayer::For IpLayer::whom(InterfaceIndex interface, const Address& source, const Address& destination) const noexcept {
  if (destination.is_multicast()) { return groups_.accepts(interface, destination, source) ? For::many : For::nobody; }
  if (destination.is_loopback()) { return interface == kLoopback ? For::us : For::nobody; }
  // An address is the host's, whichever interface it is on; but a link-local one is known on its link alone.
  const bool on_link_only = destination.is_v6() && destination.is_link_local() && interface != kLoopback;
  if (is_local(destination, on_link_only ? interface : 0)) { return For::us; }
  return is_broadcast(interface, destination) ? For::many : For::nobody;
}

void IpLayer::input_v4(InterfaceIndex interface, Packet&& packet, bool link_to_many) noexcept {
  const auto ip = wire::Ipv4View::parse(packet.data());
  if (!ip || !ip->checksum_valid()) {
    ++statistics_.malformed;
    return;
  }
  Ingress ingress{.source = Address::from_wire(ip->source_bytes()),
                  .destination = Address::from_wire(ip->destination_bytes()),
                  .interface = interface,
                  .protocol = static_cast<Protocol>(ip->protocol()),
                  .hop_limit = ip->hop_limit(),
                  .traffic_class = ip->traffic_class(),
                  .to_many = link_to_many,
                  .checksum_verified = packet.offload().checksum_verified};
  if (link_to_many || !known_pair(ingress.source, ingress.destination, interface)) {
    const For to = whom(interface, ingress.source, ingress.destination);
    // A frame to all stations with a packet to one host is no such packet (RFC 1122 §3.3.6).
    if (to == For::nobody || (to == For::us && link_to_many)) {
      ++statistics_.not_for_us;
      return;
    }
    // RFC 1122 §3.2.1.3, and what claims to come from this host (LAND).
    const Ipv4Address source = ip->source();
    const bool from_outside = interface != kLoopback && (packet.buffer()->flags & kOwn) == 0;
    if (source.is_multicast() || source.is_broadcast() || is_broadcast(interface, ingress.source) ||
        (from_outside && (source.is_loopback() || is_local(ingress.source, 0)))) {
      ++statistics_.bad_source;
      return;
    }
    ingress.to_many = to == For::many || source.is_unspecified();
    if (from_outside && !ingress.to_many) { remember_pair(ingress.source, ingress.destination, interface); }
  }
  if (ip->is_fragment()) {
    if constexpr (features::kFragments) {
      const Fragment fragment{.source = ingress.source,
                              .destination = ingress.destination,
                              .identification = ip->identification(),
                              .protocol = ingress.protocol,
                              .offset = ip->fragment_offset(),
                              .more = ip->more_fragments(),
                              .data = ip->payload(),
                              .header = ip->header()};
      Packet whole =
          reassembly_.input(fragment, now_, [this] { return large_pool_ ? large_pool_->allocate(0) : Packet(); });
      if (!whole) { return; }
      // One packet again: no fragment, of the full length.
      std::byte* const header = whole.data().data();
      wire::store_be16(header + 2, static_cast<std::uint32_t>(whole.size()));
      wire::store_be16(header + 6, 0);
      wire::store_be16(header + 10, 0);
      const std::size_t size = (wire::load_u8(header) & 0x0fU) * std::size_t{4};
      wire::store_be16(header + 10, wire::sum(whole.data().first(size)).checksum());
      whole.buffer()->flags = packet.buffer()->flags | kPutTogether;
      input_ip(interface, std::move(whole), link_to_many);
    } else {
      ++statistics_.unknown_protocol;
    }
    return;
  }
  packet.truncate(ip->total_length());
  packet.trim_front(ip->header_size());
  deliver(ingress, std::move(packet));
}

void IpLayer::input_v6(InterfaceIndex interface, Packet&& packet, bool link_to_many) noexcept {
  const auto ip = wire::Ipv6View::parse(packet.data());
  if (!ip) {
    ++statistics_.malformed;
    return;
  }
  Ingress ingress{.source = Address::from_wire(ip->source()),
                  .destination = Address::from_wire(ip->destination()),
                  .interface = interface,
                  .protocol = Protocol::no_next_header,
                  .hop_limit = ip->hop_limit(),
                  .traffic_class = ip->traffic_class(),
                  .to_many = link_to_many,
                  .checksum_verified = packet.offload().checksum_verified};
  // An IPv4-mapped address is never on the wire (RFC 4038 §4.2), and would be taken for an IPv4 one here.
  if (ingress.source.is_v4() || ingress.destination.is_v4()) {
    ++statistics_.bad_source;
    return;
  }
  if (link_to_many || !known_pair(ingress.source, ingress.destination, interface)) {
    const For to = whom(interface, ingress.source, ingress.destination);
    if (to == For::nobody || (to == For::us && link_to_many)) {
      ++statistics_.not_for_us;
      return;
    }
    // What a host of this link looks for an address with comes from this host's own, when a link loops packets back.
    const bool from_outside = interface != kLoopback && (packet.buffer()->flags & kOwn) == 0;
    if (ingress.source.is_multicast() ||
        (from_outside && (ingress.source.is_loopback() || is_local(ingress.source, 0)))) {
      ++statistics_.bad_source;
      return;
    }
    ingress.to_many = to == For::many || ingress.source.is_unspecified();
    if (from_outside && !ingress.to_many) { remember_pair(ingress.source, ingress.destination, interface); }
  }
  packet.truncate(wire::kIpv6HeaderSize + ip->payload_length());
  const wire::Ipv6Chain chain = wire::walk_extension_headers(*ip);
  ingress.protocol = static_cast<Protocol>(chain.protocol);
  switch (chain.verdict) {
    case wire::Ipv6Chain::Verdict::discard: ++statistics_.malformed; return;
    case wire::Ipv6Chain::Verdict::parameter_problem:
      send_error(std::move(packet), ingress, static_cast<std::uint8_t>(wire::Icmpv6Type::parameter_problem), chain.code,
                 chain.pointer);
      return;
    case wire::Ipv6Chain::Verdict::fragment: input_fragment_v6(ingress, std::move(packet), chain, link_to_many); return;
    case wire::Ipv6Chain::Verdict::deliver: break;
  }
  next_header_field_ = chain.next_header_field;
  packet.trim_front(chain.offset);
  deliver(ingress, std::move(packet));
}

void IpLayer::input_fragment_v6(const Ingress& ingress, Packet&& packet, const wire::Ipv6Chain& chain,
                                bool link_to_many) noexcept {
  if constexpr (features::kFragments) {
    const auto bytes = packet.data();
    const auto data = bytes.subspan(chain.offset);
    // RFC 8200 §4.5: all but the last are of whole words, and none reaches too far.
    if (chain.more_fragments && data.size() % 8 != 0) {
      send_error(std::move(packet), ingress, static_cast<std::uint8_t>(wire::Icmpv6Type::parameter_problem), 0, 4);
      return;
    }
    if (chain.fragment_offset + data.size() > 0xffff) {
      send_error(std::move(packet), ingress, static_cast<std::uint8_t>(wire::Icmpv6Type::parameter_problem), 0,
                 chain.offset - 6);
      return;
    }
    bytes[chain.next_header_field] = static_cast<std::byte>(chain.protocol);
    const Fragment fragment{.source = ingress.source,
                            .destination = ingress.destination,
                            .identification = chain.identification,
                            .protocol = ingress.protocol,
                            .offset = chain.fragment_offset,
                            .more = chain.more_fragments,
                            .data = data,
                            .header = bytes.first(chain.offset - wire::kFragmentHeaderSize)};
    Packet whole =
        reassembly_.input(fragment, now_, [this] { return large_pool_ ? large_pool_->allocate(0) : Packet(); });
    if (!whole) { return; }
    wire::store_be16(whole.data().data() + 4, static_cast<std::uint32_t>(whole.size() - wire::kIpv6HeaderSize));
    whole.buffer()->flags = packet.buffer()->flags | kPutTogether;
    input_ip(ingress.interface, std::move(whole), link_to_many);
  } else {
    ++statistics_.unknown_protocol;
  }
}

void IpLayer::deliver(const Ingress& ingress, Packet&& packet) noexcept {
  const bool v4 = ingress.destination.is_v4();
  bool wanted = false;
  if constexpr (features::kRaw) {
    if (packet_observer_) [[unlikely]] { wanted = packet_observer_->packet(ingress, packet); }
  }
  switch (ingress.protocol) {
    case Protocol::tcp:
      if constexpr (features::kTcp) {
        if (tcp_) { return tcp_->input(ingress, std::move(packet), now_); }
      }
      break;
    case Protocol::udp:
      if constexpr (features::kUdp) {
        if (udp_) { return udp_->input(ingress, std::move(packet), now_); }
      }
      break;
    case Protocol::icmpv4:
      if (v4) { return input_icmpv4(ingress, std::move(packet)); }
      break;
    case Protocol::icmpv6:
      if (!v4) { return input_icmpv6(ingress, std::move(packet)); }
      break;
    case Protocol::igmp:
      if constexpr (features::kMulticast) {
        if (v4) {
          if (Interface* const in = interface(ingress.interface)) {
            groups_.input_igmp(*in, ingress, packet.data(), now_);
          }
          return;
        }
      }
      break;
    case Protocol::no_next_header: return;
    default: break;
  }
  if (wanted) { return; }
  ++statistics_.unknown_protocol;
  restore_network_header(packet);
  if (v4) {
    send_error(std::move(packet), ingress, static_cast<std::uint8_t>(wire::Icmpv4Type::destination_unreachable),
               static_cast<std::uint8_t>(wire::Icmpv4Unreachable::protocol), 0);
  } else {
    send_error(std::move(packet), ingress, static_cast<std::uint8_t>(wire::Icmpv6Type::parameter_problem),
               static_cast<std::uint8_t>(wire::Icmpv6ParameterProblem::unknown_next_header), next_header_field_);
  }
}

}  // namespace nal::embedded

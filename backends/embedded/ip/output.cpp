#include <algorithm>
#include <cstring>

#include "backends/embedded/ip/ip_layer.hpp"
#include "backends/embedded/wire/icmp.hpp"
#include "backends/embedded/wire/ipv4.hpp"
#include "backends/embedded/wire/ipv6.hpp"

namespace nal::embedded {

namespace {

/// The device's offset of the transport header, which now stands `header` bytes into the packet.
void place_checksum(Packet& packet, std::size_t header) noexcept {
  if (packet.offload().checksum_offset != 0) { packet.offload().checksum_start = static_cast<std::uint16_t>(header); }
}

}  // namespace

Result<> IpLayer::send(Packet&& packet, const Egress& egress, Route& route) noexcept {
  from_outside();
  Interface* const out = interface(route.interface);
  if (out ? !out->up : !features::kLoopback || route.interface != kLoopback) { return Unexpected(Error::network_down); }
  if (features::kIpv4 && (!features::kIpv6 || egress.destination.is_v4())) {
    return send_v4(std::move(packet), egress, route, out);
  }
  return send_v6(std::move(packet), egress, route, out);
}

bool IpLayer::send_known(Packet& packet, const KnownWay& way) noexcept {
  if constexpr (!features::kFastPaths || !features::kIpv4) { return false; }
  constexpr std::size_t kHeaders = wire::kEthernetHeaderSize + wire::kIpv4HeaderSize;
  const std::size_t size = wire::kIpv4HeaderSize + packet.size();
  const std::size_t place = way.interface - std::size_t{1};
  if (!way.destination.is_v4() || place >= storage_.interfaces.size()) { return false; }
  Interface& out = storage_.interfaces[place];
  driver::Offload& offload = packet.offload();
  if (!out.up || !out.is_ethernet() || size > way.mtu || offload.segment_size != 0) { return false; }
  if (features::kRaw && frame_observer_) { return false; }
  from_outside();
  const MacAddress* const station = neighbors_.known(out, way.next_hop, way.neighbor, now_);
  if (!station) { return false; }
  std::byte* const at = packet.prepend(kHeaders).data();
  wire::store_mac(at, *station);
  wire::store_mac(at + 6, out.hardware_address);
  wire::store_be16(at + 12, static_cast<std::uint16_t>(EtherType::ipv4));
  wire::emit_plain_ipv4(at + wire::kEthernetHeaderSize,
                        {.payload_size = size - wire::kIpv4HeaderSize,
                         .traffic_class = way.traffic_class,
                         .identification = way.dont_fragment ? std::uint16_t{0} : identification_++,
                         .dont_fragment = way.dont_fragment,
                         .hop_limit = way.hop_limit != 0 ? way.hop_limit : out.hop_limit,
                         .protocol = static_cast<std::uint8_t>(way.protocol)},
                        way.source.wire_v4(), way.destination.wire_v4());
  if (offload.checksum_offset != 0) { offload.checksum_start = kHeaders; }
  if (out.driver->transmit(packet, now_)) {
    ++statistics_.sent;
  } else {
    ++statistics_.device_full;
    const Packet dropped = std::move(packet);
  }
  return true;
}

std::uint8_t IpLayer::hop_limit(const Egress& egress, const Interface* out) noexcept {
  if (egress.hop_limit != 0) { return egress.hop_limit; }
  return out ? out->hop_limit : 64;
}

Result<> IpLayer::send_v4(Packet&& packet, const Egress& egress, Route& route, Interface* out) noexcept {
  const std::size_t size = wire::kIpv4HeaderSize + packet.size();
  if (size > route.mtu && packet.offload().segment_size == 0) {
    if (!features::kFragments || egress.dont_fragment) { return Unexpected(Error::message_size); }
    return cut_v4(std::move(packet), egress, route, out);
  }
  // RFC 6864 §4: the identification of what is no fragment says nothing.
  const wire::Ipv4Header header{.payload_size = packet.size(),
                                .traffic_class = egress.traffic_class,
                                .identification = egress.dont_fragment ? std::uint16_t{0} : identification_++,
                                .dont_fragment = egress.dont_fragment,
                                .hop_limit = hop_limit(egress, out),
                                .protocol = static_cast<std::uint8_t>(egress.protocol),
                                .source = egress.source.v4(),
                                .destination = egress.destination.v4()};
  header.emit(packet.prepend(wire::kIpv4HeaderSize));
  place_checksum(packet, wire::kIpv4HeaderSize);
  pass_on(std::move(packet), egress, route, out);
  return {};
}

Result<> IpLayer::send_v6(Packet&& packet, const Egress& egress, Route& route, Interface* out) noexcept {
  const std::size_t size = wire::kIpv6HeaderSize + packet.size();
  if (size > route.mtu && packet.offload().segment_size == 0) {
    if (!features::kFragments || egress.dont_fragment) { return Unexpected(Error::message_size); }
    return cut_v6(std::move(packet), egress, route, out);
  }
  emit_v6_header(packet, egress, static_cast<std::uint8_t>(egress.protocol), hop_limit(egress, out));
  place_checksum(packet, wire::kIpv6HeaderSize);
  pass_on(std::move(packet), egress, route, out);
  return {};
}

void IpLayer::emit_v6_header(Packet& packet, const Egress& egress, std::uint8_t next_header,
                             std::uint8_t hops) noexcept {
  const wire::Ipv6Header header{.traffic_class = egress.traffic_class,
                                .payload_length = packet.size(),
                                .next_header = next_header,
                                .hop_limit = hops,
                                .source = wire::Ipv6Bytes(egress.source.wire()),
                                .destination = wire::Ipv6Bytes(egress.destination.wire())};
  header.emit(packet.prepend(wire::kIpv6HeaderSize));
}

Result<> IpLayer::cut_v4(Packet&& packet, const Egress& egress, Route& route, Interface* out) noexcept {
  const std::size_t piece = (route.mtu - wire::kIpv4HeaderSize) / 8 * 8;
  const std::size_t count = (packet.size() + piece - 1) / piece;
  // All of it or none: a part is of no use to anybody.
  if (pool_.available() < count) { return Unexpected(Error::would_block); }
  const std::uint16_t identification = random_.u16();
  const auto data = packet.data();
  for (std::size_t at = 0; at < data.size(); at += piece) {
    const auto part = data.subspan(at, std::min(piece, data.size() - at));
    Packet fragment = pool_.allocate(headroom_);
    std::memcpy(fragment.append(part.size()).data(), part.data(), part.size());
    const wire::Ipv4Header header{.payload_size = part.size(),
                                  .traffic_class = egress.traffic_class,
                                  .identification = identification,
                                  .dont_fragment = false,
                                  .more_fragments = at + part.size() < data.size(),
                                  .fragment_offset = at,
                                  .hop_limit = hop_limit(egress, out),
                                  .protocol = static_cast<std::uint8_t>(egress.protocol),
                                  .source = egress.source.v4(),
                                  .destination = egress.destination.v4()};
    header.emit(fragment.prepend(wire::kIpv4HeaderSize));
    pass_on(std::move(fragment), egress, route, out);
  }
  return {};
}

Result<> IpLayer::cut_v6(Packet&& packet, const Egress& egress, Route& route, Interface* out) noexcept {
  const std::size_t piece = (route.mtu - wire::kIpv6HeaderSize - wire::kFragmentHeaderSize) / 8 * 8;
  const std::size_t count = (packet.size() + piece - 1) / piece;
  if (pool_.available() < count) { return Unexpected(Error::would_block); }
  const std::uint32_t identification = random_.u32();  // RFC 7739
  const auto data = packet.data();
  for (std::size_t at = 0; at < data.size(); at += piece) {
    const auto part = data.subspan(at, std::min(piece, data.size() - at));
    Packet fragment = pool_.allocate(headroom_);
    const wire::FragmentHeader header{.next_header = static_cast<std::uint8_t>(egress.protocol),
                                      .offset = at,
                                      .more = at + part.size() < data.size(),
                                      .identification = identification};
    header.emit(fragment.append(wire::kFragmentHeaderSize));
    std::memcpy(fragment.append(part.size()).data(), part.data(), part.size());
    emit_v6_header(fragment, egress, static_cast<std::uint8_t>(wire::NextHeader::fragment), hop_limit(egress, out));
    pass_on(std::move(fragment), egress, route, out);
  }
  return {};
}

void IpLayer::pass_on(Packet&& packet, const Egress& egress, Route& route, Interface* out) noexcept {
  if (features::kLoopback && !out) {
    to_loopback(std::move(packet), kLoopback);
    return;
  }
  const bool to_own_group = features::kMulticast && egress.loop_back && egress.destination.is_multicast() &&
                            groups_.accepts(route.interface, egress.destination, egress.source);
  if (features::kLoopback && (route.broadcast || to_own_group)) {
    if (Packet copy = packet.copy()) {
      copy.buffer()->flags = kOwn;
      to_loopback(std::move(copy), route.interface);
    }
  }
  if (route.broadcast && out->is_ethernet()) {
    send_frame(*out, MacAddress::broadcast(), EtherType::ipv4, std::move(packet), now_);
  } else {
    const MacAddress* const station = neighbors_.known(*out, route.next_hop, route.neighbor, now_);
    if (!station) { return neighbors_.send(*out, route.next_hop, route.neighbor, std::move(packet), now_); }
    const bool v4 = features::kIpv4 && (!features::kIpv6 || egress.destination.is_v4());
    send_frame(*out, *station, v4 ? EtherType::ipv4 : EtherType::ipv6, std::move(packet), now_);
  }
}

void IpLayer::hand_over(Packet&& packet, const Egress& egress, Route& route, Interface* out) noexcept {
  pass_on(std::move(packet), egress, route, out);
}

void IpLayer::send_frame(Interface& interface, const MacAddress& destination, EtherType type, Packet&& packet,
                         Instant now) noexcept {
  now_ = now;
  if (interface.is_ethernet()) {
    const wire::EthernetHeader header{.destination = destination, .source = interface.hardware_address, .type = type};
    header.emit(packet.prepend(header.size()));
    if (packet.offload().checksum_start != 0) {
      packet.offload().checksum_start = static_cast<std::uint16_t>(packet.offload().checksum_start + header.size());
    }
  }
  if constexpr (features::kRaw) {
    if (frame_observer_) [[unlikely]] { frame_observer_->frame(interface, packet, true); }
  }
  if (interface.driver->transmit(packet, now_)) {
    ++statistics_.sent;
    return;
  }
  ++statistics_.device_full;
  const Packet dropped = std::move(packet);
}

void IpLayer::send_from(InterfaceIndex index, const Address& source, const Address& destination, Protocol protocol,
                        Packet&& packet, Instant now) noexcept {
  if (Interface* const out = interface(index)) {
    send_control(*out, source, destination, protocol, std::move(packet), now);
  }
}

void IpLayer::send_control(Interface& out, const Address& source, const Address& destination, Protocol protocol,
                           Packet&& message, Instant now) noexcept {
  // Whoever has something to say so.
  constexpr bool kAnybody = features::kIpv6 || features::kMulticast || features::kDhcpv4;
  now_ = now;
  if (!kAnybody || !out.up) { return; }
  Packet packet = std::move(message);
  const Egress egress{.source = source,
                      .destination = destination,
                      .protocol = protocol,
                      .hop_limit = 0,
                      .traffic_class = protocol == Protocol::igmp ? std::uint8_t{0xc0} : std::uint8_t{0},
                      .dont_fragment = true,
                      .loop_back = false};
  if (destination.is_v4()) {
    const wire::Ipv4Header header{.payload_size = packet.size(),
                                  .traffic_class = egress.traffic_class,
                                  .identification = 0,
                                  .dont_fragment = true,
                                  .hop_limit = protocol == Protocol::igmp ? std::uint8_t{1} : out.hop_limit,
                                  .protocol = static_cast<std::uint8_t>(protocol),
                                  .source = source.v4(),
                                  .destination = destination.v4(),
                                  .router_alert = protocol == Protocol::igmp};
    header.emit(packet.prepend(header.size()));
  } else if (protocol != Protocol::icmpv6) {
    emit_v6_header(packet, egress, static_cast<std::uint8_t>(protocol), out.hop_limit);
  } else {
    const auto bytes = packet.data();
    wire::store_be16(bytes.data() + 2, 0);
    const wire::Sum pseudo =
        wire::pseudo_header_sum(egress.source.wire(), egress.destination.wire(), wire::kIcmpv6Protocol, bytes.size());
    wire::store_be16(bytes.data() + 2, (pseudo + wire::sum(bytes)).checksum());
    const auto type = wire::load_u8(bytes.data());
    const bool mld = (type >= static_cast<std::uint8_t>(wire::Icmpv6Type::multicast_listener_query) &&
                      type <= static_cast<std::uint8_t>(wire::Icmpv6Type::multicast_listener_done)) ||
                     type == static_cast<std::uint8_t>(wire::Icmpv6Type::multicast_listener_report_v2);
    auto next_header = wire::kIcmpv6Protocol;
    if (mld) {
      wire::emit_router_alert(packet.prepend(wire::kRouterAlertHeaderSize), next_header);
      next_header = static_cast<std::uint8_t>(wire::NextHeader::hop_by_hop);
    }
    emit_v6_header(packet, egress, next_header, mld ? std::uint8_t{1} : std::uint8_t{255});
  }
  std::uint16_t hint = 0xffff;
  neighbors_.send(out, destination, hint, std::move(packet), now);
}

}  // namespace nal::embedded

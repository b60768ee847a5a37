#include "backends/embedded/ip/ip_layer.hpp"

namespace nal::embedded {

// What ping and raw sockets send by; a stack without them links none of it.

void IpLayer::wait_for_room(Context& context, Waiter& waiter, InterfaceIndex index, std::size_t size) noexcept {
  Interface* const out = interface(index);
  const bool short_of_packets = !pool_.can_send();
  if (!short_of_packets && out && out->up && !out->driver->can_transmit()) {
    out->driver->wait(context, waiter, true);
    return;
  }
  // What is large goes in a large one, and leaves in several others.
  const bool large = headroom_ + size > pool_.capacity() && large_pool_ && large_pool_->available() == 0;
  driver::PacketPool& pool = large && !short_of_packets ? *large_pool_ : pool_;
  pool.returned().add(context, waiter, Wait::writable);
}

Result<> IpLayer::send_whole(Packet&& packet, Route& route) noexcept {
  from_outside();
  const auto bytes = packet.data();
  const bool v4 = features::kIpv4 && !bytes.empty() && wire::load_u8(bytes.data()) >> 4 == 4;
  const std::size_t least = v4 ? wire::kIpv4HeaderSize : wire::kIpv6HeaderSize;
  if (bytes.size() < least) { return Unexpected(Error::invalid_argument); }
  if (bytes.size() > route.mtu) { return Unexpected(Error::message_size); }
  Egress egress{.source = {},
                .destination = {},
                .protocol = Protocol::no_next_header,
                .hop_limit = 0,
                .traffic_class = 0,
                .dont_fragment = true};
  if (v4) {
    const std::size_t header = (wire::load_u8(bytes.data()) & 0x0fU) * std::size_t{4};
    if (header < least || header > bytes.size()) { return Unexpected(Error::invalid_argument); }
    wire::store_be16(bytes.data() + 2, static_cast<std::uint32_t>(bytes.size()));
    if (wire::load_be16(bytes.data() + 4) == 0) { wire::store_be16(bytes.data() + 4, identification_++); }
    if (wire::load_ipv4(bytes.data() + 12).is_unspecified()) { wire::store_ipv4(bytes.data() + 12, route.source.v4()); }
    wire::store_be16(bytes.data() + 10, 0);
    wire::store_be16(bytes.data() + 10, wire::sum(bytes.first(header)).checksum());
    egress.source = Address(wire::load_ipv4(bytes.data() + 12));
    egress.destination = Address(wire::load_ipv4(bytes.data() + 16));
  } else {
    if (wire::load_u8(bytes.data()) >> 4 != 6) { return Unexpected(Error::invalid_argument); }
    wire::store_be16(bytes.data() + 4, static_cast<std::uint32_t>(bytes.size() - wire::kIpv6HeaderSize));
    egress.source = Address::from_wire(wire::load_ipv6(bytes.data() + 8));
    if (egress.source.is_unspecified()) {
      egress.source = route.source;
      wire::store_ipv6(bytes.data() + 8, wire::Ipv6Bytes(egress.source.wire()));
    }
    egress.destination = Address::from_wire(wire::load_ipv6(bytes.data() + 24));
  }
  Interface* const out = interface(route.interface);
  if (out ? !out->up : route.interface != kLoopback) { return Unexpected(Error::network_down); }
  hand_over(std::move(packet), egress, route, out);
  return {};
}

Packet IpLayer::allocate_frame(InterfaceIndex index) noexcept {
  const Interface* const out = interface(index);
  return out ? pool_.allocate_to_send(out->driver->capabilities().headroom) : Packet();
}

Result<> IpLayer::send_raw_frame(InterfaceIndex index, Packet&& frame) noexcept {
  from_outside();
  Packet packet = std::move(frame);
  Interface* const out = interface(index);
  if (!out || !out->up) { return Unexpected(Error::network_down); }
  if (!out->driver->can_transmit()) { return Unexpected(Error::would_block); }
  if constexpr (features::kRaw) {
    if (frame_observer_) { frame_observer_->frame(*out, packet, true); }
  }
  Result<> sent = out->driver->transmit(packet, now_);
  ++(sent ? statistics_.sent : statistics_.device_full);
  return sent;
}

}  // namespace nal::embedded

#include "backends/embedded/ip/nd.hpp"

#include "backends/embedded/wire/ndp.hpp"

namespace nal::embedded {
namespace {

/// The fixed part of the largest message that a host sends, with both options that it may have.
constexpr std::size_t kMaxSize = 24 + 8 + 8;

wire::Ipv6Bytes bytes_of(const Address& address) noexcept { return wire::Ipv6Bytes(address.wire().data(), 16); }

/// A packet with `kMaxSize` bytes to write a message into.
Packet allocate(Link& link) noexcept {
  Packet packet = link.allocate();
  if (packet && packet.tailroom() < kMaxSize) { return {}; }
  if (packet) { packet.append(kMaxSize); }
  return packet;
}

void send(Link& link, Interface& interface, const Address& source, const Address& destination, Packet&& packet,
          wire::NdpWriter& writer, Instant now) noexcept {
  const std::size_t size = writer.finish(bytes_of(source), bytes_of(destination)).size();
  packet.truncate(size);
  wire::store_be16(packet.data().data() + 2, 0);  // `send_control` puts the checksum in
  link.send_control(interface, source, destination, Protocol::icmpv6, std::move(packet), now);
}

}  // namespace

bool send_neighbor_solicitation(Link& link, Interface& interface, const Address& source, const Address& destination,
                                const Address& target, std::span<const std::byte> nonce, Instant now) noexcept {
  Packet packet = allocate(link);
  if (!packet) { return false; }
  wire::NdpWriter writer(packet.data(), wire::NdpWriter::NeighborSolicitation{bytes_of(target)});
  if (!source.is_unspecified()) {
    writer.link_layer(wire::NdpOptionType::source_link_layer, interface.hardware_address);
  }
  if (!nonce.empty()) { writer.nonce(nonce); }
  send(link, interface, source, destination, std::move(packet), writer, now);
  return true;
}

bool send_neighbor_advertisement(Link& link, Interface& interface, const Address& destination, const Address& target,
                                 bool solicited, Instant now) noexcept {
  Packet packet = allocate(link);
  if (!packet) { return false; }
  wire::NdpWriter writer(packet.data(),
                         wire::NdpWriter::NeighborAdvertisement{false, solicited, true, bytes_of(target)});
  writer.link_layer(wire::NdpOptionType::target_link_layer, interface.hardware_address);
  send(link, interface, target, destination, std::move(packet), writer, now);
  return true;
}

bool send_router_solicitation(Link& link, Interface& interface, const Address& source, Instant now) noexcept {
  Packet packet = allocate(link);
  if (!packet) { return false; }
  wire::NdpWriter writer(packet.data(), wire::NdpWriter::RouterSolicitation{});
  if (!source.is_unspecified()) {
    writer.link_layer(wire::NdpOptionType::source_link_layer, interface.hardware_address);
  }
  send(link, interface, source, Ipv6Address::all_routers(), std::move(packet), writer, now);
  return true;
}

}  // namespace nal::embedded

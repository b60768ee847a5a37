#pragma once
#include "backends/embedded/ip/network.hpp"
#include "backends/embedded/wire/ipv4.hpp"
#include "backends/embedded/wire/ipv6.hpp"

namespace nal::embedded {

/// What an IP header says that has been looked at before.
struct IpHeaders {
  Address source;
  Address destination;
  std::uint8_t hop_limit;
};

/// What the checksums of TCP and UDP cover beside their own bytes (RFC 9293 §3.1, RFC 8200 §8.1). Both addresses
/// are of one family.
inline wire::Sum pseudo_header_sum(const Address& source, const Address& destination, Protocol protocol,
                                   std::size_t length) noexcept {
  std::uint64_t total = wire::to_machine32(static_cast<std::uint32_t>(length + static_cast<std::size_t>(protocol)));
  if (source.is_v4()) {
    total += source.wire_v4();
    total += destination.wire_v4();
  } else {
    total += source.sum_of_words();
    total += destination.sum_of_words();
  }
  return wire::Sum::from_machine_words(total);
}

/// Of a packet that the IP layer has handed up: `PacketBuffer::network_header` tells where its IP header is.
inline IpHeaders headers_of(Packet& packet) noexcept {
  const std::byte* const ip = packet.buffer()->memory() + packet.buffer()->network_header;
  if (features::kIpv4 && wire::load_u8(ip) >> 4 == 4) {
    return {Address::from_wire(std::span<const std::byte, 4>(ip + 12, 4)),
            Address::from_wire(std::span<const std::byte, 4>(ip + 16, 4)), wire::load_u8(ip + 8)};
  }
  return {Address::from_wire(wire::load_ipv6(ip + 8)), Address::from_wire(wire::load_ipv6(ip + 24)),
          wire::load_u8(ip + 7)};
}

/// The packet with its IP header in front again.
inline void restore_network_header(Packet& packet) noexcept {
  packet.prepend(packet.headroom() - packet.buffer()->network_header);
}

}  // namespace nal::embedded

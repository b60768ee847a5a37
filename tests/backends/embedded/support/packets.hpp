#pragma once
#include <initializer_list>
#include <span>
#include <string_view>

#include "backends/embedded/address.hpp"
#include "backends/embedded/wire/ethernet.hpp"
#include "backends/embedded/wire/icmp.hpp"
#include "backends/embedded/wire/ipv4.hpp"
#include "backends/embedded/wire/ipv6.hpp"
#include "backends/embedded/wire/udp.hpp"
#include "tests/backends/embedded/support/test_device.hpp"

namespace nal::embedded::test {

// Packets as a test writes them down.

inline Bytes bytes(std::string_view text) {
  const auto data = std::as_bytes(std::span(text));
  return {data.begin(), data.end()};
}
/// `size` bytes that tell their place.
inline Bytes pattern(std::size_t size, std::size_t first = 0) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) { out[i] = static_cast<std::byte>((first + i) * 7 + (first + i) / 251); }
  return out;
}
inline Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
inline Bytes part(const Bytes& all, std::size_t from, std::size_t size) {
  const auto begin = all.begin() + static_cast<std::ptrdiff_t>(from);
  return {begin, begin + static_cast<std::ptrdiff_t>(size)};
}

struct IpFields {
  Address source;
  Address destination;
  std::uint8_t protocol = 17;
  std::uint8_t hop_limit = 64;
  std::uint8_t traffic_class = 0;
};

inline Bytes ipv4(const IpFields& fields, const Bytes& payload, std::uint16_t id = 0, std::size_t offset = 0,
                  bool more = false, bool dont_fragment = false) {
  Bytes out(20);
  wire::Ipv4Header{.payload_size = payload.size(),
                   .traffic_class = fields.traffic_class,
                   .identification = id,
                   .dont_fragment = dont_fragment,
                   .more_fragments = more,
                   .fragment_offset = offset,
                   .hop_limit = fields.hop_limit,
                   .protocol = fields.protocol,
                   .source = fields.source.v4(),
                   .destination = fields.destination.v4()}
      .emit(out);
  return out + payload;
}
inline Bytes ipv6(const IpFields& fields, const Bytes& payload) {
  Bytes out(40);
  wire::Ipv6Header{.traffic_class = fields.traffic_class,
                   .payload_length = payload.size(),
                   .next_header = fields.protocol,
                   .hop_limit = fields.hop_limit,
                   .source = wire::Ipv6Bytes(fields.source.wire()),
                   .destination = wire::Ipv6Bytes(fields.destination.wire())}
      .emit(out);
  return out + payload;
}
inline Bytes ipv6_fragment(IpFields fields, const Bytes& payload, std::uint32_t id, std::size_t offset, bool more) {
  Bytes header(8);
  wire::FragmentHeader{.next_header = fields.protocol, .offset = offset, .more = more, .identification = id}.emit(
      header);
  fields.protocol = 44;
  return ipv6(fields, header + payload);
}
inline Bytes ip(const IpFields& fields, const Bytes& payload) {
  return fields.source.is_v4() ? ipv4(fields, payload) : ipv6(fields, payload);
}

/// A UDP header and payload, with its checksum.
inline Bytes udp(const Address& source, const Address& destination, std::uint16_t from, std::uint16_t to,
                 const Bytes& payload) {
  Bytes header(8);
  wire::UdpHeader{from, to, payload.size()}.emit(
      header, wire::pseudo_header_sum(source.wire(), destination.wire(), 17, 8 + payload.size()), wire::sum(payload));
  return header + payload;
}
inline Bytes icmpv4(wire::Icmpv4Type type, std::uint8_t code, std::uint32_t rest, const Bytes& body) {
  Bytes message = Bytes(8) + body;
  wire::IcmpHeader::of(type, code, rest).emit(message);
  return message;
}
inline Bytes icmpv6(const Address& source, const Address& destination, wire::Icmpv6Type type, std::uint8_t code,
                    std::uint32_t rest, const Bytes& body) {
  Bytes message = Bytes(8) + body;
  wire::IcmpHeader::of(type, code, rest)
      .emit(message, wire::pseudo_header_sum(source.wire(), destination.wire(), 58, message.size()));
  return message;
}
inline Bytes ethernet(const MacAddress& destination, const MacAddress& source, wire::EtherType type,
                      const Bytes& payload) {
  Bytes out(14);
  wire::EthernetHeader{.destination = destination, .source = source, .type = type}.emit(out);
  return out + payload;
}

}  // namespace nal::embedded::test

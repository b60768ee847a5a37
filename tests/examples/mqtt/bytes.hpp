#pragma once
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "examples/mqtt/failure.hpp"
#include "examples/mqtt/packet.hpp"
#include "examples/mqtt/text.hpp"
#include "examples/mqtt/version.hpp"

namespace mqtt::test {

using Bytes = std::vector<std::byte>;

inline Bytes bytes(std::initializer_list<unsigned> values) {
  Bytes out;
  for (const unsigned value : values) { out.push_back(static_cast<std::byte>(value)); }
  return out;
}
inline Bytes bytes(std::string_view text) {
  const auto view = bytes_of(text);
  return {view.begin(), view.end()};
}
inline Bytes& operator+=(Bytes& a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
inline Bytes operator+(Bytes a, const Bytes& b) { return a += b; }

/// A text behind its length.
inline Bytes text_field(std::string_view text) {
  return bytes({static_cast<unsigned>(text.size() >> 8), static_cast<unsigned>(text.size() & 0xFF)}) + bytes(text);
}
/// A packet whose length field is right.
inline Bytes packet(unsigned first_byte, const Bytes& body) {
  Bytes out = bytes({first_byte});
  std::size_t remaining = body.size();
  do {
    out.push_back(static_cast<std::byte>((remaining & 0x7F) | (remaining > 0x7F ? 0x80 : 0)));
    remaining >>= 7;
  } while (remaining != 0);
  return out + body;
}

/// A packet as the encoder writes it; empty when it will not.
template <class Packet>
Bytes encoded(const Packet& value, std::size_t room = 70'000) {
  Bytes out(room);
  const auto size = encode(out, value);
  out.resize(size.value_or(0));
  return out;
}
template <class Packet>
Bytes encoded5(const Packet& value, std::size_t room = 70'000) {
  Bytes out(room);
  const auto size = encode5(out, value);
  out.resize(size.value_or(0));
  return out;
}
inline Bytes empty_packet(PacketType type) { return bytes({static_cast<unsigned>(type) << 4, 0}); }
inline Bytes connack(bool session_present = false, ConnectCode code = ConnectCode::accepted) {
  return bytes({0x20, 2, session_present ? 1U : 0U, static_cast<unsigned>(code)});
}
/// PUBACK, PUBREC, PUBREL, PUBCOMP or UNSUBACK.
inline Bytes acknowledgement(PacketType type, unsigned packet_id) {
  return encoded(Acknowledge{type, static_cast<std::uint16_t>(packet_id), {}, {}});
}
inline Bytes puback(unsigned packet_id) { return bytes({0x40, 2, packet_id >> 8, packet_id & 0xFF}); }
inline Bytes suback(unsigned packet_id, unsigned code) {
  return bytes({0x90, 3, packet_id >> 8, packet_id & 0xFF, code});
}
inline Bytes unsuback(unsigned packet_id) { return bytes({0xB0, 2, packet_id >> 8, packet_id & 0xFF}); }
inline Bytes message(std::string_view topic, std::string_view payload, QoS qos = QoS::at_most_once,
                     std::uint16_t packet_id = 0, bool duplicate = false) {
  return encoded(Publish{topic, bytes_of(payload), qos, false, duplicate, packet_id});
}

template <Version kVersion>
Parsed<Header> header_of(std::span<const std::byte> whole) {
  return kVersion == Version::mqtt_5 ? Header::parse5(whole) : Header::parse(whole);
}
template <class Packet, Version kVersion>
Parsed<Packet> parse_body(const Header& header, std::span<const std::byte> whole) {
  const auto body = whole.subspan(header.size, header.remaining);
  if constexpr (kVersion == Version::mqtt_5) {
    return Packet::parse5(header, body);
  } else {
    return Packet::parse(header, body);
  }
}

/// The fault that a parser finds in a whole packet; `none` if it takes it, `truncated` while the header is incomplete.
template <class Packet, Version kVersion = Version::mqtt_3_1_1>
Fault fault_of(const Bytes& whole) {
  const auto header = header_of<kVersion>(whole);
  if (!header) { return header.fault(); }
  if (!header->complete() || whole.size() < header->total()) { return Fault::truncated; }
  return parse_body<Packet, kVersion>(*header, whole).fault();
}
template <class Packet>
Fault fault_of5(const Bytes& whole) {
  return fault_of<Packet, Version::mqtt_5>(whole);
}
template <class Packet, Version kVersion = Version::mqtt_3_1_1>
Packet parsed(const Bytes& whole) {
  return *parse_body<Packet, kVersion>(*header_of<kVersion>(whole), whole);
}
template <class Packet>
Packet parsed5(const Bytes& whole) {
  return parsed<Packet, Version::mqtt_5>(whole);
}

/// The whole packets at the front of `stream`, taken off it.
inline std::vector<Bytes> split_packets(Bytes& stream) {
  std::vector<Bytes> packets;
  std::size_t first = 0;
  for (;;) {
    auto header = Header::parse(std::span(stream).subspan(first));
    if (!header) { header = Header::parse5(std::span(stream).subspan(first)); }
    if (!header || !header->complete() || stream.size() - first < header->total()) { break; }
    const auto begin = stream.begin() + static_cast<std::ptrdiff_t>(first);
    packets.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(header->total()));
    first += header->total();
  }
  stream.erase(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(first));
  return packets;
}
inline PacketType type_of(const Bytes& packet) { return static_cast<PacketType>(std::to_integer<int>(packet[0]) >> 4); }

}  // namespace mqtt::test

#include "examples/mqtt/packet_read.hpp"

namespace mqtt {

using namespace detail;

namespace {

constexpr BodySizes kSizes = {0,   // no type
                              13,  // CONNECT: variable header and an empty client identifier
                              2,   // CONNACK: no more of a server that knows 3.1.1 only
                              3,          2,          2, 2, 2,  // PUBLISH to PUBCOMP
                              7,          4,          6, 4,     // SUBSCRIBE to UNSUBACK
                              exactly(0), exactly(0), 0, 0};

/// A reason and properties, each of which may be left out at the end.
Fault take_short(Reader& reader, PacketType type, Reason& reason, Properties& properties) noexcept {
  if (reader.failed()) { return Fault::truncated; }
  if (reader.at_end()) { return Fault::none; }
  reason = static_cast<Reason>(reader.u8());
  if (!is_allowed(reason, type)) { return Fault::return_code; }
  if (reader.at_end()) { return Fault::none; }
  const Fault fault = take_properties(reader, type, properties);
  if (fault != Fault::none) { return fault; }
  return reader.at_end() ? Fault::none : Fault::trailing_bytes;
}

}  // namespace

Parsed<Header> Header::parse5(std::span<const std::byte> bytes) noexcept {
  const auto header = read_header(bytes, PacketType::auth);
  if (!header || !header->complete()) { return header; }
  // 5.0 §1.5.5: no more bytes than the length needs.
  if (header->size != 1 + variable_size(header->remaining)) { return Fault::remaining_length; }
  const bool half_auth = header->type == PacketType::auth && header->remaining == 1;
  if (half_auth || !possible_size(*header, kSizes)) { return Fault::size; }
  return header;
}

Parsed<Connect> Connect::parse5(const Header&, std::span<const std::byte> body) noexcept {
  return read_connect<true>(body);
}

Parsed<Connack> Connack::parse5(const Header&, std::span<const std::byte> body) noexcept {
  Reader reader(body);
  Connack packet;
  const std::uint8_t flags = reader.u8();
  packet.session_present = flags == 1;
  packet.reason = static_cast<Reason>(reader.u8());
  if (body.size() == 2) {
    const bool old_server = flags == 0 && packet.reason == static_cast<Reason>(ConnectCode::protocol_version);
    if (!old_server) { return Fault::size; }
    packet.reason = Reason::unsupported_protocol_version;
    return packet;
  }
  if (!is_allowed(packet.reason, PacketType::connack)) { return Fault::return_code; }
  if (flags > 1 || (packet.session_present && packet.reason != Reason::success)) { return Fault::acknowledge_flags; }
  Fault fault = take_properties<true>(reader, PacketType::connack, packet.properties);
  if (fault == Fault::none) { fault = check_authentication(packet.properties); }
  if (fault != Fault::none) { return fault; }
  return whole(reader, packet);
}

Parsed<Publish> Publish::parse5(const Header& header, std::span<const std::byte> body) noexcept {
  return read_publish<true>(header, body);
}

Parsed<std::size_t> Publish::head_size5(const Header& header, std::span<const std::byte> arrived) noexcept {
  return read_head_size<true>(header, arrived);
}

Parsed<Acknowledge> Acknowledge::parse5(const Header& header, std::span<const std::byte> body) noexcept {
  Reader reader(body);
  Acknowledge packet{header.type, reader.u16()};
  if (!reader.failed() && packet.packet_id == 0) { return Fault::packet_id; }
  const Fault fault = take_short(reader, header.type, packet.reason, packet.properties);
  if (fault != Fault::none) { return fault; }
  return packet;
}

Parsed<FilterList> FilterList::parse5(const Header& header, std::span<const std::byte> body) noexcept {
  return read_list<true>(header, body);
}

Parsed<Suback> Suback::parse5(const Header& header, std::span<const std::byte> body) noexcept {
  Reader reader(body);
  Suback packet;
  packet.type = header.type;
  packet.packet_id = reader.u16();
  if (reader.failed()) { return Fault::truncated; }
  if (packet.packet_id == 0) { return Fault::packet_id; }
  const Fault fault = take_properties<true>(reader, packet.type, packet.properties);
  if (fault != Fault::none) { return fault; }
  packet.codes = reader.rest();
  if (packet.codes.empty()) { return Fault::empty_list; }
  for (const std::byte code : packet.codes) {
    if (!is_allowed(static_cast<Reason>(code), packet.type)) { return Fault::return_code; }
  }
  return packet;
}

Parsed<Disconnect> Disconnect::parse5(const Header& header, std::span<const std::byte> body) noexcept {
  Reader reader(body);
  Disconnect packet;
  const Fault fault = take_short(reader, header.type, packet.reason, packet.properties);
  if (fault != Fault::none) { return fault; }
  return packet;
}

Parsed<Auth> Auth::parse5(const Header& header, std::span<const std::byte> body) noexcept {
  Reader reader(body);
  Auth packet;
  const Fault fault = take_short(reader, header.type, packet.reason, packet.properties);
  if (fault != Fault::none) { return fault; }
  // 5.0 §3.15.2.2.2
  if (!body.empty() && !packet.properties.has(PropertyId::authentication_method)) { return Fault::authentication; }
  return packet;
}

}  // namespace mqtt

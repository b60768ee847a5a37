#include "examples/mqtt/packet_read.hpp"

namespace mqtt {

using namespace detail;

namespace {

constexpr HeaderRules kRules{true,
                             {HeaderRules::kNoType,
                              13,             // CONNECT: variable header and an empty client identifier
                              2,              // CONNACK: no more of a server that knows 3.1.1 only
                              3, 2, 2, 2, 2,  // PUBLISH to PUBCOMP
                              7, 4, 6, 4,     // SUBSCRIBE to UNSUBACK
                              exactly(0), exactly(0), 0, 0}};

}  // namespace

Fault Header::read5(std::span<const std::byte> bytes) noexcept {
  const Fault fault = read_header(bytes, kRules, *this);
  // An AUTH has a reason and its method, or nothing at all.
  return fault == Fault::none && type == PacketType::auth && remaining == 1 && complete() ? Fault::size : fault;
}

Parsed<Header> Header::parse5(std::span<const std::byte> bytes) noexcept {
  Header header;
  const Fault fault = header.read5(bytes);
  return parsed(fault, header);
}

Parsed<Connect> Connect::parse5(const Header&, std::span<const std::byte> body) noexcept {
  return read_connect<true>(body);
}

Parsed<Connack> Connack::parse5(const Header&, std::span<const std::byte> body) noexcept {
  Response packet;
  const Fault fault = packet.read5(PacketType::connack, body);
  return parsed(fault, Connack{packet.session_present, {}, packet.reason, packet.properties});
}

Fault Publish::read5(const Header& header, std::span<const std::byte> body) noexcept {
  return read_publish<true>(header, body, *this);
}

Parsed<Publish> Publish::parse5(const Header& header, std::span<const std::byte> body) noexcept {
  Publish packet;
  const Fault fault = packet.read5(header, body);
  return parsed(fault, packet);
}

Parsed<std::size_t> Publish::head_size5(const Header& header, std::span<const std::byte> arrived) noexcept {
  return read_head_size<true>(header, arrived);
}

Fault Response::read5(PacketType of, std::span<const std::byte> body) noexcept {
  Reader reader(body);
  type = of;
  const bool greets = type == PacketType::connack;
  const bool lists = type == PacketType::suback || type == PacketType::unsuback;
  std::uint8_t flags = 0;
  if (greets) {
    flags = reader.u8();
    session_present = flags != 0;
  } else if (type < PacketType::disconnect) {
    packet_id = reader.u16();
    if (!reader.failed() && packet_id == 0) { return Fault::packet_id; }
  }
  // Reason and properties may be left out at the end, but for those that always have them.
  if (greets || !(lists || reader.at_end())) { reason = static_cast<Reason>(reader.u8()); }
  if (reader.failed()) { return Fault::truncated; }
  if (greets && reader.at_end()) {
    const bool old_server = flags == 0 && reason == static_cast<Reason>(ConnectCode::protocol_version);
    reason = Reason::unsupported_protocol_version;
    return old_server ? Fault::none : Fault::size;
  }
  if (!is_allowed(reason, type)) { return Fault::return_code; }
  if (flags > 1 || (session_present && reason != Reason::success)) { return Fault::acknowledge_flags; }
  if (lists || !reader.at_end()) {
    const Fault fault = take_properties(reader, type, properties);
    if (fault != Fault::none) { return fault; }
  }
  if (lists) {
    codes = reader.rest();
    if (codes.empty()) { return Fault::empty_list; }
    for (const std::byte each : codes) {
      if (!is_allowed(static_cast<Reason>(each), type)) { return Fault::return_code; }
    }
  }
  // 5.0 §3.15.2.2.2: every AUTH that says anything tells the method.
  const bool tells = type == PacketType::auth ? !body.empty() : properties.has(PropertyId::authentication_data);
  if (tells && !properties.has(PropertyId::authentication_method)) { return Fault::authentication; }
  return end_of(reader);
}

Parsed<Acknowledge> Acknowledge::parse5(const Header& header, std::span<const std::byte> body) noexcept {
  Response packet;
  const Fault fault = packet.read5(header.type, body);
  return parsed(fault, Acknowledge{header.type, packet.packet_id, packet.reason, packet.properties});
}

Parsed<FilterList> FilterList::parse5(const Header& header, std::span<const std::byte> body) noexcept {
  return read_list<true>(header, body);
}

Parsed<Suback> Suback::parse5(const Header& header, std::span<const std::byte> body) noexcept {
  Response packet;
  const Fault fault = packet.read5(header.type, body);
  return parsed(fault, Suback{packet.packet_id, packet.codes, header.type, packet.properties});
}

Parsed<Disconnect> Disconnect::parse5(const Header&, std::span<const std::byte> body) noexcept {
  Response packet;
  const Fault fault = packet.read5(PacketType::disconnect, body);
  return parsed(fault, Disconnect{packet.reason, packet.properties});
}

Parsed<Auth> Auth::parse5(const Header&, std::span<const std::byte> body) noexcept {
  Response packet;
  const Fault fault = packet.read5(PacketType::auth, body);
  return parsed(fault, Auth{packet.reason, packet.properties});
}

}  // namespace mqtt

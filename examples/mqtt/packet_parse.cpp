#include "examples/mqtt/packet.hpp"
#include "examples/mqtt/topic.hpp"
#include "examples/mqtt/wire.hpp"

namespace mqtt {

namespace {

/// What the flags of every type but PUBLISH must be (§2.2.2).
constexpr std::uint8_t required_flags(PacketType type) noexcept {
  return type == PacketType::pubrel || type == PacketType::subscribe || type == PacketType::unsubscribe ? 2 : 0;
}

constexpr bool possible_size(const Header& header) noexcept {
  const std::uint32_t size = header.remaining;
  switch (header.type) {
    case PacketType::connect: return size >= 12;  // variable header and an empty client identifier
    case PacketType::connack:
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubrel:
    case PacketType::pubcomp:
    case PacketType::unsuback: return size == 2;
    case PacketType::publish: return size >= (header.qos() == QoS::at_most_once ? 3U : 5U);
    case PacketType::subscribe: return size >= 6;
    case PacketType::suback: return size >= 3;
    case PacketType::unsubscribe: return size >= 5;
    case PacketType::pingreq:
    case PacketType::pingresp:
    case PacketType::disconnect: return size == 0;
  }
  return false;
}

/// What every parser says at its end.
template <class T>
Parsed<T> whole(const Reader& reader, const T& packet) noexcept {
  if (reader.failed()) { return Fault::truncated; }
  if (!reader.at_end()) { return Fault::trailing_bytes; }
  return packet;
}

constexpr std::byte kMaxQoS{2};

}  // namespace

Parsed<Header> Header::parse(std::span<const std::byte> bytes) noexcept {
  Header header;
  if (bytes.empty()) { return header; }
  const auto first = std::to_integer<std::uint8_t>(bytes[0]);
  const std::uint8_t type = first >> 4;
  if (type == 0 || type == 15) { return Fault::packet_type; }
  header.type = static_cast<PacketType>(type);
  header.flags = first & 15;
  if (header.type == PacketType::publish) {
    if ((header.flags & 6) == 6) { return Fault::qos; }
    if (header.duplicate() && header.qos() == QoS::at_most_once) { return Fault::flags; }
  } else if (header.flags != required_flags(header.type)) {
    return Fault::flags;
  }
  for (std::size_t i = 1; i < kMaxHeaderSize; ++i) {
    if (i == bytes.size()) { return header; }
    const auto byte = std::to_integer<std::uint32_t>(bytes[i]);
    header.remaining |= (byte & 0x7F) << (7 * (i - 1));
    if ((byte & 0x80) == 0) {
      header.size = static_cast<std::uint8_t>(i + 1);
      if (!possible_size(header)) { return Fault::size; }
      return header;
    }
  }
  return Fault::remaining_length;
}

Parsed<Connect> Connect::parse(const Header&, std::span<const std::byte> body) noexcept {
  Reader reader(body);
  Connect packet;
  const std::string_view name = reader.text();
  const std::uint8_t level = reader.u8();
  const std::uint8_t flags = reader.u8();
  packet.keep_alive = reader.u16();
  if (reader.failed()) { return Fault::truncated; }
  if (name != "MQTT" || level != 4) { return Fault::protocol_name; }

  const bool has_will = (flags & 4) != 0;
  const bool has_password = (flags & 0x40) != 0;
  const bool has_user = (flags & 0x80) != 0;
  const std::uint8_t will_flags = flags & 0x38;
  if ((flags & 1) != 0 || (!has_will && will_flags != 0) || (flags & 0x18) == 0x18 || (has_password && !has_user)) {
    return Fault::connect_flags;
  }
  packet.clean_session = (flags & 2) != 0;
  packet.client_id = reader.text();
  // §3.1.3.1: a session is kept only for a client with an identifier.
  if (!reader.failed() && packet.client_id.empty() && !packet.clean_session) { return Fault::connect_flags; }
  if (has_will) {
    Will will;
    will.topic = reader.text();
    will.payload = reader.binary();
    will.qos = static_cast<QoS>(flags >> 3 & 3);
    will.retain = (flags & 0x20) != 0;
    if (!reader.failed() && !is_topic_name(will.topic)) { return Fault::topic; }
    packet.will = will;
  }
  if (has_user) { packet.user = reader.text(); }
  if (has_password) { packet.password = reader.binary(); }
  if (!reader.failed() && (!is_mqtt_text(packet.client_id) || (has_user && !is_mqtt_text(*packet.user)))) {
    return Fault::text;
  }
  return whole(reader, packet);
}

Parsed<Connack> Connack::parse(const Header&, std::span<const std::byte> body) noexcept {
  Reader reader(body);
  const std::uint8_t flags = reader.u8();
  const std::uint8_t code = reader.u8();
  if (code > static_cast<std::uint8_t>(kLastConnectCode)) { return Fault::return_code; }
  const Connack packet{flags == 1, static_cast<ConnectCode>(code)};
  if (flags > 1 || (packet.session_present && packet.code != ConnectCode::accepted)) {
    return Fault::acknowledge_flags;
  }
  return whole(reader, packet);
}

Parsed<Publish> Publish::parse(const Header& header, std::span<const std::byte> body) noexcept {
  Reader reader(body);
  Publish packet;
  packet.qos = header.qos();
  packet.retain = header.retain();
  packet.duplicate = header.duplicate();
  packet.topic = reader.text();
  if (packet.qos != QoS::at_most_once) { packet.packet_id = reader.u16(); }
  packet.payload = reader.rest();
  if (reader.failed()) { return Fault::truncated; }
  if (!is_mqtt_text(packet.topic)) { return Fault::text; }
  if (!is_topic_name(packet.topic)) { return Fault::topic; }
  if (packet.qos != QoS::at_most_once && packet.packet_id == 0) { return Fault::packet_id; }
  return packet;
}

Parsed<Acknowledge> Acknowledge::parse(const Header& header, std::span<const std::byte> body) noexcept {
  Reader reader(body);
  const Acknowledge packet{header.type, reader.u16()};
  if (!reader.failed() && packet.packet_id == 0) { return Fault::packet_id; }
  return whole(reader, packet);
}

std::optional<FilterEntry> FilterList::next() noexcept {
  if (entries.empty()) { return std::nullopt; }
  Reader reader(entries);
  FilterEntry entry;
  entry.filter = reader.text();
  if (type == PacketType::subscribe) { entry.qos = static_cast<QoS>(reader.u8()); }
  entries = reader.rest();
  return entry;
}

Parsed<FilterList> FilterList::parse(const Header& header, std::span<const std::byte> body) noexcept {
  Reader reader(body);
  FilterList packet;
  packet.type = header.type;
  packet.packet_id = reader.u16();
  if (!reader.failed() && packet.packet_id == 0) { return Fault::packet_id; }
  packet.entries = reader.rest();
  if (reader.failed()) { return Fault::truncated; }
  if (packet.entries.empty()) { return Fault::empty_list; }
  Reader list(packet.entries);
  while (!list.at_end()) {
    const std::string_view filter = list.text();
    const bool has_qos = packet.type == PacketType::subscribe;
    const std::uint8_t qos = has_qos ? list.u8() : std::uint8_t{0};
    if (list.failed()) { return Fault::truncated; }
    if (!is_mqtt_text(filter)) { return Fault::text; }
    if (!is_topic_filter(filter)) { return Fault::filter; }
    if (std::byte{qos} > kMaxQoS) { return Fault::qos; }
  }
  return packet;
}

Parsed<Suback> Suback::parse(const Header&, std::span<const std::byte> body) noexcept {
  Reader reader(body);
  Suback packet;
  packet.packet_id = reader.u16();
  packet.codes = reader.rest();
  if (reader.failed()) { return Fault::truncated; }
  if (packet.packet_id == 0) { return Fault::packet_id; }
  if (packet.codes.empty()) { return Fault::empty_list; }
  for (const std::byte code : packet.codes) {
    if (code > kMaxQoS && code != kFailure) { return Fault::return_code; }
  }
  return packet;
}

}  // namespace mqtt

#pragma once
#include "examples/mqtt/packet_wire.hpp"
#include "examples/mqtt/topic.hpp"

/// The packets that differ between the versions by little, read once for both.
namespace mqtt::detail {

/// What every parser says at its end.
inline Fault end_of(const Reader& reader) noexcept {
  if (reader.failed()) { return Fault::truncated; }
  return reader.at_end() ? Fault::none : Fault::trailing_bytes;
}

/// The properties of a packet of 5.0, into `properties`. 3.1.1 has none, and nothing is left of this.
template <bool kVersion5>
Fault take_properties(Reader& reader, PacketType in, Properties& properties) noexcept {
  if constexpr (kVersion5) { return take_properties(reader, in, properties); }
  return Fault::none;
}

template <bool kVersion5>
[[gnu::always_inline]] inline Parsed<Connect> read_connect(std::span<const std::byte> body) noexcept {
  Reader reader(body);
  Connect packet;
  const std::string_view name = reader.text();
  const std::uint8_t level = reader.u8();
  const std::uint8_t flags = reader.u8();
  packet.keep_alive = reader.u16();
  if (reader.failed()) { return Fault::truncated; }
  if (name != "MQTT" || level != (kVersion5 ? 5 : 4)) { return Fault::protocol_name; }

  const bool has_will = (flags & 4) != 0;
  const bool has_password = (flags & 0x40) != 0;
  const bool has_user = (flags & 0x80) != 0;
  const std::uint8_t will_flags = flags & 0x38;
  if ((flags & 1) != 0 || (!has_will && will_flags != 0) || (flags & 0x18) == 0x18 ||
      (!kVersion5 && has_password && !has_user)) {
    return Fault::connect_flags;
  }
  packet.clean_session = (flags & 2) != 0;
  Fault fault = take_properties<kVersion5>(reader, PacketType::connect, packet.properties);
  if (fault != Fault::none) { return fault; }
  if constexpr (kVersion5) {
    fault = check_authentication(packet.properties);
    if (fault != Fault::none) { return fault; }
  }
  packet.client_id = reader.text();
  // §3.1.3.1: a session is kept only for a client with an identifier; in 5.0 the server gives it one.
  if (!kVersion5 && !reader.failed() && packet.client_id.empty() && !packet.clean_session) {
    return Fault::connect_flags;
  }
  if (has_will) {
    Will will;
    fault = take_properties<kVersion5>(reader, kWillProperties, will.properties);
    if (fault != Fault::none) { return fault; }
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
  return parsed(end_of(reader), packet);
}

template <bool kVersion5>
[[gnu::always_inline]] inline Fault read_publish(const Header& header, std::span<const std::byte> body,
                                                 Publish& packet) noexcept {
  Reader reader(body);
  packet.qos = header.qos();
  packet.retain = header.retain();
  packet.duplicate = header.duplicate();
  packet.topic = reader.text();
  packet.packet_id = packet.qos != QoS::at_most_once ? reader.u16() : std::uint16_t{0};
  if (reader.failed()) { return Fault::truncated; }
  const Fault fault = take_properties<kVersion5>(reader, PacketType::publish, packet.properties);
  if (fault != Fault::none) { return fault; }
  packet.payload = reader.rest();
  if constexpr (kVersion5) {
    packet.topic_alias = static_cast<std::uint16_t>(packet.properties.number(PropertyId::topic_alias));
    if (packet.topic.empty() && packet.topic_alias == 0) { return Fault::no_topic; }
  }
  if (!is_mqtt_text(packet.topic)) { return Fault::text; }
  if ((!kVersion5 && packet.topic.empty()) || has_wildcards(packet.topic)) { return Fault::topic; }
  return packet.qos != QoS::at_most_once && packet.packet_id == 0 ? Fault::packet_id : Fault::none;
}

template <bool kVersion5>
[[gnu::always_inline]] inline Parsed<std::size_t> read_head_size(const Header& header,
                                                                 std::span<const std::byte> arrived) noexcept {
  constexpr std::size_t kLengthSize = 2;
  if (arrived.size() < kLengthSize) { return std::size_t{0}; }
  const bool has_id = header.qos() != QoS::at_most_once;
  std::size_t size = kLengthSize + Reader(arrived).u16() + (has_id ? 2 : 0);
  if constexpr (kVersion5) {
    if (size >= header.remaining) { return Fault::truncated; }
    const auto rest = arrived.subspan(size < arrived.size() ? size : arrived.size());
    Reader reader(rest);
    const std::size_t properties = reader.variable();
    if (reader.failed()) {
      // Whether because not all of it has come yet, or because it is wrong.
      bool incomplete = rest.size() < 4;
      for (const std::byte byte : rest) { incomplete = incomplete && (byte & std::byte{0x80}) != std::byte{0}; }
      if (incomplete && size + rest.size() < header.remaining) { return std::size_t{0}; }
      return Fault::truncated;
    }
    size += variable_size(properties) + properties;
  }
  if (size > header.remaining) { return Fault::truncated; }
  return size;
}

/// One filter with, in SUBSCRIBE, its options.
inline FilterEntry take_entry(Reader& reader, PacketType type) noexcept {
  FilterEntry entry;
  entry.filter = reader.text();
  if (type == PacketType::subscribe) {
    const std::uint8_t options = reader.u8();
    entry.qos = static_cast<QoS>(options & 3);
    entry.no_local = (options & 4) != 0;
    entry.retain_as_published = (options & 8) != 0;
    entry.retain_handling = static_cast<RetainHandling>(options >> 4);
  }
  return entry;
}

template <bool kVersion5>
[[gnu::always_inline]] inline Parsed<FilterList> read_list(const Header& header,
                                                           std::span<const std::byte> body) noexcept {
  Reader reader(body);
  FilterList packet;
  packet.type = header.type;
  packet.packet_id = reader.u16();
  if (reader.failed()) { return Fault::truncated; }
  if (packet.packet_id == 0) { return Fault::packet_id; }
  const Fault fault = take_properties<kVersion5>(reader, packet.type, packet.properties);
  if (fault != Fault::none) { return fault; }
  packet.entries = reader.rest();
  if (packet.entries.empty()) { return Fault::empty_list; }
  Reader list(packet.entries);
  while (!list.at_end()) {
    const FilterEntry entry = take_entry(list, packet.type);
    if (list.failed()) { return Fault::truncated; }
    if (!is_mqtt_text(entry.filter)) { return Fault::text; }
    if (!is_topic_filter(entry.filter)) { return Fault::filter; }
    if (static_cast<unsigned>(entry.qos) > 2) { return Fault::qos; }
    if (static_cast<unsigned>(entry.retain_handling) > 2) { return Fault::subscription_options; }
    if (!kVersion5 && (entry.no_local || entry.retain_as_published || entry.retain_handling != RetainHandling::send)) {
      return Fault::qos;
    }
  }
  return packet;
}

}  // namespace mqtt::detail

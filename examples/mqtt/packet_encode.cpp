#include "examples/mqtt/packet.hpp"
#include "examples/mqtt/topic.hpp"
#include "examples/mqtt/wire.hpp"

namespace mqtt {

namespace {

using nal::Error;
using nal::Result;
using nal::Unexpected;

constexpr std::size_t header_size(std::size_t remaining) noexcept {
  if (remaining < 128) { return 2; }
  if (remaining < 16'384) { return 3; }
  return remaining < 2'097'152 ? 4 : 5;
}

void put_header(Writer& writer, PacketType type, unsigned flags, std::size_t remaining) noexcept {
  writer.u8(static_cast<std::uint8_t>(static_cast<unsigned>(type) << 4 | flags));
  do {
    const std::size_t more = remaining > 0x7F ? 0x80 : 0;
    writer.u8(static_cast<std::uint8_t>((remaining & 0x7F) | more));
    remaining >>= 7;
  } while (remaining != 0);
}

Result<std::size_t> written(const Writer& writer) noexcept {
  if (writer.failed()) { return Unexpected(Error::buffer_too_small); }
  return writer.size();
}

constexpr std::size_t text_size(std::size_t size) noexcept { return 2 + size; }

Result<std::size_t> encode_list(std::span<std::byte> out, PacketType type, std::uint16_t packet_id,
                                std::span<const FilterEntry> filters) noexcept {
  const std::size_t qos_size = type == PacketType::subscribe ? 1 : 0;
  std::size_t remaining = 2;
  for (const FilterEntry& entry : filters) {
    if (!is_topic_filter(entry.filter)) { return Unexpected(Error::invalid_argument); }
    remaining += text_size(entry.filter.size()) + qos_size;
  }
  if (filters.empty() || packet_id == 0) { return Unexpected(Error::invalid_argument); }
  if (remaining > kMaxRemaining) { return Unexpected(Error::message_size); }
  Writer writer(out);
  put_header(writer, type, 2, remaining);
  writer.u16(packet_id);
  for (const FilterEntry& entry : filters) {
    writer.text(entry.filter);
    if (qos_size != 0) { writer.u8(static_cast<std::uint8_t>(entry.qos)); }
  }
  return written(writer);
}

}  // namespace

Result<std::size_t> encode(std::span<std::byte> out, const Connect& packet) noexcept {
  std::size_t remaining = 10 + text_size(packet.client_id.size());
  unsigned flags = packet.clean_session ? 2 : 0;
  bool valid = is_mqtt_text(packet.client_id) && (packet.clean_session || !packet.client_id.empty());
  if (packet.will) {
    valid = valid && is_topic_name(packet.will->topic) && packet.will->payload.size() <= 0xFFFF;
    flags |= 4U | static_cast<unsigned>(packet.will->qos) << 3 | (packet.will->retain ? 0x20U : 0U);
    remaining += text_size(packet.will->topic.size()) + text_size(packet.will->payload.size());
  }
  if (packet.user) {
    valid = valid && is_mqtt_text(*packet.user);
    flags |= 0x80;
    remaining += text_size(packet.user->size());
  }
  if (packet.password) {
    valid = valid && packet.user && packet.password->size() <= 0xFFFF;
    flags |= 0x40;
    remaining += text_size(packet.password->size());
  }
  if (!valid) { return Unexpected(Error::invalid_argument); }

  Writer writer(out);
  put_header(writer, PacketType::connect, 0, remaining);
  writer.text("MQTT");
  writer.u8(4);
  writer.u8(static_cast<std::uint8_t>(flags));
  writer.u16(packet.keep_alive);
  writer.text(packet.client_id);
  if (packet.will) {
    writer.text(packet.will->topic);
    writer.binary(packet.will->payload);
  }
  if (packet.user) { writer.text(*packet.user); }
  if (packet.password) { writer.binary(*packet.password); }
  return written(writer);
}

Result<std::size_t> encode(std::span<std::byte> out, const Connack& packet) noexcept {
  Writer writer(out);
  put_header(writer, PacketType::connack, 0, 2);
  writer.u8(packet.session_present ? 1 : 0);
  writer.u8(static_cast<std::uint8_t>(packet.code));
  return written(writer);
}

Result<std::size_t> publish_size(std::string_view topic, std::size_t payload, QoS qos) noexcept {
  const std::size_t before = text_size(topic.size()) + (qos == QoS::at_most_once ? 0 : 2);
  if (topic.size() > 0xFFFF || payload > kMaxRemaining - before) { return Unexpected(Error::message_size); }
  return header_size(before + payload) + before + payload;
}

Result<std::size_t> encode(std::span<std::byte> out, const Publish& packet) noexcept {
  const bool has_id = packet.qos != QoS::at_most_once;
  if (!is_topic_name(packet.topic) || (has_id && packet.packet_id == 0)) { return Unexpected(Error::invalid_argument); }
  NAL_TRY(publish_size(packet.topic, packet.payload.size(), packet.qos));
  const unsigned flags =
      static_cast<unsigned>(packet.qos) << 1 | (packet.retain ? 1U : 0U) | (packet.duplicate && has_id ? 8U : 0U);
  Writer writer(out);
  put_header(writer, PacketType::publish, flags,
             text_size(packet.topic.size()) + (has_id ? 2 : 0) + packet.payload.size());
  writer.text(packet.topic);
  if (has_id) { writer.u16(packet.packet_id); }
  writer.raw(packet.payload);
  return written(writer);
}

Result<std::size_t> encode(std::span<std::byte> out, const Acknowledge& packet) noexcept {
  if (packet.packet_id == 0) { return Unexpected(Error::invalid_argument); }
  Writer writer(out);
  put_header(writer, packet.type, packet.type == PacketType::pubrel ? 2 : 0, 2);
  writer.u16(packet.packet_id);
  return written(writer);
}

Result<std::size_t> encode(std::span<std::byte> out, const Suback& packet) noexcept {
  if (packet.packet_id == 0 || packet.codes.empty()) { return Unexpected(Error::invalid_argument); }
  Writer writer(out);
  put_header(writer, PacketType::suback, 0, 2 + packet.codes.size());
  writer.u16(packet.packet_id);
  writer.raw(packet.codes);
  return written(writer);
}

Result<std::size_t> encode_subscribe(std::span<std::byte> out, std::uint16_t packet_id,
                                     std::span<const FilterEntry> filters) noexcept {
  return encode_list(out, PacketType::subscribe, packet_id, filters);
}

Result<std::size_t> encode_unsubscribe(std::span<std::byte> out, std::uint16_t packet_id,
                                       std::span<const FilterEntry> filters) noexcept {
  return encode_list(out, PacketType::unsubscribe, packet_id, filters);
}

Result<std::size_t> encode_empty(std::span<std::byte> out, PacketType type) noexcept {
  Writer writer(out);
  put_header(writer, type, 0, 0);
  return written(writer);
}

}  // namespace mqtt

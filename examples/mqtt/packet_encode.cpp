#include "examples/mqtt/packet_write.hpp"

namespace mqtt {

using namespace detail;
using nal::Error;
using nal::Result;
using nal::Unexpected;

PacketWriter::PacketWriter(std::span<std::byte> out, PacketType type, unsigned flags) noexcept : Writer(out) {
  u8(static_cast<std::uint8_t>(static_cast<unsigned>(type) << 4 | flags));
  u8(0);  // the length, as a rule
}

void PacketWriter::require(bool holds) noexcept {
  if (!holds) { valid_ = false; }
}

void PacketWriter::packet_id(std::uint16_t id) noexcept {
  require(id != 0);
  u16(id);
}

void PacketWriter::mqtt_text(std::string_view text) noexcept {
  require(is_mqtt_text(text));
  Writer::text(text);
}

void PacketWriter::mqtt_binary(std::span<const std::byte> bytes) noexcept {
  require(bytes.size() <= 0xFFFF);
  binary(bytes);
}

Result<std::size_t> PacketWriter::finish(std::size_t payload) noexcept {
  if (!valid_) { return Unexpected(Error::invalid_argument); }
  const std::size_t remaining = size() - 2 + payload;
  if (payload > kMaxRemaining || (!failed() && remaining > kMaxRemaining)) { return Unexpected(Error::message_size); }
  insert_variable(1, remaining);
  if (failed()) { return Unexpected(Error::buffer_too_small); }
  return size();
}

Result<std::size_t> encode(std::span<std::byte> out, const Connect& packet) noexcept {
  return write_connect<false>(out, packet);
}

Result<std::size_t> encode(std::span<std::byte> out, const Connack& packet) noexcept {
  PacketWriter writer(out, PacketType::connack);
  writer.u8(packet.session_present ? 1 : 0);
  writer.u8(static_cast<std::uint8_t>(packet.code));
  return writer.finish();
}

Result<std::size_t> publish_size(std::string_view topic, std::size_t payload, QoS qos) noexcept {
  NAL_TRY_SET(const std::size_t remaining, publish_remaining(topic, 0, payload, qos));
  return 1 + variable_size(remaining) + remaining;
}

Result<std::size_t> encode_head(std::span<std::byte> out, const Publish& packet, std::size_t payload) noexcept {
  return write_publish_head<false>(out, packet, payload);
}

Result<std::size_t> encode(std::span<std::byte> out, const Publish& packet) noexcept {
  return write_publish<false>(out, packet);
}

Result<std::size_t> encode(std::span<std::byte> out, const Acknowledge& packet) noexcept {
  PacketWriter writer(out, packet.type, packet.type == PacketType::pubrel ? 2 : 0);
  writer.packet_id(packet.packet_id);
  return writer.finish();
}

Result<std::size_t> encode(std::span<std::byte> out, const Suback& packet) noexcept {
  PacketWriter writer(out, PacketType::suback);
  writer.packet_id(packet.packet_id);
  writer.require(!packet.codes.empty());
  writer.raw(packet.codes);
  return writer.finish();
}

Result<std::size_t> encode_list(std::span<std::byte> out, PacketType type, std::uint16_t packet_id,
                                std::span<const FilterEntry> filters) noexcept {
  return write_list<false>(out, type, packet_id, filters, {});
}

Result<std::size_t> encode_empty(std::span<std::byte> out, PacketType type) noexcept {
  return PacketWriter(out, type).finish();
}

}  // namespace mqtt

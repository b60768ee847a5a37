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
  mqtt_binary(bytes_of(text));
}

void PacketWriter::topic(std::string_view name) noexcept {
  require(!name.empty() && !has_wildcards(name));
  mqtt_text(name);
}

void PacketWriter::mqtt_binary(std::span<const std::byte> bytes) noexcept {
  require(bytes.size() <= 0xFFFF);
  binary(bytes);
}

Result<std::size_t> PacketWriter::finish(std::size_t payload) noexcept {
  if (!valid_) { return Unexpected(Error::invalid_argument); }
  if (payload > kMaxRemaining) { return Unexpected(Error::message_size); }
  std::size_t rest = size() - 2 + payload;
  if (!failed() && rest > kMaxRemaining) { return Unexpected(Error::message_size); }
  // The room for one byte of it is there.
  std::size_t at = 1;
  for (; rest > 0x7F; rest >>= 7) {
    insert(at, static_cast<std::uint8_t>(rest | 0x80));
    ++at;
  }
  replace(at, static_cast<std::uint8_t>(rest));
  if (failed()) { return Unexpected(Error::buffer_too_small); }
  return size();
}

Result<std::size_t> encode(std::span<std::byte> out, const Connect& packet) noexcept {
  return write_connect<false>(out, packet, packet.client_id, packet.clean_session, {});
}

Result<std::size_t> encode(std::span<std::byte> out, const Connack& packet) noexcept {
  PacketWriter writer(out, PacketType::connack);
  writer.u8(packet.session_present ? 1 : 0);
  writer.u8(static_cast<std::uint8_t>(packet.code));
  return writer.finish();
}

Result<std::size_t> publish_size(const Publish& packet, std::size_t payload) noexcept {
  NAL_TRY_SET(const std::size_t remaining, publish_remaining(packet, 0, payload));
  return 1 + variable_size(remaining) + remaining;
}

Result<std::size_t> detail::encode_valid_head(std::span<std::byte> out, const Publish& packet,
                                              std::size_t payload) noexcept {
  return write_publish_head<false>(out, packet, payload);
}

Result<std::size_t> encode_head(std::span<std::byte> out, const Publish& packet, std::size_t payload) noexcept {
  if (!is_topic_name(packet.topic)) { return Unexpected(Error::invalid_argument); }
  return encode_valid_head(out, packet, payload);
}

Result<std::size_t> encode(std::span<std::byte> out, const Publish& packet) noexcept {
  return write_publish<false>(out, packet);
}

std::size_t encode_short(std::span<std::byte> out, PacketType type, std::uint16_t packet_id) noexcept {
  out[0] = static_cast<std::byte>(static_cast<unsigned>(type) << 4 | (type == PacketType::pubrel ? 2U : 0U));
  out[1] = std::byte{0};
  if (packet_id == 0) { return 2; }
  out[1] = std::byte{2};
  out[2] = static_cast<std::byte>(packet_id >> 8);
  out[3] = static_cast<std::byte>(packet_id);
  return 4;
}

Result<std::size_t> encode(std::span<std::byte> out, const Acknowledge& packet) noexcept {
  if (packet.packet_id == 0) { return Unexpected(Error::invalid_argument); }
  if (out.size() < 4) { return Unexpected(Error::buffer_too_small); }
  return encode_short(out, packet.type, packet.packet_id);
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
  if (out.size() < 2) { return Unexpected(Error::buffer_too_small); }
  return encode_short(out, type);
}

}  // namespace mqtt

#include "examples/mqtt/packet_write.hpp"

namespace mqtt {

using namespace detail;
using nal::Error;
using nal::Result;
using nal::Unexpected;

Result<std::size_t> encode(std::span<std::byte> out, const Connect& packet) noexcept {
  return write_connect<false>(out, packet);
}

Result<std::size_t> encode(std::span<std::byte> out, const Connack& packet) noexcept {
  Writer writer(out);
  put_header(writer, PacketType::connack, 0, 2);
  writer.u8(packet.session_present ? 1 : 0);
  writer.u8(static_cast<std::uint8_t>(packet.code));
  return written(writer);
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
  return write_list<false>(out, PacketType::subscribe, packet_id, filters, {});
}

Result<std::size_t> encode_unsubscribe(std::span<std::byte> out, std::uint16_t packet_id,
                                       std::span<const FilterEntry> filters) noexcept {
  return write_list<false>(out, PacketType::unsubscribe, packet_id, filters, {});
}

Result<std::size_t> encode_empty(std::span<std::byte> out, PacketType type) noexcept {
  Writer writer(out);
  put_header(writer, type, 0, 0);
  return written(writer);
}

}  // namespace mqtt

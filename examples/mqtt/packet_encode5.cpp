#include "examples/mqtt/packet_write.hpp"

namespace mqtt {

using namespace detail;
using nal::Error;
using nal::Result;
using nal::Unexpected;

namespace {

using Block = PropertyBlock<true>;

/// A packet of, perhaps, an identifier, and of a reason and properties that are left out when they say nothing.
Result<std::size_t> write_short(std::span<std::byte> out, PacketType type, std::optional<std::uint16_t> packet_id,
                                Reason reason, const Properties& properties, bool reason_alone) noexcept {
  const Block block(properties, type);
  if (!block.valid() || packet_id == 0 || !is_allowed(reason, type)) { return Unexpected(Error::invalid_argument); }
  const bool has_properties = !properties.empty() || (reason != Reason::success && !reason_alone);
  const bool has_reason = has_properties || reason != Reason::success;
  const std::size_t remaining = (packet_id ? 2 : 0) + (has_reason ? 1 : 0) + (has_properties ? block.size() : 0);
  Writer writer(out);
  put_header(writer, type, type == PacketType::pubrel ? 2 : 0, remaining);
  if (packet_id) { writer.u16(*packet_id); }
  if (has_reason) { writer.u8(static_cast<std::uint8_t>(reason)); }
  if (has_properties && !block.put(writer)) { return Unexpected(Error::invalid_argument); }
  return written(writer);
}

}  // namespace

Result<std::size_t> encode5(std::span<std::byte> out, const Connect& packet) noexcept {
  if (check_authentication(packet.properties) != Fault::none) { return Unexpected(Error::invalid_argument); }
  return write_connect<true>(out, packet);
}

Result<std::size_t> encode5(std::span<std::byte> out, const Connack& packet) noexcept {
  const Block properties(packet.properties, PacketType::connack);
  if (!properties.valid() || !is_allowed(packet.reason, PacketType::connack) ||
      (packet.session_present && packet.reason != Reason::success) ||
      check_authentication(packet.properties) != Fault::none) {
    return Unexpected(Error::invalid_argument);
  }
  Writer writer(out);
  put_header(writer, PacketType::connack, 0, 2 + properties.size());
  writer.u8(packet.session_present ? 1 : 0);
  writer.u8(static_cast<std::uint8_t>(packet.reason));
  if (!properties.put(writer)) { return Unexpected(Error::invalid_argument); }
  return written(writer);
}

Result<std::size_t> publish_size5(const Publish& packet, std::size_t payload) noexcept {
  const Block properties(packet.properties, PacketType::publish, packet.topic_alias);
  if (!properties.valid()) { return Unexpected(Error::invalid_argument); }
  NAL_TRY_SET(const std::size_t remaining, publish_remaining(packet.topic, properties.size(), payload, packet.qos));
  return 1 + variable_size(remaining) + remaining;
}

Result<std::size_t> encode_head5(std::span<std::byte> out, const Publish& packet, std::size_t payload) noexcept {
  return write_publish_head<true>(out, packet, payload);
}

Result<std::size_t> encode5(std::span<std::byte> out, const Publish& packet) noexcept {
  return write_publish<true>(out, packet);
}

Result<std::size_t> encode5(std::span<std::byte> out, const Acknowledge& packet) noexcept {
  return write_short(out, packet.type, packet.packet_id, packet.reason, packet.properties, true);
}

Result<std::size_t> encode5(std::span<std::byte> out, const Suback& packet) noexcept {
  const Block properties(packet.properties, packet.type);
  bool valid = properties.valid() && packet.packet_id != 0 && !packet.codes.empty();
  for (const std::byte code : packet.codes) { valid = valid && is_allowed(static_cast<Reason>(code), packet.type); }
  if (!valid) { return Unexpected(Error::invalid_argument); }
  Writer writer(out);
  put_header(writer, packet.type, 0, 2 + properties.size() + packet.codes.size());
  writer.u16(packet.packet_id);
  if (!properties.put(writer)) { return Unexpected(Error::invalid_argument); }
  writer.raw(packet.codes);
  return written(writer);
}

Result<std::size_t> encode5(std::span<std::byte> out, const Disconnect& packet) noexcept {
  return write_short(out, PacketType::disconnect, std::nullopt, packet.reason, packet.properties, true);
}

Result<std::size_t> encode5(std::span<std::byte> out, const Auth& packet) noexcept {
  // 5.0 §3.15.2.2.2: every one tells the method, but for one that has nothing to tell at all.
  const bool says_nothing = packet.reason == Reason::success && packet.properties.empty();
  if (!says_nothing && !packet.properties.has(PropertyId::authentication_method)) {
    return Unexpected(Error::invalid_argument);
  }
  return write_short(out, PacketType::auth, std::nullopt, packet.reason, packet.properties, false);
}

Result<std::size_t> encode_subscribe5(std::span<std::byte> out, std::uint16_t packet_id,
                                      std::span<const FilterEntry> filters, const Properties& properties) noexcept {
  return write_list<true>(out, PacketType::subscribe, packet_id, filters, properties);
}

Result<std::size_t> encode_unsubscribe5(std::span<std::byte> out, std::uint16_t packet_id,
                                        std::span<const FilterEntry> filters, const Properties& properties) noexcept {
  return write_list<true>(out, PacketType::unsubscribe, packet_id, filters, properties);
}

}  // namespace mqtt

#include "examples/mqtt/packet_write.hpp"

namespace mqtt {

using namespace detail;
using nal::Error;
using nal::Result;
using nal::Unexpected;

namespace {

/// A packet of, perhaps, an identifier, and of a reason and properties that are left out when they say nothing.
Result<std::size_t> write_short(std::span<std::byte> out, PacketType type, std::optional<std::uint16_t> packet_id,
                                Reason reason, const Properties& properties, bool reason_alone) noexcept {
  const bool has_properties = !properties.empty() || (reason != Reason::success && !reason_alone);
  PacketWriter writer(out, type, type == PacketType::pubrel ? 2 : 0);
  writer.require(is_allowed(reason, type));
  if (packet_id) { writer.packet_id(*packet_id); }
  if (has_properties || reason != Reason::success) { writer.u8(static_cast<std::uint8_t>(reason)); }
  if (has_properties) { put_block<true>(writer, properties, type); }
  return writer.finish();
}

}  // namespace

Result<std::size_t> encode5(std::span<std::byte> out, const Connect& packet) noexcept {
  return write_connect<true>(out, packet, packet.client_id, packet.clean_session, packet.properties);
}

Result<std::size_t> encode5(std::span<std::byte> out, const Connack& packet) noexcept {
  PacketWriter writer(out, PacketType::connack);
  writer.require(is_allowed(packet.reason, PacketType::connack));
  writer.require(!packet.session_present || packet.reason == Reason::success);
  writer.require(check_authentication(packet.properties) == Fault::none);
  writer.u8(packet.session_present ? 1 : 0);
  writer.u8(static_cast<std::uint8_t>(packet.reason));
  put_block<true>(writer, packet.properties, PacketType::connack);
  return writer.finish();
}

Result<std::size_t> publish_size5(const Publish& packet, std::size_t payload) noexcept {
  const auto properties = properties_size(packet.properties, packet.topic_alias);
  if (!properties) { return Unexpected(Error::invalid_argument); }
  NAL_TRY_SET(const std::size_t remaining,
              publish_remaining(packet, variable_size(*properties) + *properties, payload));
  return 1 + variable_size(remaining) + remaining;
}

Result<std::size_t> detail::encode_valid_head5(std::span<std::byte> out, const Publish& packet,
                                               std::size_t payload) noexcept {
  return write_publish_head<true>(out, packet, payload);
}

Result<std::size_t> encode_head5(std::span<std::byte> out, const Publish& packet, std::size_t payload) noexcept {
  const bool topic_is_alias = packet.topic.empty() && packet.topic_alias != 0;
  if (!topic_is_alias && !is_topic_name(packet.topic)) { return Unexpected(Error::invalid_argument); }
  return encode_valid_head5(out, packet, payload);
}

Result<std::size_t> encode5(std::span<std::byte> out, const Publish& packet) noexcept {
  return write_publish<true>(out, packet);
}

Result<std::size_t> encode5(std::span<std::byte> out, const Acknowledge& packet) noexcept {
  return write_short(out, packet.type, packet.packet_id, packet.reason, packet.properties, true);
}

Result<std::size_t> encode5(std::span<std::byte> out, const Suback& packet) noexcept {
  PacketWriter writer(out, packet.type);
  writer.packet_id(packet.packet_id);
  put_block<true>(writer, packet.properties, packet.type);
  writer.require(!packet.codes.empty());
  for (const std::byte code : packet.codes) { writer.require(is_allowed(static_cast<Reason>(code), packet.type)); }
  writer.raw(packet.codes);
  return writer.finish();
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

Result<std::size_t> encode_list5(std::span<std::byte> out, PacketType type, std::uint16_t packet_id,
                                 std::span<const FilterEntry> filters, const Properties& properties) noexcept {
  return write_list<true>(out, type, packet_id, filters, properties);
}

}  // namespace mqtt

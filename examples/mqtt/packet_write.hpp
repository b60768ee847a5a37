#pragma once
#include "examples/mqtt/packet_wire.hpp"
#include "examples/mqtt/topic.hpp"

/// The packets that differ between the versions by little, written once for both.
namespace mqtt::detail {

/// A packet being written. Its length is put in at the end, when all that it counts stands there. What must hold is
/// told on the way, and asked for once: at the end.
class PacketWriter : public Writer {
 public:
  PacketWriter(std::span<std::byte> out, PacketType type, unsigned flags = 0) noexcept;

  void require(bool holds) noexcept;
  void packet_id(std::uint16_t id) noexcept;
  /// A text that MQTT allows.
  void mqtt_text(std::string_view text) noexcept;
  /// One that messages can be published to.
  void topic(std::string_view name) noexcept;
  /// At most 65,535 bytes.
  void mqtt_binary(std::span<const std::byte> bytes) noexcept;
  /// The size of what was written, behind which `payload` bytes are to follow. *Errors*: invalid_argument: something
  /// did not hold; message_size; buffer_too_small.
  nal::Result<std::size_t> finish(std::size_t payload = 0) noexcept;

 private:
  bool valid_ = true;
};

constexpr std::size_t text_size(std::size_t size) noexcept { return 2 + size; }

/// Properties behind their length; of 3.1.1, which has none, nothing.
template <bool kVersion5>
void put_block(PacketWriter& writer, const Properties& properties, PacketType in,
               std::uint16_t topic_alias = 0) noexcept {
  if constexpr (kVersion5) {
    const auto size = properties_size(properties, topic_alias);
    writer.require(size && put_properties(writer, properties, in, *size, topic_alias));
  }
}

/// Keep-alive, will, user and password are those of a `Connect`, or of a client's `Config`.
template <bool kVersion5, class Packet>
nal::Result<std::size_t> write_connect(std::span<std::byte> out, const Packet& packet, std::string_view client_id,
                                       bool clean_session, const Properties& properties) noexcept {
  const Will* will = packet.will ? &*packet.will : nullptr;
  unsigned flags = clean_session ? 2 : 0;
  if (will) { flags |= 4U | static_cast<unsigned>(will->qos) << 3 | (will->retain ? 0x20U : 0U); }
  if (packet.user) { flags |= 0x80; }
  if (packet.password) { flags |= 0x40; }
  PacketWriter writer(out, PacketType::connect);
  if (kVersion5) {
    writer.require(check_authentication(properties) == Fault::none);
  } else {
    // A 3.1.1 server keeps sessions only for clients with a name; one of 5.0 gives them a name (5.0 §3.1.3.1). A
    // password alone is a matter of 5.0 (5.0 §3.1.2.9).
    writer.require((clean_session || !client_id.empty()) && (packet.user || !packet.password));
  }
  writer.mqtt_text("MQTT");
  writer.u8(kVersion5 ? 5 : 4);
  writer.u8(static_cast<std::uint8_t>(flags));
  writer.u16(packet.keep_alive);
  put_block<kVersion5>(writer, properties, PacketType::connect);
  writer.mqtt_text(client_id);
  if (will) {
    put_block<kVersion5>(writer, will->properties, kWillProperties);
    writer.topic(will->topic);
    writer.mqtt_binary(will->payload);
  }
  if (packet.user) { writer.mqtt_text(*packet.user); }
  if (packet.password) { writer.mqtt_binary(*packet.password); }
  return writer.finish();
}

/// The length field of a PUBLISH, or message_size.
inline nal::Result<std::size_t> publish_remaining(const Publish& packet, std::size_t properties,
                                                  std::size_t payload) noexcept {
  const std::size_t size = packet.topic.size();
  const std::size_t before = text_size(size) + (packet.qos == QoS::at_most_once ? 0 : 2) + properties;
  if (size > 0xFFFF || before > kMaxRemaining || payload > kMaxRemaining - before) {
    return nal::Unexpected(nal::Error::message_size);
  }
  return before + payload;
}

/// As `encode_head`, of a topic that is valid already, or empty.
nal::Result<std::size_t> encode_valid_head(std::span<std::byte> out, const Publish& packet,
                                           std::size_t payload) noexcept;
nal::Result<std::size_t> encode_valid_head5(std::span<std::byte> out, const Publish& packet,
                                            std::size_t payload) noexcept;

template <bool kVersion5>
[[gnu::always_inline]] inline nal::Result<std::size_t> write_publish_head(std::span<std::byte> out,
                                                                          const Publish& packet,
                                                                          std::size_t payload) noexcept {
  const bool has_id = packet.qos != QoS::at_most_once;
  const unsigned flags =
      static_cast<unsigned>(packet.qos) << 1 | (packet.retain ? 1U : 0U) | (packet.duplicate && has_id ? 8U : 0U);
  PacketWriter writer(out, PacketType::publish, flags);
  writer.mqtt_binary(bytes_of(packet.topic));
  if (has_id) { writer.packet_id(packet.packet_id); }
  put_block<kVersion5>(writer, packet.properties, PacketType::publish, packet.topic_alias);
  return writer.finish(payload);
}

template <bool kVersion5>
[[gnu::always_inline]] inline nal::Result<std::size_t> write_publish(std::span<std::byte> out,
                                                                     const Publish& packet) noexcept {
  NAL_TRY_SET(const std::size_t head, kVersion5 ? encode_head5(out, packet, packet.payload.size())
                                                : encode_head(out, packet, packet.payload.size()));
  Writer writer(out.subspan(head));
  writer.raw(packet.payload);
  if (writer.failed()) { return nal::Unexpected(nal::Error::buffer_too_small); }
  return head + packet.payload.size();
}

/// One filter, which is valid: of a SUBSCRIBE with its options (5.0 §3.8.3.1).
inline void put_filter(PacketWriter& writer, PacketType type, std::string_view filter, unsigned options) noexcept {
  writer.mqtt_binary(bytes_of(filter));
  if (type == PacketType::subscribe) { writer.u8(static_cast<std::uint8_t>(options)); }
}

/// SUBSCRIBE or UNSUBSCRIBE of one filter, which is valid. `properties` are as they stand in the packet, with their
/// length: in 3.1.1 there are none.
inline nal::Result<std::size_t> write_filter(std::span<std::byte> out, PacketType type, std::uint16_t packet_id,
                                             std::span<const std::byte> properties, std::string_view filter,
                                             unsigned options) noexcept {
  PacketWriter writer(out, type, 2);
  writer.packet_id(packet_id);
  writer.raw(properties);
  put_filter(writer, type, filter, options);
  return writer.finish();
}

template <bool kVersion5>
[[gnu::always_inline]] inline nal::Result<std::size_t> write_list(std::span<std::byte> out, PacketType type,
                                                                  std::uint16_t packet_id,
                                                                  std::span<const FilterEntry> filters,
                                                                  const Properties& properties) noexcept {
  PacketWriter writer(out, type, 2);
  writer.packet_id(packet_id);
  put_block<kVersion5>(writer, properties, type);
  writer.require(!filters.empty());
  for (const FilterEntry& entry : filters) {
    unsigned options = static_cast<unsigned>(entry.qos);
    if (kVersion5) {
      options |= (entry.no_local ? 4U : 0U) | (entry.retain_as_published ? 8U : 0U) |
                 static_cast<unsigned>(entry.retain_handling) << 4;
    }
    writer.require(is_topic_filter(entry.filter));
    put_filter(writer, type, entry.filter, options);
  }
  return writer.finish();
}

}  // namespace mqtt::detail

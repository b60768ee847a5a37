#pragma once
#include "examples/mqtt/packet_wire.hpp"
#include "examples/mqtt/topic.hpp"

/// The packets that differ between the versions by little, written once for both.
namespace mqtt::detail {

inline void put_header(Writer& writer, PacketType type, unsigned flags, std::size_t remaining) noexcept {
  writer.u8(static_cast<std::uint8_t>(static_cast<unsigned>(type) << 4 | flags));
  writer.variable(remaining);
}

inline nal::Result<std::size_t> written(const Writer& writer) noexcept {
  if (writer.failed()) { return nal::Unexpected(nal::Error::buffer_too_small); }
  return writer.size();
}

constexpr std::size_t text_size(std::size_t size) noexcept { return 2 + size; }

/// Properties with their length: what they take, and writing them. Of 3.1.1, which has none, nothing is left.
template <bool kVersion5>
class PropertyBlock {
 public:
  explicit PropertyBlock(const Properties& properties, PacketType in, std::uint16_t topic_alias = 0) noexcept
      : properties_(properties), in_(in), topic_alias_(topic_alias) {
    const auto size = properties_size(properties, topic_alias);
    valid_ = size.has_value();
    size_ = size.value_or(0);
  }
  bool valid() const noexcept { return valid_; }
  std::size_t size() const noexcept { return variable_size(size_) + size_; }
  bool put(Writer& writer) const noexcept { return put_properties(writer, properties_, in_, size_, topic_alias_); }

 private:
  const Properties& properties_;
  PacketType in_;
  std::uint16_t topic_alias_;
  bool valid_ = false;
  std::size_t size_ = 0;
};
template <>
class PropertyBlock<false> {
 public:
  explicit PropertyBlock(const Properties&, PacketType, std::uint16_t = 0) noexcept {}
  static constexpr bool valid() noexcept { return true; }
  static constexpr std::size_t size() noexcept { return 0; }
  static constexpr bool put(Writer&) noexcept { return true; }
};

template <bool kVersion5>
nal::Result<std::size_t> write_connect(std::span<std::byte> out, const Connect& packet) noexcept {
  const PropertyBlock<kVersion5> properties(packet.properties, PacketType::connect);
  const Properties none;
  const PropertyBlock<kVersion5> of_will(packet.will ? packet.will->properties : none, kWillProperties);
  std::size_t remaining = 10 + properties.size() + text_size(packet.client_id.size());
  unsigned flags = packet.clean_session ? 2 : 0;
  bool valid = properties.valid() && of_will.valid() && is_mqtt_text(packet.client_id);
  // A 3.1.1 server keeps sessions only for clients with a name; one of 5.0 gives them a name (5.0 §3.1.3.1).
  if (!kVersion5) { valid = valid && (packet.clean_session || !packet.client_id.empty()); }
  if (packet.will) {
    valid = valid && is_topic_name(packet.will->topic) && packet.will->payload.size() <= 0xFFFF;
    flags |= 4U | static_cast<unsigned>(packet.will->qos) << 3 | (packet.will->retain ? 0x20U : 0U);
    remaining += of_will.size() + text_size(packet.will->topic.size()) + text_size(packet.will->payload.size());
  }
  if (packet.user) {
    valid = valid && is_mqtt_text(*packet.user);
    flags |= 0x80;
    remaining += text_size(packet.user->size());
  }
  if (packet.password) {
    // A password alone is a matter of 5.0 (5.0 §3.1.2.9).
    valid = valid && (kVersion5 || packet.user) && packet.password->size() <= 0xFFFF;
    flags |= 0x40;
    remaining += text_size(packet.password->size());
  }
  if (!valid) { return nal::Unexpected(nal::Error::invalid_argument); }

  Writer writer(out);
  put_header(writer, PacketType::connect, 0, remaining);
  writer.text("MQTT");
  writer.u8(kVersion5 ? 5 : 4);
  writer.u8(static_cast<std::uint8_t>(flags));
  writer.u16(packet.keep_alive);
  valid = properties.put(writer);
  writer.text(packet.client_id);
  if (packet.will) {
    valid = of_will.put(writer) && valid;
    writer.text(packet.will->topic);
    writer.binary(packet.will->payload);
  }
  if (packet.user) { writer.text(*packet.user); }
  if (packet.password) { writer.binary(*packet.password); }
  if (!valid) { return nal::Unexpected(nal::Error::invalid_argument); }
  return written(writer);
}

/// The length field of a PUBLISH, or message_size.
inline nal::Result<std::size_t> publish_remaining(std::string_view topic, std::size_t properties, std::size_t payload,
                                                  QoS qos) noexcept {
  const std::size_t before = text_size(topic.size()) + (qos == QoS::at_most_once ? 0 : 2) + properties;
  if (topic.size() > 0xFFFF || before > kMaxRemaining || payload > kMaxRemaining - before) {
    return nal::Unexpected(nal::Error::message_size);
  }
  return before + payload;
}

template <bool kVersion5>
nal::Result<std::size_t> write_publish_head(std::span<std::byte> out, const Publish& packet,
                                            std::size_t payload) noexcept {
  const bool has_id = packet.qos != QoS::at_most_once;
  const bool topic_is_alias = kVersion5 && packet.topic.empty() && packet.topic_alias != 0;
  const PropertyBlock<kVersion5> properties(packet.properties, PacketType::publish, packet.topic_alias);
  if (!properties.valid() || (!topic_is_alias && !is_topic_name(packet.topic)) || (has_id && packet.packet_id == 0)) {
    return nal::Unexpected(nal::Error::invalid_argument);
  }
  NAL_TRY_SET(const std::size_t remaining, publish_remaining(packet.topic, properties.size(), payload, packet.qos));
  const unsigned flags =
      static_cast<unsigned>(packet.qos) << 1 | (packet.retain ? 1U : 0U) | (packet.duplicate && has_id ? 8U : 0U);
  Writer writer(out);
  put_header(writer, PacketType::publish, flags, remaining);
  writer.text(packet.topic);
  if (has_id) { writer.u16(packet.packet_id); }
  if (!properties.put(writer)) { return nal::Unexpected(nal::Error::invalid_argument); }
  return written(writer);
}

template <bool kVersion5>
nal::Result<std::size_t> write_publish(std::span<std::byte> out, const Publish& packet) noexcept {
  NAL_TRY_SET(const std::size_t head, write_publish_head<kVersion5>(out, packet, packet.payload.size()));
  Writer writer(out.subspan(head));
  writer.raw(packet.payload);
  if (writer.failed()) { return nal::Unexpected(nal::Error::buffer_too_small); }
  return head + packet.payload.size();
}

template <bool kVersion5>
nal::Result<std::size_t> write_list(std::span<std::byte> out, PacketType type, std::uint16_t packet_id,
                                    std::span<const FilterEntry> filters, const Properties& list_properties) noexcept {
  const PropertyBlock<kVersion5> properties(list_properties, type);
  const std::size_t options_size = type == PacketType::subscribe ? 1 : 0;
  std::size_t remaining = 2 + properties.size();
  bool valid = properties.valid() && !filters.empty() && packet_id != 0;
  for (const FilterEntry& entry : filters) {
    valid = valid && is_topic_filter(entry.filter);
    remaining += text_size(entry.filter.size()) + options_size;
  }
  if (!valid) { return nal::Unexpected(nal::Error::invalid_argument); }
  if (remaining > kMaxRemaining) { return nal::Unexpected(nal::Error::message_size); }
  Writer writer(out);
  put_header(writer, type, 2, remaining);
  writer.u16(packet_id);
  valid = properties.put(writer);
  for (const FilterEntry& entry : filters) {
    writer.text(entry.filter);
    unsigned options = static_cast<unsigned>(entry.qos);
    if (kVersion5) {
      options |= (entry.no_local ? 4U : 0U) | (entry.retain_as_published ? 8U : 0U) |
                 static_cast<unsigned>(entry.retain_handling) << 4;
    }
    if (options_size != 0) { writer.u8(static_cast<std::uint8_t>(options)); }
  }
  if (!valid) { return nal::Unexpected(nal::Error::invalid_argument); }
  return written(writer);
}

}  // namespace mqtt::detail

#pragma once
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>

#include "examples/mqtt/fault.hpp"
#include "examples/mqtt/parsed.hpp"
#include "examples/mqtt/text.hpp"

namespace mqtt {

/// The properties of MQTT 5.0 (§2.2.2.2). What stands behind each name is its type and, in brackets, what may have it.
enum class PropertyId : std::uint8_t {
  payload_format = 0x01,                ///< number: 1 says that the payload is UTF-8 (PUBLISH, will)
  message_expiry = 0x02,                ///< number, seconds (PUBLISH, will)
  content_type = 0x03,                  ///< text (PUBLISH, will)
  response_topic = 0x08,                ///< text, a topic name (PUBLISH, will)
  correlation_data = 0x09,              ///< bytes (PUBLISH, will)
  subscription_id = 0x0B,               ///< number, 1 to 268,435,455 (SUBSCRIBE; PUBLISH, which may have several)
  session_expiry = 0x11,                ///< number, seconds; 0xFFFFFFFF: never (CONNECT, CONNACK, DISCONNECT)
  assigned_client_id = 0x12,            ///< text (CONNACK)
  server_keep_alive = 0x13,             ///< number, seconds (CONNACK)
  authentication_method = 0x15,         ///< text (CONNECT, CONNACK, AUTH)
  authentication_data = 0x16,           ///< bytes (CONNECT, CONNACK, AUTH)
  request_problem_information = 0x17,   ///< number, 0 or 1 (CONNECT)
  will_delay = 0x18,                    ///< number, seconds (will)
  request_response_information = 0x19,  ///< number, 0 or 1 (CONNECT)
  response_information = 0x1A,          ///< text (CONNACK)
  server_reference = 0x1C,              ///< text (CONNACK, DISCONNECT)
  reason_string = 0x1F,                 ///< text (CONNACK, every acknowledgement, DISCONNECT, AUTH)
  receive_maximum = 0x21,               ///< number, not 0 (CONNECT, CONNACK)
  topic_alias_maximum = 0x22,           ///< number (CONNECT, CONNACK)
  topic_alias = 0x23,                   ///< number, not 0 (PUBLISH)
  maximum_qos = 0x24,                   ///< number, 0 or 1 (CONNACK)
  retain_available = 0x25,              ///< number, 0 or 1 (CONNACK)
  user_property = 0x26,                 ///< name and value, any number of them (all but PINGREQ and PINGRESP)
  maximum_packet_size = 0x27,           ///< number, bytes, not 0 (CONNECT, CONNACK)
  wildcard_available = 0x28,            ///< number, 0 or 1 (CONNACK)
  subscription_ids_available = 0x29,    ///< number, 0 or 1 (CONNACK)
  shared_available = 0x2A,              ///< number, 0 or 1 (CONNACK)
};
inline constexpr PropertyId kLastProperty = PropertyId::shared_available;

/// How a property's value is written (§1.5).
enum class PropertyType : std::uint8_t { none, byte, two_bytes, four_bytes, variable, text, binary, text_pair };
PropertyType type_of(PropertyId id) noexcept;

enum class PacketType : std::uint8_t;
/// Where properties stand that are the will's, in CONNECT.
inline constexpr PacketType kWillProperties{0};
bool is_allowed(PropertyId id, PacketType in) noexcept;

/// One property. Its texts and bytes are views.
struct Property {
  PropertyId id{};
  std::uint32_t number = 0;            ///< of those that are numbers
  std::span<const std::byte> bytes{};  ///< of those that are texts or bytes; the name of a user property
  std::span<const std::byte> value{};  ///< of a user property

  std::string_view text() const noexcept { return text_of(bytes); }
  std::string_view value_text() const noexcept { return text_of(value); }

  static Property of(PropertyId id, std::uint32_t number) noexcept { return {id, number, {}, {}}; }
  static Property of(PropertyId id, std::string_view text) noexcept { return {id, 0, bytes_of(text), {}}; }
  static Property of(PropertyId id, std::span<const std::byte> bytes) noexcept { return {id, 0, bytes, {}}; }
  static Property user(std::string_view name, std::string_view value) noexcept {
    return {PropertyId::user_property, 0, bytes_of(name), bytes_of(value)};
  }
};

/// The properties of a packet: a view of the packet that was parsed, where they have been checked and are taken apart
/// only when somebody looks; or of a list that is to be written. The memory is the packet's or the caller's.
///
///     for (const mqtt::Property& property : message.properties()) { ... }
///     const mqtt::Property list[] = {mqtt::Property::of(mqtt::PropertyId::message_expiry, 60),
///                                    mqtt::Property::user("unit", "bar")};
///     packet.properties = list;
class Properties {
 public:
  constexpr Properties() noexcept = default;
  template <std::size_t N>
  constexpr Properties(const Property (&list)[N]) noexcept : list_(list) {}
  constexpr Properties(std::span<const Property> list) noexcept : list_(list) {}

  class Iterator {
   public:
    using value_type = Property;
    using difference_type = std::ptrdiff_t;

    Iterator() noexcept = default;
    const Property& operator*() const noexcept { return current_; }
    const Property* operator->() const noexcept { return &current_; }
    Iterator& operator++() noexcept {
      advance();
      return *this;
    }
    void operator++(int) noexcept { advance(); }
    friend bool operator==(const Iterator& it, std::default_sentinel_t) noexcept { return it.ended_; }

   private:
    friend class Properties;
    explicit Iterator(const Properties& of) noexcept : wire_(of.wire_), list_(of.list_) { advance(); }
    void advance() noexcept;

    std::span<const std::byte> wire_{};
    std::span<const Property> list_{};
    Property current_{};
    bool ended_ = false;
  };
  Iterator begin() const noexcept { return Iterator(*this); }
  std::default_sentinel_t end() const noexcept { return {}; }
  bool empty() const noexcept { return wire_.empty() && list_.empty(); }

  /// The first with this identifier.
  std::optional<Property> find(PropertyId id) const noexcept;
  bool has(PropertyId id) const noexcept { return find(id).has_value(); }
  /// Its number, or `otherwise` when there is none.
  std::uint32_t number(PropertyId id, std::uint32_t otherwise = 0) const noexcept;
  /// Its text, or an empty one when there is none.
  std::string_view text(PropertyId id) const noexcept { return text_of(bytes(id)); }
  std::span<const std::byte> bytes(PropertyId id) const noexcept;

  /// A view of the bytes that stand in a packet behind their length, once they have been checked in full: each property
  /// is whole, the standard's, allowed there, of a value it may have, and not there twice.
  static Parsed<Properties> parse(std::span<const std::byte> bytes, PacketType in) noexcept;

 private:
  std::span<const std::byte> wire_{};
  std::span<const Property> list_{};
};

}  // namespace mqtt

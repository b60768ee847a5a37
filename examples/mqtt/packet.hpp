#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "examples/mqtt/fault.hpp"
#include "examples/mqtt/parsed.hpp"
#include "examples/mqtt/property.hpp"
#include "examples/mqtt/reason.hpp"
#include "nal/result.hpp"

/// The packets of MQTT 3.1.1 (OASIS standard, 29 October 2014; § are its sections) and of MQTT 5.0 (OASIS standard, 7
/// March 2019; "5.0 §"). Each is a plain value whose texts and bytes are views of the packet it was parsed from or of
/// the caller's memory. `parse` is total: what it gives has been checked in full, so nothing that uses it needs to
/// check again.
///
/// Functions whose name ends in 5 are those of MQTT 5.0, and the fields marked so are read and written by them alone.
/// They stand in files of their own: who speaks 3.1.1 links none of them.
namespace mqtt {

/// How often a message arrives (§4.3): the numbers are those on the wire.
enum class QoS : std::uint8_t { at_most_once = 0, at_least_once = 1, exactly_once = 2 };

enum class PacketType : std::uint8_t {
  connect = 1,
  connack = 2,
  publish = 3,
  puback = 4,
  pubrec = 5,
  pubrel = 6,
  pubcomp = 7,
  subscribe = 8,
  suback = 9,
  unsubscribe = 10,
  unsuback = 11,
  pingreq = 12,
  pingresp = 13,
  disconnect = 14,
  auth = 15,  ///< 5.0
};

/// The largest value of the length field (§2.2.3).
inline constexpr std::size_t kMaxRemaining = 268'435'455;
/// The largest fixed header.
inline constexpr std::size_t kMaxHeaderSize = 5;

/// The fixed header (§2.2).
struct Header {
  PacketType type{};
  std::uint8_t flags = 0;
  std::uint8_t size = 0;        ///< bytes of the header itself; 0 while more of them are needed
  std::uint32_t remaining = 0;  ///< bytes behind it

  constexpr bool complete() const noexcept { return size != 0; }
  constexpr std::size_t total() const noexcept { return std::size_t{size} + remaining; }

  /// From the front of what has arrived, which may be less than a header. Type, flags and the sizes that a packet of
  /// the type can have are checked as soon as they can be told.
  static Parsed<Header> parse(std::span<const std::byte> bytes) noexcept;
  static Parsed<Header> parse5(std::span<const std::byte> bytes) noexcept;
  /// The same, into this one.
  Fault read(std::span<const std::byte> bytes) noexcept;
  Fault read5(std::span<const std::byte> bytes) noexcept;

  // What PUBLISH has in its flags (§3.3.1).
  constexpr QoS qos() const noexcept { return static_cast<QoS>(flags >> 1 & 3); }
  constexpr bool duplicate() const noexcept { return (flags & 8) != 0; }
  constexpr bool retain() const noexcept { return (flags & 1) != 0; }
};

/// Where DUP stands in the first byte of a PUBLISH.
inline constexpr std::byte kDuplicateFlag{8};

/// What the server publishes when the client is gone without a DISCONNECT (§3.1.2.5).
struct Will {
  std::string_view topic;
  std::span<const std::byte> payload;  ///< at most 65,535 bytes
  QoS qos = QoS::at_most_once;
  bool retain = false;
  Properties properties{};  ///< 5.0
};

struct Connect {
  std::string_view client_id;
  bool clean_session = true;     ///< 5.0 calls it clean start: what becomes of the session later is its expiry
  std::uint16_t keep_alive = 0;  ///< seconds; 0: none
  std::optional<Will> will{};
  std::optional<std::string_view> user{};
  std::optional<std::span<const std::byte>> password{};
  Properties properties{};  ///< 5.0

  static Parsed<Connect> parse(const Header& header, std::span<const std::byte> body) noexcept;
  static Parsed<Connect> parse5(const Header& header, std::span<const std::byte> body) noexcept;
};

struct Connack {
  bool session_present = false;
  ConnectCode code = ConnectCode::accepted;  ///< 3.1.1
  Reason reason = Reason::success;           ///< 5.0
  Properties properties{};                   ///< 5.0

  static Parsed<Connack> parse(const Header& header, std::span<const std::byte> body) noexcept;
  /// Takes the refusal of a server that knows 3.1.1 only as `unsupported_protocol_version` too.
  static Parsed<Connack> parse5(const Header& header, std::span<const std::byte> body) noexcept;
};

struct Publish {
  std::string_view topic;  ///< empty: the one that the topic alias stands for (5.0)
  std::span<const std::byte> payload;
  QoS qos = QoS::at_most_once;
  bool retain = false;
  bool duplicate = false;
  std::uint16_t packet_id = 0;    ///< of QoS 1 and 2
  std::uint16_t topic_alias = 0;  ///< 5.0; 0: none. One among the properties is not written: this is.
  Properties properties{};        ///< 5.0

  static Parsed<Publish> parse(const Header& header, std::span<const std::byte> body) noexcept;
  static Parsed<Publish> parse5(const Header& header, std::span<const std::byte> body) noexcept;
  /// The same, into this one; with a fault what is in it means nothing.
  Fault read(const Header& header, std::span<const std::byte> body) noexcept;
  Fault read5(const Header& header, std::span<const std::byte> body) noexcept;

  /// How much of the body stands before the payload, of which `arrived` has come so far; 0 while that cannot be told.
  /// So much of it parses like a PUBLISH without a payload.
  static Parsed<std::size_t> head_size(const Header& header, std::span<const std::byte> arrived) noexcept;
  static Parsed<std::size_t> head_size5(const Header& header, std::span<const std::byte> arrived) noexcept;
};

/// PUBACK, PUBREC, PUBREL and PUBCOMP, and UNSUBACK of 3.1.1: a packet identifier.
struct Acknowledge {
  PacketType type{};
  std::uint16_t packet_id = 0;
  Reason reason = Reason::success;  ///< 5.0
  Properties properties{};          ///< 5.0

  static Parsed<Acknowledge> parse(const Header& header, std::span<const std::byte> body) noexcept;
  /// Not UNSUBACK, which is a `Suback` in 5.0.
  static Parsed<Acknowledge> parse5(const Header& header, std::span<const std::byte> body) noexcept;
};

/// What is sent of retained messages when a subscription is made (5.0 §3.3.1.3): the numbers are those on the wire.
enum class RetainHandling : std::uint8_t { send = 0, send_if_new = 1, do_not_send = 2 };

/// One filter of SUBSCRIBE or UNSUBSCRIBE (which has nothing but the filter).
struct FilterEntry {
  std::string_view filter;
  QoS qos = QoS::at_most_once;
  bool no_local = false;                                  ///< 5.0: not what this client publishes itself
  bool retain_as_published = false;                       ///< 5.0: the retain flag is that of the publisher
  RetainHandling retain_handling = RetainHandling::send;  ///< 5.0
};

/// SUBSCRIBE or UNSUBSCRIBE as received. All entries have been checked.
struct FilterList {
  PacketType type{};
  std::uint16_t packet_id = 0;
  std::span<const std::byte> entries;
  Properties properties{};  ///< 5.0

  /// Takes the first entry off; nothing when none is left.
  std::optional<FilterEntry> next() noexcept;

  static Parsed<FilterList> parse(const Header& header, std::span<const std::byte> body) noexcept;
  static Parsed<FilterList> parse5(const Header& header, std::span<const std::byte> body) noexcept;
};

/// SUBACK, and UNSUBACK of 5.0.
struct Suback {
  static constexpr std::byte kFailure{0x80};
  std::uint16_t packet_id = 0;
  /// One for each filter: the QoS granted, or `kFailure`; in 5.0 a `Reason`.
  std::span<const std::byte> codes;
  PacketType type = PacketType::suback;
  Properties properties{};  ///< 5.0

  static Parsed<Suback> parse(const Header& header, std::span<const std::byte> body) noexcept;
  static Parsed<Suback> parse5(const Header& header, std::span<const std::byte> body) noexcept;
};

/// DISCONNECT of 5.0, which a server may send too (5.0 §3.14).
struct Disconnect {
  Reason reason = Reason::success;
  Properties properties{};

  static Parsed<Disconnect> parse5(const Header& header, std::span<const std::byte> body) noexcept;
};

/// A step of an authentication (5.0 §3.15).
struct Auth {
  Reason reason = Reason::success;
  Properties properties{};

  static Parsed<Auth> parse5(const Header& header, std::span<const std::byte> body) noexcept;
};

/// Whatever answers or ends: CONNACK, PUBACK to PUBCOMP, SUBACK, UNSUBACK, and DISCONNECT and AUTH of 5.0, read the
/// same way. What a packet of the type does not have is as it is here.
struct Response {
  PacketType type{};
  bool session_present = false;              ///< CONNACK
  std::uint16_t packet_id = 0;               ///< of all but CONNACK, DISCONNECT and AUTH
  ConnectCode code = ConnectCode::accepted;  ///< CONNACK of 3.1.1
  Reason reason = Reason::success;           ///< 5.0, but for SUBACK and UNSUBACK
  std::span<const std::byte> codes{};        ///< SUBACK, and UNSUBACK of 5.0
  Properties properties{};                   ///< 5.0

  /// Into a new one.
  Fault read(PacketType of, std::span<const std::byte> body) noexcept;
  Fault read5(PacketType of, std::span<const std::byte> body) noexcept;
};

/// PINGREQ and PINGRESP, and DISCONNECT of 3.1.1, have no body; `Header::parse` has checked that.

/// Writes a packet to the front of `out` and gives its size. *Errors*: buffer_too_small; message_size when it is larger
/// than the standard allows; invalid_argument for texts, topics, filters or flags that it does not allow.
nal::Result<std::size_t> encode(std::span<std::byte> out, const Connect& packet) noexcept;
nal::Result<std::size_t> encode(std::span<std::byte> out, const Connack& packet) noexcept;
nal::Result<std::size_t> encode(std::span<std::byte> out, const Publish& packet) noexcept;
nal::Result<std::size_t> encode(std::span<std::byte> out, const Acknowledge& packet) noexcept;
nal::Result<std::size_t> encode(std::span<std::byte> out, const Suback& packet) noexcept;
/// SUBSCRIBE or UNSUBSCRIBE.
nal::Result<std::size_t> encode_list(std::span<std::byte> out, PacketType type, std::uint16_t packet_id,
                                     std::span<const FilterEntry> filters) noexcept;
inline nal::Result<std::size_t> encode_subscribe(std::span<std::byte> out, std::uint16_t packet_id,
                                                 std::span<const FilterEntry> filters) noexcept {
  return encode_list(out, PacketType::subscribe, packet_id, filters);
}
inline nal::Result<std::size_t> encode_unsubscribe(std::span<std::byte> out, std::uint16_t packet_id,
                                                   std::span<const FilterEntry> filters) noexcept {
  return encode_list(out, PacketType::unsubscribe, packet_id, filters);
}
/// PINGREQ, PINGRESP or DISCONNECT; the first two are the same in 5.0.
nal::Result<std::size_t> encode_empty(std::span<std::byte> out, PacketType type) noexcept;
/// Any of those, or with a packet identifier that is not 0 an `Acknowledge`, into what has room for it: 4 bytes, or 2.
/// What 5.0 leaves out when all is well is left out.
std::size_t encode_short(std::span<std::byte> out, PacketType type, std::uint16_t packet_id = 0) noexcept;

/// Writes all of a PUBLISH but its payload, of which there will be `payload` bytes (those of the packet do not count).
nal::Result<std::size_t> encode_head(std::span<std::byte> out, const Publish& packet, std::size_t payload) noexcept;

/// The same for MQTT 5.0. invalid_argument too for properties that the packet must not have, and for a reason that it
/// must not. Reason and properties are left out where the standard lets them be.
nal::Result<std::size_t> encode5(std::span<std::byte> out, const Connect& packet) noexcept;
nal::Result<std::size_t> encode5(std::span<std::byte> out, const Connack& packet) noexcept;
nal::Result<std::size_t> encode5(std::span<std::byte> out, const Publish& packet) noexcept;
nal::Result<std::size_t> encode5(std::span<std::byte> out, const Acknowledge& packet) noexcept;
nal::Result<std::size_t> encode5(std::span<std::byte> out, const Suback& packet) noexcept;
nal::Result<std::size_t> encode5(std::span<std::byte> out, const Disconnect& packet) noexcept;
nal::Result<std::size_t> encode5(std::span<std::byte> out, const Auth& packet) noexcept;
nal::Result<std::size_t> encode_list5(std::span<std::byte> out, PacketType type, std::uint16_t packet_id,
                                      std::span<const FilterEntry> filters, const Properties& properties = {}) noexcept;
inline nal::Result<std::size_t> encode_subscribe5(std::span<std::byte> out, std::uint16_t packet_id,
                                                  std::span<const FilterEntry> filters,
                                                  const Properties& properties = {}) noexcept {
  return encode_list5(out, PacketType::subscribe, packet_id, filters, properties);
}
inline nal::Result<std::size_t> encode_unsubscribe5(std::span<std::byte> out, std::uint16_t packet_id,
                                                    std::span<const FilterEntry> filters,
                                                    const Properties& properties = {}) noexcept {
  return encode_list5(out, PacketType::unsubscribe, packet_id, filters, properties);
}
nal::Result<std::size_t> encode_head5(std::span<std::byte> out, const Publish& packet, std::size_t payload) noexcept;

/// What this PUBLISH takes with `payload` bytes (those of the packet do not count). *Errors*: message_size;
/// invalid_argument for a property that is too long.
nal::Result<std::size_t> publish_size(const Publish& packet, std::size_t payload) noexcept;
nal::Result<std::size_t> publish_size5(const Publish& packet, std::size_t payload) noexcept;
/// What a SUBSCRIBE or UNSUBSCRIBE takes at the most, of one filter that takes `size` bytes: with the properties, and
/// their length, in 5.0.
constexpr std::size_t subscribe_size(std::size_t size) noexcept { return kMaxHeaderSize + 2 + 2 + size + 1; }

}  // namespace mqtt

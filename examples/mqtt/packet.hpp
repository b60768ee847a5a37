#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "examples/mqtt/fault.hpp"
#include "nal/result.hpp"

/// The packets of MQTT 3.1.1 (OASIS standard, 29 October 2014; § are its sections). Each is a plain value whose texts
/// and bytes are views of the packet it was parsed from or of the caller's memory. `parse` is total: what it gives has
/// been checked in full, so nothing that uses it needs to check again.
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
};

/// The largest value of the length field (§2.2.3).
inline constexpr std::size_t kMaxRemaining = 268'435'455;
/// The largest fixed header.
inline constexpr std::size_t kMaxHeaderSize = 5;

/// A parsed value, or the fault that was found.
template <class T>
class [[nodiscard]] Parsed {
 public:
  constexpr Parsed(const T& value) noexcept : value_(value) {}
  constexpr Parsed(Fault fault) noexcept : fault_(fault) {}

  constexpr explicit operator bool() const noexcept { return fault_ == Fault::none; }
  constexpr Fault fault() const noexcept { return fault_; }
  constexpr const T& operator*() const noexcept { return value_; }
  constexpr const T* operator->() const noexcept { return &value_; }

 private:
  T value_{};
  Fault fault_ = Fault::none;
};

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
};

struct Connect {
  std::string_view client_id;
  bool clean_session = true;
  std::uint16_t keep_alive = 0;  ///< seconds; 0: none
  std::optional<Will> will{};
  std::optional<std::string_view> user{};
  std::optional<std::span<const std::byte>> password{};

  static Parsed<Connect> parse(const Header& header, std::span<const std::byte> body) noexcept;
};

struct Connack {
  bool session_present = false;
  ConnectCode code = ConnectCode::accepted;

  static Parsed<Connack> parse(const Header& header, std::span<const std::byte> body) noexcept;
};

struct Publish {
  std::string_view topic;
  std::span<const std::byte> payload;
  QoS qos = QoS::at_most_once;
  bool retain = false;
  bool duplicate = false;
  std::uint16_t packet_id = 0;  ///< of QoS 1 and 2

  static Parsed<Publish> parse(const Header& header, std::span<const std::byte> body) noexcept;
};

/// PUBACK and UNSUBACK (and, one day, PUBREC, PUBREL and PUBCOMP): a packet identifier.
struct Acknowledge {
  PacketType type{};
  std::uint16_t packet_id = 0;

  static Parsed<Acknowledge> parse(const Header& header, std::span<const std::byte> body) noexcept;
};

/// One filter of SUBSCRIBE or UNSUBSCRIBE (which has no QoS).
struct FilterEntry {
  std::string_view filter;
  QoS qos = QoS::at_most_once;
};

/// SUBSCRIBE or UNSUBSCRIBE as received. All entries have been checked.
struct FilterList {
  PacketType type{};
  std::uint16_t packet_id = 0;
  std::span<const std::byte> entries;

  /// Takes the first entry off; nothing when none is left.
  std::optional<FilterEntry> next() noexcept;

  static Parsed<FilterList> parse(const Header& header, std::span<const std::byte> body) noexcept;
};

struct Suback {
  static constexpr std::byte kFailure{0x80};
  std::uint16_t packet_id = 0;
  /// One for each filter: the QoS granted, or `kFailure`.
  std::span<const std::byte> codes;

  static Parsed<Suback> parse(const Header& header, std::span<const std::byte> body) noexcept;
};

/// PINGREQ, PINGRESP and DISCONNECT have no body; `Header::parse` has checked that.

/// Writes a packet to the front of `out` and gives its size. *Errors*: buffer_too_small; message_size when it is larger
/// than the standard allows; invalid_argument for texts, topics, filters or flags that it does not allow.
nal::Result<std::size_t> encode(std::span<std::byte> out, const Connect& packet) noexcept;
nal::Result<std::size_t> encode(std::span<std::byte> out, const Connack& packet) noexcept;
nal::Result<std::size_t> encode(std::span<std::byte> out, const Publish& packet) noexcept;
nal::Result<std::size_t> encode(std::span<std::byte> out, const Acknowledge& packet) noexcept;
nal::Result<std::size_t> encode(std::span<std::byte> out, const Suback& packet) noexcept;
nal::Result<std::size_t> encode_subscribe(std::span<std::byte> out, std::uint16_t packet_id,
                                          std::span<const FilterEntry> filters) noexcept;
nal::Result<std::size_t> encode_unsubscribe(std::span<std::byte> out, std::uint16_t packet_id,
                                            std::span<const FilterEntry> filters) noexcept;
/// PINGREQ, PINGRESP or DISCONNECT.
nal::Result<std::size_t> encode_empty(std::span<std::byte> out, PacketType type) noexcept;

/// What a PUBLISH of this topic and payload takes, or message_size.
nal::Result<std::size_t> publish_size(std::string_view topic, std::size_t payload, QoS qos) noexcept;
/// What a SUBSCRIBE or UNSUBSCRIBE of one filter takes at the most.
constexpr std::size_t subscribe_size(std::string_view filter) noexcept {
  return kMaxHeaderSize + 2 + 2 + filter.size() + 1;
}

}  // namespace mqtt

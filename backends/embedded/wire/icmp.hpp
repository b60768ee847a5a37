#pragma once
#include <optional>

#include "backends/embedded/wire/bytes.hpp"
#include "backends/embedded/wire/checksum.hpp"
#include "nal/assert.hpp"

namespace nal::embedded::wire {

inline constexpr std::uint8_t kIcmpv4Protocol = 1;
inline constexpr std::uint8_t kIcmpv6Protocol = 58;
/// Type, code, checksum and four bytes whose meaning depends on the type.
inline constexpr std::size_t kIcmpHeaderSize = 8;

/// RFC 792, RFC 1256
enum class Icmpv4Type : std::uint8_t {
  echo_reply = 0,
  destination_unreachable = 3,
  source_quench = 4,
  redirect = 5,
  echo_request = 8,
  time_exceeded = 11,
  parameter_problem = 12,
};

/// Codes of `Icmpv4Type::destination_unreachable` (RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1).
enum class Icmpv4Unreachable : std::uint8_t {
  network = 0,
  host = 1,
  protocol = 2,
  port = 3,
  fragmentation_needed = 4,
  source_route_failed = 5,
  network_unknown = 6,
  host_unknown = 7,
  network_prohibited = 9,
  host_prohibited = 10,
  network_for_service = 11,
  host_for_service = 12,
  administratively_prohibited = 13,
};

/// RFC 4443, RFC 2710, RFC 4861, RFC 3810
enum class Icmpv6Type : std::uint8_t {
  destination_unreachable = 1,
  packet_too_big = 2,
  time_exceeded = 3,
  parameter_problem = 4,
  echo_request = 128,
  echo_reply = 129,
  multicast_listener_query = 130,
  multicast_listener_report = 131,
  multicast_listener_done = 132,
  router_solicitation = 133,
  router_advertisement = 134,
  neighbor_solicitation = 135,
  neighbor_advertisement = 136,
  redirect = 137,
  multicast_listener_report_v2 = 143,
};

/// Codes of `Icmpv6Type::destination_unreachable` (RFC 4443 §3.1).
enum class Icmpv6Unreachable : std::uint8_t {
  no_route = 0,
  administratively_prohibited = 1,
  beyond_scope = 2,
  address = 3,
  port = 4,
  source_policy = 5,
  rejected = 6,
};

/// Codes of `parameter_problem`; of ICMPv6 (RFC 4443 §3.4), where ICMPv4 knows none but 0.
enum class Icmpv6ParameterProblem : std::uint8_t { erroneous_field = 0, unknown_next_header = 1, unknown_option = 2 };

/// The packet that an error is about, as far as the error quotes it.
struct QuotedPacket {
  std::span<const std::byte> source;       ///< 4 or 16 bytes
  std::span<const std::byte> destination;  ///< 4 or 16 bytes
  std::uint8_t protocol = 0;
  std::span<const std::byte> transport;  ///< from the transport header on; 8 bytes at least

  /// None when it does not reach 8 bytes into the transport header, or when the packet was a later fragment.
  static std::optional<QuotedPacket> parse_v4(std::span<const std::byte> bytes) noexcept;
  static std::optional<QuotedPacket> parse_v6(std::span<const std::byte> bytes) noexcept;
};

/// A message of either version. Lives as long as its bytes.
class IcmpView {
 public:
  /// None of what is too short for its header. The checksum is another question.
  static std::optional<IcmpView> parse(std::span<const std::byte> bytes) noexcept {
    if (bytes.size() < kIcmpHeaderSize) { return std::nullopt; }
    return IcmpView(bytes);
  }

  std::uint8_t type() const noexcept { return load_u8(bytes_.data()); }
  Icmpv4Type type_v4() const noexcept { return static_cast<Icmpv4Type>(type()); }
  Icmpv6Type type_v6() const noexcept { return static_cast<Icmpv6Type>(type()); }
  std::uint8_t code() const noexcept { return load_u8(bytes_.data() + 1); }
  bool checksum_valid_v4() const noexcept { return sum(bytes_).valid(); }
  /// `pseudo` is `pseudo_header_sum(…, kIcmpv6Protocol, bytes().size())`.
  bool checksum_valid_v6(Sum pseudo) const noexcept { return (pseudo + sum(bytes_)).valid(); }

  /// The whole message.
  std::span<const std::byte> bytes() const noexcept { return bytes_; }
  /// Behind the eight bytes of the header: an echo's data, an error's quotation with what RFC 4884 puts behind it.
  std::span<const std::byte> body() const noexcept { return bytes_.subspan(kIcmpHeaderSize); }

  // Of echo requests and replies.
  std::uint16_t identifier() const noexcept { return load_be16(bytes_.data() + 4); }
  std::uint16_t sequence() const noexcept { return load_be16(bytes_.data() + 6); }

  /// Whether it is an error: those are never answered with an error (RFC 1122 §3.2.2, RFC 4443 §2.4).
  bool is_error_v4() const noexcept;
  bool is_error_v6() const noexcept { return type() < 128; }

  /// Of ICMPv4 "fragmentation needed"; 0 from routers that are older than RFC 1191.
  std::uint16_t mtu_v4() const noexcept { return load_be16(bytes_.data() + 6); }
  /// Of ICMPv6 "packet too big".
  std::uint32_t mtu_v6() const noexcept { return load_be32(bytes_.data() + 4); }
  /// Of ICMPv4 "parameter problem".
  std::uint8_t pointer_v4() const noexcept { return load_u8(bytes_.data() + 4); }
  /// Of ICMPv6 "parameter problem".
  std::uint32_t pointer_v6() const noexcept { return load_be32(bytes_.data() + 4); }
  /// Of ICMPv4 "redirect": the router to use.
  Ipv4Address gateway() const noexcept { return load_ipv4(bytes_.data() + 4); }

  /// Of an error, without the extensions of RFC 4884.
  std::span<const std::byte> quotation_v4() const noexcept;
  std::span<const std::byte> quotation_v6() const noexcept;

 private:
  explicit IcmpView(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}

  std::span<const std::byte> bytes_;
};

/// The header of a message to send, whose body stands behind it already.
struct IcmpHeader {
  std::uint8_t type = 0;
  std::uint8_t code = 0;
  std::uint32_t rest = 0;  ///< the four bytes whose meaning depends on the type: see the functions below

  static constexpr IcmpHeader of(Icmpv4Type type, std::uint8_t code = 0, std::uint32_t rest = 0) noexcept {
    return {static_cast<std::uint8_t>(type), code, rest};
  }
  static constexpr IcmpHeader of(Icmpv6Type type, std::uint8_t code = 0, std::uint32_t rest = 0) noexcept {
    return {static_cast<std::uint8_t>(type), code, rest};
  }
  /// The `rest` of an echo.
  static constexpr std::uint32_t echo(std::uint16_t identifier, std::uint16_t sequence) noexcept {
    return std::uint32_t{identifier} << 16 | sequence;
  }

  /// To the first `kIcmpHeaderSize` bytes of `message` (asserted that they are there), with the checksum over all of
  /// it. `pseudo`: nothing for ICMPv4, `pseudo_header_sum(…, kIcmpv6Protocol, message.size())` for ICMPv6.
  void emit(std::span<std::byte> message, Sum pseudo = {}) const noexcept {
    NAL_ASSERT(message.size() >= kIcmpHeaderSize);
    std::byte* const at = message.data();
    store_be16(at, std::uint32_t{type} << 8 | code);
    store_be16(at + 2, 0);
    store_be32(at + 4, rest);
    store_be16(at + 2, (pseudo + sum(message)).checksum());
  }
};

/// How much of a packet an error about it quotes: of IPv4 as much as keeps the error within 576 bytes (RFC 1812
/// §4.3.2.3), of IPv6 within 1280 (RFC 4443 §2.4).
inline constexpr std::size_t kIcmpv4MaxQuotation = 576 - 20 - kIcmpHeaderSize;
inline constexpr std::size_t kIcmpv6MaxQuotation = 1280 - 40 - kIcmpHeaderSize;

}  // namespace nal::embedded::wire

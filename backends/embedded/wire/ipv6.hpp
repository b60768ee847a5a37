#pragma once
#include <optional>

#include "backends/embedded/wire/bytes.hpp"
#include "nal/assert.hpp"

namespace nal::embedded::wire {

/// RFC 8200 §3
inline constexpr std::size_t kIpv6HeaderSize = 40;
inline constexpr std::size_t kFragmentHeaderSize = 8;
/// What every link carries in one piece (RFC 8200 §5), and what every host puts together.
inline constexpr std::size_t kIpv6MinMtu = 1280;
inline constexpr std::size_t kIpv6MinReassembled = 1500;

/// What a Next Header field names, of what this layer knows itself.
enum class NextHeader : std::uint8_t {
  hop_by_hop = 0,
  tcp = 6,
  udp = 17,
  routing = 43,
  fragment = 44,
  icmpv6 = 58,
  none = 59,
  destination_options = 60,
};

/// A packet. Lives as long as its bytes.
class Ipv6View {
 public:
  /// None of what is not IPv6 or shorter than it says; what stands behind the packet (padding of the link) is cut off.
  /// A jumbogram (RFC 2675) says 0, so all of it is cut off.
  static std::optional<Ipv6View> parse(std::span<const std::byte> bytes) noexcept {
    const auto view = parse_quoted(bytes);
    if (!view || kIpv6HeaderSize + view->payload_length() > bytes.size()) { return std::nullopt; }
    return view;
  }
  /// The same for the start of a packet, as an ICMP error has it: the header is all there, of the payload what there
  /// is.
  static std::optional<Ipv6View> parse_quoted(std::span<const std::byte> bytes) noexcept {
    if (bytes.size() < kIpv6HeaderSize || load_u8(bytes.data()) >> 4 != 6) { return std::nullopt; }
    Ipv6View view(bytes);
    const std::size_t size = kIpv6HeaderSize + view.payload_length();
    if (size < bytes.size()) { view.bytes_ = bytes.first(size); }
    return view;
  }

  /// DSCP and ECN.
  std::uint8_t traffic_class() const noexcept { return static_cast<std::uint8_t>(load_be16(at()) >> 4 & 0xff); }
  std::uint32_t flow_label() const noexcept { return load_be32(at()) & 0xf'ffff; }
  /// Of all behind this header, as the header says.
  std::size_t payload_length() const noexcept { return load_be16(at() + 4); }
  std::uint8_t next_header() const noexcept { return load_u8(at() + 6); }
  std::uint8_t hop_limit() const noexcept { return load_u8(at() + 7); }
  Ipv6Bytes source() const noexcept { return load_ipv6(at() + 8); }
  Ipv6Bytes destination() const noexcept { return load_ipv6(at() + 24); }

  /// The packet from its first byte on.
  std::span<const std::byte> bytes() const noexcept { return bytes_; }
  /// With the extension headers.
  std::span<const std::byte> payload() const noexcept { return bytes_.subspan(kIpv6HeaderSize); }

 private:
  explicit Ipv6View(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}
  const std::byte* at() const noexcept { return bytes_.data(); }

  std::span<const std::byte> bytes_;
};

/// What RFC 8200 §4 wants done with a packet, as its extension headers say.
struct Ipv6Chain {
  enum class Verdict : std::uint8_t {
    deliver,            ///< `offset` and `protocol` tell what the packet carries
    fragment,           ///< a part of a packet: see the fragment fields
    discard,            ///< drop it without a word
    parameter_problem,  ///< drop it, and tell the sender with `code` and `pointer`, within the rules for errors
  };

  Verdict verdict = Verdict::discard;
  /// Of the ICMPv6 Parameter Problem (RFC 4443 §3.4).
  std::uint8_t code = 0;
  /// Of what stands at `offset`; of a fragment, of what its fragment header names.
  std::uint8_t protocol = 0;
  bool router_alert = false;  ///< the hop-by-hop options have it (RFC 2711)
  /// Of the parameter problem, from the start of the packet.
  std::uint32_t pointer = 0;
  /// From the start of the packet: of what it carries, of a fragment what stands behind the fragment header.
  std::uint32_t offset = 0;
  /// Where the Next Header field stands that named what is at `offset`, or that named the fragment header: the one to
  /// change when fragments are put together (RFC 8200 §4.5).
  std::uint32_t next_header_field = 0;
  std::uint16_t fragment_offset = 0;  ///< in bytes, of the part in the packet
  bool more_fragments = false;
  std::uint32_t identification = 0;
};

/// Walks over all extension headers of a packet that this host is the destination of. Total: any bytes give a verdict,
/// in time linear to their size. A fragment header that makes no fragment is walked over (RFC 6946). The rules that
/// need more than one fragment (RFC 8200 §4.5, RFC 5722) are the reassembler's.
Ipv6Chain walk_extension_headers(const Ipv6View& packet) noexcept;

/// Where the payload of a packet is that another quotes, of which the end may be missing, and its protocol. None when
/// the packet ends before, or when it is a later fragment.
struct Ipv6Payload {
  std::uint8_t protocol;
  std::size_t offset;
};
std::optional<Ipv6Payload> skip_extension_headers(const Ipv6View& quoted) noexcept;

/// The header to send.
struct Ipv6Header {
  std::uint8_t traffic_class = 0;
  std::uint32_t flow_label = 0;    ///< 20 bits
  std::size_t payload_length = 0;  ///< of all behind this header; at most 65535
  std::uint8_t next_header = 0;
  std::uint8_t hop_limit = 64;
  Ipv6Bytes source;
  Ipv6Bytes destination;

  /// To the start of `out`, which has `kIpv6HeaderSize` bytes at least (asserted).
  void emit(std::span<std::byte> out) const noexcept {
    NAL_ASSERT(out.size() >= kIpv6HeaderSize && payload_length <= 0xffff && flow_label <= 0xf'ffff);
    std::byte* const at = out.data();
    store_be32(at, 0x6000'0000U | std::uint32_t{traffic_class} << 20 | flow_label);
    store_be16(at + 4, static_cast<std::uint32_t>(payload_length));
    store_u8(at + 6, next_header);
    store_u8(at + 7, hop_limit);
    store_ipv6(at + 8, source);
    store_ipv6(at + 24, destination);
  }
};

/// The fragment header to send (RFC 8200 §4.5).
struct FragmentHeader {
  std::uint8_t next_header = 0;
  std::size_t offset = 0;  ///< in bytes, a multiple of 8 up to 65528
  bool more = false;
  std::uint32_t identification = 0;

  /// To the start of `out`, which has `kFragmentHeaderSize` bytes at least (asserted).
  void emit(std::span<std::byte> out) const noexcept {
    NAL_ASSERT(out.size() >= kFragmentHeaderSize && offset % 8 == 0 && offset <= 0xffff);
    std::byte* const at = out.data();
    store_be16(at, std::uint32_t{next_header} << 8);
    store_be16(at + 2, static_cast<std::uint32_t>(offset) | (more ? 1U : 0U));
    store_be32(at + 4, identification);
  }
};

/// A hop-by-hop header with nothing but a router alert for MLD (RFC 2711), as MLD needs it (RFC 3810 §5).
inline constexpr std::size_t kRouterAlertHeaderSize = 8;
/// To the start of `out`, which has `kRouterAlertHeaderSize` bytes at least (asserted).
inline void emit_router_alert(std::span<std::byte> out, std::uint8_t next_header) noexcept {
  NAL_ASSERT(out.size() >= kRouterAlertHeaderSize);
  store_be32(out.data(), std::uint32_t{next_header} << 24 | 0x0005'02);
  store_be32(out.data() + 4, 0x0000'0100);  // value 0, MLD; two bytes of padding
}

}  // namespace nal::embedded::wire

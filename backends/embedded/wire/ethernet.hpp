#pragma once
#include <optional>

#include "backends/embedded/wire/bytes.hpp"
#include "nal/assert.hpp"

namespace nal::embedded::wire {

/// What an Ethernet II frame carries.
enum class EtherType : std::uint16_t {
  ipv4 = 0x0800,
  arp = 0x0806,
  vlan = 0x8100,  ///< an IEEE 802.1Q tag, with another type behind it
  ipv6 = 0x86dd,
};

inline constexpr std::size_t kEthernetHeaderSize = 14;
inline constexpr std::size_t kVlanTagSize = 4;
/// "No VLAN": what an untagged frame and one with only a priority have (IEEE 802.1Q §9.6).
inline constexpr std::uint16_t kNoVlan = 0;

/// Where IPv4 groups (RFC 1112 §6.4) and IPv6 groups (RFC 2464 §7) are on Ethernet.
constexpr MacAddress ethernet_group(Ipv4Address group) noexcept {
  const Ipv4Address::Bytes b = group.bytes();
  return {0x01, 0x00, 0x5e, static_cast<std::uint8_t>(b[1] & 0x7f), b[2], b[3]};
}
inline MacAddress ethernet_group(Ipv6Bytes group) noexcept {
  const std::byte* const last = group.data() + 12;
  return {0x33, 0x33, load_u8(last), load_u8(last + 1), load_u8(last + 2), load_u8(last + 3)};
}

/// A frame as received, without frame check sequence, with at most one tag. Lives as long as its bytes.
class EthernetView {
 public:
  /// None of what is too short for its header and tag.
  static std::optional<EthernetView> parse(std::span<const std::byte> frame) noexcept {
    if (frame.size() < kEthernetHeaderSize) { return std::nullopt; }
    EthernetView view(frame);
    if (view.tagged() && frame.size() < kEthernetHeaderSize + kVlanTagSize) { return std::nullopt; }
    return view;
  }

  MacAddress destination() const noexcept { return load_mac(bytes_.data()); }
  MacAddress source() const noexcept { return load_mac(bytes_.data() + 6); }
  bool tagged() const noexcept { return outer_type() == static_cast<std::uint16_t>(EtherType::vlan); }
  /// The VLAN, or `kNoVlan`.
  std::uint16_t vlan() const noexcept { return tagged() ? load_be16(bytes_.data() + 14) & 0x0fff : kNoVlan; }
  /// IEEE 802.1p, from 0 to 7.
  std::uint8_t priority() const noexcept {
    return tagged() ? static_cast<std::uint8_t>(load_u8(bytes_.data() + 14) >> 5) : std::uint8_t{0};
  }
  /// Of the payload, behind the tag; below 1536 it is a length, which this stack has no use for.
  EtherType type() const noexcept { return static_cast<EtherType>(load_be16(bytes_.data() + header_size() - 2)); }
  std::size_t header_size() const noexcept {
    return tagged() ? kEthernetHeaderSize + kVlanTagSize : kEthernetHeaderSize;
  }
  /// With the padding of short frames.
  std::span<const std::byte> payload() const noexcept { return bytes_.subspan(header_size()); }

 private:
  explicit EthernetView(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}
  std::uint16_t outer_type() const noexcept { return load_be16(bytes_.data() + 12); }

  std::span<const std::byte> bytes_;
};

/// The header to send.
struct EthernetHeader {
  MacAddress destination{};
  MacAddress source{};
  EtherType type = EtherType::ipv4;
  std::uint16_t vlan = kNoVlan;  ///< at most 4094
  std::uint8_t priority = 0;     ///< from 0 to 7; other than 0 needs a tag, also without a VLAN

  constexpr bool tagged() const noexcept { return vlan != kNoVlan || priority != 0; }
  constexpr std::size_t size() const noexcept {
    return tagged() ? kEthernetHeaderSize + kVlanTagSize : kEthernetHeaderSize;
  }
  /// To the start of `out`, which has `size()` bytes at least (asserted).
  void emit(std::span<std::byte> out) const noexcept {
    NAL_ASSERT(out.size() >= size());
    std::byte* at = out.data();
    store_mac(at, destination);
    store_mac(at + 6, source);
    at += 12;
    if (tagged()) {
      store_be16(at, static_cast<std::uint16_t>(EtherType::vlan));
      store_be16(at + 2, static_cast<std::uint32_t>(priority) << 13 | vlan);
      at += kVlanTagSize;
    }
    store_be16(at, static_cast<std::uint16_t>(type));
  }
};

}  // namespace nal::embedded::wire

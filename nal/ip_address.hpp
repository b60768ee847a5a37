#pragma once
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "nal/assert.hpp"
#include "nal/detail/compare_bytes.hpp"
#include "nal/hash.hpp"
#include "nal/ipv4_address.hpp"
#include "nal/ipv6_address.hpp"
#include "nal/result.hpp"
#include "nal/text.hpp"

namespace nal {

/// Which addresses are meant. An address is never `any`; a wish for addresses may be.
enum class Family : std::uint8_t { any, v4, v6 };

/// "any", "IPv4" or "IPv6". Static storage.
constexpr const char* to_string(Family family) noexcept {
  switch (family) {
    case Family::any: return "any";
    case Family::v4: return "IPv4";
    case Family::v6: return "IPv6";
  }
  return "unknown family";
}

/// An address of either family. Every IPv4 address orders before every IPv6 address, and an IPv4-mapped IPv6 address is
/// an IPv6 address: it equals no IPv4 address and is classified as what it is on the wire; see `unmapped`.
class IpAddress {
 public:
  static constexpr std::size_t kMaxTextSize = Ipv6Address::kMaxTextSize;

  /// 0.0.0.0
  constexpr IpAddress() noexcept = default;
  constexpr IpAddress(Ipv4Address v4) noexcept {
    const Ipv4Address::Bytes bytes = v4.bytes();
    for (std::size_t i = 0; i < bytes.size(); ++i) { bytes_[i] = bytes[i]; }
  }
  constexpr IpAddress(const Ipv6Address& v6) noexcept
      : family_(Family::v6),
        bytes_(v6.bytes()),
        zone_high_(static_cast<std::uint16_t>(v6.zone() >> 16)),
        zone_low_(static_cast<std::uint16_t>(v6.zone())) {}

  /// 0.0.0.0 or ::; for `Family::any` the latter, which dual-stack sockets take for both.
  static constexpr IpAddress unspecified(Family family) noexcept {
    IpAddress zeros;
    if (family != Family::v4) { zeros.family_ = Family::v6; }
    return zeros;
  }
  /// 127.0.0.1, or ::1 for any other family.
  static constexpr IpAddress loopback(Family family) noexcept {
    return family == Family::v4 ? IpAddress(Ipv4Address::loopback()) : IpAddress(Ipv6Address::loopback());
  }

  /// What `Ipv4Address::parse` or `Ipv6Address::parse` takes, the latter for whatever has a colon in it.
  static constexpr Result<IpAddress> parse(std::string_view text) noexcept {
    if (!detail::contains(text, ':')) {
      NAL_TRY_SET(const Ipv4Address v4, Ipv4Address::parse(text));
      return IpAddress(v4);
    }
    NAL_TRY_SET(const Ipv6Address v6, Ipv6Address::parse(text));
    return IpAddress(v6);
  }

  /// `f` called with the `Ipv4Address` or the `Ipv6Address`.
  template <class F>
  constexpr auto visit(F&& f) const {
    return is_v4() ? f(v4()) : f(v6());
  }

  /// Writes the text form into `out` and returns it; `Error::buffer_too_small` leaves `out` with part of it.
  constexpr Result<std::string_view> format_to(std::span<char> out) const noexcept {
    return detail::format_to(*this, out);
  }
  constexpr void append_to(TextWriter& writer) const noexcept {
    visit([&writer](const auto& address) { address.append_to(writer); });
  }
  constexpr void hash_into(Hasher& hasher) const noexcept {
    hasher.add(static_cast<std::uint32_t>(family_));
    visit([&hasher](const auto& address) { address.hash_into(hasher); });
  }

  /// `Family::v4` or `Family::v6`.
  constexpr Family family() const noexcept { return family_; }
  constexpr bool is_v4() const noexcept { return family_ == Family::v4; }
  constexpr bool is_v6() const noexcept { return family_ == Family::v6; }
  /// Whether a wish for `family` takes this address.
  constexpr bool is(Family family) const noexcept { return family == Family::any || family == family_; }
  /// Only of an IPv4 address (asserted).
  constexpr Ipv4Address v4() const noexcept {
    NAL_ASSERT(is_v4());
    return Ipv4Address::from_bytes(std::span(bytes_).first<4>());
  }
  /// Only of an IPv6 address (asserted).
  constexpr Ipv6Address v6() const noexcept {
    NAL_ASSERT(is_v6());
    return Ipv6Address::from_bytes(bytes_, zone());
  }
  /// 0 for none, and for IPv4.
  constexpr std::uint32_t zone() const noexcept { return std::uint32_t{zone_high_} << 16 | zone_low_; }
  /// In network order: 4 or 16 bytes of this object.
  constexpr std::span<const std::uint8_t> bytes() const noexcept { return std::span(bytes_).first(is_v4() ? 4 : 16); }
  /// The IPv4 address of an IPv4-mapped one; any other as it is.
  constexpr IpAddress unmapped() const noexcept {
    if (is_v6()) {
      if (const std::optional<Ipv4Address> mapped = v6().to_v4()) { return *mapped; }
    }
    return *this;
  }

  constexpr bool is_unspecified() const noexcept {
    return visit([](const auto& address) { return address.is_unspecified(); });
  }
  constexpr bool is_loopback() const noexcept {
    return visit([](const auto& address) { return address.is_loopback(); });
  }
  constexpr bool is_multicast() const noexcept { return is_v4() ? v4().is_multicast() : bytes_[0] == 0xff; }
  constexpr bool is_link_local() const noexcept {
    return visit([](const auto& address) { return address.is_link_local(); });
  }
  constexpr bool is_documentation() const noexcept {
    return visit([](const auto& address) { return address.is_documentation(); });
  }
  constexpr bool is_global() const noexcept {
    return visit([](const auto& address) { return address.is_global(); });
  }
  /// Of a site's own use: RFC 1918 private for IPv4, unique local for IPv6.
  constexpr bool is_private() const noexcept { return is_v4() ? v4().is_private() : v6().is_unique_local(); }
  /// 255.255.255.255
  constexpr bool is_broadcast() const noexcept { return is_v4() && v4().is_broadcast(); }

  friend constexpr bool operator==(const IpAddress&, const IpAddress&) noexcept = default;
  friend constexpr std::strong_ordering operator<=>(const IpAddress& a, const IpAddress& b) noexcept {
    if (a.family_ != b.family_) { return a.family_ <=> b.family_; }
    const std::strong_ordering order = detail::compare_bytes(a.bytes_, b.bytes_);
    return order != 0 ? order : a.zone() <=> b.zone();
  }

 private:
  // Small and loosely aligned, so that an `Endpoint` is 24 bytes. What a family does not use is zero, so that members
  // compare one by one.
  Family family_ = Family::v4;
  Ipv6Address::Bytes bytes_{};
  std::uint16_t zone_high_ = 0;
  std::uint16_t zone_low_ = 0;
};

namespace literals {

consteval IpAddress operator""_ip(const char* text, std::size_t size) {
  return detail::parse_literal<IpAddress>({text, size});
}

}  // namespace literals

}  // namespace nal

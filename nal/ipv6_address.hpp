#pragma once
#include <array>
#include <bit>
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
#include "nal/result.hpp"
#include "nal/text.hpp"

namespace nal {

/// How far an IPv6 address reaches; the values are those of a multicast address's scope field (RFC 4291 §2.7,
/// RFC 7346).
enum class Ipv6Scope : std::uint8_t {
  interface_local = 0x1,
  link_local = 0x2,
  realm_local = 0x3,
  admin_local = 0x4,
  site_local = 0x5,
  organization_local = 0x8,
  global = 0xe,
};

/// An IPv6 address and the zone that it belongs to (RFC 4007): the number of an interface, or 0 for none. Addresses in
/// different zones are different. Orders by bytes, then zone.
class Ipv6Address {
 public:
  /// In network order.
  using Bytes = std::array<std::uint8_t, 16>;

  static constexpr unsigned kBits = 128;
  /// "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295"
  static constexpr std::size_t kMaxTextSize = 50;

  /// ::
  constexpr Ipv6Address() noexcept = default;
  /// The eight groups of the text form.
  constexpr Ipv6Address(std::uint16_t a, std::uint16_t b, std::uint16_t c, std::uint16_t d, std::uint16_t e,
                        std::uint16_t f, std::uint16_t g, std::uint16_t h, std::uint32_t zone = 0) noexcept
      : bytes_{high(a), low(a), high(b), low(b), high(c), low(c), high(d), low(d),
               high(e), low(e), high(f), low(f), high(g), low(g), high(h), low(h)},
        zone_(zone) {}

  static constexpr Ipv6Address from_bytes(std::span<const std::uint8_t, 16> bytes, std::uint32_t zone = 0) noexcept {
    Ipv6Address address;
    for (std::size_t i = 0; i < bytes.size(); ++i) { address.bytes_[i] = bytes[i]; }
    address.zone_ = zone;
    return address;
  }
  /// The IPv4-mapped form, ::ffff:a.b.c.d (RFC 4291 §2.5.5.2).
  static constexpr Ipv6Address from_v4(Ipv4Address v4) noexcept {
    const std::uint32_t value = v4.to_uint32();
    return {0, 0, 0, 0, 0, 0xffff, static_cast<std::uint16_t>(value >> 16), static_cast<std::uint16_t>(value)};
  }
  /// The address whose first `length` (0 to 128) bits are ones.
  static constexpr Ipv6Address netmask(unsigned length) noexcept {
    NAL_ASSERT(length <= kBits);
    Ipv6Address address;
    for (unsigned i = 0; i < 16; ++i) { address.bytes_[i] = mask_byte(i, length); }
    return address;
  }

  static constexpr Ipv6Address unspecified() noexcept { return {}; }
  static constexpr Ipv6Address loopback() noexcept { return {0, 0, 0, 0, 0, 0, 0, 1}; }
  /// ff02::1, every node of a link.
  static constexpr Ipv6Address all_nodes(std::uint32_t zone = 0) noexcept {
    return {0xff02, 0, 0, 0, 0, 0, 0, 1, zone};
  }
  /// ff02::2, every router of a link.
  static constexpr Ipv6Address all_routers(std::uint32_t zone = 0) noexcept {
    return {0xff02, 0, 0, 0, 0, 0, 0, 2, zone};
  }

  /// Every form of RFC 4291 §2.2, as POSIX `inet_pton` takes them, and behind it a zone as a decimal number
  /// ("fe80::1%3"). Anything else is `Error::invalid_argument`, a zone by name too: only a backend knows the names.
  static constexpr Result<Ipv6Address> parse(std::string_view text) noexcept {
    std::uint32_t zone = 0;
    if (const std::size_t percent = detail::find(text, '%'); percent != text.size()) {
      NAL_TRY_SET(zone, detail::parse_decimal(detail::after(text, percent), 0xffff'ffff));
      text = detail::first(text, percent);
    }
    NAL_TRY_SET(const Bytes bytes, parse_bytes(text));
    return from_bytes(bytes, zone);
  }

  /// Writes the text form of RFC 5952 into `out` and returns it, with "%" and the zone if there is one.
  /// `Error::buffer_too_small` leaves `out` with part of it.
  constexpr Result<std::string_view> format_to(std::span<char> out) const noexcept {
    return detail::format_to(*this, out);
  }
  constexpr void append_to(TextWriter& writer) const noexcept {
    if (const std::optional<Ipv4Address> v4 = to_v4()) {
      writer.put("::ffff:");  // RFC 5952 §5
      v4->append_to(writer);
    } else {
      append_groups_to(writer);
    }
    if (zone_ != 0) {
      writer.put('%');
      writer.put_decimal(zone_);
    }
  }
  constexpr void hash_into(Hasher& hasher) const noexcept {
    for (std::size_t i = 0; i < 8; i += 2) { hasher.add(std::uint32_t{group(i)} << 16 | group(i + 1)); }
    hasher.add(zone_);
  }

  constexpr const Bytes& bytes() const noexcept { return bytes_; }
  /// One of the eight groups of the text form, counted from the left.
  constexpr std::uint16_t group(std::size_t i) const noexcept {
    NAL_ASSERT(i < 8);
    return static_cast<std::uint16_t>(bytes_[2 * i] << 8 | bytes_[2 * i + 1]);
  }
  constexpr std::uint32_t zone() const noexcept { return zone_; }
  constexpr Ipv6Address with_zone(std::uint32_t zone) const noexcept { return from_bytes(bytes_, zone); }
  /// The IPv4 address of an IPv4-mapped one.
  constexpr std::optional<Ipv4Address> to_v4() const noexcept {
    if (!is_v4_mapped()) { return std::nullopt; }
    return Ipv4Address::from_bytes(std::span(bytes_).last<4>());
  }

  /// The number of leading bits that both have in common, whatever their zones.
  constexpr unsigned common_prefix_length(const Ipv6Address& other) const noexcept {
    for (unsigned i = 0; i < 16; ++i) {
      const auto differing = static_cast<std::uint8_t>(bytes_[i] ^ other.bytes_[i]);
      if (differing != 0) { return 8 * i + static_cast<unsigned>(std::countl_zero(differing)); }
    }
    return kBits;
  }
  constexpr bool has_prefix(const Ipv6Address& prefix, unsigned length) const noexcept {
    return common_prefix_length(prefix) >= length;
  }
  /// With all but the first `length` (0 to 128) bits cleared; keeps the zone.
  constexpr Ipv6Address masked(unsigned length) const noexcept {
    NAL_ASSERT(length <= kBits);
    Ipv6Address address = *this;
    for (unsigned i = 0; i < 16; ++i) { address.bytes_[i] &= mask_byte(i, length); }
    return address;
  }
  /// With all but the first `length` (0 to 128) bits set; keeps the zone.
  constexpr Ipv6Address filled(unsigned length) const noexcept {
    NAL_ASSERT(length <= kBits);
    Ipv6Address address = *this;
    for (unsigned i = 0; i < 16; ++i) { address.bytes_[i] |= static_cast<std::uint8_t>(~mask_byte(i, length)); }
    return address;
  }

  constexpr bool is_unspecified() const noexcept { return bytes_ == Bytes{}; }
  /// ::1
  constexpr bool is_loopback() const noexcept { return has_prefix(loopback(), 128); }
  /// ff00::/8
  constexpr bool is_multicast() const noexcept { return bytes_[0] == 0xff; }
  /// fe80::/10; says nothing of multicast, see `scope`.
  constexpr bool is_link_local() const noexcept { return bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80; }
  /// fc00::/7 (RFC 4193)
  constexpr bool is_unique_local() const noexcept { return (bytes_[0] & 0xfe) == 0xfc; }
  /// ::ffff:0:0/96
  constexpr bool is_v4_mapped() const noexcept { return has_prefix({0, 0, 0, 0, 0, 0xffff, 0, 0}, 96); }
  /// 2001:db8::/32 (RFC 3849) or 3fff::/20 (RFC 9637)
  constexpr bool is_documentation() const noexcept {
    return has_prefix({0x2001, 0xdb8, 0, 0, 0, 0, 0, 0}, 32) || has_prefix({0x3fff, 0, 0, 0, 0, 0, 0, 0}, 20);
  }
  /// ff02::1:ff00:0/104
  constexpr bool is_solicited_node() const noexcept { return has_prefix({0xff02, 0, 0, 0, 0, 1, 0xff00, 0}, 104); }
  /// A unicast address that the IANA IPv6 special-purpose registry (RFC 6890) lets travel the Internet.
  constexpr bool is_global() const noexcept {
    if (has_prefix({0x64, 0xff9b, 0, 0, 0, 0, 0, 0}, 96)) { return true; }  // RFC 6052
    if (!has_prefix({0x2000, 0, 0, 0, 0, 0, 0, 0}, 3)) { return false; }
    if (has_prefix({0x2001, 0, 0, 0, 0, 0, 0, 0}, 23)) {  // RFC 2928: of these only what has been given out
      return has_prefix({0x2001, 1, 0, 0, 0, 0, 0, 1}, 128) || has_prefix({0x2001, 1, 0, 0, 0, 0, 0, 2}, 128) ||
             has_prefix({0x2001, 1, 0, 0, 0, 0, 0, 3}, 128) || has_prefix({0x2001, 3, 0, 0, 0, 0, 0, 0}, 32) ||
             has_prefix({0x2001, 4, 0x112, 0, 0, 0, 0, 0}, 48) || has_prefix({0x2001, 0x20, 0, 0, 0, 0, 0, 0}, 27);
    }
    return !is_documentation();
  }

  /// How far it reaches: of a multicast address its scope field, of a unicast address as RFC 6724 §3.1 sees it.
  constexpr Ipv6Scope scope() const noexcept {
    if (is_multicast()) { return static_cast<Ipv6Scope>(bytes_[1] & 0x0f); }
    if (is_link_local() || is_loopback()) { return Ipv6Scope::link_local; }
    if (has_prefix({0xfec0, 0, 0, 0, 0, 0, 0, 0}, 10)) { return Ipv6Scope::site_local; }
    return Ipv6Scope::global;
  }
  /// The multicast address at which a link is asked for the owner of this one (RFC 4291 §2.7.1), in the same zone.
  constexpr Ipv6Address solicited_node() const noexcept {
    return {0xff02, 0, 0, 0, 0, 1, static_cast<std::uint16_t>(0xff00 | bytes_[13]), group(7), zone_};
  }

  friend constexpr bool operator==(const Ipv6Address&, const Ipv6Address&) noexcept = default;
  friend constexpr std::strong_ordering operator<=>(const Ipv6Address& a, const Ipv6Address& b) noexcept {
    const std::strong_ordering order = detail::compare_bytes(a.bytes_, b.bytes_);
    return order != 0 ? order : a.zone_ <=> b.zone_;
  }

 private:
  static constexpr std::uint8_t high(std::uint16_t group) noexcept { return static_cast<std::uint8_t>(group >> 8); }
  static constexpr std::uint8_t low(std::uint16_t group) noexcept { return static_cast<std::uint8_t>(group); }
  /// Byte `i` of a mask of `length` ones.
  static constexpr std::uint8_t mask_byte(unsigned i, unsigned length) noexcept {
    if (length <= 8 * i) { return 0; }
    const unsigned ones = length - 8 * i;
    return ones >= 8 ? std::uint8_t{0xff} : static_cast<std::uint8_t>(0xff00u >> ones);
  }

  static constexpr Result<Bytes> parse_bytes(std::string_view text) noexcept {
    constexpr std::size_t kNone = 17;
    Bytes bytes{};
    std::size_t size = 0;
    std::size_t gap = kNone;  // where "::" stands in `bytes`
    if (text.size() >= 2 && text[0] == ':' && text[1] == ':') {
      gap = 0;
      text.remove_prefix(2);
    }
    while (!(text.empty() && gap == size)) {
      const std::size_t end = detail::find(text, ':');
      const bool last = end == text.size();
      if (last && detail::contains(text, '.')) {
        if (size > bytes.size() - 4) { return Unexpected(Error::invalid_argument); }
        NAL_TRY_SET(const Ipv4Address v4, Ipv4Address::parse(text));
        for (const std::uint8_t byte : v4.bytes()) { bytes[size++] = byte; }
        break;
      }
      if (size == bytes.size()) { return Unexpected(Error::invalid_argument); }
      NAL_TRY_SET(const std::uint32_t group, detail::parse_hex(detail::first(text, end), 4));
      bytes[size++] = static_cast<std::uint8_t>(group >> 8);
      bytes[size++] = static_cast<std::uint8_t>(group);
      if (last) { break; }
      text = detail::after(text, end);
      if (!text.empty() && text[0] == ':') {
        if (gap != kNone) { return Unexpected(Error::invalid_argument); }
        gap = size;
        text.remove_prefix(1);
      }
    }
    if (gap == kNone) {
      if (size != bytes.size()) { return Unexpected(Error::invalid_argument); }
      return bytes;
    }
    if (size == bytes.size()) { return Unexpected(Error::invalid_argument); }  // "::" is at least one group
    for (std::size_t to = bytes.size(); size > gap;) {
      bytes[--to] = bytes[--size];
      bytes[size] = 0;
    }
    return bytes;
  }

  /// RFC 5952 §4: lower case, no leading zeros, the longest (and of those the first) run of two or more zero groups as
  /// "::".
  constexpr void append_groups_to(TextWriter& writer) const noexcept {
    std::size_t gap = 8;
    std::size_t gap_size = 1;
    for (std::size_t i = 0; i < 8; ++i) {
      std::size_t run = 0;
      while (i + run < 8 && group(i + run) == 0) { ++run; }
      if (run > gap_size) {
        gap = i;
        gap_size = run;
      }
      i += run;
    }
    for (std::size_t i = 0; i < 8;) {
      if (i == gap) {
        writer.put("::");
        i += gap_size;
        continue;
      }
      if (i != 0 && i != gap + gap_size) { writer.put(':'); }
      writer.put_hex(group(i));
      ++i;
    }
  }

  Bytes bytes_{};
  std::uint32_t zone_ = 0;
};

namespace literals {

consteval Ipv6Address operator""_ipv6(const char* text, std::size_t size) {
  return detail::parse_literal<Ipv6Address>({text, size});
}

}  // namespace literals

}  // namespace nal

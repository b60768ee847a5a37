#pragma once
#include <array>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "nal/assert.hpp"
#include "nal/hash.hpp"
#include "nal/result.hpp"
#include "nal/text.hpp"

namespace nal {

/// An IPv4 address. Orders numerically.
class Ipv4Address {
 public:
  /// In network order.
  using Bytes = std::array<std::uint8_t, 4>;

  static constexpr unsigned kBits = 32;
  /// "255.255.255.255"
  static constexpr std::size_t kMaxTextSize = 15;

  /// 0.0.0.0
  constexpr Ipv4Address() noexcept = default;
  constexpr Ipv4Address(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) noexcept
      : value_(std::uint32_t{a} << 24 | std::uint32_t{b} << 16 | std::uint32_t{c} << 8 | d) {}

  /// 10.0.0.1 is 0x0a000001, whatever the machine's byte order.
  static constexpr Ipv4Address from_uint32(std::uint32_t value) noexcept {
    Ipv4Address address;
    address.value_ = value;
    return address;
  }
  static constexpr Ipv4Address from_bytes(std::span<const std::uint8_t, 4> bytes) noexcept {
    return {bytes[0], bytes[1], bytes[2], bytes[3]};
  }
  /// The address whose first `length` (0 to 32) bits are ones.
  static constexpr Ipv4Address netmask(unsigned length) noexcept {
    NAL_ASSERT(length <= kBits);
    return from_uint32(length == 0 ? 0 : ~std::uint32_t{0} << (kBits - length));
  }

  static constexpr Ipv4Address unspecified() noexcept { return {}; }
  static constexpr Ipv4Address loopback() noexcept { return {127, 0, 0, 1}; }
  static constexpr Ipv4Address broadcast() noexcept { return {255, 255, 255, 255}; }

  /// Dotted quad as POSIX `inet_pton` takes it: four decimal numbers, no leading zeros, nothing around them. Anything
  /// else is `Error::invalid_argument`.
  static constexpr Result<Ipv4Address> parse(std::string_view text) noexcept {
    std::uint32_t value = 0;
    for (int part = 0; part < 4; ++part) {
      const std::size_t end = part < 3 ? detail::find(text, '.') : text.size();
      NAL_TRY_SET(const std::uint32_t number, detail::parse_decimal(detail::first(text, end), 255));
      value = value << 8 | number;
      if (part < 3) {
        if (end == text.size()) { return Unexpected(Error::invalid_argument); }
        text = detail::after(text, end);
      }
    }
    return from_uint32(value);
  }

  /// Writes the dotted quad into `out` and returns it; `Error::buffer_too_small` leaves `out` with part of it.
  constexpr Result<std::string_view> format_to(std::span<char> out) const noexcept {
    return detail::format_to(*this, out);
  }
  constexpr void append_to(TextWriter& writer) const noexcept {
    const Bytes b = bytes();
    writer.put_decimal(b[0]);
    for (std::size_t i = 1; i < b.size(); ++i) {
      writer.put('.');
      writer.put_decimal(b[i]);
    }
  }
  constexpr void hash_into(Hasher& hasher) const noexcept { hasher.add(value_); }

  constexpr std::uint32_t to_uint32() const noexcept { return value_; }
  constexpr Bytes bytes() const noexcept {
    return {static_cast<std::uint8_t>(value_ >> 24), static_cast<std::uint8_t>(value_ >> 16),
            static_cast<std::uint8_t>(value_ >> 8), static_cast<std::uint8_t>(value_)};
  }

  /// The number of leading bits that both have in common.
  constexpr unsigned common_prefix_length(Ipv4Address other) const noexcept {
    return static_cast<unsigned>(std::countl_zero(value_ ^ other.value_));
  }
  constexpr bool has_prefix(Ipv4Address prefix, unsigned length) const noexcept {
    return common_prefix_length(prefix) >= length;
  }
  /// With all but the first `length` (0 to 32) bits cleared.
  constexpr Ipv4Address masked(unsigned length) const noexcept { return from_uint32(value_ & netmask(length).value_); }
  /// With all but the first `length` (0 to 32) bits set.
  constexpr Ipv4Address filled(unsigned length) const noexcept { return from_uint32(value_ | ~netmask(length).value_); }

  constexpr bool is_unspecified() const noexcept { return value_ == 0; }
  /// 127.0.0.0/8
  constexpr bool is_loopback() const noexcept { return has_prefix({127, 0, 0, 0}, 8); }
  /// 224.0.0.0/4 (RFC 5771)
  constexpr bool is_multicast() const noexcept { return has_prefix({224, 0, 0, 0}, 4); }
  /// 169.254.0.0/16 (RFC 3927)
  constexpr bool is_link_local() const noexcept { return has_prefix({169, 254, 0, 0}, 16); }
  /// 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16 (RFC 1918)
  constexpr bool is_private() const noexcept {
    return has_prefix({10, 0, 0, 0}, 8) || has_prefix({172, 16, 0, 0}, 12) || has_prefix({192, 168, 0, 0}, 16);
  }
  /// 255.255.255.255; a network's own broadcast address is told by its `Ipv4Cidr`.
  constexpr bool is_broadcast() const noexcept { return *this == broadcast(); }
  /// 192.0.2.0/24, 198.51.100.0/24 or 203.0.113.0/24 (RFC 5737)
  constexpr bool is_documentation() const noexcept {
    return has_prefix({192, 0, 2, 0}, 24) || has_prefix({198, 51, 100, 0}, 24) || has_prefix({203, 0, 113, 0}, 24);
  }
  /// A unicast address that the IANA IPv4 special-purpose registry (RFC 6890) lets travel the Internet.
  constexpr bool is_global() const noexcept {
    if (has_prefix({192, 0, 0, 0}, 24)) {  // RFC 7723 and RFC 8155 anycast are the exceptions
      return value_ == Ipv4Address(192, 0, 0, 9).value_ || value_ == Ipv4Address(192, 0, 0, 10).value_;
    }
    return !(has_prefix({0, 0, 0, 0}, 8) || is_private() || has_prefix({100, 64, 0, 0}, 10) || is_loopback() ||
             is_link_local() || is_documentation() || has_prefix({198, 18, 0, 0}, 15) || has_prefix({224, 0, 0, 0}, 3));
  }

  friend constexpr auto operator<=>(Ipv4Address, Ipv4Address) noexcept = default;

 private:
  std::uint32_t value_ = 0;
};

namespace literals {

consteval Ipv4Address operator""_ipv4(const char* text, std::size_t size) {
  return detail::parse_literal<Ipv4Address>({text, size});
}

}  // namespace literals

}  // namespace nal

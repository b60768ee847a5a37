#pragma once
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "nal/detail/compare_bytes.hpp"
#include "nal/hash.hpp"
#include "nal/result.hpp"
#include "nal/text.hpp"

namespace nal {

/// A 48-bit hardware address as IEEE 802 has it (EUI-48). Orders by bytes.
class MacAddress {
 public:
  /// In the order of the wire and of the text.
  using Bytes = std::array<std::uint8_t, 6>;

  /// "ff:ff:ff:ff:ff:ff"
  static constexpr std::size_t kMaxTextSize = 17;

  /// 00:00:00:00:00:00
  constexpr MacAddress() noexcept = default;
  constexpr MacAddress(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d, std::uint8_t e,
                       std::uint8_t f) noexcept
      : bytes_{a, b, c, d, e, f} {}

  static constexpr MacAddress from_bytes(std::span<const std::uint8_t, 6> bytes) noexcept {
    return {bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5]};
  }
  static constexpr MacAddress broadcast() noexcept { return {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}; }

  /// Six pairs of hexadecimal digits in either case, with colons or with hyphens between them but not both:
  /// "02:00:5e:10:00:01", "02-00-5E-10-00-01". Anything else is `Error::invalid_argument`.
  static constexpr Result<MacAddress> parse(std::string_view text) noexcept {
    if (text.size() != kMaxTextSize) { return Unexpected(Error::invalid_argument); }
    const char separator = text[2];
    if (separator != ':' && separator != '-') { return Unexpected(Error::invalid_argument); }
    MacAddress address;
    for (std::size_t i = 0; i < address.bytes_.size(); ++i) {
      if (i > 0 && text[3 * i - 1] != separator) { return Unexpected(Error::invalid_argument); }
      NAL_TRY_SET(const std::uint32_t byte, detail::parse_hex({text.data() + 3 * i, 2}, 2));
      address.bytes_[i] = static_cast<std::uint8_t>(byte);
    }
    return address;
  }

  /// Writes the lower-case form with colons into `out` and returns it; `Error::buffer_too_small` leaves `out` with part
  /// of it.
  constexpr Result<std::string_view> format_to(std::span<char> out) const noexcept {
    return detail::format_to(*this, out);
  }
  constexpr void append_to(TextWriter& writer) const noexcept {
    for (std::size_t i = 0; i < bytes_.size(); ++i) {
      if (i > 0) { writer.put(':'); }
      writer.put_hex(bytes_[i], 2);
    }
  }
  constexpr void hash_into(Hasher& hasher) const noexcept {
    hasher.add(std::uint32_t{bytes_[0]} << 8 | bytes_[1]);
    hasher.add(std::uint32_t{bytes_[2]} << 24 | std::uint32_t{bytes_[3]} << 16 | std::uint32_t{bytes_[4]} << 8 |
               bytes_[5]);
  }

  constexpr const Bytes& bytes() const noexcept { return bytes_; }

  constexpr bool is_unspecified() const noexcept { return bytes_ == Bytes{}; }
  constexpr bool is_broadcast() const noexcept { return *this == broadcast(); }
  /// To a group of stations; broadcast is one.
  constexpr bool is_multicast() const noexcept { return (bytes_[0] & 0x01) != 0; }
  /// To one station.
  constexpr bool is_unicast() const noexcept { return !is_multicast() && !is_unspecified(); }
  /// Given by whoever runs the network, not by the maker of the device.
  constexpr bool is_locally_administered() const noexcept { return (bytes_[0] & 0x02) != 0; }

  friend constexpr bool operator==(const MacAddress&, const MacAddress&) noexcept = default;
  friend constexpr std::strong_ordering operator<=>(const MacAddress& a, const MacAddress& b) noexcept {
    return detail::compare_bytes(a.bytes_, b.bytes_);
  }

 private:
  Bytes bytes_{};
};

namespace literals {

consteval MacAddress operator""_mac(const char* text, std::size_t size) {
  return detail::parse_literal<MacAddress>({text, size});
}

}  // namespace literals

}  // namespace nal

#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <type_traits>

#include "backends/embedded/features.hpp"
#include "nal/ip_address.hpp"

namespace nal::embedded {

/// An address as the stack keeps it: without a zone (which an interface is kept for beside it) and without a family of
/// its own, an IPv4 address being an IPv4-mapped one.
class DualAddress {
 public:
  static constexpr std::size_t kSize = 16;
  /// Where an IPv4 address stands in it.
  static constexpr std::size_t kV4 = kSize - 4;

  /// The unspecified address of no family; equals nothing else.
  constexpr DualAddress() noexcept = default;
  constexpr DualAddress(Ipv4Address v4) noexcept {
    bytes_[10] = bytes_[11] = 0xff;
    const auto bytes = v4.bytes();
    std::copy(bytes.begin(), bytes.end(), bytes_.begin() + kV4);
  }
  constexpr DualAddress(const Ipv6Address& v6) noexcept {
    std::copy(v6.bytes().begin(), v6.bytes().end(), bytes_.begin());
  }
  constexpr DualAddress(const IpAddress& address) noexcept {
    if (address.is_v6()) {
      std::copy_n(address.bytes().data(), kSize, bytes_.begin());
      return;
    }
    bytes_[10] = bytes_[11] = 0xff;
    std::copy_n(address.bytes().data(), 4, bytes_.begin() + kV4);
  }

  /// Of 4 or 16 bytes of a packet.
  static DualAddress from_wire(std::span<const std::byte, 4> v4) noexcept {
    DualAddress address;
    address.bytes_[10] = address.bytes_[11] = 0xff;
    __builtin_memcpy(&address.bytes_[kV4], v4.data(), 4);
    return address;
  }
  static DualAddress from_wire(std::span<const std::byte, 16> v6) noexcept {
    DualAddress address;
    __builtin_memcpy(address.bytes_.data(), v6.data(), 16);
    return address;
  }
  /// The bytes that a packet has: 4 or 16.
  std::span<const std::byte> wire() const noexcept {
    return std::as_bytes(std::span(bytes_)).subspan(is_v4() ? kV4 : 0);
  }

  /// Only of an IPv4 address: its bytes as the machine loads them.
  std::uint32_t wire_v4() const noexcept {
    std::uint32_t word = 0;
    __builtin_memcpy(&word, &bytes_[kV4], 4);
    return word;
  }

  constexpr bool is_v4() const noexcept {
    if constexpr (!features::kIpv4) { return false; }
    if (std::is_constant_evaluated()) {
      return std::all_of(bytes_.begin(), bytes_.begin() + 10, [](std::uint8_t byte) { return byte == 0; }) &&
             bytes_[10] == 0xff && bytes_[11] == 0xff;
    }
    // Asked several times a packet: by words.
    std::uint64_t first = 0;
    std::uint32_t second = 0;
    __builtin_memcpy(&first, &bytes_[0], 8);
    __builtin_memcpy(&second, &bytes_[8], 4);
    return first == 0 && second == kMapped;
  }
  constexpr bool is_v6() const noexcept { return !is_v4(); }
  constexpr Family family() const noexcept { return is_v4() ? Family::v4 : Family::v6; }
  /// Only of an IPv4 address.
  constexpr Ipv4Address v4() const noexcept { return Ipv4Address::from_bytes(std::span(bytes_).template last<4>()); }
  /// Only of an IPv6 address, with the zone given.
  constexpr Ipv6Address v6(std::uint32_t zone = 0) const noexcept {
    return Ipv6Address::from_bytes(std::span<const std::uint8_t, 16>(bytes_.data(), 16), zone);
  }
  /// As the application knows it: a link-local IPv6 address in the zone of its interface.
  constexpr IpAddress to_ip(std::uint32_t interface = 0) const noexcept {
    if (is_v4()) { return v4(); }
    const bool of_link = is_link_local() || (bytes_[0] == 0xff && (bytes_[1] & 0x0f) == 2);
    return v6(of_link ? interface : 0);
  }

  bool is_unspecified() const noexcept {
    return (word(0) | word(1) | word(3)) == 0 && (word(2) == 0 || (features::kIpv4 && word(2) == kMapped));
  }
  constexpr bool is_multicast() const noexcept { return is_v4() ? (bytes_[kV4] & 0xf0) == 0xe0 : bytes_[0] == 0xff; }
  bool is_loopback() const noexcept {
    if (is_v4()) { return bytes_[kV4] == 127; }
    return (word(0) | word(1) | word(2)) == 0 && word(3) == (kLittle ? 0x01000000 : 1);
  }
  constexpr bool is_link_local() const noexcept {
    if (is_v4()) { return bytes_[kV4] == 169 && bytes_[kV4 + 1] == 254; }
    return bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
  }

  /// Whether the first `length` bits (at most 32 or 128) are those of an address of the same family.
  bool has_prefix(const DualAddress& prefix, unsigned length) const noexcept;
  // Only of an IPv6 address.
  /// With all but the first `length` bits (at most 128) cleared.
  DualAddress masked(unsigned length) const noexcept;
  /// The group at which a link is asked for its owner (RFC 4291 §2.7.1).
  DualAddress solicited_node() const noexcept;

  /// Of its words as the machine loads them.
  std::uint64_t sum_of_words() const noexcept {
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < kSize / 4; ++i) { total += word(i); }
    return total;
  }

  void hash_into(Hasher& hasher) const noexcept {
    for (std::size_t i = 0; i < kSize / 4; ++i) { hasher.add(word(i)); }
  }

  friend constexpr bool operator==(const DualAddress& a, const DualAddress& b) noexcept {
    if (!std::is_constant_evaluated()) { return std::memcmp(a.bytes_.data(), b.bytes_.data(), kSize) == 0; }
    return a.bytes_ == b.bytes_;
  }

 private:
  static constexpr bool kLittle = std::endian::native == std::endian::little;
  /// The third word of an IPv4-mapped address.
  static constexpr std::uint32_t kMapped = kLittle ? 0xffff0000 : 0x0000ffff;

  /// As the machine loads it.
  std::uint32_t word(std::size_t i) const noexcept {
    std::uint32_t word = 0;
    __builtin_memcpy(&word, &bytes_[4 * i], 4);
    return word;
  }

  alignas(std::uint32_t) std::array<std::uint8_t, kSize> bytes_{};
};

/// The same where there is no IPv6: an IPv4 address, one word.
class SingleAddress {
 public:
  static constexpr std::size_t kSize = 4;

  constexpr SingleAddress() noexcept = default;
  constexpr SingleAddress(Ipv4Address v4) noexcept : word_(std::bit_cast<std::uint32_t>(v4.bytes())) {}
  /// Of no use: gives the unspecified address.
  constexpr SingleAddress(const Ipv6Address& /*v6*/) noexcept {}
  constexpr SingleAddress(const IpAddress& address) noexcept {
    if (address.is_v4()) { *this = SingleAddress(address.v4()); }
  }
  static SingleAddress from_wire(std::span<const std::byte, 4> v4) noexcept {
    SingleAddress address;
    __builtin_memcpy(&address.word_, v4.data(), 4);
    return address;
  }
  static SingleAddress from_wire(std::span<const std::byte, 16> /*v6*/) noexcept { return {}; }
  std::span<const std::byte> wire() const noexcept { return std::as_bytes(std::span(&word_, 1)); }

  std::uint32_t wire_v4() const noexcept { return word_; }

  static constexpr bool is_v4() noexcept { return true; }
  static constexpr bool is_v6() noexcept { return false; }
  static constexpr Family family() noexcept { return Family::v4; }
  constexpr Ipv4Address v4() const noexcept {
    return Ipv4Address::from_bytes(std::bit_cast<std::array<std::uint8_t, 4>>(word_));
  }
  static constexpr Ipv6Address v6(std::uint32_t /*zone*/ = 0) noexcept { return {}; }
  constexpr IpAddress to_ip(std::uint32_t /*interface*/ = 0) const noexcept { return v4(); }

  constexpr bool is_unspecified() const noexcept { return word_ == 0; }
  constexpr bool is_multicast() const noexcept { return v4().is_multicast(); }
  constexpr bool is_loopback() const noexcept { return v4().is_loopback(); }
  constexpr bool is_link_local() const noexcept { return v4().is_link_local(); }

  bool has_prefix(const SingleAddress& prefix, unsigned length) const noexcept {
    return v4().has_prefix(prefix.v4(), length);
  }
  // Of no use either: only of IPv6 addresses.
  SingleAddress masked(unsigned /*length*/) const noexcept { return *this; }
  SingleAddress solicited_node() const noexcept { return *this; }

  /// As the machine loads it.
  std::uint64_t sum_of_words() const noexcept { return word_; }

  void hash_into(Hasher& hasher) const noexcept { hasher.add(word_); }
  friend constexpr bool operator==(const SingleAddress&, const SingleAddress&) noexcept = default;

 private:
  std::uint32_t word_ = 0;  ///< its bytes in network order
};

using Address = std::conditional_t<features::kIpv6, DualAddress, SingleAddress>;

}  // namespace nal::embedded

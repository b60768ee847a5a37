#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "nal/ipv4_address.hpp"
#include "nal/ipv6_address.hpp"
#include "nal/mac_address.hpp"

namespace nal::embedded::wire {

/// The 16 bytes of an IPv6 address where they stand in a packet or an address; lives as long as those.
using Ipv6Bytes = std::span<const std::byte, 16>;

// Fields at any alignment, in network order: one load or store, and a byte swap, where the machine has them, which not
// every compiler makes of single bytes.

/// Whether words may stand at any address.
#if defined(__ARM_FEATURE_UNALIGNED) || defined(__x86_64__) || defined(__i386__) || defined(__aarch64__)
inline constexpr bool kUnaligned = std::endian::native == std::endian::little;
#else
inline constexpr bool kUnaligned = false;
#endif

// Copies of a known size are asked of the compiler by the name that it knows: where there is said to be no C library,
// it makes a call of `std::memcpy` with two bytes.

constexpr std::uint8_t load_u8(const std::byte* at) noexcept { return std::to_integer<std::uint8_t>(*at); }
constexpr std::uint16_t load_be16(const std::byte* at) noexcept {
  if (kUnaligned && !std::is_constant_evaluated()) {
    std::uint16_t word = 0;
    __builtin_memcpy(&word, at, sizeof word);
    return __builtin_bswap16(word);
  }
  return static_cast<std::uint16_t>(std::to_integer<std::uint32_t>(at[0]) << 8 | std::to_integer<std::uint32_t>(at[1]));
}
constexpr std::uint32_t load_be32(const std::byte* at) noexcept {
  if (kUnaligned && !std::is_constant_evaluated()) {
    std::uint32_t word = 0;
    __builtin_memcpy(&word, at, sizeof word);
    return __builtin_bswap32(word);
  }
  return std::to_integer<std::uint32_t>(at[0]) << 24 | std::to_integer<std::uint32_t>(at[1]) << 16 |
         std::to_integer<std::uint32_t>(at[2]) << 8 | std::to_integer<std::uint32_t>(at[3]);
}
constexpr void store_u8(std::byte* at, std::uint32_t value) noexcept { *at = static_cast<std::byte>(value); }
constexpr void store_be16(std::byte* at, std::uint32_t value) noexcept {
  if (kUnaligned && !std::is_constant_evaluated()) {
    const std::uint16_t word = __builtin_bswap16(static_cast<std::uint16_t>(value));
    __builtin_memcpy(at, &word, sizeof word);
    return;
  }
  at[0] = static_cast<std::byte>(value >> 8);
  at[1] = static_cast<std::byte>(value);
}
constexpr void store_be32(std::byte* at, std::uint32_t value) noexcept {
  if (kUnaligned && !std::is_constant_evaluated()) {
    const std::uint32_t word = __builtin_bswap32(value);
    __builtin_memcpy(at, &word, sizeof word);
    return;
  }
  at[0] = static_cast<std::byte>(value >> 24);
  at[1] = static_cast<std::byte>(value >> 16);
  at[2] = static_cast<std::byte>(value >> 8);
  at[3] = static_cast<std::byte>(value);
}

constexpr MacAddress load_mac(const std::byte* at) noexcept {
  return {load_u8(at), load_u8(at + 1), load_u8(at + 2), load_u8(at + 3), load_u8(at + 4), load_u8(at + 5)};
}
inline void store_mac(std::byte* at, const MacAddress& address) noexcept {
  __builtin_memcpy(at, address.bytes().data(), address.bytes().size());
}
inline bool is_mac(const std::byte* at, const MacAddress& address) noexcept {
  std::uint32_t front[2];
  std::uint16_t back[2];
  __builtin_memcpy(&front[0], at, 4);
  __builtin_memcpy(&back[0], at + 4, 2);
  __builtin_memcpy(&front[1], address.bytes().data(), 4);
  __builtin_memcpy(&back[1], address.bytes().data() + 4, 2);
  return front[0] == front[1] && back[0] == back[1];
}
constexpr Ipv4Address load_ipv4(const std::byte* at) noexcept { return Ipv4Address::from_uint32(load_be32(at)); }
constexpr void store_ipv4(std::byte* at, Ipv4Address address) noexcept { store_be32(at, address.to_uint32()); }

inline Ipv6Bytes load_ipv6(const std::byte* at) noexcept { return Ipv6Bytes(at, 16); }
inline void store_ipv6(std::byte* at, Ipv6Bytes address) noexcept { __builtin_memcpy(at, address.data(), 16); }
inline Ipv6Address to_ipv6(Ipv6Bytes bytes, std::uint32_t zone = 0) noexcept {
  Ipv6Address::Bytes copy;
  __builtin_memcpy(copy.data(), bytes.data(), copy.size());
  return Ipv6Address::from_bytes(copy, zone);
}
/// Of an address that outlives what is made of them.
inline Ipv6Bytes bytes_of(const Ipv6Address& address) noexcept { return std::as_bytes(std::span(address.bytes())); }
Ipv6Bytes bytes_of(const Ipv6Address&& address) = delete;

}  // namespace nal::embedded::wire

#pragma once
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>

namespace nal::detail {

/// Lexicographic; libc++ has no `<=>` of arrays before its version 17.
template <std::size_t N>
constexpr std::strong_ordering compare_bytes(const std::array<std::uint8_t, N>& a,
                                             const std::array<std::uint8_t, N>& b) noexcept {
  for (std::size_t i = 0; i < N; ++i) {
    if (a[i] != b[i]) { return a[i] <=> b[i]; }
  }
  return std::strong_ordering::equal;
}

}  // namespace nal::detail

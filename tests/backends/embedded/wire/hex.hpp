#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace nal::embedded {

using Bytes = std::vector<std::byte>;

/// Bytes written as pairs of hexadecimal digits, with blanks wherever.
inline Bytes hex(std::string_view text) {
  Bytes bytes;
  unsigned value = 0;
  unsigned digits = 0;
  for (const char c : text) {
    if (c == ' ' || c == '\n') { continue; }
    value = value << 4 | static_cast<unsigned>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    if (++digits % 2 == 0) { bytes.push_back(static_cast<std::byte>(value)); }
  }
  return bytes;
}

inline Bytes copy(std::span<const std::byte> bytes) { return Bytes(bytes.begin(), bytes.end()); }
inline Bytes join(const Bytes& a, const Bytes& b) {
  Bytes both = a;
  both.insert(both.end(), b.begin(), b.end());
  return both;
}
inline bool same(std::span<const std::byte> a, std::span<const std::byte> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

/// Calls `check` with each beginning of `bytes` but the whole, in memory of just that size.
template <class Check>
void for_each_truncation(const Bytes& bytes, Check check) {
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const Bytes part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    check(part);
  }
}

}  // namespace nal::embedded

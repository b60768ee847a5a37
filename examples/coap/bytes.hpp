#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace coap {

/// The bytes of a text.
inline std::span<const std::byte> bytes_of(std::string_view text) noexcept {
  return std::as_bytes(std::span(text.data(), text.size()));
}
/// Bytes seen as a text; says nothing about their being one.
inline std::string_view text_of(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool equal(std::span<const std::byte> a, std::span<const std::byte> b) noexcept;
/// Copies what fits, and gives how much that is.
std::size_t copy_bytes(std::span<const std::byte> from, std::span<std::byte> to) noexcept;

constexpr std::uint16_t load16(std::span<const std::byte, 2> bytes) noexcept {
  return static_cast<std::uint16_t>(std::to_integer<unsigned>(bytes[0]) << 8 | std::to_integer<unsigned>(bytes[1]));
}
constexpr void store16(std::span<std::byte, 2> out, std::uint16_t value) noexcept {
  out[0] = static_cast<std::byte>(value >> 8);
  out[1] = static_cast<std::byte>(value);
}

/// A few bytes of a peer's, kept by value: a token, an entity-tag.
template <std::size_t N>
class SmallBytes {
 public:
  constexpr SmallBytes() noexcept = default;
  /// `bytes` are at most `N` (what is more is left out).
  SmallBytes(std::span<const std::byte> bytes) noexcept { *this = bytes; }
  [[gnu::noinline]] SmallBytes& operator=(std::span<const std::byte> bytes) noexcept {
    size_ = static_cast<std::uint8_t>(copy_bytes(bytes, bytes_));
    return *this;
  }

  std::span<const std::byte> span() const noexcept { return std::span(bytes_).first(size_); }
  operator std::span<const std::byte>() const noexcept { return span(); }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  [[gnu::noinline]] friend bool operator==(const SmallBytes& a, const SmallBytes& b) noexcept {
    return equal(a.span(), b.span());
  }

 private:
  static_assert(N <= 255);
  std::uint8_t size_ = 0;
  std::byte bytes_[N]{};
};

/// Tells which request a response answers (RFC 7252 §5.3.1).
using Token = SmallBytes<8>;
inline constexpr Token kNoToken;
/// RFC 7252 §5.10.6.
using Etag = SmallBytes<8>;

}  // namespace coap

#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "examples/mqtt/text.hpp"

namespace mqtt {

/// Takes fields off the front of a packet. Total: a field that is not all there reads as zero or empty, and the reader
/// has failed from then on.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}

  std::uint8_t u8() noexcept {
    const auto* field = take(1);
    return field ? std::to_integer<std::uint8_t>(*field) : std::uint8_t{0};
  }
  /// Most significant byte first (§1.5.2).
  std::uint16_t u16() noexcept {
    const auto* field = take(2);
    if (!field) { return 0; }
    return static_cast<std::uint16_t>(std::to_integer<unsigned>(field[0]) << 8 | std::to_integer<unsigned>(field[1]));
  }
  std::uint32_t u32() noexcept {
    const std::uint32_t high = u16();
    return high << 16 | u16();
  }
  /// One to four bytes, and no more of them than the value needs (5.0 §1.5.5); reads as 0 and has failed otherwise.
  std::uint32_t variable() noexcept {
    std::uint32_t value = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
      const std::uint32_t byte = u8();
      value |= (byte & 0x7F) << shift;
      if ((byte & 0x80) == 0) {
        if (byte != 0 || shift == 0) { return value; }
        break;
      }
    }
    fail();
    return 0;
  }
  /// Bytes behind their length (§3.1.3.3, §1.5.3).
  std::span<const std::byte> binary() noexcept { return raw(u16()); }
  std::string_view text() noexcept { return text_of(binary()); }
  std::span<const std::byte> raw(std::size_t size) noexcept {
    const auto* field = take(size);
    return {field, field ? size : 0};
  }
  std::span<const std::byte> rest() noexcept { return raw(bytes_.size()); }

  bool failed() const noexcept { return failed_; }
  bool at_end() const noexcept { return bytes_.empty(); }

 private:
  void fail() noexcept {
    failed_ = true;
    bytes_ = {};
  }
  /// Null if there is not so much, or no more.
  const std::byte* take(std::size_t size) noexcept {
    if (size > bytes_.size()) { fail(); }
    if (failed_) { return nullptr; }
    const std::byte* field = bytes_.data();
    bytes_ = bytes_.subspan(size);
    return field;
  }

  std::span<const std::byte> bytes_;
  bool failed_ = false;
};

/// Puts fields one behind the other. What does not fit is dropped, and the writer has failed from then on.
class Writer {
 public:
  explicit Writer(std::span<std::byte> out) noexcept : out_(out) {}

  void u8(std::uint8_t value) noexcept {
    if (auto* to = take(1)) { to[0] = std::byte{value}; }
  }
  void u16(std::uint16_t value) noexcept {
    u8(static_cast<std::uint8_t>(value >> 8));
    u8(static_cast<std::uint8_t>(value));
  }
  void u32(std::uint32_t value) noexcept {
    u16(static_cast<std::uint16_t>(value >> 16));
    u16(static_cast<std::uint16_t>(value));
  }
  /// Seven bits a byte, the least significant first (§2.2.3).
  void variable(std::size_t value) noexcept {
    do {
      const std::size_t more = value > 0x7F ? 0x80 : 0;
      u8(static_cast<std::uint8_t>((value & 0x7F) | more));
      value >>= 7;
    } while (value != 0);
  }
  void raw(std::span<const std::byte> bytes) noexcept {
    auto* to = take(bytes.size());
    if (to && !bytes.empty()) { std::memcpy(to, bytes.data(), bytes.size()); }
  }
  /// At most 65,535 bytes, behind their length.
  void binary(std::span<const std::byte> bytes) noexcept {
    u16(static_cast<std::uint16_t>(bytes.size()));
    raw(bytes);
  }
  void text(std::string_view text) noexcept { binary(bytes_of(text)); }
  /// Puts a byte in front of the one at `at`.
  void insert(std::size_t at, std::uint8_t value) noexcept {
    u8(0);
    if (failed_) { return; }
    std::byte* to = out_.data() + at;
    std::memmove(to + 1, to, size_ - at - 1);
    *to = std::byte{value};
  }
  /// Puts a byte in place of the one at `at`.
  void replace(std::size_t at, std::uint8_t value) noexcept {
    if (!failed_) { out_[at] = std::byte{value}; }
  }

  bool failed() const noexcept { return failed_; }
  std::size_t size() const noexcept { return size_; }
  std::span<const std::byte> written() const noexcept { return out_.first(size_); }

 private:
  std::byte* take(std::size_t size) noexcept {
    if (failed_ || size > out_.size() - size_) {
      failed_ = true;
      return nullptr;
    }
    std::byte* to = out_.data() + size_;
    size_ += size;
    return to;
  }

  std::span<std::byte> out_;
  std::size_t size_ = 0;
  bool failed_ = false;
};

}  // namespace mqtt

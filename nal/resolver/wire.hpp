#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace nal::dns {

/// Takes big-endian fields off a message, from a position on. Total: a field that is not all there reads as zero or
/// empty, and the reader has failed from then on.
class WireReader {
 public:
  explicit WireReader(std::span<const std::byte> bytes, std::size_t position = 0) noexcept
      : bytes_(bytes), position_(position), failed_(position > bytes.size()) {}

  std::uint8_t u8() noexcept { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() noexcept { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u32() noexcept { return number(4); }
  std::span<const std::byte> take(std::size_t size) noexcept {
    if (failed_ || size > bytes_.size() - position_) {
      failed_ = true;
      return {};
    }
    const auto field = bytes_.subspan(position_, size);
    position_ += size;
    return field;
  }

  /// Of the next field, from the message's start.
  std::size_t position() const noexcept { return position_; }
  bool failed() const noexcept { return failed_; }
  bool at_end() const noexcept { return failed_ || position_ == bytes_.size(); }

 private:
  std::uint32_t number(std::size_t size) noexcept {
    std::uint32_t value = 0;
    for (const std::byte byte : take(size)) { value = value << 8 | std::to_integer<std::uint32_t>(byte); }
    return value;
  }

  std::span<const std::byte> bytes_;
  std::size_t position_;
  bool failed_;
};

/// Puts big-endian fields one behind the other. What does not fit is dropped, and the writer has failed from then on.
class WireWriter {
 public:
  explicit WireWriter(std::span<std::byte> out) noexcept : out_(out) {}

  void u8(std::uint8_t value) noexcept { number(value, 1); }
  void u16(std::uint16_t value) noexcept { number(value, 2); }
  void u32(std::uint32_t value) noexcept { number(value, 4); }
  void put(std::span<const std::byte> bytes) noexcept {
    if (std::byte* to = room(bytes.size()); to && !bytes.empty()) { std::memcpy(to, bytes.data(), bytes.size()); }
  }
  /// Overwrites what was put at `position`.
  void set_u16(std::size_t position, std::uint16_t value) noexcept {
    if (failed_) { return; }
    out_[position] = static_cast<std::byte>(value >> 8);
    out_[position + 1] = static_cast<std::byte>(value & 0xff);
  }
  /// Takes back what was put behind `size`, and the failure to put more.
  void cut(std::size_t size) noexcept {
    size_ = size;
    failed_ = false;
  }

  std::size_t size() const noexcept { return size_; }
  bool failed() const noexcept { return failed_; }

 private:
  std::byte* room(std::size_t size) noexcept {
    if (failed_ || size > out_.size() - size_) {
      failed_ = true;
      return nullptr;
    }
    std::byte* to = out_.data() + size_;
    size_ += size;
    return to;
  }
  void number(std::uint32_t value, std::size_t size) noexcept {
    std::byte* to = room(size);
    for (std::size_t i = 0; to && i < size; ++i) {
      to[i] = static_cast<std::byte>(value >> (8 * (size - 1 - i)) & 0xff);
    }
  }

  std::span<std::byte> out_;
  std::size_t size_ = 0;
  bool failed_ = false;
};

}  // namespace nal::dns

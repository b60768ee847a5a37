#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace nal_speed {

/// The bytes that are sent, from any place of a stream on. They repeat after a prime number of bytes, so that no block
/// that is lost, doubled or out of its place goes unseen.
class Pattern {
 public:
  static constexpr std::size_t kPeriod = 65'521;

  /// For pieces of up to `longest` bytes.
  explicit Pattern(std::size_t longest) : bytes_(kPeriod + longest) {
    std::uint32_t state = 1;
    for (std::size_t i = 0; i < bytes_.size(); ++i) {
      if (i % kPeriod == 0) { state = 1; }
      state ^= state << 13;
      state ^= state >> 17;
      state ^= state << 5;
      bytes_[i] = static_cast<std::byte>(state);
    }
  }
  std::span<const std::byte> from(std::uint64_t place, std::size_t size) const noexcept {
    return std::span(bytes_).subspan(place % kPeriod, size);
  }

 private:
  std::vector<std::byte> bytes_;
};

/// The CRC-32 of Ethernet and gzip (ISO 3309), as it goes.
class Crc32 {
 public:
  void add(std::span<const std::byte> bytes) noexcept {
    for (const std::byte byte : bytes) {
      state_ = kTable[(state_ ^ std::to_integer<std::uint32_t>(byte)) & 0xff] ^ state_ >> 8;
    }
  }
  std::uint32_t value() const noexcept { return ~state_; }

 private:
  static constexpr std::array<std::uint32_t, 256> kTable = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) { value = (value & 1) != 0 ? 0xedb88320U ^ value >> 1 : value >> 1; }
      table[i] = value;
    }
    return table;
  }();
  std::uint32_t state_ = 0xffffffff;
};

}  // namespace nal_speed

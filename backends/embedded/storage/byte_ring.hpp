#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "backends/embedded/features.hpp"
#include "nal/assert.hpp"

namespace nal::embedded {

/// A number of at most 16 bits that is used as one of 32.
class Short {
 public:
  constexpr Short(std::uint32_t value = 0) noexcept : value_(static_cast<std::uint16_t>(value)) {}
  constexpr operator std::uint32_t() const noexcept { return value_; }
  constexpr Short& operator+=(std::uint32_t n) noexcept { return *this = *this + n; }
  constexpr Short& operator-=(std::uint32_t n) noexcept { return *this = *this - n; }

 private:
  std::uint16_t value_;
};

/// Of what a TCP window can tell of: without window scaling, rings are smaller than 64 KiB.
using RingSize = std::conditional_t<features::kTcpWindowScale, std::uint32_t, Short>;

/// Where bytes of a stream lie in memory that is used round and round. Knows where the stream's front is, not how many
/// bytes there are: places are told as offsets from the front. Of size 0 until it is given memory.
class ByteRing {
 public:
  ByteRing() noexcept = default;
  explicit ByteRing(std::span<std::byte> memory) noexcept
      : memory_(memory.data()), size_(static_cast<std::uint32_t>(memory.size())) {}

  std::uint32_t size() const noexcept { return size_; }

  /// Up to `count` bytes from `offset` on that lie in one piece. `offset` is less than the size (asserted), or there is
  /// no memory and nothing.
  std::span<std::byte> piece(std::uint32_t offset, std::uint32_t count) const noexcept {
    if (size_ == 0) { return {}; }
    NAL_ASSERT(offset < size_);
    // Without dividing: both are below the size.
    const std::uint32_t room = size_ - front_;
    const std::uint32_t at = offset < room ? front_ + offset : offset - room;
    return {memory_ + at, std::min(count, size_ - at)};
  }

  /// `bytes` to the places from `offset` on; they fit into the size together with it (asserted).
  void put(std::uint32_t offset, std::span<const std::byte> bytes) const noexcept {
    NAL_ASSERT(offset <= size_ && bytes.size() <= size_ - offset);
    while (!bytes.empty()) {
      const std::span<std::byte> to = piece(offset, static_cast<std::uint32_t>(bytes.size()));
      std::memcpy(to.data(), bytes.data(), to.size());
      offset += static_cast<std::uint32_t>(to.size());
      bytes = bytes.subspan(to.size());
    }
  }
  /// The bytes at the front, as many as `out` takes; those must be there.
  void get(std::span<std::byte> out) const noexcept {
    NAL_ASSERT(out.size() <= size_);
    std::uint32_t offset = 0;
    while (!out.empty()) {
      const std::span<const std::byte> from = piece(offset, static_cast<std::uint32_t>(out.size()));
      std::memcpy(out.data(), from.data(), from.size());
      offset += static_cast<std::uint32_t>(from.size());
      out = out.subspan(from.size());
    }
  }

  /// The front moves on by `count` bytes, at most the size (asserted).
  void consume(std::uint32_t count) noexcept {
    NAL_ASSERT(count <= size_);
    const std::uint32_t room = size_ - front_;
    front_ = count < room ? front_ + count : count - room;
  }
  /// Nothing is in it: what follows lies in one piece.
  void rewind() noexcept { front_ = 0; }

  std::byte* memory() const noexcept { return memory_; }

 private:
  std::byte* memory_ = nullptr;
  RingSize size_ = 0;
  RingSize front_ = 0;
};

}  // namespace nal::embedded

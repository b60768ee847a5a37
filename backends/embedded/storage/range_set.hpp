#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "nal/assert.hpp"

namespace nal::embedded {

/// Ranges of a sequence space of 32 bits, apart from each other, all within 2^31 of one another: as many as the memory
/// given takes. Kept with the one that changed last in front (which RFC 2018 §4 wants of SACK blocks).
class RangeSet {
 public:
  struct Range {
    std::uint32_t begin;
    std::uint32_t end;  ///< behind the last
    friend constexpr bool operator==(const Range&, const Range&) noexcept = default;
  };

  /// Without room.
  constexpr RangeSet() noexcept = default;
  /// In memory that outlives it; at most 65535 of them count.
  constexpr explicit RangeSet(std::span<Range> memory) noexcept
      : ranges_(memory.data()), capacity_(static_cast<std::uint16_t>(memory.size())) {}

  constexpr bool empty() const noexcept { return count_ == 0; }
  constexpr std::size_t count() const noexcept { return count_; }
  /// The i-th, the one that changed last being the first.
  constexpr const Range& operator[](std::size_t i) const noexcept { return ranges_[i]; }
  constexpr void clear() noexcept { count_ = 0; }

  /// Adds [begin, end), begin before end, and joins what touches. False when that would be one range too many: nothing
  /// has changed.
  constexpr bool add(std::uint32_t begin, std::uint32_t end) noexcept {
    NAL_ASSERT(before(begin, end));
    bool joins = false;
    for (std::size_t i = 0; i < count_; ++i) { joins = joins || touches({begin, end}, ranges_[i]); }
    if (!joins && count_ == capacity_) { return false; }
    // The ranges are apart: none that is passed over can touch what grows by others later.
    Range joined{begin, end};
    std::size_t kept = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      const Range range = ranges_[i];
      if (!touches(joined, range)) {
        ranges_[kept++] = range;
        continue;
      }
      if (before(range.begin, joined.begin)) { joined.begin = range.begin; }
      if (before(joined.end, range.end)) { joined.end = range.end; }
    }
    for (std::size_t i = kept; i != 0; --i) { ranges_[i] = ranges_[i - 1]; }
    ranges_[0] = joined;
    count_ = static_cast<std::uint16_t>(kept + 1);
    return true;
  }

  /// Everything before `front` is of no interest any more; if a range touches it, gives its end and forgets it, else
  /// `front`.
  constexpr std::uint32_t advance(std::uint32_t front) noexcept {
    std::size_t kept = 0;
    std::uint32_t reached = front;
    for (std::size_t i = 0; i < count_; ++i) {
      const Range range = ranges_[i];
      if (before(front, range.begin)) {
        ranges_[kept++] = range;
      } else if (before(reached, range.end)) {
        reached = range.end;
      }
    }
    count_ = static_cast<std::uint16_t>(kept);
    return reached;
  }

  /// Whether [begin, end) shares a place with any of them.
  constexpr bool overlaps(std::uint32_t begin, std::uint32_t end) const noexcept {
    for (std::size_t i = 0; i < count_; ++i) {
      if (before(begin, ranges_[i].end) && before(ranges_[i].begin, end)) { return true; }
    }
    return false;
  }
  /// Whether [begin, end) is in one of them.
  constexpr bool contains(std::uint32_t begin, std::uint32_t end) const noexcept {
    for (std::size_t i = 0; i < count_; ++i) {
      if (!before(begin, ranges_[i].begin) && !before(ranges_[i].end, end)) { return true; }
    }
    return false;
  }

 private:
  static constexpr bool before(std::uint32_t a, std::uint32_t b) noexcept {
    return static_cast<std::int32_t>(a - b) < 0;
  }
  static constexpr bool touches(const Range& a, const Range& b) noexcept {
    return !before(a.end, b.begin) && !before(b.end, a.begin);
  }

  Range* ranges_ = nullptr;
  std::uint16_t count_ = 0;
  std::uint16_t capacity_ = 0;
};

}  // namespace nal::embedded

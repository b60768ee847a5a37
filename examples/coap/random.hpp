#pragma once
#include <cstdint>
#include <span>

#include "nal/hash.hpp"
#include "nal/time.hpp"

namespace coap {

/// Numbers that nobody can guess who has not the seed: a keyed hash of a counter.
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept
      : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)} {}

  std::uint32_t next() noexcept;
  /// What nobody can make of these words who has not the seed. One word: see `next`.
  std::uint32_t hash(std::span<const std::uint32_t> words) const noexcept;
  /// From zero to less than `limit`.
  nal::Duration below(nal::Duration limit) noexcept;

 private:
  nal::HashKey key_;
  std::uint32_t counter_ = 0;
};

}  // namespace coap

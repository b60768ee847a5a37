#pragma once
#include <cstdint>

#include "nal/hash.hpp"
#include "nal/time.hpp"

namespace coap {

/// Numbers that nobody can guess who has not the seed: a keyed hash of a counter.
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept
      : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)} {}

  std::uint32_t next() noexcept {
    nal::Hasher hasher(key_);
    hasher.add(++counter_);
    return hasher.finish();
  }
  /// From zero to less than `limit`.
  nal::Duration below(nal::Duration limit) noexcept {
    return nal::Duration::microseconds((limit.microseconds() >> 16) * (next() >> 16));
  }
  const nal::HashKey& key() const noexcept { return key_; }

 private:
  nal::HashKey key_;
  std::uint32_t counter_ = 0;
};

}  // namespace coap

#pragma once
#include "backends/embedded/features.hpp"
#include "nal/hash.hpp"
#include "nal/random.hpp"

namespace nal::embedded {

/// A new key for a hash table; where tables are searched one by one, none.
inline HashKey table_key(Random& random) noexcept {
  if constexpr (features::kFewSockets) { return {}; }
  const std::uint32_t k0 = random.u32();
  return {k0, random.u32()};
}

}  // namespace nal::embedded

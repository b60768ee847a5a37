#pragma once
#include <cstdint>
#include <type_traits>

#include "backends/embedded/features.hpp"
#include "nal/time.hpp"

namespace nal::embedded {

/// What a field of a feature that is not compiled in is instead: always the same value, whatever is assigned to it, so
/// that code about it falls away. As a static member it takes no memory.
template <class T, auto... kValue>
struct Absent {
  constexpr operator T() const noexcept { return T{kValue...}; }
  // NOLINTNEXTLINE(misc-unconventional-assign-operator): what an assignment to a T gives is a T, not this
  constexpr T operator=(T) const noexcept { return T{kValue...}; }
  constexpr T operator++() const noexcept { return T{kValue...}; }
  constexpr T operator++(int) const noexcept { return T{kValue...}; }
  constexpr T operator--() const noexcept { return T{kValue...}; }
};

/// The same of a time: never.
struct AbsentInstant {
  constexpr operator Instant() const noexcept { return Instant::max(); }
  constexpr bool is_never() const noexcept { return true; }
  // NOLINTNEXTLINE(misc-unconventional-assign-operator)
  constexpr Instant operator=(Instant) const noexcept { return Instant::max(); }
};

struct NoCounter {
  constexpr NoCounter() noexcept = default;
  constexpr NoCounter(std::uint32_t) noexcept {}
  constexpr operator std::uint32_t() const noexcept { return 0; }
  constexpr NoCounter& operator++() noexcept { return *this; }
};
/// How often something has happened; wraps.
using Counter = std::conditional_t<features::kCounters, std::uint32_t, NoCounter>;

}  // namespace nal::embedded

#pragma once
#include <cstdint>

#include "nal/time.hpp"

namespace mqtt {

/// Microseconds on the executor's clock, which are not negative. Inside the library instants are plain numbers: they
/// travel in registers, and there a client has a dozen deadlines.
using Time = std::int64_t;
inline constexpr Time kNever = nal::Instant::max().microseconds();

/// So many microseconds later, or "never" if that is too much. One copy of the arithmetic.
Time after(nal::Instant instant, Time duration) noexcept;

constexpr nal::Instant instant_of(Time time) noexcept { return nal::Instant::from_microseconds(time); }
/// Whether a deadline has come. Never, for one that is "never".
constexpr bool is_due(nal::Instant now, Time deadline) noexcept { return now.microseconds() >= deadline; }

}  // namespace mqtt

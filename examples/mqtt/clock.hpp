#pragma once
#include "nal/time.hpp"

namespace mqtt {

/// The sum. One copy of the arithmetic: it saturates, and a client has a dozen deadlines.
nal::Instant after(nal::Instant instant, nal::Duration duration) noexcept;

/// Whether a deadline has come. Never, for one that is "never".
constexpr bool is_due(nal::Instant now, nal::Instant deadline) noexcept {
  return now.microseconds() >= deadline.microseconds();
}

}  // namespace mqtt

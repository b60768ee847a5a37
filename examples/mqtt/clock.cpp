#include "examples/mqtt/clock.hpp"

namespace mqtt {

nal::Instant after(nal::Instant instant, nal::Duration duration) noexcept { return instant + duration; }

nal::Duration jittered(nal::Duration wait, std::uint32_t random) noexcept {
  const std::int64_t half = wait.microseconds() / 2;
  return nal::Duration::microseconds(half + (half >> 10) * (random % 1025));
}

}  // namespace mqtt

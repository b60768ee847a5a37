#include "examples/mqtt/backoff.hpp"

namespace mqtt {

nal::Duration Backoff::next(const Reconnect& settings, const Random& random, nal::Duration lasted) noexcept {
  const std::int64_t initial = settings.initial.microseconds();
  const std::int64_t maximum = settings.maximum.microseconds();
  if (wait_ == 0 || lasted.microseconds() >= initial) {
    wait_ = initial;
  } else {
    wait_ = wait_ < maximum - wait_ ? wait_ * 2 : maximum;
  }
  if (wait_ > maximum) { wait_ = maximum; }
  std::int64_t wait = wait_;
  if (random.next) {
    const std::int64_t half = wait_ / 2;
    wait = half + (half >> 10) * static_cast<std::int64_t>(random.next(random.context) % 1025);
  }
  return nal::Duration::microseconds(wait);
}

}  // namespace mqtt

#include "examples/mqtt/backoff.hpp"

namespace mqtt {

bool Backoff::next(const Reconnect& settings, const Random& random, Time lasted) noexcept {
  ++attempts_;
  if (lasted >= 0) { was_up_ = true; }
  const bool in_vain = !was_up_ && settings.first_attempts != 0 && attempts_ >= settings.first_attempts;
  if (!settings.enabled || in_vain) { return false; }
  const Time initial = settings.initial.microseconds();
  const auto maximum = static_cast<std::uint64_t>(settings.maximum.microseconds());
  longest_ = longest_ == 0 || lasted >= initial ? static_cast<std::uint64_t>(initial) : longest_ * 2;
  if (longest_ > maximum) { longest_ = maximum; }
  auto wait = static_cast<Time>(longest_);
  if (random.next) {
    const std::uint32_t part = random.next(random.context) & 1023;
    wait >>= 1;
    wait += (wait >> 10) * part;
  }
  wait_ = wait;
  return true;
}

}  // namespace mqtt

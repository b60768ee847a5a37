#include "examples/mqtt/clock.hpp"

namespace mqtt {

Time after(nal::Instant instant, Time duration) noexcept {
  return duration < kNever - instant.microseconds() ? instant.microseconds() + duration : kNever;
}

}  // namespace mqtt

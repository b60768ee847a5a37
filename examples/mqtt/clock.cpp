#include "examples/mqtt/clock.hpp"

namespace mqtt {

nal::Instant after(nal::Instant instant, nal::Duration duration) noexcept { return instant + duration; }

}  // namespace mqtt

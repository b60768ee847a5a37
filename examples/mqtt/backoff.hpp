#pragma once
#include "examples/mqtt/config.hpp"

namespace mqtt {

/// How long to wait before the next attempt: see `Reconnect`.
class Backoff {
 public:
  /// An attempt failed, or a connection that had lasted this long ended: the wait before the next one.
  nal::Duration next(const Reconnect& settings, const Random& random, nal::Duration lasted) noexcept;

 private:
  std::int64_t wait_ = 0;  ///< microseconds, without jitter; 0 before the first
};

}  // namespace mqtt

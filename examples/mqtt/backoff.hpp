#pragma once
#include "examples/mqtt/clock.hpp"
#include "examples/mqtt/config.hpp"

namespace mqtt {

/// How long to wait before the next attempt: see `Reconnect`.
class Backoff {
 public:
  Backoff(const Reconnect& settings, const Random& random) noexcept
      : initial_(settings.initial), maximum_(settings.maximum), random_(random) {}

  /// An attempt failed, or a connection that had lasted this long ended: the wait before the next one.
  nal::Duration next(nal::Duration lasted) noexcept {
    if (lasted >= initial_) { wait_ = {}; }
    wait_ = wait_ == nal::Duration() ? initial_ : wait_ + wait_;
    if (wait_ > maximum_) { wait_ = maximum_; }
    return random_.next ? jittered(wait_, random_.next(random_.context)) : wait_;
  }

 private:
  nal::Duration initial_;
  nal::Duration maximum_;
  nal::Duration wait_{};  ///< without jitter; zero before the first
  Random random_;
};

}  // namespace mqtt

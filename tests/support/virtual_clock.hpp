#pragma once
#include "nal/executor.hpp"

namespace nal::test {

/// A platform whose time passes when the executor would sleep, and when a test says so. Nothing waits for real.
class VirtualClock final : public Platform {
 public:
  Instant now() noexcept override { return now_; }
  void poll(Executor& executor, Instant deadline) noexcept override {
    if (executor.has_events() || deadline <= now_) { return; }
    NAL_ASSERT(!deadline.is_never());  // nothing is left that could wake the executor: the test would hang
    now_ = deadline;
    ++sleeps_;
  }
  void wake() noexcept override { ++wakes_; }

  void advance(Duration duration) noexcept { now_ += duration; }
  /// How often the executor slept until a deadline.
  unsigned sleeps() const noexcept { return sleeps_; }
  /// How often an event ended its sleep, or would have.
  unsigned wakes() const noexcept { return wakes_; }

 private:
  Instant now_ = Instant::from_microseconds(1'000'000);
  unsigned sleeps_ = 0;
  unsigned wakes_ = 0;
};

/// Runs rounds until nobody is ready, without letting time pass. Returns how many; stops after `limit`.
inline unsigned run_ready(Executor& executor, unsigned limit = 100'000) noexcept {
  unsigned rounds = 0;
  while (rounds < limit && executor.poll_once()) { ++rounds; }
  return rounds;
}

}  // namespace nal::test

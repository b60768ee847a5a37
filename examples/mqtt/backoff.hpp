#pragma once
#include "examples/mqtt/clock.hpp"
#include "examples/mqtt/config.hpp"

namespace mqtt {

/// How long to wait before the next attempt, if there is to be one: see `Reconnect`.
class Backoff {
 public:
  static constexpr Time kNeverUp = -1;

  /// An attempt failed (`kNeverUp`), or a session that had been up ended so many microseconds after its attempt began.
  /// False: there is to be no other.
  bool next(const Reconnect& settings, const Random& random, Time lasted) noexcept;
  /// Microseconds before it.
  Time wait() const noexcept { return wait_; }
  /// The attempt that failed does not count.
  void forgive() noexcept { --attempts_; }

 private:
  Time wait_ = 0;
  std::uint64_t longest_ = 0;  ///< `wait_` without jitter; 0 before the first
  unsigned attempts_ = 0;
  bool was_up_ = false;
};

}  // namespace mqtt

#pragma once
/// lwIP's own thread on hosts (NO_SYS 0): `port/threads.cpp` on C++'s. An RTOS brings its own `sys_arch`, and needs
/// nothing of this.
#include <condition_variable>
#include <mutex>

#include "nal/time.hpp"

namespace nal::lwip::port {

/// How lwIP's threads tell time and sleep. Of any thread.
class ThreadTime {
 public:
  virtual Instant now() noexcept = 0;
  /// With the lock held: sleeps until somebody notifies after a `stir`, or the deadline, or without a reason.
  virtual void sleep(std::condition_variable& changed, std::unique_lock<std::mutex>& lock,
                     Instant deadline) noexcept = 0;
  /// Whoever sleeps with that lock, which is held, is about to be woken.
  virtual void stir(std::unique_lock<std::mutex>& lock) noexcept = 0;

 protected:
  ThreadTime() = default;
  ~ThreadTime() = default;
};

/// The one in use: the monotonic clock of the system, if nobody has set another.
ThreadTime& thread_time() noexcept;
/// Another one, for ever: before there is a stack. For tests, whose time passes as they like.
void set_thread_time(ThreadTime& time) noexcept;

}  // namespace nal::lwip::port

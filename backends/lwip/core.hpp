#pragma once
#include <utility>

#include "backends/lwip/lwip.hpp"
#include "nal/event.hpp"
#include "nal/executor.hpp"

namespace nal::lwip {

/// Who waits for something that lwIP's callbacks tell of. Rung by `Core::ring`.
struct Bell {
  WaitList waiters;
#if !NO_SYS
  Bell* next = nullptr;
  bool rung = false;
#endif
};

/// While one exists, lwIP is this thread's, which is the executor's. Not to be nested.
class CoreLock {
 public:
#if NO_SYS
  CoreLock() noexcept {}
  /// Whether what runs now was called by us, and not by lwIP's own thread.
  static constexpr bool held() noexcept { return true; }
#else
  CoreLock() noexcept {
    LOCK_TCPIP_CORE();
    held_ = true;
  }
  ~CoreLock() {
    held_ = false;
    UNLOCK_TCPIP_CORE();
  }
  /// Whether what runs now, with the core locked, was called by us, and not by lwIP's own thread.
  static bool held() noexcept { return held_; }

 private:
  static inline bool held_ = false;  ///< as all of lwIP: by whoever has locked the core

 public:
#endif
  CoreLock(const CoreLock&) = delete;
  CoreLock& operator=(const CoreLock&) = delete;
};

/// What the parts of the stack share: time, and how they wake tasks.
///
/// lwIP's callbacks come inside `run()` or a call of ours; beside a tcpip thread also in that thread. Wait lists are
/// the executor's alone, so there a callback notes the bell and raises an event, and `run()` wakes.
class Core {
 public:
#if NO_SYS
  explicit Core(Executor& executor) noexcept : executor_(executor) {}
#else
  explicit Core(Executor& executor) noexcept : executor_(executor), event_(executor) {}
#endif
  /// From a callback, or with the core locked.
  void ring(Bell& bell) noexcept {
#if !NO_SYS
    if (!CoreLock::held()) {
      if (bell.rung) { return; }
      bell.rung = true;
      bell.next = std::exchange(rung_, &bell);
      event_.raise();
      return;
    }
#endif
    bell.waiters.wake_all();
  }
  /// Has `run()` look at what is due, since something has changed that; with the core locked.
  void kick() noexcept {
    changed_ = true;
#if !NO_SYS
    if (!CoreLock::held()) {
      event_.raise();
      return;
    }
#endif
    kicked_.wake_all();
  }
  /// Whether there was a kick since this was last asked.
  bool take_changed() noexcept { return std::exchange(changed_, false); }
  /// Links `run()` to the above.
  void wait(Context& context) noexcept {
    kicked_.add(context, kick_waiter_, Wait::device);
#if !NO_SYS
    while (event_.poll_raised(context, event_waiter_).ready()) {}
    while (Bell* const bell = rung_) {
      rung_ = bell->next;
      bell->rung = false;
      bell->waiters.wake_all();
    }
#endif
  }
  void unlink() noexcept {
    kick_waiter_.unlink();
#if !NO_SYS
    event_waiter_.unlink();
#endif
  }
  /// On the executor's thread.
  Instant now() noexcept { return executor_.now(); }
  Executor& executor() noexcept { return executor_; }

 private:
  Executor& executor_;
  WaitList kicked_;
  Waiter kick_waiter_;
  bool changed_ = true;
#if !NO_SYS
  Event event_;
  Waiter event_waiter_;
  Bell* rung_ = nullptr;  ///< by lwIP's thread, each once
#endif
};

}  // namespace nal::lwip

#pragma once
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

/// While one exists, lwIP is this thread's. Not to be nested.
class CoreLock {
 public:
#if NO_SYS
  CoreLock() noexcept {}
#else
  CoreLock() noexcept { LOCK_TCPIP_CORE(); }
  ~CoreLock() { UNLOCK_TCPIP_CORE(); }
#endif
  CoreLock(const CoreLock&) = delete;
  CoreLock& operator=(const CoreLock&) = delete;
};

/// What the parts of the stack share: time, and how they wake tasks.
///
/// lwIP's callbacks come inside `run()` or a call of ours; beside a tcpip thread, in that thread under the core lock.
/// Wait lists are the executor's alone, so there a callback notes the bell and raises an event, and `run()` wakes.
class Core {
 public:
#if NO_SYS
  explicit Core(Executor& executor) noexcept : executor_(executor) {}
  /// From a callback, or with the core locked.
  void ring(Bell& bell) noexcept { bell.waiters.wake_all(); }
  /// Has `run()` look at what is due, since a call of the application's changed that.
  void kick() noexcept { kicked_.wake_all(); }
  void wait(Context& context, Waiter& waiter) noexcept { kicked_.add(context, waiter, Wait::device); }
#else
  explicit Core(Executor& executor) noexcept : executor_(executor), event_(executor) {}
  void ring(Bell& bell) noexcept {
    if (bell.rung) { return; }
    bell.rung = true;
    bell.next = first_;
    first_ = &bell;
    event_.raise();
  }
  void kick() noexcept { event_.raise(); }
  void wait(Context& context, Waiter& waiter) noexcept {
    if (event_.poll_raised(context, waiter).ready()) { context.wake_soon(); }
  }
  /// Wakes for all bells that were rung, with the core locked.
  void dispatch() noexcept {
    while (Bell* const bell = first_) {
      first_ = bell->next;
      bell->rung = false;
      bell->waiters.wake_all();
    }
  }
#endif
  Instant now() noexcept { return executor_.now(); }
  Executor& executor() noexcept { return executor_; }

 private:
  Executor& executor_;
#if NO_SYS
  WaitList kicked_;
#else
  Event event_;
  Bell* first_ = nullptr;
#endif
};

}  // namespace nal::lwip

#pragma once
#include "nal/executor.hpp"
#include "nal/poll.hpp"

namespace nal {

/// The one thing that an interrupt or another thread touches: raising it has the executor wake whoever waits. Lives in
/// a driver, a backend or a program, and ends before its executor, when nobody can raise it any more.
///
/// Raising an event that is raised already does nothing: it tells "look again", not "how often".
class Event {
 public:
  explicit Event(Executor& executor) noexcept : executor_(&executor) {}
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() {
    // It may still stand in the inbox, which has no way out for a single one.
    if (flag_.raised()) { executor_->drain_inbox(); }
  }

  /// From an interrupt, another thread or the executor's own. Never blocks, never allocates.
  void raise() noexcept {
    if (flag_.raise()) { executor_->push(*this); }
  }

  /// Ready once the event was raised since the last time this was ready; `why` is for whoever lists the tasks.
  /// *Cancellation*: dropping the wait loses nothing.
  Poll<Unit> poll_raised(Context& context, Waiter& waiter, Wait why = Wait::event) noexcept {
    if (seen_) {
      seen_ = false;
      return Unit{};
    }
    waiters_.add(context, waiter, why);
    return pending;
  }

 private:
  friend class Executor;
  template <class T>
  friend class platform::Inbox;

  Executor* executor_;
  Event* next_ = nullptr;
  WaitList waiters_;
  platform::Flag flag_;
  bool seen_ = false;
};

/// Waits for an event. *Completes* when it was raised since the last completed wait; *Errors*: none; *Cancellation*:
/// dropping it loses nothing.
class [[nodiscard("await it")]] WaitEvent {
 public:
  explicit WaitEvent(Event& event) noexcept : event_(&event) {}
  Poll<Unit> poll(Context& context) noexcept { return event_->poll_raised(context, waiter_); }

 private:
  Event* event_;
  Waiter waiter_;
};
inline WaitEvent wait(Event& event) noexcept { return WaitEvent(event); }

}  // namespace nal

#pragma once
#include "nal/assert.hpp"
#include "nal/time.hpp"

namespace nal {

class Context;
class RootTask;

/// Wakes a task at an instant. Belongs to whoever waits; armed by `Context::arm`. Destroying it disarms it. May move
/// until it is first armed.
class Timer {
 public:
  Timer() = default;
  Timer(Timer&& other) noexcept { NAL_ASSERT(!other.armed()); }
  Timer& operator=(Timer&& other) noexcept {
    NAL_ASSERT(!armed() && !other.armed());
    return *this;
  }
  ~Timer() { disarm(); }

  bool armed() const noexcept { return queue_ != nullptr; }
  Instant at() const noexcept { return at_; }
  inline void disarm() noexcept;

 private:
  friend class TimerQueue;
  friend class Context;
  friend class Executor;
  class TimerQueue* queue_ = nullptr;
  RootTask* task_ = nullptr;
  Instant at_{};
  // A pairing heap's links: `previous_` is the parent of a first child, else the sibling before.
  Timer* child_ = nullptr;
  Timer* next_ = nullptr;
  Timer* previous_ = nullptr;
};

/// Armed timers, earliest first: an intrusive pairing heap. Arming takes constant time, disarming and expiry
/// logarithmic (amortised); an idle timer costs nothing.
class TimerQueue {
 public:
  TimerQueue() = default;
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;
  ~TimerQueue() {
    while (root_) { remove(*root_); }
  }

  Timer* first() const noexcept { return root_; }
  /// `timer` must not be armed.
  void insert(Timer& timer, RootTask& task, Instant at) noexcept {
    timer.at_ = at;
    timer.task_ = &task;
    timer.queue_ = this;
    root_ = root_ ? meld(root_, &timer) : &timer;
  }
  void remove(Timer& timer) noexcept;

 private:
  static Timer* meld(Timer* a, Timer* b) noexcept {
    if (b->at_ < a->at_) {
      Timer* earlier = b;
      b = a;
      a = earlier;
    }
    b->previous_ = a;
    b->next_ = a->child_;
    if (a->child_) { a->child_->previous_ = b; }
    a->child_ = b;
    return a;
  }
  static Timer* meld_children(Timer* first) noexcept;

  Timer* root_ = nullptr;
};

inline void Timer::disarm() noexcept {
  if (queue_) { queue_->remove(*this); }
}

}  // namespace nal

#pragma once
#include "nal/future.hpp"

namespace nal {

/// Manual-reset signal between tasks of one executor: while it is set, waiting for it completes at once.
class Signal {
 public:
  void set() noexcept {
    set_ = true;
    waiters_.wake_all();
  }
  void reset() noexcept { set_ = false; }
  bool is_set() const noexcept { return set_; }

  Poll<Unit> poll_set(Context& context, Waiter& waiter) noexcept {
    if (set_) { return Unit{}; }
    waiters_.add(context, waiter, Wait::signal);
    return pending;
  }

 private:
  WaitList waiters_;
  bool set_ = false;
};

/// Waits until a signal is set. *Completes* if it is set when the task runs; one that is set and reset before that is
/// missed. *Errors*: none. *Cancellation*: changes nothing. The signal outlives the operation.
class [[nodiscard("await it")]] WaitSignal {
 public:
  explicit WaitSignal(Signal& signal) noexcept : signal_(&signal) {}
  Poll<Unit> poll(Context& context) noexcept { return signal_->poll_set(context, waiter_); }

 private:
  Signal* signal_;
  Waiter waiter_;
};
inline WaitSignal wait(Signal& signal) noexcept { return WaitSignal(signal); }

}  // namespace nal

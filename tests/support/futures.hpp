#pragma once
#include "nal/task.hpp"

namespace nal::test {

/// Counts how many of it are alive: put one in whatever must not leak.
class Alive {
 public:
  Alive() noexcept { ++count_; }
  Alive(const Alive&) noexcept { ++count_; }
  Alive& operator=(const Alive&) = default;
  ~Alive() { --count_; }
  static int count() noexcept { return count_; }

 private:
  static inline int count_ = 0;
};

/// Something to wait for that a test opens.
class Gate {
 public:
  /// Lets through whoever waits for `level` or less.
  void open(int level = 1) noexcept {
    level_ = level;
    waiters_.wake_all();
  }
  /// Wakes everybody without opening.
  void shake() noexcept { waiters_.wake_all(); }
  int level() const noexcept { return level_; }
  bool anybody_waits() const noexcept { return !waiters_.empty(); }
  WaitList& waiters() noexcept { return waiters_; }

 private:
  int level_ = 0;
  WaitList waiters_;
};

/// Completes with `level` once the gate is open that far.
class Pass {
 public:
  explicit Pass(Gate& gate, int level = 1, unsigned* polls = nullptr) noexcept
      : gate_(&gate), level_(level), polls_(polls) {}
  Poll<Result<int>> poll(Context& context) noexcept {
    if (polls_ != nullptr) { ++*polls_; }
    if (gate_->level() >= level_) { return level_; }
    gate_->waiters().add(context, waiter_, Wait::other);
    return pending;
  }

 private:
  Gate* gate_;
  int level_;
  unsigned* polls_;
  Waiter waiter_;
  Alive alive_;
};

/// The same as a coroutine.
inline Task<Result<int>> pass(Gate& gate, int level = 1) {
  Alive alive;
  const Result<int> passed = co_await Pass(gate, level);
  co_return passed;
}

}  // namespace nal::test

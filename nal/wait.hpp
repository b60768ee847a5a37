#pragma once
#include <cstdint>

#include "nal/assert.hpp"

namespace nal {

class Context;
class RootTask;

/// What a waiting task waits for, for `Executor::for_each_task` and a debugger: a set of these bits, exact after each
/// poll of the task.
enum class Wait : std::uint16_t {
  none = 0,
  readable = 1 << 0,    ///< bytes, a datagram or the end of a stream
  writable = 1 << 1,    ///< room to send
  connected = 1 << 2,   ///< a connect to finish
  acceptable = 1 << 3,  ///< somebody to accept
  timer = 1 << 4,
  name = 1 << 5,     ///< a DNS answer
  channel = 1 << 6,  ///< a `Channel`
  signal = 1 << 7,   ///< a `Signal`
  event = 1 << 8,    ///< an interrupt or another thread
  task = 1 << 9,     ///< another task's end
  device = 1 << 10,  ///< a network device
  other = 1 << 11,
};
constexpr Wait operator|(Wait a, Wait b) noexcept {
  return static_cast<Wait>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr bool contains(Wait set, Wait bit) noexcept {
  return (static_cast<unsigned>(set) & static_cast<unsigned>(bit)) != 0;
}

class WaitList;

/// One task waiting for one thing. It belongs to whoever waits (an operation); the thing waited for only holds a
/// `WaitList`. Destroying the waiter ends the wait. It may move until it is first linked (asserted afterwards).
/// Confined to its executor's thread.
class Waiter {
 public:
  Waiter() noexcept {}
  Waiter(Waiter&& other) noexcept { NAL_ASSERT(!other.linked()); }
  Waiter& operator=(Waiter&& other) noexcept {
    NAL_ASSERT(!linked() && !other.linked());
    return *this;
  }
  ~Waiter() { unlink(); }

  bool linked() const noexcept { return list_ != nullptr; }
  void unlink() noexcept;

 private:
  friend class WaitList;
  WaitList* list_ = nullptr;
  // Only while linked; not initialised, since most operations never wait.
  RootTask* task_;
  Waiter* next_;
  Waiter** link_;  ///< what points at this one
};

/// Those who wait for one thing, first in, first out.
class WaitList {
 public:
  WaitList() = default;
  WaitList(const WaitList&) = delete;
  WaitList& operator=(const WaitList&) = delete;
  ~WaitList() { wake_all(); }

  /// Has the task of `context` woken by the next `wake_all`. A waiter that is in this list keeps its place; one that is
  /// in another list leaves that. `why` is for whoever lists the tasks.
  void add(Context& context, Waiter& waiter, Wait why) noexcept;
  /// Queues every waiting task and empties the list. Resumes nobody: they run in the executor's next round.
  void wake_all() noexcept;
  bool empty() const noexcept { return first_ == nullptr; }

 private:
  friend class Waiter;
  Waiter* first_ = nullptr;
  Waiter** end_ = &first_;  ///< where the next one will hang
};

inline void Waiter::unlink() noexcept {
  if (!list_) { return; }
  *link_ = next_;
  (next_ ? next_->link_ : list_->end_) = link_;
  list_ = nullptr;
}

}  // namespace nal

// `add` and `wake_all` need to know tasks: whoever has this header has their definitions too.
#include "nal/executor.hpp"

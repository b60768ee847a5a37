#pragma once
#include <array>
#include <concepts>
#include <type_traits>
#include <utility>

#include "nal/task.hpp"

namespace nal {

/// What all slots share, whatever their size and their task's result.
class TaskSlotBase : public RootTask {
 public:
  bool running() const noexcept { return running_; }
  FrameArena& arena() noexcept { return *arena_; }

  /// Ready when no task runs here.
  Poll<Unit> poll_finished(Context& context, Waiter& waiter) noexcept {
    if (!running_) { return Unit{}; }
    finished_.add(context, waiter, Wait::task);
    return pending;
  }

 protected:
  TaskSlotBase(Step step, FrameArena& arena) noexcept : RootTask(step, &arena), arena_(&arena) {}
  void set_running(Executor& executor) noexcept {
    running_ = true;
    attach(executor);
  }
  void set_finished() noexcept {
    running_ = false;
    detach();
    finished_.wake_all();
  }

 private:
  FrameArena* arena_;
  WaitList finished_;
  bool running_ = false;
};

/// The home of one task: its arena, its result, its place in the executor. What a thread's stack is to a thread.
///
/// `start(executor, function, arguments...)` calls the coroutine `function` inside the slot's arena. Arguments are
/// passed on as they are given; what a coroutine takes by value lives in its frame. The executor outlives the slot.
/// Destroying the slot cancels its task.
template <std::size_t ArenaBytes, class T = Result<>>
class TaskSlot : public TaskSlotBase {
 public:
  TaskSlot() noexcept : TaskSlotBase(&step, memory_) {}
  ~TaskSlot() { cancel(); }

  /// Starts `function(arguments...)`, which must give a `Task<T>`. *Errors*: no_memory if the arena cannot hold even
  /// the first frame. The slot must be free (asserted).
  template <class Function, class... Arguments>
    requires requires(Function&& function, Arguments&&... arguments) {
      { std::forward<Function>(function)(std::forward<Arguments>(arguments)...) } -> std::same_as<Task<T>>;
    }
  Result<> start(Executor& executor, Function&& function, Arguments&&... arguments) noexcept {
    NAL_ASSERT(!running());
    {
      ArenaScope scope(&memory_);
      task_ = std::forward<Function>(function)(std::forward<Arguments>(arguments)...);
    }
    if (!task_.valid()) { return Unexpected(Error::no_memory); }
    output_ = Poll<T>(pending);
    set_running(executor);
    return {};
  }

  /// Destroys the task, if one runs. Not from inside it (asserted); from another task at any time, even in mid-round.
  void cancel() noexcept {
    NAL_ASSERT(!active());
    task_.reset();
    if (running()) { set_finished(); }
  }

  /// What the last task gave; pending while one runs, if none was started, and if it was cancelled.
  const Poll<T>& result() const noexcept { return output_; }
  /// The result, moved out; there must be one.
  T take_result() noexcept { return *std::move(output_); }

 private:
  static void step(RootTask& self, Context& context) {
    auto& slot = static_cast<TaskSlot&>(self);
    auto output = slot.task_.poll(context);
    if (output.ready()) { slot.finish(output); }
  }
  // Once a task; out of the way of what runs at every poll.
  [[gnu::noinline]] void finish(Poll<T>& output) noexcept {
    task_.reset();
    std::destroy_at(&output_);
    std::construct_at(&output_, std::move(output));
    set_finished();
  }

  FixedArena<ArenaBytes> memory_;
  Poll<T> output_{pending};
  Task<T> task_;
};

/// Waits for the end of the task in a slot. *Completes* at once if none runs. *Cancellation*: the task goes on.
class [[nodiscard("await it")]] WaitFinished {
 public:
  explicit WaitFinished(TaskSlotBase& slot) noexcept : slot_(&slot) {}
  Poll<Unit> poll(Context& context) noexcept { return slot_->poll_finished(context, waiter_); }

 private:
  TaskSlotBase* slot_;
  Waiter waiter_;
};
inline WaitFinished finished(TaskSlotBase& slot) noexcept { return WaitFinished(slot); }

/// A fixed number of slots for tasks of one kind: a connection each, say. Whatever results they give are dropped.
template <std::size_t Count, std::size_t ArenaBytes, class T = Result<>>
class TaskPool {
 public:
  /// As `TaskSlot::start`, in a free slot. *Errors*: table_full if all run; no_memory.
  template <class Function, class... Arguments>
  Result<> start(Executor& executor, Function&& function, Arguments&&... arguments) noexcept {
    for (std::size_t tried = 0; tried < Count; ++tried) {
      auto& slot = slots_[next_];
      next_ = (next_ + 1) % Count;
      if (!slot.running()) {
        return slot.start(executor, std::forward<Function>(function), std::forward<Arguments>(arguments)...);
      }
    }
    return Unexpected(Error::table_full);
  }
  std::size_t running() const noexcept {
    std::size_t count = 0;
    for (const auto& slot : slots_) { count += slot.running() ? 1 : 0; }
    return count;
  }
  static constexpr std::size_t capacity() noexcept { return Count; }
  void cancel_all() noexcept {
    for (auto& slot : slots_) { slot.cancel(); }
  }
  TaskSlot<ArenaBytes, T>& operator[](std::size_t index) noexcept { return slots_[index]; }

 private:
  std::array<TaskSlot<ArenaBytes, T>, Count> slots_;
  std::size_t next_ = 0;
};

}  // namespace nal

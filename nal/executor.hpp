#pragma once
#include <concepts>
#include <type_traits>

#include "nal/detail/list.hpp"
#include "nal/frame_arena.hpp"
#include "nal/platform.hpp"
#include "nal/timer.hpp"
#include "nal/wait.hpp"

namespace nal {

class Context;
class Event;
class Executor;

namespace detail {
struct ReadyTag;
struct TaskTag;
struct InboxTag;
}  // namespace detail

/// What an executor polls. Not for applications: they have `TaskSlot`, `TaskPool` and `block_on`.
class RootTask : public detail::ListNode<detail::ReadyTag>, public detail::ListNode<detail::TaskTag> {
 public:
  /// For whoever lists the tasks; static storage.
  const char* name() const noexcept { return name_; }
  void set_name(const char* name) noexcept { name_ = name; }
  /// What it waited for when it was last polled.
  Wait waits_for() const noexcept { return waits_for_; }
  /// Will be polled in the executor's next round.
  bool ready() const noexcept { return ReadyNode::linked(); }

 protected:
  using Step = void (*)(RootTask& task, Context& context);
  RootTask(Step step, FrameArena* arena) noexcept : step_(step), arena_(arena) {}
  ~RootTask() { NAL_ASSERT(!active_); }

  /// Hands it to the executor, which polls it first in the next round.
  void attach(Executor& executor) noexcept;
  /// Names its executor, and nothing else: it is not listed there and not polled before something wakes it.
  void bind(Executor& executor) noexcept { executor_ = &executor; }
  /// The executor forgets it.
  void detach() noexcept {
    ReadyNode::unlink();
    TaskNode::unlink();
  }
  bool active() const noexcept { return active_; }
  Executor* executor() const noexcept { return executor_; }
  void set_arena(FrameArena* arena) noexcept { arena_ = arena; }

 private:
  using ReadyNode = detail::ListNode<detail::ReadyTag>;
  using TaskNode = detail::ListNode<detail::TaskTag>;
  friend class Executor;
  friend class Context;
  friend class WaitList;

  Step step_;
  FrameArena* arena_;
  Executor* executor_ = nullptr;
  const char* name_ = "task";
  Wait waits_for_ = Wait::none;
  std::uint16_t queued_in_ = 0;  ///< the executor's round when it became ready
  bool active_ = false;
};

namespace detail {

/// The task as which a blocking caller waits (`block_on`). The executor's own, so that an operation which outlives the
/// call that polled it, cut off by a deadline say, still names a task that exists.
class BlockingTask : public RootTask {
 public:
  using Call = void (*)(void* caller, Context& context);
  BlockingTask() noexcept : RootTask(&step, nullptr) { set_name("block_on"); }
  void begin(Executor& executor, Call call, void* caller) noexcept {
    NAL_ASSERT(!caller_);  // one thread blocks once
    call_ = call;
    caller_ = caller;
    set_arena(platform::current_arena());
    attach(executor);
  }
  void end() noexcept {
    caller_ = nullptr;
    detach();
  }

 private:
  static void step(RootTask& self, Context& context) {
    auto& task = static_cast<BlockingTask&>(self);
    if (task.caller_) { task.call_(task.caller_, context); }
  }
  Call call_ = nullptr;
  void* caller_ = nullptr;
};

}  // namespace detail

/// Polls tasks when what they wait for has happened. Static memory; one a thread; outlives its tasks, timers, events
/// and stacks. All but `Event::raise` is confined to the thread that made it (asserted).
///
/// Fair: a round polls each task that was ready when it began once; what becomes ready meanwhile waits for the next.
/// Waking only queues, so nothing of the application ever runs inside a stack, a driver or a timer.
class Executor {
 public:
  explicit Executor(Platform& platform) noexcept : platform_(&platform) {}
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;
  ~Executor();

  /// Gathers outside events without sleeping, then runs one round. True when a task was polled.
  bool poll_once() noexcept;
  /// Runs until every task has finished.
  void run() noexcept {
    while (!tasks_.empty()) { turn(Instant::max()); }
  }
  /// Runs until `done()`, asked after each round, says so.
  template <std::predicate F>
  void run_until(F&& done) noexcept {
    while (!done()) { turn(Instant::max()); }
  }
  /// Runs until `done()` or until the deadline; what `done()` said last.
  template <std::predicate F>
  bool run_until(F&& done, Instant deadline) noexcept {
    while (!done()) {
      if (platform_->now() >= deadline) { return false; }
      turn(deadline);
    }
    return true;
  }

  /// The time of the running round (a round sees one time); outside a round, the platform's.
  Instant now() noexcept {
    if (in_round_ && now_known_) { return now_; }
    now_ = platform_->now();
    now_known_ = in_round_;
    return now_;
  }
  /// When the earliest timer is due; `Instant::max()` if none is armed.
  Instant next_timer() const noexcept { return timers_.first() ? timers_.first()->at() : Instant::max(); }
  /// Nothing to run before an event or the next timer.
  bool idle() const noexcept { return ready_.empty() && !has_events(); }
  /// A task has not finished.
  bool has_tasks() const noexcept { return !tasks_.empty(); }
  /// An event was raised and its waiters have not been woken yet.
  bool has_events() const noexcept { return !inbox_.empty(); }
  /// One of its tasks is being polled: whoever asks is inside of it, and may not run the executor.
  bool in_round() const noexcept { return in_round_; }
  Platform& platform() noexcept { return *platform_; }
  /// Makes it this thread's, with all that is confined to it; not in a round (asserted). For an event loop of several
  /// threads that polls it from one at a time: what the thread before did must have happened before this (a strand, a
  /// mutex).
  void adopt_thread() noexcept {
    FrameArena** const here = &platform::current_arena();
    if (thread_ == here) { return; }
    NAL_ASSERT(!in_round_);
    thread_ = here;
  }
  /// Not for applications: they have `block_on`.
  detail::BlockingTask& blocking_task() noexcept { return blocking_; }

  /// `f(const RootTask&)` for each task that has not finished, oldest first.
  template <class F>
  void for_each_task(F&& f) const {
    for (const RootTask* task = tasks_.front(); task; task = tasks_.after(*task)) { f(*task); }
  }

  /// Has `task` polled in the next round.
  void queue(RootTask& task) noexcept {
    if (task.ready()) { return; }
    task.queued_in_ = round_;
    ready_.push_back(task);
  }

 private:
  friend class Context;
  friend class Event;
  friend class RootTask;

  void turn(Instant deadline) noexcept;
  void gather(Instant deadline) noexcept {
    NAL_ASSERT(!in_round_);  // an executor is not run from inside one of its own tasks
    NAL_ASSERT(thread_ == &platform::current_arena());
    platform_->poll(*this, deadline);
  }
  bool round() noexcept;
  void push(Event& event) noexcept;
  void drain_inbox() noexcept;
  void fire_timers() noexcept;

  using ReadyList = detail::List<RootTask, detail::ReadyTag>;
  Platform* platform_;
  ReadyList ready_;
  detail::List<RootTask, detail::TaskTag> tasks_;
  TimerQueue timers_;
  Instant now_{};
  // The inbox of raised events, linked by `Event::next_`: pushed from anywhere, emptied by the executor.
  platform::Inbox<Event> inbox_;
  detail::BlockingTask blocking_;
  FrameArena** thread_ = &platform::current_arena();  // the slot's address tells threads apart
  std::uint16_t round_ = 0;  ///< tells what became ready in the running round from what was before
  bool in_round_ = false;
  bool now_known_ = false;
};

/// What a poll needs to know: which task polls, and the time and timers. Passed down through every `poll`; never kept.
class Context {
 public:
  Context(RootTask& task, Executor& executor) noexcept : task_(&task), executor_(&executor) {}
  /// For asking once without waiting (`try_` calls): waiters and timers are not linked.
  static Context probe(Executor& executor) noexcept { return Context(executor); }

  Executor& executor() noexcept { return *executor_; }
  Instant now() noexcept { return executor_->now(); }
  /// Nobody will wait for the answer: a backend asks the system even if it remembers that there was nothing.
  bool probing() const noexcept { return task_ == nullptr; }

  /// Wakes the task at `at` (which may have passed), replacing an earlier time.
  void arm(Timer& timer, Instant at) noexcept {
    if (!task_) { return; }
    note(Wait::timer);
    if (timer.armed()) {
      if (timer.at() == at && timer.task_ == task_) { return; }
      timer.disarm();
    }
    executor_->timers_.insert(timer, *task_, at);
  }
  /// Polls this task again in the next round: for an operation that bounds its work.
  void wake_soon() noexcept {
    if (task_) { executor_->queue(*task_); }
  }

 private:
  friend class WaitList;
  explicit Context(Executor& executor) noexcept : task_(nullptr), executor_(&executor) {}
  void note(Wait why) noexcept { task_->waits_for_ = task_->waits_for_ | why; }

  RootTask* task_;
  Executor* executor_;
};

inline void WaitList::add(Context& context, Waiter& waiter, Wait why) noexcept {
  RootTask* task = context.task_;
  if (!task) { return; }
  context.note(why);
  if (waiter.list_ == this && waiter.task_ == task) { return; }
  waiter.unlink();
  waiter.list_ = this;
  waiter.task_ = task;
  waiter.next_ = nullptr;
  waiter.link_ = end_;
  *end_ = &waiter;
  end_ = &waiter.next_;
}

inline void WaitList::wake_all() noexcept {
  Waiter* waiter = first_;
  if (!waiter) { return; }
  first_ = nullptr;
  end_ = &first_;
  do {
    waiter->list_ = nullptr;
    waiter->task_->executor_->queue(*waiter->task_);
    waiter = waiter->next_;
  } while (waiter);
}

}  // namespace nal

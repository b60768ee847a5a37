#include "nal/executor.hpp"

#include "nal/event.hpp"

namespace nal {

void RootTask::attach(Executor& executor) noexcept {
  NAL_ASSERT(executor.thread_ == &platform::current_arena());
  executor_ = &executor;
  if (!TaskNode::linked()) { executor.tasks_.push_back(*this); }
  executor.queue(*this);
}

Executor::~Executor() { NAL_ASSERT(tasks_.empty()); }

void Executor::push(Event& event) noexcept {
  // Only the first event of a batch has to end the executor's sleep: it drains whatever follows with it.
  if (inbox_.push(event)) { platform_->wake(); }
}

void Executor::drain_inbox() noexcept {
  Event* event = inbox_.take_all();
  while (event) {
    Event* next = event->next_;
    event->flag_.lower();  // before the waiters look again: what is raised from here on is a new event
    event->seen_ = true;
    event->waiters_.wake_all();
    event = next;
  }
}

void Executor::fire_timers() noexcept {
  Timer* timer = timers_.first();
  const Instant now = platform_->now();
  while (timer && timer->at_ <= now) {
    RootTask* task = timer->task_;
    timers_.remove(*timer);
    queue(*task);
    timer = timers_.first();
  }
  now_ = now;
  now_known_ = true;
}

inline bool Executor::round() noexcept {
  now_known_ = false;
  if (has_events()) { drain_inbox(); }
  if (timers_.first()) { fire_timers(); }
  if (ready_.empty()) { return false; }
  in_round_ = true;
  ++round_;
  FrameArena*& arena = *thread_;  // the slot of this thread, found without asking for the thread
  FrameArena* const outer = arena;
  // What becomes ready from here on carries this round's number, stands behind the rest, and ends the loop.
  for (RootTask* task = ready_.front(); task && task->queued_in_ != round_; task = ready_.front()) {
    ready_.remove_front();
    task->waits_for_ = Wait::none;
    task->active_ = true;
    arena = task->arena_;
    Context context(*task, *this);
    task->step_(*task, context);
    task->active_ = false;
  }
  arena = outer;
  in_round_ = false;
  return true;
}

void Executor::turn(Instant deadline) noexcept {
  if (!ready_.empty()) {
    deadline = Instant{};
  } else if (const Instant timer = next_timer(); timer < deadline) {
    deadline = timer;
  }
  gather(deadline);
  round();
}

bool Executor::poll_once() noexcept {
  gather(Instant{});
  return round();
}

}  // namespace nal

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

bool Executor::has_events() const noexcept { return !inbox_.empty(); }

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
  if (!timer) { return; }
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

void Executor::gather(Instant deadline) noexcept {
  NAL_ASSERT(!in_round_);  // an executor is not run from inside one of its own tasks
  NAL_ASSERT(thread_ == &platform::current_arena());
  platform_->poll(*this, deadline);
}

bool Executor::round() noexcept {
  now_known_ = false;
  drain_inbox();
  fire_timers();
  if (ready_.empty()) { return false; }
  in_round_ = true;
  running_.take_all(ready_);
  while (RootTask* task = running_.front()) {
    static_cast<RootTask::ReadyNode*>(task)->unlink();
    task->waits_for_ = Wait::none;
    task->active_ = true;
    {
      ArenaScope scope(task->arena_);
      Context context(*task, *this);
      task->step_(*task, context);
    }
    task->active_ = false;
  }
  in_round_ = false;
  return true;
}

}  // namespace nal

#include "adapters/c/loop.hpp"

#include "adapters/c/call.hpp"

namespace nal::c {

void Call::step(RootTask& task, Context& context) noexcept {
  auto& call = static_cast<Call&>(task);
  if (call.done_) { return; }
  if (!call.end_) { call.end_ = call.end(context.now()); }
  auto result = call.table_->poll(call, context);
  if (result.ready()) { return call.finish(*result); }
  if (context.now() >= *call.end_) {
    return call.finish(Unexpected(call.deadline_ == NAL_NO_WAIT ? Error::would_block : Error::timed_out));
  }
  if (!call.end_->is_never()) { context.arm(call.timer_, *call.end_); }
}

// After this nothing of it but its place in a list is the loop's: whoever called takes it down.
void Call::finish(Result<std::size_t> result) noexcept {
  result_ = to_count(result);
  table_->drop(*this);
  timer_.disarm();
  ListNode<Call>::unlink();
  done_ = true;
  detach();
  if (thread_) { loop_->finished(*this); }
}

Loop::Loop(Executor& executor, AnyStack stack, const nal_thread_port* threads) noexcept
    : executor_(executor), stack_(stack), event_(executor) {
  if (threads) { threads_ = *threads; }
  service_.attach(executor);
}

Loop::~Loop() {
  NAL_ASSERT(waiting_.empty() && finished_.empty() && inbox_.empty() && handles_ == 0);
  service_.detach();
}

nal_count Loop::carry_out(Call& call, Kind kind) noexcept {
  call.kind_ = kind;
  return here() ? carry_out_here(call) : carry_out_there(call);
}

nal_count Loop::carry_out_here(Call& call) noexcept {
  const bool waits = call.deadline_ != NAL_NO_WAIT;
  if (waits && executor_.in_round()) { return to_count(Error::invalid_argument); }
  if (call.kind_ == Kind::may_wait) {
    // What has happened meanwhile is learned before it is asked.
    if (!waits && !executor_.in_round()) { executor_.poll_once(); }
    if (stopping()) { return to_count(Error::cancelled); }
  }
  if (!waits) {
    Context context = Context::probe(executor_);
    auto result = call.table_->poll(call, context);
    call.finish(result.ready() ? *result : Unexpected(Error::would_block));
    return call.result();
  }
  begin(call);
  executor_.run_until([&call] { return call.done(); });
  return call.result();
}

nal_count Loop::carry_out_there(Call& call) noexcept {
  if (!threads_.self) { return to_count(Error::not_supported); }
  // Once it is done, the loop may be gone before its caller sleeps.
  const auto wait = threads_.wait;
  call.thread_ = threads_.self();
  {
    // What is in the inbox before `stop` is ended by it; what comes later does not get in.
    const platform::CriticalSection section;
    if (stopping() && call.kind_ != Kind::closes) { return to_count(Error::cancelled); }
    inbox_.push(call);
    ++ringing_;
  }
  ring();
  wait(call.thread_);
  return call.result();
}

// `ringing_` counts the caller, which may find the loop's work done before it has told of it.
void Loop::ring() noexcept {
  event_.raise();
  const platform::CriticalSection section;
  --ringing_;
}

bool Loop::anybody_rings() noexcept {
  const platform::CriticalSection section;
  return ringing_ != 0;
}

void Loop::begin(Call& call) noexcept {
  call.attach(executor_);
  waiting_.push_back(call);
}

void Loop::finished(Call& call) noexcept {
  finished_.push_back(call);
  executor_.queue(service_);
}

void Loop::take_in() noexcept {
  // The inbox gives the last first.
  Call* last = inbox_.take_all();
  Call* first = nullptr;
  while (last) {
    Call* before = last->next_;
    last->next_ = first;
    first = last;
    last = before;
  }
  while (first) {
    Call* next = first->next_;
    begin(*first);
    first = next;
  }
}

void Loop::Service::step(RootTask& task, Context& context) noexcept {
  static_cast<Service&>(task).loop_.serve(context);
}

void Loop::serve(Context& context) noexcept {
  while (event_.poll_raised(context, waiter_).ready()) {
    take_in();
    if (stopping()) { end_calls(nullptr, Error::cancelled); }
  }
  // The executor is done with those: they finished in a round before, or outside of one.
  while (Call* call = finished_.pop_front()) { threads_.wake(call->thread_); }
}

std::size_t Loop::end_calls(const void* target, Error error) noexcept {
  std::size_t count = 0;
  for (Call* call = waiting_.front(); call;) {
    Call* next = waiting_.after(*call);
    if (!call->active() && call->kind_ == Kind::may_wait && (!target || call->target_ == target)) {
      call->finish(Unexpected(error));
      ++count;
    }
    call = next;
  }
  return count;
}

bool Loop::nobody_waits() noexcept { return inbox_.empty() && waiting_.empty() && finished_.empty(); }

/// Runs until `done()` and no other thread touches the loop, or the deadline passes.
template <class F>
bool Loop::run_out(F done, Instant end) noexcept {
  while (executor_.run_until(done, end)) {
    if (!anybody_rings()) { return true; }
    // Whoever rings still is about to leave, and tells nobody.
    executor_.run_until([] { return false; }, executor_.now() + Duration::milliseconds(1));
  }
  return false;
}

void Loop::run() noexcept {
  run_out([this] { return stopping() && nobody_waits(); }, Instant::max());
}

void Loop::stop() noexcept {
  {
    const platform::CriticalSection section;
    stopping_.raise();
    ++ringing_;
  }
  ring();
}

bool Loop::finish(nal_deadline deadline) noexcept {
  const Instant end =
      deadline < 0 ? executor_.now() - Duration::microseconds(deadline) : Instant::from_microseconds(deadline);
  return run_out([this] { return handles_ == 0 && nobody_waits(); }, end);
}

}  // namespace nal::c

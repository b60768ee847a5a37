#pragma once
#include "nal/task_slot.hpp"

namespace nal {

namespace detail {
/// Polls a future that stands on the stack of whoever blocks on it.
template <class F>
class BlockingCall {
 public:
  BlockingCall(Executor& executor, F& future) noexcept : task_(executor.blocking_task()), future_(future) {
    task_.begin(executor, &poll, this);
  }
  BlockingCall(const BlockingCall&) = delete;
  ~BlockingCall() { task_.end(); }
  Poll<output_t<F>>& output() noexcept { return output_; }

 private:
  static void poll(void* self, Context& context) {
    auto& call = *static_cast<BlockingCall*>(self);
    if (call.output_.ready()) { return; }
    auto output = call.future_.poll(context);
    std::destroy_at(&call.output_);
    std::construct_at(&call.output_, std::move(output));
  }
  BlockingTask& task_;
  F& future_;
  Poll<output_t<F>> output_{pending};
};
}  // namespace detail

/// Blocking use of one operation: runs the executor, with all its tasks, until `future` is ready, and gives its output.
/// Not from inside a task (asserted).
template <class F>
  requires Future<std::remove_reference_t<F>>
output_t<std::remove_reference_t<F>> block_on(Executor& executor, F&& future) noexcept {
  detail::BlockingCall<std::remove_reference_t<F>> call(executor, future);
  executor.run_until([&call] { return call.output().ready(); });
  return *std::move(call.output());
}

/// Blocking use of a coroutine: starts `function(arguments...)` in `slot`, runs the executor, with all its tasks, until
/// it has finished, and gives its result. *Errors*: no_memory if the slot's arena is too small; its own.
template <std::size_t ArenaBytes, class T, class Function, class... Arguments>
T block_on(Executor& executor, TaskSlot<ArenaBytes, T>& slot, Function&& function, Arguments&&... arguments) noexcept {
  NAL_TRY(slot.start(executor, std::forward<Function>(function), std::forward<Arguments>(arguments)...));
  executor.run_until([&slot] { return !slot.running(); });
  if (!slot.result().ready()) { return Unexpected(Error::cancelled); }
  return slot.take_result();
}

/// Non-blocking use of one operation: asks once and waits for nothing. *Errors*: would_block if it is not ready; its
/// own. An operation that is given as an lvalue goes on and can be asked again until it is ready, which is how what
/// takes more than one step (a connect, a close, a `with_timeout`) is used without waiting; one that is given as an
/// rvalue is cancelled. `executor.poll_once()` now and then lets backends learn what happened.
template <class F>
  requires ResultFuture<std::remove_reference_t<F>>
output_t<std::remove_reference_t<F>> try_once(Executor& executor, F&& future) noexcept {
  Context context = Context::probe(executor);
  auto output = future.poll(context);
  if (!output.ready()) { return Unexpected(Error::would_block); }
  return *std::move(output);
}

}  // namespace nal

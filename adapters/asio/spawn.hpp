#pragma once
#include "adapters/asio/operation.hpp"
#include "nal/hosted/heap_arena.hpp"
#include "nal/task.hpp"

namespace nal::with_asio {

namespace detail {

template <class T>
struct SignatureOf;
template <>
struct SignatureOf<Result<>> {
  using type = void(ErrorCode);
};
template <class T>
struct SignatureOf<Result<T>> {
  using type = void(ErrorCode, T);
};

/// A task with what it was made of and the memory of its frames.
template <class Arena, class Function>
class SpawnedTask {
  using TaskType = std::invoke_result_t<Function&>;

 public:
  explicit SpawnedTask(Function function) : function_(std::move(function)) {
    const ArenaScope scope(&arena_);
    task_ = function_();
  }
  auto poll(Context& context) noexcept { return task_.poll(context); }
  FrameArena& arena() noexcept { return arena_; }

 private:
  Arena arena_;
  Function function_;
  TaskType task_;
};

template <class T>
inline constexpr bool is_task = false;
template <class T>
inline constexpr bool is_task<Task<T>> = true;

}  // namespace detail

/// Runs a nal task in the loop for any completion token: callbacks, futures, `use_awaitable` … `function()` makes the
/// task; it is called when the operation starts, and lives as long as the task, with whatever it captures:
///
///     spawn(loop, [&stream] { return serve(stream); }, asio::detached);   // serve is a coroutine of nal's
///
/// *Completes* with `void(error_code, T)` for a `Task<Result<T>>`, `void(error_code)` for a `Task<>`; T has a default.
/// *Cancellation*: of whatever type, by the handler's slot: the task is destroyed where it waits, and the handler told
/// operation_aborted. A task that gives itself up is destroyed when it next waits. *Frames* come from the heap, or from
/// `ArenaBytes` bytes that are part of the operation.
template <std::size_t ArenaBytes = 0, class Function, class Token>
  requires detail::is_task<std::invoke_result_t<std::decay_t<Function>&>>
auto spawn(Loop& loop, Function&& function, Token&& token) {
  using Made = std::decay_t<Function>;
  using Arena = std::conditional_t<ArenaBytes == 0, HeapArena, FixedArena<(ArenaBytes == 0 ? 1 : ArenaBytes)>>;
  using Future = detail::SpawnedTask<Arena, Made>;
  using Output = output_t<Future>;
  return ::asio::async_initiate<Token, typename detail::SignatureOf<Output>::type>(
      [](auto&& handler, detail::IoObject* tasks, Loop::executor_type executor, Made made) {
        detail::Plain<Output> finish;
        if (tasks->loop()) {
          detail::start<Future>(*tasks, std::forward<decltype(handler)>(handler), finish, std::move(made));
          return;
        }
        std::decay_t<decltype(handler)> owned(std::forward<decltype(handler)>(handler));
        std::apply([&](auto&&... values) { detail::post_to(executor, std::move(owned), std::move(values)...); },
                   finish(Unexpected(Error::closed)));
      },
      token, &loop.tasks(), loop.get_executor(), Made(std::forward<Function>(function)));
}

/// Polls a stack's `run()` as long as it exists. Does not count as work: `io_context::run()` ends when nobody wants
/// anything of the stack any more. Ends before the stack.
template <class Stack>
class Drive : RootTask {
 public:
  Drive(Loop& loop, Stack& stack) noexcept : RootTask(&step, nullptr), run_(stack.run()) {
    set_name("stack");
    const Loop::Turn turn(loop);
    bind(loop.executor());
    loop.executor().queue(*this);
  }
  Drive(const Drive&) = delete;
  Drive& operator=(const Drive&) = delete;
  ~Drive() { detach(); }

 private:
  static void step(RootTask& task, Context& context) {
    static_cast<void>(static_cast<Drive&>(task).run_.poll(context));
  }
  decltype(std::declval<Stack&>().run()) run_;
};

}  // namespace nal::with_asio

#pragma once
#include <coroutine>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>

#include "nal/frame_arena.hpp"
#include "nal/future.hpp"

namespace nal {

template <class T>
class Task;

namespace detail {

/// What every coroutine frame of nal carries: what it waits for, and the context of the running poll.
class PromiseBase {
 public:
  using Resume = bool (*)(void* awaiter, Context& context);

  static std::suspend_always initial_suspend() noexcept { return {}; }
  static std::suspend_always final_suspend() noexcept { return {}; }
  static void unhandled_exception() noexcept {
    assertion_failed("an exception left a nal::Task: errors are Results", __FILE__, __LINE__);
  }

  // Frames come from the current arena or not at all. The arena's address stands behind the frame, where the sized
  // delete finds it, whichever arena is current by then.
  static void* operator new(std::size_t size) noexcept {
    FrameArena* arena = platform::current_arena();
    if (!arena) { return nullptr; }
    const std::size_t offset = padded(size);
    void* frame = arena->allocate(offset + sizeof arena);
    if (frame) { ::new (static_cast<void*>(static_cast<std::byte*>(frame) + offset)) FrameArena*(arena); }
    return frame;
  }
  static void operator delete(void* frame, std::size_t size) noexcept {
    const std::size_t offset = padded(size);
    FrameArena* arena = *std::launder(reinterpret_cast<FrameArena**>(static_cast<std::byte*>(frame) + offset));
    arena->deallocate(frame, offset + sizeof arena);
  }

 protected:
  template <class F>
  friend class Awaiter;

  static constexpr std::size_t padded(std::size_t size) noexcept {
    return (size + alignof(void*) - 1) & ~(alignof(void*) - 1);
  }

  Resume resume_ = nullptr;  ///< polls what the coroutine awaits; null until it first does
  void* awaiter_ = nullptr;
  Context* context_ = nullptr;
};

/// Awaits one future on behalf of one coroutine: polled at once, then by the task's next polls until it is ready.
template <class F>
class Awaiter {
 public:
  Awaiter(PromiseBase& promise, F& future) noexcept : promise_(promise), future_(future) {}
  Awaiter(const Awaiter&) = delete;
  ~Awaiter() {}

  bool await_ready() noexcept { return poll(*promise_.context_); }
  void await_suspend(std::coroutine_handle<>) noexcept {
    promise_.awaiter_ = this;
    promise_.resume_ = [](void* self, Context& context) { return static_cast<Awaiter*>(self)->poll(context); };
  }
  output_t<F> await_resume() noexcept {
    output_t<F> output(*std::move(output_));
    std::destroy_at(&output_);
    return output;
  }

 private:
  bool poll(Context& context) noexcept {
    auto output = future_.poll(context);
    if (!output.ready()) { return false; }
    std::construct_at(&output_, std::move(output));
    return true;
  }

  PromiseBase& promise_;
  F& future_;
  // Made when the future is ready, destroyed by `await_resume`, which always follows: the coroutine is resumed at once.
  union {
    Poll<output_t<F>> output_;
  };
};

template <class T>
class Promise : public PromiseBase {
 public:
  Task<T> get_return_object() noexcept;
  static Task<T> get_return_object_on_allocation_failure() noexcept;
  void return_value(T value) noexcept {
    std::destroy_at(&value_);
    std::construct_at(&value_, std::move(value));
  }
  template <class F>
    requires Future<std::remove_reference_t<F>>
  Awaiter<std::remove_reference_t<F>> await_transform(F&& future) noexcept {
    return Awaiter<std::remove_reference_t<F>>(*this, future);
  }

 private:
  friend class Task<T>;
  Poll<T> value_{pending};
};

}  // namespace detail

/// A coroutine that gives a `Result`: write `nal::Task<nal::Result<int>> f(...)` and `co_await` other tasks and
/// operations in it.
///
/// Its frame comes from the arena that is current when it is called (its `TaskSlot`'s); if that is full, awaiting it
/// gives `Error::no_memory`. It starts when it is first polled. Destroying it destroys what it awaits. It is polled
/// only under the arena it was made in (asserted). A null task (moved from, finished) must not be polled; `valid()`
/// tells.
template <class T = Result<>>
class [[nodiscard("a task does nothing until it is awaited")]] Task {
  static_assert(is_result<T>, "a nal::Task must be able to say no_memory: use nal::Task<nal::Result<T>>");

 public:
  using promise_type = detail::Promise<T>;

  Task() noexcept = default;
  Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, {})) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      reset();
      frame_ = std::exchange(other.frame_, {});
    }
    return *this;
  }
  ~Task() { reset(); }

  bool valid() const noexcept { return static_cast<bool>(frame_); }
  /// Destroys the coroutine, if any.
  void reset() noexcept {
    if (frame_) { std::exchange(frame_, {}).destroy(); }
  }

  Poll<T> poll(Context& context) noexcept {
    if (!frame_) { return T(Unexpected(Error::no_memory)); }
    auto& promise = frame_.promise();
#ifndef NDEBUG
    NAL_ASSERT(platform::current_arena() && platform::current_arena()->may_own(frame_.address()));
#endif
    promise.context_ = &context;
    if (promise.resume_) {
      if (!promise.resume_(promise.awaiter_, context)) { return pending; }
    }
    frame_.resume();
    if (!frame_.done()) { return pending; }
    return finish();
  }

 private:
  friend promise_type;
  [[gnu::noinline]] Poll<T> finish() noexcept {
    Poll<T> output(std::move(frame_.promise().value_));
    reset();
    return output;
  }
  using Frame = std::coroutine_handle<promise_type>;
  explicit Task(Frame frame) noexcept : frame_(frame) {}
  Frame frame_;
};

namespace detail {
template <class T>
Task<T> Promise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}
template <class T>
Task<T> Promise<T>::get_return_object_on_allocation_failure() noexcept {
  return Task<T>();
}
}  // namespace detail

}  // namespace nal

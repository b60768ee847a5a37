#pragma once
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include "adapters/asio/loop.hpp"
#include "nal/future.hpp"

namespace nal::with_asio::detail {

/// A handler with what it is to be called with.
template <class Handler, class Arguments>
class Bound {
 public:
  using allocator_type = ::asio::associated_allocator_t<Handler>;
  Bound(Handler&& handler, Arguments&& arguments) noexcept
      : handler_(std::move(handler)), arguments_(std::move(arguments)) {}
  allocator_type get_allocator() const noexcept { return ::asio::get_associated_allocator(handler_); }
  void operator()() { std::apply(std::move(handler_), std::move(arguments_)); }

 private:
  Handler handler_;
  Arguments arguments_;
};

/// How the output of a future becomes the arguments of a handler: `void(error_code)`, or `void(error_code, T)`.
template <class Output>
struct Plain;
template <>
struct Plain<Result<>> {
  std::tuple<ErrorCode> operator()(Result<>&& result) const noexcept {
    return {result ? ErrorCode() : to_error_code(result.error())};
  }
};
template <class T>
struct Plain<Result<T>> {
  std::tuple<ErrorCode, T> operator()(Result<T>&& result) const {
    if (result) { return {ErrorCode(), *std::move(result)}; }
    return {to_error_code(result.error()), T()};
  }
};

/// One future and its handler. `Finish` gives the handler's arguments, as a tuple, for the future's output.
template <class Future, class Finish, class Handler>
class HandlerOperation final : public Operation {
  using Output = output_t<Future>;
  using Arguments = std::invoke_result_t<Finish&, Output>;
  using HandlerExecutor = ::asio::associated_executor_t<Handler, Loop::executor_type>;
  using Slot = ::asio::associated_cancellation_slot_t<Handler>;
  using HandlerAllocator = ::asio::associated_allocator_t<Handler>;
  static constexpr bool kOwnMemory = std::is_same_v<HandlerAllocator, std::allocator<void>>;
  static constexpr bool kTask = requires(Future& future) { future.arena(); };

 public:
  /// Makes it of `arguments...` and polls it, or has it polled if it is a task. Under a turn of the loop's.
  template <class... Values>
  static void start(IoObject& owner, Handler&& handler, Finish finish, Values&&... arguments) {
    Loop& loop = *owner.loop();
    auto* const self = make(loop, std::move(handler), std::move(finish));
    ++loop.operations_;
    owner.operations_.push_back(*self);
    try {
      self->future_.emplace(std::forward<Values>(arguments)...);
      self->listen_for_cancellation();
    } catch (...) {  // of whoever makes a task, or out of memory
      self->discard();
      throw;
    }
    if constexpr (kTask) {
      self->set_arena(&self->future_->arena());
      self->attach(loop.executor());
    } else {
      self->bind(loop.executor());
      Context context(*self, loop.executor());
      self->poll(context);
    }
  }

  void give_up() noexcept override {
    if (active()) {
      cancelled_ = true;
    } else if (future_) {
      const Loop::Turn turn(*loop_);
      settle(Unexpected(Error::cancelled));
    }
  }
  void drop_future() noexcept override {
    NAL_ASSERT(!active());
    detach();
    future_.reset();
  }
  void deliver() override {
    if (slot_.is_connected()) { slot_.clear(); }
    Handler handler(std::move(handler_));
    Arguments arguments(std::move(*arguments_));
    if (!work_) {
      destroy();
      std::apply(std::move(handler), std::move(arguments));
      return;
    }
    const auto work = *std::move(work_);
    destroy();
    ::asio::dispatch(work.get_executor(), Bound<Handler, Arguments>(std::move(handler), std::move(arguments)));
  }
  void discard() noexcept override {
    if (slot_.is_connected()) { slot_.clear(); }
    destroy();
  }

 private:
  HandlerOperation(Loop& loop, Handler&& handler, Finish&& finish)
      : Operation(&step, nullptr),
        loop_(&loop),
        finish_(std::move(finish)),
        handler_(std::move(handler)),
        slot_(::asio::get_associated_cancellation_slot(handler_)) {
    auto executor = ::asio::get_associated_executor(handler_, loop.asio_);
    if constexpr (std::is_same_v<HandlerExecutor, Loop::executor_type>) {
      if (executor == loop.asio_) { return; }  // the loop counts as work, and calls it
    }
    work_.emplace(std::move(executor));
  }
  ~HandlerOperation() = default;

  template <class T>
  using Rebound = typename std::allocator_traits<HandlerAllocator>::template rebind_alloc<T>;

  static HandlerOperation* make(Loop& loop, Handler&& handler, Finish&& finish) {
    const auto construct = [&](void* memory) {
      return ::new (memory) HandlerOperation(loop, std::move(handler), std::move(finish));
    };
    if constexpr (kOwnMemory) {
      return construct(loop.blocks_.allocate(sizeof(HandlerOperation)));
    } else {
      Rebound<HandlerOperation> allocator(::asio::get_associated_allocator(handler));
      return construct(std::allocator_traits<decltype(allocator)>::allocate(allocator, 1));
    }
  }
  void destroy() noexcept {
    Loop& loop = *loop_;
    --loop.operations_;
    if constexpr (kOwnMemory) {
      this->~HandlerOperation();
      loop.blocks_.deallocate(this, sizeof(HandlerOperation));
    } else {
      Rebound<HandlerOperation> allocator(::asio::get_associated_allocator(handler_));
      this->~HandlerOperation();
      std::allocator_traits<decltype(allocator)>::deallocate(allocator, this, 1);
    }
  }

  void listen_for_cancellation() {
    if (!slot_.is_connected()) { return; }
    slot_.assign([this](::asio::cancellation_type type) {
      if (type != ::asio::cancellation_type::none) { give_up(); }
    });
  }

  static void step(RootTask& task, Context& context) { static_cast<HandlerOperation&>(task).poll(context); }
  void poll(Context& context) {
    if (!future_) { return; }
    auto output = future_->poll(context);
    if (output.ready()) {
      settle(*std::move(output));
    } else if (cancelled_) {
      settle(Unexpected(Error::cancelled));
    }
  }
  void settle(Output output) {
    arguments_.emplace(finish_(std::move(output)));
    future_.reset();
    detach();
    static_cast<nal::detail::ListNode<OwnerTag>&>(*this).unlink();
    loop_->completed_.push_back(*this);
  }

  Loop* loop_;
  Finish finish_;
  Handler handler_;
  Slot slot_;
  std::optional<::asio::executor_work_guard<HandlerExecutor>> work_;
  std::optional<Future> future_;
  std::optional<Arguments> arguments_;
  bool cancelled_ = false;
};

/// Calls a handler by its executor, as if posted, where no loop is left to do so.
template <class Handler, class... Arguments>
void post_to(const Loop::executor_type& executor, Handler&& handler, Arguments... arguments) {
  auto associated = ::asio::get_associated_executor(handler, executor);
  ::asio::post(associated, Bound<Handler, std::tuple<Arguments...>>(std::move(handler),
                                                                    std::tuple<Arguments...>(std::move(arguments)...)));
}

/// Starts `Future(arguments...)` for a handler.
template <class Future, class Handler, class Finish, class... Arguments>
void start(IoObject& owner, Handler&& handler, Finish finish, Arguments&&... arguments) {
  using Owned = std::decay_t<Handler>;
  const Loop::Turn turn(*owner.loop());
  // One that the caller keeps is copied.
  HandlerOperation<Future, Finish, Owned>::start(owner, Owned(std::forward<Handler>(handler)), std::move(finish),
                                                 std::forward<Arguments>(arguments)...);
}

}  // namespace nal::with_asio::detail

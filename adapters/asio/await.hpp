#pragma once
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "adapters/asio/loop.hpp"
#include "nal/future.hpp"
#include "nal/wait.hpp"

namespace nal::with_asio {

namespace detail {

/// What the arguments of a completion handler are to nal: an error, and the rest as one value.
template <class... Values>
struct ValueOf {
  using type = std::tuple<Values...>;
};
template <>
struct ValueOf<> {
  using type = Unit;
};
template <class Value>
struct ValueOf<Value> {
  using type = Value;
};
template <class... Arguments>
struct Completion {
  using Value = typename ValueOf<std::decay_t<Arguments>...>::type;
  static ErrorCode code(const Arguments&...) noexcept { return {}; }
  static Error error(const Arguments&...) noexcept { return {}; }
  static Value value(Arguments... arguments) { return Value{std::move(arguments)...}; }
};
template <class... Arguments>
struct Completion<ErrorCode, Arguments...> : Completion<Arguments...> {
  static ErrorCode code(const ErrorCode& code, const Arguments&...) noexcept { return code; }
  static Error error(const ErrorCode& code, const Arguments&...) noexcept { return to_error(code); }
  static auto value(const ErrorCode&, Arguments... arguments) {
    return Completion<Arguments...>::value(std::move(arguments)...);
  }
};
template <class... Arguments>
struct Completion<std::exception_ptr, Arguments...> : Completion<Arguments...> {
  static ErrorCode code(const std::exception_ptr& failure, const Arguments&...) noexcept {
    return to_error_code(to_error(failure));
  }
  static Error error(const std::exception_ptr& failure, const Arguments&...) noexcept { return to_error(failure); }
  static auto value(const std::exception_ptr&, Arguments... arguments) {
    return Completion<Arguments...>::value(std::move(arguments)...);
  }
};

/// A completion token that tells a signature, and no more.
struct AskSignature {};
template <class... Arguments>
struct Signature {};

/// What an operation of Asio's and the nal future that awaits it share; whoever is last frees it.
template <class Owned, class How>
struct AwaitBlock {
  explicit AwaitBlock(Owned&& given) : owned(std::move(given)) {}
  Owned owned;
  ::asio::cancellation_signal signal;
  WaitList waiters;
  Loop* loop = nullptr;  ///< null when nobody waits any more
  ErrorCode code;
  Error error{};
  std::optional<typename How::Value> value;
  bool done = false;
};

/// The handler of such an operation. If it is destroyed uncalled, because the Asio context ended, the operation counts
/// as cancelled.
template <class Owned, class How>
class AwaitHandler {
 public:
  using executor_type = Loop::executor_type;
  using cancellation_slot_type = ::asio::cancellation_slot;
  AwaitHandler(Loop& loop, std::shared_ptr<AwaitBlock<Owned, How>> block)
      : executor_(loop.get_executor()), block_(std::move(block)) {}
  AwaitHandler(AwaitHandler&&) noexcept = default;
  ~AwaitHandler() {
    if (block_) { finish(Error::cancelled, ::asio::error::operation_aborted); }
  }

  executor_type get_executor() const noexcept { return executor_; }
  cancellation_slot_type get_cancellation_slot() const noexcept { return block_->signal.slot(); }
  template <class... Arguments>
  void operator()(Arguments... arguments) {
    const Error error = How::error(arguments...);
    const ErrorCode code = How::code(arguments...);
    if (error == Error{}) { block_->value.emplace(How::value(std::move(arguments)...)); }
    finish(error, code);
  }

 private:
  void finish(Error error, const ErrorCode& code) noexcept {
    const auto block = std::move(block_);
    block->error = error;
    block->code = code;
    block->done = true;
    if (!block->loop) { return; }
    const Loop::Turn turn(*block->loop);
    block->waiters.wake_all();
  }
  executor_type executor_;
  std::shared_ptr<AwaitBlock<Owned, How>> block_;
};

/// The token that starts an operation for a block.
template <class Owned, class How>
struct BlockToken {
  Loop* loop;
  std::shared_ptr<AwaitBlock<Owned, How>> block;
};

template <class T>
struct CompletionOf;
template <class... Arguments>
struct CompletionOf<Signature<Arguments...>> {
  using type = Completion<Arguments...>;
};

/// That an initiation's argument names memory of the caller's.
template <class T>
inline constexpr bool names_memory =
    ::asio::is_const_buffer_sequence<T>::value || ::asio::is_mutable_buffer_sequence<T>::value ||
    ::asio::is_dynamic_buffer<T>::value;

}  // namespace detail

/// An operation of Asio's as a nal future; see `own` and `use_nal`.
template <class Owned, class Start>
class [[nodiscard("await it")]] Await {
  using How = typename detail::CompletionOf<std::invoke_result_t<Start&, Owned&, detail::AskSignature>>::type;
  using Block = detail::AwaitBlock<Owned, How>;
  using Value = typename How::Value;

 public:
  Await(Loop& loop, Owned owned, Start start)
      : loop_(&loop), start_(std::move(start)), block_(std::make_shared<Block>(std::move(owned))) {}
  Await(Await&& other) noexcept = default;
  ~Await() {
    if (!block_ || !block_->loop || block_->done) { return; }
    // The handler finds nobody waiting, and is the last to hold what the operation may still use.
    block_->loop = nullptr;
    block_->signal.emit(::asio::cancellation_type::all);
  }

  Poll<Result<Value>> poll(Context& context) noexcept {
    if (!block_->loop) {
      block_->loop = loop_;
      const Loop::Turn turn(*loop_);
      start_(block_->owned, detail::BlockToken<Owned, How>{loop_, block_});
    }
    if (!block_->done) {
      block_->waiters.add(context, waiter_, Wait::other);
      return pending;
    }
    if (block_->error != Error{}) { return Unexpected(block_->error); }
    return Result<Value>(*std::move(block_->value));
  }

  /// What the operation works on. Hands off while it is under way.
  Owned& owned() noexcept { return block_->owned; }
  /// What Asio said, where `Error` has no word for it.
  ErrorCode code() const noexcept { return block_->code; }

 private:
  Loop* loop_;
  Start start_;
  std::shared_ptr<Block> block_;
  Waiter waiter_;
};

/// Any operation of Asio's as a nal future that owns what the operation works on, buffers above all: Asio wants them to
/// stay until the handler has been called, which the frame of a task that may be destroyed at any time cannot promise.
///
///     auto got = own(loop, std::array<char, 512>(), [&socket](auto& bytes, auto token) {
///       return socket.async_read_some(asio::buffer(bytes), std::move(token));
///     });
///     NAL_CO_TRY_SET(const std::size_t size, got);   // and look at got.owned()
///
/// `start` is called by the first poll. *Completes* with what the handler is told behind its error: nothing, a value,
/// or a tuple. *Errors*: as `to_error` has Asio's; cancelled when the Asio context ends first. *Cancellation*: dropping
/// it cancels the operation (`cancellation_type::all`) and leaves it what it owns until it has ended; its result is
/// lost. *Threads*: the Asio object is one of the loop's executor. Lives no longer than the loop.
template <class Owned, class Start>
Await<std::decay_t<Owned>, std::decay_t<Start>> own(Loop& loop, Owned&& owned, Start&& start) {
  return {loop, std::forward<Owned>(owned), std::forward<Start>(start)};
}

/// The completion token that makes an operation of Asio's without buffers a nal future: timers, readiness
/// (`async_wait`), accept, connect, resolve … What names buffers does not compile with it: that is `own`'s.
///
///     NAL_CO_TRY(timer.async_wait(use_nal(loop)));
struct UseNal {
  Loop* loop;
};
inline UseNal use_nal(Loop& loop) noexcept { return {&loop}; }

namespace detail {

/// An initiation and its arguments, kept until the first poll.
template <class Initiation, class Tuple, class... Arguments>
class Deferred {
 public:
  template <class... Values>
  explicit Deferred(Initiation initiation, Values&&... values)
      : initiation_(std::move(initiation)), values_(std::forward<Values>(values)...) {}
  Signature<Arguments...> operator()(Unit&, AskSignature) const;  // for its type alone
  template <class How>
  void operator()(Unit&, BlockToken<Unit, How> token) {
    std::apply(
        [&](auto&&... values) {
          std::move(initiation_)(AwaitHandler<Unit, How>(*token.loop, std::move(token.block)), std::move(values)...);
        },
        std::move(values_));
  }

 private:
  Initiation initiation_;
  Tuple values_;
};

}  // namespace detail

}  // namespace nal::with_asio

// NOLINTBEGIN(readability-identifier-naming): Asio's names
template <class R, class... Arguments>
class asio::async_result<nal::with_asio::detail::AskSignature, R(Arguments...)> {
 public:
  using return_type = nal::with_asio::detail::Signature<Arguments...>;
  template <class Initiation, class... Values>
  static return_type initiate(Initiation&&, nal::with_asio::detail::AskSignature, Values&&...);
};

template <class Owned, class How, class R, class... Arguments>
class asio::async_result<nal::with_asio::detail::BlockToken<Owned, How>, R(Arguments...)> {
 public:
  using return_type = void;
  template <class Initiation, class... Values>
  static void initiate(Initiation&& initiation, nal::with_asio::detail::BlockToken<Owned, How> token,
                       Values&&... values) {
    std::forward<Initiation>(initiation)(
        nal::with_asio::detail::AwaitHandler<Owned, How>(*token.loop, std::move(token.block)),
        std::forward<Values>(values)...);
  }
};

template <class R, class... Arguments>
class asio::async_result<nal::with_asio::UseNal, R(Arguments...)> {
 public:
  template <class Initiation, class... Values>
  static auto initiate(Initiation&& initiation, nal::with_asio::UseNal token, Values&&... values) {
    static_assert((!nal::with_asio::detail::names_memory<std::decay_t<Values>> && ...),
                  "a nal future may be dropped while Asio still uses its buffers: use nal::with_asio::own");
    using Start =
        nal::with_asio::detail::Deferred<std::decay_t<Initiation>, std::tuple<std::decay_t<Values>...>, Arguments...>;
    return nal::with_asio::Await<nal::Unit, Start>(
        *token.loop, nal::Unit(), Start(std::forward<Initiation>(initiation), std::forward<Values>(values)...));
  }
};
// NOLINTEND(readability-identifier-naming)

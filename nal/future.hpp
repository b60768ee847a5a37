#pragma once
#include <concepts>
#include <type_traits>
#include <utility>

#include "nal/executor.hpp"
#include "nal/poll.hpp"

namespace nal {

namespace detail {
template <class P>
inline constexpr bool is_poll = false;
template <class T>
inline constexpr bool is_poll<Poll<T>> = true;
}  // namespace detail

/// Something that can be awaited.
///
/// *Syntax*: `f.poll(context)` gives a `Poll<T>`.
/// *Semantics*: pending means that the task of `context` is woken when polling again makes sense; ready is given once,
/// and the future is not polled after that. Never blocks.
/// *Cancellation*: destroying it at any time ends the wait; each operation says what it may have done by then.
/// *Buffer lifetime*: buffers it names must outlive it; it touches them only inside `poll`.
/// *Moving*: allowed until the first poll.
/// *Example*:
///     class Ready { public: Poll<Unit> poll(Context&) { return Unit{}; } };
template <class F>
concept Future = requires(F& f, Context& context) {
  f.poll(context);
  requires detail::is_poll<std::remove_cvref_t<decltype(f.poll(context))>>;
};

/// What a future gives when it is ready.
template <Future F>
using output_t = typename std::remove_cvref_t<decltype(std::declval<F&>().poll(std::declval<Context&>()))>::value_type;

/// A future of a `Result`.
template <class F>
concept ResultFuture = Future<F> && is_result<output_t<F>>;

/// The output as a `Result`: itself if it is one.
template <class T>
using as_result_t = std::conditional_t<is_result<T>, T, Result<T>>;

}  // namespace nal

#pragma once
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "nal/future.hpp"

namespace nal {

namespace detail {

/// A child of a combinator: owned when it was given as an rvalue, borrowed when as an lvalue.
template <class F>
class Child {
 public:
  explicit Child(F&& future) noexcept : future_(std::move(future)) {}
  Child(Child&&) = default;
  auto poll(Context& context) noexcept { return future_->poll(context); }
  void drop() noexcept { future_.reset(); }

 private:
  std::optional<F> future_;
};
// `std::optional<Task>` draws a false maybe-uninitialized from GCC 12; a task is its own optional.
template <class F>
  requires requires(F& future) { future.reset(); }
class Child<F> {
 public:
  explicit Child(F&& future) noexcept : future_(std::move(future)) {}
  Child(Child&&) = default;
  auto poll(Context& context) noexcept { return future_.poll(context); }
  void drop() noexcept { future_.reset(); }

 private:
  F future_;
};
template <class F>
class Child<F&> {
 public:
  explicit Child(F& future) noexcept : future_(&future) {}
  auto poll(Context& context) noexcept { return future_->poll(context); }
  void drop() noexcept {}

 private:
  F* future_;
};

template <class F>
using child_output_t = output_t<std::remove_reference_t<F>>;

}  // namespace detail

/// See `race`.
template <class... F>
class [[nodiscard("await it")]] Race {
 public:
  using Output = std::variant<detail::child_output_t<F>...>;
  explicit Race(F&&... futures) noexcept : children_(std::forward<F>(futures)...) {}

  Poll<Output> poll(Context& context) noexcept { return poll_from<0>(context); }

 private:
  template <std::size_t I>
  Poll<Output> poll_from(Context& context) noexcept {
    if constexpr (I == sizeof...(F)) {
      return pending;
    } else {
      auto output = std::get<I>(children_).poll(context);
      if (!output.ready()) { return poll_from<I + 1>(context); }
      std::apply([](auto&... child) { (child.drop(), ...); }, children_);
      return Output(std::in_place_index<I>, *std::move(output));
    }
  }
  std::tuple<detail::Child<F>...> children_;
};

/// *Completes* when the first of the futures does; those before win a tie. Gives a `std::variant` whose index tells
/// which. The others are destroyed before it completes if they were given as rvalues, and left as they are if as
/// lvalues (so `op.written()` can be asked). *Cancellation*: that of the futures.
template <class... F>
  requires(sizeof...(F) > 0 && (Future<std::remove_reference_t<F>> && ...))
Race<F...> race(F&&... futures) noexcept {
  return Race<F...>(std::forward<F>(futures)...);
}

/// See `join`.
template <class... F>
class [[nodiscard("await it")]] Join {
 public:
  using Output = std::tuple<detail::child_output_t<F>...>;
  explicit Join(F&&... futures) noexcept : children_(std::forward<F>(futures)...) {}

  Poll<Output> poll(Context& context) noexcept {
    if (!poll_each(context, std::index_sequence_for<F...>())) { return pending; }
    return std::apply([](auto&... output) { return Output(*std::move(output)...); }, outputs_);
  }

 private:
  template <std::size_t... I>
  bool poll_each(Context& context, std::index_sequence<I...>) noexcept {
    return (static_cast<unsigned>(poll_one<I>(context)) & ...) != 0;
  }
  template <std::size_t I>
  bool poll_one(Context& context) noexcept {
    auto& output = std::get<I>(outputs_);
    if (output.ready()) { return true; }
    auto polled = std::get<I>(children_).poll(context);
    if (!polled.ready()) { return false; }
    std::destroy_at(&output);
    std::construct_at(&output, std::move(polled));
    std::get<I>(children_).drop();
    return true;
  }
  template <class>
  static constexpr Pending not_yet{};

  std::tuple<detail::Child<F>...> children_;
  std::tuple<Poll<detail::child_output_t<F>>...> outputs_{not_yet<F>...};
};

/// *Completes* when all futures have; gives a `std::tuple` of what they gave, in their order. Each owned future is
/// destroyed as soon as it is ready. *Cancellation*: that of the futures; outputs already there are destroyed.
template <class... F>
  requires(sizeof...(F) > 0 && (Future<std::remove_reference_t<F>> && ...))
Join<F...> join(F&&... futures) noexcept {
  return Join<F...>(std::forward<F>(futures)...);
}

/// *Completes* in the task's next round: lets everybody else who is ready run first.
class [[nodiscard("await it")]] Yield {
 public:
  Poll<Unit> poll(Context& context) noexcept {
    if (yielded_) { return Unit{}; }
    yielded_ = true;
    context.wake_soon();
    return pending;
  }

 private:
  bool yielded_ = false;
};
inline Yield yield() noexcept { return {}; }

}  // namespace nal

#pragma once
#include <optional>
#include <utility>

#include "nal/result.hpp"

namespace nal {

/// Says "not yet" from any `poll` function: `return pending;`
inline constexpr struct Pending {
} pending{};

/// What a poll gives: not yet, or a `T`. "Not yet" is a promise: whoever returned it has arranged for the task to be
/// woken when asking again makes sense.
template <class T = Unit>
class [[nodiscard("ask ready()")]] Poll {
 public:
  using value_type = T;

  constexpr Poll(Pending) noexcept {}
  constexpr Poll(T value) noexcept(std::is_nothrow_move_constructible_v<T>) : value_(std::move(value)) {}

  constexpr bool ready() const noexcept { return value_.has_value(); }
  constexpr T& operator*() & noexcept { return *value_; }
  constexpr const T& operator*() const& noexcept { return *value_; }
  constexpr T&& operator*() && noexcept { return *std::move(value_); }
  constexpr T* operator->() noexcept { return &*value_; }

 private:
  std::optional<T> value_;
};

/// The same for results, in the same space as the result: `Poll<Result<std::size_t>>` travels in two registers.
template <class T>
class [[nodiscard("ask ready()")]] Poll<Result<T>> {
 public:
  using value_type = Result<T>;

  constexpr Poll(Pending) noexcept : result_(typename Result<T>::Pending{}) {}
  constexpr Poll(Result<T> result) noexcept : result_(std::move(result)) {}
  constexpr Poll(T value) noexcept : result_(std::move(value)) {}
  constexpr Poll(Unexpected unexpected) noexcept : result_(unexpected) {}

  constexpr bool ready() const noexcept { return result_.code_ != Result<T>::kPending; }
  constexpr Result<T>& operator*() & noexcept { return checked(); }
  constexpr const Result<T>& operator*() const& noexcept { return const_cast<Poll&>(*this).checked(); }
  constexpr Result<T>&& operator*() && noexcept { return std::move(checked()); }
  constexpr Result<T>* operator->() noexcept { return &checked(); }

 private:
  constexpr Result<T>& checked() noexcept {
    NAL_ASSERT(ready());
    return result_;
  }
  Result<T> result_;
};

}  // namespace nal

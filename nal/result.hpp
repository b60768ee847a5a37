#pragma once
#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

#include "nal/assert.hpp"
#include "nal/error.hpp"

namespace nal {

/// "Nothing" as a value, so that `Result<>` needs no special cases.
struct Unit {
  friend constexpr bool operator==(Unit, Unit) noexcept = default;
};

/// Makes a failed `Result` of any type: `return Unexpected(Error::timed_out);`
class Unexpected {
 public:
  constexpr explicit Unexpected(Error error) noexcept : error_(error) {}
  constexpr Error error() const noexcept { return error_; }

 private:
  Error error_;
};

template <class T>
class Poll;

namespace detail {

/// What a `Result` is made of: the error, and the value while there is none.
template <class T>
struct ResultParts {
  static_assert(!std::is_void_v<T>, "use nal::Result<> for a result without a value");
  static_assert(!std::is_reference_v<T>, "a nal::Result holds a value; use a pointer");

  constexpr explicit ResultParts(Error error) noexcept : none_{}, code_(error) {}
  template <class U>
  constexpr ResultParts(std::in_place_t, U&& value) noexcept(std::is_nothrow_constructible_v<T, U>)
      : value_(std::forward<U>(value)), code_{} {}
  ResultParts(const ResultParts&) = default;
  ResultParts(ResultParts&&) = default;
  ResultParts& operator=(const ResultParts&) = default;
  ResultParts& operator=(ResultParts&&) = default;
  ~ResultParts()
    requires std::is_trivially_destructible_v<T>
  = default;
  constexpr ~ResultParts()
    requires(!std::is_trivially_destructible_v<T>)
  {}

  union {
    Unit none_;
    T value_;
  };
  Error code_;
};
/// "Nothing" takes no room: a `Result<>` is one byte, and to ask whether it is good is to compare it with 0.
template <>
struct ResultParts<Unit> {
  constexpr explicit ResultParts(Error error) noexcept : code_(error) {}
  constexpr ResultParts(std::in_place_t, Unit) noexcept : code_{} {}

  [[no_unique_address]] Unit value_{};
  Error code_;
};

}  // namespace detail

/// A value or an `Error`. Member names are those of `std::expected`, which the oldest supported compilers lack.
///
/// As cheap as it can be: the error is the discriminator, so `Result<std::size_t>` is two words, trivially copyable,
/// and travels in registers. Reading the value of a failed result, or the error of a good one, is a caller's bug
/// (asserted).
template <class T = Unit>
class [[nodiscard("an unread Result is a swallowed error")]] Result : private detail::ResultParts<T> {
  using Parts = detail::ResultParts<T>;

 public:
  using value_type = T;
  using error_type = Error;

  constexpr Result() noexcept
    requires std::same_as<T, Unit>
      : Parts(Error{}) {}
  constexpr Result(const T& value) noexcept(std::is_nothrow_copy_constructible_v<T>)
    requires std::copy_constructible<T>
      : Parts(std::in_place, value) {}
  constexpr Result(T&& value) noexcept(std::is_nothrow_move_constructible_v<T>)
      : Parts(std::in_place, std::move(value)) {}
  constexpr Result(Unexpected unexpected) noexcept : Parts(unexpected.error()) {}

  Result(const Result&) noexcept
    requires std::is_trivially_copy_constructible_v<T>
  = default;
  constexpr Result(const Result& other) noexcept
    requires(!std::is_trivially_copy_constructible_v<T> && std::is_copy_constructible_v<T>)
      : Parts(other.code_) {
    if (has_value()) { std::construct_at(&value_, other.value_); }
  }
  Result(Result&&) noexcept
    requires std::is_trivially_move_constructible_v<T>
  = default;
  constexpr Result(Result&& other) noexcept
    requires(!std::is_trivially_move_constructible_v<T>)
      : Parts(other.code_) {
    if (has_value()) { std::construct_at(&value_, std::move(other.value_)); }
  }
  Result& operator=(const Result&) noexcept
    requires(std::is_trivially_copyable_v<T>)
  = default;
  constexpr Result& operator=(const Result& other) noexcept
    requires(!std::is_trivially_copyable_v<T> && std::is_copy_constructible_v<T>)
  {
    if (this != &other) {
      destroy();
      if (other.has_value()) { std::construct_at(&value_, other.value_); }
      code_ = other.code_;
    }
    return *this;
  }
  Result& operator=(Result&&) noexcept
    requires(std::is_trivially_copyable_v<T>)
  = default;
  constexpr Result& operator=(Result&& other) noexcept
    requires(!std::is_trivially_copyable_v<T>)
  {
    if (this != &other) {
      destroy();
      if (other.has_value()) { std::construct_at(&value_, std::move(other.value_)); }
      code_ = other.code_;
    }
    return *this;
  }
  ~Result()
    requires std::is_trivially_destructible_v<T>
  = default;
  constexpr ~Result()
    requires(!std::is_trivially_destructible_v<T>)
  {
    destroy();
  }

  constexpr bool has_value() const noexcept { return code_ == Error{}; }
  constexpr explicit operator bool() const noexcept { return has_value(); }

  constexpr T& value() & noexcept { return checked(); }
  constexpr const T& value() const& noexcept { return const_cast<Result&>(*this).checked(); }
  constexpr T&& value() && noexcept { return std::move(checked()); }
  constexpr T& operator*() & noexcept { return checked(); }
  constexpr const T& operator*() const& noexcept { return const_cast<Result&>(*this).checked(); }
  constexpr T&& operator*() && noexcept { return std::move(checked()); }
  constexpr T* operator->() noexcept { return &checked(); }
  constexpr const T* operator->() const noexcept { return &const_cast<Result&>(*this).checked(); }

  constexpr Error error() const noexcept {
    NAL_ASSERT(!has_value());
    return code_;
  }

  template <class U>
  constexpr T value_or(U&& other) const& {
    return has_value() ? value_ : static_cast<T>(std::forward<U>(other));
  }
  template <class U>
  constexpr T value_or(U&& other) && {
    return has_value() ? std::move(value_) : static_cast<T>(std::forward<U>(other));
  }
  constexpr Error error_or(Error other) const noexcept { return has_value() ? other : code_; }

  /// `f(value)` gives the next `Result`; an error passes through.
  template <class F>
  constexpr auto and_then(F&& f) && -> std::invoke_result_t<F, T&&> {
    if (has_value()) { return std::forward<F>(f)(std::move(value_)); }
    return Unexpected(code_);
  }
  /// `f(value)` gives the next value; an error passes through.
  template <class F>
  constexpr auto transform(F&& f) && -> Result<std::invoke_result_t<F, T&&>> {
    if (has_value()) { return std::forward<F>(f)(std::move(value_)); }
    return Unexpected(code_);
  }
  /// `f(error)` gives another `Result<T>`; a value passes through.
  template <class F>
  constexpr Result or_else(F&& f) && {
    if (has_value()) { return std::move(*this); }
    return std::forward<F>(f)(code_);
  }

  friend constexpr bool operator==(const Result& a, const Result& b) noexcept
    requires std::equality_comparable<T>
  {
    return a.code_ == b.code_ && (!a.has_value() || a.value_ == b.value_);
  }
  friend constexpr bool operator==(const Result& a, const T& b) noexcept
    requires std::equality_comparable<T>
  {
    return a.has_value() && a.value_ == b;
  }
  friend constexpr bool operator==(const Result& a, Unexpected b) noexcept { return a.code_ == b.error(); }

 private:
  friend class Poll<Result>;
  using Parts::code_;
  using Parts::value_;
  /// Not a result yet: the third state that lets `Poll<Result<T>>` be as small as `Result<T>`.
  static constexpr Error kPending{255};
  struct Pending {};
  constexpr explicit Result(Pending) noexcept : Parts(kPending) {}

  constexpr T& checked() noexcept {
    NAL_ASSERT(has_value());
    return value_;
  }
  constexpr void destroy() noexcept {
    if constexpr (!std::is_trivially_destructible_v<T>) {
      if (has_value()) { std::destroy_at(&value_); }
    }
  }
};

template <class T>
inline constexpr bool is_result = false;
template <class T>
inline constexpr bool is_result<Result<T>> = true;

}  // namespace nal

#define NAL_DETAIL_JOIN2(a, b) a##b
#define NAL_DETAIL_JOIN(a, b) NAL_DETAIL_JOIN2(a, b)
#define NAL_DETAIL_TRY(keyword, ...)                                                \
  do {                                                                              \
    auto nal_result = __VA_ARGS__;                                                  \
    if (!nal_result.has_value()) { keyword ::nal::Unexpected(nal_result.error()); } \
  } while (false)
#define NAL_DETAIL_TRY_SET(result, keyword, declaration, ...)             \
  auto result = __VA_ARGS__;                                              \
  if (!result.has_value()) { keyword ::nal::Unexpected(result.error()); } \
  declaration = *std::move(result)

/// `NAL_TRY(expression);` returns the error of a failed `Result` from this function, else goes on.
#define NAL_TRY(...) NAL_DETAIL_TRY(return, __VA_ARGS__)
/// `NAL_TRY_SET(auto n, expression);` the same, and keeps the value.
#define NAL_TRY_SET(declaration, ...) \
  NAL_DETAIL_TRY_SET(NAL_DETAIL_JOIN(nal_result_, __COUNTER__), return, declaration, __VA_ARGS__)
/// `NAL_CO_TRY(operation);` awaits it in a coroutine; co_returns the error of a failure, else goes on.
#define NAL_CO_TRY(...) NAL_DETAIL_TRY(co_return, co_await __VA_ARGS__)
/// `NAL_CO_TRY_SET(auto n, operation);` the same, and keeps the value.
#define NAL_CO_TRY_SET(declaration, ...) \
  NAL_DETAIL_TRY_SET(NAL_DETAIL_JOIN(nal_result_, __COUNTER__), co_return, declaration, co_await __VA_ARGS__)

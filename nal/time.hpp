#pragma once
#include <compare>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "nal/assert.hpp"

namespace nal {

namespace detail {

/// `n / d` for `d` below 65536 by 32-bit divisions: a quarter of the code that a compiler brings for 64 bits.
std::int64_t divide(std::int64_t n, std::uint16_t d) noexcept;

/// `n / d`, cut off towards zero, by what is small or quick on the machine.
template <std::uint16_t kDivisor>
constexpr std::int64_t divided_by(std::int64_t n) noexcept {
  if constexpr (sizeof(void*) < 8) {
    if (!std::is_constant_evaluated()) { return divide(n, kDivisor); }
  }
  return n / kDivisor;
}

}  // namespace detail

/// A span of time in microseconds, positive or negative. `max()` stands for "never": it stays "never" whatever is added
/// to it, taken from it or divides it. All other arithmetic saturates at `min()` and `max()`; nothing wraps.
class Duration {
 public:
  /// Zero.
  constexpr Duration() noexcept = default;

  static constexpr Duration microseconds(std::int64_t n) noexcept { return scaled(n, 1); }
  static constexpr Duration milliseconds(std::int64_t n) noexcept { return scaled(n, 1'000); }
  static constexpr Duration seconds(std::int64_t n) noexcept { return scaled(n, 1'000'000); }
  static constexpr Duration minutes(std::int64_t n) noexcept { return scaled(n, 60'000'000); }
  static constexpr Duration hours(std::int64_t n) noexcept { return scaled(n, 3'600'000'000); }

  static constexpr Duration zero() noexcept { return {}; }
  /// "Never": as a time-out, none.
  static constexpr Duration max() noexcept { return Duration(kMax); }
  /// The opposite of `max()`, so that negation has no special case.
  static constexpr Duration min() noexcept { return Duration(-kMax); }

  constexpr std::int64_t microseconds() const noexcept { return us_; }
  /// Whole milliseconds, the rest cut off towards zero.
  constexpr std::int64_t milliseconds() const noexcept { return detail::divided_by<1000>(us_); }
  /// Whole milliseconds, rounded up: what a wait with that resolution must ask for, so as not to end early.
  constexpr std::int64_t milliseconds_rounded_up() const noexcept {
    const std::int64_t down = milliseconds();
    return down + (us_ > down * 1'000 ? 1 : 0);
  }
  /// Whole seconds, the rest cut off towards zero.
  constexpr std::int64_t seconds() const noexcept { return detail::divided_by<1000>(milliseconds()); }

  constexpr bool is_never() const noexcept { return us_ == kMax; }

  friend constexpr bool operator==(Duration, Duration) noexcept = default;
  friend constexpr auto operator<=>(Duration a, Duration b) noexcept { return a.us_ <=> b.us_; }
  // Each by itself, since compilers make more of an order than of a comparison.
  friend constexpr bool operator<(Duration a, Duration b) noexcept { return a.us_ < b.us_; }
  friend constexpr bool operator>(Duration a, Duration b) noexcept { return a.us_ > b.us_; }
  friend constexpr bool operator<=(Duration a, Duration b) noexcept { return a.us_ <= b.us_; }
  friend constexpr bool operator>=(Duration a, Duration b) noexcept { return a.us_ >= b.us_; }

  constexpr Duration operator+() const noexcept { return *this; }
  constexpr Duration operator-() const noexcept { return Duration(-us_); }

  friend constexpr Duration operator+(Duration a, Duration b) noexcept {
    if (a.is_never() || b.is_never()) { return max(); }
    std::int64_t sum = 0;
    if (__builtin_add_overflow(a.us_, b.us_, &sum)) { return a.us_ > 0 ? max() : min(); }
    return clamped(sum);
  }
  /// "Never" less anything is "never"; anything else less "never" is `min()`.
  friend constexpr Duration operator-(Duration a, Duration b) noexcept {
    if (a.is_never()) { return max(); }
    return b.is_never() ? min() : a + -b;
  }
  friend constexpr Duration operator*(Duration a, std::int64_t n) noexcept {
    if (fits_32_bits(a.us_) && fits_32_bits(n)) { return Duration(a.us_ * n); }
    if (a.us_ == 0 || n == 0) { return {}; }
    const bool positive = (a.us_ > 0) == (n > 0);
    // Unsigned magnitudes, since the most negative factor has no signed one.
    const std::uint64_t left = magnitude(a.us_);
    const std::uint64_t right = magnitude(n);
    if (left > static_cast<std::uint64_t>(kMax) / right) { return positive ? max() : min(); }
    const auto product = static_cast<std::int64_t>(left * right);
    return Duration(positive ? product : -product);
  }
  friend constexpr Duration operator*(std::int64_t n, Duration a) noexcept { return a * n; }
  /// Cut off towards zero. Dividing by zero is a caller's bug (asserted).
  friend constexpr Duration operator/(Duration a, std::int64_t n) noexcept {
    NAL_ASSERT(n != 0);
    if (a.is_never()) { return n > 0 ? max() : min(); }
    return Duration(a.us_ / n);
  }
  /// How often `b` fits into `a`, cut off towards zero. Dividing by zero is a caller's bug (asserted).
  friend constexpr std::int64_t operator/(Duration a, Duration b) noexcept {
    NAL_ASSERT(b.us_ != 0);
    return a.us_ / b.us_;
  }
  friend constexpr Duration operator%(Duration a, Duration b) noexcept {
    NAL_ASSERT(b.us_ != 0);
    return Duration(a.us_ % b.us_);
  }

  constexpr Duration& operator+=(Duration other) noexcept { return *this = *this + other; }
  constexpr Duration& operator-=(Duration other) noexcept { return *this = *this - other; }
  constexpr Duration& operator*=(std::int64_t n) noexcept { return *this = *this * n; }
  constexpr Duration& operator/=(std::int64_t n) noexcept { return *this = *this / n; }

 private:
  static constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

  constexpr explicit Duration(std::int64_t us) noexcept : us_(us) {}

  static constexpr Duration clamped(std::int64_t us) noexcept { return us < -kMax ? min() : Duration(us); }
  static constexpr Duration scaled(std::int64_t n, std::int64_t unit) noexcept {
    if (n > kMax / unit) { return max(); }
    if (n < -kMax / unit) { return min(); }
    return Duration(n * unit);
  }
  static constexpr bool fits_32_bits(std::int64_t n) noexcept { return n == static_cast<std::int32_t>(n); }
  static constexpr std::uint64_t magnitude(std::int64_t n) noexcept {
    return n < 0 ? ~static_cast<std::uint64_t>(n) + 1 : static_cast<std::uint64_t>(n);
  }

  std::int64_t us_ = 0;
};

/// A point of time on the clock of an executor: microseconds since that clock's start, which says nothing of the date.
/// `max()` stands for "never" and stays so whatever is added or taken; arithmetic saturates, nothing wraps.
class Instant {
 public:
  /// The clock's start.
  constexpr Instant() noexcept = default;

  static constexpr Instant from_microseconds(std::int64_t n) noexcept { return Instant(Duration::microseconds(n)); }
  /// "Never": as a deadline, none.
  static constexpr Instant max() noexcept { return Instant(Duration::max()); }
  static constexpr Instant min() noexcept { return Instant(Duration::min()); }

  constexpr std::int64_t microseconds() const noexcept { return since_start_.microseconds(); }
  constexpr bool is_never() const noexcept { return since_start_.is_never(); }

  friend constexpr bool operator==(Instant, Instant) noexcept = default;
  friend constexpr auto operator<=>(Instant a, Instant b) noexcept { return a.since_start_ <=> b.since_start_; }
  friend constexpr bool operator<(Instant a, Instant b) noexcept { return a.since_start_ < b.since_start_; }
  friend constexpr bool operator>(Instant a, Instant b) noexcept { return a.since_start_ > b.since_start_; }
  friend constexpr bool operator<=(Instant a, Instant b) noexcept { return a.since_start_ <= b.since_start_; }
  friend constexpr bool operator>=(Instant a, Instant b) noexcept { return a.since_start_ >= b.since_start_; }

  friend constexpr Instant operator+(Instant a, Duration b) noexcept { return Instant(a.since_start_ + b); }
  friend constexpr Instant operator+(Duration a, Instant b) noexcept { return b + a; }
  friend constexpr Instant operator-(Instant a, Duration b) noexcept { return Instant(a.since_start_ - b); }
  /// The time from `b` to `a`; `Duration::max()` when `a` is "never".
  friend constexpr Duration operator-(Instant a, Instant b) noexcept { return a.since_start_ - b.since_start_; }

  constexpr Instant& operator+=(Duration other) noexcept { return *this = *this + other; }
  constexpr Instant& operator-=(Duration other) noexcept { return *this = *this - other; }

 private:
  constexpr explicit Instant(Duration since_start) noexcept : since_start_(since_start) {}

  Duration since_start_;
};

namespace detail {

consteval std::int64_t count(unsigned long long n) {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  return n > static_cast<unsigned long long>(kMax) ? kMax : static_cast<std::int64_t>(n);
}

}  // namespace detail

namespace literals {

consteval Duration operator""_us(unsigned long long n) { return Duration::microseconds(detail::count(n)); }
consteval Duration operator""_ms(unsigned long long n) { return Duration::milliseconds(detail::count(n)); }
consteval Duration operator""_s(unsigned long long n) { return Duration::seconds(detail::count(n)); }
consteval Duration operator""_min(unsigned long long n) { return Duration::minutes(detail::count(n)); }
consteval Duration operator""_h(unsigned long long n) { return Duration::hours(detail::count(n)); }

}  // namespace literals

}  // namespace nal

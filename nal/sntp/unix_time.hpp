#pragma once
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "nal/result.hpp"
#include "nal/time.hpp"

namespace nal::sntp {

/// A date and time of day in UTC, in the Gregorian calendar.
struct DateTime {
  std::int32_t year = 1970;
  std::uint8_t month = 1;    ///< from 1
  std::uint8_t day = 1;      ///< from 1
  std::uint8_t weekday = 4;  ///< Sunday is 0
  std::uint8_t hour = 0;
  std::uint8_t minute = 0;
  std::uint8_t second = 0;
  std::uint32_t microsecond = 0;
};

/// A point of time of the world: microseconds since 1970-01-01T00:00:00Z, without leap seconds, as POSIX counts.
class UnixTime {
 public:
  constexpr UnixTime() noexcept = default;
  static constexpr UnixTime from_microseconds(std::int64_t n) noexcept { return UnixTime(Duration::microseconds(n)); }
  static constexpr UnixTime from_seconds(std::int64_t n) noexcept { return UnixTime(Duration::seconds(n)); }

  constexpr std::int64_t microseconds() const noexcept { return since_1970_.microseconds(); }
  /// Whole seconds, rounded down.
  constexpr std::int64_t seconds() const noexcept {
    const std::int64_t us = microseconds();
    return us / 1'000'000 - (us % 1'000'000 < 0 ? 1 : 0);
  }
  DateTime date_time() const noexcept;
  /// Writes "2026-11-21T16:05:09.123456Z". *Errors*: buffer_too_small.
  Result<std::string_view> format_to(std::span<char> out) const noexcept;

  friend constexpr auto operator<=>(UnixTime, UnixTime) noexcept = default;
  friend constexpr UnixTime operator+(UnixTime a, Duration b) noexcept { return UnixTime(a.since_1970_ + b); }
  friend constexpr UnixTime operator-(UnixTime a, Duration b) noexcept { return UnixTime(a.since_1970_ - b); }
  friend constexpr Duration operator-(UnixTime a, UnixTime b) noexcept { return a.since_1970_ - b.since_1970_; }

 private:
  constexpr explicit UnixTime(Duration since_1970) noexcept : since_1970_(since_1970) {}
  Duration since_1970_;
};

}  // namespace nal::sntp

#pragma once
/// Hosted only: nal's values in the standard library's texts, streams and hashed containers.
#include <cstddef>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <version>
#ifdef __cpp_lib_format
#include <format>
#endif

#include "nal/error.hpp"
#include "nal/hash.hpp"
#include "nal/ip_address.hpp"
#include "nal/result.hpp"
#include "nal/text.hpp"
#include "nal/time.hpp"

namespace nal {

template <HasText T>
std::string to_string(const T& value) {
  return std::string(to_text(value).view());
}

/// As a literal of `nal::literals` has it, in the largest unit that needs no fraction ("1500ms", "2min"), or "never".
inline std::string to_string(Duration duration) {
  using namespace std::string_literals;
  constexpr std::pair<Duration, const char*> kUnits[] = {{Duration::hours(1), "h"},
                                                         {Duration::minutes(1), "min"},
                                                         {Duration::seconds(1), "s"},
                                                         {Duration::milliseconds(1), "ms"}};
  if (duration.is_never()) { return "never"s; }
  if (duration == Duration::zero()) { return "0s"s; }
  for (const auto& [unit, name] : kUnits) {
    if (duration % unit == Duration::zero()) { return std::to_string(duration / unit) + name; }
  }
  return std::to_string(duration.microseconds()) + "us";
}
/// The time since the clock's start, as a `Duration` is written.
inline std::string to_string(Instant instant) { return to_string(instant - Instant()); }

template <HasText T>
std::ostream& operator<<(std::ostream& out, const T& value) {
  return out << to_text(value).view();
}
template <std::size_t N>
std::ostream& operator<<(std::ostream& out, const Text<N>& text) {
  return out << text.view();
}
inline std::ostream& operator<<(std::ostream& out, Error error) { return out << to_string(error); }
inline std::ostream& operator<<(std::ostream& out, Family family) { return out << to_string(family); }
inline std::ostream& operator<<(std::ostream& out, Duration duration) { return out << to_string(duration); }
inline std::ostream& operator<<(std::ostream& out, Instant instant) { return out << to_string(instant); }
inline std::ostream& operator<<(std::ostream& out, Unit) { return out << "done"; }
/// The value, or "error: " and what happened.
template <class T>
  requires requires(std::ostream& out, const T& value) { out << value; }
std::ostream& operator<<(std::ostream& out, const Result<T>& result) {
  if (!result.has_value()) { return out << "error: " << result.error(); }
  return out << *result;
}

}  // namespace nal

/// Unkeyed: a table that outsiders fill takes `nal::hash_value` with a key of its own.
template <nal::Hashable T>
struct std::hash<T> {
  constexpr std::size_t operator()(const T& value) const noexcept { return nal::hash_value(value); }
};

#ifdef __cpp_lib_format
/// Takes the format specification of a string.
template <nal::HasText T>
struct std::formatter<T, char> : std::formatter<std::string_view, char> {
  template <class Context>
  auto format(const T& value, Context& context) const {
    return std::formatter<std::string_view, char>::format(nal::to_text(value).view(), context);
  }
};
template <>
struct std::formatter<nal::Error, char> : std::formatter<std::string_view, char> {
  template <class Context>
  auto format(nal::Error error, Context& context) const {
    return std::formatter<std::string_view, char>::format(nal::to_string(error), context);
  }
};
#endif

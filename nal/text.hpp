#pragma once
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "nal/result.hpp"

namespace nal {

/// Writes characters one behind the other into a caller's buffer. What does not fit is dropped and remembered, so that
/// only the end needs a check.
class TextWriter {
 public:
  /// `out` outlives the writer and the text that it gives.
  constexpr explicit TextWriter(std::span<char> out) noexcept : out_(out) {}

  constexpr void put(char c) noexcept {
    if (size_ == out_.size()) {
      fits_ = false;
      return;
    }
    out_[size_++] = c;
  }
  constexpr void put(std::string_view text) noexcept {
    for (const char c : text) { put(c); }
  }
  constexpr void put_decimal(std::uint32_t value) noexcept { put_number(value, 10, 1); }
  /// Lower case, at least `width` digits.
  constexpr void put_hex(std::uint32_t value, std::size_t width = 1) noexcept { put_number(value, 16, width); }

  /// The text so far, a part of the caller's buffer; `Error::buffer_too_small` when something did not fit.
  constexpr Result<std::string_view> text() const noexcept {
    if (!fits_) { return Unexpected(Error::buffer_too_small); }
    return std::string_view(out_.data(), size_);
  }

 private:
  constexpr void put_number(std::uint32_t value, std::uint32_t base, std::size_t width) noexcept {
    std::array<char, 10> digits{};
    std::size_t first = digits.size();
    do {
      digits[--first] = "0123456789abcdef"[value % base];
      value /= base;
    } while (value != 0);
    for (std::size_t n = digits.size() - first; n < width; ++n) { put('0'); }
    put(std::string_view(&digits[first], digits.size() - first));
  }

  std::span<char> out_;
  std::size_t size_ = 0;
  bool fits_ = true;
};

/// A short text with its own storage of `N` characters, for messages: converts to `std::string_view`, and ends with a
/// zero for the C functions that need one.
template <std::size_t N>
class Text {
  static_assert(N <= 255);

 public:
  constexpr Text() noexcept = default;

  constexpr std::string_view view() const noexcept { return {chars_.data(), size_}; }
  constexpr operator std::string_view() const noexcept { return view(); }
  constexpr const char* c_str() const noexcept { return chars_.data(); }
  constexpr std::size_t size() const noexcept { return size_; }

  friend constexpr bool operator==(const Text& a, const Text& b) noexcept { return a.view() == b.view(); }
  friend constexpr bool operator==(const Text& a, std::string_view b) noexcept { return a.view() == b; }

 private:
  template <class T>
  friend constexpr auto to_text(const T& value) noexcept;

  std::array<char, N + 1> chars_{};
  std::uint8_t size_ = 0;
};

/// A value with a text form.
///
/// *Syntax*: `x.append_to(writer)`; `T::kMaxTextSize`.
/// *Semantics*: appends the text form of `x`, at most `kMaxTextSize` characters.
template <class T>
concept HasText = requires(const T& x, TextWriter& writer) {
  { T::kMaxTextSize } -> std::convertible_to<std::size_t>;
  { x.append_to(writer) } -> std::same_as<void>;
};

/// The text form of `value`, by value: `log("connecting to %s", to_text(endpoint).c_str())`.
template <class T>
constexpr auto to_text(const T& value) noexcept {
  static_assert(HasText<T>);
  Text<T::kMaxTextSize> text;
  TextWriter writer(std::span(text.chars_).first(T::kMaxTextSize));
  value.append_to(writer);
  text.size_ = static_cast<std::uint8_t>(writer.text().value().size());
  return text;
}

namespace detail {

template <HasText T>
constexpr Result<std::string_view> format_to(const T& value, std::span<char> out) noexcept {
  TextWriter writer(out);
  value.append_to(writer);
  return writer.text();
}

/// Where `c` first stands in `text`, or its size. A freestanding machine need not have the `memchr` behind
/// `string_view::find`.
constexpr std::size_t find(std::string_view text, char c) noexcept {
  std::size_t i = 0;
  while (i < text.size() && text[i] != c) { ++i; }
  return i;
}
constexpr bool contains(std::string_view text, char c) noexcept { return find(text, c) != text.size(); }
/// The first `n` characters; unlike `substr` it has no throwing path that a freestanding link would miss.
constexpr std::string_view first(std::string_view text, std::size_t n) noexcept { return {text.data(), n}; }
/// What follows the character at `position`.
constexpr std::string_view after(std::string_view text, std::size_t position) noexcept {
  text.remove_prefix(position + 1);
  return text;
}

/// The value of a digit up to base 16, or 16 for anything else.
constexpr std::uint32_t digit_value(char c) noexcept {
  if (c >= '0' && c <= '9') { return static_cast<std::uint32_t>(c - '0'); }
  if (c >= 'a' && c <= 'f') { return static_cast<std::uint32_t>(c - 'a' + 10); }
  if (c >= 'A' && c <= 'F') { return static_cast<std::uint32_t>(c - 'A' + 10); }
  return 16;
}

/// The whole of `text` as a decimal number up to `max`: digits only, no leading zeros.
constexpr Result<std::uint32_t> parse_decimal(std::string_view text, std::uint32_t max) noexcept {
  if (text.empty() || (text.size() > 1 && text[0] == '0')) { return Unexpected(Error::invalid_argument); }
  std::uint32_t value = 0;
  for (const char c : text) {
    const std::uint32_t digit = digit_value(c);
    if (digit > 9 || value > max / 10 || digit > max - value * 10) { return Unexpected(Error::invalid_argument); }
    value = value * 10 + digit;
  }
  return value;
}

/// The whole of `text` as a hexadecimal number of at most `max_digits` (1 to 8) digits, in either case.
constexpr Result<std::uint32_t> parse_hex(std::string_view text, std::size_t max_digits) noexcept {
  if (text.empty() || text.size() > max_digits) { return Unexpected(Error::invalid_argument); }
  std::uint32_t value = 0;
  for (const char c : text) {
    const std::uint32_t digit = digit_value(c);
    if (digit > 15) { return Unexpected(Error::invalid_argument); }
    value = value << 4 | digit;
  }
  return value;
}

/// Not constexpr, so that a literal which reaches it does not compile.
void malformed_literal();

template <class T>
consteval T parse_literal(std::string_view text) {
  const Result<T> value = T::parse(text);
  if (!value.has_value()) { malformed_literal(); }
  return *value;
}

}  // namespace detail

}  // namespace nal

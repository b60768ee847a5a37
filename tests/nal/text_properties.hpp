#pragma once
/// What every value with a text form promises, and strings to try parsers on.
#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nal/hosted/format.hpp"
#include "nal/text.hpp"

namespace nal::test {

/// The text form is `expected`, fits `kMaxTextSize`, is written into a buffer of just its size, and is refused by every
/// smaller one without a byte behind its end being touched.
template <HasText T>
void check_text(const T& value, std::string_view expected) {
  INFO(expected);
  CHECK(to_text(value).view() == expected);
  CHECK(to_string(value) == expected);
  CHECK(expected.size() <= T::kMaxTextSize);
  for (std::size_t size = 0; size <= T::kMaxTextSize + 1; ++size) {
    std::string buffer(T::kMaxTextSize + 2, '#');
    const Result<std::string_view> text = value.format_to(std::span(buffer).first(size));
    if (size < expected.size()) {
      CHECK(text == Unexpected(Error::buffer_too_small));
    } else {
      REQUIRE(text.has_value());
      CHECK(*text == expected);
      CHECK(text->data() == buffer.data());
    }
    CHECK(buffer.find_first_not_of('#', size) == std::string::npos);
  }
}

/// `check_text`, and the text parses to the same value.
template <HasText T>
void check_round_trip(const T& value, std::string_view expected) {
  check_text(value, expected);
  CHECK(T::parse(expected) == value);
}

template <class T>
void check_refused(std::string_view text) {
  INFO(text);
  // Without a zero behind it, so that AddressSanitizer sees a byte too many.
  const std::vector<char> bytes(text.begin(), text.end());
  CHECK(T::parse({bytes.data(), bytes.size()}) == Unexpected(Error::invalid_argument));
}

/// Repeatable: the same sequence at every run on every machine.
class Random {
 public:
  std::size_t below(std::size_t n) { return engine_() % n; }
  std::uint32_t word() { return static_cast<std::uint32_t>(engine_()); }
  std::uint8_t byte() { return static_cast<std::uint8_t>(engine_()); }
  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[below(from.size())];
  }
  /// `text` with up to two characters taken out, put in or replaced.
  std::string damaged(std::string text, std::string_view alphabet) {
    for (std::size_t n = below(3); n > 0; --n) {
      const std::size_t at = below(text.size() + 1);
      const std::size_t how = below(3);
      if (how > 0 && at < text.size()) { text.erase(at, 1); }
      if (how < 2) { text.insert(at, 1, alphabet[below(alphabet.size())]); }
    }
    return text;
  }

 private:
  std::mt19937 engine_{20240229};
};

}  // namespace nal::test

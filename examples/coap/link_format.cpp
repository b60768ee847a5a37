#include "examples/coap/link_format.hpp"

#include <array>

#include "nal/text.hpp"

namespace coap {

namespace {

using nal::Error;
using nal::Result;
using nal::Unexpected;
using nal::detail::contains;
using nal::detail::first;

/// Between links people put spaces and line ends, which RFC 5988 §5 allows and RFC 6690 §2 does not mention.
constexpr bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

void skip_space(std::string_view& text) noexcept {
  while (!text.empty() && is_space(text[0])) { text.remove_prefix(1); }
}

/// Whether `text` begins with `c`, which is then taken off.
bool take(std::string_view& text, char c) noexcept {
  if (text.empty() || text[0] != c) { return false; }
  text.remove_prefix(1);
  return true;
}

/// The characters of a parmname (RFC 5987 §3.2.1: attr-char, and the `*` behind it), and of a ptoken (RFC 6690 §2).
constexpr bool is_name_char(char c) noexcept {
  return static_cast<std::uint8_t>(c) > 0x20 && static_cast<std::uint8_t>(c) < 0x7f &&
         !contains("\"'(),/:;<=>?@[\\]{}", c);
}
constexpr bool is_token_char(char c) noexcept {
  return static_cast<std::uint8_t>(c) > 0x20 && static_cast<std::uint8_t>(c) < 0x7f && !contains("\",;\\", c);
}

template <class Predicate>
std::string_view take_while(std::string_view& text, Predicate predicate) noexcept {
  std::size_t size = 0;
  while (size < text.size() && predicate(text[size])) { ++size; }
  const std::string_view taken = first(text, size);
  text.remove_prefix(size);
  return taken;
}

/// What stands behind an opening quote, which is gone already. Nothing: it never ends.
std::optional<LinkValue> take_quoted(std::string_view& text) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') {
      const LinkValue value(first(text, i), true);
      text.remove_prefix(i + 1);
      return value;
    }
    if (text[i] == '\\') { ++i; }
  }
  return std::nullopt;
}

/// One attribute, whose semicolon is gone already. Nothing: there is none.
std::optional<LinkAttribute> take_attribute(std::string_view& text) noexcept {
  LinkAttribute attribute{take_while(text, is_name_char)};
  if (attribute.name.empty()) { return std::nullopt; }
  if (!take(text, '=')) { return attribute; }
  if (take(text, '"')) {
    attribute.value = take_quoted(text);
    if (!attribute.value) { return std::nullopt; }
    return attribute;
  }
  const std::string_view token = take_while(text, is_token_char);
  if (token.empty()) { return std::nullopt; }
  attribute.value = LinkValue(token, false);
  return attribute;
}

/// The characters of a value one by one, without backslashes.
class Characters {
 public:
  explicit Characters(const LinkValue& value) noexcept : rest_(value.raw()), quoted_(value.quoted()) {}
  std::optional<char> next() noexcept {
    if (quoted_ && rest_.size() > 1 && rest_[0] == '\\') { rest_.remove_prefix(1); }
    if (rest_.empty()) { return std::nullopt; }
    const char c = rest_[0];
    rest_.remove_prefix(1);
    return c;
  }

 private:
  std::string_view rest_;
  bool quoted_;
};

/// What a query asks a value to be: `begin` and nothing or anything behind it.
struct Pattern {
  std::string_view begin;
  bool any_end;
};

bool matches_whole(Characters value, const Pattern& pattern) noexcept {
  for (const char wanted : pattern.begin) {
    if (value.next() != wanted) { return false; }
  }
  return pattern.any_end || !value.next();
}

/// Words stand between spaces (RFC 6690 §3.1, §3.2).
bool matches_word(Characters value, const Pattern& pattern) noexcept {
  for (;;) {
    std::size_t same = 0;
    bool fits = true;
    auto c = value.next();
    for (; c && *c != ' '; c = value.next()) {
      if (same < pattern.begin.size()) {
        fits = fits && *c == pattern.begin[same++];
      } else {
        fits = fits && pattern.any_end;
      }
    }
    if (fits && same == pattern.begin.size()) { return true; }
    if (!c) { return false; }
  }
}

constexpr std::array<std::string_view, 6> kLists{"rt", "if", "rel", "rev", "ct", "sz"};

bool is_list(std::string_view name) noexcept {
  for (const std::string_view list : kLists) {
    if (name == list) { return true; }
  }
  return false;
}

}  // namespace

Result<std::string_view> LinkValue::unescape(std::span<char> out) const noexcept {
  nal::TextWriter writer(out);
  Characters characters(*this);
  while (const auto c = characters.next()) { writer.put(*c); }
  return writer.text();
}

std::optional<LinkAttribute> LinkAttributes::next() noexcept {
  skip_space(rest_);
  if (!take(rest_, ';') && !bare_) { return std::nullopt; }
  bare_ = false;
  skip_space(rest_);
  return take_attribute(rest_);
}

std::optional<LinkAttribute> Link::find(std::string_view name) const noexcept {
  LinkAttributes all = attributes;
  while (const auto attribute = all.next()) {
    if (attribute->name == name) { return attribute; }
  }
  return std::nullopt;
}

bool Link::matches(std::string_view query) const noexcept {
  if (query.empty()) { return true; }
  const std::size_t equals = nal::detail::find(query, '=');
  const std::string_view name = first(query, equals);
  if (equals == query.size()) { return find(name).has_value(); }
  Pattern pattern{nal::detail::after(query, equals), false};
  if (!pattern.begin.empty() && pattern.begin.back() == '*') {
    pattern = {first(pattern.begin, pattern.begin.size() - 1), true};
  }
  if (name == "href") { return matches_whole(Characters({target, false}), pattern); }
  LinkAttributes all = attributes;
  while (const auto attribute = all.next()) {
    if (attribute->name != name || !attribute->value) { continue; }
    const Characters value(*attribute->value);
    if (is_list(name) ? matches_word(value, pattern) : matches_whole(value, pattern)) { return true; }
  }
  return false;
}

Result<std::optional<Link>> LinkParser::next() noexcept {
  std::string_view text = rest_;
  skip_space(text);
  if (text.empty()) { return std::optional<Link>{}; }
  if (!first_) {
    if (!take(text, ',')) { return Unexpected(Error::protocol_error); }
    skip_space(text);
  }
  if (!take(text, '<')) { return Unexpected(Error::protocol_error); }
  Link link;
  link.target = take_while(text, [](char c) { return c != '>' && c != '<' && !is_space(c) && c != '\0'; });
  if (!take(text, '>')) { return Unexpected(Error::protocol_error); }
  const std::string_view attributes = text;
  for (;;) {
    std::string_view ahead = text;
    skip_space(ahead);
    if (!take(ahead, ';')) { break; }
    skip_space(ahead);
    if (!take_attribute(ahead)) { return Unexpected(Error::protocol_error); }
    text = ahead;
  }
  link.attributes = LinkAttributes(first(attributes, attributes.size() - text.size()));
  rest_ = text;
  first_ = false;
  return std::optional<Link>(link);
}

void LinkWriter::put(char c) noexcept {
  if (size_ >= offset_ && size_ - offset_ < out_.size()) { out_[size_ - offset_] = c; }
  ++size_;
}

void LinkWriter::put(std::string_view text) noexcept {
  for (const char c : text) { put(c); }
}

void LinkWriter::link(std::string_view target) noexcept {
  if (size_ != 0) { put(','); }
  put('<');
  put(target);
  put('>');
}

void LinkWriter::attribute(std::string_view name) noexcept {
  put(';');
  put(name);
}

void LinkWriter::attribute(std::string_view name, std::string_view value) noexcept {
  attribute(name);
  put("=\"");
  for (const char c : value) {
    if (c == '"' || c == '\\') { put('\\'); }
    put(c);
  }
  put('"');
}

void LinkWriter::attribute(std::string_view name, std::uint32_t value) noexcept {
  attribute(name);
  put('=');
  std::array<char, 10> digits;
  nal::TextWriter writer(digits);
  writer.put_decimal(value);
  put(*writer.text());
}

void LinkWriter::attributes(std::string_view text) noexcept {
  if (text.empty()) { return; }
  put(';');
  put(text);
}

std::string_view LinkWriter::window() const noexcept {
  if (size_ <= offset_) { return {}; }
  const std::size_t behind = size_ - offset_;
  return {out_.data(), behind < out_.size() ? behind : out_.size()};
}

Result<std::string_view> LinkWriter::text() const noexcept {
  if (offset_ != 0 || size_ > out_.size()) { return Unexpected(Error::buffer_too_small); }
  return window();
}

}  // namespace coap

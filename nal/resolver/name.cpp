#include "nal/resolver/name.hpp"

#include <cstring>

namespace nal::dns {
namespace {

constexpr unsigned kMaxLabels = 127;  // of one byte each, in 255 bytes

}  // namespace

Result<std::span<const std::byte>> Labels::next() noexcept {
  for (;;) {
    if (position_ >= message_.size()) { return Unexpected(Error::protocol_error); }
    const auto length = std::to_integer<std::size_t>(message_[position_]);
    if (length >= 0xc0) {
      if (position_ + 1 >= message_.size()) { return Unexpected(Error::protocol_error); }
      const std::size_t target = (length & 0x3f) << 8 | std::to_integer<std::size_t>(message_[position_ + 1]);
      if (target >= lowest_ || target < kHeaderSize || ++pointers_ > kMaxLabels) {
        return Unexpected(Error::protocol_error);
      }
      if (end_ == 0) { end_ = position_ + 2; }
      position_ = lowest_ = target;
      continue;
    }
    // 0x40 and 0x80 begin labels of kinds that never came to be (RFC 6891 §5).
    if (length > Name::kMaxLabel || length >= message_.size() - position_) { return Unexpected(Error::protocol_error); }
    if (length == 0) {
      if (end_ == 0) { end_ = position_ + 1; }
      return std::span<const std::byte>();
    }
    size_ += length + 1;
    if (size_ > Name::kMaxSize) { return Unexpected(Error::protocol_error); }
    const auto label = message_.subspan(position_ + 1, length);
    position_ += length + 1;
    return label;
  }
}

namespace {

bool same_label(std::span<const std::byte> a, std::span<const std::byte> b) noexcept {
  if (a.size() != b.size()) { return false; }
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (to_lower(a[i]) != to_lower(b[i])) { return false; }
  }
  return true;
}

/// Takes the first label off an uncompressed name; empty at the end.
std::span<const std::byte> take_label(std::span<const std::byte>& wire) noexcept {
  const auto length = std::to_integer<std::size_t>(wire[0]);
  if (length == 0) { return {}; }
  const auto label = wire.subspan(1, length);
  wire = wire.subspan(1 + length);
  return label;
}

bool same_name(std::span<const std::byte> a, std::span<const std::byte> b) noexcept {
  // Lengths are below 'A', so they may be compared like letters.
  return same_label(a, b);
}

std::span<const std::byte> bytes_of(std::string_view text) noexcept { return std::as_bytes(std::span(text)); }

}  // namespace

Result<> Name::append_label(std::span<const std::byte> label) noexcept {
  const std::size_t end = size_ - 1u;
  if (label.size() + 1 + size_ > kMaxSize) { return Unexpected(Error::invalid_argument); }
  bytes_[end] = static_cast<std::byte>(label.size());
  std::memcpy(&bytes_[end + 1], label.data(), label.size());
  bytes_[end + 1 + label.size()] = std::byte{0};
  size_ = static_cast<std::uint8_t>(size_ + 1 + label.size());
  return {};
}

Result<> Name::append(std::span<const std::byte> wire) noexcept {
  const std::size_t end = size_ - 1u;
  if (end + wire.size() > kMaxSize) { return Unexpected(Error::invalid_argument); }
  std::memcpy(&bytes_[end], wire.data(), wire.size());
  size_ = static_cast<std::uint8_t>(end + wire.size());
  return {};
}

namespace {

/// The character at the front of a name's text and whether it ends a label, taken off it.
struct Character {
  std::byte byte;
  bool dot;
};
Result<Character> take_character(std::string_view& text) noexcept {
  const auto c = static_cast<unsigned char>(text.front());
  text.remove_prefix(1);
  if (c <= ' ' || c == 0x7f) { return Unexpected(Error::invalid_argument); }
  if (c != '\\') { return Character{std::byte{c}, c == '.'}; }
  if (text.empty()) { return Unexpected(Error::invalid_argument); }
  const auto escaped = static_cast<unsigned char>(text.front());
  if (detail::digit_value(text.front()) > 9) {
    text.remove_prefix(1);
    return Character{std::byte{escaped}, false};
  }
  std::uint32_t value = 0;
  for (int i = 0; i < 3; ++i) {
    if (text.empty() || detail::digit_value(text.front()) > 9) { return Unexpected(Error::invalid_argument); }
    value = value * 10 + detail::digit_value(text.front());
    text.remove_prefix(1);
  }
  if (value > 255) { return Unexpected(Error::invalid_argument); }
  return Character{static_cast<std::byte>(value), false};
}

}  // namespace

Result<> Name::set_text(std::string_view text) noexcept {
  clear();
  if (text == ".") { return {}; }
  std::byte label[kMaxLabel];
  std::size_t size = 0;
  bool good = !text.empty();
  while (good && !text.empty()) {
    const auto c = take_character(text);
    if (!c || (!c->dot && size == kMaxLabel)) {
      good = false;
      break;
    }
    if (!c->dot) { label[size++] = c->byte; }
    if (c->dot || text.empty()) {
      good = size != 0 && append_label(std::span(label, size)).has_value();
      size = 0;
    }
  }
  if (good) { return {}; }
  clear();
  return Unexpected(Error::invalid_argument);
}

Result<std::size_t> Name::set_wire(std::span<const std::byte> message, std::size_t offset) noexcept {
  clear();
  Labels labels(message, offset);
  for (;;) {
    NAL_TRY_SET(const std::span<const std::byte> label, labels.next());
    if (label.empty()) { return labels.end(); }
    NAL_TRY(append_label(label));
  }
}

void Name::set_reverse(const IpAddress& address) noexcept {
  clear();
  const auto bytes = address.bytes();
  char digits[3];
  for (std::size_t i = bytes.size(); i-- > 0;) {
    if (address.is_v4()) {
      TextWriter writer(digits);
      writer.put_decimal(bytes[i]);
      static_cast<void>(append_label(bytes_of(*writer.text())));
    } else {
      for (const int nibble : {bytes[i] & 15, bytes[i] >> 4}) {
        digits[0] = "0123456789abcdef"[nibble];
        static_cast<void>(append_label(bytes_of({digits, 1})));
      }
    }
  }
  static_cast<void>(append_label(bytes_of(address.is_v4() ? "in-addr" : "ip6")));
  static_cast<void>(append_label(bytes_of("arpa")));
}

Result<std::string_view> Name::format_to(std::span<char> out) const noexcept {
  TextWriter writer(out);
  if (is_root()) { writer.put('.'); }
  auto rest = wire();
  for (bool first = true;; first = false) {
    const auto label = take_label(rest);
    if (label.empty()) { break; }
    if (!first) { writer.put('.'); }
    for (const std::byte byte : label) {
      const auto c = std::to_integer<unsigned char>(byte);
      if (c <= ' ' || c >= 0x7f) {
        writer.put('\\');
        writer.put(static_cast<char>('0' + c / 100));
        writer.put(static_cast<char>('0' + c / 10 % 10));
        writer.put(static_cast<char>('0' + c % 10));
        continue;
      }
      if (c == '.' || c == '\\') { writer.put('\\'); }
      writer.put(static_cast<char>(c));
    }
  }
  return writer.text();
}

bool Name::is_at(std::span<const std::byte> message, std::size_t offset) const noexcept {
  auto mine = wire();
  Labels labels(message, offset);
  for (;;) {
    const auto label = labels.next();
    if (!label || !same_label(*label, take_label(mine))) { return false; }
    if (label->empty()) { return true; }
  }
}

bool Name::is_under(const Name& other) const noexcept {
  auto rest = wire();
  while (rest.size() > other.wire().size()) { take_label(rest); }
  return same_name(rest, other.wire());
}

bool operator==(const Name& a, const Name& b) noexcept { return same_name(a.wire(), b.wire()); }

SpecialName special_name(const Name& name) noexcept {
  auto rest = name.wire();
  std::span<const std::byte> last;
  for (auto label = take_label(rest); !label.empty(); label = take_label(rest)) { last = label; }
  if (same_label(last, bytes_of("localhost"))) { return SpecialName::localhost; }
  if (same_label(last, bytes_of("local"))) { return SpecialName::multicast; }
  if (same_label(last, bytes_of("invalid")) || same_label(last, bytes_of("onion"))) { return SpecialName::never; }
  return SpecialName::none;
}

}  // namespace nal::dns

#include "backends/embedded/wire/domain_list.hpp"

namespace nal::embedded::wire {
namespace {

constexpr std::size_t kMaxLabel = 63;
constexpr std::size_t kMaxName = 255;

constexpr bool is_name_character(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

}  // namespace

std::optional<std::string_view> DomainList::next(std::span<char, kMaxDomainText> out) noexcept {
  std::size_t written = 0;
  std::size_t at = position_;
  std::size_t lowest = at;  // a pointer leads before this, so that none can loop
  std::size_t behind = 0;   // of the first pointer
  std::size_t size = 1;
  position_ = bytes_.size();
  for (;;) {
    if (at >= bytes_.size()) { return std::nullopt; }
    const std::size_t length = load_u8(bytes_.data() + at);
    if ((length & 0xc0) == 0xc0) {
      if (bytes_.size() - at < 2) { return std::nullopt; }
      const std::size_t target = load_be16(bytes_.data() + at) & 0x3fffU;
      if (target >= lowest) { return std::nullopt; }
      if (behind == 0) { behind = at + 2; }
      at = lowest = target;
      continue;
    }
    if (length > kMaxLabel) { return std::nullopt; }
    ++at;
    if (length == 0) { break; }
    size += 1 + length;
    if (length > bytes_.size() - at || size > kMaxName) { return std::nullopt; }
    if (size > 2 + length) { out[written++] = '.'; }
    for (std::size_t i = 0; i < length; ++i) {
      const char c = static_cast<char>(load_u8(bytes_.data() + at + i));
      if (!is_name_character(c)) { return std::nullopt; }
      out[written++] = c;
    }
    at += length;
  }
  if (size == 1) { return std::nullopt; }
  position_ = behind != 0 ? behind : at;
  return std::string_view(out.data(), written);
}

Result<std::size_t> put_domain(std::string_view text, std::span<std::byte> out, std::size_t position) noexcept {
  if (!text.empty() && text.back() == '.') { text.remove_suffix(1); }
  if (text.empty() || text.size() > kMaxDomainText) { return Unexpected(Error::invalid_argument); }
  if (position > out.size() || text.size() + 2 > out.size() - position) { return Unexpected(Error::buffer_too_small); }
  while (!text.empty()) {
    std::size_t length = 0;
    while (length < text.size() && text[length] != '.') {
      if (!is_name_character(text[length])) { return Unexpected(Error::invalid_argument); }
      ++length;
    }
    if (length == 0 || length > kMaxLabel || length + 1 == text.size()) { return Unexpected(Error::invalid_argument); }
    store_u8(&out[position], static_cast<std::uint32_t>(length));
    std::memcpy(&out[position + 1], text.data(), length);
    position += 1 + length;
    text.remove_prefix(length < text.size() ? length + 1 : length);
  }
  out[position] = std::byte{0};
  return position + 1;
}

}  // namespace nal::embedded::wire

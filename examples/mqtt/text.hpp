#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace mqtt {

/// The bytes of a text, for payloads.
inline std::span<const std::byte> bytes_of(std::string_view text) noexcept {
  return std::as_bytes(std::span(text.data(), text.size()));
}
/// Bytes seen as a text; says nothing about their being one.
inline std::string_view text_of(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Whether a text may stand in a packet: at most 65,535 bytes of well-formed UTF-8 (RFC 3629: no overlong forms, no
/// surrogates, nothing above U+10FFFF) without U+0000 (§1.5.3).
constexpr bool is_mqtt_text(std::string_view text) noexcept {
  if (text.size() > 0xFFFF) { return false; }
  std::size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<std::uint8_t>(text[i++]);
    if (lead == 0) { return false; }
    if (lead < 0x80) { continue; }
    if (lead < 0xC2 || lead > 0xF4) { return false; }
    const unsigned more = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    std::uint32_t code = lead & (0x3FU >> more);
    for (unsigned n = 0; n < more; ++n) {
      if (i == text.size()) { return false; }
      const auto byte = static_cast<std::uint8_t>(text[i++]);
      if ((byte & 0xC0) != 0x80) { return false; }
      code = code << 6 | (byte & 0x3FU);
    }
    // What fits fewer bytes (two: the lead has told), surrogates, what is too large.
    if (code >> (5 * more + 1) == 0 || code >> 11 == 0xD800 >> 11 || code > 0x10FFFF) { return false; }
  }
  return true;
}

}  // namespace mqtt

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
    const std::size_t more = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    if (text.size() - i < more) { return false; }
    // The second byte's range keeps out overlong forms, surrogates and what is too large.
    std::uint8_t low = 0x80;
    std::uint8_t high = 0xBF;
    if (lead == 0xE0) { low = 0xA0; }
    if (lead == 0xED) { high = 0x9F; }
    if (lead == 0xF0) { low = 0x90; }
    if (lead == 0xF4) { high = 0x8F; }
    for (std::size_t end = i + more; i < end; ++i) {
      const auto byte = static_cast<std::uint8_t>(text[i]);
      if (byte < low || byte > high) { return false; }
      low = 0x80;
      high = 0xBF;
    }
  }
  return true;
}

}  // namespace mqtt

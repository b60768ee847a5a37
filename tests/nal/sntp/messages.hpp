#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nal/sntp/message.hpp"

namespace nal::sntp::test {

using Message = std::array<std::byte, kMessageSize>;

inline void store(std::span<std::byte> message, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) { message[at + i] = static_cast<std::byte>(value >> (24 - 8 * i) & 0xff); }
}

/// What a server says; where its fields stand is as RFC 4330 §4 draws it.
struct Answer {
  std::uint32_t leap = 0;
  std::uint32_t version = 4;
  std::uint32_t mode = 4;
  std::uint8_t stratum = 2;
  std::uint32_t root_delay = 0x0000'2000;       // 125 ms
  std::uint32_t root_dispersion = 0x0000'1000;  // 62.5 ms
  std::uint32_t reference = 0x7f7f'0101;
  // 2023-11-14T22:13:20Z is 1,700,000,000 s after 1970-01-01.
  std::uint32_t received_seconds = 1'700'000'000U + 2'208'988'800U;
  std::uint32_t received_fraction = 0x8000'0000;  // half a second
  std::uint32_t sent_seconds = 1'700'000'000U + 2'208'988'800U;
  std::uint32_t sent_fraction = 0xc000'0000;

  /// To a request.
  Message message(std::span<const std::byte> request) const {
    Message out{};
    out[0] = static_cast<std::byte>(leap << 6 | version << 3 | mode);
    out[1] = static_cast<std::byte>(stratum);
    store(out, 4, root_delay);
    store(out, 8, root_dispersion);
    store(out, 12, reference);
    for (std::size_t i = 0; i < 8; ++i) { out[24 + i] = request[40 + i]; }
    store(out, 32, received_seconds);
    store(out, 36, received_fraction);
    store(out, 40, sent_seconds);
    store(out, 44, sent_fraction);
    return out;
  }
};

}  // namespace nal::sntp::test

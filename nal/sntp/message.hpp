#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nal/sntp/unix_time.hpp"

namespace nal::sntp {

/// Of a message without key and extensions (RFC 4330 §4).
inline constexpr std::size_t kMessageSize = 48;
/// What the server sends back, so that nobody else's answer is taken for its own: 64 random bits in place of this
/// host's time, which the server does not need to know.
using Cookie = std::array<std::uint32_t, 2>;

/// Says whether a leap second ends the day (RFC 4330 §4).
enum class Leap : std::uint8_t { none = 0, second_more = 1, second_less = 2, unknown = 3 };

/// What there is to learn from a server's message.
struct Reply {
  enum class Kind : std::uint8_t {
    time,            ///< all of it is there
    nothing,         ///< no answer to this request, or none at all: wait on
    refused,         ///< "DENY" or "RSTR": this server is never to be asked again (RFC 4330 §8)
    slow_down,       ///< "RATE": it is to be asked more seldom
    unsynchronised,  ///< the server does not know the time itself, or says too little of how well
  };
  Kind kind = Kind::nothing;
  Leap leap = Leap::unknown;
  std::uint8_t stratum = 0;  ///< 1: it has a reference clock; 2 to 15: so many servers away from one
  UnixTime received;         ///< when the request reached the server
  UnixTime sent;             ///< when the answer left it
  Duration root_delay;       ///< to the reference clock and back
  Duration root_dispersion;  ///< how wrong it may be besides
};

/// A client's request, version 4.
std::array<std::byte, kMessageSize> write_request(const Cookie& cookie) noexcept;
/// Total: every sequence of bytes is something. Dates are of 1968 to 2104 (RFC 4330 §3).
Reply read_reply(std::span<const std::byte> message, const Cookie& cookie) noexcept;

}  // namespace nal::sntp

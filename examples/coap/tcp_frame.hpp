#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "nal/result.hpp"

namespace coap {

/// What stands before a message's token on a stream (RFC 8323 §3.2): lengths and the code. Options, marker and payload
/// follow the token as in a datagram; there are no types and no message ids.
struct TcpHeader {
  /// Length byte, extended length, code.
  static constexpr std::size_t kMaxSize = 6;

  std::uint8_t size = 0;          ///< of this header in bytes; 0: not all of it has come
  std::uint8_t token_length = 0;  ///< 0 to 8
  std::uint8_t code = 0;          ///< class and detail, as in a datagram
  std::uint32_t length = 0;       ///< of options, marker and payload

  /// Reads the front of what has come so far. More may be needed: the result is not `complete`. What is known then is
  /// refused already. *Errors*: protocol_error: a token length of 9 to 15; message_size: a length that 32 bits do not
  /// hold.
  static nal::Result<TcpHeader> parse(std::span<const std::byte> bytes) noexcept;

  constexpr bool complete() const noexcept { return size != 0; }
  /// Of the whole message, the token too: what Max-Message-Size bounds (RFC 8323 §5.3.1).
  constexpr std::uint64_t total() const noexcept { return std::uint64_t{size} + token_length + length; }

  /// How many bytes the header of a message takes whose options, marker and payload are of that length.
  static constexpr std::size_t size_for(std::uint32_t length) noexcept {
    return length < 13 ? 2 : length < 269 ? 3 : length < 65805 ? 4 : 6;
  }
  /// Writes a header for `token_length`, `code` and `length`, whatever `size` says. Gives its size.
  /// *Errors*: buffer_too_small: `out` is shorter than `size_for(length)`; invalid_argument: a token longer than 8.
  nal::Result<std::size_t> write(std::span<std::byte> out) const noexcept;
};

}  // namespace coap

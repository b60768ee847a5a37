#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nal/time.hpp"

namespace coap {

/// How messages are repeated and how long their ids are remembered (RFC 7252 §4.8). Both sides of an exchange must
/// agree on them, so change them only where all are yours.
struct Transmission {
  nal::Duration ack_timeout = nal::Duration::seconds(2);
  std::uint16_t ack_random_percent = 150;  ///< ACK_RANDOM_FACTOR
  std::uint8_t max_retransmit = 4;
  std::uint8_t nstart = 1;  ///< interactions outstanding with one peer
  nal::Duration leisure = nal::Duration::seconds(5);
  nal::Duration max_latency = nal::Duration::seconds(100);

  // RFC 7252 §4.8.2.
  constexpr nal::Duration max_transmit_span() const noexcept { return span(max_retransmit); }
  constexpr nal::Duration max_transmit_wait() const noexcept { return span(max_retransmit + 1u); }
  constexpr nal::Duration exchange_lifetime() const noexcept {
    return max_transmit_span() + max_latency + max_latency + ack_timeout;
  }
  constexpr nal::Duration non_lifetime() const noexcept { return max_transmit_span() + max_latency; }

 private:
  constexpr nal::Duration span(unsigned doublings) const noexcept {
    return ack_timeout * ((std::int64_t{1} << doublings) - 1) * ack_random_percent / 100;
  }
};

struct NodeConfig {
  /// From a source of real randomness, else others can guess tokens and forge answers.
  std::uint64_t seed = 0;
  std::uint8_t token_size = 4;  ///< of requests, 1 to 8
  Transmission transmission{};
};

/// Memory of a node. The caller's; outlives the node.
struct Memory {
  std::span<std::byte> receive;  ///< the largest message to be received
  std::span<std::byte> send;     ///< the largest message to be sent, and two bytes
};

struct BufferSizes {
  // RFC 7252 §4.6: blocks of 1024 bytes and options.
  std::size_t receive = 1152;
  std::size_t send = 1154;
};

/// Memory for one node, declared as one object.
template <BufferSizes Sizes = BufferSizes{}>
class Buffers {
 public:
  Memory memory() noexcept { return {receive_, send_}; }

 private:
  std::array<std::byte, Sizes.receive> receive_;
  std::array<std::byte, Sizes.send> send_;
};

}  // namespace coap

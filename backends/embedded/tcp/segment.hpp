#pragma once
#include "backends/embedded/tcp/seq_number.hpp"
#include "backends/embedded/wire/checksum.hpp"
#include "backends/embedded/wire/tcp.hpp"

namespace nal::embedded {

/// A segment that has arrived whole: its checksum was right.
struct Segment {
  SeqNumber seq;
  SeqNumber ack;
  std::uint8_t flags = 0;
  bool congested = false;    ///< IP says so (RFC 3168: CE)
  std::uint16_t window = 0;  ///< as it stands there
  std::span<const std::byte> payload;
  wire::TcpSegmentOptions options;

  Segment(const wire::TcpView& view, bool congestion_met) noexcept
      : seq(view.sequence()),
        ack(view.acknowledgment()),
        flags(view.flags()),
        congested(congestion_met),
        window(view.window()),
        payload(view.payload()),
        options(view.parse_options()) {}

  bool has(std::uint8_t flag) const noexcept { return (flags & flag) != 0; }
  /// Places in the sequence space that it takes (RFC 9293: SEG.LEN).
  std::uint32_t length() const noexcept {
    return static_cast<std::uint32_t>(payload.size()) + (has(wire::tcp_flag::syn) ? 1u : 0u) +
           (has(wire::tcp_flag::fin) ? 1u : 0u);
  }
};

}  // namespace nal::embedded

#pragma once
#include <array>

#include "backends/embedded/ip/network.hpp"
#include "backends/embedded/storage/range_set.hpp"

namespace nal::embedded {

/// A fragment, as its header tells it.
struct Fragment {
  Address source;
  Address destination;
  std::uint32_t identification;
  Protocol protocol;  ///< of IPv6: of the first fragment's header, and no part of what names the packet
  std::size_t offset;
  bool more;
  std::span<const std::byte> data;
  std::span<const std::byte> header;  ///< the IP header, for the packet put together
};

/// A packet that is being put together. An entry of `Reassembly`.
struct PartialPacket {
  Address source;
  Address destination;
  std::uint32_t identification = 0;
  Protocol protocol{};
  bool refused = false;  ///< parts overlap: whatever else comes of it is dropped too (RFC 5722)
  bool has_first = false;
  std::uint32_t size = 0;  ///< of the payload; 0 until the last fragment has come
  Instant until = Instant::min();
  Packet packet;  ///< room for the header, then the payload
  std::array<RangeSet::Range, 8> ranges;
  RangeSet received{ranges};

  PartialPacket() noexcept = default;
  PartialPacket(const PartialPacket&) = delete;
  PartialPacket& operator=(const PartialPacket&) = delete;

  bool in_use() const noexcept { return static_cast<bool>(packet) || refused; }
  /// The entry is free, and its packet goes back.
  void clear() noexcept {
    packet = Packet();
    refused = has_first = false;
    size = 0;
    received.clear();
  }
};

/// Puts fragments together (RFC 791 §3.2, RFC 815, RFC 8200 §4.5, RFC 5722): a few packets at a time, each in a packet
/// of its own, so that no fragment takes another datagram's place or time. Fragments that overlap without being the
/// same are an attack or an accident, and end the packet. A fragment of nothing that is known takes the place of the
/// oldest partial packet when there is none free.
class Reassembly {
 public:
  static constexpr Duration kTimeout = Duration::seconds(30);  // RFC 6145's and Linux's; RFC 8200 allows up to 60

  explicit Reassembly(std::span<PartialPacket> partial) noexcept : partial_(partial) {}

  struct Statistics {
    std::uint32_t completed = 0;
    std::uint32_t timed_out = 0;
    std::uint32_t overlapping = 0;
    std::uint32_t malformed = 0;
    std::uint32_t no_room = 0;
  };

  /// Takes a fragment; gives the packet when this was the last to come: its IP header (of `headroom` and `header` bytes
  /// in front), then all of the payload. `allocate` gives an empty packet, or null.
  template <class Allocate>
  Packet input(const Fragment& fragment, Instant now, Allocate allocate) noexcept {
    PartialPacket* const entry = find(fragment, now);
    if (!entry) { return {}; }
    if (!entry->packet) {
      entry->packet = allocate();
      if (!entry->packet) {
        ++statistics_.no_room;
        return {};
      }
    }
    return add(*entry, fragment);
  }

  /// Drops what is too old. Gives the first fragment of one such packet in turn, for the time exceeded message that its
  /// sender is owed (RFC 4443 §3.3); null when there is none.
  Packet expire(Instant now) noexcept;
  Instant poll_at() const noexcept { return next_; }

  const Statistics& statistics() const noexcept { return statistics_; }

 private:
  PartialPacket* find(const Fragment& fragment, Instant now) noexcept;
  Packet add(PartialPacket& entry, const Fragment& fragment) noexcept;
  void refuse(PartialPacket& entry) noexcept;

  std::span<PartialPacket> partial_;
  Instant next_ = Instant::max();
  Statistics statistics_;
};

}  // namespace nal::embedded

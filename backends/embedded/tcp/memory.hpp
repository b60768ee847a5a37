#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "backends/embedded/tcp/tables.hpp"

namespace nal::embedded {

/// Rings of one size: `count` connections may have a pair of them at a time.
struct TcpRings {
  std::uint32_t rx = 0;  ///< bytes
  std::uint32_t tx = 0;
  std::uint16_t count = 0;
};

/// How much of everything. A connection takes a slot and, from the end of its handshake on, rings of its class.
struct TcpConfig {
  std::uint16_t connections = 4;
  std::uint16_t listeners = 2;
  std::uint16_t handshakes = 8;  ///< that listeners may have under way
  std::uint16_t time_waits = 8;
  std::array<TcpRings, 3> rings{{{2048, 2048, 4}}};  ///< by `TcpOptions::ring_class`

  static constexpr std::size_t kSegment = 1460;
  /// Transmit records for a ring: one for each full segment, and a few for the ends of ranges.
  static constexpr std::uint16_t records(const TcpRings& rings) noexcept {
    return static_cast<std::uint16_t>((features::kTcpSack ? rings.tx / kSegment : 0) + SentData::kMinRecords);
  }
  /// Ranges of data out of order: one for each third segment.
  static constexpr std::uint16_t ranges(const TcpRings& rings) noexcept {
    return static_cast<std::uint16_t>(rings.rx / (3 * kSegment) + 4);
  }
  constexpr std::size_t ring_count() const noexcept {
    std::size_t sum = 0;
    for (const TcpRings& it : rings) { sum += it.count; }
    return sum;
  }
  constexpr std::size_t largest_ring() const noexcept {
    std::size_t largest = 0;
    for (const TcpRings& it : rings) { largest = std::max<std::size_t>({largest, it.rx, it.tx}); }
    return largest;
  }
  constexpr std::size_t ring_bytes() const noexcept {
    std::size_t sum = 0;
    for (const TcpRings& it : rings) { sum += (std::size_t{it.rx} + it.tx) * it.count; }
    return sum;
  }
  constexpr std::size_t record_count() const noexcept {
    std::size_t sum = 0;
    for (const TcpRings& it : rings) { sum += std::size_t{records(it)} * it.count; }
    return sum;
  }
  constexpr std::size_t range_count() const noexcept {
    std::size_t sum = 0;
    for (const TcpRings& it : rings) { sum += std::size_t{ranges(it)} * it.count; }
    return sum;
  }
  /// Of the hash table: a power of two.
  constexpr std::size_t buckets() const noexcept {
    if (features::kFewSockets) { return 0; }
    return power_of_two(std::max(4u, unsigned{connections} + handshakes + time_waits));
  }
  /// Of that of listeners.
  constexpr std::size_t listener_buckets() const noexcept {
    return features::kFewSockets ? 0 : power_of_two(listeners);
  }

 private:
  static constexpr std::size_t power_of_two(std::size_t at_least) noexcept {
    std::size_t n = 1;
    while (n < at_least) { n *= 2; }
    return n;
  }
};

/// Hash tables, each with a power of two of buckets.
struct TcpBuckets {
  std::span<FlowIndex> flows;
  std::span<FlowIndex> listeners;  ///< by port
};
struct NoTcpBuckets {
  constexpr NoTcpBuckets(std::span<FlowIndex>, std::span<FlowIndex>) noexcept {}
  static constexpr std::span<FlowIndex> flows{}, listeners{};
};

/// The memory of a `Tcp`: what `TcpResources` holds, or anybody else.
struct TcpMemory {
  std::span<Connection> connections;
  std::span<ListenerEntry> listeners;
  std::span<SynEntry> handshakes;
  std::span<TimeWaitEntry> time_waits;
  [[no_unique_address]] std::conditional_t<features::kFewSockets, NoTcpBuckets, TcpBuckets> buckets;
  std::span<RingClass> classes;
  std::span<const TcpRings> rings;  ///< one for each class
  std::span<std::uint16_t> ring_links;
  std::span<std::byte> ring_bytes;
  std::span<SentData::Record> records;
  std::span<RangeSet::Range> ranges;
};

/// The memory of a `Tcp` as a type: a part of a stack's resources. Outlives the `Tcp`.
template <TcpConfig kConfig>
class TcpResources {
 public:
  TcpResources() noexcept = default;
  TcpResources(const TcpResources&) = delete;
  TcpResources& operator=(const TcpResources&) = delete;

  TcpMemory memory() noexcept {
    return {connections_, listeners_,  handshakes_, time_waits_, {buckets_, listener_buckets_}, classes_, kRings,
            ring_links_,  ring_bytes_, records_,    ranges_};
  }

 private:
  static_assert(features::kTcpWindowScale || kConfig.largest_ring() <= 0xffff, "larger rings need window scaling");
  static constexpr std::array<TcpRings, 3> kRings = kConfig.rings;
  std::array<Connection, kConfig.connections> connections_;
  std::array<ListenerEntry, kConfig.listeners> listeners_;
  std::array<SynEntry, kConfig.handshakes> handshakes_;
  std::array<TimeWaitEntry, kConfig.time_waits> time_waits_;
  std::array<FlowIndex, kConfig.buckets()> buckets_;
  std::array<FlowIndex, kConfig.listener_buckets()> listener_buckets_;
  std::array<RingClass, 3> classes_;
  std::array<std::uint16_t, kConfig.ring_count()> ring_links_;
  std::array<SentData::Record, kConfig.record_count()> records_;
  std::array<RangeSet::Range, kConfig.range_count()> ranges_;
  std::array<std::byte, kConfig.ring_bytes()> ring_bytes_;
};

}  // namespace nal::embedded

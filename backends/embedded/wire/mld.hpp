#pragma once
#include <optional>

#include "backends/embedded/wire/bytes.hpp"
#include "backends/embedded/wire/checksum.hpp"
#include "backends/embedded/wire/group_record.hpp"
#include "backends/embedded/wire/icmp.hpp"
#include "nal/assert.hpp"

/// Multicast Listener Discovery, both versions (RFC 2710, RFC 3810). A message counts only with hop limit 1, a
/// link-local source and a right checksum: those are looked at by whoever has the IP header.

namespace nal::embedded::wire {

inline constexpr std::uint8_t kMldHopLimit = 1;
/// Of every message of version 1.
inline constexpr std::size_t kMldSize = 24;
inline constexpr std::size_t kMldv2QuerySize = 28;  ///< without sources

/// A message, of one of the four types `multicast_listener_*`. Lives as long as its bytes.
class MldView {
 public:
  /// None of what has another type, or is shorter than it says.
  static std::optional<MldView> parse(std::span<const std::byte> bytes) noexcept;

  Icmpv6Type type() const noexcept { return static_cast<Icmpv6Type>(load_u8(bytes_.data())); }
  /// Of all but `multicast_listener_report_v2`; unspecified in a general query.
  Ipv6Bytes group() const noexcept { return load_ipv6(bytes_.data() + 8); }

  // Of queries.

  /// RFC 3810 §8.1: told by size.
  unsigned version() const noexcept { return bytes_.size() >= kMldv2QuerySize ? 2 : 1; }
  /// In milliseconds.
  std::uint32_t max_response_time() const noexcept {
    const std::uint16_t code = load_be16(bytes_.data() + 4);
    return version() == 1 ? code : decode_time_code16(code);
  }
  /// The rest is version 2's; without meaning below.
  bool suppress_router_processing() const noexcept { return version() == 2 && (load_u8(bytes_.data() + 24) & 8) != 0; }
  /// 0: not told.
  std::uint8_t robustness() const noexcept {
    return version() == 2 ? load_u8(bytes_.data() + 24) & 7 : std::uint8_t{0};
  }
  /// In seconds; 0 in version 1.
  std::uint32_t query_interval() const noexcept {
    return version() == 2 ? decode_time_code8(load_u8(bytes_.data() + 25)) : 0;
  }
  GroupSources<16> sources() const noexcept {
    if (version() != 2) { return {}; }
    return GroupSources<16>(bytes_.subspan(kMldv2QuerySize, load_be16(bytes_.data() + 26) * std::size_t{16}));
  }

  /// Of `multicast_listener_report_v2`.
  GroupRecords<16> records() const noexcept { return {bytes_.subspan(8), load_be16(bytes_.data() + 6)}; }

 private:
  explicit MldView(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}

  std::span<const std::byte> bytes_;
};

/// A message of version 1 to send.
struct MldMessage {
  Icmpv6Type type = Icmpv6Type::multicast_listener_report;
  std::uint16_t max_response_time = 0;  ///< of queries, in milliseconds
  Ipv6Bytes group;

  /// To the first `kMldSize` bytes of `out` (asserted that they are there). `source` and `destination` of the packet.
  void emit(std::span<std::byte> out, Ipv6Bytes source, Ipv6Bytes destination) const noexcept;
};

/// A query of version 2 to send.
struct Mldv2Query {
  std::uint16_t max_response_code = 10'000;
  Ipv6Bytes group;
  bool suppress_router_processing = false;
  std::uint8_t robustness = 2;  ///< from 0 to 7
  std::uint8_t query_interval_code = 125;
  std::span<const std::byte> sources{};  ///< of 16 bytes each

  std::size_t size() const noexcept { return kMldv2QuerySize + sources.size(); }
  /// To the start of `out`, which has `size()` bytes at least (asserted).
  void emit(std::span<std::byte> out, Ipv6Bytes source, Ipv6Bytes destination) const noexcept;
};

/// A report of version 2 to send: `add` the records, then `finish`.
class Mldv2ReportWriter : public GroupReportWriter<16> {
 public:
  using GroupReportWriter::GroupReportWriter;
  /// The report with its checksum; empty without records. `source` and `destination` of the packet.
  std::span<const std::byte> finish(Ipv6Bytes source, Ipv6Bytes destination) noexcept;
};

}  // namespace nal::embedded::wire

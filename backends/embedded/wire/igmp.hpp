#pragma once
#include <optional>

#include "backends/embedded/wire/bytes.hpp"
#include "backends/embedded/wire/checksum.hpp"
#include "backends/embedded/wire/group_record.hpp"
#include "nal/assert.hpp"

/// IGMP, all versions (RFC 1112, RFC 2236, RFC 3376).

namespace nal::embedded::wire {

inline constexpr std::uint8_t kIgmpProtocol = 2;
/// Of every message but version 3's.
inline constexpr std::size_t kIgmpSize = 8;
inline constexpr std::size_t kIgmpv3QuerySize = 12;  ///< without sources

enum class IgmpType : std::uint8_t {
  query = 0x11,
  report_v1 = 0x12,
  report_v2 = 0x16,
  leave = 0x17,
  report_v3 = 0x22,
};

/// A message. Lives as long as its bytes.
class IgmpView {
 public:
  /// None of what is shorter than it says, or whose checksum is wrong.
  static std::optional<IgmpView> parse(std::span<const std::byte> bytes) noexcept;

  IgmpType type() const noexcept { return static_cast<IgmpType>(load_u8(bytes_.data())); }
  /// Of all but `report_v3`; unspecified in a general query.
  Ipv4Address group() const noexcept { return load_ipv4(bytes_.data() + 4); }

  // Of queries.

  /// RFC 3376 §7.1: told by size and response time.
  unsigned version() const noexcept {
    if (bytes_.size() >= kIgmpv3QuerySize) { return 3; }
    return load_u8(bytes_.data() + 1) == 0 ? 1 : 2;
  }
  /// In tenths of a second; version 1 means 10 s.
  std::uint32_t max_response_time() const noexcept {
    const std::uint8_t code = load_u8(bytes_.data() + 1);
    switch (version()) {
      case 1: return 100;
      case 2: return code;
      default: return decode_time_code8(code);
    }
  }
  /// The rest is version 3's; without meaning below.
  bool suppress_router_processing() const noexcept { return version() == 3 && (load_u8(bytes_.data() + 8) & 8) != 0; }
  /// 0: not told.
  std::uint8_t robustness() const noexcept { return version() == 3 ? load_u8(bytes_.data() + 8) & 7 : std::uint8_t{0}; }
  /// In seconds; 0 below version 3.
  std::uint32_t query_interval() const noexcept {
    return version() == 3 ? decode_time_code8(load_u8(bytes_.data() + 9)) : 0;
  }
  GroupSources<4> sources() const noexcept {
    if (version() != 3) { return {}; }
    return GroupSources<4>(bytes_.subspan(kIgmpv3QuerySize, load_be16(bytes_.data() + 10) * std::size_t{4}));
  }

  /// Of `report_v3`.
  GroupRecords<4> records() const noexcept { return {bytes_.subspan(8), load_be16(bytes_.data() + 6)}; }

 private:
  explicit IgmpView(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}

  std::span<const std::byte> bytes_;
};

/// A report or leave of version 1 or 2, or a query of them, to send.
struct IgmpMessage {
  IgmpType type = IgmpType::report_v2;
  std::uint8_t max_response_time = 0;  ///< of queries, in tenths of a second; 0 makes it one of version 1
  Ipv4Address group{};

  /// To the first `kIgmpSize` bytes of `out` (asserted that they are there).
  void emit(std::span<std::byte> out) const noexcept {
    NAL_ASSERT(out.size() >= kIgmpSize);
    std::byte* const at = out.data();
    store_be32(at, static_cast<std::uint32_t>(type) << 24 | std::uint32_t{max_response_time} << 16);
    store_ipv4(at + 4, group);
    store_be16(at + 2, sum(out.first(kIgmpSize)).checksum());
  }
};

/// A query of version 3 to send.
struct Igmpv3Query {
  std::uint8_t max_response_code = 100;
  Ipv4Address group{};
  bool suppress_router_processing = false;
  std::uint8_t robustness = 2;  ///< from 0 to 7
  std::uint8_t query_interval_code = 125;
  std::span<const std::byte> sources{};  ///< of 4 bytes each

  std::size_t size() const noexcept { return kIgmpv3QuerySize + sources.size(); }
  /// To the start of `out`, which has `size()` bytes at least (asserted).
  void emit(std::span<std::byte> out) const noexcept;
};

/// A report of version 3 to send: `add` the records, then `finish`.
class Igmpv3ReportWriter : public GroupReportWriter<4> {
 public:
  using GroupReportWriter::GroupReportWriter;
  /// The report with its checksum; empty without records.
  std::span<const std::byte> finish() noexcept {
    const auto report = message(static_cast<std::uint8_t>(IgmpType::report_v3));
    if (!report.empty()) { store_be16(report.data() + 2, sum(report).checksum()); }
    return report;
  }
};

}  // namespace nal::embedded::wire

#pragma once
#include "backends/embedded/ip/link.hpp"
#include "backends/embedded/wire/igmp.hpp"
#include "backends/embedded/wire/mld.hpp"

namespace nal::embedded {

/// Reports of IGMPv3 (`Writer` is `wire::Igmpv3ReportWriter`) or MLDv2 (`wire::Mldv2ReportWriter`), in as many packets
/// as it takes.
template <class Writer>
class GroupReport {
 public:
  using Type = wire::GroupRecordType;

  GroupReport(Link& link, Interface& interface, Instant now) noexcept : link_(link), interface_(interface), now_(now) {}

  /// A record without sources.
  void add_group(Type type, const Address& group) noexcept {
    flush();
    type_ = type;
    group_ = group;
    add();
  }
  /// One more source. Those of one group and one type come one after the other; where a record is full, another of the
  /// same group and type says the rest (RFC 3376 §4.2.16).
  void add_source(Type type, const Address& group, const Address& source) noexcept {
    if (count_ == kMaxSources || type != type_ || group != group_) { flush(); }
    type_ = type;
    group_ = group;
    std::memcpy(sources_.data() + kSize * count_++, source.wire().data(), kSize);
  }
  /// Sends what there is; false when there was no packet for all of it, which is to be told once more then.
  bool send() noexcept {
    flush();
    send_packet();
    return !failed_;
  }

 private:
  static constexpr bool kV4 = std::is_same_v<Writer, wire::Igmpv3ReportWriter>;
  static constexpr std::size_t kSize = kV4 ? 4 : 16;
  /// In one record: they stand on the stack until it is written.
  static constexpr std::size_t kMaxSources = 8;

  void flush() noexcept {
    if (count_ > 0) { add(); }
  }
  void add() noexcept;
  void send_packet() noexcept;

  Link& link_;
  Interface& interface_;
  Instant now_;
  Packet packet_;
  std::optional<Writer> writer_;
  bool failed_ = false;
  Address group_;
  Type type_{};
  std::size_t count_ = 0;
  std::array<std::byte, kSize * kMaxSources> sources_;
};

using IgmpReport = GroupReport<wire::Igmpv3ReportWriter>;
using MldReport = GroupReport<wire::Mldv2ReportWriter>;

// A report (joined), or that a group is left, as older routers know it. False when there is no packet to send it in.

/// RFC 2236, or RFC 1112 (which knows no leaving).
bool send_old_igmp(Link& link, Interface& interface, const Address& group, bool joined, bool version_1,
                   Instant now) noexcept;
/// RFC 2710
bool send_mldv1(Link& link, Interface& interface, const Address& group, bool joined, Instant now) noexcept;

}  // namespace nal::embedded

#pragma once
#include "backends/embedded/ip/link.hpp"
#include "backends/embedded/wire/igmp.hpp"
#include "backends/embedded/wire/mld.hpp"

namespace nal::embedded {

/// Reports of IGMPv3, or for groups of IPv6 of MLDv2, in as many packets as it takes.
class GroupReport {
 public:
  using Type = wire::GroupRecordType;

  GroupReport(Link& link, Interface& interface, const Address& group, Instant now) noexcept
      : link_(link), interface_(interface), now_(now), group_(group) {}

  /// A record without sources.
  void add(Type type) noexcept;
  /// One more source. Those of one type come one after the other; where a record is full, another of the same type says
  /// the rest (RFC 3376 §4.2.16).
  void add_source(Type type, const Address& source) noexcept;
  /// Sends what there is; false when there was no packet for all of it, which is to be told once more then.
  bool send() noexcept;

 private:
  /// In one record: they stand on the stack until it is written.
  static constexpr std::size_t kMaxSources = 8;

  void add_record() noexcept;
  bool write_record(std::span<const std::byte> sources) noexcept;
  void send_packet() noexcept;

  Link& link_;
  Interface& interface_;
  Instant now_;
  const Address& group_;
  Packet packet_;
  // At most one of them is there, writing into the packet.
  std::optional<wire::Igmpv3ReportWriter> igmp_;
  std::optional<wire::Mldv2ReportWriter> mld_;
  bool failed_ = false;
  Type type_{};
  std::size_t count_ = 0;
  std::array<std::byte, Address::kSize * kMaxSources> sources_;
};

// A report (joined), or that a group is left, as older routers know it. False when there is no packet to send it in.

/// RFC 2236, or RFC 1112 (which knows no leaving).
bool send_old_igmp(Link& link, Interface& interface, const Address& group, bool joined, bool version_1,
                   Instant now) noexcept;
/// RFC 2710
bool send_mldv1(Link& link, Interface& interface, const Address& group, bool joined, Instant now) noexcept;

}  // namespace nal::embedded

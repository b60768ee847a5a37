#include "backends/embedded/ip/groups_report.hpp"

namespace nal::embedded {
namespace {

constexpr Ipv4Address kIgmpv3Routers(224, 0, 0, 22);
constexpr Ipv4Address kAllRouters(224, 0, 0, 2);
constexpr Ipv6Address kMldv2Routers(0xff02, 0, 0, 0, 0, 0, 0, 0x16);
/// With the Router Alert option, which both have.
constexpr std::size_t kIpv4Overhead = 24;
constexpr std::size_t kIpv6Overhead = 48;

wire::Ipv6Bytes bytes_of(const Address& address) noexcept { return wire::Ipv6Bytes(address.wire().data(), 16); }

/// Any address, or none (RFC 3376 §4.2.13); for IPv6 a link-local one, or none (RFC 3810 §5.2.13).
Address source_on(const Interface& interface, bool v4) noexcept {
  for (const InterfaceAddress& entry : interface.addresses) {
    if (entry.in_use() && entry.address.is_v4() == v4 && (v4 || entry.address.is_link_local())) {
      return entry.address;
    }
  }
  return v4 ? Address(Ipv4Address()) : Address();
}

void send_mld(Link& link, Interface& interface, const Address& source, const Address& destination, Packet&& packet,
              Instant now) noexcept {
  wire::store_be16(packet.data().data() + 2, 0);  // `send_control` puts the checksum in
  link.send_control(interface, source, destination, Protocol::icmpv6, std::move(packet), now);
}

}  // namespace

void GroupReport::add(Type type) noexcept {
  type_ = type;
  add_record();
}

void GroupReport::add_source(Type type, const Address& source) noexcept {
  if (count_ == kMaxSources || (count_ > 0 && type != type_)) { add_record(); }
  type_ = type;
  const auto bytes = source.wire();
  std::memcpy(sources_.data() + bytes.size() * count_++, bytes.data(), bytes.size());
}

bool GroupReport::send() noexcept {
  if (count_ > 0) { add_record(); }
  send_packet();
  return !failed_;
}

bool GroupReport::write_record(std::span<const std::byte> sources) noexcept {
  const auto group = group_.wire();
  if (igmp_) { return igmp_->add(type_, group.first<4>(), sources); }
  return mld_ && mld_->add(type_, group.first<16>(), sources);
}

void GroupReport::add_record() noexcept {
  const std::span<const std::byte> sources = std::span(sources_).first(group_.wire().size() * count_);
  count_ = 0;
  if (failed_ || write_record(sources)) { return; }
  send_packet();
  packet_ = link_.allocate();
  if (packet_) {
    const std::size_t overhead = group_.is_v4() ? kIpv4Overhead : kIpv6Overhead;
    const std::size_t room = interface_.mtu > overhead ? interface_.mtu - overhead : 0;
    const auto out = packet_.append(std::min(packet_.tailroom(), room));
    if (group_.is_v4()) {
      igmp_.emplace(out);
    } else {
      mld_.emplace(out);
    }
    if (write_record(sources)) { return; }
  }
  igmp_.reset();
  mld_.reset();
  packet_ = Packet();
  failed_ = true;
}

void GroupReport::send_packet() noexcept {
  const Address source = source_on(interface_, group_.is_v4());
  if (igmp_) {
    packet_.truncate(igmp_->finish().size());
    igmp_.reset();
    link_.send_control(interface_, source, kIgmpv3Routers, Protocol::igmp, std::move(packet_), now_);
  } else if (mld_) {
    packet_.truncate(mld_->finish(bytes_of(source), wire::bytes_of(kMldv2Routers)).size());
    mld_.reset();
    send_mld(link_, interface_, source, kMldv2Routers, std::move(packet_), now_);
  }
}

bool send_old_igmp(Link& link, Interface& interface, const Address& group, bool joined, bool version_1,
                   Instant now) noexcept {
  Packet packet = link.allocate();
  if (!packet || packet.tailroom() < wire::kIgmpSize) { return false; }
  using Type = wire::IgmpType;
  const Type type = !joined ? Type::leave : version_1 ? Type::report_v1 : Type::report_v2;
  wire::IgmpMessage{type, 0, group.v4()}.emit(packet.append(wire::kIgmpSize));
  link.send_control(interface, source_on(interface, true), joined ? group : Address(kAllRouters), Protocol::igmp,
                    std::move(packet), now);
  return true;
}

bool send_mldv1(Link& link, Interface& interface, const Address& group, bool joined, Instant now) noexcept {
  Packet packet = link.allocate();
  if (!packet || packet.tailroom() < wire::kMldSize) { return false; }
  using Type = wire::Icmpv6Type;
  const Address source = source_on(interface, false);
  const Address destination = joined ? group : Address(Ipv6Address::all_routers());
  wire::MldMessage{joined ? Type::multicast_listener_report : Type::multicast_listener_done, 0, bytes_of(group)}.emit(
      packet.append(wire::kMldSize), bytes_of(source), bytes_of(destination));
  send_mld(link, interface, source, destination, std::move(packet), now);
  return true;
}

}  // namespace nal::embedded

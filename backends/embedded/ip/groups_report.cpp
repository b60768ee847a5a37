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

template <class Writer>
void GroupReport<Writer>::add() noexcept {
  const std::size_t count = std::exchange(count_, 0);
  if (failed_) { return; }
  const std::span<const std::byte> sources = std::span(sources_).first(kSize * count);
  const std::span<const std::byte, kSize> group(group_.wire().data(), kSize);
  if (writer_ && writer_->add(type_, group, sources)) { return; }
  send_packet();
  packet_ = link_.allocate();
  if (packet_) {
    constexpr std::size_t kOverhead = kV4 ? kIpv4Overhead : kIpv6Overhead;
    const std::size_t room = interface_.mtu > kOverhead ? interface_.mtu - kOverhead : 0;
    writer_.emplace(packet_.append(std::min(packet_.tailroom(), room)));
    if (writer_->add(type_, group, sources)) { return; }
  }
  writer_.reset();
  packet_ = Packet();
  failed_ = true;
}

template <class Writer>
void GroupReport<Writer>::send_packet() noexcept {
  if (!writer_) { return; }
  const Address source = source_on(interface_, kV4);
  if constexpr (kV4) {
    packet_.truncate(writer_->finish().size());
    link_.send_control(interface_, source, kIgmpv3Routers, Protocol::igmp, std::move(packet_), now_);
  } else {
    packet_.truncate(writer_->finish(bytes_of(source), wire::bytes_of(kMldv2Routers)).size());
    send_mld(link_, interface_, source, kMldv2Routers, std::move(packet_), now_);
  }
  writer_.reset();
}

template class GroupReport<wire::Igmpv3ReportWriter>;
template class GroupReport<wire::Mldv2ReportWriter>;

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

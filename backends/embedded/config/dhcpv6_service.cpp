#include "backends/embedded/config/dhcpv6_service.hpp"

#include <algorithm>

#include "backends/embedded/wire/udp.hpp"

namespace nal::embedded {

Dhcpv6Service::Dhcpv6Service(IpLayer& ip, Udp& udp, InterfaceIndex interface, const Dhcpv6Client::Settings& settings,
                             std::span<std::byte> options, Random& random) noexcept
    : ip_(ip),
      udp_(udp),
      interface_(interface),
      client_(ip.interface(interface)->hardware_address, settings, options, random) {
  udp_.attach(*this);
}

Dhcpv6Service::~Dhcpv6Service() {
  take_address_away();
  udp_.detach(*this);
}

void Dhcpv6Service::start() noexcept {
  started_ = true;
  ip_.want_room();  // whoever runs the stack looks at its timers again
}

void Dhcpv6Service::release(Instant now) noexcept {
  started_ = false;
  doing_ = Doing::nothing;
  client_.release(now);
  take_address_away();
  ip_.want_room();
}

bool Dhcpv6Service::input(const Ingress& ingress, std::uint16_t destination_port, std::span<const std::byte> payload,
                          Instant now) noexcept {
  if (destination_port != wire::kDhcpv6ClientPort || ingress.interface != interface_ || !ingress.source.is_v6()) {
    return false;
  }
  client_.input(payload, now);
  return true;
}

Instant Dhcpv6Service::poll_at() const noexcept {
  if (started_ && wanted() != doing_) { return Instant::min(); }
  // Without an address to send from there is nothing to do: when there is one, the stack is polled.
  if (!link_local()) { return Instant::max(); }
  const Instant at = std::max(client_.poll_at(), no_packet_until_);
  const Dhcpv6Lease* const lease = client_.lease();
  const InterfaceAddress* const used = entry();
  const bool to_deprecate = lease && used && used->state == InterfaceAddress::State::preferred;
  return to_deprecate ? std::min(at, lease->preferred_until) : at;
}

void Dhcpv6Service::poll(Instant now) noexcept {
  if (started_) { follow_routers(now); }
  check_address(now);
  send_what_is_due(now);
  check_address(now);
  if (client_.version() != version_) {
    version_ = client_.version();
    ip_.tell_change();
  }
}

/// What routers have asked for goes on until the link is down, whatever later ones say (RFC 4861 §6.3.4), but more may
/// be asked for.
Dhcpv6Service::Doing Dhcpv6Service::wanted() const noexcept {
  const Interface& interface = *ip_.interface(interface_);
  if (!interface.up) { return Doing::nothing; }
  const Slaac::State& routers = ip_.slaac().state(interface);
  const Doing asked = routers.managed ? Doing::address : routers.other ? Doing::information : Doing::nothing;
  return std::max(doing_, asked);
}

void Dhcpv6Service::follow_routers(Instant now) noexcept {
  const Doing next = wanted();
  if (next == doing_) { return; }
  doing_ = next;
  if (next == Doing::nothing) {
    client_.stop();
  } else {
    client_.start(now, next == Doing::address ? Dhcpv6Client::Mode::address : Dhcpv6Client::Mode::information);
  }
}

const InterfaceAddress* Dhcpv6Service::link_local() const noexcept {
  for (const InterfaceAddress& address : ip_.interface(interface_)->addresses) {
    if (address.in_use() && address.address.is_v6() && address.address.is_link_local()) { return &address; }
  }
  return nullptr;
}

InterfaceAddress* Dhcpv6Service::entry() const noexcept {
  return address_.is_unspecified() ? nullptr : ip_.interface(interface_)->find(address_);
}

void Dhcpv6Service::check_address(Instant now) noexcept {
  const auto checked = client_.to_check();
  const Dhcpv6Lease* const lease = client_.lease();
  if (!checked && !lease) {
    take_address_away();
    return;
  }
  if (!entry()) { address_ = Address(); }  // its time was over
  const Address wanted(checked ? *checked : lease->address);
  if (address_ != wanted) {
    take_address_away();
    // RFC 8415 §18.2.10.1: an address says nothing of what is on the link.
    if (!ip_.add_address(interface_, wanted, 128, now, InterfaceAddress::Origin::dhcp)) { return; }
    address_ = wanted;
  }
  InterfaceAddress* const used = entry();
  if (!used) { return; }
  if (used->state == InterfaceAddress::State::duplicate) {
    take_address_away();
    client_.address_is_taken(now);
  } else if (used->in_use()) {
    client_.address_is_free();
    // RFC 4862 §5.5.4. Once for each lease: from then on the address keeps its own time.
    if (lease && (used->preferred_until != lease->preferred_until || used->valid_until != lease->valid_until)) {
      ip_.renew_address(*used, lease->preferred_until, lease->valid_until, now);
    }
  }
}

void Dhcpv6Service::send_what_is_due(Instant now) noexcept {
  const InterfaceAddress* const from = link_local();
  while (from && client_.poll_at() <= now) {
    Packet packet = ip_.allocate();
    if (!packet) {
      no_packet_until_ = now + kNoPacketDelay;
      return;
    }
    const auto header = packet.append(wire::kUdpHeaderSize);
    const auto body = packet.append(packet.tailroom());
    const Result<std::size_t> size = client_.poll(now, body);
    if (!size || *size == 0) { return; }
    packet.truncate(wire::kUdpHeaderSize + *size);
    const Address source = from->address;
    const Address destination(Dhcpv6Client::kServers);
    const wire::Sum pseudo =
        wire::pseudo_header_sum(source.wire(), destination.wire(), wire::kUdpProtocol, wire::kUdpHeaderSize + *size);
    wire::UdpHeader{wire::kDhcpv6ClientPort, wire::kDhcpv6ServerPort, *size}.emit(header, pseudo,
                                                                                  wire::sum(body.first(*size)));
    ip_.send_from(interface_, source, destination, Protocol::udp, std::move(packet), now);
  }
}

void Dhcpv6Service::take_address_away() noexcept {
  if (!address_.is_unspecified()) { (void)ip_.remove_address(interface_, address_); }
  address_ = Address();
}

}  // namespace nal::embedded

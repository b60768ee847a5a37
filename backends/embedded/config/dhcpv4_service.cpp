#include "backends/embedded/config/dhcpv4_service.hpp"

#include <algorithm>

#include "backends/embedded/wire/udp.hpp"

namespace nal::embedded {

namespace {

constexpr std::uint16_t kServerPort = 67;
constexpr std::uint16_t kClientPort = 68;

}  // namespace

Dhcpv4Service::Dhcpv4Service(IpLayer& ip, Udp& udp, InterfaceIndex interface, const Dhcpv4Client::Settings& settings,
                             std::span<std::byte> options, Random& random) noexcept
    : ip_(ip),
      udp_(udp),
      interface_(interface),
      client_(ip.interface(interface)->hardware_address, settings, options, random) {
  // Nothing else reaches an interface without an address.
  client_.want_broadcasts();
  udp_.attach(*this);
}

Dhcpv4Service::~Dhcpv4Service() {
  take_address_away();
  udp_.detach(*this);
}

void Dhcpv4Service::start(Instant now, Ipv4Address remembered) noexcept {
  wanted_ = running_ = true;
  client_.start(now, remembered);
  ip_.want_room();  // whoever runs the stack looks at its timers again
}

void Dhcpv4Service::release(Instant now) noexcept {
  wanted_ = false;
  client_.release(now);
  ip_.want_room();
}

bool Dhcpv4Service::input(const Ingress& ingress, std::uint16_t destination_port, std::span<const std::byte> payload,
                          Instant now) noexcept {
  if (destination_port != kClientPort || ingress.interface != interface_ || !ingress.source.is_v4()) { return false; }
  client_.input(payload, now);
  return true;
}

Instant Dhcpv4Service::poll_at() const noexcept { return std::max(client_.poll_at(), no_packet_until_); }

void Dhcpv4Service::poll(Instant now) noexcept {
  look_at_link(now);
  check_address(now);
  send_what_is_due(now);
  check_address(now);
  if (client_.version() != version_) { configure(now); }
}

void Dhcpv4Service::look_at_link(Instant now) noexcept {
  const bool up = ip_.interface(interface_)->up;
  if (wanted_ && up != running_) {
    running_ = up;
    up ? client_.start(now) : client_.stop();
  }
}

void Dhcpv4Service::check_address(Instant now) noexcept {
  const auto checked = client_.to_check();
  if (!checked) {
    // In use, and now somebody else's (RFC 5227 §2.4): given up.
    const InterfaceAddress* const entry =
        address_.is_unspecified() ? nullptr : ip_.interface(interface_)->find(address_);
    if (client_.lease() && entry && entry->state == InterfaceAddress::State::duplicate) {
      take_address_away();
      client_.address_is_taken(now);
    }
    return;
  }
  if (address_ != *checked) {
    take_address_away();
    if (!ip_.add_address(interface_, *checked, client_.prefix_length_to_check(), now, InterfaceAddress::Origin::dhcp)) {
      return;
    }
    address_ = *checked;
  }
  const InterfaceAddress* const entry = ip_.interface(interface_)->find(address_);
  if (entry && entry->in_use()) { client_.address_is_free(); }
  if (entry && entry->state == InterfaceAddress::State::duplicate) {
    take_address_away();
    client_.address_is_taken(now);
  }
}

void Dhcpv4Service::send_what_is_due(Instant now) noexcept {
  while (client_.poll_at() <= now) {
    Packet packet = ip_.allocate();
    if (!packet) {
      no_packet_until_ = now + kNoPacketDelay;
      return;
    }
    const auto header = packet.append(wire::kUdpHeaderSize);
    const std::size_t room = packet.tailroom();
    const auto body = packet.append(room);
    const auto message = client_.poll(now, body);
    if (!message || message->size == 0) { return; }
    packet.truncate(wire::kUdpHeaderSize + message->size);
    const Address source(message->source);
    const Address destination(message->destination);
    const wire::Sum pseudo = wire::pseudo_header_sum(source.wire(), destination.wire(), wire::kUdpProtocol,
                                                     wire::kUdpHeaderSize + message->size);
    wire::UdpHeader{kClientPort, kServerPort, message->size}.emit_with(header, 0);
    wire::store_be16(header.data() + 6, (pseudo + wire::sum(packet.data())).udp_checksum());
    if (message->destination.is_broadcast()) {
      ip_.send_from(interface_, source, destination, Protocol::udp, std::move(packet), now);
    } else if (auto way = ip_.route(destination, source, interface_)) {
      const Egress egress{.source = source,
                          .destination = destination,
                          .protocol = Protocol::udp,
                          .hop_limit = 0,
                          .traffic_class = 0,
                          .dont_fragment = false};
      (void)ip_.send(std::move(packet), egress, *way);
    }
  }
}

void Dhcpv4Service::configure(Instant now) noexcept {
  version_ = client_.version();
  const Dhcpv4Lease* const lease = client_.lease();
  if (!lease) {
    if (!client_.to_check()) { take_address_away(); }
    return;
  }
  if (address_ != lease->address) {
    take_address_away();
    if (ip_.add_address(interface_, lease->address, lease->prefix_length, now, InterfaceAddress::Origin::dhcp)) {
      address_ = lease->address;
    }
  }
  const Address everything{Ipv4Address()};
  if (router_ != lease->router && !router_.is_unspecified()) { (void)ip_.remove_route(everything, 0, interface_); }
  router_ = lease->router;
  // A full table of routes leaves the link itself.
  if (!router_.is_unspecified()) { (void)ip_.add_route(everything, 0, router_, interface_); }
  if (lease->mtu != 0) { ip_.limit_mtu(interface_, lease->mtu); }
  ip_.tell_change();
}

void Dhcpv4Service::take_address_away() noexcept {
  if (!router_.is_unspecified()) { (void)ip_.remove_route(Address(Ipv4Address()), 0, interface_); }
  if (!address_.is_unspecified()) { (void)ip_.remove_address(interface_, address_); }
  router_ = address_ = Ipv4Address();
}

}  // namespace nal::embedded

#include "backends/embedded/wire/icmp.hpp"

#include <algorithm>
#include <cstring>

#include "backends/embedded/ip/headers.hpp"
#include "backends/embedded/ip/ip_layer.hpp"
#include "backends/embedded/tcp/tcp.hpp"
#include "backends/embedded/udp/udp.hpp"

namespace nal::embedded {

namespace {

/// Errors that may be sent at once, and how soon there may be one more (RFC 4443 §2.4 (f), RFC 1812 §4.3.2.8).
constexpr std::uint8_t kErrorBurst = 20;
constexpr std::uint32_t kErrorInterval = 50'000;  // microseconds

/// What an error says to a transport, and whether it is likely to stay (RFC 1122 §4.2.3.9).
struct Meaning {
  Error error{};  ///< none: nothing to anybody
  bool hard = false;
};
Meaning unreachable_v4(wire::Icmpv4Unreachable code) noexcept {
  switch (code) {
    case wire::Icmpv4Unreachable::port:
    case wire::Icmpv4Unreachable::protocol: return {Error::connection_refused, true};
    case wire::Icmpv4Unreachable::fragmentation_needed: return {Error::message_size, false};
    case wire::Icmpv4Unreachable::network:
    case wire::Icmpv4Unreachable::network_unknown:
    case wire::Icmpv4Unreachable::network_for_service: return {Error::network_unreachable, false};
    case wire::Icmpv4Unreachable::network_prohibited:
    case wire::Icmpv4Unreachable::host_prohibited:
    case wire::Icmpv4Unreachable::administratively_prohibited: return {Error::permission_denied, false};
    default: return {Error::host_unreachable, false};
  }
}
Meaning unreachable_v6(wire::Icmpv6Unreachable code) noexcept {
  switch (code) {
    case wire::Icmpv6Unreachable::port: return {Error::connection_refused, true};
    case wire::Icmpv6Unreachable::no_route: return {Error::network_unreachable, false};
    case wire::Icmpv6Unreachable::administratively_prohibited:
    case wire::Icmpv6Unreachable::source_policy:
    case wire::Icmpv6Unreachable::rejected: return {Error::permission_denied, false};
    default: return {Error::host_unreachable, false};
  }
}
Meaning meaning_v4(const wire::IcmpView& message) noexcept {
  switch (message.type_v4()) {
    case wire::Icmpv4Type::destination_unreachable:
      return unreachable_v4(static_cast<wire::Icmpv4Unreachable>(message.code()));
    case wire::Icmpv4Type::time_exceeded: return {Error::timed_out, false};
    case wire::Icmpv4Type::parameter_problem: return {Error::protocol_error, false};
    default: return {};  // source quench is history (RFC 6633); redirects are not followed
  }
}
Meaning meaning_v6(const wire::IcmpView& message) noexcept {
  switch (message.type_v6()) {
    case wire::Icmpv6Type::destination_unreachable:
      return unreachable_v6(static_cast<wire::Icmpv6Unreachable>(message.code()));
    case wire::Icmpv6Type::packet_too_big: return {Error::message_size, false};
    case wire::Icmpv6Type::time_exceeded: return {Error::timed_out, false};
    case wire::Icmpv6Type::parameter_problem: return {Error::protocol_error, message.code() == 1};
    default: return {};
  }
}

Address address_of(std::span<const std::byte> wire) noexcept {
  return wire.size() == 4 ? Address::from_wire(wire.first<4>()) : Address::from_wire(wire.first<16>());
}

}  // namespace

void IpLayer::input_icmpv4(const Ingress& ingress, Packet&& packet) noexcept {
  const auto message = wire::IcmpView::parse(packet.data());
  if (!message || !message->checksum_valid_v4()) {
    ++statistics_.malformed;
    return;
  }
  if (message->type_v4() == wire::Icmpv4Type::echo_request) {
    echo(ingress, std::move(packet));
  } else if (message->type_v4() == wire::Icmpv4Type::echo_reply) {
    echo_reply(ingress, std::move(packet));
  } else if (features::kIcmpErrors && message->is_error_v4()) {
    input_error(ingress, *message, std::move(packet));
  }
}

void IpLayer::input_icmpv6(const Ingress& ingress, Packet&& packet) noexcept {
  const auto message = wire::IcmpView::parse(packet.data());
  if (!message || !message->checksum_valid_v6(wire::pseudo_header_sum(ingress.source.wire(), ingress.destination.wire(),
                                                                      wire::kIcmpv6Protocol, packet.size()))) {
    ++statistics_.malformed;
    return;
  }
  Interface* const in = interface(ingress.interface);
  const bool of_link =
      message->type_v6() >= wire::Icmpv6Type::router_solicitation && message->type_v6() <= wire::Icmpv6Type::redirect;
  // RFC 6980 §5: nothing that belongs to Neighbor Discovery comes in fragments.
  if (of_link && (packet.buffer()->flags & kPutTogether) != 0) {
    ++statistics_.malformed;
    return;
  }
  switch (message->type_v6()) {
    case wire::Icmpv6Type::echo_request: echo(ingress, std::move(packet)); return;
    case wire::Icmpv6Type::echo_reply: echo_reply(ingress, std::move(packet)); return;
    case wire::Icmpv6Type::neighbor_solicitation:
    case wire::Icmpv6Type::neighbor_advertisement:
      if (in) { neighbors_.input_nd(*in, ingress, packet.data(), now_); }
      return;
    case wire::Icmpv6Type::router_advertisement:
    case wire::Icmpv6Type::redirect:
      if (features::kSlaac && in) { slaac_.input(*in, ingress, packet.data(), now_); }
      return;
    case wire::Icmpv6Type::multicast_listener_query:
    case wire::Icmpv6Type::multicast_listener_report:
    case wire::Icmpv6Type::multicast_listener_done:
      if (in) { groups_.input_mld(*in, ingress, packet.data(), now_); }
      return;
    default: break;
  }
  if (features::kIcmpErrors && message->is_error_v6()) { input_error(ingress, *message, std::move(packet)); }
}

void IpLayer::echo_reply(const Ingress& ingress, Packet&& packet) noexcept {
  if constexpr (features::kRaw) {
    if (icmp_observer_) { icmp_observer_->echo_reply(ingress, std::move(packet)); }
  }
}

void IpLayer::echo(const Ingress& ingress, Packet&& packet) noexcept {
  // RFC 1122 §3.2.2.6: to all is not answered. RFC 4443 §4.2 would, from an address of this host; an amplifier is
  // worse.
  if (ingress.to_many) { return; }
  auto way = route(ingress.source, ingress.destination, ingress.interface == kLoopback ? 0 : ingress.interface);
  if (!way) { return; }
  const bool v4 = ingress.source.is_v4();
  const auto message = packet.data();
  const auto type = v4 ? wire::load_u8(message.data()) - 8U : 129U;
  const std::uint16_t before = wire::load_be16(message.data());
  const std::uint16_t after = static_cast<std::uint16_t>(type << 8 | (before & 0xff));
  wire::store_be16(message.data(), after);
  wire::store_be16(message.data() + 2, wire::updated_checksum(wire::load_be16(message.data() + 2), before, after));
  // In the packet that it came in, if that has the room in front; else in one of the pool's for sending.
  Packet reply = std::move(packet);
  if (reply.headroom() < headroom_) {
    Packet roomy = allocate_to(ingress.interface, reply.size());
    if (!roomy) { return; }
    std::memcpy(roomy.append(reply.size()).data(), reply.data().data(), reply.size());
    reply = std::move(roomy);
  }
  reply.offload() = {};
  const Egress egress{.source = way->source,
                      .destination = ingress.source,
                      .protocol = ingress.protocol,
                      .hop_limit = 0,
                      .traffic_class = static_cast<std::uint8_t>(ingress.traffic_class & 0xfc),
                      .dont_fragment = false};
  (void)send(std::move(reply), egress, *way);
}

bool IpLayer::tell_transports(const DeliveryError& error, Protocol protocol) noexcept {
  if constexpr (features::kTcp) {
    if (protocol == Protocol::tcp && tcp_) { return tcp_->delivery_error(error, now_); }
  }
  if constexpr (features::kUdp) {
    if (protocol == Protocol::udp && udp_) { return udp_->delivery_error(error); }
  }
  return false;
}

void IpLayer::input_error(const Ingress& ingress, const wire::IcmpView& message, Packet&& packet) noexcept {
  const bool v4 = ingress.source.is_v4();
  const Meaning meaning = v4 ? meaning_v4(message) : meaning_v6(message);
  if (meaning.error == Error{}) { return; }
  const auto quoted =
      v4 ? wire::QuotedPacket::parse_v4(message.quotation_v4()) : wire::QuotedPacket::parse_v6(message.quotation_v6());
  if (!quoted || ingress.to_many) {
    ++statistics_.icmp_errors_refused;
    return;
  }
  DeliveryError error{.error = meaning.error,
                      .hard = meaning.hard,
                      .mtu = 0,
                      .local = address_of(quoted->source),
                      .remote = address_of(quoted->destination),
                      .interface = ingress.interface,
                      .transport = quoted->transport};
  if (!is_local(error.local, 0)) {
    ++statistics_.icmp_errors_refused;
    return;
  }
  if (meaning.error == Error::message_size) {
    error.mtu = v4 ? lower_mtu(error, message.mtu_v4(), wire::kIpv4MinMtu)
                   : lower_mtu(error, message.mtu_v6(), wire::kIpv6MinMtu);
  }
  // RFC 5927: only about something that is under way; the path is of everybody who goes it.
  const auto protocol = static_cast<Protocol>(quoted->protocol);
  const bool no_news = meaning.error == Error::message_size && error.mtu == 0;
  bool believed = !no_news && tell_transports(error, protocol);
  if constexpr (features::kRaw) {
    if (icmp_observer_) { believed |= icmp_observer_->delivery_error(error, protocol, std::move(packet)); }
  }
  if (no_news) { return; }
  if (!believed) {
    ++statistics_.icmp_errors_refused;
  } else if (error.mtu != 0) {
    set_path_mtu(error.remote, error.mtu);
  }
}

std::uint16_t IpLayer::lower_mtu(const DeliveryError& error, std::uint32_t told, std::size_t least) noexcept {
  const auto way = route(error.remote, error.local, 0);
  if (!way || way->interface == kLoopback) { return 0; }
  // RFC 1191 §5: an old router tells nothing; the next lower plateau of RFC 1191 §7 that all links know.
  std::size_t mtu = told;
  if (mtu == 0) { mtu = way->mtu > 1492 ? 1492 : 576; }
  mtu = std::max(mtu, least);
  // It only ever becomes less; that a path can take more is found out by time (RFC 8201 §4).
  return mtu < way->mtu ? static_cast<std::uint16_t>(mtu) : std::uint16_t{0};
}

bool IpLayer::may_send_error() noexcept {
  // Both since the clock's start, so that nothing overflows.
  const std::int64_t passed = now_.microseconds() - error_tokens_at_.microseconds();
  if (passed >= kErrorInterval) {
    const bool all = passed >= kErrorBurst * kErrorInterval;
    const std::uint32_t earned = all ? kErrorBurst : static_cast<std::uint32_t>(passed) / kErrorInterval;
    error_tokens_ = static_cast<std::uint8_t>(std::min<std::uint32_t>(kErrorBurst, error_tokens_ + earned));
    // Not a side channel: how many are left cannot be told from outside when they come at random (the lesson of SAD
    // DNS).
    error_tokens_at_ = now_ + Duration::microseconds(random_.below(25'000));
  }
  if (error_tokens_ == 0) {
    ++statistics_.icmp_errors_limited;
    return false;
  }
  --error_tokens_;
  return true;
}

void IpLayer::port_unreachable(Packet&& packet, const Ingress& ingress) noexcept {
  if constexpr (features::kIcmpErrors) {
    Packet about = std::move(packet);
    restore_network_header(about);
    const bool v4 = ingress.destination.is_v4();
    const auto type = v4 ? static_cast<std::uint8_t>(wire::Icmpv4Type::destination_unreachable)
                         : static_cast<std::uint8_t>(wire::Icmpv6Type::destination_unreachable);
    const auto code = v4 ? static_cast<std::uint8_t>(wire::Icmpv4Unreachable::port)
                         : static_cast<std::uint8_t>(wire::Icmpv6Unreachable::port);
    send_error(std::move(about), ingress, type, code, 0);
  }
}

void IpLayer::time_exceeded(Packet&& first_fragment) noexcept {
  Packet about = std::move(first_fragment);
  about.buffer()->network_header = static_cast<std::uint16_t>(about.headroom());
  const IpHeaders ip = headers_of(about);
  const Ingress ingress{.source = ip.source,
                        .destination = ip.destination,
                        .interface = 0,
                        .protocol = Protocol::no_next_header,
                        .hop_limit = ip.hop_limit,
                        .traffic_class = 0,
                        .to_many = ip.destination.is_multicast() || is_broadcast(0, ip.destination),
                        .checksum_verified = false};
  const auto type = ip.source.is_v4() ? static_cast<std::uint8_t>(wire::Icmpv4Type::time_exceeded)
                                      : static_cast<std::uint8_t>(wire::Icmpv6Type::time_exceeded);
  send_error(std::move(about), ingress, type, 1, 0);
}

void IpLayer::send_error(Packet&& packet, const Ingress& ingress, std::uint8_t type, std::uint8_t code,
                         std::uint32_t rest) noexcept {
  if constexpr (features::kIcmpErrors) {
    const Packet about = std::move(packet);
    // RFC 1122 §3.2.2, RFC 4443 §2.4 (e): never about a packet to many or from nobody. That it is no ICMP error itself
    // follows from who asks: those are not answered.
    if (ingress.to_many || ingress.source.is_unspecified() || ingress.source.is_multicast()) { return; }
    const bool v4 = ingress.source.is_v4();
    auto way = route(ingress.source, ingress.destination, 0);
    if (!way || !may_send_error() || !can_send(way->interface)) { return; }
    Packet error = allocate();
    if (!error) { return; }
    const std::size_t quoted = std::min({about.size(), v4 ? wire::kIcmpv4MaxQuotation : wire::kIcmpv6MaxQuotation,
                                         error.tailroom() - wire::kIcmpHeaderSize});
    error.append(wire::kIcmpHeaderSize);
    std::memcpy(error.append(quoted).data(), about.data().data(), quoted);
    const wire::Sum pseudo =
        v4 ? wire::Sum()
           : wire::pseudo_header_sum(way->source.wire(), ingress.source.wire(), wire::kIcmpv6Protocol, error.size());
    wire::IcmpHeader{type, code, rest}.emit(error.data(), pseudo);
    const Egress egress{.source = way->source,
                        .destination = ingress.source,
                        .protocol = v4 ? Protocol::icmpv4 : Protocol::icmpv6,
                        .hop_limit = 0,
                        .traffic_class = 0,
                        .dont_fragment = false};
    ++statistics_.icmp_errors_sent;
    (void)send(std::move(error), egress, *way);
  }
}

void IpLayer::unreachable(Interface& out, Packet&& packet, Instant now) noexcept {
  if constexpr (!features::kIcmpErrors) {
    const Packet dropped = std::move(packet);
    return;
  }
  now_ = now;
  // The transport that has sent it is told, as if a router had (RFC 1122 §3.3.1.4).
  const auto bytes = std::as_const(packet).data();
  const bool v4 = !bytes.empty() && wire::load_u8(bytes.data()) >> 4 == 4;
  const auto quoted = v4 ? wire::QuotedPacket::parse_v4(bytes) : wire::QuotedPacket::parse_v6(bytes);
  if (!quoted) { return; }
  DeliveryError error{.error = Error::host_unreachable,
                      .hard = false,
                      .mtu = 0,
                      .local = address_of(quoted->source),
                      .remote = address_of(quoted->destination),
                      .interface = out.index,
                      .transport = quoted->transport};
  const auto protocol = static_cast<Protocol>(quoted->protocol);
  (void)tell_transports(error, protocol);
  if constexpr (features::kRaw) {
    if (icmp_observer_) {
      packet.buffer()->network_header = static_cast<std::uint16_t>(packet.headroom());
      icmp_observer_->unreachable(error, protocol, std::move(packet));
    }
  }
}

}  // namespace nal::embedded

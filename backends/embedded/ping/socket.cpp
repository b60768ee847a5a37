#include <algorithm>
#include <cstring>

#include "backends/embedded/ip/headers.hpp"
#include "backends/embedded/ping/ping.hpp"
#include "backends/embedded/wire/icmp.hpp"

namespace nal::embedded {

namespace {

using Kind = ProbeAnswer::Kind;
using Reason = ProbeAnswer::Reason;

Reason reason_v4(std::uint8_t code) noexcept {
  switch (static_cast<wire::Icmpv4Unreachable>(code)) {
    case wire::Icmpv4Unreachable::network:
    case wire::Icmpv4Unreachable::network_unknown:
    case wire::Icmpv4Unreachable::network_for_service: return Reason::network;
    case wire::Icmpv4Unreachable::host:
    case wire::Icmpv4Unreachable::host_unknown:
    case wire::Icmpv4Unreachable::host_for_service: return Reason::host;
    case wire::Icmpv4Unreachable::protocol: return Reason::protocol;
    case wire::Icmpv4Unreachable::port: return Reason::port;
    case wire::Icmpv4Unreachable::network_prohibited:
    case wire::Icmpv4Unreachable::host_prohibited:
    case wire::Icmpv4Unreachable::administratively_prohibited: return Reason::prohibited;
    default: return Reason::other;
  }
}

Reason reason_v6(std::uint8_t code) noexcept {
  switch (static_cast<wire::Icmpv6Unreachable>(code)) {
    case wire::Icmpv6Unreachable::no_route: return Reason::network;
    case wire::Icmpv6Unreachable::address: return Reason::host;
    case wire::Icmpv6Unreachable::port: return Reason::port;
    case wire::Icmpv6Unreachable::administratively_prohibited:
    case wire::Icmpv6Unreachable::source_policy:
    case wire::Icmpv6Unreachable::rejected: return Reason::prohibited;
    default: return Reason::other;
  }
}

void read_type_v4(const wire::IcmpView& message, ProbeAnswer& about) noexcept {
  switch (message.type_v4()) {
    case wire::Icmpv4Type::destination_unreachable:
      if (about.code == static_cast<std::uint8_t>(wire::Icmpv4Unreachable::fragmentation_needed)) {
        about.kind = Kind::too_big;
        about.mtu = message.mtu_v4();
      } else {
        about.kind = Kind::unreachable;
        about.reason = reason_v4(about.code);
      }
      break;
    case wire::Icmpv4Type::time_exceeded: about.kind = Kind::time_exceeded; break;
    default: about.kind = Kind::parameter_problem; break;
  }
}

void read_type_v6(const wire::IcmpView& message, ProbeAnswer& about) noexcept {
  switch (message.type_v6()) {
    case wire::Icmpv6Type::destination_unreachable:
      about.kind = Kind::unreachable;
      about.reason = reason_v6(about.code);
      break;
    case wire::Icmpv6Type::packet_too_big:
      about.kind = Kind::too_big;
      about.mtu = message.mtu_v6();
      break;
    case wire::Icmpv6Type::time_exceeded: about.kind = Kind::time_exceeded; break;
    default: about.kind = Kind::parameter_problem; break;
  }
}

/// What a probe says of itself that is quoted: where it went, and its number.
void read_probe(const std::optional<wire::QuotedPacket>& probe, const ProbeSlot& slot, InterfaceIndex interface,
                ProbeAnswer& about) noexcept {
  if (!probe) { return; }  // it was looked at before it was queued
  const Address to = probe->destination.size() == 4 ? Address::from_wire(probe->destination.first<4>())
                                                    : Address::from_wire(probe->destination.first<16>());
  about.destination = to.to_ip(interface);
  const std::byte* const header = probe->transport.data();
  about.sequence = slot.udp ? static_cast<std::uint16_t>(wire::load_be16(header + 2) - slot.first_port)
                            : wire::load_be16(header + 6);
}

/// What a queued packet tells: a reply, an error, or a probe that nobody has taken, which begins with its IP header.
ProbeAnswer describe(Packet& packet, const ProbeSlot& slot) noexcept {
  const InterfaceIndex interface = packet.buffer()->interface;
  const IpHeaders ip = headers_of(packet);
  ProbeAnswer about;
  about.interface = InterfaceId(interface);
  if (packet.headroom() == packet.buffer()->network_header) {
    const auto bytes = std::as_const(packet).data();
    read_probe(slot.v6 ? wire::QuotedPacket::parse_v6(bytes) : wire::QuotedPacket::parse_v4(bytes), slot, interface,
               about);
    about.kind = Kind::unreachable;
    about.reason = Reason::host;
    about.from = ip.source.to_ip(interface);
    about.type = slot.v6 ? static_cast<std::uint8_t>(wire::Icmpv6Type::destination_unreachable)
                         : static_cast<std::uint8_t>(wire::Icmpv4Type::destination_unreachable);
    about.code = slot.v6 ? static_cast<std::uint8_t>(wire::Icmpv6Unreachable::address)
                         : static_cast<std::uint8_t>(wire::Icmpv4Unreachable::host);
    return about;
  }
  const wire::IcmpView message = *wire::IcmpView::parse(packet.data());
  about.from = ip.source.to_ip(interface);
  about.hop_limit = ip.hop_limit;
  about.type = message.type();
  about.code = message.code();
  if (!(slot.v6 ? message.is_error_v6() : message.is_error_v4())) {
    about.destination = about.from;
    about.sequence = message.sequence();
    packet.trim_front(wire::kIcmpHeaderSize);
    about.size = about.data_size = packet.size();
  } else if (slot.v6) {
    read_type_v6(message, about);
    read_probe(wire::QuotedPacket::parse_v6(message.quotation_v6()), slot, interface, about);
  } else {
    read_type_v4(message, about);
    read_probe(wire::QuotedPacket::parse_v4(message.quotation_v4()), slot, interface, about);
  }
  return about;
}

/// Of what was too large to be sent.
ProbeAnswer describe_too_big(ProbeSlot& slot) noexcept {
  slot.too_big = false;
  ProbeAnswer about;
  about.kind = Kind::too_big;
  about.from = IpAddress::unspecified(slot.v6 ? Family::v6 : Family::v4);
  about.destination = slot.too_big_destination.to_ip();
  about.sequence = slot.too_big_sequence;
  about.mtu = slot.too_big_mtu;
  return about;
}

/// A datagram from where a UDP probe went.
ProbeAnswer describe(const Received& datagram, const ProbeSlot& slot) noexcept {
  ProbeAnswer about;
  about.from = about.destination = datagram.remote.address;
  about.sequence = static_cast<std::uint16_t>(datagram.remote.port - slot.first_port);
  about.hop_limit = datagram.hop_limit;
  about.interface = datagram.interface;
  about.size = about.data_size = datagram.size;
  return about;
}

}  // namespace

Poll<Result<>> ProbeSocket::poll_send(Context& context, Waiter& waiter, const Probe& probe,
                                      std::span<const std::byte> data) noexcept {
  ProbeSlot* const mine = slot();
  if (!mine) { return Unexpected(Error::closed); }
  return ping_->poll_send(context, waiter, *mine, probe, data);
}

Poll<Result<ProbeSocket::Answer>> ProbeSocket::poll_take(Context& context, Waiter& waiter) noexcept {
  ProbeSlot* const mine = slot();
  if (!mine) { return Unexpected(Error::closed); }
  Answer answer;
  if (!mine->queue.empty()) {
    answer.packet = mine->queue.pop();
    answer.about = describe(answer.packet, *mine);
    return Result<Answer>(std::move(answer));
  }
  if (mine->too_big) {
    answer.about = describe_too_big(*mine);
    return Result<Answer>(std::move(answer));
  }
  if (!mine->udp) {
    mine->readable.add(context, waiter, Wait::readable);
    return pending;
  }
  auto datagram = mine->udp->poll_take(context, waiter);
  if (!datagram.ready()) { return pending; }
  if (!*datagram) { return Unexpected(datagram->error()); }
  answer.about = describe((*datagram)->about, *mine);
  answer.packet = std::move((*datagram)->packet);
  return Result<Answer>(std::move(answer));
}

Poll<Result<ProbeAnswer>> ProbeSocket::poll_receive(Context& context, Waiter& waiter,
                                                    std::span<std::byte> buffer) noexcept {
  auto taken = poll_take(context, waiter);
  if (!taken.ready()) { return pending; }
  if (!*taken) { return Unexpected(taken->error()); }
  ProbeAnswer about = (*taken)->about;
  about.size = std::min(about.data_size, buffer.size());
  if (about.size != 0) { std::memcpy(buffer.data(), (*taken)->packet.data().data(), about.size); }
  return about;
}

std::uint16_t ProbeSocket::identifier() const noexcept {
  const ProbeSlot* const mine = slot();
  return mine ? mine->identifier : std::uint16_t{0};
}

void ProbeSocket::drop() noexcept {
  if (ProbeSlot* const mine = slot()) { ping_->release(*mine); }
  ping_ = nullptr;
}

}  // namespace nal::embedded

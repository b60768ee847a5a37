#include "backends/embedded/ping/ping.hpp"

#include <algorithm>
#include <cstring>

#include "backends/embedded/wire/icmp.hpp"
#include "backends/embedded/wire/udp.hpp"

namespace nal::embedded {

static_assert(wire::kUdpHeaderSize == wire::kIcmpHeaderSize);

Ping::Ping(Stack& stack, std::span<ProbeSlot> slots, std::uint16_t queue_limit) noexcept
    : stack_(stack), slots_(slots), queue_limit_(queue_limit) {
  static_assert(features::kRaw, "ping needs features::kRaw");
  NAL_ASSERT(stack.ip().icmp_observer() == nullptr);  // one of a stack
  stack.ip().observe(this);
}

Ping::~Ping() {
  NAL_ASSERT(in_use() == 0);
  stack_.ip().observe(static_cast<IcmpObserver*>(nullptr));
}

std::size_t Ping::in_use() const noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(slots_, [](const ProbeSlot& slot) { return slot.used; }));
}

Result<ProbeSocket> Ping::open_probe(const ProbeOptions& options) noexcept {
  const Address local(options.local);
  const InterfaceIndex zone = interface_index(options.local.zone());
  if (!options.local.is_unspecified() && !stack_.ip().is_local(local, zone)) {
    return Unexpected(Error::address_not_available);
  }
  const auto free = std::ranges::find_if(slots_, [](const ProbeSlot& slot) { return !slot.used; });
  if (free == slots_.end()) { return Unexpected(Error::table_full); }
  ProbeSlot& slot = *free;
  slot.local = options.local.is_unspecified() ? Address() : local;
  slot.zone = zone;
  slot.v6 = options.local.family() == Family::v6;
  slot.broadcast = options.broadcast;
  slot.too_big = false;
  slot.first_port = options.first_port;
  if (options.kind == ProbeKind::udp) {
    NAL_TRY_SET(UnconnectedUdp udp, stack_.udp_bind_multiple({options.local, 0}, {}));
    slot.identifier = udp.local_endpoint().port;
    slot.udp.emplace(std::move(udp));
  } else {
    std::uint16_t identifier = options.identifier;
    // With fewer sockets than identifiers one is soon found.
    const bool pick = identifier == 0;
    do {
      if (pick) { identifier = stack_.random().u16(); }
    } while (pick && (identifier == 0 || find_echo(slot.local, identifier, zone)));
    const bool taken = std::ranges::any_of(slots_, [&](const ProbeSlot& other) {
      return other.used && !other.udp && other.v6 == slot.v6 && other.identifier == identifier;
    });
    if (taken) { return Unexpected(Error::address_in_use); }
    slot.identifier = identifier;
  }
  slot.used = true;
  return ProbeSocket(*this, static_cast<std::uint16_t>(&slot - slots_.data()), slot.generation);
}

void Ping::release(ProbeSlot& slot) noexcept {
  wake(slot);
  slot.queue.clear();
  slot.udp.reset();
  slot.used = false;
  ++slot.generation;
}

void Ping::wake(ProbeSlot& slot) noexcept {
  // Who waits for a UDP socket's datagrams waits for its probes' errors there as well.
  if (slot.udp) {
    slot.udp->wake_readers();
  } else {
    slot.readable.wake_all();
  }
}

void Ping::enqueue(ProbeSlot& slot, Packet&& packet, InterfaceIndex interface) noexcept {
  if (slot.queue.count() >= queue_limit_) {
    ++statistics_.queue_full;
    return;
  }
  ++statistics_.received;
  packet.buffer()->interface = interface;
  slot.queue.push(std::move(packet));
  wake(slot);
}

ProbeSlot* Ping::find_echo(const Address& local, std::uint16_t identifier, InterfaceIndex interface) noexcept {
  const auto found = std::ranges::find_if(slots_, [&](const ProbeSlot& slot) {
    return slot.used && !slot.udp && slot.identifier == identifier && slot.v6 == local.is_v6() &&
           (slot.local == Address() || slot.local == local) &&
           (slot.zone == 0 || interface == 0 || slot.zone == interface);
  });
  return found == slots_.end() ? nullptr : &*found;
}

ProbeSlot* Ping::find_sender(const DeliveryError& error, Protocol protocol) noexcept {
  const std::byte* const header = error.transport.data();
  if (protocol == Protocol::udp) {
    const std::uint16_t port = wire::load_be16(header);
    const auto found = std::ranges::find_if(slots_, [&](const ProbeSlot& slot) {
      return slot.used && slot.udp && slot.identifier == port && slot.v6 == error.local.is_v6();
    });
    return found == slots_.end() ? nullptr : &*found;
  }
  const bool v4 = error.local.is_v4();
  const auto type = v4 ? static_cast<std::uint8_t>(wire::Icmpv4Type::echo_request)
                       : static_cast<std::uint8_t>(wire::Icmpv6Type::echo_request);
  if (protocol != (v4 ? Protocol::icmpv4 : Protocol::icmpv6) || wire::load_u8(header) != type) { return nullptr; }
  return find_echo(error.local, wire::load_be16(header + 4), 0);
}

void Ping::echo_reply(const Ingress& ingress, Packet&& packet) noexcept {
  // The IP layer has looked at its length.
  ProbeSlot* const slot = find_echo(ingress.destination, wire::load_be16(packet.data().data() + 4), ingress.interface);
  if (!slot || ingress.destination.is_multicast()) {
    ++statistics_.no_socket;
    return;
  }
  enqueue(*slot, std::move(packet), ingress.interface);
}

bool Ping::delivery_error(const DeliveryError& error, Protocol protocol, Packet&& packet) noexcept {
  ProbeSlot* const slot = find_sender(error, protocol);
  if (slot) { enqueue(*slot, std::move(packet), error.interface); }
  return slot != nullptr;
}

void Ping::unreachable(const DeliveryError& error, Protocol protocol, Packet&& packet) noexcept {
  if (ProbeSlot* const slot = find_sender(error, protocol)) { enqueue(*slot, std::move(packet), error.interface); }
}

void Ping::write_echo(const ProbeSlot& slot, const Probe& probe, const Address& source, const Address& destination,
                      std::span<const std::byte> data, Packet& packet) noexcept {
  packet.append(wire::kIcmpHeaderSize);
  std::copy(data.begin(), data.end(), packet.append(data.size()).begin());
  const std::uint32_t rest = wire::IcmpHeader::echo(slot.identifier, probe.sequence);
  if (slot.v6) {
    wire::IcmpHeader::of(wire::Icmpv6Type::echo_request, 0, rest)
        .emit(packet.data(),
              wire::pseudo_header_sum(source.wire(), destination.wire(), wire::kIcmpv6Protocol, packet.size()));
  } else {
    wire::IcmpHeader::of(wire::Icmpv4Type::echo_request, 0, rest).emit(packet.data());
  }
}

void Ping::write_udp(const ProbeSlot& slot, const Probe& probe, const Address& source, const Address& destination,
                     std::span<const std::byte> data, Packet& packet) noexcept {
  const auto header = packet.append(wire::kUdpHeaderSize);
  const wire::UdpHeader fields{slot.identifier, static_cast<std::uint16_t>(slot.first_port + probe.sequence),
                               data.size()};
  const wire::Sum pseudo = wire::pseudo_header_sum(source.wire(), destination.wire(), wire::kUdpProtocol,
                                                   wire::kUdpHeaderSize + data.size());
  fields.emit(header, pseudo, wire::copy_and_sum(packet.append(data.size()), data));
}

Poll<Result<>> Ping::poll_send(Context& context, Waiter& waiter, ProbeSlot& slot, const Probe& probe,
                               std::span<const std::byte> data) noexcept {
  IpLayer& ip = stack_.ip();
  const Address to(probe.destination);
  if (to.is_unspecified() || to.is_v6() != slot.v6 || (slot.udp && slot.first_port + probe.sequence > 0xffff)) {
    return Unexpected(Error::invalid_argument);
  }
  const std::size_t size = wire::kIcmpHeaderSize + data.size();
  if (size > ip.max_datagram(to.family())) { return Unexpected(Error::message_size); }
  InterfaceIndex interface = interface_index(probe.destination.zone());
  if (interface == 0) { interface = interface_index(probe.interface.index()); }
  if (interface == 0) { interface = slot.zone; }
  Route route;
  NAL_TRY_SET(route, ip.route(to, slot.local, interface));
  if (route.broadcast && !slot.broadcast) { return Unexpected(Error::permission_denied); }
  if (probe.dont_fragment && size + (slot.v6 ? wire::kIpv6HeaderSize : wire::kIpv4HeaderSize) > route.mtu) {
    slot.too_big = true;
    slot.too_big_mtu = route.mtu;
    slot.too_big_sequence = probe.sequence;
    slot.too_big_destination = to;
    wake(slot);
    return Unexpected(Error::message_size);
  }
  Packet packet = ip.allocate_to(route.interface, size);
  if (!packet) {
    ip.wait_for_room(context, waiter, route.interface, size);
    return pending;
  }
  if (slot.udp) {
    write_udp(slot, probe, route.source, to, data, packet);
  } else {
    write_echo(slot, probe, route.source, to, data, packet);
  }
  Protocol protocol = slot.v6 ? Protocol::icmpv6 : Protocol::icmpv4;
  if (slot.udp) { protocol = Protocol::udp; }
  const bool to_group = to.is_multicast();
  const Egress egress{.source = route.source,
                      .destination = to,
                      .protocol = protocol,
                      .hop_limit = probe.hop_limit == 0 && to_group ? std::uint8_t{1} : probe.hop_limit,
                      .traffic_class = probe.traffic_class,
                      .dont_fragment = probe.dont_fragment};
  const Result<> sent = ip.send(std::move(packet), egress, route);
  if (!sent && sent.error() == Error::would_block) {  // not enough packets for all its fragments
    ip.wait_for_room(context, waiter, route.interface, 0);
    return pending;
  }
  if (sent) { ++statistics_.sent; }
  return sent;
}

}  // namespace nal::embedded

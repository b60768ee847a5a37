#include "backends/embedded/raw/packets.hpp"

#include <algorithm>
#include <cstring>

#include "backends/embedded/ip/headers.hpp"
#include "nal/driver/checksum.hpp"

namespace nal::embedded {

namespace {

/// A packet that stands behind its headers, from them on.
Packet copy_with_header(const Packet& packet) noexcept {
  const driver::PacketBuffer& buffer = *packet.buffer();
  const std::size_t header = packet.headroom() - buffer.network_header;
  Packet copy = allocate_copy(packet, buffer.network_header, header + packet.size());
  if (!copy) { return copy; }
  std::memcpy(copy.data().data(), packet.data().data() - header, copy.size());
  copy.buffer()->network_header = buffer.network_header;
  if (packet.offload().unfinished_start != 0) {  // nobody has made its checksum: it did not leave the host
    copy.offload().checksum_start = static_cast<std::uint16_t>(header);
    copy.offload().checksum_offset = packet.offload().checksum_offset;
    driver::finish_checksum(copy);
  }
  return copy;
}

RawReceived describe(Packet& packet) noexcept {
  const InterfaceIndex interface = packet.buffer()->interface;
  const IpHeaders ip = headers_of(packet);
  RawReceived about;
  about.source = ip.source.to_ip(interface);
  about.destination = ip.destination.to_ip(interface);
  about.interface = InterfaceId(interface);
  about.packet_size = about.size = packet.size();
  about.header_size = wire::kIpv6HeaderSize;
  const std::byte* const header = packet.data().data();
  if (ip.source.is_v4()) {
    about.header_size = (wire::load_u8(header) & 0x0fU) * std::size_t{4};
    about.protocol = wire::load_u8(header + 9);
  } else if (const auto view = wire::Ipv6View::parse(packet.data())) {
    const wire::Ipv6Chain chain = wire::walk_extension_headers(*view);
    about.header_size = chain.offset;
    about.protocol = chain.protocol;
  }
  return about;
}

}  // namespace

RawIp::RawIp(Stack& stack, std::span<RawIpSlot> slots, std::uint16_t queue_limit) noexcept
    : stack_(stack), slots_(slots), queue_limit_(queue_limit) {
  static_assert(features::kRaw, "raw sockets need features::kRaw");
  NAL_ASSERT(stack.ip().packet_observer() == nullptr);  // one of a stack
  stack.ip().observe(this);
}

RawIp::~RawIp() {
  NAL_ASSERT(in_use() == 0);
  stack_.ip().observe(static_cast<PacketObserver*>(nullptr));
}

std::size_t RawIp::in_use() const noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(slots_, [](const RawIpSlot& slot) { return slot.used; }));
}

Result<RawIpSocket> RawIp::open(const RawIpOptions& options) noexcept {
  const bool family_of_local = options.local.is_unspecified() || options.local.family() == options.family;
  const bool checksum = options.checksum_offset.has_value();
  if (options.family == Family::any || !family_of_local || (checksum && *options.checksum_offset % 2 != 0) ||
      (checksum && options.whole_header)) {
    return Unexpected(Error::invalid_argument);
  }
  if (!options.local.is_unspecified() && !stack_.ip().is_local(Address(options.local), 0)) {
    return Unexpected(Error::address_not_available);
  }
  const auto free = std::ranges::find_if(slots_, [](const RawIpSlot& slot) { return !slot.used; });
  if (free == slots_.end()) { return Unexpected(Error::table_full); }
  free->used = true;
  free->options = options;
  const bool icmpv6 = options.family == Family::v6 && options.protocol == static_cast<std::uint8_t>(Protocol::icmpv6);
  if (icmpv6 && !options.whole_header) { free->options.checksum_offset = 2; }
  return RawIpSocket(*this, static_cast<std::uint16_t>(free - slots_.begin()), free->generation);
}

bool RawIp::packet(const Ingress& ingress, const Packet& packet) noexcept {
  const auto protocol = static_cast<std::uint8_t>(ingress.protocol);
  bool wanted = false;
  for (RawIpSlot& slot : slots_) {
    const RawIpOptions& options = slot.options;
    if (!slot.used || options.family != ingress.destination.family() ||
        (options.protocol && *options.protocol != protocol) ||
        (!options.interface.is_any() && options.interface.index() != ingress.interface) ||
        (!options.local.is_unspecified() && Address(options.local) != ingress.destination)) {
      continue;
    }
    // A socket for everything only looks on.
    wanted |= options.protocol.has_value();
    Packet copy = slot.packets.count() < queue_limit_ ? copy_with_header(packet) : Packet();
    if (copy) { copy.buffer()->interface = ingress.interface; }
    slot.push(std::move(copy), queue_limit_);
  }
  return wanted;
}

Poll<Result<>> RawIp::poll_send(Context& context, Waiter& waiter, const RawIpSlot& slot, const IpAddress& destination,
                                std::span<const std::byte> data) noexcept {
  IpLayer& ip = stack_.ip();
  const RawIpOptions& options = slot.options;
  const Address to(destination);
  const bool room_for_checksum = !options.checksum_offset || *options.checksum_offset + 2U <= data.size();
  if (destination.family() != options.family || (!options.whole_header && !options.protocol) || !room_for_checksum) {
    return Unexpected(Error::invalid_argument);
  }
  if (data.size() > ip.max_datagram(to.family())) { return Unexpected(Error::message_size); }
  InterfaceIndex interface = interface_index(destination.zone());
  if (interface == 0) { interface = interface_index(options.interface.index()); }
  Route route;
  NAL_TRY_SET(route, ip.route(to, options.local.is_unspecified() ? Address() : Address(options.local), interface));
  if (route.broadcast && !options.broadcast) { return Unexpected(Error::permission_denied); }
  Packet packet = ip.allocate_to(route.interface, data.size());
  if (!packet) {
    ip.wait_for_room(context, waiter, route.interface, data.size());
    return pending;
  }
  std::copy(data.begin(), data.end(), packet.append(data.size()).begin());
  if (options.whole_header) { return ip.send_whole(std::move(packet), route); }
  if (options.checksum_offset) {
    const auto bytes = packet.data();
    std::byte* const field = bytes.data() + *options.checksum_offset;
    wire::store_be16(field, 0);
    // IPv4 has a pseudo header for transports, and ICMP is none (RFC 792).
    wire::Sum sum = wire::sum(bytes);
    if (*options.protocol != static_cast<std::uint8_t>(Protocol::icmpv4) || to.is_v6()) {
      sum = sum + wire::pseudo_header_sum(route.source.wire(), to.wire(), *options.protocol, bytes.size());
    }
    wire::store_be16(field, sum.checksum());
  }
  const bool to_group = to.is_multicast();
  const Egress egress{.source = route.source,
                      .destination = to,
                      .protocol = static_cast<Protocol>(*options.protocol),
                      .hop_limit = options.hop_limit == 0 && to_group ? std::uint8_t{1} : options.hop_limit,
                      .traffic_class = 0,
                      .dont_fragment = options.dont_fragment};
  const Result<> sent = ip.send(std::move(packet), egress, route);
  if (!sent && sent.error() == Error::would_block) {  // not enough packets for all its fragments
    ip.wait_for_room(context, waiter, route.interface, 0);
    return pending;
  }
  return sent;
}

Poll<Result<>> RawIpSocket::poll_send(Context& context, Waiter& waiter, const IpAddress& destination,
                                      std::span<const std::byte> data) noexcept {
  RawIpSlot* const mine = slot();
  if (!mine) { return Unexpected(Error::closed); }
  return module_->poll_send(context, waiter, *mine, destination, data);
}

Poll<Result<RawIpSocket::Taken>> RawIpSocket::poll_take(Context& context, Waiter& waiter) noexcept {
  RawIpSlot* const mine = slot();
  if (!mine) { return Unexpected(Error::closed); }
  Taken taken;
  taken.packet = take(*mine, context, waiter);
  if (!taken.packet) { return pending; }
  taken.about = describe(taken.packet);
  return Result<Taken>(std::move(taken));
}

Poll<Result<RawReceived>> RawIpSocket::poll_receive(Context& context, Waiter& waiter,
                                                    std::span<std::byte> buffer) noexcept {
  auto taken = poll_take(context, waiter);
  if (!taken.ready()) { return pending; }
  if (!*taken) { return Unexpected(taken->error()); }
  RawReceived about = (*taken)->about;
  about.size = std::min(about.packet_size, buffer.size());
  about.truncated = about.size < about.packet_size;
  if (about.size != 0) { std::memcpy(buffer.data(), (*taken)->packet.data().data(), about.size); }
  return about;
}

}  // namespace nal::embedded

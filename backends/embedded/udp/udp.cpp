#include "backends/embedded/udp/udp.hpp"

#include <algorithm>
#include <bit>

#include "backends/embedded/ip/headers.hpp"
#include "backends/embedded/wire/udp.hpp"

namespace nal::embedded {

namespace {

/// A datagram of IPv6's least MTU, which packets and every way have room for, or the network tells.
constexpr std::size_t kFitsAlways = 1280 - 40;

/// The interface that an address is bound to by its zone.
InterfaceIndex zone_of(const IpAddress& address) noexcept { return interface_index(address.zone()); }

}  // namespace

Udp::Udp(Network& network, Random& random, HashKey key, std::span<UdpSlot> slots, std::span<std::uint16_t> buckets,
         std::span<UdpMembership> memberships, std::uint16_t queue_limit) noexcept
    : network_(network),
      random_(random),
      key_(key),
      slots_(slots),
      buckets_(buckets),
      memberships_(memberships),
      queue_limit_(queue_limit) {
  NAL_ASSERT(std::has_single_bit(buckets.size()) && slots.size() < kNone);
  std::fill(buckets.begin(), buckets.end(), kNone);
  for (std::size_t i = slots.size(); i-- > 0;) {
    slots[i].next = free_;
    free_ = static_cast<std::uint16_t>(i);
  }
}

std::uint16_t& Udp::bucket(std::uint16_t local_port, const Address* remote, std::uint16_t remote_port) noexcept {
  if constexpr (features::kFewSockets) { return buckets_[0]; }
  // Nobody outside chooses the ports of this host.
  std::uint32_t hash = local_port;
  if (remote) {
    Hasher hasher(key_);
    hasher.add(std::uint32_t{local_port} << 16 | remote_port);
    remote->hash_into(hasher);
    hash = hasher.finish();
  }
  return buckets_[hash & (buckets_.size() - 1)];
}

bool Udp::port_taken(const Address& local, bool v6, std::uint16_t port, bool share) const noexcept {
  return std::ranges::any_of(slots_, [&](const UdpSlot& other) {
    return other.used && other.local_port == port && other.v6 == v6 && !(share && other.share_port) &&
           (other.local == local || other.local.is_unspecified() || local.is_unspecified());
  });
}

Result<UdpSlot*> Udp::open(const Endpoint& local, const UdpOptions& options) noexcept {
  const Address address(local.address);
  if (!local.address.is_unspecified() && !network_.is_local(address, zone_of(local.address))) {
    return Unexpected(Error::address_not_available);
  }
  std::uint16_t port = local.port;
  const bool v6 = local.address.is_v6();
  if (port == 0) {
    // RFC 6056 §3.3.1: a random start, then one after the other.
    constexpr std::uint32_t kCount = 65536 - kFirstEphemeral;
    const std::uint32_t start = random_.below(kCount);
    for (std::uint32_t tried = 0; port == 0 && tried < kCount; ++tried) {
      const auto candidate = static_cast<std::uint16_t>(kFirstEphemeral + (start + tried) % kCount);
      if (!port_taken(address, v6, candidate, false)) { port = candidate; }
    }
    if (port == 0) { return Unexpected(Error::address_not_available); }
  } else if (port_taken(address, v6, port, options.share_port)) {
    return Unexpected(Error::address_in_use);
  }
  if (free_ == kNone) { return Unexpected(Error::table_full); }
  UdpSlot& slot = slots_[free_];
  slot.local = address;
  slot.local_port = port;
  slot.v6 = v6;
  slot.interface = zone_of(local.address);
  slot.connected = false;
  slot.broadcast = false;
  slot.multicast_loopback = true;
  slot.share_port = options.share_port;
  slot.hop_limit = slot.traffic_class = 0;
  slot.multicast_hop_limit = 1;
  slot.multicast_interface = 0;
  slot.error = {};
  slot.routes_version = network_.routes_version() - 1;
  NAL_TRY(configure(slot, options));
  free_ = slot.next;
  slot.used = true;
  ++in_use_;
  return &slot;
}

void Udp::insert(UdpSlot& slot) noexcept {
  last_.forget();
  std::uint16_t& head = bucket_of(slot);
  slot.next = head;
  head = index(slot);
  connected_ = static_cast<std::uint16_t>(connected_ + (slot.connected ? 1 : 0));
}

void Udp::release(UdpSlot& slot) noexcept {
  last_.forget();
  if constexpr (features::kMulticast) {
    for (UdpMembership& membership : memberships_) {
      if (membership.slot == index(slot)) { leave(membership); }
    }
  }
  std::uint16_t* link = &bucket_of(slot);
  while (*link != index(slot)) { link = &slots_[*link].next; }
  *link = slot.next;
  connected_ = static_cast<std::uint16_t>(connected_ - (slot.connected ? 1 : 0));
  slot.readable.wake_all();
  slot.queue.clear();
  slot.used = false;
  ++slot.generation;
  slot.next = free_;
  free_ = index(slot);
  --in_use_;
}

Result<> Udp::configure(UdpSlot& slot, const UdpOptions& options) noexcept {
  if (options.hop_limit == std::uint8_t{0}) { return Unexpected(Error::invalid_argument); }
  if (options.broadcast) { slot.broadcast = *options.broadcast; }
  slot.hop_limit = options.hop_limit.value_or(slot.hop_limit);
  slot.traffic_class = options.traffic_class.value_or(slot.traffic_class);
  slot.multicast_hop_limit = options.multicast_hop_limit.value_or(slot.multicast_hop_limit);
  if (options.multicast_loopback) { slot.multicast_loopback = *options.multicast_loopback; }
  if (options.multicast_interface) { slot.multicast_interface = interface_index(options.multicast_interface->index()); }
  return {};
}

Result<ConnectedUdp> Udp::connect_from(const Endpoint& local, const Endpoint& remote,
                                       const UdpOptions& options) noexcept {
  if (remote.port == 0 || remote.address.is_unspecified() || local.address.family() != remote.address.family()) {
    return Unexpected(Error::invalid_argument);
  }
  const Address to(remote.address);
  NAL_TRY_SET(Route route, network_.route(to, Address(local.address), zone_of(remote.address)));
  NAL_TRY_SET(UdpSlot* const slot, open({route.source.to_ip(route.interface), local.port}, options));
  slot->connected = true;
  slot->remote = to;
  slot->remote_port = remote.port;
  slot->interface = zone_of(remote.address);
  slot->route = route;
  slot->routes_version = network_.routes_version();
  insert(*slot);
  return ConnectedUdp(*this, index(*slot), slot->generation);
}

Result<UnconnectedUdp> Udp::bind_single(const Endpoint& local, const UdpOptions& options) noexcept {
  Endpoint bound = local;
  if (local.address.is_unspecified()) {
    // What the default route would use, else loopback.
    const Family family = local.address.family();
    const Address far = family == Family::v4 ? Address(Ipv4Address(192, 0, 2, 1))
                                             : Address(Ipv6Address(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
    const auto route = network_.route(far, Address(local.address), 0);
    bound.address = route ? route->source.to_ip(route->interface) : IpAddress::loopback(family);
  }
  return bind_multiple(bound, options);
}

Result<UnconnectedUdp> Udp::bind_multiple(const Endpoint& local, const UdpOptions& options) noexcept {
  NAL_TRY_SET(UdpSlot* const slot, open(local, options));
  insert(*slot);
  return UnconnectedUdp(*this, index(*slot), slot->generation);
}

UdpSlot* Udp::look_up(const Ingress& ingress, std::uint16_t source_port, std::uint16_t destination_port) noexcept {
  std::uint16_t first = connected_ == 0 ? kNone : bucket(destination_port, &ingress.source, source_port);
  for (std::uint16_t i = first; i != kNone; i = slots_[i].next) {
    UdpSlot& slot = slots_[i];
    if (slot.connected && slot.local_port == destination_port && slot.remote_port == source_port &&
        slot.remote == ingress.source && slot.local == ingress.destination &&
        (slot.interface == 0 || slot.interface == ingress.interface)) {
      return &slot;
    }
  }
  UdpSlot* best = nullptr;
  const bool v6 = ingress.destination.is_v6();
  for (std::uint16_t i = bucket(destination_port, nullptr, 0); i != kNone; i = slots_[i].next) {
    UdpSlot& slot = slots_[i];
    if (slot.connected || slot.local_port != destination_port || slot.v6 != v6) { continue; }
    if (slot.interface != 0 && slot.interface != ingress.interface) { continue; }
    if (slot.local == ingress.destination) { return &slot; }
    if (slot.local.is_unspecified() && !best) { best = &slot; }
  }
  return best;
}

bool Udp::is_member(const UdpSlot& slot, const Ingress& ingress) const noexcept {
  return std::ranges::any_of(memberships_, [&](const UdpMembership& membership) {
    return membership.slot == index(slot) && membership.group == ingress.destination &&
           (membership.source.is_unspecified() || membership.source == ingress.source) &&
           (membership.interface == ingress.interface);
  });
}

void Udp::enqueue(UdpSlot& slot, Packet&& packet) noexcept {
  if (slot.queue.count() >= queue_limit_) {
    ++statistics_.queue_full;
    return;
  }
  ++statistics_.received;
  slot.queue.push(std::move(packet));
  slot.readable.wake_all();
}

void Udp::deliver_to_many(const Ingress& ingress, Packet&& packet, std::uint16_t port) noexcept {
  UdpSlot* last = nullptr;
  for (std::uint16_t i = bucket(port, nullptr, 0); i != kNone; i = slots_[i].next) {
    UdpSlot& slot = slots_[i];
    if (slot.connected || slot.local_port != port || slot.v6 != ingress.destination.is_v6()) { continue; }
    const bool wanted = features::kMulticast && ingress.destination.is_multicast() ? is_member(slot, ingress)
                                                                                   : slot.local.is_unspecified();
    if (!wanted) { continue; }
    if (last) {
      if (Packet copy = packet.copy()) { enqueue(*last, std::move(copy)); }
    }
    last = &slot;
  }
  if (last) {
    enqueue(*last, std::move(packet));
  } else {
    ++statistics_.no_socket;
  }
}

void Udp::input(const Ingress& ingress, Packet&& packet, Instant now) noexcept {
  const auto view = wire::UdpView::parse(packet.data());
  // RFC 8200 §8.1: over IPv6 a checksum there must be.
  const bool valid =
      view &&
      (ingress.checksum_verified ||
       ((view->has_checksum() || ingress.source.is_v4()) &&
        view->checksum_valid(pseudo_header_sum(ingress.source, ingress.destination, Protocol::udp, view->length()))));
  if (!valid || view->destination_port() == 0) {
    ++statistics_.malformed;
    return;
  }
  const std::uint16_t port = view->destination_port();
  for (UdpService* service = services_; service; service = service->next_) {
    if (service->input(ingress, port, view->payload(), now)) { return; }
  }
  UdpSlot* const slot = ingress.to_many ? nullptr : match(ingress, view->source_port(), port);
  if (!slot && !ingress.to_many) {
    ++statistics_.no_socket;
    network_.port_unreachable(std::move(packet), ingress);
    return;
  }
  packet.truncate(view->length());
  packet.trim_front(wire::kUdpHeaderSize);
  packet.buffer()->interface = ingress.interface;
  if (slot) {
    enqueue(*slot, std::move(packet));
  } else {
    deliver_to_many(ingress, std::move(packet), port);
  }
}

bool Udp::delivery_error(const DeliveryError& error) noexcept {
  const auto local_port = wire::load_be16(error.transport.data());
  const auto remote_port = wire::load_be16(error.transport.data() + 2);
  for (std::uint16_t i = bucket(local_port, &error.remote, remote_port); i != kNone; i = slots_[i].next) {
    UdpSlot& slot = slots_[i];
    if (slot.connected && slot.local_port == local_port && slot.remote_port == remote_port &&
        slot.remote == error.remote && slot.local == error.local &&
        (slot.interface == 0 || slot.interface == error.interface)) {
      slot.error = error.error;
      slot.readable.wake_all();
      return true;
    }
  }
  for (std::uint16_t i = bucket(local_port, nullptr, 0); i != kNone; i = slots_[i].next) {
    const UdpSlot& slot = slots_[i];
    if (!slot.connected && slot.local_port == local_port && slot.v6 == error.local.is_v6() &&
        (slot.local.is_unspecified() || slot.local == error.local)) {
      return true;
    }
  }
  return false;
}

Poll<Result<>> Udp::poll_send(Context& context, Waiter& waiter, UdpSlot& slot, const Address& local,
                              const Address& remote, std::uint16_t remote_port, InterfaceIndex interface,
                              std::span<const std::byte> data) noexcept {
  if (slot.error != Error{}) { return Unexpected(std::exchange(slot.error, Error{})); }
  if (remote_port == 0 || remote.is_unspecified() || remote.is_v6() != slot.v6) {
    return Unexpected(Error::invalid_argument);
  }
  const std::size_t size = wire::kUdpHeaderSize + data.size();
  if (size > kFitsAlways && size > network_.max_datagram(remote.family())) { return Unexpected(Error::message_size); }
  const bool to_group = features::kMulticast && remote.is_multicast();
  if (to_group && interface == 0) { interface = slot.multicast_interface; }
  // The way of last time, if it is to the same place. One that is not connected keeps that place in `remote`.
  Route* const route = &slot.route;
  const bool same = slot.routes_version == network_.routes_version() && slot.remote == remote &&
                    (slot.connected || (!to_group && interface == 0 && slot.route_from == local));
  if (!same) {
    slot.routes_version = network_.routes_version() - 1;
    NAL_TRY_SET(*route, network_.route(remote, local, interface));
    slot.routes_version = network_.routes_version() - (to_group || interface != 0 ? 1 : 0);
    slot.remote = remote;
    slot.route_from = local;
  }
  if (route->broadcast && !slot.broadcast) { return Unexpected(Error::permission_denied); }
  Packet packet = network_.allocate_to(route->interface, size);
  if (!packet) {
    if (size > network_.max_datagram(remote.family())) { return Unexpected(Error::message_size); }
    return wait_for_room(context, waiter, route->interface);
  }
  const auto header = packet.append(wire::kUdpHeaderSize);
  const wire::UdpHeader fields{slot.local_port, remote_port, data.size()};
  const wire::Sum pseudo = pseudo_header_sum(route->source, remote, Protocol::udp, size);
  if (features::kOffload && route->device_sums && size + 40 <= route->mtu) {
    const auto payload = packet.append(data.size());
    std::copy(data.begin(), data.end(), payload.begin());
    fields.emit_with(header, pseudo.value());
    packet.offload().checksum_offset = 6;
  } else {
    fields.emit(header, pseudo, wire::copy_and_sum_short(packet.append(data.size()).data(), data.data(), data.size()));
  }
  std::uint8_t hop_limit = slot.hop_limit;
  if (to_group) { hop_limit = slot.multicast_hop_limit; }
  if (features::kFastPaths && !to_group && !route->broadcast) {
    const KnownWay way{.source = route->source,
                       .destination = remote,
                       .next_hop = route->next_hop,
                       .mtu = route->mtu,
                       .neighbor = route->neighbor,
                       .interface = route->interface,
                       .protocol = Protocol::udp,
                       .hop_limit = hop_limit,
                       .traffic_class = slot.traffic_class,
                       .dont_fragment = false};
    if (network_.send_known(packet, way)) {
      ++statistics_.sent;
      return Result<>();
    }
  }
  const Egress egress{.source = route->source,
                      .destination = remote,
                      .protocol = Protocol::udp,
                      .hop_limit = hop_limit,
                      .traffic_class = slot.traffic_class,
                      .dont_fragment = false,
                      .loop_back = slot.multicast_loopback};
  const Result<> sent = network_.send(std::move(packet), egress, *route);
  // Not enough packets for all its fragments.
  if (!sent && sent.error() == Error::would_block) {
    packet = Packet();
    return wait_for_room(context, waiter, route->interface);
  }
  if (sent) { ++statistics_.sent; }
  return sent;
}

Poll<Result<>> Udp::wait_for_room(Context& context, Waiter& waiter, InterfaceIndex interface) noexcept {
  room_.add(context, waiter, Wait::writable);
  begun_to_wait_ = true;
  if (interface < 32 && !network_.can_send(interface)) { full_ |= std::uint32_t{1} << interface; }
  free_before_ = std::min(free_before_, network_.free_packets());
  network_.want_room();
  return pending;
}

bool Udp::may_try_again() noexcept {
  bool changed = !std::exchange(begun_to_wait_, false) || network_.free_packets() > free_before_;
  for (InterfaceIndex i = 1; i < 32 && !changed; ++i) { changed = (full_ >> i & 1) != 0 && network_.can_send(i); }
  if (changed) {
    full_ = 0;
    free_before_ = ~std::size_t{0};
  }
  return changed;
}

Result<> Udp::change_membership(UdpSlot& slot, const IpAddress& group, const IpAddress& source, InterfaceId interface,
                                bool join) noexcept {
  if constexpr (!features::kMulticast) { return Unexpected(Error::not_supported); }
  if (!group.is_multicast() || group.is_v6() != slot.v6 || group.family() != source.family() || slot.connected) {
    return Unexpected(Error::invalid_argument);
  }
  UdpMembership wanted{index(slot), interface_index(interface.index()), Address(group),
                       source.is_unspecified() ? Address() : Address(source)};
  if (wanted.interface == 0) { wanted.interface = zone_of(group); }
  const auto found = std::ranges::find_if(memberships_, [&](const UdpMembership& membership) {
    return membership.slot == wanted.slot && membership.group == wanted.group && membership.source == wanted.source &&
           (wanted.interface == 0 || membership.interface == wanted.interface);
  });
  if (!join) {
    if (found == memberships_.end()) { return Unexpected(Error::address_not_available); }
    leave(*found);
    return {};
  }
  if (found != memberships_.end()) { return Unexpected(Error::address_in_use); }
  const auto free = std::ranges::find_if(
      memberships_, [](const UdpMembership& membership) { return membership.slot == UdpMembership::kFree; });
  if (free == memberships_.end()) { return Unexpected(Error::table_full); }
  NAL_TRY_SET(wanted.interface, network_.join(wanted.group, wanted.source, wanted.interface));
  *free = wanted;
  return {};
}

void Udp::leave(UdpMembership& membership) noexcept {
  network_.leave(membership.group, membership.source, membership.interface);
  membership.slot = UdpMembership::kFree;
}

}  // namespace nal::embedded

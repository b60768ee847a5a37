#include "backends/lwip/udp.hpp"

#include <lwip/igmp.h>
#include <lwip/mld6.h>

#include <algorithm>

#include "backends/lwip/address.hpp"
#include "backends/lwip/error.hpp"

namespace nal::lwip {

Udp* Udp::instance_ = nullptr;

Udp::Udp(Core& core, std::span<UdpSlot> slots, std::span<Datagram> datagrams, std::span<Membership> memberships,
         std::uint16_t queue_limit) noexcept
    : core_(core), slots_(slots), memberships_(memberships), queue_limit_(queue_limit) {
  NAL_ASSERT(!instance_ && slots.size() <= 0xffff);
  instance_ = this;
  for (Datagram& datagram : datagrams) { give_back(datagram); }
}

void Udp::end_all() noexcept {
  for (UdpSlot& slot : slots_) {
    if (slot.pcb) { release(slot); }
  }
}

void Udp::give_back(Datagram& datagram) noexcept {
  if (pbuf* const data = std::exchange(datagram.data, nullptr)) { pbuf_free(data); }
  datagram.next = std::exchange(free_, &datagram);
}

bool Udp::is_member(const UdpSlot& slot, const IpAddress& group, const IpAddress& source) const noexcept {
  const netif* const interface = ip_current_input_netif();
  return std::any_of(memberships_.begin(), memberships_.end(), [&](const Membership& one) {
    return one.slot == &slot && one.interface == netif_get_index(interface) &&
           std::ranges::equal(one.group.bytes(), group.bytes()) &&
           (one.source.is_unspecified() || one.source == source);
  });
}

/// A place for one more datagram of the socket's; null if it is to be dropped.
Datagram* Udp::queue(UdpSlot& slot) noexcept {
  Datagram* const datagram = free_;
  if (!datagram || slot.waiting == queue_limit_) {
    ++statistics_.queue_full;
    return nullptr;
  }
  free_ = std::exchange(datagram->next, nullptr);
  (slot.last ? slot.last->next : slot.first) = datagram;
  slot.last = datagram;
  ++slot.waiting;
  return datagram;
}

void Udp::on_receive(void* argument, udp_pcb* /*pcb*/, pbuf* data, const ip_addr_t* source, u16_t port) noexcept {
  UdpSlot& slot = *static_cast<UdpSlot*>(argument);
  Udp& udp = *instance_;
  const Endpoint remote = from_lwip(*source, port);
  // What lwIP knows of the datagram it knows only now.
  const IpAddress destination = from_lwip(*ip_current_dest_addr());
  const bool wanted = !destination.is_multicast() || udp.is_member(slot, destination, remote.address);
  Datagram* const datagram = wanted ? udp.queue(slot) : nullptr;
  if (!datagram) {
    pbuf_free(data);
    return;
  }
  datagram->data = data;
  datagram->remote = remote;
  datagram->local = {destination, slot.pcb->local_port};
  datagram->interface = netif_get_index(ip_current_input_netif());
#if LWIP_IPV6
  if (destination.is_v6()) { datagram->hop_limit = IP6H_HOPLIM(ip6_current_header()); }
#endif
#if LWIP_IPV4
  if (destination.is_v4()) { datagram->hop_limit = IPH_TTL(ip4_current_header()); }
#endif
  udp.core_.ring(slot.readable);
}

Result<> Udp::bind(udp_pcb& pcb, const Endpoint& local, bool share) noexcept {
  ip_addr_t address;
  if (!to_lwip(local.address, address)) { return Unexpected(Error::not_supported); }
  if (!local.address.is_unspecified() && !local.address.is_multicast() && !is_broadcast(local.address) &&
      !interface_with(address)) {
    return Unexpected(Error::address_not_available);
  }
#if SO_REUSE
  if (share) { ip_set_option(&pcb, SOF_REUSEADDR); }
#else
  if (share) { return Unexpected(Error::not_supported); }
#endif
  if (const err_t error = udp_bind(&pcb, &address, local.port); error != ERR_OK) {
    return Unexpected(error == ERR_USE && local.port == 0 ? Error::address_not_available : from_lwip(error));
  }
  return {};
}

Result<UdpSlot*> Udp::open(const Endpoint& local, const UdpOptions& options) noexcept {
  const auto slot = std::find_if(slots_.begin(), slots_.end(), [](const UdpSlot& one) { return !one.pcb; });
  if (slot == slots_.end()) { return Unexpected(Error::table_full); }
  udp_pcb* const pcb = udp_new_ip_type(type_of(local.address));
  if (!pcb) { return Unexpected(Error::table_full); }
  slot->pcb = pcb;
#if LWIP_MULTICAST_TX_OPTIONS
  udp_set_multicast_ttl(pcb, 1);
  udp_set_flags(pcb, UDP_FLAGS_MULTICAST_LOOP);
#endif
  ++in_use_;
  Result<> ready = bind(*pcb, local, options.share_port);
  if (ready) { ready = configure(*slot, options); }
  if (!ready) {
    release(*slot);
    return Unexpected(ready.error());
  }
  udp_recv(pcb, &on_receive, &*slot);
  return &*slot;
}

void Udp::release(UdpSlot& slot) noexcept {
  for (Membership& one : memberships_) {
    if (one.slot == &slot) { static_cast<void>(change_membership(slot, one, false)); }
  }
  udp_remove(std::exchange(slot.pcb, nullptr));
  while (Datagram* const datagram = slot.first) {
    slot.first = datagram->next;
    give_back(*datagram);
  }
  slot.last = nullptr;
  slot.waiting = 0;
  slot.multicast_interface = 0;
  slot.broadcast = slot.connected = false;
  ++slot.generation;
  --in_use_;
  core_.ring(slot.readable);
}

Result<> Udp::configure(UdpSlot& slot, const UdpOptions& options) noexcept {
  udp_pcb& pcb = *slot.pcb;
  if (options.hop_limit == std::uint8_t{0}) { return Unexpected(Error::invalid_argument); }
#if !LWIP_MULTICAST_TX_OPTIONS
  if (options.multicast_hop_limit || options.multicast_loopback == true) { return Unexpected(Error::not_supported); }
#endif
  if (options.multicast_interface) {
    netif* const interface = interface_by(*options.multicast_interface);
    if (!interface) { return Unexpected(Error::invalid_argument); }
    slot.multicast_interface = netif_get_index(interface);
  }
  if (options.broadcast) { slot.broadcast = *options.broadcast; }
#if IP_SOF_BROADCAST
  if (slot.broadcast) { ip_set_option(&pcb, SOF_BROADCAST); }
#endif
  if (options.hop_limit) { pcb.ttl = *options.hop_limit; }
  if (options.traffic_class) { pcb.tos = *options.traffic_class; }
#if LWIP_MULTICAST_TX_OPTIONS
  if (options.multicast_hop_limit) { udp_set_multicast_ttl(&pcb, *options.multicast_hop_limit); }
  if (options.multicast_loopback == true) { udp_set_flags(&pcb, UDP_FLAGS_MULTICAST_LOOP); }
  if (options.multicast_loopback == false) { udp_clear_flags(&pcb, UDP_FLAGS_MULTICAST_LOOP); }
#endif
  return {};
}

namespace {

/// One address of the host's, as a datagram to `remote` (or, if that is unspecified, by the default interface) has it.
Result<IpAddress> own_address(const IpAddress& remote) noexcept {
  ip_addr_t to;
  ip_addr_t scratch;
  if (!to_lwip(remote, to)) { return Unexpected(Error::not_supported); }
  if (!remote.is_unspecified()) {
    netif* const interface = ip_route(&to, &to);
    if (!interface) { return Unexpected(Error::network_unreachable); }
    const ip_addr_t* const from = ip_netif_get_local_ip(interface, &to);
    if (!from) { return Unexpected(Error::address_not_available); }
    return from_lwip(*from);
  }
  netif* interface = interface_by(InterfaceId::any());
  if (interface && address_of(*interface, remote.family(), scratch)) { return from_lwip(scratch); }
  NETIF_FOREACH(interface) {
    if (address_of(*interface, remote.family(), scratch)) { return from_lwip(scratch); }
  }
  return Unexpected(Error::address_not_available);
}

}  // namespace

Result<ConnectedUdp> Udp::connect_from(const Endpoint& local, const Endpoint& remote,
                                       const UdpOptions& options) noexcept {
  if (remote.port == 0 || remote.address.is_unspecified() || local.address.family() != remote.address.family()) {
    return Unexpected(Error::invalid_argument);
  }
  const CoreLock lock;
  Endpoint from = local;
  if (from.address.is_unspecified()) { NAL_TRY_SET(from.address, own_address(remote.address)); }
  NAL_TRY_SET(UdpSlot* const slot, open(from, options));
  ip_addr_t to;
  to_lwip(remote.address, to);
  if (const err_t error = udp_connect(slot->pcb, &to, remote.port); error != ERR_OK) {
    release(*slot);
    return Unexpected(from_lwip(error));
  }
  slot->connected = true;
  return ConnectedUdp(*this, name_of(*slot));
}

Result<UnconnectedUdp> Udp::bind_single(const Endpoint& local, const UdpOptions& options) noexcept {
  const CoreLock lock;
  Endpoint from = local;
  if (from.address.is_unspecified()) { NAL_TRY_SET(from.address, own_address(from.address)); }
  NAL_TRY_SET(UdpSlot* const slot, open(from, options));
  return UnconnectedUdp(*this, name_of(*slot));
}

Result<UnconnectedUdp> Udp::bind_multiple(const Endpoint& local, const UdpOptions& options) noexcept {
  const CoreLock lock;
  NAL_TRY_SET(UdpSlot* const slot, open(local, options));
  return UnconnectedUdp(*this, name_of(*slot));
}

Result<> Udp::change_membership(UdpSlot& slot, const Membership& wanted, bool join) noexcept {
  ip_addr_t group;
  netif* const interface = netif_get_by_index(wanted.interface);
  if (!to_lwip(wanted.group, group) || !interface) { return Unexpected(Error::invalid_argument); }
  const auto known = std::find(memberships_.begin(), memberships_.end(), wanted);
  if (join == (known != memberships_.end())) {
    return Unexpected(join ? Error::address_in_use : Error::invalid_argument);
  }
  const auto place =
      join ? std::find_if(memberships_.begin(), memberships_.end(), [](auto& one) { return !one.slot; }) : known;
  if (place == memberships_.end()) { return Unexpected(Error::table_full); }
  err_t error = ERR_VAL;
#if LWIP_IPV4 && LWIP_IGMP
  if (wanted.group.is_v4()) {
    error =
        join ? igmp_joingroup_netif(interface, ip_2_ip4(&group)) : igmp_leavegroup_netif(interface, ip_2_ip4(&group));
  }
#endif
#if LWIP_IPV6 && LWIP_IPV6_MLD
  if (wanted.group.is_v6()) {
    ip6_addr_t& group6 = *ip_2_ip6(&group);
    ip6_addr_assign_zone(&group6, IP6_MULTICAST, interface);
    error = join ? mld6_joingroup_netif(interface, &group6) : mld6_leavegroup_netif(interface, &group6);
  }
#endif
  if (join && error != ERR_OK) { return Unexpected(error == ERR_MEM ? Error::table_full : Error::not_supported); }
  // `known` may be what was asked for.
  if (join) {
    *place = wanted;
    place->slot = &slot;
  } else {
    place->slot = nullptr;
  }
  return {};
}

Poll<Result<>> Udp::wait_for_room(Context& context, Waiter& waiter) noexcept {
  room_.add(context, waiter, Wait::writable);
  // lwIP does not tell when memory is free again: `run()` has another try made soon.
  core_.kick();
  return pending;
}

Poll<Result<>> Udp::send(Context& context, Waiter& waiter, UdpSlot& slot, const Endpoint& local, const Endpoint& remote,
                         std::span<const std::byte> data) noexcept {
  ip_addr_t to;
  ip_addr_t from;
  if (!to_lwip(remote.address, to) || !to_lwip(local.address, from)) { return Unexpected(Error::not_supported); }
  if (remote.port == 0 || remote.address.is_unspecified() || local.address.family() != remote.address.family() ||
      type_of(remote.address) != IP_GET_TYPE(&slot.pcb->local_ip)) {
    return Unexpected(Error::invalid_argument);
  }
  constexpr std::size_t kHeaders = 48;
#if MEM_LIBC_MALLOC || MEM_USE_POOLS
  constexpr std::size_t kRoom = SIZE_MAX;  // it need not be in one piece that is known here
#else
  constexpr std::size_t kRoom = MEM_SIZE;
#endif
  if (data.size() > 0xffff - kHeaders || data.size() + kHeaders + 256 > kRoom) {
    return Unexpected(Error::message_size);
  }
  if (!slot.broadcast && is_broadcast(remote.address)) { return Unexpected(Error::permission_denied); }
  const bool multicast = remote.address.is_multicast();
  netif* const interface = multicast ? interface_by(InterfaceId(slot.multicast_interface)) : ip_route(&from, &to);
  if (!interface) { return Unexpected(Error::network_unreachable); }
  if (local.address.is_unspecified()) {
    const ip_addr_t* const own = ip_netif_get_local_ip(interface, &to);
    if (!own) { return Unexpected(Error::address_not_available); }
    from = *own;
  } else if (!interface_with(from)) {
    return Unexpected(Error::address_not_available);
  }
#if LWIP_IPV6
  if (IP_IS_V6_VAL(to) && ip6_addr_lacks_zone(ip_2_ip6(&to), IP6_UNKNOWN)) {
    ip6_addr_assign_zone(ip_2_ip6(&to), IP6_UNKNOWN, interface);
  }
#endif
  // A new one each time: sending puts the headers into it.
  pbuf* const packet = pbuf_alloc(PBUF_TRANSPORT, static_cast<u16_t>(data.size()), PBUF_RAM);
  if (!packet) { return wait_for_room(context, waiter); }
  err_t error = ERR_OK;
  if (!data.empty()) { error = pbuf_take(packet, data.data(), static_cast<u16_t>(data.size())); }
  if (error == ERR_OK) { error = udp_sendto_if_src(slot.pcb, packet, &to, remote.port, interface, &from); }
  pbuf_free(packet);
  if (error == ERR_MEM || error == ERR_WOULDBLOCK) { return wait_for_room(context, waiter); }
  if (error != ERR_OK) { return Unexpected(from_lwip(error)); }
#if LWIP_NETIF_LOOPBACK
  if (interface->loop_first) { core_.kick(); }
#endif
  return Result<>();
}

void UdpSocket::drop() noexcept {
  if (!udp_) { return; }
  const CoreLock lock;
  if (UdpSlot* const slot = find()) { udp_->release(*slot); }
  udp_ = nullptr;
}

Poll<Result<Received>> UdpSocket::poll_receive(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept {
  const CoreLock lock;
  UdpSlot* const slot = find();
  if (!slot) { return Unexpected(Error::closed); }
  Datagram* const datagram = slot->first;
  if (!datagram) {
    slot->readable.waiters.add(context, waiter, Wait::readable);
    return pending;
  }
  slot->first = datagram->next;
  if (!slot->first) { slot->last = nullptr; }
  --slot->waiting;
  Received about;
  about.datagram_size = datagram->data->tot_len;
  about.size = std::min(about.datagram_size, buffer.size());
  about.truncated = about.size < about.datagram_size;
  about.remote = datagram->remote;
  about.local = datagram->local;
  about.interface = InterfaceId(datagram->interface);
  about.hop_limit = datagram->hop_limit;
  pbuf_copy_partial(datagram->data, buffer.data(), static_cast<u16_t>(about.size), 0);
  udp_->give_back(*datagram);
  return Result<Received>(about);
}

Result<> UdpSocket::configure(const UdpOptions& options) noexcept {
  const CoreLock lock;
  UdpSlot* const slot = find();
  return slot ? Udp::configure(*slot, options) : Result<>(Unexpected(Error::closed));
}

Endpoint UdpSocket::local_endpoint() const noexcept {
  const CoreLock lock;
  const UdpSlot* const slot = find();
  return slot ? from_lwip(slot->pcb->local_ip, slot->pcb->local_port) : Endpoint{};
}

Poll<Result<>> ConnectedUdp::poll_send(Context& context, Waiter& waiter, std::span<const std::byte> data) noexcept {
  const CoreLock lock;
  UdpSlot* const slot = find();
  if (!slot) { return Unexpected(Error::closed); }
  return udp_->send(context, waiter, *slot, from_lwip(slot->pcb->local_ip, slot->pcb->local_port),
                    from_lwip(slot->pcb->remote_ip, slot->pcb->remote_port), data);
}

Endpoint ConnectedUdp::remote_endpoint() const noexcept {
  const CoreLock lock;
  const UdpSlot* const slot = find();
  return slot ? from_lwip(slot->pcb->remote_ip, slot->pcb->remote_port) : Endpoint{};
}

Poll<Result<>> UnconnectedUdp::poll_send(Context& context, Waiter& waiter, const Endpoint& local,
                                         const Endpoint& remote, std::span<const std::byte> data) noexcept {
  const CoreLock lock;
  UdpSlot* const slot = find();
  if (!slot) { return Unexpected(Error::closed); }
  if (local.address.family() != remote.address.family()) { return Unexpected(Error::invalid_argument); }
  const Endpoint bound = from_lwip(slot->pcb->local_ip, slot->pcb->local_port);
  // A socket of one address answers from there; one that heard a group has no address of it to answer from.
  const bool to_choose = local.address.is_unspecified() || local.address.is_multicast() || is_broadcast(local.address);
  return udp_->send(context, waiter, *slot, to_choose ? bound : local, remote, data);
}

Result<> UnconnectedUdp::change(const IpAddress& group, const IpAddress& source, InterfaceId interface,
                                bool join) noexcept {
  const CoreLock lock;
  UdpSlot* const slot = find();
  if (!slot) { return Unexpected(Error::closed); }
  if (!group.is_multicast() || source.family() != group.family() ||
      type_of(group) != IP_GET_TYPE(&slot->pcb->local_ip)) {
    return Unexpected(Error::invalid_argument);
  }
  netif* const where = interface_by(interface.is_any() ? InterfaceId(group.zone()) : interface);
  if (!where) { return Unexpected(Error::invalid_argument); }
  Membership wanted;
  wanted.slot = slot;
  wanted.interface = netif_get_index(where);
  wanted.group = group;
  wanted.source = source;
  return udp_->change_membership(*slot, wanted, join);
}

}  // namespace nal::lwip

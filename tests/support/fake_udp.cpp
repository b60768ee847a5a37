#include "tests/support/fake_udp.hpp"

#include <algorithm>

#include "tests/support/fake_network.hpp"
#include "tests/support/fake_stack.hpp"

namespace nal::test {

FakeUdp::FakeUdp(FakeHost& host) : host_(host), slots_(host.config.udp_slots) {
  for (Slot& slot : slots_) {
    slot.queue.resize(host.config.udp_queue);
    for (Datagram& datagram : slot.queue) { datagram.data.reserve(host.config.datagram); }
    slot.groups.reserve(host.config.groups);
  }
}

Result<FakeConnectedUdp> FakeUdp::connect_from(const Endpoint& local, const Endpoint& remote,
                                               const UdpOptions& options) noexcept {
  if (remote.port == 0 || local.address.family() != remote.address.family()) {
    return Unexpected(Error::invalid_argument);
  }
  Endpoint bound = local;
  if (local.address.is_unspecified()) { NAL_TRY_SET(bound.address, host_.source_for(remote.address)); }
  NAL_TRY_SET(const std::uint16_t index, open(bound, options));
  Slot& slot = slots_[index];
  slot.connected = true;
  slot.remote = remote;
  return FakeConnectedUdp(*this, index, slot.generation);
}

Result<FakeUnconnectedUdp> FakeUdp::bind_single(const Endpoint& local, const UdpOptions& options) noexcept {
  Endpoint bound = local;
  if (local.address.is_unspecified()) { NAL_TRY_SET(bound.address, host_.source(local.address.family())); }
  NAL_TRY_SET(const std::uint16_t index, open(bound, options));
  return FakeUnconnectedUdp(*this, index, slots_[index].generation);
}

Result<FakeUnconnectedUdp> FakeUdp::bind_multiple(const Endpoint& local, const UdpOptions& options) noexcept {
  NAL_TRY_SET(const std::uint16_t index, open(local, options));
  return FakeUnconnectedUdp(*this, index, slots_[index].generation);
}

FakeUdp::Slot* FakeUdp::find(std::uint16_t slot, std::uint16_t generation) noexcept {
  return slots_[slot].generation == generation ? &slots_[slot] : nullptr;
}

Result<std::uint16_t> FakeUdp::open(const Endpoint& local, const UdpOptions& options) noexcept {
  const bool mine = local.address.is_unspecified() ? host_.can_reach(local.address.family()) : host_.has(local.address);
  if (!mine) { return Unexpected(Error::address_not_available); }
  Endpoint bound = local;
  if (bound.port == 0) {
    const unsigned count = host_.config.last_ephemeral - host_.config.first_ephemeral + 1u;
    for (unsigned tried = 0; tried < count && bound.port == 0; ++tried) {
      const std::uint16_t port = host_.next_ephemeral();
      if (!port_taken({local.address, port}, false)) { bound.port = port; }
    }
    if (bound.port == 0) { return Unexpected(Error::address_not_available); }
  } else if (port_taken(bound, options.share_port)) {
    return Unexpected(Error::address_in_use);
  }
  if (!host_.allocate()) { return Unexpected(Error::no_memory); }
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    if (slot.used) { continue; }
    slot.used = true;
    slot.local = bound;
    slot.options = options;
    return static_cast<std::uint16_t>(i);
  }
  return Unexpected(Error::table_full);
}

bool FakeUdp::port_taken(const Endpoint& local, bool share) const noexcept {
  return std::any_of(slots_.begin(), slots_.end(), [&](const Slot& other) {
    if (!other.used || other.local.port != local.port) { return false; }
    if (other.local.address.family() != local.address.family()) { return false; }
    if (share && other.options.share_port) { return false; }
    return other.local.address == local.address || other.local.address.is_unspecified() ||
           local.address.is_unspecified();
  });
}

void FakeUdp::release(Slot& slot) noexcept {
  slot.readable.wake_all();
  slot.writable.wake_all();
  slot.used = slot.connected = false;
  ++slot.generation;
  slot.first = slot.count = 0;
  slot.groups.clear();
  slot.error = Error{};
  slot.remote = {};
}

Result<> FakeUdp::send(Slot& slot, const IpAddress& local, const Endpoint& remote,
                       std::span<const std::byte> data) noexcept {
  if (slot.error != Error{}) { return Unexpected(std::exchange(slot.error, Error{})); }
  if (data.size() > host_.config.datagram) { return Unexpected(Error::message_size); }
  if (remote.port == 0 || remote.address.is_unspecified() || remote.address.family() != slot.local.address.family()) {
    return Unexpected(Error::invalid_argument);
  }
  Transit transit{{local, slot.local.port}, remote, data, slot.options.hop_limit.value_or(64), kWire};
  if (local.is_unspecified()) { transit.from.address = slot.local.address; }
  if (transit.from.address.is_unspecified()) {
    NAL_TRY_SET(transit.from.address, host_.source_for(remote.address));
  } else if (!host_.has(transit.from.address)) {
    return Unexpected(Error::address_not_available);
  }
  if (remote.address.is_broadcast() && !slot.options.broadcast.value_or(false)) {
    return Unexpected(Error::permission_denied);
  }
  if (host_.faults.lose_datagrams != 0) {
    --host_.faults.lose_datagrams;
    return {};
  }
  if (host_.faults.silent) { return {}; }
  if (remote.address.is_multicast()) {
    send_multicast(slot, transit);
    return {};
  }
  if (remote.address.is_broadcast()) {
    for (FakeStack* stack : host_.network().stacks()) {
      if (!stack->host().faults.silent) { stack->udp().deliver_broadcast(transit); }
    }
    return {};
  }
  FakeStack* stack = host_.network().find(remote.address, host_.stack());
  if (!stack) { return Unexpected(Error::host_unreachable); }
  if (stack->host().faults.silent) { return {}; }
  if (stack == &host_.stack()) { transit.interface = kLoopback; }
  if (!stack->udp().deliver(transit) && slot.connected) {
    // The ICMP error that comes back; sockets that speak with anybody are not told.
    slot.error = Error::connection_refused;
    slot.readable.wake_all();
  }
  return {};
}

void FakeUdp::send_multicast(const Slot& slot, Transit transit) noexcept {
  transit.hop_limit = slot.options.multicast_hop_limit.value_or(1);
  for (FakeStack* stack : host_.network().stacks()) {
    const bool own = stack == &host_.stack();
    if (stack->host().faults.silent || (own && !slot.options.multicast_loopback.value_or(true))) { continue; }
    stack->udp().deliver_to_members(transit);
  }
}

bool FakeUdp::deliver(const Transit& transit) noexcept {
  Slot* best = nullptr;
  int best_match = 0;
  for (Slot& slot : slots_) {
    if (!slot.used || slot.local.port != transit.to.port) { continue; }
    if (slot.local.address.family() != transit.to.address.family()) { continue; }
    const bool exact = slot.local.address == transit.to.address;
    if (!exact && !slot.local.address.is_unspecified()) { continue; }
    if (slot.connected && slot.remote != transit.from) { continue; }
    const int match = 1 + (exact ? 1 : 0) + (slot.connected ? 2 : 0);
    if (match > best_match) {
      best = &slot;
      best_match = match;
    }
  }
  if (best) { enqueue(*best, transit); }
  return best != nullptr;
}

bool FakeUdp::deliver_to_members(const Transit& transit) noexcept {
  bool taken = false;
  for (Slot& slot : slots_) {
    if (!slot.used || slot.connected || slot.local.port != transit.to.port) { continue; }
    const bool member = std::any_of(slot.groups.begin(), slot.groups.end(), [&](const Membership& membership) {
      return membership.group == transit.to.address &&
             (membership.source.is_unspecified() || membership.source == transit.from.address) &&
             (membership.interface.is_any() || membership.interface == transit.interface);
    });
    if (!member) { continue; }
    enqueue(slot, transit);
    taken = true;
  }
  return taken;
}

void FakeUdp::deliver_broadcast(const Transit& transit) noexcept {
  for (Slot& slot : slots_) {
    if (slot.used && !slot.connected && slot.local.port == transit.to.port && slot.local.address.is_v4() &&
        slot.local.address.is_unspecified()) {
      enqueue(slot, transit);
    }
  }
}

void FakeUdp::enqueue(Slot& slot, const Transit& transit) noexcept {
  if (slot.count == slot.queue.size()) { return; }
  Datagram& datagram = slot.queue[(slot.first + slot.count++) % slot.queue.size()];
  datagram.data.assign(transit.data.begin(), transit.data.end());
  datagram.about = Received{.size = transit.data.size(),
                            .remote = transit.from,
                            .local = transit.to,
                            .interface = transit.interface,
                            .hop_limit = transit.hop_limit};
  slot.readable.wake_all();
}

Result<> FakeUdp::change_membership(Slot& slot, const Membership& membership, bool join) noexcept {
  if (!membership.group.is_multicast() || membership.group.family() != slot.local.address.family()) {
    return Unexpected(Error::invalid_argument);
  }
  const auto found = std::find(slot.groups.begin(), slot.groups.end(), membership);
  if (join) {
    if (found != slot.groups.end()) { return Unexpected(Error::address_in_use); }
    if (slot.groups.size() == host_.config.groups) { return Unexpected(Error::table_full); }
    slot.groups.push_back(membership);
    return {};
  }
  if (found == slot.groups.end()) { return Unexpected(Error::address_not_available); }
  slot.groups.erase(found);
  return {};
}

std::size_t FakeUdp::slots_in_use() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.used; }));
}

bool FakeUdp::nobody_waits() const noexcept {
  return std::all_of(slots_.begin(), slots_.end(),
                     [](const Slot& slot) { return slot.readable.empty() && slot.writable.empty(); });
}

FakeUdpSocket& FakeUdpSocket::operator=(FakeUdpSocket&& other) noexcept {
  if (this != &other) {
    drop();
    udp_ = std::exchange(other.udp_, nullptr);
    slot_ = other.slot_;
    generation_ = other.generation_;
  }
  return *this;
}

void FakeUdpSocket::drop() noexcept {
  FakeUdp* udp = std::exchange(udp_, nullptr);
  if (!udp) { return; }
  if (auto* slot = udp->find(slot_, generation_)) { udp->release(*slot); }
}

Poll<Result<Received>> FakeUdpSocket::poll_receive(Context& context, Waiter& waiter,
                                                   std::span<std::byte> buffer) noexcept {
  auto* slot = udp_ ? udp_->find(slot_, generation_) : nullptr;
  if (!slot) { return Unexpected(Error::closed); }
  if (slot->count == 0 && slot->error != Error{}) { return Unexpected(std::exchange(slot->error, Error{})); }
  if (slot->count == 0 || udp_->host_.hiccups(context)) {
    slot->readable.add(context, waiter, Wait::readable);
    return pending;
  }
  const auto& datagram = slot->queue[slot->first];
  slot->first = (slot->first + 1) % slot->queue.size();
  --slot->count;
  Received about = datagram.about;
  about.truncated = datagram.data.size() > buffer.size();
  std::copy_n(datagram.data.begin(), std::min(datagram.data.size(), buffer.size()), buffer.begin());
  return about;
}

Result<> FakeUdpSocket::configure(const UdpOptions& options) noexcept {
  auto* slot = udp_ ? udp_->find(slot_, generation_) : nullptr;
  if (!slot) { return Unexpected(Error::closed); }
  if (options.hop_limit == std::uint8_t{0}) { return Unexpected(Error::invalid_argument); }
  const auto take = [](auto& mine, const auto& given) {
    if (given) { mine = given; }
  };
  take(slot->options.broadcast, options.broadcast);
  take(slot->options.hop_limit, options.hop_limit);
  take(slot->options.traffic_class, options.traffic_class);
  take(slot->options.multicast_hop_limit, options.multicast_hop_limit);
  take(slot->options.multicast_loopback, options.multicast_loopback);
  take(slot->options.multicast_interface, options.multicast_interface);
  return {};
}

Endpoint FakeUdpSocket::local_endpoint() const noexcept {
  const auto* slot = udp_ ? udp_->find(slot_, generation_) : nullptr;
  return slot ? slot->local : Endpoint{};
}

Poll<Result<>> FakeConnectedUdp::poll_send(Context& context, Waiter& waiter, std::span<const std::byte> data) noexcept {
  auto* slot = udp_ ? udp_->find(slot_, generation_) : nullptr;
  if (!slot) { return Unexpected(Error::closed); }
  if (udp_->host_.hiccups(context)) {
    slot->writable.add(context, waiter, Wait::writable);
    return pending;
  }
  return udp_->send(*slot, slot->local.address, slot->remote, data);
}

Endpoint FakeConnectedUdp::remote_endpoint() const noexcept {
  const auto* slot = udp_ ? udp_->find(slot_, generation_) : nullptr;
  return slot ? slot->remote : Endpoint{};
}

Poll<Result<>> FakeUnconnectedUdp::poll_send(Context& context, Waiter& waiter, const Endpoint& local,
                                             const Endpoint& remote, std::span<const std::byte> data) noexcept {
  auto* slot = udp_ ? udp_->find(slot_, generation_) : nullptr;
  if (!slot) { return Unexpected(Error::closed); }
  if (udp_->host_.hiccups(context)) {
    slot->writable.add(context, waiter, Wait::writable);
    return pending;
  }
  return udp_->send(*slot, local.address, remote, data);
}

Result<> FakeUnconnectedUdp::join(const IpAddress& group, InterfaceId interface) noexcept {
  return join_source(group, IpAddress::unspecified(group.family()), interface);
}
Result<> FakeUnconnectedUdp::leave(const IpAddress& group, InterfaceId interface) noexcept {
  return leave_source(group, IpAddress::unspecified(group.family()), interface);
}
Result<> FakeUnconnectedUdp::join_source(const IpAddress& group, const IpAddress& source,
                                         InterfaceId interface) noexcept {
  auto* slot = udp_ ? udp_->find(slot_, generation_) : nullptr;
  if (!slot) { return Unexpected(Error::closed); }
  return udp_->change_membership(*slot, {group, source, interface}, true);
}
Result<> FakeUnconnectedUdp::leave_source(const IpAddress& group, const IpAddress& source,
                                          InterfaceId interface) noexcept {
  auto* slot = udp_ ? udp_->find(slot_, generation_) : nullptr;
  if (!slot) { return Unexpected(Error::closed); }
  return udp_->change_membership(*slot, {group, source, interface}, false);
}

}  // namespace nal::test

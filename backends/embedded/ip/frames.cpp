#include <algorithm>

#include "backends/embedded/ip/ip_layer.hpp"
#include "nal/driver/checksum.hpp"

namespace nal::embedded {

namespace {

/// In front of what a transport writes: a tagged Ethernet header and the larger IP header, with the router alert.
constexpr std::size_t kHeaders =
    wire::kEthernetHeaderSize + wire::kVlanTagSize +
    (features::kIpv6 ? wire::kIpv6HeaderSize + wire::kRouterAlertHeaderSize : wire::kIpv4HeaderSize + 4);

}  // namespace

IpLayer::IpLayer(driver::PacketPool& pool, driver::PacketPool* large_pool, Random& random, const Storage& storage,
                 const Dad::Config& dad) noexcept
    : pool_(pool),
      large_pool_(large_pool),
      random_(random),
      storage_(storage),
      groups_(*this, storage.interfaces, storage.groups),
      dad_(*this, groups_, storage.interfaces, dad),
      neighbors_(*this, dad_, storage.interfaces, storage.neighbors, pool.count() / 4),
      slaac_(*this, dad_, neighbors_, storage.interfaces, storage.slaac),
      reassembly_(storage.partial_packets),
      headroom_(static_cast<std::uint16_t>(kHeaders)),
      identification_(random.u16()) {
  NAL_ASSERT(storage.interfaces.size() < kLoopback - 1U);
}

IpLayer::~IpLayer() {
  // The tables live longer than the pools.
  for (PartialPacket& entry : storage_.partial_packets) { entry.clear(); }
}

Result<InterfaceIndex> IpLayer::add_interface(driver::Driver& driver, Instant now) noexcept {
  const auto free =
      std::ranges::find_if(storage_.interfaces, [](const Interface& entry) { return entry.driver == nullptr; });
  if (free == storage_.interfaces.end()) { return Unexpected(Error::table_full); }
  const auto i = static_cast<std::size_t>(free - storage_.interfaces.begin());
  const std::size_t share = storage_.addresses.size() / storage_.interfaces.size();
  const driver::Capabilities capabilities = driver.capabilities();
  const std::size_t room = pool_.capacity() - kHeaders - capabilities.headroom + wire::kIpv4HeaderSize;
  free->driver = &driver;
  free->hardware_address = driver.hardware_address();
  free->medium = capabilities.medium;
  free->transmit_checksum = capabilities.transmit_checksum;
  free->max_segmentation_size = capabilities.max_segmentation_size;
  free->index = static_cast<InterfaceIndex>(i + 1);
  free->mtu = static_cast<std::uint16_t>(std::min<std::size_t>(capabilities.mtu, room));
  free->addresses = storage_.addresses.subspan(i * share, share);
  headroom_ = std::max<std::uint16_t>(headroom_, static_cast<std::uint16_t>(kHeaders + capabilities.headroom));
  now_ = now;
  groups_.link_up(*free, now);
  if (driver.link_up()) { link_changed(*free, now); }
  changed();
  return free->index;
}

void IpLayer::limit_mtu(InterfaceIndex index, std::uint16_t mtu) noexcept {
  Interface* const limited = interface(index);
  if (limited && mtu >= wire::kIpv4MinMtu && mtu < limited->mtu) {
    limited->mtu = mtu;
    changed();
  }
}

void IpLayer::link_changed(Interface& interface, Instant now) noexcept {
  interface.up = !interface.up;
  if (interface.up) {
    groups_.link_up(interface, now);
    dad_.link_up(interface, now);
    if (slaac_.state(interface).running) { slaac_.link_up(interface, now); }
  } else {
    neighbors_.flush(interface.index);
  }
  changed();
}

bool IpLayer::poll(Instant now, unsigned budget) noexcept {
  now_ = now;
  const bool part_of_more = std::exchange(polling_, true);
  bool more = false;
  for (Interface& interface : storage_.interfaces) {
    if (!interface.driver) { continue; }
    if (interface.driver->link_up() != interface.up) { link_changed(interface, now); }
    Packet first = interface.driver->receive(pool_, now);
    if (first) { more |= receive(interface, std::move(first), budget); }
  }
  if (features::kLoopback && !loopback_.empty()) { more |= loop_back(budget); }
  if (modules_due(now)) { poll_modules(now); }
  more_ = more;
  polling_ = part_of_more;
  return more;
}

inline bool IpLayer::modules_due(Instant now) const noexcept {
  return neighbors_.poll_at() <= now || dad_.poll_at() <= now || groups_.poll_at() <= now ||
         (features::kIcmpErrors && path_mtu_at_ <= now) || (features::kSlaac && slaac_.poll_at() <= now) ||
         (features::kFragments && reassembly_.poll_at() <= now);
}

Instant IpLayer::modules_at() const noexcept {
  Instant at = std::min({neighbors_.poll_at(), dad_.poll_at(), groups_.poll_at()});
  if constexpr (features::kIcmpErrors) { at = std::min(at, path_mtu_at_); }
  if constexpr (features::kSlaac) { at = std::min(at, slaac_.poll_at()); }
  if constexpr (features::kFragments) { at = std::min(at, reassembly_.poll_at()); }
  return at;
}

void IpLayer::poll_modules(Instant now) noexcept {
  if (neighbors_.poll_at() <= now) { neighbors_.poll(now); }
  if (dad_.poll_at() <= now) { dad_.poll(now); }
  if (features::kSlaac && slaac_.poll_at() <= now) { slaac_.poll(now); }
  if ((features::kMulticast || features::kIpv6) && groups_.poll_at() <= now) { groups_.poll(now); }
  if (features::kFragments && reassembly_.poll_at() <= now) {
    while (Packet first = reassembly_.expire(now)) { time_exceeded(std::move(first)); }
  }
  if (features::kIcmpErrors && path_mtu_at_ <= now) { age_path_mtus(now); }
}

void IpLayer::begin_outside() noexcept {
  if (executor_) { now_ = executor_->now(); }
  work_.wake_all();
}

Instant IpLayer::poll_at() const noexcept {
  if (more_ || !loopback_.empty()) { return now_; }
  Instant at = modules_at();
  for (const Interface& interface : storage_.interfaces) {
    if (interface.driver) { at = std::min(at, interface.driver->poll_at()); }
  }
  return at;
}

void IpLayer::to_loopback(Packet&& packet, InterfaceIndex interface) noexcept {
  packet.buffer()->interface = interface;
  if (packet.offload().checksum_offset != 0) { driver::mark_as_received(packet, true); }
  packet.offload().segment_size = 0;
  loopback_.push(std::move(packet));
}

bool IpLayer::loop_back(unsigned budget) noexcept {
  // Not what is sent meanwhile: two sockets of this host may talk for ever.
  for (std::size_t left = std::min<std::size_t>(budget, loopback_.count()); left > 0; --left) {
    Packet packet = loopback_.pop();
    const InterfaceIndex interface = packet.buffer()->interface;
    input_ip(interface, std::move(packet), false);
  }
  return !loopback_.empty();
}

inline bool IpLayer::has_room(InterfaceIndex index) noexcept {
  if (!pool_.can_send()) { return false; }
  const Interface* const out = interface(index);
  return out == nullptr || !out->up || out->driver->can_transmit();
}

bool IpLayer::can_send(InterfaceIndex index) noexcept { return has_room(index); }

Packet IpLayer::allocate() noexcept { return pool_.allocate_to_send(headroom_); }

Packet IpLayer::allocate_to(InterfaceIndex index, std::size_t size) noexcept {
  if (!has_room(index)) { return {}; }
  return headroom_ + size <= pool_.capacity() ? pool_.allocate(headroom_) : allocate_large(size);
}

Packet IpLayer::allocate_large(std::size_t size) noexcept {
  const bool fits = large_pool_ && headroom_ + size <= large_pool_->capacity();
  return fits ? large_pool_->allocate(headroom_) : Packet();
}

std::size_t IpLayer::max_datagram(Family family) const noexcept {
  const std::size_t room =
      (features::kFragments && large_pool_ ? large_pool_->capacity() : pool_.capacity()) - headroom_;
  return std::min<std::size_t>(room, family == Family::v4 ? 0xffff - wire::kIpv4HeaderSize : 0xffff);
}

Network::OffloadSupport IpLayer::offload(InterfaceIndex index) const noexcept {
  if constexpr (!features::kOffload && !features::kLoopback) { return {}; }
  if (index == kLoopback) { return {.max_segmentation_size = 0, .checksum = true}; }
  if (index == 0 || index > storage_.interfaces.size() || !storage_.interfaces[index - 1u].driver) { return {}; }
  const Interface& out = storage_.interfaces[index - 1u];
  std::uint16_t most = out.max_segmentation_size;
  if (most != 0) {
    // Of no use without a packet to put it into: 120 bytes are the longest headers of IP and TCP without extensions.
    constexpr std::size_t kLongest = 120;
    const driver::PacketPool* const pool = large_pool_ && large_pool_->can_send() ? large_pool_ : &pool_;
    const std::size_t room = pool->capacity() > headroom_ + kLongest ? pool->capacity() - headroom_ - kLongest : 0;
    most = static_cast<std::uint16_t>(std::min<std::size_t>(most, room));
  }
  return {most, out.transmit_checksum};
}

void IpLayer::changed() noexcept {
  from_outside();
  ++version_;
  ++configuration_version_;
  changed_waiters_.wake_all();
}

}  // namespace nal::embedded

#include "backends/drivers/vlan.hpp"

#include <algorithm>
#include <cstring>

namespace nal::drivers {

using driver::Packet;

namespace {

constexpr std::size_t kAddressesSize = 12;  // what stands before a tag
constexpr std::size_t kTagSize = 4;
constexpr unsigned kTagType = 0x8100;
/// Frames that are looked at for one that is asked for, so that a flood to another VLAN holds nobody up for long.
constexpr unsigned kBudget = 8;

unsigned load_be16(std::span<const std::byte> bytes, std::size_t at) noexcept {
  return std::to_integer<unsigned>(bytes[at]) << 8 | std::to_integer<unsigned>(bytes[at + 1]);
}
void store_be16(std::span<std::byte> bytes, std::size_t at, unsigned value) noexcept {
  bytes[at] = static_cast<std::byte>(value >> 8);
  bytes[at + 1] = static_cast<std::byte>(value & 0xff);
}

/// 0 if it has none.
unsigned vlan_of(std::span<const std::byte> frame) noexcept {
  const bool tagged = frame.size() >= kAddressesSize + kTagSize + 2 && load_be16(frame, kAddressesSize) == kTagType;
  return tagged ? load_be16(frame, kAddressesSize + 2) & 0x0fff : 0;
}

void remove_tag(Packet& packet) noexcept {
  const auto bytes = packet.data();
  std::memmove(bytes.data() + kTagSize, bytes.data(), kAddressesSize);
  packet.trim_front(kTagSize);
  driver::Offload& offload = packet.offload();
  if (offload.checksum_start != 0) {
    offload.checksum_start = static_cast<std::uint16_t>(offload.checksum_start - kTagSize);
  }
  if (offload.unfinished_start > kTagSize) {
    offload.unfinished_start = static_cast<std::uint8_t>(offload.unfinished_start - kTagSize);
  }
}

void insert_tag(Packet& packet, unsigned tag) noexcept {
  packet.prepend(kTagSize);
  const auto bytes = packet.data();
  std::memmove(bytes.data(), bytes.data() + kTagSize, kAddressesSize);
  store_be16(bytes, kAddressesSize, kTagType);
  store_be16(bytes, kAddressesSize + 2, tag);
  driver::Offload& offload = packet.offload();
  if (offload.checksum_start != 0) {
    offload.checksum_start = static_cast<std::uint16_t>(offload.checksum_start + kTagSize);
  }
}

}  // namespace

VlanTrunk::~VlanTrunk() { NAL_ASSERT(ports_ == nullptr); }

VlanPort* VlanTrunk::port_of(const Packet& frame) noexcept {
  const unsigned vlan = vlan_of(frame.data());
  if (vlan == 0) { return nullptr; }
  VlanPort* port = ports_;
  while (port && port->vlan_ != vlan) { port = port->next_; }
  return port;
}

Packet VlanTrunk::next_for(const VlanPort* asking, driver::PacketQueue& waiting, driver::PacketPool& pool,
                           Instant now) noexcept {
  if (!waiting.empty()) { return waiting.pop(); }
  for (unsigned left = kBudget; left > 0; --left) {
    Packet packet = inner_->receive(pool, now);
    if (!packet) { break; }
    VlanPort* const port = port_of(packet);
    if (port) { remove_tag(packet); }
    if (port == asking) { return packet; }
    driver::PacketQueue& others = port ? port->waiting_ : waiting_;
    if (others.count() < kQueue) {
      others.push(std::move(packet));
    } else {
      ++dropped_;
    }
  }
  return {};
}

Packet VlanTrunk::receive(driver::PacketPool& pool, Instant now) noexcept {
  return next_for(nullptr, waiting_, pool, now);
}

void VlanTrunk::wait(Context& context, Waiter& waiter, bool for_transmit) noexcept {
  if (!waiting_.empty()) { context.wake_soon(); }
  inner_->wait(context, waiter, for_transmit);
}

Instant VlanTrunk::poll_at() const noexcept { return waiting_.empty() ? inner_->poll_at() : Instant(); }

Result<> VlanTrunk::join(const MacAddress& group) noexcept {
  const auto known = std::find_if(groups_.begin(), groups_.end(),
                                  [&](const VlanGroup& entry) { return entry.members != 0 && entry.group == group; });
  if (known != groups_.end()) {
    ++known->members;
    return {};
  }
  NAL_TRY(inner_->join(group));
  const auto free =
      std::find_if(groups_.begin(), groups_.end(), [](const VlanGroup& entry) { return entry.members == 0; });
  if (free != groups_.end()) { *free = {group, 1}; }
  return {};
}

void VlanTrunk::leave(const MacAddress& group) noexcept {
  const auto known = std::find_if(groups_.begin(), groups_.end(),
                                  [&](const VlanGroup& entry) { return entry.members != 0 && entry.group == group; });
  if (known != groups_.end() && --known->members == 0) { inner_->leave(group); }
}

void VlanTrunk::give_back(driver::PacketPool& pool) noexcept {
  waiting_.remove(pool);
  for (VlanPort* port = ports_; port; port = port->next_) { port->waiting_.remove(pool); }
  inner_->give_back(pool);
}

VlanPort::VlanPort(VlanTrunk& trunk, std::uint16_t vlan, std::uint8_t priority) noexcept
    : Around(trunk.device()), trunk_(trunk), next_(trunk.ports_), vlan_(vlan), priority_(priority) {
  NAL_ASSERT(vlan >= 1 && vlan <= kLargestVlan && priority <= 7);
  for (const VlanPort* other = next_; other; other = other->next_) { NAL_ASSERT(other->vlan_ != vlan); }
  trunk.ports_ = this;
}

VlanPort::~VlanPort() {
  VlanPort** link = &trunk_.ports_;
  while (*link != this) { link = &(*link)->next_; }
  *link = next_;
}

driver::Capabilities VlanPort::capabilities() const noexcept {
  driver::Capabilities capabilities = inner_->capabilities();
  capabilities.headroom = static_cast<std::uint8_t>(capabilities.headroom + kTagSize);
  capabilities.max_segmentation_size = 0;
  return capabilities;
}

Packet VlanPort::receive(driver::PacketPool& pool, Instant now) noexcept {
  return trunk_.next_for(this, waiting_, pool, now);
}

Result<> VlanPort::transmit(Packet& packet, Instant now) noexcept {
  if (!inner_->can_transmit()) { return Unexpected(Error::would_block); }
  if (packet.size() < kAddressesSize + 2 || packet.headroom() < kTagSize) {
    packet = Packet();
    return Unexpected(Error::io_error);
  }
  insert_tag(packet, unsigned{priority_} << 13 | vlan_);
  const Result<> sent = inner_->transmit(packet, now);
  if (!sent && sent.error() == Error::would_block) { remove_tag(packet); }
  return sent;
}

void VlanPort::wait(Context& context, Waiter& waiter, bool for_transmit) noexcept {
  if (!waiting_.empty()) { context.wake_soon(); }
  inner_->wait(context, waiter, for_transmit);
}

Instant VlanPort::poll_at() const noexcept { return waiting_.empty() ? inner_->poll_at() : Instant(); }

}  // namespace nal::drivers

#include "backends/drivers/wire_pair.hpp"

#include <algorithm>
#include <utility>

#include "nal/driver/checksum.hpp"

namespace nal::drivers {

using driver::Packet;
using driver::PacketPool;

Result<> WireEnd::transmit(Packet& packet, Instant) noexcept {
  const driver::Capabilities& capabilities = config_.capabilities;
  const bool cut_up = packet.offload().segment_size != 0;
  if (!link_up()) { return drop(packet, Error::network_down); }
  if (!can_transmit()) { return Unexpected(Error::would_block); }
  if (cut_up ? capabilities.max_segmentation_size == 0 : packet.size() > driver::max_frame_size(capabilities)) {
    return drop(packet, Error::message_size);
  }
  driver::mark_as_received(packet, capabilities.receive_checksum);
  ++counters_.transmitted;
  peer_->arriving_.push(std::move(packet));
  peer_->waiters_.wake_all();
  return {};
}

Result<> WireEnd::drop(Packet& packet, Error error) noexcept {
  const Packet dropped = std::move(packet);
  ++counters_.dropped;
  return Unexpected(error);
}

Packet WireEnd::receive(PacketPool& pool, Instant) noexcept {
  if (arriving_.empty()) { return {}; }
  // Whoever waits for room at the other end has some from the first frame on that leaves a full wire.
  if (arriving_.count() == config_.queue) { peer_->waiters_.wake_all(); }
  Packet packet = config_.copy ? copy_of(arriving_.pop(), pool) : arriving_.pop();
  if (packet) { ++counters_.received; }
  return packet;
}

Packet WireEnd::copy_of(const Packet& packet, PacketPool& pool) noexcept {
  Packet copy = pool.allocate(0);
  if (!copy || copy.tailroom() < config_.capabilities.headroom + packet.size()) {
    ++counters_.dropped;
    return {};
  }
  copy.clear(config_.capabilities.headroom);
  std::ranges::copy(packet.data(), copy.append(packet.size()).begin());
  copy.offload() = packet.offload();
  return copy;
}

void WireEnd::wait(Context& context, Waiter& waiter, bool for_transmit) noexcept {
  if (!arriving_.empty() || (for_transmit && can_transmit())) { context.wake_soon(); }
  waiters_.add(context, waiter, Wait::device);
}

void WireEnd::give_back(PacketPool& pool) noexcept {
  arriving_.remove(pool);
  peer_->arriving_.remove(pool);
  waiters_.wake_all();
  peer_->waiters_.wake_all();
}

void WireEnd::plug(bool in) noexcept {
  plugged_ = in;
  if (!in) {
    arriving_.clear();
    peer_->arriving_.clear();
  }
  waiters_.wake_all();
  peer_->waiters_.wake_all();
}

}  // namespace nal::drivers

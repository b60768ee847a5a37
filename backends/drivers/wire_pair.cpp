#include "backends/drivers/wire_pair.hpp"

#include <algorithm>
#include <utility>

#include "nal/driver/checksum.hpp"

namespace nal::drivers {

using driver::Packet;
using driver::PacketPool;

Result<> WireEnd::transmit(Packet& packet, Instant) noexcept {
  if (link_up() && !can_transmit()) { return Unexpected(Error::would_block); }
  Packet frame = std::move(packet);
  const driver::Capabilities& capabilities = config_.capabilities;
  const bool cut_up = frame.offload().segment_size != 0;
  Error error{};
  if (!link_up()) {
    error = Error::network_down;
  } else if (cut_up ? capabilities.max_segmentation_size == 0 : frame.size() > driver::max_frame_size(capabilities)) {
    error = Error::message_size;
  }
  if (error != Error{}) {
    ++counters_.dropped;
    return Unexpected(error);
  }
  driver::mark_as_received(frame, capabilities.receive_checksum);
  ++counters_.transmitted;
  peer_->arriving_.push(std::move(frame));
  peer_->waiters_.wake_all();
  return {};
}

Packet WireEnd::receive(PacketPool& pool, Instant) noexcept {
  const bool was_full = !peer_->can_transmit();
  Packet packet = arrived(pool);
  // Whoever waits for room at the other end has some from the first frame on that leaves a full wire.
  if (was_full && peer_->can_transmit()) { peer_->waiters_.wake_all(); }
  if (packet) { ++counters_.received; }
  return packet;
}

Packet WireEnd::arrived(PacketPool& pool) noexcept {
  Packet packet = arriving_.pop();
  if (!packet || !config_.copy) { return packet; }
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

#include "backends/drivers/replayer.hpp"

#include <algorithm>
#include <utility>

namespace nal::drivers {

using driver::Packet;
using driver::PacketPool;

Replayer::Replayer(std::span<const std::byte> capture, const Config& config) noexcept
    : reader_(capture), config_(config) {
  look_ahead();
  first_time_ = frame_.time;
}

void Replayer::look_ahead() noexcept {
  while ((ahead_ = reader_.next(frame_))) {
    const bool wanted = frame_.medium == config_.medium && frame_.size == frame_.bytes.size() &&
                        (!config_.received_only || frame_.direction != Direction::transmitted);
    if (wanted) { return; }
    ++counters_.passed_over;
  }
}

Instant Replayer::poll_at() const noexcept {
  if (!ahead_ || empty_pool_) { return Instant::max(); }
  if (config_.at_once || !started_) { return Instant::min(); }
  return start_ + Duration::microseconds(std::max<std::int64_t>(frame_.time - first_time_, 0));
}

Packet Replayer::receive(PacketPool& pool, Instant now) noexcept {
  if (!std::exchange(started_, true)) { start_ = now; }
  empty_pool_ = nullptr;
  while (ahead_ && poll_at() <= now) {
    Packet packet = pool.allocate(0);
    if (!packet) {
      empty_pool_ = &pool;
      return {};
    }
    const bool fits = frame_.bytes.size() <= packet.tailroom();
    if (fits) { std::ranges::copy(frame_.bytes, packet.append(frame_.bytes.size()).begin()); }
    look_ahead();
    if (fits) {
      ++counters_.received;
      return packet;
    }
    ++counters_.passed_over;
  }
  return {};
}

Result<> Replayer::transmit(Packet& packet, Instant) noexcept {
  const Packet gone = std::move(packet);
  ++counters_.transmitted;
  return {};
}

void Replayer::wait(Context& context, Waiter& waiter, bool for_transmit) noexcept {
  // What is due later `poll_at` tells.
  if (for_transmit || poll_at() <= context.now() || (empty_pool_ && empty_pool_->available() > 0)) {
    context.wake_soon();
  }
  (empty_pool_ ? empty_pool_->returned() : waiters_).add(context, waiter, Wait::device);
}

void Replayer::give_back(PacketPool& pool) noexcept {
  if (empty_pool_ == &pool) { empty_pool_ = nullptr; }
}

}  // namespace nal::drivers

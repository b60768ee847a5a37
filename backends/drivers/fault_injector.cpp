#include "backends/drivers/fault_injector.hpp"

#include <algorithm>
#include <utility>

#include "nal/driver/checksum.hpp"

namespace nal::drivers {

using driver::Packet;
using driver::PacketPool;

namespace {

// The earliest is on top.
constexpr auto kLater = [](const LateFrame& a, const LateFrame& b) {
  return a.due != b.due ? a.due > b.due : static_cast<std::int32_t>(a.order - b.order) > 0;
};

// What each call does at most, so that a flood of frames to lose is no end of work.
constexpr int kFramesPerCall = 32;

}  // namespace

FaultInjector::FaultInjector(driver::Driver& inner, const Config& config, std::span<LateFrame> receive_memory,
                             std::span<LateFrame> transmit_memory) noexcept
    : Around(inner), state_(config.seed) {
  receive_.faults = config.receive;
  receive_.memory = receive_memory;
  transmit_.faults = config.transmit;
  transmit_.memory = transmit_memory;
}

// SplitMix64 (Steele, Lea and Flood, 2014): any seed is as good as another. Nobody has to be kept from guessing.
std::uint64_t FaultInjector::draw() noexcept {
  std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

bool FaultInjector::happens(Chance chance) noexcept {
  return !chance.never() && draw() % 1'000'000 < chance.per_million;
}

driver::Capabilities FaultInjector::capabilities() const noexcept {
  driver::Capabilities capabilities = inner_->capabilities();
  if (!receive_.faults.corrupt.never()) { capabilities.receive_checksum = false; }
  if (!transmit_.faults.corrupt.never()) {
    capabilities.transmit_checksum = false;
    capabilities.max_segmentation_size = 0;
  }
  return capabilities;
}

void FaultInjector::Way::put(Packet&& packet, Instant at) noexcept { put_back({std::move(packet), at, order++}); }

void FaultInjector::Way::put_back(LateFrame&& late) noexcept {
  memory[count++] = std::move(late);
  std::push_heap(memory.data(), memory.data() + count, kLater);
}

LateFrame FaultInjector::Way::take() noexcept {
  std::pop_heap(memory.data(), memory.data() + count, kLater);
  return std::move(memory[--count]);
}

void FaultInjector::Way::remove(const PacketPool& pool) noexcept {
  LateFrame* const end = memory.data() + count;
  LateFrame* const kept =
      std::remove_if(memory.data(), end, [&](LateFrame& late) { return late.packet.buffer()->pool == &pool; });
  for (LateFrame* late = kept; late != end; ++late) { late->packet = {}; }
  count = static_cast<std::size_t>(kept - memory.data());
  std::make_heap(memory.data(), kept, kLater);
}

void FaultInjector::corrupt(Way& way, Packet& packet) noexcept {
  if (packet.size() == 0 || !happens(way.faults.corrupt)) { return; }
  driver::finish_checksum(packet);
  packet.offload().checksum_verified = false;
  const auto bit = static_cast<std::size_t>(draw() % (packet.size() * 8));
  packet.data()[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
  ++way.counters.corrupted;
}

Packet FaultInjector::twin(Way& way, const Packet& packet, PacketPool& pool) noexcept {
  if (!happens(way.faults.duplicate)) { return {}; }
  Packet copy = pool.allocate(0);
  if (!copy || copy.tailroom() < packet.headroom() + packet.size()) { return {}; }
  copy.clear(packet.headroom());
  std::ranges::copy(packet.data(), copy.append(packet.size()).begin());
  copy.offload() = packet.offload();
  ++way.counters.duplicated;
  return copy;
}

Instant FaultInjector::due_time(Way& way, std::size_t size, Instant now) noexcept {
  const Faults& faults = way.faults;
  Instant at = now;
  if (faults.rate != 0) {
    const auto time = static_cast<std::int64_t>(std::uint64_t{size} * 1'000'000 / faults.rate);
    at = std::max(now, way.wire_free) + Duration::microseconds(time);
    way.wire_free = at;
  }
  at += faults.delay;
  if (faults.jitter > Duration::zero()) {
    const std::uint64_t most = static_cast<std::uint64_t>(faults.jitter.microseconds()) + 1;
    at += Duration::microseconds(static_cast<std::int64_t>(draw() % most));
  }
  at = std::max(at, way.last_due);
  if (happens(faults.reorder)) {
    ++way.counters.reordered;
    return at + faults.reorder_delay;
  }
  way.last_due = at;
  return at;
}

Packet FaultInjector::make_late(Way& way, Packet&& packet, Instant now) noexcept {
  const Instant wire_free = way.wire_free;
  const Instant last_due = way.last_due;
  const Instant at = due_time(way, packet.size(), now);
  if (at <= now) { return std::move(packet); }
  if (way.count == way.memory.size()) {
    // What is lost takes no time on the wire.
    way.wire_free = wire_free;
    way.last_due = last_due;
    ++way.counters.overflowed;
    const Packet lost = std::move(packet);
    return {};
  }
  way.put(std::move(packet), at);
  return {};
}

Packet FaultInjector::receive(PacketPool& pool, Instant now) noexcept {
  send_late(now);
  Packet packet = next_received(pool, now);
  if (packet) { ++receive_.counters.passed; }
  return packet;
}

Packet FaultInjector::next_received(PacketPool& pool, Instant now) noexcept {
  if (receive_.due(now)) { return std::move(receive_.take().packet); }
  if (twin_received_) { return std::move(twin_received_); }
  for (int i = 0; i < kFramesPerCall; ++i) {
    Packet packet = inner_->receive(pool, now);
    if (!packet) { break; }
    if (happens(receive_.faults.loss)) {
      ++receive_.counters.lost;
      continue;
    }
    corrupt(receive_, packet);
    Packet second = twin(receive_, packet, pool);
    packet = make_late(receive_, std::move(packet), now);
    if (second) { second = make_late(receive_, std::move(second), now); }
    if (packet) {
      twin_received_ = std::move(second);
      return packet;
    }
    if (second) { return second; }
  }
  return {};
}

Result<> FaultInjector::transmit(Packet& packet, Instant now) noexcept {
  send_late(now);
  if (!inner_->can_transmit()) { return Unexpected(Error::would_block); }
  const std::size_t size = packet.size();
  const driver::Capabilities can = capabilities();
  if (packet.offload().segment_size != 0 ? can.max_segmentation_size == 0 : size > driver::max_frame_size(can)) {
    const Packet refused = std::move(packet);
    return Unexpected(Error::message_size);
  }
  if (!inner_->link_up()) { return inner_->transmit(packet, now); }
  if (happens(transmit_.faults.loss)) {
    ++transmit_.counters.lost;
    const Packet lost = std::move(packet);
    return {};
  }
  corrupt(transmit_, packet);
  Packet second = twin(transmit_, packet, *packet.buffer()->pool);
  Packet first = make_late(transmit_, std::move(packet), now);
  if (second) { second = make_late(transmit_, std::move(second), now); }
  const Result<> result = first ? pass_on(first, now) : Result<>();
  if (first) {
    // The device found out only now that it has no room, and nothing of what happened to the frame can be undone: it
    // goes later, with what else is late; where nothing may be late it is the caller's again, without its copy.
    if (transmit_.count == transmit_.memory.size()) {
      packet = std::move(first);
      return result;
    }
    transmit_.put(std::move(first), now);
    if (second && transmit_.count < transmit_.memory.size()) { transmit_.put(std::move(second), now); }
    return {};
  }
  if (second) { static_cast<void>(pass_on(second, now)); }
  return result;
}

Result<> FaultInjector::pass_on(Packet& packet, Instant now) noexcept {
  const Result<> result = inner_->transmit(packet, now);
  if (result) { ++transmit_.counters.passed; }
  return result;
}

void FaultInjector::send_late(Instant now) noexcept {
  for (int i = 0; i < kFramesPerCall && transmit_.due(now) && inner_->can_transmit(); ++i) {
    LateFrame late = transmit_.take();
    // Who gave it has been told that it went; what comes of it now nobody is told.
    if (pass_on(late.packet, now) == Unexpected(Error::would_block)) {
      transmit_.put_back(std::move(late));
      return;
    }
  }
}

void FaultInjector::wait(Context& context, Waiter& waiter, bool for_transmit) noexcept {
  const Instant now = context.now();
  if (twin_received_ || receive_.due(now)) { context.wake_soon(); }
  // Late frames that found no room go when there is some.
  inner_->wait(context, waiter, for_transmit || transmit_.due(now));
}

Instant FaultInjector::poll_at() const noexcept {
  // Where the device has no room it wakes when it has; the time of the late frame may have passed by then.
  const Instant late = inner_->can_transmit() ? transmit_.next() : Instant::max();
  return std::min({inner_->poll_at(), receive_.next(), late});
}

void FaultInjector::give_back(PacketPool& pool) noexcept {
  receive_.remove(pool);
  transmit_.remove(pool);
  if (twin_received_ && twin_received_.buffer()->pool == &pool) { twin_received_ = {}; }
  inner_->give_back(pool);
}

}  // namespace nal::drivers

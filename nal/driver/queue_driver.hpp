#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

#include "nal/driver/driver.hpp"
#include "nal/event.hpp"

namespace nal::driver {

namespace detail {

/// Pointers on their way from one side to the other: one side pushes, the other pops, either may be an interrupt. Loads
/// and stores alone, so it works where there is no compare-and-swap (Cortex-M0).
template <class T, std::size_t kSize>
class Ring {
 public:
  bool empty() const noexcept { return head_.load(std::memory_order_acquire) == tail_.load(std::memory_order_acquire); }
  /// There is room (asserted).
  void push(T* item) noexcept {
    const std::uint32_t head = head_.load(std::memory_order_relaxed);
    NAL_ASSERT(head - tail_.load(std::memory_order_acquire) < kSize);
    items_[head % kSize] = item;
    head_.store(head + 1, std::memory_order_release);
  }
  /// The oldest, or null.
  T* pop() noexcept {
    const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
    if (head_.load(std::memory_order_acquire) == tail) { return nullptr; }
    T* const item = items_[tail % kSize];
    tail_.store(tail + 1, std::memory_order_release);
    return item;
  }

 private:
  static_assert(kSize > 0 && (kSize & (kSize - 1)) == 0, "a power of two, or the counters' wrap loses the place");
  std::atomic<std::uint32_t> head_{0};
  std::atomic<std::uint32_t> tail_{0};
  std::array<T*, kSize> items_{};
};

}  // namespace detail

/// A frame in the hands of a device: plain memory, which a DMA descriptor may point at. Null by default.
class DeviceFrame {
 public:
  DeviceFrame() noexcept = default;
  explicit operator bool() const noexcept { return buffer_ != nullptr; }

  /// What is to be sent.
  std::span<const std::byte> data() const noexcept { return {buffer_->memory() + buffer_->begin, buffer_->size}; }
  /// Where to put what is received.
  std::span<std::byte> room() const noexcept { return {buffer_->memory() + buffer_->begin, buffer_->size}; }
  /// What the device is asked to do, or has done.
  Offload& offload() const noexcept { return buffer_->offload; }

 private:
  template <std::size_t, std::size_t>
  friend class QueueDriver;
  explicit DeviceFrame(PacketBuffer* buffer) noexcept : buffer_(buffer) {}
  PacketBuffer* buffer_ = nullptr;
};

/// The stack's half of a driver whose other half runs in an interrupt, a task or a thread of its own.
///
/// Frames do not move: the stack lays out empty packets, the device fills them (or has them filled by DMA) and hands
/// them back; what is to be sent goes the same way round. `kReceive` packets of the pool are laid out, `kTransmit` at
/// most are under way; both are powers of two. All functions under "the device's half" are for one context (an
/// interrupt, say), the others for the stack's executor; neither waits for the other.
///
/// The device runs from the first `receive` on, when there are empty packets, and stops before the pool or the driver
/// ends; by then it has handed back every frame.
template <std::size_t kReceive = 8, std::size_t kTransmit = 8>
class QueueDriver final : public Driver {
 public:
  /// `padding` bytes stay free in front of what is received, besides the headroom: 2 put the IP header behind an
  /// Ethernet header on a 4-byte boundary.
  QueueDriver(Executor& executor, const Capabilities& capabilities, const MacAddress& address,
              std::size_t padding = 0) noexcept
      : event_(executor),
        capabilities_(capabilities),
        address_(address),
        in_front_(static_cast<std::uint32_t>(capabilities.headroom + padding)) {}
  QueueDriver(const QueueDriver&) = delete;
  QueueDriver& operator=(const QueueDriver&) = delete;
  ~QueueDriver() { NAL_ASSERT(laid_out_ == 0 && under_way_ == 0); }

  // The device's half.

  /// Memory for the next frame to receive, the oldest first; null when the stack has none: then a frame is lost, and
  /// the stack is told to look.
  DeviceFrame next_empty() noexcept {
    DeviceFrame frame(empty_.pop());
    if (!frame) {
      overruns_.store(overruns_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      event_.raise();
    }
    return frame;
  }
  /// Hands over a frame of `size` bytes, at most as many as there was room (asserted). 0 gives the memory back unused.
  void received(DeviceFrame frame, std::size_t size) noexcept {
    NAL_ASSERT(size <= frame.buffer_->size);
    frame.buffer_->size = static_cast<std::uint32_t>(size);
    arrived_.push(frame.buffer_);
    event_.raise();
  }
  /// Both for a device that has the frame in memory of its own: false when it is lost, since there is no memory or not
  /// enough.
  bool receive_copy(std::span<const std::byte> bytes) noexcept {
    const DeviceFrame frame = next_empty();
    if (!frame) { return false; }
    const bool fits = bytes.size() <= frame.room().size();
    if (fits && !bytes.empty()) { std::memcpy(frame.room().data(), bytes.data(), bytes.size()); }
    received(frame, fits ? bytes.size() : 0);
    return fits;
  }
  /// The next frame to send; null when there is none. `on_transmit` tells when there is one again.
  DeviceFrame next_to_send() noexcept { return DeviceFrame(to_send_.pop()); }
  /// Hands back a frame that has been sent, or not.
  void sent(DeviceFrame frame) noexcept {
    sent_.push(frame.buffer_);
    event_.raise();
  }
  void set_link(bool up) noexcept {
    link_up_.store(up, std::memory_order_release);
    event_.raise();
  }

  // The stack's half.

  /// Called on the stack's side for each frame to send: what starts the device (sets its interrupt pending, writes its
  /// doorbell). Before the first `transmit`; the context outlives the driver.
  void on_transmit(void (*start)(void* context), void* context) noexcept {
    start_ = start;
    start_context_ = context;
  }
  /// Frames for which the device found no memory.
  std::uint32_t overruns() const noexcept { return overruns_.load(std::memory_order_relaxed); }

  Capabilities capabilities() const noexcept override { return capabilities_; }
  MacAddress hardware_address() const noexcept override { return address_; }
  bool link_up() noexcept override { return link_up_.load(std::memory_order_acquire); }

  Packet receive(PacketPool& pool, Instant) noexcept override {
    Packet packet;
    while (!packet) {
      PacketBuffer* const buffer = arrived_.pop();
      if (!buffer) { break; }
      --laid_out_;
      packet = Packet::adopt(buffer);
      if (packet.size() == 0) { packet = {}; }
    }
    lay_out(pool);
    return packet;
  }

  bool can_transmit() noexcept override {
    take_back();
    return under_way_ < kTransmit;
  }

  Result<> transmit(Packet& packet, Instant) noexcept override {
    if (link_up() && !can_transmit()) { return Unexpected(Error::would_block); }
    Packet frame = std::move(packet);
    if (!link_up()) { return Unexpected(Error::network_down); }
    const bool fits = frame.offload().segment_size != 0 ? capabilities_.max_segmentation_size != 0
                                                        : frame.size() <= max_frame_size(capabilities_);
    if (!fits) { return Unexpected(Error::message_size); }
    ++under_way_;
    to_send_.push(frame.detach());
    if (start_) { start_(start_context_); }
    return {};
  }

  void wait(Context& context, Waiter& waiter, bool for_transmit) noexcept override {
    if (!arrived_.empty() || (for_transmit && can_transmit())) { context.wake_soon(); }
    // What was raised before may be about something that came after the look.
    if (event_.poll_raised(context, waiter, Wait::device).ready()) { context.wake_soon(); }
  }

  /// The device has stopped, and has handed back what it had (asserted).
  void give_back(PacketPool&) noexcept override {
    while (PacketBuffer* const buffer = arrived_.pop()) { end(buffer, laid_out_); }
    while (PacketBuffer* const buffer = empty_.pop()) { end(buffer, laid_out_); }
    while (PacketBuffer* const buffer = to_send_.pop()) { end(buffer, under_way_); }
    take_back();
    NAL_ASSERT(laid_out_ == 0 && under_way_ == 0);
  }

 private:
  static void end(PacketBuffer* buffer, std::uint32_t& count) noexcept {
    const Packet packet = Packet::adopt(buffer);
    --count;
  }
  void take_back() noexcept {
    while (PacketBuffer* const buffer = sent_.pop()) { end(buffer, under_way_); }
  }
  // The last packets of the pool are for others, while the device has one.
  void lay_out(PacketPool& pool) noexcept {
    while (laid_out_ < kReceive && (laid_out_ == 0 || pool.can_send())) {
      Packet packet = pool.allocate(0);
      if (!packet || packet.tailroom() <= in_front_) { return; }
      packet.clear(in_front_);
      static_cast<void>(packet.append(packet.tailroom()));
      ++laid_out_;
      empty_.push(packet.detach());
    }
  }

  Event event_;
  Capabilities capabilities_;
  MacAddress address_;
  std::uint32_t in_front_;
  std::uint32_t laid_out_ = 0;   ///< packets in `empty_`, in the device's hands to receive, or in `arrived_`
  std::uint32_t under_way_ = 0;  ///< packets in `to_send_`, in the device's hands to send, or in `sent_`
  void (*start_)(void* context) = nullptr;
  void* start_context_ = nullptr;
  std::atomic<bool> link_up_{false};
  std::atomic<std::uint32_t> overruns_{0};
  detail::Ring<PacketBuffer, kReceive> empty_;
  detail::Ring<PacketBuffer, kReceive> arrived_;
  detail::Ring<PacketBuffer, kTransmit> to_send_;
  detail::Ring<PacketBuffer, kTransmit> sent_;
};

}  // namespace nal::driver

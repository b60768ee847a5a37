#pragma once
#include <utility>

#include "nal/driver/driver.hpp"
#include "nal/event.hpp"

namespace firmware {

/// A skeleton to begin a driver with: an Ethernet chip behind SPI that has frames in FIFOs of its own and one
/// interrupt. `Chip` is what the data sheet says:
/// - `bool link()`,
/// - `std::size_t waiting()`: bytes of the oldest frame received, 0 when there is none,
/// - `void read(std::span<std::byte>)`: takes it out; an empty span throws it away,
/// - `bool room()`: another frame may be written,
/// - `void write(std::span<const std::byte>)`.
/// See nal/driver/README.md; a device with DMA or a task of its own has `nal::driver::QueueDriver` instead.
template <class Chip>
class FifoDriver final : public nal::driver::Driver {
 public:
  FifoDriver(nal::Executor& executor, Chip& chip, const nal::MacAddress& address) noexcept
      : event_(executor), chip_(&chip), address_(address) {}

  /// From the chip's interrupt: something came, something went, or the link changed.
  void interrupt() noexcept { event_.raise(); }
  /// Frames that found no packet, or none long enough.
  unsigned dropped() const noexcept { return dropped_; }

  nal::driver::Capabilities capabilities() const noexcept override { return {}; }
  nal::MacAddress hardware_address() const noexcept override { return address_; }
  bool link_up() noexcept override { return chip_->link(); }

  nal::driver::Packet receive(nal::driver::PacketPool& pool, nal::Instant) noexcept override {
    while (const std::size_t size = chip_->waiting()) {
      nal::driver::Packet packet = pool.allocate(2);  // the IP header behind 14 bytes of Ethernet's is aligned
      if (packet && size <= packet.tailroom()) {
        chip_->read(packet.append(size));
        return packet;
      }
      chip_->read({});
      ++dropped_;
    }
    return {};
  }

  bool can_transmit() noexcept override { return chip_->room(); }
  nal::Result<> transmit(nal::driver::Packet& packet, nal::Instant) noexcept override {
    if (link_up() && !can_transmit()) { return nal::Unexpected(nal::Error::would_block); }
    const nal::driver::Packet frame = std::move(packet);
    if (!link_up()) { return nal::Unexpected(nal::Error::network_down); }
    if (frame.size() > max_frame_size(capabilities())) { return nal::Unexpected(nal::Error::message_size); }
    chip_->write(frame.data());
    return {};
  }

  void wait(nal::Context& context, nal::Waiter& waiter, bool for_transmit) noexcept override {
    if (chip_->waiting() != 0 || (for_transmit && chip_->room())) { context.wake_soon(); }
    if (event_.poll_raised(context, waiter, nal::Wait::device).ready()) { context.wake_soon(); }
  }

 private:
  nal::Event event_;
  Chip* chip_;
  nal::MacAddress address_;
  unsigned dropped_ = 0;
};

}  // namespace firmware

#pragma once
#include <cstring>
#include <span>
#include <utility>

#include "nal/driver/packet.hpp"

namespace nal::drivers {

/// Room to read a frame into whose size is known only afterwards: a packet of the stack's, and where that ends a long
/// one, which only a long frame takes. Either may be null.
class FrameRoom {
 public:
  /// `padding` bytes stay free in front of the frame. Both packets outlive this, and are all room until `settle`.
  FrameRoom(driver::Packet& packet, driver::Packet& long_packet, std::size_t padding) noexcept
      : packet_(&packet), long_packet_(&long_packet) {
    if (packet) {
      packet.clear(padding);
      first_ = packet.append(packet.tailroom());
    }
    if (!long_packet) { return; }
    long_packet.clear(padding);
    if (long_packet.tailroom() > first_.size()) {
      rest_ = long_packet.append(long_packet.tailroom()).subspan(first_.size());
    }
  }

  std::span<std::byte> first() const noexcept { return first_; }
  std::span<std::byte> rest() const noexcept { return rest_; }
  std::size_t size() const noexcept { return first_.size() + rest_.size(); }

  /// `size` bytes were read, at most as many as there was room: the first packet, which may now be what was the long
  /// one, has them.
  void settle(std::size_t size) noexcept {
    if (size > first_.size()) {
      if (!first_.empty()) { std::memcpy(long_packet_->data().data(), first_.data(), first_.size()); }
      *packet_ = std::move(*long_packet_);
    }
    packet_->truncate(size);
  }

 private:
  driver::Packet* packet_;
  driver::Packet* long_packet_;
  std::span<std::byte> first_;
  std::span<std::byte> rest_;
};

}  // namespace nal::drivers

#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "nal/driver/packet.hpp"

namespace nal::driver {

/// The Internet checksum (RFC 1071) of `bytes` before it is complemented, where `sum` is that of what comes before
/// them, an even number of bytes. For drivers, which seldom need one: short, not fast.
constexpr std::uint16_t internet_sum(std::span<const std::byte> bytes, std::uint32_t sum = 0) noexcept {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = std::to_integer<std::uint32_t>(bytes[i]);
    sum += i % 2 == 0 ? byte << 8 : byte;
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<std::uint16_t>(sum);
}

/// Where the checksum of a frame stands that is still to be made, and what it is.
struct UnfinishedChecksum {
  std::size_t at = 0;
  std::uint16_t value = 0;
};

/// What a device has to put into a frame whose checksum was left to it, by `Offload::checksum_start` or
/// `unfinished_start`: `start` is one of them. False when that lies outside the frame: then there is nothing to put.
constexpr bool find_checksum(std::span<const std::byte> frame, std::size_t start, std::size_t offset,
                             UnfinishedChecksum& found) noexcept {
  if (start + offset + 2 > frame.size()) { return false; }
  const auto sum = static_cast<std::uint16_t>(~internet_sum(frame.subspan(start)) & 0xffff);
  // To UDP 0 means that there is none (RFC 768); to the others both are the same number.
  found = {start + offset, sum == 0 ? std::uint16_t{0xffff} : sum};
  return true;
}

/// Makes the checksum that was left to the device, and leaves nothing to it. False when it lies outside the frame.
inline bool finish_checksum(Packet& packet) noexcept {
  Offload& offload = packet.offload();
  const std::size_t start = offload.checksum_start != 0 ? offload.checksum_start : offload.unfinished_start;
  if (start == 0) { return true; }
  UnfinishedChecksum checksum;
  if (!find_checksum(packet.data(), start, offload.checksum_offset, checksum)) { return false; }
  packet.data()[checksum.at] = static_cast<std::byte>(checksum.value >> 8);
  packet.data()[checksum.at + 1] = static_cast<std::byte>(checksum.value & 0xff);
  offload.checksum_start = 0;
  offload.unfinished_start = 0;
  return true;
}

/// Turns what was asked of the sender's device into what the receiver's tells, for a packet that stays on this host.
inline void mark_as_received(Packet& packet, bool verified) noexcept {
  Offload& offload = packet.offload();
  const std::uint16_t start = offload.checksum_start;
  if (start > 255) {
    finish_checksum(packet);
  } else {
    offload.unfinished_start = static_cast<std::uint8_t>(start);
    offload.checksum_start = 0;
  }
  offload.checksum_verified = verified || start != 0;
}

}  // namespace nal::driver

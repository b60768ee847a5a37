#pragma once
#include <cstddef>
#include <span>

#include "nal/driver/driver.hpp"

namespace nal::drivers {

/// The header that Linux has in front of a frame, on TAP, TUN and packet sockets, to tell of checksums and segmentation
/// that are left to the device (virtio 1.2, 5.1.6; in the host's byte order).
inline constexpr std::size_t kVirtioHeaderSize = 10;
/// Bytes of the longest frame that it may be in front of: 64 KiB behind an Ethernet header with one VLAN tag.
inline constexpr std::size_t kLongestSegmentedFrame = 65536 + 18;
/// Most TCP payload that one frame can have: with all headers it stays below 64 KiB, or the kernel cuts it up itself.
inline constexpr std::uint16_t kMaxSegmentation = 65400;

/// Puts the header in front of a packet to send, which has headroom for it. False when what is left to the device makes
/// no sense; the packet is as it was.
bool prepend_virtio_header(driver::Packet& packet, driver::Medium medium) noexcept;
/// Takes the header off a packet that was received. False when the packet is shorter.
bool trim_virtio_header(driver::Packet& packet) noexcept;

}  // namespace nal::drivers

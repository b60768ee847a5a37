#include "backends/drivers/linux/virtio_header.hpp"

#include <cstring>

#include "nal/driver/checksum.hpp"

namespace nal::drivers {

namespace {

using driver::Medium;
using driver::Offload;
using driver::Packet;

// Linux's own <linux/virtio_net.h> is no C++: it has a member named `class`.
struct VirtioHeader {
  std::uint8_t flags;
  std::uint8_t gso_type;
  std::uint16_t hdr_len;      ///< of all headers together; a hint
  std::uint16_t gso_size;     ///< payload bytes of each segment
  std::uint16_t csum_start;   ///< as `Offload::checksum_start`
  std::uint16_t csum_offset;  ///< as `Offload::checksum_offset`
};
static_assert(sizeof(VirtioHeader) == kVirtioHeaderSize);

constexpr std::uint8_t kNeedsChecksum = 1;
constexpr std::uint8_t kDataValid = 2;
constexpr std::uint8_t kNoSegmentation = 0;
constexpr std::uint8_t kTcp4 = 1;
constexpr std::uint8_t kTcp6 = 4;
constexpr std::uint8_t kEcn = 0x80;

/// Which segmentation a frame wants: that of the IP version it has. 0 when it has none.
std::uint8_t segmentation_type(std::span<const std::byte> frame, Medium medium) noexcept {
  std::size_t at = 0;
  if (medium == Medium::ethernet) {
    const auto is_tag = [&](std::size_t where) {
      return frame[where] == std::byte{0x81} && frame[where + 1] == std::byte{0};
    };
    at = frame.size() > 18 && is_tag(12) ? 18 : 14;
  }
  if (frame.size() <= at) { return 0; }
  switch (std::to_integer<unsigned>(frame[at]) >> 4) {
    case 4: return kTcp4;
    case 6: return kTcp6;
    default: return 0;
  }
}

}  // namespace

bool prepend_virtio_header(Packet& packet, Medium medium) noexcept {
  const Offload& offload = packet.offload();
  VirtioHeader header{};
  if (offload.checksum_start != 0) {
    if (std::size_t{offload.checksum_start} + offload.checksum_offset + 2 > packet.size()) { return false; }
    header.flags = kNeedsChecksum;
    header.csum_start = offload.checksum_start;
    header.csum_offset = offload.checksum_offset;
  }
  if (offload.segment_size != 0) {
    // TCP's header ends where its data offset says, in the upper half of byte 12.
    const std::size_t start = offload.checksum_start;
    header.gso_type = segmentation_type(packet.data(), medium);
    if (start == 0 || start + 20 > packet.size() || header.gso_type == 0) { return false; }
    header.hdr_len =
        static_cast<std::uint16_t>(start + (std::to_integer<unsigned>(packet.data()[start + 12]) >> 4) * 4U);
    header.gso_size = offload.segment_size;
    // One that fits into a segment is none.
    if (header.hdr_len + std::size_t{header.gso_size} >= packet.size()) {
      header.gso_type = kNoSegmentation;
      header.gso_size = 0;
    }
  }
  std::memcpy(packet.prepend(sizeof header).data(), &header, sizeof header);
  return true;
}

bool trim_virtio_header(Packet& packet) noexcept {
  VirtioHeader header;
  if (packet.size() < sizeof header) { return false; }
  std::memcpy(&header, packet.data().data(), sizeof header);
  packet.trim_front(sizeof header);
  Offload& offload = packet.offload();
  if ((header.flags & kNeedsChecksum) != 0 && header.csum_start != 0) {
    offload.checksum_start = header.csum_start;
    offload.checksum_offset = header.csum_offset;
    driver::mark_as_received(packet, true);
  } else {
    offload.checksum_verified = (header.flags & kDataValid) != 0;
  }
  const unsigned type = header.gso_type & ~unsigned{kEcn};
  if (type == kTcp4 || type == kTcp6) { offload.segment_size = header.gso_size; }
  return true;
}

}  // namespace nal::drivers

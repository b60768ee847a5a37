#include "backends/drivers/pcap_writer.hpp"

#include <algorithm>
#include <array>

#include "backends/drivers/pcap_format.hpp"
#include "nal/driver/checksum.hpp"

namespace nal::drivers {

using driver::Packet;
using driver::PacketPool;

namespace {

/// Builds the fixed parts of a block, in little endian whatever the host.
template <std::size_t kSize>
class Block {
 public:
  Block& u8(std::uint8_t value) noexcept {
    bytes_[size_++] = std::byte{value};
    return *this;
  }
  Block& u16(std::uint16_t value) noexcept {
    return u8(static_cast<std::uint8_t>(value & 0xff)).u8(static_cast<std::uint8_t>(value >> 8));
  }
  Block& u32(std::uint32_t value) noexcept {
    return u16(static_cast<std::uint16_t>(value & 0xffff)).u16(static_cast<std::uint16_t>(value >> 16));
  }
  Block& text(std::string_view text) noexcept {
    for (const char c : text) { u8(static_cast<std::uint8_t>(c)); }
    return pad();
  }
  Block& pad() noexcept {
    while (size_ % 4 != 0) { u8(0); }
    return *this;
  }
  std::size_t size() const noexcept { return size_; }
  std::span<const std::byte> bytes() const noexcept { return {bytes_.data(), size_}; }

 private:
  std::array<std::byte, kSize> bytes_;
  std::size_t size_ = 0;
};

constexpr std::uint32_t u32(std::size_t value) noexcept { return static_cast<std::uint32_t>(value); }

}  // namespace

PcapFile::PcapFile(ByteSink& sink, const Config& config) noexcept : sink_(&sink), config_(config) {
  constexpr std::uint32_t kUnknownLength = 0xffffffff;
  Block<28> block;
  block.u32(pcap::kSectionHeader).u32(28).u32(pcap::kByteOrderMagic).u16(1).u16(0);
  block.u32(kUnknownLength).u32(kUnknownLength).u32(28);
  put(block.bytes());
}

std::uint32_t PcapFile::add_interface(std::string_view name, driver::Medium medium) noexcept {
  name = name.substr(0, 63);
  const std::size_t size = 20 + 4 + pcap::padded(name.size()) + 8 + 4;
  Block<20 + 4 + 64 + 8 + 4> block;
  block.u32(pcap::kInterfaceDescription).u32(u32(size));
  block.u16(medium == driver::Medium::ethernet ? pcap::kEthernet : pcap::kRawIp).u16(0).u32(config_.snap_length);
  block.u16(pcap::kInterfaceName).u16(static_cast<std::uint16_t>(name.size())).text(name);
  block.u16(pcap::kTimeResolution).u16(1).u8(config_.nanoseconds ? 9 : 6).pad();
  block.u16(pcap::kEndOfOptions).u16(0).u32(u32(size));
  put(block.bytes());
  return interfaces_++;
}

void PcapFile::write(std::uint32_t interface, Direction direction, std::span<const std::byte> frame,
                     const driver::Offload& offload, Instant now) noexcept {
  if (!status_) { return; }
  const std::size_t kept =
      config_.snap_length == 0 ? frame.size() : std::min<std::size_t>(frame.size(), config_.snap_length);
  const std::size_t options = direction == Direction::unknown ? 0 : 12;
  const std::size_t size = 28 + pcap::padded(kept) + options + 4;
  auto time = static_cast<std::uint64_t>(config_.epoch + now.microseconds());
  if (config_.nanoseconds) { time *= 1000; }

  Block<28> head;
  head.u32(pcap::kEnhancedPacket).u32(u32(size)).u32(interface);
  head.u32(static_cast<std::uint32_t>(time >> 32)).u32(static_cast<std::uint32_t>(time & 0xffffffff));
  head.u32(u32(kept)).u32(u32(frame.size()));
  put(head.bytes());

  const std::size_t start = offload.checksum_start != 0 ? offload.checksum_start : offload.unfinished_start;
  driver::UnfinishedChecksum checksum;
  std::span<const std::byte> rest = frame.first(kept);
  if (start != 0 && driver::find_checksum(frame, start, offload.checksum_offset, checksum) && checksum.at + 2 <= kept) {
    const std::array made = {static_cast<std::byte>(checksum.value >> 8),
                             static_cast<std::byte>(checksum.value & 0xff)};
    put(rest.first(checksum.at));
    put(made);
    rest = rest.subspan(checksum.at + 2);
  }
  put(rest);

  Block<3 + 12 + 4> tail;
  for (std::size_t i = kept; i < pcap::padded(kept); ++i) { tail.u8(0); }
  if (options != 0) {
    tail.u16(pcap::kPacketFlags).u16(4).u32(direction == Direction::received ? pcap::kInbound : pcap::kOutbound);
    tail.u16(pcap::kEndOfOptions).u16(0);
  }
  tail.u32(u32(size));
  put(tail.bytes());
  if (status_) { ++frames_; }
}

void PcapFile::put(std::span<const std::byte> bytes) noexcept {
  if (status_ && !bytes.empty()) { status_ = sink_->write(bytes); }
}

Packet PcapWriter::receive(PacketPool& pool, Instant now) noexcept {
  Packet packet = inner_->receive(pool, now);
  if (packet) { file_->write(interface_, Direction::received, packet.data(), packet.offload(), now); }
  return packet;
}

Result<> PcapWriter::transmit(Packet& packet, Instant now) noexcept {
  // Before it goes, since then it is gone; once, also when it has to be tried again.
  bool written = packet.buffer() == written_;
  if (!written && inner_->link_up() && inner_->can_transmit()) {
    file_->write(interface_, Direction::transmitted, packet.data(), packet.offload(), now);
    written = true;
  }
  const Result<> result = inner_->transmit(packet, now);
  written_ = written && result == Unexpected(Error::would_block) ? packet.buffer() : nullptr;
  return result;
}

}  // namespace nal::drivers

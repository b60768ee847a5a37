#include "backends/drivers/pcap_reader.hpp"

#include <algorithm>

#include "backends/drivers/pcap_format.hpp"

namespace nal::drivers {

namespace {

constexpr std::size_t kOldHeaderSize = 24;
constexpr std::size_t kOldRecordSize = 16;

bool find_medium(std::uint16_t link_type, driver::Medium& medium) noexcept {
  switch (link_type) {
    case pcap::kEthernet: medium = driver::Medium::ethernet; return true;
    case pcap::kRawIp:
    case pcap::kIpv4:
    case pcap::kIpv6: medium = driver::Medium::ip; return true;
    default: return false;
  }
}

/// Microseconds of `time` in units of 10^-n seconds, or of 2^-n where the highest bit is set.
std::int64_t microseconds(std::uint64_t time, std::uint8_t resolution) noexcept {
  const unsigned power = resolution & 0x7f;
  if ((resolution & 0x80) != 0) {
    if (power >= 64) { return 0; }
    const std::uint64_t seconds = power == 0 ? time : time >> power;
    const std::uint64_t part = power == 0 ? 0 : time & ((std::uint64_t{1} << power) - 1);
    // Twenty bits of the part are as much as a microsecond needs.
    const std::uint64_t fine = power > 20 ? part >> (power - 20) : part << (20 - power);
    return static_cast<std::int64_t>(seconds * 1'000'000 + (fine * 1'000'000 >> 20));
  }
  for (unsigned i = power; i > 6; --i) { time /= 10; }
  for (unsigned i = power; i < 6; ++i) { time *= 10; }
  return static_cast<std::int64_t>(time);
}

}  // namespace

PcapReader::PcapReader(std::span<const std::byte> capture) noexcept : capture_(capture) {
  if (capture_.size() < 4) {
    fail();
    return;
  }
  for (const bool big_endian : {false, true}) {
    big_endian_ = big_endian;
    const std::uint32_t magic = u32(0);
    if (magic == pcap::kSectionHeader) { return; }
    if (magic != pcap::kMicrosecondMagic && magic != pcap::kNanosecondMagic) { continue; }
    old_ = true;
    if (capture_.size() < kOldHeaderSize) { break; }
    Interface& interface = interfaces_[0];
    interface.resolution = magic == pcap::kNanosecondMagic ? 9 : 6;
    interface.known = find_medium(static_cast<std::uint16_t>(u32(20) & 0xffff), interface.medium);
    interface_count_ = 1;
    at_ = kOldHeaderSize;
    return;
  }
  fail();
}

std::uint16_t PcapReader::u16(std::size_t at) const noexcept {
  const auto a = std::to_integer<unsigned>(capture_[at]);
  const auto b = std::to_integer<unsigned>(capture_[at + 1]);
  return static_cast<std::uint16_t>(big_endian_ ? a << 8 | b : b << 8 | a);
}

std::uint32_t PcapReader::u32(std::size_t at) const noexcept {
  const std::uint32_t a = u16(at);
  const std::uint32_t b = u16(at + 2);
  return big_endian_ ? a << 16 | b : b << 16 | a;
}

bool PcapReader::fail() noexcept {
  status_ = Unexpected(Error::protocol_error);
  at_ = capture_.size();
  return false;
}

bool PcapReader::known(std::uint32_t interface) noexcept {
  if (interface < interface_count_ && interface < kInterfaces && interfaces_[interface].known) { return true; }
  ++skipped_;
  return false;
}

bool PcapReader::next(CapturedFrame& frame) noexcept {
  bool found = false;
  while (!found && at_ < capture_.size()) {
    if (old_ ? !next_old(frame) : !next_block(frame, found)) { return false; }
    if (old_ && known(0)) { found = true; }
  }
  return found;
}

bool PcapReader::next_old(CapturedFrame& frame) noexcept {
  const std::size_t room = capture_.size() - at_;
  if (room < kOldRecordSize) { return fail(); }
  const std::uint32_t kept = u32(at_ + 8);
  if (kept > room - kOldRecordSize) { return fail(); }
  const std::int64_t part = u32(at_ + 4);
  frame = {.bytes = capture_.subspan(at_ + kOldRecordSize, kept),
           .size = std::max(u32(at_ + 12), kept),
           .medium = interfaces_[0].medium,
           .direction = Direction::unknown,
           .interface = 0,
           .time = std::int64_t{u32(at_)} * 1'000'000 + (interfaces_[0].resolution == 9 ? part / 1000 : part)};
  at_ += kOldRecordSize + kept;
  return true;
}

bool PcapReader::next_block(CapturedFrame& frame, bool& found) noexcept {
  const std::size_t room = capture_.size() - at_;
  if (room < 12) { return fail(); }
  const std::uint32_t type = u32(at_);  // a section header's reads the same in both orders
  if (type == pcap::kSectionHeader && !begin_section(room)) { return fail(); }
  const std::uint32_t size = u32(at_ + 4);
  if (size < 12 || size % 4 != 0 || size > room || u32(at_ + size - 4) != size) { return fail(); }
  switch (type) {
    case pcap::kInterfaceDescription:
      if (size < 20) { return fail(); }
      describe(size);
      break;
    case pcap::kEnhancedPacket:
      if (!enhanced(size, frame, found)) { return fail(); }
      break;
    case pcap::kSimplePacket: {
      if (size < 16) { return fail(); }
      const std::uint32_t original = u32(at_ + 8);
      found = known(0);
      frame = {.bytes = capture_.subspan(at_ + 12, std::min<std::size_t>(original, size - 16)),
               .size = original,
               .medium = interfaces_[0].medium,
               .direction = Direction::unknown,
               .interface = 0,
               .time = 0};
      break;
    }
    default: break;
  }
  at_ += size;
  return true;
}

bool PcapReader::begin_section(std::size_t room) noexcept {
  if (room < 28) { return false; }
  big_endian_ = false;
  if (u32(at_ + 8) != pcap::kByteOrderMagic) {
    big_endian_ = true;
    if (u32(at_ + 8) != pcap::kByteOrderMagic) { return false; }
  }
  interface_count_ = 0;
  return true;
}

void PcapReader::describe(std::size_t size) noexcept {
  Interface interface;
  interface.known = find_medium(u16(at_ + 8), interface.medium);
  const std::size_t end = at_ + size - 4;
  for (std::size_t option = at_ + 16; option + 4 <= end;) {
    const std::uint16_t code = u16(option);
    const std::size_t length = u16(option + 2);
    if (code == pcap::kEndOfOptions || pcap::padded(length) > end - option - 4) { break; }
    if (code == pcap::kTimeResolution && length >= 1) {
      interface.resolution = std::to_integer<std::uint8_t>(capture_[option + 4]);
    } else if (code == pcap::kTimeOffset && length >= 8) {
      const std::uint64_t first = u32(option + 4);
      const std::uint64_t second = u32(option + 8);
      interface.offset = static_cast<std::int64_t>(big_endian_ ? first << 32 | second : second << 32 | first);
      interface.offset = std::clamp<std::int64_t>(interface.offset, -1'000'000'000'000, 1'000'000'000'000);
    }
    option += 4 + pcap::padded(length);
  }
  if (interface_count_ < kInterfaces) { interfaces_[interface_count_] = interface; }
  ++interface_count_;
}

bool PcapReader::enhanced(std::size_t size, CapturedFrame& frame, bool& found) noexcept {
  if (size < 32) { return false; }
  const std::size_t kept = u32(at_ + 20);
  if (pcap::padded(kept) < kept || pcap::padded(kept) > size - 32) { return false; }
  const std::uint32_t number = u32(at_ + 8);
  if (!known(number)) { return true; }
  const Interface& interface = interfaces_[number];
  const std::uint64_t time = std::uint64_t{u32(at_ + 12)} << 32 | u32(at_ + 16);
  // What no clock says is no time, and must not overflow.
  const std::int64_t us = std::clamp<std::int64_t>(microseconds(time, interface.resolution), 0, std::int64_t{1} << 62);
  frame = {.bytes = capture_.subspan(at_ + 28, kept),
           .size = std::max<std::size_t>(u32(at_ + 24), kept),
           .medium = interface.medium,
           .direction = Direction::unknown,
           .interface = number,
           .time = us + interface.offset * 1'000'000};
  const std::size_t end = at_ + size - 4;
  for (std::size_t option = at_ + 28 + pcap::padded(kept); option + 4 <= end;) {
    const std::uint16_t code = u16(option);
    const std::size_t length = u16(option + 2);
    if (code == pcap::kEndOfOptions || pcap::padded(length) > end - option - 4) { break; }
    if (code == pcap::kPacketFlags && length >= 4) {
      const std::uint32_t direction = u32(option + 4) & 3;
      if (direction == pcap::kInbound) { frame.direction = Direction::received; }
      if (direction == pcap::kOutbound) { frame.direction = Direction::transmitted; }
    }
    option += 4 + pcap::padded(length);
  }
  found = true;
  return true;
}

}  // namespace nal::drivers

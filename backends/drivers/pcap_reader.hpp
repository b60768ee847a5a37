#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "backends/drivers/pcap_writer.hpp"

namespace nal::drivers {

/// A frame of a capture.
struct CapturedFrame {
  std::span<const std::byte> bytes;  ///< in the capture's memory
  std::size_t size = 0;              ///< on the wire; more than there are bytes where the capture cut it off
  driver::Medium medium{};
  Direction direction{};
  std::uint32_t interface = 0;
  std::int64_t time = 0;  ///< microseconds since 1970
};

/// Reads a capture in pcapng or the older pcap, of either byte order, from memory. Believes nothing of what it reads.
class PcapReader {
 public:
  /// The capture outlives it.
  explicit PcapReader(std::span<const std::byte> capture) noexcept;

  /// The next frame whose link type is known (Ethernet, or IP without anything in front); false at the end.
  bool next(CapturedFrame& frame) noexcept;
  /// Why there is no more: protocol_error where what follows makes no sense, or is no capture; good at a clean end.
  Result<> status() const noexcept { return status_; }
  /// Frames that were passed over, since their link type or interface is not known.
  std::uint32_t skipped() const noexcept { return skipped_; }

 private:
  /// Interfaces of a section that are told apart; frames of those beyond are passed over.
  static constexpr std::size_t kInterfaces = 16;
  struct Interface {
    bool known = false;  ///< its link type
    driver::Medium medium{};
    std::uint8_t resolution = 6;  ///< as if_tsresol has it
    std::int64_t offset = 0;      ///< seconds
  };

  std::uint16_t u16(std::size_t at) const noexcept;
  std::uint32_t u32(std::size_t at) const noexcept;
  bool fail() noexcept;
  bool next_old(CapturedFrame& frame) noexcept;
  bool next_block(CapturedFrame& frame, bool& found) noexcept;
  bool begin_section(std::size_t room) noexcept;
  void describe(std::size_t size) noexcept;
  bool enhanced(std::size_t size, CapturedFrame& frame, bool& found) noexcept;
  bool known(std::uint32_t interface) noexcept;

  std::span<const std::byte> capture_;
  std::size_t at_ = 0;
  bool old_ = false;
  bool big_endian_ = false;
  std::uint32_t interface_count_ = 0;
  std::array<Interface, kInterfaces> interfaces_{};
  std::uint32_t skipped_ = 0;
  Result<> status_;
};

}  // namespace nal::drivers

#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "backends/drivers/around.hpp"

namespace nal::drivers {

/// Where the bytes of a capture go: a file (file_sink.hpp), a UART.
class ByteSink {
 public:
  /// All of `bytes`, behind what came before; kept by nobody. After an error nothing more is written.
  virtual Result<> write(std::span<const std::byte> bytes) noexcept = 0;

 protected:
  ~ByteSink() = default;
};

enum class Direction : std::uint8_t { unknown, received, transmitted };

/// A capture in pcapng, as Wireshark opens it: several interfaces, and of each frame its interface, direction and time.
class PcapFile {
 public:
  struct Config {
    /// Microseconds from 1970 to the zero of the executor's clock; 0: the capture begins in 1970.
    std::int64_t epoch = 0;
    /// Times in nanoseconds instead of microseconds; an `Instant` has no more, so the last three digits are 0.
    bool nanoseconds = false;
    /// Bytes kept of each frame at most; 0: all.
    std::uint32_t snap_length = 0;
  };

  /// Begins the file. The sink outlives it.
  explicit PcapFile(ByteSink& sink, const Config& config) noexcept;
  explicit PcapFile(ByteSink& sink) noexcept : PcapFile(sink, Config{}) {}
  PcapFile(const PcapFile&) = delete;
  PcapFile& operator=(const PcapFile&) = delete;

  /// The first error of the sink; nothing is written after it.
  Result<> status() const noexcept { return status_; }
  /// Frames written.
  std::uint32_t frames() const noexcept { return frames_; }

  /// Tells of an interface, and gives its number for `write`. At most 63 bytes of the name are kept.
  std::uint32_t add_interface(std::string_view name, driver::Medium medium) noexcept;
  /// Writes a frame. What `offload` says is still to be made of a checksum is made, in the file alone.
  void write(std::uint32_t interface, Direction direction, std::span<const std::byte> frame,
             const driver::Offload& offload, Instant now) noexcept;

 private:
  void put(std::span<const std::byte> bytes) noexcept;

  ByteSink* sink_;
  Config config_;
  std::uint32_t interfaces_ = 0;
  std::uint32_t frames_ = 0;
  Result<> status_;
};

/// A driver around a driver that writes down what goes through. A full disk ends the capture, not the network.
class PcapWriter final : public Around {
 public:
  /// Both outlive it. Several may write to one file, each as an interface of its own.
  PcapWriter(driver::Driver& inner, PcapFile& file, std::string_view name) noexcept
      : Around(inner), file_(&file), interface_(file.add_interface(name, inner.capabilities().medium)) {}

  driver::Packet receive(driver::PacketPool& pool, Instant now) noexcept override;
  Result<> transmit(driver::Packet& packet, Instant now) noexcept override;

 private:
  PcapFile* file_;
  std::uint32_t interface_;
  const driver::PacketBuffer* written_ = nullptr;  ///< a packet that is written down and was not taken
};

}  // namespace nal::drivers

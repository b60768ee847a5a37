#pragma once
#include "backends/drivers/pcap_reader.hpp"

namespace nal::drivers {

/// A device that receives what a capture says, and transmits into nothing.
class Replayer final : public driver::Driver {
 public:
  struct Config {
    /// As fast as the stack takes them; otherwise at the intervals of the capture, the first one at the first call.
    bool at_once = false;
    /// Frames that the capture's device received, and those of no direction; otherwise all.
    bool received_only = true;
    driver::Medium medium = driver::Medium::ethernet;  ///< frames of other media are passed over
    MacAddress address{};
  };
  struct Counters {
    std::uint32_t received = 0;
    std::uint32_t transmitted = 0;
    /// Of another medium or direction, cut off by the capture, or too long for a packet.
    std::uint32_t passed_over = 0;
  };

  /// The capture outlives it.
  Replayer(std::span<const std::byte> capture, const Config& config) noexcept;
  Replayer(const Replayer&) = delete;
  Replayer& operator=(const Replayer&) = delete;

  /// Every frame has been received, or passed over.
  bool done() const noexcept { return !ahead_; }
  /// Whether the capture makes sense, as far as it has been read.
  Result<> status() const noexcept { return reader_.status(); }
  const Counters& counters() const noexcept { return counters_; }

  driver::Capabilities capabilities() const noexcept override { return {.medium = config_.medium, .mtu = 65535}; }
  MacAddress hardware_address() const noexcept override { return config_.address; }
  bool link_up() noexcept override { return true; }
  /// A frame for which the pool has no packet waits until it has one.
  driver::Packet receive(driver::PacketPool& pool, Instant now) noexcept override;
  bool can_transmit() noexcept override { return true; }
  Result<> transmit(driver::Packet& packet, Instant now) noexcept override;
  void wait(Context& context, Waiter& waiter, bool for_transmit) noexcept override;
  Instant poll_at() const noexcept override;
  void give_back(driver::PacketPool& pool) noexcept override;

 private:
  void look_ahead() noexcept;

  PcapReader reader_;
  Config config_;
  CapturedFrame frame_;                       ///< the next one
  bool ahead_ = false;                        ///< there is a next one
  driver::PacketPool* empty_pool_ = nullptr;  ///< that had no packet for it
  bool started_ = false;
  Instant start_;                ///< when the first one was due
  std::int64_t first_time_ = 0;  ///< what the capture says of that
  Counters counters_;
  WaitList waiters_;
};

}  // namespace nal::drivers

#pragma once
#include <cstddef>
#include <cstdint>

#include "nal/driver/driver.hpp"

namespace nal::drivers {

/// What a wire can do.
struct WireConfig {
  /// Of both ends. A wire has nothing to compute: with `transmit_checksum` a frame arrives as it was sent and counts as
  /// verified, with `receive_checksum` all do; with `max_segmentation_size` long segments arrive whole.
  driver::Capabilities capabilities{};
  /// Frames on their way to an end; there is no room to transmit beyond.
  std::size_t queue = 64;
  /// Each frame is copied into a packet of the receiver's pool. Otherwise the sender's packet goes over, so its pool
  /// has to live as long as the receiver keeps it.
  bool copy = false;
};

/// One end of a wire. What it transmits the other end receives, at once and in order.
class WireEnd final : public driver::Driver {
 public:
  /// Frames since the start; they wrap.
  struct Counters {
    std::uint32_t received = 0;
    std::uint32_t transmitted = 0;
    std::uint32_t dropped = 0;  ///< too long, the link down, or no packet to copy into
  };

  /// A wire that is its own other end: it receives what it transmits.
  explicit WireEnd(const WireConfig& config = {}, const MacAddress& address = {}) noexcept
      : WireEnd(config, address, *this) {}
  WireEnd(const WireEnd&) = delete;
  WireEnd& operator=(const WireEnd&) = delete;

  driver::Capabilities capabilities() const noexcept override { return config_.capabilities; }
  MacAddress hardware_address() const noexcept override { return address_; }
  bool link_up() noexcept override { return plugged_ && peer_->plugged_; }
  driver::Packet receive(driver::PacketPool& pool, Instant now) noexcept override;
  bool can_transmit() noexcept override { return peer_->arriving_.count() < config_.queue; }
  Result<> transmit(driver::Packet& packet, Instant now) noexcept override;
  void wait(Context& context, Waiter& waiter, bool for_transmit) noexcept override;
  void give_back(driver::PacketPool& pool) noexcept override;

  /// Pulls this end out, or puts it back: the link is there while both ends are in. What is on its way is lost.
  void plug(bool in) noexcept;
  const Counters& counters() const noexcept { return counters_; }

 private:
  friend class WirePair;
  WireEnd(const WireConfig& config, const MacAddress& address, WireEnd& peer) noexcept
      : peer_(&peer), config_(config), address_(address) {}
  Result<> drop(driver::Packet& packet, Error error) noexcept;
  driver::Packet copy_of(const driver::Packet& packet, driver::PacketPool& pool) noexcept;

  WireEnd* peer_;
  WireConfig config_;
  MacAddress address_;
  bool plugged_ = true;
  driver::PacketQueue arriving_;
  WaitList waiters_;
  Counters counters_;
};

/// Two ends of one wire, for two stacks on one executor, or one stack with two interfaces. Both stacks, and their
/// pools, end first.
class WirePair {
 public:
  explicit WirePair(const WireConfig& config = {}, const MacAddress& a = {2, 0, 0, 0, 0, 0xa},
                    const MacAddress& b = {2, 0, 0, 0, 0, 0xb}) noexcept
      : a_(config, a, b_), b_(config, b, a_) {}

  WireEnd& a() noexcept { return a_; }
  WireEnd& b() noexcept { return b_; }

 private:
  WireEnd a_;
  WireEnd b_;
};

/// The device by which a host talks to itself; of `Medium::ip`, say.
using Loopback = WireEnd;

}  // namespace nal::drivers

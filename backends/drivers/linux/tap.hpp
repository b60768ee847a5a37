#pragma once
#include <cstdint>

#include "backends/drivers/linux/link_watch.hpp"
#include "nal/driver/driver.hpp"

namespace nal::drivers {

/// What a TAP or TUN device and the kernel behind it leave to each other.
enum class TapOffload : std::uint8_t {
  none,
  checksum,  ///< checksums of TCP and UDP are not made where a frame does not leave the host
  /// Besides, long TCP segments pass whole, both ways; see `TapConfig::long_packets`.
  segmentation,
};

struct TapConfig {
  /// Of the interface, which is made unless it is there: "tap0"; with "tap%d" or "" the system counts.
  const char* name = "";
  /// `ethernet` is TAP, `ip` is TUN.
  driver::Medium medium = driver::Medium::ethernet;
  TapOffload offload = TapOffload::none;
  /// Where frames go that do not fit into a packet of the stack's pool: packets of `Tap::kLongPacketSize` bytes, which
  /// live as long as the device and the stack. Without it those frames are lost, so `TapOffload::segmentation` wants
  /// it, or a pool of such packets altogether.
  driver::PacketPool* long_packets = nullptr;
  /// Of the stack's end. Left out: made from that of the kernel's end, so it stays the same as long as that.
  MacAddress address{};
};

/// A TAP or TUN interface of Linux: the stack behind this driver and the kernel are the two ends of a wire.
///
/// The kernel's end is configured with `ip`; the link is up while that is. Making an interface takes CAP_NET_ADMIN in
/// the network's namespace, and so does `/dev/net/tun` unless the interface is there and belongs to the user. When this
/// ends an interface that it made goes.
class Tap final : public driver::Driver {
 public:
  struct Counters {
    std::uint32_t received = 0;
    std::uint32_t transmitted = 0;
    std::uint32_t too_long = 0;   ///< received: did not fit into a packet
    std::uint32_t no_packet = 0;  ///< received: the pool was empty
    std::uint32_t refused = 0;    ///< not transmitted: too long, no link, or the kernel would not have it
  };
  /// What a packet needs so that every frame of `TapOffload::segmentation` fits.
  static constexpr std::size_t kLongPacketSize = 65536 + 18 + 10 + 1;

  /// The reactor outlives it.
  Tap(posix::Reactor& reactor, const TapConfig& config) noexcept;
  ~Tap();
  Tap(const Tap&) = delete;
  Tap& operator=(const Tap&) = delete;

  /// What went wrong when it was made: permission_denied, invalid_argument (such an interface is there, with other
  /// properties), not_supported (no TUN driver); then it is a device without a link.
  Result<> status() const noexcept { return status_; }
  /// Of the interface.
  const char* name() const noexcept { return name_; }
  const Counters& counters() const noexcept { return counters_; }

  driver::Capabilities capabilities() const noexcept override { return capabilities_; }
  MacAddress hardware_address() const noexcept override { return address_; }
  bool link_up() noexcept override { return !gone_ && link_.up(); }
  driver::Packet receive(driver::PacketPool& pool, Instant now) noexcept override;
  bool can_transmit() noexcept override { return source_.writable; }
  Result<> transmit(driver::Packet& packet, Instant now) noexcept override;
  void wait(Context& context, Waiter& waiter, bool for_transmit) noexcept override;
  void give_back(driver::PacketPool& pool) noexcept override;

 private:
  Result<> open(const TapConfig& config) noexcept;
  Result<> write_frame(driver::Packet& packet) noexcept;
  void lose() noexcept;

  posix::Reactor* reactor_;
  posix::Source source_;
  LinkWatch link_;
  driver::Capabilities capabilities_;
  MacAddress address_;
  driver::PacketPool* long_packets_ = nullptr;
  driver::Packet long_packet_;  ///< laid out for a frame that turns out to be long
  bool gone_ = false;           ///< the interface was deleted
  char name_[16] = {};
  std::size_t longest_ = 0;  ///< bytes of the longest read that is no surprise
  Counters counters_;
  Result<> status_;
};

}  // namespace nal::drivers

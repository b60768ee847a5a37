#pragma once
#include <cstddef>
#include <cstdint>

#include "nal/driver/packet.hpp"
#include "nal/mac_address.hpp"
#include "nal/result.hpp"
#include "nal/time.hpp"
#include "nal/wait.hpp"

namespace nal::driver {

/// Grows when the contract changes in a way that a driver must answer.
inline constexpr unsigned kVersion = 1;

/// What a frame begins with.
enum class Medium : std::uint8_t {
  ethernet,  ///< an Ethernet II header (14 bytes), without frame check sequence
  ip,        ///< an IPv4 or IPv6 header: a tunnel
};

/// What a device can do. Does not change while a stack uses it.
struct Capabilities {
  Medium medium = Medium::ethernet;
  /// Largest IP packet in bytes: 1500 on Ethernet.
  std::uint16_t mtu = 1500;
  /// Bytes that the driver wants free in front of each frame to send (a virtio header, say); frames it receives have
  /// at least as much in front.
  std::uint8_t headroom = 0;
  /// Sends packets with `Offload::checksum_start` set, for TCP and UDP over both families.
  bool transmit_checksum = false;
  /// Verifies the TCP and UDP checksums of what it receives; told for each packet by `Offload::checksum_verified`.
  bool receive_checksum = false;
  /// Largest TCP segment that it cuts up (payload bytes); 0: none. Implies `transmit_checksum`.
  std::uint16_t max_segmentation_size = 0;
};

/// Bytes of the longest frame that is no offload's: an IP packet of the MTU behind an Ethernet header with one VLAN
/// tag.
constexpr std::size_t max_frame_size(const Capabilities& capabilities) noexcept {
  return capabilities.mtu + (capabilities.medium == Medium::ethernet ? std::size_t{18} : 0);
}

/// A network device: what a stack needs of it, and nothing of a stack.
///
/// Confined to the executor of the stack; an interrupt or a thread of the device touches only an `nal::Event` and the
/// driver's own ring (see `QueueDriver`). Time is a parameter. Nothing here waits, and nothing calls the stack.
/// The driver outlives the stack that uses it. A driver around a driver (a trace, a fault injector) is a driver.
class Driver {
 public:
  virtual Capabilities capabilities() const noexcept = 0;

  /// The device's own address; of no meaning where the medium is `ip`.
  virtual MacAddress hardware_address() const noexcept = 0;

  /// Whether frames can flow: cable in, device up.
  virtual bool link_up() noexcept = 0;

  /// The oldest frame that has arrived, in a packet of `pool` (or of another pool that lives as long), or null when
  /// there is none. When the pool is empty the frame stays in the device or is dropped and counted, as the device has
  /// it; either way null.
  virtual Packet receive(PacketPool& pool, Instant now) noexcept = 0;

  /// Whether the next `transmit` will take its frame.
  virtual bool can_transmit() noexcept = 0;

  /// Sends a frame, which has `Capabilities::headroom` free in front, and takes the packet. *Errors*: would_block
  /// (the packet is untouched: try again when woken); message_size, network_down, io_error (the packet is dropped).
  virtual Result<> transmit(Packet& packet, Instant now) noexcept = 0;

  /// Links `waiter` to whatever may change what the functions above answer: a frame, room to transmit (if
  /// `for_transmit`), the link. Spurious wake-ups are allowed, a lost one is not: when something is there already, the
  /// task is woken at once (`Context::wake_soon`).
  virtual void wait(Context& context, Waiter& waiter, bool for_transmit) noexcept = 0;

  /// When `receive` may give something that no wake-up tells of (a delayed frame); never for real devices.
  virtual Instant poll_at() const noexcept { return Instant::max(); }

  /// Have the device pass (or pass no longer) frames to a group of stations. A device that passes all of them has
  /// nothing to do. *Errors*: table_full, not_supported: groups will not
  /// work on this device.
  virtual Result<> join(const MacAddress& /*group*/) noexcept { return {}; }
  virtual void leave(const MacAddress& /*group*/) noexcept {}

  /// Ends every packet of `pool` that the driver still holds, sent or not. Whoever owns the pool says so before it
  /// ends, since drivers live longer; a driver that keeps no packets has nothing to do.
  virtual void give_back(PacketPool& /*pool*/) noexcept {}

 protected:
  Driver() = default;
  Driver(const Driver&) = default;
  Driver& operator=(const Driver&) = default;
  ~Driver() = default;
};

}  // namespace nal::driver

#pragma once
#include <cstdint>

#include "backends/drivers/linux/link_watch.hpp"
#include "nal/driver/driver.hpp"

namespace nal::drivers {

struct PacketSocketConfig {
  /// The interface: "eth0".
  const char* name = "";
  /// Where frames go that do not fit into a packet of the stack's pool: packets of `PacketSocket::kLongPacketSize`
  /// bytes, which live as long as the device and the stack. Without it those frames are lost.
  driver::PacketPool* long_packets = nullptr;
  /// Of the stack. Left out: the interface's own, and then Linux, if it has an address there, answers as well.
  MacAddress address{};
  /// Have the interface pass frames to every station; needed where the address is not the interface's, unless the
  /// device below passes all of them anyway (veth).
  bool promiscuous = false;
  /// Besides what the network sends, what this host itself sends by the interface: for watching, not for a stack.
  bool outgoing = false;
};

/// An interface of Linux, shared with Linux (an AF_PACKET socket). Takes CAP_NET_RAW in the network's namespace.
///
/// Checksums may be left to the interface, both ways. Linux may have put frames together (GRO), or leave a long segment
/// whole that comes from this host: packets of `kLongPacketSize` take every one, shorter ones lose those that do not
/// fit
/// (`ethtool -K eth0 gro off lro off`, and `tso off gso off` on a veth's other end, have none of them).
class PacketSocket final : public driver::Driver {
 public:
  struct Counters {
    std::uint32_t received = 0;
    std::uint32_t transmitted = 0;
    std::uint32_t too_long = 0;   ///< received: did not fit into a packet
    std::uint32_t no_packet = 0;  ///< received: the pool was empty
    std::uint32_t refused = 0;    ///< not transmitted
  };
  /// What a packet needs so that every frame fits.
  static constexpr std::size_t kLongPacketSize = 65536 + 18 + 10 + 4 + 1;

  /// The reactor outlives it.
  PacketSocket(posix::Reactor& reactor, const PacketSocketConfig& config) noexcept;
  ~PacketSocket();
  PacketSocket(const PacketSocket&) = delete;
  PacketSocket& operator=(const PacketSocket&) = delete;

  /// What went wrong when it was made: permission_denied, network_down (no such interface), not_supported (the
  /// interface is neither Ethernet nor a tunnel); then it is a device without a link.
  Result<> status() const noexcept { return status_; }
  const Counters& counters() const noexcept { return counters_; }

  driver::Capabilities capabilities() const noexcept override { return capabilities_; }
  MacAddress hardware_address() const noexcept override { return address_; }
  bool link_up() noexcept override { return source_.fd >= 0 && link_.up(); }
  driver::Packet receive(driver::PacketPool& pool, Instant now) noexcept override;
  bool can_transmit() noexcept override { return source_.writable || source_.fd < 0; }
  Result<> transmit(driver::Packet& packet, Instant now) noexcept override;
  void wait(Context& context, Waiter& waiter, bool for_transmit) noexcept override;
  Result<> join(const MacAddress& group) noexcept override;
  void leave(const MacAddress& group) noexcept override;
  void give_back(driver::PacketPool& pool) noexcept override;

 private:
  Result<> open(const PacketSocketConfig& config) noexcept;
  Result<> send_frame(driver::Packet& packet) noexcept;
  void lose() noexcept;

  posix::Reactor* reactor_;
  posix::Source source_;
  LinkWatch link_;
  driver::Capabilities capabilities_;
  MacAddress address_;
  driver::PacketPool* long_packets_ = nullptr;
  driver::Packet long_packet_;  ///< laid out for a frame that turns out to be long
  Counters counters_;
  Result<> status_;
};

}  // namespace nal::drivers

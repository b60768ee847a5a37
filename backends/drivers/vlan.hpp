#pragma once
#include <cstdint>
#include <span>

#include "backends/drivers/around.hpp"

namespace nal::drivers {

class VlanPort;

/// Memory of a trunk for one group of stations that its ports have joined.
struct VlanGroup {
  MacAddress group;
  std::uint16_t members = 0;  ///< ports that want it; 0: the entry is free
};

/// One Ethernet device as several, told apart by the VLAN tags of IEEE 802.1Q: the trunk itself is the device without
/// VLANs, and each `VlanPort` is a device of one VLAN. All of them have the device's address and MTU.
///
///     drivers::VlanTrunk trunk(eth);
///     drivers::VlanPort voice(trunk, 5, 6);   // VLAN 5, priority 6
///     stack.add_interface(trunk);             // if there is anything outside the VLANs
///     stack.add_interface(voice);
///
/// Frames without a tag, with one that has but a priority (VLAN 0), and those of a VLAN that has no port are the
/// trunk's, whose stack drops the last and counts them. Frames for others than who asks wait in their port, `kQueue` at
/// most. Trunk and ports are of one stack, since they share its packets.
class VlanTrunk final : public Around {
 public:
  static constexpr std::size_t kQueue = 32;

  /// `groups` is for devices that choose what they pass by groups: without an entry for it, a group that a port leaves
  /// is passed on. The device outlives the trunk, the trunk its ports.
  explicit VlanTrunk(driver::Driver& device, std::span<VlanGroup> groups = {}) noexcept
      : Around(device), groups_(groups) {}
  /// Its ports are gone (asserted).
  ~VlanTrunk();

  driver::Packet receive(driver::PacketPool& pool, Instant now) noexcept override;
  void wait(Context& context, Waiter& waiter, bool for_transmit) noexcept override;
  Instant poll_at() const noexcept override;
  Result<> join(const MacAddress& group) noexcept override;
  void leave(const MacAddress& group) noexcept override;
  void give_back(driver::PacketPool& pool) noexcept override;

  /// Frames that had no room in their port's queue; it wraps.
  std::uint32_t dropped() const noexcept { return dropped_; }

 private:
  friend class VlanPort;
  driver::Driver& device() noexcept { return *inner_; }
  /// The oldest frame for `port`, or for the trunk itself if that is null.
  driver::Packet next_for(const VlanPort* port, driver::PacketQueue& waiting, driver::PacketPool& pool,
                          Instant now) noexcept;
  VlanPort* port_of(const driver::Packet& frame) noexcept;

  VlanPort* ports_ = nullptr;
  driver::PacketQueue waiting_;
  std::span<VlanGroup> groups_;
  std::uint32_t dropped_ = 0;
};

/// A VLAN of a trunk as an Ethernet device of its own: tags what it sends, and receives what has its tag, without it.
/// Checksums may be left to it as to the trunk's device, the cutting up of segments may not.
class VlanPort final : public Around {
 public:
  static constexpr std::uint16_t kLargestVlan = 4094;

  /// `vlan` is from 1 to `kLargestVlan`, and no other port's of the trunk; `priority` from 0 to 7 (IEEE 802.1p)
  /// (asserted).
  VlanPort(VlanTrunk& trunk, std::uint16_t vlan, std::uint8_t priority = 0) noexcept;
  ~VlanPort();

  std::uint16_t vlan() const noexcept { return vlan_; }

  driver::Capabilities capabilities() const noexcept override;
  driver::Packet receive(driver::PacketPool& pool, Instant now) noexcept override;
  Result<> transmit(driver::Packet& packet, Instant now) noexcept override;
  void wait(Context& context, Waiter& waiter, bool for_transmit) noexcept override;
  Instant poll_at() const noexcept override;
  Result<> join(const MacAddress& group) noexcept override { return trunk_.join(group); }
  void leave(const MacAddress& group) noexcept override { trunk_.leave(group); }
  void give_back(driver::PacketPool& pool) noexcept override { trunk_.give_back(pool); }

 private:
  friend class VlanTrunk;
  VlanTrunk& trunk_;
  VlanPort* next_;
  driver::PacketQueue waiting_;
  std::uint16_t vlan_;
  std::uint8_t priority_;
};

}  // namespace nal::drivers

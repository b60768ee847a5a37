#pragma once
#include "backends/lwip/core.hpp"
#include "nal/driver/driver.hpp"
#include "nal/interface_id.hpp"
#include "nal/mac_address.hpp"

namespace nal::lwip {

/// A network device under lwIP: its `netif`, over any driver of nal's contract. Frames are copied both ways, so that no
/// packet is held by lwIP and no pbuf by a device.
///
/// Beside a tcpip thread the driver stays the executor's alone: what lwIP sends waits in pbufs until `run()` takes it.
class Interface {
 public:
  struct Statistics {
    std::uint32_t received = 0;
    std::uint32_t sent = 0;
    std::uint32_t no_pbuf = 0;    ///< received, and dropped for want of pbufs
    std::uint32_t no_packet = 0;  ///< lwIP was told to try again
    std::uint32_t refused = 0;    ///< by the device, or by lwIP's input
  };

  Interface() noexcept = default;
  Interface(const Interface&) = delete;
  Interface& operator=(const Interface&) = delete;

  bool used() const noexcept { return driver_ != nullptr; }
  ::netif& netif() noexcept { return netif_; }
  Statistics statistics() const noexcept {
    const CoreLock lock;
    return statistics_;
  }

  /// With the core locked. False when lwIP will not have it.
  bool add(Core& core, driver::Driver& driver, driver::PacketPool& pool) noexcept;
  void remove() noexcept;

  /// Gives lwIP up to `budget` frames, and the device what waits for it. True: there is more to do at once.
  bool poll(Instant now, unsigned budget) noexcept;
  /// Links the task to what the device may tell.
  void wait(Context& context) noexcept { driver_->wait(context, waiter_, !waiting_.empty()); }
  void unlink() noexcept { waiter_.unlink(); }
  Instant poll_at() const noexcept { return driver_->poll_at(); }
#if LWIP_IPV6 && defined(LWIP_HOOK_ND6_GET_GW)
  /// Where what is for no network of its own goes.
  void set_ip6_gateway(const ip6_addr_t& gateway) noexcept { ip6_gateway_ = gateway; }
  /// The same, of any interface; null if it has none.
  static const ip6_addr_t* ip6_gateway_of(::netif* netif) noexcept;
#endif
  /// lwIP was refused a frame for want of packets.
  bool blocked() const noexcept { return blocked_; }
  /// The same, and there is room again: told once.
  bool take_unblocked() noexcept;

 private:
  static err_t on_init(::netif* netif) noexcept;
  static err_t on_output(::netif* netif, pbuf* frame) noexcept;
  static Interface& of(::netif* netif) noexcept { return *static_cast<Interface*>(netif->state); }

  void configure() noexcept;
  err_t output(pbuf& frame) noexcept;
  bool send(pbuf& frame, Instant now) noexcept;
  void input(driver::Packet&& packet) noexcept;
  err_t filter(const MacAddress& group, bool add) noexcept;
  void follow_link() noexcept;
#if !NO_SYS
  err_t output_later(pbuf& frame) noexcept;
  void send_outgoing(Instant now) noexcept;
  err_t filter_later(const MacAddress& group, bool add) noexcept;
  void filter_pending() noexcept;
#endif

  ::netif netif_{};
#if LWIP_IPV6 && defined(LWIP_HOOK_ND6_GET_GW)
  ip6_addr_t ip6_gateway_{};
#endif
  Core* core_ = nullptr;
  driver::Driver* driver_ = nullptr;
  driver::PacketPool* pool_ = nullptr;
  Waiter waiter_;
  driver::PacketQueue waiting_;  ///< until the device has room
  bool blocked_ = false;
#if !NO_SYS
  static constexpr unsigned kOutgoing = 64;
  static constexpr unsigned kFilters = 8;
  struct Filter {
    MacAddress group;
    bool add;
  };
  pbuf* outgoing_[kOutgoing];  ///< frames of lwIP's thread
  Filter filters_[kFilters];   ///< what it wants the device to do
  unsigned filter_count_ = 0;
  unsigned outgoing_first_ = 0;
  unsigned outgoing_count_ = 0;
#endif
  Statistics statistics_;
};

}  // namespace nal::lwip

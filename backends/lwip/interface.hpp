#pragma once
#include "backends/lwip/core.hpp"
#include "nal/driver/driver.hpp"
#include "nal/interface_id.hpp"
#include "nal/mac_address.hpp"

namespace nal::lwip {

/// A network device under lwIP: its `netif`, over any driver of nal's contract. Frames to send are copied into packets,
/// so that no pbuf is held by a device. Received ones are lent to lwIP where they lie, as long as at least half of
/// their pool is free; what may stay in lwIP beyond the stack's end (fragments), and what does not fit, is copied.
///
/// Beside a tcpip thread the driver stays the executor's alone: what lwIP sends waits in pbufs until `run()` takes it,
/// and what it receives is copied, since any thread may free a pbuf.
class Interface {
 public:
  struct Statistics {
    std::uint32_t received = 0;
    std::uint32_t sent = 0;
    std::uint32_t lent = 0;       ///< received, and not copied
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

  /// Gives lwIP up to `budget` frames, and the device what waits for it. How many frames: with all of `budget` there
  /// may be more to do at once.
  unsigned poll(Instant now, unsigned budget) noexcept {
    if (driver_->link_up() != (netif_is_link_up(&netif_) != 0)) { follow_link(); }
    if (!waiting_.empty()) { transmit_waiting(now); }
#if !NO_SYS
    filter_pending();
    send_outgoing(now);
#endif
    for (unsigned i = 0; i < budget; ++i) {
      driver::Packet packet = driver_->receive(*pool_, now);
      if (!packet) { return i; }
      input(packet);
    }
    return budget;
  }
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
  bool take_unblocked() noexcept {
    if (!blocked_ || !pool_->can_send()) { return false; }
    blocked_ = false;
    return true;
  }

 private:
  static err_t on_init(::netif* netif) noexcept;
  static err_t on_output(::netif* netif, pbuf* frame) noexcept;
  static Interface& of(::netif* netif) noexcept { return *static_cast<Interface*>(netif->state); }

  void configure() noexcept;
  bool send(pbuf& frame, Instant now) noexcept;
  void transmit_waiting(Instant now) noexcept;
  void input(driver::Packet& packet) noexcept;
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
  std::uint8_t headroom_ = 0;    ///< as the driver wants it
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

#pragma once
#include "nal/driver/driver.hpp"

namespace nal::drivers {

/// A driver around a driver, which outlives it: passes on whatever it does not do itself.
class Around : public driver::Driver {
 public:
  Around(const Around&) = delete;
  Around& operator=(const Around&) = delete;

  driver::Capabilities capabilities() const noexcept override { return inner_->capabilities(); }
  MacAddress hardware_address() const noexcept override { return inner_->hardware_address(); }
  bool link_up() noexcept override { return inner_->link_up(); }
  driver::Packet receive(driver::PacketPool& pool, Instant now) noexcept override { return inner_->receive(pool, now); }
  bool can_transmit() noexcept override { return inner_->can_transmit(); }
  Result<> transmit(driver::Packet& packet, Instant now) noexcept override { return inner_->transmit(packet, now); }
  void wait(Context& context, Waiter& waiter, bool for_transmit) noexcept override {
    inner_->wait(context, waiter, for_transmit);
  }
  Instant poll_at() const noexcept override { return inner_->poll_at(); }
  Result<> join(const MacAddress& group) noexcept override { return inner_->join(group); }
  void leave(const MacAddress& group) noexcept override { inner_->leave(group); }
  void give_back(driver::PacketPool& pool) noexcept override { inner_->give_back(pool); }

 protected:
  explicit Around(driver::Driver& inner) noexcept : inner_(&inner) {}
  ~Around() = default;

  driver::Driver* inner_;
};

}  // namespace nal::drivers

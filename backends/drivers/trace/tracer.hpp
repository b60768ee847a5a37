#pragma once
#include <string_view>

#include "nal/driver/driver.hpp"

namespace nal::drivers {

/// A driver around a driver that says of each frame that goes through, in a line, when it went, where and what it is:
///
///     12.000345 eth0 in 02:00:00:00:00:0a > ff:ff:ff:ff:ff:ff, ARP who has 10.0.0.1? tell 10.0.0.2
class Tracer final : public driver::Driver {
 public:
  /// Gets each line, without a line feed; the text lives as long as the call.
  using Sink = void (*)(void* context, std::string_view line);

  /// The driver, the name and what `context` points to outlive it.
  Tracer(driver::Driver& inner, std::string_view name, Sink sink, void* context) noexcept
      : inner_(&inner), name_(name), sink_(sink), context_(context) {}
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  driver::Capabilities capabilities() const noexcept override { return inner_->capabilities(); }
  MacAddress hardware_address() const noexcept override { return inner_->hardware_address(); }
  bool link_up() noexcept override { return inner_->link_up(); }
  driver::Packet receive(driver::PacketPool& pool, Instant now) noexcept override;
  bool can_transmit() noexcept override { return inner_->can_transmit(); }
  /// A frame that the device refuses has a line that says why; one that it has no room for has none yet.
  Result<> transmit(driver::Packet& packet, Instant now) noexcept override;
  void wait(Context& context, Waiter& waiter, bool for_transmit) noexcept override {
    inner_->wait(context, waiter, for_transmit);
  }
  Instant poll_at() const noexcept override { return inner_->poll_at(); }
  Result<> join(const MacAddress& group) noexcept override { return inner_->join(group); }
  void leave(const MacAddress& group) noexcept override { inner_->leave(group); }
  void give_back(driver::PacketPool& pool) noexcept override { inner_->give_back(pool); }

 private:
  driver::Driver* inner_;
  std::string_view name_;
  Sink sink_;
  void* context_;
};

}  // namespace nal::drivers

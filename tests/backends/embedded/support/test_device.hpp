#pragma once
#include <deque>
#include <vector>

#include "nal/driver/driver.hpp"

namespace nal::embedded::test {

using Bytes = std::vector<std::byte>;

/// A device whose other end is the test: what the stack sends is kept as bytes, what it receives the test puts in.
class TestDevice final : public driver::Driver {
 public:
  explicit TestDevice(driver::Medium medium, std::uint16_t mtu = 1500) noexcept {
    capabilities_.medium = medium;
    capabilities_.mtu = mtu;
  }

  driver::Capabilities capabilities() const noexcept override { return capabilities_; }
  MacAddress hardware_address() const noexcept override { return kAddress; }
  bool link_up() noexcept override { return up; }
  driver::Packet receive(driver::PacketPool& pool, Instant /*now*/) noexcept override {
    if (arriving.empty()) { return {}; }
    driver::Packet packet = pool.allocate(capabilities_.headroom);
    if (!packet) { return {}; }
    const Bytes frame = std::move(arriving.front());
    arriving.pop_front();
    std::copy(frame.begin(), frame.end(), packet.append(frame.size()).begin());
    waiters_.wake_all();
    return packet;
  }
  bool can_transmit() noexcept override { return sent.size() < room; }
  Result<> transmit(driver::Packet& packet, Instant /*now*/) noexcept override {
    if (!can_transmit()) { return Unexpected(Error::would_block); }
    const auto data = packet.data();
    sent.emplace_back(data.begin(), data.end());
    packet = driver::Packet();
    return {};
  }
  void wait(Context& context, Waiter& waiter, bool for_transmit) noexcept override {
    if (!arriving.empty() || (for_transmit && can_transmit())) { context.wake_soon(); }
    waiters_.add(context, waiter, Wait::device);
  }
  Result<> join(const MacAddress& group) noexcept override {
    groups.push_back(group);
    return {};
  }
  void leave(const MacAddress& group) noexcept override { std::erase(groups, group); }

  /// Something of this has changed.
  void wake() noexcept { waiters_.wake_all(); }

  static constexpr MacAddress kAddress{2, 0, 0, 0, 0, 1};

  std::deque<Bytes> arriving;
  std::vector<Bytes> sent;
  std::vector<MacAddress> groups;
  std::size_t room = 1000;
  bool up = true;

 private:
  driver::Capabilities capabilities_;
  WaitList waiters_;
};

}  // namespace nal::embedded::test

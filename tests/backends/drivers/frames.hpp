#pragma once
#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "nal/driver/driver.hpp"

namespace nal::test {

using Frame = std::vector<std::byte>;

/// An Ethernet frame of `size` bytes (as much of one as fits) from one made-up station to all, with a number to know it
/// by; of a type that no protocol has (RFC 5342's for local experiments), so that a host takes no notice.
inline Frame ethernet_frame(std::size_t size, unsigned number) {
  static constexpr unsigned char kHeader[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 1, 1, 0x88, 0xb5};
  Frame frame(size);
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t fill = i * 7 + number * 13;
    frame[i] = i < sizeof kHeader ? static_cast<std::byte>(kHeader[i]) : static_cast<std::byte>(fill & 0xff);
  }
  for (std::size_t i = 0; i < 4 && sizeof kHeader + i < size; ++i) {
    frame[sizeof kHeader + i] = static_cast<std::byte>(number >> (8 * i));
  }
  return frame;
}

/// An IPv4 packet of `size` bytes (as much of one as fits) of an experimental protocol (RFC 3692), from 192.0.2.2 to
/// 192.0.2.1, with a number to know it by.
inline Frame ip_packet(std::size_t size, unsigned number) {
  const auto low = [](std::size_t value) { return static_cast<unsigned char>(value & 0xff); };
  const unsigned char header[] = {
      0x45, 0, low(size >> 8), low(size), low(number >> 8), low(number), 0, 0, 64, 253, 0, 0, 192, 0, 2, 2, 192, 0,
      2,    1};
  Frame frame(size);
  for (std::size_t i = 0; i < size; ++i) {
    frame[i] = static_cast<std::byte>(i < sizeof header ? header[i] : low(i * 7 + number * 13));
  }
  return frame;
}

inline Frame to_frame(const driver::Packet& packet) { return {packet.data().begin(), packet.data().end()}; }

/// A packet of `pool` with these bytes and `headroom` free in front; null when there is none.
inline driver::Packet to_packet(driver::PacketPool& pool, std::span<const std::byte> bytes, std::size_t headroom = 0) {
  driver::Packet packet = pool.allocate(headroom);
  if (packet) { std::ranges::copy(bytes, packet.append(bytes.size()).begin()); }
  return packet;
}

/// A pool and its memory.
template <std::size_t kCount = 64, std::size_t kSize = 2048>
struct Pool {
  operator driver::PacketPool&() { return pool; }
  driver::PacketPool* operator->() { return &pool; }
  driver::PacketMemory<kCount, kSize> memory;
  driver::PacketPool pool{memory, 0};
};

/// A task that waits for a driver again and again, and counts how often it was woken.
class Watcher : public RootTask {
 public:
  Watcher(Executor& executor, driver::Driver& driver, bool for_transmit = false)
      : RootTask(&step, nullptr), driver_(&driver), for_transmit_(for_transmit) {
    attach(executor);
  }
  ~Watcher() { detach(); }
  /// Polls so far; the first one is no wake-up.
  unsigned polls() const { return polls_; }

 private:
  static void step(RootTask& task, Context& context) {
    auto& self = static_cast<Watcher&>(task);
    ++self.polls_;
    self.driver_->wait(context, self.waiter_, self.for_transmit_);
  }
  driver::Driver* driver_;
  bool for_transmit_;
  unsigned polls_ = 0;
  Waiter waiter_;
};

}  // namespace nal::test

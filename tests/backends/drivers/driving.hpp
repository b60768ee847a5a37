#pragma once
#include <catch2/catch_test_macros.hpp>

#include <optional>

#include "tests/backends/drivers/frames.hpp"

namespace nal::test {

// As a stack does: it looks again when it is woken.
template <class World>
driver::Packet must_receive(World& world, driver::PacketPool& pool) {
  driver::Packet packet;
  const Watcher watcher(world.executor(), world.driver());
  REQUIRE(world.until([&] {
    packet = world.driver().receive(pool, world.executor().now());
    return static_cast<bool>(packet);
  }));
  return packet;
}

template <class World>
Frame must_collect(World& world) {
  std::optional<Frame> frame;
  REQUIRE(world.until([&] {
    frame = world.collect();
    return frame.has_value();
  }));
  return *frame;
}

template <class World>
Result<> transmit(World& world, const Frame& frame) {
  driver::Packet packet = to_packet(world.pool, frame, world.driver().capabilities().headroom);
  REQUIRE(packet);
  const Result<> result = world.driver().transmit(packet, world.executor().now());
  CHECK(static_cast<bool>(packet) == (result == Unexpected(Error::would_block)));
  return result;
}

template <class World>
std::size_t longest(World& world) {
  const driver::Capabilities capabilities = world.driver().capabilities();
  return capabilities.mtu + (capabilities.medium == driver::Medium::ethernet ? 14U : 0U);
}

/// Rounds in which nothing happens: for what must not happen.
template <class World>
void settle(World& world) {
  for (int i = 0; i < 50; ++i) { world.executor().poll_once(); }
}

}  // namespace nal::test

#pragma once
#include <catch2/catch_test_macros.hpp>

#include <optional>

#include "backends/drivers/wire_pair.hpp"
#include "tests/backends/drivers/frames.hpp"
#include "tests/support/virtual_clock.hpp"

namespace nal::test {

/// Fixtures for the conformance tests whose outside is memory, under a virtual clock.
struct MemoryWorld {
  Executor& executor() { return executor_; }
  template <class F>
  bool until(F&& done) {
    for (int i = 0; i < 1000; ++i) {
      if (done()) { return true; }
      executor_.poll_once();
    }
    return done();
  }
  static Frame frame(std::size_t size, unsigned number) { return ethernet_frame(size, number); }
  static constexpr std::size_t kMinFrame = 14;
  static constexpr bool kLoops = false;

  VirtualClock clock;
  Executor executor_{clock};
};

/// One end of a wire, or a driver around it; the outside is the other end.
template <bool kCopy = false>
struct WireWorld : MemoryWorld {
  static constexpr bool kMoves = !kCopy;
  static constexpr bool kBlocks = true;

  driver::Driver& driver() { return wire.a(); }
  bool deliver(const Frame& frame) {
    driver::Packet packet = to_packet(outside, frame);
    REQUIRE(packet);
    return wire.b().transmit(packet, executor_.now()).has_value();
  }
  std::optional<Frame> collect() {
    const driver::Packet packet = wire.b().receive(outside, executor_.now());
    return packet ? std::optional(to_frame(packet)) : std::nullopt;
  }
  bool set_link(bool up) {
    wire.b().plug(up);
    return true;
  }

  Pool<> outside;
  Pool<> pool;
  drivers::WirePair wire{{.queue = 20, .copy = kCopy}};
};

}  // namespace nal::test

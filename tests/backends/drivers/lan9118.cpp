#include <catch2/catch_test_macros.hpp>

#include "tests/backends/drivers/driving.hpp"
#include "tests/backends/drivers/lan9118_world.hpp"

namespace nal::test {
namespace {

using World = Lan9118World<false>;
using namespace drivers::lan9118;

constexpr MacAddress kAllHosts{0x01, 0x00, 0x5e, 0, 0, 1};

Frame frame_to(const MacAddress& address, std::size_t size = 60) {
  Frame frame = ethernet_frame(size, 1);
  std::transform(address.bytes().begin(), address.bytes().end(), frame.begin(),
                 [](std::uint8_t byte) { return std::byte{byte}; });
  return frame;
}

}  // namespace

TEST_CASE("a board without the chip is told so, and is a device without a link", "[lan9118]") {
  VirtualClock clock;
  Executor executor(clock);
  Lan9118Model model;
  model.set_present(false);
  drivers::Lan9118<Lan9118ModelBus> chip(executor, Lan9118ModelBus{&model}, {});
  CHECK(chip.start() == Unexpected(Error::not_supported));
}

TEST_CASE("a chip that is started anew works as before", "[lan9118]") {
  World world;
  REQUIRE(world.deliver(frame_to(MacAddress::broadcast())));
  REQUIRE(world.chip.start());
  CHECK_FALSE(world.chip.receive(world.pool, world.executor().now()));
  REQUIRE(world.deliver(frame_to(MacAddress::broadcast())));
  CHECK(must_receive(world, world.pool).size() == 60);
}

TEST_CASE("a frame in memory begins where the IP header behind Ethernet's is aligned", "[lan9118]") {
  World world;
  REQUIRE(world.deliver(frame_to(MacAddress::broadcast())));
  const driver::Packet packet = must_receive(world, world.pool);
  CHECK((packet.headroom() + 14) % 4 == 0);
}

TEST_CASE("the station hears its own address and no other's", "[lan9118]") {
  World world;
  CHECK(world.deliver(frame_to({2, 0, 0, 0, 0, 1})));
  CHECK_FALSE(world.deliver(frame_to({2, 0, 0, 0, 0, 2})));
  CHECK_FALSE(world.deliver(frame_to({2, 0, 0, 1, 0, 1})));
}

TEST_CASE("a group is heard from join to leave, and as long as one of several of its hash is joined", "[lan9118]") {
  World world;
  CHECK_FALSE(world.deliver(frame_to(kAllHosts)));
  REQUIRE(world.chip.join(kAllHosts));
  CHECK(world.deliver(frame_to(kAllHosts)));
  // Another of the same hash.
  MacAddress other = kAllHosts;
  for (std::uint8_t last = 2; other == kAllHosts; ++last) {
    const MacAddress candidate{0x01, 0x00, 0x5e, 0, 0, last};
    if (world.chip.hash(candidate) == world.chip.hash(kAllHosts)) { other = candidate; }
  }
  REQUIRE(world.chip.join(other));
  world.chip.leave(kAllHosts);
  CHECK(world.deliver(frame_to(other)));
  world.chip.leave(other);
  CHECK_FALSE(world.deliver(frame_to(other)));
  world.chip.leave(other);
  CHECK(world.model.mac(mac::kHashHigh) == 0);
  CHECK(world.model.mac(mac::kHashLow) == 0);
}

TEST_CASE("groups more than can be counted are refused, and the others go on", "[lan9118]") {
  World world;
  for (int i = 0; i < 255; ++i) { REQUIRE(world.chip.join(kAllHosts)); }
  CHECK(world.chip.join(kAllHosts) == Unexpected(Error::table_full));
  CHECK(world.deliver(frame_to(kAllHosts)));
}

TEST_CASE("every hash is the one of Ethernet's check sequence", "[lan9118]") {
  World world;
  for (unsigned i = 0; i < 256; ++i) {
    const MacAddress group{0x33, 0x33, 0xff, static_cast<std::uint8_t>(i * 37), static_cast<std::uint8_t>(i), 0x55};
    REQUIRE(world.chip.join(group));
    REQUIRE(world.deliver(frame_to(group)));
    CHECK(must_receive(world, world.pool).size() == 60);
    world.chip.leave(group);
  }
}

TEST_CASE("a damaged frame is dropped and counted, and the next one is whole", "[lan9118]") {
  World world;
  for (const std::size_t size : {14U, 60U, 61U, 62U, 63U, 1518U}) {
    REQUIRE(world.model.deliver(frame_to(MacAddress::broadcast(), size), true));
    REQUIRE(world.deliver(world.frame(100, 2)));
    CHECK(to_frame(must_receive(world, world.pool)) == world.frame(100, 2));
  }
  CHECK(world.chip.counters().damaged == 6);
  CHECK(world.model.words_left() == 0);
}

TEST_CASE("frames of every length leave no word behind", "[lan9118]") {
  World world;
  for (std::size_t size = 14; size <= 1518; ++size) {
    REQUIRE(world.deliver(world.frame(size, 1)));
    REQUIRE(to_frame(must_receive(world, world.pool)) == world.frame(size, 1));
    REQUIRE(world.model.words_left() == 0);
    REQUIRE(transmit(world, world.frame(size, 2)));
    REQUIRE(must_collect(world) == world.frame(size, 2));
  }
  CHECK(world.chip.counters().received == 1505);
}

TEST_CASE("frames that find no packet wait in the chip, whose overruns are counted", "[lan9118]") {
  World world;
  unsigned delivered = 0;
  while (world.deliver(world.frame(1514, delivered))) { ++delivered; }
  CHECK(delivered > 4);
  for (unsigned i = 0; i < delivered; ++i) { CHECK(to_frame(must_receive(world, world.pool)) == world.frame(1514, i)); }
  CHECK(world.chip.counters().fifo_overruns == 1);
  CHECK(world.chip.counters().fifo_overruns == 1);
}

TEST_CASE("frames that the chip could not send are counted", "[lan9118]") {
  World world;
  REQUIRE(transmit(world, world.frame(60, 1)));
  REQUIRE(transmit(world, world.frame(60, 2)));
  world.model.take(true);
  world.model.take();
  REQUIRE(world.chip.can_transmit());
  CHECK(world.chip.counters().not_sent == 1);
  CHECK(world.chip.counters().transmitted == 1);
}

TEST_CASE("the MAC takes the duplex and the pauses that both ends can", "[lan9118]") {
  struct Case {
    std::uint32_t partner;
    bool full;
    bool pause;
  };
  for (const Case& it :
       {Case{0x45e1, true, true}, Case{0x41e1, true, false}, Case{0x40a1, false, false}, Case{0x4061, true, false},
        Case{0x4021, false, false}, Case{0x44a1, false, false}, Case{0x40e1, false, false}}) {
    World world;
    world.model.set_partner(it.partner);
    world.model.set_link(false);
    CHECK_FALSE(world.chip.link_up());
    world.model.set_link(true);
    CHECK(world.chip.link_up());
    CHECK(((world.model.mac(mac::kControl) & mac::kFullDuplex) != 0) == it.full);
    CHECK(((world.model.mac(mac::kControl) & mac::kIgnoreOwn) != 0) == !it.full);
    CHECK((world.model.mac(mac::kFlow) != 0) == it.pause);
  }
}

TEST_CASE("a link that was lost and is back before anybody looks is up", "[lan9118]") {
  World world;
  world.model.set_link(false);
  world.model.set_link(true);
  CHECK(world.chip.link_up());
}

TEST_CASE("an interrupt that comes while the driver waits is not lost", "[lan9118]") {
  World world;
  Watcher watcher(world.executor(), world.driver());
  settle(world);
  for (unsigned i = 0; i < 100; ++i) {
    const unsigned before = watcher.polls();
    // Before the task has run again: the handler has held the interrupt off.
    REQUIRE(world.deliver(world.frame(60, 2 * i)));
    REQUIRE(world.deliver(world.frame(60, 2 * i + 1)));
    settle(world);
    CHECK(watcher.polls() > before);
    while (world.chip.receive(world.pool, world.executor().now())) {}
    settle(world);
  }
}

}  // namespace nal::test

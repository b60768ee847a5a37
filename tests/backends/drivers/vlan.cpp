#include "backends/drivers/vlan.hpp"

#include <catch2/catch_test_macros.hpp>

#include "tests/backends/drivers/memory_world.hpp"

namespace nal::test {
namespace {

Frame tagged(const Frame& frame, unsigned tag) {
  Frame out(frame.begin(), frame.begin() + 12);
  for (const unsigned byte : {0x81U, 0x00U, tag >> 8, tag & 0xff}) { out.push_back(static_cast<std::byte>(byte)); }
  out.insert(out.end(), frame.begin() + 12, frame.end());
  return out;
}

/// A trunk with two VLANs; the outside is the other end of its wire.
struct Trunk : MemoryWorld {
  explicit Trunk(const drivers::WireConfig& config = {.queue = 100, .copy = true}) : wire(config) {}
  void deliver(const Frame& frame) {
    driver::Packet packet = to_packet(outside, frame);
    REQUIRE(packet);
    REQUIRE(wire.b().transmit(packet, executor_.now()));
  }
  Frame next(driver::Driver& driver) {
    const driver::Packet packet = driver.receive(pool, executor_.now());
    return packet ? to_frame(packet) : Frame();
  }
  Result<> transmit(driver::Driver& driver, const Frame& frame) {
    driver::Packet packet = to_packet(pool, frame, driver.capabilities().headroom);
    return driver.transmit(packet, executor_.now());
  }

  Pool<200> outside;
  Pool<200> pool;
  drivers::WirePair wire;
  drivers::VlanTrunk trunk{wire.a()};
  drivers::VlanPort five{trunk, 5, 3};
  drivers::VlanPort most{trunk, 4094};
};

/// A device that chooses groups, and has room for one.
class Choosy final : public drivers::Around {
 public:
  using Around::Around;
  explicit Choosy(driver::Driver& inner) : Around(inner) {}
  Result<> join(const MacAddress& group) noexcept override {
    if (joined_ != MacAddress()) { return Unexpected(Error::table_full); }
    joined_ = group;
    return {};
  }
  void leave(const MacAddress&) noexcept override { joined_ = {}; }
  MacAddress joined_;
};

}  // namespace

TEST_CASE("a frame reaches the device of its VLAN, without its tag", "[drivers][vlan]") {
  Trunk world;
  const Frame frame = ethernet_frame(60, 1);
  world.deliver(tagged(frame, 5));
  world.deliver(tagged(frame, 7U << 13 | 4094));
  world.deliver(frame);
  CHECK(world.next(world.five) == frame);
  CHECK(world.next(world.five).empty());
  CHECK(world.next(world.most) == frame);
  CHECK(world.next(world.trunk) == frame);
  CHECK(world.next(world.trunk).empty());
}

TEST_CASE("a frame with a priority alone, and one of a VLAN that has no device, are the trunk's as they are",
          "[drivers][vlan]") {
  Trunk world;
  const Frame frame = ethernet_frame(60, 1);
  for (const unsigned tag : {5U << 13, 6U, 4095U}) {
    world.deliver(tagged(frame, tag));
    CHECK(world.next(world.five).empty());
    CHECK(world.next(world.most).empty());
    CHECK(world.next(world.trunk) == tagged(frame, tag));
  }
}

TEST_CASE("what a VLAN's device sends has its tag and priority, at the full MTU too", "[drivers][vlan]") {
  Trunk world;
  CHECK(world.five.capabilities().mtu == world.wire.a().capabilities().mtu);
  for (const std::size_t size : {std::size_t{14}, std::size_t{60}, std::size_t{1514}}) {
    const Frame frame = ethernet_frame(size, 1);
    REQUIRE(world.transmit(world.five, frame));
    CHECK(world.next(world.wire.b()) == tagged(frame, 3U << 13 | 5));
    REQUIRE(world.transmit(world.most, frame));
    CHECK(world.next(world.wire.b()) == tagged(frame, 4094));
    REQUIRE(world.transmit(world.trunk, frame));
    CHECK(world.next(world.wire.b()) == frame);
  }
  CHECK(world.transmit(world.five, ethernet_frame(13, 1)).error() == Error::io_error);
}

TEST_CASE("a full trunk leaves a VLAN's packet untouched", "[drivers][vlan]") {
  Trunk world({.queue = 1});
  REQUIRE(world.transmit(world.five, ethernet_frame(60, 1)));
  CHECK_FALSE(world.five.can_transmit());
  driver::Packet packet = to_packet(world.pool, ethernet_frame(60, 2), world.five.capabilities().headroom);
  CHECK(world.five.transmit(packet, world.executor().now()).error() == Error::would_block);
  CHECK(to_frame(packet) == ethernet_frame(60, 2));
}

TEST_CASE("a checksum that is left to the device is where it was, behind the tag", "[drivers][vlan]") {
  Trunk world({.capabilities = {.transmit_checksum = true, .max_segmentation_size = 60000}});
  CHECK(world.five.capabilities().transmit_checksum);
  CHECK(world.five.capabilities().max_segmentation_size == 0);
  driver::Packet packet = to_packet(world.pool, ethernet_frame(100, 1), 16);
  packet.offload().checksum_start = 34;
  packet.offload().checksum_offset = 6;
  REQUIRE(world.five.transmit(packet, world.executor().now()));
  driver::Packet received = world.wire.b().receive(world.pool, world.executor().now());
  CHECK(received.offload().unfinished_start == 38);
  received.offload().checksum_start = 38;
  received.offload().unfinished_start = 0;
  REQUIRE(world.wire.b().transmit(received, world.executor().now()));
  const driver::Packet back = world.five.receive(world.pool, world.executor().now());
  REQUIRE(back);
  CHECK(back.offload().unfinished_start == 34);
}

TEST_CASE("frames for a device that nobody asks wait up to a limit, and hold nobody else up", "[drivers][vlan]") {
  Trunk world;
  for (unsigned i = 0; i < 50; ++i) { world.deliver(tagged(ethernet_frame(60, i), 5)); }
  world.deliver(ethernet_frame(60, 99));
  Frame mine;
  for (unsigned asked = 0; asked < 10 && mine.empty(); ++asked) { mine = world.next(world.trunk); }
  CHECK(mine == ethernet_frame(60, 99));
  CHECK(world.trunk.dropped() == 50 - drivers::VlanTrunk::kQueue);
  CHECK(world.five.poll_at() <= world.executor().now());
  for (unsigned i = 0; i < drivers::VlanTrunk::kQueue; ++i) { CHECK(world.next(world.five) == ethernet_frame(60, i)); }
  CHECK(world.next(world.five).empty());
  CHECK(world.five.poll_at().is_never());
}

TEST_CASE("packets that wait in a port go back with their pool", "[drivers][vlan]") {
  Trunk world;
  world.deliver(tagged(ethernet_frame(60, 1), 5));
  world.deliver(tagged(ethernet_frame(60, 1), 4094));
  CHECK(world.next(world.trunk).empty());
  CHECK(world.pool->available() == world.pool->count() - 2);
  world.most.give_back(world.pool);
  CHECK(world.pool->available() == world.pool->count());
}

TEST_CASE("a group is left when the last of those who joined it leaves", "[drivers][vlan]") {
  drivers::WirePair wire;
  Choosy device(wire.a());
  std::array<drivers::VlanGroup, 2> groups;
  drivers::VlanTrunk trunk(device, groups);
  drivers::VlanPort port(trunk, 2);
  const MacAddress group{1, 0, 0x5e, 0, 0, 1};
  REQUIRE(trunk.join(group));
  REQUIRE(port.join(group));
  CHECK(port.join({1, 0, 0x5e, 0, 0, 2}).error() == Error::table_full);
  trunk.leave(group);
  CHECK(device.joined_ == group);
  port.leave(group);
  CHECK(device.joined_ == MacAddress());
}

TEST_CASE("a tagged frame that is cut off anywhere is nobody's VLAN or a shorter frame", "[drivers][vlan]") {
  Trunk world;
  const Frame whole = tagged(ethernet_frame(60, 1), 5);
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    world.deliver(Frame(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    const std::size_t got = world.next(world.five).size();
    CHECK(got == (size >= 18 ? size - 4 : 0));
    while (world.trunk.receive(world.pool, world.executor().now())) {}
  }
}

}  // namespace nal::test

#pragma once
/// What every driver promises (nal/driver/driver.hpp), as tests. A source that includes this has defined `Fixtures`, a
/// `std::tuple` of fixtures before. A fixture has
/// - `executor()`, `driver()`, and `pool`, whose packets the driver may keep as long as the fixture lives,
/// - `frame(size, number)`: one that the medium carries, to be told from others by its number,
/// - `bool deliver(frame)`: the outside sends it to the device; false when the outside cannot,
/// - `std::optional<Frame> collect()`: the oldest frame that the device has sent to the outside,
/// - `bool set_link(bool up)`: false where a link is always up,
/// - `bool until(done)`: runs the executor until `done()`; false when that takes too long,
/// - `kMinFrame`: bytes of the shortest frame that the medium carries; `kMoves`: frames come in packets that
/// were there before, whatever is in the receiver's pool; `kBlocks`: a device whose frames nobody takes fills up;
/// `kLoops`: the device is its own outside.
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include "tests/backends/drivers/driving.hpp"

namespace nal::test {

TEMPLATE_LIST_TEST_CASE("every frame that arrives is received once, whole and in order", "[drivers]", Fixtures) {
  TestType world;
  const std::size_t most = longest(world);
  unsigned number = 0;
  for (const std::size_t size : {TestType::kMinFrame, TestType::kMinFrame + 1, std::size_t{64}, most - 1, most}) {
    REQUIRE(world.deliver(world.frame(size, ++number)));
    REQUIRE(world.deliver(world.frame(size, ++number)));
    for (const unsigned which : {number - 1, number}) {
      const driver::Packet packet = must_receive(world, world.pool);
      CHECK(to_frame(packet) == world.frame(size, which));
      CHECK(packet.headroom() >= world.driver().capabilities().headroom);
      CHECK(packet.offload().segment_size == 0);
    }
  }
  CHECK_FALSE(world.driver().receive(world.pool, world.executor().now()));
}

TEMPLATE_LIST_TEST_CASE("every frame that is transmitted leaves once, whole and in order", "[drivers]", Fixtures) {
  TestType world;
  const std::size_t most = longest(world);
  unsigned number = 0;
  for (const std::size_t size : {TestType::kMinFrame, TestType::kMinFrame + 1, std::size_t{64}, most - 1, most}) {
    REQUIRE(world.driver().can_transmit());
    REQUIRE(transmit(world, world.frame(size, ++number)));
    REQUIRE(transmit(world, world.frame(size, ++number)));
    CHECK(must_collect(world) == world.frame(size, number - 1));
    CHECK(must_collect(world) == world.frame(size, number));
  }
  CHECK_FALSE(world.collect());
}

TEMPLATE_LIST_TEST_CASE("a full device leaves the packet untouched and wakes when it has room", "[drivers]", Fixtures) {
  TestType world;
  if constexpr (!TestType::kBlocks) { SKIP("this device is never full for long"); }
  driver::Packet packet;
  unsigned sent = 0;
  for (;; ++sent) {
    REQUIRE(sent < 100'000);
    packet = to_packet(world.pool, world.frame(100, sent), world.driver().capabilities().headroom);
    REQUIRE(packet);
    const bool room = world.driver().can_transmit();
    const Result<> result = world.driver().transmit(packet, world.executor().now());
    if (result == Unexpected(Error::would_block)) { break; }
    CHECK(room);
    REQUIRE(result);
  }
  CHECK_FALSE(world.driver().can_transmit());
  CHECK(to_frame(packet) == world.frame(100, sent));
  CHECK(packet.headroom() >= world.driver().capabilities().headroom);

  Watcher watcher(world.executor(), world.driver(), true);
  settle(world);
  if constexpr (!TestType::kLoops) { CHECK(watcher.polls() <= 2); }
  const unsigned before = watcher.polls();
  for (unsigned i = 0; i < sent; ++i) { CHECK(must_collect(world) == world.frame(100, i)); }
  REQUIRE(world.until([&] { return watcher.polls() > before; }));
  REQUIRE(world.until([&] { return world.driver().can_transmit(); }));
  REQUIRE(world.driver().transmit(packet, world.executor().now()));
  CHECK(must_collect(world) == world.frame(100, sent));
}

TEMPLATE_LIST_TEST_CASE("a frame that arrives wakes who waits for it, also one that waits for room", "[drivers]",
                        Fixtures) {
  TestType world;
  Watcher watcher(world.executor(), world.driver());
  settle(world);
  const unsigned before = watcher.polls();
  REQUIRE(world.deliver(world.frame(60, 1)));
  REQUIRE(world.until([&] { return watcher.polls() > before; }));
  CHECK(to_frame(must_receive(world, world.pool)) == world.frame(60, 1));
}

TEMPLATE_LIST_TEST_CASE("who waits when a frame is there already is woken at once", "[drivers]", Fixtures) {
  TestType world;
  REQUIRE(world.deliver(world.frame(60, 1)));
  REQUIRE(world.deliver(world.frame(60, 2)));
  CHECK(to_frame(must_receive(world, world.pool)) == world.frame(60, 1));
  settle(world);
  Watcher watcher(world.executor(), world.driver());
  REQUIRE(world.until([&] { return watcher.polls() > 1; }));
  CHECK(to_frame(must_receive(world, world.pool)) == world.frame(60, 2));
}

TEMPLATE_LIST_TEST_CASE("who waits for a device where nothing happens sleeps", "[drivers]", Fixtures) {
  TestType world;
  // What came while it was made has been seen.
  while (world.driver().receive(world.pool, world.executor().now())) {}
  Watcher watcher(world.executor(), world.driver());
  settle(world);
  CHECK(watcher.polls() <= 2);
  CHECK(world.driver().poll_at().is_never());
}

TEMPLATE_LIST_TEST_CASE("the link's going and coming is told, and wakes", "[drivers]", Fixtures) {
  TestType world;
  CHECK(world.until([&] { return world.driver().link_up(); }));
  while (world.driver().receive(world.pool, world.executor().now())) {}
  Watcher watcher(world.executor(), world.driver());
  settle(world);
  unsigned before = watcher.polls();
  if (!world.set_link(false)) { SKIP("its link is always up"); }
  REQUIRE(world.until([&] { return watcher.polls() > before && !world.driver().link_up(); }));
  CHECK(transmit(world, world.frame(60, 1)) == Unexpected(Error::network_down));
  settle(world);
  before = watcher.polls();
  REQUIRE(world.set_link(true));
  REQUIRE(world.until([&] { return watcher.polls() > before && world.driver().link_up(); }));
  REQUIRE(world.until([&] { return transmit(world, world.frame(60, 2)).has_value(); }));
  CHECK(must_collect(world) == world.frame(60, 2));
}

TEMPLATE_LIST_TEST_CASE("an empty pool gives nothing, does not spin, and does no harm", "[drivers]", Fixtures) {
  TestType world;
  if constexpr (TestType::kMoves) { SKIP("packets come in with the frames"); }
  driver::PacketQueue taken;
  while (driver::Packet packet = world.pool->allocate(0)) { taken.push(std::move(packet)); }
  REQUIRE(world.deliver(world.frame(60, 1)));
  settle(world);
  for (int i = 0; i < 10; ++i) { CHECK_FALSE(world.driver().receive(world.pool, world.executor().now())); }
  {
    Watcher watcher(world.executor(), world.driver());
    settle(world);
    CHECK(watcher.polls() <= 4);
  }
  taken.clear();
  // Where the first was kept it comes first.
  while (world.driver().receive(world.pool, world.executor().now())) {}
  REQUIRE(world.deliver(world.frame(60, 2)));
  Frame last;
  const Watcher watcher(world.executor(), world.driver());
  REQUIRE(world.until([&] {
    if (const driver::Packet packet = world.driver().receive(world.pool, world.executor().now())) {
      last = to_frame(packet);
    }
    return last == world.frame(60, 2);
  }));
}

TEMPLATE_LIST_TEST_CASE("a frame longer than a packet is dropped whole, and the next one works", "[drivers]",
                        Fixtures) {
  TestType world;
  if constexpr (TestType::kMoves) { SKIP("packets come in with the frames"); }
  Pool<8, 256> small;
  REQUIRE(world.deliver(world.frame(1000, 1)));
  REQUIRE(world.deliver(world.frame(100, 2)));
  CHECK(to_frame(must_receive(world, small)) == world.frame(100, 2));
  world.driver().give_back(small);
  CHECK(small->available() == small->count());
}

TEMPLATE_LIST_TEST_CASE("a frame longer than the device takes is refused and dropped", "[drivers]", Fixtures) {
  TestType world;
  const std::size_t size = driver::max_frame_size(world.driver().capabilities()) + 1;
  CHECK(transmit(world, world.frame(size, 1)) == Unexpected(Error::message_size));
  REQUIRE(transmit(world, world.frame(100, 2)));
  CHECK(must_collect(world) == world.frame(100, 2));
}

TEMPLATE_LIST_TEST_CASE("a frame shorter than any header is carried whole or refused", "[drivers]", Fixtures) {
  TestType world;
  for (std::size_t size = 0; size < TestType::kMinFrame; ++size) {
    INFO(size << " bytes");
    const Result<> result = transmit(world, world.frame(size, 1));
    if (result) {
      CHECK(must_collect(world) == world.frame(size, 1));
    } else {
      CHECK(result == Unexpected(Error::io_error));
    }
    if (world.deliver(world.frame(size, 2))) {
      const driver::Packet packet = must_receive(world, world.pool);
      CHECK(to_frame(packet) == world.frame(size, 2));
    }
  }
  REQUIRE(transmit(world, world.frame(100, 3)));
  CHECK(must_collect(world) == world.frame(100, 3));
}

TEMPLATE_LIST_TEST_CASE("a driver that is told so keeps no packet of the pool", "[drivers]", Fixtures) {
  TestType world;
  for (unsigned i = 0; i < 10; ++i) {
    REQUIRE(transmit(world, world.frame(60, i)));
    REQUIRE(world.deliver(world.frame(60, i)));
  }
  { must_receive(world, world.pool); }
  world.driver().give_back(world.pool);
  CHECK(world.pool->available() == world.pool->count());
}

}  // namespace nal::test

#include "backends/drivers/wire_pair.hpp"

#include <catch2/catch_test_macros.hpp>

#include "tests/backends/drivers/memory_world.hpp"

namespace nal::test {
namespace {

const Instant kNow = Instant::from_microseconds(1'000'000);

}  // namespace

TEST_CASE("a packet goes over a wire by ownership, without a copy", "[drivers][wire]") {
  Pool<> pool;
  drivers::WirePair wire;
  driver::Packet packet = to_packet(pool, ethernet_frame(60, 1));
  const driver::PacketBuffer* const buffer = packet.buffer();
  REQUIRE(wire.a().transmit(packet, kNow));
  Pool<> other;
  const driver::Packet received = wire.b().receive(other, kNow);
  CHECK(received.buffer() == buffer);
  CHECK(wire.a().counters().transmitted == 1);
  CHECK(wire.b().counters().received == 1);
}

TEST_CASE("a wire that copies has the sender's packet back at once it is received", "[drivers][wire]") {
  Pool<> pool;
  Pool<> other;
  drivers::WirePair wire({.copy = true});
  driver::Packet packet = to_packet(pool, ethernet_frame(60, 1));
  packet.offload().segment_size = 0;
  REQUIRE(wire.a().transmit(packet, kNow));
  const driver::Packet received = wire.b().receive(other, kNow);
  CHECK(received.buffer()->pool == &other.pool);
  CHECK(pool->available() == pool->count());
}

TEST_CASE("a frame whose checksum was left to the wire counts as verified, and says where it is missing",
          "[drivers][wire]") {
  Pool<> pool;
  drivers::WirePair wire({.capabilities = {.transmit_checksum = true}});
  driver::Packet packet = to_packet(pool, ethernet_frame(100, 1));
  packet.offload().checksum_start = 34;
  packet.offload().checksum_offset = 16;
  REQUIRE(wire.a().transmit(packet, kNow));
  driver::Packet received = wire.b().receive(pool, kNow);
  CHECK(received.offload().checksum_verified);
  CHECK(received.offload().checksum_start == 0);
  CHECK(received.offload().unfinished_start == 34);

  driver::Packet plain = to_packet(pool, ethernet_frame(100, 1));
  REQUIRE(wire.a().transmit(plain, kNow));
  CHECK_FALSE(wire.b().receive(pool, kNow).offload().checksum_verified);
}

TEST_CASE("a long segment goes over a wire that cuts up, whole, and over no other", "[drivers][wire]") {
  Pool<4, 8192> pool;
  for (const bool can : {true, false}) {
    drivers::WirePair wire({.capabilities = {.transmit_checksum = true,
                                             .max_segmentation_size = can ? std::uint16_t{8000} : std::uint16_t{0}}});
    driver::Packet packet = to_packet(pool, ethernet_frame(4000, 1));
    packet.offload().segment_size = 1460;
    CHECK(wire.a().transmit(packet, kNow) == (can ? Result<>() : Unexpected(Error::message_size)));
    CHECK_FALSE(packet);
    const driver::Packet received = wire.b().receive(pool, kNow);
    CHECK(static_cast<bool>(received) == can);
    if (received) { CHECK(received.offload().segment_size == 1460); }
  }
}

TEST_CASE("pulling a wire out loses what is on its way and wakes both ends", "[drivers][wire]") {
  WireWorld<> world;
  Watcher here(world.executor(), world.wire.a());
  Watcher there(world.executor(), world.wire.b());
  driver::Packet packet = to_packet(world.pool, ethernet_frame(60, 1));
  REQUIRE(world.wire.b().transmit(packet, kNow));
  run_ready(world.executor(), 10);
  const unsigned before = there.polls();
  world.wire.a().plug(false);
  run_ready(world.executor(), 10);
  CHECK(there.polls() > before);
  CHECK_FALSE(world.wire.b().link_up());
  CHECK_FALSE(world.wire.a().receive(world.pool, kNow));
  world.wire.a().plug(true);
  CHECK(world.wire.b().link_up());
}

}  // namespace nal::test

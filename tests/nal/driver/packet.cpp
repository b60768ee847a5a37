#include "nal/driver/packet.hpp"

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <vector>

#include "nal/driver/checksum.hpp"
#include "tests/backends/drivers/frames.hpp"
#include "tests/support/asserts.hpp"

namespace nal::test {
namespace {

using driver::Packet;
using driver::PacketQueue;

Frame bytes(std::initializer_list<unsigned> values) {
  Frame frame;
  for (const unsigned value : values) { frame.push_back(static_cast<std::byte>(value)); }
  return frame;
}

}  // namespace

TEST_CASE("a packet grows and shrinks at both ends within its memory", "[driver][packet]") {
  Pool<1, 100> pool;
  Packet packet = pool->allocate(30);
  REQUIRE(packet);
  CHECK(packet.size() == 0);
  CHECK(packet.headroom() == 30);
  const std::size_t capacity = pool->capacity();
  CHECK(capacity >= 100);
  CHECK(packet.tailroom() == capacity - 30);
  CHECK(packet.append(20).size() == 20);
  const std::byte* const front = packet.prepend(10).data();
  CHECK(front == packet.data().data());
  CHECK(packet.size() == 30);
  CHECK(packet.headroom() == 20);
  packet.trim_front(5);
  packet.truncate(20);
  CHECK(packet.size() == 20);
  CHECK(packet.headroom() == 25);
  CHECK(packet.tailroom() == capacity - 45);
  packet.clear(0);
  CHECK(packet.append(packet.tailroom()).size() == capacity);
}

TEST_CASE("more than there is room for is a bug of the caller", "[driver][packet]") {
  Pool<1, 100> pool;
  Packet packet = pool->allocate(10);
  CHECK_ASSERTS(static_cast<void>(packet.prepend(11)));
  CHECK_ASSERTS(static_cast<void>(packet.append(packet.tailroom() + 1)));
  CHECK_ASSERTS(packet.trim_front(1));
  CHECK_ASSERTS(packet.truncate(1));
  CHECK_ASSERTS(packet.clear(pool->capacity() + 1));
}

TEST_CASE("packets go back to their pool, whoever ends them, and a pool in use may not end", "[driver][packet]") {
  Pool<3, 100> pool;
  {
    Packet a = pool->allocate(0);
    Packet b = std::move(a);
    CHECK_FALSE(a);
    CHECK(pool->available() == 2);
    b = pool->allocate(0);
    CHECK(pool->available() == 2);
    PacketQueue queue;
    queue.push(std::move(b));
    CHECK(pool->available() == 2);
  }
  CHECK(pool->available() == 3);
  CHECK_ASSERTS(Packet kept; Pool<1, 10> ends; kept = ends->allocate(0); ends.pool.~PacketPool());
}

TEST_CASE("what is sent leaves a reserve for what is received", "[driver][packet]") {
  driver::PacketMemory<4, 64> memory;
  driver::PacketPool pool(memory, 2);
  std::vector<Packet> kept;
  while (Packet packet = pool.allocate_to_send(0)) { kept.push_back(std::move(packet)); }
  CHECK(kept.size() == 2);
  CHECK_FALSE(pool.can_send());
  CHECK(pool.allocate(0));
  kept.clear();
  CHECK(pool.can_send());
}

TEST_CASE("a packet of before leaves nothing behind in the next one", "[driver][packet]") {
  Pool<1, 64> pool;
  {
    Packet packet = pool->allocate(8);
    packet.offload() = {.checksum_verified = true, .checksum_start = 34, .checksum_offset = 6, .segment_size = 1460};
  }
  const Packet packet = pool->allocate(0);
  CHECK_FALSE(packet.offload().checksum_verified);
  CHECK(packet.offload().checksum_start == 0);
  CHECK(packet.offload().segment_size == 0);
  CHECK(packet.headroom() == 0);
}

TEST_CASE("a queue keeps its order, and gives up the packets of one pool", "[driver][packet]") {
  Pool<4, 64> first;
  Pool<4, 64> second;
  PacketQueue queue;
  for (unsigned i = 0; i < 4; ++i) {
    queue.push(to_packet(first, bytes({i})));
    queue.push(to_packet(second, bytes({10 + i})));
  }
  CHECK(queue.count() == 8);
  queue.remove(first);
  CHECK(queue.count() == 4);
  CHECK(first->available() == 4);
  for (unsigned i = 0; i < 4; ++i) { CHECK(to_frame(queue.pop()) == bytes({10 + i})); }
  CHECK(queue.empty());
  CHECK_FALSE(queue.pop());
}

TEST_CASE("hardware may have a packet and give it back", "[driver][packet]") {
  Pool<1, 64> pool;
  Packet packet = to_packet(pool, bytes({1, 2, 3}));
  driver::PacketBuffer* const buffer = packet.detach();
  CHECK_FALSE(packet);
  CHECK(pool->available() == 0);
  packet = Packet::adopt(buffer);
  CHECK(to_frame(packet) == bytes({1, 2, 3}));
}

TEST_CASE("the Internet checksum is that of RFC 1071", "[driver][checksum]") {
  // The example of its section 3.
  const Frame example = bytes({0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7});
  CHECK(driver::internet_sum(example) == 0xddf2);
  CHECK(driver::internet_sum(bytes({0x12})) == 0x1200);
  CHECK(driver::internet_sum({}) == 0);
  CHECK(driver::internet_sum(bytes({0xff, 0xff}), 0xffff) == 0xffff);
}

TEST_CASE("a checksum left to the device is made in software where it lies inside the frame", "[driver][checksum]") {
  Pool<1, 64> pool;
  for (const bool received : {false, true}) {
    // The field holds what comes from elsewhere (here 0x0001), and is part of the sum.
    Packet packet = to_packet(pool, bytes({9, 9, 0x12, 0x34, 0x00, 0x01, 0x56}));
    packet.offload().checksum_offset = 2;
    (received ? packet.offload().unfinished_start = 2 : packet.offload().checksum_start = 2);
    REQUIRE(driver::finish_checksum(packet));
    const unsigned sum = ~(0x1234U + 0x0001U + 0x5600U) & 0xffff;
    CHECK(to_frame(packet) == bytes({9, 9, 0x12, 0x34, sum >> 8, sum & 0xff, 0x56}));
    CHECK(packet.offload().checksum_start == 0);
    CHECK(packet.offload().unfinished_start == 0);
  }
  for (std::size_t size = 0; size <= 6; ++size) {
    Packet packet = to_packet(pool, Frame(size));
    packet.offload().checksum_start = 2;
    packet.offload().checksum_offset = 2;
    CHECK(driver::finish_checksum(packet) == (size == 6));
  }
  // A sum that comes out as 0 is sent as 0xffff, since 0 says that there is none (RFC 768).
  Packet packet = to_packet(pool, bytes({0, 0, 0xff, 0xff, 0, 0}));
  packet.offload().checksum_start = 2;
  packet.offload().checksum_offset = 2;
  REQUIRE(driver::finish_checksum(packet));
  CHECK(to_frame(packet) == bytes({0, 0, 0xff, 0xff, 0xff, 0xff}));
}

TEST_CASE("a checksum too far from the start to be told of is made when the packet is received", "[driver][checksum]") {
  Pool<1, 512> pool;
  Packet packet = to_packet(pool, Frame(400));
  packet.offload().checksum_start = 300;
  packet.offload().checksum_offset = 6;
  driver::mark_as_received(packet, false);
  CHECK(packet.offload().checksum_verified);
  CHECK(packet.offload().checksum_start == 0);
  CHECK(packet.offload().unfinished_start == 0);
  CHECK(packet.data()[306] == std::byte{0xff});
}

}  // namespace nal::test

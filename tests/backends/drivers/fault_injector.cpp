#include "backends/drivers/fault_injector.hpp"

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <bit>
#include <vector>

#include "tests/backends/drivers/driving.hpp"
#include "tests/backends/drivers/memory_world.hpp"

namespace nal::test {
namespace {

using drivers::Chance;
using drivers::FaultInjector;

/// A wire of which one end is bad, and the time.
struct BadWire {
  explicit BadWire(const FaultInjector::Config& config) : injector(wire.a(), config, receive_memory, transmit_memory) {}

  /// The other end sends frames numbered from `first` on; those that are not there yet stay under way.
  void send_in(unsigned first, unsigned count) {
    for (unsigned i = first; i < first + count; ++i) {
      driver::Packet packet = to_packet(pool, ethernet_frame(100, i));
      REQUIRE(wire.b().transmit(packet, now));
    }
  }
  void send_out(unsigned first, unsigned count) {
    for (unsigned i = first; i < first + count; ++i) {
      driver::Packet packet = to_packet(pool, ethernet_frame(100, i));
      REQUIRE(injector.transmit(packet, now));
    }
  }
  static unsigned number(const driver::Packet& packet) {
    unsigned number = 0;
    for (unsigned i = 0; i < 4; ++i) { number |= std::to_integer<unsigned>(packet.data()[14 + i]) << (8 * i); }
    return number;
  }
  /// Numbers of all that is received by now.
  std::vector<unsigned> received() {
    std::vector<unsigned> numbers;
    while (const driver::Packet packet = injector.receive(pool, now)) { numbers.push_back(number(packet)); }
    return numbers;
  }
  /// Numbers of all that has left by now.
  std::vector<unsigned> left() {
    CHECK_FALSE(injector.receive(pool, now));
    std::vector<unsigned> numbers;
    while (const driver::Packet packet = wire.b().receive(pool, now)) { numbers.push_back(number(packet)); }
    return numbers;
  }

  Pool<4096, 256> pool;
  drivers::WirePair wire{{.queue = 4096}};
  std::array<drivers::LateFrame, 32> receive_memory;
  std::array<drivers::LateFrame, 32> transmit_memory;
  FaultInjector injector;
  Instant now = Instant::from_microseconds(1'000'000);
};

using Numbers = std::vector<unsigned>;

}  // namespace

using namespace literals;

TEST_CASE("frames are lost as often as was asked, in the direction that was asked", "[drivers][faults]") {
  BadWire wire({.receive = {.loss = Chance::percent(20)}});
  wire.send_in(0, 2000);
  wire.send_out(0, 2000);
  CHECK(wire.injector.receive_counters().lost == 0);
  const std::size_t got = wire.received().size();
  CHECK(got > 1500);
  CHECK(got < 1700);
  CHECK(wire.injector.receive_counters().lost == 2000 - got);
  CHECK(wire.left().size() == 2000);

  BadWire other({.transmit = {.loss = Chance::percent(100)}});
  other.send_in(0, 5);
  other.send_out(0, 5);
  CHECK(other.received().size() == 5);
  CHECK(other.left().empty());
}

TEST_CASE("the same seed has the same faults, another seed others", "[drivers][faults]") {
  const auto run = [](std::uint64_t seed) {
    const drivers::Faults faults{.loss = Chance::percent(10),
                                 .duplicate = Chance::percent(10),
                                 .reorder = Chance::percent(10),
                                 .delay = 1_ms,
                                 .jitter = 5_ms};
    BadWire wire({.receive = faults, .transmit = faults, .seed = seed});
    Numbers all;
    for (unsigned i = 0; i < 200; ++i) {
      wire.send_in(2 * i, 2);
      wire.now += 1_ms;
      for (const unsigned number : wire.received()) { all.push_back(number); }
    }
    return all;
  };
  CHECK(run(7) == run(7));
  CHECK(run(7) != run(8));
}

TEST_CASE("a doubled frame comes twice, with the same bytes", "[drivers][faults]") {
  BadWire wire({.receive = {.duplicate = Chance::percent(100)}, .transmit = {.duplicate = Chance::percent(100)}});
  wire.send_in(1, 2);
  CHECK(wire.received() == Numbers{1, 1, 2, 2});
  wire.send_out(3, 2);
  CHECK(wire.left() == Numbers{3, 3, 4, 4});
  CHECK(wire.injector.transmit_counters().duplicated == 2);
}

TEST_CASE("a corrupted frame differs in one bit", "[drivers][faults]") {
  BadWire wire({.receive = {.corrupt = Chance::percent(100)}});
  wire.send_in(1, 50);
  for (unsigned i = 1; i <= 50; ++i) {
    const driver::Packet packet = wire.injector.receive(wire.pool, wire.now);
    REQUIRE(packet);
    const Frame good = ethernet_frame(100, i);
    int bits = 0;
    for (std::size_t at = 0; at < good.size(); ++at) {
      bits += std::popcount(std::to_integer<unsigned>(packet.data()[at] ^ good[at]));
    }
    CHECK(bits == 1);
  }
}

TEST_CASE("where bits are corrupted no device vouches for a checksum", "[drivers][faults]") {
  Pool<8, 4096> pool;
  drivers::WirePair pair(
      {.capabilities = {.transmit_checksum = true, .receive_checksum = true, .max_segmentation_size = 3000}});
  FaultInjector injector(pair.a(),
                         {.receive = {.corrupt = Chance::percent(100)}, .transmit = {.corrupt = Chance::percent(100)}});
  CHECK_FALSE(injector.capabilities().transmit_checksum);
  CHECK_FALSE(injector.capabilities().receive_checksum);
  CHECK(injector.capabilities().max_segmentation_size == 0);

  driver::Packet packet = to_packet(pool, ethernet_frame(100, 1));
  packet.offload().checksum_start = 34;
  packet.offload().checksum_offset = 16;
  const Instant now;
  REQUIRE(pair.b().transmit(packet, now));
  const driver::Packet received = injector.receive(pool, now);
  CHECK_FALSE(received.offload().checksum_verified);
  CHECK(received.offload().unfinished_start == 0);
}

TEST_CASE("late frames come when they are due, in order, and poll_at says when", "[drivers][faults]") {
  BadWire wire({.receive = {.delay = 5_ms}, .transmit = {.delay = 3_ms}});
  CHECK(wire.injector.poll_at().is_never());
  wire.send_in(1, 2);
  CHECK(wire.received().empty());
  CHECK(wire.injector.poll_at() == wire.now + 5_ms);
  wire.send_out(7, 2);
  CHECK(wire.injector.poll_at() == wire.now + 3_ms);
  wire.now += 3_ms;
  CHECK(wire.left() == Numbers{7, 8});
  wire.now += 2_ms - 1_us;
  CHECK(wire.received().empty());
  wire.now += 1_us;
  CHECK(wire.received() == Numbers{1, 2});
  CHECK(wire.injector.poll_at().is_never());
}

TEST_CASE("a reordered frame is overtaken by those behind it, and jitter reorders nothing", "[drivers][faults]") {
  BadWire wire({.receive = {.reorder = Chance::percent(100), .reorder_delay = 4_ms}});
  wire.send_in(1, 1);
  CHECK(wire.received().empty());
  wire.injector.configure_receive({});
  wire.send_in(2, 2);
  CHECK(wire.received() == Numbers{2, 3});
  wire.now += 4_ms;
  CHECK(wire.received() == Numbers{1});

  BadWire uneven({.receive = {.jitter = 20_ms}});
  Numbers all;
  for (unsigned i = 0; i < 100; ++i) {
    uneven.send_in(i, 1);
    for (const unsigned number : uneven.received()) { all.push_back(number); }
    uneven.now += 1_ms;
  }
  uneven.now += 20_ms;
  for (const unsigned number : uneven.received()) { all.push_back(number); }
  CHECK(all.size() == 100);
  CHECK(std::ranges::is_sorted(all));
}

TEST_CASE("a rate lets bytes through one after the other, and what the queue cannot hold is lost",
          "[drivers][faults]") {
  BadWire wire({.receive = {.rate = 100'000}});  // a frame of 100 bytes takes 1 ms
  wire.send_in(0, 40);
  for (int i = 0; i < 2; ++i) { CHECK(wire.received().empty()); }  // a call looks at so many frames and no more
  CHECK(wire.injector.receive_counters().overflowed == 8);
  for (unsigned i = 0; i < 32; ++i) {
    CHECK(wire.injector.poll_at() == wire.now + 1_ms);
    wire.now += 1_ms;
    CHECK(wire.received() == Numbers{i});
  }
  CHECK(wire.injector.poll_at().is_never());
}

TEST_CASE("late frames that find the device full wait for room and do not spin", "[drivers][faults]") {
  WireWorld<true> world;
  std::array<drivers::LateFrame, 64> memory;
  FaultInjector injector(world.wire.a(), {.transmit = {.delay = 1_ms}}, {}, memory);
  Instant now = world.executor().now();
  for (unsigned i = 0; i < 30; ++i) {
    driver::Packet packet = to_packet(world.pool, ethernet_frame(60, i));
    REQUIRE(injector.transmit(packet, now));
  }
  now += 1_ms;
  world.clock.advance(1_ms);
  CHECK_FALSE(injector.receive(world.pool, now));  // 20 of them are in the wire, which is full
  CHECK_FALSE(injector.can_transmit());
  CHECK(injector.poll_at().is_never());
  const Watcher watcher(world.executor(), injector);
  settle(world);
  CHECK(watcher.polls() == 1);
  CHECK(world.collect() == ethernet_frame(60, 0));
  settle(world);
  CHECK(watcher.polls() >= 2);
  CHECK(injector.poll_at() == now);
  CHECK_FALSE(injector.receive(world.pool, now));
  unsigned count = 1;
  while (world.collect()) {
    ++count;
    CHECK_FALSE(injector.receive(world.pool, now));
  }
  CHECK(count == 30);
}

TEST_CASE("a device that finds out late that it is full loses nothing", "[drivers][faults]") {
  // As a TAP whose queue is full: it says so only when it is tried.
  struct Hopeful final : driver::Driver {
    explicit Hopeful(driver::Driver& real) : inner(real) {}
    driver::Capabilities capabilities() const noexcept override { return inner.capabilities(); }
    MacAddress hardware_address() const noexcept override { return {}; }
    bool link_up() noexcept override { return true; }
    driver::Packet receive(driver::PacketPool& pool, Instant now) noexcept override { return inner.receive(pool, now); }
    bool can_transmit() noexcept override { return true; }
    Result<> transmit(driver::Packet& packet, Instant now) noexcept override { return inner.transmit(packet, now); }
    void wait(Context& context, Waiter& waiter, bool) noexcept override { inner.wait(context, waiter, true); }
    driver::Driver& inner;
  };
  for (const bool with_memory : {false, true}) {
    Pool<64, 256> pool;
    drivers::WirePair wire({.queue = 4});
    Hopeful device(wire.a());
    std::array<drivers::LateFrame, 8> memory;
    FaultInjector injector(device, {.transmit = {.duplicate = Chance::percent(with_memory ? 100 : 0)}}, {},
                           with_memory ? std::span(memory) : std::span<drivers::LateFrame>());
    const Instant now;
    unsigned taken = 0;
    for (unsigned i = 0; i < 6; ++i) {
      driver::Packet packet = to_packet(pool, ethernet_frame(60, i));
      const Result<> result = injector.transmit(packet, now);
      CHECK(static_cast<bool>(packet) == (result == Unexpected(Error::would_block)));
      if (result) { ++taken; }
      if (packet) { CHECK(to_frame(packet) == ethernet_frame(60, i)); }
    }
    CHECK(taken == (with_memory ? 6 : 4));
    for (unsigned i = 0; i < taken; ++i) {
      for (int copies = with_memory ? 2 : 1; copies > 0; --copies) {
        CHECK(to_frame(wire.b().receive(pool, now)) == ethernet_frame(60, i));
        CHECK_FALSE(injector.receive(pool, now));
      }
    }
    CHECK_FALSE(wire.b().receive(pool, now));
    CHECK(injector.transmit_counters().passed == (with_memory ? 12 : 4));
  }
}

TEST_CASE("a copy for which there is no packet is not made, and the frame itself goes on", "[drivers][faults]") {
  Pool<1, 256> pool;
  drivers::WirePair wire;
  FaultInjector injector(wire.a(), {.transmit = {.duplicate = Chance::percent(100)}});
  driver::Packet packet = to_packet(pool, ethernet_frame(60, 1));
  REQUIRE(injector.transmit(packet, Instant()));
  CHECK(wire.b().receive(pool, Instant()));
  CHECK_FALSE(wire.b().receive(pool, Instant()));
  CHECK(injector.transmit_counters().duplicated == 0);
}

TEST_CASE("late frames of a pool that ends are given back", "[drivers][faults]") {
  BadWire wire({.receive = {.duplicate = Chance::percent(50), .delay = 1_s}, .transmit = {.delay = 1_s}});
  wire.send_in(0, 10);
  wire.send_out(0, 10);
  CHECK(wire.received().empty());
  CHECK(wire.pool->available() < wire.pool->count());
  wire.injector.give_back(wire.pool);
  CHECK(wire.pool->available() == wire.pool->count());
}

}  // namespace nal::test

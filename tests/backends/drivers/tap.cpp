#include "backends/drivers/linux/tap.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cerrno>
#include <tuple>

#include "tests/backends/drivers/linux_world.hpp"
#include "tests/backends/posix/faults.hpp"

namespace nal::test {
namespace {

template <driver::Medium kMedium, drivers::TapOffload kOffload = drivers::TapOffload::none>
struct TapWorld : LinuxWorld {
  static constexpr bool kBlocks = false;
  static constexpr std::size_t kMinFrame = kMedium == driver::Medium::ethernet ? 14 : 20;

  TapWorld() {
    REQUIRE(tap.status());
    network.ip("link set nal0 arp off up");
    REQUIRE(until([&] { return tap.link_up(); }));
    outside.emplace(network.index("nal0"));
  }
  driver::Driver& driver() { return tap; }
  static Frame frame(std::size_t size, unsigned number) {
    return kMedium == driver::Medium::ethernet ? ethernet_frame(size, number) : ip_packet(size, number);
  }
  bool deliver(const Frame& frame) { return outside->send(frame); }
  std::optional<Frame> collect() { return outside->receive(); }
  bool set_link(bool up) {
    network.ip(up ? "link set nal0 up" : "link set nal0 down");
    return true;
  }

  drivers::Tap tap{reactor, {.name = "nal0", .medium = kMedium, .offload = kOffload}};
  std::optional<Outside> outside;
};

using Fixtures = std::tuple<TapWorld<driver::Medium::ethernet>, TapWorld<driver::Medium::ip>,
                            TapWorld<driver::Medium::ethernet, drivers::TapOffload::checksum>,
                            TapWorld<driver::Medium::ip, drivers::TapOffload::segmentation>>;

}  // namespace
}  // namespace nal::test

#include "tests/backends/drivers/conformance.hpp"

namespace nal::test {

using driver::Medium;

TEST_CASE("a device that could not be made says why, has no link and sleeps", "[drivers][tap]") {
  OwnNetwork network;
  posix::Reactor reactor;
  Executor executor(reactor);
  Pool<> pool;
  const drivers::Tap first(reactor, {.name = "nal0"});
  REQUIRE(first.status());
  drivers::Tap second(reactor, {.name = "nal0", .medium = Medium::ip});
  CHECK(second.status() == Unexpected(Error::invalid_argument));
  CHECK_FALSE(second.link_up());
  CHECK_FALSE(second.receive(pool, executor.now()));
  driver::Packet packet = to_packet(pool, ip_packet(60, 1));
  CHECK(second.transmit(packet, executor.now()) == Unexpected(Error::network_down));
  CHECK_FALSE(packet);
  const Watcher watcher(executor, second);
  for (int i = 0; i < 10; ++i) { executor.poll_once(); }
  CHECK(watcher.polls() == 1);
}

TEST_CASE("the two ends of a TAP have different addresses, and the stack's can be chosen", "[drivers][tap]") {
  OwnNetwork network;
  posix::Reactor reactor;
  const drivers::Tap made(reactor, {.name = "nal0"});
  CHECK(made.hardware_address().is_unicast());
  CHECK(made.hardware_address().is_locally_administered());
  const drivers::Tap chosen(reactor, {.name = "nal%d", .address = {2, 1, 2, 3, 4, 5}});
  CHECK(chosen.hardware_address() == MacAddress(2, 1, 2, 3, 4, 5));
  CHECK(std::string(chosen.name()) == "nal1");
  network.ip("link show dev nal1");
}

TEST_CASE("an interface that is deleted takes its link with it, wakes who waits and spins nobody", "[drivers][tap]") {
  TapWorld<Medium::ethernet> world;
  while (world.tap.receive(world.pool, world.executor().now())) {}
  const Watcher watcher(world.executor(), world.tap);
  settle(world);
  const unsigned before = watcher.polls();
  world.network.ip("link delete nal0");
  REQUIRE(world.until([&] {
    while (world.tap.receive(world.pool, world.executor().now())) {}
    return watcher.polls() > before && !world.tap.link_up();
  }));
  CHECK(transmit(world, ethernet_frame(60, 1)) == Unexpected(Error::network_down));
  const unsigned after = watcher.polls();
  settle(world);
  CHECK(watcher.polls() <= after + 2);
}

TEST_CASE("a TAP makes interrupted calls again and keeps a frame that the kernel has no room for", "[drivers][tap]") {
  TapWorld<Medium::ethernet> world;
  Faults faults;
  faults.fail(Call::write, EINTR, 3);
  REQUIRE(transmit(world, ethernet_frame(60, 1)));
  CHECK(must_collect(world) == ethernet_frame(60, 1));

  faults.fail(Call::write, EAGAIN);
  driver::Packet packet = to_packet(world.pool, ethernet_frame(60, 2));
  CHECK(world.tap.transmit(packet, world.executor().now()) == Unexpected(Error::would_block));
  REQUIRE(packet);
  CHECK(to_frame(packet) == ethernet_frame(60, 2));
  CHECK_FALSE(world.tap.can_transmit());
  // Nothing is sent in vain until the system says that there is room.
  const unsigned writes = faults.count(Call::write);
  CHECK(world.tap.transmit(packet, world.executor().now()) == Unexpected(Error::would_block));
  CHECK(faults.count(Call::write) == writes);
  const Watcher watcher(world.executor(), world.tap, true);
  faults.pretend(/*EPOLLOUT*/ 4, /*POLLOUT*/ 4);
  REQUIRE(world.until([&] { return world.tap.can_transmit(); }));
  REQUIRE(world.tap.transmit(packet, world.executor().now()));
  CHECK(must_collect(world) == ethernet_frame(60, 2));

  faults.fail(Call::write, ENOBUFS);
  CHECK(transmit(world, ethernet_frame(60, 3)) == Unexpected(Error::io_error));
  CHECK(faults.spent());
}

}  // namespace nal::test

#include "backends/drivers/linux/packet_socket.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cerrno>
#include <cstdlib>
#include <tuple>

#include "tests/backends/drivers/driving.hpp"
#include "tests/backends/drivers/linux_world.hpp"
#include "tests/backends/posix/faults.hpp"

namespace nal::test {
namespace {

/// A veth pair: the driver is on "near", the outside on "far".
struct VethWorld : LinuxWorld {
  static constexpr bool kBlocks = false;
  static constexpr std::size_t kMinFrame = 14;
  VethWorld() {
    network.ip("link add near type veth peer name far");
    network.ip("link set far arp off up");
    network.ip("link set near arp off up");
    network.await_running("near");
    network.await_running("far");
    socket.emplace(reactor, drivers::PacketSocketConfig{.name = "near"});
    REQUIRE(socket->status());
    outside.emplace(network.index("far"));
    REQUIRE(until([&] { return socket->link_up(); }));
  }
  driver::Driver& driver() { return *socket; }
  static Frame frame(std::size_t size, unsigned number) { return ethernet_frame(size, number); }
  bool deliver(const Frame& frame) { return outside->send(frame); }
  std::optional<Frame> collect() { return outside->receive(); }
  bool set_link(bool up) {
    network.ip(up ? "link set near up" : "link set near down");
    if (up) { network.await_running("near"); }
    return true;
  }

  std::optional<drivers::PacketSocket> socket;
  std::optional<Outside> outside;
};

using Fixtures = std::tuple<VethWorld>;

}  // namespace
}  // namespace nal::test

#include "tests/backends/drivers/conformance.hpp"

namespace nal::test {

TEST_CASE("a packet socket on an interface that is not there says so", "[drivers][packet]") {
  OwnNetwork network;
  posix::Reactor reactor;
  drivers::PacketSocket socket(reactor, {.name = "nowhere"});
  CHECK(socket.status() == Unexpected(Error::network_down));
  CHECK_FALSE(socket.link_up());
  Pool<> pool;
  driver::Packet packet = to_packet(pool, ethernet_frame(60, 1), 10);
  CHECK(socket.transmit(packet, reactor.now()) == Unexpected(Error::network_down));
  CHECK_FALSE(packet);
}

TEST_CASE("a VLAN's tag, which Linux takes off, is back in its place", "[drivers][packet]") {
  VethWorld world;
  Frame tagged = ethernet_frame(80, 1);
  const unsigned char tag[] = {0x81, 0x00, 0x20, 0x2a};
  for (std::size_t i = 0; i < sizeof tag; ++i) { tagged[12 + i] = static_cast<std::byte>(tag[i]); }
  REQUIRE(world.deliver(tagged));
  CHECK(to_frame(must_receive(world, world.pool)) == tagged);
}

TEST_CASE("a packet socket has the stack's own address, or the interface's", "[drivers][packet]") {
  VethWorld world;
  CHECK(world.socket->hardware_address().is_unicast());
  const drivers::PacketSocket other(world.reactor,
                                    {.name = "near", .address = {2, 1, 1, 1, 1, 1}, .promiscuous = true});
  REQUIRE(other.status());
  CHECK(other.hardware_address() == MacAddress(2, 1, 1, 1, 1, 1));
  // Linux says so of the interface.
  CHECK(std::system("ip -d link show near | grep -q 'promiscuity [1-9]'") == 0);
}

TEST_CASE("groups are joined and left at the interface", "[drivers][packet]") {
  VethWorld world;
  const MacAddress group(0x33, 0x33, 0, 0, 0x12, 0x34);
  REQUIRE(world.socket->join(group));
  CHECK(std::system("ip maddress show dev near | grep -q 33:33:00:00:12:34") == 0);
  world.socket->leave(group);
  CHECK(std::system("ip maddress show dev near | grep -q 33:33:00:00:12:34") != 0);
}

TEST_CASE("a packet socket makes interrupted calls again and keeps a frame for which there is no room",
          "[drivers][packet]") {
  VethWorld world;
  Faults faults;
  faults.fail(Call::send, EINTR, 2).fail(Call::recvmsg, EINTR, 2);
  REQUIRE(transmit(world, ethernet_frame(60, 1)));
  CHECK(must_collect(world) == ethernet_frame(60, 1));
  faults.fail(Call::send, EAGAIN);
  driver::Packet packet = to_packet(world.pool, ethernet_frame(60, 2), 10);
  CHECK(world.socket->transmit(packet, world.executor().now()) == Unexpected(Error::would_block));
  REQUIRE(packet);
  CHECK(to_frame(packet) == ethernet_frame(60, 2));
  CHECK(packet.headroom() == 10);
  const Watcher watcher(world.executor(), *world.socket, true);
  faults.pretend(/*EPOLLOUT*/ 4, /*POLLOUT*/ 4);
  REQUIRE(world.until([&] { return world.socket->can_transmit(); }));
  REQUIRE(world.socket->transmit(packet, world.executor().now()));
  CHECK(must_collect(world) == ethernet_frame(60, 2));
}

TEST_CASE("frames that fit into no packet of the stack's come in long ones", "[drivers][packet]") {
  VethWorld world;
  Pool<2, drivers::PacketSocket::kLongPacketSize> big;
  Pool<4, 256> small;
  {
    drivers::PacketSocket socket(world.reactor, {.name = "near", .long_packets = &big.pool});
    REQUIRE(socket.status());
    const Watcher watcher(world.executor(), socket);
    for (unsigned i = 0; i < 8; ++i) {
      const bool is_long = i % 2 == 0;
      const Frame frame = ethernet_frame(is_long ? 1500 - i : 200, i);
      REQUIRE(world.deliver(frame));
      driver::Packet packet;
      REQUIRE(world.until([&] {
        packet = socket.receive(small, world.executor().now());
        return static_cast<bool>(packet);
      }));
      CHECK(to_frame(packet) == frame);
      CHECK(packet.buffer()->pool == (is_long ? &big.pool : &small.pool));
    }
    socket.give_back(big);
  }
  CHECK(big->available() == big->count());
}

TEST_CASE("frames that this host sends by the interface are seen where that is asked for", "[drivers][packet]") {
  VethWorld world;
  drivers::PacketSocket watching(world.reactor, {.name = "near", .outgoing = true});
  REQUIRE(watching.status());
  REQUIRE(transmit(world, ethernet_frame(60, 1)));
  const Watcher watcher(world.executor(), watching);
  driver::Packet seen;
  REQUIRE(world.until([&] {
    seen = watching.receive(world.pool, world.executor().now());
    return static_cast<bool>(seen);
  }));
  CHECK(to_frame(seen) == ethernet_frame(60, 1));
  CHECK_FALSE(world.socket->receive(world.pool, world.executor().now()));
}

}  // namespace nal::test

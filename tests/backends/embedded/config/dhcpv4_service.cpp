#include "backends/embedded/config/dhcpv4_service.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "tests/backends/embedded/config/dhcpv4_world.hpp"
#include "tests/backends/embedded/support/host.hpp"

namespace nal::embedded::test {
namespace {

using namespace nal::literals;

const Address kGiven{Ipv4Address(192, 0, 2, 77)};

/// A host with the service, and the server that the test plays.
struct World {
  World() {
    server.options = [](Dhcpv4Writer& writer) {
      writer.option_address(Dhcpv4Option::subnet_mask, {255, 255, 255, 0});
      writer.option_address(Dhcpv4Option::router, {192, 0, 2, 1});
      writer.option_u16(Dhcpv4Option::interface_mtu, 1400);
    };
    server.lease = 1000;
  }

  void start() {
    service.start(host.clock.now());
    pass(5_s);
  }
  /// Lets time pass in small steps, in which the server answers what it gets.
  void pass(Duration duration) {
    for (const Instant end = host.clock.now() + duration; host.clock.now() < end;) {
      host.pass(std::min(100_ms, end - host.clock.now()));
      std::vector<Bytes> sent;
      std::swap(sent, host.device.sent);
      for (const Bytes& packet : sent) { serve(packet); }
    }
  }

  void serve(const Bytes& packet) {
    const auto view = wire::Ipv4View::parse(packet);
    if (!view || view->protocol() != wire::kUdpProtocol) { return; }
    CHECK(view->checksum_valid());
    const auto datagram = wire::UdpView::parse(view->payload());
    REQUIRE(datagram);
    CHECK(datagram->checksum_valid(wire::pseudo_header_sum(view->source_bytes(), view->destination_bytes(),
                                                           wire::kUdpProtocol, datagram->length())));
    CHECK(datagram->source_port() == 68);
    CHECK(datagram->destination_port() == 67);
    const auto message = Dhcpv4View::parse(datagram->payload());
    REQUIRE(message);
    types.push_back(*message->message_type());
    sources.push_back(view->source());
    if (const auto answer = server.answer(*message)) {
      const Address from(server.identifier);
      const Address to = message->broadcast() ? Address(Ipv4Address::broadcast()) : Address(message->client_address());
      host.receive(ipv4({.source = from, .destination = to}, udp(from, to, 67, 68, *answer)));
    }
  }

  const InterfaceAddress* given() { return host.stack.ip().interface(kInterface)->find(kGiven); }
  bool reaches(Ipv4Address far) {
    const auto way = host.stack.ip().route(Address(far), kGiven, kInterface);
    return way.has_value();
  }

  static constexpr InterfaceIndex kInterface = 1;
  Host host;
  Random random{Entropy(std::array<std::byte, Entropy::kSize>{})};
  std::array<std::byte, 256> options;
  Dhcpv4Service service{host.stack.ip(), host.stack.udp(), kInterface, {}, options, random};
  DhcpServer server;
  std::vector<Dhcpv4MessageType> types;
  std::vector<Ipv4Address> sources;
};

TEST_CASE("an interface gets its address, mask, router and MTU by DHCPv4", "[dhcp]") {
  World world;
  CHECK_FALSE(world.reaches({192, 0, 2, 5}));
  world.start();
  CHECK(world.types == std::vector{Dhcpv4MessageType::discover, Dhcpv4MessageType::request});
  CHECK(world.sources == std::vector<Ipv4Address>(2));
  REQUIRE(world.given());
  CHECK(world.given()->in_use());
  CHECK(world.given()->prefix_length == 24);
  CHECK(world.reaches({192, 0, 2, 5}));
  const auto way = world.host.stack.ip().route(Address(Ipv4Address(192, 0, 2, 5)), kGiven, World::kInterface);
  REQUIRE(way);
  CHECK(way->mtu == 1400);
}

TEST_CASE("a lease is renewed from its address, and the address stays", "[dhcp]") {
  World world;
  world.start();
  world.pass(3000_s);
  CHECK(world.given());
  CHECK(world.types.size() > 4);
  CHECK(std::count(world.types.begin(), world.types.end(), Dhcpv4MessageType::discover) == 1);
  CHECK(world.sources.back() == kGiven.v4());
}

TEST_CASE("the address is taken off the interface when its lease ends, and not before", "[dhcp]") {
  World world;
  world.start();
  world.server.silent = true;
  world.pass(990_s);
  CHECK(world.given());
  world.pass(15_s);
  CHECK_FALSE(world.given());
  CHECK_FALSE(world.reaches({192, 0, 2, 5}));
  CHECK(world.types.back() == Dhcpv4MessageType::discover);
  world.server.silent = false;
  world.pass(70_s);
  CHECK(world.given());
}

TEST_CASE("a renewal that is refused takes the address away at once", "[dhcp]") {
  World world;
  world.start();
  world.server.address = {192, 0, 2, 78};
  world.pass(600_s);
  CHECK_FALSE(world.given());
  CHECK(world.host.stack.ip().interface(World::kInterface)->find(Address(Ipv4Address(192, 0, 2, 78))));
}

TEST_CASE("when the link comes up again the address of before is asked for", "[dhcp]") {
  World world;
  world.start();
  world.host.device.up = false;
  world.pass(5_s);
  CHECK_FALSE(world.service.client().lease());
  world.types.clear();
  world.host.device.up = true;
  world.pass(5_s);
  CHECK(world.types == std::vector{Dhcpv4MessageType::request});
  REQUIRE(world.given());
  CHECK(world.given()->in_use());
}

TEST_CASE("a released address is given back from itself, and then gone", "[dhcp]") {
  World world;
  world.start();
  world.service.release(world.host.clock.now());
  world.pass(1_s);
  CHECK(world.types.back() == Dhcpv4MessageType::release);
  CHECK(world.sources.back() == kGiven.v4());
  CHECK_FALSE(world.given());
  const std::size_t before = world.types.size();
  world.pass(100_s);
  CHECK(world.types.size() == before);
}

TEST_CASE("without packets to send DHCPv4 waits and does not spin", "[dhcp]") {
  World world;
  std::vector<driver::Packet> held;
  while (driver::Packet packet = world.host.stack.packets().allocate_to_send(0)) { held.push_back(std::move(packet)); }
  world.start();  // fails where the stack spins
  CHECK(world.types.empty());
  held.clear();
  world.pass(5_s);
  CHECK(world.given() != nullptr);
}

}  // namespace
}  // namespace nal::embedded::test

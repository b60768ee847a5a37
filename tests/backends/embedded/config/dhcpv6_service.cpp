#include "backends/embedded/config/dhcpv6_service.hpp"

#include <catch2/catch_test_macros.hpp>

#include "backends/embedded/wire/ndp.hpp"
#include "tests/backends/embedded/support/host.hpp"

namespace nal::embedded::test {
namespace {

using namespace nal::literals;
using wire::Dhcpv6MessageType;
using wire::Dhcpv6Option;

const Ipv6Address kRouter = "fe80::fe"_ipv6;
const Ipv6Address kGiven = "2001:db8::77"_ipv6;

/// A host with router discovery and the service, and the server that the test plays.
struct World {
  World() {
    REQUIRE(host.stack.ip().start_slaac(kInterface, host.clock.now()));
    service.start();
    pass(1_s);
  }

  void advertise(bool managed, bool other) {
    Bytes out(64);
    const Ipv6Address nodes = Ipv6Address::all_nodes();
    wire::NdpWriter writer(out, wire::NdpWriter::RouterAdvertisement{.hop_limit = 64,
                                                                     .managed = managed,
                                                                     .other = other,
                                                                     .preference = wire::RouterPreference::medium,
                                                                     .router_lifetime = 1800,
                                                                     .reachable_time = 0,
                                                                     .retransmit_timer = 0});
    const auto message = writer.finish(wire::bytes_of(kRouter), wire::bytes_of(nodes));
    host.receive(ipv6({.source = kRouter, .destination = nodes, .protocol = 58, .hop_limit = 255},
                      Bytes(message.begin(), message.end())));
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
    const auto view = wire::Ipv6View::parse(packet);
    if (!view || view->next_header() != wire::kUdpProtocol) { return; }
    const auto datagram = wire::UdpView::parse(view->payload());
    REQUIRE(datagram);
    REQUIRE(datagram->checksum_valid(
        wire::pseudo_header_sum(view->source(), view->destination(), wire::kUdpProtocol, datagram->length())));
    CHECK(datagram->source_port() == 546);
    CHECK(datagram->destination_port() == 547);
    CHECK(wire::to_ipv6(view->source()).is_link_local());
    CHECK(wire::to_ipv6(view->destination()) == "ff02::1:2"_ipv6);
    const auto message = wire::Dhcpv6View::parse(datagram->payload());
    REQUIRE(message);
    types.push_back(message->type());
    if (!answers) { return; }
    Bytes out(300);
    wire::Dhcpv6Writer writer(out, Dhcpv6MessageType::reply, message->transaction());
    writer.option(Dhcpv6Option::client_identifier, *message->options().find(Dhcpv6Option::client_identifier));
    writer.option(Dhcpv6Option::server_identifier, bytes("server"));
    writer.option(Dhcpv6Option::dns_servers, wire::bytes_of(kRouter));
    if (message->type() == Dhcpv6MessageType::solicit) {
      writer.option(Dhcpv6Option::rapid_commit, {});
      const std::size_t begun = writer.begin_association(Dhcpv6Option::ia_na, 1, 0, 0);
      writer.end(writer.begin_address(wire::bytes_of(kGiven), 600, 1000));
      writer.end(begun);
    }
    const auto reply = writer.finish();
    const Address client = Address::from_wire(view->source());
    host.receive(ipv6({.source = kRouter, .destination = client},
                      udp(kRouter, client, 547, 546, Bytes(reply->begin(), reply->end()))));
  }

  const InterfaceAddress* given() { return host.stack.ip().interface(kInterface)->find(kGiven); }

  static constexpr InterfaceIndex kInterface = 1;
  Host host;
  Random random{Entropy(std::array<std::byte, Entropy::kSize>{})};
  std::array<std::byte, 256> options;
  Dhcpv6Service service{host.stack.ip(), host.stack.udp(), kInterface, {}, options, random};
  std::vector<Dhcpv6MessageType> types;
  bool answers = true;
};

TEST_CASE("nothing is asked by DHCPv6 before a router wants it", "[dhcpv6]") {
  World world;
  world.pass(30_s);
  world.advertise(false, false);
  world.pass(30_s);
  CHECK(world.types.empty());
}

TEST_CASE("with a router's M flag the interface gets an address, until its time is over", "[dhcpv6]") {
  World world;
  world.advertise(true, false);
  world.pass(5_s);
  REQUIRE(world.types == std::vector{Dhcpv6MessageType::solicit});
  REQUIRE(world.given());
  CHECK(world.given()->state == InterfaceAddress::State::preferred);
  CHECK(world.given()->prefix_length == 128);
  CHECK(world.service.client().dns_server(0) == kRouter);
  world.answers = false;
  std::uint32_t seen = world.host.stack.configuration_version();
  world.pass(600_s);
  REQUIRE(world.given());
  CHECK(world.given()->state == InterfaceAddress::State::deprecated);
  CHECK(world.host.stack.configuration_version() != seen);
  seen = world.host.stack.configuration_version();
  world.pass(410_s);
  CHECK_FALSE(world.given());
  CHECK(world.host.stack.configuration_version() != seen);
}

TEST_CASE("with a router's O flag other configuration is asked for, and an address once one wants that", "[dhcpv6]") {
  World world;
  world.advertise(false, true);
  world.pass(5_s);
  CHECK(world.types == std::vector{Dhcpv6MessageType::information_request});
  CHECK(world.service.client().dns_server_count() == 1);
  CHECK_FALSE(world.given());
  world.advertise(true, true);
  world.pass(5_s);
  CHECK(world.types.back() == Dhcpv6MessageType::solicit);
  CHECK(world.given());
}

TEST_CASE("an address by DHCPv6 is given back, and taken off the interface at once", "[dhcpv6]") {
  World world;
  world.advertise(true, false);
  world.pass(5_s);
  REQUIRE(world.given());
  world.service.release(world.host.clock.now());
  CHECK_FALSE(world.given());
  world.pass(5_s);
  CHECK(world.types.back() == Dhcpv6MessageType::release);
  CHECK(world.service.client().state() == Dhcpv6Client::State::stopped);
}

TEST_CASE("the address goes with the link, and is confirmed when the link is back", "[dhcpv6]") {
  World world;
  world.advertise(true, false);
  world.pass(5_s);
  REQUIRE(world.given());
  world.host.device.up = false;
  world.pass(2_s);
  CHECK_FALSE(world.service.client().lease());
  world.host.device.up = true;
  world.pass(5_s);
  CHECK(std::count(world.types.begin(), world.types.end(), Dhcpv6MessageType::confirm) == 1);
  CHECK(world.given());
}

TEST_CASE("without packets to send DHCPv6 waits and does not spin", "[dhcp]") {
  World world;
  std::vector<driver::Packet> held;
  while (driver::Packet packet = world.host.stack.packets().allocate_to_send(0)) { held.push_back(std::move(packet)); }
  world.advertise(true, false);
  world.pass(5_s);  // fails where the stack spins
  CHECK(world.types.empty());
  held.clear();
  world.pass(5_s);
  CHECK_FALSE(world.types.empty());
}

}  // namespace
}  // namespace nal::embedded::test

#include <catch2/generators/catch_generators.hpp>

#include "tests/backends/embedded/support/host.hpp"

namespace nal::embedded::test {

namespace {
using namespace nal::literals;

Address at(std::string_view text) { return IpAddress::parse(text).value(); }

Error route_error(Host& host, std::string_view destination, std::string_view source = "") {
  const auto way = host.stack.ip().route(at(destination), source.empty() ? Address() : at(source), 0);
  REQUIRE(!way);
  return way.error();
}
Route route(Host& host, std::string_view destination, InterfaceIndex interface = 0) {
  return host.stack.ip().route(at(destination), Address(), interface).value();
}

}  // namespace

TEST_CASE("What is on the link is sent there, everything else to the router", "[embedded][routes]") {
  Host host;
  CHECK(route(host, "10.0.0.99").next_hop == at("10.0.0.99"));
  CHECK(route(host, "192.0.2.1").next_hop == at("10.0.0.254"));
  CHECK(route(host, "fd00::99").next_hop == at("fd00::99"));
  CHECK(route(host, "2001:db8::1").next_hop == at("fd00::fe"));
  CHECK(route(host, "192.0.2.1").source == Host::k4);
  CHECK(route(host, "2001:db8::1").source == Host::k6);
}

TEST_CASE("The longest prefix decides", "[embedded][routes]") {
  Host host;
  REQUIRE(host.stack.add_route(host.interface, Cidr(IpAddress("192.0.0.0"_ip), 8), "10.0.0.10"_ip));
  REQUIRE(host.stack.add_route(host.interface, Cidr(IpAddress("192.0.2.0"_ip), 24), "10.0.0.20"_ip));
  CHECK(route(host, "192.0.2.1").next_hop == at("10.0.0.20"));
  CHECK(route(host, "192.0.3.1").next_hop == at("10.0.0.10"));
  CHECK(route(host, "193.0.3.1").next_hop == at("10.0.0.254"));
  REQUIRE(host.stack.remove_route(host.interface, Cidr(IpAddress("192.0.2.0"_ip), 24)));
  CHECK(route(host, "192.0.2.1").next_hop == at("10.0.0.10"));
}

TEST_CASE("A full table of routes is an error", "[embedded][routes]") {
  Host host;
  REQUIRE(host.stack.add_route(host.interface, Cidr(IpAddress("192.0.0.0"_ip), 8), "10.0.0.10"_ip));
  REQUIRE(host.stack.add_route(host.interface, Cidr(IpAddress("193.0.0.0"_ip), 8), "10.0.0.10"_ip));
  const auto full = host.stack.add_route(host.interface, Cidr(IpAddress("194.0.0.0"_ip), 8), "10.0.0.10"_ip);
  REQUIRE(!full);
  CHECK(full.error() == Error::table_full);
  // The same once more replaces it.
  CHECK(host.stack.add_route(host.interface, Cidr(IpAddress("193.0.0.0"_ip), 8), "10.0.0.11"_ip));
  CHECK(route(host, "193.0.0.1").next_hop == at("10.0.0.11"));
}

TEST_CASE("Without a route there is none", "[embedded][routes]") {
  Host host;
  REQUIRE(host.stack.remove_route(host.interface, Cidr(IpAddress::unspecified(Family::v4), 0)));
  REQUIRE(host.stack.remove_route(host.interface, Cidr(IpAddress::unspecified(Family::v6), 0)));
  CHECK(route_error(host, "192.0.2.1") == Error::network_unreachable);
  CHECK(route_error(host, "2001:db8::1") == Error::network_unreachable);
  CHECK(route_error(host, "10.0.0.2", "10.0.0.9") == Error::address_not_available);
}

TEST_CASE("While the link is down nothing is reached but this host", "[embedded][routes]") {
  Host host;
  const std::uint32_t version = host.stack.ip().routes_version();
  host.device.up = false;
  host.run();
  CHECK(host.stack.ip().routes_version() != version);
  CHECK(route_error(host, "10.0.0.2") == Error::network_unreachable);
  CHECK(route(host, "10.0.0.1").interface == kLoopback);
  host.device.up = true;
  host.run();
  CHECK(route(host, "10.0.0.2").next_hop == at("10.0.0.2"));
}

TEST_CASE("This host's own addresses are reached without a device", "[embedded][routes]") {
  Host host;
  const auto* const address = GENERATE("127.0.0.1", "127.9.9.9", "::1", "10.0.0.1", "fd00::1");
  const Route own = route(host, address);
  CHECK(own.interface == kLoopback);
  CHECK(own.source == at(address));
}

TEST_CASE("The source is chosen as RFC 6724 says", "[embedded][routes]") {
  Host host;
  REQUIRE(host.stack.add_address(host.interface, Cidr(IpAddress("2001:db8:1::1"_ip), 64)));
  REQUIRE(host.stack.add_address(host.interface, Cidr(IpAddress("fe80::1"_ip), 64)));
  host.run();
  CHECK(route(host, "fd00:1::5").source == Host::k6);                 // rule 6: unique local to unique local
  CHECK(route(host, "2001:db8:2::5").source == at("2001:db8:1::1"));  // rules 6 and 8
  CHECK(route(host, "fe80::5").source == at("fe80::1"));              // rule 2: the smallest scope that reaches
  CHECK(route(host, "ff02::5").source == at("fe80::1"));
}

TEST_CASE("A temporary address is the source before the stable one of its prefix, not before rules 2 and 6",
          "[embedded][routes][temporary]") {
  Host host;
  REQUIRE(host.stack.start_slaac(host.interface, {.temporary = true}));
  const Ipv6Address router = "fe80::fe"_ipv6;
  const Ipv6Address prefix = "2001:db8:1::"_ipv6;
  const Ipv6Address all = Ipv6Address::all_nodes();
  Bytes message(200);
  wire::NdpWriter writer(
      message, wire::NdpWriter::RouterAdvertisement{0, false, false, wire::RouterPreference::medium, 1800, 0, 0});
  writer.prefix_information({64, true, true, 7200, 3600, wire::bytes_of(prefix)});
  const auto advertisement = writer.finish(wire::bytes_of(router), wire::bytes_of(all));
  host.receive(ipv6({.source = router, .destination = all, .protocol = 58, .hop_limit = 255},
                    Bytes(advertisement.begin(), advertisement.end())));
  Address temporary;
  for (const InterfaceAddress& own : host.stack.addresses(host.interface)) {
    if (own.origin == InterfaceAddress::Origin::temporary) { temporary = own.address; }
  }
  REQUIRE(!temporary.is_unspecified());
  CHECK(route(host, "2001:db8:2::5").source == temporary);
  // Also towards one that has more bits in common with the stable address: rule 7 comes before rule 8.
  for (const InterfaceAddress& own : host.stack.addresses(host.interface)) {
    if (own.origin != InterfaceAddress::Origin::slaac) { continue; }
    Ipv6Address::Bytes near = own.address.v6().bytes();
    near[15] ^= 1;
    const Address destination(Ipv6Address::from_bytes(near));
    CHECK(host.stack.ip().route(destination, Address(), 0).value().source == temporary);
  }
  CHECK(route(host, "fd00:1::5").source == Host::k6);
  CHECK(route(host, "ff02::5").source.is_link_local());
}

TEST_CASE("Nothing from a loopback address leaves the host, not even to a group", "[embedded][routes]") {
  Host host;
  auto socket = host.stack.udp_bind_single("127.0.0.1:6000"_endpoint, {}).value();
  for (const auto* const to : {"224.0.0.7", "10.0.0.2", "192.0.2.1"}) {
    INFO(to);
    CHECK_FALSE(host.once(send_to(socket, Endpoint(IpAddress(*IpAddress::parse(to)), 7), pattern(5))));
  }
  host.run();
  host.take(0);
}

TEST_CASE("An address that no host can have is none to be given", "[embedded][routes]") {
  Host host;
  for (const auto* const address : {"0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "::", "::1", "ff02::1"}) {
    INFO(address);
    CHECK(host.stack.add_address(host.interface, Cidr(*IpAddress::parse(address), 8)).error() ==
          Error::invalid_argument);
  }
}

TEST_CASE("Off-prefix gateways: a router need not be in the prefix of an address", "[embedded][routes][fault]") {
  Host host(driver::Medium::ethernet);
  REQUIRE(host.stack.add_route(host.interface, Cidr(IpAddress("192.0.2.0"_ip), 24), "172.16.0.1"_ip));
  auto socket = host.stack.udp_bind_multiple("0.0.0.0:6000"_endpoint, {}).value();
  REQUIRE(host.once(send_to(socket, "192.0.2.1:7"_endpoint, pattern(5))));
  host.run();
  const Bytes asked = host.take();
  const auto frame = wire::EthernetView::parse(asked);
  CHECK(frame->type() == wire::EtherType::arp);
  CHECK(part(asked, 14 + 24, 4) == Bytes{std::byte{172}, std::byte{16}, std::byte{0}, std::byte{1}});
  host.pass(Duration::seconds(10));
  host.device.sent.clear();
}

TEST_CASE("The number of an interface that there is not is that of no other", "[embedded][routes]") {
  Host host;
  // What 8 bits of them have in common with those of the one that there is.
  const std::uint32_t none = 256 + host.interface.index();
  CHECK(!host.stack.link_up(InterfaceId(none)));
  CHECK(host.stack.add_address(InterfaceId(none), Cidr(IpAddress("10.9.0.1"_ip), 24)).error() ==
        Error::invalid_argument);
  const IpAddress far(Ipv6Address(0xfe80, 0, 0, 0, 0, 0, 0, 5).with_zone(none));
  CHECK(host.stack.udp_connect_from({IpAddress::unspecified(Family::v6), 0}, {far, 7}, {}).error() ==
        Error::network_unreachable);
  CHECK(host.stack.listen({far, 7}, {}).error() == Error::address_not_available);
}

}  // namespace nal::embedded::test

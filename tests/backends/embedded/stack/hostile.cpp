#include <catch2/generators/catch_generators.hpp>

#include "tests/backends/embedded/support/host.hpp"

namespace nal::embedded::test {

namespace {

/// The host goes on: a ping is answered.
void check_alive(Host& host) {
  host.device.sent.clear();
  host.receive(ipv4({.source = Host::kPeer4, .destination = Host::k4, .protocol = 1},
                    icmpv4(wire::Icmpv4Type::echo_request, 0, 1, pattern(8))));
  host.receive(ipv6({.source = Host::kPeer6, .destination = Host::k6, .protocol = 58},
                    icmpv6(Host::kPeer6, Host::k6, wire::Icmpv6Type::echo_request, 0, 1, pattern(8))));
  host.take(2);
}

Bytes datagram(const Address& from, const Address& to) { return udp(from, to, 5000, 6000, pattern(30)); }

}  // namespace

TEST_CASE("What comes from an address that nobody can have is dropped", "[embedded][hostile][fault]") {
  Host host;
  const Address source = GENERATE(Address(Ipv4Address::broadcast()), Address(Ipv4Address(10, 0, 0, 255)),
                                  Address(Ipv4Address(224, 0, 0, 5)), Address(Ipv4Address(127, 0, 0, 1)));
  host.receive(ipv4({.source = source, .destination = Host::k4}, datagram(source, Host::k4)));
  const Address source6 = GENERATE(Address(Ipv6Address::loopback()), Address(Ipv6Address::all_nodes()));
  host.receive(ipv6({.source = source6, .destination = Host::k6}, datagram(source6, Host::k6)));
  host.take(0);
  CHECK(host.stack.ip().statistics().bad_source == 2);
  check_alive(host);
}

TEST_CASE("LAND: what claims to come from this host is dropped", "[embedded][hostile][fault]") {
  Host host;
  host.receive(ipv4({.source = Host::k4, .destination = Host::k4}, datagram(Host::k4, Host::k4)));
  host.receive(ipv6({.source = Host::k6, .destination = Host::k6}, datagram(Host::k6, Host::k6)));
  host.take(0);
  CHECK(host.stack.ip().statistics().bad_source == 2);
  check_alive(host);
}

TEST_CASE("An IPv4-mapped address does not pass for an IPv4 one", "[embedded][hostile][fault]") {
  Host host;
  Bytes packet = ipv6({.source = Host::kPeer6, .destination = Host::k6}, datagram(Host::kPeer6, Host::k6));
  const std::size_t field = GENERATE(8U, 24U);
  const Bytes mapped =
      Bytes(10) + Bytes(2, std::byte{0xff}) + Bytes{std::byte{10}, std::byte{0}, std::byte{0}, std::byte{1}};
  std::copy(mapped.begin(), mapped.end(), packet.begin() + static_cast<std::ptrdiff_t>(field));
  host.receive(packet);
  host.take(0);
  CHECK(host.stack.ip().statistics().bad_source == 1);
  check_alive(host);
}

TEST_CASE("What is for another host is dropped: no host is a router", "[embedded][hostile]") {
  Host host;
  const Address other4{Ipv4Address(10, 0, 0, 77)};
  const Address other6{Ipv6Address(0xfd00, 0, 0, 0, 0, 0, 0, 77)};
  host.receive(ipv4({.source = Host::kPeer4, .destination = other4}, datagram(Host::kPeer4, other4)));
  host.receive(ipv6({.source = Host::kPeer6, .destination = other6}, datagram(Host::kPeer6, other6)));
  const Address loopback{Ipv4Address(127, 0, 0, 1)};
  host.receive(ipv4({.source = Host::kPeer4, .destination = loopback}, datagram(Host::kPeer4, loopback)));
  host.take(0);
  CHECK(host.stack.ip().statistics().not_for_us == 3);
}

TEST_CASE("A packet for one host in a frame to all is dropped", "[embedded][hostile][fault]") {
  Host host(driver::Medium::ethernet);
  const Bytes packet = ipv4({.source = Host::kPeer4, .destination = Host::k4, .protocol = 1},
                            icmpv4(wire::Icmpv4Type::echo_request, 0, 1, {}));
  host.receive(ethernet(MacAddress::broadcast(), Host::kPeerMac, wire::EtherType::ipv4, packet));
  host.take(0);
  CHECK(host.stack.ip().statistics().not_for_us == 1);
}

TEST_CASE("A frame for another station is dropped", "[embedded][hostile]") {
  Host host(driver::Medium::ethernet);
  const Bytes packet = ipv4({.source = Host::kPeer4, .destination = Host::k4, .protocol = 1},
                            icmpv4(wire::Icmpv4Type::echo_request, 0, 1, {}));
  host.receive(ethernet({2, 0, 0, 0, 0, 9}, Host::kPeerMac, wire::EtherType::ipv4, packet));
  host.take(0);
  CHECK(host.stack.ip().statistics().not_for_us == 1);
}

TEST_CASE("A packet that ends anywhere is dropped, and the next one comes through", "[embedded][hostile]") {
  Host host;
  auto socket = host.stack.udp_bind_multiple({IpAddress::unspecified(Family::v4), 6000}, {}).value();
  auto socket6 = host.stack.udp_bind_multiple({IpAddress::unspecified(Family::v6), 6000}, {}).value();
  const Bytes whole4 = ipv4({.source = Host::kPeer4, .destination = Host::k4}, datagram(Host::kPeer4, Host::k4));
  const Bytes whole6 = ipv6({.source = Host::kPeer6, .destination = Host::k6}, datagram(Host::kPeer6, Host::k6));
  for (std::size_t size = 0; size < whole4.size(); ++size) { host.receive(part(whole4, 0, size)); }
  for (std::size_t size = 0; size < whole6.size(); ++size) { host.receive(part(whole6, 0, size)); }
  CHECK(host.stack.udp().statistics().received == 0);
  host.receive(whole4 + pattern(18));  // padding of the link
  host.receive(whole6 + pattern(18));
  CHECK(host.stack.udp().statistics().received == 2);
  std::array<std::byte, 100> buffer;
  CHECK(host.once(receive(socket, buffer)).value().size == 30);
  CHECK(host.once(receive(socket6, buffer)).value().size == 30);
}

TEST_CASE("Each byte of a packet turned into each other hurts nobody", "[embedded][hostile]") {
  Host host(driver::Medium::ip);
  const Family family = GENERATE(Family::v4, Family::v6);
  const Address from = Host::peer(family);
  const Address to = Host::address(family);
  const Bytes packet = ip({.source = from, .destination = to}, udp(from, to, 5000, 6000, pattern(4)));
  for (std::size_t at = 0; at < packet.size(); ++at) {
    for (unsigned value = 0; value < 256; ++value) {
      Bytes changed = packet;
      changed[at] = static_cast<std::byte>(value);
      host.receive(changed);
    }
  }
  host.pass(Duration::minutes(2));
  host.device.sent.clear();
  check_alive(host);
}

TEST_CASE("With an empty pool nothing is received, and when packets come back everything goes on",
          "[embedded][hostile]") {
  Host host;
  std::vector<driver::Packet> held;
  while (driver::Packet packet = host.stack.packets().allocate(0)) { held.push_back(std::move(packet)); }
  host.receive(ipv4({.source = Host::kPeer4, .destination = Host::k4, .protocol = 1},
                    icmpv4(wire::Icmpv4Type::echo_request, 0, 1, {})));
  host.take(0);
  held.clear();
  host.run();
  host.take(1);
  check_alive(host);
}

}  // namespace nal::embedded::test

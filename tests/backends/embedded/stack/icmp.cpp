#include <catch2/generators/catch_generators.hpp>

#include "tests/backends/embedded/support/host.hpp"

namespace nal::embedded::test {

namespace {

constexpr std::uint32_t kEcho = wire::IcmpHeader::echo(0x1234, 7);

Bytes ping(const Address& from, const Address& to, const Bytes& data) {
  if (to.is_v4()) {
    return ipv4({.source = from, .destination = to, .protocol = 1},
                icmpv4(wire::Icmpv4Type::echo_request, 0, kEcho, data));
  }
  return ipv6({.source = from, .destination = to, .protocol = 58},
              icmpv6(from, to, wire::Icmpv6Type::echo_request, 0, kEcho, data));
}

}  // namespace

TEST_CASE("An echo request is answered with its own data", "[embedded][icmp]") {
  Host host;
  const std::size_t size = GENERATE(0u, 1u, 56u, 57u, 1400u);
  const Bytes data = pattern(size);
  SECTION("IPv4") {
    host.receive(ping(Host::kPeer4, Host::k4, data));
    const Bytes reply = host.take();
    const auto ip = wire::Ipv4View::parse(reply);
    REQUIRE(ip);
    CHECK(ip->checksum_valid());
    CHECK(Address(ip->source()) == Host::k4);
    CHECK(Address(ip->destination()) == Host::kPeer4);
    CHECK(part(reply, 20, reply.size() - 20) == icmpv4(wire::Icmpv4Type::echo_reply, 0, kEcho, data));
  }
  SECTION("IPv6") {
    host.receive(ping(Host::kPeer6, Host::k6, data));
    const Bytes reply = host.take();
    CHECK(part(reply, 8, 32) == part(ping(Host::k6, Host::kPeer6, {}), 8, 32));
    CHECK(part(reply, 40, reply.size() - 40) ==
          icmpv6(Host::k6, Host::kPeer6, wire::Icmpv6Type::echo_reply, 0, kEcho, data));
  }
}

TEST_CASE("An echo request is answered without large packets, also when it came with little room in front",
          "[embedded][icmp]") {
  Host host;
  std::vector<driver::Packet> taken;
  while (driver::Packet packet = host.stack.large_packets().allocate(0)) { taken.push_back(std::move(packet)); }
  const std::size_t size = GENERATE(0u, 56u, 1400u);
  host.receive(ping(Host::kPeer4, Host::k4, pattern(size)));
  CHECK(host.take().size() == 28 + size);
  host.receive(ping(Host::kPeer6, Host::k6, pattern(size)));
  CHECK(host.take().size() == 48 + size);
}

TEST_CASE("An echo request of nothing but zeros is answered with a right checksum", "[embedded][icmp]") {
  Host host;
  host.receive(ipv4({.source = Host::kPeer4, .destination = Host::k4, .protocol = 1},
                    icmpv4(wire::Icmpv4Type::echo_request, 0, 0, Bytes(8))));
  const Bytes reply = host.take();
  CHECK(wire::sum(part(reply, 20, reply.size() - 20)).valid());
}

TEST_CASE("An echo request with a wrong checksum is not answered", "[embedded][icmp]") {
  Host host;
  Bytes v4 = ping(Host::kPeer4, Host::k4, pattern(8));
  Bytes v6 = ping(Host::kPeer6, Host::k6, pattern(8));
  v4.back() ^= std::byte{1};
  v6.back() ^= std::byte{1};
  host.receive(v4);
  host.receive(v6);
  host.take(0);
  CHECK(host.stack.ip().statistics().malformed == 2);
}

TEST_CASE("An echo request to everybody is not answered", "[embedded][icmp]") {
  Host host;
  host.receive(ping(Host::kPeer4, Ipv4Address(10, 0, 0, 255), {}));
  host.receive(ping(Host::kPeer4, Ipv4Address::broadcast(), {}));
  host.receive(ping(Host::kPeer4, Ipv4Address(224, 0, 0, 1), {}));
  host.receive(ping(Host::kPeer6, Ipv6Address::all_nodes(), {}));
  host.take(0);
}

TEST_CASE("A datagram to a port that nobody has is answered with port unreachable, which quotes it",
          "[embedded][icmp]") {
  Host host;
  const Family family = GENERATE(Family::v4, Family::v6);
  const Address from = Host::peer(family);
  const Address to = Host::address(family);
  const Bytes datagram = ip({.source = from, .destination = to}, udp(from, to, 5000, 6000, pattern(20)));
  host.receive(datagram);
  const Bytes error = host.take();
  if (family == Family::v4) {
    CHECK(part(error, 20, error.size() - 20) == icmpv4(wire::Icmpv4Type::destination_unreachable, 3, 0, datagram));
  } else {
    CHECK(part(error, 40, error.size() - 40) ==
          icmpv6(to, from, wire::Icmpv6Type::destination_unreachable, 4, 0, datagram));
  }
}

TEST_CASE("An error quotes no more than an error may have", "[embedded][icmp]") {
  Host host;
  const Bytes v4 =
      ip({.source = Host::kPeer4, .destination = Host::k4}, udp(Host::kPeer4, Host::k4, 5000, 6000, pattern(1400)));
  const Bytes v6 =
      ip({.source = Host::kPeer6, .destination = Host::k6}, udp(Host::kPeer6, Host::k6, 5000, 6000, pattern(1400)));
  host.receive(v4);
  CHECK(host.take().size() == 576);
  host.receive(v6);
  CHECK(host.take().size() == 1280);
}

TEST_CASE("Nobody is told of an error in what went to many, or came from nobody", "[embedded][icmp]") {
  Host host;
  const Address all4{Ipv4Address(224, 0, 0, 1)};
  const Address all6{Ipv6Address::all_nodes()};
  host.receive(ip({.source = Host::kPeer4, .destination = all4}, udp(Host::kPeer4, all4, 5000, 6000, {})));
  host.receive(ip({.source = Host::kPeer6, .destination = all6}, udp(Host::kPeer6, all6, 5000, 6000, {})));
  const Address broadcast{Ipv4Address(10, 0, 0, 255)};
  host.receive(ip({.source = Host::kPeer4, .destination = broadcast}, udp(Host::kPeer4, broadcast, 5000, 6000, {})));
  const Address nobody{Ipv4Address()};
  host.receive(ip({.source = nobody, .destination = Host::k4}, udp(nobody, Host::k4, 5000, 6000, {})));
  host.take(0);
}

TEST_CASE("A protocol that is not known is answered with an error", "[embedded][icmp]") {
  Host host;
  SECTION("IPv4: protocol unreachable") {
    const Bytes packet = ipv4({.source = Host::kPeer4, .destination = Host::k4, .protocol = 200}, pattern(10));
    host.receive(packet);
    CHECK(part(host.take(), 20, 8 + packet.size()) == icmpv4(wire::Icmpv4Type::destination_unreachable, 2, 0, packet));
  }
  SECTION("IPv6: a parameter problem that points at the next header field") {
    const Bytes packet = ipv6({.source = Host::kPeer6, .destination = Host::k6, .protocol = 200}, pattern(10));
    host.receive(packet);
    const Bytes error = host.take();
    CHECK(part(error, 40, error.size() - 40) ==
          icmpv6(Host::k6, Host::kPeer6, wire::Icmpv6Type::parameter_problem, 1, 6, packet));
  }
}

TEST_CASE("ICMP errors without a rate limit: a flood is answered with a few of them, and later with more",
          "[embedded][icmp][fault]") {
  Host host;
  host.pass(Duration::seconds(10));
  const Bytes datagram =
      ip({.source = Host::kPeer4, .destination = Host::k4}, udp(Host::kPeer4, Host::k4, 5000, 6000, {}));
  for (int i = 0; i < 200; ++i) { host.receive(datagram); }
  CHECK(host.device.sent.size() == 20);
  CHECK(host.stack.ip().statistics().icmp_errors_limited == 180);
  host.device.sent.clear();
  host.pass(Duration::seconds(1));
  for (int i = 0; i < 200; ++i) { host.receive(datagram); }
  CHECK(host.device.sent.size() >= 15);
  CHECK(host.device.sent.size() <= 20);
}

TEST_CASE("A ping that comes in fragments is answered in fragments", "[embedded][icmp]") {
  Host host;
  const Bytes data = pattern(8000);
  const Bytes whole = ping(Host::kPeer4, Host::k4, data);
  const Bytes message = part(whole, 20, whole.size() - 20);
  for (std::size_t at = 0; at < message.size(); at += 1480) {
    const std::size_t size = std::min<std::size_t>(1480, message.size() - at);
    host.receive(ipv4({.source = Host::kPeer4, .destination = Host::k4, .protocol = 1}, part(message, at, size), 99, at,
                      at + size < message.size()));
  }
  Bytes reply;
  for (const Bytes& fragment : host.take(6)) {
    const auto view = wire::Ipv4View::parse(fragment);
    REQUIRE(view);
    CHECK(view->fragment_offset() == reply.size());
    CHECK(view->checksum_valid());
    reply = reply + part(fragment, 20, fragment.size() - 20);
    CHECK(view->more_fragments() == (reply.size() < message.size()));
  }
  CHECK(reply == icmpv4(wire::Icmpv4Type::echo_reply, 0, kEcho, data));
}

}  // namespace nal::embedded::test

#include <catch2/generators/catch_generators.hpp>

#include "tests/backends/embedded/support/host.hpp"

namespace nal::embedded::test {

namespace {
using namespace nal::literals;

Address group(Family family) {
  return family == Family::v4 ? Address(Ipv4Address(239, 1, 2, 3)) : Address(Ipv6Address(0xff15, 0, 0, 0, 0, 0, 0, 3));
}
Bytes to_group(Family family, const Address& source) {
  return ip({.source = source, .destination = group(family), .hop_limit = 1},
            udp(source, group(family), 5000, 6000, bytes("hello")));
}
bool hears(Host& host, Stack::MultiplyBoundUdp& socket) {
  std::array<std::byte, 10> buffer;
  const auto got = host.once(receive(socket, buffer));
  if (got) { CHECK(got->size == 5); }
  return static_cast<bool>(got);
}
Stack::MultiplyBoundUdp bind(Host& host, Family family) {
  return host.stack.udp_bind_multiple({IpAddress::unspecified(family), 6000}, {.share_port = true}).value();
}

}  // namespace

TEST_CASE("UDP multicast to the first socket only: every socket that has joined gets it",
          "[embedded][multicast][fault]") {
  Host host;
  const Family family = GENERATE(Family::v4, Family::v6);
  auto a = bind(host, family);
  auto b = bind(host, family);
  auto c = bind(host, family);
  REQUIRE(a.join(group(family).to_ip(), InterfaceId::any()));
  REQUIRE(b.join(group(family).to_ip(), InterfaceId::any()));
  host.receive(to_group(family, Host::peer(family)));
  CHECK(hears(host, a));
  CHECK(hears(host, b));
  CHECK(!hears(host, c));
  REQUIRE(a.leave(group(family).to_ip(), InterfaceId::any()));
  host.receive(to_group(family, Host::peer(family)));
  CHECK(!hears(host, a));
  CHECK(hears(host, b));
}

TEST_CASE("A group that nobody has joined is not heard", "[embedded][multicast]") {
  Host host;
  const Family family = GENERATE(Family::v4, Family::v6);
  auto socket = bind(host, family);
  host.receive(to_group(family, Host::peer(family)));
  CHECK(!hears(host, socket));
  CHECK(host.stack.ip().statistics().not_for_us == 1);
}

TEST_CASE("A socket that has joined for one source hears nobody else", "[embedded][multicast]") {
  Host host;
  const Family family = GENERATE(Family::v4, Family::v6);
  auto one = bind(host, family);
  auto all = bind(host, family);
  REQUIRE(one.join_source(group(family).to_ip(), Host::peer(family).to_ip(), InterfaceId::any()));
  REQUIRE(all.join(group(family).to_ip(), InterfaceId::any()));
  host.receive(to_group(family, Host::peer(family)));
  CHECK(hears(host, one));
  CHECK(hears(host, all));
  const Address other = family == Family::v4 ? Host::kFar4 : Host::kFar6;
  host.receive(to_group(family, other));
  CHECK(!hears(host, one));
  CHECK(hears(host, all));
}

TEST_CASE("Reports of groups leave with a router alert and go no further than the link",
          "[embedded][multicast][fault]") {
  Host host;
  const Family family = GENERATE(Family::v4, Family::v6);
  auto socket = bind(host, family);
  REQUIRE(socket.join(group(family).to_ip(), InterfaceId::any()));
  host.run();
  const Bytes report = host.take();
  if (family == Family::v4) {
    const auto ip = wire::Ipv4View::parse(report);
    REQUIRE(ip);
    CHECK(ip->protocol() == 2);
    CHECK(ip->hop_limit() == 1);
    CHECK(part(report, 20, 4) == Bytes{std::byte{0x94}, std::byte{4}, std::byte{0}, std::byte{0}});  // RFC 2113
  } else {
    const auto ip = wire::Ipv6View::parse(report);
    REQUIRE(ip);
    const wire::Ipv6Chain chain = wire::walk_extension_headers(*ip);
    CHECK(chain.protocol == 58);
    CHECK(chain.router_alert);
    CHECK(ip->hop_limit() == 1);
  }
  host.pass(Duration::seconds(5));
  host.device.sent.clear();
}

TEST_CASE("A socket that ends leaves its groups", "[embedded][multicast]") {
  Host host(driver::Medium::ethernet);
  const Family family = GENERATE(Family::v4, Family::v6);
  const std::size_t before = host.device.groups.size();
  {
    auto socket = bind(host, family);
    REQUIRE(socket.join(group(family).to_ip(), InterfaceId::any()));
    CHECK(host.device.groups.size() == before + 1);
  }
  host.pass(Duration::seconds(10));
  CHECK(host.device.groups.size() == before);
}

TEST_CASE("Joining twice, leaving what was not joined and a full table are errors", "[embedded][multicast]") {
  Host host;
  auto socket = bind(host, Family::v4);
  REQUIRE(socket.join("239.0.0.1"_ip, InterfaceId::any()));
  CHECK(socket.join("239.0.0.1"_ip, InterfaceId::any()).error() == Error::address_in_use);
  CHECK(socket.leave("239.0.0.2"_ip, InterfaceId::any()).error() == Error::address_not_available);
  CHECK(socket.join("10.0.0.5"_ip, InterfaceId::any()).error() == Error::invalid_argument);
  CHECK(socket.join("ff15::1"_ip, InterfaceId::any()).error() == Error::invalid_argument);
  for (std::uint8_t i = 2; i <= 8; ++i) { REQUIRE(socket.join(Ipv4Address(239, 0, 0, i), InterfaceId::any())); }
  CHECK(socket.join("239.0.0.9"_ip, InterfaceId::any()).error() == Error::table_full);
}

TEST_CASE("What a host sends to a group that it has joined it hears itself, unless it does not want to",
          "[embedded][multicast]") {
  Host host;
  const Family family = GENERATE(Family::v4, Family::v6);
  auto socket = bind(host, family);
  REQUIRE(socket.join(group(family).to_ip(), InterfaceId::any()));
  host.pass(Duration::seconds(10));
  host.device.sent.clear();
  REQUIRE(host.once(send_to(socket, {group(family).to_ip(), 6000}, bytes("hello"))));
  host.run();
  const Bytes sent = host.take();
  CHECK(sent.at(family == Family::v4 ? 8 : 7) == std::byte{1});  // hop limit
  CHECK(hears(host, socket));
  REQUIRE(socket.configure({.multicast_hop_limit = 5, .multicast_loopback = false}));
  REQUIRE(host.once(send_to(socket, {group(family).to_ip(), 6000}, bytes("hello"))));
  host.run();
  CHECK(host.take().at(family == Family::v4 ? 8 : 7) == std::byte{5});
  CHECK(!hears(host, socket));
}

TEST_CASE("Broadcast must be allowed, and is heard by every socket of the port", "[embedded][multicast]") {
  Host host;
  auto a = bind(host, Family::v4);
  auto b = bind(host, Family::v4);
  const Address everybody = GENERATE(Address(Ipv4Address(10, 0, 0, 255)), Address(Ipv4Address::broadcast()));
  host.receive(ipv4({.source = Host::kPeer4, .destination = everybody},
                    udp(Host::kPeer4, everybody, 5000, 6000, bytes("hello"))));
  CHECK(hears(host, a));
  CHECK(hears(host, b));
  CHECK(host.once(send_to(a, {everybody.to_ip(), 5000}, bytes("hello"))).error() == Error::permission_denied);
  REQUIRE(a.configure({.broadcast = true}));
  REQUIRE(host.once(send_to(a, {everybody.to_ip(), 5000}, bytes("hello"))));
  host.run();
  host.take(1);
}

}  // namespace nal::embedded::test

#include "backends/embedded/ip/dad.hpp"

#include <catch2/catch_test_macros.hpp>

#include "tests/backends/embedded/ip/fake_link.hpp"

namespace nal::embedded {
namespace {

using namespace nal::literals;
using Lines = std::vector<std::string>;
using State = InterfaceAddress::State;
using Origin = InterfaceAddress::Origin;
using Op = wire::ArpOperation;

const Ipv6Address kHost6 = "2001:db8::1"_ipv6;
const Ipv6Address kGroup6 = kHost6.solicited_node();
constexpr Ipv4Address kHost4{10, 0, 0, 1};
constexpr MacAddress kOtherMac{2, 0, 0, 0, 0, 0x22};
const std::string kProbe6 = ":: > ff02::1:ff00:1 ns 2001:db8::1 nonce -> 33:33:ff:00:00:01";
const std::string kProbe4 = "arp probe 10.0.0.1 -> ff:ff:ff:ff:ff:ff";
const std::string kAnnounce4 = "arp announce 10.0.0.1 -> ff:ff:ff:ff:ff:ff";

/// Of what was sent, that which is not about groups.
std::vector<FakeLink::Line> without_reports(FakeLink& link) {
  std::vector<FakeLink::Line> lines;
  for (FakeLink::Line& line : link.take_timed()) {
    if (line.text.find(" mld2 ") == std::string::npos) { lines.push_back(std::move(line)); }
  }
  return lines;
}

TEST_CASE("an IPv6 address is asked for once, and used a second later", "[embedded][dad]") {
  FakeLink link;
  const Instant start = link.now;
  InterfaceAddress& entry = link.start(link.eth0, kHost6, 64);
  CHECK(entry.state == State::tentative);
  CHECK_FALSE(link.eth0.has(Address(kHost6)));
  CHECK(link.groups.is_member(1, Address(kGroup6)));
  CHECK(link.devices[0].groups.contains("33:33:ff:00:00:01"));
  link.advance(10_s);
  const auto lines = without_reports(link);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].text == kProbe6);
  CHECK(lines[0].at <= start + 1_s);  // at a random time, since all hosts of a link may begin at once
  CHECK(entry.state == State::preferred);
  CHECK(link.changes == 1);
}

TEST_CASE("a tentative IPv6 address is given up for whoever has it or wants it too", "[embedded][dad]") {
  for (const bool advertised : {true, false}) {
    FakeLink link;
    InterfaceAddress& entry = link.start(link.eth0, kHost6, 64);
    link.advance(1_s);
    if (advertised) {
      link.advertise(kHost6, Ipv6Address::all_nodes(), kHost6, &kOtherMac, "O");
    } else {
      link.solicit({}, kGroup6, kHost6);
    }
    CHECK(entry.state == State::duplicate);
    CHECK_FALSE(link.groups.is_member(1, Address(kGroup6)));
    CHECK(link.changes == 1);
    link.take();
    link.advance(10_s);
    CHECK(without_reports(link).empty());
    CHECK(entry.state == State::duplicate);
  }
}

TEST_CASE("who looks for a tentative address is not answered", "[embedded][dad]") {
  FakeLink link;
  InterfaceAddress& entry = link.start(link.eth0, kHost6, 64);
  link.take();
  link.solicit("2001:db8::2"_ipv6, kGroup6, kHost6, &kOtherMac);
  link.arp(kOtherMac, Op::request, {10, 0, 0, 2}, kHost4);
  CHECK(link.take().empty());
  CHECK(entry.state == State::tentative);
}

TEST_CASE("an own probe that the link gives back is no other host", "[embedded][dad]") {
  FakeLink link;
  InterfaceAddress& entry = link.start(link.eth0, kHost6, 64);
  link.take();
  link.advance(1_s);
  REQUIRE(link.last_nonce.size() == 6);
  link.solicit({}, kGroup6, kHost6, nullptr, link.last_nonce);
  CHECK(entry.state == State::tentative);
  Bytes other = link.last_nonce;
  other[5] ^= std::byte{1};
  link.solicit({}, kGroup6, kHost6, nullptr, other);
  CHECK(entry.state == State::duplicate);
}

TEST_CASE("an address made here that somebody else has is made anew, three times", "[embedded][dad]") {
  FakeLink link;
  REQUIRE(link.dad.start_link_local(link.eth0, Family::v6, link.now));
  InterfaceAddress& entry = link.eth0.addresses[0];
  std::vector<Address> tried;
  for (unsigned i = 0; i < 4; ++i) {
    CHECK(entry.state == State::tentative);
    CHECK(entry.address.is_link_local());
    CHECK(std::find(tried.begin(), tried.end(), entry.address) == tried.end());
    tried.push_back(entry.address);
    link.advance(500_ms);
    const Ipv6Address address = entry.address.v6();
    link.advertise(address, Ipv6Address::all_nodes(), address, &kOtherMac, "O");
  }
  CHECK(entry.state == State::duplicate);
}

TEST_CASE("a stable address is the same after a restart, and another in each network (RFC 7217)", "[embedded][dad]") {
  FakeLink::Options options;
  options.dad.secret = {1, 2, 3, 4, 5, 6, 7, 8};
  FakeLink first(options);
  FakeLink again(options);
  options.dad.secret[7] = 9;
  FakeLink other(options);
  const Address prefix("2001:db8:1::"_ipv6);
  const Address address = first.dad.stable_address(first.eth0, prefix, 0);
  CHECK(address.v6().has_prefix(prefix.v6(), 64));
  CHECK(again.dad.stable_address(again.eth0, prefix, 0) == address);
  CHECK(other.dad.stable_address(other.eth0, prefix, 0) != address);
  CHECK(first.dad.stable_address(first.eth1, prefix, 0) != address);
  CHECK(first.dad.stable_address(first.eth0, prefix, 1) != address);
  const Address elsewhere = first.dad.stable_address(first.eth0, "2001:db8:2::"_ipv6, 0);
  CHECK(elsewhere.v6().group(7) != address.v6().group(7));
}

TEST_CASE("an IPv4 address is probed for three times, announced twice, and used (RFC 5227)", "[embedded][dad]") {
  FakeLink link;
  const Instant start = link.now;
  InterfaceAddress& entry = link.start(link.eth0, kHost4, 24);
  link.advance(30_s);
  const auto lines = link.take_timed();
  REQUIRE(lines.size() == 5);
  for (unsigned i = 0; i < 3; ++i) { CHECK(lines[i].text == kProbe4); }
  CHECK(lines[0].at <= start + 1_s);
  for (unsigned i = 1; i < 3; ++i) {
    CHECK(lines[i].at >= lines[i - 1].at + 1_s);
    CHECK(lines[i].at <= lines[i - 1].at + 2_s);
  }
  CHECK(lines[3].text == kAnnounce4);
  CHECK(lines[3].at == lines[2].at + 2_s);
  CHECK(lines[4].text == kAnnounce4);
  CHECK(lines[4].at == lines[3].at + 2_s);
  CHECK(entry.state == State::preferred);
}

TEST_CASE("an IPv4 address that is in use, or probed for by another, is a duplicate", "[embedded][dad]") {
  struct Row {
    Op operation;
    Ipv4Address sender;
    Ipv4Address target;
    State after;
  };
  const Row rows[] = {
      {Op::reply, kHost4, {}, State::duplicate},
      {Op::request, kHost4, {10, 0, 0, 9}, State::duplicate},
      {Op::request, {}, kHost4, State::duplicate},
      {Op::request, {10, 0, 0, 9}, kHost4, State::tentative},  // only wants to speak to it
      {Op::request, {}, {10, 0, 0, 9}, State::tentative},
  };
  for (const Row& row : rows) {
    FakeLink link;
    InterfaceAddress& entry = link.start(link.eth0, kHost4, 24, Origin::dhcp);
    link.advance(2_s);
    link.arp(link.eth0.hardware_address, row.operation, row.sender, row.target);  // an own one that comes back
    CHECK(entry.state == State::tentative);
    link.arp(kOtherMac, row.operation, row.sender, row.target);
    CHECK(entry.state == row.after);
  }
}

TEST_CASE("an IPv4 address is defended once in ten seconds", "[embedded][dad]") {
  FakeLink link;
  link.use(link.eth0, kHost4, 24);
  InterfaceAddress& entry = *link.eth0.find(Address(kHost4));
  link.arp(kOtherMac, Op::request, kHost4, {10, 0, 0, 9});
  CHECK(link.take() == Lines{kAnnounce4});
  link.advance(5_s);
  link.arp(kOtherMac, Op::request, kHost4, {10, 0, 0, 9});
  CHECK(link.take().empty());
  CHECK(entry.state == State::preferred);  // given by hand: never given up
  link.advance(5_s);
  link.arp(kOtherMac, Op::reply, kHost4, kHost4);
  CHECK(link.take() == Lines{kAnnounce4});
  CHECK(link.dad.poll_at().is_never());
}

TEST_CASE("an IPv4 address by DHCP is given up when it is claimed twice in ten seconds", "[embedded][dad]") {
  FakeLink link;
  InterfaceAddress& entry = link.start(link.eth0, kHost4, 24, Origin::dhcp);
  link.advance(20_s);
  link.take();
  link.arp(kOtherMac, Op::request, kHost4, {10, 0, 0, 9});
  CHECK(link.take() == Lines{kAnnounce4});
  CHECK(entry.state == State::preferred);
  link.advance(9_s);
  link.arp(kOtherMac, Op::request, kHost4, {10, 0, 0, 9});
  CHECK(entry.state == State::duplicate);
}

TEST_CASE("a link-local IPv4 address is picked, and another one when it is taken (RFC 3927)", "[embedded][dad]") {
  FakeLink link;
  REQUIRE(link.dad.start_link_local(link.eth0, Family::v4, link.now));
  REQUIRE(link.dad.start_link_local(link.eth0, Family::v4, link.now));  // there is one
  InterfaceAddress& entry = link.eth0.addresses[0];
  CHECK(link.eth0.addresses[1].state == State::none);
  for (unsigned i = 0; i < 10; ++i) {
    const Ipv4Address address = entry.address.v4();
    CHECK(address.is_link_local());
    CHECK((address.bytes()[2] > 0 && address.bytes()[2] < 255));
    link.arp(kOtherMac, Op::request, address, address);
    CHECK(entry.address.v4() != address);
    CHECK(entry.state == State::tentative);
  }
  // After ten in a row no more than one a minute.
  link.take();
  link.advance(59_s);
  CHECK(link.take().empty());
  link.advance(20_s);
  CHECK(entry.state == State::preferred);
}

TEST_CASE("addresses wait for the link, and are looked at anew when it comes back", "[embedded][dad]") {
  FakeLink link;
  link.eth0.up = false;
  InterfaceAddress& v6 = link.start(link.eth0, kHost6, 64);
  InterfaceAddress& v4 = link.start(link.eth0, kHost4, 24);
  link.advance(60_s);
  CHECK(link.take().empty());
  CHECK(v6.state == State::tentative);
  link.link_up(link.eth0);
  link.advance(20_s);
  CHECK(v6.state == State::preferred);
  CHECK(v4.state == State::preferred);

  link.link_down(link.eth0);
  link.advance(20_s);
  link.link_up(link.eth0);
  CHECK(v6.state == State::tentative);
  link.advance(1_s);
  link.solicit({}, kGroup6, kHost6);
  CHECK(v6.state == State::duplicate);
  link.link_down(link.eth0);
  link.link_up(link.eth0);
  link.advance(20_s);
  CHECK(v6.state == State::preferred);  // the other one was in the network of before
}

TEST_CASE("lifetimes run out: first preferred, then the address", "[embedded][dad]") {
  FakeLink link;
  InterfaceAddress& entry = link.start(link.eth0, kHost6, 64, Origin::dhcp);
  link.dad.renew(entry, link.now + 100_s, link.now + 200_s, link.now);
  link.advance(99_s);
  CHECK(entry.state == State::preferred);
  const unsigned before = link.changes;
  link.advance(2_s);
  CHECK(entry.state == State::deprecated);
  CHECK(link.changes == before + 1);
  link.dad.renew(entry, link.now + 100_s, link.now + 200_s, link.now);
  CHECK(entry.state == State::preferred);
  link.advance(201_s);
  CHECK(entry.state == State::none);
  CHECK_FALSE(link.groups.is_member(1, Address(kGroup6)));
  link.advance(20_s);
  CHECK(link.dad.poll_at().is_never());
}

TEST_CASE("a tunnel has no others, and its addresses are used at once", "[embedded][dad]") {
  FakeLink link;
  link.eth0.medium = driver::Medium::ip;
  CHECK(link.start(link.eth0, kHost6, 64).state == State::preferred);
  CHECK(link.start(link.eth0, kHost4, 24).state == State::preferred);
  link.advance(10_s);
  CHECK(link.take().empty());
}

TEST_CASE("without a packet to probe in, an address is not taken for free", "[embedded][dad]") {
  FakeLink link;
  std::vector<Packet> taken;
  while (Packet packet = link.pool.allocate(0)) { taken.push_back(std::move(packet)); }
  InterfaceAddress& v6 = link.start(link.eth0, kHost6, 64);
  InterfaceAddress& v4 = link.start(link.eth0, kHost4, 24);
  link.advance(30_s);
  CHECK(link.take().empty());
  CHECK(v6.state == State::tentative);
  CHECK(v4.state == State::tentative);
  taken.clear();
  link.advance(20_s);
  CHECK(v6.state == State::preferred);
  CHECK(v4.state == State::preferred);
}

}  // namespace
}  // namespace nal::embedded

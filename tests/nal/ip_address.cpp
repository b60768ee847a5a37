#include "nal/ip_address.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <string_view>
#include <type_traits>
#include <unordered_set>
#include <vector>

#include "tests/nal/text_properties.hpp"
#include "tests/support/asserts.hpp"

using namespace nal;
using namespace nal::literals;
using namespace nal::test;

static_assert("10.0.0.1"_ip == IpAddress(Ipv4Address(10, 0, 0, 1)));
static_assert("fe80::1%3"_ip == IpAddress("fe80::1%3"_ipv6));
static_assert("255.255.255.255"_ip < "::"_ip);
static_assert("fe80::1%2"_ip.zone() == 2 && "fe80::1%2"_ip.v6().zone() == 2);
static_assert(IpAddress() == "0.0.0.0"_ip);
static_assert(std::is_trivially_copyable_v<IpAddress> && sizeof(IpAddress) == 22);

TEST_CASE("an address of either family is written and read as its own family has it") {
  check_round_trip("192.0.2.7"_ip, "192.0.2.7");
  check_round_trip("2001:db8::7"_ip, "2001:db8::7");
  check_round_trip("fe80::1%4294967295"_ip, "fe80::1%4294967295");
  for (const std::string_view bad : {"", "1.2.3", "1.2.3.4.5", ":", "1::2::3", "localhost", "[::1]", "1.2.3.4%1"}) {
    check_refused<IpAddress>(bad);
  }
}

TEST_CASE("an address knows its family and gives itself as that alone") {
  const IpAddress v4 = "192.0.2.7"_ipv4;
  const IpAddress v6 = "fe80::1%70000"_ipv6;
  CHECK(v4.family() == Family::v4);
  CHECK(v4.is_v4());
  CHECK_FALSE(v4.is_v6());
  CHECK(v4.v4() == "192.0.2.7"_ipv4);
  CHECK(v4.zone() == 0);
  CHECK(v6.family() == Family::v6);
  CHECK(v6.is_v6());
  CHECK_FALSE(v6.is_v4());
  CHECK(v6.v6() == "fe80::1%70000"_ipv6);
  CHECK(v6.zone() == 70000);
  CHECK(v4.is(Family::any));
  CHECK(v4.is(Family::v4));
  CHECK_FALSE(v4.is(Family::v6));
  CHECK(v6.is(Family::v6));
  CHECK_ASSERTS(static_cast<void>(v4.v6()));
  CHECK_ASSERTS(static_cast<void>(v6.v4()));
}

TEST_CASE("an address's bytes are 4 or 16, in network order") {
  const IpAddress v4 = "1.2.3.4"_ip;
  const IpAddress v6 = "102::f10"_ip;
  REQUIRE(v4.bytes().size() == 4);
  CHECK(v4.bytes()[0] == 1);
  CHECK(v4.bytes()[3] == 4);
  REQUIRE(v6.bytes().size() == 16);
  CHECK(v6.bytes()[1] == 2);
  CHECK(v6.bytes()[15] == 0x10);
}

TEST_CASE("an IPv4-mapped address differs from its IPv4 address until it is unmapped") {
  const IpAddress mapped = "::ffff:127.0.0.1"_ip;
  CHECK(mapped != "127.0.0.1"_ip);
  CHECK_FALSE(mapped.is_loopback());
  CHECK(mapped.unmapped() == "127.0.0.1"_ip);
  CHECK(mapped.unmapped().is_loopback());
  CHECK("::1"_ip.unmapped() == "::1"_ip);
  CHECK("10.0.0.1"_ip.unmapped() == "10.0.0.1"_ip);
}

TEST_CASE("the unspecified and the loopback address exist for each family") {
  CHECK(IpAddress::unspecified(Family::v4) == "0.0.0.0"_ip);
  CHECK(IpAddress::unspecified(Family::v6) == "::"_ip);
  CHECK(IpAddress::unspecified(Family::any) == "::"_ip);
  CHECK(IpAddress::loopback(Family::v4) == "127.0.0.1"_ip);
  CHECK(IpAddress::loopback(Family::v6) == "::1"_ip);
}

TEST_CASE("an address of either family is classified as its own family has it") {
  CHECK("0.0.0.0"_ip.is_unspecified());
  CHECK("::"_ip.is_unspecified());
  CHECK("127.0.0.1"_ip.is_loopback());
  CHECK("::1"_ip.is_loopback());
  CHECK("224.0.0.1"_ip.is_multicast());
  CHECK("ff02::1"_ip.is_multicast());
  CHECK("169.254.1.1"_ip.is_link_local());
  CHECK("fe80::1"_ip.is_link_local());
  CHECK("192.0.2.1"_ip.is_documentation());
  CHECK("2001:db8::1"_ip.is_documentation());
  CHECK("10.1.1.1"_ip.is_private());
  CHECK("fd00::1"_ip.is_private());
  CHECK("1.1.1.1"_ip.is_global());
  CHECK("2606:4700::1111"_ip.is_global());
  CHECK("255.255.255.255"_ip.is_broadcast());
  for (const IpAddress& address : {"9.9.9.9"_ip, "2620:fe::fe"_ip}) {
    CHECK_FALSE((address.is_unspecified() || address.is_loopback() || address.is_multicast() ||
                 address.is_link_local() || address.is_documentation() || address.is_private() ||
                 address.is_broadcast()));
  }
  CHECK_FALSE("ff02::1"_ip.is_broadcast());
}

TEST_CASE("addresses sort by family, then numerically, then by zone") {
  std::vector<IpAddress> addresses = {"fe80::1%2"_ip, "::"_ip,      "10.0.0.1"_ip,
                                      "fe80::1%1"_ip, "9.0.0.1"_ip, "fe80::1%65536"_ip};
  std::sort(addresses.begin(), addresses.end());
  CHECK(addresses == std::vector<IpAddress>{"9.0.0.1"_ip, "10.0.0.1"_ip, "::"_ip, "fe80::1%1"_ip, "fe80::1%2"_ip,
                                            "fe80::1%65536"_ip});
}

TEST_CASE("addresses of both families share a hashed container") {
  const std::unordered_set<IpAddress> set = {"1.2.3.4"_ip, "::ffff:1.2.3.4"_ip, "::1"_ip, "::1"_ip};
  CHECK(set.size() == 3);
}

TEST_CASE("families have names") {
  CHECK(to_string(Family::any) == std::string_view("any"));
  CHECK(to_string(Family::v4) == std::string_view("IPv4"));
  CHECK(to_string(Family::v6) == std::string_view("IPv6"));
  CHECK(to_string(Family{9}) == std::string_view("unknown family"));
}

#include "nal/cidr.hpp"

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

static_assert("10.0.0.0/8"_cidr == Cidr(Ipv4Cidr(Ipv4Address(10, 0, 0, 0), 8)));
static_assert("fe80::/10"_cidr.contains("febf::1"_ip) && !"fe80::/10"_cidr.contains("fec0::"_ip));
static_assert("192.168.1.7/24"_cidr.network() == "192.168.1.0/24"_cidr);
static_assert("192.168.1.7/24"_cidr.v4().broadcast() == "192.168.1.255"_ipv4);
static_assert(Cidr() == "0.0.0.0/0"_cidr && Ipv6Cidr() == "::/0"_cidr.v6());
static_assert(std::is_trivially_copyable_v<Cidr> && sizeof(Cidr) <= 24);
static_assert(std::is_trivially_copyable_v<Ipv4Cidr> && std::is_trivially_copyable_v<Ipv6Cidr>);

TEST_CASE("a network is written with its prefix length and read back") {
  check_round_trip("0.0.0.0/0"_cidr, "0.0.0.0/0");
  check_round_trip("192.168.1.7/24"_cidr, "192.168.1.7/24");
  check_round_trip("2001:db8::/32"_cidr, "2001:db8::/32");
  check_round_trip("fe80::1%3/64"_cidr, "fe80::1%3/64");
  check_round_trip("255.255.255.255/32"_cidr.v4(), "255.255.255.255/32");
  check_round_trip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295/128"_cidr.v6(),
                   "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295/128");
}

TEST_CASE("the longest text of a network is as long as promised") {
  CHECK(to_text("255.255.255.255/32"_cidr.v4()).size() == Ipv4Cidr::kMaxTextSize);
  CHECK(to_text("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295/128"_cidr.v6()).size() == Ipv6Cidr::kMaxTextSize);
}

TEST_CASE("a network in any other form is refused") {
  for (const char* text : {"",
                           "/",
                           "/8",
                           "10.0.0.0",
                           "10.0.0.0/",
                           "10.0.0.0/33",
                           "10.0.0.0/-1",
                           "10.0.0.0/08",
                           "10.0.0.0/8 ",
                           "10.0.0.0 /8",
                           "10.0.0/8",
                           "10.0.0.0/8/8",
                           "10.0.0.0/255.0.0.0",
                           "::/129",
                           "::",
                           "::/",
                           "::/1000",
                           "::/0x8",
                           ":/8",
                           "1.2.3.4:80/8",
                           "[::]/8"}) {
    check_refused<Cidr>(text);
  }
  check_refused<Ipv4Cidr>("::/8");
  check_refused<Ipv6Cidr>("10.0.0.0/8");
}

TEST_CASE("a network cut short at any byte is refused until its length has begun") {
  for (const std::string_view text : {"10.20.30.40/32", "2001:db8::1/128"}) {
    const std::size_t length = text.find('/') + 1;
    for (std::size_t size = 0; size < text.size(); ++size) {
      INFO(text.substr(0, size));
      CHECK(Cidr::parse(text.substr(0, size)).has_value() == (size > length));
    }
  }
}

TEST_CASE("a network has its first, last, mask and host bits at every length") {
  const Ipv4Address v4 = "10.170.85.170"_ipv4;
  for (unsigned length = 0; length <= 32; ++length) {
    const Ipv4Cidr cidr(v4, length);
    CHECK(cidr.address() == v4);
    CHECK(cidr.prefix_length() == length);
    CHECK(cidr.host_bits() == 32 - length);
    CHECK(cidr.netmask() == Ipv4Address::netmask(length));
    CHECK(cidr.first() == v4.masked(length));
    CHECK(cidr.last() == v4.filled(length));
    CHECK(cidr.network() == Ipv4Cidr(v4.masked(length), length));
    CHECK(cidr.network().is_network());
    CHECK(cidr.contains(cidr.first()));
    CHECK(cidr.contains(cidr.last()));
    CHECK(cidr.contains(v4));
    if (length > 0) {
      CHECK_FALSE(cidr.contains(Ipv4Address::from_uint32(cidr.first().to_uint32() - 1)));
      CHECK_FALSE(cidr.contains(Ipv4Address::from_uint32(cidr.last().to_uint32() + 1)));
    }
    const Cidr either = cidr;
    CHECK(either.v4() == cidr);
    CHECK(either.prefix_length() == length);
    CHECK(either.host_bits() == 32 - length);
    CHECK(either.netmask() == cidr.netmask());
    CHECK(either.first() == cidr.first());
    CHECK(either.last() == cidr.last());
    CHECK(either.network() == cidr.network());
    CHECK(either.is_network() == cidr.is_network());
  }
  for (unsigned length = 0; length <= 128; ++length) {
    const Ipv6Cidr cidr("2001:db8:5555:aaaa:5555:aaaa:5555:aaaa"_ipv6, length);
    CHECK(cidr.host_bits() == 128 - length);
    CHECK(cidr.contains(cidr.first()));
    CHECK(cidr.contains(cidr.last()));
    const Cidr either = cidr;
    CHECK(either.v6() == cidr);
    CHECK(either.netmask() == cidr.netmask());
    CHECK(either.host_bits() == cidr.host_bits());
    CHECK(either.network() == cidr.network());
  }
}

TEST_CASE("a prefix longer than an address is a caller's bug") {
  CHECK_ASSERTS(static_cast<void>(Ipv4Cidr({}, 33)));
  CHECK_ASSERTS(static_cast<void>(Ipv6Cidr({}, 129)));
  CHECK_ASSERTS(static_cast<void>(Cidr(Ipv4Address(), 33)));
  CHECK(Cidr(Ipv6Address(), 128).prefix_length() == 128);
}

TEST_CASE("a network of one or two hosts has no broadcast address") {
  CHECK("192.0.2.1/30"_cidr.v4().broadcast() == "192.0.2.3"_ipv4);
  CHECK_FALSE("192.0.2.1/31"_cidr.v4().broadcast().has_value());
  CHECK_FALSE("192.0.2.1/32"_cidr.v4().broadcast().has_value());
  CHECK("0.0.0.0/0"_cidr.v4().broadcast() == Ipv4Address::broadcast());
}

TEST_CASE("a network contains its parts, itself, and nothing of the other family") {
  CHECK("10.0.0.0/8"_cidr.contains("10.1.0.0/16"_cidr));
  CHECK("10.0.0.0/8"_cidr.contains("10.9.9.9/8"_cidr));
  CHECK_FALSE("10.0.0.0/16"_cidr.contains("10.0.0.0/8"_cidr));
  CHECK("10.0.0.0/8"_cidr.v4().contains("10.9.9.9/8"_cidr.v4()));
  CHECK_FALSE("10.0.0.0/8"_cidr.v4().contains("11.0.0.0/8"_cidr.v4()));
  CHECK_FALSE("10.0.0.0/16"_cidr.v4().contains("10.0.0.0/8"_cidr.v4()));
  CHECK_FALSE("10.0.0.0/8"_cidr.contains("11.0.0.0/16"_cidr));
  CHECK_FALSE("0.0.0.0/0"_cidr.contains("::1"_ip));
  CHECK_FALSE("::/0"_cidr.contains("1.2.3.4"_ip));
  CHECK_FALSE("::/0"_cidr.contains("10.0.0.0/8"_cidr));
  CHECK("::/0"_cidr.v6().contains("2001:db8::/32"_cidr.v6()));
  CHECK("2001:db8::/32"_cidr.contains("2001:db8:ffff::1"_ip));
}

TEST_CASE("a network with a zone contains only addresses of that zone, one without contains those of all") {
  CHECK("fe80::%3/64"_cidr.contains("fe80::1%3"_ip));
  CHECK_FALSE("fe80::%3/64"_cidr.contains("fe80::1%4"_ip));
  CHECK_FALSE("fe80::%3/64"_cidr.contains("fe80::1"_ip));
  CHECK("fe80::/64"_cidr.contains("fe80::1%3"_ip));
}

TEST_CASE("sorted networks have each network before its parts, and IPv4 before IPv6") {
  std::vector<Cidr> networks = {"::/0"_cidr, "10.0.0.0/16"_cidr, "10.0.0.0/8"_cidr, "0.0.0.0/0"_cidr};
  std::sort(networks.begin(), networks.end());
  CHECK(networks == std::vector<Cidr>{"0.0.0.0/0"_cidr, "10.0.0.0/8"_cidr, "10.0.0.0/16"_cidr, "::/0"_cidr});
  CHECK("10.0.0.0/8"_cidr.family() == Family::v4);
  CHECK("::/0"_cidr.family() == Family::v6);
  CHECK("::/0"_cidr.is_v6());
  CHECK("fe80::1/64"_cidr.address() == "fe80::1"_ip);
}

TEST_CASE("networks of one address and several lengths share a hashed container") {
  const std::unordered_set<Cidr> set = {"10.0.0.0/8"_cidr, "10.0.0.0/16"_cidr, "10.0.0.0/8"_cidr};
  CHECK(set.size() == 2);
  const std::unordered_set<Ipv6Cidr> v6 = {"::/8"_cidr.v6(), "::/9"_cidr.v6()};
  CHECK(v6.size() == 2);
}

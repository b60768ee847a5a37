#include "nal/ipv6_address.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "tests/nal/text_properties.hpp"
#include "tests/support/asserts.hpp"

using namespace nal;
using namespace nal::literals;
using namespace nal::test;

namespace {

// RFC 4291 §2.2: every form of one address.
static_assert("ABCD:EF01:2345:6789:ABCD:EF01:2345:6789"_ipv6 ==
              Ipv6Address(0xabcd, 0xef01, 0x2345, 0x6789, 0xabcd, 0xef01, 0x2345, 0x6789));
static_assert("2001:DB8:0:0:8:800:200C:417A"_ipv6 == "2001:DB8::8:800:200C:417A"_ipv6);
static_assert("FF01:0:0:0:0:0:0:101"_ipv6 == "FF01::101"_ipv6);
static_assert("0:0:0:0:0:0:0:1"_ipv6 == "::1"_ipv6 && "::1"_ipv6 == Ipv6Address::loopback());
static_assert("0:0:0:0:0:0:0:0"_ipv6 == "::"_ipv6 && "::"_ipv6 == Ipv6Address());
static_assert("0:0:0:0:0:0:13.1.68.3"_ipv6 == "::13.1.68.3"_ipv6);
static_assert("0:0:0:0:0:FFFF:129.144.52.38"_ipv6 == "::FFFF:129.144.52.38"_ipv6);
static_assert("::FFFF:129.144.52.38"_ipv6.to_v4() == "129.144.52.38"_ipv4);
// RFC 5952 §4.
static_assert(to_text("2001:0db8::0001"_ipv6) == "2001:db8::1");
static_assert(to_text("2001:db8:0:0:0:0:2:1"_ipv6) == "2001:db8::2:1");
static_assert(to_text("2001:db8::1:1:1:1:1"_ipv6) == "2001:db8:0:1:1:1:1:1");
static_assert(to_text("2001:0:0:1:0:0:0:1"_ipv6) == "2001:0:0:1::1");
static_assert(to_text("2001:db8:0:0:1:0:0:1"_ipv6) == "2001:db8::1:0:0:1");
static_assert(to_text("2001:DB8:AAAA:BBBB:CCCC:DDDD:EEEE:0001"_ipv6) == "2001:db8:aaaa:bbbb:cccc:dddd:eeee:1");
// RFC 5952 §5.
static_assert(to_text("::ffff:c000:201"_ipv6) == "::ffff:192.0.2.1");
static_assert(Ipv6Address::netmask(68) == "ffff:ffff:ffff:ffff:f000::"_ipv6);
static_assert("1:2:3:4:5:6:7:8"_ipv6.masked(68) == "1:2:3:4::"_ipv6);
static_assert("1:2:3:4:5:6:7:8"_ipv6.filled(68) == "1:2:3:4:fff:ffff:ffff:ffff"_ipv6);
static_assert(std::is_trivially_copyable_v<Ipv6Address> && sizeof(Ipv6Address) == 20);

std::optional<Ipv6Address> system_parse(const std::string& text) {
  std::array<std::uint8_t, 16> bytes{};
  if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1) { return std::nullopt; }
  return Ipv6Address::from_bytes(bytes);
}

std::string system_format(const Ipv6Address& address) {
  char text[INET6_ADDRSTRLEN];
  return ::inet_ntop(AF_INET6, address.bytes().data(), text, sizeof text);
}

/// `inet_ntop` writes the deprecated IPv4-compatible addresses (::1.2.3.4) in mixed form; RFC 5952 §5 does not ask so.
bool is_v4_compatible(const Ipv6Address& address) { return address.has_prefix({}, 96) && address.group(6) != 0; }

bool agrees(const std::string& text, int& accepted) {
  const std::optional<Ipv6Address> expected = system_parse(text);
  const Result<Ipv6Address> parsed = Ipv6Address::parse(text);
  if (expected) { ++accepted; }
  return expected ? parsed == *expected : parsed == Unexpected(Error::invalid_argument);
}

std::string made_up_group(Random& random) {
  constexpr std::string_view kDigits = "0123456789abcdefABCDEF";
  if (random.below(3) == 0) { return "0"; }
  std::string group;
  for (std::size_t n = random.below(40) == 0 ? 5 * random.below(2) : 1 + random.below(4); n > 0; --n) {
    group += kDigits[random.below(kDigits.size())];
  }
  return group;
}

/// Mostly seven or eight groups, or fewer with a gap; sometimes with an IPv4 tail, sometimes damaged.
std::string made_up_text(Random& random) {
  const bool with_gap = random.below(2) == 0;
  const bool with_v4 = random.below(4) == 0;
  const std::size_t wanted = with_gap ? random.below(9) : random.below(10) == 0 ? random.below(10) : 8u - 2u * with_v4;
  const std::size_t gap = with_gap ? random.below(wanted + 1) : 100;
  std::string text;
  for (std::size_t i = 0; i < wanted; ++i) {
    if (i == gap) {
      text += "::";
    } else if (i > 0) {
      text += ':';
    }
    text += made_up_group(random);
  }
  if (gap == wanted) { text += "::"; }
  if (with_v4) {
    if (!text.empty() && text.back() != ':') { text += ':'; }
    for (int i = 0; i < 4; ++i) { text += (i > 0 ? "." : "") + std::to_string(random.below(270)); }
  }
  return random.below(3) == 0 ? random.damaged(text, "0123456789abcdefABCDEFg:::.. ") : text;
}

}  // namespace

TEST_CASE("an IPv6 address is written as RFC 5952 has it and read back") {
  check_round_trip("::"_ipv6, "::");
  check_round_trip("::1"_ipv6, "::1");
  check_round_trip("1::"_ipv6, "1::");
  check_round_trip("2001:db8::1:0:0:1"_ipv6, "2001:db8::1:0:0:1");
  check_round_trip("1:0:0:2::"_ipv6, "1:0:0:2::");
  check_round_trip("::2:0:0:0"_ipv6, "::2:0:0:0");
  check_round_trip("0:1:2:3:4:5:6:7"_ipv6, "0:1:2:3:4:5:6:7");
  check_round_trip("1:2:3:4:5:6:7:0"_ipv6, "1:2:3:4:5:6:7:0");
  check_round_trip("::ffff:255.255.255.255"_ipv6, "::ffff:255.255.255.255");
  check_round_trip("::fffe:1:1"_ipv6, "::fffe:1:1");
  check_round_trip("fe80::1%3"_ipv6, "fe80::1%3");
  check_round_trip("::ffff:1.2.3.4%1"_ipv6, "::ffff:1.2.3.4%1");
  check_round_trip(Ipv6Address(0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff'ffff),
                   "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295");
}

TEST_CASE("an IPv6 address in any other form is refused") {
  for (const char* text : {"",
                           ":",
                           ":::",
                           "1",
                           "1:",
                           ":1",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:",
                           ":1:2:3:4:5:6:7:8",
                           "1:2:3:4:5:6:7:8:",
                           "1:2:3:4:5:6:7:8:9",
                           "1:2:3:4:5:6:7:8::",
                           "::1:2:3:4:5:6:7:8",
                           "1:2:3:4::5:6:7:8",
                           "1::2::3",
                           "::1::",
                           ":::1",
                           "1:::2",
                           "12345::",
                           "g::",
                           "::g",
                           "::-1",
                           "::+1",
                           ":: 1",
                           " ::",
                           ":: ",
                           "::1.2.3",
                           "::1.2.3.256",
                           "::1.2.3.04",
                           "::1.2.3.4:5",
                           "::1.2.3.4.",
                           "1.2.3.4",
                           "1.2.3.4::",
                           "1:2:3:4:5:6:7:1.2.3.4",
                           "1:2:3:4:5:1.2.3.4",
                           "1:2:3:4:5:6:7::1.2.3.4",
                           "::1:2:3:4:5:6:1.2.3.4",
                           "[::1]",
                           "::1/64",
                           "::1%",
                           "::1%eth0",
                           "::1%-1",
                           "::1%01",
                           "::1%4294967296",
                           "::1%1%2",
                           "%1",
                           "::%1 "}) {
    check_refused<Ipv6Address>(text);
  }
  check_refused<Ipv6Address>(std::string_view("::1\0", 4));
}

TEST_CASE("a zone is a decimal number, and 0 is none") {
  CHECK(Ipv6Address::parse("fe80::1%4294967295") == Ipv6Address(0xfe80, 0, 0, 0, 0, 0, 0, 1, 4294967295));
  CHECK(Ipv6Address::parse("fe80::1%0") == "fe80::1"_ipv6);
  CHECK("fe80::1%7"_ipv6.zone() == 7);
  CHECK("fe80::1%7"_ipv6.with_zone(0) == "fe80::1"_ipv6);
  CHECK("fe80::1"_ipv6.with_zone(9) == "fe80::1%9"_ipv6);
  CHECK("fe80::1%1"_ipv6 != "fe80::1%2"_ipv6);
  CHECK("fe80::1%1"_ipv6 < "fe80::1%2"_ipv6);
  CHECK("fe80::1%2"_ipv6 < "fe80::2%1"_ipv6);
}

TEST_CASE("an IPv6 address cut short at any byte is refused or is another address, as the system has it") {
  for (const std::string text : {"2001:db8:85a3:8d3:1319:8a2e:370:7348", "2001:db8::8a2e:370:7348",
                                 "::ffff:192.0.2.128", "1:2:3:4:5:6:255.255.255.255", "::", "1::"}) {
    int accepted = 0;
    for (std::size_t size = 0; size <= text.size(); ++size) {
      INFO(text.substr(0, size));
      CHECK(agrees(text.substr(0, size), accepted));
    }
    CHECK(accepted > 0);
  }
}

TEST_CASE("two hundred thousand made-up IPv6 texts are taken and refused as the system does") {
  Random random;
  int accepted = 0;
  for (int i = 0; i < 200'000; ++i) {
    const std::string text = made_up_text(random);
    if (!agrees(text, accepted)) { FAIL_CHECK("\"" << text << "\": " << Ipv6Address::parse(text)); }
  }
  CHECK(accepted > 60'000);
  CHECK(accepted < 160'000);
}

TEST_CASE("every pattern of zero groups is written as the system does, and reads back") {
  for (unsigned pattern = 0; pattern < 256; ++pattern) {
    for (const unsigned other : {0x1u, 0xf0u, 0xabcu, 0xffffu}) {
      std::array<std::uint8_t, 16> bytes{};
      for (unsigned i = 0; i < 8; ++i) {
        if ((pattern >> i & 1) != 0) {
          bytes[2 * i] = static_cast<std::uint8_t>(other >> 8);
          bytes[2 * i + 1] = static_cast<std::uint8_t>(other);
        }
      }
      const Ipv6Address address = Ipv6Address::from_bytes(bytes);
      if (!is_v4_compatible(address)) { CHECK(to_text(address).view() == system_format(address)); }
      CHECK(Ipv6Address::parse(to_text(address)) == address);
      CHECK(system_parse(to_string(address)) == address);
    }
  }
}

TEST_CASE("random IPv6 addresses are written as the system does, and read back") {
  Random random;
  for (int i = 0; i < 20'000; ++i) {
    std::array<std::uint8_t, 16> bytes{};
    for (std::uint8_t& byte : bytes) { byte = random.below(2) == 0 ? std::uint8_t{0} : random.byte(); }
    const Ipv6Address address = Ipv6Address::from_bytes(bytes);
    const bool same = is_v4_compatible(address) || to_text(address).view() == system_format(address);
    if (!same || Ipv6Address::parse(to_text(address)) != address) { FAIL_CHECK(address); }
  }
}

TEST_CASE("a zone without a name is written and read as the system's getnameinfo and getaddrinfo do") {
  const Ipv6Address address = "fe80::1:2%1234567"_ipv6;
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  in.sin6_scope_id = address.zone();
  std::copy(address.bytes().begin(), address.bytes().end(), in.sin6_addr.s6_addr);
  char host[NI_MAXHOST];
  REQUIRE(::getnameinfo(reinterpret_cast<const sockaddr*>(&in), sizeof in, host, sizeof host, nullptr, 0,
                        NI_NUMERICHOST) == 0);
  CHECK(to_string(address) == host);

  addrinfo hints{};
  hints.ai_family = AF_INET6;
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* found = nullptr;
  REQUIRE(::getaddrinfo(to_text(address).c_str(), nullptr, &hints, &found) == 0);
  const sockaddr_in6 parsed = *reinterpret_cast<const sockaddr_in6*>(found->ai_addr);
  ::freeaddrinfo(found);
  CHECK(Ipv6Address::from_bytes(parsed.sin6_addr.s6_addr, parsed.sin6_scope_id) == address);
}

TEST_CASE("IPv6 addresses are classified at the edges of their blocks") {
  // `inside` and `outside` are told apart by `is`.
  const auto told_apart = [](auto is, std::vector<Ipv6Address> inside, std::vector<Ipv6Address> outside) {
    for (const Ipv6Address& address : inside) {
      INFO(address);
      CHECK((address.*is)());
    }
    for (const Ipv6Address& address : outside) {
      INFO(address);
      CHECK_FALSE((address.*is)());
    }
  };
  told_apart(&Ipv6Address::is_unspecified, {"::"_ipv6, "::%1"_ipv6}, {"::1"_ipv6, "8000::"_ipv6});
  told_apart(&Ipv6Address::is_loopback, {"::1"_ipv6, "::1%1"_ipv6}, {"::"_ipv6, "::2"_ipv6, "::ffff:127.0.0.1"_ipv6});
  told_apart(&Ipv6Address::is_multicast, {"ff00::"_ipv6, "ffff::1"_ipv6}, {"feff::"_ipv6, "::ff"_ipv6});
  told_apart(&Ipv6Address::is_link_local, {"fe80::"_ipv6, "febf:ffff::1"_ipv6},
             {"fe7f:ffff::"_ipv6, "fec0::"_ipv6, "ff80::"_ipv6});
  told_apart(&Ipv6Address::is_unique_local, {"fc00::"_ipv6, "fdff:ffff::"_ipv6}, {"fbff::"_ipv6, "fe00::"_ipv6});
  told_apart(&Ipv6Address::is_v4_mapped, {"::ffff:0:0"_ipv6, "::ffff:ffff:ffff"_ipv6},
             {"::fffe:ffff:ffff"_ipv6, "::1:0:0:0"_ipv6, "::1.2.3.4"_ipv6});
  told_apart(&Ipv6Address::is_documentation, {"2001:db8::"_ipv6, "2001:db8:ffff::1"_ipv6, "3fff:fff::"_ipv6},
             {"2001:db7::"_ipv6, "2001:db9::"_ipv6, "3ffe::"_ipv6, "3fff:1000::"_ipv6});
  told_apart(&Ipv6Address::is_solicited_node, {"ff02::1:ff00:0"_ipv6, "ff02::1:ffff:ffff"_ipv6},
             {"ff02::1:fe00:0"_ipv6, "ff02::2:ff00:0"_ipv6, "ff02::1"_ipv6});
  told_apart(
      &Ipv6Address::is_global,
      {"2000::"_ipv6, "2606:4700::1111"_ipv6, "2001:200::"_ipv6, "2001:1::1"_ipv6, "2001:1::2"_ipv6, "2001:1::3"_ipv6,
       "2001:3::"_ipv6, "2001:3:ffff::"_ipv6, "2001:4:112::1"_ipv6, "2001:4:112:ffff::"_ipv6, "2001:20::"_ipv6,
       "2001:3f:ffff::"_ipv6, "64:ff9b::1.2.3.4"_ipv6, "3ffe::"_ipv6},
      {"::"_ipv6,          "::1"_ipv6,          "1fff::"_ipv6,       "4000::"_ipv6,          "fc00::"_ipv6,
       "fe80::1"_ipv6,     "ff0e::1"_ipv6,      "2001:db8::1"_ipv6,  "2001::1"_ipv6,         "2001:1::4"_ipv6,
       "2001:2::"_ipv6,    "2001:4:111::"_ipv6, "2001:4:113::"_ipv6, "2001:1ff:ffff::"_ipv6, "2001:40::"_ipv6,
       "64:ff9b:1::"_ipv6, "100::1"_ipv6,       "5f00::1"_ipv6,      "3fff::1"_ipv6,         "::ffff:8.8.8.8"_ipv6});
}

TEST_CASE("the scope of an IPv6 address is its multicast field, or what RFC 6724 makes of a unicast address") {
  CHECK("ff01::1"_ipv6.scope() == Ipv6Scope::interface_local);
  CHECK(Ipv6Address::all_nodes().scope() == Ipv6Scope::link_local);
  CHECK("ff03::1"_ipv6.scope() == Ipv6Scope::realm_local);
  CHECK("ff04::1"_ipv6.scope() == Ipv6Scope::admin_local);
  CHECK("ff05::1"_ipv6.scope() == Ipv6Scope::site_local);
  CHECK("ff08::1"_ipv6.scope() == Ipv6Scope::organization_local);
  CHECK("ff3e::1"_ipv6.scope() == Ipv6Scope::global);
  CHECK("fe80::1"_ipv6.scope() == Ipv6Scope::link_local);
  CHECK("::1"_ipv6.scope() == Ipv6Scope::link_local);
  CHECK("fec0::1"_ipv6.scope() == Ipv6Scope::site_local);
  CHECK("fd00::1"_ipv6.scope() == Ipv6Scope::global);
  CHECK("2001:db8::1"_ipv6.scope() == Ipv6Scope::global);
}

TEST_CASE("the solicited-node address takes the last three bytes and the zone") {
  // RFC 4291 §2.7.1
  CHECK("4037::01:800:200E:8C6C"_ipv6.solicited_node() == "ff02::1:ff0e:8c6c"_ipv6);
  CHECK("fe80::aabb:ccff:fedd:eeff%4"_ipv6.solicited_node() == "ff02::1:ffdd:eeff%4"_ipv6);
  CHECK("fe80::1"_ipv6.solicited_node().is_solicited_node());
}

TEST_CASE("the well-known IPv6 addresses are what their names say") {
  CHECK(Ipv6Address::unspecified() == "::"_ipv6);
  CHECK(Ipv6Address::loopback() == "::1"_ipv6);
  CHECK(Ipv6Address::all_nodes(2) == "ff02::1%2"_ipv6);
  CHECK(Ipv6Address::all_routers(2) == "ff02::2%2"_ipv6);
  CHECK(Ipv6Address::all_routers() == "ff02::2"_ipv6);
}

TEST_CASE("an IPv4-mapped address gives its IPv4 address back, and no other does") {
  CHECK(Ipv6Address::from_v4("192.0.2.33"_ipv4) == "::ffff:192.0.2.33"_ipv6);
  CHECK(Ipv6Address::from_v4("192.0.2.33"_ipv4).to_v4() == "192.0.2.33"_ipv4);
  CHECK_FALSE("::192.0.2.33"_ipv6.to_v4().has_value());
  CHECK_FALSE("64:ff9b::192.0.2.33"_ipv6.to_v4().has_value());
}

TEST_CASE("bytes and groups are in network order") {
  const Ipv6Address address = "102:304:506:708:90a:b0c:d0e:f10"_ipv6;
  for (std::uint8_t i = 0; i < 16; ++i) { CHECK(address.bytes()[i] == i + 1); }
  CHECK(address.group(0) == 0x102);
  CHECK(address.group(7) == 0xf10);
  CHECK(Ipv6Address::from_bytes(address.bytes(), 5) == address.with_zone(5));
  CHECK_ASSERTS(static_cast<void>(address.group(8)));
}

TEST_CASE("prefixes of IPv6 addresses are measured and masked at every length") {
  const Ipv6Address address = "2001:db8:aaaa:5555:aaaa:5555:aaaa:5555%3"_ipv6;
  for (unsigned length = 0; length <= 128; ++length) {
    const Ipv6Address mask = Ipv6Address::netmask(length);
    for (unsigned bit = 0; bit < 128; ++bit) {
      const auto at = [bit](const Ipv6Address& of) { return of.bytes()[bit / 8] >> (7 - bit % 8) & 1; };
      const bool within = bit < length;
      if (at(mask) != within || at(address.masked(length)) != (within && at(address)) ||
          at(address.filled(length)) != (!within || at(address))) {
        FAIL_CHECK("length " << length << ", bit " << bit);
      }
    }
    CHECK(address.masked(length).zone() == 3);
    CHECK(address.filled(length).zone() == 3);
    CHECK(address.has_prefix(address.masked(length), length));
    if (length > 0) {
      Ipv6Address::Bytes bytes = address.bytes();
      bytes[(length - 1) / 8] = static_cast<std::uint8_t>(bytes[(length - 1) / 8] ^ 0x80 >> (length - 1) % 8);
      CHECK(address.common_prefix_length(Ipv6Address::from_bytes(bytes)) == length - 1);
      CHECK_FALSE(address.has_prefix(Ipv6Address::from_bytes(bytes), length));
    }
  }
  CHECK(address.common_prefix_length(address.with_zone(0)) == 128);
  CHECK_ASSERTS(static_cast<void>(Ipv6Address::netmask(129)));
  CHECK_ASSERTS(static_cast<void>(address.masked(129)));
  CHECK_ASSERTS(static_cast<void>(address.filled(129)));
}

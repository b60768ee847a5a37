#include "nal/ipv4_address.hpp"

#include <arpa/inet.h>
#include <catch2/catch_test_macros.hpp>

#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <type_traits>
#include <unordered_set>

#include "tests/nal/text_properties.hpp"
#include "tests/support/asserts.hpp"

using namespace nal;
using namespace nal::literals;
using namespace nal::test;

namespace {

static_assert("0.0.0.0"_ipv4 == Ipv4Address());
static_assert("127.0.0.1"_ipv4 == Ipv4Address::loopback());
static_assert("255.255.255.255"_ipv4 == Ipv4Address::broadcast());
static_assert("10.0.0.1"_ipv4.to_uint32() == 0x0a000001);
static_assert("1.2.3.4"_ipv4 < "1.2.3.5"_ipv4 && "9.255.255.255"_ipv4 < "10.0.0.0"_ipv4);
static_assert(to_text("192.168.100.200"_ipv4) == "192.168.100.200");
static_assert(Ipv4Address::from_bytes("198.51.100.7"_ipv4.bytes()) == Ipv4Address(198, 51, 100, 7));
static_assert(!Ipv4Address::parse("1.2.3").has_value());
static_assert(!Ipv4Address::parse("1.2.3.4.").has_value());
static_assert(std::is_trivially_copyable_v<Ipv4Address> && sizeof(Ipv4Address) == 4);

std::optional<Ipv4Address> system_parse(const std::string& text) {
  std::array<std::uint8_t, 4> bytes{};
  if (::inet_pton(AF_INET, text.c_str(), bytes.data()) != 1) { return std::nullopt; }
  return Ipv4Address::from_bytes(bytes);
}

std::string system_format(Ipv4Address address) {
  char text[INET_ADDRSTRLEN];
  const Ipv4Address::Bytes bytes = address.bytes();
  return ::inet_ntop(AF_INET, bytes.data(), text, sizeof text);
}

/// Whether parsing agrees with the system's; `accepted` counts what both took.
bool agrees(const std::string& text, int& accepted) {
  const std::optional<Ipv4Address> expected = system_parse(text);
  const Result<Ipv4Address> parsed = Ipv4Address::parse(text);
  if (expected) { ++accepted; }
  return expected ? parsed == *expected : parsed == Unexpected(Error::invalid_argument);
}

}  // namespace

TEST_CASE("an IPv4 address is written as a dotted quad and read back") {
  check_round_trip("0.0.0.0"_ipv4, "0.0.0.0");
  check_round_trip("1.20.255.3"_ipv4, "1.20.255.3");
  check_round_trip(Ipv4Address::broadcast(), "255.255.255.255");
}

TEST_CASE("an IPv4 address in any other form is refused") {
  for (const char* text :
       {"",          ".",        "...",      "1",          "1.2",       "1.2.3",           "1.2.3.",   "1.2.3.4.",
        "1.2.3.4.5", ".1.2.3.4", "1..2.3",   "256.0.0.0",  "0.0.0.256", "1.2.3.1000",      "01.2.3.4", "1.2.3.04",
        "1.2.3.00",  "1.2.3.4 ", " 1.2.3.4", "1.2.3.4\n",  "1.2.3.a",   "0x1.2.3.4",       "-1.2.3.4", "+1.2.3.4",
        "1,2,3,4",   "16909060", "::",       "1.2.3.4:80", "1.2.3.4/8", "4294967297.0.0.0"}) {
    check_refused<Ipv4Address>(text);
  }
  check_refused<Ipv4Address>(std::string_view("1.2.3.4\0", 8));
  check_refused<Ipv4Address>(std::string_view("1.2.3\0.4", 8));
}

TEST_CASE("an IPv4 address cut short at any byte is refused or is another address, as the system has it") {
  const std::string text = "192.168.100.200";
  int accepted = 0;
  for (std::size_t size = 0; size <= text.size(); ++size) {
    INFO(text.substr(0, size));
    CHECK(agrees(text.substr(0, size), accepted));
  }
  CHECK(accepted == 3);  // "192.168.100.2", "…20" and "…200"
}

TEST_CASE("every value of every byte agrees with the system's text") {
  for (unsigned value = 0; value <= 255; ++value) {
    const auto byte = static_cast<std::uint8_t>(value);
    for (const Ipv4Address address : {Ipv4Address(byte, 1, 2, 3), Ipv4Address(1, byte, 2, 3),
                                      Ipv4Address(1, 2, byte, 3), Ipv4Address(1, 2, 3, byte)}) {
      CHECK(to_text(address).view() == system_format(address));
      CHECK(Ipv4Address::parse(system_format(address)) == address);
    }
  }
}

TEST_CASE("a hundred thousand made-up IPv4 texts are taken and refused as the system does") {
  const std::vector<std::string> parts = {"0",  "1",  "9",   "10",  "99",  "100", "199", "200",  "249", "250", "255",
                                          "00", "01", "010", "256", "260", "300", "999", "1000", "",    "a",   "0x1"};
  Random random;
  int accepted = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::string text;
    const std::size_t count = random.below(12) == 0 ? 1 + random.below(6) : 4;
    for (std::size_t n = 0; n < count; ++n) {
      if (n > 0) { text += '.'; }
      text += random.below(4) == 0 ? random.pick(parts) : std::to_string(random.byte());
    }
    if (random.below(2) == 0) { text = random.damaged(text, "0123456789..x :"); }
    if (!agrees(text, accepted)) { FAIL_CHECK("\"" << text << "\": " << Ipv4Address::parse(text)); }
  }
  CHECK(accepted > 25'000);
  CHECK(accepted < 75'000);
}

TEST_CASE("IPv4 addresses are classified at the edges of their blocks") {
  const auto only = [](bool (Ipv4Address::*is)() const noexcept, Ipv4Address first, Ipv4Address last) {
    INFO(first << " - " << last);
    CHECK((first.*is)());
    CHECK((last.*is)());
    if (first.to_uint32() != 0) { CHECK_FALSE((Ipv4Address::from_uint32(first.to_uint32() - 1).*is)()); }
    if (~last.to_uint32() != 0) { CHECK_FALSE((Ipv4Address::from_uint32(last.to_uint32() + 1).*is)()); }
  };
  only(&Ipv4Address::is_unspecified, "0.0.0.0"_ipv4, "0.0.0.0"_ipv4);
  only(&Ipv4Address::is_loopback, "127.0.0.0"_ipv4, "127.255.255.255"_ipv4);
  only(&Ipv4Address::is_multicast, "224.0.0.0"_ipv4, "239.255.255.255"_ipv4);
  only(&Ipv4Address::is_link_local, "169.254.0.0"_ipv4, "169.254.255.255"_ipv4);
  only(&Ipv4Address::is_private, "10.0.0.0"_ipv4, "10.255.255.255"_ipv4);
  only(&Ipv4Address::is_private, "172.16.0.0"_ipv4, "172.31.255.255"_ipv4);
  only(&Ipv4Address::is_private, "192.168.0.0"_ipv4, "192.168.255.255"_ipv4);
  only(&Ipv4Address::is_broadcast, "255.255.255.255"_ipv4, "255.255.255.255"_ipv4);
  only(&Ipv4Address::is_documentation, "192.0.2.0"_ipv4, "192.0.2.255"_ipv4);
  only(&Ipv4Address::is_documentation, "198.51.100.0"_ipv4, "198.51.100.255"_ipv4);
  only(&Ipv4Address::is_documentation, "203.0.113.0"_ipv4, "203.0.113.255"_ipv4);
  only(&Ipv4Address::is_global, "192.0.0.9"_ipv4, "192.0.0.10"_ipv4);
  only(&Ipv4Address::is_global, "1.0.0.0"_ipv4, "9.255.255.255"_ipv4);
  only(&Ipv4Address::is_global, "100.128.0.0"_ipv4, "126.255.255.255"_ipv4);
  only(&Ipv4Address::is_global, "128.0.0.0"_ipv4, "169.253.255.255"_ipv4);
  only(&Ipv4Address::is_global, "169.255.0.0"_ipv4, "172.15.255.255"_ipv4);
  only(&Ipv4Address::is_global, "192.0.3.0"_ipv4, "192.167.255.255"_ipv4);
  only(&Ipv4Address::is_global, "192.169.0.0"_ipv4, "198.17.255.255"_ipv4);
  only(&Ipv4Address::is_global, "198.20.0.0"_ipv4, "198.51.99.255"_ipv4);
  only(&Ipv4Address::is_global, "203.0.114.0"_ipv4, "223.255.255.255"_ipv4);
  for (const Ipv4Address local : {"0.1.2.3"_ipv4, "100.100.0.1"_ipv4, "192.0.0.255"_ipv4, "198.19.255.255"_ipv4,
                                  "239.255.255.255"_ipv4, "240.0.0.1"_ipv4, "255.255.255.255"_ipv4}) {
    INFO(local);
    CHECK_FALSE(local.is_global());
  }
}

TEST_CASE("prefixes of IPv4 addresses are measured and masked at every length") {
  const Ipv4Address address = "192.0.2.129"_ipv4;
  for (unsigned length = 0; length <= 32; ++length) {
    const std::uint32_t mask = length == 0 ? 0 : 0xffffffffu << (32 - length);
    CHECK(Ipv4Address::netmask(length).to_uint32() == mask);
    CHECK(address.masked(length).to_uint32() == (address.to_uint32() & mask));
    CHECK(address.filled(length).to_uint32() == (address.to_uint32() | ~mask));
    CHECK(address.has_prefix(address.masked(length), length));
    if (length > 0) {
      const Ipv4Address other = Ipv4Address::from_uint32(address.to_uint32() ^ 1u << (32 - length));
      CHECK(address.common_prefix_length(other) == length - 1);
      CHECK_FALSE(address.has_prefix(other, length));
    }
  }
  CHECK(address.common_prefix_length(address) == 32);
  CHECK_ASSERTS(static_cast<void>(Ipv4Address::netmask(33)));
  CHECK_ASSERTS(static_cast<void>(address.masked(33)));
}

TEST_CASE("IPv4 addresses go into hashed containers and streams") {
  const std::unordered_set<Ipv4Address> set = {"10.0.0.1"_ipv4, "10.0.0.2"_ipv4, "10.0.0.1"_ipv4};
  CHECK(set.size() == 2);
  CHECK(set.contains("10.0.0.2"_ipv4));
}

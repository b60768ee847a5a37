#include "nal/endpoint.hpp"

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_set>

#include "tests/nal/text_properties.hpp"

using namespace nal;
using namespace nal::literals;
using namespace nal::test;

static_assert("1.2.3.4:80"_endpoint == Endpoint{Ipv4Address(1, 2, 3, 4), 80});
static_assert("[::1]:1883"_endpoint == Endpoint{Ipv6Address::loopback(), 1883});
static_assert("[fe80::1%2]:80"_endpoint.address.zone() == 2);
static_assert(Endpoint() == "0.0.0.0:0"_endpoint);
static_assert("10.0.0.1:2"_endpoint < "10.0.0.1:10"_endpoint && "10.0.0.1:10"_endpoint < "10.0.0.2:1"_endpoint);
static_assert(std::is_trivially_copyable_v<Endpoint> && std::is_aggregate_v<Endpoint> && sizeof(Endpoint) == 24);

TEST_CASE("an endpoint is written with its port, an IPv6 address in brackets, and read back") {
  check_round_trip("1.2.3.4:80"_endpoint, "1.2.3.4:80");
  check_round_trip("0.0.0.0:0"_endpoint, "0.0.0.0:0");
  check_round_trip("[::1]:65535"_endpoint, "[::1]:65535");
  check_round_trip("[::ffff:1.2.3.4]:1"_endpoint, "[::ffff:1.2.3.4]:1");
  check_round_trip("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535"_endpoint,
                   "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535");
}

TEST_CASE("an endpoint in any other form is refused") {
  for (const char* text :
       {"",           ":",           ":80",          "1.2.3.4",      "1.2.3.4:",     "1.2.3.4:65536",
        "1.2.3.4:-1", "1.2.3.4:+1",  "1.2.3.4:080",  "1.2.3.4: 80",  "1.2.3.4:80 ",  "1.2.3.4:http",
        "1.2.3:80",   "1.2.3.4:8:0", "[1.2.3.4]:80", "::1:80",       "[::1]",        "[::1]:",
        "[::1]80",    "[::1:80",     "::1]:80",      "[]:80",        "[[::1]]:80",   "[::1]]:80",
        "[::1]:8:0",  "[",           "[]",           "[::1]:100000", "[::1%eth0]:1", "localhost:80"}) {
    check_refused<Endpoint>(text);
  }
}

TEST_CASE("an endpoint cut short at any byte is refused until its port has begun") {
  for (const std::string text : {"192.0.2.1:65535", "[2001:db8::1%12]:65535"}) {
    const std::size_t port = text.rfind(':') + 1;
    const Endpoint whole = Endpoint::parse(text).value();
    for (std::size_t size = 0; size < text.size(); ++size) {
      INFO(text.substr(0, size));
      const Result<Endpoint> parsed = Endpoint::parse(std::string_view(text).substr(0, size));
      CHECK(parsed.has_value() == (size > port));
      if (parsed.has_value()) {
        CHECK(parsed->address == whole.address);
        CHECK(parsed->port == std::stoi(text.substr(port, size - port)));
      }
    }
  }
}

TEST_CASE("every port reads back") {
  for (unsigned port = 0; port <= 65535; ++port) {
    const Endpoint endpoint{Ipv4Address::loopback(), static_cast<std::uint16_t>(port)};
    if (to_text(endpoint) != "127.0.0.1:" + std::to_string(port) || Endpoint::parse(to_text(endpoint)) != endpoint) {
      FAIL_CHECK(endpoint);
    }
  }
}

TEST_CASE("made-up endpoint texts that are taken read back from their own text") {
  Random random;
  int accepted = 0;
  for (int i = 0; i < 50'000; ++i) {
    const std::string text =
        random.damaged(random.below(2) == 0 ? "10.20.30.40:5060" : "[fe80::a:b%9]:443", "0123456789abf:.[]%");
    const Result<Endpoint> endpoint = Endpoint::parse(text);
    if (!endpoint.has_value()) { continue; }
    ++accepted;
    if (Endpoint::parse(to_text(*endpoint)) != *endpoint) { FAIL_CHECK(text); }
  }
  CHECK(accepted > 5'000);
  CHECK(accepted < 45'000);
}

TEST_CASE("endpoints of one address and several ports share a hashed container") {
  const std::unordered_set<Endpoint> set = {"1.2.3.4:1"_endpoint, "1.2.3.4:2"_endpoint, "1.2.3.4:1"_endpoint};
  CHECK(set.size() == 2);
}

#include "nal/dns.hpp"

#include "tests/nal/net/support.hpp"
#include "tests/support/cancel.hpp"

namespace nal::test {

TEST_CASE("A lookup answers as late and as wrong as the resolver does", "[dns]") {
  NetTest test;
  auto& v4 = test.client.dns().answer("host", Family::v4);
  std::array<IpAddress, 4> out;
  v4 = {.addresses = {"192.0.2.7"_ip, "192.0.2.8"_ip}, .delay = 300_ms};
  const Instant start = test.executor.now();
  CHECK(test.block(lookup(test.client, "host", Family::v4, out)) == 2u);
  CHECK(test.executor.now() - start == 300_ms);
  CHECK(out[0] == "192.0.2.7"_ip);
  CHECK(out[1] == "192.0.2.8"_ip);
  CHECK(test.block(lookup(test.client, "host", Family::v6, out)) == Unexpected(Error::name_not_found));
  CHECK(test.block(lookup(test.client, "host", Family::any, std::span(out).first(1))) == 1u);
  v4 = {.error = Error::name_service_failed};
  CHECK(test.block(lookup(test.client, "host", Family::v4, out)) == Unexpected(Error::name_service_failed));
  CHECK(test.client.in_use() == 0);
}

TEST_CASE("A lookup that is never answered is withdrawn by its deadline", "[dns]") {
  NetTest test;
  test.client.dns().answer("host", Family::v4).delay = Duration::max();
  std::array<IpAddress, 4> out;
  CHECK(block_on(test.executor, with_timeout(5_s, lookup(test.client, "host", Family::v4, out))) ==
        Unexpected(Error::timed_out));
  CHECK(test.client.in_use() == 0);
  CHECK(test.client.nobody_waits());
}

TEST_CASE("An operation's question is given back as soon as it is answered", "[dns]") {
  NetTest test({.lookups = 1});
  test.client.dns().name("192.0.2.7"_ip, "seven.example");
  std::array<IpAddress, 4> out;
  std::array<char, 64> name;
  auto forward = lookup(test.client, "localhost", Family::v4, out);
  CHECK(test.block(forward) == 1u);
  // `forward` still stands, and yet there is room.
  const auto size = test.block(reverse_lookup(test.client, "192.0.2.7"_ip, name));
  REQUIRE(size);
  CHECK(std::string_view(name.data(), *size) == "seven.example");
  CHECK(test.block(reverse_lookup(test.client, "192.0.2.9"_ip, name)) == Unexpected(Error::name_not_found));
}

TEST_CASE("Lookups given up at any poll over a slow resolver are withdrawn", "[dns][cancel]") {
  struct Trial {
    Trial() {
      test.client.faults().hiccup = 2;
      test.client.dns().answer("host", Family::v4) = {.addresses = {"192.0.2.7"_ip}, .delay = 10_ms};
      test.client.dns().reverse_delay = 10_ms;
    }
    Executor& executor() { return test.executor; }
    static Duration patience() { return NetTest::kForever; }
    void given_up() {
      CHECK(test.client.in_use() == 0);
      CHECK(test.client.nobody_waits());
    }
    void finished(Result<std::size_t>& size) { CHECK(size); }
    NetTest test;
  };
  struct Forward : Trial {
    auto begin() { return lookup(test.client, "host", Family::v4, out); }
    std::array<IpAddress, 4> out;
  };
  struct Reverse : Trial {
    auto begin() { return reverse_lookup(test.client, "127.0.0.1"_ip, out); }
    std::array<char, 64> out;
  };
  CHECK(cancel_at_every_poll(std::make_unique<Forward>) >= 2);
  CHECK(cancel_at_every_poll(std::make_unique<Reverse>) >= 2);
}

}  // namespace nal::test

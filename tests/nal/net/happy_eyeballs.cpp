#include "nal/happy_eyeballs.hpp"

#include "tests/nal/net/support.hpp"
#include "tests/support/cancel.hpp"

namespace nal::test {

namespace {

constexpr IpAddress kBadV6 = "2001:db8:bad::1"_ip;
constexpr IpAddress kBadV6b = "2001:db8:bad::2"_ip;
constexpr IpAddress kBadV4 = "198.51.100.1"_ip;
constexpr IpAddress kBadV4b = "198.51.100.2"_ip;

/// A host called "host" with a server on port 80 of its addresses, of which a test may break any.
struct NameTest : NetTest {
  explicit NameTest(const FakeConfig& config = {}) : NetTest(config) {
    v4().addresses = {server_address(Family::v4)};
    v6().addresses = {server_address(Family::v6)};
  }

  FakeDns::Answer& v4() { return client.dns().answer("host", Family::v4); }
  FakeDns::Answer& v6() { return client.dns().answer("host", Family::v6); }
  void silence(const IpAddress& address) { network.connect_rule({address, 0}).outcome = ConnectRule::Outcome::vanish; }
  void refuse(const IpAddress& address) { network.connect_rule({address, 0}).outcome = ConnectRule::Outcome::refuse; }

  /// Connects and tells how long that took.
  Result<FakeTcpStream> try_connect() {
    const Instant start = executor.now();
    auto stream = block(connect(client, "host", 80));
    took = executor.now() - start;
    return stream;
  }
  Family connected_family() {
    const auto stream = try_connect();
    REQUIRE(stream);
    CHECK(stream->remote_endpoint().port == 80);
    // Whatever else was tried is gone.
    CHECK(client.tcp().slots_in_use() == 1);
    CHECK(client.dns().slots_in_use() == 0);
    CHECK(client.nobody_waits());
    CHECK(executor.next_timer().is_never());
    return stream->remote_endpoint().address.family();
  }
  std::vector<IpAddress> attempted() {
    std::vector<IpAddress> addresses;
    for (const Endpoint& remote : client.tcp().attempts()) { addresses.push_back(remote.address); }
    return addresses;
  }

  Duration took;
  FakeTcpListener listener4 = listen({.backlog = 100}, 80, Family::v4);
  FakeTcpListener listener6 = listen({.backlog = 100}, 80, Family::v6);
};

using Addresses = std::vector<IpAddress>;

}  // namespace

TEST_CASE("A name with both families is connected to over IPv6, at once", "[happy_eyeballs]") {
  NameTest test;
  CHECK(test.connected_family() == Family::v6);
  CHECK(test.took == 0_ms);
  CHECK(test.client.tcp().attempts().size() == 1);
}

TEST_CASE("A name with one family is connected to over that", "[happy_eyeballs]") {
  NameTest test;
  SECTION("IPv4 alone") {
    test.v6() = {};
    CHECK(test.connected_family() == Family::v4);
  }
  SECTION("IPv6 alone") {
    test.v4() = {};
    CHECK(test.connected_family() == Family::v6);
  }
  CHECK(test.took == 0_ms);
}

TEST_CASE("IPv4 waits 50 ms for the IPv6 answer, which wins when it comes by then", "[happy_eyeballs]") {
  NameTest test;
  test.v4().delay = 10_ms;
  test.v6().delay = 59_ms;
  CHECK(test.connected_family() == Family::v6);
  CHECK(test.took == 59_ms);
}

TEST_CASE("IPv4 is tried when the IPv6 answer has not come after 50 ms", "[happy_eyeballs]") {
  NameTest test;
  test.v4().delay = 10_ms;
  test.v6().delay = Duration::seconds(5);
  CHECK(test.connected_family() == Family::v4);
  CHECK(test.took == 60_ms);
  CHECK(test.attempted() == Addresses{test.server_address(Family::v4)});
}

TEST_CASE("IPv4 does not wait when IPv6 has answered that there is nothing", "[happy_eyeballs]") {
  NameTest test;
  test.v6() = {.delay = 20_ms, .error = Error::name_not_found};
  test.v4().delay = 10_ms;
  CHECK(test.connected_family() == Family::v4);
  CHECK(test.took == 20_ms);
}

TEST_CASE("A silent address has 250 ms before the other family is tried beside it", "[happy_eyeballs]") {
  NameTest test;
  test.silence(test.server_address(Family::v6));
  CHECK(test.connected_family() == Family::v4);
  CHECK(test.took == 250_ms);
}

TEST_CASE("An address that answers late still wins over one that answers later", "[happy_eyeballs]") {
  NameTest test;
  test.network.connect_rule({test.server_address(Family::v6), 0}).delay = 300_ms;
  test.network.connect_rule({test.server_address(Family::v4), 0}).delay = 100_ms;
  CHECK(test.connected_family() == Family::v6);
  CHECK(test.took == 300_ms);
  CHECK(test.client.tcp().attempts().size() == 2);
}

TEST_CASE("A refused address gives way to the next at once", "[happy_eyeballs]") {
  NameTest test;
  test.refuse(test.server_address(Family::v6));
  CHECK(test.connected_family() == Family::v4);
  CHECK(test.took == 0_ms);
}

TEST_CASE("Without IPv6 on this host IPv4 is tried at once", "[happy_eyeballs]") {
  NameTest test;
  FakeStack v4_only(test.network, {.addresses = {"192.0.2.9"_ip}, .has_ipv6 = false});
  v4_only.dns().answer("host", Family::v4).addresses = {test.server_address(Family::v4)};
  v4_only.dns().answer("host", Family::v6).addresses = {test.server_address(Family::v6)};
  const Instant start = test.executor.now();
  const auto stream = test.block(connect(v4_only, "host", 80));
  REQUIRE(stream);
  CHECK(stream->remote_endpoint().address.is_v4());
  CHECK(test.executor.now() == start);
}

TEST_CASE("The families take turns, IPv6 first", "[happy_eyeballs]") {
  NameTest test;
  test.v6().addresses = {kBadV6, kBadV6b};
  test.v4().addresses = {kBadV4, kBadV4b, test.server_address(Family::v4)};
  for (const IpAddress& address : {kBadV6, kBadV6b, kBadV4, kBadV4b}) { test.refuse(address); }
  CHECK(test.connected_family() == Family::v4);
  CHECK(test.attempted() == Addresses{kBadV6, kBadV4, kBadV6b, kBadV4b, test.server_address(Family::v4)});
}

TEST_CASE("With both places taken by silence the older gives its place up after its time", "[happy_eyeballs]") {
  NameTest test;
  test.v6().addresses = {kBadV6, kBadV6b};
  test.v4().addresses = {kBadV4, test.server_address(Family::v4)};
  for (const IpAddress& address : {kBadV6, kBadV6b, kBadV4}) { test.silence(address); }
  CHECK(test.connected_family() == Family::v4);
  CHECK(test.attempted() == Addresses{kBadV6, kBadV4, kBadV6b, test.server_address(Family::v4)});
  // The first address had its three seconds, and the second, which began a quarter of a second later.
  CHECK(test.took == 3250_ms);
}

TEST_CASE("Where there is no slot for a second attempt they are made one after the other", "[happy_eyeballs]") {
  NameTest test({.tcp_slots = 2});
  test.listener6 = test.listen({}, 81, Family::v6);
  // The client has one slot left.
  const auto taken = test.client.start_tcp({kBadV4b, 9}, {});
  test.silence(kBadV4b);
  REQUIRE(taken);
  SECTION("a refused one makes room at once") {
    test.refuse(test.server_address(Family::v6));
    const auto stream = test.try_connect();
    REQUIRE(stream);
    CHECK(stream->remote_endpoint().address.is_v4());
    CHECK(test.took == 0_ms);
  }
  SECTION("a silent one after its time") {
    test.silence(test.server_address(Family::v6));
    const auto stream = test.try_connect();
    REQUIRE(stream);
    CHECK(stream->remote_endpoint().address.is_v4());
    CHECK(test.took == 3_s);
  }
  SECTION("a good one is connected to") {
    test.network.connect_rule({test.server_address(Family::v6), 0}).delay = 400_ms;
    test.listener6 = test.listen({}, 80, Family::v6);
    const auto stream = test.try_connect();
    REQUIRE(stream);
    CHECK(stream->remote_endpoint().address.is_v6());
    CHECK(test.took == 400_ms);
  }
}

TEST_CASE("Where there is no slot at all connecting by name is an error", "[happy_eyeballs]") {
  NameTest test({.tcp_slots = 1});
  test.silence(kBadV4b);
  const auto taken = test.client.start_tcp({kBadV4b, 9}, {});
  REQUIRE(taken);
  const auto stream = test.try_connect();
  REQUIRE_FALSE(stream);
  CHECK(stream.error() == Error::table_full);
}

TEST_CASE("Where there is room for one question they are asked one after the other", "[happy_eyeballs]") {
  NameTest test({.lookups = 1});
  SECTION("IPv6 answers") {
    test.v6().delay = 20_ms;
    CHECK(test.connected_family() == Family::v6);
    CHECK(test.took == 20_ms);
  }
  SECTION("only IPv4 has an address") {
    test.v6() = {.delay = 20_ms};
    test.v4().delay = 30_ms;
    CHECK(test.connected_family() == Family::v4);
    CHECK(test.took == 50_ms);
  }
}

TEST_CASE("An IPv6 answer that comes late is used when IPv4 does not work", "[happy_eyeballs]") {
  NameTest test;
  test.v6().delay = 700_ms;
  test.v4().delay = 10_ms;
  SECTION("refused: the answer is waited for") {
    test.refuse(test.server_address(Family::v4));
    CHECK(test.connected_family() == Family::v6);
    CHECK(test.took == 700_ms);
  }
  SECTION("silent: tried beside it as soon as it is known") {
    test.silence(test.server_address(Family::v4));
    CHECK(test.connected_family() == Family::v6);
    CHECK(test.took == 700_ms);
  }
  SECTION("silent, and the answer within the 250 ms: tried when they are over") {
    test.v6().delay = 100_ms;
    test.silence(test.server_address(Family::v4));
    CHECK(test.connected_family() == Family::v6);
    CHECK(test.took == 310_ms);
  }
}

TEST_CASE("When every address fails the last error is told, and nothing is left", "[happy_eyeballs]") {
  NameTest test;
  test.refuse(test.server_address(Family::v6));
  test.network.connect_rule({test.server_address(Family::v4), 0}).outcome = ConnectRule::Outcome::host_unreachable;
  const auto stream = test.try_connect();
  REQUIRE_FALSE(stream);
  CHECK(stream.error() == Error::host_unreachable);
  CHECK(test.client.in_use() == 0);
  CHECK(test.client.nobody_waits());
}

TEST_CASE("A silent name is given up under a deadline, and nothing is left", "[happy_eyeballs]") {
  NameTest test;
  test.silence(test.server_address(Family::v6));
  test.silence(test.server_address(Family::v4));
  const auto stream = block_on(test.executor, with_timeout(2_s, connect(test.client, "host", 80)));
  CHECK(stream.error_or(Error{}) == Error::timed_out);
  CHECK(test.client.in_use() == 0);
  CHECK(test.client.nobody_waits());
  CHECK(test.executor.next_timer().is_never());
}

TEST_CASE("A name without addresses says why", "[happy_eyeballs]") {
  NameTest test;
  SECTION("there is no such name") {
    test.v6() = {};
    test.v4() = {};
    CHECK(test.try_connect().error_or(Error{}) == Error::name_not_found);
  }
  SECTION("nobody knows") {
    test.v6() = {.error = Error::name_service_failed};
    test.v4() = {.error = Error::name_service_failed};
    CHECK(test.try_connect().error_or(Error{}) == Error::name_service_failed);
  }
  SECTION("one family does not exist, of the other nobody knows") {
    test.v6() = {};
    test.v4() = {.error = Error::name_service_failed};
    CHECK(test.try_connect().error_or(Error{}) == Error::name_service_failed);
  }
  SECTION("and the other way round") {
    test.v6() = {.error = Error::name_service_failed};
    test.v4() = {};
    CHECK(test.try_connect().error_or(Error{}) == Error::name_service_failed);
  }
  SECTION("it is no name at all") {
    CHECK(test.block(connect(test.client, "no..name", 80)).error_or(Error{}) == Error::invalid_argument);
  }
  CHECK(test.client.in_use() == 0);
  CHECK(test.client.tcp().attempts().empty());
}

TEST_CASE("A literal address is connected to without a question", "[happy_eyeballs]") {
  NameTest test;
  const auto v4 = test.block(connect(test.client, "192.0.2.2", 80));
  REQUIRE(v4);
  CHECK(v4->remote_endpoint() == "192.0.2.2:80"_endpoint);
  const auto v6 = test.block(connect(test.client, "2001:db8::2", 80));
  REQUIRE(v6);
  CHECK(v6->remote_endpoint() == "[2001:db8::2]:80"_endpoint);
  CHECK(test.client.dns().asked() == 0);
}

TEST_CASE("Names may be resolved by another stack than the one that connects", "[happy_eyeballs]") {
  NameTest test;
  FakeStack resolver(test.network, {.addresses = {"192.0.2.53"_ip}});
  resolver.dns().answer("elsewhere", Family::v4).addresses = {test.server_address()};
  const auto stream = test.block(connect(test.client, resolver, "elsewhere", 80, {.hop_limit = std::uint8_t{5}}));
  REQUIRE(stream);
  CHECK(stream->options().hop_limit == 5);
  CHECK(test.client.dns().asked() == 0);
}

TEST_CASE("More addresses than are kept are left out", "[happy_eyeballs]") {
  NameTest test;
  test.v4() = {};
  test.v6().addresses.clear();
  for (std::uint8_t i = 1; i <= 9; ++i) {
    Ipv6Address::Bytes address{0x20, 1, 0x0d, 0xb8, 0xba, 0xd0};
    address[15] = i;
    test.v6().addresses.push_back(Ipv6Address::from_bytes(address));
    test.refuse(test.v6().addresses.back());
  }
  CHECK(test.try_connect().error_or(Error{}) == Error::connection_refused);
  CHECK(test.attempted() == Addresses(test.v6().addresses.begin(), test.v6().addresses.begin() + 4));
}

TEST_CASE("Connecting by name given up at any poll leaves no question and no attempt", "[happy_eyeballs][cancel]") {
  struct Trial {
    Trial() {
      // Every state is passed through: waiting for answers, for IPv6, for one attempt, for two, for a place.
      test.v4().delay = 10_ms;
      test.v6().delay = 100_ms;
      test.v4().addresses = {kBadV4, kBadV4b};
      test.v6().addresses = {kBadV6, test.server_address(Family::v6)};
      for (const IpAddress& address : {kBadV4, kBadV4b, kBadV6}) { test.silence(address); }
    }
    Executor& executor() { return test.executor; }
    static Duration patience() { return NetTest::kForever; }
    auto begin() { return connect(test.client, "host", 80); }
    void given_up() {
      CHECK(test.client.nobody_waits());
      CHECK(test.executor.next_timer().is_never());
      // A handshake that was done without anybody having been told lingers as a dropped stream does.
      CHECK(test.client.in_use() == test.client.tcp().lingering());
      test.client.dns().answer("good", Family::v4).addresses = {test.server_address()};
      CHECK(test.block(connect(test.client, "good", 80)));
    }
    void finished(Result<FakeTcpStream>& stream) {
      REQUIRE(stream);
      CHECK(stream->remote_endpoint().address == test.server_address(Family::v6));
    }
    NameTest test;
  };
  CHECK(cancel_at_every_poll(std::make_unique<Trial>) >= 6);
}

TEST_CASE("Connecting by name given up at any poll over a stack that blocks without need leaves nothing",
          "[happy_eyeballs][cancel]") {
  struct Trial {
    Trial() { test.client.faults().hiccup = 2; }
    Executor& executor() { return test.executor; }
    static Duration patience() { return NetTest::kForever; }
    auto begin() { return connect(test.client, "host", 80); }
    void given_up() {
      CHECK(test.client.nobody_waits());
      CHECK(test.client.in_use() == test.client.tcp().lingering());
    }
    void finished(Result<FakeTcpStream>& stream) { CHECK(stream); }
    NameTest test;
  };
  CHECK(cancel_at_every_poll(std::make_unique<Trial>) >= 2);
}

TEST_CASE("Connecting by name with memory failing in turn is an error or works, and leaves nothing",
          "[happy_eyeballs][memory]") {
  unsigned failed = 0;
  for (unsigned which = 1; which <= 6; ++which) {
    NameTest test;
    test.silence(test.server_address(Family::v6));
    test.client.faults().fail_allocation = which;
    const auto stream = test.try_connect();
    if (!stream) {
      // Without a question about IPv4 only the silent address is left.
      CHECK((stream.error() == Error::no_memory || stream.error() == Error::timed_out));
      CHECK(test.client.in_use() == 0);
    }
    failed += test.client.faults().fail_allocation == 0 ? 1 : 0;
    CHECK(test.client.nobody_waits());
  }
  CHECK(failed >= 4);
}

}  // namespace nal::test

#include "tests/nal/resolver/server.hpp"

namespace nal::dns::test {
namespace {

std::vector<Rr> names() {
  return {address_record("a.example", "192.0.2.11", 0), address_record("b.example", "192.0.2.12", 0)};
}

/// Two servers, of which the second tells the names.
struct TwoServers : ResolverTest {
  explicit TwoServers(NameServer::Answer first) : ResolverTest(std::move(first)) { add_second(zone(names())); }
};

}  // namespace

TEST_CASE("A server that says nothing is given its time, then the next is asked", "[dns][failover]") {
  TwoServers test(silence);
  const Instant start = test.executor.now();
  CHECK(test.good("a.example") == Texts{"192.0.2.11"});
  CHECK(test.executor.now() - start == test.options.timeout);
  CHECK(test.heard() == 1);
  // For a while it is asked last.
  CHECK(test.good("b.example") == Texts{"192.0.2.12"});
  CHECK(test.executor.now() - start == test.options.timeout);
  CHECK(test.heard() == 1);
  test.pass(31_s);
  test.server_task.answer = zone(names());
  CHECK(test.good("a.example") == Texts{"192.0.2.11"});
  CHECK(test.heard() == 2);
  CHECK(test.second->heard.size() == 2);
}

TEST_CASE("A server that fails, refuses, or does not answer what it was asked is passed over at once",
          "[dns][failover]") {
  const auto flags = [](std::uint16_t with, unsigned rcode, std::vector<Rr> records = {}) {
    return [=](const Heard& heard) -> std::vector<Bytes> { return {reply(heard.message, records, rcode, with)}; };
  };
  Rr torn = address_record("a.example", "192.0.2.66");
  torn.data.pop_back();
  const Rr referral{
      .section = Section::authority, .name = "example", .type = Type::ns, .data = Bytes().name("ns.example")};
  const std::vector<std::pair<std::string, NameServer::Answer>> bad{
      {"SERVFAIL", code(2)},
      {"REFUSED", code(5)},
      {"NOTAUTH", code(9)},
      {"malformed", flags(kAnswered, 0, {torn})},
      {"a referral", flags(kAnswered, 0, {referral})},
      {"neither authoritative nor recursive", flags(Header::kResponse, 0)},
      {"SERVFAIL without the question",
       [](const Heard& heard) -> std::vector<Bytes> { return {Bytes().header(heard.id, 0x8182, 0, 0)}; }},
      {"more records than there are",
       [](const Heard& heard) -> std::vector<Bytes> {
         Bytes lie = reply(heard.message, {address_record("a.example", "192.0.2.66")});
         lie[7] = std::byte{9};
         return {lie};
       }},
  };
  for (const auto& [what, answer] : bad) {
    INFO(what);
    TwoServers test(answer);
    const Instant start = test.executor.now();
    CHECK(test.good("a.example") == Texts{"192.0.2.11"});
    CHECK(test.executor.now() == start);
    CHECK(test.heard() == 1);
    test.check_nothing_left();
  }
}

TEST_CASE("A server that is not there is passed over at once", "[dns][failover]") {
  ResolverTest test(zone(names()));
  test.servers.insert(test.servers.begin(), {FakeWorld::other_server_address(), kPort});
  test.configure();
  const Instant start = test.executor.now();
  CHECK(test.good("a.example") == Texts{"192.0.2.11"});
  CHECK(test.executor.now() == start);
  // An address that nobody has.
  test.servers[0] = "192.0.2.200:53"_endpoint;
  test.configure();
  CHECK(test.good("a.example") == Texts{"192.0.2.11"});
  CHECK(test.executor.now() == start);
}

TEST_CASE("When every server says that it cannot, none is asked twice", "[dns][failover]") {
  ResolverTest test(code(2));
  test.add_second(code(5));
  const Instant start = test.executor.now();
  CHECK(test.failure("a.example") == Error::name_service_failed);
  CHECK(test.executor.now() == start);
  CHECK(test.heard() == 1);
  CHECK(test.second->heard.size() == 1);
}

TEST_CASE("When every server is silent, each is asked a bounded number of times, with longer waits",
          "[dns][failover]") {
  ResolverTest test(silence);
  test.options.total = 1_min;
  test.add_second(silence);
  const Instant start = test.executor.now();
  CHECK(test.failure("a.example") == Error::timed_out);
  CHECK(test.heard() == test.options.rounds);
  CHECK(test.second->heard.size() == test.options.rounds);
  CHECK(test.executor.now() - start == 2 * (2_s + 4_s + 8_s));
  const auto& heard = test.server_task.heard;
  CHECK(heard[1].at - heard[0].at == 4_s);
  CHECK(heard[2].at - heard[1].at == 8_s);
  // The last time without what an old network may not let through.
  CHECK(heard[0].edns == 600);
  CHECK(heard[1].edns == 600);
  CHECK_FALSE(heard[2].edns);
  CHECK(heard[0].id != heard[1].id);
  CHECK(heard[0].port != heard[1].port);
  test.check_nothing_left();
}

TEST_CASE("A question takes no longer than its settings say, search list and all", "[dns][failover]") {
  for (const Duration total : {1_s, 2_s, 3_s, 9_s}) {
    ResolverTest test(silence);
    test.add_second([](const Heard& heard) -> std::vector<Bytes> {
      return lower(heard.name) == "a.x.example" ? zone({})(heard) : std::vector<Bytes>{};
    });
    test.search = {"x.example", "y.example"};
    test.options.total = total;
    test.configure();
    const Instant start = test.executor.now();
    CHECK(test.failure("a") == Error::timed_out);
    CHECK(test.executor.now() - start == total);
    test.check_nothing_left();
  }
}

TEST_CASE("A lost datagram is asked for again", "[dns][failover]") {
  ResolverTest test(zone(names()));
  test.client.faults().lose_datagrams = 1;
  CHECK(test.good("a.example") == Texts{"192.0.2.11"});
  CHECK(test.heard() == 1);
  test.server.faults().lose_datagrams = 1;
  CHECK(test.good("b.example") == Texts{"192.0.2.12"});
  CHECK(test.heard() == 3);
}

TEST_CASE("A server that is mended answers a question that was begun while it was silent", "[dns][failover]") {
  ResolverTest test(silence);
  std::array<IpAddress, 2> out;
  auto asked = lookup(test.resolver, "a.example", Family::v4, out);
  CHECK(block_on(test.executor, with_timeout(3_s, asked)) == Unexpected(Error::timed_out));
  test.server_task.answer = zone(names());
  CHECK(test.block(asked) == 1u);
}

TEST_CASE("A server that does not know EDNS is asked without, from then on", "[dns][failover]") {
  for (const unsigned refusal : {1u, 4u}) {
    const auto old_server = [refusal](const Heard& heard) -> std::vector<Bytes> {
      if (heard.edns) { return {Bytes().header(heard.id, kAnswered | refusal, 0, 0)}; }
      return zone(names())(heard);
    };
    ResolverTest test(old_server);
    const Instant start = test.executor.now();
    CHECK(test.good("a.example") == Texts{"192.0.2.11"});
    CHECK(test.executor.now() == start);
    CHECK(test.heard() == 2);
    CHECK(test.good("b.example") == Texts{"192.0.2.12"});
    CHECK(test.heard() == 3);
    CHECK_FALSE(test.server_task.heard[2].edns);
  }
}

TEST_CASE("A server that refuses with EDNS and without has failed", "[dns][failover]") {
  for (const unsigned refusal : {1u, 4u}) {
    TwoServers test(code(refusal));
    CHECK(test.good("a.example") == Texts{"192.0.2.11"});
    CHECK(test.heard() == 2);
  }
}

TEST_CASE("EDNS and random case may be left out by the settings", "[dns][failover]") {
  ResolverTest test(zone(names()));
  test.options.edns = false;
  test.options.mixed_case = false;
  test.options.first_port = 0;
  test.configure();
  test.good("a.example");
  CHECK_FALSE(test.server_task.heard[0].edns);
  CHECK(test.server_task.heard[0].name == "a.example");
  CHECK(test.server_task.heard[0].port >= 49152);
}

TEST_CASE("A port that is taken is no reason to fail", "[dns][failover]") {
  ResolverTest test(zone(names()));
  test.options.first_port = 65535;
  test.configure();
  auto taken = test.client.udp_bind_single({FakeWorld::client_address(), 65535}, {});
  REQUIRE(taken);
  CHECK(test.good("a.example") == Texts{"192.0.2.11"});
  CHECK(test.server_task.heard[0].port != 65535);
}

TEST_CASE("Names of the search list are not looked for behind a server's failure", "[dns][failover][search]") {
  ResolverTest test(code(2));
  test.search = {"x.example", "y.example"};
  test.configure();
  CHECK(test.failure("a") == Error::name_service_failed);
  CHECK(test.heard() == 1);
}

TEST_CASE("If the one family's servers fail, the addresses of the other are the answer", "[dns][failover]") {
  const auto half = [](const Heard& heard) -> std::vector<Bytes> {
    if (heard.type == Type::aaaa) { return {reply(heard.message, {}, 2)}; }
    return zone(names())(heard);
  };
  ResolverTest test(half);
  CHECK(test.good("a.example", Family::any) == Texts{"192.0.2.11"});
  CHECK(test.failure("c.example", Family::any) == Error::name_service_failed);
}

}  // namespace nal::dns::test

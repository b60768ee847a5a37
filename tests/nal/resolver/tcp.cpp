#include "tests/nal/resolver/server.hpp"

namespace nal::dns::test {
namespace {

/// By UDP only that it was cut; by TCP so many addresses.
NameServer::Answer large(unsigned count) {
  return [count](const Heard& heard) -> std::vector<Bytes> {
    if (!heard.tcp) { return {reply(heard.message, {}, 0, kAnswered | Header::kTruncated)}; }
    std::vector<Rr> records;
    for (unsigned i = 0; i < count; ++i) {
      records.push_back(address_record(lower(heard.name), "192.0.2." + std::to_string(i + 1)));
    }
    return {reply(heard.message, records)};
  };
}

}  // namespace

TEST_CASE("An answer that was cut is asked for by TCP", "[dns][tcp]") {
  ResolverTest test(large(5));
  CHECK(test.good("a.example").size() == 5);
  REQUIRE(test.heard() == 2);
  CHECK(test.server_task.heard[1].tcp);
  CHECK(test.server_task.heard[0].id != test.server_task.heard[1].id);
  CHECK(test.resolver.statistics().asked_tcp == 1);
  CHECK(test.good("a.example").size() == 5);
  CHECK(test.heard() == 2);
  test.check_nothing_left();
}

TEST_CASE("The records of an answer that was cut are not used", "[dns][tcp]") {
  ResolverTest test([](const Heard& heard) -> std::vector<Bytes> {
    const bool cut = !heard.tcp;
    return {reply(heard.message, {address_record("a.example", cut ? "192.0.2.66" : "192.0.2.1")}, 0,
                  static_cast<std::uint16_t>(kAnswered | (cut ? Header::kTruncated : 0)))};
  });
  CHECK(test.good("a.example") == Texts{"192.0.2.1"});
}

TEST_CASE("A datagram larger than there is room is asked for by TCP, and of that what fits is used", "[dns][tcp]") {
  ResolverTest test([](const Heard& heard) -> std::vector<Bytes> {
    std::vector<Rr> records;
    for (unsigned i = 0; i < 40; ++i) {
      records.push_back(address_record("a.example", "192.0.2." + std::to_string(i)));
    }
    return {reply(heard.message, records)};
  });
  auto question = test.resolver.start_query("a.example", Type::a);
  REQUIRE(question);
  const auto found = test.block(records(*question));
  REQUIRE(found);
  CHECK(found->cut());
  CHECK(found->size() == (kTestConfig.message_bytes - 12 - 15) / 25);
  CHECK(test.heard() == 2);
}

TEST_CASE("A message comes by TCP in pieces of any size", "[dns][tcp]") {
  for (const std::size_t chunk : {1u, 2u, 3u, 7u, 100u}) {
    ResolverTest test(large(20), {.receive_ring = 64, .send_ring = 64});
    test.server_task.chunk = chunk;
    test.client.faults().chunk = chunk;
    INFO("pieces of " << chunk);
    CHECK(test.good("a.example").size() == 8);
    test.check_nothing_left();
  }
}

TEST_CASE("A server whose connection breaks or lies about the length has failed", "[dns][tcp]") {
  ResolverTest whole(large(2));
  whole.good("a.example");
  const std::size_t size = 2 + whole.server_task.heard[1].message.size() - 11 + 2 * 25;
  for (std::size_t end = 0; end <= size; ++end) {
    INFO("ends behind " << end << " bytes");
    ResolverTest test(large(2));
    test.server_task.end_after = end;
    const Instant start = test.executor.now();
    CHECK(test.addresses("a.example").has_value() == (end == size));
    CHECK(test.executor.now() == start);
    test.check_nothing_left();
  }
  for (const unsigned length : {0u, 1u, 11u, 12u, 26u, 27u, 76u}) {
    INFO("length " << length);
    ResolverTest test(large(2));
    test.server_task.length = static_cast<std::uint16_t>(length);
    CHECK(test.failure("a.example") == Error::name_service_failed);
    test.check_nothing_left();
  }
  // More than comes: waited for no longer than it may take.
  for (const unsigned length : {80u, 600u, 601u, 65535u}) {
    INFO("length " << length);
    ResolverTest test(large(2));
    test.server_task.length = static_cast<std::uint16_t>(length);
    const Instant start = test.executor.now();
    CHECK(test.failure("a.example") == Error::timed_out);
    CHECK(test.executor.now() - start <= test.options.total);
    test.check_nothing_left();
  }
}

TEST_CASE("A wrong answer by TCP is the server's failure", "[dns][tcp]") {
  ResolverTest test([](const Heard& heard) -> std::vector<Bytes> {
    if (!heard.tcp) { return large(0)(heard); }
    Bytes wrong = reply(heard.message, {address_record("a.example", "192.0.2.66")});
    wrong[0] ^= std::byte{1};
    return {wrong};
  });
  CHECK(test.failure("a.example") == Error::name_service_failed);
  test.add_second(large(3));
  CHECK(test.good("a.example").size() == 3);
}

TEST_CASE("A server that takes no connections, or never answers one, is passed over", "[dns][tcp]") {
  for (const auto outcome : {nal::test::ConnectRule::Outcome::refuse, nal::test::ConnectRule::Outcome::vanish}) {
    ResolverTest test(large(2));
    test.add_second(zone({address_record("a.example", "192.0.2.99")}));
    test.network.connect_rule(test.servers[0]).outcome = outcome;
    CHECK(test.good("a.example") == Texts{"192.0.2.99"});
    test.check_nothing_left();
  }
}

TEST_CASE("A stack without room for a connection is the error of the question", "[dns][tcp]") {
  ResolverTest test(large(2), {.tcp_slots = 1});
  auto listener = test.server.listen({FakeWorld::server_address(), 80}, {});
  auto taken = test.block(connect(test.client, {FakeWorld::server_address(), 80}));
  REQUIRE(taken);
  CHECK(test.failure("a.example") == Error::table_full);
}

TEST_CASE("By its settings a resolver asks by TCP alone", "[dns][tcp]") {
  ResolverTest test(zone({address_record("a.example", "192.0.2.1")}));
  test.options.tcp_only = true;
  test.configure();
  CHECK(test.good("a.example") == Texts{"192.0.2.1"});
  REQUIRE(test.heard() == 1);
  CHECK(test.server_task.heard[0].tcp);
}

}  // namespace nal::dns::test

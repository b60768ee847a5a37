#include <random>
#include <set>

#include "tests/examples/mqtt/world.hpp"

using namespace mqtt;
using namespace mqtt::test;
using namespace nal::literals;
using nal::Error;
using nal::Result;
using nal::Task;

namespace {

Task<Result<>> enqueue_numbers(Session& session, unsigned count, unsigned& accepted) {
  for (unsigned i = 0; i < count; ++i) {
    const std::string text = std::to_string(i);
    NAL_CO_TRY(session.enqueue("t", text));
    accepted = i + 1;
  }
  co_return Result<>();
}

/// About as fast as a store of four empties while the broker comes and goes.
Task<Result<>> enqueue_slowly(Session& session, unsigned count, unsigned& accepted) {
  for (unsigned i = 0; i < count; ++i) {
    const std::string text = std::to_string(i);
    NAL_CO_TRY(session.enqueue("t", text));
    accepted = i + 1;
    static_cast<void>(co_await nal::sleep(nal::Duration::milliseconds(i % 7)));
  }
  co_return Result<>();
}

Task<Result<>> receive_all(Session& session, std::vector<std::string>& received) {
  for (;;) {
    NAL_CO_TRY_SET(const Message message, session.receive());
    received.emplace_back(message.text());
  }
}

std::set<std::string> numbers(unsigned count) {
  std::set<std::string> all;
  for (unsigned i = 0; i < count; ++i) { all.insert(std::to_string(i)); }
  return all;
}

std::set<std::string> set_of(const std::vector<std::string>& list) { return {list.begin(), list.end()}; }

}  // namespace

TEST_CASE("A broker that breaks the connection after every packet loses no message of QoS 1", "[mqtt]") {
  for (std::size_t dies_after = 2; dies_after <= 6; ++dies_after) {
    World world({.client_id = "c", .clean_session = dies_after % 2 == 0, .reconnect = {.initial = 10_ms}});
    world.broker.dies_after = dies_after;
    world.start_run();
    unsigned accepted = 0;
    nal::TaskSlot<4096> slot;
    CHECK(nal::block_on(world.executor, slot, enqueue_numbers, world.client, 30U, accepted) == Result<>());
    CHECK(nal::block_on(world.executor, nal::with_timeout(1_h, world.client.drained())) == Result<>());
    CHECK(set_of(world.broker.published) == numbers(30));
    CHECK(world.broker.connections > 4);
  }
}

TEST_CASE("A message the server took without a PUBACK comes again with DUP", "[mqtt]") {
  World world;
  world.broker.acknowledges = false;
  world.start_run();
  nal::TaskSlot<4096> slot;
  unsigned accepted = 0;
  REQUIRE(slot.start(world.executor, enqueue_numbers, world.client, 2U, accepted));
  world.run_for(1_s);
  CHECK(world.broker.published.size() == 2);
  CHECK(world.broker.duplicates == 0);
  world.broker.stop();
  world.broker.acknowledges = true;
  world.broker.start();
  CHECK(nal::block_on(world.executor, nal::with_timeout(1_min, world.client.drained())) == Result<>());
  CHECK(world.broker.published == std::vector<std::string>{"0", "1", "0", "1"});
  CHECK(world.broker.duplicates == 2);
}

TEST_CASE("A thousand restarts of the broker at random lose no message that was accepted", "[mqtt]") {
  std::minstd_rand random(20);
  World world({.client_id = "c", .clean_session = false, .reconnect = {.initial = 5_ms, .maximum = 20_ms}});
  world.start_run();
  constexpr unsigned kMessages = 5000;
  unsigned accepted = 0;
  nal::TaskSlot<4096> slot;
  REQUIRE(slot.start(world.executor, enqueue_slowly, world.client, kMessages, accepted));
  unsigned restarts = 0;
  while (restarts < 1000 || slot.running()) {
    world.run_for(nal::Duration::milliseconds(static_cast<int>(random() % 40)));
    // Then rounds rather than time, so that every stage of an exchange is hit.
    for (auto rounds = random() % 12; rounds != 0; --rounds) { world.executor.poll_once(); }
    world.broker.stop();
    ++restarts;
    if (random() % 2 == 0) { world.run_for(nal::Duration::milliseconds(static_cast<int>(random() % 20))); }
    world.broker.keeps_sessions = random() % 2 == 0;
    world.broker.acknowledges = random() % 3 != 0;
    world.broker.start();
    REQUIRE(restarts < 100'000);
  }
  world.broker.stop();
  world.broker.acknowledges = true;
  world.broker.start();
  CHECK(nal::block_on(world.executor, nal::with_timeout(1_h, world.client.drained())) == Result<>());
  CHECK(accepted == kMessages);
  CHECK(set_of(world.broker.published) == numbers(kMessages));
  CHECK(world.client.in_flight_count() == 0);
  INFO("restarts " << restarts << ", connections " << world.broker.connections << ", repeated "
                   << world.broker.published.size() - kMessages << ", with DUP " << world.broker.duplicates);
  CHECK(world.broker.connections > 500);
  CHECK(world.broker.duplicates > 50);
}

TEST_CASE("Connections reset at any byte lose no message of QoS 1", "[mqtt]") {
  for (std::uint64_t at = 10; at < 120; at += 3) {
    World world({.client_id = "c", .reconnect = {.initial = 10_ms}});
    world.fake.server.faults().reset_at = at;
    world.start_run();
    unsigned accepted = 0;
    nal::TaskSlot<4096> slot;
    REQUIRE(slot.start(world.executor, enqueue_numbers, world.client, 12U, accepted));
    world.run_for(2_s);
    world.fake.server.faults().reset_at = 0;
    CHECK(nal::block_on(world.executor, nal::with_timeout(1_min, nal::finished(slot))).has_value());
    CHECK(nal::block_on(world.executor, nal::with_timeout(1_min, world.client.drained())) == Result<>());
    CHECK(set_of(world.broker.published) == numbers(12));
  }
}

TEST_CASE("Subscriptions are there again after the broker has forgotten them", "[mqtt]") {
  World world({.client_id = "c", .reconnect = {.initial = 10_ms}});
  world.start_run();
  CHECK(nal::block_on(world.executor, world.client.subscribe("t", QoS::at_least_once)) == QoS::at_least_once);
  std::vector<std::string> received;
  nal::TaskSlot<4096> receiver;
  REQUIRE(receiver.start(world.executor, receive_all, world.client, received));
  for (unsigned i = 0; i < 5; ++i) {
    world.broker.stop();
    world.broker.subscriptions.clear();
    world.broker.start();
    world.run_for(10_s);
    CHECK(world.broker.subscriptions.size() == 1);
    CHECK(nal::block_on(world.executor, world.client.publish("t", std::to_string(i), QoS::at_least_once)) ==
          Result<>());
    world.run_for(1_s);
    CHECK(received.size() == i + 1);
  }
}

TEST_CASE("An operation that waits for an answer outlives the connection that it was asked on", "[mqtt]") {
  World world({.client_id = "c", .reconnect = {.initial = 10_ms}});
  world.broker.dies_after = 2;  // CONNECT and whatever follows
  world.start_run();
  nal::TaskSlot<4096> slot;
  const auto subscribe = [](Session& session) -> Task<Result<>> {
    NAL_CO_TRY(session.subscribe("t"));
    NAL_CO_TRY(session.publish("t", "x", QoS::at_least_once));
    NAL_CO_TRY(session.unsubscribe("t"));
    co_return Result<>();
  };
  REQUIRE(slot.start(world.executor, subscribe, world.client));
  world.run_for(1_s);
  CHECK(slot.running());
  world.broker.dies_after = 0;
  CHECK(nal::block_on(world.executor, nal::with_timeout(1_min, nal::finished(slot))).has_value());
  CHECK(*slot.result() == Result<>());
}

TEST_CASE("Attempts are spread: each wait is within its half, and they grow", "[mqtt]") {
  std::minstd_rand random(3);
  World world({.client_id = "c",
               .reconnect = {.initial = 1_s, .maximum = 8_s},
               .random = {[](void* context) noexcept {
                            return static_cast<std::uint32_t>((*static_cast<std::minstd_rand*>(context))());
                          },
                          &random}});
  world.broker.stop();
  world.start_run();
  std::vector<nal::Instant> attempts;
  std::size_t seen = 0;
  while (attempts.size() < 9) {
    world.run_for(10_ms);
    for (; seen < world.log.size(); ++seen) {
      if (world.log[seen] == "connecting") { attempts.push_back(world.fake.network.now()); }
    }
  }
  nal::Duration wait = 1_s;
  for (std::size_t i = 1; i < attempts.size(); ++i) {
    const nal::Duration waited = attempts[i] - attempts[i - 1];
    CHECK(waited >= wait / 2 - 50_ms);
    CHECK(waited <= wait + 50_ms);
    wait = std::min(wait * 2, 8_s);
  }
}

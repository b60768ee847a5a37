#include <cstdio>
#include <map>
#include <memory>
#include <random>

#include "nal/combinators.hpp"
#include "tests/examples/mqtt/memory_store.hpp"
#include "tests/examples/mqtt/session_broker.hpp"

using namespace mqtt;
using namespace mqtt::test;
using namespace nal::literals;
using nal::Result;
using nal::Task;

namespace {

constexpr BufferSizes kSizes{.receive = 128, .send = 64, .in_flight = 6, .store = 160, .received = 4};

struct Connect {
  nal::test::FakeStack* stack;
  auto operator()() const noexcept { return nal::connect(*stack, SessionBroker::endpoint()); }
};

QoS qos_of(unsigned number) { return number % 2 == 0 ? QoS::at_least_once : QoS::exactly_once; }

/// One life of a client: what it accepts and receives is told to the test.
struct Life {
  Life(nal::test::FakeWorld& world, const Config& config, unsigned& next, std::vector<std::string>& received)
      : client(Connect{&world.client}, config, buffers.memory()) {
    REQUIRE(run.start(world.executor, &Life::keep_running, *this));
    REQUIRE(publisher.start(world.executor, &Life::publish, *this, next));
    REQUIRE(receiver.start(world.executor, &Life::receive, *this, received));
  }

  static Task<Result<>> keep_running(Life& life) {
    auto ended = co_await life.client.run();
    co_return ended;
  }
  static Task<Result<>> publish(Life& life, unsigned& next) {
    for (;;) {
      const std::string text = "up " + std::to_string(next);
      NAL_CO_TRY(life.client.enqueue("up", text, qos_of(next)));
      ++next;
      static_cast<void>(co_await nal::sleep(nal::Duration::milliseconds(next % 5)));
    }
  }
  static Task<Result<>> receive(Life& life, std::vector<std::string>& received) {
    for (;;) {
      NAL_CO_TRY_SET(const Message message, life.client.receive());
      received.emplace_back(message.text());
    }
  }

  Buffers<kSizes> buffers;
  Client<Connect> client;
  nal::TaskSlot<4096> run;
  nal::TaskSlot<2048> publisher;
  nal::TaskSlot<2048> receiver;
};

/// How often each came.
std::map<std::string, unsigned> counts(const std::vector<std::string>& list) {
  std::map<std::string, unsigned> all;
  for (const std::string& one : list) { ++all[one]; }
  return all;
}

void check_all(const std::vector<std::string>& came, const std::string& prefix, unsigned count) {
  auto all = counts(came);
  unsigned missing = 0;
  unsigned twice = 0;
  for (unsigned i = 0; i < count; ++i) {
    const unsigned times = all[prefix + std::to_string(i)];
    missing += times == 0;
    twice += qos_of(i) == QoS::exactly_once && times > 1;
  }
  CHECK(missing == 0);
  CHECK(twice == 0);
  CHECK(all.size() == count);
}

struct Totals {
  unsigned up;
  unsigned down;
};

/// Kills the server `kills` times, and if `lives` the client now and then, while messages go both ways.
Totals kill_at_random(Version version, unsigned kills, bool lives, unsigned seed) {
  nal::test::FakeWorld world;
  world.client.faults().chunk = 11;
  world.server.faults().chunk = 7;
  SessionBroker broker(world, version);
  broker.start();
  MemoryStore store;
  Config config{.client_id = "c", .clean_session = false, .reconnect = {.initial = 5_ms, .maximum = 20_ms}};
  config.version = version;
  config.session_expiry = 3600;
  if (lives) { config.persistence = store; }
  unsigned up = 0;
  unsigned down = 0;
  std::vector<std::string> received;
  auto life = std::make_unique<Life>(world, config, up, received);
  std::mt19937 random(seed);
  const auto run_for = [&](nal::Duration duration) {
    static_cast<void>(world.executor.run_until([] { return false; }, world.network.now() + duration));
  };
  for (unsigned kill = 0; kill < kills; ++kill) {
    const unsigned bursts = random() % 4;
    for (unsigned i = 0; i < bursts; ++i, ++down) { broker.publish("down " + std::to_string(down), qos_of(down)); }
    broker.light_fuse(static_cast<unsigned>(1 + random() % 60));
    run_for(nal::Duration::microseconds(static_cast<std::int64_t>(random() % 60'000)));
    broker.stop();
    run_for(nal::Duration::microseconds(static_cast<std::int64_t>(random() % 3'000)));
    if (lives && random() % 4 == 0) {
      life.reset();
      life = std::make_unique<Life>(world, config, up, received);
    }
    broker.start();
  }
  broker.light_fuse(0);
  life->publisher.cancel();
  CHECK(nal::block_on(world.executor, nal::with_timeout(1_h, life->client.drained())).has_value());
  for (unsigned i = 0; i < 1000 && !broker.idle(); ++i) { run_for(100_ms); }
  CHECK(broker.idle());
  CHECK(broker.broken.empty());
  INFO(broker.broken);
  check_all(broker.published, "up ", up);
  check_all(received, "down ", down);
  CHECK(broker.resumed > kills / 4);
  CHECK(broker.deaths > kills / 4);
  CHECK(broker.duplicates > kills / 20);
  CHECK(store.entries.empty());
  std::printf(
      "MQTT %s: killed %u times, %u of them in the middle of a packet; %u messages up, %u down, %u sent again\n",
      version == Version::mqtt_5 ? "5.0" : "3.1.1", kills + broker.deaths, broker.deaths, up, down, broker.duplicates);
  return {up, down};
}

}  // namespace

TEST_CASE(
    "A server killed at random a thousand times loses no message that was acknowledged, and doubles none of QoS 2",
    "[mqtt]") {
  for (const Version version : {Version::mqtt_3_1_1, Version::mqtt_5}) {
    const Totals totals = kill_at_random(version, 1000, false, 7);
    CHECK(totals.up > 1000);
    CHECK(totals.down > 1000);
  }
}

TEST_CASE("A client that is restarted beside its server loses and doubles nothing either", "[mqtt]") {
  for (const Version version : {Version::mqtt_3_1_1, Version::mqtt_5}) { kill_at_random(version, 300, true, 11); }
}

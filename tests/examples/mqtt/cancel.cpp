#include "tests/support/cancel.hpp"

#include <set>

#include "tests/examples/mqtt/world.hpp"

using namespace mqtt;
using namespace mqtt::test;
using namespace nal::literals;
using nal::Result;
using nal::Task;
using nal::test::cancel_at_every_poll;

namespace {

Task<Result<>> everything(Session& session) {
  NAL_CO_TRY(session.connected());
  NAL_CO_TRY(session.subscribe("t/#", QoS::at_least_once));
  NAL_CO_TRY(session.publish("t/1", "a"));
  NAL_CO_TRY(session.publish("t/2", "b", QoS::at_least_once));
  NAL_CO_TRY(session.enqueue("t/3", "c"));
  for (unsigned i = 0; i < 3; ++i) {
    NAL_CO_TRY_SET(const Message message, session.receive());
    static_cast<void>(message);
    static_cast<void>(co_await nal::yield());
  }
  NAL_CO_TRY(session.drained());
  NAL_CO_TRY(session.unsubscribe("t/#"));
  co_return Result<>();
}

/// The session still does everything.
void check_usable(World& world) {
  nal::TaskSlot<8192> slot;
  const auto use = [](Session& session) -> Task<Result<>> {
    NAL_CO_TRY(session.subscribe("check", QoS::at_least_once));
    NAL_CO_TRY(session.publish("check", "x", QoS::at_least_once));
    for (;;) {
      NAL_CO_TRY_SET(const Message message, session.receive());
      if (message.topic() == "check") { break; }
    }
    NAL_CO_TRY(session.drained());
    co_return Result<>();
  };
  REQUIRE(slot.start(world.executor, use, world.client));
  CHECK(nal::block_on(world.executor, nal::with_timeout(1_min, nal::finished(slot))).has_value());
  CHECK(slot.result().ready());
  if (slot.result().ready()) { CHECK(*slot.result() == Result<>()); }
}

}  // namespace

TEST_CASE("Whatever is awaited of a session can be given up at every poll, and the session goes on", "[mqtt]") {
  struct Trial {
    World world;

    Trial() {
      world.fake.client.faults().chunk = 3;
      world.start_run();
    }
    nal::Executor& executor() { return world.executor; }
    Task<Result<>> begin() { return everything(world.client); }
    static nal::Duration patience() { return 1_min; }
    void given_up() {
      check_usable(world);
      CHECK(world.broker.connections == 1);
    }
    static void finished(const Result<>& result) { CHECK(result == Result<>()); }
  };
  CHECK(cancel_at_every_poll([] { return std::make_unique<Trial>(); }) > 5);
}

TEST_CASE("The run can be given up at every poll, and the next run loses nothing", "[mqtt]") {
  struct Trial {
    World world;
    nal::TaskSlot<4096> user;

    Trial() {
      world.fake.client.faults().chunk = 3;
      REQUIRE(user.start(world.executor, use, world.client));
    }
    static Task<Result<>> use(Session& session) {
      NAL_CO_TRY(session.enqueue("t", "1"));
      NAL_CO_TRY(session.enqueue("t", "2"));
      NAL_CO_TRY(session.drained());
      NAL_CO_TRY(session.disconnect());
      co_return Result<>();
    }
    nal::Executor& executor() { return world.executor; }
    auto begin() { return world.client.run(); }
    static nal::Duration patience() { return 1_min; }
    void given_up() {
      world.run_for(1_min);  // whoever lingers is gone
      CHECK(world.fake.client.in_use() == 0);
      world.start_run();
      if (!user.running()) { REQUIRE(user.start(world.executor, use, world.client)); }
      CHECK(nal::block_on(world.executor, nal::with_timeout(1_min, nal::finished(user))).has_value());
      CHECK(nal::block_on(world.executor, nal::with_timeout(1_min, nal::finished(world.run_slot))).has_value());
      CHECK(std::set<std::string>(world.broker.published.begin(), world.broker.published.end()) ==
            std::set<std::string>{"1", "2"});
      world.start_run();
      check_usable(world);
    }
    static void finished(const Result<>& result) { CHECK(result == Result<>()); }
  };
  CHECK(cancel_at_every_poll([] { return std::make_unique<Trial>(); }) > 5);
}

TEST_CASE("A deadline ends every operation, and the session goes on", "[mqtt]") {
  World world;
  world.broker.acknowledges = false;
  world.start_run();
  world.run_for(1_s);
  nal::Executor& executor = world.executor;
  const auto timed_out = nal::Unexpected(nal::Error::timed_out);
  CHECK(nal::block_on(executor, nal::with_timeout(1_s, world.client.publish("t", "x", QoS::at_least_once))) ==
        timed_out);
  CHECK(nal::block_on(executor, nal::with_timeout(1_s, world.client.receive())).error() == nal::Error::timed_out);
  CHECK(nal::block_on(executor, nal::with_timeout(1_s, world.client.drained())) == timed_out);
  world.broker.stop();
  CHECK(nal::block_on(executor, nal::with_timeout(1_s, world.client.subscribe("t"))) == timed_out);
  CHECK(nal::block_on(executor, nal::with_timeout(1_s, world.client.unsubscribe("t"))) == timed_out);
  CHECK(nal::block_on(executor, nal::with_timeout(1_s, world.client.connected())) == timed_out);
  CHECK(nal::block_on(executor, nal::with_timeout(1_s, world.client.publish("t", "x"))) == timed_out);
  world.broker.acknowledges = true;
  world.broker.start();
  check_usable(world);
}

TEST_CASE("An arena of any size is enough or says no_memory", "[mqtt]") {
  World world;
  world.start_run();
  world.run_for(1_s);
  const auto run_in = [&]<std::size_t Bytes>(std::integral_constant<std::size_t, Bytes>) {
    nal::TaskSlot<Bytes> slot;
    const auto result = nal::block_on(world.executor, slot, everything, world.client);
    CHECK((result == Result<>() || result == nal::Unexpected(nal::Error::no_memory)));
    return result.has_value();
  };
  CHECK_FALSE(run_in(std::integral_constant<std::size_t, 64>{}));
  CHECK(run_in(std::integral_constant<std::size_t, 8192>{}));
}

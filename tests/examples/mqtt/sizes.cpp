#include <cstdio>

#include "tests/examples/mqtt/world.hpp"

using namespace mqtt;
using namespace mqtt::test;
using nal::Result;
using nal::Task;

namespace {

Task<Result<>> echo_once(Session& session) {
  NAL_CO_TRY(session.subscribe("t", QoS::at_least_once));
  NAL_CO_TRY(session.publish("t", "x", QoS::at_least_once));
  NAL_CO_TRY_SET(const Message message, session.receive());
  static_cast<void>(message);
  co_return Result<>();
}

}  // namespace

TEST_CASE("Sizes and arena peaks stay within what the README says", "[mqtt]") {
  World world;
  world.start_run();
  nal::TaskSlot<8192> slot;
  CHECK(nal::block_on(world.executor, slot, echo_once, world.client) == Result<>());
  std::printf(
      "mqtt::Session %zu (small %zu), Publishing %zu, Subscribing %zu, Receiving %zu, Message %zu, Record %zu bytes\n",
      sizeof(Session), sizeof(SmallSession), sizeof(Publishing<kFull>), sizeof(Subscribing<kFull>),
      sizeof(Receiving<kFull>), sizeof(Message), sizeof(Record));
  std::printf("arena peaks: task that runs a client %zu, task that subscribes, publishes and receives %zu bytes\n",
              world.run_slot.arena().peak(), slot.arena().peak());
  CHECK(sizeof(Record) == 20);
  CHECK(world.run_slot.arena().peak() <= 1024);
  CHECK(slot.arena().peak() <= 1024);
  if constexpr (sizeof(void*) == 8) {
    CHECK(sizeof(Session) <= 1152);
    CHECK(sizeof(SmallSession) <= 896);
  }
}

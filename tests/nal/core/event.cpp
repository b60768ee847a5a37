#include "nal/event.hpp"

#include "nal/sleep.hpp"
#include "nal/task_slot.hpp"
#include "tests/support/check.hpp"
#include "tests/support/virtual_clock.hpp"

using namespace nal;
using namespace nal::literals;
using test::VirtualClock;

namespace {

Task<> count_events(Event& event, unsigned& count) {
  for (;;) {
    co_await wait(event);
    ++count;
  }
}

Task<> await_once(Event& event) {
  co_await wait(event);
  co_return Unit{};
}

}  // namespace

TEST_CASE("raising an event wakes who waits for it", "[event]") {
  VirtualClock clock;
  Executor executor(clock);
  Event event(executor);
  TaskSlot<512> slot;
  unsigned count = 0;
  REQUIRE(slot.start(executor, count_events, event, count));
  test::run_ready(executor);
  CHECK(count == 0);
  event.raise();
  CHECK(executor.has_events());
  CHECK_FALSE(executor.idle());
  test::run_ready(executor);
  CHECK(count == 1);
  CHECK_FALSE(executor.has_events());
  slot.cancel();
}

TEST_CASE("raising an event that is raised already does nothing more", "[event]") {
  VirtualClock clock;
  Executor executor(clock);
  Event event(executor);
  TaskSlot<512> slot;
  unsigned count = 0;
  REQUIRE(slot.start(executor, count_events, event, count));
  test::run_ready(executor);
  for (int i = 0; i < 5; ++i) { event.raise(); }
  CHECK(clock.wakes() == 1);
  test::run_ready(executor);
  CHECK(count == 1);
  event.raise();
  test::run_ready(executor);
  CHECK(count == 2);
  slot.cancel();
}

TEST_CASE("an event raised before anybody waits is not lost", "[event]") {
  VirtualClock clock;
  Executor executor(clock);
  Event event(executor);
  TaskSlot<512> slot;
  event.raise();
  test::run_ready(executor);
  CHECK_FALSE(executor.has_events());
  REQUIRE(slot.start(executor, await_once, event));
  test::run_ready(executor);
  CHECK_FALSE(slot.running());
  REQUIRE(slot.start(executor, await_once, event));
  test::run_ready(executor);
  CHECK(slot.running());
  slot.cancel();
}

TEST_CASE("a cancelled wait loses no event", "[event]") {
  VirtualClock clock;
  Executor executor(clock);
  Event event(executor);
  TaskSlot<512> slot;
  REQUIRE(slot.start(executor, await_once, event));
  test::run_ready(executor);
  event.raise();
  slot.cancel();
  REQUIRE(slot.start(executor, await_once, event));
  test::run_ready(executor);
  CHECK_FALSE(slot.running());
}

TEST_CASE("several raised events all reach their waiters", "[event]") {
  VirtualClock clock;
  Executor executor(clock);
  Event a(executor);
  Event b(executor);
  Event c(executor);
  TaskSlot<512> slots[3];
  unsigned counts[3] = {};
  REQUIRE(slots[0].start(executor, count_events, a, counts[0]));
  REQUIRE(slots[1].start(executor, count_events, b, counts[1]));
  REQUIRE(slots[2].start(executor, count_events, c, counts[2]));
  test::run_ready(executor);
  a.raise();
  c.raise();
  a.raise();
  test::run_ready(executor);
  CHECK(counts[0] == 1);
  CHECK(counts[1] == 0);
  CHECK(counts[2] == 1);
  for (auto& slot : slots) { slot.cancel(); }
}

TEST_CASE("all who wait for one event are woken, and one of them gets it", "[event]") {
  VirtualClock clock;
  Executor executor(clock);
  Event event(executor);
  TaskSlot<512> slots[2];
  REQUIRE(slots[0].start(executor, await_once, event));
  REQUIRE(slots[1].start(executor, await_once, event));
  test::run_ready(executor);
  event.raise();
  test::run_ready(executor);
  CHECK_FALSE(slots[0].running());
  CHECK(slots[1].running());
  event.raise();
  test::run_ready(executor);
  CHECK_FALSE(slots[1].running());
}

TEST_CASE("an event may end while it is raised, with others raised before and after it", "[event]") {
  VirtualClock clock;
  Executor executor(clock);
  Event stays(executor);
  TaskSlot<512> slot;
  unsigned count = 0;
  REQUIRE(slot.start(executor, count_events, stays, count));
  test::run_ready(executor);
  {
    Event before(executor);
    before.raise();
    stays.raise();
    Event after(executor);
    after.raise();
  }
  test::run_ready(executor);
  CHECK(count == 1);
  CHECK_FALSE(executor.has_events());
  slot.cancel();
}

TEST_CASE("a wait for an event can be cut by a deadline", "[event]") {
  VirtualClock clock;
  Executor executor(clock);
  Event event(executor);
  TaskSlot<512> slot;
  struct Code {
    static Task<> run(Event& raised) {
      const Result<Unit> waited = co_await with_timeout(5_ms, wait(raised));
      co_return waited;
    }
  };
  REQUIRE(slot.start(executor, Code::run, event));
  executor.run();
  REQUIRE(slot.result().ready());
  CHECK(*slot.result() == Unexpected(Error::timed_out));
  event.raise();
  test::run_ready(executor);
}

#include "nal/task_slot.hpp"

#include "nal/block_on.hpp"
#include "nal/combinators.hpp"
#include "nal/sleep.hpp"
#include "tests/support/check.hpp"
#include "tests/support/futures.hpp"
#include "tests/support/virtual_clock.hpp"

using namespace nal;
using namespace nal::literals;
using test::Alive;
using test::Gate;
using test::pass;
using test::Pass;
using test::VirtualClock;

namespace {

Task<> finish() { co_return Unit{}; }

Task<> await_end(TaskSlotBase& slot, int& order, int& place) {
  co_await finished(slot);
  place = ++order;
  co_return Unit{};
}

Task<Result<int>> add(int a, const int& b) {
  co_await yield();
  co_return a + b;
}

class Counter {
 public:
  Task<> count(int times) {
    for (int i = 0; i < times; ++i) {
      ++count_;
      co_await yield();
    }
    co_return Unit{};
  }
  int value() const noexcept { return count_; }

 private:
  int count_ = 0;
};

Task<> count_to(Counter& counter, int times) { return counter.count(times); }

Task<> cancel_itself(TaskSlot<512>& slot) {
  slot.cancel();
  co_return Unit{};
}

}  // namespace

TEST_CASE("a slot runs one task after another", "[slot]") {
  VirtualClock clock;
  Executor executor(clock);
  TaskSlot<512, Result<int>> slot;
  CHECK_FALSE(slot.running());
  CHECK_FALSE(slot.result().ready());
  for (int i = 0; i < 3; ++i) {
    const int two = 2;
    REQUIRE(slot.start(executor, add, i, two));
    CHECK(slot.running());
    CHECK_FALSE(slot.result().ready());
    executor.run();
    CHECK_FALSE(slot.running());
    REQUIRE(slot.result().ready());
    CHECK(*slot.result() == i + 2);
    CHECK(slot.take_result() == i + 2);
  }
}

TEST_CASE("a slot starts whatever can be called and gives a task", "[slot]") {
  VirtualClock clock;
  Executor executor(clock);
  Counter counter;
  TaskSlot<512> slot;
  REQUIRE(slot.start(
      executor, [](Counter& c) { return c.count(2); }, counter));
  executor.run();
  CHECK(counter.value() == 2);
  REQUIRE(slot.start(executor, [&counter] { return counter.count(3); }));
  executor.run();
  CHECK(counter.value() == 5);
}

TEST_CASE("a slot too small for the first frame says so and stays free", "[slot]") {
  VirtualClock clock;
  Executor executor(clock);
  TaskSlot<FrameArena::kAlign> slot;
  CHECK(slot.start(executor, finish) == Unexpected(Error::no_memory));
  CHECK_FALSE(slot.running());
  CHECK(slot.arena().failed() == 1);
  CHECK(executor.idle());
  CHECK(block_on(executor, slot, finish) == Unexpected(Error::no_memory));
}

TEST_CASE("cancelling a task destroys its frames at once and gives no result", "[slot]") {
  const int before = Alive::count();
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  TaskSlot<1024, Result<int>> slot;
  REQUIRE(slot.start(executor, pass, gate, 1));
  test::run_ready(executor);
  CHECK(Alive::count() > before);
  slot.cancel();
  CHECK(Alive::count() == before);
  CHECK_FALSE(slot.running());
  CHECK_FALSE(slot.result().ready());
  CHECK(slot.arena().live() == 0);
  slot.cancel();
  CHECK_FALSE(gate.anybody_waits());
  CHECK(executor.idle());
}

TEST_CASE("a cancelled task that was ready is not polled", "[slot]") {
  VirtualClock clock;
  Executor executor(clock);
  Counter counter;
  TaskSlot<512> slot;
  REQUIRE(slot.start(executor, count_to, counter, 3));
  slot.cancel();
  CHECK_FALSE(executor.poll_once());
  CHECK(counter.value() == 0);
  REQUIRE(slot.start(executor, count_to, counter, 3));
  CHECK(executor.poll_once());
  CHECK(counter.value() == 1);
}

TEST_CASE("destroying a slot cancels its task", "[slot]") {
  const int before = Alive::count();
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  {
    TaskSlot<1024, Result<int>> slot;
    REQUIRE(slot.start(executor, pass, gate, 1));
    test::run_ready(executor);
    CHECK(gate.anybody_waits());
  }
  CHECK_FALSE(gate.anybody_waits());
  CHECK(Alive::count() == before);
  CHECK_FALSE(executor.poll_once());
}

TEST_CASE("tasks that wait for the end of another run after it, in their order", "[slot]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  TaskSlot<1024, Result<int>> worker;
  TaskSlot<512> first;
  TaskSlot<512> second;
  int order = 0;
  int places[2] = {};
  REQUIRE(worker.start(executor, pass, gate, 1));
  REQUIRE(first.start(executor, await_end, worker, order, places[0]));
  REQUIRE(second.start(executor, await_end, worker, order, places[1]));
  test::run_ready(executor);
  CHECK(order == 0);
  gate.open();
  test::run_ready(executor);
  CHECK(places[0] == 1);
  CHECK(places[1] == 2);
}

TEST_CASE("the end of a task is told when it is cancelled, and at once when none runs", "[slot]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  TaskSlot<1024, Result<int>> worker;
  TaskSlot<512> waits;
  int order = 0;
  int place = 0;
  REQUIRE(worker.start(executor, pass, gate, 1));
  REQUIRE(waits.start(executor, await_end, worker, order, place));
  test::run_ready(executor);
  worker.cancel();
  test::run_ready(executor);
  CHECK(place == 1);
  REQUIRE(waits.start(executor, await_end, worker, order, place));
  test::run_ready(executor);
  CHECK(place == 2);
}

TEST_CASE("a pool runs as many tasks as it has slots and then says that it is full", "[slot]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  TaskPool<3, 1024, Result<int>> pool;
  for (int i = 0; i < 3; ++i) { CHECK(pool.start(executor, pass, gate, 1)); }
  CHECK(pool.running() == 3);
  CHECK(pool.start(executor, pass, gate, 1) == Unexpected(Error::table_full));
  pool[1].cancel();
  CHECK(pool.start(executor, pass, gate, 1));
  CHECK(pool.start(executor, pass, gate, 1) == Unexpected(Error::table_full));
  gate.open();
  executor.run();
  CHECK(pool.running() == 0);
  for (int i = 0; i < 3; ++i) { CHECK(pool.start(executor, pass, gate, 1)); }
  pool.cancel_all();
  CHECK(pool.running() == 0);
}

TEST_CASE("a task that cancels itself asserts", "[slot]") {
  CHECK_ASSERTS(static VirtualClock clock; static Executor executor(clock); static TaskSlot<512> slot;
                static_cast<void>(slot.start(executor, cancel_itself, slot)); executor.run());
}

TEST_CASE("starting a task in a slot that runs one asserts", "[slot]") {
  CHECK_ASSERTS(static VirtualClock clock; static Executor executor(clock); static TaskSlot<512> slot;
                static_cast<void>(slot.start(executor, finish)); static_cast<void>(slot.start(executor, finish)));
}

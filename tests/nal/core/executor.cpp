#include "nal/executor.hpp"

#include <array>
#include <string_view>

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
using test::Pass;
using test::VirtualClock;

namespace {

Task<> spin(unsigned turns, unsigned& done) {
  while (done < turns) {
    ++done;
    co_await yield();
  }
  co_return Unit{};
}

Task<> pass_task(Gate& gate) {
  Alive alive;
  const Result<int> passed = co_await Pass(gate);
  if (!passed) { co_return Unexpected(passed.error()); }
  co_return Unit{};
}

Task<> cancel_others(TaskSlot<512>* const* slots, unsigned count) {
  for (unsigned i = 0; i < count; ++i) { slots[i]->cancel(); }
  co_return Unit{};
}

Task<> start_other(Executor& executor, TaskSlot<512>& slot, unsigned& done) {
  const Result<> started = slot.start(executor, spin, 3u, done);
  co_return started;
}

Task<> note_time(Executor& executor, VirtualClock& clock, Instant& first, Instant& second) {
  first = executor.now();
  clock.advance(1_s);
  second = executor.now();
  co_return Unit{};
}

Task<> finish_now() { co_return Unit{}; }

}  // namespace

TEST_CASE("a round polls each ready task once, so a busy task starves nobody", "[executor]") {
  VirtualClock clock;
  Executor executor(clock);
  std::array<TaskSlot<512>, 3> slots;
  unsigned done[3] = {};
  for (unsigned i = 0; i < 3; ++i) { REQUIRE(slots[i].start(executor, spin, 100u, done[i])); }
  for (unsigned round = 1; round <= 50; ++round) {
    CHECK(executor.poll_once());
    for (const unsigned turns : done) { CHECK(turns == round); }
  }
  executor.run();
  for (const unsigned turns : done) { CHECK(turns == 100); }
}

TEST_CASE("what becomes ready during a round runs in the next", "[executor]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  TaskSlot<512> waits;
  TaskSlot<512> opens;
  struct Code {
    static Task<> open(Gate& g) {
      g.open();
      co_return Unit{};
    }
  };
  REQUIRE(waits.start(executor, pass_task, gate));
  executor.poll_once();
  REQUIRE(opens.start(executor, Code::open, gate));
  CHECK(executor.poll_once());
  CHECK(waits.running());
  CHECK(waits.ready());
  CHECK(executor.poll_once());
  CHECK_FALSE(waits.running());
  CHECK_FALSE(executor.poll_once());
}

TEST_CASE("waking a task twice polls it once", "[executor]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  TaskSlot<512> slot;
  unsigned polls = 0;
  struct Code {
    static Task<> run(Gate& g, unsigned& count) {
      const Result<int> passed = co_await Pass(g, 1, &count);
      if (!passed) { co_return Unexpected(passed.error()); }
      co_return Unit{};
    }
  };
  REQUIRE(slot.start(executor, Code::run, gate, polls));
  executor.poll_once();
  executor.queue(slot);
  executor.queue(slot);
  gate.shake();
  CHECK(test::run_ready(executor) == 1);
  CHECK(polls == 2);
}

TEST_CASE("a task may cancel others in mid-round, whether they ran already, are about to, or wait", "[executor]") {
  const int before = Alive::count();
  for (unsigned place = 0; place < 4; ++place) {
    VirtualClock clock;
    Executor executor(clock);
    Gate gate;
    std::array<TaskSlot<512>, 3> victims;
    TaskSlot<512> killer;
    TaskSlot<512>* const all[] = {&victims[0], &victims[1], &victims[2]};
    for (unsigned i = 0; i < 4; ++i) {
      if (i == place) { REQUIRE(killer.start(executor, cancel_others, &all[0], 3u)); }
      if (i < 3) { REQUIRE(victims[i].start(executor, pass_task, gate)); }
    }
    CHECK(executor.poll_once());
    CHECK_FALSE(killer.running());
    for (auto& victim : victims) {
      CHECK_FALSE(victim.running());
      CHECK(victim.arena().live() == 0);
      CHECK_FALSE(victim.result().ready());
    }
    CHECK_FALSE(gate.anybody_waits());
    CHECK(executor.idle());
    CHECK(Alive::count() == before);
  }
}

TEST_CASE("a task started in mid-round runs in the next", "[executor]") {
  VirtualClock clock;
  Executor executor(clock);
  TaskSlot<512> child;
  TaskSlot<512> parent;
  unsigned done = 0;
  REQUIRE(parent.start(executor, start_other, executor, child, done));
  CHECK(executor.poll_once());
  CHECK(parent.result().ready());
  CHECK(done == 0);
  CHECK(child.arena().live() == 1);
  CHECK(executor.poll_once());
  CHECK(done == 1);
  executor.run();
  CHECK(done == 3);
}

TEST_CASE("all tasks of a round see one time", "[executor]") {
  VirtualClock clock;
  Executor executor(clock);
  TaskSlot<512> slot;
  Instant first;
  Instant second;
  const Instant begin = clock.now();
  REQUIRE(slot.start(executor, note_time, executor, clock, first, second));
  executor.run();
  CHECK(first == begin);
  CHECK(second == begin);
  CHECK(executor.now() == begin + 1_s);
}

TEST_CASE("run ends when every task has finished, and at once without any", "[executor]") {
  VirtualClock clock;
  Executor executor(clock);
  executor.run();
  TaskSlot<512> slot;
  REQUIRE(slot.start(executor, finish_now));
  executor.run();
  CHECK(slot.result().ready());
}

TEST_CASE("run_until ends with its condition or at its deadline, and says which", "[executor]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  TaskSlot<512> slot;
  REQUIRE(slot.start(executor, pass_task, gate));
  const Instant begin = clock.now();
  CHECK_FALSE(executor.run_until([&] { return !slot.running(); }, begin + 10_ms));
  CHECK(clock.now() == begin + 10_ms);
  gate.open();
  CHECK(executor.run_until([&] { return !slot.running(); }, begin + 20_ms));
  CHECK(clock.now() == begin + 10_ms);
  CHECK(executor.run_until([] { return true; }, begin));
}

TEST_CASE("an executor is idle when nothing is ready", "[executor]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  TaskSlot<512> slot;
  CHECK(executor.idle());
  REQUIRE(slot.start(executor, pass_task, gate));
  CHECK_FALSE(executor.idle());
  executor.poll_once();
  CHECK(executor.idle());
  gate.open();
  CHECK_FALSE(executor.idle());
  executor.run();
  CHECK(executor.idle());
}

TEST_CASE("tasks can be listed with what they wait for", "[executor]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  TaskSlot<512> waits;
  TaskSlot<512> sleeps;
  TaskSlot<512> runs;
  TaskSlot<512> done;
  struct Code {
    static Task<> doze() {
      co_await sleep(1_s);
      co_return Unit{};
    }
    static Task<> timed(Gate& g) {
      const Result<int> passed = co_await with_timeout(1_s, Pass(g));
      if (!passed) { co_return Unexpected(passed.error()); }
      co_return Unit{};
    }
  };
  unsigned turns = 0;
  waits.set_name("waits");
  sleeps.set_name("sleeps");
  runs.set_name("runs");
  REQUIRE(waits.start(executor, Code::timed, gate));
  REQUIRE(sleeps.start(executor, Code::doze));
  REQUIRE(runs.start(executor, spin, 1'000u, turns));
  REQUIRE(done.start(executor, finish_now));
  executor.poll_once();
  executor.poll_once();
  unsigned listed = 0;
  executor.for_each_task([&listed](const RootTask& task) {
    const std::string_view name = task.name();
    if (listed == 0) {
      CHECK(name == "waits");
      CHECK(contains(task.waits_for(), Wait::other));
      CHECK(contains(task.waits_for(), Wait::timer));
      CHECK_FALSE(contains(task.waits_for(), Wait::readable));
      CHECK_FALSE(task.ready());
    } else if (listed == 1) {
      CHECK(name == "sleeps");
      CHECK(task.waits_for() == Wait::timer);
    } else {
      CHECK(name == "runs");
      CHECK(task.waits_for() == Wait::none);
      CHECK(task.ready());
    }
    ++listed;
  });
  CHECK(listed == 3);
}

TEST_CASE("several executors live side by side", "[executor]") {
  VirtualClock clock_a;
  VirtualClock clock_b;
  Executor a(clock_a);
  Executor b(clock_b);
  TaskSlot<512> slot_a;
  TaskSlot<512> slot_b;
  unsigned done_a = 0;
  unsigned done_b = 0;
  REQUIRE(slot_a.start(a, spin, 5u, done_a));
  REQUIRE(slot_b.start(b, spin, 7u, done_b));
  a.run();
  CHECK(done_a == 5);
  CHECK(done_b == 0);
  b.run();
  CHECK(done_b == 7);
}

TEST_CASE("an executor that ends before its tasks asserts", "[executor]") {
  CHECK_ASSERTS(static VirtualClock clock; static Gate gate; static TaskSlot<512> slot; {
    Executor executor(clock);
    static_cast<void>(slot.start(executor, pass_task, gate));
  });
}

TEST_CASE("running an executor from inside one of its tasks asserts", "[executor]") {
  struct Code {
    static Task<> nest(Executor& executor) {
      executor.poll_once();
      co_return Unit{};
    }
  };
  CHECK_ASSERTS(static VirtualClock clock; static Executor executor(clock); static TaskSlot<512> slot;
                static_cast<void>(slot.start(executor, Code::nest, executor)); executor.run());
}

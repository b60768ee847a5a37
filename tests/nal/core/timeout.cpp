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

Task<Result<int>> pass_within(Gate& gate, Duration limit) {
  const Result<int> passed = co_await with_timeout(limit, pass(gate));
  co_return passed;
}

Task<Result<int>> nested(Gate& gate) {
  const Result<int> inner = co_await with_timeout(1_s, with_timeout(10_ms, Pass(gate)));
  co_return inner;
}

/// Makes the operation, waits, and only then awaits it under its deadline.
Task<Result<int>> late(Gate& gate) {
  auto operation = with_timeout(10_ms, Pass(gate));
  co_await sleep(50_ms);
  const Result<int> passed = co_await operation;
  co_return passed;
}

Task<Result<int>> resume_after_timeout(Gate& gate) {
  Pass operation(gate);
  const Result<int> cut = co_await with_timeout(10_ms, operation);
  if (cut != Unexpected(Error::timed_out)) { co_return Unexpected(Error::protocol_error); }
  gate.open();
  const Result<int> passed = co_await operation;
  co_return passed;
}

}  // namespace

TEST_CASE("an operation that completes in time gives its result and leaves no timer", "[timeout]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  TaskSlot<2048, Result<int>> slot;
  REQUIRE(slot.start(executor, pass_within, gate, 10_ms));
  test::run_ready(executor);
  CHECK_FALSE(executor.next_timer().is_never());
  gate.open();
  test::run_ready(executor);
  REQUIRE(slot.result().ready());
  CHECK(*slot.result() == 1);
  CHECK(executor.next_timer().is_never());
}

TEST_CASE("an operation that does not is destroyed, and its deadline told", "[timeout]") {
  const int before = Alive::count();
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  TaskSlot<2048, Result<int>> slot;
  const Instant begin = clock.now();
  CHECK(block_on(executor, slot, pass_within, gate, 10_ms) == Unexpected(Error::timed_out));
  CHECK(clock.now() - begin == 10_ms);
  CHECK_FALSE(gate.anybody_waits());
  CHECK(Alive::count() == before);
}

TEST_CASE("the operation wins a tie with its deadline", "[timeout]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  TaskSlot<2048, Result<int>> slot;
  REQUIRE(slot.start(executor, pass_within, gate, 10_ms));
  test::run_ready(executor);
  clock.advance(10_ms);
  gate.open();
  test::run_ready(executor);
  REQUIRE(slot.result().ready());
  CHECK(*slot.result() == 1);
  gate.open();
  CHECK(block_on(executor, slot, pass_within, gate, 0_ms) == 1);
}

TEST_CASE("a deadline of no time still asks the operation once", "[timeout]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  TaskSlot<2048, Result<int>> slot;
  CHECK(block_on(executor, slot, pass_within, gate, 0_ms) == Unexpected(Error::timed_out));
  CHECK(block_on(executor, slot, pass_within, gate, -5_ms) == Unexpected(Error::timed_out));
}

TEST_CASE("a deadline of for ever never comes", "[timeout]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  TaskSlot<2048, Result<int>> slot;
  REQUIRE(slot.start(executor, pass_within, gate, Duration::max()));
  test::run_ready(executor);
  clock.advance(Duration::hours(24 * 365 * 1000));
  test::run_ready(executor);
  CHECK(slot.running());
  gate.open();
  executor.run();
  CHECK(*slot.result() == 1);
}

TEST_CASE("the clock of a time-out starts at its first poll", "[timeout]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  TaskSlot<2048, Result<int>> slot;
  const Instant begin = clock.now();
  CHECK(block_on(executor, slot, late, gate) == Unexpected(Error::timed_out));
  CHECK(clock.now() - begin == 60_ms);
}

TEST_CASE("a deadline is an instant, wherever it is awaited", "[timeout]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  const Instant begin = clock.now();
  CHECK(block_on(executor, with_deadline(begin + 10_ms, Pass(gate))) == Unexpected(Error::timed_out));
  CHECK(clock.now() == begin + 10_ms);
  CHECK(block_on(executor, with_deadline(begin, Pass(gate))) == Unexpected(Error::timed_out));
  CHECK(clock.now() == begin + 10_ms);
}

TEST_CASE("the inner of nested deadlines comes first", "[timeout]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  TaskSlot<2048, Result<int>> slot;
  const Instant begin = clock.now();
  CHECK(block_on(executor, slot, nested, gate) == Unexpected(Error::timed_out));
  CHECK(clock.now() - begin == 10_ms);
  CHECK(executor.next_timer().is_never());
}

TEST_CASE("an output that is no result becomes one under a deadline", "[timeout]") {
  VirtualClock clock;
  Executor executor(clock);
  CHECK(block_on(executor, with_timeout(10_ms, sleep(1_ms))).has_value());
  CHECK(block_on(executor, with_timeout(1_ms, sleep(10_ms))) == Unexpected(Error::timed_out));
}

TEST_CASE("an operation given by reference survives its deadline and goes on", "[timeout]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  TaskSlot<2048, Result<int>> slot;
  CHECK(block_on(executor, slot, resume_after_timeout, gate) == 1);
  CHECK(slot.arena().live() == 0);
}

#include "nal/signal.hpp"

#include "nal/task_slot.hpp"
#include "tests/support/check.hpp"
#include "tests/support/virtual_clock.hpp"

using namespace nal;
using test::VirtualClock;

namespace {

Task<> await_signal(Signal& signal) {
  co_await wait(signal);
  co_return Unit{};
}

}  // namespace

TEST_CASE("setting a signal lets everybody through, now and later, until it is reset", "[signal]") {
  VirtualClock clock;
  Executor executor(clock);
  Signal signal;
  TaskPool<3, 512> pool;
  for (int i = 0; i < 3; ++i) { REQUIRE(pool.start(executor, await_signal, signal)); }
  test::run_ready(executor);
  CHECK(pool.running() == 3);
  signal.set();
  CHECK(signal.is_set());
  test::run_ready(executor);
  CHECK(pool.running() == 0);
  REQUIRE(pool.start(executor, await_signal, signal));
  test::run_ready(executor);
  CHECK(pool.running() == 0);
  signal.reset();
  CHECK_FALSE(signal.is_set());
  REQUIRE(pool.start(executor, await_signal, signal));
  test::run_ready(executor);
  CHECK(pool.running() == 1);
  pool.cancel_all();
  CHECK(pool.running() == 0);
}

TEST_CASE("a signal set and reset before its waiter runs is missed", "[signal]") {
  VirtualClock clock;
  Executor executor(clock);
  Signal signal;
  TaskSlot<512> slot;
  REQUIRE(slot.start(executor, await_signal, signal));
  test::run_ready(executor);
  signal.set();
  signal.reset();
  test::run_ready(executor);
  CHECK(slot.running());
  signal.set();
  test::run_ready(executor);
  CHECK_FALSE(slot.running());
}

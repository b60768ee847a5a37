#include "nal/block_on.hpp"

#include "nal/channel.hpp"
#include "nal/combinators.hpp"
#include "nal/sleep.hpp"
#include "tests/support/check.hpp"
#include "tests/support/futures.hpp"
#include "tests/support/virtual_clock.hpp"

using namespace nal;
using namespace nal::literals;
using test::Gate;
using test::pass;
using test::Pass;
using test::VirtualClock;

namespace {

Task<> open_later(Gate& gate, Duration delay) {
  co_await sleep(delay);
  gate.open();
  co_return Unit{};
}

Task<> cancel_later(TaskSlot<1024, Result<int>>& slot, Duration delay) {
  co_await sleep(delay);
  slot.cancel();
  co_return Unit{};
}

}  // namespace

TEST_CASE("blocking on an operation runs the other tasks until it is ready", "[block_on]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  TaskSlot<512> opener;
  const Instant begin = clock.now();
  REQUIRE(opener.start(executor, open_later, gate, 10_ms));
  CHECK(block_on(executor, Pass(gate)) == 1);
  CHECK(clock.now() - begin == 10_ms);
  CHECK_FALSE(gate.anybody_waits());
  executor.run();
}

TEST_CASE("blocking on an operation that is ready lets no time pass", "[block_on]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  gate.open();
  CHECK(block_on(executor, Pass(gate)) == 1);
  CHECK(clock.sleeps() == 0);
}

TEST_CASE("blocking on a coroutine starts it in a slot and gives its result", "[block_on]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  TaskSlot<512> opener;
  TaskSlot<1024, Result<int>> slot;
  REQUIRE(opener.start(executor, open_later, gate, 10_ms));
  CHECK(block_on(executor, slot, pass, gate, 1) == 1);
  CHECK_FALSE(slot.running());
  executor.run();
}

TEST_CASE("blocking on a coroutine that another task cancels ends with cancelled", "[block_on]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  TaskSlot<512> canceller;
  TaskSlot<1024, Result<int>> slot;
  REQUIRE(canceller.start(executor, cancel_later, slot, 10_ms));
  CHECK(block_on(executor, slot, pass, gate, 1) == Unexpected(Error::cancelled));
  executor.run();
}

TEST_CASE("an operation cut off by a deadline may outlive the call that waited for it", "[block_on]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  Pass operation(gate);
  CHECK(block_on(executor, with_timeout(1_ms, operation)) == Unexpected(Error::timed_out));
  // Nobody waits any more when it is woken.
  gate.open();
  test::run_ready(executor);
  CHECK(executor.idle());
  CHECK(block_on(executor, operation) == 1);
}

TEST_CASE("trying an operation asks once, waits for nothing and links nobody", "[block_on]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  unsigned polls = 0;
  CHECK(try_once(executor, Pass(gate, 1, &polls)) == Unexpected(Error::would_block));
  CHECK(polls == 1);
  CHECK_FALSE(gate.anybody_waits());
  gate.open();
  CHECK(try_once(executor, Pass(gate)) == 1);
  Channel<int, 1> channel;
  CHECK(try_once(executor, receive(channel)) == Unexpected(Error::would_block));
  CHECK(try_once(executor, send(channel, 5)).has_value());
  CHECK(try_once(executor, send(channel, 6)) == Unexpected(Error::would_block));
  CHECK(try_once(executor, receive(channel)) == 5);
}

TEST_CASE("an operation that is tried again and again goes on from where it was", "[block_on]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  auto operation = with_timeout(10_ms, Pass(gate));
  CHECK(try_once(executor, operation) == Unexpected(Error::would_block));
  clock.advance(10_ms);
  CHECK(try_once(executor, operation) == Unexpected(Error::timed_out));

  Channel<int, 1> channel;
  auto first = with_timeout(10_ms, send(channel, 1));
  CHECK(try_once(executor, first).has_value());
  auto more = with_timeout(10_ms, send(channel, 2));
  CHECK(try_once(executor, more) == Unexpected(Error::would_block));
  CHECK(try_once(executor, receive(channel)) == 1);
  CHECK(try_once(executor, more).has_value());
  CHECK(try_once(executor, receive(channel)) == 2);
}

TEST_CASE("blocking while a round runs asserts", "[block_on]") {
  struct Code {
    static Task<> block(Executor& executor, Gate& gate) {
      static_cast<void>(block_on(executor, Pass(gate)));
      co_return Unit{};
    }
  };
  CHECK_ASSERTS(static VirtualClock clock; static Executor executor(clock); static Gate gate;
                static TaskSlot<1024> slot; static_cast<void>(slot.start(executor, Code::block, executor, gate));
                executor.run());
}

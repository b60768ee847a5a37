#include "nal/task.hpp"

#include <array>

#include "nal/block_on.hpp"
#include "nal/combinators.hpp"
#include "nal/sleep.hpp"
#include "tests/support/cancel_rounds.hpp"
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

/// A chain of coroutines, each awaiting the next; gives its depth.
Task<Result<int>> descend(Gate& gate, int depth) {
  Alive alive;
  if (depth == 0) {
    const Result<int> passed = co_await pass(gate);
    if (!passed) { co_return Unexpected(passed.error()); }
    co_return 0;
  }
  const Result<int> below = co_await descend(gate, depth - 1);
  if (!below) { co_return Unexpected(below.error()); }
  co_return *below + 1;
}

Task<Result<int>> fail(Error error) {
  Alive alive;
  co_return Unexpected(error);
}

Task<Result<int>> pass_on(Error error) {
  NAL_CO_TRY_SET(const int value, fail(error));
  co_return value;
}

Task<> try_twice(Gate& gate, int& reached) {
  NAL_CO_TRY(Pass(gate, 1));
  reached = 1;
  NAL_CO_TRY_SET(const int level, Pass(gate, 2));
  reached = level;
  co_return Unit{};
}

/// One frame after the other in the same arena, thrice.
Task<> in_turn(Gate& gate, std::array<std::size_t, 3>& used, FrameArena& arena) {
  for (std::size_t& now : used) {
    const Result<int> passed = co_await pass(gate);
    if (!passed) { co_return Unexpected(passed.error()); }
    now = arena.used();
  }
  co_return Unit{};
}

struct MoveOnly {
  explicit MoveOnly(int n) noexcept : value(n) {}
  MoveOnly(MoveOnly&& other) noexcept : value(std::exchange(other.value, -1)) {}
  MoveOnly& operator=(MoveOnly&&) = delete;
  int value;
  Alive alive;
};

Task<Result<MoveOnly>> make(int n) { co_return MoveOnly(n); }

Task<Result<int>> take(MoveOnly given) {
  co_await yield();
  co_return given.value;
}

Task<Result<int>> hand_on(int n) {
  Result<MoveOnly> made = co_await make(n);
  if (!made) { co_return Unexpected(made.error()); }
  const Result<int> taken = co_await take(*std::move(made));
  co_return taken;
}

/// Keeps a task across other awaits, moves it, and awaits it at last.
Task<Result<int>> keep_and_move(Gate& gate) {
  Task<Result<int>> first = pass(gate);
  Task<Result<int>> second = std::move(first);
  {
    const auto which = co_await race(second, sleep(5_ms));
    if (which.index() != 1) { co_return Unexpected(Error::protocol_error); }
  }
  Task<Result<int>> third = std::move(second);
  gate.open();
  const Result<int> passed = co_await third;
  co_return passed;
}

Task<> put_in_box(Task<Result<int>>& box, Gate& gate) {
  box = pass(gate);
  NAL_CO_TRY(Pass(gate, 2));
  co_return Unit{};
}

Task<> take_from_box(Task<Result<int>>& box) {
  const Result<int> passed = co_await box;
  if (!passed) { co_return Unexpected(passed.error()); }
  co_return Unit{};
}

}  // namespace

TEST_CASE("a task does nothing until it is polled", "[task]") {
  FixedArena<1024> arena;
  const ArenaScope scope(&arena);
  const int before = Alive::count();
  Task<Result<int>> task = fail(Error::closed);
  CHECK(task.valid());
  CHECK(arena.live() == 1);
  CHECK(Alive::count() == before);
  task.reset();
  CHECK_FALSE(task.valid());
  CHECK(arena.live() == 0);
}

TEST_CASE("a chain of tasks gives its result to the top and frees every frame", "[task]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  TaskSlot<8192, Result<int>> slot;
  const int before = Alive::count();
  REQUIRE(slot.start(executor, descend, gate, 5));
  test::run_ready(executor);
  CHECK(slot.running());
  CHECK(slot.arena().live() == 7);
  gate.open();
  test::run_ready(executor);
  REQUIRE(slot.result().ready());
  CHECK(*slot.result() == 5);
  CHECK(slot.arena().live() == 0);
  CHECK(Alive::count() == before);
}

TEST_CASE("waking a deep chain polls its leaf, once", "[task]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  TaskSlot<8192, Result<int>> slot;
  unsigned polls = 0;
  struct Code {
    static Task<Result<int>> leaf(Gate& g, unsigned& count) {
      const Result<int> passed = co_await Pass(g, 1, &count);
      co_return passed;
    }
    static Task<Result<int>> middle(Gate& g, unsigned& count) {
      const Result<int> passed = co_await leaf(g, count);
      co_return passed;
    }
    static Task<Result<int>> top(Gate& g, unsigned& count) {
      const Result<int> passed = co_await middle(g, count);
      co_return passed;
    }
  };
  REQUIRE(slot.start(executor, Code::top, gate, polls));
  test::run_ready(executor);
  CHECK(polls == 1);
  gate.shake();
  test::run_ready(executor);
  CHECK(polls == 2);
  gate.open();
  test::run_ready(executor);
  CHECK(polls == 3);
  CHECK_FALSE(slot.running());
}

TEST_CASE("errors travel up a chain, with and without the macros", "[task]") {
  VirtualClock clock;
  Executor executor(clock);
  TaskSlot<2048, Result<int>> slot;
  CHECK(block_on(executor, slot, fail, Error::connection_refused) == Unexpected(Error::connection_refused));
  CHECK(block_on(executor, slot, pass_on, Error::timed_out) == Unexpected(Error::timed_out));
  CHECK(slot.arena().live() == 0);
}

TEST_CASE("NAL_CO_TRY goes on after success", "[task]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  TaskSlot<1024> slot;
  int reached = 0;
  REQUIRE(slot.start(executor, try_twice, gate, reached));
  test::run_ready(executor);
  CHECK(reached == 0);
  gate.open(1);
  test::run_ready(executor);
  CHECK(reached == 1);
  gate.open(2);
  test::run_ready(executor);
  CHECK(reached == 2);
  CHECK_FALSE(slot.running());
}

TEST_CASE("an exhausted arena is no_memory from the awaited call, at every size, and never a crash", "[task]") {
  std::size_t needed = 0;
  {
    VirtualClock clock;
    Executor executor(clock);
    Gate gate;
    gate.open();
    TaskSlot<8192, Result<int>> slot;
    REQUIRE(block_on(executor, slot, descend, gate, 4) == 4);
    needed = slot.arena().peak();
  }
  const int before = Alive::count();
  unsigned refused = 0;
  unsigned no_memory = 0;
  unsigned completed = 0;
  alignas(FrameArena::kAlign) static std::byte memory[8192];
  for (std::size_t size = 0; size <= needed + 2 * FrameArena::kAlign; size += FrameArena::kAlign) {
    VirtualClock clock;
    Executor executor(clock);
    Gate gate;
    gate.open();
    FrameArena arena(memory, size);
    const ArenaScope scope(&arena);
    Task<Result<int>> task = descend(gate, 4);
    refused += task.valid() ? 0 : 1;
    const Result<int> result = block_on(executor, task);
    if (result == 4) {
      ++completed;
      CHECK(size >= needed);
    } else {
      CHECK(result == Unexpected(Error::no_memory));
      CHECK(size < needed);
      CHECK(arena.failed() == 1);
      ++no_memory;
    }
    CHECK(arena.live() == 0);
    CHECK(Alive::count() == before);
  }
  CHECK(refused > 0);
  CHECK(no_memory > refused);
  CHECK(completed == 3);
}

TEST_CASE("a task made where no arena is current is no_memory", "[task]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  gate.open();
  CHECK(block_on(executor, pass(gate)) == Unexpected(Error::no_memory));
}

TEST_CASE("frames of calls in turn take the same place", "[task]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  gate.open();
  TaskSlot<2048> slot;
  std::array<std::size_t, 3> used{};
  REQUIRE(block_on(executor, slot, in_turn, gate, used, slot.arena()));
  CHECK(used[0] > 0);
  CHECK(used[1] == used[0]);
  CHECK(used[2] == used[0]);
  CHECK(slot.arena().peak() > used[0]);
}

TEST_CASE("results and arguments may be move-only and are destroyed once", "[task]") {
  VirtualClock clock;
  Executor executor(clock);
  const int before = Alive::count();
  {
    TaskSlot<2048, Result<MoveOnly>> slot;
    Result<MoveOnly> made = block_on(executor, slot, make, 7);
    REQUIRE(made);
    CHECK(made->value == 7);
    CHECK(slot.arena().live() == 0);
    TaskSlot<2048, Result<int>> other;
    CHECK(block_on(executor, other, hand_on, 8) == 8);
    REQUIRE(other.start(executor, take, MoveOnly(9)));
    executor.run();
    CHECK(*other.result() == 9);
  }
  CHECK(Alive::count() == before);
}

TEST_CASE("a task may be moved between its polls, raced by reference and awaited later", "[task]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  TaskSlot<4096, Result<int>> slot;
  const Instant begin = clock.now();
  CHECK(block_on(executor, slot, keep_and_move, gate) == 1);
  CHECK(clock.now() - begin == 5_ms);
  CHECK(slot.arena().live() == 0);
}

TEST_CASE("a chain may be cancelled at every poll and leaves nothing behind", "[task]") {
  const int before = Alive::count();
  const unsigned cuts = test::cancel_after_every_round([before](unsigned rounds) {
    VirtualClock clock;
    Executor executor(clock);
    Gate gate;
    TaskSlot<8192> slot;
    struct Code {
      static Task<> run(Gate& g) {
        for (int level = 1; level <= 3; ++level) {
          NAL_CO_TRY(descend(g, level));
          co_await yield();
          const Result<Unit> slept = co_await with_timeout(1_ms, sleep(2_ms));
          if (slept != Unexpected(Error::timed_out)) { co_return Unexpected(Error::protocol_error); }
          g.open(0);
        }
        co_return Unit{};
      }
    };
    static_cast<void>(slot.start(executor, Code::run, gate));
    bool finished = false;
    for (unsigned i = 0; i < rounds && !finished; ++i) {
      if (!executor.poll_once()) {
        gate.open();
        clock.advance(1_ms);
      }
      finished = !slot.running();
    }
    if (!finished) { slot.cancel(); }
    CHECK(slot.arena().live() == 0);
    CHECK(Alive::count() == before);
    CHECK_FALSE(gate.anybody_waits());
    CHECK(executor.next_timer().is_never());
    CHECK(executor.idle());
    if (finished) { CHECK((*slot.result()).has_value()); }
    return finished;
  });
  CHECK(cuts > 10);
}

TEST_CASE("a task awaited in another arena than its own asserts", "[task]") {
  CHECK_ASSERTS(static VirtualClock clock; static Executor executor(clock); static Gate gate;
                static Task<Result<int>> box; static TaskSlot<2048> maker; static TaskSlot<2048> taker;
                static_cast<void>(maker.start(executor, put_in_box, box, gate)); executor.poll_once();
                static_cast<void>(taker.start(executor, take_from_box, box)); executor.poll_once());
}

TEST_CASE("a frame that outlives its arena asserts", "[task]") {
  CHECK_ASSERTS(static Gate gate; static Task<Result<int>> late; FixedArena<1024> arena; const ArenaScope scope(&arena);
                late = pass(gate));
}

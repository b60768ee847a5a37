#include "nal/combinators.hpp"

#include <array>

#include "nal/block_on.hpp"
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

/// Completes at its n-th poll; tells in a log when it completes and when it is destroyed.
struct Log {
  std::array<int, 16> entries{};
  unsigned count = 0;
  void add(int entry) noexcept { entries[count++] = entry; }
};
class Logged {
 public:
  Logged(Log& log, int id, int polls) noexcept : log_(&log), id_(id), polls_(polls) {}
  Logged(Logged&& other) noexcept : log_(std::exchange(other.log_, nullptr)), id_(other.id_), polls_(other.polls_) {}
  ~Logged() {
    if (log_ != nullptr) { log_->add(-id_); }
  }
  Poll<Result<int>> poll(Context& context) noexcept {
    if (--polls_ > 0) {
      context.wake_soon();
      return pending;
    }
    log_->add(id_);
    return id_;
  }

 private:
  Log* log_;
  int id_;
  int polls_;
};

Task<Result<int>> first_of_two(Gate& a, Gate& b) {
  const auto first = co_await race(pass(a), pass(b));
  co_return static_cast<int>(first.index());
}

Task<Result<int>> both(Gate& a, Gate& b) {
  const auto results = co_await join(pass(a), pass(b));
  const Result<int>& one = std::get<0>(results);
  const Result<int>& two = std::get<1>(results);
  if (!one) { co_return Unexpected(one.error()); }
  if (!two) { co_return Unexpected(two.error()); }
  co_return *one + *two;
}

Task<Result<int>> ticks(int count) {
  for (int i = 0; i < count; ++i) { co_await yield(); }
  co_return count;
}
Task<Result<int>> nested_ticks(int count) {
  const Result<int> ticked = co_await ticks(count);
  co_return ticked;
}

/// A protocol library's loop: two long-lived children, each replaced when it completes.
Task<> select_loop(int rounds, int& done) {
  Task<Result<int>> a = nested_ticks(3);
  Task<Result<int>> b = ticks(4);
  for (int i = 0; i < rounds; ++i) {
    const auto first = co_await race(a, b);
    if (const Result<int>* ticked = std::get_if<0>(&first); first.index() == 0 && !*ticked) {
      co_return Unexpected(ticked->error());
    }
    if (first.index() == 0) {
      a = i % 2 != 0 ? nested_ticks(3) : ticks(2);
    } else {
      b = i % 3 != 0 ? nested_ticks(4) : ticks(3);
    }
    ++done;
  }
  co_return Unit{};
}

Task<> join_loop(int rounds, int& done) {
  for (int i = 0; i < rounds; ++i) {
    const auto results = co_await join(ticks(1), nested_ticks(5));
    if (!std::get<0>(results) || !std::get<1>(results)) { co_return Unexpected(Error::no_memory); }
    ++done;
  }
  co_return Unit{};
}

}  // namespace

TEST_CASE("a race is won by the first to complete", "[combinators]") {
  for (const int winner : {0, 1}) {
    VirtualClock clock;
    Executor executor(clock);
    Gate gates[2];
    TaskSlot<4096, Result<int>> slot;
    REQUIRE(slot.start(executor, first_of_two, gates[0], gates[1]));
    test::run_ready(executor);
    CHECK(gates[0].anybody_waits());
    CHECK(gates[1].anybody_waits());
    gates[winner].open();
    test::run_ready(executor);
    REQUIRE(slot.result().ready());
    CHECK(*slot.result() == winner);
    CHECK_FALSE(gates[0].anybody_waits());
    CHECK_FALSE(gates[1].anybody_waits());
    CHECK(slot.arena().live() == 0);
  }
}

TEST_CASE("the earlier future wins a tie", "[combinators]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate open;
  open.open();
  const auto first = block_on(executor, race(Pass(open, 1), Pass(open, 0), sleep(0_ms)));
  const Result<int>* const winner = std::get_if<0>(&first);
  REQUIRE(winner != nullptr);
  CHECK(*winner == 1);
}

TEST_CASE("a race destroys the losers it owns before it completes, and leaves those it borrows", "[combinators]") {
  VirtualClock clock;
  Executor executor(clock);
  Log log;
  {
    Logged borrowed(log, 3, 5);
    auto racing = race(Logged(log, 1, 4), Logged(log, 2, 2), borrowed);
    CHECK(block_on(executor, racing).index() == 1);
    REQUIRE(log.count == 3);
    CHECK(log.entries[0] == 2);
    CHECK((log.entries[1] == -1 || log.entries[2] == -1));
    CHECK((log.entries[1] == -2 || log.entries[2] == -2));
    CHECK(block_on(executor, borrowed) == 3);
  }
  CHECK(log.entries[3] == 3);
  CHECK(log.entries[4] == -3);
  CHECK(log.count == 5);
}

TEST_CASE("a join gives everything once everybody has completed", "[combinators]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate a;
  Gate b;
  TaskSlot<4096, Result<int>> slot;
  REQUIRE(slot.start(executor, both, a, b));
  test::run_ready(executor);
  b.open();
  test::run_ready(executor);
  CHECK(slot.running());
  a.open();
  test::run_ready(executor);
  REQUIRE(slot.result().ready());
  CHECK(*slot.result() == 2);
  CHECK(slot.arena().live() == 0);
}

TEST_CASE("a join destroys each future it owns as soon as that is ready", "[combinators]") {
  VirtualClock clock;
  Executor executor(clock);
  Log log;
  const auto results = block_on(executor, join(Logged(log, 1, 3), Logged(log, 2, 1), Logged(log, 3, 2)));
  CHECK(std::get<0>(results) == 1);
  CHECK(std::get<1>(results) == 2);
  CHECK(std::get<2>(results) == 3);
  const std::array<int, 6> expected{2, -2, 3, -3, 1, -1};
  REQUIRE(log.count == expected.size());
  for (unsigned i = 0; i < expected.size(); ++i) { CHECK(log.entries[i] == expected[i]); }
}

TEST_CASE("a join polls no future again that is ready", "[combinators]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate open;
  Gate shut;
  open.open();
  unsigned polls = 0;
  Pass early(open, 1, &polls);
  auto joined = join(early, Pass(shut));
  TaskSlot<512> slot;
  struct Code {
    static Task<> run(decltype(joined)& all) {
      co_await all;
      co_return Unit{};
    }
  };
  REQUIRE(slot.start(executor, Code::run, joined));
  test::run_ready(executor);
  shut.shake();
  test::run_ready(executor);
  CHECK(polls == 1);
  shut.open();
  test::run_ready(executor);
  CHECK_FALSE(slot.running());
  CHECK(polls == 1);
}

TEST_CASE("a join whose children do not fit tells no_memory for those that did not", "[combinators]") {
  const int before = Alive::count();
  std::size_t needed = 0;
  {
    VirtualClock clock;
    Executor executor(clock);
    Gate gate;
    gate.open();
    TaskSlot<8192, Result<int>> slot;
    REQUIRE(block_on(executor, slot, both, gate, gate) == 2);
    needed = slot.arena().peak();
  }
  alignas(FrameArena::kAlign) static std::byte memory[8192];
  unsigned completed = 0;
  for (std::size_t size = 0; size <= needed; size += FrameArena::kAlign) {
    VirtualClock clock;
    Executor executor(clock);
    Gate gate;
    gate.open();
    FrameArena arena(memory, size);
    const ArenaScope scope(&arena);
    const Result<int> result = block_on(executor, both(gate, gate));
    CHECK((result == 2 || result == Unexpected(Error::no_memory)));
    completed += result.has_value() ? 1 : 0;
    CHECK(arena.live() == 0);
    CHECK(Alive::count() == before);
  }
  CHECK(completed == 1);
}

TEST_CASE("races and joins may be cancelled at every poll and leave nothing behind", "[combinators]") {
  const int before = Alive::count();
  const unsigned cuts = test::cancel_after_every_round([before](unsigned rounds) {
    VirtualClock clock;
    Executor executor(clock);
    Gate a;
    Gate b;
    TaskSlot<8192> slot;
    struct Code {
      static Task<> run(Gate& one, Gate& two) {
        NAL_CO_TRY(first_of_two(one, two));
        NAL_CO_TRY(both(one, two));
        const auto timed = co_await join(with_timeout(3_ms, pass(one, 9)), race(ticks(3), pass(two, 9)));
        if (std::get<0>(timed) != Unexpected(Error::timed_out)) { co_return Unexpected(Error::protocol_error); }
        co_return Unit{};
      }
    };
    static_cast<void>(slot.start(executor, Code::run, a, b));
    bool finished = false;
    for (unsigned i = 0; i < rounds && !finished; ++i) {
      if (!executor.poll_once()) {
        (b.level() > 0 ? a : b).open();
        clock.advance(1_ms);
      }
      finished = !slot.running();
    }
    if (!finished) { slot.cancel(); }
    CHECK(slot.arena().live() == 0);
    CHECK(Alive::count() == before);
    CHECK_FALSE(a.anybody_waits());
    CHECK_FALSE(b.anybody_waits());
    CHECK(executor.next_timer().is_never());
    if (finished) { CHECK((*slot.result()).has_value()); }
    return finished;
  });
  CHECK(cuts > 5);
}

TEST_CASE("an ordinary select loop and a join loop run for ever in the arena of their first rounds", "[combinators]") {
  VirtualClock clock;
  Executor executor(clock);
  {
    TaskSlot<8192> slot;
    int done = 0;
    REQUIRE(slot.start(executor, select_loop, 20, done));
    executor.run();
    REQUIRE(done == 20);
    const std::size_t peak = slot.arena().peak();
    REQUIRE(slot.start(executor, select_loop, 500, done));
    executor.run();
    CHECK(done == 520);
    CHECK(slot.arena().peak() == peak);
    CHECK(slot.arena().live() == 0);
  }
  {
    TaskSlot<8192> slot;
    int done = 0;
    REQUIRE(slot.start(executor, join_loop, 2, done));
    executor.run();
    const std::size_t peak = slot.arena().peak();
    REQUIRE(slot.start(executor, join_loop, 500, done));
    executor.run();
    CHECK(done == 502);
    CHECK(slot.arena().peak() == peak);
    CHECK(slot.arena().live() == 0);
  }
}

TEST_CASE("yield lets everybody else who is ready run first", "[combinators]") {
  VirtualClock clock;
  Executor executor(clock);
  struct Code {
    static Task<> turn(Log& log, int id) {
      for (int i = 0; i < 3; ++i) {
        log.add(id);
        co_await yield();
      }
      co_return Unit{};
    }
  };
  Log log;
  TaskSlot<512> slots[2];
  REQUIRE(slots[0].start(executor, Code::turn, log, 1));
  REQUIRE(slots[1].start(executor, Code::turn, log, 2));
  executor.run();
  REQUIRE(log.count == 6);
  for (unsigned i = 0; i < 6; ++i) { CHECK(log.entries[i] == static_cast<int>(1 + i % 2)); }
}

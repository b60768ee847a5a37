#include "nal/wait.hpp"

#include <array>

#include "nal/block_on.hpp"
#include "nal/task_slot.hpp"
#include "tests/support/check.hpp"
#include "tests/support/futures.hpp"
#include "tests/support/virtual_clock.hpp"

using namespace nal;
using test::Gate;
using test::Pass;
using test::VirtualClock;

namespace {

Task<> pass_and_log(Gate& gate, int id, int* log, int& logged) {
  const Result<int> passed = co_await Pass(gate);
  if (!passed) { co_return Unexpected(passed.error()); }
  log[logged++] = id;
  co_return Unit{};
}

/// Waits at two gates in turn with one waiter, as an operation does that reads and then writes.
class Either {
 public:
  Either(Gate& first, Gate& second) noexcept : first_(&first), second_(&second) {}
  Poll<Unit> poll(Context& context) noexcept {
    if (second_->level() > 0) { return Unit{}; }
    Gate& next = first_->level() > 0 ? *second_ : *first_;
    next.waiters().add(context, waiter_, Wait::other);
    return pending;
  }

 private:
  Gate* first_;
  Gate* second_;
  Waiter waiter_;
};

/// Breaks the rule: moves an operation that waits.
class Moves {
 public:
  explicit Moves(Gate& gate) noexcept : operation_(gate) {}
  Poll<Unit> poll(Context& context) noexcept {
    static_cast<void>(operation_.poll(context));
    const Pass moved(std::move(operation_));
    return Unit{};
  }

 private:
  Pass operation_;
};

Task<> await_either(Gate& first, Gate& second) {
  co_await Either(first, second);
  co_return Unit{};
}

}  // namespace

TEST_CASE("waiters are woken in the order they came", "[wait]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  TaskPool<4, 512> pool;
  int log[4] = {};
  int logged = 0;
  for (int i = 0; i < 4; ++i) { REQUIRE(pool.start(executor, pass_and_log, gate, i, log, logged)); }
  test::run_ready(executor);
  CHECK(logged == 0);
  gate.open();
  test::run_ready(executor);
  REQUIRE(logged == 4);
  for (int i = 0; i < 4; ++i) { CHECK(log[i] == i); }
}

TEST_CASE("a waiter that waits on keeps its place", "[wait]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  TaskSlot<512> first;
  TaskSlot<512> second;
  int log[2] = {};
  int logged = 0;
  REQUIRE(first.start(executor, pass_and_log, gate, 1, log, logged));
  REQUIRE(second.start(executor, pass_and_log, gate, 2, log, logged));
  test::run_ready(executor);
  // The first is polled once more while it waits already; it must not go behind the second.
  executor.queue(first);
  test::run_ready(executor);
  gate.open();
  test::run_ready(executor);
  REQUIRE(logged == 2);
  CHECK(log[0] == 1);
  CHECK(log[1] == 2);
}

TEST_CASE("a waiter leaves its list when it is destroyed, from the front, the middle and the end", "[wait]") {
  for (int leaves = 0; leaves < 3; ++leaves) {
    VirtualClock clock;
    Executor executor(clock);
    Gate gate;
    std::array<TaskSlot<512>, 3> slots;
    int log[3] = {};
    int logged = 0;
    for (int i = 0; i < 3; ++i) {
      REQUIRE(slots[static_cast<unsigned>(i)].start(executor, pass_and_log, gate, i, log, logged));
    }
    test::run_ready(executor);
    slots[static_cast<unsigned>(leaves)].cancel();
    CHECK(gate.anybody_waits());
    gate.open();
    test::run_ready(executor);
    REQUIRE(logged == 2);
    CHECK(log[0] == (leaves == 0 ? 1 : 0));
    CHECK(log[1] == (leaves == 2 ? 1 : 2));
    CHECK_FALSE(gate.anybody_waits());
  }
}

TEST_CASE("waking for nothing leaves everybody waiting", "[wait]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  TaskPool<3, 512> pool;
  int log[3] = {};
  int logged = 0;
  for (int i = 0; i < 3; ++i) { REQUIRE(pool.start(executor, pass_and_log, gate, i, log, logged)); }
  test::run_ready(executor);
  for (int i = 0; i < 10; ++i) {
    gate.shake();
    CHECK(test::run_ready(executor) == 1);
  }
  CHECK(logged == 0);
  CHECK(pool.running() == 3);
}

TEST_CASE("a waiter moves from one list to another", "[wait]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate first;
  Gate second;
  TaskSlot<512> slot;
  REQUIRE(slot.start(executor, await_either, first, second));
  test::run_ready(executor);
  CHECK(first.anybody_waits());
  CHECK_FALSE(second.anybody_waits());
  first.open();
  test::run_ready(executor);
  CHECK_FALSE(first.anybody_waits());
  CHECK(second.anybody_waits());
  second.open();
  test::run_ready(executor);
  CHECK_FALSE(slot.running());
  CHECK_FALSE(second.anybody_waits());
}

TEST_CASE("a list that ends wakes everybody and forgets them", "[wait]") {
  VirtualClock clock;
  Executor executor(clock);
  TaskSlot<512> slot;
  // The task outlives what it waits for: the ownership table forbids polling it again, so it is cancelled.
  struct Short {
    WaitList list;
  };
  class Once {
   public:
    explicit Once(WaitList& list) noexcept : list_(&list) {}
    Poll<Unit> poll(Context& context) noexcept {
      if (list_ == nullptr) { return Unit{}; }
      list_->add(context, waiter_, Wait::other);
      list_ = nullptr;
      return pending;
    }

   private:
    WaitList* list_;
    Waiter waiter_;
  };
  struct Code {
    static Task<> run(WaitList& list) {
      co_await Once(list);
      co_return Unit{};
    }
  };
  {
    Short owner;
    REQUIRE(slot.start(executor, Code::run, owner.list));
    test::run_ready(executor);
    CHECK_FALSE(owner.list.empty());
    CHECK(slot.running());
  }
  CHECK(slot.ready());
  test::run_ready(executor);
  CHECK_FALSE(slot.running());
}

TEST_CASE("moving a linked waiter asserts", "[wait]") {
  CHECK_ASSERTS(static VirtualClock clock; static Executor executor(clock); static Gate gate; static Moves moves(gate);
                static_cast<void>(block_on(executor, moves)));
}

TEST_CASE("an operation moves freely until it is polled", "[wait]") {
  VirtualClock clock;
  Executor executor(clock);
  Gate gate;
  Pass made(gate);
  Pass moved(std::move(made));
  gate.open();
  CHECK(block_on(executor, std::move(moved)) == 1);
}

#include "nal/timer.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "nal/sleep.hpp"
#include "nal/task_slot.hpp"
#include "tests/support/check.hpp"
#include "tests/support/virtual_clock.hpp"

using namespace nal;
using namespace nal::literals;
using test::VirtualClock;

namespace {

Instant at(std::int64_t us) { return Instant::from_microseconds(us); }

Task<> sleep_and_log(Duration duration, int id, int* log, int& logged) {
  co_await sleep(duration);
  log[logged++] = id;
  co_return Unit{};
}

Task<> tick_without_drift(Executor& executor, unsigned count, Duration& drift) {
  Instant next = executor.now();
  for (unsigned i = 0; i < count; ++i) {
    next += 10_ms;
    co_await sleep_until(next);
    drift = std::max(drift, executor.now() - next);
  }
  co_return Unit{};
}

/// Arms one timer and counts the wake-ups.
class Alarm {
 public:
  Alarm(Instant at, unsigned& polls) noexcept : at_(at), polls_(&polls) {}
  Poll<Unit> poll(Context& context) noexcept {
    ++*polls_;
    if (context.now() >= at_) { return Unit{}; }
    context.arm(timer_, at_);
    return pending;
  }

 private:
  Instant at_;
  unsigned* polls_;
  Timer timer_;
};

Task<> wait_for(Alarm alarm) {
  co_await alarm;
  co_return Unit{};
}

/// Replaces a late time by an early one.
class Rearmed {
 public:
  Poll<Unit> poll(Context& context) noexcept {
    if (first_) {
      first_ = false;
      const Instant now = context.now();
      context.arm(timer_, now + 1_s);
      context.arm(timer_, now + 1_ms);
      return pending;
    }
    return Unit{};
  }

 private:
  bool first_ = true;
  Timer timer_;
};

Task<> rearm() {
  co_await Rearmed();
  co_return Unit{};
}

}  // namespace

TEST_CASE("timers come out in the order of their times, whatever the order they were armed in", "[timer]") {
  // Only the queue is tested here, so one task's address does for all timers.
  alignas(RootTask) std::byte nobody[sizeof(RootTask)];
  auto& task = *reinterpret_cast<RootTask*>(nobody);
  constexpr unsigned kCount = 200;
  std::array<Timer, kCount> timers;
  TimerQueue queue;
  for (unsigned i = 0; i < kCount; ++i) { queue.insert(timers[i], task, at((i * 7919) % kCount)); }
  // Some are disarmed from the middle of the heap.
  unsigned left = kCount;
  for (unsigned i = 0; i < kCount; i += 3) {
    timers[i].disarm();
    CHECK_FALSE(timers[i].armed());
    --left;
  }
  Instant last = at(-1);
  bool sorted = true;
  while (Timer* timer = queue.first()) {
    sorted = sorted && timer->at() >= last;
    last = timer->at();
    queue.remove(*timer);
    --left;
    // Disarming and arming in between keeps the order.
    if (left == kCount / 2) {
      queue.insert(*timer, task, last);
      ++left;
      queue.remove(*timer);
      --left;
    }
  }
  CHECK(sorted);
  CHECK(left == 0);
}

TEST_CASE("destroying an armed timer disarms it", "[timer]") {
  alignas(RootTask) std::byte nobody[sizeof(RootTask)];
  auto& task = *reinterpret_cast<RootTask*>(nobody);
  TimerQueue queue;
  Timer stays;
  queue.insert(stays, task, at(5));
  {
    Timer first;
    Timer last;
    queue.insert(first, task, at(1));
    queue.insert(last, task, at(9));
    CHECK(queue.first() == &first);
  }
  CHECK(queue.first() == &stays);
  stays.disarm();
  CHECK(queue.first() == nullptr);
}

TEST_CASE("a queue that ends leaves its timers disarmed", "[timer]") {
  alignas(RootTask) std::byte nobody[sizeof(RootTask)];
  auto& task = *reinterpret_cast<RootTask*>(nobody);
  Timer a;
  Timer b;
  {
    TimerQueue queue;
    queue.insert(a, task, at(1));
    queue.insert(b, task, at(2));
  }
  CHECK_FALSE(a.armed());
  CHECK_FALSE(b.armed());
}

TEST_CASE("moving an armed timer asserts", "[timer]") {
  CHECK_ASSERTS(alignas(RootTask) static std::byte nobody[sizeof(RootTask)]; static TimerQueue queue;
                static Timer timer; queue.insert(timer, *reinterpret_cast<RootTask*>(nobody), at(1));
                Timer moved(std::move(timer)));
}

TEST_CASE("sleeping tasks wake in the order of their deadlines", "[timer]") {
  VirtualClock clock;
  Executor executor(clock);
  TaskPool<4, 512> pool;
  int log[4] = {};
  int logged = 0;
  const Instant begin = clock.now();
  REQUIRE(pool.start(executor, sleep_and_log, 30_ms, 3, log, logged));
  REQUIRE(pool.start(executor, sleep_and_log, 10_ms, 1, log, logged));
  REQUIRE(pool.start(executor, sleep_and_log, 0_ms, 0, log, logged));
  REQUIRE(pool.start(executor, sleep_and_log, 20_ms, 2, log, logged));
  executor.run();
  REQUIRE(logged == 4);
  for (int i = 0; i < 4; ++i) { CHECK(log[i] == i); }
  CHECK(clock.now() - begin == 30_ms);
  CHECK(clock.sleeps() == 3);
  CHECK(executor.next_timer().is_never());
}

TEST_CASE("a sleep never ends early", "[timer]") {
  VirtualClock clock;
  Executor executor(clock);
  TaskSlot<512> slot;
  int log[1] = {};
  int logged = 0;
  REQUIRE(slot.start(executor, sleep_and_log, 10_ms, 1, log, logged));
  test::run_ready(executor);
  clock.advance(9'999_us);
  test::run_ready(executor);
  CHECK(slot.running());
  clock.advance(1_us);
  test::run_ready(executor);
  CHECK_FALSE(slot.running());
}

TEST_CASE("a loop that adds its period to a deadline does not drift", "[timer]") {
  VirtualClock clock;
  Executor executor(clock);
  TaskSlot<512> slot;
  Duration drift;
  const Instant begin = clock.now();
  REQUIRE(slot.start(executor, tick_without_drift, executor, 100u, drift));
  executor.run();
  CHECK(drift == 0_us);
  CHECK(clock.now() - begin == 1_s);
}

TEST_CASE("a task that sleeps is polled twice and not in between", "[timer]") {
  VirtualClock clock;
  Executor executor(clock);
  TaskSlot<512> slot;
  unsigned polls = 0;
  REQUIRE(slot.start(executor, wait_for, Alarm(clock.now() + 10_ms, polls)));
  test::run_ready(executor);
  CHECK(executor.next_timer() == clock.now() + 10_ms);
  for (int i = 0; i < 5; ++i) { CHECK_FALSE(executor.poll_once()); }
  CHECK(polls == 1);
  executor.run();
  CHECK(polls == 2);
}

TEST_CASE("a time that has passed wakes the task in the next round", "[timer]") {
  VirtualClock clock;
  Executor executor(clock);
  TaskSlot<512> slot;
  unsigned polls = 0;
  clock.advance(1_s);
  REQUIRE(slot.start(executor, wait_for, Alarm(clock.now() - 1_s, polls)));
  CHECK(executor.poll_once());
  CHECK_FALSE(slot.running());
  CHECK(clock.sleeps() == 0);
}

TEST_CASE("a cancelled sleep leaves no timer behind", "[timer]") {
  VirtualClock clock;
  Executor executor(clock);
  TaskSlot<512> slot;
  int log[1] = {};
  int logged = 0;
  REQUIRE(slot.start(executor, sleep_and_log, 10_ms, 1, log, logged));
  test::run_ready(executor);
  CHECK_FALSE(executor.next_timer().is_never());
  slot.cancel();
  CHECK(executor.next_timer().is_never());
  CHECK(logged == 0);
}

TEST_CASE("arming a timer again replaces its time", "[timer]") {
  VirtualClock clock;
  Executor executor(clock);
  TaskSlot<512> slot;
  const Instant begin = clock.now();
  REQUIRE(slot.start(executor, rearm));
  executor.run();
  CHECK(clock.now() - begin == 1_ms);
  CHECK(executor.next_timer().is_never());
}

TEST_CASE("a sleep for ever arms no deadline that could come", "[timer]") {
  VirtualClock clock;
  Executor executor(clock);
  TaskSlot<512> slot;
  int log[1] = {};
  int logged = 0;
  REQUIRE(slot.start(executor, sleep_and_log, Duration::max(), 1, log, logged));
  test::run_ready(executor);
  CHECK(executor.next_timer().is_never());
  CHECK(slot.running());
}

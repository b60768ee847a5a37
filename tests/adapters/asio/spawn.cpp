#include "adapters/asio/spawn.hpp"

#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/bind_executor.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/redirect_error.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <memory>
#include <thread>

#include "tests/adapters/asio/world.hpp"

namespace {

using namespace nal;
using namespace nal::test;
using with_asio::spawn;

Task<Result<int>> after(Duration duration, int value) {
  co_await sleep(duration);
  co_return value;
}
Task<> fail_with(Error error) {
  co_await yield();
  co_return Unexpected(error);
}
Task<> for_ever(std::shared_ptr<int> alive) {
  co_await sleep(1_h);
  ++*alive;
  co_return Unit{};
}
Task<> give_up_myself(::asio::cancellation_signal& signal, int& reached) {
  signal.emit(::asio::cancellation_type::terminal);
  ++reached;
  co_await sleep(1_h);
  ++reached;
  co_return Unit{};
}
Task<> large_frame() {
  std::byte much[8192];
  much[0] = std::byte{1};
  co_await sleep(1_us);
  co_return much[0] == std::byte{1} ? Result<>() : Result<>(Unexpected(Error::io_error));
}

TEMPLATE_TEST_CASE("a nal task tells a callback how it ended", "[asio]", PosixWorld, EmbeddedWorld) {
  TestType world;
  ErrorCode told;
  int value = 0;
  unsigned calls = 0;
  spawn(
      world.loop, [] { return after(1_ms, 7); },
      [&](ErrorCode error, int got) {
        ++calls;
        told = error;
        value = got;
      });
  CHECK(calls == 0);
  world.context.run();
  CHECK(calls == 1);
  CHECK(!told);
  CHECK(value == 7);
  spawn(
      world.loop, [] { return fail_with(Error::protocol_error); }, [&told](ErrorCode error) { told = error; });
  world.context.restart();
  world.context.run();
  CHECK(told == make_error_code(Error::protocol_error));
}

TEST_CASE("a nal task is awaited as a std::future", "[asio]") {
  EmbeddedWorld world;
  auto value = spawn(
      world.loop, [] { return after(1_ms, 7); }, ::asio::use_future);
  auto failure = spawn(
      world.loop, [] { return fail_with(Error::timed_out); }, ::asio::use_future);
  world.context.run();
  CHECK(value.get() == 7);
  CHECK_THROWS_AS(failure.get(), ::asio::system_error);
}

::asio::awaitable<void> use_both(Loop& loop, int& sum) {
  const int first = co_await spawn(
      loop, [] { return after(1_ms, 3); }, ::asio::use_awaitable);
  sum += first;
  try {
    co_await spawn(
        loop, [] { return fail_with(Error::timed_out); }, ::asio::use_awaitable);
  } catch (const ::asio::system_error& error) {
    if (error.code() == ::asio::error::timed_out) { sum += 10; }
  }
}

TEMPLATE_TEST_CASE("a nal task is awaited by a coroutine of Asio's", "[asio]", PosixWorld, EmbeddedWorld) {
  TestType world;
  int sum = 0;
  ::asio::co_spawn(world.context, use_both(world.loop, sum), ::asio::detached);
  world.context.run();
  CHECK(sum == 13);
}

TEST_CASE("a signal of Asio's destroys a nal task where it waits", "[asio]") {
  EmbeddedWorld world;
  const auto alive = std::make_shared<int>(0);
  for (const auto type : {::asio::cancellation_type::terminal, ::asio::cancellation_type::total}) {
    ::asio::cancellation_signal signal;
    ErrorCode told;
    unsigned calls = 0;
    spawn(
        world.loop, [alive] { return for_ever(alive); },
        ::asio::bind_cancellation_slot(signal.slot(), [&](ErrorCode error) {
          ++calls;
          told = error;
          CHECK(!signal.slot().has_handler());  // cleared before the handler is called
        }));
    world.context.restart();
    world.context.poll();
    CHECK(alive.use_count() == 3);
    signal.emit(type);
    CHECK(calls == 0);
    CHECK(alive.use_count() == 1);
    signal.emit(type);
    world.context.restart();
    world.context.run();
    CHECK(calls == 1);
    CHECK(told == ::asio::error::operation_aborted);
  }
  CHECK(*alive == 0);
}

TEST_CASE("a signal that says nothing cancels nothing, and one after the end neither", "[asio]") {
  EmbeddedWorld world;
  ::asio::cancellation_signal signal;
  int value = 0;
  spawn(
      world.loop, [] { return after(1_ms, 7); },
      ::asio::bind_cancellation_slot(signal.slot(), [&value](ErrorCode, int got) { value = got; }));
  signal.emit(::asio::cancellation_type::none);
  world.context.run();
  signal.emit(::asio::cancellation_type::all);
  CHECK(value == 7);
}

TEST_CASE("a task that gives itself up is destroyed when it next waits", "[asio]") {
  EmbeddedWorld world;
  ::asio::cancellation_signal signal;
  int reached = 0;
  ErrorCode told;
  spawn(
      world.loop, [&] { return give_up_myself(signal, reached); },
      ::asio::bind_cancellation_slot(signal.slot(), [&told](ErrorCode error) { told = error; }));
  world.context.run();
  CHECK(reached == 1);
  CHECK(told == ::asio::error::operation_aborted);
}

TEST_CASE("a task's frames come from the heap, or from as much as it is given", "[asio]") {
  EmbeddedWorld world;
  ErrorCode heap = ::asio::error::would_block;
  ErrorCode fixed;
  spawn(
      world.loop, [] { return large_frame(); }, [&heap](ErrorCode error) { heap = error; });
  spawn<1024>(
      world.loop, [] { return large_frame(); }, [&fixed](ErrorCode error) { fixed = error; });
  world.context.run();
  CHECK(!heap);
  CHECK(fixed == ::asio::error::no_memory);
}

TEST_CASE("a handler is called by its own executor, which is kept busy until then", "[asio]") {
  EmbeddedWorld world;
  ::asio::io_context other;
  bool called = false;
  spawn(
      world.loop, [] { return after(1_ms, 7); },
      ::asio::bind_executor(other.get_executor(), [&called](ErrorCode, int) { called = true; }));
  std::thread thread([&other] { other.run(); });
  world.context.run();
  thread.join();
  CHECK(called);
}

TEST_CASE("an operation's memory is its handler's", "[asio]") {
  EmbeddedWorld world;
  std::size_t live = 0;
  std::size_t made = 0;
  bool called = false;
  spawn<512>(
      world.loop, [] { return after(1_ms, 7); },
      WithAllocator(
          [&](ErrorCode, int) {
            CHECK(live == 0);  // freed before the handler is called
            called = true;
          },
          live, made));
  CHECK(live > 0);
  world.context.run();
  CHECK(called);
  CHECK(made > 0);
}

TEST_CASE("handlers may throw through the io_context, and nothing else is lost", "[asio]") {
  EmbeddedWorld world;
  int calls = 0;
  for (int i = 0; i < 3; ++i) {
    spawn(
        world.loop, [] { return after(1_ms, 7); },
        [&calls](ErrorCode, int) {
          if (++calls == 1) { throw std::runtime_error("thrown by a handler"); }
        });
  }
  CHECK_THROWS_AS(world.context.run(), std::runtime_error);
  world.context.run();
  CHECK(calls == 3);
}

TEST_CASE("closing the loop destroys tasks and their handlers, which are not called", "[asio]") {
  EmbeddedWorld world;
  const auto alive = std::make_shared<int>(0);
  const auto handlers = std::make_shared<int>(0);
  ::asio::cancellation_signal signal;
  spawn(
      world.loop, [alive] { return for_ever(alive); },
      ::asio::bind_cancellation_slot(signal.slot(), [handlers](ErrorCode) { ++*handlers; }));
  world.context.poll();
  world.loop.close();
  CHECK(alive.use_count() == 1);
  CHECK(handlers.use_count() == 1);
  signal.emit(::asio::cancellation_type::all);
  ErrorCode told;
  spawn(
      world.loop, [alive] { return for_ever(alive); }, [&told](ErrorCode error) { told = error; });
  world.context.restart();
  world.context.run();
  CHECK(told == ::asio::error::bad_descriptor);
  CHECK(*handlers == 0);
}

}  // namespace

#include "adapters/asio/loop.hpp"

#include <catch2/catch_template_test_macros.hpp>

#include <thread>

#include "nal/block_on.hpp"
#include "nal/event.hpp"
#include "nal/task_slot.hpp"
#include "tests/adapters/asio/world.hpp"
#include "tests/support/asserts.hpp"

namespace {

using namespace nal;
using namespace nal::test;

Task<> sleep_and_count(Duration duration, int& count) {
  co_await sleep(duration);
  ++count;
  co_return Unit{};
}

Task<> await_event(Event& event, int& count) {
  co_await wait(event);
  ++count;
  co_return Unit{};
}

TEMPLATE_TEST_CASE("a nal task's sleep is a timer of the io_context, which ends with the last task", "[asio]",
                   PosixWorld, EmbeddedWorld) {
  TestType world;
  int count = 0;
  TaskSlot<1024> short_one;
  TaskSlot<1024> long_one;
  {
    const Loop::Turn turn(world.loop);
    REQUIRE(long_one.start(world.loop.executor(), sleep_and_count, 20_ms, count));
    REQUIRE(short_one.start(world.loop.executor(), sleep_and_count, 1_ms, count));
  }
  CHECK(count == 0);  // nothing runs inside what starts it
  const Instant before = world.loop.executor().now();
  world.context.run();
  CHECK(count == 2);
  CHECK(world.loop.executor().now() - before >= 20_ms);
}

TEMPLATE_TEST_CASE("the io_context has nothing to do where there is neither task nor operation", "[asio]", PosixWorld,
                   EmbeddedWorld) {
  TestType world;
  CHECK(world.context.run() < 8);
}

TEMPLATE_TEST_CASE("an event that another thread raises wakes a task of the loop", "[asio]", PosixWorld,
                   EmbeddedWorld) {
  TestType world;
  int count = 0;
  Event event(world.loop.executor());
  TaskSlot<1024> slot;
  {
    const Loop::Turn turn(world.loop);
    REQUIRE(slot.start(world.loop.executor(), await_event, event, count));
  }
  world.context.poll();
  CHECK(count == 0);
  std::thread other([&event] { event.raise(); });
  world.context.run();
  other.join();
  CHECK(count == 1);
}

TEMPLATE_TEST_CASE("block_on works before the io_context runs", "[asio]", PosixWorld, EmbeddedWorld) {
  TestType world;
  bool ran = false;
  ::asio::post(world.context, [&ran] { ran = true; });
  const Instant before = world.loop.executor().now();
  block_on(world.loop.executor(), sleep(5_ms));
  CHECK(world.loop.executor().now() - before >= 5_ms);
  // With a clock of Asio's alone other handlers go on meanwhile.
  CHECK(ran == std::is_same_v<TestType, EmbeddedWorld>);
  world.context.run();
  CHECK(ran);
}

TEST_CASE("handlers that block on nal within a handler of the loop's are served meanwhile", "[asio]") {
  EmbeddedWorld world;
  int count = 0;
  bool inner = false;
  spawn(
      world.loop, [&count] { return sleep_and_count(1_ms, count); },
      [&](ErrorCode) {
        spawn(
            world.loop, [&count] { return sleep_and_count(1_ms, count); }, [&inner](ErrorCode) { inner = true; });
        block_on(world.loop.executor(), sleep(20_ms));
        CHECK(inner);
      });
  world.context.run();
  CHECK(count == 2);
}

TEST_CASE("a platform without a descriptor is refused", "[asio]") {
  ::asio::io_context context;
  posix::Reactor reactor(posix::Poller::poll);
  const Loop loop(context.get_executor(), reactor);
  CHECK(loop.status() == Unexpected(Error::not_supported));
}

TEST_CASE("a loop that is gone leaves handlers behind that do nothing", "[asio]") {
  ::asio::io_context context;
  {
    Loop loop(context.get_executor());
    int count = 0;
    TaskSlot<1024> slot;
    {
      const Loop::Turn turn(loop);
      REQUIRE(slot.start(loop.executor(), sleep_and_count, 1_h, count));
    }
    context.poll();
  }
  context.restart();
  CHECK(context.run() <= 3);
}

TEST_CASE("two threads in the loop at a time are asserted against", "[asio]") {
  CHECK_ASSERTS({
    ::asio::io_context context;
    Loop loop(context.get_executor());
    const Loop::Turn turn(loop);
    std::thread([&loop] { const Loop::Turn second(loop); }).join();
  });
}

TEST_CASE("every error of nal's is one of Asio's where that has a name, and comes back", "[asio]") {
  using with_asio::to_error;
  using with_asio::to_error_code;
  CHECK(to_error_code(Error::end_of_stream) == ::asio::error::eof);
  CHECK(to_error_code(Error::cancelled) == ::asio::error::operation_aborted);
  CHECK(to_error_code(Error::connection_reset) == ::asio::error::connection_reset);
  CHECK(to_error_code(Error::protocol_error).category() == error_category());
  for (unsigned i = 1; i <= static_cast<unsigned>(kLastError); ++i) {
    const auto error = static_cast<Error>(i);
    CHECK(to_error(to_error_code(error)) == error);
  }
  CHECK(to_error(::asio::error::no_such_device) == Error::io_error);
  CHECK(to_error(ErrorCode()) == Error{});
}

TEST_CASE("endpoints go to Asio and back", "[asio]") {
  for (const Endpoint& endpoint : {"1.2.3.4:5"_endpoint, "[fe80::1%7]:65535"_endpoint, "[::1]:0"_endpoint}) {
    CHECK(with_asio::to_nal(with_asio::to_asio<::asio::ip::tcp>(endpoint)) == endpoint);
  }
}

}  // namespace

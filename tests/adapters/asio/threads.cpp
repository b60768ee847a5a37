// The rules of threads, for ThreadSanitizer: a strand makes a loop the business of whichever thread is at it.
#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#include <asio/write.hpp>
#include <atomic>
#include <catch2/catch_template_test_macros.hpp>
#include <thread>
#include <vector>

#include "nal/event.hpp"
#include "tests/adapters/asio/world.hpp"

namespace {

using namespace nal;
using namespace nal::test;

constexpr unsigned kThreads = 3;

void run_by_threads(::asio::io_context& context) {
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i) {
    threads.emplace_back([&context] { context.run(); });
  }
  for (std::thread& thread : threads) { thread.join(); }
}

auto on_strand() {
  return [](::asio::io_context& context) { return ::asio::make_strand(context); };
}

template <class S>
::asio::awaitable<void> echo(S stream) {
  std::array<char, 64> buffer;
  try {
    for (;;) {
      const std::size_t size = co_await stream.async_read_some(::asio::buffer(buffer), ::asio::use_awaitable);
      co_await ::asio::async_write(stream, ::asio::buffer(buffer, size), ::asio::use_awaitable);
    }
  } catch (const ::asio::system_error&) {}
}
template <class A>
::asio::awaitable<void> serve(A& acceptor, int count) {
  for (int i = 0; i < count; ++i) {
    auto peer = co_await acceptor.async_accept(::asio::use_awaitable);
    ::asio::co_spawn(acceptor.get_executor(), echo(std::move(peer)), ::asio::detached);
  }
}
template <class World>
::asio::awaitable<void> ask(World& world, ::asio::ip::tcp::endpoint server, unsigned rounds, unsigned& answers) {
  StreamOf<World> stream(world.loop);
  co_await stream.async_connect(world.client(), server, ::asio::use_awaitable);
  for (unsigned i = 0; i < rounds; ++i) {
    co_await ::asio::async_write(stream, text("over and over"), ::asio::use_awaitable);
    std::array<char, 64> buffer;
    std::size_t size = 0;
    while (size < 13) {
      const std::size_t more = co_await stream.async_read_some(::asio::buffer(buffer), ::asio::use_awaitable);
      size += more;
    }
    ++answers;
  }
}

TEMPLATE_TEST_CASE("a loop on a strand serves an io_context that several threads run", "[asio]", PosixWorld,
                   EmbeddedWorld) {
  TestType world(on_strand());
  auto acceptor = listen(world);
  unsigned answers = 0;
  ::asio::co_spawn(world.loop.get_executor(), serve(acceptor, 3), ::asio::detached);
  for (int i = 0; i < 3; ++i) {
    ::asio::co_spawn(world.loop.get_executor(), ask(world, acceptor.local_endpoint(), 20, answers), ::asio::detached);
  }
  run_by_threads(world.context);
  CHECK(answers == 60);
}

Task<Result<int>> sleep_often(unsigned times) {
  for (unsigned i = 0; i < times; ++i) { co_await sleep(100_us); }
  co_return static_cast<int>(times);
}

TEST_CASE("tasks go on in whichever thread the strand is at, and are awaited from outside", "[asio]") {
  EmbeddedWorld world(on_strand());
  std::vector<std::future<int>> results;
  for (int i = 0; i < 4; ++i) {
    results.push_back(spawn(
        world.loop, [] { return sleep_often(20); }, ::asio::use_future));
  }
  run_by_threads(world.context);
  for (auto& result : results) { CHECK(result.get() == 20); }
}

Task<> count_events(Event& event, const std::atomic<unsigned>& raised, unsigned most) {
  while (raised.load() < most) { co_await wait(event); }
  co_return Unit{};
}

TEMPLATE_TEST_CASE("events cross from threads that know nothing of the strand", "[asio]", PosixWorld, EmbeddedWorld) {
  TestType world(on_strand());
  Event event(world.loop.executor());
  std::atomic<unsigned> raised = 0;
  ErrorCode told = ::asio::error::would_block;
  spawn(
      world.loop, [&] { return count_events(event, raised, 100); }, [&told](ErrorCode error) { told = error; });
  std::thread other([&] {
    for (unsigned i = 0; i < 100; ++i) {
      ++raised;
      event.raise();
    }
  });
  run_by_threads(world.context);
  other.join();
  CHECK(!told);
}

TEST_CASE("two loops on two strands know nothing of each other", "[asio]") {
  ::asio::io_context context;
  Loop one(::asio::make_strand(context));
  Loop two(::asio::make_strand(context));
  const Loop::Closing close_one(one);
  const Loop::Closing close_two(two);
  auto first = spawn(
      one, [] { return sleep_often(30); }, ::asio::use_future);
  auto second = spawn(
      two, [] { return sleep_often(30); }, ::asio::use_future);
  run_by_threads(context);
  CHECK(first.get() == 30);
  CHECK(second.get() == 30);
}

}  // namespace

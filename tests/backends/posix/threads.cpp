#include <array>
#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

#include "nal/event.hpp"
#include "nal/hosted/format.hpp"
#include "tests/backends/posix/world.hpp"

using namespace nal;
using namespace nal::literals;
using namespace nal::test;

namespace {

/// What another thread raises, and what it raised it for.
struct Bell {
  explicit Bell(Executor& executor) : event(executor) {}
  Event event;
  std::atomic<unsigned> rung{0};
  std::atomic<unsigned> heard{0};
};

Task<> listen_to(Bell& bell, unsigned until) {
  while (bell.heard.load(std::memory_order_relaxed) < until) {
    co_await wait(bell.event);
    const unsigned rung = bell.rung.load(std::memory_order_acquire);
    bell.heard.store(rung, std::memory_order_release);
    bell.heard.notify_all();
  }
  co_return Unit{};
}

}  // namespace

TEST_CASE("an event raised while the executor sleeps is never lost", "[posix][threads]") {
  World world(each_poller());
  Bell bell(world.executor);
  constexpr unsigned kTimes = 5'000;
  TaskSlot<2048> slot;
  REQUIRE(slot.start(world.executor, listen_to, bell, kTimes));
  // Each ring waits for the one before to be heard: the executor has gone to sleep, or is just about to.
  std::thread ringer([&bell] {
    for (unsigned i = 1; i <= kTimes; ++i) {
      bell.rung.store(i, std::memory_order_release);
      bell.event.raise();
      for (unsigned heard = bell.heard.load(); heard < i; heard = bell.heard.load()) { bell.heard.wait(heard); }
    }
  });
  world.executor.run();
  ringer.join();
  CHECK(bell.heard == kTimes);
}

TEST_CASE("events raised from several threads at once all arrive", "[posix][threads]") {
  World world(each_poller());
  constexpr unsigned kTimes = 20'000;
  constexpr unsigned kThreads = 4;
  // Two threads ring each bell.
  Bell bells[2] = {Bell(world.executor), Bell(world.executor)};
  TaskSlot<2048> slots[2];
  for (std::size_t i = 0; i < 2; ++i) {
    REQUIRE(slots[i].start(world.executor, listen_to, bells[i], kTimes * kThreads / 2));
  }
  std::vector<std::thread> ringers;
  for (unsigned i = 0; i < kThreads; ++i) {
    ringers.emplace_back([&bell = bells[i % 2]] {
      for (unsigned times = 0; times < kTimes; ++times) {
        bell.rung.fetch_add(1, std::memory_order_acq_rel);
        bell.event.raise();
      }
    });
  }
  world.executor.run();
  for (auto& ringer : ringers) { ringer.join(); }
  for (const Bell& bell : bells) { CHECK(bell.heard == kTimes * kThreads / 2); }
}

TEST_CASE("events arrive among the news of sockets and the ends of timers", "[posix][threads]") {
  World world(each_poller());
  auto [stream, peer] = world.accepted();
  Bell bell(world.executor);
  constexpr unsigned kTimes = 2'000;
  struct Code {
    static Task<> count_bytes(posix::TcpStream& from, unsigned& bytes) {
      Buffer buffer;
      for (;;) {
        const Result<std::size_t> got = co_await read(from, buffer);
        if (!got) { co_return Unexpected(got.error()); }
        if (*got == 0) { co_return Unit{}; }
        bytes += static_cast<unsigned>(*got);
      }
    }
    static Task<> tick(unsigned& ticks) {
      for (int i = 0; i < 50; ++i) {
        co_await sleep(20_us);
        ++ticks;
      }
      co_return Unit{};
    }
  };
  unsigned received = 0;
  unsigned ticks = 0;
  TaskSlot<2048> hears;
  TaskSlot<2048> reads;
  TaskSlot<2048> sleeps;
  REQUIRE(hears.start(world.executor, listen_to, bell, kTimes));
  REQUIRE(reads.start(world.executor, Code::count_bytes, stream, received));
  REQUIRE(sleeps.start(world.executor, Code::tick, ticks));
  std::thread ringer([&bell] {
    for (unsigned i = 0; i < kTimes; ++i) {
      bell.rung.fetch_add(1, std::memory_order_acq_rel);
      bell.event.raise();
    }
  });
  std::thread sender([&end = peer] {
    for (unsigned i = 0; i < kTimes; ++i) { end.send("x"); }
    end.send_end();
  });
  world.executor.run();
  ringer.join();
  sender.join();
  CHECK(received == kTimes);
  CHECK(ticks == 50);
}

TEST_CASE("a signal handler may raise an event", "[posix][threads]") {
  static Event* raised;
  World world(each_poller());
  Event event(world.executor);
  raised = &event;
  const auto before = std::signal(SIGUSR1, [](int) { raised->raise(); });
  std::thread killer([program = ::pthread_self()] { ::pthread_kill(program, SIGUSR1); });
  CHECK(world.run(wait(event)));
  killer.join();
  std::signal(SIGUSR1, before);
}

TEST_CASE("executors of several threads do not touch one another", "[posix][threads]") {
  const auto poller = each_poller();
  std::array<std::size_t, 3> echoed{};
  std::vector<std::thread> threads;
  for (std::size_t& count : echoed) {
    threads.emplace_back([poller, &count] {
      struct Code {
        static Task<> serve(posix::TcpListener& listener) {
          auto stream = co_await accept(listener);
          if (!stream) { co_return Unexpected(stream.error()); }
          posix::TcpStream connection = *std::move(stream);
          Buffer buffer;
          for (;;) {
            const Result<std::size_t> got = co_await read(connection, buffer);
            if (!got) { co_return Unexpected(got.error()); }
            if (*got == 0) { co_return Unit{}; }
            const Result<> written = co_await write_all(connection, bytes(buffer.first(*got)));
            if (!written) { co_return Unexpected(written.error()); }
          }
        }
        static Task<> ask(posix::Stack& stack, Endpoint remote, std::size_t& answers) {
          auto stream = co_await connect(stack, remote);
          if (!stream) { co_return Unexpected(stream.error()); }
          posix::TcpStream connection = *std::move(stream);
          Buffer buffer(4);
          for (int i = 0; i < 200; ++i) {
            const Result<> written = co_await write_all(connection, bytes("ping"));
            if (!written) { co_return Unexpected(written.error()); }
            const Result<> got = co_await read_exact(connection, buffer);
            if (!got) { co_return Unexpected(got.error()); }
            ++answers;
          }
          co_return Unit{};
        }
      };
      posix::Reactor reactor(poller);
      Executor executor(reactor);
      posix::Resources<posix::Config{.sockets = 4, .lookups = 1, .resolver_threads = 1}> memory;
      posix::Stack stack(reactor, executor, memory);
      auto listener = stack.listen(any_port(), {});
      if (!listener) { return; }
      TaskSlot<4096> serves;
      TaskSlot<4096> asks;
      if (!serves.start(executor, Code::serve, *listener)) { return; }
      if (!asks.start(executor, Code::ask, stack, listener->local_endpoint(), count)) { return; }
      executor.run();
    });
  }
  for (auto& thread : threads) { thread.join(); }
  for (const std::size_t count : echoed) { CHECK(count == 200); }
}

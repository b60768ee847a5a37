#include "nal/driver/queue_driver.hpp"

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/backends/drivers/frames.hpp"
#include "tests/support/asserts.hpp"
#include "tests/support/virtual_clock.hpp"

namespace nal::test {
namespace {

using driver::DeviceFrame;
using driver::Packet;
using driver::QueueDriver;

struct World {
  World() { queue.set_link(true); }
  ~World() { queue.give_back(pool); }
  VirtualClock clock;
  Executor executor{clock};
  Pool<16, 256> pool;
  QueueDriver<4, 4> queue{executor, {}, {2, 0, 0, 0, 0, 1}, 2};
};

/// A platform whose sleep another thread ends.
class Sleeper final : public Platform {
 public:
  Instant now() noexcept override {
    const auto since = std::chrono::steady_clock::now().time_since_epoch();
    return Instant::from_microseconds(std::chrono::duration_cast<std::chrono::microseconds>(since).count());
  }
  void poll(Executor& executor, Instant deadline) noexcept override {
    std::unique_lock lock(mutex_);
    if (deadline > now() && !executor.has_events()) {
      woken_.wait_for(lock, std::chrono::milliseconds(100), [&] { return executor.has_events(); });
    }
  }
  void wake() noexcept override {
    const std::scoped_lock lock(mutex_);
    woken_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable woken_;
};

}  // namespace

TEST_CASE("frames are received in the memory that the device filled, aligned as was asked", "[driver][queue]") {
  World world;
  CHECK_FALSE(world.queue.receive(world.pool, {}));
  const DeviceFrame frame = world.queue.next_empty();
  REQUIRE(frame);
  CHECK(frame.room().size() == 254);
  frame.room()[0] = std::byte{42};
  frame.offload().checksum_verified = true;
  const std::byte* const memory = frame.room().data();
  world.queue.received(frame, 60);
  const Packet packet = world.queue.receive(world.pool, {});
  REQUIRE(packet);
  CHECK(packet.data().data() == memory);
  CHECK(packet.size() == 60);
  CHECK(packet.headroom() == 2);
  CHECK(packet.offload().checksum_verified);
}

TEST_CASE("a device without empty packets loses the frame, counts it and has the stack lay out more",
          "[driver][queue]") {
  World world;
  CHECK_FALSE(world.queue.receive_copy(ethernet_frame(60, 0)));  // nothing is laid out before the first receive
  CHECK(world.queue.overruns() == 1);
  Watcher watcher(world.executor, world.queue);
  run_ready(world.executor, 10);
  const unsigned before = watcher.polls();
  CHECK_FALSE(world.queue.receive(world.pool, {}));
  for (unsigned i = 0; i < 4; ++i) { CHECK(world.queue.receive_copy(ethernet_frame(60, i))); }
  CHECK_FALSE(world.queue.receive_copy(ethernet_frame(60, 4)));
  CHECK(world.queue.overruns() == 2);
  run_ready(world.executor, 10);
  CHECK(watcher.polls() > before);
  for (unsigned i = 0; i < 4; ++i) { CHECK(to_frame(world.queue.receive(world.pool, {})) == ethernet_frame(60, i)); }
  CHECK(world.queue.receive_copy(ethernet_frame(60, 5)));
  CHECK(to_frame(world.queue.receive(world.pool, {})) == ethernet_frame(60, 5));
}

TEST_CASE("memory that the device gives back unused, or a frame too long for it, is no frame", "[driver][queue]") {
  World world;
  CHECK_FALSE(world.queue.receive(world.pool, {}));
  world.queue.received(world.queue.next_empty(), 0);
  CHECK_FALSE(world.queue.receive_copy(ethernet_frame(300, 1)));
  CHECK(world.queue.receive_copy(ethernet_frame(60, 2)));
  CHECK(to_frame(world.queue.receive(world.pool, {})) == ethernet_frame(60, 2));
  CHECK_FALSE(world.queue.receive(world.pool, {}));
}

TEST_CASE("laying out leaves the pool's reserve alone while the device has a packet", "[driver][queue]") {
  VirtualClock clock;
  Executor executor(clock);
  driver::PacketMemory<6, 256> memory;
  driver::PacketPool pool(memory, 4);
  QueueDriver<4, 4> queue(executor, {}, {});
  CHECK_FALSE(queue.receive(pool, {}));
  CHECK(pool.available() == 4);
  std::vector<Packet> taken;
  while (Packet packet = pool.allocate(0)) { taken.push_back(std::move(packet)); }
  queue.received(queue.next_empty(), 60);
  queue.received(queue.next_empty(), 60);
  CHECK(queue.receive(pool, {}));  // ends at once, and may not be laid out again before
  taken.clear();
  queue.give_back(pool);
  CHECK(pool.available() == pool.count());
}

TEST_CASE("each transmit starts the device, and what it has sent makes room", "[driver][queue]") {
  World world;
  unsigned started = 0;
  world.queue.on_transmit([](void* count) { ++*static_cast<unsigned*>(count); }, &started);
  for (unsigned i = 0; i < 4; ++i) {
    Packet packet = to_packet(world.pool, ethernet_frame(60, i));
    REQUIRE(world.queue.transmit(packet, {}));
  }
  CHECK(started == 4);
  CHECK_FALSE(world.queue.can_transmit());
  const DeviceFrame frame = world.queue.next_to_send();
  CHECK(Frame(frame.data().begin(), frame.data().end()) == ethernet_frame(60, 0));
  CHECK_FALSE(world.queue.can_transmit());  // the device still reads it
  world.queue.sent(frame);
  CHECK(world.queue.can_transmit());
}

TEST_CASE("a pool may not end while the device has packets of it", "[driver][queue]") {
  CHECK_ASSERTS(World world; static_cast<void>(world.queue.receive(world.pool, {}));
                static_cast<void>(world.queue.next_empty()); world.queue.give_back(world.pool));
}

TEST_CASE("a device in a thread of its own and a stack lose and double nothing", "[driver][queue][threads]") {
  constexpr unsigned kFrames = 20'000;
  Sleeper sleeper;
  Executor executor(sleeper);
  Pool<64, 128> pool;
  QueueDriver<8, 8> queue(executor, {}, {});
  std::atomic<bool> laid_out{false};
  std::atomic<bool> stop{false};
  std::vector<unsigned> sent;

  const auto number_of = [](std::span<const std::byte> bytes) {
    unsigned number = 0;
    std::memcpy(&number, bytes.data(), sizeof number);
    return number;
  };
  // A device that receives numbers one after the other and remembers those it sends.
  std::thread device([&] {
    unsigned next = 0;
    queue.set_link(true);
    while (!stop.load()) {
      if (const DeviceFrame frame = queue.next_to_send()) {
        sent.push_back(number_of(frame.data()));
        queue.sent(frame);
      }
      if (!laid_out.load() || next == kFrames) { continue; }
      if (const DeviceFrame frame = queue.next_empty()) {
        std::memcpy(frame.room().data(), &next, sizeof next);
        queue.received(frame, 60);
        ++next;
      }
    }
  });

  /// Sends back whatever comes, and sleeps in between.
  struct Echo : RootTask {
    Echo(Executor& on, driver::Driver& device_driver, driver::PacketPool& packets)
        : RootTask(&step, nullptr), driver(&device_driver), pool(&packets) {
      attach(on);
    }
    ~Echo() { detach(); }
    static void step(RootTask& task, Context& context) {
      auto& self = static_cast<Echo&>(task);
      while (!self.kept) {
        self.kept = self.driver->receive(*self.pool, context.now());
        if (!self.kept) { break; }
        self.received.push_back(self.number(self.kept));
        if (self.driver->transmit(self.kept, context.now()) == Unexpected(Error::would_block)) { break; }
      }
      if (self.kept && self.driver->can_transmit()) {
        CHECK(self.driver->transmit(self.kept, context.now()));
        context.wake_soon();
      }
      self.driver->wait(context, self.waiter, static_cast<bool>(self.kept));
    }
    static unsigned number(const Packet& packet) {
      unsigned value = 0;
      std::memcpy(&value, packet.data().data(), sizeof value);
      return value;
    }
    driver::Driver* driver;
    driver::PacketPool* pool;
    Packet kept;
    std::vector<unsigned> received;
    Waiter waiter;
  };
  {
    Echo echo(executor, queue, pool);
    executor.poll_once();
    laid_out = true;
    const bool all =
        executor.run_until([&] { return echo.received.size() == kFrames && !echo.kept && queue.can_transmit(); },
                           executor.now() + Duration::seconds(30));
    CHECK(all);
    while (executor.poll_once()) {}
    stop = true;
    device.join();
    while (const DeviceFrame frame = queue.next_to_send()) {
      sent.push_back(number_of(frame.data()));
      queue.sent(frame);
    }
    REQUIRE(echo.received.size() == kFrames);
    REQUIRE(sent.size() == kFrames);
    bool in_order = true;
    for (unsigned i = 0; i < kFrames; ++i) { in_order = in_order && echo.received[i] == i && sent[i] == i; }
    CHECK(in_order);
  }
  queue.give_back(pool);
  CHECK(pool->available() == pool->count());
}

}  // namespace nal::test

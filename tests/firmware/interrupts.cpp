// Events raised by a real interrupt: nothing is lost, nothing comes out of order, and the processor sleeps meanwhile.
#include <cstdint>

#include "examples/firmware/board.hpp"
#include "examples/firmware/mps2-an385/registers.hpp"
#include "nal/event.hpp"
#include "nal/task_slot.hpp"
#include "tests/support/check.hpp"

using namespace nal;

namespace {

constexpr std::uint32_t kCount = 1'000;

/// What a driver has: a ring that its interrupt fills and its executor empties, and an event.
class Device {
 public:
  explicit Device(Executor& executor) noexcept : received_(executor) {}

  /// From the interrupt.
  bool push(std::uint32_t value) noexcept {
    if (written_ - read_ == kRing) { return false; }
    ring_[written_ % kRing] = value;
    written_ = written_ + 1;
    received_.raise();
    return true;
  }
  bool pop(std::uint32_t& value) noexcept {
    if (read_ == written_) { return false; }
    value = ring_[read_ % kRing];
    read_ = read_ + 1;
    return true;
  }
  Event& received() noexcept { return received_; }

 private:
  static constexpr std::uint32_t kRing = 8;
  Event received_;
  volatile std::uint32_t ring_[kRing] = {};
  volatile std::uint32_t written_ = 0;
  volatile std::uint32_t read_ = 0;
};

/// Completes with the next value that the device received.
class Receive {
 public:
  explicit Receive(Device& device) noexcept : device_(&device) {}
  Poll<Result<std::uint32_t>> poll(Context& context) noexcept {
    for (;;) {
      std::uint32_t value = 0;
      if (device_->pop(value)) { return value; }
      // The event may stand for values that were taken already; only once it is pending nothing can be missed.
      if (!device_->received().poll_raised(context, waiter_).ready()) { return pending; }
    }
  }

 private:
  Device* device_;
  Waiter waiter_;
};

Task<> receive_all(Device& device, std::uint32_t& received) {
  while (received < kCount) {
    const Result<std::uint32_t> value = co_await Receive(device);
    if (!value) { co_return Unexpected(value.error()); }
    if (*value != received) { co_return Unexpected(Error::protocol_error); }
    ++received;
  }
  co_return Unit{};
}

Device* device_of_interrupt = nullptr;
std::uint32_t sent = 0;
std::uint32_t ticks = 0;

/// Bursts of none, one and two values, so that some come while the executor works and some while it sleeps.
void send_some() {
  ++ticks;
  for (std::uint32_t i = 0; i < ticks % 3 && sent < kCount; ++i) {
    if (!device_of_interrupt->push(sent)) { return; }
    ++sent;
  }
}

}  // namespace

TEST_CASE("every value that an interrupt pushes reaches its task, once and in order") {
  static Executor executor(board::platform());
  static Device device(executor);
  static TaskSlot<512> slot;
  std::uint32_t received = 0;
  sent = 0;
  device_of_interrupt = &device;
  board::on_tick(&send_some);
  REQUIRE(slot.start(executor, receive_all, device, received));
  executor.run_until([] { return !slot.running(); });
  board::on_tick(nullptr);
  CHECK(received == kCount);
  CHECK(sent == kCount);
  REQUIRE(slot.result().ready());
  CHECK((*slot.result()).has_value());
}

TEST_CASE("the processor sleeps while it waits for an interrupt") {
  static Executor executor(board::platform());
  static Event never(executor);
  const unsigned long before = board::sleeps();
  const Instant deadline = executor.now() + Duration::milliseconds(20);
  CHECK_FALSE(executor.run_until([] { return false; }, deadline));
  CHECK(executor.now() >= deadline);
  CHECK(board::sleeps() > before);
}

TEST_CASE("the board's clock never goes back, across ticks and within one") {
  Platform& platform = board::platform();
  const Instant begin = platform.now();
  Instant last = begin;
  bool monotonic = true;
  while (last < begin + Duration::milliseconds(50)) {
    const Instant now = platform.now();
    monotonic = monotonic && now >= last;
    last = now;
  }
  CHECK(monotonic);
}

TEST_CASE("the board's clock counts a tick whose interrupt is held off, once") {
  Platform& platform = board::platform();
  // With the counter stopped, what is left are the ticks that are raised here. The first makes up for one that an
  // emulator may have lost by stopping.
  board::systick::kControl.write(0);
  board::interrupts::kControlAndState.write(board::interrupts::kSysTickPending);
  __asm volatile("dsb\n\tisb" ::: "memory");
  Instant before;
  Instant held_off;
  {
    const platform::CriticalSection section;
    before = platform.now();
    board::interrupts::kControlAndState.write(board::interrupts::kSysTickPending);
    held_off = platform.now();
  }
  CHECK(held_off - before == Duration::milliseconds(1));
  CHECK(platform.now() == held_off);
  board::systick::kControl.write(board::systick::kRun);
}

TEST_CASE("an interrupt that comes between the check and the sleep ends the sleep") {
  static Executor executor(board::platform());
  static Event event(executor);
  // With the timer stopped nothing but this one interrupt could end the sleep: if it were lost, this would hang.
  board::systick::kControl.write(0);
  board::on_tick([] { event.raise(); });
  {
    const platform::CriticalSection section;
    board::interrupts::kControlAndState.write(board::interrupts::kSysTickPending);
    CHECK_FALSE(executor.has_events());
    board::platform().poll(executor, Instant::max());
  }
  CHECK(executor.has_events());
  board::platform().poll(executor, Instant::max());
  CHECK_FALSE(executor.poll_once());
  CHECK_FALSE(executor.has_events());
  board::on_tick(nullptr);
  board::systick::kControl.write(board::systick::kRun);
}

TEST_CASE("a wake-up before the sleep ends the next sleep") {
  static Executor executor(board::platform());
  board::systick::kControl.write(0);
  board::platform().wake();
  const unsigned long before = board::sleeps();
  board::platform().poll(executor, Instant::max());
  CHECK(board::sleeps() == before);
  board::systick::kControl.write(board::systick::kRun);
}

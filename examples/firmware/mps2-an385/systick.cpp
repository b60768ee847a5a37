#include "examples/firmware/board.hpp"
#include "examples/firmware/mps2-an385/registers.hpp"
#include "nal/executor.hpp"

namespace board {
namespace {

constexpr std::uint32_t kTickMicroseconds = 1'000;
constexpr std::uint32_t kPeriod = kTickMicroseconds * systick::kClocksPerMicrosecond;

/// SysTick counts down within a millisecond, its interrupt counts the milliseconds.
class SysTick final : public nal::Platform {
 public:
  nal::Instant now() noexcept override {
    const nal::platform::CriticalSection lock;
    std::uint32_t value = systick::kValue.read();
    std::int64_t us = ticked_us_;
    if ((interrupts::kControlAndState.read() & interrupts::kSysTickPending) != 0) {
      // The counter started anew and the interrupt has still to count it; `value` may be from before or after.
      value = systick::kValue.read();
      us += kTickMicroseconds;
    }
    // A period begins with 0 (where the interrupt is raised), then counts down from the reload value.
    const std::uint32_t elapsed = value == 0 ? 0 : kPeriod - value;
    us += elapsed / systick::kClocksPerMicrosecond;
    // An emulator raises the interrupt late when its host is busy: the clock then waits for it, and never goes back.
    if (us > told_us_) { told_us_ = us; }
    return nal::Instant::from_microseconds(told_us_);
  }

  void poll(nal::Executor& executor, nal::Instant deadline) noexcept override {
    // With interrupts held off, one that comes between the check and `wfi` stays pending and ends `wfi` at once.
    const nal::platform::CriticalSection lock;
    if (woken_ || executor.has_events() || now() >= deadline) {
      woken_ = false;
      return;
    }
    __asm volatile("dsb\n\twfi" ::: "memory");
    ++sleeps_;
  }

  void wake() noexcept override { woken_ = true; }

  void tick() noexcept {
    ticked_us_ += kTickMicroseconds;
    if (handler_ != nullptr) { handler_(); }
  }

  void on_tick(TickHandler handler) noexcept {
    const nal::platform::CriticalSection lock;
    handler_ = handler;
  }

  unsigned long sleeps() const noexcept { return sleeps_; }

 private:
  std::int64_t ticked_us_ = 0;  ///< the time of the last tick; written by the interrupt, read with it held off
  std::int64_t told_us_ = 0;    ///< the latest time that `now` gave
  TickHandler handler_ = nullptr;
  volatile bool woken_ = false;
  unsigned long sleeps_ = 0;
};

constinit SysTick the_systick;

}  // namespace

extern "C" void systick_handler() { the_systick.tick(); }

void start_systick() noexcept {
  systick::kReload.write(kPeriod - 1);
  systick::kValue.write(0);
  systick::kControl.write(systick::kRun);
}

nal::Platform& platform() noexcept { return the_systick; }
void on_tick(TickHandler handler) noexcept { the_systick.on_tick(handler); }
unsigned long sleeps() noexcept { return the_systick.sleeps(); }

}  // namespace board

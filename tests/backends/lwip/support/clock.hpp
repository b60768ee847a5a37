#pragma once
#include "backends/lwip/lwip.hpp"
#include "tests/support/virtual_clock.hpp"
#if !NO_SYS
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <string_view>
#include <thread>

#include "backends/lwip/port/threads.hpp"
#endif

namespace nal::test {

#if NO_SYS
using LwipClock = VirtualClock;
#else

/// One virtual time for lwIP's thread and the executor's: it goes on when both sleep, to whatever comes first. Lives as
/// long as the process, as lwIP's thread does.
class SharedTime final : public lwip::port::ThreadTime {
 public:
  static SharedTime& instance() {
    static SharedTime& shared = *new SharedTime;
    return shared;
  }

  Instant now() noexcept override { return Instant::from_microseconds(now_.load()); }
  void sleep(std::condition_variable& changed, std::unique_lock<std::mutex>& lock, Instant deadline) noexcept override {
    if (std::this_thread::get_id() == tests_) {
      changed.wait(lock);
      return;
    }
    {
      const std::lock_guard guard(mutex_);
      NAL_ASSERT(!sleeping_);  // lwIP has one thread
      sleeping_ = true;
      changed_ = &changed;
      sleepers_ = lock.mutex();
      deadline_ = deadline;
    }
    asleep_.notify_all();
    changed.wait(lock);
    const std::lock_guard guard(mutex_);
    sleeping_ = false;
  }
  void stir(std::unique_lock<std::mutex>& lock) noexcept override {
    const std::lock_guard guard(mutex_);
    if (sleepers_ == lock.mutex()) { sleeping_ = false; }
  }

  /// Lets lwIP's thread do what is to be done at this time; when it has something to do again.
  Instant settle() noexcept {
    std::unique_lock guard(mutex_);
    for (;;) {
      asleep_.wait(guard, [this] { return sleeping_; });
      if (deadline_ > now()) { return deadline_; }
      sleeping_ = false;
      std::condition_variable& changed = *changed_;
      std::mutex& sleepers = *sleepers_;
      guard.unlock();
      // Between its last look and its sleep it holds that one.
      { const std::lock_guard sleeping(sleepers); }
      changed.notify_all();
      guard.lock();
    }
  }
  void advance_to(Instant time) noexcept { now_.store(time.microseconds()); }

 private:
  SharedTime() = default;

  const std::thread::id tests_ = std::this_thread::get_id();
  std::atomic<std::int64_t> now_{1'000'000};
  std::mutex mutex_;
  std::condition_variable asleep_;
  bool sleeping_ = false;
  std::condition_variable* changed_ = nullptr;
  std::mutex* sleepers_ = nullptr;
  Instant deadline_;
};

/// The executor's clock beside lwIP's thread: that virtual time, or with NAL_TEST_TIME=real the system's, when both
/// threads run at the same time.
class LwipClock final : public Platform {
 public:
  LwipClock() {
    if (!real_) { lwip::port::set_thread_time(SharedTime::instance()); }
  }
  Instant now() noexcept override { return lwip::port::thread_time().now(); }
  void poll(Executor& executor, Instant deadline) noexcept override {
    if (real_) {
      std::unique_lock lock(mutex_);
      while (!woken_ && !executor.has_events() && now() < deadline) {
        lwip::port::thread_time().sleep(changed_, lock, deadline);
      }
      woken_ = false;
      return;
    }
    SharedTime& time = SharedTime::instance();
    const Instant lwips = time.settle();
    if (executor.has_events() || deadline <= now()) { return; }
    time.advance_to(std::min(deadline, lwips));
    ++sleeps_;
    time.settle();
  }
  void wake() noexcept override {
    const std::lock_guard lock(mutex_);
    woken_ = true;
    changed_.notify_all();
  }
  unsigned sleeps() const noexcept { return sleeps_; }

 private:
  static bool real_time() {
    const char* const wanted = std::getenv("NAL_TEST_TIME");
    return wanted && std::string_view(wanted) == "real";
  }
  const bool real_ = real_time();
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  unsigned sleeps_ = 0;
};
#endif

}  // namespace nal::test

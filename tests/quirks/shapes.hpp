#pragma once
#include <cstdint>
#include <span>
#include <utility>

#include "nal/sleep.hpp"
#include "nal/task.hpp"
#include "tests/support/virtual_clock.hpp"

/// Coroutine shapes under lifetime trackers.
namespace nal::quirks {

/// What became of all tracked objects.
struct Ledger {
  int alive = 0;
  int made = 0;
  int moved = 0;
  const char* fault = nullptr;  ///< the first that was found
};
inline Ledger ledger;
inline test::VirtualClock time;

inline void fault(const char* what) noexcept {
  if (!ledger.fault) { ledger.fault = what; }
}

/// A number that knows whether it is alive and where it lives: destroyed twice, used after its end, never made, or
/// copied as mere bytes (as a compiler does that loses track of a temporary), it says so.
class Tracked {
 public:
  explicit Tracked(int value) noexcept : value_(value) { begin(); }
  Tracked(const Tracked& other) noexcept : value_(other.value()) { begin(); }
  Tracked(Tracked&& other) noexcept : value_(other.value()) {
    begin();
    ++ledger.moved;
    other.value_ = kMovedFrom;
  }
  Tracked& operator=(const Tracked& other) noexcept {
    check("assigned to an object that is not alive");
    value_ = other.value();
    return *this;
  }
  Tracked& operator=(Tracked&& other) noexcept {
    check("assigned to an object that is not alive");
    value_ = other.value();
    ++ledger.moved;
    if (this != &other) { other.value_ = kMovedFrom; }
    return *this;
  }
  ~Tracked() {
    check("destroyed an object that is not alive");
    canary_ = kDead;
    --ledger.alive;
  }

  int value() const noexcept {
    check("used an object that is not alive");
    return value_;
  }

 private:
  static constexpr std::uintptr_t kAlive = 0x5AFE;
  static constexpr std::uintptr_t kDead = 0xDEAD;
  static constexpr int kMovedFrom = -1'000'000;

  void begin() noexcept {
    canary_ = kAlive ^ reinterpret_cast<std::uintptr_t>(this);
    ++ledger.alive;
    ++ledger.made;
  }
  void check(const char* what) const noexcept {
    if (canary_ != (kAlive ^ reinterpret_cast<std::uintptr_t>(this))) { fault(what); }
  }

  // Volatile: what is written at the end of a lifetime must not be optimised away.
  volatile std::uintptr_t canary_ = 0;
  int value_;
};

/// Ready with `value` after `polls` polls that are not; a millisecond passes at each.
class After {
 public:
  After(int polls, const Tracked& value) noexcept : polls_(polls), value_(value) {}
  After(int polls, int value) noexcept : polls_(polls), value_(value) {}
  Poll<Result<int>> poll(Context& context) noexcept {
    const int value = value_.value();
    if (polls_-- > 0) {
      time.advance(Duration::milliseconds(1));
      context.wake_soon();
      return pending;
    }
    return value;
  }
  int value() const noexcept { return value_.value(); }

 private:
  int polls_;
  Tracked value_;
};
inline After after(int polls, int value) noexcept { return After(polls, value); }

/// The same, but what it gives has a lifetime to watch.
class Gift {
 public:
  Gift(int polls, int value) noexcept : after_(polls, value) {}
  Poll<Result<Tracked>> poll(Context& context) noexcept {
    const auto ready = after_.poll(context);
    if (!ready.ready()) { return pending; }
    return Result<Tracked>(Tracked(**ready));
  }

 private:
  After after_;
};
inline Gift gift(int polls, int value) noexcept { return Gift(polls, value); }

/// The same, but what it gives is no `Result`.
class Bare {
 public:
  Bare(int polls, int value) noexcept : after_(polls, value) {}
  Poll<Tracked> poll(Context& context) noexcept {
    const auto ready = after_.poll(context);
    if (!ready.ready()) { return pending; }
    return Tracked(**ready);
  }

 private:
  After after_;
};

/// Fails after `polls` polls.
class Failing {
 public:
  explicit Failing(int polls) noexcept : after_(polls, 0) {}
  Poll<Result<int>> poll(Context& context) noexcept {
    if (!after_.poll(context).ready()) { return pending; }
    return Unexpected(Error::connection_reset);
  }

 private:
  After after_;
};

struct Shape {
  const char* name;
  Task<Result<int>> (*run)();
  int expected;  ///< what it gives when it is left alone
};

std::span<const Shape> statements();
std::span<const Shape> functions();
std::span<const Shape> combinations();
/// Those that stand nowhere in the sources because some compiler gets them wrong.
std::span<const Shape> known_bad();

}  // namespace nal::quirks

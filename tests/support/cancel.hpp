#pragma once
#include <catch2/catch_test_macros.hpp>

#include <concepts>
#include <memory>
#include <new>
#include <utility>

#include "nal/executor.hpp"
#include "nal/future.hpp"

namespace nal::test {

/// When a future is given up: right after a poll, with its waiters linked; or when its task has been woken and is about
/// to poll it again, with the news unread.
enum class Moment { after_poll, before_poll };

/// A task that polls one future, which it owns, and gives it up at a chosen poll. The future, and the frames it needs
/// if it is a coroutine, are made in an arena of the task's own.
template <Future F, std::size_t ArenaBytes = 16384>
class Victim : public RootTask {
 public:
  /// `make()` gives the future, which is destroyed at its `polls`th poll.
  template <std::invocable Make>
  Victim(Executor& executor, Make&& make, unsigned polls, Moment moment) noexcept
      : RootTask(&step, &arena_), limit_(polls), moment_(moment) {
    set_name("victim");
    {
      ArenaScope scope(&arena_);
      ::new (static_cast<void*>(&future_)) F(make());
    }
    if (limit_ == 0) {
      give_up();
    } else {
      attach(executor);
    }
  }
  Victim(const Victim&) = delete;
  ~Victim() { give_up(); }

  /// Finished or given up.
  bool over() const noexcept { return !alive_; }
  bool finished() const noexcept { return output_.ready(); }
  output_t<F>& output() noexcept { return *output_; }
  FrameArena& arena() noexcept { return arena_; }

 private:
  static void step(RootTask& task, Context& context) {
    auto& self = static_cast<Victim&>(task);
    if (self.over()) { return; }
    ++self.polls_;
    if (self.moment_ == Moment::before_poll && self.polls_ == self.limit_) {
      self.give_up();
      return;
    }
    auto output = self.future_.poll(context);
    const bool ready = output.ready();
    if (ready) {
      std::destroy_at(&self.output_);
      std::construct_at(&self.output_, std::move(output));
    }
    if (ready || self.polls_ == self.limit_) { self.give_up(); }
  }
  void give_up() noexcept {
    if (std::exchange(alive_, false)) { std::destroy_at(&future_); }
    detach();
  }

  FixedArena<ArenaBytes> arena_;
  union {
    F future_;
  };
  bool alive_ = true;
  Poll<output_t<F>> output_{pending};
  unsigned polls_ = 0;
  unsigned limit_;
  Moment moment_;
};

/// Gives an operation up at every one of its polls.
///
/// `make_world()` gives a new world, as a `std::unique_ptr`, in which `world.executor()` runs and
/// - `world.begin()` gives the future to try (an operation, or a `Task` for a coroutine),
/// - `world.given_up()` checks after each cancellation that nothing is left of it and that what it used is still of
/// use,
/// - `world.finished(output)` checks what it gave when it was left alone,
/// - `world.patience()` says how long the executor may take between two polls.
/// Ends with the first number of polls that the future does not need. Gives that number.
template <class MakeWorld>
unsigned cancel_at_every_poll(MakeWorld&& make_world) {
  for (unsigned polls = 0;; ++polls) {
    for (const Moment moment : {Moment::before_poll, Moment::after_poll}) {
      INFO("given up " << (moment == Moment::after_poll ? "after" : "before") << " poll " << polls);
      auto world = make_world();
      Executor& executor = world->executor();
      const auto make = [&world] { return world->begin(); };
      using F = decltype(world->begin());
      auto victim = std::make_unique<Victim<F>>(executor, make, polls, moment);
      REQUIRE(executor.run_until([&victim] { return victim->over(); }, executor.now() + world->patience()));
      CHECK(victim->arena().live() == 0);
      if (victim->finished()) {
        world->finished(victim->output());
        return polls;
      }
      victim.reset();
      world->given_up();
    }
  }
}

}  // namespace nal::test

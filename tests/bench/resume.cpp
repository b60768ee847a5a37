// Polls a coroutine LEVELS deep, POLLS times: what each level adds to a poll. `LEVELS POLLS`.
#include <cstdio>
#include <cstdlib>

#include "nal/task_slot.hpp"

namespace {

class NoPlatform final : public nal::Platform {
 public:
  nal::Instant now() noexcept override { return {}; }
  void poll(nal::Executor&, nal::Instant) noexcept override {}
  void wake() noexcept override {}
};

/// Pending so many times.
class Turns {
 public:
  explicit Turns(unsigned long count) noexcept : left_(count) {}
  nal::Poll<nal::Result<>> poll(nal::Context& context) noexcept {
    if (left_ == 0) { return nal::Result<>(); }
    --left_;
    context.wake_soon();
    return nal::pending;
  }

 private:
  unsigned long left_;
};

nal::Task<> level(unsigned long depth, unsigned long polls) {
  if (depth == 0) {
    auto done = co_await Turns(polls);
    co_return done;
  }
  auto done = co_await level(depth - 1, polls);
  co_return done;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s LEVELS POLLS\n", argv[0]);
    return 2;
  }
  NoPlatform platform;
  nal::Executor executor(platform);
  static nal::TaskSlot<16384> slot;
  if (!slot.start(executor, level, std::strtoul(argv[1], nullptr, 10), std::strtoul(argv[2], nullptr, 10))) {
    return 1;
  }
  executor.run();
  return slot.result().ready() && *slot.result() ? 0 : 1;
}

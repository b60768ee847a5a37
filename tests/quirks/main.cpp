// Runs each shape to its end, and destroyed after every number of rounds; one line a shape: its name, and "ok" or what
// went wrong. `known-bad` lists the shapes that are forbidden, `known-bad N` runs one of them.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "nal/task_slot.hpp"
#include "tests/quirks/shapes.hpp"
#include "tests/support/cancel_rounds.hpp"

namespace nal::quirks {
namespace {

/// Null, or what is wrong with a shape that was destroyed after `rounds`; sets `finished` when it had ended before.
const char* trial(const Shape& shape, unsigned rounds, bool& finished) {
  ledger = Ledger{};
  bool right = true;
  std::size_t frames = 0;
  {
    Executor executor(time);
    TaskSlot<16384, Result<int>> slot;
    if (!slot.start(executor, shape.run)) { return "no memory for its frame"; }
    finished = test::run_rounds(executor, slot, rounds);
    if (finished) { right = slot.take_result() == shape.expected; }
    slot.cancel();
    frames = slot.arena().live();
  }
  if (ledger.fault) { return ledger.fault; }
  if (frames != 0) { return "left a frame behind"; }
  if (ledger.alive > 0) { return "left an object behind"; }
  if (ledger.alive < 0) { return "destroyed more objects than were made"; }
  return right ? nullptr : "gave a wrong result";
}

bool run(const Shape& shape) {
  const char* wrong = nullptr;
  unsigned at = 0;
  const unsigned cancelled = test::cancel_after_every_round(
      [&](unsigned rounds) {
        bool finished = false;
        at = rounds;
        wrong = trial(shape, rounds, finished);
        return finished || wrong;
      },
      1000);
  if (!wrong && (cancelled == 0 || cancelled == 1000)) { wrong = "never suspended or never ended"; }
  if (wrong) {
    std::printf("%s: %s, in round %u\n", shape.name, wrong, at);
  } else {
    std::printf("%s: ok\n", shape.name);
  }
  std::fflush(stdout);
  return !wrong;
}

}  // namespace
}  // namespace nal::quirks

int main(int count, char** arguments) {
  using namespace nal::quirks;
  if (count > 1 && std::strcmp(arguments[1], "known-bad") == 0) {
    const auto shapes = known_bad();
    if (count > 2) { return run(shapes[static_cast<std::size_t>(std::atoi(arguments[2]))]) ? 0 : 1; }
    for (const Shape& shape : shapes) { std::puts(shape.name); }
    return 0;
  }
  bool good = true;
  for (const auto shapes : {statements(), functions(), combinations()}) {
    for (const Shape& shape : shapes) { good = run(shape) && good; }
  }
  return good ? 0 : 1;
}

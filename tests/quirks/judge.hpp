#pragma once
#include "nal/task_slot.hpp"
#include "tests/quirks/shapes.hpp"
#include "tests/support/cancel_rounds.hpp"

namespace nal::quirks {

inline constexpr std::size_t kArenaBytes = 1024 * sizeof(void*);

/// Null, or what is wrong with a shape that was destroyed after `rounds`; sets `finished` when it had ended before.
inline const char* trial(const Shape& shape, unsigned rounds, bool& finished) {
  ledger = Ledger{};
  bool right = true;
  std::size_t frames = 0;
  {
    Executor executor(time);
    TaskSlot<kArenaBytes, Result<int>> slot;
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

/// What is wrong with a shape, and after how many rounds.
struct Verdict {
  const char* wrong;  ///< null: nothing
  unsigned rounds;
};

/// Runs a shape to its end, and destroys it after every number of rounds before that.
inline Verdict judge(const Shape& shape) {
  Verdict verdict{};
  const unsigned cancelled = test::cancel_after_every_round(
      [&](unsigned rounds) {
        bool finished = false;
        verdict = {trial(shape, rounds, finished), rounds};
        return finished || verdict.wrong;
      },
      1000);
  if (!verdict.wrong && (cancelled == 0 || cancelled == 1000)) { verdict.wrong = "never suspended or never ended"; }
  return verdict;
}

}  // namespace nal::quirks

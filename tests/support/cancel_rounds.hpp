#pragma once
#include "nal/task_slot.hpp"

namespace nal::test {

/// Cancels a task after every number of rounds: calls `trial(rounds)` with 0, 1, 2… until the trial says that its task
/// had finished by itself. Returns how many trials cancelled something; `limit` if the task never finished.
///
/// A trial makes its world anew, runs `run_rounds(executor, slot, rounds)`, and when that says that the task still
/// runs, cancels it and checks what must hold then.
template <class Trial>
unsigned cancel_after_every_round(Trial&& trial, unsigned limit = 10'000) {
  for (unsigned rounds = 0; rounds < limit; ++rounds) {
    if (trial(rounds)) { return rounds; }
  }
  return limit;
}

/// Runs up to `rounds` rounds. True when the task in `slot` finished.
inline bool run_rounds(Executor& executor, const TaskSlotBase& slot, unsigned rounds) noexcept {
  for (unsigned i = 0; i < rounds && slot.running(); ++i) {
    if (!executor.poll_once()) { break; }
  }
  return !slot.running();
}

}  // namespace nal::test

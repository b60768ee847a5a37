// Coroutines that await coroutines: parameters, results, early returns by macro.
#include "tests/quirks/shapes.hpp"

namespace nal::quirks {
namespace {

Task<Result<int>> by_value(Tracked tracked, int polls) {
  const auto got = co_await After(polls, tracked);
  co_return *got + tracked.value();
}
Task<Result<int>> by_reference(const Tracked& tracked, Tracked& out) {
  const auto got = co_await After(2, tracked);
  out = Tracked(*got);
  co_return *got;
}
Task<Result<Tracked>> gives_tracked(int value) {
  Tracked local(value);
  static_cast<void>(co_await after(1, 0));
  co_return std::move(local);
}
Task<Result<Tracked>> passes_tracked(int value) { co_return co_await gives_tracked(value); }

Task<Result<int>> value_parameter() {
  const auto got = co_await by_value(Tracked(2), 2);
  co_return got;
}
Task<Result<int>> copied_parameter() {
  const Tracked local(2);
  const auto got = co_await by_value(local, 1);
  co_return *got + local.value();
}
Task<Result<int>> moved_parameter() {
  Tracked local(2);
  const auto got = co_await by_value(std::move(local), 1);
  local = Tracked(3);
  co_return *got + local.value();
}
Task<Result<int>> reference_parameter() {
  const Tracked local(2);
  Tracked out(0);
  const auto got = co_await by_reference(local, out);
  co_return *got + out.value();
}
Task<Result<int>> reference_to_temporary() {
  Tracked out(0);
  const auto got = co_await by_reference(Tracked(2), out);
  co_return *got + out.value();
}
Task<Result<int>> tracked_result() {
  const auto got = co_await passes_tracked(5);
  co_return got->value();
}
Task<Result<int>> named_task() {
  auto task = by_value(Tracked(2), 2);
  const Tracked local(1);
  const auto got = co_await task;
  co_return *got + local.value();
}
Task<Result<int>> moved_task() {
  auto task = by_value(Tracked(2), 2);
  auto moved = std::move(task);
  const auto got = co_await moved;
  co_return *got + (task.valid() ? 100 : 0);
}
Task<Result<int>> dropped_task() {
  auto task = by_value(Tracked(2), 2);
  const auto got = co_await after(1, 3);
  task = by_value(Tracked(4), 1);
  const auto other = co_await task;
  co_return *got + *other;
}
Task<Result<int>> deep(int levels) {
  const Tracked local(levels);
  if (levels == 0) { co_return co_await after(1, 0); }
  const auto below = co_await deep(levels - 1);
  co_return *below + local.value();
}
Task<Result<int>> recursion() { co_return co_await deep(4); }

Task<Result<int>> try_and_go_on() {
  const Tracked local(1);
  NAL_CO_TRY(after(2, 5));
  NAL_CO_TRY_SET(const int n, after(1, 6));
  NAL_CO_TRY_SET(auto given, gift(1, 7));
  NAL_CO_TRY_SET(given, gift(1, 8));
  NAL_CO_TRY_SET(const Tracked passed, passes_tracked(9));
  co_return local.value() + n + given.value() + passed.value();
}
Task<Result<int>> try_and_fail() {
  const Tracked local(1);
  for (int i = 0; i < 3; ++i) {
    const Tracked inner(i);
    NAL_CO_TRY(after(1, i));
    if (i == 1) { NAL_CO_TRY(Failing(2)); }
  }
  co_return local.value();
}
Task<Result<int>> try_set_and_fail() {
  const Tracked local(1);
  NAL_CO_TRY_SET(const int n, Failing(1));
  co_return local.value() + n;
}
Task<Result<int>> failures() {
  const auto first = co_await try_and_fail();
  const auto second = co_await try_set_and_fail();
  co_return (first == Unexpected(Error::connection_reset) ? 1 : 0) +
      (second == Unexpected(Error::connection_reset) ? 2 : 0);
}

Task<Result<int>> stateless_lambda() {
  const auto coroutine = [](Tracked tracked) -> Task<Result<int>> {
    const auto got = co_await After(1, tracked);
    co_return *got + tracked.value();
  };
  const auto got = co_await coroutine(Tracked(2));
  co_return got;
}
Task<Result<int>> stateless_lambda_argument() {
  const auto apply = [](int (*function)(int), int n) { return After(1, function(n)); };
  const auto got = co_await apply([](int n) { return n + 1; }, 4);
  co_return got;
}

constexpr Shape kShapes[] = {
    {"a temporary is passed by value", value_parameter, 4},
    {"a local is copied into a parameter", copied_parameter, 6},
    {"a local is moved into a parameter", moved_parameter, 7},
    {"locals are passed by reference", reference_parameter, 4},
    {"a temporary is passed by reference for one co_await", reference_to_temporary, 4},
    {"a coroutine gives what owns something, through another", tracked_result, 5},
    {"a task with a name is awaited", named_task, 5},
    {"a task is moved before it is awaited", moved_task, 4},
    {"a task that never ran is replaced", dropped_task, 11},
    {"a coroutine awaits itself", recursion, 10},
    {"NAL_CO_TRY and NAL_CO_TRY_SET go on", try_and_go_on, 24},
    {"NAL_CO_TRY and NAL_CO_TRY_SET return early", failures, 3},
    {"a coroutine is a lambda without captures", stateless_lambda, 4},
    {"a lambda without captures inside an awaited expression", stateless_lambda_argument, 5},
};

}  // namespace

std::span<const Shape> functions() { return kShapes; }

}  // namespace nal::quirks

// The four statements that may hold a co_await, and what may stand around them.
#include "tests/quirks/shapes.hpp"

namespace nal::quirks {
namespace {

Task<Result<int>> whole_statement() {
  const Tracked local(1);
  static_cast<void>(co_await after(2, 5));
  co_return local.value();
}

Task<Result<int>> initialiser() {
  const auto got = co_await after(2, 5);
  co_return *got + 1;
}

Task<Result<int>> initialiser_with_lifetime() {
  const Result<Tracked> got = co_await gift(2, 5);
  const Result<Tracked> again = co_await gift(1, 6);
  co_return got->value() + again->value();
}

Task<Result<int>> initialiser_without_result() {
  const Tracked got = co_await Bare(2, 5);
  co_return got.value();
}

Task<Result<int>> assignment() {
  Result<Tracked> got = Tracked(1);
  got = co_await gift(2, 5);
  const int first = got->value();
  got = co_await gift(1, 6);
  co_return first + got->value();
}

struct Holder {
  Result<Tracked> results[2] = {Tracked(1), Tracked(2)};
};
Task<Result<int>> assignment_to_member() {
  Holder holder;
  Holder* self = &holder;
  self->results[1] = co_await gift(2, 5);
  co_return self->results[0]->value() + self->results[1]->value();
}

Task<Result<int>> operand_of_return() { co_return co_await after(2, 5); }

Task<Result<int>> named_operation() {
  After operation(2, 5);
  const auto got = co_await operation;
  co_return *got + operation.value();
}

Task<Result<int>> call_in_call() {
  const auto got = co_await after(2, after(0, 5).value());
  co_return got;
}

Task<Result<int>> temporary_argument() {
  const auto got = co_await After(2, Tracked(5));
  const auto again = co_await After(1, Tracked(after(0, 6).value()));
  co_return *got + *again;
}

Task<Result<int>> branches(int which) {
  const Tracked local(1);
  int sum = 0;
  if (which == 1) {
    const auto got = co_await after(2, 5);
    sum += *got;
  } else {
    const auto got = co_await gift(1, 6);
    sum += got->value();
  }
  switch (which) {
    case 1: {
      const auto got = co_await gift(1, 7);
      sum += got->value();
      break;
    }
    default: static_cast<void>(co_await after(1, 8)); break;
  }
  co_return sum + local.value();
}
Task<Result<int>> first_branch() { co_return co_await branches(1); }
Task<Result<int>> second_branch() { co_return co_await branches(2); }

Task<Result<int>> loops() {
  int sum = 0;
  for (Tracked i(0); i.value() < 3; i = Tracked(i.value() + 1)) {
    const auto got = co_await gift(1, i.value());
    sum += got->value();
  }
  while (sum < 10) {
    const Tracked local(sum);
    const auto got = co_await after(1, 4);
    sum = local.value() + *got;
  }
  for (const int n : {1, 2}) {
    const auto got = co_await after(n, n);
    if (*got == 2) { break; }
    sum += *got;
  }
  co_return sum;
}

Task<Result<int>> early_return() {
  const Tracked outer(5);
  for (int i = 0; i < 9; ++i) {
    const Tracked inner(i);
    const auto got = co_await gift(1, i);
    if (got->value() == 2) { co_return outer.value() + inner.value(); }
  }
  co_return 0;
}

Task<Result<int>> block_of_its_own() {
  int sum = 0;
  {
    const Tracked local(1);
    const auto got = co_await after(1, 2);
    sum += *got + local.value();
  }
  const Tracked other(3);
  const auto got = co_await after(1, 4);
  co_return sum + *got + other.value();
}

Task<Result<int>> moved_out() {
  auto got = co_await gift(2, 5);
  const Tracked kept = *std::move(got);
  static_cast<void>(co_await after(1, 0));
  co_return kept.value();
}

constexpr Shape kShapes[] = {
    {"a co_await as a whole statement", whole_statement, 1},
    {"a co_await initialises a variable", initialiser, 6},
    {"a co_await initialises a result that owns something", initialiser_with_lifetime, 11},
    {"a co_await initialises what is no result", initialiser_without_result, 5},
    {"a co_await is assigned", assignment, 11},
    {"a co_await is assigned to a member's element", assignment_to_member, 6},
    {"a co_await is returned", operand_of_return, 5},
    {"an operation with a name is awaited", named_operation, 10},
    {"the argument of an awaited call is a call", call_in_call, 5},
    {"the argument of an awaited constructor is a temporary", temporary_argument, 11},
    {"co_awaits in the branches of if and switch", first_branch, 13},
    {"co_awaits in the other branches of if and switch", second_branch, 7},
    {"co_awaits in loops of each kind", loops, 12},
    {"an early co_return out of a loop", early_return, 7},
    {"a co_await in a block of its own", block_of_its_own, 10},
    {"a result is moved from after a co_await", moved_out, 5},
};

}  // namespace

std::span<const Shape> statements() { return kShapes; }

}  // namespace nal::quirks

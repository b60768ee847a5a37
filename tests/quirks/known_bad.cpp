// What the check of the sources forbids: to learn which of it the compiler at hand gets wrong. Nothing fails here.
#include "tests/quirks/shapes.hpp"

namespace nal::quirks {
namespace {

struct Pair {
  Tracked first;
  Tracked second;
};
After from_pair(const Pair& pair) noexcept { return After(1, pair.first.value() + pair.second.value()); }
template <class Function>
After from_function(const Function& function) noexcept {
  return After(1, function());
}
/// An awaitable that is an aggregate.
struct Aggregate {
  int polls;
  Tracked value;
  Poll<Result<int>> poll(Context& context) noexcept {
    if (polls-- > 0) {
      context.wake_soon();
      return pending;
    }
    return value.value();
  }
};

Task<Result<int>> condition() {
  if (co_await gift(1, 5)) { co_return 5; }
  co_return 0;
}
Task<Result<int>> loop_condition() {
  int rounds = 0;
  while ((co_await gift(1, rounds))->value() < 3) { ++rounds; }
  co_return rounds;
}
Task<Result<int>> both() {
  const bool good = (co_await gift(1, 5)).has_value() && (co_await gift(1, 6)).has_value();
  co_return good ? 1 : 0;
}
Task<Result<int>> braced() {
  const Pair pair{(co_await gift(1, 5))->value() > 0 ? Tracked(5) : Tracked(0),
                  Tracked((co_await gift(1, 6))->value())};
  co_return pair.first.value() + pair.second.value();
}
Task<Result<int>> aggregate_argument() {
  const auto got = co_await from_pair(Pair{Tracked(5), Tracked(6)});
  co_return got;
}
Task<Result<int>> capturing_lambda_argument() {
  const Tracked local(5);
  const auto got = co_await from_function([copy = local] { return copy.value(); });
  co_return got;
}
Task<Result<int>> aggregate_awaitable() {
  const auto got = co_await Aggregate{1, Tracked(5)};
  co_return got;
}
Task<Result<int>> conditional() {
  const Tracked local(5);
  const auto got = local.value() == 5 ? co_await After(1, Tracked(5)) : co_await After(1, Tracked(6));
  co_return got;
}

constexpr Shape kShapes[] = {
    {"if (co_await x)", condition, 5},
    {"while (co_await x)", loop_condition, 3},
    {"co_await a && co_await b", both, 1},
    {"Pair{co_await a, co_await b}", braced, 11},
    {"co_await f(Aggregate{...})", aggregate_argument, 11},
    {"co_await f([copy = local] {...})", capturing_lambda_argument, 5},
    {"co_await Aggregate{...}", aggregate_awaitable, 5},
    {"c ? co_await a : co_await b", conditional, 5},
};

}  // namespace

std::span<const Shape> known_bad() { return kShapes; }

}  // namespace nal::quirks

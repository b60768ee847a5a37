// Children of race, join and with_timeout, owned and borrowed.
#include "tests/quirks/shapes.hpp"

namespace nal::quirks {
namespace {

constexpr Duration kShort = Duration::milliseconds(2);
constexpr Duration kLong = Duration::seconds(10);

Task<Result<int>> child(int polls, Tracked tracked) {
  const auto got = co_await After(polls, tracked);
  co_return got;
}

Task<Result<int>> race_owned() {
  const auto first = co_await race(after(3, 5), after(1, 6));
  co_return static_cast<int>(first.index()) * 10 + **std::get_if<1>(&first);
}
Task<Result<int>> race_borrowed() {
  After slow(4, 5);
  After quick(1, 6);
  const auto first = co_await race(slow, quick);
  const auto rest = co_await slow;
  co_return static_cast<int>(first.index()) * 10 + *rest + quick.value();
}
Task<Result<int>> race_of_coroutines() {
  auto slow = child(3, Tracked(5));
  const auto first = co_await race(slow, child(1, Tracked(6)));
  const auto rest = co_await slow;
  co_return static_cast<int>(first.index()) * 10 + *rest;
}
Task<Result<int>> race_of_gifts() {
  const auto first = co_await race(gift(1, 5), Bare(2, 6));
  const auto second = co_await race(gift(2, 5), Bare(1, 6));
  co_return (*std::get_if<0>(&first))->value() + std::get_if<1>(&second)->value();
}
Task<Result<int>> join_owned() {
  const auto [a, b, c] = co_await join(after(1, 5), gift(3, 6), Bare(0, 7));
  co_return *a + b->value() + c.value();
}
Task<Result<int>> join_borrowed() {
  After one(2, 5);
  auto other = child(1, Tracked(6));
  const auto both = co_await join(one, other);
  co_return *std::get<0>(both) + *std::get<1>(both) + one.value();
}
Task<Result<int>> in_time() {
  const auto owned = co_await with_timeout(kLong, after(2, 5));
  Gift operation(2, 6);
  const auto borrowed = co_await with_timeout(kLong, operation);
  const auto bare = co_await with_timeout(kLong, Bare(1, 7));
  co_return *owned + borrowed->value() + bare->value();
}
Task<Result<int>> too_late() {
  const auto owned = co_await with_timeout(kShort, child(9, Tracked(5)));
  After operation(5, 6);
  const auto borrowed = co_await with_timeout(kShort, operation);
  const auto rest = co_await operation;
  co_return (owned == Unexpected(Error::timed_out) ? 1 : 0) + (borrowed == Unexpected(Error::timed_out) ? 2 : 0) +
      *rest;
}
Task<Result<int>> nested() {
  const auto got = co_await with_timeout(kLong, race(join(after(1, 5), child(2, Tracked(6))), after(9, 7)));
  const auto& both = *std::get_if<0>(&*got);
  co_return *std::get<0>(both) + *std::get<1>(both);
}
Task<Result<int>> combinations_in_a_loop() {
  int sum = 0;
  for (int i = 0; i < 3; ++i) {
    const Tracked local(i);
    const auto got = co_await with_timeout(kShort, child(i * 6, local));
    sum += got.value_or(10);
  }
  co_return sum;
}
Task<Result<int>> try_combination() {
  NAL_CO_TRY_SET(const int n, with_timeout(kLong, child(1, Tracked(5))));
  NAL_CO_TRY(with_timeout(kLong, gift(1, 1)));
  static_cast<void>(co_await yield());
  static_cast<void>(co_await sleep(Duration()));
  co_return n;
}

constexpr Shape kShapes[] = {
    {"race with children of its own", race_owned, 16},
    {"race with borrowed children, the loser awaited after it", race_borrowed, 21},
    {"race of a borrowed coroutine and one of its own", race_of_coroutines, 15},
    {"race of children that give what owns something", race_of_gifts, 11},
    {"join with children of its own", join_owned, 18},
    {"join with borrowed children", join_borrowed, 16},
    {"with_timeout in time, owned and borrowed", in_time, 18},
    {"with_timeout too late, owned and borrowed", too_late, 9},
    {"join in race in with_timeout", nested, 11},
    {"with_timeout in a loop", combinations_in_a_loop, 20},
    {"NAL_CO_TRY of with_timeout, yield, sleep", try_combination, 5},
};

}  // namespace

std::span<const Shape> combinations() { return kShapes; }

}  // namespace nal::quirks

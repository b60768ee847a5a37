// Two tasks, a channel and a clock, without a heap: one counts every ten milliseconds, the other prints what it is
// told.
#include "examples/firmware/board.hpp"
#include "nal/channel.hpp"
#include "nal/sleep.hpp"
#include "nal/task_slot.hpp"

using namespace nal::literals;

namespace {

using Numbers = nal::Channel<int, 2>;

nal::Task<> count(nal::Executor& executor, Numbers& numbers) {
  nal::Instant next = executor.now();
  for (int i = 0; i < 5; ++i) {
    NAL_CO_TRY(nal::send(numbers, i));
    next += 10_ms;
    co_await nal::sleep_until(next);
  }
  numbers.close();
  co_return nal::Unit{};
}

nal::Task<> print(Numbers& numbers) {
  for (;;) {
    const nal::Result<int> number = co_await nal::receive(numbers);
    if (!number) { co_return nal::Unexpected(number.error()); }
    board::print(long{*number});
    board::print(" ");
  }
}

}  // namespace

int main() {
  static nal::Executor executor(board::platform());
  static Numbers numbers;
  static nal::TaskSlot<256> counter;
  static nal::TaskSlot<256> printer;
  if (!counter.start(executor, count, executor, numbers) || !printer.start(executor, print, numbers)) { return 1; }
  executor.run();
  board::print("done\n");
  return 0;
}

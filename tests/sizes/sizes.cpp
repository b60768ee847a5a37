// Prints what nal's objects cost in memory: frames of coroutines, operations, handles and the core's own. `run`
// compares that with the budgets.
#include "nal/any_stack.hpp"
#include "nal/block_on.hpp"
#include "nal/buffered_reader.hpp"
#include "nal/channel.hpp"
#include "nal/combinators.hpp"
#include "nal/copy.hpp"
#include "nal/event.hpp"
#include "nal/happy_eyeballs.hpp"
#include "nal/signal.hpp"
#include "nal/sleep.hpp"
#include "nal/split.hpp"
#include "nal/task_slot.hpp"
#include "tests/sizes/output.hpp"

using namespace nal;

// Inlined, a frame may become part of its caller's.
#define NAL_SIZES_FRAME [[gnu::noinline]]

namespace {

NAL_SIZES_FRAME Task<> none() { co_return Unit{}; }
NAL_SIZES_FRAME Task<> one(Signal& signal) {
  co_await wait(signal);
  co_return Unit{};
}
NAL_SIZES_FRAME Task<> four(Signal& signal) {
  co_await wait(signal);
  co_await wait(signal);
  co_await wait(signal);
  co_await wait(signal);
  co_return Unit{};
}
NAL_SIZES_FRAME Task<> four_in_a_loop(Signal& signal) {
  for (int i = 0; i < 4; ++i) { co_await wait(signal); }
  co_return Unit{};
}
NAL_SIZES_FRAME Task<Result<std::size_t>> read_once(AnyTcpStream& stream, std::span<std::byte> buffer) {
  const Result<std::size_t> got = co_await read(stream, buffer);
  co_return got;
}
NAL_SIZES_FRAME Task<> echo(AnyTcpStream& stream, std::span<std::byte> buffer) {
  for (;;) {
    NAL_CO_TRY_SET(const std::size_t got, read(stream, buffer));
    if (got == 0) { co_return Unit{}; }
    NAL_CO_TRY(write_all(stream, buffer.first(got)));
  }
}
NAL_SIZES_FRAME Task<> echo_with_timeout(AnyTcpStream& stream, std::span<std::byte> buffer) {
  for (;;) {
    NAL_CO_TRY_SET(const std::size_t got, with_timeout(Duration::seconds(5), read(stream, buffer)));
    if (got == 0) { co_return Unit{}; }
    NAL_CO_TRY(with_timeout(Duration::seconds(5), write_all(stream, buffer.first(got))));
  }
}

/// Chains, to see a peak: each level awaits the next.
NAL_SIZES_FRAME Task<> chain_of_one(Signal& signal) {
  co_await wait(signal);
  co_return Unit{};
}
NAL_SIZES_FRAME Task<> chain_of_two(Signal& signal) {
  NAL_CO_TRY(chain_of_one(signal));
  co_return Unit{};
}
NAL_SIZES_FRAME Task<> chain_of_three(Signal& signal) {
  NAL_CO_TRY(chain_of_two(signal));
  co_return Unit{};
}
NAL_SIZES_FRAME Task<> joined(Signal& signal) {
  co_await join(chain_of_one(signal), chain_of_one(signal));
  co_return Unit{};
}

/// Time stands still: nothing here waits.
class Still final : public Platform {
 public:
  Instant now() noexcept override { return {}; }
  void poll(Executor&, Instant) noexcept override {}
  void wake() noexcept override {}
};

constexpr std::size_t kArena = 4096;

/// What the frame of one coroutine takes from an arena, its own bookkeeping and rounding included.
template <class Function, class... Arguments>
void print_frame(const char* name, Function function, Arguments&&... arguments) {
  FixedArena<kArena> arena;
  const ArenaScope scope(&arena);
  const auto task = function(std::forward<Arguments>(arguments)...);
  sizes::print(name, arena.used());
}

/// The arena that a whole task needs.
template <class Function>
void print_peak(const char* name, Function function) {
  Still still;
  Executor executor(still);
  Signal signal;
  signal.set();
  TaskSlot<kArena> slot;
  if (!block_on(executor, slot, function, signal)) { sizes::print("peak: failed", 0); }
  sizes::print(name, slot.arena().peak());
}

void print_frames() {
  Signal signal;
  std::byte memory[1];
  const std::span<std::byte> buffer(memory);
  alignas(AnyTcpStream) std::byte nowhere[sizeof(AnyTcpStream)];
  // Only its address is taken: the coroutines are made, not run.
  auto& stream = *reinterpret_cast<AnyTcpStream*>(nowhere);
  print_frame("frame: none awaited", none);
  print_frame("frame: one await", one, signal);
  print_frame("frame: four awaits", four, signal);
  print_frame("frame: four awaits in a loop", four_in_a_loop, signal);
  print_frame("frame: read", read_once, stream, buffer);
  print_frame("frame: echo", echo, stream, buffer);
  print_frame("frame: echo with time-outs", echo_with_timeout, stream, buffer);
  print_peak("arena peak: one task", chain_of_one);
  print_peak("arena peak: chain of two", chain_of_two);
  print_peak("arena peak: chain of three", chain_of_three);
  print_peak("arena peak: two joined", joined);
}

void print_operations() {
  sizes::print("operation: read", sizeof(Read<AnyTcpStream>));
  sizes::print("operation: read_exact", sizeof(ReadExact<AnyTcpStream>));
  sizes::print("operation: write_all", sizeof(WriteAll<AnyTcpStream>));
  sizes::print("operation: write_gather", sizeof(WriteGather<AnyTcpStream>));
  sizes::print("operation: copy", sizeof(Copy<AnyTcpStream, AnyTcpStream>));
  sizes::print("operation: connect", sizeof(Connect<AnyStack>));
  sizes::print("operation: accept", sizeof(Accept<AnyTcpListener>));
  sizes::print("operation: close", sizeof(Close<AnyTcpStream>));
  sizes::print("operation: sleep", sizeof(Sleep));
  sizes::print("operation: with_timeout(read)", sizeof(WithTimeout<Read<AnyTcpStream>>));
  sizes::print("operation: race(read, sleep)", sizeof(Race<Read<AnyTcpStream>, Sleep>));
  sizes::print("operation: join(read, read)", sizeof(Join<Read<AnyTcpStream>, Read<AnyTcpStream>>));
  sizes::print("operation: wait(signal)", sizeof(WaitSignal));
  sizes::print("operation: wait(event)", sizeof(WaitEvent));
  sizes::print("operation: receive(channel)", sizeof(ChannelReceive<int, 1>));
}

void print_objects() {
  sizes::print("handle: AnyTcpStream", sizeof(AnyTcpStream));
  sizes::print("handle: AnyTcpListener", sizeof(AnyTcpListener));
  sizes::print("handle: AnyUdpSocket", sizeof(AnyUdpSocket));
  sizes::print("handle: AnyStack", sizeof(AnyStack));
  sizes::print("handle: ReadHalf", sizeof(ReadHalf<AnyTcpStream>));
  sizes::print("value: Result<>", sizeof(Result<>));
  sizes::print("value: Result<size_t>", sizeof(Result<std::size_t>));
  sizes::print("value: Poll<Result<size_t>>", sizeof(Poll<Result<std::size_t>>));
  sizes::print("value: Endpoint", sizeof(Endpoint));
  sizes::print("core: Task", sizeof(Task<>));
  sizes::print("core: Waiter", sizeof(Waiter));
  sizes::print("core: WaitList", sizeof(WaitList));
  sizes::print("core: Timer", sizeof(Timer));
  sizes::print("core: Event", sizeof(Event));
  sizes::print("core: Signal", sizeof(Signal));
  sizes::print("core: Channel<int, 1>", sizeof(Channel<int, 1>));
  sizes::print("core: Executor", sizeof(Executor));
  sizes::print("core: FrameArena", sizeof(FrameArena));
  sizes::print("core: TaskSlot beside its arena", sizeof(TaskSlot<kArena>) - kArena);
  sizes::print("core: BufferedReader", sizeof(BufferedReader<AnyTcpStream>));
}

}  // namespace

int main() {
  sizes::print(sizes::kBuild, sizeof(void*));
  print_frames();
  print_operations();
  print_objects();
  return 0;
}

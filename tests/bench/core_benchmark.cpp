// What the core's small operations take, by Google Benchmark. Times are for reading, never for passing or failing.
#include <benchmark/benchmark.h>

#include <array>

#include "nal/block_on.hpp"
#include "nal/channel.hpp"
#include "nal/endpoint.hpp"
#include "nal/sleep.hpp"

namespace {

class StillPlatform final : public nal::Platform {
 public:
  nal::Instant now() noexcept override { return {}; }
  void poll(nal::Executor&, nal::Instant) noexcept override {}
  void wake() noexcept override {}
};

nal::Task<> yield_for_ever() {
  for (;;) { co_await nal::yield(); }
}

void poll_a_task(benchmark::State& state) {
  StillPlatform platform;
  nal::Executor executor(platform);
  static nal::TaskPool<64, 512> pool;
  for (std::int64_t i = 0; i < state.range(0); ++i) { static_cast<void>(pool.start(executor, yield_for_ever)); }
  for (auto _ : state) { executor.poll_once(); }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  pool.cancel_all();
}
BENCHMARK(poll_a_task)->Arg(1)->Arg(64);

void start_and_finish_a_task(benchmark::State& state) {
  StillPlatform platform;
  nal::Executor executor(platform);
  static nal::TaskSlot<512> slot;
  struct Nothing {
    static nal::Task<> run() { co_return nal::Unit{}; }
  };
  for (auto _ : state) {
    static_cast<void>(slot.start(executor, &Nothing::run));
    executor.poll_once();
  }
}
BENCHMARK(start_and_finish_a_task);

void arm_and_disarm_a_timer_beside_others(benchmark::State& state) {
  StillPlatform platform;
  nal::Executor executor(platform);
  static std::array<nal::TaskSlot<512>, 256> sleepers;
  struct Sleeper {
    static nal::Task<> run(nal::Duration time) {
      co_await nal::sleep(time);
      co_return nal::Unit{};
    }
  };
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    static_cast<void>(sleepers[static_cast<std::size_t>(i)].start(executor, &Sleeper::run,
                                                                  nal::Duration::seconds(1 + i * 7919 % 256)));
  }
  executor.poll_once();
  static nal::TaskSlot<512> slot;
  for (auto _ : state) {
    static_cast<void>(slot.start(executor, &Sleeper::run, nal::Duration::seconds(100)));
    executor.poll_once();
    slot.cancel();
  }
  for (auto& sleeper : sleepers) { sleeper.cancel(); }
}
BENCHMARK(arm_and_disarm_a_timer_beside_others)->Arg(0)->Arg(256);

void parse_an_endpoint(benchmark::State& state) {
  for (auto _ : state) {
    auto endpoint = nal::Endpoint::parse("[2001:db8::a:b:c]:8883");
    benchmark::DoNotOptimize(endpoint);
  }
}
BENCHMARK(parse_an_endpoint);

}  // namespace

BENCHMARK_MAIN();

#pragma once
#include "nal/combinators.hpp"
#include "nal/sleep.hpp"
#include "tests/examples/mqtt/broker.hpp"

namespace mqtt::test {

inline constexpr BufferSizes kClientSizes{
    .receive = 128, .send = 128, .in_flight = 4, .store = 128, .subscriptions = 3, .filters = 48};

struct ConnectToBroker {
  nal::test::FakeStack* stack;
  auto operator()() const noexcept { return nal::connect(*stack, Broker::endpoint()); }
};

/// A client and a broker on a wire, under a clock that jumps.
class World {
 public:
  explicit World(Config config = {.client_id = "c"})
      : client(ConnectToBroker{&fake.client}, observed(config), buffers.memory()) {
    broker.start();
  }

  /// Has `client.run()` run in a task of its own.
  void start_run() { REQUIRE(run_slot.start(executor, &World::keep_running, *this)); }
  void run_for(nal::Duration duration) {
    static_cast<void>(executor.run_until([] { return false; }, fake.network.now() + duration));
  }
  /// Runs the client beside `function(arguments...)` until that is done and the client has ended.
  template <class Function, class... Arguments>
  nal::Result<> run_with(Function&& function, Arguments&&... arguments) {
    start_run();
    nal::TaskSlot<8192> slot;
    auto result =
        nal::block_on(executor, slot, std::forward<Function>(function), std::forward<Arguments>(arguments)...);
    return result;
  }

  nal::test::FakeWorld fake;
  nal::Executor& executor = fake.executor;
  Broker broker{fake};
  std::vector<std::string> log;  ///< what the observer was told
  Buffers<kClientSizes> buffers;
  Client<ConnectToBroker> client;
  nal::TaskSlot<4096> run_slot;

 private:
  static nal::Task<nal::Result<>> keep_running(World& world) {
    auto ended = co_await world.client.run();
    co_return ended;
  }

  Config& observed(Config& config) {
    config.observer = {[](void* context, const Notice& notice) noexcept {
                         static constexpr const char* kWords[] = {"connecting",      "connected", "lost",
                                                                  "refused",         "oversized", "closed",
                                                                  "message refused", "redirected"};
                         static_cast<World*>(context)->log.emplace_back(kWords[static_cast<int>(notice.kind)]);
                       },
                       this};
    return config;
  }
};

}  // namespace mqtt::test

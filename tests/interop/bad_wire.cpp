// A bad network between two of the kernel's own: `bad_wire LEFT RIGHT LOSS REORDER DUPLICATE [SEED]`, percents. It
// makes two TAP interfaces, says "up" and passes frames between them through the fault injector that the embedded
// stack's tests have, until it is ended: what the kernel reaches there with itself is what the embedded stack is held
// against.
#include <array>
#include <cstdio>
#include <cstdlib>

#include "backends/drivers/fault_injector.hpp"
#include "backends/drivers/linux/tap.hpp"
#include "backends/posix/reactor.hpp"
#include "nal/block_on.hpp"
#include "nal/timer.hpp"

namespace {

using namespace nal;

constexpr std::size_t kPackets = 2048;
constexpr int kBatch = 64;

/// Frames from one end to the other until there is none. Whether there was one.
bool pass(driver::Driver& from, driver::Driver& to, driver::PacketPool& pool, Instant now) {
  bool any = false;
  for (int i = 0; i < kBatch && to.can_transmit(); ++i) {
    driver::Packet packet = from.receive(pool, now);
    if (!packet) { break; }
    any = true;
    static_cast<void>(to.transmit(packet, now));
  }
  return any;
}

/// The wire, as a task.
class Wire {
 public:
  Wire(driver::Driver& left, driver::Driver& right, driver::PacketPool& pool)
      : left_(&left), right_(&right), pool_(&pool) {}
  Poll<Result<>> poll(Context& context) noexcept {
    const Instant now = context.now();
    bool any = pass(*left_, *right_, *pool_, now);
    any |= pass(*right_, *left_, *pool_, now);
    const Instant at = std::min(left_->poll_at(), right_->poll_at());
    if (any || at <= now) {
      context.wake_soon();
      return pending;
    }
    left_->wait(context, left_waiter_, !left_->can_transmit());
    right_->wait(context, right_waiter_, !right_->can_transmit());
    if (!at.is_never()) { context.arm(timer_, at); }
    return pending;
  }

 private:
  driver::Driver* left_;
  driver::Driver* right_;
  driver::PacketPool* pool_;
  Waiter left_waiter_;
  Waiter right_waiter_;
  Timer timer_;
};

drivers::Chance percent(const char* text) {
  return {static_cast<std::uint32_t>(std::atof(text) * drivers::Chance::percent(1).per_million)};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6 && argc != 7) {
    std::fprintf(stderr, "usage: %s LEFT RIGHT LOSS REORDER DUPLICATE [SEED]\n", argv[0]);
    return 2;
  }
  posix::Reactor reactor;
  Executor executor(reactor);
  static driver::PacketMemory<kPackets, 2048> memory;
  driver::PacketPool pool(memory);
  drivers::Tap left(reactor, {.name = argv[1]});
  drivers::Tap right(reactor, {.name = argv[2]});
  for (const drivers::Tap* tap : {&left, &right}) {
    if (!tap->status()) {
      std::fprintf(stderr, "cannot make %s: %s\n", tap->name(), to_string(tap->status().error()));
      return 1;
    }
  }
  const drivers::Faults faults{.loss = percent(argv[3]), .duplicate = percent(argv[5]), .reorder = percent(argv[4])};
  static std::array<drivers::LateFrame, 512> late[2];
  drivers::FaultInjector bad(
      left, {.receive = faults, .transmit = faults, .seed = argc > 6 ? std::strtoull(argv[6], nullptr, 10) : 1},
      late[0], late[1]);
  std::puts("up");
  std::fflush(stdout);
  Wire wire(bad, right, pool);
  static_cast<void>(block_on(executor, wire));
  return 0;
}

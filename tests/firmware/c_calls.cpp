// nal's C interface on bare metal: the embedded stack, one address, and a program in C that blocks in a super-loop.
// Linked without a C library, so nothing of it can want a heap.
#include "adapters/c/loop.hpp"
#include "backends/drivers/wire_pair.hpp"
#include "backends/embedded/stack.hpp"
#include "examples/firmware/board.hpp"
#include "nal/task_slot.hpp"

extern "C" int c_calls(nal_loop* loop);

namespace {

constexpr nal::embedded::Config kConfig{
    .packets = 8,
    .addresses = 2,
    .udp_sockets = 2,
    .tcp = {.connections = 4, .listeners = 1, .handshakes = 2, .time_waits = 2, .rings = {{{1024, 1024, 4}}}},
};

nal::Task<> drive(nal::embedded::Stack& stack) { co_return co_await stack.run(); }

}  // namespace

int main() {
  static nal::Executor executor(board::platform());
  static nal::drivers::WirePair wire;
  static nal::embedded::Resources<kConfig> memory;
  static constexpr nal::embedded::Settings kSettings{.addresses = {.ipv6_transmits = 0, .ipv4_probes = 0}};
  static nal::embedded::Stack stack(executor, memory, nal::Entropy(std::array<std::byte, nal::Entropy::kSize>{}),
                                    kSettings);
  const auto interface = stack.add_interface(wire.a());
  static nal::TaskSlot<512> slot;
  if (!interface || !stack.add_address(*interface, nal::Cidr(nal::Ipv4Address(10, 0, 0, 1), 24)) ||
      !slot.start(executor, drive, stack)) {
    return 1;
  }
  static nal_loop loop(executor, stack);
  const int line = c_calls(&loop);
  board::print("line ");
  board::print(static_cast<long>(line));
  board::print("\n");
  return line != 0 || loop.handles() != 0 ? 1 : 0;
}

#include <array>
#include <tuple>

#include "backends/drivers/fault_injector.hpp"
#include "tests/backends/drivers/memory_sink.hpp"
#include "tests/backends/drivers/memory_world.hpp"

namespace nal::test {
namespace {

struct LoopbackWorld : MemoryWorld {
  static constexpr bool kMoves = true;
  static constexpr bool kBlocks = true;
  static constexpr bool kLoops = true;

  driver::Driver& driver() { return loopback; }
  bool deliver(const Frame& frame) {
    driver::Packet packet = to_packet(pool, frame);
    return loopback.transmit(packet, executor_.now()).has_value();
  }
  std::optional<Frame> collect() {
    const driver::Packet packet = loopback.receive(pool, executor_.now());
    return packet ? std::optional(to_frame(packet)) : std::nullopt;
  }
  bool set_link(bool up) {
    loopback.plug(up);
    return true;
  }

  Pool<> pool;
  drivers::Loopback loopback{{.capabilities = {.medium = driver::Medium::ip}, .queue = 20}};
};

/// No fault at all: it must be as the wire is.
struct FaultlessWorld : WireWorld<true> {
  driver::Driver& driver() { return injector; }
  std::array<drivers::LateFrame, 16> memory;
  drivers::FaultInjector injector{wire.a(), {}, memory, {}};
};

/// Under capture.
struct CapturedWorld : WireWorld<true> {
  driver::Driver& driver() { return writer; }
  MemorySink sink;
  drivers::PcapFile file{sink};
  drivers::PcapWriter writer{wire.a(), file, "wire"};
};

using Fixtures = std::tuple<WireWorld<false>, WireWorld<true>, LoopbackWorld, FaultlessWorld, CapturedWorld>;

}  // namespace
}  // namespace nal::test

#include "tests/backends/drivers/conformance.hpp"

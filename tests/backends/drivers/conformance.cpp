#include <array>
#include <deque>
#include <tuple>

#include "backends/drivers/fault_injector.hpp"
#include "backends/drivers/vlan.hpp"
#include "examples/firmware/fifo_driver.hpp"
#include "nal/driver/queue_driver.hpp"
#include "tests/backends/drivers/lan9118_world.hpp"
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

/// The queue driver; the test is the device's half.
struct QueueWorld : MemoryWorld {
  static constexpr bool kMoves = true;  // packets are laid out beforehand
  static constexpr bool kBlocks = true;
  QueueWorld() {
    queue.set_link(true);
    CHECK_FALSE(queue.receive(pool, executor_.now()));
  }
  ~QueueWorld() { queue.give_back(pool); }
  driver::Driver& driver() { return queue; }
  bool deliver(const Frame& frame) { return !frame.empty() && queue.receive_copy(frame); }
  std::optional<Frame> collect() {
    const driver::DeviceFrame frame = queue.next_to_send();
    if (!frame) { return std::nullopt; }
    Frame bytes(frame.data().begin(), frame.data().end());
    queue.sent(frame);
    return bytes;
  }
  bool set_link(bool up) {
    queue.set_link(up);
    return true;
  }

  Pool<> pool;
  driver::QueueDriver<32, 16> queue{executor_, {}, {2, 0, 0, 0, 0, 1}, 2};
};

/// The skeleton of examples/firmware on a chip that is memory.
struct SkeletonWorld : MemoryWorld {
  static constexpr bool kMoves = false;
  static constexpr bool kBlocks = true;
  struct Chip {
    bool link() const { return up; }
    std::size_t waiting() const { return in.empty() ? 0 : in.front().size(); }
    void read(std::span<std::byte> to) {
      std::copy_n(in.front().begin(), to.size(), to.begin());
      in.pop_front();
    }
    bool room() const { return out.size() < 12; }
    void write(std::span<const std::byte> frame) { out.emplace_back(frame.begin(), frame.end()); }
    bool up = true;
    std::deque<Frame> in;
    std::deque<Frame> out;
  };
  driver::Driver& driver() { return fifo; }
  bool deliver(const Frame& frame) {
    if (frame.empty()) { return false; }
    chip.in.push_back(frame);
    fifo.interrupt();
    return true;
  }
  std::optional<Frame> collect() {
    if (chip.out.empty()) { return std::nullopt; }
    Frame frame = chip.out.front();
    chip.out.pop_front();
    fifo.interrupt();
    return frame;
  }
  bool set_link(bool up) {
    chip.up = up;
    fifo.interrupt();
    return true;
  }

  Pool<> pool;
  Chip chip;
  firmware::FifoDriver<Chip> fifo{executor_, chip, {2, 0, 0, 0, 0, 1}};
};

/// What is outside any VLAN.
struct TrunkWorld : WireWorld<true> {
  driver::Driver& driver() { return trunk; }
  drivers::VlanTrunk trunk{wire.a()};
};

/// A VLAN on a wire that has room for a second tag, since the longest frame of a device has one already.
struct VlanWorld : MemoryWorld {
  static constexpr bool kMoves = false;
  static constexpr bool kBlocks = true;
  static constexpr unsigned char kTag[] = {0x81, 0, 0, 5};
  struct Shorter final : drivers::Around {
    explicit Shorter(driver::Driver& inner) : Around(inner) {}
    driver::Capabilities capabilities() const noexcept override { return {}; }
  };
  driver::Driver& driver() { return port; }
  bool deliver(const Frame& frame) {
    Frame bytes = frame;
    const auto tag = std::as_bytes(std::span(kTag));
    if (frame.size() < kMinFrame) { return false; }
    bytes.insert(bytes.begin() + 12, tag.begin(), tag.end());
    driver::Packet packet = to_packet(outside, bytes);
    REQUIRE(packet);
    return wire.b().transmit(packet, executor_.now()).has_value();
  }
  std::optional<Frame> collect() {
    const driver::Packet packet = wire.b().receive(outside, executor_.now());
    if (!packet) { return std::nullopt; }
    Frame bytes = to_frame(packet);
    bytes.erase(bytes.begin() + 12, bytes.begin() + 16);
    return bytes;
  }
  bool set_link(bool up) {
    wire.b().plug(up);
    return true;
  }

  Pool<> outside;
  Pool<> pool;
  drivers::WirePair wire{{.capabilities = {.mtu = 1504}, .queue = 20, .copy = true}};
  Shorter shorter{wire.a()};
  drivers::VlanTrunk trunk{shorter};
  drivers::VlanPort port{trunk, 5};
};

using Fixtures = std::tuple<WireWorld<false>, WireWorld<true>, LoopbackWorld, FaultlessWorld, CapturedWorld, QueueWorld,
                            SkeletonWorld, TrunkWorld, VlanWorld, Lan9118World<false>, Lan9118World<true>>;

}  // namespace
}  // namespace nal::test

#include "tests/backends/drivers/conformance.hpp"

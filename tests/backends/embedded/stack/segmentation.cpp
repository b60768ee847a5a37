// Segments longer than a frame, for devices that cut them up: by Linux's TAP on both sides, by network cards.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "backends/drivers/wire_pair.hpp"
#include "backends/embedded/stack.hpp"
#include "tests/support/virtual_clock.hpp"

namespace nal::embedded::test {
namespace {

constexpr Config kConfig{
    .packets = 128,
    .large_packets = 4,
    .large_packet_size = 66'000,
    .tcp = {.connections = 2, .listeners = 1, .rings = {{{256 * 1024, 256 * 1024, 2}}}},
};
constexpr Settings kSettings{.addresses = {.ipv6_transmits = 0, .ipv4_probes = 0}};

/// Two stacks, a connection between them, and a wire that passes long segments whole.
class Pair {
 public:
  explicit Pair(Family family) {
    addresses_ = family == Family::v4 ? std::array<IpAddress, 2>{Ipv4Address(10, 0, 0, 1), Ipv4Address(10, 0, 0, 2)}
                                      : std::array<IpAddress, 2>{Ipv6Address(0xfd00, 0, 0, 0, 0, 0, 0, 1),
                                                                 Ipv6Address(0xfd00, 0, 0, 0, 0, 0, 0, 2)};
    configure(near_stack, wire_.a(), addresses_[0]);
    configure(far_stack, wire_.b(), addresses_[1]);
    Stack::TcpListener listener = far_stack.listen({addresses_[1], 7}, {}).value();
    near.emplace(near_stack.start_tcp({addresses_[1], 7}, {}).value());
    REQUIRE(until([&] { return near->poll_connected(context_, waiter_).ready(); }));
    REQUIRE(until([&] {
      auto accepted = listener.poll_accept(context_, waiter_);
      if (accepted.ready()) { far.emplace(std::move(*accepted).value()); }
      return accepted.ready();
    }));
  }

  /// Sends `data` and gives what arrives.
  std::vector<std::byte> carry(const std::vector<std::byte>& data) {
    std::span<const std::byte> rest = data;
    std::vector<std::byte> taken;
    std::vector<std::byte> block(65'536);
    CHECK(until([&] {
      while (!rest.empty()) {
        auto sent = near->poll_write(context_, waiter_, rest);
        if (!sent.ready()) { break; }
        rest = rest.subspan(sent->value());
      }
      for (;;) {
        auto got = far->poll_read(context_, waiter_, block);
        if (!got.ready()) { break; }
        taken.insert(taken.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(got->value()));
      }
      return taken.size() >= data.size();
    }));
    return taken;
  }
  std::uint32_t frames() { return wire_.a().counters().transmitted; }
  std::uint32_t answers() { return wire_.b().counters().transmitted; }

 private:
  static void configure(Stack& stack, driver::Driver& driver, const IpAddress& address) {
    const InterfaceId interface = stack.add_interface(driver).value();
    REQUIRE(stack.add_address(interface, Cidr(address, address.is_v4() ? 24 : 64)));
  }
  template <class F>
  bool until(F&& done) {
    for (int i = 0; i < 20'000; ++i) {
      if (done()) { return true; }
      near_stack.poll(clock_.now());
      far_stack.poll(clock_.now());
      clock_.advance(Duration::microseconds(100));
    }
    return false;
  }

  ::nal::test::VirtualClock clock_;
  Executor executor_{clock_};
  Context context_ = Context::probe(executor_);
  Waiter waiter_;
  drivers::WirePair wire_{{.capabilities = {.transmit_checksum = true, .max_segmentation_size = 65'400}}};
  std::array<Resources<kConfig>, 2> memory_;
  std::array<IpAddress, 2> addresses_;

 public:
  Stack near_stack{executor_, memory_[0], Entropy(std::array<std::byte, Entropy::kSize>{}), kSettings};
  Stack far_stack{executor_, memory_[1], Entropy(std::array<std::byte, Entropy::kSize>{std::byte{1}}), kSettings};
  std::optional<Stack::TcpStream> near;
  std::optional<Stack::TcpStream> far;
};

std::vector<std::byte> data_of(std::size_t size) {
  std::vector<std::byte> data(size);
  for (std::size_t i = 0; i < size; ++i) { data[i] = static_cast<std::byte>(i * 7 + i / 251); }
  return data;
}

constexpr std::size_t kSize = 4'000'000;
constexpr std::size_t kSegments = kSize / 1448;

TEST_CASE("a device that cuts segments up is given long ones", "[embedded][segmentation]") {
  Pair pair(GENERATE(Family::v4, Family::v6));
  const std::vector<std::byte> data = data_of(kSize);
  CHECK(pair.carry(data) == data);
  // Slow start begins with ten segments' worth; from then on most are as long as IP has it.
  CHECK(pair.frames() < kSegments / 10);
  // And every second one of full size is acknowledged, not every segment in it.
  CHECK(pair.answers() <= pair.frames() + 10);
  CHECK(pair.near_stack.tcp().counters().retransmitted == 0);
}

TEST_CASE("without a long packet at hand segments go out as ever", "[embedded][segmentation]") {
  Pair pair(GENERATE(Family::v4, Family::v6));
  driver::PacketQueue taken;
  while (driver::Packet packet = pair.near_stack.large_packets().allocate(0)) { taken.push(std::move(packet)); }
  const std::vector<std::byte> data = data_of(kSize);
  CHECK(pair.carry(data) == data);
  CHECK(pair.frames() > kSegments);
  CHECK(pair.near_stack.tcp().counters().retransmitted == 0);
  const std::uint32_t before = pair.frames();
  taken.clear();
  CHECK(pair.carry(data) == data);
  CHECK(pair.frames() - before < kSegments / 10);
}

}  // namespace
}  // namespace nal::embedded::test

#include "backends/drivers/vlan.hpp"

#include <catch2/catch_test_macros.hpp>

#include "backends/drivers/wire_pair.hpp"
#include "backends/embedded/stack.hpp"
#include "nal/read.hpp"
#include "nal/tcp.hpp"
#include "nal/write.hpp"
#include "tests/support/virtual_clock.hpp"

namespace nal::embedded::test {

namespace {
using namespace nal::literals;

constexpr Config kConfig{.packets = 48, .interfaces = 3, .addresses = 4, .groups = 32, .udp_sockets = 8};

/// A stack on one end of a wire: outside any VLAN, in VLAN 5, and in VLAN 6, with an address of its own in each.
struct Station {
  Station(::nal::test::VirtualClock& clock, driver::Driver& end, std::uint8_t number)
      : executor(clock), trunk(end), five(trunk, 5), six(trunk, 6, 7) {
    driver::Driver* const drivers[] = {&trunk, &five, &six};
    for (std::uint8_t i = 0; i < 3; ++i) {
      interfaces[i] = stack.add_interface(*drivers[i]).value();
      REQUIRE(stack.add_address(interfaces[i], Cidr(Ipv4Address(10, 0, i, number), 24)));
      REQUIRE(stack.add_address(interfaces[i], Cidr(Ipv6Address(0xfd00, i, 0, 0, 0, 0, 0, number), 64)));
    }
  }
  IpAddress address(Family family, std::uint8_t network, std::uint8_t number) const {
    if (family == Family::v4) { return Ipv4Address(10, 0, network, number); }
    return Ipv6Address(0xfd00, network, 0, 0, 0, 0, 0, number);
  }

  Executor executor;
  drivers::VlanTrunk trunk;
  drivers::VlanPort five;
  drivers::VlanPort six;
  Resources<kConfig> memory;
  static constexpr Settings kSettings{.addresses = {.ipv6_transmits = 0, .ipv4_probes = 0}};
  Stack stack{executor, memory, Entropy(std::array<std::byte, Entropy::kSize>{}), kSettings};
  std::array<InterfaceId, 3> interfaces;
};

struct World {
  void run() {
    for (int i = 0; i < 50; ++i) {
      a.stack.poll(clock.now());
      b.stack.poll(clock.now());
    }
  }

  ::nal::test::VirtualClock clock;
  drivers::WirePair wire{
      {.capabilities = {.transmit_checksum = true}, .queue = 64, .copy = true}, {2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
  Station a{clock, wire.a(), 1};
  Station b{clock, wire.b(), 2};
};

}  // namespace

TEST_CASE("Two stacks speak in every VLAN and outside, at the full MTU, each knowing by which interface",
          "[embedded][vlan]") {
  World world;
  std::array<std::byte, 1500> buffer{};
  for (const Family family : {Family::v4, Family::v6}) {
    auto server = world.b.stack.udp_bind_multiple({IpAddress::unspecified(family), 7}, {}).value();
    auto client = world.a.stack.udp_bind_multiple({IpAddress::unspecified(family), 0}, {}).value();
    const std::size_t most = 1500 - 8 - (family == Family::v4 ? 20 : 40);
    for (std::uint8_t network = 0; network < 3; ++network) {
      const Endpoint to(world.b.address(family, network, 2), 7);
      REQUIRE(try_send_to(world.a.executor, client, to, std::span(buffer).first(most)));
      world.run();
      const auto got = try_receive(world.b.executor, server, buffer);
      REQUIRE(got);
      CHECK(got->size == most);
      CHECK(got->interface == world.b.interfaces[network]);
      CHECK(got->remote.address == world.a.address(family, network, 1));
    }
  }
}

TEST_CASE("What is in one VLAN does not reach another", "[embedded][vlan]") {
  World world;
  // Nobody has the address in VLAN 5, and who is asked there is not asked in the other.
  REQUIRE(world.b.stack.remove_address(world.b.interfaces[1], world.b.address(Family::v4, 1, 2)));
  auto client = world.a.stack.udp_bind_multiple({IpAddress::unspecified(Family::v4), 0}, {}).value();
  auto server = world.b.stack.udp_bind_multiple({IpAddress::unspecified(Family::v4), 7}, {}).value();
  REQUIRE(try_send_to(world.a.executor, client, {world.b.address(Family::v4, 1, 2), 7}, {}));
  world.run();
  std::array<std::byte, 8> buffer;
  CHECK(try_receive(world.b.executor, server, buffer).error() == Error::would_block);
}

TEST_CASE("A connection goes over a VLAN", "[embedded][vlan]") {
  World world;
  auto listener = world.b.stack.listen({IpAddress::unspecified(Family::v6), 80}, {}).value();
  auto stream = world.a.stack.start_tcp({world.b.address(Family::v6, 2, 2), 80}, {}).value();
  world.run();
  REQUIRE(try_write(world.a.executor, stream, std::as_bytes(std::span("hello"))));
  world.run();
  auto accepted = try_accept(world.b.executor, listener);
  REQUIRE(accepted);
  std::array<std::byte, 10> buffer;
  CHECK(try_read(world.b.executor, *accepted, buffer) == std::size_t{6});
  CHECK(accepted->remote_endpoint().address == world.a.address(Family::v6, 2, 1));
}

}  // namespace nal::embedded::test

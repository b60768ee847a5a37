#include <catch2/catch_test_macros.hpp>

#include "backends/embedded/stack.hpp"
#include "tests/backends/embedded/support/packets.hpp"
#include "tests/support/virtual_clock.hpp"

namespace nal::embedded::test {

TEST_CASE("An ICMP error concerns the socket of the link that it comes by, where two links have the same peer",
          "[embedded][udp]") {
  static constexpr Config kConfig{.interfaces = 2, .groups = 16};
  static constexpr Settings kSettings{.addresses = {.ipv6_transmits = 0, .ipv4_probes = 0}};
  ::nal::test::VirtualClock clock;
  Executor executor{clock};
  TestDevice devices[2] = {TestDevice(driver::Medium::ip), TestDevice(driver::Medium::ip)};
  Resources<kConfig> memory;
  Stack stack{executor, memory, Entropy(std::array<std::byte, Entropy::kSize>{}), kSettings};
  const Ipv6Address here(0xfe80, 0, 0, 0, 0, 0, 0, 1);
  const Ipv6Address peer(0xfe80, 0, 0, 0, 0, 0, 0, 2);
  std::array<InterfaceId, 2> interfaces;
  for (std::size_t i = 0; i < 2; ++i) {
    interfaces[i] = stack.add_interface(devices[i]).value();
    REQUIRE(stack.add_address(interfaces[i], Cidr(here, 64)));
  }
  const auto open = [&](std::size_t i) {
    const std::uint32_t zone = interfaces[i].index();
    return stack.udp_connect_from({here.with_zone(zone), 6000}, {peer.with_zone(zone), 5000}, {.share_port = true})
        .value();
  };
  auto first = open(0);
  auto second = open(1);
  stack.poll(clock.now());
  devices[0].sent.clear();
  devices[1].sent.clear();
  REQUIRE(try_once(executor, send(first, bytes("hello"))));
  CHECK(devices[1].sent.empty());
  REQUIRE(devices[0].sent.size() == 1);
  const Bytes error = ipv6({.source = peer, .destination = here, .protocol = 58},
                           icmpv6(peer, here, wire::Icmpv6Type::destination_unreachable, 4, 0, devices[0].sent[0]));
  devices[0].arriving.push_back(error);
  stack.poll(clock.now());
  std::array<std::byte, 8> buffer;
  CHECK(try_receive(executor, first, buffer).error() == Error::connection_refused);
  CHECK(try_receive(executor, second, buffer).error() == Error::would_block);
}

}  // namespace nal::embedded::test

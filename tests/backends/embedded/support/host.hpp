#pragma once
#include <catch2/catch_test_macros.hpp>

#include <array>

#include "backends/embedded/stack.hpp"
#include "tests/backends/embedded/support/packets.hpp"
#include "tests/support/virtual_clock.hpp"

namespace nal::embedded::test {

/// One stack on a device that the test plays, driven by hand.
class Host {
 public:
  static constexpr Config kConfig{.packets = 24,
                                  .large_packets = 3,
                                  .large_packet_size = 9000,
                                  .addresses = 8,
                                  .partial_packets = 3,
                                  .groups = 16,
                                  .udp_sockets = 8,
                                  .udp_memberships = 8};
  /// What the host is: .1 of its network, whose router is .254.
  static inline const Address k4{Ipv4Address(10, 0, 0, 1)};
  static inline const Address k6{Ipv6Address(0xfd00, 0, 0, 0, 0, 0, 0, 1)};
  static inline const Address kPeer4{Ipv4Address(10, 0, 0, 2)};
  static inline const Address kPeer6{Ipv6Address(0xfd00, 0, 0, 0, 0, 0, 0, 2)};
  static inline const Address kFar4{Ipv4Address(192, 0, 2, 7)};
  static inline const Address kFar6{Ipv6Address(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7)};
  static constexpr MacAddress kPeerMac{2, 0, 0, 0, 0, 2};

  explicit Host(driver::Medium medium = driver::Medium::ip, std::uint16_t mtu = 1500) : device(medium, mtu) {
    interface = stack.add_interface(device).value();
    REQUIRE(stack.add_address(interface, Cidr(k4.to_ip(), 24)));
    REQUIRE(stack.add_address(interface, Cidr(k6.to_ip(), 64)));
    REQUIRE(stack.add_default_route(interface, Ipv4Address(10, 0, 0, 254)));
    REQUIRE(stack.add_default_route(interface, Ipv6Address(0xfd00, 0, 0, 0, 0, 0, 0, 0xfe)));
    run();
    device.sent.clear();
  }
  ~Host() {
    // Nothing of what a test has done is left in the stack.
    CHECK(stack.packets().available() + waiting == stack.packets().count());
  }

  static Address address(Family family) { return family == Family::v4 ? k4 : k6; }
  static Address peer(Family family) { return family == Family::v4 ? kPeer4 : kPeer6; }

  /// Polls until nothing is left to do at once.
  void run() {
    for (int i = 0; i < 100; ++i) {
      const bool more = stack.poll(clock.now());
      if (!more && stack.poll_at() > clock.now()) { return; }
    }
    FAIL("the stack spins");
  }
  /// Lets time pass, the stack being polled whenever it asks for it.
  void pass(Duration duration) {
    const Instant end = clock.now() + duration;
    for (;;) {
      run();
      const Instant next = std::min(stack.poll_at(), end);
      if (next >= end) { break; }
      clock.advance(next - clock.now());
    }
    clock.advance(end - clock.now());
    run();
  }
  void receive(Bytes frame) {
    device.arriving.push_back(std::move(frame));
    run();
  }
  /// What was sent since the last time, which must be so many frames.
  std::vector<Bytes> take(std::size_t count) {
    std::vector<Bytes> sent;
    std::swap(sent, device.sent);
    REQUIRE(sent.size() == count);
    return sent;
  }
  Bytes take() { return take(1)[0]; }
  template <class F>
  auto once(F&& future) {
    return try_once(executor, std::forward<F>(future));
  }

  ::nal::test::VirtualClock clock;
  Executor executor{clock};
  TestDevice device;
  Resources<kConfig> memory;
  static constexpr Settings kSettings{.addresses = {.ipv6_transmits = 0, .ipv4_probes = 0}};
  Stack stack{executor, memory, Entropy(std::array<std::byte, Entropy::kSize>{}), kSettings};
  InterfaceId interface;
  std::size_t waiting = 0;  ///< packets that the test knows to be in the stack at its end
};

}  // namespace nal::embedded::test

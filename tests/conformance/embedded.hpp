#pragma once
#include <array>

#include "backends/drivers/wire_pair.hpp"
#include "backends/embedded/ping/ping.hpp"
#include "backends/embedded/stack.hpp"
#include "nal/task_slot.hpp"
#include "tests/conformance/own_resolver.hpp"
#include "tests/support/virtual_clock.hpp"

namespace nal::conformance {

/// Two hosts with an embedded stack each, on an Ethernet wire, under a virtual clock.
class EmbeddedFixture {
 public:
  using Stack = embedded::Stack;
  static std::span<const SkippedCase> skipped() { return {}; }
  /// One for each host, that runs its stack.
  static constexpr unsigned kTasks = 2;
  static constexpr Duration kPatience = Duration::seconds(60);
  static constexpr Duration kALittle = Duration::milliseconds(1);
  static constexpr std::size_t kLargestDatagram = 4000;
  static constexpr std::size_t kManyBytes = 50'000;

  EmbeddedFixture() {
    join(client_, wire_.a(), {client_address(Family::v4), client_address(Family::v6)});
    join(server_, wire_.b(),
         {server_address(Family::v4), server_address(Family::v6), other_server_address(Family::v4),
          other_server_address(Family::v6)});
    [[maybe_unused]] const bool running =
        client_run_.start(executor_, run, client_) && server_run_.start(executor_, run, server_);
    NAL_ASSERT(running);
  }

  Executor& executor() { return executor_; }
  Stack& client() { return client_; }
  Stack& server() { return server_; }
  embedded::Ping& probes() { return probes_; }
  std::size_t in_use() const { return client_.in_use() + server_.in_use(); }

  static bool has(Family) { return true; }
  static bool has_multicast(Family) { return true; }
  static IpAddress client_address(Family family) {
    using namespace literals;
    return family == Family::v4 ? "10.77.0.1"_ip : "fd77::1"_ip;
  }
  static IpAddress server_address(Family family) {
    using namespace literals;
    return family == Family::v4 ? "10.77.0.2"_ip : "fd77::2"_ip;
  }
  static IpAddress other_server_address(Family family) {
    using namespace literals;
    return family == Family::v4 ? "10.77.0.3"_ip : "fd77::3"_ip;
  }
  static IpAddress broadcast_address() { return Ipv4Address(10, 77, 0, 255); }
  static InterfaceId multicast_interface() { return InterfaceId::any(); }

 private:
  static constexpr embedded::Config kConfig{
      .packets = 32,
      .addresses = 8,
      .groups = 24,
      .udp_sockets = 12,
      .udp_memberships = 12,
      .udp_queue = 8,
      .tcp = {.connections = 16, .listeners = 4, .handshakes = 8, .time_waits = 16, .rings = {{{2048, 2048, 16}}}},
  };
  // No waiting for nobody to object.
  static constexpr embedded::Settings kSettings{.addresses = {.ipv6_transmits = 0, .ipv4_probes = 0}};

  static Entropy entropy(unsigned seed) {
    std::array<std::byte, Entropy::kSize> bytes{};
    bytes[0] = static_cast<std::byte>(seed);
    return Entropy(bytes);
  }
  static Task<> run(Stack& stack) { co_return co_await stack.run(); }
  static void join(Stack& stack, driver::Driver& driver, std::initializer_list<IpAddress> addresses) {
    const auto interface = stack.add_interface(driver);
    NAL_ASSERT(interface);
    for (const IpAddress& address : addresses) {
      const auto added = stack.add_address(*interface, Cidr(address, address.is_v4() ? 24 : 64));
      NAL_ASSERT(added);
    }
  }

  test::VirtualClock clock_;
  Executor executor_{clock_};
  drivers::WirePair wire_;
  embedded::Resources<kConfig> client_memory_;
  embedded::Resources<kConfig> server_memory_;
  Stack client_{executor_, client_memory_, entropy(1), kSettings};
  Stack server_{executor_, server_memory_, entropy(2), kSettings};
  embedded::PingMemory<4> probe_memory_;
  embedded::Ping probes_{client_, probe_memory_};
  TaskSlot<1024> client_run_;
  TaskSlot<1024> server_run_;
};

using EmbeddedOwnResolverFixture = OwnResolverFixture<EmbeddedFixture>;

}  // namespace nal::conformance

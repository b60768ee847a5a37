#pragma once
#include <array>

#include "backends/drivers/wire_pair.hpp"
#include "backends/embedded/stack.hpp"
#include "backends/lwip/stack.hpp"
#include "nal/any_stack.hpp"
#include "nal/resolver/resolver.hpp"
#include "nal/resolver/stack_with_dns.hpp"
#include "nal/task_slot.hpp"
#include "tests/backends/lwip/support/clock.hpp"
#include "tests/conformance/fixture.hpp"

namespace nal::conformance {

/// A host with lwIP and one with the embedded stack, on an Ethernet wire, under a virtual clock. lwIP is one in a
/// process, so it cannot speak with itself as two hosts; run both ways around, each promise is kept by it at either
/// end.
class LwipAndEmbedded {
 public:
  using Stack = AnyStack;
  /// One for each host, that runs its stack.
  static constexpr unsigned kTasks = 2;
  static constexpr Duration kPatience = Duration::seconds(60);
  /// Beside lwIP's thread time may be the system's.
  static constexpr Duration kALittle = Duration::milliseconds(NO_SYS ? 1 : 20);
  static constexpr std::size_t kLargestDatagram = 4000;
  static constexpr std::size_t kManyBytes = 300'000;

  Executor& executor() { return executor_; }
  std::size_t in_use() const {
    return lwip_.in_use() + lwip_resolver_.in_use() + embedded_.in_use() + embedded_resolver_.in_use();
  }

  static bool has(Family family) { return family == Family::v4 ? LWIP_IPV4 : LWIP_IPV6; }
  static bool has_multicast(Family family) { return has(family); }
  static IpAddress client_address(Family family) {
    using namespace literals;
    return family == Family::v4 ? "10.77.0.1"_ip : "fd77::1"_ip;
  }
  static IpAddress server_address(Family family) {
    using namespace literals;
    return family == Family::v4 ? "10.77.0.2"_ip : "fd77::2"_ip;
  }
  static IpAddress broadcast_address() { return Ipv4Address(10, 77, 0, 255); }
  static InterfaceId multicast_interface() { return InterfaceId::any(); }

 protected:
  LwipAndEmbedded() {
    const auto interface = lwip_.add_interface(wire_.a());
    const auto other = embedded_.add_interface(wire_.b());
    NAL_ASSERT(interface && other);
    lwip_interface_ = *interface;
    embedded_interface_ = *other;
    [[maybe_unused]] const bool running = lwip_run_.start(executor_, run<lwip::Stack>, lwip_) &&
                                          embedded_run_.start(executor_, run<embedded::Stack>, embedded_);
    NAL_ASSERT(running);
  }
  void address_lwip(std::initializer_list<IpAddress> addresses) {
    for (const IpAddress& address : addresses) {
      if (!has(address.family())) { continue; }
      const auto added = lwip_.add_address(lwip_interface_, Cidr(address, address.is_v4() ? 24 : 64));
      NAL_ASSERT(added);
    }
  }
  void address_embedded(std::initializer_list<IpAddress> addresses) {
    for (const IpAddress& address : addresses) {
      const auto added = embedded_.add_address(embedded_interface_, Cidr(address, address.is_v4() ? 24 : 64));
      NAL_ASSERT(added);
    }
  }
  Stack& on_lwip() { return any_lwip_; }
  Stack& on_embedded() { return any_embedded_; }

 private:
  static constexpr lwip::Config kLwipConfig{.connections = 14,
                                            .listeners = 4,
                                            .udp_sockets = 12,
                                            .udp_queue = 8,
                                            .udp_datagrams = 64,
                                            .udp_memberships = 12,
                                            .packets = 64};
  static constexpr embedded::Config kEmbeddedConfig{
      .packets = 96,
      .addresses = 8,
      .groups = 24,
      .udp_sockets = 12,
      .udp_memberships = 12,
      .udp_queue = 8,
      .tcp = {.connections = 16, .listeners = 4, .handshakes = 8, .time_waits = 16, .rings = {{{4096, 4096, 16}}}},
  };
  static constexpr embedded::Settings kSettings{.addresses = {.ipv6_transmits = 0, .ipv4_probes = 0}};
  static constexpr dns::Config kDnsConfig{.cache_entries = 4};

  static Entropy entropy(unsigned seed) {
    std::array<std::byte, Entropy::kSize> bytes{};
    bytes[0] = static_cast<std::byte>(seed);
    return Entropy(bytes);
  }
  template <class S>
  static Task<> run(S& stack) {
    co_return co_await stack.run();
  }

  test::LwipClock clock_;
  Executor executor_{clock_};
  drivers::WirePair wire_{{.queue = 128, .copy = true}};
  lwip::Resources<kLwipConfig> lwip_memory_;
  embedded::Resources<kEmbeddedConfig> embedded_memory_;
  lwip::Stack lwip_{executor_, lwip_memory_, entropy(1), {.detect_duplicates = false}};
  embedded::Stack embedded_{executor_, embedded_memory_, entropy(2), kSettings};
  InterfaceId lwip_interface_;
  InterfaceId embedded_interface_;
  TaskSlot<1024> lwip_run_;
  TaskSlot<1024> embedded_run_;
  dns::Resources<lwip::Stack, kDnsConfig> lwip_names_;
  dns::Resources<embedded::Stack, kDnsConfig> embedded_names_;
  dns::Resolver<lwip::Stack> lwip_resolver_{executor_, lwip_, lwip_names_, entropy(3)};
  dns::Resolver<embedded::Stack> embedded_resolver_{executor_, embedded_, embedded_names_, entropy(4)};
  dns::StackWithDns<lwip::Stack, dns::Resolver<lwip::Stack>> lwip_with_dns_{lwip_, lwip_resolver_};
  dns::StackWithDns<embedded::Stack, dns::Resolver<embedded::Stack>> embedded_with_dns_{embedded_, embedded_resolver_};
  AnyStack any_lwip_{lwip_with_dns_};
  AnyStack any_embedded_{embedded_with_dns_};
};

/// lwIP opens the connections.
class LwipClientFixture : public LwipAndEmbedded {
 public:
  LwipClientFixture() {
    address_lwip({client_address(Family::v4), client_address(Family::v6)});
    address_embedded({server_address(Family::v4), server_address(Family::v6), other_server_address(Family::v4),
                      other_server_address(Family::v6)});
  }
  Stack& client() { return on_lwip(); }
  Stack& server() { return on_embedded(); }
  static IpAddress other_server_address(Family family) {
    using namespace literals;
    return family == Family::v4 ? "10.77.0.3"_ip : "fd77::3"_ip;
  }
  static std::span<const SkippedCase> skipped() {
    static constexpr SkippedCase kSkipped[]{
        {"A connected socket learns that nobody is there, once, and lives on",
         "lwIP counts ICMP errors and tells no socket of them"},
        {"A receive that waits is told that nobody is there", "lwIP counts ICMP errors and tells no socket of them"},
    };
    return kSkipped;
  }
};

/// lwIP takes the connections.
class LwipServerFixture : public LwipAndEmbedded {
 public:
  LwipServerFixture() {
    address_lwip({server_address(Family::v4), server_address(Family::v6), other_server_address(Family::v6)});
    address_embedded({client_address(Family::v4), client_address(Family::v6)});
  }
  Stack& client() { return on_embedded(); }
  Stack& server() { return on_lwip(); }
  /// lwIP has one IPv4 address an interface.
  static IpAddress other_server_address(Family family) {
    using namespace literals;
    return family == Family::v4 ? "10.77.0.2"_ip : "fd77::3"_ip;
  }
  static std::span<const SkippedCase> skipped() {
    static constexpr SkippedCase kSkipped[]{
        {"Two listeners that agree to it share a port", "lwIP has one listener for each address and port"},
    };
    return kSkipped;
  }
};

}  // namespace nal::conformance

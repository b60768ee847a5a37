#pragma once
#include "tests/conformance/fixture.hpp"
#include "tests/support/fake_stack.hpp"

namespace nal::conformance {

/// Two hosts with a fake stack each, on a wire, under a virtual clock.
class FakeFixture {
 public:
  using Stack = test::FakeStack;
  static std::span<const SkippedCase> skipped() { return {}; }
  static constexpr unsigned kTasks = 0;
  static constexpr Duration kPatience = Duration::seconds(60);
  static constexpr Duration kALittle = Duration::milliseconds(1);
  static constexpr std::size_t kLargestDatagram = 1472;
  static constexpr std::size_t kManyBytes = 2000;  ///< far more than one connection buffers

  Executor& executor() { return world_.executor; }
  Stack& client() { return world_.client; }
  Stack& server() { return world_.server; }
  std::size_t in_use() const { return world_.client.in_use() + world_.server.in_use(); }

  static bool has(Family) { return true; }
  static bool has_multicast(Family) { return true; }
  static IpAddress client_address(Family family) { return test::FakeWorld::client_address(family); }
  static IpAddress server_address(Family family) { return test::FakeWorld::server_address(family); }
  static IpAddress other_server_address(Family family) { return test::FakeWorld::other_server_address(family); }
  static IpAddress broadcast_address() { return Ipv4Address::broadcast(); }
  static InterfaceId multicast_interface() { return InterfaceId::any(); }

 private:
  test::FakeWorld world_;
};

}  // namespace nal::conformance

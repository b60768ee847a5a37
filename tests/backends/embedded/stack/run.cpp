#include "nal/task_slot.hpp"
#include "tests/backends/embedded/support/host.hpp"

namespace nal::embedded::test {

namespace {

Task<Result<>> drive(Stack& stack) { co_return co_await stack.run(); }

/// A stack on Ethernet that a task of the executor drives, with Duplicate Address Detection as it comes.
struct DrivenHost {
  DrivenHost() {
    interface = stack.add_interface(device).value();
    REQUIRE(driving.start(executor, drive, stack));
    ::nal::test::run_ready(executor);
  }
  /// Until nothing is left to do, at any time.
  void finish() {
    for (int i = 0; i < 1000 && !executor.next_timer().is_never(); ++i) { step(); }
    REQUIRE(stack.poll_at().is_never());
    device.sent.clear();
  }
  /// To the time for which the task has set its timer.
  void step() {
    clock.advance(executor.next_timer() - clock.now());
    ::nal::test::run_ready(executor);
  }

  ::nal::test::VirtualClock clock;
  Executor executor{clock};
  TestDevice device{driver::Medium::ethernet};
  Resources<> memory;
  Stack stack{executor, memory, Entropy(std::array<std::byte, Entropy::kSize>{})};
  InterfaceId interface;
  TaskSlot<1024> driving;
};

}  // namespace

TEST_CASE("A link-local address that is asked for while the stack waits is begun at once", "[embedded]") {
  DrivenHost host;
  host.finish();
  REQUIRE(host.stack.start_link_local(host.interface, Family::v4));
  ::nal::test::run_ready(host.executor);
  REQUIRE(host.executor.next_timer() == host.stack.poll_at());
  for (int i = 0; i < 20 && host.device.sent.empty(); ++i) { host.step(); }
  CHECK_FALSE(host.device.sent.empty());
}

TEST_CASE("Routers that are asked for while the stack waits are solicited in time", "[embedded]") {
  DrivenHost host;
  host.finish();
  REQUIRE(host.stack.start_slaac(host.interface));
  ::nal::test::run_ready(host.executor);
  REQUIRE(host.executor.next_timer() == host.stack.poll_at());
  host.device.sent.clear();
  for (int i = 0; i < 20 && host.device.sent.empty(); ++i) { host.step(); }
  CHECK_FALSE(host.device.sent.empty());
}

TEST_CASE("An address that is given and taken while the stack waits is announced and left in time", "[embedded]") {
  DrivenHost host;
  host.finish();
  REQUIRE(host.stack.add_address(host.interface, Cidr(IpAddress(Ipv6Address(0xfd00, 0, 0, 0, 0, 0, 0, 9)), 64)));
  ::nal::test::run_ready(host.executor);
  CHECK(host.executor.next_timer() == host.stack.poll_at());
  host.finish();
  REQUIRE(host.stack.remove_address(host.interface, Ipv6Address(0xfd00, 0, 0, 0, 0, 0, 0, 9)));
  ::nal::test::run_ready(host.executor);
  CHECK(host.executor.next_timer() == host.stack.poll_at());
  host.finish();
}

}  // namespace nal::embedded::test

#include "nal/task_slot.hpp"
#include "tests/backends/embedded/support/host.hpp"

namespace nal::embedded::test {

namespace {

Task<Result<>> drive(Stack& stack) { co_return co_await stack.run(); }

/// A host that a task of the executor drives, on Ethernet.
struct DrivenHost : Host {
  DrivenHost() : Host(driver::Medium::ethernet) {
    REQUIRE(driving.start(executor, drive, stack));
    ::nal::test::run_ready(executor);
    device.sent.clear();
  }
  /// Until the stack's own time for the next thing to do, which its task must know of.
  void wait() {
    ::nal::test::run_ready(executor);
    REQUIRE(executor.next_timer() <= stack.poll_at());
    clock.advance(stack.poll_at() - clock.now());
    ::nal::test::run_ready(executor);
    CHECK(stack.poll_at() > clock.now());
  }

  TaskSlot<1024> driving;
};

}  // namespace

TEST_CASE("A link-local address that is asked for while the stack waits is begun at once", "[embedded]") {
  DrivenHost host;
  host.clock.advance(Duration::minutes(1));
  ::nal::test::run_ready(host.executor);
  host.device.sent.clear();
  REQUIRE(host.stack.start_link_local(host.interface, Family::v4));
  host.wait();
  CHECK(host.stack.poll_at() > host.clock.now());
}

TEST_CASE("Routers that are asked for while the stack waits are solicited in time", "[embedded]") {
  DrivenHost host;
  host.clock.advance(Duration::minutes(1));
  ::nal::test::run_ready(host.executor);
  REQUIRE(host.stack.start_slaac(host.interface));
  host.device.sent.clear();
  for (int i = 0; i < 20 && host.device.sent.empty(); ++i) { host.wait(); }
  CHECK_FALSE(host.device.sent.empty());
}

}  // namespace nal::embedded::test

#include "nal/task_slot.hpp"
#include "tests/backends/embedded/support/host.hpp"

namespace nal::embedded::test {

namespace {

Task<Result<>> drive(Stack& stack) { co_return co_await stack.run(); }

Task<Result<>> send_one(Stack::MultiplyBoundUdp& socket, Endpoint to, std::size_t size) {
  const Bytes data = pattern(size);
  const Result<> sent = co_await send_to(socket, to, std::span<const std::byte>(data));
  co_return sent;
}

/// A stack on Ethernet that a task of the executor drives, with Duplicate Address Detection as it comes.
struct DrivenHost {
  DrivenHost() {
    interface = stack.add_interface(device).value();
    REQUIRE(driving.start(executor, drive, stack));
    ::nal::test::run_ready(executor);
  }
  /// Until nothing is left to do, at any time.
  void finish() {
    ::nal::test::run_ready(executor);
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

TEST_CASE("A sender that waits for a full device makes nobody turn, and goes on when there is room",
          "[embedded][udp]") {
  DrivenHost host;
  REQUIRE(host.stack.add_address(host.interface, Cidr(IpAddress(Ipv4Address(10, 0, 0, 1)), 24)));
  host.finish();
  auto socket = host.stack.udp_bind_multiple({IpAddress::unspecified(Family::v4), 6000}, {.broadcast = true}).value();
  host.device.room = 0;
  TaskSlot<2048> sending;
  const Endpoint everybody(Ipv4Address::broadcast(), 7);
  REQUIRE(sending.start(host.executor, send_one, socket, everybody, std::size_t{10}));
  CHECK(::nal::test::run_ready(host.executor, 1000) < 10);
  CHECK(sending.running());
  // A reason to look again that is none for the sender.
  host.stack.ip().work().wake_all();
  CHECK(::nal::test::run_ready(host.executor, 1000) < 10);
  CHECK(sending.running());
  host.device.room = 1000;
  host.device.wake();
  CHECK(::nal::test::run_ready(host.executor, 1000) < 10);
  CHECK_FALSE(sending.running());
  CHECK(host.device.sent.size() == 1);
}

TEST_CASE("A sender that waits for packets to cut its datagram into makes nobody turn", "[embedded][udp]") {
  DrivenHost host;
  REQUIRE(host.stack.add_address(host.interface, Cidr(IpAddress(Ipv4Address(10, 0, 0, 1)), 24)));
  host.finish();
  auto socket = host.stack.udp_bind_multiple({IpAddress::unspecified(Family::v4), 6000}, {.broadcast = true}).value();
  std::vector<driver::Packet> held;
  while (host.stack.packets().available() > 1) { held.push_back(host.stack.packets().allocate(0)); }
  TaskSlot<2048> sending;
  const Endpoint everybody(Ipv4Address::broadcast(), 7);
  REQUIRE(sending.start(host.executor, send_one, socket, everybody, std::size_t{4000}));
  CHECK(::nal::test::run_ready(host.executor, 1000) < 10);
  CHECK(sending.running());
  held.clear();
  CHECK(::nal::test::run_ready(host.executor, 1000) < 20);
  CHECK_FALSE(sending.running());
  CHECK(host.device.sent.size() == 3);
}

}  // namespace nal::embedded::test

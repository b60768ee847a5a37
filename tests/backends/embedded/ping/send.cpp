#include <catch2/generators/catch_generators.hpp>

#include "tests/backends/embedded/ping/pinging.hpp"
#include "tests/support/cancel.hpp"

namespace nal::embedded::test {

namespace {
using namespace nal::literals;

Task<> run_stack(Stack& stack) { co_return co_await stack.run(); }

/// A host whose device is full until the stack has been run for a while.
struct FullDeviceWorld {
  FullDeviceWorld() { host.device.room = host.device.sent.size(); }
  Executor& executor() { return host.executor; }
  SendProbe<ProbeSocket> begin() {
    return send_probe(socket, {.destination = Host::kPeer4.to_ip(), .sequence = 1}, data);
  }
  void given_up() {
    host.device.room = 1000;
    host.run();
    host.take(0);
    REQUIRE(host.once(begin()));
    host.take(1);
  }
  void finished(const Result<>& output) { CHECK(output); }
  Duration patience() const { return 10_s; }

  PingHost host;
  ProbeSocket socket = host.open(Family::v4);
  Bytes data = pattern(8);
};

/// A host that is about to receive a reply.
struct ReplyWorld {
  ReplyWorld() { host.device.arriving.push_back(echo_reply(Host::kPeer4, Host::k4, 0x1234, 1, pattern(8))); }
  Executor& executor() { return host.executor; }
  ReceiveAnswer<ProbeSocket> begin() {
    REQUIRE(slot.start(host.executor, run_stack, host.stack));
    return receive_answer(socket, host.buffer);
  }
  void given_up() {
    host.run();
    CHECK(host.next(socket).has_value());
  }
  void finished(const Result<ProbeAnswer>& output) { CHECK(output.has_value()); }
  Duration patience() const { return 10_s; }

  PingHost host;
  ProbeSocket socket = host.open(Family::v4);
  TaskSlot<1024> slot;
};

}  // namespace

TEST_CASE("What a probe asks for stands in its headers", "[embedded][ping]") {
  PingHost host;
  const Family family = GENERATE(Family::v4, Family::v6);
  ProbeSocket socket = host.open(family);
  REQUIRE(host.once(send_probe(
      socket, {.destination = Host::peer(family).to_ip(), .hop_limit = 9, .traffic_class = 0xb8}, pattern(8))));
  const Bytes sent = host.take();
  if (family == Family::v4) {
    CHECK(wire::Ipv4View::parse(sent)->hop_limit() == 9);
    CHECK(wire::Ipv4View::parse(sent)->traffic_class() == 0xb8);
    CHECK_FALSE(wire::Ipv4View::parse(sent)->dont_fragment());
  } else {
    CHECK(wire::Ipv6View::parse(sent)->hop_limit() == 9);
    CHECK(wire::Ipv6View::parse(sent)->traffic_class() == 0xb8);
  }
}

TEST_CASE("A large echo request goes in fragments, and its reply is put together", "[embedded][ping]") {
  PingHost host;
  ProbeSocket socket = host.open(Family::v4);
  REQUIRE(host.once(send_probe(socket, {.destination = Host::kPeer4.to_ip(), .sequence = 1}, pattern(4000))));
  std::vector<Bytes> fragments = host.take(3);
  const Bytes reply = icmpv4(wire::Icmpv4Type::echo_reply, 0, wire::IcmpHeader::echo(0x1234, 1), pattern(4000));
  const IpFields back{.source = Host::kPeer4, .destination = Host::k4, .protocol = 1};
  host.receive(ipv4(back, part(reply, 0, 1480), 5, 0, true));
  host.receive(ipv4(back, part(reply, 1480, 1480), 5, 1480, true));
  host.receive(ipv4(back, part(reply, 2960, reply.size() - 2960), 5, 2960, false));
  CHECK(host.next(socket).value().data_size == 4000);
}

TEST_CASE("What cannot be sent says why", "[embedded][ping]") {
  PingHost host;
  ProbeSocket v4 = host.open(Family::v4);
  const auto error = [&](ProbeSocket& socket, const Probe& probe, std::size_t size = 8) {
    return host.once(send_probe(socket, probe, pattern(size))).error();
  };
  CHECK(error(v4, {.destination = Host::kPeer6.to_ip()}) == Error::invalid_argument);
  CHECK(error(v4, {.destination = IpAddress::unspecified(Family::v4)}) == Error::invalid_argument);
  CHECK(error(v4, {.destination = Ipv4Address(10, 0, 0, 255)}) == Error::permission_denied);
  CHECK(error(v4, {.destination = Host::kPeer4.to_ip()}, 60'000) == Error::message_size);
  CHECK(error(v4, {.destination = Host::kPeer4.to_ip(), .interface = InterfaceId(9)}) == Error::network_unreachable);
  {
    ProbeSocket udp =
        host.ping.open_probe({.local = IpAddress::unspecified(Family::v4), .kind = ProbeKind::udp, .first_port = 65000})
            .value();
    CHECK(error(udp, {.destination = Host::kPeer4.to_ip(), .sequence = 536}) == Error::invalid_argument);
    CHECK(host.once(send_probe(udp, {.destination = Host::kPeer4.to_ip(), .sequence = 535}, {})));
  }
  host.take(1);
  ProbeSocket all = host.ping.open_probe({.local = IpAddress::unspecified(Family::v4), .broadcast = true}).value();
  CHECK(host.once(send_probe(all, {.destination = Ipv4Address(10, 0, 0, 255)}, pattern(8))));
  host.take(1);
  host.run();
}

TEST_CASE("A probe that the device has no room for waits, and may be given up", "[embedded][ping][cancel]") {
  FullDeviceWorld world;
  CHECK(world.host.once(world.begin()).error() == Error::would_block);
  world.given_up();
  FullDeviceWorld full;
  const auto make = [&] { return full.begin(); };
  ::nal::test::Victim<SendProbe<ProbeSocket>> victim(full.executor(), make, 1, ::nal::test::Moment::after_poll);
  ::nal::test::run_ready(full.executor());
  CHECK(victim.over());
  CHECK_FALSE(victim.finished());
  full.given_up();
}

TEST_CASE("Waiting for an answer may be given up at any poll", "[embedded][ping][cancel]") {
  CHECK(::nal::test::cancel_at_every_poll([] { return std::make_unique<ReplyWorld>(); }) > 0);
}

TEST_CASE("Answers wait up to a limit, and no packet is lost for ever", "[embedded][ping]") {
  PingHost host;
  ProbeSocket socket = host.open(Family::v4);
  for (std::uint16_t i = 0; i < 10; ++i) { host.receive(echo_reply(Host::kPeer4, Host::k4, 0x1234, i, pattern(8))); }
  CHECK(host.ping.statistics().queue_full == 7);
  for (std::uint16_t i = 0; i < 3; ++i) { CHECK(host.next(socket).value().sequence == i); }
  CHECK(host.next(socket).error() == Error::would_block);
}

}  // namespace nal::embedded::test

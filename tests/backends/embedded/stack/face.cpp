// What an application asks a stack, and is told.
#include "backends/embedded/config/dhcpv4_service.hpp"
#include "tests/backends/embedded/support/host.hpp"
#include "tests/support/cancel.hpp"

namespace nal::embedded::test {

namespace {

template <class F>
bool is_pending(Host& host, F&& future) {
  return host.once(std::forward<F>(future)) == Result<>(Unexpected(Error::would_block));
}

/// Whether somebody who waits for a change is woken by `action`.
template <class Action>
bool tells(Host& host, Action action) {
  const std::uint32_t seen = host.stack.configuration_version();
  TaskSlot<1024> slot;
  const auto wait = [](Stack& stack, std::uint32_t before) -> Task<> {
    NAL_CO_TRY_SET(const std::uint32_t now, stack.wait_change(before));
    co_return now != before ? Result<>() : Result<>(Unexpected(Error::protocol_error));
  };
  REQUIRE(slot.start(host.executor, wait, host.stack, seen));
  ::nal::test::run_ready(host.executor);
  REQUIRE_FALSE(slot.result().ready());
  action();
  ::nal::test::run_ready(host.executor);
  return slot.result().ready() && (*slot.result()).has_value();
}

std::size_t in_use(std::span<const StaticRoute> routes) {
  return static_cast<std::size_t>(
      std::count_if(routes.begin(), routes.end(), [](const StaticRoute& it) { return it.interface != 0; }));
}

}  // namespace

TEST_CASE("A link is waited for, and its coming and going is told", "[embedded]") {
  Host host;
  CHECK(host.once(host.stack.wait_link_up(host.interface)));
  CHECK(tells(host, [&] {
    host.device.up = false;
    host.run();
  }));
  CHECK_FALSE(host.stack.link_up(host.interface));
  CHECK(is_pending(host, host.stack.wait_link_up(host.interface)));
  CHECK(is_pending(host, host.stack.wait_config_up(host.interface)));
  CHECK(tells(host, [&] {
    host.device.up = true;
    host.run();
  }));
  CHECK(host.once(host.stack.wait_link_up(host.interface)));
  CHECK(host.once(host.stack.wait_config_up(host.interface)));
}

TEST_CASE("Nobody waits for an interface that there is not", "[embedded]") {
  Host host;
  for (const std::uint32_t number : {0U, 2U, 255U, 256U, 0xffffffffU}) {
    const InterfaceId none(number);
    CHECK(is_pending(host, host.stack.wait_link_up(none)));
    CHECK(is_pending(host, host.stack.wait_config_up(none)));
    CHECK(host.stack.addresses(none).empty());
    CHECK(host.stack.start_slaac(none) == Unexpected(Error::invalid_argument));
    CHECK(host.stack.stop_slaac(none) == Unexpected(Error::invalid_argument));
  }
}

TEST_CASE("Addresses and routes that come and go are told, and listed while they are there", "[embedded]") {
  Host host;
  const Cidr more = *Cidr::parse("10.0.1.1/24");
  CHECK(tells(host, [&] { REQUIRE(host.stack.add_address(host.interface, more)); }));
  const auto has = [&] {
    const auto all = host.stack.addresses(host.interface);
    return std::any_of(all.begin(), all.end(), [&](const InterfaceAddress& it) {
      return it.in_use() && it.address == Address(more.address()) && it.prefix_length == 24;
    });
  };
  CHECK(has());
  CHECK(tells(host, [&] { REQUIRE(host.stack.remove_address(host.interface, more.address())); }));
  CHECK_FALSE(has());

  const Cidr far = *Cidr::parse("198.51.100.0/24");
  CHECK(in_use(host.stack.routes()) == 2);
  CHECK(tells(host, [&] { REQUIRE(host.stack.add_route(host.interface, far, Ipv4Address(10, 0, 0, 9))); }));
  CHECK(in_use(host.stack.routes()) == 3);
  CHECK(tells(host, [&] { REQUIRE(host.stack.remove_route(host.interface, far)); }));
  CHECK(in_use(host.stack.routes()) == 2);
}

TEST_CASE("What has changed before somebody waits is told at once", "[embedded]") {
  Host host;
  const std::uint32_t seen = host.stack.configuration_version();
  REQUIRE(host.stack.add_address(host.interface, *Cidr::parse("10.0.1.1/24")));
  const Result<std::uint32_t> told = host.once(host.stack.wait_change(seen));
  REQUIRE(told);
  CHECK(*told == host.stack.configuration_version());
  CHECK_FALSE(host.once(host.stack.wait_change(*told)));
}

TEST_CASE("SLAAC ends when it is told to, with all that routers have told", "[embedded]") {
  Host host(driver::Medium::ethernet);
  REQUIRE(host.stack.start_slaac(host.interface));
  host.pass(Duration::seconds(5));
  CHECK(tells(host, [&] { REQUIRE(host.stack.stop_slaac(host.interface)); }));
  host.run();
  host.device.sent.clear();
  host.pass(Duration::seconds(60));
  // No more solicitations: ICMPv6 type 133 stands behind the Ethernet and the IPv6 header.
  for (const Bytes& frame : host.device.sent) { CHECK(frame[14 + 40] != std::byte{133}); }
  for (const LearnedRoute& route : host.stack.learned_routes()) { CHECK(route.kind == LearnedRoute::Kind::none); }
}

TEST_CASE("Sockets are listed, and statistics tell what is used and what was dropped", "[embedded]") {
  Host host;
  const Stack::Statistics before = host.stack.statistics();
  CHECK(before.packets_free == Host::kConfig.packets);
  CHECK(before.connections == 0);
  auto listener = host.stack.listen({Ipv4Address::unspecified(), 80}, {});
  REQUIRE(listener);
  auto socket = host.stack.udp_bind_multiple({Ipv4Address::unspecified(), 7}, {});
  REQUIRE(socket);
  auto stream = host.stack.start_tcp({Host::kPeer4.to_ip(), 99}, {});
  REQUIRE(stream);
  host.run();
  const auto listeners = host.stack.listeners();
  CHECK(std::count_if(listeners.begin(), listeners.end(), [](const auto& it) { return it.port == 80; }) == 1);
  const auto sockets = host.stack.udp_sockets();
  CHECK(std::count_if(sockets.begin(), sockets.end(), [](const auto& it) { return it.used; }) == 1);
  const auto connections = host.stack.connections();
  CHECK(std::count_if(connections.begin(), connections.end(),
                      [](const Connection& it) { return it.state == TcpState::syn_sent; }) == 1);
  const Stack::Statistics after = host.stack.statistics();
  CHECK(after.connections == 1);
  CHECK(after.tcp.segments_out == before.tcp.segments_out + 1);
  CHECK(after.ip.sent == before.ip.sent + 1);

  host.receive(Bytes(3, std::byte{0x45}));
  CHECK(host.stack.statistics().ip.malformed == before.ip.malformed + 1);
}

TEST_CASE("Waiting for a link or a change can be given up at any time", "[embedded]") {
  Host host;
  host.device.up = false;
  host.run();
  const std::uint32_t seen = host.stack.configuration_version();
  for (int i = 0; i < 3; ++i) {
    CHECK_FALSE(host.once(host.stack.wait_change(seen)));
    CHECK_FALSE(host.once(host.stack.wait_link_up(host.interface)));
  }
  // Nobody is left in the list.
  CHECK(host.stack.ip().configuration_changed().empty());
}

}  // namespace nal::embedded::test

#include "nal/probe.hpp"

#include <catch2/generators/catch_generators.hpp>

#include <array>

#include "tests/backends/posix/own_network.hpp"
#include "tests/backends/posix/world.hpp"

using namespace nal;
using namespace nal::literals;
using namespace nal::test;

namespace {

/// This host, a router, and a host behind it on a link with a smaller MTU.
struct Way {
  Way() {
    here.wire("a0", "a1");
    here.give("a1", router);
    {
      const OwnNetwork::Visit visit(router);
      router.wire("b0", "b1");
    }
    router.give("b1", host);
    here.add_address("a0", "10.9.0.1/24");
    here.add_address("a0", "fd00:9::1/64");
    router.add_address("a1", "10.9.0.2/24");
    router.add_address("a1", "fd00:9::2/64");
    router.add_address("b0", "10.9.1.1/24");
    router.add_address("b0", "fd00:9:1::1/64");
    host.add_address("b1", "10.9.1.2/24");
    host.add_address("b1", "fd00:9:1::2/64");
    router.ip("link set a1 up");
    router.ip("link set b0 mtu 1400");
    host.ip("link set b1 up mtu 1400");
    router.set("ipv4/ip_forward", "1");
    router.set("ipv6/conf/all/forwarding", "1");
    here.ip("route add 10.9.1.0/24 via 10.9.0.2");
    here.ip("-6 route add fd00:9:1::/64 via fd00:9::2");
    host.ip("route add default via 10.9.1.1");
    host.ip("-6 route add default via fd00:9:1::1");
    router.await_running("b0");
    here.await_running("a0");
  }
  // The one that is made last is the one that this thread stands in.
  OwnNetwork host;
  OwnNetwork router;
  OwnNetwork here;
};

}  // namespace

TEST_CASE("a router is told by its address, and what its next link takes", "[posix][probe]") {
  Way way;
  World<> world;
  const Family family = GENERATE(Family::v4, Family::v6);
  const ProbeKind kind = GENERATE(ProbeKind::echo, ProbeKind::udp);
  const IpAddress to = family == Family::v4 ? "10.9.1.2"_ip : "fd00:9:1::2"_ip;
  const IpAddress by = family == Family::v4 ? "10.9.0.2"_ip : "fd00:9::2"_ip;
  auto socket = world.stack.open_probe({.local = IpAddress::unspecified(family), .kind = kind});
  REQUIRE(socket);
  std::array<std::byte, 1440> data{};
  const auto ask = [&](const Probe& probe, std::size_t size) {
    return world.run(send_probe(*socket, probe, std::span(data).first(size)));
  };

  REQUIRE(ask({.destination = to, .sequence = 1, .hop_limit = 1}, 32));
  auto answer = world.run(receive_answer(*socket, data));
  REQUIRE(answer);
  CHECK(answer->kind == ProbeAnswer::Kind::time_exceeded);
  CHECK(answer->from == by);
  CHECK(answer->destination == to);
  CHECK(answer->sequence == 1);
  CHECK(answer->hop_limit == 64);

  REQUIRE(ask({.destination = to, .sequence = 2, .dont_fragment = true}, data.size()));
  answer = world.run(receive_answer(*socket, data));
  REQUIRE(answer);
  CHECK(answer->kind == ProbeAnswer::Kind::too_big);
  CHECK(answer->from == by);
  CHECK(answer->mtu == 1400);
  CHECK(answer->sequence == 2);

  // It is known from now on.
  CHECK(ask({.destination = to, .sequence = 3, .dont_fragment = true}, data.size()).error() == Error::message_size);
  answer = world.run(receive_answer(*socket, data));
  REQUIRE(answer);
  CHECK(answer->kind == ProbeAnswer::Kind::too_big);
  CHECK(answer->from.is_unspecified());
  CHECK(answer->mtu == 1400);
  CHECK(answer->sequence == 3);

  REQUIRE(ask({.destination = to, .sequence = 4}, data.size()));
  answer = world.run(receive_answer(*socket, data));
  REQUIRE(answer);
  CHECK(answer->from == to);
  CHECK(answer->sequence == 4);
  CHECK(answer->kind == (kind == ProbeKind::echo ? ProbeAnswer::Kind::reply : ProbeAnswer::Kind::unreachable));
}

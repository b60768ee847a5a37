#include "nal/probe.hpp"

#include <catch2/generators/catch_generators.hpp>

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <optional>
#include <utility>

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
    here.ip("route add default via 10.9.0.2");
    here.ip("-6 route add default via fd00:9::2");
    router.await_running("b0");
    here.await_running("a0");
  }
  // The one that is made last is the one that this thread stands in.
  OwnNetwork host;
  OwnNetwork router;
  OwnNetwork here;
};

/// A probe socket towards this host itself, and a probe to where nobody listens.
struct Near {
  explicit Near(Family family = Family::v4) : to(IpAddress::loopback(family)) {
    auto made = world.stack.open_probe({.local = IpAddress::unspecified(family), .kind = ProbeKind::udp});
    REQUIRE(made);
    socket.emplace(*std::move(made));
  }
  Probe probe(std::uint16_t sequence) const { return {.destination = to, .sequence = sequence}; }

  World<> world;
  IpAddress to;
  std::optional<posix::ProbeSocket> socket;
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

TEST_CASE("why a router refuses is told", "[posix][probe]") {
  Way way;
  way.router.ip("route add unreachable 10.9.2.0/24");
  way.router.ip("route add prohibit 10.9.3.0/24");
  way.router.ip("-6 route add prohibit fd00:9:3::/64");
  way.router.ip("-6 route add unreachable fd00:9:2::/64");
  struct Refusal {
    IpAddress to;
    ProbeAnswer::Reason reason;
  };
  const auto refusal = GENERATE(
      Refusal{"10.9.2.7"_ip, ProbeAnswer::Reason::host}, Refusal{"10.9.3.7"_ip, ProbeAnswer::Reason::prohibited},
      Refusal{"10.99.0.1"_ip, ProbeAnswer::Reason::network}, Refusal{"fd00:9:2::7"_ip, ProbeAnswer::Reason::network},
      Refusal{"fd00:9:3::7"_ip, ProbeAnswer::Reason::prohibited},
      Refusal{"fd00:99::1"_ip, ProbeAnswer::Reason::network});
  const bool v4 = refusal.to.is_v4();
  World<> world;
  const ProbeKind kind = GENERATE(ProbeKind::echo, ProbeKind::udp);
  auto socket = world.stack.open_probe({.local = IpAddress::unspecified(refusal.to.family()), .kind = kind});
  REQUIRE(socket);
  REQUIRE(world.run(send_probe(*socket, {.destination = refusal.to, .sequence = 9}, bytes("why?"))));
  Buffer buffer;
  const auto answer = world.run(receive_answer(*socket, buffer));
  REQUIRE(answer);
  CHECK(answer->kind == ProbeAnswer::Kind::unreachable);
  CHECK(answer->reason == refusal.reason);
  CHECK(answer->from == (v4 ? "10.9.0.2"_ip : "fd00:9::2"_ip));
  CHECK(answer->destination == refusal.to);
  CHECK(answer->sequence == 9);
}

TEST_CASE("a probe leaves by the interface that it names", "[posix][probe]") {
  Way way;
  World<> world;
  const Family family = GENERATE(Family::v4, Family::v6);
  const IpAddress to = family == Family::v4 ? "10.9.0.2"_ip : "fd00:9::2"_ip;
  auto socket = world.stack.open_probe({.local = IpAddress::unspecified(family)});
  REQUIRE(socket);
  Buffer buffer;
  const InterfaceId there(way.here.index("a0"));
  REQUIRE(world.run(send_probe(*socket, {.destination = to, .sequence = 1, .interface = there}, bytes("this way"))));
  const auto answer = world.run(receive_answer(*socket, buffer));
  REQUIRE(answer);
  CHECK(answer->kind == ProbeAnswer::Kind::reply);
  CHECK(answer->interface == there);
  CHECK(buffer.first(answer->size) == "this way");
  // One that is not there.
  const Probe nowhere{.destination = to, .sequence = 2, .interface = InterfaceId(9999)};
  CHECK_FALSE(world.run(send_probe(*socket, nowhere, bytes("x"))));
  CHECK(world.run(send_probe(*socket, {.destination = to, .sequence = 3}, bytes("goes on"))));
}

TEST_CASE("a UDP probe that somebody answers is told with its data", "[posix][probe]") {
  const Family family = GENERATE(Family::v4, Family::v6);
  World<> world;
  UdpPeer peer(any_port(family));
  auto socket = world.stack.open_probe({.local = IpAddress::unspecified(family),
                                        .kind = ProbeKind::udp,
                                        .first_port = static_cast<std::uint16_t>(peer.local().port - 5)});
  REQUIRE(socket);
  REQUIRE(world.run(send_probe(*socket, {.destination = peer.local().address, .sequence = 5}, bytes("ping"))));
  const auto got = peer.receive();
  CHECK(got.data == "ping");
  peer.send_to(Endpoint(peer.local().address, socket->identifier()), "a longer answer");
  Buffer buffer(8);
  const auto answer = world.run(receive_answer(*socket, buffer));
  REQUIRE(answer);
  CHECK(answer->kind == ProbeAnswer::Kind::reply);
  CHECK(answer->sequence == 5);
  CHECK(answer->from == peer.local().address);
  CHECK(answer->size == 8);
  CHECK(answer->data_size == 15);
  CHECK(buffer.first(8) == "a longer");
}

TEST_CASE("sending a probe waits while there is no room, and goes on after a signal", "[posix][probe]") {
  Near near;
  near.world.settle();
  Faults faults;
  faults.fail(Call::sendmsg, EAGAIN);
  auto sending = send_probe(*near.socket, near.probe(1), bytes("x"));
  CHECK(block_on(near.world.executor, with_timeout(Duration::zero(), sending)) == Unexpected(Error::timed_out));
  faults.fail(Call::sendmsg, EINTR).pretend(EPOLLOUT, POLLOUT);
  CHECK(near.world.run(sending) == Unit{});
  CHECK(faults.spent());
}

TEST_CASE("what came of an earlier probe is no error of the next, but its own is", "[posix][probe]") {
  Near near;
  Faults faults;
  const int late = GENERATE(ECONNREFUSED, EHOSTUNREACH);
  faults.fail(Call::sendmsg, late);
  CHECK(near.world.run(send_probe(*near.socket, near.probe(1), bytes("x"))) == Unit{});
  faults.fail(Call::sendmsg, EHOSTUNREACH, 2);
  CHECK(near.world.run(send_probe(*near.socket, near.probe(2), bytes("x"))) == Unexpected(Error::host_unreachable));
  // A full queue of an interface tells nobody when it has room again.
  faults.fail(Call::sendmsg, ENOBUFS);
  CHECK(near.world.run(send_probe(*near.socket, near.probe(3), bytes("x"))) == Unexpected(Error::no_memory));
  CHECK(near.world.run(send_probe(*near.socket, near.probe(4), bytes("x"))) == Unit{});
  CHECK(faults.spent());
}

TEST_CASE("a probe that is nothing for its socket is refused", "[posix][probe]") {
  Near near;
  const auto refused = [&](const Probe& probe) {
    return near.world.run(send_probe(*near.socket, probe, bytes("x"))) == Unexpected(Error::invalid_argument);
  };
  CHECK(refused({.destination = "::1"_ip}));
  CHECK(refused({.destination = "0.0.0.0"_ip}));
  CHECK(refused({.destination = near.to, .sequence = 0xffff}));
}

TEST_CASE("options that cannot be set leave no probe socket, or send no probe", "[posix][probe]") {
  const Family family = GENERATE(Family::v4, Family::v6);
  Near near(family);
  const auto before = near.world.stack.in_use();
  const unsigned options = family == Family::v4 ? 4U : 5U;  // with leave to broadcast
  for (unsigned passed = 0; passed < options; ++passed) {
    Faults faults;
    if (passed > 0) { faults.let_through(Call::setsockopt, passed); }
    faults.fail(Call::setsockopt, ENOPROTOOPT);
    const auto made = near.world.stack.open_probe(
        {.local = IpAddress::unspecified(family), .kind = ProbeKind::udp, .broadcast = true});
    CHECK(error_of(made) == Error::not_supported);
    CHECK(faults.spent());
    CHECK(faults.count(Call::close) == 1);
  }
  for (unsigned passed = 0; passed < (family == Family::v4 ? 3U : 4U); ++passed) {
    Faults faults;
    if (passed > 0) { faults.let_through(Call::setsockopt, passed); }
    faults.fail(Call::setsockopt, ENOPROTOOPT);
    CHECK(near.world.run(send_probe(*near.socket, near.probe(1), bytes("x"))) == Unexpected(Error::not_supported));
    CHECK(faults.count(Call::sendmsg) == 0);
  }
  CHECK(near.world.stack.in_use() == before);
}

TEST_CASE("a system that gives no probe socket says why", "[posix][probe]") {
  World<posix::Config{.sockets = 1, .lookups = 1, .resolver_threads = 1}> world;
  const ProbeOptions udp{.local = IpAddress::unspecified(Family::v4), .kind = ProbeKind::udp};
  {
    Faults faults;
    faults.fail(Call::socket, EMFILE);
    CHECK(error_of(world.stack.open_probe(udp)) == Error::table_full);
    // Neither echo requests' own sockets nor raw ones.
    faults.fail(Call::socket, EACCES).fail(Call::socket, EPERM);
    CHECK(error_of(world.stack.open_probe({.local = udp.local})) == Error::permission_denied);
    faults.fail(Call::epoll_ctl, ENOSPC);
    CHECK(error_of(world.stack.open_probe(udp)) == Error::table_full);
    CHECK(faults.count(Call::close) == 1);
  }
  auto only = world.stack.open_probe(udp);
  REQUIRE(only);
  CHECK(error_of(world.stack.open_probe(udp)) == Error::table_full);
}

TEST_CASE("receiving ends with what the system has no memory for, and goes on", "[posix][probe]") {
  Near near;
  Faults faults;
  Buffer buffer;
  faults.fail(Call::recvmsg, EAGAIN).fail(Call::recvmsg, ENOMEM);
  CHECK(error_of(near.world.run(receive_answer(*near.socket, buffer))) == Error::no_memory);
  // A signal, an error that the error queue tells, and then nothing.
  faults.fail(Call::recvmsg, EINTR).fail(Call::recvmsg, ECONNREFUSED).fail(Call::recvmsg, EAGAIN, 2);
  auto receiving = receive_answer(*near.socket, buffer);
  CHECK(block_on(near.world.executor, with_timeout(Duration::zero(), receiving)) == Unexpected(Error::timed_out));
  CHECK(faults.spent());
  REQUIRE(near.world.run(send_probe(*near.socket, near.probe(7), bytes("x"))));
  const auto answer = near.world.run(receiving);
  REQUIRE(answer);
  CHECK(answer->kind == ProbeAnswer::Kind::unreachable);
  CHECK(answer->reason == ProbeAnswer::Reason::port);
  CHECK(answer->sequence == 7);
}

TEST_CASE("a probe socket that takes another's place closes its own", "[posix][probe]") {
  Near near;
  auto other = near.world.stack.open_probe({.local = IpAddress::unspecified(Family::v4), .kind = ProbeKind::udp});
  REQUIRE(other);
  CHECK(near.world.stack.in_use() == 2);
  const auto port = other->identifier();
  *near.socket = *std::move(other);
  CHECK(near.world.stack.in_use() == 1);
  CHECK(near.socket->identifier() == port);
  auto& same = *near.socket;
  *near.socket = std::move(same);
  CHECK(near.socket->identifier() == port);
  // The one that was moved from is closed.
  Buffer buffer;
  CHECK(error_of(near.world.run(receive_answer(*other, buffer))) == Error::closed);
  CHECK(near.world.run(send_probe(*other, near.probe(1), bytes("x"))) == Unexpected(Error::closed));
  CHECK(other->identifier() == 0);
}

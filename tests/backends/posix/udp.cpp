#include "backends/posix/udp.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>

#include "backends/posix/address.hpp"
#include "tests/backends/posix/world.hpp"

using namespace nal;
using namespace nal::literals;
using namespace nal::test;

namespace {

Endpoint everywhere(Family family) { return Endpoint(IpAddress::unspecified(family), 0); }

struct Got {
  Received about;
  std::string text;
};

template <class W, class Socket>
Got must_receive(W& world, Socket& socket, std::size_t most = 64) {
  Buffer buffer(most);
  const Received received = world.must(receive(socket, buffer));
  return {received, std::string(buffer.first(received.size))};
}

template <class W>
posix::BoundUdp must_bind(W& world, const Endpoint& local, const UdpOptions& options = {}) {
  auto socket = world.stack.udp_bind_single(local, options);
  REQUIRE(socket);
  return *std::move(socket);
}

}  // namespace

TEST_CASE("interrupted calls on datagrams are made again", "[posix][udp]") {
  World world(each_poller());
  auto socket = must_bind(world, any_port());
  UdpPeer peer(any_port());
  auto toward = udp_connect(world.stack, peer.local());
  REQUIRE(toward);
  Faults faults;
  faults.fail(Call::send, EINTR, 3).fail(Call::sendmsg, EINTR, 3).fail(Call::recvmsg, EINTR, 3);
  CHECK(world.must(send(*toward, bytes("one"))) == Unit{});
  CHECK(peer.receive().data == "one");
  CHECK(world.must(send_to(socket, peer.local(), bytes("two"))) == Unit{});
  CHECK(peer.receive().data == "two");
  peer.send_to(socket.local_endpoint(), "three");
  CHECK(must_receive(world, socket).text == "three");
  CHECK(faults.spent());
}

TEST_CASE("readiness that was none, as after a datagram with a bad checksum, makes a receiver wait again",
          "[posix][udp]") {
  World world(each_poller());
  auto socket = must_bind(world, any_port());
  Buffer buffer;
  auto receiving = receive(socket, buffer);
  CHECK(block_on(world.executor, with_timeout(Duration::zero(), receiving)) == Unexpected(Error::timed_out));
  Faults faults;
  faults.pretend(EPOLLIN, POLLIN).pretend(EPOLLERR, POLLERR);
  UdpPeer peer(any_port());
  faults.before(Call::recvmsg, [&] {});
  faults.before(Call::recvmsg, [&] { peer.send_to(socket.local_endpoint(), "real"); });
  const auto got = world.run(receiving);
  REQUIRE(got);
  CHECK(buffer.first(got->size) == "real");
  CHECK(faults.spent());
}

TEST_CASE("a sender waits while the system takes nothing", "[posix][udp]") {
  World world(each_poller());
  UdpPeer peer(any_port());
  auto toward = udp_connect(world.stack, peer.local());
  REQUIRE(toward);
  world.settle();
  Faults faults;
  faults.fail(Call::send, EAGAIN);
  auto sending = send(*toward, bytes("in the end"));
  CHECK(block_on(world.executor, with_timeout(Duration::zero(), sending)) == Unexpected(Error::timed_out));
  faults.pretend(EPOLLOUT, POLLOUT);
  CHECK(world.run(sending) == Unit{});
  CHECK(faults.spent());
  CHECK(peer.receive().data == "in the end");
  faults.fail(Call::send, EAGAIN);
  CHECK(try_send(world.executor, *toward, bytes("x")) == Unexpected(Error::would_block));
}

TEST_CASE("a refused datagram is told once, to whoever asks, and the socket goes on", "[posix][udp]") {
  World world(each_poller());
  const Family family = GENERATE(Family::v4, Family::v6);
  UdpPeer closed(any_port(family));
  closed.refuse_all();
  auto socket = udp_connect(world.stack, closed.local());
  REQUIRE(socket);
  CHECK(world.must(send(*socket, bytes("anybody?"))) == Unit{});
  Buffer buffer;
  SECTION("told to a receiver") { CHECK(error_of(world.run(receive(*socket, buffer))) == Error::connection_refused); }
  SECTION("told to a sender") {
    Result<> sent;
    for (int i = 0; i < 1000 && sent; ++i) { sent = world.run(send(*socket, bytes("anybody?"))); }
    CHECK(sent == Unexpected(Error::connection_refused));
    // What was sent meanwhile is refused too, perhaps.
    world.settle();
    while (error_of(try_receive(world.executor, *socket, buffer)) == Error::connection_refused) {}
  }
  CHECK(error_of(try_receive(world.executor, *socket, buffer)) == Error::would_block);
  // The same socket hears the peer once it is there.
  const Endpoint local = socket->local_endpoint();
  const posix::SocketAddress address(local);
  REQUIRE(::connect(closed.fd(), address.get(), address.length) == 0);
  closed.send_to(local, "here I am");
  CHECK(must_receive(world, *socket).text == "here I am");
  CHECK(world.must(send(*socket, bytes("welcome"))) == Unit{});
  CHECK(closed.receive().data == "welcome");
}

TEST_CASE("any error of a datagram is told once and leaves the socket usable", "[posix][udp]") {
  struct Case {
    int number;
    Error error;
  };
  const auto failed =
      GENERATE(Case{ECONNREFUSED, Error::connection_refused}, Case{EHOSTUNREACH, Error::host_unreachable},
               Case{ENETUNREACH, Error::network_unreachable}, Case{ENETDOWN, Error::network_down},
               Case{ENOBUFS, Error::no_memory}, Case{EPERM, Error::permission_denied});
  World world(each_poller());
  UdpPeer peer(any_port());
  auto socket = must_bind(world, any_port());
  Faults faults;
  faults.fail(Call::recvmsg, failed.number).fail(Call::sendmsg, failed.number);
  Buffer buffer;
  CHECK(error_of(world.run(receive(socket, buffer))) == failed.error);
  CHECK(world.run(send_to(socket, peer.local(), bytes("x"))) == Unexpected(failed.error));
  CHECK(world.must(send_to(socket, peer.local(), bytes("x"))) == Unit{});
  CHECK(peer.receive().data == "x");
  peer.send_to(socket.local_endpoint(), "y");
  CHECK(must_receive(world, socket).text == "y");
}

TEST_CASE("a datagram that is too large is told, and the next one goes", "[posix][udp]") {
  World world(each_poller());
  const Family family = GENERATE(Family::v4, Family::v6);
  UdpPeer peer(any_port(family));
  auto bound = must_bind(world, any_port(family));
  auto toward = udp_connect(world.stack, peer.local());
  REQUIRE(toward);
  const std::string large(70'000, 'x');
  CHECK(world.run(send_to(bound, peer.local(), bytes(large))) == Unexpected(Error::message_size));
  CHECK(world.run(send(*toward, bytes(large))) == Unexpected(Error::message_size));
  CHECK(world.must(send_to(bound, peer.local(), bytes("small"))) == Unit{});
  CHECK(world.must(send(*toward, bytes("smaller"))) == Unit{});
  CHECK(peer.receive().data == "small");
  CHECK(peer.receive().data == "smaller");
}

TEST_CASE("an empty datagram is a datagram", "[posix][udp]") {
  World world(each_poller());
  UdpPeer peer(any_port());
  auto socket = must_bind(world, any_port());
  auto toward = udp_connect(world.stack, peer.local());
  REQUIRE(toward);
  peer.send_to(socket.local_endpoint(), "");
  peer.send_to(socket.local_endpoint(), "next");
  const Got got = must_receive(world, socket);
  CHECK(got.about.size == 0);
  CHECK(got.about.datagram_size == 0);
  CHECK_FALSE(got.about.truncated);
  CHECK(got.about.remote == peer.local());
  CHECK(must_receive(world, socket).text == "next");
  CHECK(world.must(send_to(socket, peer.local(), {})) == Unit{});
  CHECK(world.must(send(*toward, {})) == Unit{});
  CHECK(peer.receive().data.empty());
  CHECK(peer.receive().data.empty());
}

TEST_CASE("a datagram that is larger than the buffer is cut, and says how large it was", "[posix][udp]") {
  World world(each_poller());
  UdpPeer peer(any_port());
  auto socket = must_bind(world, any_port());
  peer.send_to(socket.local_endpoint(), "twelve bytes");
  peer.send_to(socket.local_endpoint(), "just");
  peer.send_to(socket.local_endpoint(), "gone");
  peer.send_to(socket.local_endpoint(), "whole");
  const Got cut = must_receive(world, socket, 4);
  CHECK(cut.text == "twel");
  CHECK(cut.about.truncated);
  CHECK(cut.about.datagram_size == 12);
  const Got exact = must_receive(world, socket, 4);
  CHECK(exact.text == "just");
  CHECK_FALSE(exact.about.truncated);
  const Received nothing = world.must(receive(socket, std::span<std::byte>()));
  CHECK(nothing.size == 0);
  CHECK(nothing.datagram_size == 4);
  CHECK(nothing.truncated);
  CHECK(must_receive(world, socket).text == "whole");
}

TEST_CASE("every datagram tells which address it was sent to, where it arrived and how far it may have come",
          "[posix][udp]") {
  World world(each_poller());
  SECTION("IPv4") {
    auto socket = world.stack.udp_bind_multiple(everywhere(Family::v4), {});
    REQUIRE(socket);
    const std::uint16_t port = socket->local_endpoint().port;
    UdpPeer peer(any_port());
    const int ttl = 7;
    REQUIRE(::setsockopt(peer.fd(), IPPROTO_IP, IP_TTL, &ttl, sizeof ttl) == 0);
    for (const IpAddress address : {"127.0.0.1"_ip, "127.0.0.2"_ip, "127.9.9.9"_ip}) {
      peer.send_to(Endpoint(address, port), "to whom?");
      const Got got = must_receive(world, *socket);
      CHECK(got.about.local == Endpoint(address, port));
      CHECK(got.about.remote == peer.local());
      CHECK(got.about.interface.index() == 1);  // the loopback interface is the first of every Linux machine
      CHECK(got.about.hop_limit == 7);
      // The answer comes from the address that was addressed.
      CHECK(world.must(send_to(*socket, got.about.local, got.about.remote, bytes("from me"))) == Unit{});
      const auto answer = peer.receive();
      CHECK(answer.data == "from me");
      CHECK(answer.from == Endpoint(address, port));
    }
  }
  SECTION("IPv6") {
    auto socket = world.stack.udp_bind_multiple(everywhere(Family::v6), {});
    REQUIRE(socket);
    const std::uint16_t port = socket->local_endpoint().port;
    UdpPeer peer(any_port(Family::v6));
    const int hops = 9;
    REQUIRE(::setsockopt(peer.fd(), IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof hops) == 0);
    const Endpoint local("::1"_ip, port);
    peer.send_to(local, "to whom?");
    const Got got = must_receive(world, *socket);
    CHECK(got.about.local == local);
    CHECK(got.about.remote == peer.local());
    CHECK(got.about.interface.index() == 1);
    CHECK(got.about.hop_limit == 9);
    CHECK(world.must(send_to(*socket, got.about.local, got.about.remote, bytes("from me"))) == Unit{});
    CHECK(peer.receive().from == local);
  }
  SECTION("a connected socket") {
    UdpPeer peer(any_port());
    auto socket = udp_connect(world.stack, peer.local());
    REQUIRE(socket);
    peer.send_to(socket->local_endpoint(), "hello");
    const Got got = must_receive(world, *socket);
    CHECK(got.about.local == socket->local_endpoint());
    CHECK(got.about.remote == peer.local());
    CHECK(got.about.interface.index() == 1);
    CHECK(got.about.hop_limit == 64);
  }
}

TEST_CASE("an IPv6 socket bound to every address leaves IPv4 alone", "[posix][udp]") {
  World world(each_poller());
  // Until a port is free on both.
  Result<posix::BoundUdp> v6 = Unexpected(Error::address_in_use);
  Result<posix::BoundUdp> v4 = Unexpected(Error::address_in_use);
  for (int tries = 0; tries < 20 && !v4; ++tries) {
    v6 = world.stack.udp_bind_multiple(everywhere(Family::v6), {});
    REQUIRE(v6);
    v4 = world.stack.udp_bind_multiple(Endpoint(IpAddress::unspecified(Family::v4), v6->local_endpoint().port), {});
  }
  REQUIRE(v4);
  UdpPeer peer(any_port());
  peer.send_to(Endpoint(IpAddress::loopback(Family::v4), v4->local_endpoint().port), "four");
  CHECK(must_receive(world, *v4).text == "four");
  Buffer buffer;
  CHECK(error_of(try_receive(world.executor, *v6, buffer)) == Error::would_block);
}

TEST_CASE("binding to a single address picks one when none is given", "[posix][udp]") {
  World world(each_poller());
  const Family family = GENERATE(Family::v4, Family::v6);
  const auto socket = must_bind(world, everywhere(family));
  CHECK(socket.local_endpoint().address.family() == family);
  CHECK_FALSE(socket.local_endpoint().address.is_unspecified());
  CHECK(socket.local_endpoint().port != 0);
  SECTION("loopback, where there is no way out") {
    Faults faults;
    faults.fail(Call::connect, ENETUNREACH);
    const auto alone = must_bind(world, everywhere(family));
    CHECK(alone.local_endpoint().address == IpAddress::loopback(family));
    CHECK(faults.count(Call::socket) == faults.count(Call::close) + 1);
  }
}

TEST_CASE("a UDP port that is taken is refused, unless both share it", "[posix][udp]") {
  World world(each_poller());
  const auto first = must_bind(world, any_port());
  CHECK(error_of(world.stack.udp_bind_single(first.local_endpoint(), {})) == Error::address_in_use);
  CHECK(error_of(world.stack.udp_bind_single(first.local_endpoint(), {.share_port = true})) == Error::address_in_use);
  const auto shared = must_bind(world, any_port(), {.share_port = true});
  const auto other = world.stack.udp_bind_single(shared.local_endpoint(), {.share_port = true});
  REQUIRE(other);
  CHECK(other->local_endpoint() == shared.local_endpoint());
}

TEST_CASE("binding to an address of somebody else's, or sending from one, is refused", "[posix][udp]") {
  World world(each_poller());
  CHECK(error_of(world.stack.udp_bind_single("192.0.2.1:0"_endpoint, {})) == Error::address_not_available);
  CHECK(error_of(world.stack.udp_bind_multiple("[2001:db8::1]:0"_endpoint, {})) == Error::address_not_available);
  auto v4 = world.stack.udp_bind_multiple(everywhere(Family::v4), {});
  REQUIRE(v4);
  UdpPeer peer(any_port());
  CHECK(world.run(send_to(*v4, "192.0.2.1:0"_endpoint, peer.local(), bytes("x"))) ==
        Unexpected(Error::address_not_available));
  CHECK(world.run(send_to(*v4, "[::1]:0"_endpoint, peer.local(), bytes("x"))) == Unexpected(Error::invalid_argument));
  CHECK(world.run(send_to(*v4, "[::1]:1"_endpoint, bytes("x"))) == Unexpected(Error::invalid_argument));
  CHECK(world.run(send_to(*v4, "127.0.0.1:0"_endpoint, bytes("x"))) == Unexpected(Error::invalid_argument));
  CHECK(world.stack.in_use() == 1);
}

TEST_CASE("no ephemeral port left is an address that is not available", "[posix][udp]") {
  World world(each_poller());
  UdpPeer peer(any_port());
  Faults faults;
  faults.fail(Call::connect, EAGAIN);  // what Linux says of UDP
  CHECK(error_of(udp_connect(world.stack, peer.local())) == Error::address_not_available);
  faults.fail(Call::bind, EADDRINUSE);  // of binding to port 0
  CHECK(error_of(world.stack.udp_bind_single(any_port(), {})) == Error::address_not_available);
  CHECK(world.stack.in_use() == 0);
  CHECK(faults.count(Call::close) == faults.count(Call::socket));
}

TEST_CASE("a connected socket hears nobody but its peer", "[posix][udp]") {
  World world(each_poller());
  UdpPeer peer(any_port());
  UdpPeer stranger(any_port());
  auto socket = udp_connect(world.stack, peer.local());
  REQUIRE(socket);
  stranger.send_to(socket->local_endpoint(), "not me");
  peer.send_to(socket->local_endpoint(), "me");
  CHECK(must_receive(world, *socket).text == "me");
  CHECK(socket->remote_endpoint() == peer.local());
  CHECK(error_of(world.stack.udp_connect_from(everywhere(Family::v6), peer.local(), {})) == Error::invalid_argument);
}

TEST_CASE("options of a UDP socket are set when it is made, and later", "[posix][udp]") {
  World world(each_poller());
  UdpPeer peer(any_port());
  auto socket = must_bind(world, any_port(), {.hop_limit = std::uint8_t{5}});
  auto receiver = must_bind(world, any_port());
  CHECK(world.must(send_to(socket, receiver.local_endpoint(), bytes("x"))) == Unit{});
  CHECK(must_receive(world, receiver).about.hop_limit == 5);
  CHECK(socket.configure({.hop_limit = std::uint8_t{6}}));
  CHECK(world.must(send_to(socket, receiver.local_endpoint(), bytes("x"))) == Unit{});
  CHECK(must_receive(world, receiver).about.hop_limit == 6);
  CHECK(socket.configure({.hop_limit = std::uint8_t{0}}) == Unexpected(Error::invalid_argument));
  auto moved = std::move(socket);
  CHECK(socket.configure({}) == Unexpected(Error::closed));
  CHECK(error_of(world.run(receive(socket, std::span<std::byte>()))) == Error::closed);
  CHECK(world.run(send_to(socket, peer.local(), bytes("x"))) == Unexpected(Error::closed));
  CHECK(socket.join("224.0.1.1"_ip, InterfaceId(1)) == Unexpected(Error::closed));
  CHECK(socket.local_endpoint() == Endpoint());
}

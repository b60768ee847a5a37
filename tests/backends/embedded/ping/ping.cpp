#include <catch2/generators/catch_generators.hpp>

#include "tests/backends/embedded/ping/pinging.hpp"

namespace nal::embedded::test {

namespace {
using namespace nal::literals;
using Kind = ProbeAnswer::Kind;
using Reason = ProbeAnswer::Reason;

Address router(Family family) {
  return family == Family::v4 ? Address(Ipv4Address(10, 0, 0, 254))
                              : Address(Ipv6Address(0xfd00, 0, 0, 0, 0, 0, 0, 0xfe));
}
Address far(Family family) { return family == Family::v4 ? Host::kFar4 : Host::kFar6; }

}  // namespace

TEST_CASE("A reply to an echo request is told with its data, its sequence and how far it came", "[embedded][ping]") {
  PingHost host;
  const Family family = GENERATE(Family::v4, Family::v6);
  const std::size_t size = GENERATE(0u, 1u, 56u, 1400u);
  ProbeSocket socket = host.open(family);
  CHECK(socket.identifier() == 0x1234);
  REQUIRE(host.once(send_probe(socket, {.destination = far(family).to_ip(), .sequence = 7}, pattern(size))));
  Bytes sent = host.take();
  CHECK(
      part(sent, header_size(family), sent.size() - header_size(family)) ==
      part(echo_request(Host::address(family), far(family), 0x1234, 7, pattern(size)), header_size(family), 8 + size));
  CHECK(host.next(socket).error() == Error::would_block);
  host.receive(echo_reply(far(family), Host::address(family), 0x1234, 7, pattern(size), 55));
  const ProbeAnswer answer = host.next(socket).value();
  CHECK(answer.kind == Kind::reply);
  CHECK(answer.from == far(family).to_ip());
  CHECK(answer.destination == far(family).to_ip());
  CHECK(answer.sequence == 7);
  CHECK(answer.hop_limit == 55);
  CHECK(answer.interface == host.interface);
  CHECK(answer.data_size == size);
  CHECK(host.data(answer) == pattern(size));
  CHECK(host.next(socket).error() == Error::would_block);
}

TEST_CASE("A reply that is larger than the buffer is cut, and says so", "[embedded][ping]") {
  PingHost host;
  ProbeSocket socket = host.open(Family::v4);
  host.receive(echo_reply(Host::kPeer4, Host::k4, 0x1234, 1, pattern(100)));
  std::array<std::byte, 10> small;
  const ProbeAnswer answer = host.once(receive_answer(socket, small)).value();
  CHECK(answer.size == 10);
  CHECK(answer.data_size == 100);
}

TEST_CASE("Replies to others, and those that nobody asked for, are not told", "[embedded][ping]") {
  PingHost host;
  const Family family = GENERATE(Family::v4, Family::v6);
  ProbeSocket mine = host.open(family, ProbeKind::echo, 1);
  ProbeSocket other = host.open(family, ProbeKind::echo, 2);
  host.receive(echo_reply(Host::peer(family), Host::address(family), 2, 1, {}));
  host.receive(echo_reply(Host::peer(family), Host::address(family), 3, 1, {}));
  CHECK(host.next(mine).error() == Error::would_block);
  CHECK(host.next(other).has_value());
  CHECK(host.next(other).error() == Error::would_block);
  CHECK(host.ping.statistics().no_socket == 1);
}

TEST_CASE("A router on the way that has run out of hops is told with its address", "[embedded][ping]") {
  PingHost host;
  const Family family = GENERATE(Family::v4, Family::v6);
  const ProbeKind kind = GENERATE(ProbeKind::echo, ProbeKind::udp);
  ProbeSocket socket = host.open(family, kind);
  const Probe probe{.destination = far(family).to_ip(), .sequence = 3, .hop_limit = 1};
  REQUIRE(host.once(send_probe(socket, probe, pattern(32))));
  const Bytes sent = host.take();
  CHECK(std::to_integer<int>(sent[family == Family::v4 ? 8 : 7]) == 1);
  host.receive(time_exceeded(router(family), Host::address(family), sent));
  const ProbeAnswer answer = host.next(socket).value();
  CHECK(answer.kind == Kind::time_exceeded);
  CHECK(answer.from == router(family).to_ip());
  CHECK(answer.destination == far(family).to_ip());
  CHECK(answer.sequence == 3);
  CHECK(answer.code == 0);
  CHECK(answer.size == 0);
  CHECK(host.stack.ip().statistics().icmp_errors_refused == 0);
}

TEST_CASE("What is not reachable is told with the reason", "[embedded][ping]") {
  PingHost host;
  struct Row {
    Family family;
    std::uint8_t code;
    Reason reason;
  };
  const Row row = GENERATE(
      Row{Family::v4, 0, Reason::network}, Row{Family::v4, 1, Reason::host}, Row{Family::v4, 2, Reason::protocol},
      Row{Family::v4, 3, Reason::port}, Row{Family::v4, 5, Reason::other}, Row{Family::v4, 13, Reason::prohibited},
      Row{Family::v6, 0, Reason::network}, Row{Family::v6, 1, Reason::prohibited}, Row{Family::v6, 2, Reason::other},
      Row{Family::v6, 3, Reason::host}, Row{Family::v6, 4, Reason::port});
  ProbeSocket socket = host.open(row.family, ProbeKind::udp);
  REQUIRE(host.once(send_probe(socket, {.destination = far(row.family).to_ip(), .sequence = 9}, pattern(1))));
  const Bytes sent = host.take();
  const std::size_t at = header_size(row.family);
  CHECK(wire::load_be16(&sent[at]) == socket.identifier());
  CHECK(wire::load_be16(&sent[at + 2]) == 33434 + 9);
  CHECK(part(sent, at, sent.size() - at) ==
        udp(Host::address(row.family), far(row.family), socket.identifier(), 33434 + 9, pattern(1)));
  host.receive(icmp(far(row.family), Host::address(row.family), wire::Icmpv4Type::destination_unreachable,
                    wire::Icmpv6Type::destination_unreachable, row.code, 0, sent));
  const ProbeAnswer answer = host.next(socket).value();
  CHECK(answer.kind == Kind::unreachable);
  CHECK(answer.reason == row.reason);
  CHECK(answer.code == row.code);
  CHECK(answer.sequence == 9);
}

TEST_CASE("A packet that is too big is told with what the path takes, and no larger one is sent in one piece",
          "[embedded][ping]") {
  PingHost host;
  const Family family = GENERATE(Family::v4, Family::v6);
  ProbeSocket socket = host.open(family);
  const Probe probe{.destination = far(family).to_ip(), .sequence = 1, .dont_fragment = true};
  REQUIRE(host.once(send_probe(socket, probe, pattern(1400))));
  const Bytes sent = host.take();
  if (family == Family::v4) { CHECK((std::to_integer<unsigned>(sent[6]) & 0x40U) != 0); }
  const Bytes error = icmp(router(family), Host::address(family), wire::Icmpv4Type::destination_unreachable,
                           wire::Icmpv6Type::packet_too_big, family == Family::v4 ? 4 : 0, 1300, sent);
  host.receive(error);
  ProbeAnswer answer = host.next(socket).value();
  CHECK(answer.kind == Kind::too_big);
  CHECK(answer.mtu == 1300);
  CHECK(answer.from == router(family).to_ip());
  // It is known from now on.
  CHECK(host.once(send_probe(socket, {.destination = probe.destination, .sequence = 2, .dont_fragment = true},
                             pattern(1400)))
            .error() == Error::message_size);
  host.take(0);
  answer = host.next(socket).value();
  CHECK(answer.kind == Kind::too_big);
  CHECK(answer.from.is_unspecified());
  CHECK(answer.mtu == 1300);
  CHECK(answer.sequence == 2);
  CHECK(host.next(socket).error() == Error::would_block);
  // A second router says the same of the first probe: no news for the path, but an answer.
  host.receive(error);
  CHECK(host.next(socket).value().kind == Kind::too_big);
}

TEST_CASE("A neighbour that does not answer is told as unreachable by this host", "[embedded][ping]") {
  PingHost host(driver::Medium::ethernet);
  const Family family = GENERATE(Family::v4, Family::v6);
  ProbeSocket socket = host.open(family);
  REQUIRE(host.once(send_probe(socket, {.destination = Host::peer(family).to_ip(), .sequence = 5}, pattern(56))));
  CHECK(host.next(socket).error() == Error::would_block);
  host.pass(10_s);
  const ProbeAnswer answer = host.next(socket).value();
  CHECK(answer.kind == Kind::unreachable);
  CHECK(answer.reason == Reason::host);
  CHECK(answer.from == Host::address(family).to_ip());
  CHECK(answer.destination == Host::peer(family).to_ip());
  CHECK(answer.sequence == 5);
}

TEST_CASE("A host answers its own echo requests", "[embedded][ping]") {
  PingHost host;
  const Family family = GENERATE(Family::v4, Family::v6);
  const Address to = GENERATE_COPY(Host::address(family), Address(IpAddress::loopback(family)));
  ProbeSocket socket = host.open(family);
  REQUIRE(host.once(send_probe(socket, {.destination = to.to_ip(), .sequence = 1}, pattern(56))));
  host.run();
  const ProbeAnswer answer = host.next(socket).value();
  CHECK(answer.kind == Kind::reply);
  CHECK(answer.from == to.to_ip());
  CHECK(host.data(answer) == pattern(56));
  host.take(0);
}

TEST_CASE("A datagram that comes back from where a UDP probe went is a reply", "[embedded][ping]") {
  PingHost host;
  const Family family = GENERATE(Family::v4, Family::v6);
  ProbeSocket socket = host.open(family, ProbeKind::udp);
  REQUIRE(host.once(send_probe(socket, {.destination = Host::peer(family).to_ip(), .sequence = 2}, pattern(4))));
  host.take();
  const Address from = Host::peer(family);
  const Address to = Host::address(family);
  host.receive(ip({.source = from, .destination = to}, udp(from, to, 33436, socket.identifier(), pattern(3))));
  const ProbeAnswer answer = host.next(socket).value();
  CHECK(answer.kind == Kind::reply);
  CHECK(answer.sequence == 2);
  CHECK(host.data(answer) == pattern(3));
}

TEST_CASE("A reply is read in the packet that brought it", "[embedded][ping]") {
  PingHost host;
  ProbeSocket socket = host.open(Family::v6);
  host.receive(echo_reply(Host::kPeer6, Host::k6, 0x1234, 1, pattern(1000)));
  struct Take {
    ProbeSocket* socket;
    Waiter waiter;
    Poll<Result<ProbeSocket::Answer>> poll(Context& context) { return socket->poll_take(context, waiter); }
  };
  auto taken = host.once(Take{&socket, {}});
  REQUIRE(taken);
  const auto data = taken->packet.data();
  CHECK(Bytes(data.begin(), data.end()) == pattern(1000));
  CHECK(host.stack.packets().available() == host.stack.packets().count() - 1);
}

TEST_CASE("A dropped socket frees its place, its port and what waits in it", "[embedded][ping]") {
  PingHost host;
  {
    ProbeSocket first = host.open(Family::v4, ProbeKind::echo, 0);
    ProbeSocket second = host.open(Family::v4, ProbeKind::udp);
    CHECK(first.identifier() != 0);
    CHECK(host.ping.open_probe({}).error() == Error::table_full);
    host.receive(echo_reply(Host::kPeer4, Host::k4, first.identifier(), 1, {}));
    CHECK(host.stack.udp().in_use() == 1);
  }
  CHECK(host.ping.in_use() == 0);
  CHECK(host.stack.udp().in_use() == 0);
  ProbeSocket again = host.open(Family::v4);
  CHECK(host.next(again).error() == Error::would_block);
}

TEST_CASE("An identifier has one socket of a family, and an address is one of the host's", "[embedded][ping]") {
  PingHost host;
  ProbeSocket socket = host.open(Family::v4, ProbeKind::echo, 77);
  CHECK(host.ping.open_probe({.local = IpAddress::unspecified(Family::v4), .identifier = 77}).error() ==
        Error::address_in_use);
  CHECK(host.ping.open_probe({.local = Host::kPeer4.to_ip()}).error() == Error::address_not_available);
  CHECK(host.ping.open_probe({.local = IpAddress::unspecified(Family::v6), .identifier = 77}).has_value());
}

}  // namespace nal::embedded::test

#include <catch2/generators/catch_generators.hpp>

#include "backends/embedded/wire/arp.hpp"
#include "tests/backends/embedded/support/host.hpp"

namespace nal::embedded::test {

namespace {
using namespace nal::literals;

Endpoint any(Family family, std::uint16_t port) { return {IpAddress::unspecified(family), port}; }

/// A datagram from the peer to the host.
Bytes to_host(Family family, const Bytes& payload, std::uint16_t from = 5000, std::uint16_t to = 6000) {
  const Address source = Host::peer(family);
  const Address destination = Host::address(family);
  return ip({.source = source, .destination = destination}, udp(source, destination, from, to, payload));
}
/// What waits in a socket, as text; empty if nothing does.
template <class S>
std::string next(Host& host, S& socket) {
  std::array<std::byte, 100> buffer;
  const auto got = host.once(receive(socket, buffer));
  if (!got) {
    REQUIRE(got.error() == Error::would_block);
    return {};
  }
  return {reinterpret_cast<const char*>(buffer.data()), got->size};
}

}  // namespace

TEST_CASE("A datagram leaves as it should", "[embedded][udp]") {
  Host host;
  const Family family = GENERATE(Family::v4, Family::v6);
  auto socket = host.stack.udp_bind_multiple(any(family, 6000), {}).value();
  REQUIRE(host.once(send_to(socket, {Host::peer(family).to_ip(), 5000}, bytes("hello"))));
  const Bytes sent = host.take();
  const std::size_t header = family == Family::v4 ? 20 : 40;
  CHECK(part(sent, header, sent.size() - header) ==
        udp(Host::address(family), Host::peer(family), 6000, 5000, bytes("hello")));
  if (family == Family::v4) { CHECK(wire::Ipv4View::parse(sent)->checksum_valid()); }
}

TEST_CASE("The most particular socket gets the datagram", "[embedded][udp]") {
  Host host;
  const Family family = GENERATE(Family::v4, Family::v6);
  const UdpOptions share{.share_port = true};
  auto all = host.stack.udp_bind_multiple(any(family, 6000), share).value();
  auto one = host.stack.udp_bind_single({Host::address(family).to_ip(), 6000}, share).value();
  {
    auto connected =
        host.stack.udp_connect_from({Host::address(family).to_ip(), 6000}, {Host::peer(family).to_ip(), 5000}, share)
            .value();
    host.receive(to_host(family, bytes("a"), 5000));
    host.receive(to_host(family, bytes("b"), 5001));
    CHECK(next(host, connected) == "a");
    CHECK(next(host, connected).empty());
    CHECK(next(host, one) == "b");
  }
  host.receive(to_host(family, bytes("c"), 5000));
  CHECK(next(host, one) == "c");
  CHECK(next(host, all).empty());
}

TEST_CASE("A wrong checksum is no datagram; none at all is one over IPv4 only", "[embedded][udp]") {
  Host host;
  const Family family = GENERATE(Family::v4, Family::v6);
  auto socket = host.stack.udp_bind_multiple(any(family, 6000), {}).value();
  const std::size_t field = (family == Family::v4 ? 20 : 40) + 6;
  Bytes packet = to_host(family, bytes("hello"));
  packet[field] ^= std::byte{0x40};
  host.receive(packet);
  CHECK(next(host, socket).empty());
  packet[field] = packet[field + 1] = std::byte{0};
  host.receive(packet);
  CHECK(next(host, socket) == (family == Family::v4 ? "hello" : ""));
}

TEST_CASE("A second datagram does not overwrite the first; one too many is dropped and counted",
          "[embedded][udp][fault]") {
  Host host;
  auto socket = host.stack.udp_bind_multiple(any(Family::v4, 6000), {}).value();
  for (const char* text : {"1", "2", "3", "4", "5"}) { host.receive(to_host(Family::v4, bytes(text))); }
  for (const char* text : {"1", "2", "3", "4", ""}) { CHECK(next(host, socket) == text); }
  CHECK(host.stack.udp().statistics().queue_full == 1);
}

TEST_CASE("A length field that lies is malformed", "[embedded][udp]") {
  Host host;
  auto socket = host.stack.udp_bind_multiple(any(Family::v4, 6000), {}).value();
  const unsigned length = GENERATE(0U, 7U, 14U, 0xffffU);
  Bytes packet = to_host(Family::v4, bytes("hello"));
  wire::store_be16(&packet[24], length);
  host.receive(packet);
  CHECK(next(host, socket).empty());
  CHECK(host.stack.udp().statistics().malformed == 1);
}

TEST_CASE("An ICMP error is told once, to the connected socket it concerns", "[embedded][udp]") {
  Host host;
  const Family family = GENERATE(Family::v4, Family::v6);
  const Endpoint remote{Host::peer(family).to_ip(), 5000};
  auto concerned = host.stack.udp_connect_from(any(family, 6000), remote, {}).value();
  auto other = host.stack.udp_connect_from(any(family, 6001), remote, {}).value();
  const Address here = Host::address(family);
  const Address there = Host::peer(family);
  const Bytes quoted = ip({.source = here, .destination = there}, udp(here, there, 6000, 5000, bytes("hello")));
  host.receive(family == Family::v4
                   ? ipv4({.source = there, .destination = here, .protocol = 1},
                          icmpv4(wire::Icmpv4Type::destination_unreachable, 3, 0, part(quoted, 0, 28)))
                   : ipv6({.source = there, .destination = here, .protocol = 58},
                          icmpv6(there, here, wire::Icmpv6Type::destination_unreachable, 4, 0, quoted)));
  std::array<std::byte, 10> buffer;
  CHECK(host.once(receive(other, buffer)).error() == Error::would_block);
  CHECK(host.once(receive(concerned, buffer)).error() == Error::connection_refused);
  CHECK(host.once(receive(concerned, buffer)).error() == Error::would_block);
  REQUIRE(host.once(send(concerned, bytes("again"))));
  host.take(1);
}

TEST_CASE("Source Quench says nothing to anybody", "[embedded][udp][fault]") {
  Host host;
  auto socket = host.stack.udp_connect_from(any(Family::v4, 6000), {Host::kPeer4.to_ip(), 5000}, {}).value();
  const Bytes quoted =
      ip({.source = Host::k4, .destination = Host::kPeer4}, udp(Host::k4, Host::kPeer4, 6000, 5000, bytes("hello")));
  host.receive(ipv4({.source = Host::kPeer4, .destination = Host::k4, .protocol = 1},
                    icmpv4(wire::Icmpv4Type::source_quench, 0, 0, quoted)));
  std::array<std::byte, 10> buffer;
  CHECK(host.once(receive(socket, buffer)).error() == Error::would_block);
}

TEST_CASE("A datagram to an unresolved neighbour is not lost: it waits for the answer", "[embedded][udp][fault]") {
  Host host(driver::Medium::ethernet);
  auto socket = host.stack.udp_bind_multiple(any(Family::v4, 6000), {}).value();
  const Endpoint remote{Host::kPeer4.to_ip(), 5000};
  REQUIRE(host.once(send_to(socket, remote, bytes("1"))));
  REQUIRE(host.once(send_to(socket, remote, bytes("2"))));
  const Bytes asked = host.take();
  REQUIRE(wire::EthernetView::parse(asked)->type() == wire::EtherType::arp);
  Bytes answer(28);
  wire::ArpPacket{.operation = wire::ArpOperation::reply,
                  .sender_mac = Host::kPeerMac,
                  .sender = Host::kPeer4.v4(),
                  .target_mac = TestDevice::kAddress,
                  .target = Host::k4.v4()}
      .emit(answer);
  host.receive(ethernet(TestDevice::kAddress, Host::kPeerMac, wire::EtherType::arp, answer));
  const auto sent = host.take(2);
  CHECK(sent[0].back() == std::byte{'1'});
  CHECK(sent[1].back() == std::byte{'2'});
  CHECK(wire::EthernetView::parse(sent[0])->destination() == Host::kPeerMac);
}

TEST_CASE("A neighbour that does not answer is told to the connected socket", "[embedded][udp]") {
  Host host(driver::Medium::ethernet);
  const Family family = GENERATE(Family::v4, Family::v6);
  auto socket = host.stack.udp_connect_from(any(family, 6000), {Host::peer(family).to_ip(), 5000}, {}).value();
  REQUIRE(host.once(send(socket, bytes("1"))));
  host.pass(Duration::seconds(10));
  std::array<std::byte, 10> buffer;
  CHECK(host.once(receive(socket, buffer)).error() == Error::host_unreachable);
}

TEST_CASE("A device that is full makes senders wait, and loses nothing", "[embedded][udp]") {
  Host host;
  auto socket = host.stack.udp_bind_multiple(any(Family::v4, 6000), {}).value();
  const Endpoint remote{Host::kPeer4.to_ip(), 5000};
  host.device.room = 1;
  REQUIRE(host.once(send_to(socket, remote, bytes("1"))));
  CHECK(host.once(send_to(socket, remote, bytes("2"))).error() == Error::would_block);
  host.take(1);
  REQUIRE(host.once(send_to(socket, remote, bytes("2"))));
  CHECK(host.take().back() == std::byte{'2'});
}

TEST_CASE("A full table of sockets is an error, and a freed one is used again", "[embedded][udp]") {
  Host host;
  std::vector<Stack::MultiplyBoundUdp> sockets;
  for (int i = 0; i < 8; ++i) { sockets.push_back(host.stack.udp_bind_multiple(any(Family::v4, 0), {}).value()); }
  const auto full = host.stack.udp_bind_multiple(any(Family::v4, 0), {});
  REQUIRE(!full);
  CHECK(full.error() == Error::table_full);
  sockets.erase(sockets.begin() + 3);
  CHECK(host.stack.udp_bind_multiple(any(Family::v4, 0), {}));
}

TEST_CASE("Ports that the stack picks cannot be told from those before, and are free", "[embedded][udp][fault]") {
  Host host;
  std::vector<std::uint16_t> ports;
  for (int i = 0; i < 50; ++i) {
    auto socket = host.stack.udp_bind_multiple(any(Family::v4, 0), {}).value();
    ports.push_back(socket.local_endpoint().port);
    CHECK(ports.back() >= 49152);
  }
  int neighbors = 0;
  for (std::size_t i = 1; i < ports.size(); ++i) { neighbors += ports[i] == ports[i - 1] + 1 ? 1 : 0; }
  CHECK(neighbors < 3);
}

TEST_CASE("Datagrams to this host itself need no device", "[embedded][udp]") {
  Host host;
  const auto address = GENERATE("127.0.0.1"_ip, "::1"_ip, "10.0.0.1"_ip, "fd00::1"_ip);
  auto server = host.stack.udp_bind_multiple(any(address.family(), 6000), {}).value();
  auto client = host.stack.udp_connect_from(any(address.family(), 0), {address, 6000}, {}).value();
  REQUIRE(host.once(send(client, bytes("hello"))));
  host.run();
  std::array<std::byte, 100> buffer;
  const auto got = host.once(receive(server, buffer));
  REQUIRE(got);
  CHECK(got->local.address == address);
  CHECK(got->remote == client.local_endpoint());
  REQUIRE(host.once(send_to(server, got->local, got->remote, bytes("world"))));
  host.run();
  CHECK(next(host, client) == "world");
  host.take(0);
}

TEST_CASE("A datagram can be taken with the packet that brought it", "[embedded][udp]") {
  Host host;
  auto socket = host.stack.udp_bind_multiple(any(Family::v4, 6000), {}).value();
  host.receive(to_host(Family::v4, bytes("hello")));
  Waiter waiter;
  Context context = Context::probe(host.executor);
  auto taken = socket.poll_take(context, waiter);
  REQUIRE(taken.ready());
  REQUIRE(*taken);
  const auto data = (*taken)->packet.data();
  CHECK(Bytes(data.begin(), data.end()) == bytes("hello"));
  CHECK((*taken)->about.remote == Endpoint{Host::kPeer4.to_ip(), 5000});
}

}  // namespace nal::embedded::test

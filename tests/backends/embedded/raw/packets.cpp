#include "backends/embedded/raw/packets.hpp"

#include <catch2/generators/catch_generators.hpp>

#include "tests/backends/embedded/support/host.hpp"
#include "tests/support/cancel.hpp"

namespace nal::embedded::test {

namespace {
using namespace nal::literals;

struct RawHost : Host {
  using Host::Host;
  RawIpMemory<3> raw_memory;
  RawIp raw{stack, raw_memory, 3};
  std::array<std::byte, 4000> buffer;

  RawIpSocket open(Family family, std::uint8_t protocol) {
    return raw.open({.family = family, .protocol = protocol}).value();
  }
  /// What waits, as bytes; empty if nothing does.
  Bytes next(RawIpSocket& socket) {
    const auto got = once(receive_packet(socket, buffer));
    if (!got) {
      REQUIRE(got.error() == Error::would_block);
      return {};
    }
    return {buffer.begin(), buffer.begin() + static_cast<long>(got->size)};
  }
};

Bytes from_peer(Family family, std::uint8_t protocol, const Bytes& payload) {
  return ip({.source = Host::peer(family), .destination = Host::address(family), .protocol = protocol}, payload);
}
constexpr std::uint8_t kProtocol = 200;
std::size_t header(Family family) { return family == Family::v4 ? 20 : 40; }

struct GivenUpWorld {
  Executor& executor() { return host.executor; }
  ReceiveRaw begin() {
    REQUIRE(slot.start(host.executor, run_stack, host.stack));
    host.device.arriving.push_back(from_peer(Family::v4, kProtocol, pattern(5)));
    return receive_packet(socket, host.buffer);
  }
  void given_up() {
    host.run();
    CHECK(host.next(socket).size() == 25);
  }
  void finished(const Result<RawReceived>& got) { CHECK(got.has_value()); }
  Duration patience() const { return 1_s; }
  static Task<> run_stack(Stack& stack) { co_return co_await stack.run(); }

  RawHost host;
  RawIpSocket socket = host.open(Family::v4, kProtocol);
  TaskSlot<1024> slot;
};

}  // namespace

TEST_CASE("A raw socket receives whole packets of its protocol, and then nobody is told that nobody wants them",
          "[embedded][raw]") {
  RawHost host;
  const Family family = GENERATE(Family::v4, Family::v6);
  const Bytes packet = from_peer(family, kProtocol, pattern(10));
  {
    RawIpSocket socket = host.open(family, kProtocol);
    RawIpSocket other = host.open(family, kProtocol + 1);
    host.receive(packet);
    host.take(0);
    const auto got = host.once(receive_packet(socket, host.buffer));
    REQUIRE(got);
    CHECK(Bytes(host.buffer.begin(), host.buffer.begin() + static_cast<long>(got->size)) == packet);
    CHECK(got->source == Host::peer(family).to_ip());
    CHECK(got->destination == Host::address(family).to_ip());
    CHECK(got->protocol == kProtocol);
    CHECK(got->header_size == header(family));
    CHECK(got->interface == host.interface);
    CHECK(host.next(other).empty());
  }
  // As it was before.
  host.receive(packet);
  host.take(1);
}

TEST_CASE("What the stack takes itself a raw socket sees as well", "[embedded][raw]") {
  RawHost host;
  const Family family = GENERATE(Family::v4, Family::v6);
  const Address from = Host::peer(family);
  const Address to = Host::address(family);
  RawIpSocket udp_socket = host.open(family, 17);
  RawIpSocket tcp_socket = host.open(family, 6);
  RawIpSocket icmp_socket = host.open(family, family == Family::v4 ? 1 : 58);
  auto bound = host.stack.udp_bind_multiple({IpAddress::unspecified(family), 6000}, {}).value();
  const Bytes datagram = from_peer(family, 17, udp(from, to, 5000, 6000, pattern(10)));
  host.receive(datagram);
  CHECK(host.next(udp_socket) == datagram);
  CHECK(host.once(receive(bound, host.buffer)).has_value());
  host.receive(from_peer(family, 17, udp(from, to, 5000, 6001, pattern(10))));
  CHECK_FALSE(host.next(udp_socket).empty());
  host.take(1);  // port unreachable: a protocol that the stack knows answers as ever
  const Bytes echo = family == Family::v4 ? icmpv4(wire::Icmpv4Type::echo_request, 0, 1, pattern(8))
                                          : icmpv6(from, to, wire::Icmpv6Type::echo_request, 0, 1, pattern(8));
  host.receive(from_peer(family, family == Family::v4 ? 1 : 58, echo));
  host.take(1);  // the reply
  CHECK_FALSE(host.next(icmp_socket).empty());
  CHECK(host.next(tcp_socket).empty());
}

TEST_CASE("A socket for every protocol only looks on", "[embedded][raw]") {
  RawHost host;
  RawIpSocket socket = host.raw.open({.family = Family::v4}).value();
  host.receive(from_peer(Family::v4, kProtocol, pattern(10)));
  CHECK_FALSE(host.next(socket).empty());
  host.take(1);  // protocol unreachable
  CHECK(host.once(send_packet(socket, Host::kPeer4.to_ip(), pattern(8))).error() == Error::invalid_argument);
}

TEST_CASE("Fragments are put together before a raw socket gets them", "[embedded][raw]") {
  RawHost host;
  RawIpSocket socket = host.open(Family::v4, kProtocol);
  const IpFields fields{.source = Host::kPeer4, .destination = Host::k4, .protocol = kProtocol};
  host.receive(ipv4(fields, part(pattern(2000), 0, 1000), 7, 0, true));
  host.receive(ipv4(fields, part(pattern(2000), 1000, 1000), 7, 1000, false));
  const Bytes got = host.next(socket);
  REQUIRE(got.size() == 2020);
  CHECK(part(got, 20, 2000) == pattern(2000));
  CHECK(wire::Ipv4View::parse(got)->checksum_valid());
}

TEST_CASE("The stack makes the header of what a raw socket sends", "[embedded][raw]") {
  RawHost host;
  const Family family = GENERATE(Family::v4, Family::v6);
  RawIpSocket socket = host.raw.open({.family = family, .protocol = kProtocol, .hop_limit = 7}).value();
  REQUIRE(host.once(send_packet(socket, Host::peer(family).to_ip(), pattern(12))));
  const Bytes sent = host.take();
  CHECK(part(sent, header(family), 12) == pattern(12));
  CHECK(std::to_integer<int>(sent[family == Family::v4 ? 8 : 7]) == 7);
  CHECK(std::to_integer<int>(sent[family == Family::v4 ? 9 : 6]) == kProtocol);
}

TEST_CASE("A checksum is made where the application says, and of ICMPv6 always", "[embedded][raw]") {
  RawHost host;
  Bytes message(8);
  message[0] = std::byte{128};
  RawIpSocket icmp = host.open(Family::v6, 58);
  REQUIRE(host.once(send_packet(icmp, Host::kPeer6.to_ip(), message)));
  Bytes sent = host.take();
  CHECK(part(sent, 40, 8) == icmpv6(Host::k6, Host::kPeer6, wire::Icmpv6Type::echo_request, 0, 0, {}));
  RawIpSocket udp_socket = host.raw.open({.family = Family::v4, .protocol = 17, .checksum_offset = 6}).value();
  Bytes datagram = udp(Host::k4, Host::kPeer4, 1, 2, pattern(9));
  const Bytes good = datagram;
  datagram[6] = datagram[7] = std::byte{0x55};
  REQUIRE(host.once(send_packet(udp_socket, Host::kPeer4.to_ip(), datagram)));
  sent = host.take();
  CHECK(part(sent, 20, sent.size() - 20) == good);
  CHECK(host.once(send_packet(udp_socket, Host::kPeer4.to_ip(), pattern(7))).error() == Error::invalid_argument);
  CHECK(host.raw.open({.family = Family::v4, .protocol = 17, .checksum_offset = 3}).error() == Error::invalid_argument);
}

TEST_CASE("A whole packet is sent as it is, but for lengths, checksum and what is left open", "[embedded][raw]") {
  RawHost host;
  const Family family = GENERATE(Family::v4, Family::v6);
  RawIpSocket socket = host.raw.open({.family = family, .whole_header = true}).value();
  const Address nobody{IpAddress::unspecified(family)};
  Bytes packet = ip({.source = nobody, .destination = Host::peer(family), .protocol = 253, .hop_limit = 3}, pattern(5));
  packet[family == Family::v4 ? 3 : 5] = std::byte{99};  // of the length
  if (family == Family::v4) { packet[10] = packet[11] = std::byte{0}; }
  REQUIRE(host.once(send_packet(socket, Host::peer(family).to_ip(), packet)));
  const Bytes sent = host.take();
  if (family == Family::v4) {
    const auto view = wire::Ipv4View::parse(sent);
    REQUIRE(view);
    CHECK(view->checksum_valid());
    CHECK(view->source() == Host::k4.v4());
    CHECK(view->hop_limit() == 3);
    CHECK(view->total_length() == 25);
  } else {
    const auto view = wire::Ipv6View::parse(sent);
    REQUIRE(view);
    CHECK(view->payload_length() == 5);
    CHECK(Address::from_wire(view->source()) == Host::k6);
  }
  // Any start of one is refused or sent, and nothing else.
  for (std::size_t size = 0; size < header(family); ++size) {
    CHECK(host.once(send_packet(socket, Host::peer(family).to_ip(), part(packet, 0, size))).error() ==
          Error::invalid_argument);
  }
  Bytes wrong = packet;
  wrong[0] = family == Family::v4 ? std::byte{0x4f} : std::byte{0x50};  // a longer header than packet; no version
  CHECK(host.once(send_packet(socket, Host::peer(family).to_ip(), wrong)).error() == Error::invalid_argument);
  CHECK(host.once(send_packet(socket, Host::peer(family).to_ip(), packet + Bytes(1500))).error() ==
        Error::message_size);
  host.take(0);
}

TEST_CASE("A raw socket of one address or interface receives nothing else", "[embedded][raw]") {
  RawHost host;
  RawIpSocket mine = host.raw.open({.family = Family::v4, .protocol = kProtocol, .local = Host::k4.to_ip()}).value();
  RawIpSocket other = host.raw.open({.family = Family::v4, .protocol = kProtocol, .interface = InterfaceId(9)}).value();
  host.receive(from_peer(Family::v4, kProtocol, pattern(1)));
  host.receive(
      ip({.source = Host::kPeer4, .destination = Ipv4Address(10, 0, 0, 255), .protocol = kProtocol}, pattern(2)));
  CHECK(host.next(mine).size() == 21);
  CHECK(host.next(mine).empty());
  CHECK(host.next(other).empty());
  CHECK(host.raw.open({.family = Family::v4, .local = Host::kPeer4.to_ip()}).error() == Error::address_not_available);
  CHECK(host.raw.open({.family = Family::any}).error() == Error::invalid_argument);
}

TEST_CASE("Too many packets are dropped and counted, and a reader that never reads does not stop the stack",
          "[embedded][raw]") {
  RawHost host;
  RawIpSocket socket = host.open(Family::v4, 1);
  RawIpSocket second = host.open(Family::v4, 1);
  RawIpSocket third = host.open(Family::v4, 1);
  CHECK(host.raw.open({.family = Family::v4}).error() == Error::table_full);
  for (int i = 0; i < 50; ++i) {
    host.receive(from_peer(Family::v4, 1, icmpv4(wire::Icmpv4Type::echo_request, 0, 1, pattern(8))));
    host.take(1);
  }
  CHECK(socket.dropped() == 47);
}

TEST_CASE("A packet that is cut off anywhere reaches no raw socket, and the next good one does", "[embedded][raw]") {
  RawHost host;
  const Family family = GENERATE(Family::v4, Family::v6);
  RawIpSocket socket = host.open(family, kProtocol);
  const Bytes packet = from_peer(family, kProtocol, pattern(4));
  for (std::size_t size = 0; size < packet.size(); ++size) {
    host.receive(part(packet, 0, size));
    CHECK(host.next(socket).empty());
  }
  host.receive(packet);
  CHECK(host.next(socket) == packet);
}

TEST_CASE("Waiting for a raw packet may be given up at any poll", "[embedded][raw][cancel]") {
  CHECK(::nal::test::cancel_at_every_poll([] { return std::make_unique<GivenUpWorld>(); }) > 0);
}

}  // namespace nal::embedded::test

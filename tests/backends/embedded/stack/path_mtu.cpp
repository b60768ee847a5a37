#include <catch2/generators/catch_generators.hpp>

#include "tests/backends/embedded/support/host.hpp"

namespace nal::embedded::test {

namespace {

/// A host that sends datagrams far away.
struct Sender {
  explicit Sender(Family tested) : family(tested) {
    socket.emplace(
        host.stack.udp_connect_from({IpAddress::unspecified(family), 6000}, {far().to_ip(), 5000}, {}).value());
  }
  Address far() const { return family == Family::v4 ? Host::kFar4 : Host::kFar6; }
  Address here() const { return Host::address(family); }
  /// A router tells that a packet of this host's was too big.
  void too_big(std::uint32_t mtu, const Bytes& quoted) {
    const Address router = Host::peer(family);
    if (family == Family::v4) {
      host.receive(ipv4({.source = router, .destination = here(), .protocol = 1},
                        icmpv4(wire::Icmpv4Type::destination_unreachable, 4, mtu, quoted)));
    } else {
      host.receive(ipv6({.source = router, .destination = here(), .protocol = 58},
                        icmpv6(router, here(), wire::Icmpv6Type::packet_too_big, 0, mtu, quoted)));
    }
  }
  Bytes sent_packet() const {
    return ip({.source = here(), .destination = far()}, udp(here(), far(), 6000, 5000, pattern(1000)));
  }
  std::uint16_t mtu() { return host.stack.ip().route(far(), Address(), 0).value().mtu; }
  /// Sockets without a path MTU of their own learn by an error that the last one did not arrive.
  Error told() {
    std::array<std::byte, 10> buffer;
    return host.once(receive(*socket, buffer)).error();
  }

  Family family;
  Host host;
  std::optional<Stack::ConnectedUdp> socket;
};

}  // namespace

TEST_CASE("Packet Too Big and Fragmentation Needed are believed, and datagrams cut accordingly",
          "[embedded][path-mtu][fault]") {
  Sender sender(GENERATE(Family::v4, Family::v6));
  CHECK(sender.mtu() == 1500);
  sender.too_big(1300, sender.sent_packet());
  CHECK(sender.mtu() == 1300);
  CHECK(sender.told() == Error::message_size);
  sender.host.device.sent.clear();
  REQUIRE(sender.host.once(send(*sender.socket, pattern(1400))));
  for (const Bytes& fragment : sender.host.take(2)) { CHECK(fragment.size() <= 1300); }
  // It only ever becomes less.
  sender.too_big(1400, sender.sent_packet());
  CHECK(sender.mtu() == 1300);
  // And is forgotten after a while, since paths change.
  sender.host.pass(Duration::minutes(11));
  CHECK(sender.mtu() == 1500);
}

TEST_CASE("A path MTU that no link has is taken for the least that each has", "[embedded][path-mtu][fault]") {
  Sender sender(GENERATE(Family::v4, Family::v6));
  sender.too_big(GENERATE(1U, 20U, 67U), sender.sent_packet());
  CHECK(sender.mtu() == (sender.family == Family::v4 ? 68 : 1280));
}

TEST_CASE("An old router that tells no MTU is believed too", "[embedded][path-mtu]") {
  Sender sender(Family::v4);
  sender.too_big(0, sender.sent_packet());
  CHECK(sender.mtu() == 1492);
  sender.too_big(0, sender.sent_packet());
  CHECK(sender.mtu() == 576);
}

TEST_CASE("PTB spoofing: about a packet that is not this host's nothing is believed", "[embedded][path-mtu][fault]") {
  Sender sender(GENERATE(Family::v4, Family::v6));
  const Address other = Host::peer(sender.family);
  const Bytes foreign =
      ip({.source = other, .destination = sender.far()}, udp(other, sender.far(), 6000, 5000, pattern(1000)));
  sender.too_big(1300, foreign);
  sender.too_big(1300, part(sender.sent_packet(), 0, 20));
  CHECK(sender.mtu() == 1500);
  CHECK(sender.host.stack.ip().statistics().icmp_errors_refused == 2);
}

TEST_CASE("PTB spoofing: about a flow that this host has not nothing is believed", "[embedded][path-mtu][fault]") {
  Sender sender(GENERATE(Family::v4, Family::v6));
  const auto packet = [&](std::uint8_t protocol, const Bytes& transport) {
    return ip({.source = sender.here(), .destination = sender.far(), .protocol = protocol}, transport);
  };
  // A port that nobody has; one that a socket has with somebody else; a TCP connection that is not there.
  sender.too_big(1300, packet(17, udp(sender.here(), sender.far(), 6001, 5000, pattern(1000))));
  sender.too_big(1300, packet(17, udp(sender.here(), sender.far(), 6000, 5001, pattern(1000))));
  sender.too_big(1300, packet(6, pattern(1000)));
  CHECK(sender.mtu() == 1500);
  CHECK(sender.host.stack.ip().statistics().icmp_errors_refused == 3);
  CHECK(sender.told() == Error::would_block);
  // A socket that speaks with anybody may have sent it.
  auto any = sender.host.stack.udp_bind_multiple({IpAddress::unspecified(sender.family), 6001}, {}).value();
  sender.too_big(1300, packet(17, udp(sender.here(), sender.far(), 6001, 5000, pattern(1000))));
  CHECK(sender.mtu() == 1300);
}

TEST_CASE("More paths than there is room for: the oldest are forgotten", "[embedded][path-mtu]") {
  Sender sender(Family::v4);
  auto any = sender.host.stack.udp_bind_multiple({IpAddress::unspecified(Family::v4), 6001}, {}).value();
  for (std::uint8_t i = 1; i <= 20; ++i) {
    const Address there{Ipv4Address(192, 0, 2, i)};
    const Bytes packet =
        ipv4({.source = sender.here(), .destination = there}, udp(sender.here(), there, 6001, 5000, pattern(1000)));
    sender.host.clock.advance(Duration::seconds(1));
    sender.too_big(1000, packet);
    CHECK(sender.host.stack.ip().route(there, Address(), 0).value().mtu == 1000);
  }
  CHECK(sender.host.stack.ip().route(Ipv4Address(192, 0, 2, 1), Address(), 0).value().mtu == 1500);
}

}  // namespace nal::embedded::test

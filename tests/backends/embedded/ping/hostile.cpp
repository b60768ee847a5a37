#include <catch2/generators/catch_generators.hpp>

#include "tests/backends/embedded/ping/pinging.hpp"

namespace nal::embedded::test {

TEST_CASE("An ICMP error that is cut off anywhere is no answer, and the next good one is",
          "[embedded][ping][hostile]") {
  PingHost host;
  const Family family = GENERATE(Family::v4, Family::v6);
  const ProbeKind kind = GENERATE(ProbeKind::echo, ProbeKind::udp);
  ProbeSocket socket = host.open(family, kind);
  const Address far = family == Family::v4 ? Host::kFar4 : Host::kFar6;
  REQUIRE(host.once(send_probe(socket, {.destination = far.to_ip(), .sequence = 1}, pattern(16))));
  const Bytes sent = host.take();
  const std::size_t needed = header_size(family) + 8;
  for (std::size_t size = 0; size <= sent.size(); ++size) {
    host.receive(time_exceeded(Host::peer(family), Host::address(family), part(sent, 0, size)));
    const auto answer = host.next(socket);
    INFO("quoted " << size);
    CHECK(answer.has_value() == (size >= needed));
    if (answer) { CHECK(answer->sequence == 1); }
  }
  // The same, cut off on the wire.
  const Bytes whole = time_exceeded(Host::peer(family), Host::address(family), sent);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    host.receive(part(whole, 0, size));
    CHECK_FALSE(host.next(socket).has_value());
  }
  host.receive(whole);
  CHECK(host.next(socket).has_value());
}

TEST_CASE("An error about somebody else's probe, or one that this host cannot have sent, is not told",
          "[embedded][ping][hostile]") {
  PingHost host;
  const Family family = GENERATE(Family::v4, Family::v6);
  ProbeSocket socket = host.open(family);
  const Address me = Host::address(family);
  const Address peer = Host::peer(family);
  host.receive(time_exceeded(peer, me, echo_request(me, peer, 0x4321, 1, pattern(8))));  // another identifier
  host.receive(time_exceeded(peer, me, echo_request(peer, me, 0x1234, 1, pattern(8))));  // another source
  host.receive(time_exceeded(peer, me, echo_reply(me, peer, 0x1234, 1, pattern(8))));    // no request
  host.receive(time_exceeded(peer, me, ip({.source = me, .destination = peer}, udp(me, peer, 0x1234, 1, pattern(8)))));
  CHECK_FALSE(host.next(socket).has_value());
  CHECK(host.stack.ip().statistics().icmp_errors_refused == 4);
}

TEST_CASE("A reply with a wrong checksum, or cut off anywhere, is none", "[embedded][ping][hostile]") {
  PingHost host;
  const Family family = GENERATE(Family::v4, Family::v6);
  ProbeSocket socket = host.open(family);
  const Bytes good = echo_reply(Host::peer(family), Host::address(family), 0x1234, 1, pattern(8));
  Bytes wrong = good;
  wrong.back() ^= std::byte{1};
  host.receive(wrong);
  for (std::size_t size = 0; size < good.size(); ++size) { host.receive(part(good, 0, size)); }
  CHECK_FALSE(host.next(socket).has_value());
  host.receive(good);
  CHECK(host.next(socket).has_value());
}

TEST_CASE("What RFC 4884 puts behind the quotation does not reach into it", "[embedded][ping][hostile]") {
  PingHost host;
  const Family family = GENERATE(Family::v4, Family::v6);
  ProbeSocket socket = host.open(family);
  const Address me = Host::address(family);
  const Bytes probe = echo_request(me, Host::peer(family), 0x1234, 6, pattern(8));
  // The length of the quotation in words of 4 or 8 bytes: none, too short, right, beyond the end.
  const std::size_t unit = family == Family::v4 ? 4 : 8;
  const Bytes quoted = probe + Bytes(128 - probe.size());
  for (const unsigned words : {0U, 1U, static_cast<unsigned>(128 / unit), 255U}) {
    const std::uint32_t rest = family == Family::v4 ? words << 16 : words << 24;
    host.receive(icmp(Host::peer(family), me, wire::Icmpv4Type::time_exceeded, wire::Icmpv6Type::time_exceeded, 0, rest,
                      quoted + Bytes{std::byte{0x20}, std::byte{0}, std::byte{0xdf}, std::byte{0xff}}));
    const auto answer = host.next(socket);
    CHECK(answer.has_value() == (words != 1));
    if (answer) { CHECK(answer->sequence == 6); }
  }
}

TEST_CASE("Any bytes as an ICMP message leave a socket that works", "[embedded][ping][hostile]") {
  PingHost host;
  const Family family = GENERATE(Family::v4, Family::v6);
  ProbeSocket socket = host.open(family);
  const Address me = Host::address(family);
  const Address peer = Host::peer(family);
  for (unsigned type = 0; type < 256; ++type) {
    if (family == Family::v6 && type >= 130) { break; }  // of the link
    host.receive(icmp(peer, me, static_cast<wire::Icmpv4Type>(type), static_cast<wire::Icmpv6Type>(type), 0,
                      wire::IcmpHeader::echo(0x1234, 1), echo_request(me, peer, 0x1234, 1, pattern(8))));
    while (host.next(socket)) {}
    host.device.sent.clear();
  }
  host.receive(echo_reply(peer, me, 0x1234, 2, pattern(8)));
  CHECK(host.next(socket).value().sequence == 2);
}

}  // namespace nal::embedded::test

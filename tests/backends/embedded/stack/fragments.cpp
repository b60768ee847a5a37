#include <catch2/generators/catch_generators.hpp>

#include "tests/backends/embedded/support/host.hpp"

namespace nal::embedded::test {

namespace {

/// A host with a socket, and a datagram for it to be cut up.
struct Receiver {
  explicit Receiver(Family tested) : family(tested), payload(pattern(3000)) {
    datagram = udp(Host::peer(family), Host::address(family), 5000, 6000, payload);
    socket.emplace(host.stack.udp_bind_multiple({IpAddress::unspecified(family), 6000}, {}).value());
  }
  Bytes fragment(std::size_t at, std::size_t size, std::uint32_t id = 77) const {
    const IpFields fields{.source = Host::peer(family), .destination = Host::address(family)};
    const Bytes piece = part(datagram, at, std::min(size, datagram.size() - at));
    const bool more = at + piece.size() < datagram.size();
    return family == Family::v4 ? ipv4(fields, piece, static_cast<std::uint16_t>(id), at, more)
                                : ipv6_fragment(fields, piece, id, at, more);
  }
  bool received() {
    std::array<std::byte, 9000> buffer;
    const auto got = host.once(receive(*socket, buffer));
    if (!got) {
      CHECK(got.error() == Error::would_block);
      return false;
    }
    CHECK(Bytes(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(got->size)) == payload);
    CHECK(got->remote == Endpoint{Host::peer(family).to_ip(), 5000});
    CHECK(got->local == Endpoint{Host::address(family).to_ip(), 6000});
    CHECK(got->hop_limit == 64);
    return true;
  }

  Family family;
  Host host;
  Bytes payload;
  Bytes datagram;
  std::optional<Stack::MultiplyBoundUdp> socket;
};

}  // namespace

TEST_CASE("Fragments are put together in whatever order they come", "[embedded][fragments]") {
  Receiver world(GENERATE(Family::v4, Family::v6));
  std::array<std::size_t, 4> order{0, 800, 1600, 2400};
  int tried = 0;
  do {
    for (const std::size_t at : order) { world.host.receive(world.fragment(at, 800)); }
    CHECK(world.received());
    ++tried;
  } while (std::next_permutation(order.begin(), order.end()));
  CHECK(tried == 24);
  CHECK(world.host.stack.ip().reassembly().completed == 24);
}

TEST_CASE("A fragment that comes twice does no harm", "[embedded][fragments]") {
  Receiver world(GENERATE(Family::v4, Family::v6));
  world.host.receive(world.fragment(0, 800));
  world.host.receive(world.fragment(0, 800));
  world.host.receive(world.fragment(2400, 800));
  world.host.receive(world.fragment(800, 800));
  world.host.receive(world.fragment(1600, 800));
  CHECK(world.received());
}

TEST_CASE("Overlapping fragments end the datagram, and every part of it that comes later",
          "[embedded][fragments][fault]") {
  Receiver world(GENERATE(Family::v4, Family::v6));
  world.host.receive(world.fragment(0, 808));
  world.host.receive(world.fragment(800, 800));
  world.host.receive(world.fragment(808, 792));
  world.host.receive(world.fragment(1600, 800));
  world.host.receive(world.fragment(2400, 800));
  CHECK(!world.received());
  CHECK(world.host.stack.ip().reassembly().overlapping == 1);
  // Not the next one.
  for (std::size_t at = 0; at < 3008; at += 1008) { world.host.receive(world.fragment(at, 1008, 78)); }
  CHECK(world.received());
}

TEST_CASE("One reassembly slot that any stray fragment pins: strays give way to a datagram that comes whole",
          "[embedded][fragments][fault]") {
  Receiver world(GENERATE(Family::v4, Family::v6));
  for (std::uint32_t id = 0; id < 20; ++id) { world.host.receive(world.fragment(800, 800, id)); }
  for (std::size_t at = 0; at < 3008; at += 1008) { world.host.receive(world.fragment(at, 1008)); }
  CHECK(world.received());
}

TEST_CASE("Datagrams whose fragments are mixed are all put together", "[embedded][fragments][fault]") {
  Receiver world(GENERATE(Family::v4, Family::v6));
  for (std::size_t at = 0; at < 3008; at += 1008) {
    for (std::uint32_t id = 1; id <= 3; ++id) { world.host.receive(world.fragment(at, 1008, id)); }
  }
  for (int i = 0; i < 3; ++i) { CHECK(world.received()); }
}

TEST_CASE("FragmentSmack: a flood of tiny fragments costs bounded memory, and the next datagram comes through",
          "[embedded][fragments][hostile]") {
  Receiver world(GENERATE(Family::v4, Family::v6));
  // Every other word of many datagrams: none of them ever comes whole.
  for (std::uint32_t id = 100; id < 150; ++id) {
    for (std::size_t at = 0; at < 2400; at += 16) { world.host.receive(world.fragment(at, 8, id)); }
  }
  const auto& pool = world.host.stack.large_packets();
  CHECK(pool.available() + Host::kConfig.partial_packets >= pool.count());
  CHECK(world.host.stack.packets().available() == world.host.stack.packets().count());
  for (std::size_t at = 0; at < 3008; at += 1008) { world.host.receive(world.fragment(at, 1008, 200)); }
  CHECK(world.received());
  world.host.pass(Duration::minutes(2));
  CHECK(pool.available() == pool.count());
  world.host.device.sent.clear();
}

TEST_CASE("What does not come whole is dropped after a while, and its sender told", "[embedded][fragments]") {
  Receiver world(GENERATE(Family::v4, Family::v6));
  const Bytes first = world.fragment(0, 800);
  world.host.receive(first);
  world.host.pass(Duration::seconds(29));
  world.host.take(0);
  world.host.pass(Duration::seconds(2));
  const Bytes error = world.host.take();
  const std::size_t header = world.family == Family::v4 ? 20 : 40;
  CHECK(error.at(header) == static_cast<std::byte>(world.family == Family::v4 ? 11 : 3));
  CHECK(error.at(header + 1) == std::byte{1});
  CHECK(world.host.stack.large_packets().available() == world.host.stack.large_packets().count());
  // Nobody is told of one without its first fragment (RFC 1122 §3.3.2, RFC 8200 §4.5).
  world.host.receive(world.fragment(800, 800));
  world.host.pass(Duration::seconds(31));
  world.host.take(0);
  CHECK(world.host.stack.ip().reassembly().timed_out == 2);
}

TEST_CASE("Fragments that say what cannot be are refused, and the next datagram comes through",
          "[embedded][fragments]") {
  Receiver world(GENERATE(Family::v4, Family::v6));
  const IpFields fields{.source = Host::peer(world.family), .destination = Host::address(world.family)};
  const auto make = [&](const Bytes& piece, std::size_t at, bool more) {
    return world.family == Family::v4 ? ipv4(fields, piece, 77, at, more) : ipv6_fragment(fields, piece, 77, at, more);
  };
  SECTION("beyond the largest packet") { world.host.receive(make(pattern(100), 65528, false)); }
  SECTION("beyond what there is memory for") { world.host.receive(make(pattern(100), 9000, false)); }
  SECTION("not of whole words, though there is more") { world.host.receive(make(pattern(801), 0, true)); }
  SECTION("of nothing") { world.host.receive(make({}, 800, true)); }
  SECTION("two ends") {
    world.host.receive(make(pattern(100), 800, false));
    world.host.receive(make(pattern(100), 1600, false));
  }
  SECTION("behind the end") {
    world.host.receive(make(pattern(800), 1600, true));
    world.host.receive(make(pattern(100), 800, false));
  }
  for (std::size_t at = 0; at < 3008; at += 1008) { world.host.receive(world.fragment(at, 1008, 78)); }
  CHECK(world.received());
}

TEST_CASE("A datagram larger than the link takes leaves in fragments", "[embedded][fragments][fault]") {
  Receiver world(GENERATE(Family::v4, Family::v6));
  const Endpoint remote{Host::peer(world.family).to_ip(), 5000};
  REQUIRE(world.host.once(send_to(*world.socket, remote, world.payload)));
  Bytes datagram;
  for (const Bytes& fragment : world.host.take(3)) {
    CHECK(fragment.size() <= 1500);
    if (world.family == Family::v4) {
      const auto view = wire::Ipv4View::parse(fragment);
      REQUIRE(view);
      CHECK(view->checksum_valid());
      CHECK(view->fragment_offset() == datagram.size());
      CHECK(!view->dont_fragment());
      datagram = datagram + part(fragment, 20, fragment.size() - 20);
    } else {
      const auto chain = wire::walk_extension_headers(wire::Ipv6View::parse(fragment).value());
      CHECK(chain.verdict == wire::Ipv6Chain::Verdict::fragment);
      CHECK(chain.fragment_offset == datagram.size());
      datagram = datagram + part(fragment, 48, fragment.size() - 48);
    }
  }
  CHECK(datagram == udp(Host::address(world.family), Host::peer(world.family), 6000, 5000, world.payload));
}

TEST_CASE("Oversized sends return success: one larger than all memory is refused", "[embedded][fragments][fault]") {
  Receiver world(GENERATE(Family::v4, Family::v6));
  const Endpoint remote{Host::peer(world.family).to_ip(), 5000};
  const auto sent = world.host.once(send_to(*world.socket, remote, pattern(9000)));
  REQUIRE(!sent);
  CHECK(sent.error() == Error::message_size);
  world.host.take(0);
}

TEST_CASE("A datagram is sent in all its fragments or not at all", "[embedded][fragments]") {
  Receiver world(GENERATE(Family::v4, Family::v6));
  std::vector<driver::Packet> held;
  while (world.host.stack.packets().available() > 2) { held.push_back(world.host.stack.packets().allocate(0)); }
  const Endpoint remote{Host::peer(world.family).to_ip(), 5000};
  const auto sent = world.host.once(send_to(*world.socket, remote, world.payload));
  REQUIRE(!sent);
  CHECK(sent.error() == Error::would_block);
  world.host.take(0);
}

TEST_CASE("Neighbor Discovery does not come in fragments", "[embedded][fragments][fault]") {
  Host host(driver::Medium::ethernet);
  const IpFields fields{.source = Host::kPeer6, .destination = Host::k6, .protocol = 58, .hop_limit = 255};
  // Who has this host's address? With the source's hardware address.
  Bytes body(24);
  std::copy(Host::k6.wire().begin(), Host::k6.wire().end(), body.begin());
  body[16] = body[17] = std::byte{1};
  std::copy_n(std::as_bytes(std::span(Host::kPeerMac.bytes())).begin(), 6, body.begin() + 18);
  const Bytes message = icmpv6(Host::kPeer6, Host::k6, wire::Icmpv6Type::neighbor_solicitation, 0, 0, body);
  const auto frame = [](const Bytes& packet) {
    return ethernet(TestDevice::kAddress, Host::kPeerMac, wire::EtherType::ipv6, packet);
  };
  host.receive(frame(ipv6_fragment(fields, part(message, 0, 16), 7, 0, true)));
  host.receive(frame(ipv6_fragment(fields, part(message, 16, message.size() - 16), 7, 16, false)));
  CHECK(host.stack.ip().reassembly().completed == 1);
  host.take(0);
  host.receive(frame(ipv6(fields, message)));
  CHECK(host.take().at(14 + 40) == static_cast<std::byte>(wire::Icmpv6Type::neighbor_advertisement));
}

}  // namespace nal::embedded::test

#include <catch2/catch_test_macros.hpp>

#include "tests/backends/embedded/ip/fake_link.hpp"

namespace nal::embedded {
namespace {

using namespace nal::literals;
using Lines = std::vector<std::string>;
using State = Neighbor::State;
using Role = Neighbor::Role;

const Ipv6Address kHost = "fe80::1"_ipv6;
const Ipv6Address kPeer = "fe80::2"_ipv6;
const Ipv6Address kOther = "fe80::3"_ipv6;
const Ipv6Address kHostGroup = kHost.solicited_node();
constexpr MacAddress kPeerMac{2, 0, 0, 0, 0, 0x22};
constexpr MacAddress kNewMac{2, 0, 0, 0, 0, 0x33};
const std::string kAsk = "fe80::1 > ff02::1:ff00:2 ns fe80::2 from 02:00:00:00:00:01 -> 33:33:ff:00:00:02";

class Nd : public FakeLink {
 public:
  explicit Nd(Options options = {}) : FakeLink(options) { use(eth0, kHost, 64); }

  void send_to(const Ipv6Address& to, unsigned number) { send(eth0, kHost, to, to, number); }
  void answer(const char* flags, const MacAddress* mac) { advertise(kPeer, kHost, kPeer, mac, flags); }
  const Neighbor* entry(const Ipv6Address& of) { return neighbors.lookup(1, Address(of)); }
  State state(const Ipv6Address& of) { return entry(of) ? entry(of)->state : State::none; }

  /// The peer in `state`, at `kPeerMac`.
  void bring_to(State wanted) {
    neighbors.flush(1);
    hint = 0xffff;
    send_to(kPeer, 1);
    if (wanted != State::incomplete) {
      answer("SO", &kPeerMac);
      if (wanted != State::reachable) {
        advance(60_s);
        advertise(kPeer, Ipv6Address::all_nodes(), kPeer, &kNewMac, "O");
        advertise(kPeer, Ipv6Address::all_nodes(), kPeer, &kPeerMac, "O");
      }
      if (wanted == State::delay || wanted == State::probe) { send_to(kPeer, 1); }
      if (wanted == State::probe) { advance(5_s); }
    }
    take();
    REQUIRE(state(kPeer) == wanted);
  }
};

TEST_CASE("a neighbour is asked for at its solicited-node group, and answers", "[embedded][neighbors]") {
  Nd link;
  link.send_to(kPeer, 1);
  CHECK(link.take() == Lines{kAsk});
  link.answer("SO", &kPeerMac);
  CHECK(link.take() == Lines{"fe80::1 > fe80::2 #1 -> 02:00:00:00:00:22"});
  CHECK(link.state(kPeer) == State::reachable);
  CHECK(link.entry(kPeer)->role == Role::host);
}

TEST_CASE("a solicited-node group has three octets of the address", "[embedded][neighbors]") {
  Nd link;
  link.send_to("fe80::12:3456:789a"_ipv6, 1);
  CHECK(link.take() ==
        Lines{"fe80::1 > ff02::1:ff56:789a ns fe80::12:3456:789a from 02:00:00:00:00:01 -> 33:33:ff:56:78:9a"});
}

TEST_CASE("a stale neighbour that is used is probed by itself, and given up", "[embedded][neighbors]") {
  Nd link;
  link.bring_to(State::stale);
  link.eth0.retransmit_time = 2_s;
  const Instant used = link.now;
  link.send_to(kPeer, 7);
  link.advance(30_s);
  const auto lines = link.take_timed();
  REQUIRE(lines.size() == 4);
  CHECK(lines[0].text == "fe80::1 > fe80::2 #7 -> 02:00:00:00:00:22");
  for (unsigned i = 0; i < 3; ++i) {
    CHECK(lines[1 + i].text == "fe80::1 > fe80::2 ns fe80::2 from 02:00:00:00:00:01 -> 02:00:00:00:00:22");
    CHECK(lines[1 + i].at == used + Duration::seconds(5 + 2 * i));
  }
  CHECK(link.state(kPeer) == State::failed);
}

// RFC 4861 §7.2.5 and the table of appendix C: what an advertisement makes of an entry in each state.
TEST_CASE("an advertisement changes an entry as RFC 4861 appendix C says", "[embedded][neighbors]") {
  struct Row {
    State before;
    const char* flags;  // Solicited, Override
    const MacAddress* mac;
    State after;
    const MacAddress* mac_after;
  };
  constexpr State kDelay = State::delay;  // of a stale one that a packet has waited for
  const Row rows[] = {
      {State::incomplete, "SO", nullptr, State::incomplete, nullptr},
      {State::incomplete, "", &kPeerMac, kDelay, &kPeerMac},
      {State::incomplete, "O", &kPeerMac, kDelay, &kPeerMac},
      {State::incomplete, "S", &kPeerMac, State::reachable, &kPeerMac},
      {State::incomplete, "SO", &kPeerMac, State::reachable, &kPeerMac},

      {State::reachable, "", &kNewMac, State::stale, &kPeerMac},
      {State::reachable, "S", &kNewMac, State::stale, &kPeerMac},
      {State::reachable, "O", &kNewMac, State::stale, &kNewMac},
      {State::reachable, "SO", &kNewMac, State::reachable, &kNewMac},
      {State::reachable, "", &kPeerMac, State::reachable, &kPeerMac},
      {State::reachable, "O", &kPeerMac, State::reachable, &kPeerMac},
      {State::reachable, "SO", nullptr, State::reachable, &kPeerMac},

      {State::stale, "", &kNewMac, State::stale, &kPeerMac},
      {State::stale, "S", &kNewMac, State::stale, &kPeerMac},
      {State::stale, "O", &kNewMac, State::stale, &kNewMac},
      {State::stale, "SO", &kNewMac, State::reachable, &kNewMac},
      {State::stale, "S", &kPeerMac, State::reachable, &kPeerMac},
      {State::stale, "S", nullptr, State::reachable, &kPeerMac},
      {State::stale, "O", &kPeerMac, State::stale, &kPeerMac},

      {State::delay, "S", &kNewMac, State::delay, &kPeerMac},
      {State::delay, "SO", &kNewMac, State::reachable, &kNewMac},
      {State::delay, "O", &kNewMac, State::stale, &kNewMac},
      {State::delay, "S", nullptr, State::reachable, &kPeerMac},
      {State::delay, "", &kPeerMac, State::delay, &kPeerMac},

      {State::probe, "S", &kNewMac, State::probe, &kPeerMac},
      {State::probe, "SO", &kNewMac, State::reachable, &kNewMac},
      {State::probe, "O", &kNewMac, State::stale, &kNewMac},
      {State::probe, "S", &kPeerMac, State::reachable, &kPeerMac},
      {State::probe, "", nullptr, State::probe, &kPeerMac},
  };
  Nd link;
  for (const Row& row : rows) {
    INFO("state " << static_cast<int>(row.before) << " flags \"" << row.flags << "\" "
                  << (!row.mac              ? "no"
                      : row.mac == &kNewMac ? "another"
                                            : "the same")
                  << " address");
    link.bring_to(row.before);
    link.answer(row.flags, row.mac);
    CHECK(link.state(kPeer) == row.after);
    if (row.mac_after) { CHECK(link.entry(kPeer)->hardware_address == *row.mac_after); }
  }
}

TEST_CASE("an advertisement is about its target, never about who sent it", "[embedded][neighbors]") {
  Nd link;
  link.send_to(kPeer, 1);
  link.send_to(kOther, 2);
  link.take();
  link.advertise(kOther, kHost, kPeer, &kPeerMac, "SO");
  CHECK(link.take() == Lines{"fe80::1 > fe80::2 #1 -> 02:00:00:00:00:22"});
  CHECK(link.state(kOther) == State::incomplete);
}

TEST_CASE("an advertisement that nobody asked for makes no entry", "[embedded][neighbors]") {
  Nd link;
  link.answer("SO", &kPeerMac);
  link.advertise(kPeer, Ipv6Address::all_nodes(), kPeer, &kPeerMac, "O");
  CHECK(link.state(kPeer) == State::none);
}

TEST_CASE("a router that says it is none any more is told, so that routes change", "[embedded][neighbors]") {
  Nd link;
  link.send_to(kPeer, 1);
  link.answer("RSO", &kPeerMac);
  CHECK(link.entry(kPeer)->role == Role::router);
  const unsigned before = link.changes;
  link.answer("SO", &kPeerMac);
  CHECK(link.entry(kPeer)->role == Role::host);
  CHECK(link.changes == before + 1);
}

TEST_CASE("a solicitation is answered, and makes an entry of who asked", "[embedded][neighbors]") {
  Nd link;
  link.solicit(kPeer, kHostGroup, kHost, &kPeerMac);
  CHECK(link.take() == Lines{"fe80::1 > fe80::2 na fe80::1 is-at 02:00:00:00:00:01 S O -> 02:00:00:00:00:22"});
  CHECK(link.state(kPeer) == State::stale);
  CHECK(link.neighbors.lookup(1, Address(kPeer))->used == 0);
  link.advance(60_s);
  CHECK(link.take().empty());  // the answer alone is no reason to probe
  // By unicast, without an option, from a neighbour that is known.
  link.solicit(kPeer, kHost, kHost);
  CHECK(link.take() == Lines{"fe80::1 > fe80::2 na fe80::1 is-at 02:00:00:00:00:01 S O -> 02:00:00:00:00:22"});
}

TEST_CASE("a solicitation from :: is answered to all, so that an address is defended", "[embedded][neighbors]") {
  Nd link;
  link.solicit({}, kHostGroup, kHost);
  CHECK(link.take() == Lines{"fe80::1 > ff02::1 na fe80::1 is-at 02:00:00:00:00:01 O -> 33:33:00:00:00:01"});
  CHECK(link.eth0.has(Address(kHost)));
}

TEST_CASE("a flood of solicitations under many names leaves the neighbours in use alone", "[embedded][neighbors]") {
  Nd link;
  link.send_to(kPeer, 1);
  link.answer("SO", &kPeerMac);
  link.advance(60_s);
  for (std::uint16_t i = 0; i < 1000; ++i) { link.solicit({0xfe80, 0, 0, 0, 0, 0, 1, i}, kHostGroup, kHost, &kNewMac); }
  REQUIRE(link.entry(kPeer));
  link.take();
  link.advance(60_s);
  CHECK(link.take().empty());
}

TEST_CASE("messages that RFC 4861 §7.1 calls invalid do nothing", "[embedded][neighbors]") {
  Nd link;
  link.send_to(kPeer, 1);
  link.take();
  std::array<std::byte, 32> out;
  wire::NdpWriter writer(out, wire::NdpWriter::NeighborAdvertisement{false, true, true, wire::bytes_of(kPeer)});
  writer.link_layer(wire::NdpOptionType::target_link_layer, kPeerMac);
  const Bytes good = copy(writer.finish(wire::bytes_of(kPeer), wire::bytes_of(kHost)));
  REQUIRE(good.size() == 32);

  for (const unsigned hop_limit : {0u, 1u, 64u, 254u}) {
    link.icmpv6(kPeer, kHost, good, static_cast<std::uint8_t>(hop_limit));
  }
  for_each_truncation(good, [&](const Bytes& part) { link.icmpv6(kPeer, kHost, part); });
  const auto with = [&](std::size_t at, unsigned value) {
    Bytes other = good;
    other[at] = static_cast<std::byte>(value);
    link.icmpv6(kPeer, kHost, other);
  };
  for (const unsigned code : {1u, 255u}) { with(1, code); }
  for (const unsigned length : {0u, 2u, 255u}) { with(25, length); }  // of the option, 1 being right
  with(8, 0xff);                                                      // a target that is a group
  link.icmpv6(kPeer, Ipv6Address::all_nodes(), good);                 // solicited, to a group
  with(26, 0x01);                                                     // a group's hardware address
  CHECK(link.state(kPeer) == State::incomplete);
  CHECK(link.take().empty());

  const Ipv6Address group = kHostGroup;
  const Ipv6Address none;
  const auto solicitation = [&](const Ipv6Address& target, bool option) {
    wire::NdpWriter ns(out, wire::NdpWriter::NeighborSolicitation{wire::bytes_of(target)});
    if (option) { ns.link_layer(wire::NdpOptionType::source_link_layer, kPeerMac); }
    return copy(ns.finish(wire::bytes_of(none), wire::bytes_of(group)));
  };
  link.icmpv6(none, kHost, solicitation(kHost, false));  // from :: to no solicited-node group
  link.icmpv6(none, Ipv6Address::all_nodes(), solicitation(kHost, false));
  link.icmpv6(none, group, solicitation(kHost, true));  // from :: with a hardware address
  link.icmpv6(Ipv6Address::all_nodes(), group, solicitation(kHost, true));
  link.icmpv6(kOther, group, solicitation(kHost, true), 254);
  link.icmpv6(kOther, group, solicitation(kOther, true));  // not about this host
  for_each_truncation(solicitation(kHost, false), [&](const Bytes& part) { link.icmpv6(none, group, part); });
  CHECK(link.take().empty());
  CHECK(link.state(kOther) == State::none);

  link.icmpv6(kPeer, kHost, good);
  CHECK(link.take() == Lines{"fe80::1 > fe80::2 #1 -> 02:00:00:00:00:22"});
}

TEST_CASE("Neighbor Discovery says nothing of IPv4 addresses", "[embedded][neighbors]") {
  Nd link({.dad = {.ipv6_transmits = 1, .ipv4_probes = 0}});
  link.use(link.eth0, IpAddress(Ipv4Address(10, 0, 0, 1)), 24);
  const Ipv4Address peer(10, 0, 0, 2);
  const Ipv6Address mapped = Ipv6Address::from_v4({10, 0, 0, 1});
  link.solicit(kPeer, mapped.solicited_node(), mapped, &kPeerMac);
  link.solicit({}, mapped.solicited_node(), mapped);
  CHECK(link.take().empty());
  link.send(link.eth0, Ipv4Address(10, 0, 0, 1), peer, peer, 1);
  link.take();
  link.advertise(kPeer, kHost, Ipv6Address::from_v4(peer), &kPeerMac, "SO");
  CHECK(link.take().empty());
}

TEST_CASE("without an address that is in use, a neighbour is not asked from ::", "[embedded][neighbors]") {
  FakeLink link;
  link.start(link.eth0, kHost, 64);  // tentative
  link.send(link.eth0, kHost, kPeer, kPeer, 1);
  CHECK(link.take() == Lines{":: > ff02::16 mld2 to_ex ff02::1:ff00:1{} -> 33:33:00:00:00:16"});
}

TEST_CASE("groups of IPv6 need no neighbour", "[embedded][neighbors]") {
  Nd link;
  link.send_to("ff02::fb"_ipv6, 1);
  link.send_to("ff3e::1:2:3"_ipv6, 2);
  CHECK(link.take() ==
        Lines{"fe80::1 > ff02::fb #1 -> 33:33:00:00:00:fb", "fe80::1 > ff3e::1:2:3 #2 -> 33:33:00:02:00:03"});
}

}  // namespace
}  // namespace nal::embedded

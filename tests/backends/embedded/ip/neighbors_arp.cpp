#include <catch2/catch_test_macros.hpp>

#include "nal/ip_address.hpp"
#include "tests/backends/embedded/ip/fake_link.hpp"

namespace nal::embedded {
namespace {

using namespace nal::literals;
using Lines = std::vector<std::string>;
using State = Neighbor::State;
using Op = wire::ArpOperation;

constexpr Ipv4Address kHost{10, 0, 0, 1};
constexpr Ipv4Address kPeer{10, 0, 0, 2};
constexpr Ipv4Address kOther{10, 0, 0, 3};
constexpr MacAddress kPeerMac{2, 0, 0, 0, 0, 0x22};
constexpr MacAddress kNewMac{2, 0, 0, 0, 0, 0x33};
const std::string kAsk = "arp who-has 10.0.0.2 tell 10.0.0.1 -> ff:ff:ff:ff:ff:ff";

class Arp : public FakeLink {
 public:
  explicit Arp(Options options = {}) : FakeLink(with_quick_addresses(options)) { use(eth0, kHost, 24); }

  void send_to(Ipv4Address to, unsigned number) { send(eth0, kHost, to, to, number); }
  /// The answer to what this host asked.
  void reply(Ipv4Address from, const MacAddress& mac) { arp(mac, Op::reply, from, kHost); }
  State state(Ipv4Address of) {
    const Neighbor* const entry = neighbors.lookup(1, Address(of));
    return entry ? entry->state : State::none;
  }
  MacAddress mac(Ipv4Address of) { return neighbors.lookup(1, Address(of))->hardware_address; }

 private:
  static Options with_quick_addresses(Options options) {
    options.dad.ipv4_probes = 0;
    return options;
  }
};

TEST_CASE("a datagram to a neighbour that is not known waits for it, and is not lost", "[embedded][neighbors]") {
  Arp link;
  link.send_to(kPeer, 1);
  CHECK(link.take() == Lines{kAsk});
  link.send_to(kPeer, 2);
  CHECK(link.take().empty());
  link.reply(kPeer, kPeerMac);
  CHECK(link.take() ==
        Lines{"10.0.0.1 > 10.0.0.2 #1 -> 02:00:00:00:00:22", "10.0.0.1 > 10.0.0.2 #2 -> 02:00:00:00:00:22"});
  CHECK(link.state(kPeer) == State::reachable);
  link.send_to(kPeer, 3);
  CHECK(link.take() == Lines{"10.0.0.1 > 10.0.0.2 #3 -> 02:00:00:00:00:22"});
  CHECK(link.pool.available() == link.pool.count());
}

TEST_CASE("a neighbour that does not answer is asked three times, then the sender is told", "[embedded][neighbors]") {
  Arp link;
  link.send_to(kPeer, 1);
  link.advance(2500_ms);
  CHECK(link.take() == Lines{kAsk, kAsk, kAsk});
  link.advance(1_s);
  CHECK(link.take() == Lines{"unreachable: 10.0.0.1 > 10.0.0.2 #1"});
  CHECK(link.neighbors.lookup(1, Address(kPeer))->suspect);

  // For a second all else comes back at once.
  link.send_to(kPeer, 2);
  CHECK(link.take() == Lines{"unreachable: 10.0.0.1 > 10.0.0.2 #2"});
  link.advance(1_s);
  link.send_to(kPeer, 3);
  CHECK(link.take() == Lines{kAsk});
  link.reply(kPeer, kPeerMac);
  CHECK(link.take() == Lines{"10.0.0.1 > 10.0.0.2 #3 -> 02:00:00:00:00:22"});
  CHECK_FALSE(link.neighbors.lookup(1, Address(kPeer))->suspect);
}

TEST_CASE("one dead neighbour does not starve the rest: each is asked by its own timer", "[embedded][neighbors]") {
  Arp link;
  for (std::uint8_t i = 10; i < 14; ++i) { link.send_to({10, 0, 0, i}, i); }
  CHECK(link.take().size() == 4);  // all in the same instant
  link.reply({10, 0, 0, 13}, kPeerMac);
  CHECK(link.take() == Lines{"10.0.0.1 > 10.0.0.13 #13 -> 02:00:00:00:00:22"});
  link.send_to(kPeer, 1);
  CHECK(link.take() == Lines{kAsk});
}

TEST_CASE("no more than three packets wait for one neighbour, the oldest giving way", "[embedded][neighbors]") {
  Arp link;
  for (unsigned i = 1; i <= 5; ++i) { link.send_to(kPeer, i); }
  CHECK(link.pool.available() == link.pool.count() - Neighbors::kMaxWaiting);
  link.take();
  link.reply(kPeer, kPeerMac);
  CHECK(link.take() == Lines{"10.0.0.1 > 10.0.0.2 #3 -> 02:00:00:00:00:22",
                             "10.0.0.1 > 10.0.0.2 #4 -> 02:00:00:00:00:22",
                             "10.0.0.1 > 10.0.0.2 #5 -> 02:00:00:00:00:22"});
}

TEST_CASE("pending packets never fill the pool: those of the busiest neighbour give way", "[embedded][neighbors]") {
  Arp link({.max_waiting = 4});
  for (unsigned i = 1; i <= 3; ++i) { link.send_to(kPeer, i); }
  link.send_to(kOther, 4);
  link.send_to({10, 0, 0, 4}, 5);
  link.send_to({10, 0, 0, 5}, 6);
  CHECK(link.pool.available() == link.pool.count() - 4);
  link.take();
  link.reply(kPeer, kPeerMac);
  CHECK(link.take() == Lines{"10.0.0.1 > 10.0.0.2 #3 -> 02:00:00:00:00:22"});
  link.reply(kOther, kPeerMac);
  CHECK(link.take() == Lines{"10.0.0.1 > 10.0.0.3 #4 -> 02:00:00:00:00:22"});
}

TEST_CASE("a neighbour whose packets have given way is not asked more often for it", "[embedded][neighbors]") {
  Arp link({.max_waiting = 1});
  link.send_to(kPeer, 1);
  link.send_to(kOther, 2);
  CHECK(link.take().size() == 2);
  for (unsigned i = 0; i < 10; ++i) {
    link.send_to(kPeer, 3);
    link.send_to(kOther, 4);
  }
  CHECK(link.take().empty());
  link.advance(5_s);
  const Lines lines = link.take();
  CHECK(std::count(lines.begin(), lines.end(), kAsk) == 2);  // three in all
}

TEST_CASE("a neighbour that was heard from is looked at again only when it is used", "[embedded][neighbors]") {
  Arp link;
  link.send_to(kPeer, 1);
  link.reply(kPeer, kPeerMac);
  link.take();
  CHECK(link.neighbors.poll_at().is_never() == false);  // a solicitation's timer, that nobody needs any more
  link.advance(60_s);
  CHECK(link.neighbors.poll_at().is_never());
  CHECK(link.take().empty());
  const Instant used = link.now;
  link.send_to(kPeer, 2);
  CHECK(link.state(kPeer) == State::delay);
  link.advance(30_s);
  const auto lines = link.take_timed();
  REQUIRE(lines.size() == 4);
  CHECK(lines[0].text == "10.0.0.1 > 10.0.0.2 #2 -> 02:00:00:00:00:22");
  for (unsigned i = 0; i < 3; ++i) {
    // Asked by itself alone (RFC 1122 §2.3.2.1), after DELAY_FIRST_PROBE_TIME.
    CHECK(lines[1 + i].text == "arp who-has 10.0.0.2 tell 10.0.0.1 -> 02:00:00:00:00:22");
    CHECK(lines[1 + i].at == used + Duration::seconds(5 + i));
  }
  CHECK(link.state(kPeer) == State::failed);
  // It may have another address by now: everybody is asked at once.
  link.send_to(kPeer, 3);
  CHECK(link.take() == Lines{kAsk});
}

TEST_CASE("what the transport hears from a neighbour spares it from being asked", "[embedded][neighbors]") {
  Arp link;
  link.send_to(kPeer, 1);
  link.reply(kPeer, kPeerMac);
  link.take();
  for (unsigned i = 0; i < 20; ++i) {
    link.advance(10_s);
    link.neighbors.confirm(link.eth0, Address(kPeer), link.hint, link.now);
    link.send_to(kPeer, 2);
    CHECK(link.take() == Lines{"10.0.0.1 > 10.0.0.2 #2 -> 02:00:00:00:00:22"});
  }
  CHECK(link.state(kPeer) == State::reachable);
  // A hint that is somebody else's by now, or none, confirms nothing.
  link.advance(60_s);
  link.neighbors.confirm(link.eth0, Address(kOther), link.hint, link.now);
  link.neighbors.confirm(link.eth0, Address(kPeer), 0xffff, link.now);
  link.send_to(kPeer, 3);
  CHECK(link.state(kPeer) == State::delay);
  link.neighbors.confirm(link.eth0, Address(kPeer), link.hint, link.now);
  CHECK(link.state(kPeer) == State::reachable);
}

TEST_CASE("a gratuitous ARP updates the entry that is there, and makes none", "[embedded][neighbors]") {
  Arp link;
  link.arp(kPeerMac, Op::request, kPeer, kPeer);
  link.arp(kPeerMac, Op::reply, kPeer, kPeer);
  link.arp(kPeerMac, Op::reply, kPeer, kHost);
  link.arp(kPeerMac, Op::request, kPeer, kOther);
  CHECK(link.state(kPeer) == State::none);
  link.send_to(kPeer, 1);
  link.reply(kPeer, kPeerMac);
  for (const Op operation : {Op::request, Op::reply}) {
    const MacAddress mac(2, 0, 0, 0, 1, static_cast<std::uint8_t>(operation));
    link.arp(mac, operation, kPeer, kPeer);
    CHECK(link.mac(kPeer) == mac);
    CHECK(link.state(kPeer) == State::stale);
  }
  // It also ends the waiting.
  link.send_to(kOther, 2);
  link.take();
  link.arp(kNewMac, Op::request, kOther, kOther);
  CHECK(link.take() == Lines{"10.0.0.1 > 10.0.0.3 #2 -> 02:00:00:00:00:33"});
}

TEST_CASE("a gateway that is not of the own network is a neighbour like any other", "[embedded][neighbors]") {
  Arp link;
  constexpr Ipv4Address kGateway{192, 0, 2, 1};
  link.send(link.eth0, kHost, IpAddress(Ipv4Address(198, 51, 100, 7)), kGateway, 1);
  CHECK(link.take() == Lines{"arp who-has 192.0.2.1 tell 10.0.0.1 -> ff:ff:ff:ff:ff:ff"});
  link.reply(kGateway, kPeerMac);
  CHECK(link.take() == Lines{"10.0.0.1 > 198.51.100.7 #1 -> 02:00:00:00:00:22"});
}

TEST_CASE("who asks for this host is answered, and known from then on", "[embedded][neighbors]") {
  Arp link;
  link.arp(kPeerMac, Op::request, kPeer, kHost);
  CHECK(link.take() == Lines{"arp 10.0.0.1 is-at 02:00:00:00:00:01 -> 02:00:00:00:00:22"});
  CHECK(link.state(kPeer) == State::stale);
  link.send_to(kPeer, 1);
  CHECK(link.take() == Lines{"10.0.0.1 > 10.0.0.2 #1 -> 02:00:00:00:00:22"});
  // A probe makes no entry (RFC 5227 §2.1), but is told that the address is taken.
  link.arp(kNewMac, Op::request, {}, kHost);
  CHECK(link.take() == Lines{"arp 10.0.0.1 is-at 02:00:00:00:00:01 -> 02:00:00:00:00:33"});
  // For others nobody answers.
  link.arp(kNewMac, Op::request, kPeer, kOther);
  CHECK(link.take().empty());
}

TEST_CASE("a hardware address that is no station's is refused", "[embedded][neighbors]") {
  Arp link;
  link.send_to(kPeer, 1);
  link.take();
  for (const MacAddress& mac : {MacAddress::broadcast(), MacAddress(1, 0, 0x5e, 0, 0, 1), MacAddress()}) {
    link.reply(kPeer, mac);
    link.arp(mac, Op::request, kOther, kHost);
  }
  CHECK(link.take().empty());
  CHECK(link.state(kPeer) == State::incomplete);
  CHECK(link.state(kOther) == State::none);
  // Nor is what this host said itself, on a link that gives it back.
  link.reply(kPeer, link.eth0.hardware_address);
  CHECK(link.state(kPeer) == State::incomplete);
  // Nor is what stands for no host.
  for (const Ipv4Address sender :
       {Ipv4Address(224, 0, 0, 1), Ipv4Address::broadcast(), Ipv4Address::loopback(), Ipv4Address(10, 0, 0, 255)}) {
    link.arp(kPeerMac, Op::request, sender, kHost);
    CHECK(link.state(sender) == State::none);
  }
  CHECK(link.take().empty());
}

TEST_CASE("ARP about another medium, cut off or of another kind changes nothing", "[embedded][neighbors]") {
  Arp link;
  link.send_to(kPeer, 1);
  link.take();
  Bytes good(28);
  wire::ArpPacket{Op::reply, kPeerMac, kPeer, {}, kHost}.emit(good);
  const auto input = [&](const Bytes& packet) { link.neighbors.input_arp(link.eth0, packet, link.now); };
  for_each_truncation(good, input);
  // Hardware type, protocol type, both sizes, operation: one off in each byte of them.
  for (std::size_t i = 0; i < 8; ++i) {
    for (const unsigned change : {1u, 0xffu, 0x80u}) {
      Bytes other = good;
      other[i] = static_cast<std::byte>(static_cast<unsigned>(other[i]) + change);
      if (i == 7 && other[i] == std::byte{1}) { continue; }  // a request, which is as good
      input(other);
    }
  }
  CHECK(link.state(kPeer) == State::incomplete);
  input(good);
  CHECK(link.state(kPeer) == State::reachable);
}

TEST_CASE("groups and broadcast need no neighbour", "[embedded][neighbors]") {
  Arp link;
  link.send_to({224, 0, 0, 251}, 1);
  link.send_to({239, 129, 2, 3}, 2);
  link.send_to(Ipv4Address::broadcast(), 3);
  link.send_to({10, 0, 0, 255}, 4);
  CHECK(link.take() ==
        Lines{"10.0.0.1 > 224.0.0.251 #1 -> 01:00:5e:00:00:fb", "10.0.0.1 > 239.129.2.3 #2 -> 01:00:5e:01:02:03",
              "10.0.0.1 > 255.255.255.255 #3 -> ff:ff:ff:ff:ff:ff", "10.0.0.1 > 10.0.0.255 #4 -> ff:ff:ff:ff:ff:ff"});
}

TEST_CASE("eviction does not thrash: the entry missed least goes first", "[embedded][neighbors]") {
  Arp link({.neighbors = 4, .max_waiting = 16});
  const auto known = [&](std::uint8_t i) { return link.state({10, 0, 0, i}); };
  for (std::uint8_t i = 10; i < 13; ++i) {
    link.send_to({10, 0, 0, i}, i);
    link.reply({10, 0, 0, i}, kPeerMac);
    link.advance(2_s);
  }
  link.advance(60_s);  // all are stale by now
  link.send_to({10, 0, 0, 10}, 1);
  link.neighbors.confirm(link.eth0, Address(Ipv4Address(10, 0, 0, 10)), link.hint, link.now);
  link.send_to({10, 0, 0, 20}, 2);  // pending, in the last free entry
  link.take();

  // The stale ones go, the oldest first; neither the one in use nor the one that a packet waits for.
  link.send_to({10, 0, 0, 21}, 3);
  CHECK(known(11) == State::none);
  link.send_to({10, 0, 0, 22}, 4);
  CHECK(known(12) == State::none);
  CHECK(known(10) == State::reachable);
  CHECK(known(20) == State::incomplete);

  // Then the one in use, and only then one that waits: whoever waits there is told.
  link.take();
  link.send_to({10, 0, 0, 23}, 5);
  CHECK(known(10) == State::none);
  CHECK(known(20) == State::incomplete);
  CHECK(link.take().size() == 1);
  link.advance(500_ms);
  link.send_to({10, 0, 0, 24}, 6);
  const Lines lines = link.take();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].starts_with("unreachable: 10.0.0.1 > 10.0.0.2"));
}

TEST_CASE("a flood of requests does not push out the neighbours in use", "[embedded][neighbors]") {
  Arp link({.neighbors = 8});
  link.send_to(kPeer, 1);
  link.reply(kPeer, kPeerMac);
  for (unsigned i = 0; i < 1000; ++i) {
    link.arp(kNewMac, Op::request, {10, 0, static_cast<std::uint8_t>(1 + i / 200), static_cast<std::uint8_t>(i % 200)},
             kHost);
  }
  CHECK(link.state(kPeer) == State::reachable);
  link.take();
  // Nor after it has become stale: who was spoken to is worth more than who only asked.
  link.advance(60_s);
  for (unsigned i = 0; i < 1000; ++i) {
    link.arp(kNewMac, Op::request, {10, 0, static_cast<std::uint8_t>(1 + i / 200), static_cast<std::uint8_t>(i % 200)},
             kHost);
  }
  CHECK(link.mac(kPeer) == kPeerMac);
}

TEST_CASE("neighbours of one interface are not those of another", "[embedded][neighbors]") {
  Arp link;
  link.use(link.eth1, kOther, 24);
  link.send_to(kPeer, 1);
  link.reply(kPeer, kPeerMac);
  link.take();
  link.send(link.eth1, kOther, kPeer, kPeer, 2);
  CHECK(link.take() == Lines{"eth1: arp who-has 10.0.0.2 tell 10.0.0.3 -> ff:ff:ff:ff:ff:ff"});
}

TEST_CASE("a tunnel needs no neighbours", "[embedded][neighbors]") {
  Arp link;
  link.eth0.medium = driver::Medium::ip;
  link.send_to(kPeer, 1);
  CHECK(link.take() == Lines{"10.0.0.1 > 10.0.0.2 #1 -> 00:00:00:00:00:00"});
  link.arp(kPeerMac, Op::request, kPeer, kHost);
  CHECK(link.take().empty());
}

TEST_CASE("who has an address that was to be this host's is a neighbour like any other", "[embedded][neighbors]") {
  Arp link;
  link.start(link.eth0, kOther, 24, InterfaceAddress::Origin::dhcp);
  link.arp(kPeerMac, Op::request, kOther, kPeer);
  link.arp(kPeerMac, Op::request, kOther, kPeer);
  REQUIRE(link.eth0.find(Address(kOther))->state == InterfaceAddress::State::duplicate);
  link.take();
  link.send_to(kOther, 1);
  link.reply(kOther, kPeerMac);
  CHECK(link.take() == Lines{"arp who-has 10.0.0.3 tell 10.0.0.1 -> ff:ff:ff:ff:ff:ff",
                             "10.0.0.1 > 10.0.0.3 #1 -> 02:00:00:00:00:22"});
}

TEST_CASE("a link that goes down forgets its neighbours and what waits for them", "[embedded][neighbors]") {
  Arp link;
  link.send_to(kPeer, 1);
  link.reply(kPeer, kPeerMac);
  link.send_to(kOther, 2);
  link.take();
  link.link_down(link.eth0);
  CHECK(link.state(kPeer) == State::none);
  CHECK(link.pool.available() == link.pool.count());
  link.advance(10_s);
  CHECK(link.take().empty());
}

TEST_CASE("without a packet to ask in, a neighbour is asked by the next timer", "[embedded][neighbors]") {
  Arp link;
  std::vector<Packet> taken;
  while (link.pool.available() > 1) { taken.push_back(link.pool.allocate(0)); }
  link.send_to(kPeer, 1);  // takes the last one
  CHECK(link.take().empty());
  taken.clear();
  link.advance(1_s);
  CHECK(link.take() == Lines{kAsk});
  link.reply(kPeer, kPeerMac);
  CHECK(link.take() == Lines{"10.0.0.1 > 10.0.0.2 #1 -> 02:00:00:00:00:22"});
}

TEST_CASE("a table without entries tells the sender, and sends to groups", "[embedded][neighbors]") {
  Arp link({.neighbors = 0});
  link.send_to(kPeer, 1);
  link.send_to({224, 0, 0, 251}, 2);
  link.arp(kPeerMac, Op::request, kPeer, kHost);
  CHECK(link.take() == Lines{"unreachable: 10.0.0.1 > 10.0.0.2 #1", "10.0.0.1 > 224.0.0.251 #2 -> 01:00:5e:00:00:fb",
                             "arp 10.0.0.1 is-at 02:00:00:00:00:01 -> 02:00:00:00:00:22"});
}

}  // namespace
}  // namespace nal::embedded

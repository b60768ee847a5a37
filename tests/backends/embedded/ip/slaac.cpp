#include "backends/embedded/ip/slaac.hpp"

#include <catch2/catch_test_macros.hpp>

#include "tests/backends/embedded/ip/fake_link.hpp"

namespace nal::embedded {
namespace {

using namespace nal::literals;
using Lines = std::vector<std::string>;
using Kind = LearnedRoute::Kind;
using AddressState = InterfaceAddress::State;
using Preference = wire::RouterPreference;

const Ipv6Address kRouter = "fe80::a"_ipv6;
const Ipv6Address kSecond = "fe80::b"_ipv6;
const Ipv6Address kPrefix = "2001:db8:1::"_ipv6;
const Ipv6Address kFar = "2001:db8:ffff::1"_ipv6;
constexpr MacAddress kRouterMac{2, 0, 0, 0, 0, 0xa};
constexpr MacAddress kSecondMac{2, 0, 0, 0, 0, 0xb};
constexpr std::uint32_t kHour = 3600;
constexpr std::uint32_t kForEver = wire::kNdpInfinity;

/// A Router Advertisement being put together.
class Advertisement {
 public:
  explicit Advertisement(std::uint16_t lifetime, Preference preference = Preference::medium)
      : Advertisement(wire::NdpWriter::RouterAdvertisement{0, false, false, preference, lifetime, 0, 0}) {}
  explicit Advertisement(const wire::NdpWriter::RouterAdvertisement& fixed) : out_(1400), writer_(out_, fixed) {}

  Advertisement& prefix(const Ipv6Address& prefix, std::uint32_t valid, std::uint32_t preferred,
                        const char* flags = "LA", unsigned length = 64) {
    const std::string_view set(flags);
    writer_.prefix_information({static_cast<std::uint8_t>(length), set.find('L') != set.npos, set.find('A') != set.npos,
                                valid, preferred, wire::bytes_of(prefix)});
    return *this;
  }
  Advertisement& station(const MacAddress& mac) {
    writer_.link_layer(wire::NdpOptionType::source_link_layer, mac);
    return *this;
  }
  Advertisement& mtu(std::uint32_t mtu) {
    writer_.mtu(mtu);
    return *this;
  }
  Advertisement& route(const Ipv6Address& prefix, unsigned length, std::uint32_t lifetime, Preference preference) {
    writer_.route_information({static_cast<std::uint8_t>(length), preference, lifetime, wire::bytes_of(prefix)});
    return *this;
  }
  Advertisement& dns(std::uint32_t lifetime, const std::vector<Ipv6Address>& servers) {
    Bytes bytes;
    for (const Ipv6Address& server : servers) { bytes = join(bytes, copy(wire::bytes_of(server))); }
    writer_.recursive_dns(lifetime, bytes);
    return *this;
  }
  Advertisement& search(std::uint32_t lifetime, const Bytes& names) {
    writer_.dns_search_list(lifetime, names);
    return *this;
  }
  Bytes bytes(const Ipv6Address& from = kRouter) {
    const Ipv6Address all = Ipv6Address::all_nodes();
    return copy(writer_.finish(wire::bytes_of(from), wire::bytes_of(all)));
  }

 private:
  Bytes out_;
  wire::NdpWriter writer_;
};

class Host : public FakeLink {
 public:
  explicit Host(Options options = {}) : FakeLink(options) { REQUIRE(slaac.start(eth0, now)); }

  void hear(Advertisement& advertisement, const Ipv6Address& from = kRouter) {
    icmpv6(from, Ipv6Address::all_nodes(), advertisement.bytes(from));
  }
  void hear(Advertisement&& advertisement, const Ipv6Address& from = kRouter) { hear(advertisement, from); }
  void redirect(const Ipv6Address& from, const Ipv6Address& destination, const Ipv6Address& target,
                const MacAddress* station = nullptr, std::uint8_t hop_limit = 255) {
    Bytes out(64);
    wire::NdpWriter writer(out, wire::NdpWriter::Redirect{wire::bytes_of(target), wire::bytes_of(destination)});
    if (station) { writer.link_layer(wire::NdpOptionType::target_link_layer, *station); }
    icmpv6(from, kFar, copy(writer.finish(wire::bytes_of(from), wire::bytes_of(destination))), hop_limit);
  }
  /// Where packets to it go: "-" for nowhere.
  std::string hop(const Ipv6Address& destination) {
    const auto next = slaac.next_hop(destination, 0);
    return next ? to_string(next->address.v6()) : "-";
  }
  InterfaceAddress* address(const Ipv6Address& prefix = kPrefix) {
    for (InterfaceAddress& entry : eth0.addresses) {
      if (entry.origin == InterfaceAddress::Origin::slaac && entry.state != AddressState::none &&
          entry.address.v6().has_prefix(prefix, 64)) {
        return &entry;
      }
    }
    return nullptr;
  }
  std::size_t count(Kind kind) {
    return static_cast<std::size_t>(std::count_if(slaac.routes().begin(), slaac.routes().end(),
                                                  [&](const LearnedRoute& route) { return route.kind == kind; }));
  }
  /// Sends to the neighbour until it is found not to answer.
  void let_fail(const Ipv6Address& neighbour) {
    const Address source = eth0.addresses[0].address;
    hint = 0xffff;
    send(eth0, source.v6(), kFar, neighbour, 1);
    advance(20_s);
    REQUIRE(neighbors.lookup(1, Address(neighbour))->suspect);
    take();
  }
  std::vector<Line> solicitations() {
    std::vector<Line> lines;
    for (Line& line : take_timed()) {
      if (line.text.find(" rs") != std::string::npos) { lines.push_back(std::move(line)); }
    }
    return lines;
  }
};

TEST_CASE("routers are solicited, less and less often, until one answers (RFC 7559)", "[embedded][slaac]") {
  Host link;
  const Instant start = link.now;
  link.advance(5_h);
  const auto lines = link.solicitations();
  REQUIRE(lines.size() > 10);
  CHECK(lines[0].at <= start + 1_s);
  Duration expected = 4_s;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const Duration interval = lines[i].at - lines[i - 1].at;
    CHECK(interval >= expected * 9 / 10);
    CHECK(interval <= expected * 11 / 10);
    expected = std::min(expected * 2, Duration::hours(1));
  }
  // From :: while the own address is tentative, with the hardware address once it is not.
  CHECK(lines.back().text.find(" > ff02::2 rs from 02:00:00:00:00:01 -> 33:33:00:00:00:02") != std::string::npos);

  link.hear(Advertisement(0));  // no default router
  link.advance(2_h);
  CHECK(link.solicitations().size() >= 1);
  link.hear(Advertisement(9000));
  link.advance(2_h);
  CHECK(link.solicitations().empty());
  link.advance(1_h);  // that router is gone: asked again
  CHECK(link.solicitations().size() >= 1);
}

TEST_CASE("an advertisement gives an address, its network and a default router", "[embedded][slaac]") {
  Host link;
  link.advance(5_s);
  CHECK(link.hop(kFar) == "-");
  const unsigned before = link.changes;
  link.hear(Advertisement(1800).prefix(kPrefix, 2 * kHour, kHour).station(kRouterMac));
  CHECK(link.changes == before + 1);
  CHECK(link.hop(kFar) == "fe80::a");
  CHECK(link.hop("2001:db8:1::7"_ipv6) == "2001:db8:1::7");
  REQUIRE(link.address());
  CHECK(link.address()->state == AddressState::tentative);
  link.advance(3_s);
  CHECK(link.address()->state == AddressState::preferred);
  CHECK(link.address()->prefix_length == 64);
  const Neighbor* const router = link.neighbors.lookup(1, Address(kRouter));
  REQUIRE(router);
  CHECK(router->hardware_address == kRouterMac);
  CHECK(router->role == Neighbor::Role::router);

  // Told again, nothing changes but the lifetimes.
  const unsigned after = link.changes;
  link.hear(Advertisement(1800).prefix(kPrefix, 2 * kHour, kHour).station(kRouterMac));
  CHECK(link.changes == after);
  CHECK(link.address()->valid_until == link.now + 2_h);
}

TEST_CASE("timers are never lost: each lifetime ends in its own time", "[embedded][slaac]") {
  Host link;
  link.hear(Advertisement(1800)
                .prefix(kPrefix, 3000, 1000)
                .prefix("2001:db8:2::"_ipv6, kForEver, kForEver)
                .route("2001:db8:3::"_ipv6, 48, 2000, Preference::medium)
                .dns(2500, {"2001:db8::53"_ipv6})
                .search(2700, hex("07 6578616d706c65 03 6f7267 00")));
  const Instant heard = link.now;
  const auto at = [&](std::int64_t seconds) { link.advance(heard + Duration::seconds(seconds) - link.now); };
  at(999);
  CHECK(link.address()->state == AddressState::preferred);
  at(1001);
  CHECK(link.address()->state == AddressState::deprecated);
  at(1799);
  CHECK(link.count(Kind::router) == 1);
  at(1801);
  CHECK(link.count(Kind::router) == 0);
  CHECK(link.hop(kFar) == "-");
  at(1999);
  CHECK(link.count(Kind::specific) == 1);
  at(2001);
  CHECK(link.count(Kind::specific) == 0);
  at(2499);
  CHECK(link.slaac.dns_servers()[0].interface == 1);
  at(2501);
  CHECK(link.slaac.dns_servers()[0].interface == 0);
  at(2699);
  CHECK(link.slaac.search_domains()[0].text() == "example.org");
  at(2701);
  CHECK(link.slaac.search_domains()[0].size == 0);
  at(2999);
  CHECK(link.address());
  CHECK(link.count(Kind::on_link) == 2);
  at(3001);
  CHECK_FALSE(link.address());
  CHECK(link.count(Kind::on_link) == 1);
  link.advance(Duration::hours(24 * 365));
  CHECK(link.address("2001:db8:2::"_ipv6));
}

// RFC 4862 §5.5.3 e)
TEST_CASE("the two-hour rule: nobody ends an address at once", "[embedded][slaac]") {
  struct Row {
    const char* what;
    std::uint32_t first;  // valid lifetime, in seconds
    std::uint32_t second;
    Duration after;
  };
  const Row rows[] = {
      {"longer than two hours is taken", 4 * kHour, 3 * kHour, 3_h},
      {"longer than what is left is taken", kHour, kHour + 60, Duration::seconds(kHour + 60)},
      {"shorter ends in two hours", 4 * kHour, 60, 2_h},
      {"nothing ends in two hours", 4 * kHour, 0, 2_h},
      {"shorter than what is left, of less than two hours, is not taken", kHour, 60, 1_h},
      {"nothing, of less than two hours, is not taken", kHour, 0, 1_h},
      {"for ever is taken", kHour, kForEver, Duration::max()},
      {"for ever is cut to two hours", kForEver, kHour, 2_h},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    Host link;
    link.hear(Advertisement(1800).prefix(kPrefix, row.first, 0));
    REQUIRE(link.address());
    link.hear(Advertisement(1800).prefix(kPrefix, row.second, 0));
    CHECK(link.address()->valid_until - link.now == row.after);
  }
}

TEST_CASE("prefixes that make no address or no network (RFC 4862 §5.5.3, RFC 4861 §6.3.4)", "[embedded][slaac]") {
  Host link;
  link.hear(Advertisement(1800)
                .prefix("fe80::"_ipv6, kHour, kHour)
                .prefix("ff02::"_ipv6, kHour, kHour)
                .prefix("::ffff:10.0.0.0"_ipv6, kHour, kHour, "L", 120)
                .prefix("2001:db8:2::"_ipv6, kHour, 2 * kHour, "A")  // preferred for longer than valid
                .prefix("2001:db8:3::"_ipv6, 0, 0)                   // not known, and no time
                .prefix("2001:db8:4::"_ipv6, kHour, kHour, "A", 63)  // no room for 64 bits
                .prefix("2001:db8:5::"_ipv6, kHour, kHour, "A", 65)
                .prefix("2001:db8:6::"_ipv6, kHour, kHour, "LA", 129)
                .prefix("2001:db8:7::"_ipv6, kHour, kHour, ""));
  CHECK(link.count(Kind::on_link) == 0);
  for (InterfaceAddress& entry : link.eth0.addresses) { CHECK(entry.origin != InterfaceAddress::Origin::slaac); }
  // On the link, but without an address; and the other way round.
  link.hear(Advertisement(1800).prefix("2001:db8:8::"_ipv6, kHour, kHour, "L", 48).prefix(kPrefix, kHour, kHour, "A"));
  CHECK(link.hop("2001:db8:8:ffff::1"_ipv6) == "2001:db8:8:ffff::1");
  CHECK(link.hop("2001:db8:1::1"_ipv6) == "fe80::a");
  CHECK(link.address());
  // A prefix of no time is of this link no longer.
  link.hear(Advertisement(1800).prefix("2001:db8:8::"_ipv6, 0, 0, "L", 48));
  CHECK(link.hop("2001:db8:8:ffff::1"_ipv6) == "fe80::a");
}

TEST_CASE("an advertisement sets what the link needs, within bounds", "[embedded][slaac]") {
  Host link;
  link.hear(Advertisement(wire::NdpWriter::RouterAdvertisement{32, true, true, Preference::high, 1800, 10'000, 2'000})
                .mtu(1400));
  CHECK(link.eth0.hop_limit == 32);
  CHECK(link.eth0.reachable_time == 10_s);
  CHECK(link.eth0.retransmit_time == 2_s);
  CHECK(link.eth0.mtu == 1400);
  CHECK(link.slaac.state(link.eth0).managed);
  CHECK(link.slaac.state(link.eth0).other);
  link.hear(Advertisement(1800));  // says nothing of these
  CHECK(link.eth0.hop_limit == 32);
  CHECK(link.eth0.reachable_time == 10_s);
  CHECK(link.eth0.mtu == 1400);
  for (const std::uint32_t mtu : {0u, 1279u, 1501u, 0xffff'ffffu}) {
    link.hear(Advertisement(1800).mtu(mtu));
    CHECK(link.eth0.mtu == 1400);
  }
  for (const std::uint32_t mtu : {1280u, 1500u}) {
    link.hear(Advertisement(1800).mtu(mtu));
    CHECK(link.eth0.mtu == mtu);
  }
  // Nobody is made to flood the link, nor to wait for ever.
  link.hear(
      Advertisement(wire::NdpWriter::RouterAdvertisement{0, false, false, Preference::medium, 1800, 3'600'001, 1}));
  CHECK(link.eth0.reachable_time == 10_s);
  CHECK(link.eth0.retransmit_time == 100_ms);
  link.hear(Advertisement(
      wire::NdpWriter::RouterAdvertisement{0, false, false, Preference::medium, 1800, 3'600'000, 0xffff'ffff}));
  CHECK(link.eth0.reachable_time == 1_h);
  CHECK(link.eth0.retransmit_time == 1_min);
}

TEST_CASE("of several routers the preferred one is used, and another when it does not answer", "[embedded][slaac]") {
  Host link;
  link.advance(5_s);
  link.hear(Advertisement(9000, Preference::low).station(kRouterMac));
  link.hear(Advertisement(9000, Preference::high).station(kSecondMac), kSecond);
  CHECK(link.hop(kFar) == "fe80::b");
  const unsigned before = link.changes;
  link.let_fail(kSecond);
  CHECK(link.changes > before);
  CHECK(link.hop(kFar) == "fe80::a");
  // Neither answers: in turn, the one that was not tried for longest.
  link.let_fail(kRouter);
  CHECK(link.hop(kFar) == "fe80::b");
  link.let_fail(kSecond);
  CHECK(link.hop(kFar) == "fe80::a");
  // The preferred one is heard of again.
  link.hear(Advertisement(9000, Preference::high).station(kSecondMac), kSecond);
  CHECK(link.hop(kFar) == "fe80::b");
  // It is a router no longer, as it says itself.
  link.hear(Advertisement(0, Preference::high), kSecond);
  CHECK(link.hop(kFar) == "fe80::a");
  CHECK(link.count(Kind::router) == 1);
  // The last one too: others are looked for.
  link.hear(Advertisement(0));
  CHECK(link.hop(kFar) == "-");
  link.take();
  link.advance(1_s);
  CHECK(link.solicitations().size() == 1);
}

TEST_CASE("a router that says it is a host is used no longer (RFC 4861 §7.2.5)", "[embedded][slaac]") {
  Host link;
  link.advance(5_s);
  link.hear(Advertisement(9000).station(kRouterMac));
  link.hear(Advertisement(9000, Preference::low).station(kSecondMac), kSecond);
  CHECK(link.hop(kFar) == "fe80::a");
  link.advertise(kRouter, Ipv6Address::all_nodes(), kRouter, &kRouterMac, "O");
  CHECK(link.hop(kFar) == "fe80::b");
  link.hear(Advertisement(9000));  // it is one again
  CHECK(link.hop(kFar) == "fe80::a");
  CHECK(link.neighbors.lookup(1, Address(kRouter))->hardware_address == kRouterMac);
}

TEST_CASE("a specific route is better than a default one, by length and preference (RFC 4191)", "[embedded][slaac]") {
  Host link;
  link.advance(5_s);
  link.hear(Advertisement(9000, Preference::high));
  link.hear(Advertisement(0)
                .route("2001:db8:ffff::"_ipv6, 48, kHour, Preference::low)
                .route("2001:db8::"_ipv6, 32, kHour, Preference::high),
            kSecond);
  CHECK(link.hop(kFar) == "fe80::b");
  CHECK(link.hop("2001:db9::1"_ipv6) == "fe80::a");
  link.hear(Advertisement(9000, Preference::high).route("2001:db8:ffff::"_ipv6, 48, kHour, Preference::high));
  CHECK(link.hop(kFar) == "fe80::a");
  link.hear(Advertisement(9000, Preference::high).route("2001:db8:ffff::"_ipv6, 48, 0, Preference::high));
  CHECK(link.hop(kFar) == "fe80::b");
}

TEST_CASE("a redirect sends one destination elsewhere (RFC 4861 §8)", "[embedded][slaac]") {
  Host link;
  link.advance(5_s);
  link.hear(Advertisement(9000).station(kRouterMac));
  link.redirect(kRouter, kFar, kSecond, &kSecondMac);
  CHECK(link.hop(kFar) == "fe80::b");
  CHECK(link.hop("2001:db8:ffff::2"_ipv6) == "fe80::a");
  REQUIRE(link.neighbors.lookup(1, Address(kSecond)));
  CHECK(link.neighbors.lookup(1, Address(kSecond))->role == Neighbor::Role::router);
  // From whom the packets go to now, it may go further: to the destination itself.
  link.redirect(kSecond, kFar, kFar, &kSecondMac);
  CHECK(link.hop(kFar) == to_string(kFar));
  // If it does not answer there, the router is asked again.
  link.let_fail(kFar);
  CHECK(link.hop(kFar) == "fe80::a");
}

TEST_CASE("a redirect that does not come from the router in use is refused (RFC 4861 §8.1)", "[embedded][slaac]") {
  Host link;
  link.advance(5_s);
  link.redirect(kRouter, kFar, kSecond);  // no router yet
  link.hear(Advertisement(9000).station(kRouterMac).prefix(kPrefix, kHour, kHour));
  link.advance(5_s);
  link.redirect(kSecond, kFar, kSecond);
  link.redirect(kRouter, kFar, kSecond, nullptr, 254);
  link.redirect("2001:db8::a"_ipv6, kFar, kSecond);
  link.redirect(kRouter, kFar, "2001:db8::b"_ipv6);       // neither a router's address nor the destination's
  link.redirect(kRouter, "ff05::1"_ipv6, kSecond);        // a group
  link.redirect(kRouter, "2001:db8:1::7"_ipv6, kSecond);  // of the own network
  link.redirect(kRouter, kFar, link.eth0.addresses[0].address.v6());
  link.redirect(kRouter, link.address()->address.v6(), kSecond);
  CHECK(link.count(Kind::redirect) == 0);
  CHECK(link.hop(kFar) == "fe80::a");
}

TEST_CASE("redirects are few, the oldest giving way, and end", "[embedded][slaac]") {
  Host link;
  link.advance(5_s);
  link.hear(Advertisement(9000).station(kRouterMac));
  for (std::uint16_t i = 1; i <= 100; ++i) {
    link.redirect(kRouter, {0x2001, 0xdb8, 2, 0, 0, 0, 0, i}, kSecond);
    link.advance(10_ms);
  }
  CHECK(link.count(Kind::redirect) == 4);
  CHECK(link.count(Kind::router) == 1);
  CHECK(link.hop("2001:db8:2::64"_ipv6) == "fe80::b");
  CHECK(link.hop("2001:db8:2::1"_ipv6) == "fe80::a");
  link.advance(11_min);
  CHECK(link.count(Kind::redirect) == 0);
}

TEST_CASE("a flood of advertisements is bounded, and what came first stays", "[embedded][slaac]") {
  Host link;
  link.advance(5_s);
  link.hear(Advertisement(9000, Preference::medium)
                .prefix(kPrefix, kHour, kHour)
                .station(kRouterMac)
                .dns(kHour, {"2001:db8::53"_ipv6}));
  for (std::uint16_t i = 1; i <= 500; ++i) {
    Advertisement flood(9000);
    flood.station(kSecondMac);
    for (std::uint16_t j = 0; j < 16; ++j) {
      flood.prefix({0x2001, 0xdb8, i, j, 0, 0, 0, 0}, kHour, kHour);
      flood.route({0x2001, 0xdb9, i, j, 0, 0, 0, 0}, 64, kHour, Preference::medium);
    }
    flood.dns(kHour, {{0x2001, 0xdb8, 0, 0, 0, 0, 0, i}});
    link.hear(flood, {0xfe80, 0, 0, 0, 0, 0, 1, i});
    link.take();
  }
  CHECK(link.count(Kind::router) == 4);
  CHECK(link.count(Kind::specific) == 4);
  CHECK(link.address());
  CHECK(link.hop("2001:db8:1::5"_ipv6) == "2001:db8:1::5");
  CHECK(link.slaac.dns_servers()[0].address == Address("2001:db8::53"_ipv6));
  CHECK(std::count_if(link.eth0.addresses.begin(), link.eth0.addresses.end(), [](const InterfaceAddress& entry) {
          return entry.origin == InterfaceAddress::Origin::slaac;
        }) == 3);
  CHECK(Dad::free_entry(link.eth0));
  const auto neighbors = link.neighbors.table();
  CHECK(std::count_if(neighbors.begin(), neighbors.end(),
                      [](const Neighbor& entry) { return entry.state != Neighbor::State::none; }) <= 8);
  link.advance(2_h);
  CHECK(link.count(Kind::on_link) == 0);
}

TEST_CASE("messages that RFC 4861 §6.1.2 calls invalid do nothing", "[embedded][slaac]") {
  Host link;
  link.advance(5_s);
  const Bytes good = Advertisement(1800).prefix(kPrefix, kHour, kHour).mtu(1400).bytes();
  for (const unsigned hop_limit : {0u, 1u, 64u, 254u}) {
    link.icmpv6(kRouter, Ipv6Address::all_nodes(), good, static_cast<std::uint8_t>(hop_limit));
  }
  link.icmpv6("2001:db8::a"_ipv6, Ipv6Address::all_nodes(), good);
  link.icmpv6({}, Ipv6Address::all_nodes(), good);
  const auto with = [&](std::size_t at, unsigned value) {
    Bytes other = good;
    other[at] = static_cast<std::byte>(value);
    link.icmpv6(kRouter, Ipv6Address::all_nodes(), other);
  };
  with(1, 1);
  for (const unsigned length : {0u, 3u, 255u}) { with(17, length); }  // of the prefix option; 4 is right
  for (const unsigned length : {0u, 2u, 255u}) { with(49, length); }  // of the MTU option; 1 is right
  for_each_truncation(good, [&](const Bytes& part) {
    if (part.size() == 16 || part.size() == 48) { return; }  // whole without the options that are missing
    link.icmpv6(kRouter, Ipv6Address::all_nodes(), part);
  });
  // What this host says itself, on a link that gives it back.
  link.icmpv6(link.eth0.addresses[0].address.v6(), Ipv6Address::all_nodes(), good);
  CHECK(link.count(Kind::router) == 0);
  CHECK(link.count(Kind::on_link) == 0);
  CHECK(link.eth0.mtu == 1500);
  CHECK_FALSE(link.address());
  link.icmpv6(kRouter, Ipv6Address::all_nodes(), good);
  CHECK(link.address());
}

TEST_CASE("search domains that are no host names are left out (RFC 8106 §5.2)", "[embedded][slaac]") {
  struct Row {
    const char* names;
    const char* first;
  };
  const Row rows[] = {
      {"03 6f7267 00 00 00 00", "org"}, {"01 61 01 62 00 00 00 00", "a.b"},
      {"01 20 00 03 6f7267 00", "org"},  // a blank, then a good one
      {"01 00 00 00 00 00 00 00", ""},   // a zero byte in a label
      {"c0 00 00 00 00 00 00 00", ""},   // a pointer
      {"40 61 61 61 61 61 61 00", ""},   // longer than a label may be
      {"3f 61 61 61 61 61 61 61", ""},   // not all there
      {"01 61 01 62 01 63 01 64", ""},   // without an end
      {"00 01 61 00 00 00 00 00", ""},   // padding from the start
  };
  for (const Row& row : rows) {
    INFO(row.names);
    Host link;
    link.hear(Advertisement(1800).search(kHour, hex(row.names)));
    CHECK(link.slaac.search_domains()[0].text() == row.first);
  }
  Host link;
  Bytes longest;
  for (unsigned i = 0; i < 4; ++i) { longest = join(longest, hex("0f 616161616161616161616161616161")); }
  link.hear(Advertisement(1800).search(kHour, join(longest, hex("00"))));
  CHECK(link.slaac.search_domains()[0].size == 63);
  link.hear(Advertisement(1800).search(0, join(longest, hex("00"))));
  CHECK(link.slaac.search_domains()[0].size == 0);
  link.hear(Advertisement(1800).search(kHour, join(longest, hex("01 61 00"))));
  CHECK(link.slaac.search_domains()[0].size == 0);
}

TEST_CASE("a DNS server of no time is used no longer", "[embedded][slaac]") {
  Host link;
  link.hear(Advertisement(1800).dns(
      kHour, {"2001:db8::53"_ipv6, "ff02::1"_ipv6, "::"_ipv6, "::ffff:10.0.0.1"_ipv6, "fe80::53"_ipv6}));
  CHECK(link.slaac.dns_servers()[0].address == Address("2001:db8::53"_ipv6));
  CHECK(link.slaac.dns_servers()[1].address == Address("fe80::53"_ipv6));
  link.hear(Advertisement(1800).dns(0, {"2001:db8::53"_ipv6}));
  CHECK(link.slaac.dns_servers()[0].interface == 0);
  CHECK(link.slaac.dns_servers()[1].interface == 1);
}

TEST_CASE("stopping forgets what routers have said, and hears no more", "[embedded][slaac]") {
  Host link;
  link.hear(Advertisement(9000).prefix(kPrefix, kHour, kHour).mtu(1400).dns(kHour, {"2001:db8::53"_ipv6}));
  link.slaac.stop(link.eth0, link.now);
  CHECK_FALSE(link.address());
  CHECK(link.hop(kFar) == "-");
  CHECK(link.eth0.mtu == 1500);
  CHECK(link.slaac.dns_servers()[0].interface == 0);
  link.hear(Advertisement(9000).prefix(kPrefix, kHour, kHour));
  CHECK_FALSE(link.address());
  link.take();
  link.advance(1_h);
  CHECK(link.solicitations().empty());
}

TEST_CASE("a link that comes up asks its routers again, and none are asked while it is down", "[embedded][slaac]") {
  Host link;
  link.link_down(link.eth0);
  link.take();
  link.advance(1_h);
  CHECK(link.take().empty());
  link.link_up(link.eth0);
  link.advance(1_s);
  CHECK(link.solicitations().size() == 1);
}

TEST_CASE("without a packet to solicit in, it is done as soon as there is one", "[embedded][slaac]") {
  Host link;
  std::vector<Packet> taken;
  while (Packet packet = link.pool.allocate(0)) { taken.push_back(std::move(packet)); }
  link.advance(30_s);
  CHECK(link.solicitations().empty());
  taken.clear();
  link.advance(200_ms);
  CHECK(link.solicitations().size() == 1);
}

}  // namespace

// RFC 8981. Times are of its §3.8: a day preferred less up to 9.6 hours, a day more valid.
namespace {

struct Private : FakeLink {
  explicit Private(Options options = {}) : FakeLink(options) { REQUIRE(slaac.start(eth0, now, true)); }
  void hear(std::uint32_t valid, std::uint32_t preferred) {
    icmpv6(kRouter, Ipv6Address::all_nodes(), Advertisement(1800).prefix(kPrefix, valid, preferred).bytes());
  }
  std::vector<InterfaceAddress*> temporary() {
    std::vector<InterfaceAddress*> found;
    for (InterfaceAddress& entry : eth0.addresses) {
      const bool is = entry.state != AddressState::none && entry.origin == InterfaceAddress::Origin::temporary;
      if (is) { found.push_back(&entry); }
    }
    return found;
  }
  std::size_t preferred() {
    const auto all = temporary();
    return static_cast<std::size_t>(
        std::count_if(all.begin(), all.end(), [](auto* entry) { return entry->state == AddressState::preferred; }));
  }
};

}  // namespace

TEST_CASE("A host without temporary addresses makes none", "[slaac][temporary]") {
  Host host;
  host.hear(Advertisement(1800).prefix(kPrefix, kForEver, kForEver));
  host.advance(60_s);
  CHECK(std::none_of(host.eth0.addresses.begin(), host.eth0.addresses.end(),
                     [](auto& entry) { return entry.origin == InterfaceAddress::Origin::temporary; }));
}

TEST_CASE("A prefix gives a temporary address beside the stable one, of its own, looked at before it is used",
          "[slaac][temporary]") {
  Private host;
  host.hear(kForEver, kForEver);
  const auto made = host.temporary();
  REQUIRE(made.size() == 1);
  CHECK(made[0]->state == AddressState::tentative);
  CHECK(made[0]->address.v6().has_prefix(kPrefix, 64));
  const Instant begin = host.now;
  CHECK(made[0]->preferred_until > begin + 14_h);
  CHECK(made[0]->preferred_until <= begin + 24_h);
  CHECK(made[0]->valid_until == made[0]->preferred_until + 24_h);
  host.advance(60_s);
  CHECK(made[0]->state == AddressState::preferred);
  Private other;
  other.hear(kForEver, kForEver);
  for (InterfaceAddress& entry : host.eth0.addresses) {
    CHECK((&entry == made[0] || entry.address != made[0]->address));
  }
}

TEST_CASE("A temporary address is replaced before it is preferred no longer, and goes when it is valid no longer",
          "[slaac][temporary]") {
  Private host;
  host.hear(kForEver, kForEver);
  host.advance(60_s);
  const Address first = host.temporary()[0]->address;
  const Instant deprecated = host.temporary()[0]->preferred_until;
  const Instant gone = host.temporary()[0]->valid_until;
  host.advance(deprecated - host.now - 6_s);
  CHECK(host.temporary().size() == 1);
  host.advance(5_s);
  CHECK(host.temporary().size() == 2);
  CHECK(host.preferred() == 2);
  host.advance(2_s);
  CHECK(host.preferred() == 1);
  // A week: never without one, never more than three.
  while (host.now < gone + 1_s) {
    host.advance(1_h);
    CHECK(host.preferred() >= 1);
    CHECK(host.temporary().size() <= 3);
  }
  for (const InterfaceAddress* const entry : host.temporary()) { CHECK(entry->address != first); }
}

TEST_CASE("Advertisements renew a temporary address as far as its own time goes", "[slaac][temporary]") {
  Private host;
  host.hear(7200, 3600);
  host.advance(60_s);
  REQUIRE(host.temporary().size() == 1);
  const Address first = host.temporary()[0]->address;
  for (int i = 0; i < 24; ++i) {  // 12 hours
    host.hear(7200, 3600);
    REQUIRE(host.temporary().size() == 1);
    CHECK(host.temporary()[0]->address == first);
    CHECK(host.temporary()[0]->preferred_until == host.now + 1_h);
    host.advance(30_min);
  }
  // After a day it is another one that is preferred, whatever the router says.
  for (int i = 0; i < 28; ++i) {
    host.hear(7200, 3600);
    host.advance(30_min);
  }
  CHECK(host.preferred() == 1);
  for (const InterfaceAddress* const entry : host.temporary()) {
    CHECK((entry->address != first || entry->state == AddressState::deprecated));
  }
}

TEST_CASE("A prefix that is preferred no longer gives no temporary address, and a router that falls silent ends them",
          "[slaac][temporary]") {
  Private host;
  host.hear(7200, 0);
  host.advance(10_s);
  CHECK(host.temporary().empty());
  host.hear(7200, 3600);
  host.advance(10_s);
  CHECK(host.preferred() == 1);
  host.advance(1_h);
  CHECK(host.temporary().size() == 1);
  CHECK(host.preferred() == 0);
  host.advance(2_h);
  CHECK(host.temporary().empty());
}

TEST_CASE("Temporary addresses leave room for others", "[slaac][temporary]") {
  Private host;
  for (std::uint16_t i = 1; i < 40; ++i) {
    const Ipv6Address prefix(0x2001, 0xdb8, i, 0, 0, 0, 0, 0);
    host.icmpv6(kRouter, Ipv6Address::all_nodes(), Advertisement(1800).prefix(prefix, kForEver, kForEver).bytes());
    host.advance(1_s);
  }
  CHECK(host.temporary().size() <= host.eth0.addresses.size() / 2);
}

TEST_CASE("Temporary addresses end with SLAAC", "[slaac][temporary]") {
  Private host;
  host.hear(kForEver, kForEver);
  host.slaac.stop(host.eth0, host.now);
  CHECK(host.temporary().empty());
}

}  // namespace nal::embedded

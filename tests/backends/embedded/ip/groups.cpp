#include "backends/embedded/ip/groups.hpp"

#include <catch2/catch_test_macros.hpp>

#include "tests/backends/embedded/ip/fake_link.hpp"

namespace nal::embedded {
namespace {

using namespace nal::literals;
using Lines = std::vector<std::string>;

constexpr Ipv4Address kHost{10, 0, 0, 1};
constexpr Ipv4Address kQuerier{10, 0, 0, 9};
constexpr Ipv4Address kAllHosts{224, 0, 0, 1};
constexpr Ipv4Address kGroup{239, 1, 1, 1};
constexpr Ipv4Address kGroup2{239, 1, 1, 2};
constexpr Ipv4Address kSource{10, 9, 0, 1};
constexpr Ipv4Address kSource2{10, 9, 0, 2};
const Address kAny;

/// As a line has it: the group's records, to the routers of version 3.
std::string v3(const std::string& records) {
  return "10.0.0.1 > 224.0.0.22 igmp3 " + records + " -> 01:00:5e:00:00:16";
}

class Member : public FakeLink {
 public:
  explicit Member(Options options = {}) : FakeLink(quick(options)) { use(eth0, kHost, 24); }

  Result<> join(Ipv4Address group, const Address& source = kAny) { return groups.join(eth0, group, source, now); }
  Result<> leave(Ipv4Address group, const Address& source = kAny) { return groups.leave(eth0, group, source, now); }
  /// A query of version 1 (no time) or 2.
  void query_old(std::uint8_t tenths, Ipv4Address group = {}) {
    Bytes out(wire::kIgmpSize);
    wire::IgmpMessage{wire::IgmpType::query, tenths, group}.emit(out);
    igmp(kQuerier, group.is_unspecified() ? kAllHosts : group, out);
  }
  void query(std::uint8_t tenths, Ipv4Address group = {}, const std::vector<Ipv4Address>& sources = {}) {
    Bytes bytes;
    for (const Ipv4Address source : sources) { bytes = ::nal::embedded::join(bytes, copy(Address(source).wire())); }
    const wire::Igmpv3Query message{tenths, group, false, 2, 125, bytes};
    Bytes out(message.size());
    message.emit(out);
    igmp(kQuerier, group.is_unspecified() ? kAllHosts : group, out);
  }
  /// Past all repetitions.
  void settle() {
    advance(30_s);
    take();
  }

 private:
  static Options quick(Options options) {
    options.dad.ipv4_probes = 0;
    return options;
  }
};

TEST_CASE("joined and left are told at once, and once more within a second (IGMPv3)", "[embedded][groups]") {
  Member link;
  Instant at = link.now;
  REQUIRE(link.join(kGroup));
  link.advance(20_s);
  auto lines = link.take_timed();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].text == v3("to_ex 239.1.1.1{}"));
  CHECK(lines[0].at == at);
  CHECK(lines[1].text == lines[0].text);
  CHECK((lines[1].at > at && lines[1].at <= at + 1_s));

  at = link.now;
  REQUIRE(link.leave(kGroup));
  CHECK_FALSE(link.groups.is_member(1, kGroup));
  link.advance(20_s);
  lines = link.take_timed();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].text == v3("to_in 239.1.1.1{}"));
  CHECK(lines[0].at == at);
  CHECK(lines[1].text == lines[0].text);
  CHECK(link.groups.poll_at().is_never());
  for (const Group& group : link.groups.groups()) { CHECK(group.free()); }
}

TEST_CASE("a group is left when the last socket leaves it", "[embedded][groups]") {
  Member link;
  REQUIRE(link.join(kGroup));
  REQUIRE(link.join(kGroup));
  link.settle();
  REQUIRE(link.leave(kGroup));
  CHECK(link.take().empty());
  CHECK(link.groups.is_member(1, kGroup));
  REQUIRE(link.leave(kGroup));
  CHECK(link.take() == Lines{v3("to_in 239.1.1.1{}")});
  CHECK(link.leave(kGroup) == Unexpected(Error::address_not_available));
}

TEST_CASE("a group joined again before its leaving was told twice is joined", "[embedded][groups]") {
  Member link;
  REQUIRE(link.join(kGroup));
  link.settle();
  REQUIRE(link.leave(kGroup));
  REQUIRE(link.join(kGroup));
  link.advance(20_s);
  CHECK(link.take() == Lines{v3("to_in 239.1.1.1{}"), v3("to_ex 239.1.1.1{}"), v3("to_ex 239.1.1.1{}")});
}

TEST_CASE("sources are allowed and blocked one by one", "[embedded][groups]") {
  Member link;
  REQUIRE(link.join(kGroup, kSource));
  CHECK(link.take() == Lines{v3("allow 239.1.1.1{10.9.0.1}")});
  CHECK(link.groups.accepts(1, kGroup, kSource));
  CHECK_FALSE(link.groups.accepts(1, kGroup, kSource2));
  link.settle();
  REQUIRE(link.join(kGroup, kSource2));
  REQUIRE(link.leave(kGroup, kSource));
  CHECK(link.take() ==
        Lines{v3("allow 239.1.1.1{10.9.0.2}"), v3("allow 239.1.1.1{10.9.0.2} block 239.1.1.1{10.9.0.1}")});
  link.advance(20_s);
  CHECK(link.take() == Lines{v3("block 239.1.1.1{10.9.0.1}")});
  CHECK_FALSE(link.groups.accepts(1, kGroup, kSource));

  // Everybody, and back to the sources (RFC 3376 §5.1).
  REQUIRE(link.join(kGroup));
  CHECK(link.take() == Lines{v3("to_ex 239.1.1.1{}")});
  CHECK(link.groups.accepts(1, kGroup, kSource));
  link.settle();
  REQUIRE(link.leave(kGroup));
  CHECK(link.take() == Lines{v3("to_in 239.1.1.1{10.9.0.2}")});
  link.settle();
  REQUIRE(link.leave(kGroup, kSource2));
  CHECK(link.take() == Lines{v3("block 239.1.1.1{10.9.0.2}")});
  CHECK_FALSE(link.groups.is_member(1, kGroup));
  link.settle();
  for (const GroupSource& source : link.groups.sources()) { CHECK(source.group == kNoEntry); }
}

TEST_CASE("while everybody is heard, sources that come and go are nobody's business", "[embedded][groups]") {
  Member link;
  REQUIRE(link.join(kGroup));
  link.settle();
  REQUIRE(link.join(kGroup, kSource));
  REQUIRE(link.join(kGroup, kSource2));
  REQUIRE(link.leave(kGroup, kSource));
  CHECK(link.take().empty());
  REQUIRE(link.leave(kGroup));
  CHECK(link.take() == Lines{v3("to_in 239.1.1.1{10.9.0.2}")});
}

TEST_CASE("every group answers a query at a time of its own", "[embedded][groups]") {
  Member link;
  REQUIRE(link.join(kGroup));
  REQUIRE(link.join(kGroup2, kSource));
  link.settle();
  const Instant at = link.now;
  link.query(100);
  CHECK(link.take().empty());
  link.advance(10_s);
  auto lines = link.take_timed();
  REQUIRE(lines.size() == 2);
  if (lines[0].text != v3("is_ex 239.1.1.1{}")) { std::swap(lines[0], lines[1]); }
  CHECK(lines[0].text == v3("is_ex 239.1.1.1{}"));
  CHECK(lines[1].text == v3("is_in 239.1.1.2{10.9.0.1}"));
  for (const auto& line : lines) { CHECK((line.at > at && line.at <= at + 10_s)); }
  CHECK(lines[0].at != lines[1].at);
}

TEST_CASE("one query does not cancel what another has asked for", "[embedded][groups]") {
  Member link;
  REQUIRE(link.join(kGroup));
  REQUIRE(link.join(kGroup2));
  link.settle();
  const Instant at = link.now;
  link.query(255);           // in 31 x 2^10 tenths
  link.query(10, kGroup2);   // of one group, sooner
  link.query(255, kGroup2);  // later: changes nothing
  link.advance(1_s);
  CHECK(link.take() == Lines{v3("is_ex 239.1.1.2{}")});
  link.advance(at + Duration::seconds(3175) - link.now);
  CHECK(link.take() == Lines{v3("is_ex 239.1.1.1{}")});

  // An answer that is due stays due when the group's filter changes, and the change is told at once.
  link.query(100, kGroup);
  REQUIRE(link.join(kGroup, kSource));
  REQUIRE(link.leave(kGroup));
  CHECK(link.take() == Lines{v3("to_in 239.1.1.1{10.9.0.1}")});
  link.advance(10_s);
  const Lines lines = link.take();
  CHECK(std::count(lines.begin(), lines.end(), v3("is_in 239.1.1.1{10.9.0.1}")) == 1);
  CHECK(std::count(lines.begin(), lines.end(), v3("to_in 239.1.1.1{10.9.0.1}")) == 1);
}

TEST_CASE("a query for sources is answered with those that are heard", "[embedded][groups]") {
  Member link;
  REQUIRE(link.join(kGroup, kSource));
  REQUIRE(link.join(kGroup, kSource2));
  link.settle();
  link.query(10, kGroup, {kSource2, {10, 9, 0, 3}});
  link.advance(2_s);
  CHECK(link.take() == Lines{v3("is_in 239.1.1.1{10.9.0.2}")});
  link.query(10, kGroup, {{10, 9, 0, 3}});
  link.advance(2_s);
  CHECK(link.take().empty());
  // Two of them before the answer: it tells of both. One for the whole group: it tells of all.
  link.query(10, kGroup, {kSource});
  link.query(10, kGroup, {kSource2});
  link.advance(2_s);
  CHECK(link.take() == Lines{v3("is_in 239.1.1.1{10.9.0.1,10.9.0.2}")});
  link.query(10, kGroup, {kSource});
  link.query(10, kGroup);
  link.advance(2_s);
  CHECK(link.take() == Lines{v3("is_in 239.1.1.1{10.9.0.1,10.9.0.2}")});
  link.query(10, kGroup);
  link.query(10, kGroup, {kSource});
  link.advance(2_s);
  CHECK(link.take() == Lines{v3("is_in 239.1.1.1{10.9.0.1,10.9.0.2}")});
  REQUIRE(link.join(kGroup));
  link.settle();
  link.query(10, kGroup, {kSource});
  link.advance(2_s);
  CHECK(link.take() == Lines{v3("is_ex 239.1.1.1{}")});
}

TEST_CASE("more sources than a record has are told in several", "[embedded][groups]") {
  Member link({.sources = 40});
  for (std::uint8_t i = 0; i < 20; ++i) { REQUIRE(link.join(kGroup, Ipv4Address(10, 9, 1, i))); }
  link.settle();
  link.query(10);
  link.advance(2_s);
  const Lines lines = link.take();
  REQUIRE(lines.size() == 1);
  for (std::uint8_t i = 0; i < 20; ++i) { CHECK(lines[0].find("10.9.1." + std::to_string(i)) != std::string::npos); }
}

TEST_CASE("with a router of version 2, reports go to the group and leaving to all routers", "[embedded][groups]") {
  Member link;
  link.query_old(100);
  REQUIRE(link.join(kGroup));
  CHECK(link.take() == Lines{"10.0.0.1 > 239.1.1.1 igmp2 report 239.1.1.1 -> 01:00:5e:01:01:01"});
  link.advance(11_s);
  CHECK(link.take() == Lines{"10.0.0.1 > 239.1.1.1 igmp2 report 239.1.1.1 -> 01:00:5e:01:01:01"});
  REQUIRE(link.join(kGroup2, kSource));  // which it knows nothing of
  link.settle();

  // Who hears another's report keeps its own for itself.
  link.query_old(100);
  Bytes report(wire::kIgmpSize);
  wire::IgmpMessage{wire::IgmpType::report_v2, 0, kGroup}.emit(report);
  link.igmp({10, 0, 0, 5}, kGroup, report);
  link.advance(11_s);
  CHECK(link.take() == Lines{"10.0.0.1 > 239.1.1.2 igmp2 report 239.1.1.2 -> 01:00:5e:01:01:02"});
  REQUIRE(link.leave(kGroup));
  CHECK(link.take() == Lines{"10.0.0.1 > 224.0.0.2 igmp2 leave 239.1.1.1 -> 01:00:5e:00:00:02"});
  link.settle();

  // Version 3 again, when it has not been heard of for long enough (RFC 3376 §8.12).
  link.advance(260_s);
  REQUIRE(link.join(kGroup));
  CHECK(link.take() == Lines{v3("to_ex 239.1.1.1{}")});
}

TEST_CASE("with a router of version 1, nothing is said of leaving", "[embedded][groups]") {
  Member link;
  link.query_old(0);
  REQUIRE(link.join(kGroup));
  CHECK(link.take() == Lines{"10.0.0.1 > 239.1.1.1 igmp1 report 239.1.1.1 -> 01:00:5e:01:01:01"});
  link.settle();
  REQUIRE(link.leave(kGroup));
  link.advance(30_s);
  CHECK(link.take().empty());
  for (const Group& group : link.groups.groups()) { CHECK(group.free()); }
}

TEST_CASE("with version 3, another's report is no reason to keep quiet", "[embedded][groups]") {
  Member link;
  REQUIRE(link.join(kGroup));
  link.settle();
  link.query(100);
  Bytes report(wire::kIgmpSize);
  wire::IgmpMessage{wire::IgmpType::report_v2, 0, kGroup}.emit(report);
  link.igmp({10, 0, 0, 5}, kGroup, report);
  link.advance(11_s);
  CHECK(link.take() == Lines{v3("is_ex 239.1.1.1{}")});
}

TEST_CASE("queries and reports that are cut off or wrong do nothing", "[embedded][groups]") {
  Member link;
  REQUIRE(link.join(kGroup, kSource));
  link.settle();
  const Bytes sources = copy(Address(kSource).wire());
  const wire::Igmpv3Query query{100, kGroup, false, 2, 125, sources};
  Bytes good(query.size());
  query.emit(good);
  for_each_truncation(good, [&](const Bytes& part) { link.igmp(kQuerier, kGroup, part); });
  for (const unsigned change : {1u, 2u, 0xffu}) {
    for (std::size_t i = 0; i < good.size(); ++i) {  // the checksum is wrong then
      Bytes other = good;
      other[i] ^= static_cast<std::byte>(change);
      link.igmp(kQuerier, kGroup, other);
    }
  }
  // More sources than there are; a general query to somebody; a query about no group.
  const auto with = [&](std::size_t at, unsigned value, Ipv4Address to) {
    Bytes other = good;
    wire::store_be16(&other[at], value);
    wire::store_be16(&other[2], 0);
    wire::store_be16(&other[2], wire::sum(other).checksum());
    link.igmp(kQuerier, to, other);
  };
  for (const unsigned count : {2u, 0xffffu}) { with(10, count, kGroup); }
  const wire::Igmpv3Query general{100, {}, false, 2, 125, {}};
  Bytes out(general.size());
  general.emit(out);
  link.igmp(kQuerier, kHost, out);
  with(4, 0x0a00, kGroup);
  link.advance(1_h);
  CHECK(link.take().empty());
  link.igmp(kQuerier, kGroup, good);
  link.advance(10_s);
  CHECK(link.take() == Lines{v3("is_in 239.1.1.1{10.9.0.1}")});
}

TEST_CASE("the group of all hosts is always heard and never told of", "[embedded][groups]") {
  Member link;
  CHECK(link.groups.is_member(1, Address(kAllHosts)));
  CHECK(link.groups.is_member(1, Ipv6Address::all_nodes()));
  CHECK(link.groups.accepts(2, Address(kAllHosts), kSource));
  REQUIRE(link.join(kAllHosts));
  REQUIRE(link.groups.join(link.eth0, Ipv6Address::all_nodes(), kAny, link.now));
  REQUIRE(link.groups.join(link.eth0, "ff01::5"_ipv6, kAny, link.now));
  link.query(10);
  link.advance(20_s);
  REQUIRE(link.leave(kAllHosts));
  CHECK(link.take().empty());
}

TEST_CASE("what can be no membership is refused", "[embedded][groups]") {
  Member link({.groups = 2, .sources = 1});
  CHECK(link.join(kHost) == Unexpected(Error::invalid_argument));
  CHECK(link.join(kGroup, Address(kGroup2)) == Unexpected(Error::invalid_argument));
  CHECK(link.join(kGroup, Address("2001:db8::1"_ipv6)) == Unexpected(Error::invalid_argument));
  REQUIRE(link.join(kGroup, kSource));
  CHECK(link.join(kGroup, kSource2) == Unexpected(Error::table_full));
  REQUIRE(link.join(kGroup2));
  CHECK(link.join({239, 1, 1, 3}) == Unexpected(Error::table_full));
  // One that was left gives way, though its leaving was told only once.
  REQUIRE(link.leave(kGroup2));
  CHECK(link.join({239, 1, 1, 3}));
  CHECK(link.leave(kGroup, kSource2) == Unexpected(Error::address_not_available));
  CHECK(link.leave(kGroup2, kSource) == Unexpected(Error::address_not_available));
}

TEST_CASE("the device is told of a group once, and hears of it until nobody needs its address", "[embedded][groups]") {
  Member link;
  auto& device = link.devices[0];
  constexpr Ipv4Address kSameStation{224, 1, 1, 1};
  REQUIRE(link.join(kGroup));
  REQUIRE(link.join(kSameStation));
  CHECK(device.groups == std::map<std::string, int>{{"01:00:5e:01:01:01", 1}});
  REQUIRE(link.leave(kGroup));
  CHECK(device.groups.size() == 1);
  REQUIRE(link.leave(kSameStation));
  CHECK(device.groups.empty());

  device.refuses = true;
  CHECK(link.join(kGroup2) == Unexpected(Error::table_full));
  CHECK_FALSE(link.groups.is_member(1, kGroup2));
  CHECK(link.join(kGroup2, kSource) == Unexpected(Error::table_full));
  device.refuses = false;
  REQUIRE(link.join(kGroup2, kSource));
  CHECK(link.groups.is_member(1, kGroup2));
  link.groups.flush(link.eth0);
  CHECK(device.groups.empty());
  CHECK_FALSE(link.groups.is_member(1, kGroup2));
}

TEST_CASE("routers are told again when the link comes back, and nobody while it is down", "[embedded][groups]") {
  Member link;
  link.link_down(link.eth0);
  REQUIRE(link.join(kGroup));
  REQUIRE(link.join(kGroup2));
  REQUIRE(link.leave(kGroup2));
  link.advance(60_s);
  CHECK(link.take().empty());
  CHECK(link.groups.poll_at().is_never());
  link.groups.link_up(link.eth0, link.now);
  CHECK(link.take().empty());  // not up yet
  link.eth0.up = true;
  link.groups.link_up(link.eth0, link.now);
  CHECK(link.take() == Lines{v3("to_ex 239.1.1.1{}")});
  CHECK(link.devices[0].groups.contains("01:00:5e:00:00:01"));
  CHECK(link.devices[0].groups.contains("33:33:00:00:00:01"));

  // A report that is due when the link goes down does not keep the clock in the past.
  link.query(100);
  link.link_down(link.eth0);
  link.advance(60_s);
  CHECK(link.take().empty());
}

TEST_CASE("without a packet to report in, nothing that is owed is forgotten", "[embedded][groups]") {
  Member link;
  std::vector<Packet> taken;
  while (Packet packet = link.pool.allocate(0)) { taken.push_back(std::move(packet)); }
  REQUIRE(link.join(kGroup));
  link.advance(10_s);
  link.query(10);
  link.advance(10_s);
  CHECK(link.take().empty());
  taken.clear();
  link.advance(5_s);
  const Lines lines = link.take();
  CHECK(std::count(lines.begin(), lines.end(), v3("to_ex 239.1.1.1{}")) == 2);
  CHECK(std::count(lines.begin(), lines.end(), v3("is_ex 239.1.1.1{}")) == 1);
}

// IPv6: the same machine, with other messages.

const Ipv6Address kHost6 = "fe80::1"_ipv6;
const Ipv6Address kQuerier6 = "fe80::9"_ipv6;
const Ipv6Address kGroup6 = "ff05::1:3"_ipv6;
const Ipv6Address kSource6 = "2001:db8::5"_ipv6;
std::string mld2(const std::string& records) { return "fe80::1 > ff02::16 mld2 " + records + " -> 33:33:00:00:00:16"; }

class Listener : public FakeLink {
 public:
  Listener() { use(eth0, kHost6, 64); }
  void query(std::uint16_t milliseconds, const Ipv6Address& group, bool old, const Ipv6Address& from = kQuerier6,
             std::uint8_t hop_limit = 1) {
    const Ipv6Address to = group.is_unspecified() ? Ipv6Address::all_nodes() : group;
    Bytes out(wire::kMldv2QuerySize);
    if (old) {
      out.resize(wire::kMldSize);
      wire::MldMessage{wire::Icmpv6Type::multicast_listener_query, milliseconds, wire::bytes_of(group)}.emit(
          out, wire::bytes_of(from), wire::bytes_of(to));
    } else {
      wire::Mldv2Query{milliseconds, wire::bytes_of(group), false, 2, 125, {}}.emit(out, wire::bytes_of(from),
                                                                                    wire::bytes_of(to));
    }
    icmpv6(from, to, out, hop_limit);
  }
};

TEST_CASE("MLDv2: joining changes to exclude, leaving to include", "[embedded][groups]") {
  Listener link;
  REQUIRE(link.groups.join(link.eth0, kGroup6, kAny, link.now));
  link.advance(5_s);
  CHECK(link.take() == Lines{mld2("to_ex ff05::1:3{}"), mld2("to_ex ff05::1:3{}")});
  REQUIRE(link.groups.leave(link.eth0, kGroup6, kAny, link.now));
  link.advance(5_s);
  CHECK(link.take() == Lines{mld2("to_in ff05::1:3{}"), mld2("to_in ff05::1:3{}")});
  REQUIRE(link.groups.join(link.eth0, kGroup6, kSource6, link.now));
  REQUIRE(link.groups.leave(link.eth0, kGroup6, kSource6, link.now));
  CHECK(link.take() == Lines{mld2("allow ff05::1:3{2001:db8::5}"), mld2("block ff05::1:3{2001:db8::5}")});
}

TEST_CASE("MLD: the solicited-node group of an address is told of, from :: while there is none", "[embedded][groups]") {
  FakeLink link;
  link.start(link.eth0, kHost6, 64);
  CHECK(link.take() == Lines{":: > ff02::16 mld2 to_ex ff02::1:ff00:1{} -> 33:33:00:00:00:16"});
  link.advance(20_s);
  link.take();
  link.dad.remove(link.eth0, *link.eth0.find(Address(kHost6)), link.now);
  CHECK(link.take() == Lines{mld2("to_in ff02::1:ff00:1{}")});
  link.advance(2_s);
  CHECK(link.take() == Lines{":: > ff02::16 mld2 to_in ff02::1:ff00:1{} -> 33:33:00:00:00:16"});
}

TEST_CASE("MLD: a solicited-node group is heard by three octets of the address, not by two", "[embedded][groups]") {
  FakeLink link;
  link.use(link.eth0, "2001:db8::12:3456:789a"_ipv6, 64);
  CHECK(link.groups.is_member(1, "ff02::1:ff56:789a"_ipv6));
  CHECK_FALSE(link.groups.is_member(1, "ff02::1:ff57:789a"_ipv6));
  CHECK_FALSE(link.groups.is_member(2, "ff02::1:ff56:789a"_ipv6));
}

TEST_CASE("MLD: two addresses with one solicited-node group leave it one by one", "[embedded][groups]") {
  Listener link;
  link.use(link.eth0, "2001:db8::1"_ipv6, 64);
  link.dad.remove(link.eth0, *link.eth0.find(Address("2001:db8::1"_ipv6)), link.now);
  CHECK(link.take().empty());
  CHECK(link.groups.is_member(1, kHost6.solicited_node()));
}

TEST_CASE("MLDv2: queries are answered for every group", "[embedded][groups]") {
  Listener link;
  REQUIRE(link.groups.join(link.eth0, kGroup6, kAny, link.now));
  link.advance(5_s);
  link.take();
  const Instant at = link.now;
  link.query(10'000, {}, false);
  link.advance(10_s);
  auto lines = link.take_timed();
  REQUIRE(lines.size() == 2);
  if (lines[0].text != mld2("is_ex ff02::1:ff00:1{}")) { std::swap(lines[0], lines[1]); }
  CHECK(lines[0].text == mld2("is_ex ff02::1:ff00:1{}"));
  CHECK(lines[1].text == mld2("is_ex ff05::1:3{}"));
  for (const auto& line : lines) { CHECK(line.at <= at + 10_s); }
}

TEST_CASE("MLDv1: reports go to the group, done to all routers, and another's report counts", "[embedded][groups]") {
  Listener link;
  link.query(1000, {}, true);
  link.advance(2_s);
  CHECK(link.take() == Lines{"fe80::1 > ff02::1:ff00:1 mld1 report ff02::1:ff00:1 -> 33:33:ff:00:00:01"});
  REQUIRE(link.groups.join(link.eth0, kGroup6, kAny, link.now));
  CHECK(link.take() == Lines{"fe80::1 > ff05::1:3 mld1 report ff05::1:3 -> 33:33:00:01:00:03"});
  link.advance(11_s);
  link.take();
  link.query(10'000, kGroup6, true);
  Bytes report(wire::kMldSize);
  wire::MldMessage{wire::Icmpv6Type::multicast_listener_report, 0, wire::bytes_of(kGroup6)}.emit(
      report, wire::bytes_of(kQuerier6), wire::bytes_of(kGroup6));
  link.icmpv6("fe80::5"_ipv6, kGroup6, report, 1);
  link.advance(11_s);
  CHECK(link.take().empty());
  REQUIRE(link.groups.leave(link.eth0, kGroup6, kAny, link.now));
  CHECK(link.take() == Lines{"fe80::1 > ff02::2 mld1 done ff05::1:3 -> 33:33:00:00:00:02"});
  link.advance(260_s);
  REQUIRE(link.groups.join(link.eth0, kGroup6, kAny, link.now));
  CHECK(link.take() == Lines{mld2("to_ex ff05::1:3{}")});
}

TEST_CASE("MLD from far away, cut off or about no group does nothing", "[embedded][groups]") {
  Listener link;
  link.query(1000, {}, false, "2001:db8::9"_ipv6);
  link.query(1000, {}, true, {});
  for (const unsigned hop_limit : {0u, 2u, 64u, 255u}) {
    link.query(1000, {}, false, kQuerier6, static_cast<std::uint8_t>(hop_limit));
  }
  link.query(1000, kSource6, false);
  Bytes out(wire::kMldv2QuerySize);
  const Ipv6Address none;
  const Ipv6Address all = Ipv6Address::all_nodes();
  wire::Mldv2Query{1000, wire::bytes_of(none), false, 2, 125, {}}.emit(out, wire::bytes_of(kQuerier6),
                                                                       wire::bytes_of(all));
  for_each_truncation(out, [&](const Bytes& part) {
    if (part.size() == wire::kMldSize) { return; }  // a query of version 1
    link.icmpv6(kQuerier6, all, part, 1);
  });
  for (const unsigned count : {1u, 0xffffu}) {
    Bytes other = out;
    wire::store_be16(&other[26], count);
    link.icmpv6(kQuerier6, all, other, 1);
  }
  link.advance(20_s);
  CHECK(link.take().empty());
  link.icmpv6(kQuerier6, all, out, 1);
  link.advance(2_s);
  CHECK(link.take() == Lines{mld2("is_ex ff02::1:ff00:1{}")});
}

}  // namespace
}  // namespace nal::embedded

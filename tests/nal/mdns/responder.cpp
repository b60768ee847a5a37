#include "nal/mdns/responder.hpp"

#include "tests/nal/mdns/bench.hpp"

namespace nal::mdns::test {
namespace {

const Service kLight{.instance = "Kitchen. light", .type = "_http._tcp", .port = 80};
constexpr const char* kLightName = "Kitchen\\.\\032light._http._tcp.local";

std::size_t add(Bench& bench, const Service& service = kLight) {
  const auto number = bench.responder.add_service(service, bench.now);
  REQUIRE(number);
  return *number + 1U;
}

}  // namespace

TEST_CASE("A name is probed for three times, 250 ms apart, and then announced twice (RFC 6762 8.1, 8.3)", "[mdns]") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    Bench bench(seed);
    bench.set_addresses({"10.0.0.1/24"});
    REQUIRE(bench.responder.set_host("kitchen", bench.now));
    const auto sent = bench.pass(5_s);
    REQUIRE(sent.size() == 5);
    CHECK(sent[0].at <= 250);
    for (int i = 0; i < 3; ++i) {
      const auto& packet = sent[static_cast<std::size_t>(i)];
      CHECK(packet.at == sent[0].at + 250 * i);
      CHECK(packet.lines == Lines{"? kitchen.local ANY", "^ kitchen.local A 120 10.0.0.1"});
    }
    CHECK(sent[3].at == sent[0].at + 750);
    CHECK(sent[4].at == sent[3].at + 1000);
    for (std::size_t i = 3; i < 5; ++i) {
      CHECK(sent[i].lines == Lines{"! kitchen.local A 120 flush 10.0.0.1",
                                   "! 1.0.0.10.in-addr.arpa PTR 120 flush kitchen.local",
                                   "+ kitchen.local NSEC 120 flush only A"});
    }
    CHECK(bench.responder.take_change() == 0);
    CHECK(!bench.responder.take_change());
    CHECK(bench.responder.poll_at().is_never());
  }
}

TEST_CASE("A service is announced behind its host's name, with everything to find it by (RFC 6763 4, 7, 9)", "[mdns]") {
  Bench bench;
  bench.set_addresses({"10.0.0.1/24"});
  bench.settle();
  const std::string_view subtypes[] = {"_printer"};
  Service service = kLight;
  service.subtypes = subtypes;
  const std::size_t claim = add(bench, service);
  const auto sent = bench.pass(5_s);
  REQUIRE(sent.size() == 5);
  CHECK(sent[0].lines == Lines{"? " + std::string(kLightName) + " ANY",
                               "^ " + std::string(kLightName) + " SRV 120 80 kitchen.local",
                               "^ " + std::string(kLightName) + " TXT 4500 "});
  CHECK(sent[3].lines == Lines{"! _http._tcp.local PTR 4500 " + std::string(kLightName),
                               "! " + std::string(kLightName) + " SRV 120 flush 80 kitchen.local",
                               "! " + std::string(kLightName) + " TXT 4500 flush ",
                               "! _services._dns-sd._udp.local PTR 4500 _http._tcp.local",
                               "! _printer._sub._http._tcp.local PTR 4500 " + std::string(kLightName),
                               "+ kitchen.local NSEC 120 flush only A", "+ kitchen.local A 120 flush 10.0.0.1",
                               "+ " + std::string(kLightName) + " NSEC 4500 flush only TXT SRV"});
  CHECK(bench.responder.take_change() == claim);
}

TEST_CASE("Unique answers come at once, shared ones after 20 to 120 ms (RFC 6762 6)", "[mdns]") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    Bench bench(seed);
    bench.set_addresses({"10.0.0.1/24"});
    bench.settle();
    add(bench);
    bench.pass(10_s);
    const auto begin = bench.elapsed();
    CHECK(bench.hear(query({{"kitchen.local", Type::a}, {"_http._tcp.local", Type::ptr}})).empty());
    const auto sent = bench.pass(1_s);
    REQUIRE(sent.size() == 2);
    CHECK(sent[0].at == begin);
    CHECK(sent[0].lines == Lines{"! kitchen.local A 120 flush 10.0.0.1", "+ kitchen.local NSEC 120 flush only A"});
    CHECK(sent[1].at >= begin + 20);
    CHECK(sent[1].at <= begin + 120);
    CHECK(sent[1].lines[0] == "! _http._tcp.local PTR 4500 " + std::string(kLightName));
    CHECK(sent[1].lines[1] == "+ " + std::string(kLightName) + " SRV 120 flush 80 kitchen.local");
  }
}

TEST_CASE("A record is multicast at most once a second on a link (RFC 6762 6)", "[mdns]") {
  Bench bench(1, 2);
  bench.set_addresses({"10.0.0.1/24"});
  bench.set_addresses({"10.9.0.1/24"}, Bench::kSecond);
  bench.settle();
  bench.pass(5_s);
  const Bytes asking = query({{"kitchen.local", Type::a}});
  bench.hear(asking);
  CHECK(bench.pass(500_ms).size() == 1);
  bench.hear(asking);
  CHECK(bench.pass(300_ms).empty());
  CHECK(bench.responder.statistics().limited == 1);
  bench.hear(asking, "10.9.0.99:5353", 1);
  const auto other = bench.pass(200_ms);
  REQUIRE(other.size() == 1);
  CHECK(other[0].link == 1);
  CHECK(other[0].lines[0] == "! kitchen.local A 120 flush 10.9.0.1");
  bench.hear(asking);
  CHECK(bench.pass(1_s).size() == 1);
}

TEST_CASE("What a name has no records of is denied (RFC 6762 6.1)", "[mdns]") {
  Bench bench;
  bench.set_addresses({"10.0.0.1/24"});
  bench.settle();
  add(bench);
  bench.pass(10_s);
  bench.hear(query({{"kitchen.local", Type::aaaa}, {"nobody.local", Type::aaaa}, {kLightName, Type::a}}));
  const auto sent = bench.pass(1_s);
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].lines == Lines{"! kitchen.local NSEC 120 flush only A",
                               "! " + std::string(kLightName) + " NSEC 4500 flush only TXT SRV"});
}

TEST_CASE("What the asker knows is not said, if he will know it for half its time (RFC 6762 7.1)", "[mdns]") {
  struct Row {
    const char* why;
    Item known;
    std::size_t answers;
  };
  const Row rows[] = {
      {"known", pointer_item("_http._tcp.local", kLightName, 2250), 0},
      {"in other letters", pointer_item("_HTTP._tcp.local", "KITCHEN\\.\\032LIGHT._http._TCP.local", 4500), 0},
      {"not for long", pointer_item("_http._tcp.local", kLightName, 2249), 1},
      {"another", pointer_item("_http._tcp.local", "Other._http._tcp.local"), 1},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Bench bench;
    bench.set_addresses({"10.0.0.1/24"});
    bench.settle();
    add(bench);
    bench.pass(10_s);
    bench.hear(query({{"_http._tcp.local", Type::ptr}}, {row.known}));
    CHECK(bench.pass(1_s).size() == row.answers);
  }
}

TEST_CASE("Who has more to say is waited for, 400 to 500 ms (RFC 6762 7.2)", "[mdns]") {
  for (const bool known : {false, true}) {
    for (const char* from : {"10.0.0.99:5353", "10.0.0.98:5353"}) {
      Bench bench;
      bench.set_addresses({"10.0.0.1/24"});
      bench.settle();
      add(bench);
      bench.pass(10_s);
      const auto begin = bench.elapsed();
      bench.hear(query({{"_http._tcp.local", Type::ptr}}, {}, dns::Header::kTruncated));
      CHECK(bench.pass(300_ms).empty());
      if (known) { bench.hear(query({}, {pointer_item("_http._tcp.local", kLightName)}), from); }
      const auto sent = bench.pass(1_s);
      const bool struck = known && std::string_view(from).starts_with("10.0.0.99");
      REQUIRE(sent.size() == (struck ? 0 : 1));
      if (!struck) {
        CHECK(sent[0].at >= begin + 400);
        CHECK(sent[0].at <= begin + 500);
      }
    }
  }
}

TEST_CASE("An answer that somebody else gives meanwhile is not given again (RFC 6762 7.4)", "[mdns]") {
  Bench bench;
  bench.set_addresses({"10.0.0.1/24"});
  bench.settle();
  add(bench);
  bench.pass(10_s);
  bench.hear(query({{"_services._dns-sd._udp.local", Type::ptr}}));
  bench.hear(response({pointer_item("_services._dns-sd._udp.local", "_http._tcp.local")}));
  CHECK(bench.pass(1_s).empty());
  bench.hear(query({{"_services._dns-sd._udp.local", Type::ptr}}));
  bench.hear(response({pointer_item("_services._dns-sd._udp.local", "_http._tcp.local", 4499)}));
  CHECK(bench.pass(1_s).size() == 1);
}

TEST_CASE("Who asks for it is answered by unicast, unless everybody should be reminded (RFC 6762 5.4)", "[mdns]") {
  Bench bench;
  bench.set_addresses({"10.0.0.1/24"});
  bench.settle();
  const Bytes asking = query({{"kitchen.local", Type::a, true}});
  CHECK(bench.hear(asking) == Lines{"! kitchen.local A 120 flush 10.0.0.1", "+ kitchen.local NSEC 120 flush only A"});
  CHECK(bench.pass(1_s).empty());
  bench.pass(30_s);  // a quarter of its time
  CHECK(bench.hear(asking).empty());
  CHECK(bench.pass(1_s).size() == 1);
}

TEST_CASE("An old asker gets what a name server would send (RFC 6762 6.7)", "[mdns]") {
  Bench bench;
  bench.set_addresses({"10.0.0.1/24"});
  bench.settle();
  const Bytes asking = message_of(dns::Header::kRecursionDesired, {{"KITCHEN.local", Type::a}}, {}, 0x1234);
  CHECK(bench.hear(asking, "10.0.0.99:40000") ==
        Lines{"? KITCHEN.local A", "! kitchen.local A 10 10.0.0.1", "+ kitchen.local NSEC 10 only A"});
  CHECK(dns::Message::parse(bench.last_reply())->header().id == 0x1234);
  CHECK(bench.hear(query({{"nobody.local", Type::a}}), "10.0.0.99:40000").empty());
  CHECK(bench.pass(1_s).empty());
}

TEST_CASE("A name that somebody else has is given a number (RFC 6762 9)", "[mdns]") {
  Bench bench;
  bench.set_addresses({"10.0.0.1/24"});
  REQUIRE(bench.responder.set_host("kitchen", bench.now));
  bench.pass(300_ms);
  bench.hear(response({address_item("Kitchen.local", "10.0.0.7")}));
  CHECK(bench.name(0) == "kitchen-2.local");
  bench.pass(300_ms);
  bench.hear(response({address_item("kitchen-2.local", "10.0.0.8")}));
  bench.pass(5_s);
  CHECK(bench.name(0) == "kitchen-3.local");
  CHECK(bench.responder.take_change() == 0);
  const std::size_t claim = add(bench);
  bench.pass(300_ms);
  bench.hear(response({service_item(kLightName, 81, "other.local")}));
  bench.pass(5_s);
  CHECK(bench.name(claim) == "Kitchen\\.\\032light\\032(2)._http._tcp.local");
}

TEST_CASE("A long name is cut for its number, but no character is", "[mdns]") {
  Bench bench;
  bench.set_addresses({"10.0.0.1/24"});
  bench.settle();
  std::string instance;
  for (int i = 0; i < 31; ++i) { instance += "\xc3\xa4"; }
  Service service = kLight;
  service.instance = instance;
  const std::size_t claim = add(bench, service);
  bench.pass(300_ms);
  dns::Name before;
  bench.responder.name_of(claim, before);
  Bytes rdata;
  rdata.u16(0).u16(0).u16(1).name("other.local");
  Bytes theirs;
  theirs.header(0, 0x8400, 0, 1)
      .put(before.wire())
      .u16(33)
      .u16(0x8001)
      .u32(120)
      .u16(static_cast<unsigned>(rdata.size()));
  theirs.put(rdata);
  bench.hear(theirs);
  dns::Name name;
  bench.responder.name_of(claim, name);
  CHECK(split_service_name(name)->instance == instance.substr(0, 58) + " (2)");
}

TEST_CASE("A settled name is defended, and probed for again when somebody says otherwise (RFC 6762 9)", "[mdns]") {
  Bench bench;
  bench.set_addresses({"10.0.0.1/24"});
  bench.settle();
  bench.pass(5_s);
  Item theirs = address_item("kitchen.local", "10.0.0.7", 120, false);
  theirs.section = Section::authority;
  const auto begin = bench.elapsed();
  bench.hear(query({{"kitchen.local", Type::any}}, {theirs}));
  auto sent = bench.pass(100_ms);
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].at == begin);
  CHECK(sent[0].lines[0] == "! kitchen.local A 120 flush 10.0.0.1");
  bench.hear(query({{"kitchen.local", Type::any}}, {theirs}));
  CHECK(bench.pass(100_ms).empty());  // not within 250 ms
  bench.pass(100_ms);
  bench.hear(query({{"kitchen.local", Type::any}}, {theirs}));
  CHECK(bench.pass(100_ms).size() == 1);

  bench.hear(response({address_item("kitchen.local", "10.0.0.7")}));
  CHECK(bench.responder.claim(0).state == ClaimState::waiting);
  CHECK(bench.name(0) == "kitchen.local");
  sent = bench.pass(5_s);
  REQUIRE(sent.size() == 5);
  CHECK(sent[0].lines[0] == "? kitchen.local ANY");
  CHECK(bench.name(0) == "kitchen.local");
}

TEST_CASE("What this host says itself is no conflict", "[mdns]") {
  Bench bench(1, 2);
  bench.set_addresses({"10.0.0.1/24"});
  bench.set_addresses({"10.0.0.2/24"}, Bench::kSecond);
  REQUIRE(bench.responder.set_host("kitchen", bench.now));
  // Both interfaces are on one wire.
  for (int i = 0; i < 60; ++i) {
    for (const Sent& sent : bench.pass(100_ms)) { bench.hear(sent.bytes, "10.0.0.1:5353", 1 - sent.link); }
  }
  CHECK(bench.responder.claim(0).state == ClaimState::settled);
  CHECK(bench.name(0) == "kitchen.local");
  CHECK(bench.responder.statistics().conflicts == 0);
}

TEST_CASE("After fifteen conflicts names are tried every five seconds (RFC 6762 8.1)", "[mdns]") {
  Bench bench;
  bench.set_addresses({"10.0.0.1/24"});
  REQUIRE(bench.responder.set_host("kitchen", bench.now));
  std::vector<std::int64_t> at;
  for (int i = 0; i < 20; ++i) {
    while (bench.responder.claim(0).state != ClaimState::probing) { bench.pass(1_ms); }
    at.push_back(bench.elapsed());
    std::string name = bench.name(0);
    bench.hear(response({address_item(name, "10.0.0.7")}));
  }
  CHECK(at[14] < 5000);
  for (std::size_t i = 15; i < at.size(); ++i) { CHECK(at[i] - at[i - 1] >= 5000); }
}

TEST_CASE("Of two that probe at once the one with the later data has the name (RFC 6762 8.2)", "[mdns]") {
  struct Row {
    const char* why;
    std::vector<Item> theirs;
    bool lost;
  };
  const auto proposed = [](Item item) {
    item.section = Section::authority;
    item.flush = false;
    return item;
  };
  const Row rows[] = {
      {"the same", {proposed(address_item("kitchen.local", "10.0.0.5"))}, false},
      {"theirs is later", {proposed(address_item("kitchen.local", "10.0.0.6"))}, true},
      {"ours is later", {proposed(address_item("kitchen.local", "10.0.0.4"))}, false},
      {"bytes have no sign", {proposed(address_item("kitchen.local", "200.0.0.4"))}, true},
      {"they have more",
       {proposed(address_item("kitchen.local", "fe80::1")), proposed(address_item("kitchen.local", "10.0.0.5"))},
       true},
      {"they have nothing", {proposed(address_item("another.local", "10.0.0.9"))}, false},
      {"a later type", {proposed(address_item("kitchen.local", "::1"))}, true},
      {"an earlier and a later one",
       {proposed(address_item("kitchen.local", "10.0.0.9")), proposed(address_item("kitchen.local", "10.0.0.1"))},
       false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Bench bench;
    bench.set_addresses({"10.0.0.5/24"});
    REQUIRE(bench.responder.set_host("kitchen", bench.now));
    bench.pass(260_ms);
    REQUIRE(bench.responder.claim(0).state == ClaimState::probing);
    bench.hear(query({{"kitchen.local", Type::any}}, row.theirs));
    CHECK((bench.responder.claim(0).state == ClaimState::waiting) == row.lost);
    const auto before = bench.elapsed();
    const auto sent = bench.pass(10_s);
    if (row.lost) { CHECK(sent[0].at == before + 1000); }
    CHECK(bench.name(0) == "kitchen.local");
    CHECK(bench.responder.claim(0).state == ClaimState::settled);
  }
}

TEST_CASE("Other addresses are announced, and what has gone is withdrawn (RFC 6762 8.4, 10.1)", "[mdns]") {
  Bench bench;
  bench.set_addresses({"10.0.0.1/24", "fe80::1/64"});
  bench.settle();
  bench.pass(5_s);
  bench.set_addresses({"10.0.0.2/24"});
  const auto sent = bench.pass(5_s);
  REQUIRE(sent.size() == 2);
  Lines lines = sent[0].lines;
  std::sort(lines.begin(), lines.end());
  CHECK(lines == Lines{"! 1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.e.f.ip6.arpa PTR 0 kitchen.local",
                       "! 1.0.0.10.in-addr.arpa PTR 0 kitchen.local",
                       "! 2.0.0.10.in-addr.arpa PTR 120 flush kitchen.local", "! kitchen.local A 0 10.0.0.1",
                       "! kitchen.local A 120 flush 10.0.0.2", "! kitchen.local AAAA 0 fe80::1",
                       "+ kitchen.local NSEC 120 flush only A"});
  CHECK(sent[1].lines.size() == 3);
}

TEST_CASE("At the end everything is withdrawn once, and forgotten (RFC 6762 10.1)", "[mdns]") {
  Bench bench;
  bench.set_addresses({"10.0.0.1/24"});
  bench.settle();
  add(bench);
  bench.pass(10_s);
  bench.responder.stop(bench.now);
  CHECK(!bench.responder.stopped());
  const auto sent = bench.pass(1_s);
  REQUIRE(sent.size() == 1);
  Lines lines = sent[0].lines;
  std::sort(lines.begin(), lines.end());
  CHECK(lines == Lines{"! 1.0.0.10.in-addr.arpa PTR 0 kitchen.local",
                       "! " + std::string(kLightName) + " SRV 0 80 kitchen.local",
                       "! " + std::string(kLightName) + " TXT 0 ",
                       "! _http._tcp.local PTR 0 " + std::string(kLightName), "! kitchen.local A 0 10.0.0.1"});
  CHECK(bench.responder.stopped());
  CHECK(bench.responder.poll_at().is_never());
  bench.hear(query({{"kitchen.local", Type::a}}));
  CHECK(bench.pass(1_s).empty());
  bench.settle("again");
  CHECK(bench.name(0) == "again.local");
}

TEST_CASE("Somebody who says ours with less time is put right (RFC 6762 6.6)", "[mdns]") {
  Bench bench;
  bench.set_addresses({"10.0.0.1/24"});
  bench.settle();
  bench.pass(5_s);
  bench.hear(response({address_item("kitchen.local", "10.0.0.1", 60)}));
  CHECK(bench.pass(1_s).empty());
  bench.hear(response({address_item("kitchen.local", "10.0.0.1", 59)}));
  CHECK(bench.pass(1_s).size() == 1);
  CHECK(bench.responder.claim(0).state == ClaimState::settled);
}

TEST_CASE("Services that cannot be are refused, and full tables are errors", "[mdns]") {
  Bench bench;
  bench.set_addresses({"10.0.0.1/24"});
  bench.settle();
  const auto refused = [&](Service service) {
    return bench.responder.add_service(service, bench.now).error_or(Error{});
  };
  const std::string long_label(64, 'x');
  CHECK(refused({.instance = "", .type = "_http._tcp"}) == Error::invalid_argument);
  CHECK(refused({.instance = long_label, .type = "_http._tcp"}) == Error::invalid_argument);
  for (const char* type :
       {"", "_http", "http._tcp", "_http._sctp", "_._tcp", "_http._tcp.local", "_abcdefghijklmnop._tcp"}) {
    CAPTURE(type);
    CHECK(refused({.instance = "x", .type = type}) == Error::invalid_argument);
  }
  CHECK(refused({.instance = "x", .type = "_abcdefghijklmno._udp"}) == Error{});
  CHECK(refused({.instance = "x", .type = "_ABCDEFGHIJKLMNO._udp"}) == Error::address_in_use);
  CHECK(refused({.instance = "y", .type = "_http._tcp"}) == Error{});
  CHECK(refused({.instance = "z", .type = "_http._tcp"}) == Error{});
  CHECK(refused({.instance = "u", .type = "_http._tcp"}) == Error::table_full);
  bench.responder.remove_service(1, bench.now);
  CHECK(bench.responder.withdrawn(2));
  const std::vector<std::string_view> many(20, "_sub");
  CHECK(refused({.instance = "u", .type = "_http._tcp", .subtypes = many}) == Error::table_full);
  CHECK(refused({.instance = "u", .type = "_http._tcp"}) == Error{});
  CHECK(bench.responder.set_host("other", bench.now) == Unexpected(Error::invalid_argument));
}

TEST_CASE("Answers that do not fit into one message go into several", "[mdns]") {
  Bench bench;
  bench.set_addresses({"10.0.0.1/24"});
  bench.settle();
  std::array<std::byte, 400> text;
  TextBuilder builder(text);
  const std::string value(190, 'x');
  REQUIRE(builder.add("a", value));
  REQUIRE(builder.add("b", value));
  for (const char* instance : {"one", "two"}) {
    add(bench, {.instance = instance, .type = "_http._tcp", .port = 1, .text = builder.data()});
  }
  bench.pass(10_s, 512);
  bench.hear(query({{"one._http._tcp.local", Type::any}, {"two._http._tcp.local", Type::any}}));
  const auto sent = bench.pass(1_s, 512);
  CHECK(sent.size() == 2);
  std::size_t texts = 0;
  for (const Sent& one : sent) {
    for (const std::string& line : one.lines) { texts += line.find(" TXT ") != std::string::npos; }
  }
  CHECK(texts == 2);
}

TEST_CASE("Messages of other kinds are none of its business (RFC 6762 18)", "[mdns]") {
  Bench bench;
  bench.set_addresses({"10.0.0.1/24"});
  bench.settle();
  bench.pass(5_s);
  bench.hear(query({{"kitchen.local", Type::a}}, {}, 0x0800));
  bench.hear(query({{"kitchen.local", Type::a}}, {}, 0x0003));
  Bytes other_class = query({{"kitchen.local", Type::a}});
  other_class.back() = std::byte{3};
  bench.hear(other_class);
  CHECK(bench.pass(1_s).empty());
  bench.hear(response({address_item("kitchen.local", "10.0.0.7")}), "10.0.0.99:5354");
  CHECK(bench.responder.claim(0).state == ClaimState::settled);
}

}  // namespace nal::mdns::test

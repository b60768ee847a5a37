#include "nal/mdns/querier.hpp"

#include "tests/nal/mdns/bench.hpp"

namespace nal::mdns::test {
namespace {

std::uint8_t watch(Bench& bench, const char* name, Type type = Type::ptr) {
  const auto question = bench.querier.ask(name_of(name), type, Asking::watch, Duration::max(), bench.now);
  REQUIRE(question);
  return *question;
}
std::uint8_t once(Bench& bench, const char* name, Type type, Duration patience = 3_s) {
  const auto question = bench.querier.ask(name_of(name), type, Asking::once, patience, bench.now);
  REQUIRE(question);
  return *question;
}

/// All news as lines, "+ NAME DATA" or "- NAME DATA".
Lines news(Bench& bench, std::uint8_t question) {
  Lines lines;
  for (;;) {
    const auto event = bench.querier.take(question, bench.now);
    if (!event) {
      lines.push_back(to_string(event.error()));
      continue;
    }
    if (!*event) { return lines; }
    dns::Name name;
    REQUIRE(name.set_wire((*event)->name, 0));
    lines.push_back(((*event)->added ? "+ " : "- ") + text_of(name) + " " + data_text((*event)->type, (*event)->data));
  }
}

}  // namespace

TEST_CASE("A question is asked after 20 to 120 ms, and then ever more rarely, up to once an hour (RFC 6762 5.2)",
          "[mdns]") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    Bench bench(seed);
    watch(bench, "_http._tcp.local");
    const auto sent = bench.pass(5_h);
    REQUIRE(sent.size() >= 14);
    CHECK(sent[0].at >= 20);
    CHECK(sent[0].at <= 120);
    std::int64_t interval = 1000;
    for (std::size_t i = 1; i < sent.size(); ++i) {
      CHECK(sent[i].lines == Lines{"? _http._tcp.local PTR"});
      CHECK(sent[i].at == sent[i - 1].at + interval);
      interval = std::min<std::int64_t>(2 * interval, 3'600'000);
    }
  }
}

TEST_CASE("A question for one answer is asked at once, until it comes or patience is over", "[mdns]") {
  Bench bench;
  const auto silent = once(bench, "nobody.local", Type::a);
  auto sent = bench.pass(10_s);
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].at == 0);
  CHECK(sent[1].at == 1000);
  CHECK(bench.querier.state(silent, bench.now) == Querier::State::timed_out);
  bench.querier.drop(silent);

  const auto asked = once(bench, "kitchen.local", Type::a);
  CHECK(bench.pass(100_ms).size() == 1);
  bench.hear(response({address_item("KITCHEN.local", "10.0.0.1")}));
  CHECK(bench.querier.state(asked, bench.now) == Querier::State::answered);
  CHECK(bench.pass(3_s).empty());
  bench.querier.drop(asked);
  // And who asks then is answered from what is known.
  const auto again = once(bench, "kitchen.local", Type::a);
  CHECK(bench.querier.state(again, bench.now) == Querier::State::answered);
  CHECK(bench.pass(3_s).empty());
}

TEST_CASE("A denial is an answer (RFC 6762 6.1)", "[mdns]") {
  Bench bench;
  const auto aaaa = once(bench, "kitchen.local", Type::aaaa);
  const auto a = once(bench, "kitchen.local", Type::a);
  bench.pass(10_ms);
  const Bytes types = Bytes().name("kitchen.local").u8(0).u8(1).u8(0x40);
  bench.hear(response({{.name = "kitchen.local", .type = Type::nsec, .data = types, .flush = true}}));
  CHECK(bench.querier.state(aaaa, bench.now) == Querier::State::denied);
  CHECK(bench.querier.state(a, bench.now) == Querier::State::open);
}

TEST_CASE("Records come, and go when their time is over or they are withdrawn (RFC 6762 10.1)", "[mdns]") {
  Bench bench;
  const auto question = watch(bench, "_http._tcp.local");
  bench.pass(1_s);
  bench.hear(response({pointer_item("_http._tcp.local", "one._http._tcp.local", 4500),
                       pointer_item("_HTTP._tcp.local", "two._http._tcp.local", 10),
                       pointer_item("_ipp._tcp.local", "three._ipp._tcp.local", 10)}));
  CHECK(news(bench, question) ==
        Lines{"+ _http._tcp.local one._http._tcp.local", "+ _HTTP._tcp.local two._http._tcp.local"});
  CHECK(news(bench, question).empty());
  bench.hear(response({pointer_item("_http._tcp.local", "one._http._tcp.local", 4500)}));
  CHECK(news(bench, question).empty());
  bench.pass(11_s);
  CHECK(news(bench, question) == Lines{"- _HTTP._tcp.local two._http._tcp.local"});
  bench.hear(response({pointer_item("_http._tcp.local", "one._http._tcp.local", 0)}));
  bench.pass(900_ms);
  CHECK(news(bench, question).empty());
  bench.pass(200_ms);
  CHECK(news(bench, question) == Lines{"- _http._tcp.local one._http._tcp.local"});
  CHECK(bench.querier.cache().records().empty());
}

TEST_CASE("What is back before anybody was told that it has gone, has not gone", "[mdns]") {
  Bench bench;
  const auto question = watch(bench, "_http._tcp.local");
  const Bytes says = response({pointer_item("_http._tcp.local", "one._http._tcp.local", 10)});
  bench.hear(says);
  CHECK(news(bench, question).size() == 1);
  bench.pass(11_s);
  bench.hear(says);
  CHECK(news(bench, question).empty());
}

TEST_CASE("A record that somebody wants is asked for again at 80, 85, 90 and 95 % of its time (RFC 6762 5.2)",
          "[mdns]") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    Bench bench(seed);
    const auto question = watch(bench, "kitchen.local", Type::a);
    bench.pass(500_ms);
    bench.hear(response({address_item("kitchen.local", "10.0.0.1", 100)}));
    const auto begin = bench.elapsed();
    auto sent = bench.pass(99'500_ms);
    REQUIRE(sent.size() == 4);
    for (int i = 0; i < 4; ++i) {
      const auto& packet = sent[static_cast<std::size_t>(i)];
      CHECK(packet.at >= begin + 80'000 + 5'000 * i);
      CHECK(packet.at <= begin + 82'000 + 5'000 * i);
      CHECK(packet.lines == Lines{"? kitchen.local A"});
    }
    CHECK(news(bench, question).size() == 1);
    // Nobody answered: the series begins anew.
    sent = bench.pass(2_s);
    CHECK(sent.size() == 2);
    CHECK(news(bench, question).size() == 1);
    bench.querier.drop(question);
    bench.hear(response({address_item("kitchen.local", "10.0.0.1", 100)}));
    CHECK(bench.pass(200_s).empty());
  }
}

TEST_CASE("A unique answer ends the series of its type, but not that of any", "[mdns]") {
  for (const Type type : {Type::a, Type::any}) {
    Bench bench;
    watch(bench, "kitchen.local", type);
    bench.pass(500_ms);
    bench.hear(response({address_item("kitchen.local", "10.0.0.1", 1000)}));
    CHECK(bench.pass(10_s).size() == (type == Type::any ? 3 : 0));
  }
}

TEST_CASE("What is known is told with the question, if it has more than half its time left (RFC 6762 7.1)", "[mdns]") {
  Bench bench;
  watch(bench, "_http._tcp.local");
  bench.pass(500_ms);
  bench.hear(response({pointer_item("_http._tcp.local", "one._http._tcp.local", 4500),
                       pointer_item("_http._tcp.local", "two._http._tcp.local", 10),
                       address_item("kitchen.local", "10.0.0.1")}));
  const auto sent = bench.pass(1500_ms);
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].lines == Lines{"? _http._tcp.local PTR", "! _http._tcp.local PTR 4499 one._http._tcp.local",
                               "! _http._tcp.local PTR 9 two._http._tcp.local"});
  const auto later = bench.pass(5500_ms);
  REQUIRE(later.size() == 2);
  CHECK(later[1].lines == Lines{"? _http._tcp.local PTR", "! _http._tcp.local PTR 4493 one._http._tcp.local"});
}

TEST_CASE("Known answers that do not fit come in further messages (RFC 6762 7.2)", "[mdns]") {
  Bench bench(1, 1, 40);
  watch(bench, "_http._tcp.local");
  bench.pass(500_ms, 512);
  for (int i = 0; i < 30; ++i) {
    const std::string name = std::string(30, static_cast<char>('a' + i % 26)) + std::to_string(i) + "._http._tcp.local";
    bench.hear(response({pointer_item("_http._tcp.local", name)}));
  }
  const auto sent = bench.pass(1_s, 512);
  REQUIRE(sent.size() > 2);
  std::size_t told = 0;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    const Lines& lines = sent[i].lines;
    CHECK((lines[0] == "TC") == (i + 1 < sent.size()));
    told +=
        static_cast<std::size_t>(std::count_if(lines.begin(), lines.end(), [](const auto& l) { return l[0] == '!'; }));
    CHECK(std::count(lines.begin(), lines.end(), "? _http._tcp.local PTR") == (i == 0 ? 1 : 0));
    CHECK(sent[i].at == sent[0].at);
  }
  CHECK(told == 30);
}

TEST_CASE("A question that somebody else asks just before is not asked (RFC 6762 7.3)", "[mdns]") {
  struct Row {
    const char* why;
    Bytes heard;
    std::size_t asked;
  };
  const Row rows[] = {
      {"the same", query({{"_HTTP._tcp.local", Type::ptr}}), 0},
      {"for an answer by unicast", query({{"_http._tcp.local", Type::ptr, true}}), 1},
      {"another type", query({{"_http._tcp.local", Type::txt}}), 1},
      {"he knows more",
       query({{"_http._tcp.local", Type::ptr}}, {pointer_item("_http._tcp.local", "x._http._tcp.local")}), 1},
      {"he has more to say", query({{"_http._tcp.local", Type::ptr}}, {}, dns::Header::kTruncated), 1},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Bench bench;
    watch(bench, "_http._tcp.local");
    bench.hear(row.heard);
    CHECK(bench.pass(500_ms).size() == row.asked);
    CHECK(bench.querier.statistics().suppressed == 1 - row.asked);
    CHECK(bench.pass(1_s).size() == 1);
  }
}

TEST_CASE("The top bit of a class replaces what is older than a second (RFC 6762 10.2)", "[mdns]") {
  Bench bench;
  const auto question = watch(bench, "kitchen.local", Type::a);
  bench.hear(response({address_item("kitchen.local", "10.0.0.1"), address_item("kitchen.local", "10.0.0.2")}));
  bench.pass(900_ms);
  bench.hear(response({address_item("kitchen.local", "10.0.0.3")}));
  bench.pass(2_s);
  CHECK(news(bench, question).size() == 3);
  bench.hear(response({address_item("kitchen.local", "10.0.0.4"), address_item("kitchen.local", "10.0.0.2")}));
  CHECK(news(bench, question) == Lines{"+ kitchen.local 10.0.0.4"});
  bench.pass(1100_ms);
  Lines gone = news(bench, question);
  std::sort(gone.begin(), gone.end());
  CHECK(gone == Lines{"- kitchen.local 10.0.0.1", "- kitchen.local 10.0.0.3"});
}

TEST_CASE("One interface's records do not replace another's", "[mdns]") {
  Bench bench(1, 2);
  const auto question = watch(bench, "kitchen.local", Type::a);
  bench.hear(response({address_item("kitchen.local", "10.0.0.1")}), "10.0.0.99:5353", 0);
  bench.pass(2_s);
  bench.hear(response({address_item("kitchen.local", "10.9.0.1")}), "10.9.0.99:5353", 1);
  bench.pass(2_s);
  CHECK(news(bench, question) == Lines{"+ kitchen.local 10.0.0.1", "+ kitchen.local 10.9.0.1"});
}

TEST_CASE("What others ask for in vain is over (RFC 6762 10.5)", "[mdns]") {
  Bench bench;
  bench.set_addresses({"10.0.0.1/24"});
  const auto question = watch(bench, "_http._tcp.local");
  bench.pass(500_ms);
  bench.hear(response({pointer_item("_http._tcp.local", "one._http._tcp.local", 4500)}));
  CHECK(news(bench, question).size() == 1);
  const Bytes asks = query({{"_http._tcp.local", Type::ptr}});
  bench.hear(asks);
  bench.hear(asks);  // at the same moment, over the other family
  bench.pass(11_s);
  CHECK(news(bench, question).empty());
  SECTION("a second question, and no answer") {
    bench.hear(asks);
    bench.pass(9_s);
    CHECK(news(bench, question).empty());
    bench.pass(2_s);
    CHECK(news(bench, question).size() == 1);
  }
  SECTION("a second question, and an answer") {
    bench.hear(asks);
    bench.hear(response({pointer_item("_http._tcp.local", "one._http._tcp.local", 4500)}));
    bench.pass(20_s);
    CHECK(news(bench, question).empty());
  }
  SECTION("who asks knows it") {
    bench.hear(query({{"_http._tcp.local", Type::ptr}}, {pointer_item("_http._tcp.local", "one._http._tcp.local")}));
    bench.pass(20_s);
    CHECK(news(bench, question).empty());
  }
  SECTION("this host itself asks") {
    bench.hear(asks, "10.0.0.1:5353");
    bench.pass(20_s);
    CHECK(news(bench, question).empty());
  }
}

TEST_CASE("Only answers from the port of multicast DNS are believed (RFC 6762 6)", "[mdns]") {
  Bench bench;
  const auto question = watch(bench, "kitchen.local", Type::a);
  bench.hear(response({address_item("kitchen.local", "10.0.0.1")}), "10.0.0.99:5354");
  bench.hear(message_of(0x8403, {}, {address_item("kitchen.local", "10.0.0.1")}));
  bench.hear(message_of(0x8c00, {}, {address_item("kitchen.local", "10.0.0.1")}));
  Item other = address_item("kitchen.local", "10.0.0.1");
  other.section = Section::authority;
  bench.hear(response({other}));
  CHECK(news(bench, question).empty());
  CHECK(bench.querier.statistics().ignored == 3);
}

TEST_CASE("What nobody asked for makes room for what somebody wants, and never the other way around", "[mdns]") {
  Bench bench(1, 1, 3);
  const auto question = watch(bench, "_http._tcp.local");
  bench.pass(500_ms);
  for (int i = 0; i < 10; ++i) { bench.hear(response({address_item("h" + std::to_string(i) + ".local", "10.0.0.9")})); }
  CHECK(bench.querier.cache().records().size() == 3);
  const auto says = [](const char* instance) { return response({pointer_item("_http._tcp.local", instance)}); };
  for (const char* instance : {"a._http._tcp.local", "b._http._tcp.local", "c._http._tcp.local"}) {
    bench.hear(says(instance));
  }
  bench.hear(response({address_item("x.local", "10.0.0.9")}));
  CHECK(news(bench, question).size() == 3);
  bench.hear(says("d._http._tcp.local"));
  CHECK(news(bench, question) == Lines{"table full"});
  CHECK(bench.querier.statistics().dropped == 1);
  CHECK(bench.querier.in_use() == 1);
}

TEST_CASE("A full table of questions is an error", "[mdns]") {
  Bench bench(1, 1, 4, 2);
  once(bench, "a.local", Type::a);
  once(bench, "b.local", Type::a);
  CHECK(bench.querier.ask(name_of("c.local"), Type::a, Asking::once, 1_s, bench.now) == Unexpected(Error::table_full));
}

TEST_CASE("Questions of one moment share a message, and several links get one each", "[mdns]") {
  Bench bench(1, 2);
  once(bench, "kitchen.local", Type::aaaa);
  once(bench, "kitchen.local", Type::a);
  const auto sent = bench.pass(100_ms);
  REQUIRE(sent.size() == 2);
  for (unsigned link = 0; link < 2; ++link) {
    CHECK(sent[link].link == link);
    CHECK(sent[link].lines == Lines{"? kitchen.local AAAA", "? kitchen.local A"});
  }
}

TEST_CASE("Who is alone on his port asks for answers by unicast first (RFC 6762 5.4, 15.1)", "[mdns]") {
  Bench bench;
  bench.querier.prefer_unicast(true);
  once(bench, "kitchen.local", Type::a);
  const auto sent = bench.pass(1500_ms);
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].lines == Lines{"? kitchen.local A QU"});
  CHECK(sent[1].lines == Lines{"? kitchen.local A"});
}

}  // namespace nal::mdns::test

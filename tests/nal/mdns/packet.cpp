#include "nal/mdns/packet.hpp"

#include "tests/nal/mdns/bench.hpp"

namespace nal::mdns::test {

TEST_CASE("Names are written once, and referred to from then on, in data too", "[mdns]") {
  std::array<std::byte, 512> out;
  PacketWriter writer(out, 0, dns::Header::kResponse);
  const dns::Name type = name_of("_http._tcp.local");
  const dns::Name instance = name_of("one._http._tcp.local");
  const Bytes location = Bytes().u16(0).u16(0).u16(80).name("kitchen.local");
  REQUIRE(writer.record(Section::answer, type.wire(), Type::ptr, 1, 10, {.name = instance.wire()}));
  REQUIRE(writer.record(Section::answer, instance.wire(), Type::srv, 1, 10, split(Type::srv, location)));
  CHECK(writer.message().size() == 12 + (18 + 10 + 6) + (2 + 10 + 6 + 10));
  CHECK(lines_of(writer.message()) ==
        Lines{"! _http._tcp.local PTR 10 one._http._tcp.local", "! one._http._tcp.local SRV 10 80 kitchen.local"});
}

TEST_CASE("What does not fit leaves no trace", "[mdns]") {
  const dns::Name name = name_of("a.b.c.local");
  const Bytes data(40);
  for (std::size_t room = dns::kHeaderSize; room < 120; ++room) {
    std::vector<std::byte> out(room);
    PacketWriter writer(out, 0, 0);
    std::size_t questions = 0;
    std::size_t records = 0;
    while (questions < 2 && writer.question(name.wire(), Type::a, 1)) { ++questions; }
    while (writer.record(Section::answer, name.wire(), Type::txt, 1, 10, {.front = data})) { ++records; }
    const auto message = dns::Message::parse(writer.message());
    REQUIRE(message);
    CHECK(message->header().questions == questions);
    CHECK(message->header().answers == records);
    auto walked = *message;
    dns::Record record;
    for (std::size_t i = 0; i < records; ++i) { REQUIRE(walked.next(record) == true); }
    CHECK(walked.next(record) == false);
  }
}

TEST_CASE("Data that is not what its type says is refused", "[mdns]") {
  struct Row {
    Type type;
    Bytes data;
    bool good;
  };
  const Row rows[] = {
      {Type::a, Bytes(3), false},
      {Type::a, Bytes(4), true},
      {Type::a, Bytes(5), false},
      {Type::aaaa, Bytes(15), false},
      {Type::aaaa, Bytes(16), true},
      {Type::aaaa, Bytes(17), false},
      {Type::txt, Bytes(), true},
      {Type::txt, Bytes().u8(0), true},
      {Type::txt, Bytes().u8(1), false},
      {Type::txt, Bytes().u8(2).text("a"), false},
      {Type::ptr, Bytes(), false},
      {Type::ptr, Bytes().name("a.local"), true},
      {Type::ptr, Bytes().name("a.local").u8(0), false},
      {Type::ptr, Bytes().u8(3).text("ab"), false},
      {Type::ptr, Bytes().u16(0xffff), false},
      {Type::srv, Bytes().u16(0).u16(0).u16(1), false},
      {Type::srv, Bytes().u16(0).u16(0).u16(1).u8(0), true},
      {Type::srv, Bytes().u16(0).u16(0).u16(1).u8(0).u8(0), false},
      {Type::nsec, Bytes().name("a.local"), true},
      {Type::nsec, Bytes().name("a.local").u8(0).u8(9), true},  // its bits are read with care
      {Type::mx, Bytes().u16(1).name("a.local"), false},
      {static_cast<Type>(99), Bytes(7), true},
  };
  for (const Row& row : rows) {
    CAPTURE(type_text(row.type), row.data.size());
    const Bytes bytes = response({{.name = "a.local", .type = row.type, .data = row.data}});
    auto message = dns::Message::parse(bytes);
    dns::Record record;
    REQUIRE(message->next(record) == true);
    RecordData data;
    CHECK(data.read(*message, record).has_value() == row.good);
  }
}

TEST_CASE("A denial's bits are read as far as they go", "[mdns]") {
  const auto types = [](const Bytes& bits) { return Bytes().name("a.local").put(bits); };
  CHECK(has_type(types(Bytes().u8(0).u8(1).u8(0x40)), Type::a));
  CHECK(!has_type(types(Bytes().u8(0).u8(1).u8(0x40)), Type::aaaa));
  CHECK(has_type(types(Bytes().u8(0).u8(4).u8(0).u8(0).u8(0).u8(8)), Type::aaaa));
  CHECK(!has_type(types(Bytes().u8(1).u8(4).u8(0).u8(0).u8(0).u8(8)), Type::aaaa));
  CHECK(has_type(types(Bytes().u8(1).u8(1).u8(0).u8(0).u8(1).u8(0x40)), Type::a));
  CHECK(!has_type(types(Bytes().u8(0).u8(5).u8(0x40)), Type::a));
  CHECK(!has_type(types(Bytes().u8(0)), Type::a));
  CHECK(!has_type(types(Bytes()), Type::a));
  CHECK(!has_type({}, Type::a));
}

TEST_CASE("Messages cut at every byte, and compression that loops, do no harm and are not believed", "[mdns]") {
  Bench bench;
  bench.set_addresses({"10.0.0.1/24"});
  bench.settle();
  bench.pass(5_s);
  const auto question = bench.querier.ask(name_of("_http._tcp.local"), Type::ptr, Asking::watch, 1_h, bench.now);
  REQUIRE(question);
  Bytes whole;
  whole.header(0, 0x8400, 0, 2).name("_http._tcp.local").u16(12).u16(1).u32(100).u16(6).u8(3).text("one").pointer(12);
  whole.pointer(12).u16(12).u16(1).u32(100).u16(6).u8(3).text("two").pointer(12);
  for (std::size_t size = dns::kHeaderSize; size < whole.size(); ++size) {
    bench.hear(Bytes(std::span<const std::byte>(whole).first(size)));
  }
  CHECK(bench.querier.cache().records().size() == 1);  // the first is whole in the longer ones
  bench.hear(whole);
  CHECK(bench.querier.cache().records().size() == 2);
  for (const unsigned target : {0U, 11U, 12U, 13U, 29U, 30U, 0x3fffU}) {
    Bytes looping;
    looping.header(0, 0x8400, 0, 1).pointer(target).u16(12).u16(1).u32(100).u16(2).pointer(target);
    bench.hear(looping);
    Bytes asking;
    asking.header(0, 0, 1, 0).pointer(target).u16(255).u16(1);
    bench.hear(asking);
  }
  CHECK(bench.querier.cache().records().size() == 2);
  CHECK(bench.querier.statistics().malformed > 0);
  for (const unsigned count : {0xffffU, 2U}) {
    bench.hear(Bytes().header(0, 0x8400, count, count, count, count));
    bench.hear(Bytes().header(0, 0, count, count, count, count));
  }
  // And the next good one works.
  bench.hear(query({{"kitchen.local", Type::a}}));
  CHECK(bench.pass(10_ms).size() >= 1);
}

}  // namespace nal::mdns::test

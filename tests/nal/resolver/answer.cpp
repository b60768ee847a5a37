#include "nal/resolver/answer.hpp"

#include "tests/nal/resolver/bytes.hpp"

namespace nal::dns::test {
namespace {

using Outcome = Reading::Outcome;

/// Reads a message as the answer to a question.
struct Read {
  Read(const Bytes& bytes, std::string_view asked, Type type = Type::a, bool cut = false, std::size_t room = 1000)
      : name(name_of(asked)), out(room) {
    const auto message = Message::parse(bytes);
    REQUIRE(message);
    reading = read_answer(*message, cut, name, type, aliases, out);
  }
  std::vector<std::string> addresses() const {
    std::vector<std::string> all;
    for (const auto data : reading.answer.records(out)) { all.push_back(to_string(read_address(data).value())); }
    return all;
  }
  Name name;
  Bytes out;
  unsigned aliases = kMaxAliases;
  Reading reading;
};

Bytes question(std::string_view name, Type type = Type::a) {
  Bytes bytes(512);
  MessageWriter writer(bytes, 1, Header::kRecursionDesired);
  writer.question(name_of(name), type);
  bytes.resize(writer.finish()->size());
  return bytes;
}
Bytes answer(std::string_view name, const std::vector<Rr>& records, unsigned code = 0,
             std::uint16_t flags = kAnswered) {
  return reply(question(name), records, code, flags);
}
using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("The records of the name and type that were asked for are the answer", "[dns][answer]") {
  const Read read(
      answer("a.example", {address_record("A.EXAMPLE", "192.0.2.1", 60), address_record("a.example", "192.0.2.2", 30),
                           address_record("a.example", "2001:db8::1", 10)}),
      "a.example");
  CHECK(read.reading.outcome == Outcome::answer);
  CHECK(read.reading.answer.kind == Answer::Kind::records);
  CHECK(read.addresses() == Texts{"192.0.2.1", "192.0.2.2"});
  CHECK(read.reading.answer.ttl == 30);
}

TEST_CASE("What a server volunteers is not used", "[dns][answer]") {
  Rr chaos = address_record("a.example", "192.0.2.66");
  chaos.record_class = 3;
  Rr authority = address_record("a.example", "192.0.2.67");
  authority.section = Section::authority;
  Rr additional = address_record("a.example", "192.0.2.68");
  additional.section = Section::additional;
  const Read read(
      answer("a.example", {address_record("bank.example", "192.0.2.64"), alias_record("bank.example", "evil.example"),
                           address_record("a.example", "192.0.2.1"), chaos, authority, additional}),
      "a.example");
  CHECK(read.addresses() == Texts{"192.0.2.1"});
  const Read none(answer("a.example", {address_record("bank.example", "192.0.2.64"), chaos, authority, additional}),
                  "a.example");
  CHECK(none.reading.answer.kind == Answer::Kind::no_records);
}

TEST_CASE("A chain of aliases is followed in whatever order it stands", "[dns][answer]") {
  std::vector<Rr> records{alias_record("a.example", "b.example", 50), alias_record("b.example", "c.example", 40),
                          address_record("c.example", "192.0.2.3", 45)};
  for (int i = 0; i < 3; ++i) {
    std::rotate(records.begin(), records.begin() + 1, records.end());
    const Read read(answer("a.example", records), "a.example");
    CHECK(read.addresses() == Texts{"192.0.2.3"});
    CHECK(read.reading.answer.ttl == 40);
    CHECK(text_of(read.name) == "c.example");
    CHECK(read.aliases == kMaxAliases - 2);
  }
  const Read split(answer("a.example", {address_record("c.example", "192.0.2.4"), records[0], records[1], records[2]}),
                   "a.example");
  CHECK(split.addresses() == Texts{"192.0.2.4", "192.0.2.3"});
}

TEST_CASE("An alias whose target is not told is asked for", "[dns][answer]") {
  const Read read(answer("a.example", {alias_record("a.example", "b.example", 50)}), "a.example");
  CHECK(read.reading.outcome == Outcome::alias);
  CHECK(text_of(read.name) == "b.example");
  CHECK(read.reading.answer.ttl == 50);
  // The alias itself may be what was asked for.
  const Read itself(answer("a.example", {alias_record("a.example", "b.example", 50)}), "a.example", Type::cname);
  CHECK(itself.reading.outcome == Outcome::answer);
  CHECK(itself.reading.answer.count == 1);
}

TEST_CASE("Aliases that lead round in a circle, or too far, are refused", "[dns][answer]") {
  CHECK(Read(answer("a.example", {alias_record("a.example", "a.example")}), "a.example").reading.outcome ==
        Outcome::malformed);
  CHECK(Read(answer("a.example", {alias_record("a.example", "b.example"), alias_record("b.example", "a.example")}),
             "a.example")
            .reading.outcome == Outcome::malformed);
  for (unsigned length = kMaxAliases - 1; length <= kMaxAliases + 1; ++length) {
    std::vector<Rr> records;
    for (unsigned i = 0; i < length; ++i) {
      records.push_back(alias_record("n" + std::to_string(i), "n" + std::to_string(i + 1)));
    }
    records.push_back(address_record("n" + std::to_string(length), "192.0.2.1"));
    CHECK(Read(answer("n0", records), "n0").reading.outcome ==
          (length <= kMaxAliases ? Outcome::answer : Outcome::malformed));
  }
}

TEST_CASE("No such name and no such records are told apart, with how long that holds", "[dns][answer]") {
  const Read no_name(answer("a.example", {authority_record("example", 100, 60)}, 3), "a.example");
  CHECK(no_name.reading.outcome == Outcome::answer);
  CHECK(no_name.reading.answer.kind == Answer::Kind::no_name);
  CHECK(no_name.reading.answer.ttl == 60);
  const Read no_records(answer("a.example", {authority_record("example", 50, 60)}), "a.example");
  CHECK(no_records.reading.answer.kind == Answer::Kind::no_records);
  CHECK(no_records.reading.answer.ttl == 50);
  // Without a zone's word, or with that of another zone, nothing is kept.
  CHECK(Read(answer("a.example", {}, 3), "a.example").reading.answer.ttl == 0);
  CHECK(Read(answer("a.example", {authority_record("other", 50, 60)}, 3), "a.example").reading.answer.ttl == 0);
  CHECK(Read(answer("a.example", {}), "a.example").reading.answer.kind == Answer::Kind::no_records);
  // An alias of something that is not there.
  const Read alias(
      answer("a.example", {alias_record("a.example", "b.other", 20), authority_record("other", 100, 60)}, 3),
      "a.example");
  CHECK(alias.reading.answer.kind == Answer::Kind::no_name);
  CHECK(alias.reading.answer.ttl == 20);
  const Read empty(answer("a.example", {alias_record("a.example", "b.other", 90), authority_record("other", 100, 60)}),
                   "a.example");
  CHECK(empty.reading.answer.kind == Answer::Kind::no_records);
  CHECK(empty.reading.answer.ttl == 60);
}

TEST_CASE("Servers that fail, that only point elsewhere, or that do not know EDNS are told apart", "[dns][answer]") {
  const auto outcome = [](unsigned code, std::vector<Rr> records = {}, std::uint16_t flags = kAnswered) {
    return Read(answer("a.example", records, code, flags), "a.example").reading.outcome;
  };
  CHECK(outcome(2) == Outcome::failed);
  CHECK(outcome(5) == Outcome::failed);
  CHECK(outcome(9) == Outcome::failed);
  CHECK(outcome(1) == Outcome::plain);
  CHECK(outcome(4) == Outcome::plain);
  Rr opt{.section = Section::additional, .name = ".", .type = Type::opt, .ttl = 0x0100'0000, .record_class = 1232};
  CHECK(outcome(0, {opt}) == Outcome::plain);  // BADVERS is 16: a bit of it stands in the OPT record
  opt.ttl = 0;
  CHECK(outcome(0, {opt}) == Outcome::answer);
  const Rr referral{
      .section = Section::authority, .name = "example", .type = Type::ns, .data = Bytes().name("ns.example")};
  CHECK(outcome(0, {referral}) == Outcome::lame);
  CHECK(outcome(0, {}, Header::kResponse) == Outcome::lame);
  CHECK(outcome(0, {}, Header::kResponse | Header::kAuthoritative) == Outcome::answer);
}

TEST_CASE("A message that does not add up is malformed as a whole", "[dns][answer]") {
  const auto outcome = [](std::vector<Rr> records) {
    return Read(answer("a.example", records), "a.example").reading.outcome;
  };
  Rr short_one = address_record("a.example", "192.0.2.1");
  short_one.data.pop_back();
  CHECK(outcome({address_record("a.example", "192.0.2.1"), short_one}) == Outcome::malformed);
  Rr alias = alias_record("a.example", "b.example");
  alias.data.u8(0);
  CHECK(outcome({alias}) == Outcome::malformed);
  const Rr opt{.section = Section::additional, .name = ".", .type = Type::opt, .ttl = 0};
  CHECK(outcome({address_record("a.example", "192.0.2.1"), opt, opt}) == Outcome::malformed);
  Rr misplaced = opt;
  misplaced.section = Section::answer;
  CHECK(outcome({misplaced, address_record("a.example", "192.0.2.1")}) == Outcome::malformed);
  Rr authority = authority_record("example", 1, 1);
  authority.data.pop_back();
  CHECK(outcome({authority}) == Outcome::malformed);

  const Bytes whole =
      answer("a.example", {alias_record("a.example", "b.example"), address_record("b.example", "192.0.2.1")});
  for (std::size_t size = question("a.example").size(); size < whole.size(); ++size) {
    CHECK(Read(Bytes(std::span<const std::byte>(whole).first(size)), "a.example").reading.outcome ==
          Outcome::malformed);
  }
}

TEST_CASE("Of an answer that is too large, what fits is used, and that it was cut is told", "[dns][answer]") {
  std::vector<Rr> records;
  for (unsigned i = 0; i < 5; ++i) { records.push_back(address_record("a.example", "192.0.2." + std::to_string(i))); }
  const Bytes whole = answer("a.example", records);
  for (std::size_t room = 0; room <= 30; ++room) {
    const Read read(whole, "a.example", Type::a, false, room);
    CHECK(read.reading.answer.count == std::min<std::size_t>(room / 6, 5));
    if (room >= 6) { CHECK(read.reading.answer.cut == (room < 30)); }
  }
  // The front of a larger message.
  const Bytes front(std::span<const std::byte>(whole).first(whole.size() - 3));
  const Read read(front, "a.example", Type::a, true);
  CHECK(read.reading.answer.count == 4);
  CHECK(read.reading.answer.cut);
}

TEST_CASE("Of a message with very many records only so many are looked at", "[dns][answer]") {
  std::vector<Rr> records;
  for (unsigned i = 0; i < kMaxRecords + 10; ++i) { records.push_back(address_record("a.example", "192.0.2.1")); }
  const Read read(answer("a.example", records), "a.example", Type::a, false, 10'000);
  CHECK(read.reading.answer.count == kMaxRecords);
  CHECK(read.reading.answer.cut);
}

}  // namespace nal::dns::test

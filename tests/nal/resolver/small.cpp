#include "nal/resolver/small_resolver.hpp"
#include "tests/nal/resolver/server.hpp"

namespace nal::dns::test {
namespace {

static_assert(Dns<SmallResolver<FakeStack>>);

struct SmallTest : ResolverTest {
  explicit SmallTest(NameServer::Answer how) : ResolverTest(std::move(how)) { small.configure(servers); }
  void add(NameServer::Answer how) {
    add_second(std::move(how));
    small.configure(servers);
  }
  Result<Texts> look(std::string_view name, Family family = Family::v4) {
    std::array<IpAddress, 8> out;
    NAL_TRY_SET(const std::size_t count, block(lookup(small, name, family, out)));
    Texts texts;
    for (std::size_t i = 0; i < count; ++i) { texts.push_back(to_string(out[i])); }
    return texts;
  }
  Error error(std::string_view name, Family family = Family::v4) { return look(name, family).error_or(Error{}); }

  Random random{test_entropy(7)};
  SmallResolver<FakeStack> small{client, random};
};

std::vector<Rr> some_names() {
  return {address_record("a.example", "192.0.2.11"), address_record("both.example", "192.0.2.12"),
          address_record("both.example", "2001:db8::12"), address_record("six.example", "2001:db8::13")};
}

}  // namespace

TEST_CASE("The small resolver finds addresses of either family or both, and says when there are none", "[dns][small]") {
  SmallTest test(zone(some_names()));
  CHECK(test.look("A.Example.") == Texts{"192.0.2.11"});
  CHECK(test.look("both.example", Family::any) == Texts{"2001:db8::12", "192.0.2.12"});
  CHECK(test.look("six.example", Family::any) == Texts{"2001:db8::13"});
  CHECK(test.look("a.example", Family::any) == Texts{"192.0.2.11"});
  CHECK(test.error("six.example") == Error::name_not_found);
  CHECK(test.error("none.example") == Error::name_not_found);
  CHECK(test.look("192.0.2.77") == Texts{"192.0.2.77"});
  CHECK(test.error("192.0.2.77", Family::v6) == Error::name_not_found);
  test.check_nothing_left();
}

TEST_CASE("The small resolver asks for no family that the stack has not", "[dns][small]") {
  SmallTest test(zone(some_names()));
  SmallResolver<FakeStack, Family::v4> small(test.client, test.random);
  small.configure(test.servers);
  std::array<IpAddress, 4> out;
  CHECK(test.block(lookup(small, "both.example", Family::any, out)) == std::size_t{1});
  CHECK(test.heard() == 1);
  CHECK(test.block(lookup(small, "both.example", Family::v6, out)).error_or(Error{}) == Error::name_not_found);
  CHECK(test.heard() == 1);
}

TEST_CASE("The small resolver follows aliases in whatever order they stand", "[dns][small]") {
  const auto alias = [](const char* from, const char* to) {
    return Rr{.name = from, .type = Type::cname, .data = Bytes().name(to)};
  };
  const auto answer = [](std::vector<Rr> records) {
    return [records](const Heard& heard) -> std::vector<Bytes> { return {reply(heard.message, records, 0)}; };
  };
  SmallTest straight(answer(
      {alias("x.example", "y.example"), alias("y.example", "z.example"), address_record("z.example", "192.0.2.21")}));
  CHECK(straight.look("x.example") == Texts{"192.0.2.21"});
  SmallTest turned(answer(
      {address_record("z.example", "192.0.2.21"), alias("y.example", "z.example"), alias("x.example", "y.example")}));
  CHECK(turned.look("x.example") == Texts{"192.0.2.21"});
  SmallTest loop(answer({alias("x.example", "y.example"), alias("y.example", "x.example")}));
  CHECK(loop.error("x.example") == Error::name_not_found);
  SmallTest other(answer({address_record("z.example", "192.0.2.66")}));
  CHECK(other.error("x.example") == Error::name_not_found);
}

TEST_CASE("The small resolver goes on to the next server at a failure at once, and at silence in a while",
          "[dns][small]") {
  SmallTest failing(code(2));
  failing.add(zone(some_names()));
  const Instant start = failing.executor.now();
  CHECK(failing.look("a.example") == Texts{"192.0.2.11"});
  CHECK(failing.executor.now() - start < 100_ms);

  SmallTest silent(silence);
  silent.add(zone(some_names()));
  const Instant then = silent.executor.now();
  CHECK(silent.look("a.example") == Texts{"192.0.2.11"});
  CHECK(silent.executor.now() - then == 1_s);

  SmallTest nobody(silence);
  const Instant begun = nobody.executor.now();
  CHECK(nobody.error("a.example") == Error::timed_out);
  CHECK(nobody.heard() == 3);
  CHECK(nobody.executor.now() - begun == 7_s);
  nobody.check_nothing_left();
}

TEST_CASE("The small resolver believes only an answer to its question", "[dns][small]") {
  // Another id, another name, another type, no answer at all: then the true one.
  SmallTest test([](const Heard& heard) -> std::vector<Bytes> {
    const std::vector<Rr> evil{address_record("a.example", "192.0.2.66")};
    Bytes id = reply(heard.message, evil, 0);
    id[1] ^= std::byte{1};
    Bytes name = reply(heard.message, evil, 0);
    name[13] = std::byte{'b'};
    Bytes question = reply(heard.message, evil, 0);
    question[2] &= std::byte{0x7f};
    return {id, name, question, Bytes(), reply(heard.message, {address_record("a.example", "192.0.2.11")}, 0)};
  });
  CHECK(test.look("a.example") == Texts{"192.0.2.11"});
}

TEST_CASE("The small resolver's answers may be cut off at every byte and wrong in every byte", "[dns][small]") {
  SmallQuery query;
  REQUIRE(query.start("a.example", Type::a, 0x1234));
  const Bytes whole = reply(Bytes(query.message()),
                            {Rr{.name = "a.example", .type = Type::cname, .data = Bytes().name("b.example")},
                             address_record("b.example", "192.0.2.11")},
                            0);
  std::array<IpAddress, 4> out;
  std::size_t found = 0;
  CHECK(query.read(whole, out, found) == SmallQuery::Says::addresses);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    std::size_t count = 0;
    CHECK(query.read(std::span<const std::byte>(whole).first(size), out, count) != SmallQuery::Says::addresses);
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const unsigned value : {0x00U, 0x01U, 0x3fU, 0x40U, 0x7fU, 0x80U, 0xc0U, 0xffU}) {
      Bytes changed = whole;
      changed[at] = static_cast<std::byte>(value);
      std::size_t count = 0;
      const auto says = query.read(changed, out, count);
      CHECK((count != 0) == (says == SmallQuery::Says::addresses));
      CHECK(count <= out.size());
    }
  }
}

TEST_CASE("The small resolver takes no name that cannot be one, and one lookup at a time", "[dns][small]") {
  SmallTest test(zone(some_names()));
  for (const std::string_view name : {"", ".", "a..b", " a", "a\x7f", "a\\b"}) {
    CHECK(test.error(name) == Error::invalid_argument);
  }
  CHECK(test.error(std::string(64, 'a')) == Error::invalid_argument);
  CHECK(test.error(std::string(63, 'a')) == Error::name_not_found);
  CHECK(test.error(std::string(300, 'a')) == Error::invalid_argument);
  auto first = test.small.start_lookup("a.example", Family::v4);
  REQUIRE(first);
  CHECK(test.small.start_lookup("a.example", Family::v4).error_or(Error{}) == Error::table_full);
}

}  // namespace nal::dns::test

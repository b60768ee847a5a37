#include "nal/resolver/cache.hpp"

#include "tests/nal/resolver/bytes.hpp"

namespace nal::dns::test {
namespace {

using namespace nal::literals;

struct World {
  explicit World(std::size_t count = 8, std::size_t size = 256) : entries(count), bytes(size), cache(entries, bytes) {}

  void keep(std::string_view name, std::uint32_t ttl, std::string_view data, Type type = Type::a,
            Answer::Kind kind = Answer::Kind::records) {
    const Bytes copy = Bytes().text(data);
    cache.keep(name_of(name),
               {.kind = kind, .type = type, .count = 1, .size = static_cast<std::uint16_t>(copy.size()), .ttl = ttl},
               copy, now);
  }
  std::optional<std::string> find(std::string_view name, Type type = Type::a) {
    Bytes out(256);
    last = cache.find(name_of(name), type, now, out);
    if (!last) { return std::nullopt; }
    return std::string(reinterpret_cast<const char*>(out.data()), last->size);
  }

  std::vector<CacheEntry> entries;
  Bytes bytes;
  Cache cache;
  Instant now = Instant::from_microseconds(5);
  std::optional<Answer> last;
};

}  // namespace

TEST_CASE("An answer is kept as long as it may, and its time runs", "[dns][cache]") {
  World world;
  world.keep("a.example", 10, "data");
  CHECK(world.find("A.example") == "data");
  CHECK(world.last->ttl == 10);
  world.now += 4_s;
  CHECK(world.find("a.example") == "data");
  CHECK(world.last->ttl == 6);
  world.now += 5'999_ms;
  CHECK(world.find("a.example") == "data");
  CHECK(world.last->ttl == 1);
  world.now += 1_ms;
  CHECK_FALSE(world.find("a.example"));
  CHECK(world.cache.size() == 0);
  CHECK(world.cache.bytes_used() == 0);
}

TEST_CASE("Answers are told apart by name and type", "[dns][cache]") {
  World world;
  world.keep("a.example", 10, "one");
  world.keep("a.example", 10, "two", Type::aaaa);
  world.keep("b.example", 10, "three");
  CHECK(world.find("a.example") == "one");
  CHECK(world.find("a.example", Type::aaaa) == "two");
  CHECK(world.find("b.example") == "three");
  CHECK_FALSE(world.find("b.example", Type::aaaa));
  CHECK_FALSE(world.find("c.example"));
  world.keep("a.example", 10, "four");
  CHECK(world.find("a.example") == "four");
  CHECK(world.find("a.example", Type::aaaa) == "two");
  CHECK(world.cache.size() == 3);
}

TEST_CASE("What may not be kept is not, and takes away what was", "[dns][cache]") {
  World world;
  world.keep("a.example", 0, "one");
  CHECK(world.cache.size() == 0);
  world.keep("a.example", 10, "one");
  world.keep("a.example", 0, "two");
  CHECK_FALSE(world.find("a.example"));
}

TEST_CASE("A name that does not exist has no records of any type", "[dns][cache]") {
  World world;
  world.keep("a.example", 20, "one", Type::txt);
  world.keep("a.example", 10, "", Type::a, Answer::Kind::no_name);
  CHECK(world.cache.size() == 1);
  for (const Type type : {Type::a, Type::aaaa, Type::txt}) {
    CHECK(world.find("a.example", type));
    CHECK(world.last->kind == Answer::Kind::no_name);
    CHECK(world.last->type == type);
  }
  world.keep("b.example", 10, "", Type::a, Answer::Kind::no_records);
  CHECK(world.find("b.example"));
  CHECK_FALSE(world.find("b.example", Type::aaaa));
  // It has come into being.
  world.keep("a.example", 10, "new", Type::a);
  CHECK(world.find("a.example") == "new");
  CHECK_FALSE(world.find("a.example", Type::aaaa));
}

TEST_CASE("An alias of what does not exist exists itself", "[dns][cache]") {
  World world;
  const Answer gone{.kind = Answer::Kind::no_name, .type = Type::a, .aliased = true, .ttl = 10};
  world.keep("a.example", 10, "b", Type::cname);
  world.cache.keep(name_of("a.example"), gone, {}, world.now);
  CHECK(world.find("a.example"));
  CHECK(world.last->kind == Answer::Kind::no_name);
  CHECK_FALSE(world.find("a.example", Type::txt));
  CHECK(world.find("a.example", Type::cname) == "b");
}

TEST_CASE("When the table is full, what would have expired next makes room", "[dns][cache]") {
  World world(3);
  world.keep("a", 30, "a");
  world.keep("b", 10, "b");
  world.keep("c", 20, "c");
  world.keep("d", 5, "d");
  CHECK_FALSE(world.find("b"));
  CHECK(world.find("a") == "a");
  CHECK(world.find("c") == "c");
  CHECK(world.find("d") == "d");
  world.keep("e", 40, "e");
  CHECK_FALSE(world.find("d"));
  CHECK(world.cache.size() == 3);
}

TEST_CASE("When the bytes are full, as many make room as must", "[dns][cache]") {
  World world(8, 40);  // each of these takes 3 for its name
  world.keep("a", 30, "0123456789");
  world.keep("b", 10, "0123456789");
  world.keep("c", 20, "0123456789");
  CHECK(world.cache.bytes_used() == 39);
  world.keep("d", 25, "01234567890123");
  CHECK(world.cache.size() == 2);
  CHECK(world.find("a") == "0123456789");
  CHECK(world.find("d") == "01234567890123");
  CHECK(world.cache.bytes_used() == 30);
  world.keep("e", 1000, std::string(37, 'x'));
  CHECK(world.cache.size() == 1);
  CHECK(world.find("e") == std::string(37, 'x'));
  world.keep("f", 1000, std::string(38, 'x'));  // larger than all of it: not kept, and nobody goes for it
  CHECK(world.find("e"));
  CHECK_FALSE(world.find("f"));
}

TEST_CASE("A cache without memory keeps nothing", "[dns][cache]") {
  World no_entries(0, 100);
  no_entries.keep("a", 10, "a");
  CHECK_FALSE(no_entries.find("a"));
  World no_bytes(4, 0);
  no_bytes.keep("a", 10, "a");
  CHECK_FALSE(no_bytes.find("a"));
}

TEST_CASE("An answer that does not fit where it is wanted is not found", "[dns][cache]") {
  World world;
  world.keep("a", 10, "0123456789");
  Bytes nine(9);
  Bytes ten(10);
  CHECK_FALSE(world.cache.find(name_of("a"), Type::a, world.now, nine));
  CHECK(world.cache.find(name_of("a"), Type::a, world.now, ten));
}

TEST_CASE("A cache stays whole whatever is kept and forgotten", "[dns][cache]") {
  World world(5, 60);
  std::uint32_t state = 1;
  const auto next = [&state](std::uint32_t bound) {
    state = state * 1'664'525 + 1'013'904'223;
    return (state >> 16) % bound;
  };
  for (int i = 0; i < 20'000; ++i) {
    const std::string name(1 + next(4), static_cast<char>('a' + next(4)));
    const std::string data = name + std::string(next(20), 'z');
    if (next(3) == 0) {
      const auto found = world.find(name);
      if (found) { CHECK(found->starts_with(name)); }
    } else {
      world.keep(name, 1 + next(50), data);
    }
    world.now += Duration::seconds(next(5));
    REQUIRE(world.cache.size() <= 5);
    REQUIRE(world.cache.bytes_used() <= 60);
  }
}

}  // namespace nal::dns::test

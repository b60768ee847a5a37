#include "examples/mqtt/routes.hpp"

#include "tests/examples/mqtt/machine.hpp"

using namespace mqtt;
using namespace mqtt::test;
using nal::Error;
using nal::Unexpected;

namespace {

struct Taker {
  std::vector<std::string> topics;
  void take(const Publish& message) noexcept { topics.emplace_back(message.topic); }
  Route route(std::string_view filter) { return Route::to<&Taker::take>(filter, *this); }
};

}  // namespace

TEST_CASE("Messages go to all whose filters take them, and the rest to who takes the rest", "[mqtt]") {
  Taker exact, plus, hash, shared, everything, rest;
  Route table[5];
  Routes routes(table, rest.route("ignored"));
  REQUIRE(routes.add(exact.route("a/b")));
  REQUIRE(routes.add(plus.route("a/+/c")));
  REQUIRE(routes.add(hash.route("x/#")));
  REQUIRE(routes.add(shared.route("$share/group/s/+")));
  REQUIRE(routes.add(everything.route("+/b")));
  CHECK(routes.add(exact.route("z")) == Unexpected(Error::table_full));
  for (const auto* topic : {"a/b", "a/1/c", "x", "x/1/2", "s/1", "$SYS/b", "q"}) {
    routes.give(Publish{topic, {}, {}, false, false, 0, 0, {}});
  }
  using List = std::vector<std::string>;
  CHECK(exact.topics == List{"a/b"});
  CHECK(plus.topics == List{"a/1/c"});
  CHECK(hash.topics == List{"x", "x/1/2"});
  CHECK(shared.topics == List{"s/1"});
  CHECK(everything.topics == List{"a/b"});
  CHECK(rest.topics == List{"$SYS/b", "q"});
  CHECK(routes.remove("a/b"));
  CHECK_FALSE(routes.remove("a/b"));
  CHECK(routes.all().size() == 4);
  CHECK(routes.give(Publish{"a/b", {}, {}, false, false, 0, 0, {}}) == 1);
}

TEST_CASE("A route needs a filter that can be, and somebody who takes", "[mqtt]") {
  Taker taker;
  Route table[1];
  Routes routes(table);
  for (const auto* filter : {"", "a#", "a/#/b", "+a", "$share/g", "$share/+/a"}) {
    CHECK(routes.add(taker.route(filter)) == Unexpected(Error::invalid_argument));
  }
  CHECK(routes.add(Route{"a", nullptr, nullptr}) == Unexpected(Error::invalid_argument));
}

TEST_CASE("Routes as the handler of a session take messages as they come", "[mqtt]") {
  Taker taker;
  Route table[1];
  Routes routes(table);
  REQUIRE(routes.add(taker.route("a/#")));
  Config config{.client_id = "c", .clean_session = false, .handler = routes.handler()};
  Machine machine(config);
  machine.connect();
  REQUIRE(machine.feed(message("a/1", "x") + message("b", "x") + message("a/2", "y", QoS::exactly_once, 5)));
  CHECK(taker.topics == std::vector<std::string>{"a/1", "a/2"});
  CHECK(machine.take() == std::vector<Bytes>{acknowledgement(PacketType::pubrec, 5)});
  // One that is larger than the buffer is thrown away.
  REQUIRE(machine.feed(message("a/3", std::string(500, 'x'), QoS::exactly_once, 6)));
  CHECK(taker.topics.size() == 2);
  CHECK(machine.take() == std::vector<Bytes>{acknowledgement(PacketType::pubrec, 6)});
}

#include "tests/conformance/world.hpp"

namespace nal::conformance {

namespace {

/// Takes with `take()` until there is no more; what was taken, and the error in the end.
template <class Take>
auto exhaust(Take take) {
  using Thing = typename decltype(take())::value_type;
  std::pair<std::vector<Thing>, Error> all;
  while (all.second == Error{} && all.first.size() < 10'000) {
    auto one = take();
    if (one) {
      all.first.push_back(*std::move(one));
    } else {
      all.second = one.error();
    }
  }
  return all;
}

bool says_full(Error error) { return error == Error::table_full || error == Error::no_memory; }

}  // namespace

TEST_CASE("A connect that finds no slot is an error, and works once there is one", "[tables][tcp]") {
  World world;
  auto listener = world.listen();
  auto [streams, error] = exhaust([&] { return world.client().start_tcp(listener.local_endpoint(), {}); });
  CHECK(says_full(error));
  REQUIRE(streams.size() >= 2);
  streams.back().abort();
  CHECK(world.client().start_tcp(listener.local_endpoint(), {}));
}

TEST_CASE("A listen that finds no slot is an error, and works once there is one", "[tables][tcp]") {
  World world;
  auto [listeners, error] = exhaust([&] { return world.server().listen(world.at_server(), {}); });
  CHECK(says_full(error));
  REQUIRE_FALSE(listeners.empty());
  listeners.pop_back();
  CHECK(world.server().listen(world.at_server(), {}));
}

TEST_CASE("A UDP socket that finds no slot is an error, and works once there is one", "[tables][udp]") {
  World world;
  auto [sockets, error] = exhaust([&] { return world.server().udp_bind_single(world.at_server(), {}); });
  CHECK(says_full(error));
  REQUIRE_FALSE(sockets.empty());
  CHECK_FALSE(world.server().udp_bind_multiple(world.any(), {}));
  CHECK_FALSE(udp_connect(world.server(), sockets.front().local_endpoint()));
  sockets.pop_back();
  CHECK(world.server().udp_bind_multiple(world.any(), {}));
}

TEST_CASE("A lookup that finds no slot is an error, and works once there is one", "[tables][dns]") {
  World world;
  auto [questions, error] = exhaust([&] { return world.client().start_lookup("localhost", Family::v4); });
  CHECK(says_full(error));
  REQUIRE_FALSE(questions.empty());
  questions.clear();
  std::array<IpAddress, 2> out;
  CHECK(world.run_until(
      [&] { return block_on(world.executor(), lookup(world.client(), "localhost", Family::v4, out)).has_value(); }));
}

TEST_CASE("A listener without room for connections goes on once there is some, and does not spin", "[tables][tcp]") {
  World world;
  auto listener = world.listen({.backlog = 4});
  // Everything on the accepting side but the listener is taken.
  auto [sockets, error] = exhaust([&] { return world.server().start_tcp(listener.local_endpoint(), {}); });
  REQUIRE(says_full(error));
  REQUIRE(sockets.size() >= 2);
  class CountedAccept {
   public:
    CountedAccept(Listener& from, unsigned& polls) : accepting_(from), polls_(&polls) {}
    Poll<Result<Stream>> poll(Context& context) {
      ++*polls_;
      return accepting_.poll(context);
    }

   private:
    Accept<Listener> accepting_;
    unsigned* polls_;
  };
  unsigned polls = 0;
  std::optional<Result<Stream>> got;
  for (int i = 0; i < 3 && !(got && *got); ++i) {
    auto accepted = block_on(world.executor(), with_timeout(Fixture::kALittle, CountedAccept(listener, polls)));
    if (!accepted) {
      // Told at most once in words; then it waits.
      CHECK((says_full(accepted.error()) || accepted.error() == Error::timed_out));
    }
  }
  CHECK(polls < 100);
  sockets.clear();
  auto client = world.client().start_tcp(listener.local_endpoint(), {});
  REQUIRE(client);
  bool met = false;
  for (int i = 0; i < 20 && !met; ++i) {
    auto accepted = world.block(accept(listener));
    met = accepted && accepted->remote_endpoint() == client->local_endpoint();
  }
  CHECK(met);
}

TEST_CASE("A table that was full many times over is as large as at first", "[tables][tcp][udp]") {
  World world;
  auto listener = world.listen();
  std::size_t first = 0;
  for (int turn = 0; turn < 5; ++turn) {
    auto [streams, error] = exhaust([&] { return world.client().start_tcp(listener.local_endpoint(), {}); });
    if (turn == 0) { first = streams.size(); }
    CHECK(streams.size() == first);
    for (Stream& stream : streams) { stream.abort(); }
    streams.clear();
    while (try_accept(world.executor(), listener)) {}
    CHECK(world.run_until([&] {
      static_cast<void>(try_accept(world.executor(), listener));
      return world.fixture().in_use() <= 1;
    }));
  }
}

}  // namespace nal::conformance

#include "tests/conformance/world.hpp"

namespace nal::conformance {

TEST_CASE("Connections are accepted in the order in which they came", "[tcp][accept]") {
  World world(GENERATE(Family::v4, Family::v6));
  auto listener = world.listen();
  std::vector<Stream> clients;
  for (int i = 0; i < 3; ++i) {
    auto stream = world.block(connect(world.client(), listener.local_endpoint()));
    REQUIRE(stream);
    clients.push_back(*std::move(stream));
  }
  for (const Stream& client : clients) {
    const auto accepted = world.block(accept(listener));
    REQUIRE(accepted);
    CHECK(accepted->remote_endpoint() == client.local_endpoint());
  }
}

TEST_CASE("Nothing is lost of what arrives before the accept", "[tcp][accept]") {
  World world(GENERATE(Family::v4, Family::v6));
  auto listener = world.listen();
  auto client = world.block(connect(world.client(), listener.local_endpoint()));
  REQUIRE(client);
  const auto sent = pattern_bytes(200);
  REQUIRE(world.block(write_all(*client, sent)));
  REQUIRE(world.block(shutdown(*client)));
  world.run_a_little();
  auto server = world.block(accept(listener));
  REQUIRE(server);
  world.run_a_little();
  std::vector<std::byte> got;
  CHECK(world.block(read_to_end(*server, got)) == sent.size());
  CHECK(got == sent);
}

TEST_CASE("Nothing is lost of a connection that was dropped before the accept", "[tcp][accept]") {
  World world;
  auto listener = world.listen();
  {
    auto client = world.block(connect(world.client(), listener.local_endpoint()));
    REQUIRE(client);
    REQUIRE(world.block(write_all(*client, bytes("said and gone"))));
  }
  world.run_a_little();
  auto server = world.block(accept(listener));
  REQUIRE(server);
  std::vector<std::byte> got;
  CHECK(world.block(read_to_end(*server, got)) == end_of_dropped(13));
  CHECK(text(got) == "said and gone");
}

TEST_CASE("A connection that was reset while it waited is passed over", "[tcp][accept]") {
  World world;
  auto listener = world.listen();
  auto dead = world.block(connect(world.client(), listener.local_endpoint()));
  REQUIRE(dead);
  dead->abort();
  world.run_a_little();
  auto alive = world.block(connect(world.client(), listener.local_endpoint()));
  REQUIRE(alive);
  const auto accepted = world.block(accept(listener));
  REQUIRE(accepted);
  CHECK(accepted->remote_endpoint() == alive->local_endpoint());
}

TEST_CASE("Dropping a listener refuses those who wait and those who come", "[tcp][accept]") {
  World world(GENERATE(Family::v4, Family::v6));
  std::optional<Listener> listener(world.listen());
  const Endpoint remote = listener->local_endpoint();
  auto waiting = world.block(connect(world.client(), remote));
  REQUIRE(waiting);
  listener.reset();
  std::byte buffer[1];
  const auto got = world.block(read(*waiting, buffer));
  CHECK(got == Unexpected(Error::connection_reset));
  const auto late = world.block(connect(world.client(), remote));
  CHECK(late.error_or(Error{}) == Error::connection_refused);
}

TEST_CASE("A listener on port 0 tells the port it was given", "[tcp][accept]") {
  World world(GENERATE(Family::v4, Family::v6));
  const auto one = world.listen();
  const auto other = world.listen();
  CHECK(one.local_endpoint().port != 0);
  CHECK(one.local_endpoint().port != other.local_endpoint().port);
  CHECK(one.local_endpoint().address == world.server_address());
}

TEST_CASE("A port that is listened on is taken", "[tcp][accept]") {
  World world(GENERATE(Family::v4, Family::v6));
  std::optional<Listener> listener(world.listen());
  const Endpoint taken = listener->local_endpoint();
  CHECK(world.server().listen(taken, {}).error_or(Error{}) == Error::address_in_use);
  CHECK(world.server().listen({IpAddress::unspecified(world.family()), taken.port}, {}).error_or(Error{}) ==
        Error::address_in_use);
  listener.reset();
  CHECK(world.server().listen(taken, {}));
}

TEST_CASE("A port can be listened on again while connections of its last listener live", "[tcp][accept]") {
  World world;
  std::optional<Listener> listener(world.listen());
  const Endpoint local = listener->local_endpoint();
  Pair pair = world.connect(*listener);
  listener.reset();
  auto again = world.server().listen(local, {});
  REQUIRE(again);
  Pair next = world.connect(*again);
  REQUIRE(world.block(write_all(pair.client, bytes("old"))));
  REQUIRE(world.block(write_all(next.client, bytes("new"))));
  std::byte got[3];
  REQUIRE(world.block(read_exact(pair.server, got)));
  CHECK(text(got) == "old");
  REQUIRE(world.block(read_exact(next.server, got)));
  CHECK(text(got) == "new");
}

TEST_CASE("Two listeners that agree to it share a port", "[tcp][accept]") {
  World world;
  const ListenOptions sharing{.share_port = true};
  auto one = world.listen(sharing);
  auto other = world.server().listen(one.local_endpoint(), sharing);
  REQUIRE(other);
  auto client = world.block(connect(world.client(), one.local_endpoint()));
  REQUIRE(client);
  const auto accepted = world.block(race(accept(one), accept(*other)));
  CHECK(accepted);
}

TEST_CASE("Nobody listens at an address that is not the host's", "[tcp][accept]") {
  using namespace literals;
  World world(GENERATE(Family::v4, Family::v6));
  const Endpoint elsewhere{world.family() == Family::v6 ? "2001:db8:ffff::77"_ip : "198.51.100.77"_ip, 0};
  CHECK(world.server().listen(elsewhere, {}).error_or(Error{}) == Error::address_not_available);
}

TEST_CASE("A listener at the unspecified address hears every address of its family and no other", "[tcp][accept]") {
  World world(GENERATE(Family::v4, Family::v6));
  auto listener = world.server().listen(world.any(), {});
  REQUIRE(listener);
  const std::uint16_t port = listener->local_endpoint().port;
  for (const IpAddress& address : {world.server_address(), world.fixture().other_server_address(world.family())}) {
    auto client = world.block(connect(world.client(), Endpoint{address, port}));
    REQUIRE(client);
    const auto accepted = world.block(accept(*listener));
    REQUIRE(accepted);
    CHECK(accepted->local_endpoint() == Endpoint{address, port});
  }
  const Family other = world.family() == Family::v4 ? Family::v6 : Family::v4;
  if (world.fixture().has(other)) {
    const auto stranger = world.block(connect(world.client(), {world.fixture().server_address(other), port}));
    CHECK(stranger.error_or(Error{}) == Error::connection_refused);
    CHECK(world.server().listen({IpAddress::unspecified(other), port}, {}));
  }
}

TEST_CASE("Two tasks that accept on one listener get a connection each", "[tcp][accept]") {
  World world;
  auto listener = world.listen();
  auto both = world.block(join(accept(listener), accept(listener), connect(world.client(), listener.local_endpoint()),
                               connect(world.client(), listener.local_endpoint())));
  REQUIRE(both);
  auto& [first, second, one, other] = *both;
  REQUIRE(first);
  REQUIRE(second);
  REQUIRE(one);
  REQUIRE(other);
  CHECK(first->remote_endpoint() != second->remote_endpoint());
}

TEST_CASE("A listener that has moved goes on, and what it was moved from is closed", "[tcp][accept]") {
  World world;
  auto listener = world.listen();
  Listener moved(std::move(listener));
  CHECK(world.connect(moved).client.remote_endpoint() == moved.local_endpoint());
  Context context = Context::probe(world.executor());
  Waiter waiter;
  // NOLINTNEXTLINE(bugprone-use-after-move): that is the question
  auto accepted = listener.poll_accept(context, waiter);
  REQUIRE(accepted.ready());
  CHECK(accepted->error_or(Error{}) == Error::closed);
}

}  // namespace nal::conformance

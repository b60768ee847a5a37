#include "tests/conformance/world.hpp"

namespace nal::conformance {

using namespace literals;

TEST_CASE("A connect gives a stream whose ends name each other", "[tcp][connect]") {
  World world(GENERATE(Family::v4, Family::v6));
  Pair pair = world.connect();
  CHECK(pair.client.local_endpoint() == pair.server.remote_endpoint());
  CHECK(pair.client.remote_endpoint() == pair.server.local_endpoint());
  CHECK(pair.server.local_endpoint().address == world.server_address());
  CHECK(pair.server.remote_endpoint().address == world.client_address());
  CHECK(pair.client.local_endpoint().port != 0);
}

TEST_CASE("A stream that is connected says so again and again, and so does an accepted one", "[tcp][connect]") {
  World world;
  Pair pair = world.connect();
  Waiter waiter;
  Context context = Context::probe(world.executor());
  for (int i = 0; i < 2; ++i) {
    for (Stream* stream : {&pair.client, &pair.server}) {
      auto connected = stream->poll_connected(context, waiter);
      REQUIRE(connected.ready());
      CHECK(*connected);
    }
  }
}

TEST_CASE("A connect to a port where nobody listens is refused and keeps no slot", "[tcp][connect]") {
  World world(GENERATE(Family::v4, Family::v6));
  Endpoint nobody;
  {
    auto listener = world.listen();
    nobody = listener.local_endpoint();
  }
  const auto stream = world.block(connect(world.client(), nobody));
  REQUIRE_FALSE(stream);
  CHECK(stream.error() == Error::connection_refused);
  CHECK(world.back_to_start());
}

TEST_CASE("Starting a connect does not wait for the peer", "[tcp][connect]") {
  World world(GENERATE(Family::v4, Family::v6));
  auto listener = world.listen();
  auto started = world.client().start_tcp(listener.local_endpoint(), {});
  REQUIRE(started);
  // Nobody has run the executor yet; what is asked early is answered once the handshake is done.
  const auto accepted = world.block(accept(listener));
  CHECK(accepted);
  const auto written = world.block(write_all(*started, bytes("early")));
  CHECK(written);
}

TEST_CASE("Dropping a connect that is under way frees its slot", "[tcp][connect]") {
  World world;
  auto listener = world.listen();
  for (int i = 0; i < 100; ++i) {
    auto started = world.client().start_tcp(listener.local_endpoint(), {});
    REQUIRE(started);
  }
  while (try_accept(world.executor(), listener)) {}
  CHECK(world.run_until([&] { return world.fixture().in_use() <= 1; }));
}

TEST_CASE("A connect that finds the backlog full goes through when there is room", "[tcp][connect][accept]") {
  World world;
  auto listener = world.listen({.backlog = 1});
  std::vector<Stream> waiting;
  // Stacks may keep a few more than they were told. One that must wait is pending still.
  std::optional<Connect<Stack>> late;
  for (int i = 0; i < 12; ++i) {
    auto attempt = connect(world.client(), listener.local_endpoint());
    auto connected = block_on(world.executor(), with_timeout(Duration::milliseconds(200), attempt));
    if (!connected) {
      REQUIRE(connected.error() == Error::timed_out);
      late.emplace(connect(world.client(), listener.local_endpoint()));
      break;
    }
    waiting.push_back(*std::move(connected));
  }
  REQUIRE(late);
  std::vector<Stream> accepted;
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    auto stream = world.block(accept(listener));
    REQUIRE(stream);
    accepted.push_back(*std::move(stream));
  }
  CHECK(world.block(*late));
}

TEST_CASE("A connect under a deadline that passes is timed out and keeps no slot", "[tcp][connect]") {
  World world;
  auto listener = world.listen({.backlog = 1});
  std::vector<Stream> waiting;
  Error error{};
  for (int i = 0; i < 12 && error == Error{}; ++i) {
    auto stream = block_on(world.executor(), with_timeout(Duration::milliseconds(200),
                                                          connect(world.client(), listener.local_endpoint())));
    if (stream) {
      waiting.push_back(*std::move(stream));
    } else {
      error = stream.error();
    }
  }
  CHECK(error == Error::timed_out);
  waiting.clear();
  while (try_accept(world.executor(), listener)) {}
  CHECK(world.run_until([&] {
    static_cast<void>(try_accept(world.executor(), listener));
    return world.fixture().in_use() <= 1;
  }));
}

TEST_CASE("A connection takes its options before and after it is made", "[tcp][connect]") {
  World world(GENERATE(Family::v4, Family::v6));
  const TcpOptions options{.no_delay = false,
                           .keep_alive = KeepAlive{.idle = Duration::seconds(30)},
                           .user_timeout = Duration::seconds(20),
                           .hop_limit = std::uint8_t{42},
                           .traffic_class = std::uint8_t{0x10}};
  auto listener = world.listen({.accepted = options});
  auto ends = world.block(join(connect(world.client(), listener.local_endpoint(), options), accept(listener)));
  REQUIRE(ends);
  auto& [client, server] = *ends;
  REQUIRE(client);
  REQUIRE(server);
  CHECK(client->configure({.no_delay = true}));
  CHECK(client->configure({.keep_alive = KeepAlive{.enabled = false}}));
  CHECK(server->configure(options));
  CHECK(client->configure({}));
  CHECK(client->configure({.hop_limit = std::uint8_t{0}}) == Unexpected(Error::invalid_argument));
  CHECK(world.block(write_all(*client, bytes("still works"))));
}

namespace {

// A template, since not every stack has it.
template <class N>
void connect_from_here(World& world, N& stack) {
  if constexpr (!TcpConnectFrom<N>) {
    SKIP("this stack picks where a connect comes from itself");
  } else {
    auto listener = world.listen();
    const Endpoint remote = listener.local_endpoint();
    // A port that nobody has: that of a listener that is gone.
    Endpoint local = world.at_client();
    {
      auto gone = stack.listen(local, {});
      REQUIRE(gone);
      local.port = gone->local_endpoint().port;
      CHECK(world.block(connect_from(stack, local, remote)).error_or(Error{}) == Error::address_in_use);
    }
    const Endpoint port_alone(IpAddress::unspecified(world.family()), local.port);
    auto ends = world.block(join(connect_from(stack, port_alone, remote), accept(listener)));
    REQUIRE(ends);
    REQUIRE(std::get<0>(*ends));
    REQUIRE(std::get<1>(*ends));
    CHECK(std::get<0>(*ends)->local_endpoint() == local);
    CHECK(std::get<1>(*ends)->remote_endpoint() == local);
    // The same two ends cannot have two connections.
    CHECK(world.block(connect_from(stack, local, remote)).error_or(Error{}) == Error::address_in_use);
    // An address alone leaves the port to the stack.
    auto more = world.block(join(connect_from(stack, world.at_client(), remote), accept(listener)));
    REQUIRE(more);
    REQUIRE(std::get<0>(*more));
    CHECK(std::get<0>(*more)->local_endpoint().address == world.client_address());
    CHECK(std::get<0>(*more)->local_endpoint().port != local.port);

    const std::size_t before = world.fixture().in_use();
    const Family family = world.family();
    const IpAddress nobodys = family == Family::v4 ? "192.0.2.99"_ip : "2001:db8:99::99"_ip;
    CHECK(stack.start_tcp_from({nobodys, 0}, remote, {}).error_or(Error{}) == Error::address_not_available);
    const IpAddress wrong = IpAddress::loopback(family == Family::v4 ? Family::v6 : Family::v4);
    CHECK(stack.start_tcp_from({wrong, 0}, remote, {}).error_or(Error{}) == Error::invalid_argument);
    // What failed has kept nothing.
    CHECK(world.fixture().in_use() == before);
  }
}

}  // namespace

TEST_CASE("A connect comes from where it is told to, and says when it cannot", "[tcp][connect]") {
  World world(GENERATE(Family::v4, Family::v6));
  connect_from_here(world, world.client());
}

TEST_CASE("A handle is small and moves without failing", "[tcp][connect]") {
  CHECK(sizeof(Stream) <= 4 * sizeof(void*));
  CHECK(sizeof(Listener) <= 4 * sizeof(void*));
  World world;
  Pair pair = world.connect();
  Stream moved(std::move(pair.client));
  CHECK(world.block(write_all(moved, bytes("x"))));
  pair.client = std::move(moved);
  CHECK(world.block(write_all(pair.client, bytes("y"))));
  std::byte got[2];
  CHECK(world.block(read_exact(pair.server, got)));
  CHECK(text(got) == "xy");
  Pair other = world.connect();
  // Assigning over a stream drops what it was.
  other.client = std::move(pair.client);
  CHECK(world.block(read(other.server, got)) == end_of_dropped());
}

}  // namespace nal::conformance

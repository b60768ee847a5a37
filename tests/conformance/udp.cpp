#include "tests/conformance/world.hpp"

namespace nal::conformance {

namespace {

using Connected = Stack::ConnectedUdp;
using Single = Stack::UniquelyBoundUdp;
using Multiple = Stack::MultiplyBoundUdp;

Single bind_server(World& world) {
  auto socket = world.server().udp_bind_single(world.at_server(), {});
  REQUIRE(socket);
  return *std::move(socket);
}
Single bind_client(World& world) {
  auto socket = world.client().udp_bind_single(world.at_client(), {});
  REQUIRE(socket);
  return *std::move(socket);
}
Connected connect_to(World& world, const Endpoint& remote) {
  auto socket = udp_connect(world.client(), remote);
  REQUIRE(socket);
  return *std::move(socket);
}

}  // namespace

TEST_CASE("A datagram tells its size, where it comes from and where it was sent to", "[udp]") {
  World world(GENERATE(Family::v4, Family::v6));
  auto server = bind_server(world);
  auto client = bind_client(world);
  REQUIRE(world.block(send_to(client, server.local_endpoint(), bytes("ping"))));
  std::byte buffer[100];
  const auto got = world.block(receive(server, buffer));
  REQUIRE(got);
  CHECK(text(std::span(buffer).first(got->size)) == "ping");
  CHECK(got->remote == client.local_endpoint());
  CHECK(got->local == server.local_endpoint());
  CHECK_FALSE(got->truncated);
  REQUIRE(world.block(send_to(server, got->local, got->remote, bytes("pong!"))));
  const auto answer = world.block(receive(client, buffer));
  REQUIRE(answer);
  CHECK(text(std::span(buffer).first(answer->size)) == "pong!");
  CHECK(answer->remote == server.local_endpoint());
  CHECK(answer->local == client.local_endpoint());
}

TEST_CASE("Datagrams stay apart and in order", "[udp]") {
  World world(GENERATE(Family::v4, Family::v6));
  auto server = bind_server(world);
  auto client = connect_to(world, server.local_endpoint());
  for (const std::string_view data : {"one", "", "three"}) { REQUIRE(world.block(send(client, bytes(data)))); }
  std::byte buffer[100];
  for (const std::string_view data : {"one", "", "three"}) {
    const auto got = world.block(receive(server, buffer));
    REQUIRE(got);
    CHECK(text(std::span(buffer).first(got->size)) == data);
    CHECK_FALSE(got->truncated);
  }
}

TEST_CASE("A connected socket tells both its ends, which are definite", "[udp]") {
  World world(GENERATE(Family::v4, Family::v6));
  auto server = bind_server(world);
  const auto client = connect_to(world, server.local_endpoint());
  CHECK(client.remote_endpoint() == server.local_endpoint());
  CHECK(client.local_endpoint().address == world.client_address());
  CHECK(client.local_endpoint().port != 0);
}

TEST_CASE("A socket connected from a local endpoint sends from there", "[udp]") {
  World world(GENERATE(Family::v4, Family::v6));
  auto server = bind_server(world);
  const Endpoint local = bind_client(world).local_endpoint();
  auto client = world.client().udp_connect_from(local, server.local_endpoint(), {});
  REQUIRE(client);
  CHECK(client->local_endpoint() == local);
  REQUIRE(world.block(send(*client, bytes("x"))));
  std::byte buffer[10];
  const auto got = world.block(receive(server, buffer));
  REQUIRE(got);
  CHECK(got->remote == local);
}

TEST_CASE("A connected socket hears its peer and nobody else", "[udp]") {
  World world(GENERATE(Family::v4, Family::v6));
  auto server = bind_server(world);
  auto stranger = bind_server(world);
  auto client = connect_to(world, server.local_endpoint());
  REQUIRE(world.block(send_to(stranger, client.local_endpoint(), bytes("stranger"))));
  REQUIRE(world.block(send_to(server, client.local_endpoint(), bytes("peer"))));
  std::byte buffer[100];
  const auto got = world.block(receive(client, buffer));
  REQUIRE(got);
  CHECK(text(std::span(buffer).first(got->size)) == "peer");
  CHECK(got->remote == server.local_endpoint());
  CHECK(got->local == client.local_endpoint());
  world.run_a_little();
  CHECK(try_receive(world.executor(), client, buffer).error_or(Error{}) == Error::would_block);
}

TEST_CASE("A connected socket learns that nobody is there, once, and lives on", "[udp]") {
  World world(GENERATE(Family::v4, Family::v6));
  const Endpoint nobody = bind_server(world).local_endpoint();
  auto client = connect_to(world, nobody);
  REQUIRE(world.block(send(client, bytes("anybody?"))));
  std::byte buffer[100];
  CHECK(world.block(receive(client, buffer)).error_or(Error{}) == Error::connection_refused);
  auto server = world.server().udp_bind_single(nobody, {});
  REQUIRE(server);
  CHECK(world.block(send(client, bytes("now?"))));
  const auto got = world.block(receive(*server, buffer));
  REQUIRE(got);
  REQUIRE(world.block(send_to(*server, got->remote, bytes("yes"))));
  CHECK(world.block(receive(client, buffer)));
}

TEST_CASE("A receive that waits is told that nobody is there", "[udp]") {
  World world;
  const Endpoint nobody = bind_server(world).local_endpoint();
  auto client = connect_to(world, nobody);
  std::byte buffer[100];
  auto both = world.block(join(receive(client, buffer), send(client, bytes("anybody?"))));
  REQUIRE(both);
  CHECK(std::get<0>(*both).error_or(Error{}) == Error::connection_refused);
  CHECK(std::get<1>(*both));
}

TEST_CASE("A socket that speaks with anybody is not disturbed by one who is not there", "[udp]") {
  World world;
  const Endpoint nobody = bind_server(world).local_endpoint();
  auto server = bind_server(world);
  auto client = bind_client(world);
  REQUIRE(world.block(send_to(client, nobody, bytes("anybody?"))));
  world.run_a_little();
  CHECK(world.block(send_to(client, server.local_endpoint(), bytes("you"))));
  std::byte buffer[100];
  CHECK(world.block(receive(server, buffer)));
}

TEST_CASE("A single bind to the unspecified address picks one address", "[udp]") {
  World world(GENERATE(Family::v4, Family::v6));
  const auto socket = world.server().udp_bind_single(world.any(), {});
  REQUIRE(socket);
  CHECK_FALSE(socket->local_endpoint().address.is_unspecified());
  CHECK(socket->local_endpoint().address.family() == world.family());
  CHECK(socket->local_endpoint().port != 0);
}

TEST_CASE("A socket bound to every address tells which one each datagram came to, and answers from it", "[udp]") {
  World world(GENERATE(Family::v4, Family::v6));
  auto server = world.server().udp_bind_multiple(world.any(), {});
  REQUIRE(server);
  const std::uint16_t port = server->local_endpoint().port;
  REQUIRE(port != 0);
  for (const IpAddress& address : {world.server_address(), world.fixture().other_server_address(world.family())}) {
    auto client = connect_to(world, {address, port});
    REQUIRE(world.block(send(client, bytes("who are you?"))));
    std::byte buffer[100];
    const auto got = world.block(receive(*server, buffer));
    REQUIRE(got);
    CHECK(got->local == Endpoint{address, port});
    CHECK(got->remote == client.local_endpoint());
    CHECK_FALSE(got->interface.is_any());
    // A connected client hears nothing from any other address.
    REQUIRE(world.block(send_to(*server, got->local, got->remote, bytes("it is me"))));
    const auto answer = world.block(receive(client, buffer));
    REQUIRE(answer);
    CHECK(answer->remote == Endpoint{address, port});
  }
}

TEST_CASE("A socket bound to one address hears nothing that was sent to another", "[udp]") {
  World world(GENERATE(Family::v4, Family::v6));
  const IpAddress other = world.fixture().other_server_address(world.family());
  if (other == world.server_address()) { SKIP("the server has one address of " << to_string(world.family())); }
  auto server = bind_server(world);
  const std::uint16_t port = server.local_endpoint().port;
  auto client = bind_client(world);
  REQUIRE(world.block(send_to(client, Endpoint{other, port}, bytes("elsewhere"))));
  REQUIRE(world.block(send_to(client, server.local_endpoint(), bytes("here"))));
  std::byte buffer[100];
  const auto got = world.block(receive(server, buffer));
  REQUIRE(got);
  CHECK(text(std::span(buffer).first(got->size)) == "here");
}

TEST_CASE("A datagram without data is a datagram", "[udp]") {
  World world(GENERATE(Family::v4, Family::v6));
  auto server = bind_server(world);
  auto client = connect_to(world, server.local_endpoint());
  REQUIRE(world.block(send(client, {})));
  std::byte buffer[10];
  const auto got = world.block(receive(server, buffer));
  REQUIRE(got);
  CHECK(got->size == 0);
  CHECK_FALSE(got->truncated);
  CHECK(got->remote == client.local_endpoint());
}

TEST_CASE("A datagram that fills the buffer exactly is whole, a larger one is cut and says so", "[udp]") {
  World world(GENERATE(Family::v4, Family::v6));
  auto server = bind_server(world);
  auto client = connect_to(world, server.local_endpoint());
  REQUIRE(world.block(send(client, pattern_bytes(64))));
  REQUIRE(world.block(send(client, pattern_bytes(65))));
  REQUIRE(world.block(send(client, bytes("next"))));
  std::array<std::byte, 64> buffer;
  const auto whole = world.block(receive(server, buffer));
  REQUIRE(whole);
  CHECK(whole->size == 64);
  CHECK_FALSE(whole->truncated);
  buffer.fill(std::byte{});
  const auto cut = world.block(receive(server, buffer));
  REQUIRE(cut);
  CHECK(cut->truncated);
  CHECK((cut->size == 64 || cut->size == 65));
  CHECK(std::equal(buffer.begin(), buffer.end(), pattern_bytes(64).begin()));
  const auto next = world.block(receive(server, buffer));
  REQUIRE(next);
  CHECK(text(std::span(buffer).first(next->size)) == "next");
}

TEST_CASE("The largest datagram goes through whole, a larger one is refused", "[udp]") {
  World world(GENERATE(Family::v4, Family::v6));
  auto server = bind_server(world);
  auto client = connect_to(world, server.local_endpoint());
  const auto data = pattern_bytes(Fixture::kLargestDatagram);
  REQUIRE(world.block(send(client, data)));
  std::vector<std::byte> buffer(70'000);
  const auto got = world.block(receive(server, buffer));
  REQUIRE(got);
  CHECK(got->size == data.size());
  CHECK(std::equal(data.begin(), data.end(), buffer.begin()));
  CHECK(world.block(send(client, pattern_bytes(66'000))) == Unexpected(Error::message_size));
  CHECK(world.block(send(client, bytes("fits"))));
  CHECK(world.block(receive(server, buffer)));
}

TEST_CASE("A bound port is taken until the socket is gone, unless both sides share it", "[udp]") {
  World world(GENERATE(Family::v4, Family::v6));
  std::optional<Single> socket(bind_server(world));
  const Endpoint local = socket->local_endpoint();
  CHECK(world.server().udp_bind_single(local, {}).error_or(Error{}) == Error::address_in_use);
  CHECK(world.server().udp_bind_multiple(local, {}).error_or(Error{}) == Error::address_in_use);
  socket.reset();
  const auto one = world.server().udp_bind_multiple(local, {.share_port = true});
  CHECK(one);
  CHECK(world.server().udp_bind_multiple(local, {.share_port = true}));
}

TEST_CASE("Nobody binds to an address that is not the host's", "[udp]") {
  using namespace literals;
  World world(GENERATE(Family::v4, Family::v6));
  const Endpoint elsewhere{world.family() == Family::v6 ? "2001:db8:ffff::77"_ip : "198.51.100.77"_ip, 0};
  CHECK(world.server().udp_bind_single(elsewhere, {}).error_or(Error{}) == Error::address_not_available);
  CHECK(world.server().udp_bind_multiple(elsewhere, {}).error_or(Error{}) == Error::address_not_available);
  CHECK(world.client().udp_connect_from(elsewhere, world.at_server(9), {}).error_or(Error{}) ==
        Error::address_not_available);
}

TEST_CASE("Broadcasting needs to be asked for, and reaches sockets bound to every address", "[udp]") {
  World world(Family::v4);
  auto server = world.server().udp_bind_multiple(world.any(), {});
  REQUIRE(server);
  const Endpoint everybody{world.fixture().broadcast_address(), server->local_endpoint().port};
  auto client = world.client().udp_bind_multiple(world.any(), {});
  REQUIRE(client);
  CHECK(world.block(send_to(*client, everybody, bytes("hello"))) == Unexpected(Error::permission_denied));
  REQUIRE(client->configure({.broadcast = true}));
  REQUIRE(world.block(send_to(*client, everybody, bytes("hello"))));
  std::byte buffer[100];
  const auto got = world.block(receive(*server, buffer));
  REQUIRE(got);
  CHECK(text(std::span(buffer).first(got->size)) == "hello");
  CHECK(got->local == everybody);
  REQUIRE(client->configure({.broadcast = false}));
  CHECK(world.block(send_to(*client, everybody, bytes("hello"))) == Unexpected(Error::permission_denied));
}

TEST_CASE("A datagram tells the hop limit that its sender set", "[udp]") {
  World world(GENERATE(Family::v4, Family::v6));
  auto server = bind_server(world);
  auto client = world.client().udp_bind_single(world.at_client(), {.hop_limit = std::uint8_t{7}});
  REQUIRE(client);
  std::byte buffer[10];
  REQUIRE(world.block(send_to(*client, server.local_endpoint(), bytes("x"))));
  const auto seven = world.block(receive(server, buffer));
  REQUIRE(seven);
  CHECK(seven->hop_limit == 7);
  REQUIRE(client->configure({.hop_limit = std::uint8_t{9}, .traffic_class = std::uint8_t{0x20}}));
  REQUIRE(world.block(send_to(*client, server.local_endpoint(), bytes("x"))));
  const auto nine = world.block(receive(server, buffer));
  REQUIRE(nine);
  CHECK(nine->hop_limit == 9);
}

TEST_CASE("Several receivers of one socket share its datagrams, each going to one", "[udp]") {
  World world;
  auto server = bind_server(world);
  auto client = connect_to(world, server.local_endpoint());
  std::byte first[10];
  std::byte second[10];
  auto all = world.block(
      join(receive(server, first), receive(server, second), send(client, bytes("a")), send(client, bytes("b"))));
  REQUIRE(all);
  REQUIRE(std::get<0>(*all));
  REQUIRE(std::get<1>(*all));
  CHECK(first[0] != second[0]);
}

TEST_CASE("A receive under a deadline that passes took nothing, and the socket goes on", "[udp]") {
  World world;
  auto server = bind_server(world);
  auto client = connect_to(world, server.local_endpoint());
  std::byte buffer[10];
  CHECK(block_on(world.executor(), with_timeout(Fixture::kALittle, receive(server, buffer))).error_or(Error{}) ==
        Error::timed_out);
  REQUIRE(world.block(send(client, bytes("x"))));
  CHECK(world.block(receive(server, buffer)));
}

TEST_CASE("A UDP handle that has moved goes on, and what it was moved from is closed", "[udp]") {
  World world;
  auto server = bind_server(world);
  auto client = connect_to(world, server.local_endpoint());
  Connected moved(std::move(client));
  REQUIRE(world.block(send(moved, bytes("x"))));
  std::byte buffer[10];
  CHECK(world.block(receive(server, buffer)));
  // NOLINTNEXTLINE(bugprone-use-after-move): that is the question
  CHECK(world.block(send(client, bytes("x"))) == Unexpected(Error::closed));
  CHECK(world.block(receive(client, buffer)).error_or(Error{}) == Error::closed);
  client = std::move(moved);
  CHECK(world.block(send(client, bytes("x"))));
}

}  // namespace nal::conformance

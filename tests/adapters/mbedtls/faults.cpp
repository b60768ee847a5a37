#include "tests/adapters/mbedtls/world.hpp"
#include "tests/support/cancel.hpp"

namespace nal::tls::test {

namespace {
const Credentials& shared() {
  static const Credentials credentials = sharing("0123456789abcdef");
  return credentials;
}

/// How many bytes the client sends in a handshake that goes well.
std::size_t bytes_of_handshake() {
  World world(shared().options(), shared().options());
  const auto pair = world.connect();
  REQUIRE(pair);
  return world.tamper.sent;
}
}  // namespace

TEST_CASE("A handshake that is cut at any byte ends both sides, each with an error, and leaves nothing",
          "[tls][fault]") {
  const std::size_t whole = bytes_of_handshake();
  for (std::size_t at = 0; at < whole; at += at < 64 ? 1 : 7) {
    INFO("cut at byte " << at << " of " << whole);
    World world(shared().options(), shared().options());
    world.tamper.end_out = at;
    const auto pair = world.connect();
    REQUIRE_FALSE(pair);
    world.run_for(Duration::seconds(61));
    CHECK(world.engine.in_use() == 0);
    CHECK(world.engine.refused() == 1);
    CHECK(world.hosts.server.tcp().slots_in_use() == 0);
  }
}

TEST_CASE("A peer that stalls at any byte of the handshake is given up by its deadline", "[tls][fault]") {
  const std::size_t whole = bytes_of_handshake();
  for (std::size_t at = 0; at < whole; at += at < 32 ? 1 : 29) {
    INFO("stalls at byte " << at << " of " << whole);
    World world(shared().options(), shared().options());
    world.tamper.stall_out = at;
    const Instant before = world.executor().now();
    const auto pair = world.connect();
    REQUIRE_FALSE(pair);
    // The server gives up first or the client does, and the other is told.
    CHECK(world.executor().now() - before <= Duration::seconds(101));
    world.run_for(Duration::seconds(61));
    CHECK(world.engine.in_use() == 0);
    CHECK(world.engine.refused() == 1);
  }
}

TEST_CASE("A handshake with any byte damaged succeeds on neither side, or on both", "[tls][fault]") {
  const std::size_t whole = bytes_of_handshake();
  for (std::size_t at = 0; at < whole; at += at < 96 ? 1 : 11) {
    INFO("damaged at byte " << at << " of " << whole);
    World world(shared().options(), shared().options());
    world.tamper.flip_out = at;
    auto pair = world.connect();
    if (pair) {
      // What is not covered by the Finished message: a version in a record's header.
      World::check_echo(world, *pair);
      continue;
    }
    world.run_for(Duration::seconds(61));
    CHECK(world.engine.in_use() == 0);
  }
}

TEST_CASE("A damaged record ends the stream with an error of its own, and nothing of it is read", "[tls][fault]") {
  World world(shared().options(), shared().options());
  auto pair = world.connect();
  REQUIRE(pair);
  std::byte got[64];
  REQUIRE(world.block(write_all(pair->client, bytes("good"))));
  REQUIRE(world.block(read_exact(pair->server, std::span(got).first(4))));
  world.tamper.flip_out = world.tamper.sent + 20;
  REQUIRE(world.block(write_all(pair->client, bytes("a record that is changed on its way"))));
  for (int i = 0; i < 3; ++i) { CHECK(world.block(read(pair->server, got)) == Unexpected(Error::protocol_error)); }
  CHECK(pair->server.failure().reason == Reason::damaged_record);
  CHECK_FALSE(world.block(write_all(pair->server, bytes("x"))));
  // The sender is told, too.
  CHECK(world.block(read(pair->client, got)) == Unexpected(Error::protocol_error));
  CHECK(pair->client.failure().reason == Reason::alert);
  CHECK(std::string_view(describe(pair->client.failure())) == "bad_record_mac");
}

TEST_CASE("A bare end is told apart from the peer's close", "[tls][close]") {
  World world(shared().options(), shared().options());
  std::byte got[64];
  SECTION("close_notify") {
    auto pair = world.connect();
    REQUIRE(pair);
    REQUIRE(world.block(write_all(pair->client, bytes("all"))));
    REQUIRE(world.block(shutdown(pair->client)));
    REQUIRE(world.block(read_exact(pair->server, std::span(got).first(3))));
    for (int i = 0; i < 3; ++i) { CHECK(world.block(read(pair->server, got)) == 0u); }
    // The other half goes on.
    REQUIRE(world.block(write_all(pair->server, bytes("answer"))));
    REQUIRE(world.block(read_exact(pair->client, std::span(got).first(6))));
    CHECK(text(std::span(got).first(6)) == "answer");
  }
  SECTION("a drop sends none") {
    auto pair = world.connect();
    REQUIRE(pair);
    REQUIRE(world.block(write_all(pair->client, bytes("all"))));
    { const TlsStream dropped(std::move(pair->client)); }
    REQUIRE(world.block(read_exact(pair->server, std::span(got).first(3))));
    for (int i = 0; i < 3; ++i) { CHECK(world.block(read(pair->server, got)) == Unexpected(Error::end_of_stream)); }
    CHECK(pair->server.failure().reason == Reason::truncated);
    CHECK(world.block(write(pair->server, bytes("x"))) == Unexpected(Error::broken_pipe));
  }
  SECTION("a record cut short") {
    auto pair = world.connect();
    REQUIRE(pair);
    world.tamper.end_out = world.tamper.sent + 9;
    REQUIRE(world.block(write_all(pair->client, bytes("half of this"))));
    CHECK(world.block(read(pair->server, got)) == Unexpected(Error::end_of_stream));
  }
  SECTION("closing from both sides") {
    auto pair = world.connect();
    REQUIRE(pair);
    auto ends = world.block(join(close(std::move(pair->client)), close(std::move(pair->server))));
    REQUIRE(ends);
    CHECK(std::get<0>(*ends));
    CHECK(std::get<1>(*ends));
    world.run_for(Duration::seconds(1));
    CHECK(world.engine.in_use() == 0);
  }
}

TEST_CASE("A server whose peers stall serves the others meanwhile", "[tls][fault]") {
  World world(shared().options(), shared().options());
  world.tamper.stall_out = 20;
  TlsConnect<Tampering> stalling(world.below, world.engine, world.client_config, ServerName("server.test"));
  auto stalled = stalling.start_tcp(world.remote(), {});
  REQUIRE(stalled);
  world.run_for(Duration::seconds(1));
  Tamper none;
  Tampering below(world.hosts.client, none);
  TlsConnect<Tampering> connecting(below, world.engine, world.client_config, ServerName("server.test"));
  auto client = world.block(nal::connect(connecting, world.remote()), Duration::seconds(5));
  CHECK(client);
  CHECK(world.block(accept(*world.listener), Duration::seconds(5)));
}

TEST_CASE("Somebody who does not speak TLS is turned away", "[tls][fault]") {
  World world(shared().options(), shared().options());
  auto plain = world.block(nal::connect(world.hosts.client, world.remote()));
  REQUIRE(plain);
  REQUIRE(world.block(write_all(*plain, bytes("GET / HTTP/1.1\r\nHost: server.test\r\n\r\n"))));
  world.run_for(Duration::seconds(1));
  CHECK(world.engine.refused() == 1);
  CHECK(world.engine.last_failure().error == Error::protocol_error);
  CHECK(world.engine.in_use() == 0);
}

TEST_CASE("A handshake given up at any poll of either side leaves nothing, and the next one works", "[tls][cancel]") {
  struct Trial {
    Executor& executor() { return world.executor(); }
    static Duration patience() { return Duration::seconds(60); }
    auto begin() { return nal::connect(connecting, world.remote()); }
    void given_up() {
      world.run_for(Duration::seconds(61));
      // It may have been done on the server's side.
      while (try_accept(world.executor(), *world.listener)) {}
      CHECK(world.engine.in_use() == 0);
      CHECK(world.hosts.client.tcp().slots_in_use() == 0);
      auto pair = world.connect();
      REQUIRE(pair);
      World::check_echo(world, *pair);
    }
    void finished(Result<TlsStream>& stream) { CHECK(stream); }
    World world{shared().options(), shared().options()};
    TlsConnect<Tampering> connecting{world.below, world.engine, world.client_config, ServerName("server.test")};
  };
  CHECK(nal::test::cancel_at_every_poll(std::make_unique<Trial>) >= 1);
}

TEST_CASE("A handshake whose task drops it after any round leaves nothing", "[tls][cancel]") {
  // The task that shakes hands is the session's own: here it is the round, and not the poll, that is varied.
  for (unsigned rounds = 0; rounds < 60; ++rounds) {
    INFO("dropped after " << rounds << " rounds");
    World world(shared().options(), shared().options());
    TlsConnect<Tampering> connecting(world.below, world.engine, world.client_config, ServerName("server.test"));
    {
      auto stream = connecting.start_tcp(world.remote(), {});
      REQUIRE(stream);
      for (unsigned i = 0; i < rounds; ++i) { static_cast<void>(world.executor().poll_once()); }
    }
    world.run_for(Duration::seconds(61));
    while (try_accept(world.executor(), *world.listener)) {}
    CHECK(world.engine.in_use() == 0);
  }
}

TEST_CASE("A stream that waits does not keep its executor busy", "[tls][cost]") {
  World world(shared().options(), shared().options());
  auto pair = world.connect();
  REQUIRE(pair);
  std::byte got[1];
  auto waiting = read(pair->server, got);
  unsigned rounds = 0;
  CHECK(block_on(world.executor(), with_timeout(Duration::seconds(30), waiting)) == Unexpected(Error::timed_out));
  world.executor().run_until(
      [&rounds] {
        ++rounds;
        return false;
      },
      world.executor().now() + Duration::seconds(30));
  CHECK(rounds < 50);
}

}  // namespace nal::tls::test

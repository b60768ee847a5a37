#include "tests/adapters/mbedtls/dtls_world.hpp"
#include "tests/support/cancel.hpp"

namespace nal::tls::test {

namespace {
const Credentials& shared_key() {
  static const Credentials credentials = sharing("0123456789abcdef");
  return credentials;
}
std::unique_ptr<DtlsWorld> by_key(const DtlsOptions& options = {}) {
  return std::make_unique<DtlsWorld>(shared_key().options(), shared_key().options(), options);
}
std::unique_ptr<DtlsWorld> by_certificate() {
  return std::make_unique<DtlsWorld>(trusting("authority").options(), showing("server").options());
}
/// A server for which the handshake is done when it has sent the last flight learns of a client's failure by its
/// silence.
constexpr DtlsOptions kShortIdle{.idle_timeout = Duration::seconds(60)};
/// How many datagrams a handshake takes that goes well.
std::size_t datagrams_of_handshake(DtlsWorld& world) {
  REQUIRE(world.connect());
  return world.wire.log.size();
}
}  // namespace

TEST_CASE("A handshake survives the loss of any one of its datagrams, and of any two", "[dtls][fault]") {
  const std::size_t count = datagrams_of_handshake(*by_key());
  for (std::size_t one = 0; one < count; ++one) {
    for (std::size_t two = one; two < count + 3; ++two) {
      INFO("lost " << one << " and " << two << " of " << count);
      auto world = by_key();
      world->wire.change = [one, two](std::size_t number, bool, Bytes data) {
        return number == one || number == two ? std::vector<Bytes>{} : std::vector<Bytes>{std::move(data)};
      };
      auto client = world->connect();
      REQUIRE(client);
      world->wire.change = nullptr;
      world->check_echo(*client);
    }
  }
}

TEST_CASE("A handshake by certificate survives the loss of any one of its datagrams", "[dtls][fault]") {
  const std::size_t count = datagrams_of_handshake(*by_certificate());
  for (std::size_t lost = 0; lost < count; ++lost) {
    INFO("lost " << lost << " of " << count);
    auto world = by_certificate();
    world->wire.change = [lost](std::size_t number, bool, Bytes data) {
      return number == lost ? std::vector<Bytes>{} : std::vector<Bytes>{std::move(data)};
    };
    auto client = world->connect();
    REQUIRE(client);
    world->wire.change = nullptr;
    world->check_echo(*client);
  }
}

TEST_CASE("A handshake taken up again survives the loss of any one of its datagrams", "[dtls][fault]") {
  const auto again = [](std::size_t lost) {
    INFO("lost " << lost);
    auto world = by_certificate();
    {
      auto first = world->connect();
      REQUIRE(first);
      first->close();
    }
    world->wire.log.clear();
    world->wire.change = [lost](std::size_t number, bool, Bytes data) {
      return number == lost ? std::vector<Bytes>{} : std::vector<Bytes>{std::move(data)};
    };
    auto client = world->connect();
    REQUIRE(client);
    const std::size_t count = world->wire.log.size();
    // Here the client's flight is the last: that it is lost is the server's to notice.
    world->run_for(Duration::seconds(5));
    world->wire.change = nullptr;
    world->check_echo(*client);
    return count;
  };
  const std::size_t count = again(Tamper::kNever);
  for (std::size_t lost = 0; lost < count; ++lost) { static_cast<void>(again(lost)); }
}

TEST_CASE("A handshake survives duplicates, every pair of datagrams swapped, and garbage between them",
          "[dtls][fault]") {
  auto world = by_certificate();
  SECTION("duplicates") {
    world->wire.change = [](std::size_t, bool, Bytes data) { return std::vector<Bytes>{data, data, data}; };
  }
  SECTION("swapped within a flight") {
    struct Held {
      Bytes data;
      bool to_server = false;
    };
    auto held = std::make_shared<Held>();
    world->wire.change = [held](std::size_t, bool to_server, Bytes data) {
      if (!held->data.empty() && held->to_server == to_server) {
        return std::vector<Bytes>{std::move(data), std::exchange(held->data, {})};
      }
      if (data.size() > 200) {
        held->data = std::move(data);
        held->to_server = to_server;
        return std::vector<Bytes>{};
      }
      return std::vector<Bytes>{std::move(data)};
    };
  }
  SECTION("garbage") {
    world->wire.change = [](std::size_t number, bool, Bytes data) {
      Bytes noise(1 + number * 7 % 90);
      for (std::size_t i = 0; i < noise.size(); ++i) { noise[i] = static_cast<std::byte>(i * 31 + number); }
      Bytes other = data;
      for (std::size_t i = 13; i < other.size(); ++i) { other[i] = ~other[i]; }
      other[0] = std::byte{99};
      return std::vector<Bytes>{noise, other, data, noise};
    };
  }
  auto client = world->connect();
  REQUIRE(client);
  world->wire.change = nullptr;
  world->check_echo(*client);
}

TEST_CASE("A handshake survives any of its datagrams cut short at any byte", "[dtls][fault]") {
  const std::size_t count = datagrams_of_handshake(*by_key());
  for (std::size_t cut = 0; cut < count; ++cut) {
    for (std::size_t size = 0; size < 300; size += size < 64 ? 1 : 17) {
      INFO("datagram " << cut << " cut to " << size);
      auto world = by_key(kShortIdle);
      bool shorter = false;
      world->wire.change = [&](std::size_t number, bool, Bytes data) {
        if (number == cut && data.size() > size) {
          data.resize(size);
          shorter = true;
        }
        return std::vector<Bytes>{std::move(data)};
      };
      auto client = world->connect();
      // A Finished that does not pass its check ends the handshake, cleanly; it may be the last that the server sends.
      if (client) {
        world->check_echo(*client);
      } else {
        world->run_for(Duration::seconds(91));
        CHECK(world->server->peers() == 0);
        world->check_no_clients();
      }
      if (!shorter) { break; }
    }
  }
}

TEST_CASE("A handshake with any byte damaged succeeds on both sides or is over by its deadline", "[dtls][fault]") {
  std::vector<std::size_t> sizes;
  {
    auto world = by_key();
    REQUIRE(world->connect());
    for (const auto& passed : world->wire.log) { sizes.push_back(passed.data.size()); }
  }
  for (std::size_t damaged = 0; damaged < sizes.size(); ++damaged) {
    for (std::size_t at = 0; at < sizes[damaged]; at += at < 60 ? 3 : 11) {
      INFO("datagram " << damaged << " byte " << at);
      auto world = by_key(kShortIdle);
      world->wire.change = [damaged, at](std::size_t number, bool, Bytes data) {
        if (number == damaged && at < data.size()) { data[at] ^= std::byte{1}; }
        return std::vector<Bytes>{std::move(data)};
      };
      const Instant before = world->executor().now();
      auto client = world->connect();
      if (client) {
        world->check_echo(*client);
        continue;
      }
      CHECK(world->executor().now() - before <= Duration::seconds(61));
      world->run_for(Duration::seconds(91));
      CHECK(world->server->peers() == 0);
      world->check_no_clients();
    }
  }
}

TEST_CASE("A peer that falls silent at any datagram of the handshake is given up by the deadline, on both sides",
          "[dtls][fault]") {
  const std::size_t count = datagrams_of_handshake(*by_key());
  for (std::size_t last = 0; last < count; ++last) {
    INFO("silent from " << last << " on");
    auto world = by_key(kShortIdle);
    world->wire.change = [last](std::size_t number, bool, Bytes data) {
      return number >= last ? std::vector<Bytes>{} : std::vector<Bytes>{std::move(data)};
    };
    const Instant before = world->executor().now();
    auto client = world->connect();
    if (!client) {
      CHECK(client == Unexpected(Error::timed_out));
      CHECK(world->executor().now() - before <= Duration::seconds(31));
    }
    world->run_for(Duration::seconds(91));
    CHECK(world->server->peers() == 0);
  }
}

TEST_CASE("Whatever a network makes of the datagrams, a handshake begun after it works", "[dtls][fault]") {
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    INFO("seed " << seed);
    auto world = seed % 2 == 0 ? by_key() : by_certificate();
    std::uint32_t state = seed * 2654435761u;
    const auto next = [&state](std::size_t bound) {
      state = state * 1664525u + 1013904223u;
      return bound == 0 ? 0 : (state >> 8) % bound;
    };
    std::vector<Bytes> seen;
    world->wire.change = [&](std::size_t, bool, Bytes data) {
      seen.push_back(data);
      std::vector<Bytes> made;
      for (std::size_t copies = next(4); copies > 0; --copies) {
        Bytes copy = next(3) == 0 ? seen[next(seen.size())] : data;
        for (std::size_t flips = next(3); flips > 0; --flips) {
          // Headers more often than what they head.
          const std::size_t at = next(next(2) == 0 ? std::min<std::size_t>(copy.size(), 28) : copy.size());
          if (at < copy.size()) { copy[at] = static_cast<std::byte>(next(256)); }
        }
        if (next(4) == 0) { copy.resize(next(copy.size() + 40)); }
        made.push_back(std::move(copy));
      }
      return made;
    };
    auto socket = world->connecting.udp_connect_from({nal::test::FakeWorld::client_address(), 0}, world->remote(), {});
    REQUIRE(socket);
    std::byte got[200];
    for (int i = 0; i < 20; ++i) {
      static_cast<void>(world->block(send(*socket, bytes("some words")), Duration::seconds(3)));
      while (try_receive(world->executor(), *world->server, got)) {}
      while (try_receive(world->executor(), *socket, got)) {}
    }
    world->wire.change = nullptr;
    auto client = world->connect();
    REQUIRE(client);
    while (try_receive(world->executor(), *world->server, got)) {}
    world->check_echo(*client);
  }
}

TEST_CASE("What is sent again by an attacker is delivered once, and ends nothing", "[dtls][replay]") {
  auto world = by_key();
  auto client = world->connect();
  REQUIRE(client);
  world->check_echo(*client);
  REQUIRE(world->block(send(*client, bytes("once"))));
  std::byte got[64];
  REQUIRE(world->block(receive(*world->server, got)));
  const auto log = world->wire.log;
  // All that the client has ever sent, from its own address.
  for (const auto& passed : log) {
    if (!passed.to_server) { continue; }
    world->wire.change = [&passed](std::size_t, bool, const Bytes&) { return std::vector<Bytes>{passed.data}; };
    REQUIRE(world->block(send(*client, bytes("carrier"))));
    world->wire.change = nullptr;
    world->run_for(Duration::seconds(3));
    CHECK(try_receive(world->executor(), *world->server, got) == Unexpected(Error::would_block));
  }
  CHECK(world->server->peers() == 1);
  world->check_echo(*client);
}

TEST_CASE("A damaged datagram is dropped without a word, and the next one passes", "[dtls][fault]") {
  auto world = by_key();
  auto client = world->connect();
  REQUIRE(client);
  std::size_t size = 0;
  for (std::size_t at = 0; at == 0 || at < size; ++at) {
    world->wire.change = [&](std::size_t, bool, Bytes data) {
      size = data.size();
      data[at] ^= std::byte{0x40};
      return std::vector<Bytes>{std::move(data)};
    };
    REQUIRE(world->block(send(*client, bytes("damaged"))));
    world->wire.change = nullptr;
    std::byte got[64];
    world->run_for(Duration::seconds(1));
    CHECK(try_receive(world->executor(), *world->server, got) == Unexpected(Error::would_block));
  }
  world->check_echo(*client);
}

TEST_CASE("A flood of newcomers without a cookie takes no place and keeps nobody out", "[dtls][flood]") {
  auto world = by_key();
  Bytes hello;
  {
    world->wire.change = [](std::size_t, bool to_server, Bytes data) {
      return to_server ? std::vector<Bytes>{std::move(data)} : std::vector<Bytes>{};
    };
    auto socket = world->connecting.udp_connect_from({nal::test::FakeWorld::client_address(), 0}, world->remote(), {});
    REQUIRE(socket);
    world->run_for(Duration::milliseconds(500));
    REQUIRE_FALSE(world->wire.log.empty());
    hello = world->wire.log.front().data;
    world->wire.change = nullptr;
  }
  for (std::uint16_t port = 1000; port < 1500; ++port) {
    auto socket =
        world->hosts.client.udp_connect_from({nal::test::FakeWorld::client_address(), port}, world->remote(), {});
    REQUIRE(socket);
    hello[40] = static_cast<std::byte>(port);
    REQUIRE(world->block(send(*socket, hello)));
    std::byte answer[200];
    auto got = world->block(receive(*socket, answer));
    REQUIRE(got);
    // The cookie; and it is smaller than the hello, so that nobody can make the server multiply what he sends.
    CHECK(got->size <= hello.size());
    CHECK(world->server->peers() == 0);
  }
  auto client = world->connect();
  REQUIRE(client);
  world->check_echo(*client);
}

TEST_CASE("A full table turns newcomers away until somebody has been silent for long enough", "[dtls][full]") {
  auto world = by_key({.give_way_after = Duration::seconds(100)});
  std::vector<DtlsSocket> clients;
  for (std::size_t i = 0; i < DtlsWorld::kPeers; ++i) {
    auto client = world->connect();
    REQUIRE(client);
    world->check_echo(*client);
    clients.push_back(*std::move(client));
  }
  CHECK(world->connect() == Unexpected(Error::timed_out));
  CHECK(world->engine.turned_away() >= 1);
  for (auto& client : clients) { world->check_echo(client); }
  world->run_for(Duration::seconds(60));
  world->check_echo(clients[0]);
  world->check_echo(clients[2]);
  world->run_for(Duration::seconds(60));
  auto late = world->connect();
  REQUIRE(late);
  world->check_echo(*late);
  world->check_echo(clients[0]);
  world->check_echo(clients[2]);
  // The one that had to go was told so, and comes back when it has something to say and there is room.
  std::byte got[8];
  CHECK(world->block(receive(clients[1], got)) == Unexpected(Error::end_of_stream));
  world->run_for(Duration::seconds(101));
  world->check_echo(clients[1]);
}

TEST_CASE("A peer that idles for too long is bid farewell", "[dtls][idle]") {
  auto world = by_key({.idle_timeout = Duration::seconds(60)});
  auto client = world->connect();
  REQUIRE(client);
  world->run_for(Duration::seconds(50));
  world->check_echo(*client);
  world->run_for(Duration::seconds(50));
  CHECK(world->server->peers() == 1);
  world->run_for(Duration::seconds(11));
  CHECK(world->server->peers() == 0);
  // As with UDP, the socket goes on.
  world->check_echo(*client);
}

TEST_CASE("Closing tells the peer, dropping does not", "[dtls][close]") {
  auto world = by_key();
  std::byte got[8];
  SECTION("a client closes") {
    auto client = world->connect();
    REQUIRE(client);
    client->close();
    CHECK(world->block(send(*client, bytes("x"))) == Unexpected(Error::closed));
    world->run_for(Duration::seconds(1));
    CHECK(world->server->peers() == 0);
  }
  SECTION("a client is dropped, and another one begins from the same port") {
    {
      auto client = world->connect(7777);
      REQUIRE(client);
    }
    world->run_for(Duration::seconds(1));
    CHECK(world->server->peers() == 1);
    auto again = world->connect(7777);
    REQUIRE(again);
    CHECK(world->server->peers() == 1);
    world->check_echo(*again);
  }
  SECTION("a server ends one peer") {
    auto client = world->connect();
    REQUIRE(client);
    REQUIRE(world->server->disconnect(client->local_endpoint()));
    CHECK(world->server->disconnect(client->local_endpoint()) == Unexpected(Error::not_connected));
    CHECK(world->block(receive(*client, got)) == Unexpected(Error::end_of_stream));
    // Told once.
    CHECK(world->block(receive(*client, got), Duration::seconds(5)) == Unexpected(Error::timed_out));
    world->check_echo(*client);
  }
  SECTION("a server is started anew") {
    auto client = world->connect();
    REQUIRE(client);
    world->server->close();
    world->server.reset();
    CHECK(world->block(receive(*client, got)) == Unexpected(Error::end_of_stream));
    world->serve();
    world->check_echo(*client);
  }
  world->run_for(Duration::seconds(1));
  world->check_no_clients();
}

TEST_CASE("Nobody at the other end is an error at once, and the socket goes on", "[dtls][fault]") {
  auto world = by_key();
  world->server.reset();
  auto socket = world->connecting.udp_connect_from({nal::test::FakeWorld::client_address(), 0}, world->remote(), {});
  REQUIRE(socket);
  CHECK(world->block(send(*socket, bytes("x"))) == Unexpected(Error::connection_refused));
  std::byte got[8];
  CHECK(world->block(receive(*socket, got)) == Unexpected(Error::connection_refused));
  CHECK(world->block(receive(*socket, got), Duration::seconds(5)) == Unexpected(Error::timed_out));
  world->serve();
  world->check_echo(*socket);
}

TEST_CASE("A host that cannot be reached for a while does not end a handshake", "[dtls][fault]") {
  const std::size_t count = datagrams_of_handshake(*by_key());
  for (const Error error : {Error::host_unreachable, Error::network_unreachable}) {
    for (std::size_t at = 0; at < count; ++at) {
      INFO(to_string(error) << " at " << at);
      auto world = by_key();
      world->wire.refuse = [at, error](std::size_t number) { return number == at ? error : Error{}; };
      auto client = world->connect();
      REQUIRE(client);
      world->check_echo(*client);
    }
    auto world = by_key();
    // Said only when the next one is received: of an earlier datagram, which is lost.
    world->wire.change = [&wire = world->wire, error](std::size_t number, bool, Bytes data) {
      if (number > 0) { return std::vector<Bytes>{std::move(data)}; }
      wire.told = error;
      return std::vector<Bytes>{};
    };
    auto client = world->connect();
    REQUIRE(client);
    CHECK(world->wire.told == Error{});
    world->check_echo(*client);
  }
}

TEST_CASE("A host that can never be reached is told as such when the handshake is given up", "[dtls][fault]") {
  auto world = by_key();
  world->wire.refuse = [](std::size_t) { return Error::host_unreachable; };
  const Instant before = world->executor().now();
  CHECK(world->connect().error() == Error::host_unreachable);
  CHECK(world->executor().now() - before >= Duration::seconds(29));
  CHECK(world->engine.last_failure().reason == Reason::handshake_timed_out);
  CHECK(world->wire.log.size() <= 8);  // the flight again and again, not in a hurry
  world->run_for(Duration::seconds(1));
  world->check_no_clients();
}

TEST_CASE("A handshake given up at any poll leaves nothing, and the next one works", "[dtls][cancel]") {
  struct Trial {
    Executor& executor() { return world->executor(); }
    static Duration patience() { return Duration::seconds(60); }
    static Task<Result<DtlsSocket>> connect(DtlsStack<WireStack>& stack) {
      auto socket = stack.udp_connect_from({nal::test::FakeWorld::client_address(), 0}, DtlsWorld::remote(), {});
      if (!socket) { co_return Unexpected(socket.error()); }
      NAL_CO_TRY(handshake(*socket));
      co_return *std::move(socket);
    }
    auto begin() { return connect(world->connecting); }
    void given_up() {
      world->check_no_clients();
      auto client = world->connect();
      REQUIRE(client);
      world->check_echo(*client);
    }
    void finished(Result<DtlsSocket>& socket) { CHECK(socket); }
    std::unique_ptr<DtlsWorld> world = by_key();
  };
  CHECK(nal::test::cancel_at_every_poll(std::make_unique<Trial>) >= 1);
}

TEST_CASE("A handshake dropped after any round leaves nothing with either side", "[dtls][cancel]") {
  for (unsigned rounds = 0; rounds < 60; ++rounds) {
    INFO("dropped after " << rounds << " rounds");
    auto world = by_key({.idle_timeout = Duration::seconds(20)});
    {
      auto socket =
          world->connecting.udp_connect_from({nal::test::FakeWorld::client_address(), 0}, world->remote(), {});
      REQUIRE(socket);
      for (unsigned i = 0; i < rounds; ++i) { static_cast<void>(world->executor().poll_once()); }
      if (rounds % 2 == 1) { world->server.reset(); }
    }
    world->run_for(Duration::seconds(61));
    CHECK(world->engine.in_use() == 0);
    world->check_no_clients();
  }
}

TEST_CASE("Receiving and sending given up at any poll lose nothing", "[dtls][cancel]") {
  struct Trial {
    Trial() { REQUIRE(client); }
    Executor& executor() { return world->executor(); }
    static Duration patience() { return Duration::seconds(60); }
    static Task<Result<std::size_t>> echo(DtlsSocket& client, DtlsServerSocket& server) {
      std::array<std::byte, 64> got;
      const std::span<const std::byte> ping = bytes("ping");
      NAL_CO_TRY(send(client, ping));
      NAL_CO_TRY_SET(const Received there, receive(server, std::span<std::byte>(got)));
      NAL_CO_TRY(send_to(server, there.local, there.remote, ping));
      NAL_CO_TRY_SET(const Received back, receive(client, std::span<std::byte>(got)));
      co_return back.size;
    }
    auto begin() { return echo(*client, *world->server); }
    void given_up() {
      world->run_for(Duration::seconds(1));
      std::byte got[64];
      while (try_receive(executor(), *world->server, got)) {}
      while (try_receive(executor(), *client, got)) {}
      world->check_echo(*client);
    }
    void finished(Result<std::size_t>& size) { CHECK(size == 4u); }
    std::unique_ptr<DtlsWorld> world = by_key();
    Result<DtlsSocket> client = world->connect();
  };
  CHECK(nal::test::cancel_at_every_poll(std::make_unique<Trial>) >= 1);
}

TEST_CASE("A transport that takes nothing now and then loses nothing of a handshake or behind it", "[dtls][blocked]") {
  for (const unsigned hiccup : {2u, 3u, 5u}) {
    INFO("every " << hiccup);
    auto world = by_certificate();
    world->hosts.client.faults().hiccup = hiccup;
    world->hosts.server.faults().hiccup = hiccup;
    auto client = world->connect();
    REQUIRE(client);
    for (int i = 0; i < 20; ++i) { world->check_echo(*client); }
  }
}

TEST_CASE("A DTLS socket that waits does not keep its executor busy", "[dtls][cost]") {
  auto world = by_key();
  auto client = world->connect();
  REQUIRE(client);
  std::byte got[1];
  CHECK(world->block(receive(*client, got), Duration::seconds(10)) == Unexpected(Error::timed_out));
  unsigned rounds = 0;
  world->executor().run_until(
      [&rounds] {
        ++rounds;
        return false;
      },
      world->executor().now() + Duration::seconds(30));
  CHECK(rounds < 50);
}

TEST_CASE("A handshake with nobody who answers does not keep its executor busy", "[dtls][cost]") {
  auto world = by_key();
  world->wire.change = [](std::size_t, bool, const Bytes&) { return std::vector<Bytes>{}; };
  auto socket = world->connecting.udp_connect_from({nal::test::FakeWorld::client_address(), 0}, world->remote(), {});
  REQUIRE(socket);
  unsigned rounds = 0;
  world->executor().run_until(
      [&rounds] {
        ++rounds;
        return false;
      },
      world->executor().now() + Duration::seconds(29));
  CHECK(rounds < 100);
  // Sent again after 1, 2, 4 and 8 seconds (RFC 6347 §4.2.4.1).
  CHECK(world->wire.log.size() == 5);
}

}  // namespace nal::tls::test

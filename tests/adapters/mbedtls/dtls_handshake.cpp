#include <catch2/generators/catch_generators.hpp>

#include <algorithm>

#include "tests/adapters/mbedtls/dtls_world.hpp"

namespace nal::tls::test {

TEST_CASE("A client and a server shake hands over datagrams by certificate, and tell how", "[dtls][handshake]") {
  const std::string key = GENERATE("server", "rsa");
  DtlsWorld world(trusting("authority").options(), showing(key).options());
  auto client = world.connect();
  REQUIRE(client);
  CHECK(!client->cipher_suite().empty());
  CHECK(client->max_payload() > 1100);
  CHECK(world.server->peers() == 1);
  world.check_echo(*client);
}

TEST_CASE("A client and a server shake hands over datagrams by CoAP's cipher suite", "[dtls][handshake]") {
  static constexpr int kSuites[] = {MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8, 0};
  const auto shared = sharing("0123456789abcdef");
  Options client = shared.options();
  client.cipher_suites = kSuites;
  DtlsWorld world(client, shared.options());
  auto socket = world.connect();
  REQUIRE(socket);
  CHECK(socket->cipher_suite() == "TLS-PSK-WITH-AES-128-CCM-8");
  world.check_echo(*socket);
}

TEST_CASE("A DTLS client refuses a server that is not who it should be", "[dtls][handshake]") {
  struct Case {
    std::string authority;
    std::string server;
    Reason reason;
  };
  const auto tried = GENERATE(
      Case{"authority", "local", Reason::wrong_name}, Case{"authority", "expired", Reason::expired},
      Case{"authority", "unknown", Reason::unknown_authority}, Case{"authority", "alone", Reason::self_signed});
  INFO(tried.server);
  DtlsWorld world(trusting(tried.authority).options(), showing(tried.server).options());
  auto socket = world.connecting.udp_connect_from({nal::test::FakeWorld::client_address(), 0}, world.remote(), {});
  REQUIRE(socket);
  CHECK(world.block(handshake(*socket)) == Unexpected(Error::untrusted_peer));
  CHECK(socket->failure().reason == tried.reason);
  CHECK(socket->failure().remote == world.remote());
  // The server is told.
  world.run_for(Duration::seconds(1));
  CHECK(world.server->peers() == 0);
  CHECK(world.engine.last_failure().reason == Reason::alert);
}

TEST_CASE("A DTLS server finds the key by the client's identity, and refuses who names another", "[dtls][handshake]") {
  struct Table : PskTable {
    std::span<const std::byte> find(std::span<const std::byte> identity) noexcept override {
      if (text(identity) == "one") { return bytes("the key of one..."); }
      return {};
    }
  };
  Table table;
  Options server;
  server.psks = &table;
  {
    DtlsWorld world(sharing("the key of one...", "one").options(), server);
    auto client = world.connect();
    REQUIRE(client);
    world.check_echo(*client);
  }
  for (const auto& wrong : {sharing("the key of one...", "three"), sharing("the key of two...", "one")}) {
    DtlsWorld world(wrong.options(), server);
    const Instant before = world.executor().now();
    CHECK_FALSE(world.connect());
    world.run_for(Duration::seconds(40));
    CHECK(world.server->peers() == 0);
    CHECK(world.engine.refused() >= 1);
    CHECK(world.executor().now() - before <= Duration::seconds(80));
    world.check_no_clients();
  }
}

TEST_CASE("A DTLS server that asks for the client's certificate refuses who has none", "[dtls][handshake]") {
  Credentials server = showing("server");
  server.trusted = file("authority.pem");
  SECTION("one that is trusted") {
    Credentials client = showing("client");
    client.trusted = server.trusted;
    DtlsWorld world(client.options(), server.options());
    auto socket = world.connect();
    REQUIRE(socket);
    world.check_echo(*socket);
  }
  SECTION("none") {
    DtlsWorld world(trusting("authority").options(), server.options());
    const auto socket = world.connect();
    REQUIRE_FALSE(socket);
    // TLS 1.2 has no better word for it (RFC 5246 §7.4.6).
    CHECK(socket.error() == Error::not_supported);
    world.run_for(Duration::seconds(1));
    CHECK(world.server->peers() == 0);
    CHECK(world.engine.refused() == 1);
  }
}

TEST_CASE("A saved session spares the certificates over datagrams", "[dtls][handshake]") {
  DtlsWorld world(trusting("authority").options(), showing("server").options());
  const auto shows_certificate = [&world] {
    return std::any_of(world.wire.log.begin(), world.wire.log.end(), [](const Wire::Passed& passed) {
      return !passed.to_server && text(passed.data).find("server.test") != std::string::npos;
    });
  };
  {
    auto client = world.connect();
    REQUIRE(client);
    world.check_echo(*client);
    CHECK(shows_certificate());
    client->close();
  }
  CHECK_FALSE(world.saved.empty());
  world.wire.log.clear();
  auto client = world.connect();
  REQUIRE(client);
  world.check_echo(*client);
  CHECK_FALSE(shows_certificate());
}

TEST_CASE("A client's hello fits the smallest datagrams", "[dtls][mtu]") {
  // Behind two losses Mbed TLS cuts what is larger than 508 bytes, and no server could put it together.
  const bool by_key = GENERATE(false, true);
  const Credentials client = by_key ? sharing("0123456789abcdef") : trusting("authority");
  const Credentials server = by_key ? client : showing("server");
  DtlsWorld world(client.options(), server.options());
  REQUIRE(world.connect());
  // The third is the hello with the cookie.
  CHECK(world.wire.log[2].to_server);
  CHECK(world.wire.log[2].data.size() <= 400);
}

TEST_CASE("No datagram of a handshake or after it is larger than the MTU", "[dtls][mtu]") {
  const std::uint16_t mtu = GENERATE(std::uint16_t{512}, std::uint16_t{1232});
  DtlsWorld world(trusting("authority").options(), showing("rsa").options(), {.mtu = mtu});
  auto client = world.connect();
  REQUIRE(client);
  const std::size_t most = client->max_payload();
  CHECK(most + 100 > mtu);
  Bytes largest(most, std::byte{'x'});
  REQUIRE(world.block(send(*client, largest)));
  Bytes got(2000);
  auto there = world.block(receive(*world.server, got));
  REQUIRE(there);
  CHECK(there->size == most);
  largest.push_back(std::byte{});
  CHECK(world.block(send(*client, largest)) == Unexpected(Error::message_size));
  // A server's records bear no id: a few more bytes fit.
  largest.resize(mtu);
  CHECK(world.block(send_to(*world.server, there->remote, largest)) == Unexpected(Error::message_size));
  for (const auto& passed : world.wire.log) { CHECK(passed.data.size() <= mtu); }
  world.check_echo(*client);
}

TEST_CASE("Datagrams keep their boundaries, and what does not fit the buffer is cut and says so", "[dtls]") {
  const auto shared = sharing("0123456789abcdef");
  DtlsWorld world(shared.options(), shared.options());
  auto client = world.connect();
  REQUIRE(client);
  Bytes large(300, std::byte{'l'});
  REQUIRE(world.block(send(*client, bytes("one"))));
  REQUIRE(world.block(send(*client, large)));
  REQUIRE(world.block(send(*client, bytes("three"))));
  std::byte got[100];
  auto first = world.block(receive(*world.server, got));
  REQUIRE(first);
  CHECK(text(std::span(got).first(first->size)) == "one");
  CHECK_FALSE(first->truncated);
  auto second = world.block(receive(*world.server, got));
  REQUIRE(second);
  CHECK(second->truncated);
  CHECK(second->size == 100);
  CHECK(second->datagram_size == 300);
  auto third = world.block(receive(*world.server, got));
  REQUIRE(third);
  CHECK(text(std::span(got).first(third->size)) == "three");
}

TEST_CASE("What waits for one peer does not hold up another", "[dtls]") {
  const auto shared = sharing("0123456789abcdef");
  DtlsWorld world(shared.options(), shared.options());
  auto one = world.connect();
  REQUIRE(one);
  REQUIRE(world.block(send(*one, bytes("from one"))));
  world.run_for(Duration::seconds(1));
  // Nobody has received yet, and another one shakes hands.
  auto two = world.connect();
  REQUIRE(two);
  REQUIRE(world.block(send(*two, bytes("from two"))));
  std::byte got[64];
  auto first = world.block(receive(*world.server, got));
  REQUIRE(first);
  CHECK(text(std::span(got).first(first->size)) == "from one");
  CHECK(first->remote == one->local_endpoint());
  auto second = world.block(receive(*world.server, got));
  REQUIRE(second);
  CHECK(text(std::span(got).first(second->size)) == "from two");
  CHECK(second->remote == two->local_endpoint());
  // Who never shook hands is not sent anything.
  CHECK(world.block(send_to(*world.server, {nal::test::FakeWorld::client_address(), 9}, bytes("x"))) ==
        Unexpected(Error::not_connected));
}

TEST_CASE("A peer whose address changes under it goes on by its connection id", "[dtls][cid]") {
  if (!library::kHasConnectionId) { SKIP("this Mbed TLS has no connection ids"); }
  const auto shared = sharing("0123456789abcdef");
  DtlsWorld world(shared.options(), shared.options());
  auto client = world.connect();
  REQUIRE(client);
  world.check_echo(*client);
  auto elsewhere =
      world.hosts.client.udp_connect_from({nal::test::FakeWorld::client_address(), 999}, world.remote(), {});
  REQUIRE(elsewhere);
  // As a network does that forgets a client's port: it leaves from another one.
  Bytes last;
  world.wire.change = [&](std::size_t, bool to_server, Bytes data) {
    if (!to_server) { return std::vector<Bytes>{std::move(data)}; }
    last = data;
    CHECK(try_send(world.executor(), *elsewhere, data));
    return std::vector<Bytes>{};
  };
  std::byte got[64];
  REQUIRE(world.block(send(*client, bytes("moved"))));
  auto there = world.block(receive(*world.server, got));
  REQUIRE(there);
  CHECK(text(std::span(got).first(there->size)) == "moved");
  CHECK(there->remote == elsewhere->local_endpoint());
  REQUIRE(world.block(send_to(*world.server, there->local, there->remote, bytes("there"))));
  CHECK(world.block(receive(*elsewhere, got)));
  CHECK(world.block(send_to(*world.server, client->local_endpoint(), bytes("x"))) == Unexpected(Error::not_connected));
  SECTION("and back") {
    world.wire.change = nullptr;
    world.check_echo(*client);
  }
  SECTION("but not for who repeats its datagram from somewhere else, or invents one") {
    auto thief = world.hosts.client.udp_connect_from({nal::test::FakeWorld::client_address(), 666}, world.remote(), {});
    REQUIRE(thief);
    REQUIRE(world.block(send(*thief, last)));
    last[10] = std::byte{99};
    REQUIRE(world.block(send(*thief, last)));
    for (std::size_t size = 0; size < last.size(); ++size) {
      REQUIRE(world.block(send(*thief, std::span<const std::byte>(last).first(size))));
    }
    world.run_for(Duration::seconds(1));
    CHECK(try_receive(world.executor(), *world.server, got) == Unexpected(Error::would_block));
    REQUIRE(world.block(send_to(*world.server, there->local, there->remote, bytes("still there"))));
    CHECK(world.block(receive(*elsewhere, got)));
    CHECK(try_receive(world.executor(), *thief, got) == Unexpected(Error::would_block));
  }
  CHECK(world.server->peers() == 1);
}

}  // namespace nal::tls::test

#include <cstring>

#include <catch2/generators/catch_generators.hpp>

#include "tests/adapters/mbedtls/world.hpp"

namespace nal::tls::test {

namespace {

Options with(Options options, bool tls13) {
  options.allow_tls13 = tls13;
  return options;
}

bool chosen_version() {
  const bool tls13 = GENERATE(false, true);
  if (tls13 && !library::kHasTls13) { SKIP("this Mbed TLS has no TLS 1.3"); }
  return tls13;
}

}  // namespace

TEST_CASE("A client and a server shake hands by certificate, and tell how", "[tls][handshake]") {
  const bool tls13 = chosen_version();
  const std::string key = GENERATE("server", "rsa");
  World world(with(trusting("authority").options(), tls13), showing(key).options());
  auto pair = world.connect();
  REQUIRE(pair);
  CHECK(pair->client.version() == (tls13 ? "TLSv1.3" : "TLSv1.2"));
  CHECK(pair->server.version() == pair->client.version());
  CHECK(!pair->client.cipher_suite().empty());
  CHECK(!pair->client.peer_certificate().empty());
  CHECK(pair->server.peer_certificate().empty());
  World::check_echo(world, *pair);
}

TEST_CASE("A client and a server shake hands by a shared key", "[tls][handshake]") {
  const bool tls13 = chosen_version();
  const auto shared = sharing("0123456789abcdef");
  World world(with(shared.options(), tls13), shared.options());
  auto pair = world.connect();
  REQUIRE(pair);
  CHECK(pair->client.version() == (tls13 ? "TLSv1.3" : "TLSv1.2"));
  World::check_echo(world, *pair);
}

TEST_CASE("A server finds the key by the client's identity, and refuses who names another", "[tls][handshake]") {
  struct Table : PskTable {
    std::span<const std::byte> find(std::span<const std::byte> identity) noexcept override {
      if (text(identity) == "one") { return bytes("the key of one..."); }
      if (text(identity) == "two") { return bytes("the key of two..."); }
      return {};
    }
  };
  const bool tls13 = chosen_version();
  Table table;
  Options server;
  server.psks = &table;
  for (const std::string name : {"one", "two"}) {
    World world(with(sharing("the key of " + name + "...", name).options(), tls13), server);
    auto pair = world.connect();
    REQUIRE(pair);
    World::check_echo(world, *pair);
  }
  for (const auto& wrong : {sharing("the key of one...", "three"), sharing("the key of two...", "one")}) {
    World world(with(wrong.options(), tls13), server);
    const auto pair = world.connect();
    REQUIRE_FALSE(pair);
    world.run_for(Duration::seconds(1));
    CHECK(world.engine.refused() == 1);
    CHECK(world.engine.in_use() == 0);
  }
}

TEST_CASE("A server that asks for the client's certificate gets it, and refuses who has none", "[tls][handshake]") {
  const bool tls13 = chosen_version();
  Credentials server = showing("server");
  server.trusted = file("authority.pem");
  SECTION("one that is trusted") {
    Credentials client = showing("client");
    client.trusted = server.trusted;
    World world(with(client.options(), tls13), server.options());
    auto pair = world.connect();
    REQUIRE(pair);
    CHECK(!pair->server.peer_certificate().empty());
    World::check_echo(world, *pair);
  }
  SECTION("none") {
    World world(with(trusting("authority").options(), tls13), server.options());
    auto pair = world.connect();
    // TLS 1.3's client is done before the server has looked: it learns it by its first read.
    if (tls13) {
      world.run_for(Duration::seconds(1));
    } else {
      REQUIRE_FALSE(pair);
    }
    CHECK(world.engine.refused() == 1);
  }
}

TEST_CASE("Each fault of a certificate is told apart, and the server learns that it was refused", "[tls][verify]") {
  struct Row {
    const char* trusted;
    const char* shown;
    const char* name;
    Reason reason;
  };
  const auto row = GENERATE(Row{"authority", "server", "other.test", Reason::wrong_name},
                            Row{"authority", "server", "a.b.wild.test", Reason::wrong_name},
                            Row{"authority", "expired", "server.test", Reason::expired},
                            Row{"authority", "future", "server.test", Reason::not_yet_valid},
                            Row{"authority", "unknown", "server.test", Reason::unknown_authority},
                            Row{"authority", "alone", "server.test", Reason::self_signed});
  const bool tls13 = chosen_version();
  INFO(row.shown << " as " << row.name);
  World world(with(trusting(row.trusted).options(), tls13), showing(row.shown).options());
  const auto pair = world.connect(ServerName(row.name));
  REQUIRE_FALSE(pair);
  CHECK(pair.error() == Error::untrusted_peer);
  world.run_for(Duration::seconds(1));
  CHECK(world.engine.refused() == 1);
  CHECK(world.engine.in_use() == 0);
  // The last to fail is the server, to whom the client's alert has come.
  const Reason why = world.engine.last_failure().reason;
  // Of TLS 1.3 Mbed TLS 3.6 sends it in the clear where its server waits for it encrypted.
  CHECK((why == Reason::alert || (tls13 && why == Reason::damaged_record)));
}

TEST_CASE("What a certificate lacked is told in words", "[tls][verify]") {
  World world(trusting("authority").options(), showing("expired").options());
  TlsConnect<Tampering> connecting(world.below, world.engine, world.client_config, ServerName("server.test"));
  auto stream = connecting.start_tcp(world.remote(), {});
  REQUIRE(stream);
  std::byte got[1];
  CHECK(world.block(read(*stream, got)) == Unexpected(Error::untrusted_peer));
  CHECK(stream->failure().reason == Reason::expired);
  CHECK(std::string_view(describe(stream->failure())) == "the certificate has expired");
  CHECK(stream->failure().remote == world.remote());
}

TEST_CASE("Names with a wildcard match one label, and a check that is left out is left out", "[tls][verify]") {
  World world(trusting("authority").options(), showing("server").options());
  CHECK(world.connect(ServerName("a.wild.test")));
  CHECK(world.connect(ServerName::unchecked()));
}

TEST_CASE("A name that no DNS has is refused before anything is sent", "[tls][verify]") {
  World world(trusting("authority").options(), showing("server").options());
  CHECK(world.connect(ServerName(std::string(256, 'a'))).error_or(Error{}) == Error::invalid_argument);
  CHECK(world.engine.in_use() == 0);
}

TEST_CASE("Verification can be turned off, which has to be said", "[tls][verify]") {
  Options none;
  none.verify = Verify::none;
  World world(none, showing("alone").options());
  CHECK(world.connect());
  // Without a word on whom to trust nobody is.
  World careless(Options{}, showing("alone").options());
  CHECK_FALSE(careless.connect());
}

TEST_CASE("Both agree on an application protocol, or the handshake fails", "[tls][alpn]") {
  const bool tls13 = chosen_version();
  static constexpr const char* kMqtt[] = {"mqtt", "other"};
  static constexpr const char* kOther[] = {"other"};
  static constexpr const char* kHttp[] = {"http/1.1"};
  Options client = with(sharing("0123456789abcdef").options(), tls13);
  client.psk = bytes("0123456789abcdef");
  client.psk_identity = "me";
  Options server = client;
  client.alpn = kMqtt;
  server.alpn = kOther;
  World world(client, server);
  auto pair = world.connect();
  REQUIRE(pair);
  CHECK(pair->client.application_protocol() == "other");
  CHECK(pair->server.application_protocol() == "other");
  server.alpn = kHttp;
  World strangers(client, server);
  CHECK_FALSE(strangers.connect());
  CHECK(strangers.engine.last_failure().error != Error{});
}

TEST_CASE("A session is taken up again without certificates", "[tls][resumption]") {
  const bool tls13 = chosen_version();
  World world(with(trusting("authority").options(), tls13), showing("server").options());
  SavedSession saved;
  for (int round = 0; round < 3; ++round) {
    auto pair = world.connect(ServerName("server.test"), &saved);
    REQUIRE(pair);
    World::check_echo(world, *pair);
    CHECK_FALSE(saved.empty());
  }
  // Who would not trust the server's certificate need not look at it.
  Config doubting{system_entropy()};
  const auto stranger = trusting("stranger");
  REQUIRE(doubting.setup(Role::client, with(stranger.options(), tls13)));
  const auto connect_doubting = [&](SavedSession* session) {
    TlsConnect<Tampering> connecting(world.below, world.engine, doubting, ServerName("server.test"), session);
    auto client = world.block(nal::connect(connecting, world.remote()));
    if (client) { static_cast<void>(world.block(accept(*world.listener))); }
    return client.error_or(Error{});
  };
  CHECK(connect_doubting(&saved) == Error{});
  CHECK(connect_doubting(nullptr) == Error::untrusted_peer);
  std::vector<std::byte> bytes_of_it(8192);
  const auto size = saved.save(bytes_of_it);
  REQUIRE(size);
  CHECK(saved.save(std::span(bytes_of_it).first(10)) == Unexpected(Error::buffer_too_small));
  SavedSession other;
  CHECK(other.save(bytes_of_it) == Unexpected(Error::closed));
  REQUIRE(other.load(std::span(bytes_of_it).first(*size)));
  CHECK(world.connect(ServerName("server.test"), &other));
  CHECK_FALSE(other.load(std::span(bytes_of_it).first(3)));
  CHECK(other.empty());
}

TEST_CASE("A smaller record can be asked for, and is kept to", "[tls][fragment]") {
  Credentials shared = sharing("0123456789abcdef");
  Options client = shared.options();
  client.max_fragment = MaxFragment::b512;
  client.allow_tls13 = false;
  World world(client, shared.options());
  auto pair = world.connect();
  REQUIRE(pair);
  const std::vector<std::byte> much(5000);
  const auto taken = world.block(write(pair->server, much));
  REQUIRE(taken);
  CHECK(*taken <= 512);
}

TEST_CASE("Short pieces that are written together are one record, as far as they fit", "[tls][write]") {
  const auto shared = sharing("0123456789abcdef");
  World world(shared.options(), shared.options());
  auto pair = world.connect();
  REQUIRE(pair);
  const std::vector<std::byte> long_one(TlsStream::kGathered, std::byte{7});
  std::vector<std::byte> got(2000);
  // A read ends where a record does.
  const auto record = [&] { return world.block(nal::read(pair->server, got)).value_or(0); };
  std::span<const std::byte> pieces[]{bytes("head"), bytes(""), bytes("topic"), bytes("payload")};
  REQUIRE(world.block(nal::write_gather(pair->client, pieces)));
  CHECK(record() == 16);
  CHECK(std::memcmp(got.data(), "headtopicpayload", 16) == 0);
  std::span<const std::byte> longer[]{bytes("head"), long_one, bytes("rest")};
  auto both = world.block(join(nal::write_gather(pair->client, longer), nal::read(pair->server, got)));
  REQUIRE(both);
  CHECK(std::get<0>(*both));
  CHECK(std::get<1>(*both).value_or(0) == TlsStream::kGathered);
  CHECK(record() == 8);
  CHECK(std::memcmp(got.data() + 4, "rest", 4) == 0);
  std::span<const std::byte> none[]{bytes(""), bytes("")};
  CHECK(world.block(nal::write_gather(pair->client, none)));
}

TEST_CASE("What contradicts itself is told when a config is set up", "[tls][config]") {
  const auto setup = [](Role role, const Options& options) {
    Config config{system_entropy()};
    return config.setup(role, options).error_or(Error{});
  };
  Options options = showing("server").options();
  options.key = {};
  CHECK(setup(Role::server, options) == Error::invalid_argument);
  const auto right = showing("server");
  const auto wrong = showing("client");
  options = right.options();
  options.certificate = bytes("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n");
  CHECK(setup(Role::server, options) == Error::invalid_argument);
  options = {};
  options.trusted = bytes("nonsense");
  CHECK(setup(Role::client, options) == Error::invalid_argument);
  options = {};
  options.only_tls13 = true;
  options.allow_tls13 = false;
  CHECK(setup(Role::client, options) == Error::not_supported);
  const char* nine[9] = {"1", "2", "3", "4", "5", "6", "7", "8", "9"};
  options = {};
  options.alpn = nine;
  CHECK(setup(Role::client, options) == Error::invalid_argument);
}

}  // namespace nal::tls::test

#include "examples/mqtt/source.hpp"
#include "nal/any_stack.hpp"
#include "nal/combinators.hpp"
#include "nal/sleep.hpp"
#include "tests/examples/mqtt/session_broker.hpp"
#include "tests/support/cancel.hpp"

using namespace mqtt;
using namespace mqtt::test;
using namespace nal::literals;
using nal::Error;
using nal::Result;
using nal::Task;
using nal::Unexpected;

namespace {

constexpr BufferSizes kSizes{.receive = 128, .send = 64, .in_flight = 6, .store = 160, .received = 4};

Config five() {
  Config config{.client_id = "c", .clean_session = false, .reconnect = {.initial = 5_ms, .maximum = 20_ms}};
  config.version = Version::mqtt_5;
  config.session_expiry = 3600;
  return config;
}

struct Connect {
  nal::test::FakeStack* stack;
  std::uint16_t port = 1883;
  std::vector<std::string> redirects{};
  auto operator()() const noexcept {
    return nal::connect(*stack, nal::Endpoint(nal::test::FakeWorld::server_address(), port));
  }
  bool redirect(std::string_view server, bool for_good) {
    redirects.push_back(std::string(server) + (for_good ? " for good" : ""));
    port = 1884;
    return server == "other:1884";
  }
};

/// A server that says what it is told to each connection, and keeps what it hears.
struct Scripted {
  Scripted(nal::test::FakeWorld& fake, std::uint16_t at, Bytes says) : world(&fake), port(at), script(std::move(says)) {
    REQUIRE(slot.start(world->executor, &Scripted::serve, *this));
  }
  static Task<Result<>> serve(Scripted& self) {
    auto listener = self.world->server.listen({nal::test::FakeWorld::server_address(), self.port}, {});
    if (!listener) { co_return Unexpected(listener.error()); }
    for (;;) {
      auto accepted = co_await nal::accept(*listener);
      if (!accepted) { co_return Unexpected(accepted.error()); }
      auto stream = *std::move(accepted);
      ++self.connections;
      bool said = false;
      std::array<std::byte, 64> buffer;
      for (;;) {
        const auto got = co_await nal::read(stream, buffer);
        if (!got || *got == 0) { break; }
        self.heard.insert(self.heard.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*got));
        if (said) { continue; }
        said = true;
        const auto written = co_await nal::write_all(stream, self.script);
        if (!written) { break; }
      }
      const auto closed = co_await nal::close(std::move(stream));
      static_cast<void>(closed);
    }
  }

  nal::test::FakeWorld* world;
  std::uint16_t port;
  Bytes script;
  Bytes heard;
  unsigned connections = 0;
  nal::TaskSlot<8192> slot;
};

struct Memory5 {
  explicit Memory5(std::size_t size) : text(size, '\0') {
    for (std::size_t i = 0; i < size; ++i) { text[i] = static_cast<char>('a' + i % 23); }
  }
  std::size_t size() const { return text.size(); }
  Result<std::size_t> read(std::size_t offset, std::span<std::byte> buffer) {
    const std::size_t n = std::min(buffer.size(), text.size() - offset);
    std::copy_n(bytes_of(text).begin() + static_cast<std::ptrdiff_t>(offset), n, buffer.begin());
    return n;
  }
  std::string text;
};

struct World5 {
  explicit World5(const Config& config = five()) : client(Connect{&fake.client}, config, buffers.memory()) {}
  void start() { REQUIRE(run.start(fake.executor, &World5::keep_running, *this)); }
  void run_for(nal::Duration duration) {
    static_cast<void>(fake.executor.run_until([] { return false; }, fake.network.now() + duration));
  }
  static Task<Result<>> keep_running(World5& world) {
    auto ended = co_await world.client.run();
    co_return ended;
  }

  nal::test::FakeWorld fake;
  Buffers<kSizes> buffers;
  Client<Connect> client;
  nal::TaskSlot<4096> run;
};

Bytes refusal(Reason reason, std::string_view server) {
  const Property list[] = {Property::of(PropertyId::server_reference, server)};
  return encoded5(Connack{false, {}, reason, std::span(list).first(server.empty() ? 0 : 1)});
}

}  // namespace

TEST_CASE("A client goes where the server sends it, if its connector can", "[mqtt5]") {
  World5 world;
  Scripted first(world.fake, 1883, refusal(Reason::server_moved, "other:1884"));
  Scripted second(world.fake, 1884, encoded5(Connack{}));
  world.start();
  CHECK(nal::block_on(world.fake.executor, nal::with_timeout(1_min, world.client.connected())).has_value());
  CHECK(world.client.failure().reason == Reason::server_moved);
  CHECK(first.connections == 1);
  CHECK(second.connections == 1);
}

TEST_CASE("A client ends where its connector cannot go, or nobody says where", "[mqtt5]") {
  for (const auto* server : {"elsewhere", ""}) {
    World5 world;
    Scripted first(world.fake, 1883, refusal(Reason::use_another_server, server));
    world.start();
    world.run_for(1_min);
    REQUIRE(world.run.result().ready());
    CHECK(*world.run.result() == Unexpected(Error::connection_refused));
    CHECK(world.client.failure().reason == Reason::use_another_server);
  }
}

TEST_CASE("DISCONNECT may send a client elsewhere too", "[mqtt5]") {
  World5 world;
  const Property list[] = {Property::of(PropertyId::server_reference, "other:1884")};
  Scripted first(world.fake, 1883, encoded5(Connack{}) + encoded5(Disconnect{Reason::use_another_server, list}));
  Scripted second(world.fake, 1884, encoded5(Connack{}));
  world.start();
  world.run_for(1_min);
  CHECK(second.connections == 1);
  CHECK(world.client.state() == SessionState::online);
}

TEST_CASE("A server that breaks the protocol hears why before the connection closes, and is tried again", "[mqtt5]") {
  World5 world;
  Scripted server(world.fake, 1883, encoded5(Connack{}) + bytes({0x00}));
  world.start();
  world.run_for(50_ms);
  CHECK(server.connections > 1);
  CHECK(world.client.failure().fault == Fault::packet_type);
  bool told = false;
  for (const Bytes& packet : split_packets(server.heard)) {
    if (type_of(packet) != PacketType::disconnect) { continue; }
    CHECK(parsed5<Disconnect>(packet).reason == Reason::malformed_packet);
    told = true;
  }
  CHECK(told);
}

TEST_CASE("A server that breaks the protocol in its CONNACK was never connected to: bounded first attempts give up",
          "[mqtt5]") {
  Config config = five();
  config.reconnect.first_attempts = 2;
  World5 world(config);
  // A property that is there twice.
  Scripted server(world.fake, 1883, bytes({0x20, 0x07, 0x00, 0x00, 0x04, 0x24, 0x01, 0x24, 0x01}));
  world.start();
  world.run_for(1_min);
  REQUIRE(world.run.result().ready());
  CHECK(*world.run.result() == Unexpected(Error::protocol_error));
  CHECK(world.client.failure().fault == Fault::property_repeated);
  CHECK(server.connections == 2);
}

TEST_CASE("A payload larger than any buffer reaches a server that dies again and again", "[mqtt5]") {
  for (const QoS qos : {QoS::at_most_once, QoS::at_least_once, QoS::exactly_once}) {
    World5 world;
    SessionBroker broker(world.fake, Version::mqtt_5);
    broker.start();
    world.fake.client.faults().chunk = 50;
    world.start();
    Memory5 source(3000);
    std::array<std::byte, 100> buffer;
    broker.light_fuse(20);  // in the middle of it
    nal::TaskSlot<4096> slot;
    const auto publish = [](World5& of, Memory5& from, std::span<std::byte> with, QoS how) -> Task<Result<>> {
      auto done = co_await publish_from<kFull>(of.client, "t", from, with, how);
      co_return done;
    };
    REQUIRE(slot.start(world.fake.executor, publish, world, source, std::span<std::byte>(buffer), qos));
    for (unsigned death = 0; death < 4; ++death) {
      world.run_for(1_s);
      broker.light_fuse(20 + 30 * death);
    }
    CHECK(nal::block_on(world.fake.executor, nal::with_timeout(1_min, nal::finished(slot))).has_value());
    REQUIRE(slot.result().ready());
    CHECK(*slot.result() == Result<>());
    world.run_for(1_s);
    REQUIRE_FALSE(broker.published.empty());
    CHECK(broker.published.back() == source.text);
    CHECK(broker.deaths != 0);
    if (qos == QoS::exactly_once) { CHECK(broker.published.size() == 1); }
  }
}

TEST_CASE("A source that fails, or has less than it said, ends the message and the connection", "[mqtt5]") {
  struct Failing : Memory5 {
    using Memory5::Memory5;
    Result<std::size_t> read(std::size_t offset, std::span<std::byte> buffer) {
      if (offset >= 200) { return answer; }
      return Memory5::read(offset, buffer);
    }
    Result<std::size_t> answer = std::size_t{0};
  };
  for (const bool error : {false, true}) {
    World5 world;
    SessionBroker broker(world.fake, Version::mqtt_5);
    broker.start();
    world.start();
    Failing source(1000);
    if (error) { source.answer = Unexpected(Error::io_error); }
    std::array<std::byte, 100> buffer;
    const auto done = nal::block_on(world.fake.executor, publish_from<kFull>(world.client, "t", source, buffer));
    CHECK(done == Unexpected(error ? Error::io_error : Error::end_of_stream));
    world.run_for(1_s);
    CHECK(world.client.failure().cause == Failure::Cause::abandoned);
    CHECK(world.client.in_flight_count() == 0);
    CHECK(broker.connections == 2);
  }
}

TEST_CASE("What 5.0 adds can be given up at every poll, and the session goes on", "[mqtt5]") {
  struct Trial {
    World5 world;
    SessionBroker broker{world.fake, Version::mqtt_5};
    Memory5 source{400};
    std::array<std::byte, 64> buffer{};

    Trial() {
      broker.start();
      world.fake.client.faults().chunk = 40;
      world.start();
    }
    nal::Executor& executor() { return world.fake.executor; }
    static Task<Result<>> everything(Trial& self) {
      Session& session = self.world.client;
      const Property list[] = {Property::user("k", "v")};
      NAL_CO_TRY(session.publish("t", "x", QoS::exactly_once, Retain::no, list));
      const std::string large(300, 'x');
      NAL_CO_TRY(session.publish("t", large));
      NAL_CO_TRY(publish_from<kFull>(session, "t", self.source, self.buffer, QoS::exactly_once));
      self.broker.publish(large, QoS::exactly_once);
      NAL_CO_TRY_SET(Message message, session.receive());
      for (;;) {
        NAL_CO_TRY_SET(const auto piece, message.read());
        if (piece.empty()) { break; }
      }
      co_return Result<>();
    }
    Task<Result<>> begin() { return everything(*this); }
    static nal::Duration patience() { return 1_min; }
    void given_up() {
      nal::TaskSlot<4096> slot;
      const auto use = [](Session& session) -> Task<Result<>> {
        NAL_CO_TRY(session.publish("t", "last", QoS::exactly_once));
        NAL_CO_TRY(session.drained());
        co_return Result<>();
      };
      // Or the message that was given up fills the buffer.
      nal::TaskSlot<4096> receiver;
      const auto receive = [](Session& session) -> Task<Result<>> {
        for (;;) { NAL_CO_TRY(session.receive()); }
      };
      REQUIRE(receiver.start(world.fake.executor, receive, world.client));
      REQUIRE(slot.start(world.fake.executor, use, world.client));
      CHECK(nal::block_on(world.fake.executor, nal::with_timeout(1_min, nal::finished(slot))).has_value());
      CHECK(broker.published.back() == "last");
      CHECK(broker.broken.empty());
    }
    static void finished(const Result<>& result) { CHECK(result == Result<>()); }
  };
  CHECK(nal::test::cancel_at_every_poll([] { return std::make_unique<Trial>(); }) > 5);
}

#include <catch2/generators/catch_generators.hpp>

#include "tests/examples/coap/raw.hpp"

using namespace coap;
using namespace coap::test;
using nal::Error;
using nal::Unexpected;

namespace {

Bytes watch(std::uint16_t id, int token, std::uint32_t observe = 0) {
  return Build(kCon, Code::get, id, bytes({token})).path("note").uint(OptionNumber::observe, observe);
}
std::optional<std::uint32_t> sequence(const Raw::Got& got) {
  return got.message.options.find_uint(OptionNumber::observe);
}

/// In which the next notification comes.
constexpr nal::Duration kPace = 3001_ms;

/// A client that observes, in a task of its own, and tells what it saw.
struct Watcher {
  static nal::Task<> watch(Watcher& self, Observation& observation) {
    for (;;) {
      auto news = co_await observation.next();
      if (!news) {
        self.seen.push_back(to_string(news.error()));
        co_return nal::Unexpected(news.error());
      }
      self.seen.push_back(std::string(news->text()));
      if (!news->ok()) { co_return nal::Unit{}; }
    }
  }
  std::vector<std::string> seen;
  nal::TaskSlot<4096> slot;
};

}  // namespace

TEST_CASE("Observers are told what has changed, and now and then must acknowledge it", "[coap]") {
  ServerWorld w;
  const auto registered = w.ask(watch(1, 5));
  CHECK(text_of(registered.message.payload) == "hello");
  REQUIRE(sequence(registered));
  std::uint32_t last = *sequence(registered);
  for (int i = 1; i <= 20; ++i) {
    w.shop.note = std::to_string(i);
    w.server.changed("/note");
    const auto got = w.peer.expect(kPace);
    CHECK(got.message.token == Token(bytes({5})));
    CHECK(text_of(got.message.payload) == w.shop.note);
    CHECK(sequence(got) == last + 1);
    last = *sequence(got);
    CHECK(got.message.type == (i % 8 == 0 ? kCon : kNon));
    if (got.message.type == kCon) { w.peer.send(kServer, Build(Type::acknowledgement, Code::empty, got.message.id)); }
  }
  CHECK(w.server.observers() == 1);
  // What changes elsewhere is no news.
  w.server.changed("/large");
  w.server.changed("/no");
  CHECK_FALSE(w.peer.receive(10_s));
}

TEST_CASE("An observer that rejects a notification is forgotten", "[coap]") {
  for (const unsigned before : {1u, 8u}) {
    ServerWorld w;
    w.ask(watch(1, 5));
    for (unsigned i = 1; i < before; ++i) {
      w.server.changed("/note");
      w.peer.expect(kPace);
    }
    w.server.changed("/note");
    const auto got = w.peer.expect(kPace);
    CHECK((got.message.type == kCon) == (before == 8));
    w.peer.send(kServer, Build(Type::reset, Code::empty, got.message.id));
    CHECK(w.server.observers() == 0);
    w.server.changed("/note");
    CHECK_FALSE(w.peer.receive(100_s));
  }
}

TEST_CASE("An observer that acknowledges nothing is forgotten, and told the newest state until then", "[coap]") {
  ServerWorld w;
  w.ask(watch(1, 5));
  for (int i = 1; i < 8; ++i) {
    w.server.changed("/note");
    w.peer.expect(kPace);
  }
  w.server.changed("/note");
  const auto first = w.peer.expect(kPace);
  REQUIRE(first.message.type == kCon);
  CHECK(w.peer.expect(4_s).bytes == first.bytes);
  w.shop.note = "newer";
  w.server.changed("/note");
  // Not at once: one message at a time.
  CHECK_FALSE(w.peer.receive(1_s));
  const auto newer = w.peer.expect(10_s);
  CHECK(newer.message.id != first.message.id);
  CHECK(text_of(newer.message.payload) == "newer");
  CHECK(*sequence(newer) > *sequence(first));
  CHECK(w.peer.expect(20_s).bytes == newer.bytes);
  CHECK(w.peer.expect(40_s).bytes == newer.bytes);
  CHECK_FALSE(w.peer.receive(100_s));
  CHECK(w.server.observers() == 0);
}

TEST_CASE("Notifications that nobody acknowledges come to a client every three seconds at most", "[coap]") {
  ServerWorld w;
  w.routes[1].observable = true;
  w.shop.large = "x";
  // Two resources and one client, then one resource and two clients.
  const bool same_client = GENERATE(true, false);
  Raw& second = same_client ? w.peer : w.other;
  w.ask(watch(1, 5));
  second.send(kServer, Build(kCon, Code::get, 2, bytes({6})).path("large").uint(OptionNumber::observe, 0));
  second.expect();
  REQUIRE(w.server.observers() == 2);

  std::map<Raw*, std::optional<nal::Instant>> last;
  std::map<Raw*, int> unconfirmed;
  int notes = 0;
  std::string note;
  const auto take = [&](Raw& client, int newest) {
    while (const auto got = client.receive(1_us)) {
      if (got->message.type == kCon) {
        client.send(kServer, Build(Type::acknowledgement, Code::empty, got->message.id));
        last[&client].reset();  // it tells of a round trip
      } else {
        if (last[&client]) { CHECK(got->at - *last[&client] > 2900_ms); }
        last[&client] = got->at;
        ++unconfirmed[&client];
      }
      if (got->message.token != Token(bytes({5}))) { continue; }
      ++notes;
      note = text_of(got->message.payload);
      CHECK(std::stoi(note) >= newest - 1);  // not what made it due
    }
  };
  for (int i = 0; i < 600; ++i) {
    w.shop.note = std::to_string(i);
    w.server.changed("/note");
    w.server.changed("/large");
    w.pass(100_ms);
    take(w.peer, i);
    if (!same_client) { take(w.other, i); }
  }
  CHECK(unconfirmed[&w.peer] >= 15);
  CHECK(unconfirmed[&w.peer] <= 24);
  CHECK(notes >= (same_client ? 8 : 18));
  CHECK(notes <= (same_client ? 14 : 28));
  if (!same_client) { CHECK(unconfirmed[&w.other] >= 15); }
  // When all is quiet the last state has been told.
  w.shop.note = "1000";
  w.server.changed("/note");
  w.pass(10_s);
  take(w.peer, 1000);
  w.pass(10_s);
  take(w.peer, 1000);
  CHECK(note == "1000");
}

TEST_CASE("A network that bears it may be told of every change at once", "[coap]") {
  nal::test::FakeWorld world;
  Raw peer(world.executor, world.client, {nal::test::FakeWorld::client_address(), 40001});
  auto socket = *world.server.udp_bind_multiple({nal::IpAddress(), 5683}, {});
  Buffers<> buffers;
  Node node({.seed = 2}, buffers.memory());
  Shop shop;
  const Route routes[] = {{.path = "/note", .handler = shop, .observable = true}};
  ServerBuffers<> tables;
  Server server(node, routes, tables.memory(), {.notify_seconds = 0});
  nal::TaskSlot<1024> running;
  REQUIRE(running.start(world.executor, World::run_node, socket, node).has_value());
  peer.send(kServer, watch(1, 5));
  peer.expect();
  for (int i = 0; i < 7; ++i) {
    server.changed("/note");
    CHECK(peer.expect().message.type == kNon);
  }
}

TEST_CASE("A node that cannot send waits for that, not for what is due", "[coap]") {
  ServerWorld w;
  struct Due : Role {
    bool receive(const Arrival&) noexcept override { return false; }
    bool fill(nal::Instant) noexcept override { return false; }
    nal::Instant deadline(nal::Instant now) const noexcept override { return now + 100_ms; }
    void undeliverable(const nal::Endpoint&, std::optional<std::uint16_t>, Error) noexcept override {}
    void disconnected(Error) noexcept override {}
  };
  Buffers<> buffers;
  Node node({.seed = 2}, buffers.memory());
  Due due;
  node.attach_client(&due);
  struct Waiting {
    nal::Poll<nal::Result<>> poll(nal::Context& context) noexcept {
      node->wait_for_work(context, waiter, timer, context.now());
      ++polls;
      return nal::pending;
    }
    Node* node;
    int polls = 0;
    nal::Waiter waiter{};
    nal::Timer timer{};
  };
  for (const bool busy : {true, false}) {
    if (busy) { node.send_empty(Type::reset, 1, {kServer, {}}); }
    Waiting waiting{&node};
    CHECK(w.wait(nal::with_timeout(1_s, waiting)) == Unexpected(Error::timed_out));
    CHECK((waiting.polls <= 2) == busy);
    CHECK((waiting.polls >= 9) == !busy);
    node.drop_output();
  }
  node.attach_client(nullptr);
}

TEST_CASE("Registering again replaces, asking with Observe 1 ends, and a full table only answers", "[coap]") {
  ServerWorld w;
  w.ask(watch(1, 5));
  w.ask(watch(2, 5));
  CHECK(w.server.observers() == 1);
  CHECK(sequence(w.ask(watch(3, 6))));
  const auto refused = w.ask(watch(4, 7));
  CHECK(text_of(refused.message.payload) == "hello");
  CHECK_FALSE(sequence(refused));
  CHECK(w.server.observers() == 2);
  CHECK_FALSE(sequence(w.ask(watch(5, 5, 1))));
  CHECK(w.server.observers() == 1);
  // What cannot be observed, and what fails, is not.
  CHECK_FALSE(sequence(w.ask(Build(kCon, Code::get, 6).path("large").uint(OptionNumber::observe, 0))));
  CHECK_FALSE(sequence(w.ask(Build(kCon, Code::get, 7).path("none").uint(OptionNumber::observe, 0))));
  CHECK(w.server.observers() == 1);
}

TEST_CASE("A resource that fails ends its observations with that answer", "[coap]") {
  ServerWorld w;
  bool gone = false;
  auto handler = [&gone](const Call&, Reply& reply) noexcept { return gone ? Code::not_found : reply.text("x"); };
  w.routes[0].handler = handler;
  w.ask(watch(1, 5));
  gone = true;
  w.server.changed("/note");
  const auto last = w.peer.expect();
  CHECK(last.message.code == Code::not_found);
  CHECK_FALSE(sequence(last));
  CHECK(w.server.observers() == 0);
}

TEST_CASE("A large state is told by its first block, and the rest asked for", "[coap]") {
  ServerWorld w;
  w.routes[1].observable = true;
  w.shop.large = std::string(2000, 'x');
  w.ask(Build(kCon, Code::get, 1, bytes({5})).path("large").uint(OptionNumber::observe, 0));
  w.server.changed("/large");
  const auto got = w.peer.expect();
  CHECK(Block::find(got.message.options, OptionNumber::block2) == Block{0, true, 6});
  CHECK(sequence(got));
  // Asking for a block with Observe registers nothing.
  CHECK_FALSE(sequence(
      w.ask(Build(kCon, Code::get, 2, bytes({9})).path("large").uint(OptionNumber::observe, 0).block2(1, false, 6))));
  CHECK(w.server.observers() == 1);
}

TEST_CASE("Our client sees what our server tells", "[coap]") {
  World w;
  Observation observation(w.client, {.remote = kServer, .path = "note"});
  Watcher watcher;
  REQUIRE(watcher.slot.start(w.world.executor, Watcher::watch, watcher, observation));
  w.pass(1_ms);
  CHECK(observation.observing());
  for (int i = 0; i < 20; ++i) {
    w.shop.note = std::to_string(i);
    w.server.changed("/note");
    w.pass(kPace);
  }
  REQUIRE(watcher.seen.size() == 21);
  CHECK(watcher.seen.front() == "hello");
  CHECK(watcher.seen.back() == "19");
  CHECK(w.server.observers() == 1);
  watcher.slot.cancel();
  CHECK(w.wait(observation.cancel())->ok());
  CHECK(w.server.observers() == 0);
  CHECK_FALSE(observation.observing());
}

TEST_CASE("A client that forgets what it observes rejects the next notification", "[coap]") {
  World w;
  {
    Observation observation(w.client, {.remote = kServer, .path = "note"});
    CHECK(w.wait(observation.next())->ok());
  }
  w.server.changed("/note");
  w.pass(1_ms);
  CHECK(w.server.observers() == 0);
}

TEST_CASE("What comes while nobody waits is asked for anew", "[coap]") {
  World w;
  Observation observation(w.client, {.remote = kServer, .path = "note"});
  CHECK(w.wait(observation.next())->text() == "hello");
  w.shop.note = "missed";
  w.server.changed("/note");
  w.pass(1_ms);
  // Others are answered meanwhile.
  CHECK(w.wait(w.client.get(kServer, "note"))->text() == "missed");
  w.shop.note = "newest";
  CHECK(w.wait(observation.next())->text() == "newest");
  CHECK(w.server.observers() == 1);
  CHECK(w.wait(nal::with_timeout(10_s, observation.next())).error_or(Error{}) == Error::timed_out);
}

TEST_CASE("Old notifications are left out, and those that come twice", "[coap]") {
  ClientWorld w;
  Observation observation(w.client, {.remote = kServer, .path = "note"});
  Watcher watcher;
  REQUIRE(watcher.slot.start(w.world.executor, Watcher::watch, watcher, observation));
  const auto request = w.server.expect();
  CHECK(request.message.options.find_uint(OptionNumber::observe) == 0u);
  const auto notify = [&](Type type, std::uint16_t id, std::uint32_t number, std::string_view payload) {
    w.server.send(
        request.remote,
        Build(type, Code::content, id, request.message.token).uint(OptionNumber::observe, number).payload(payload));
  };
  notify(Type::acknowledgement, request.message.id, 10, "first");
  notify(kNon, 1, 12, "second");
  notify(kNon, 2, 11, "old");
  notify(kNon, 1, 12, "second");
  notify(kNon, 3, 12, "same");
  notify(kNon, 4, 10 + (1u << 23), "far ahead");
  notify(kNon, 5, 13, "behind that");
  notify(kNon, 6, 3, "wrapped");
  CHECK(watcher.seen == std::vector<std::string>{"first", "second", "far ahead", "wrapped"});
  CHECK_FALSE(w.server.receive());
  // Confirmable ones are acknowledged whether they are news or not.
  notify(kCon, 7, 2, "old");
  CHECK(w.server.expect().bytes == bytes({0x60, 0, 0, 7}));
  notify(kCon, 8, 4, "news");
  CHECK(w.server.expect().bytes == bytes({0x60, 0, 0, 8}));
  notify(kCon, 8, 4, "news");
  CHECK(w.server.expect().bytes == bytes({0x60, 0, 0, 8}));
  CHECK(watcher.seen.back() == "news");
  CHECK(watcher.seen.size() == 5);
  // After 128 seconds any number is younger.
  const auto long_lived = [&](std::uint16_t id, std::uint32_t number, std::string_view payload) {
    w.server.send(request.remote, Build(kNon, Code::content, id, request.message.token)
                                      .uint(OptionNumber::observe, number)
                                      .uint(OptionNumber::max_age, 1000)
                                      .payload(payload));
  };
  long_lived(9, 5, "lasting");
  w.pass(127_s);
  long_lived(10, 1, "too old");
  w.pass(2_s);
  long_lived(11, 1, "after a restart");
  CHECK(watcher.seen.size() == 7);
  CHECK(watcher.seen.back() == "after a restart");
}

TEST_CASE("A state that has expired is asked for again", "[coap]") {
  ClientWorld w;
  Observation observation(w.client, {.remote = kServer, .path = "note"});
  Watcher watcher;
  REQUIRE(watcher.slot.start(w.world.executor, Watcher::watch, watcher, observation));
  const auto request = w.server.expect();
  const auto answer = [&](const Raw::Got& to) {
    w.server.send(to.remote, Build(Type::acknowledgement, Code::content, to.message.id, to.message.token)
                                 .uint(OptionNumber::observe, 1)
                                 .uint(OptionNumber::max_age, 20)
                                 .payload("x"));
  };
  answer(request);
  CHECK_FALSE(w.server.receive(24_s));
  const auto again = w.server.expect(12_s);
  CHECK(again.message.token == request.message.token);
  CHECK(again.message.options.find_uint(OptionNumber::observe) == 0u);
  CHECK(again.message.id != request.message.id);
  answer(again);
  CHECK(watcher.seen.size() == 2);
  // And if nobody answers, that is told.
  w.pass(200_s);
  CHECK(watcher.seen.back() == "timed out");
  CHECK(w.client.in_flight() == 0);
}

TEST_CASE("An observation ends with an answer that has no Observe, or fails", "[coap]") {
  for (const bool fails : {false, true}) {
    ClientWorld w;
    Observation observation(w.client, {.remote = kServer, .path = "note"});
    auto next = observation.next();
    CHECK(w.wait(nal::with_timeout(1_ms, next)).error_or(Error{}) == Error::timed_out);
    const auto request = w.server.expect();
    w.server.send(request.remote, Build(Type::acknowledgement, fails ? Code::not_found : Code::content,
                                        request.message.id, request.message.token)
                                      .payload("x"));
    CHECK(w.wait(next)->ok() != fails);
    CHECK_FALSE(observation.observing());
    w.server.send(request.remote, Build(kNon, Code::content, 1, request.message.token).uint(OptionNumber::observe, 5));
    CHECK(w.server.expect().message.type == Type::reset);
    // The next one registers anew.
    auto anew = observation.next();
    CHECK(w.wait(nal::with_timeout(1_ms, anew)).error_or(Error{}) == Error::timed_out);
    CHECK(w.server.expect().message.options.has(OptionNumber::observe));
  }
}

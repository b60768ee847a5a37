#include "tests/examples/coap/raw.hpp"

using namespace coap;
using namespace coap::test;
using nal::Error;
using nal::Unexpected;

namespace {

const Request kGet{.remote = kServer, .path = "a"};

/// Piggybacked on the acknowledgement of `got`.
Bytes answer_to(const Raw::Got& got, std::string_view payload) {
  return Build(Type::acknowledgement, Code::content, got.message.id, got.message.token).payload(payload);
}

}  // namespace

TEST_CASE("A confirmable request is repeated later and later, then given up", "[coap]") {
  for (std::uint64_t seed = 1; seed < 20; ++seed) {
    ClientWorld w(NodeConfig{.seed = seed});
    ClientWorld::Slot slot;
    w.begin(slot, kGet);
    const Raw::Got first = w.server.expect();
    CHECK(first.message.type == Type::confirmable);
    nal::Instant before = first.at;
    nal::Duration wait = nal::Duration::seconds(0);
    for (int i = 0; i < 4; ++i) {
      const Raw::Got again = w.server.expect(60_s);
      CHECK(again.bytes == first.bytes);
      const nal::Duration gap = again.at - before;
      if (i == 0) {
        CHECK(gap >= 2_s);
        CHECK(gap <= 3_s);
      } else {
        CHECK(gap >= wait * 2);
        CHECK(gap <= wait * 2 + 1_ms);
      }
      wait = gap;
      before = again.at;
    }
    CHECK_FALSE(w.server.receive(200_s));
    REQUIRE(slot.result().ready());
    CHECK(slot.take_result() == Unexpected(Error::timed_out));
    CHECK(w.client.in_flight() == 0);
  }
}

TEST_CASE("An answer may come after the acknowledgement, and is acknowledged as often as it comes", "[coap]") {
  ClientWorld w;
  ClientWorld::Slot slot;
  w.begin(slot, kGet);
  const Raw::Got request = w.server.expect();
  w.server.send(request.remote, Build(Type::acknowledgement, Code::empty, request.message.id));
  // Nothing more is sent meanwhile.
  CHECK_FALSE(w.server.receive(60_s));
  const Bytes answer = Build(Type::confirmable, Code::content, 77, request.message.token).payload("late");
  w.server.send(request.remote, answer);
  for (int i = 0; i < 3; ++i) {
    const Raw::Got acknowledgement = w.server.expect();
    CHECK(acknowledgement.bytes == bytes({0x60, 0, 0, 77}));
    if (i == 0) {
      const auto got = slot.take_result();
      REQUIRE(got);
      CHECK(got->text() == "late");
    }
    w.server.send(request.remote, answer);
  }
}

TEST_CASE("An answer that comes before the acknowledgement stands for it", "[coap]") {
  for (const Type type : {Type::confirmable, Type::non_confirmable}) {
    ClientWorld w;
    ClientWorld::Slot slot;
    w.begin(slot, kGet);
    const Raw::Got request = w.server.expect();
    w.server.send(request.remote, Build(type, Code::content, 77, request.message.token).payload("x"));
    REQUIRE(slot.result().ready());
    CHECK(slot.take_result()->text() == "x");
    if (type == Type::confirmable) { CHECK(w.server.expect().message.type == Type::acknowledgement); }
    CHECK_FALSE(w.server.receive(100_s));
  }
}

TEST_CASE("An acknowledged request whose answer never comes times out", "[coap]") {
  ClientWorld w;
  ClientWorld::Slot slot;
  w.begin(slot, kGet);
  const Raw::Got request = w.server.expect();
  w.server.send(request.remote, Build(Type::acknowledgement, Code::empty, request.message.id));
  w.pass(99_s);
  CHECK_FALSE(slot.result().ready());
  w.pass(2_s);
  CHECK(slot.take_result() == Unexpected(Error::timed_out));
}

TEST_CASE("A rejected request fails", "[coap]") {
  ClientWorld w;
  ClientWorld::Slot slot;
  w.begin(slot, kGet);
  const Raw::Got request = w.server.expect();
  w.server.send(request.remote, Build(Type::reset, Code::empty, request.message.id));
  CHECK(slot.take_result() == Unexpected(Error::connection_reset));
}

TEST_CASE("Answers with the wrong token, id or sender are not taken", "[coap]") {
  ClientWorld w;
  Raw stranger(w.world.executor, w.world.server, {kServer.address, 5684});
  ClientWorld::Slot slot;
  w.begin(slot, kGet);
  const Raw::Got request = w.server.expect();
  const Token& token = request.message.token;
  const std::uint16_t id = request.message.id;
  const auto other = static_cast<std::uint16_t>(id + 1);
  const Bytes wrong_token = copy(token.span().first(3));
  // Piggybacked: passed over.
  w.server.send(request.remote, Build(Type::acknowledgement, Code::content, id, wrong_token).payload("x"));
  w.server.send(request.remote, Build(Type::acknowledgement, Code::content, other, token).payload("x"));
  w.server.send(request.remote, Build(Type::acknowledgement, Code::empty, other));
  w.server.send(request.remote, Build(Type::reset, Code::empty, other));
  stranger.send(request.remote, Build(Type::acknowledgement, Code::content, id, token).payload("x"));
  stranger.send(request.remote, Build(Type::reset, Code::empty, id));
  CHECK_FALSE(w.server.receive());
  // By themselves: rejected.
  w.server.send(request.remote, Build(Type::confirmable, Code::content, 9, wrong_token).payload("x"));
  CHECK(w.server.expect().bytes == bytes({0x70, 0, 0, 9}));
  stranger.send(request.remote, Build(Type::confirmable, Code::content, 10, token).payload("x"));
  CHECK(stranger.expect().bytes == bytes({0x70, 0, 0, 10}));
  CHECK_FALSE(slot.result().ready());
  w.server.send(request.remote, answer_to(request, "right"));
  CHECK(slot.take_result()->text() == "right");
}

TEST_CASE("An answer with a critical option that nobody knows is rejected", "[coap]") {
  for (const Type type : {Type::confirmable, Type::acknowledgement}) {
    ClientWorld w;
    ClientWorld::Slot slot;
    w.begin(slot, kGet);
    const Raw::Got request = w.server.expect();
    const bool piggybacked = type == Type::acknowledgement;
    const std::uint16_t id = piggybacked ? request.message.id : std::uint16_t{5};
    w.server.send(request.remote, Build(type, Code::content, id, request.message.token).uint(OptionNumber{9}, 1));
    CHECK(slot.take_result() == Unexpected(Error::protocol_error));
    if (!piggybacked) { CHECK(w.server.expect().bytes == bytes({0x70, 0, 0, 5})); }
    CHECK_FALSE(w.server.receive(100_s));
  }
}

TEST_CASE("Whoever gives a request up rejects its late answer", "[coap]") {
  ClientWorld w;
  ClientWorld::Slot slot;
  w.begin(slot, kGet);
  const Raw::Got request = w.server.expect();
  slot.cancel();
  CHECK(w.client.in_flight() == 0);
  CHECK_FALSE(w.server.receive(100_s));
  w.server.send(request.remote, answer_to(request, "late"));
  CHECK_FALSE(w.server.receive());
  w.server.send(request.remote, Build(Type::confirmable, Code::content, 1, request.message.token).payload("late"));
  CHECK(w.server.expect().message.type == Type::reset);
  w.server.send(request.remote, Build(Type::non_confirmable, Code::content, 2, request.message.token).payload("late"));
  CHECK(w.server.expect().message.type == Type::reset);
}

TEST_CASE("Messages that are no answers are rejected or passed over as the standard says", "[coap]") {
  ClientWorld w;
  const nal::Endpoint to = w.socket.local_endpoint();
  const auto rejected = [&](const Bytes& message) {
    w.server.send(to, message);
    const auto got = w.server.receive();
    if (got) { CHECK(got->bytes == bytes({0x70, 0}) + Bytes{message[2], message[3]}); }
    return got.has_value();
  };
  CHECK(rejected(bytes({0x40, 0, 1, 2})));        // a ping
  CHECK_FALSE(rejected(bytes({0x50, 0, 1, 2})));  // NON and empty
  CHECK_FALSE(rejected(bytes({0x60, 0, 1, 2})));  // acknowledges nothing
  CHECK_FALSE(rejected(bytes({0x70, 0, 1, 2})));
  CHECK(rejected(bytes({0x40, 1, 1, 2})));  // a request: nobody serves here
  CHECK_FALSE(rejected(bytes({0x50, 1, 1, 2})));
  CHECK(rejected(bytes({0x40, 0x20, 1, 2})));  // reserved classes
  CHECK(rejected(bytes({0x40, 0xC0, 1, 2})));
  CHECK(rejected(bytes({0x40, 0xE1, 1, 2})));  // signals are TCP's
  CHECK_FALSE(rejected(bytes({0x60, 0x45, 1, 2})));
  CHECK_FALSE(rejected(bytes({0x70, 0x45, 1, 2})));  // no reset has a code
  CHECK(rejected(bytes({0x40, 1, 1, 2, 0xff})));     // malformed
  CHECK_FALSE(rejected(bytes({0x50, 1, 1, 2, 0xff})));
  CHECK_FALSE(rejected(bytes({0x60, 1, 1, 2, 0xff})));
  CHECK(rejected(bytes({0x49, 1, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0})));  // a token of nine
  CHECK_FALSE(rejected(bytes({0x80, 1, 1, 2})));                       // version 2
}

TEST_CASE("A ping tells whether somebody is there", "[coap]") {
  ClientWorld w;
  auto ping = w.client.ping(kServer);
  CHECK(w.wait(nal::with_timeout(1_ms, ping)) == Unexpected(Error::timed_out));
  const Raw::Got request = w.server.expect();
  CHECK(request.bytes.size() == 4);
  CHECK(request.message.code == Code::empty);
  CHECK(request.message.type == Type::confirmable);
  w.server.send(request.remote, Build(Type::reset, Code::empty, request.message.id));
  CHECK(w.wait(ping));
  CHECK(w.wait(w.client.ping(kServer)) == Unexpected(Error::timed_out));
}

TEST_CASE("One peer is asked one thing at a time, others are not kept waiting", "[coap]") {
  ClientWorld w;
  const nal::Endpoint other_end{kServer.address, 5700};
  Raw other(w.world.executor, w.world.server, other_end);
  ClientWorld::Slot first;
  ClientWorld::Slot second;
  ClientWorld::Slot third;
  w.begin(first, kGet);
  w.begin(second, Request{.remote = kServer, .path = "b"});
  w.begin(third, Request{.remote = other_end, .path = "c"});
  const Raw::Got a = w.server.expect();
  const Raw::Got c = other.expect();
  CHECK(a.message.options.find(OptionNumber::uri_path).has_value());
  CHECK_FALSE(w.server.receive());
  other.send(c.remote, answer_to(c, "c"));
  CHECK(third.take_result()->text() == "c");
  CHECK_FALSE(w.server.receive());
  // Acknowledged, it keeps nobody waiting any more (RFC 7252 §4.7).
  w.server.send(a.remote, Build(Type::acknowledgement, Code::empty, a.message.id));
  const Raw::Got b = w.server.expect();
  CHECK(b.message.token != a.message.token);
  CHECK(b.message.id != a.message.id);
  w.server.send(b.remote, answer_to(b, "b"));
  CHECK(second.take_result()->text() == "b");
  w.server.send(a.remote, Build(Type::non_confirmable, Code::content, 3, a.message.token).payload("a"));
  CHECK(first.take_result()->text() == "a");
}

TEST_CASE("A request that is not confirmable is sent once", "[coap]") {
  ClientWorld w;
  ClientWorld::Slot slot;
  w.begin(slot, Request{.remote = kServer, .path = "a", .confirmable = false});
  const Raw::Got request = w.server.expect();
  CHECK(request.message.type == Type::non_confirmable);
  CHECK_FALSE(w.server.receive(90_s));
  w.server.send(request.remote, Build(Type::non_confirmable, Code::content, 1, request.message.token).payload("x"));
  CHECK(slot.take_result()->text() == "x");
  w.begin(slot, Request{.remote = kServer, .path = "a", .confirmable = false});
  w.server.expect();
  CHECK_FALSE(w.server.receive(120_s));
  CHECK(slot.take_result() == Unexpected(Error::timed_out));
}

TEST_CASE("A request that wants no answer is done when it is sent, or acknowledged", "[coap]") {
  ClientWorld w;
  Request request{.method = Code::put, .remote = kServer, .path = "a", .confirmable = false, .no_response = 26};
  CHECK(w.wait(w.client.request(request))->code() == Code::empty);
  const Raw::Got got = w.server.expect();
  CHECK(got.message.options.find_uint(OptionNumber::no_response) == 26u);
  request.confirmable = true;
  ClientWorld::Slot slot;
  w.begin(slot, request);
  const Raw::Got confirmable = w.server.expect();
  CHECK_FALSE(slot.result().ready());
  w.server.send(confirmable.remote, Build(Type::acknowledgement, Code::empty, confirmable.message.id));
  CHECK(slot.take_result()->code() == Code::empty);
}

TEST_CASE("A server that asks for an Echo is asked again with it, once", "[coap]") {
  ClientWorld w;
  ClientWorld::Slot slot;
  w.begin(slot, Request{.method = Code::put, .remote = kServer, .path = "a", .payload = bytes_of("x")});
  const Bytes echo = bytes({9, 8, 7});
  for (int i = 0; i < 2; ++i) {
    const Raw::Got request = w.server.expect();
    CHECK(request.message.options.has(OptionNumber::echo) == (i == 1));
    CHECK(text_of(request.message.payload) == "x");
    if (i == 1) { CHECK(equal(*request.message.options.find(OptionNumber::echo), echo)); }
    w.server.send(request.remote,
                  Build(Type::acknowledgement, Code::unauthorized, request.message.id, request.message.token)
                      .option(OptionNumber::echo, echo));
  }
  CHECK(slot.take_result()->code() == Code::unauthorized);
}

TEST_CASE("A network that comes back in time is no failure, one that does not is told", "[coap]") {
  ClientWorld w;
  const nal::Endpoint nobody = "192.0.2.99:5683"_endpoint;
  ClientWorld::Slot slot;
  w.begin(slot, Request{.remote = nobody, .path = "a"});
  w.pass(20_s);
  CHECK_FALSE(slot.result().ready());
  w.pass(100_s);
  CHECK(slot.take_result() == Unexpected(Error::host_unreachable));
}

TEST_CASE("What does not fit the send buffer is refused", "[coap]") {
  ClientWorld w(NodeConfig{.seed = 1}, BufferSizes{.receive = 64, .send = 64});
  const Bytes large(60);
  CHECK(w.wait(w.client.put(kServer, "a", large)) == Unexpected(Error::message_size));
  CHECK(w.client.in_flight() == 0);
}

TEST_CASE("An answer that does not fit the receive buffer is told", "[coap]") {
  ClientWorld w(NodeConfig{.seed = 1}, BufferSizes{.receive = 64, .send = 64});
  ClientWorld::Slot slot;
  w.begin(slot, kGet);
  const Raw::Got request = w.server.expect();
  w.server.send(request.remote, answer_to(request, std::string(100, 'x')));
  CHECK(slot.take_result() == Unexpected(Error::message_size));
}

TEST_CASE("While an answer is looked at nothing else is received, and nothing is lost", "[coap]") {
  ClientWorld w;
  const nal::Endpoint other_end{kServer.address, 5700};
  Raw other(w.world.executor, w.world.server, other_end);
  ClientWorld::Slot first;
  ClientWorld::Slot second;
  w.begin(first, kGet);
  w.begin(second, Request{.remote = other_end, .path = "c"});
  const Raw::Got a = w.server.expect();
  const Raw::Got c = other.expect();
  w.server.send(a.remote, answer_to(a, "first"));
  other.send(c.remote, answer_to(c, "second"));
  {
    const auto held = first.take_result();
    w.pass(1_s);
    CHECK(held->text() == "first");
    CHECK(held->remote() == kServer);
    CHECK_FALSE(second.result().ready());
  }
  w.pass(1_ms);
  CHECK(second.take_result()->text() == "second");
}

TEST_CASE("Message ids are not used again while a peer may remember them", "[coap]") {
  ClientWorld w;
  const Request request{.method = Code::put, .remote = kServer, .path = "a", .confirmable = false, .no_response = 26};
  std::map<std::uint16_t, nal::Instant> taken;
  for (int i = 0; i < 70'000; ++i) {
    REQUIRE(w.wait(w.client.request(request)));
    const Raw::Got got = w.server.expect();
    const auto [known, added] = taken.try_emplace(got.message.id, got.at);
    if (!added) {
      REQUIRE(got.at - known->second >= w.node.transmission().exchange_lifetime());
      known->second = got.at;
    }
  }
}

TEST_CASE("Several members of a group answer one request", "[coap]") {
  ClientWorld w;
  const nal::Endpoint group = "224.0.1.187:5683"_endpoint;
  const auto other_address = nal::test::FakeWorld::other_server_address();
  Raw other(w.world.executor, w.world.server, {other_address, 5683});
  REQUIRE(w.server.socket().join(group.address, nal::InterfaceId{}));
  GroupRequest asking(w.client, {.remote = group, .path = ".well-known/core"}, 10_s);
  std::optional<Raw::Got> got;
  {
    auto next = asking.next();
    CHECK(w.wait(nal::with_timeout(1_ms, next)) == Unexpected(Error::timed_out));
    got = w.server.expect();
    CHECK(got->message.type == Type::non_confirmable);
    w.server.send(got->remote, Build(Type::non_confirmable, Code::content, 1, got->message.token).payload("one"));
    const auto one = w.wait(next);
    REQUIRE(one);
    CHECK(one->text() == "one");
    CHECK(one->remote() == kServer);
  }
  {
    auto next = asking.next();
    CHECK(w.wait(nal::with_timeout(1_ms, next)) == Unexpected(Error::timed_out));
    // The same again, and another's.
    w.server.send(got->remote, Build(Type::non_confirmable, Code::content, 1, got->message.token).payload("one"));
    other.send(got->remote, Build(Type::non_confirmable, Code::content, 1, got->message.token).payload("two"));
    const auto two = w.wait(next);
    REQUIRE(two);
    CHECK(two->text() == "two");
    CHECK(two->remote().address == other_address);
  }
  CHECK(w.wait(asking.next()) == Unexpected(Error::timed_out));
  CHECK(w.world.executor.now() - got->at >= 9_s);
}

TEST_CASE("Tokens and ids differ from seed to seed and from request to request", "[coap]") {
  std::map<Bytes, int> seen;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    ClientWorld w(NodeConfig{.seed = seed, .token_size = 8});
    for (int i = 0; i < 2; ++i) {
      ClientWorld::Slot slot;
      w.begin(slot, kGet);
      const Raw::Got got = w.server.expect();
      CHECK(got.message.token.size() == 8);
      ++seen[copy(got.message.token)];
    }
  }
  CHECK(seen.size() == 100);
}

TEST_CASE("An acknowledgement that cannot be sent is no failure of a request with its id", "[coap]") {
  ClientWorld w;
  ClientWorld::Slot slot;
  w.begin(slot, kGet);
  const Raw::Got request = w.server.expect();
  // A ping under the request's own id, from somebody who is gone when the reset is sent.
  const nal::Received about{.size = 4, .remote = kServer, .local = w.socket.local_endpoint()};
  const auto room = w.node.input_room();
  REQUIRE(room.size() >= 4);
  const Bytes ping = Build(Type::confirmable, Code::empty, request.message.id);
  std::copy(ping.begin(), ping.end(), room.begin());
  w.node.received(about, w.world.executor.now());
  REQUIRE(w.node.output(w.world.executor.now()));
  w.node.sent(Unexpected(Error::message_size));
  CHECK_FALSE(slot.result().ready());
  CHECK(w.client.in_flight() == 1);
  w.server.send(request.remote, answer_to(request, "x"));
  CHECK(slot.take_result()->text() == "x");
}

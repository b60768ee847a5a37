#include "tests/examples/coap/raw.hpp"

using namespace coap;
using namespace coap::test;
using nal::Error;
using nal::Unexpected;

namespace {

Bytes get(std::uint16_t id, std::string_view path) { return Build(kCon, Code::get, id, bytes({1})).path(path); }
Bytes count(Type type, std::uint16_t id) { return Build(type, Code::post, id, bytes({1})).path("count"); }

}  // namespace

TEST_CASE("The server refuses by itself what no handler should see", "[coap]") {
  ServerWorld w;
  w.routes[2].consumes = 50;
  w.routes[0].produces = 0;
  CHECK(w.code_of(get(1, "nothing")) == Code::not_found);
  CHECK(w.code_of(Build(kCon, Code::get, 2).path("note").path("below")) == Code::not_found);
  CHECK(w.code_of(get(3, "count")) == Code::method_not_allowed);
  CHECK(w.code_of(Build(kCon, static_cast<Code>(8), 4).path("note")) == Code::method_not_allowed);
  CHECK(w.code_of(Build(kCon, Code::get, 5).path("note").uint(OptionNumber{9}, 1)) == Code::bad_option);
  CHECK(w.code_of(Build(kCon, Code::get, 6).option(OptionNumber::proxy_uri, bytes_of("coap://x/"))) ==
        Code::proxying_not_supported);
  CHECK(w.code_of(Build(kCon, Code::post, 7).path("count").uint(OptionNumber::content_format, 40).payload("x")) ==
        Code::unsupported_content_format);
  CHECK(w.code_of(Build(kCon, Code::post, 8).path("count").uint(OptionNumber::content_format, 50).payload("x")) ==
        Code::changed);
  CHECK(w.code_of(Build(kCon, Code::get, 9).path("note").uint(OptionNumber::accept, 50)) == Code::not_acceptable);
  CHECK(w.code_of(Build(kCon, Code::get, 10).path("note").uint(OptionNumber::accept, 0)) == Code::content);
  // Elective options that nobody knows are passed over.
  CHECK(w.code_of(Build(kCon, Code::get, 11).path("note").uint(OptionNumber{10}, 1)) == Code::content);
  CHECK(w.shop.executed == 1);
}

TEST_CASE("A critical option that nobody knows in a message that wants no acknowledgement has it rejected", "[coap]") {
  ServerWorld w;
  CHECK(w.ask(Build(kNon, Code::get, 5).path("note").uint(OptionNumber{9}, 1)).bytes == bytes({0x70, 0, 0, 5}));
}

TEST_CASE("The answer has the token of the request and goes where it came from", "[coap]") {
  ServerWorld w;
  const auto con = w.ask(get(0x1234, "note"));
  CHECK(con.message.type == Type::acknowledgement);
  CHECK(con.message.id == 0x1234);
  CHECK(con.message.token == Token(bytes({1})));
  CHECK(con.remote == kServer);
  const auto non = w.ask(Build(kNon, Code::get, 0x1235, bytes({1, 2, 3, 4, 5, 6, 7, 8})).path("note"));
  CHECK(non.message.type == kNon);
  CHECK(non.message.token.size() == 8);
  CHECK(non.message.code == Code::content);
}

TEST_CASE("A request that comes twice is executed once and answered twice", "[coap]") {
  ServerWorld w;
  const auto first = w.ask(count(kCon, 7));
  CHECK(text_of(first.message.payload) == "1");
  for (int i = 0; i < 5; ++i) {
    w.pass(40_s);
    CHECK(w.ask(count(kCon, 7)).bytes == first.bytes);
  }
  CHECK(w.shop.executed == 1);
  // From somebody else, or under another id, it is another.
  w.other.send(kServer, count(kCon, 7));
  CHECK(text_of(w.other.expect().message.payload) == "2");
  CHECK(text_of(w.ask(count(kCon, 8)).message.payload) == "3");
  // When its lifetime is over, so is it.
  w.pass(60_s);
  CHECK(text_of(w.ask(count(kCon, 7)).message.payload) == "4");
}

TEST_CASE("A request that is not confirmable and comes twice is executed once and answered once", "[coap]") {
  ServerWorld w;
  CHECK(text_of(w.ask(count(kNon, 7)).message.payload) == "1");
  w.peer.send(kServer, count(kNon, 7));
  CHECK_FALSE(w.peer.receive(140_s));
  w.pass(10_s);
  CHECK(text_of(w.ask(count(kNon, 7)).message.payload) == "2");
}

TEST_CASE("When no more can be remembered, what changes something is refused and what does not is done", "[coap]") {
  ServerWorld w;
  for (std::uint16_t id = 0; id < 16; ++id) { CHECK(w.code_of(count(kCon, id)) == Code::changed); }
  CHECK(w.shop.executed == 16);
  const auto refused = w.ask(count(kCon, 16));
  CHECK(refused.message.code == Code::service_unavailable);
  CHECK(refused.message.options.find_uint(OptionNumber::max_age) == 30u);
  CHECK(w.code_of(get(17, "note")) == Code::content);
  CHECK(w.shop.executed == 16);
  // None of the young was forgotten for it.
  for (std::uint16_t id = 0; id < 16; ++id) { CHECK(w.code_of(count(kCon, id)) == Code::changed); }
  CHECK(w.shop.executed == 16);
  w.pass(248_s);
  CHECK(w.code_of(count(kCon, 16)) == Code::changed);
}

TEST_CASE("What may be done twice makes way when its client repeats it no more", "[coap]") {
  ServerWorld w;
  for (std::uint16_t id = 0; id < 16; ++id) {
    CHECK(w.code_of(Build(kCon, Code::put, id).path("note").payload("x")) == Code::changed);
  }
  CHECK(w.code_of(count(kCon, 16)) == Code::service_unavailable);
  w.pass(46_s);
  CHECK(w.code_of(count(kCon, 16)) == Code::changed);
}

TEST_CASE("Requests that change nothing make way for those that do", "[coap]") {
  ServerWorld w;
  for (std::uint16_t id = 0; id < 40; ++id) { CHECK(w.code_of(get(id, "note")) == Code::content); }
  for (std::uint16_t id = 100; id < 116; ++id) { CHECK(w.code_of(count(kCon, id)) == Code::changed); }
}

TEST_CASE("An answer that comes later is a message of its own, repeated until it is acknowledged", "[coap]") {
  ServerWorld w;
  const auto acknowledged = w.ask(get(7, "slow"));
  CHECK(acknowledged.bytes == bytes({0x60, 0, 0, 7}));
  // The same request again is no second one.
  CHECK(w.ask(get(7, "slow")).bytes == bytes({0x60, 0, 0, 7}));
  REQUIRE(w.shop.waiting.size() == 1);
  const Answer answer{.payload = bytes_of("done"), .content_format = 0};
  auto responding = w.server.respond(std::move(w.shop.waiting[0]), answer);
  CHECK(w.wait(nal::with_timeout(1_ms, responding)) == Unexpected(Error::timed_out));
  const auto got = w.peer.expect();
  CHECK(got.message.type == kCon);
  CHECK(got.message.token == Token(bytes({1})));
  CHECK(text_of(got.message.payload) == "done");
  CHECK(w.wait(nal::with_timeout(4_s, responding)) == Unexpected(Error::timed_out));
  CHECK(w.peer.expect().bytes == got.bytes);
  w.peer.send(kServer, Build(Type::acknowledgement, Code::empty, got.message.id));
  CHECK(w.wait(responding));
  CHECK_FALSE(w.peer.receive(100_s));
}

TEST_CASE("An answer that comes later may be rejected, or never arrive", "[coap]") {
  ServerWorld w;
  w.ask(get(7, "slow"));
  auto rejected = w.server.respond(std::move(w.shop.waiting[0]), Answer{.payload = bytes_of("x")});
  CHECK(w.wait(nal::with_timeout(1_ms, rejected)) == Unexpected(Error::timed_out));
  const auto got = w.peer.expect();
  w.peer.send(kServer, Build(Type::reset, Code::empty, got.message.id));
  CHECK(w.wait(rejected) == Unexpected(Error::connection_reset));

  w.ask(get(8, "slow"));
  CHECK(w.wait(w.server.respond(std::move(w.shop.waiting[1]), Answer{.payload = bytes_of("x")})) ==
        Unexpected(Error::timed_out));
  unsigned sent = 0;
  while (w.peer.receive()) { ++sent; }
  CHECK(sent == 5);

  // One that is not confirmable is sent once.
  w.peer.send(kServer, Build(kNon, Code::get, 9, bytes({1})).path("slow"));
  CHECK(w.wait(w.server.respond(std::move(w.shop.waiting[2]), Answer{.payload = bytes_of("x")})));
  CHECK(w.peer.expect().message.type == kNon);
}

TEST_CASE("A request that nobody put off has no answer that could come later", "[coap]") {
  ServerWorld w;
  CHECK(w.wait(w.server.respond(Deferred(), Answer{})) == Unexpected(Error::closed));
}

TEST_CASE("Only so many requests can be put off", "[coap]") {
  ServerWorld w;
  CHECK(w.code_of(get(1, "slow")) == Code::empty);
  CHECK(w.code_of(get(2, "slow")) == Code::empty);
  CHECK(w.code_of(get(3, "slow")) == Code::service_unavailable);
  w.shop.waiting.pop_back();  // never to be answered
  CHECK(w.code_of(get(4, "slow")) == Code::empty);
}

TEST_CASE("Answers that are not wanted are not sent", "[coap]") {
  ServerWorld w;
  const auto post = [](Type type, std::uint16_t id, std::uint32_t mask) {
    return Build(type, Code::post, id).path("count").uint(OptionNumber::no_response, mask).bytes();
  };
  w.peer.send(kServer, post(kNon, 1, 26));
  w.peer.send(kServer, post(kNon, 2, 2));
  CHECK_FALSE(w.peer.receive());
  CHECK(w.code_of(post(kNon, 3, 24)) == Code::changed);
  CHECK(w.ask(post(kCon, 4, 2)).bytes == bytes({0x60, 0, 0, 4}));
  CHECK(w.ask(post(kCon, 4, 2)).bytes == bytes({0x60, 0, 0, 4}));
  CHECK(w.shop.executed == 4);
  // A failure of a kind that is wanted is told.
  CHECK(w.code_of(Build(kCon, Code::get, 5).path("none").uint(OptionNumber::no_response, 2)) == Code::not_found);
  CHECK(w.code_of(Build(kCon, Code::get, 6).path("none").uint(OptionNumber::no_response, 8)) == Code::empty);
}

TEST_CASE("What must be fresh is asked for an Echo first", "[coap]") {
  ServerWorld w;
  w.routes[4].path = "/count";
  w.routes[2].path = "/unused";
  const auto post = [](std::uint16_t id, const Bytes& echo) {
    return Build(kCon, Code::post, id).path("count").option(OptionNumber::echo, echo).bytes();
  };
  const auto refused = w.ask(count(kCon, 1));
  CHECK(refused.message.code == Code::unauthorized);
  const Bytes echo = copy(refused.message.options.find(OptionNumber::echo).value());
  CHECK(w.code_of(post(2, echo)) == Code::changed);
  CHECK(w.shop.executed == 1);
  for (std::size_t i = 0; i < echo.size(); ++i) {
    Bytes forged = echo;
    forged[i] ^= std::byte{1};
    CHECK(w.code_of(post(static_cast<std::uint16_t>(10 + i), forged)) == Code::unauthorized);
  }
  CHECK(w.code_of(post(30, {echo.begin(), echo.end() - 1})) == Code::unauthorized);
  w.other.send(kServer, post(31, echo));  // somebody else's
  CHECK(w.other.expect().message.code == Code::unauthorized);
  w.pass(66_s);
  CHECK(w.code_of(post(32, echo)) == Code::unauthorized);
  CHECK(w.shop.executed == 1);
}

TEST_CASE("Our client answers an Echo by itself", "[coap]") {
  World w;
  w.routes[4].path = "/count";
  w.routes[2].path = "/unused";
  CHECK(w.wait(w.client.post(kServer, "count", {}))->code() == Code::changed);
  CHECK(w.shop.executed == 1);
}

TEST_CASE("The resources are told, those that the query picks", "[coap]") {
  ServerWorld w;
  const auto discover = [&](std::uint16_t id, std::string_view query) {
    Build request(kCon, Code::get, id);
    request.path(".well-known").path("core");
    if (!query.empty()) { request.option(OptionNumber::uri_query, bytes_of(query)); }
    const auto got = w.ask(request);
    CHECK(got.message.code == Code::content);
    CHECK(got.message.options.find_uint(OptionNumber::content_format) == 40u);
    return std::string(text_of(got.message.payload));
  };
  CHECK(discover(1, "") == "</note>;rt=\"note\";obs,</large>,</count>,</slow>,</fresh>");
  CHECK(discover(2, "rt=note") == "</note>;rt=\"note\";obs");
  CHECK(discover(3, "obs") == "</note>;rt=\"note\";obs");
  CHECK(discover(4, "href=/s*") == "</slow>");
  CHECK(discover(5, "rt=none").empty());
  // In blocks.
  std::string all;
  for (std::uint32_t number = 0;; ++number) {
    const auto got = w.ask(Build(kCon, Code::get, static_cast<std::uint16_t>(100 + number))
                               .path(".well-known")
                               .path("core")
                               .block2(number, false, 0));
    all += text_of(got.message.payload);
    const auto block = Block::find(got.message.options, OptionNumber::block2);
    REQUIRE(block);
    CHECK(block->number == number);
    if (!block->more) { break; }
  }
  CHECK(all == "</note>;rt=\"note\";obs,</large>,</count>,</slow>,</fresh>");
}

TEST_CASE("A request to a group is answered later, at random, and only when there is something to say", "[coap]") {
  ServerWorld w;
  const nal::Endpoint group = "224.0.1.187:5683"_endpoint;
  REQUIRE(w.server_socket.join(group.address, nal::InterfaceId{}));
  nal::Duration least = 100_s;
  nal::Duration most;
  for (std::uint16_t id = 0; id < 30; ++id) {
    const nal::Instant before = w.world.executor.now();
    w.peer.send(group, Build(kNon, Code::get, id, bytes({7})).path("note"));
    const auto got = w.peer.expect(5_s);
    CHECK(got.message.type == kNon);
    CHECK(got.message.token == Token(bytes({7})));
    CHECK(text_of(got.message.payload) == "hello");
    CHECK(got.remote == kServer);
    least = std::min(least, got.at - before);
    most = std::max(most, got.at - before);
    CHECK_FALSE(w.peer.receive(1_s));
  }
  CHECK(least < 1_s);
  CHECK(most > 4_s);
  w.peer.send(group, Build(kNon, Code::get, 100).path("nothing"));
  w.peer.send(group, Build(kNon, Code::get, 101).path("count"));
  w.peer.send(group, Build(kNon, Code::get, 102).path("note").uint(OptionNumber{9}, 1));
  w.peer.send(
      group,
      Build(kNon, Code::get, 103).path(".well-known").path("core").option(OptionNumber::uri_query, bytes_of("rt=x")));
  w.peer.send(group, Build(kCon, Code::get, 104).path("note"));
  w.peer.send(group, bytes({0x40, 0, 0, 1}));
  w.peer.send(group, bytes({0x40, 1, 0, 1, 0xff}));
  CHECK_FALSE(w.peer.receive(20_s));
  // What changes something is done, and not answered.
  w.peer.send(group, count(kNon, 105));
  CHECK_FALSE(w.peer.receive(20_s));
  CHECK(w.shop.executed == 1);
}

TEST_CASE("A handler's code that is no answer is an internal error", "[coap]") {
  ServerWorld w;
  CHECK(w.code_of(Build(kCon, Code::put, 1).path("fresh")) == Code::unauthorized);
  CHECK(w.code_of(Build(kCon, Code::get, 2).path("fresh")) == Code::internal_server_error);
  auto bad = [](const Call&, Reply&) noexcept { return static_cast<Code>(0x20); };
  w.routes[4].handler = bad;
  CHECK(w.code_of(Build(kCon, Code::get, 3).path("fresh")) == Code::internal_server_error);
}

TEST_CASE("An answer that is larger than what may be kept of it is an internal error, and done once", "[coap]") {
  ServerWorld w;
  unsigned done = 0;
  auto large = [&done](const Call&, Reply& reply) noexcept {
    ++done;
    for (int i = 0; i < 10; ++i) { reply.add(OptionNumber::location_path, "a rather long one"); }
    return Code::created;
  };
  w.routes[4] = Route{.path = "/large-answer", .methods = Methods::post, .handler = large};
  const Bytes request = Build(kCon, Code::post, 1).path("large-answer");
  CHECK(w.code_of(request) == Code::internal_server_error);
  CHECK(w.code_of(request) == Code::internal_server_error);
  CHECK(done == 1);
}

TEST_CASE("Calls tell path, query and preconditions", "[coap]") {
  ServerWorld w;
  std::string seen;
  auto tell = [&seen](const Call& call, Reply&) noexcept {
    std::array<char, 20> memory;
    const auto path = call.path(memory);
    seen = path ? std::string(*path) : to_string(path.error());
    if (const auto value = call.query("a")) { seen += "?" + std::string(*value); }
    return call.precondition(true, bytes({1, 2})) ? Code::valid : Code::precondition_failed;
  };
  w.routes[4] = Route{.path = "/files", .methods = kAll, .handler = tell, .subtree = true};
  CHECK(w.code_of(Build(kCon, Code::get, 1)
                      .path("files")
                      .path("x")
                      .option(OptionNumber::uri_query, bytes_of("ab=1"))
                      .option(OptionNumber::uri_query, bytes_of("a=2"))) == Code::valid);
  CHECK(seen == "/files/x?2");
  CHECK(w.code_of(Build(kCon, Code::get, 2).path("files").option(OptionNumber::uri_query, bytes_of("a"))) ==
        Code::valid);
  CHECK(seen == "/files?");
  w.ask(Build(kCon, Code::get, 3).path("files").path(".."));
  CHECK(seen == "invalid argument");
  w.ask(Build(kCon, Code::get, 4).path("files").path("a/b"));
  CHECK(seen == "invalid argument");
  w.ask(Build(kCon, Code::get, 5).path("files").path("longer than there is room"));
  CHECK(seen == "buffer too small");
  CHECK(w.code_of(Build(kCon, Code::get, 6).path("filesystem")) == Code::not_found);
  CHECK(w.code_of(Build(kCon, Code::put, 7).path("files").option(OptionNumber::if_match, bytes({1, 2}))) ==
        Code::valid);
  CHECK(w.code_of(Build(kCon, Code::put, 8).path("files").option(OptionNumber::if_match, bytes({1}))) ==
        Code::precondition_failed);
  CHECK(w.code_of(Build(kCon, Code::put, 9).path("files").option(OptionNumber::if_match, {})) == Code::valid);
  CHECK(w.code_of(Build(kCon, Code::put, 10).path("files").option(OptionNumber::if_none_match, {})) ==
        Code::precondition_failed);
}

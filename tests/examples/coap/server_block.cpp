#include "tests/examples/coap/raw.hpp"

using namespace coap;
using namespace coap::test;

namespace {

/// A block of a body for /large, of 16 bytes.
Bytes put(std::uint16_t id, std::uint32_t number, bool more, std::string_view payload = "0123456789abcdef") {
  return Build(kCon, Code::put, id).path("large").block1(number, more, 0).payload(payload);
}
Bytes put_tagged(std::uint16_t id, int tag, std::uint32_t number, bool more) {
  return Build(kCon, Code::put, id)
      .path("large")
      .block1(number, more, 0)
      .option(OptionNumber::request_tag, bytes({tag}))
      .payload(more ? "0123456789abcdef" : "end");
}

class Watch : public UploadWatch {
 public:
  struct Dropped {
    std::string path;
    nal::Endpoint remote;
    std::uint32_t size;
    friend bool operator==(const Dropped&, const Dropped&) = default;
  };
  void dropped(const Route& route, const nal::Endpoint& remote, std::uint32_t size) noexcept override {
    dropped_.push_back({std::string(route.path), remote, size});
  }
  std::vector<Dropped> dropped_;
};

}  // namespace

TEST_CASE("Blocks of a body are taken in order and acknowledged one by one", "[coap]") {
  ServerWorld w;
  for (std::uint16_t i = 0; i < 3; ++i) {
    const auto got = w.ask(put(i, i, true));
    CHECK(got.message.code == Code::continue_);
    CHECK(Block::find(got.message.options, OptionNumber::block1) == Block{i, true, 0});
  }
  const auto last = w.ask(put(3, 3, false, "end"));
  CHECK(last.message.code == Code::changed);
  CHECK(Block::find(last.message.options, OptionNumber::block1) == Block{3, false, 0});
  CHECK(w.shop.received == "0123456789abcdef0123456789abcdef0123456789abcdefend");
}

TEST_CASE("A block that comes twice is taken once", "[coap]") {
  ServerWorld w;
  for (std::uint16_t i = 0; i < 3; ++i) {
    for (int again = 0; again < 3; ++again) { CHECK(w.code_of(put(i, i, true)) == Code::continue_); }
  }
  // Under another id: the last one is known, an older one is an overlap.
  CHECK(w.code_of(put(10, 2, true)) == Code::continue_);
  CHECK(w.code_of(put(11, 1, true)) == Code::request_entity_incomplete);
  for (int again = 0; again < 3; ++again) { CHECK(w.code_of(put(3, 3, false, "end")) == Code::changed); }
  CHECK(w.shop.received.size() == 51);
}

TEST_CASE("Stragglers of a body that were forgotten do no harm", "[coap]") {
  ServerWorld w;
  for (std::uint16_t i = 0; i < 40; ++i) { CHECK(w.code_of(put(i, i, true)) == Code::continue_); }
  // The first message, of which the table of what was seen knows nothing any more.
  w.peer.send(kServer, put(0, 0, true));
  w.peer.receive();
  w.peer.send(kServer, put(5, 5, true));
  CHECK(w.peer.expect().message.code == Code::request_entity_incomplete);
  CHECK(w.code_of(put(40, 40, false, "end")) == Code::changed);
  CHECK(w.shop.received.size() == 40 * 16 + 3);
}

TEST_CASE("Gaps, overlaps and blocks without a beginning are incomplete", "[coap]") {
  ServerWorld w;
  CHECK(w.code_of(put(1, 1, true)) == Code::request_entity_incomplete);
  CHECK(w.code_of(put(2, 1, false)) == Code::request_entity_incomplete);
  CHECK(w.code_of(put(3, 0, true)) == Code::continue_);
  CHECK(w.code_of(put(4, 2, true)) == Code::request_entity_incomplete);
  CHECK(w.code_of(put(5, 2, false)) == Code::request_entity_incomplete);
  // It goes on where it was.
  CHECK(w.code_of(put(6, 1, false)) == Code::changed);
  CHECK(w.shop.received.size() == 32);
  // It is over: nothing can be added.
  CHECK(w.code_of(put(7, 2, false)) == Code::request_entity_incomplete);
}

TEST_CASE("Blocks that are not as long as they say are bad requests", "[coap]") {
  ServerWorld w;
  CHECK(w.code_of(put(1, 0, true, "0123456789abcde")) == Code::bad_request);
  CHECK(w.code_of(put(2, 0, true, "0123456789abcdef0")) == Code::bad_request);
  CHECK(w.code_of(put(3, 0, false, "0123456789abcdef0")) == Code::bad_request);
  CHECK(w.code_of(Build(kCon, Code::put, 4).path("large").block1(0, true, 0)) == Code::bad_request);
  CHECK(w.code_of(Build(kCon, Code::put, 5).path("large").block1(0, true, 7).payload(std::string(1024, 'x'))) ==
        Code::bad_request);
  CHECK(w.code_of(Build(kCon, Code::get, 6).path("large").block2(0, false, 7)) == Code::bad_request);
  CHECK(w.code_of(Build(kCon, Code::put, 7).path("large").option(OptionNumber::block1, bytes({0, 0, 0, 8}))) ==
        Code::bad_option);
  CHECK(w.shop.received.empty());
}

TEST_CASE("A body may begin anew", "[coap]") {
  ServerWorld w;
  CHECK(w.code_of(put(1, 0, true)) == Code::continue_);
  CHECK(w.code_of(put(2, 1, true)) == Code::continue_);
  CHECK(w.code_of(put(3, 0, true)) == Code::continue_);
  CHECK(w.code_of(put(4, 1, false, "end")) == Code::changed);
  CHECK(w.shop.received == "0123456789abcdefend");
}

TEST_CASE("Bodies with other tags or of other clients do not mix, and only so many come at once", "[coap]") {
  ServerWorld w;
  CHECK(w.code_of(put_tagged(1, 1, 0, true)) == Code::continue_);
  CHECK(w.code_of(put_tagged(2, 2, 1, true)) == Code::request_entity_incomplete);
  w.other.send(kServer, put_tagged(3, 1, 1, true));
  CHECK(w.other.expect().message.code == Code::request_entity_incomplete);
  CHECK(w.code_of(put_tagged(4, 2, 0, true)) == Code::continue_);
  CHECK(w.code_of(put_tagged(5, 3, 0, true)) == Code::service_unavailable);
  w.pass(94_s);
  CHECK(w.code_of(put_tagged(6, 3, 0, true)) == Code::continue_);
  // Those before were forgotten.
  CHECK(w.code_of(put_tagged(7, 1, 1, true)) == Code::request_entity_incomplete);
}

TEST_CASE("Who watches uploads is told of those that are dropped, when they are", "[coap]") {
  ServerWorld w;
  Watch watch;
  w.server.watch_uploads(watch);
  const nal::Endpoint peer{nal::test::FakeWorld::client_address(), 40001};
  SECTION("the client has begun anew") {
    w.code_of(put(1, 0, true));
    w.code_of(put(2, 1, true));
    CHECK(watch.dropped_.empty());
    w.code_of(put(3, 0, true));
    CHECK(watch.dropped_ == std::vector<Watch::Dropped>{{"/large", peer, 32}});
    w.code_of(put(4, 0, false, "all of it"));
    REQUIRE(watch.dropped_.size() == 2);
    CHECK(watch.dropped_[1] == Watch::Dropped{"/large", peer, 16});
    CHECK(w.shop.received == "all of it");
  }
  SECTION("the client has fallen silent") {
    w.code_of(put_tagged(1, 1, 0, true));
    w.pass(10_s);
    w.code_of(put_tagged(2, 2, 0, true));
    w.code_of(put_tagged(3, 2, 1, true));
    // Nothing arrives that would make the server look: 2 * MAX_TRANSMIT_SPAN.
    w.pass(79_s);
    CHECK(watch.dropped_.empty());
    w.pass(2_s);
    CHECK(watch.dropped_ == std::vector<Watch::Dropped>{{"/large", peer, 16}});
    w.pass(20_s);
    REQUIRE(watch.dropped_.size() == 2);
    CHECK(watch.dropped_[1] == Watch::Dropped{"/large", peer, 32});
    w.pass(200_s);
    CHECK(watch.dropped_.size() == 2);
  }
  SECTION("a body that is complete, or refused by its handler, was not dropped") {
    w.code_of(put(1, 0, true));
    CHECK(w.code_of(put(2, 1, false)) == Code::changed);
    auto refuse = [](const Call&, Reply&) noexcept { return Code::forbidden; };
    w.routes[1].handler = refuse;
    CHECK(w.code_of(put(3, 0, true)) == Code::forbidden);
    CHECK(w.code_of(put(4, 0, true)) == Code::forbidden);
    w.pass(200_s);
    CHECK(watch.dropped_.empty());
  }
  SECTION("answers that come later do so with a watch as well, whichever was first") {
    for (int i = 0; i < 2; ++i) {
      auto asking = w.client.get(kServer, "slow");
      CHECK(w.wait(nal::with_timeout(1_s, asking)) == nal::Unexpected(nal::Error::timed_out));
      REQUIRE(w.shop.waiting.size() == 1);
      w.server.watch_uploads(watch);
      const Answer answer{.payload = bytes_of("at last")};
      CHECK(w.wait(w.server.respond(std::move(w.shop.waiting[0]), answer)));
      CHECK(w.wait(asking)->text() == "at last");
      w.shop.waiting.clear();
    }
    // One that nobody acknowledges.
    w.peer.send(kServer, Build(kCon, Code::get, 7, bytes({7})).path("slow"));
    w.peer.receive();
    const Answer answer{.payload = bytes_of("unheard")};
    CHECK(w.wait(w.server.respond(std::move(w.shop.waiting[0]), answer)) == nal::Unexpected(nal::Error::timed_out));
  }
}

TEST_CASE("A watch is given to a server that answers later already", "[coap]") {
  ServerWorld w;
  auto asking = w.client.get(kServer, "slow");
  CHECK(w.wait(nal::with_timeout(1_s, asking)) == nal::Unexpected(nal::Error::timed_out));
  Watch watch;
  w.server.watch_uploads(watch);
  const Answer answer{.payload = bytes_of("at last")};
  CHECK(w.wait(w.server.respond(std::move(w.shop.waiting[0]), answer)));
  CHECK(w.wait(asking)->text() == "at last");
  CHECK(w.code_of(put(1, 0, true)) == Code::continue_);
  w.pass(100_s);
  CHECK(watch.dropped_.size() == 1);
}

TEST_CASE("A body may come in smaller blocks than it began with", "[coap]") {
  ServerWorld w;
  CHECK(w.code_of(Build(kCon, Code::put, 1).path("large").block1(0, true, 1).payload(std::string(32, 'a'))) ==
        Code::continue_);
  CHECK(w.code_of(put(2, 2, true)) == Code::continue_);
  CHECK(w.code_of(put(3, 3, false, "end")) == Code::changed);
  CHECK(w.shop.received == std::string(32, 'a') + "0123456789abcdefend");
}

TEST_CASE("Bodies are put together for those who do not stream, as far as there is room", "[coap]") {
  ServerWorld w;
  const auto note = [](std::uint16_t id, std::uint32_t number, bool more) {
    return Build(kCon, Code::put, id).path("note").block1(number, more, 0).payload("0123456789abcdef").bytes();
  };
  // There is none.
  CHECK(w.code_of(note(1, 0, true)) == Code::request_entity_too_large);
  CHECK(w.code_of(note(2, 0, false)) == Code::changed);
  CHECK(w.shop.note == "0123456789abcdef");

  ServerBuffers<ServerSizes{.uploads = 1, .assembly = 40}> tables;
  Node node(NodeConfig{.seed = 3}, w.server_buffers.memory());
  Server server(node, w.routes, tables.memory());
  auto socket = *w.world.server.udp_bind_multiple({nal::IpAddress(), 5700}, {});
  const nal::Endpoint end{kServer.address, 5700};
  nal::TaskSlot<1024> running;
  REQUIRE(running.start(w.world.executor, World::run_node, socket, node));
  const auto code = [&](const Bytes& request) {
    w.peer.send(end, request);
    return w.peer.expect().message.code;
  };
  CHECK(code(note(1, 0, true)) == Code::continue_);
  CHECK(code(note(2, 1, false)) == Code::changed);
  CHECK(w.shop.note == "0123456789abcdef0123456789abcdef");
  CHECK(code(note(3, 0, true)) == Code::continue_);
  CHECK(code(note(4, 1, true)) == Code::continue_);
  w.peer.send(end, note(5, 2, false));
  const auto refused = w.peer.expect();
  CHECK(refused.message.code == Code::request_entity_too_large);
  CHECK(refused.message.options.find_uint(OptionNumber::size1) == 40u);
  CHECK(w.shop.note.size() == 32);
  // Who says at once how large it is is told at once.
  w.peer.send(end, Build(kCon, Code::put, 6)
                       .path("note")
                       .block1(0, true, 0)
                       .uint(OptionNumber::size1, 41)
                       .payload("0123456789abcdef"));
  CHECK(w.peer.expect().message.code == Code::request_entity_too_large);
}

TEST_CASE("Who sends more than the receive buffer holds is told how large blocks may be", "[coap]") {
  ServerWorld w;
  Buffers<BufferSizes{.receive = 300, .send = 300}> buffers;
  ServerBuffers<> tables;
  Node node(NodeConfig{.seed = 3}, buffers.memory());
  Server server(node, w.routes, tables.memory());
  auto socket = *w.world.server.udp_bind_multiple({nal::IpAddress(), 5700}, {});
  nal::TaskSlot<1024> running;
  REQUIRE(running.start(w.world.executor, World::run_node, socket, node));
  const nal::Endpoint end{kServer.address, 5700};
  w.peer.send(end, Build(kCon, Code::put, 1).path("large").block1(0, true, 6).payload(std::string(1024, 'x')));
  const auto refused = w.peer.expect();
  CHECK(refused.message.code == Code::request_entity_too_large);
  CHECK(Block::find(refused.message.options, OptionNumber::block1) == Block{0, true, 4});
  // Our own client understands that.
  const std::string body(5000, 'y');
  SpanSource source{std::string_view(body)};
  CHECK(w.wait(w.client.transfer({.method = Code::put, .remote = end, .path = "large"}, source))->code() ==
        Code::changed);
  CHECK(w.shop.received == body);
  w.shop.large = body;
  std::vector<std::byte> memory(6000);
  SpanSink sink(memory);
  CHECK(w.wait(w.client.transfer({.remote = end, .path = "large"}, sink))->ok());
  CHECK(sink.text() == body);
}

TEST_CASE("Any block of an answer can be asked for, in any size up to the largest", "[coap]") {
  ServerWorld w;
  for (int i = 0; i < 3000; ++i) { w.shop.large += static_cast<char>('a' + i % 26); }
  std::uint16_t id = 1;
  const auto unasked = w.ask(Build(kCon, Code::get, id++).path("large"));
  CHECK(Block::find(unasked.message.options, OptionNumber::block2) == Block{0, true, 6});
  CHECK(unasked.message.options.find_uint(OptionNumber::size2) == 3000u);
  CHECK(unasked.message.payload.size() == 1024);
  for (std::uint8_t szx = 0; szx <= 6; ++szx) {
    for (const std::uint32_t number : {0u, 1u, 2u}) {
      const auto got = w.ask(Build(kCon, Code::get, id++).path("large").block2(number, false, szx));
      CHECK(Block::find(got.message.options, OptionNumber::block2) == Block{number, number < 2 || szx < 6, szx});
      const std::size_t size = Block::size_of(szx);
      CHECK(text_of(got.message.payload) == std::string_view(w.shop.large).substr(number * size, size));
    }
  }
  CHECK(w.code_of(Build(kCon, Code::get, id++).path("large").block2(3, false, 6)) == Code::bad_option);
  CHECK(w.code_of(Build(kCon, Code::get, id++).path("large").block2(Block::kMaxNumber, false, 6)) == Code::bad_option);
}

TEST_CASE("A client that has the state already is told so", "[coap]") {
  ServerWorld w;
  w.shop.large = "some";
  const Bytes tag = bytes({1, 4});
  const auto got = w.ask(
      Build(kCon, Code::get, 1).path("large").option(OptionNumber::etag, bytes({9})).option(OptionNumber::etag, tag));
  CHECK(got.message.code == Code::valid);
  CHECK(got.message.payload.empty());
  CHECK(equal(*got.message.options.find(OptionNumber::etag), tag));
  CHECK(w.code_of(Build(kCon, Code::get, 2).path("large").option(OptionNumber::etag, bytes({9}))) == Code::content);
}

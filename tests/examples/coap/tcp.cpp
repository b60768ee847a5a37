#include "examples/coap/tcp.hpp"

#include "tests/examples/coap/world.hpp"

using namespace coap;
using namespace coap::test;
using nal::Error;
using nal::Unexpected;

namespace {

/// A client and a server joined by a connection.
struct TcpWorld {
  explicit TcpWorld(const nal::test::FakeConfig& config = {}) : world(config) {
    REQUIRE(server_run.start(world.executor, serve, *this).has_value());
    REQUIRE(client_run.start(world.executor, ask, *this).has_value());
  }
  static nal::Task<> serve(TcpWorld& w) {
    NAL_CO_TRY_SET(auto stream, nal::accept(w.listener));
    auto ended = co_await run(stream, w.server_node);
    co_return ended;
  }
  static nal::Task<> ask(TcpWorld& w) {
    NAL_CO_TRY_SET(auto stream, nal::connect(w.world.client, kServer));
    auto ended = co_await run(stream, w.client_node);
    co_return ended;
  }
  template <class F>
  auto wait(F&& future) {
    return nal::block_on(world.executor, future);
  }

  nal::test::FakeWorld world;
  nal::test::FakeTcpListener listener = *world.server.listen(kServer, {});
  Buffers<BufferSizes{.receive = 5000, .send = 5000}> client_buffers;
  Buffers<BufferSizes{.receive = 5000, .send = 5000}> server_buffers;
  Node client_node{NodeConfig{.seed = 1}, client_buffers.memory()};
  Node server_node{NodeConfig{.seed = 2}, server_buffers.memory()};
  Client client{client_node};
  Shop shop;
  std::array<Route, 3> routes{
      Route{.path = "/note", .methods = kAll, .handler = shop, .observable = true},
      Route{.path = "/large", .methods = kAll, .handler = shop, .streams = true},
      Route{.path = "/slow", .methods = kAll, .handler = shop},
  };
  ServerBuffers<> tables;
  Server server{server_node, routes, tables.memory()};
  nal::TaskSlot<2048> client_run;
  nal::TaskSlot<2048> server_run;
};

std::string alphabet(std::size_t size) {
  std::string body;
  for (std::size_t i = 0; i < size; ++i) { body += static_cast<char>('a' + i % 26); }
  return body;
}

}  // namespace

TEST_CASE("Requests travel over a connection", "[coap]") {
  TcpWorld w;
  {
    const auto answer = w.wait(w.client.get(kServer, "note"));
    REQUIRE(answer);
    CHECK(answer->text() == "hello");
  }
  const auto put = w.wait(w.client.put(kServer, "note", bytes_of("bye")));
  REQUIRE(put);
  CHECK(put->code() == Code::changed);
  CHECK(w.shop.note == "bye");
}

TEST_CASE("Bodies travel over a connection in blocks of several KiB", "[coap]") {
  TcpWorld w;
  const std::string body = alphabet(50'000);
  SpanSource source{std::string_view(body)};
  {
    const auto answer = w.wait(w.client.transfer({.method = Code::put, .remote = kServer, .path = "large"}, source));
    REQUIRE(answer);
    CHECK(answer->code() == Code::changed);
    const auto block = Block::find(answer->options(), OptionNumber::block1);
    REQUIRE(block);
    CHECK(block->szx == Block::kBert);
  }
  CHECK(w.shop.received == body);
  w.shop.large = body;
  std::vector<std::byte> memory(60'000);
  SpanSink sink(memory);
  const auto answer = w.wait(w.client.transfer({.remote = kServer, .path = "large"}, sink));
  REQUIRE(answer);
  CHECK(sink.text() == body);
  const auto block = Block::find(answer->options(), OptionNumber::block2);
  REQUIRE(block);
  CHECK(block->szx == Block::kBert);
}

TEST_CASE("A ping is answered over a connection", "[coap]") {
  TcpWorld w;
  CHECK(w.wait(w.client.ping(kServer)));
}

TEST_CASE("What was asked fails with its connection", "[coap]") {
  TcpWorld w;
  auto asking = w.client.get(kServer, "slow");
  auto both = nal::with_timeout(1_s, asking);
  CHECK(w.wait(both) == Unexpected(Error::timed_out));
  w.server_run.cancel();
  CHECK(w.wait(asking).error_or(Error{}) != Error{});
  CHECK(w.client.in_flight() == 0);
}

TEST_CASE("A resource is observed over a connection", "[coap]") {
  TcpWorld w;
  Observation observation(w.client, {.remote = kServer, .path = "note"});
  CHECK(w.wait(observation.next())->text() == "hello");
  w.shop.note = "news";
  w.server.changed("/note");
  CHECK(w.wait(observation.next())->text() == "news");
  CHECK(w.server.observers() == 1);
  CHECK(w.wait(observation.cancel())->ok());
  CHECK(w.server.observers() == 0);
}

TEST_CASE("An answer that was put off arrives over a connection", "[coap]") {
  TcpWorld w;
  auto asking = w.client.get(kServer, "slow");
  CHECK(w.wait(nal::with_timeout(1_s, asking)) == Unexpected(Error::timed_out));
  REQUIRE(w.shop.waiting.size() == 1);
  const Answer answer{.payload = bytes_of("at last")};
  CHECK(w.wait(w.server.respond(std::move(w.shop.waiting[0]), answer)));
  CHECK(w.wait(asking)->text() == "at last");
}

TEST_CASE("A client that leaves ends both sides as closed, and may connect again", "[coap]") {
  TcpWorld w;
  CHECK(w.wait(w.client.get(kServer, "note"))->text() == "hello");
  w.client_node.leave();
  for (auto* run : {&w.client_run, &w.server_run}) {
    w.world.executor.run_until([run] { return !run->running(); }, w.world.executor.now() + 1_s);
    REQUIRE(run->result().ready());
    CHECK(*run->result() == Unexpected(Error::closed));
  }
  REQUIRE(w.server_run.start(w.world.executor, TcpWorld::serve, w).has_value());
  REQUIRE(w.client_run.start(w.world.executor, TcpWorld::ask, w).has_value());
  CHECK(w.wait(w.client.get(kServer, "note"))->text() == "hello");
  w.wait(nal::sleep(1_s));
  CHECK(w.client_run.running());
}

TEST_CASE("Over a connection every change is told at once", "[coap]") {
  TcpWorld w;
  Observation observation(w.client, {.remote = kServer, .path = "note"});
  CHECK(w.wait(observation.next())->text() == "hello");
  for (int i = 0; i < 20; ++i) {
    w.shop.note = std::to_string(i);
    w.server.changed("/note");
    CHECK(w.wait(nal::with_timeout(1_ms, observation.next()))->text() == w.shop.note);
  }
}

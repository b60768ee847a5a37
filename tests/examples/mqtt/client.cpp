#include "examples/mqtt/client.hpp"

#include "nal/any_stack.hpp"
#include "tests/examples/mqtt/world.hpp"

using namespace mqtt;
using namespace mqtt::test;
using namespace nal::literals;
using nal::Error;
using nal::Result;
using nal::Task;
using nal::Unexpected;

namespace {

Task<Result<>> publish_each_way(Session& session) {
  NAL_CO_TRY(session.publish("a", "one"));
  NAL_CO_TRY(session.publish("a", "two", QoS::at_least_once));
  NAL_CO_TRY(session.enqueue("a", "three"));
  NAL_CO_TRY(session.drained());
  NAL_CO_TRY(session.disconnect());
  co_return Result<>();
}

Task<Result<>> subscribe_and_receive(Session& session, std::vector<std::string>& lines, std::size_t count) {
  NAL_CO_TRY_SET(const QoS granted, session.subscribe("a/#", QoS::at_least_once));
  lines.push_back("granted " + std::to_string(static_cast<int>(granted)));
  NAL_CO_TRY(session.publish("a/1", "x"));
  NAL_CO_TRY(session.publish("a/2", "y", QoS::at_least_once));
  for (std::size_t i = 0; i < count; ++i) {
    NAL_CO_TRY_SET(const Message message, session.receive());
    lines.push_back(std::string(message.topic()) + "=" + std::string(message.text()));
  }
  NAL_CO_TRY(session.unsubscribe("a/#"));
  NAL_CO_TRY(session.disconnect());
  co_return Result<>();
}

}  // namespace

TEST_CASE("A client connects, publishes with both QoS and ends with DISCONNECT", "[mqtt]") {
  World world;
  CHECK(world.run_with(publish_each_way, world.client) == Result<>());
  CHECK(world.broker.published == std::vector<std::string>{"one", "two", "three"});
  CHECK(world.broker.connections == 1);
  CHECK(world.broker.clean_ends == 1);
  CHECK(world.run_slot.result().ready());
  CHECK(*world.run_slot.result() == Result<>());
  CHECK(world.log.back() == "closed");
  CHECK(world.client.stopped());
  world.run_for(1_min);
  CHECK(world.fake.client.in_use() == 0);
}

TEST_CASE("A client subscribes, receives and acknowledges", "[mqtt]") {
  World world;
  std::vector<std::string> lines;
  CHECK(world.run_with(subscribe_and_receive, world.client, lines, 2U) == Result<>());
  CHECK(lines == std::vector<std::string>{"granted 1", "a/1=x", "a/2=y"});
  CHECK(world.broker.acknowledged.size() == 1);
  CHECK(world.broker.subscriptions.empty());
}

TEST_CASE("The wire may cut everything into single bytes and hiccup, and nothing changes", "[mqtt]") {
  World world;
  world.fake.client.faults().chunk = 1;
  world.fake.server.faults().chunk = 1;
  world.fake.client.faults().hiccup = 3;
  std::vector<std::string> lines;
  CHECK(world.run_with(subscribe_and_receive, world.client, lines, 2U) == Result<>());
  CHECK(lines == std::vector<std::string>{"granted 1", "a/1=x", "a/2=y"});
}

TEST_CASE("A client over a connection of any kind is the same client", "[mqtt]") {
  World world;
  nal::AnyStack any(world.fake.client);
  Buffers<> buffers;
  Client client([&any] { return nal::connect(any, Broker::endpoint()); }, {.client_id = "any"}, buffers.memory());
  nal::TaskSlot<4096> slot;
  REQUIRE(slot.start(world.executor, publish_each_way, client));
  CHECK(nal::block_on(world.executor, client.run()) == Result<>());
  CHECK(world.broker.published.size() == 3);
}

namespace {
Task<Result<nal::test::FakeTcpStream>> connect_slowly(nal::test::FakeStack& stack) {
  static_cast<void>(co_await nal::sleep(1_s));
  auto stream = co_await nal::connect(stack, Broker::endpoint());
  co_return stream;
}
}  // namespace

TEST_CASE("A connector may be a coroutine", "[mqtt]") {
  World world;
  Buffers<> buffers;
  auto connector = [&] { return connect_slowly(world.fake.client); };
  Client client(connector, {.client_id = "slow"}, buffers.memory());
  using ClientType = decltype(client);
  nal::TaskSlot<4096> run;
  const auto keep = [](ClientType& running) -> Task<Result<>> {
    auto ended = co_await running.run();
    co_return ended;
  };
  REQUIRE(run.start(world.executor, keep, client));
  nal::TaskSlot<4096> slot;
  CHECK(nal::block_on(world.executor, slot, publish_each_way, client) == Result<>());
  CHECK(world.broker.published.size() == 3);
}

TEST_CASE("Keep-alive pings while nothing else happens, and a silent server is given up and tried again", "[mqtt]") {
  World world({.client_id = "c", .keep_alive = 10, .answer_timeout = 3_s});
  world.start_run();
  world.run_for(100_s);
  CHECK(world.broker.pings == 9);
  CHECK(world.broker.connections == 1);
  world.broker.answers_pings = false;
  world.run_for(10_s);
  CHECK(world.broker.connections == 2);
  CHECK(world.client.failure().cause == Failure::Cause::keep_alive);
  world.broker.answers_pings = true;
  world.run_for(5_s);
  CHECK(world.client.state() == Session::State::online);
}

TEST_CASE("A server that accepts but never answers CONNECT is given up", "[mqtt]") {
  World world({.client_id = "c", .reconnect = {.enabled = false}, .answer_timeout = 3_s});
  world.broker.silent = true;
  CHECK(nal::block_on(world.executor, world.client.run()) == Unexpected(Error::timed_out));
  CHECK(world.client.failure().cause == Failure::Cause::no_answer);
}

TEST_CASE("A transport that does not connect in time is given up", "[mqtt]") {
  World world({.client_id = "c", .reconnect = {.enabled = false}, .connect_timeout = 3_s});
  world.fake.network.connect_rule(Broker::endpoint()).outcome = nal::test::ConnectRule::Outcome::vanish;
  const auto before = world.fake.network.now();
  CHECK(nal::block_on(world.executor, world.client.run()) == Unexpected(Error::timed_out));
  CHECK(world.fake.network.now() - before == 3_s);
  CHECK(world.client.failure().cause == Failure::Cause::transport);
  CHECK(world.fake.client.in_use() == 0);
}

TEST_CASE("A refusal that is final ends the run, another is tried again", "[mqtt]") {
  World world;
  world.broker.answer = ConnectCode::not_authorized;
  CHECK(nal::block_on(world.executor, world.client.run()) == Unexpected(Error::permission_denied));
  CHECK(world.client.failure().code == ConnectCode::not_authorized);
  world.broker.answer = ConnectCode::server_unavailable;
  world.start_run();
  world.run_for(10_s);
  CHECK(world.client.failure().code == ConnectCode::server_unavailable);
  world.broker.answer = ConnectCode::accepted;
  world.run_for(20_s);
  CHECK(world.client.state() == Session::State::online);
}

TEST_CASE("A run whose configuration is wrong ends before it connects", "[mqtt]") {
  World world({.client_id = "", .clean_session = false});
  CHECK(nal::block_on(world.executor, world.client.run()) == Unexpected(Error::invalid_argument));
  CHECK(world.broker.connections == 0);
  CHECK(world.client.state() == Session::State::idle);
}

TEST_CASE("First attempts that are bounded give up, and not later", "[mqtt]") {
  World world({.client_id = "c", .reconnect = {.first_attempts = 3}});
  world.broker.stop();
  CHECK(nal::block_on(world.executor, world.client.run()) == Unexpected(Error::connection_refused));
  CHECK(std::count(world.log.begin(), world.log.end(), "connecting") == 3);
  world.broker.start();
  world.start_run();
  world.run_for(1_s);
  world.broker.stop();
  world.run_for(60_s);
  CHECK(world.run_slot.running());
}

TEST_CASE("Stopping works at every stage of a connection", "[mqtt]") {
  SECTION("while connecting") {
    World world;
    world.fake.network.connect_rule(Broker::endpoint()).delay = 5_s;
    world.start_run();
    world.run_for(1_s);
    CHECK(nal::block_on(world.executor, world.client.disconnect()) == Result<>());
    CHECK(world.fake.client.in_use() == 0);
  }
  SECTION("before CONNACK") {
    World world;
    world.broker.silent = true;
    world.start_run();
    world.run_for(1_s);
    CHECK(world.client.state() == Session::State::handshake);
    CHECK(nal::block_on(world.executor, world.client.disconnect()) == Result<>());
    CHECK(world.fake.client.in_use() == 0);
  }
  SECTION("while waiting to try again") {
    World world;
    world.broker.stop();
    world.start_run();
    world.run_for(100_ms);
    CHECK(nal::block_on(world.executor, world.client.disconnect()) == Result<>());
  }
  SECTION("while the server takes nothing any more") {
    World world;
    world.start_run();
    world.run_for(1_s);
    world.fake.server.faults().silent = true;
    while (world.client.try_publish("t", bytes_of("x"), QoS::at_most_once, Retain::no)) { world.executor.poll_once(); }
    const auto before = world.fake.network.now();
    CHECK(nal::block_on(world.executor, world.client.disconnect()) == Result<>());
    CHECK(world.fake.network.now() - before == 2_s);
    CHECK(world.fake.client.in_use() == 0);
  }
  SECTION("twice, and when nothing runs") {
    World world;
    CHECK(nal::block_on(world.executor, world.client.disconnect()) == Result<>());
    world.start_run();
    world.run_for(1_s);
    CHECK(nal::block_on(world.executor, world.client.disconnect()) == Result<>());
    CHECK(nal::block_on(world.executor, world.client.disconnect()) == Result<>());
    CHECK(world.broker.clean_ends == 1);
  }
}

TEST_CASE("A client runs again after it was stopped", "[mqtt]") {
  World world;
  for (unsigned i = 1; i <= 3; ++i) {
    CHECK(world.run_with(publish_each_way, world.client) == Result<>());
    CHECK(world.broker.published.size() == 3 * i);
    CHECK(world.broker.clean_ends == i);
  }
}

TEST_CASE("A server that breaks the protocol is dropped at once and tried again later", "[mqtt]") {
  World world;
  world.start_run();
  world.run_for(1_s);
  world.broker.send(bytes({0xF0}));
  world.run_for(100_ms);
  CHECK(world.client.failure().fault == Fault::packet_type);
  CHECK(world.client.state() == Session::State::connecting);
  world.run_for(2_s);
  CHECK(world.broker.connections == 2);
  CHECK(world.client.state() == Session::State::online);
}

TEST_CASE("Any number of tasks publish at once through a store of four", "[mqtt]") {
  World world;
  world.start_run();
  const auto publish_ten = [](Session& session, unsigned which) -> Task<Result<>> {
    for (unsigned i = 0; i < 10; ++i) {
      const std::string text = std::to_string(which * 10 + i);
      NAL_CO_TRY(session.publish("t", text, i % 2 == 0 ? QoS::at_least_once : QoS::at_most_once));
    }
    co_return Result<>();
  };
  nal::TaskPool<12, 2048> tasks;
  for (unsigned i = 0; i < 12; ++i) { REQUIRE(tasks.start(world.executor, publish_ten, world.client, i)); }
  world.executor.run_until([&] { return tasks.running() == 0; });
  CHECK(nal::block_on(world.executor, world.client.disconnect()) == Result<>());
  std::sort(world.broker.published.begin(), world.broker.published.end());
  CHECK(world.broker.published.size() == 120);
  CHECK(std::unique(world.broker.published.begin(), world.broker.published.end()) == world.broker.published.end());
}

TEST_CASE("The smallest client connects, publishes, receives and comes back after a broken connection", "[mqtt]") {
  nal::test::FakeWorld fake;
  Broker broker(fake);
  broker.start();
  Buffers<kClientSizes> buffers;
  SmallClient client(ConnectToBroker{&fake.client}, {.client_id = "small", .reconnect = {.initial = 10_ms}},
                     buffers.memory());
  nal::TaskSlot<4096> run;
  nal::TaskSlot<4096> use;
  const auto keep_running = [](SmallClient<ConnectToBroker>& of) -> Task<Result<>> {
    auto ended = co_await of.run();
    co_return ended;
  };
  const auto echo = [](SmallSession& session, unsigned& received) -> Task<Result<>> {
    NAL_CO_TRY(session.subscribe("t", QoS::at_least_once));
    for (unsigned i = 0; i < 20; ++i) {
      NAL_CO_TRY(session.publish("t", "x", QoS::at_least_once));
      NAL_CO_TRY_SET(const SmallMessage message, session.receive());
      received += message.text() == "x";
    }
    NAL_CO_TRY(session.publish("t", "last"));
    NAL_CO_TRY(session.unsubscribe("t"));
    NAL_CO_TRY(session.disconnect());
    co_return Result<>();
  };
  unsigned received = 0;
  REQUIRE(run.start(fake.executor, keep_running, client));
  SECTION("undisturbed") {}
  SECTION("broken off after every few packets") { broker.dies_after = 7; }
  CHECK(nal::block_on(fake.executor, use, echo, client, received) == Result<>());
  CHECK(received == 20);
  CHECK((broker.connections > 1) == (broker.dies_after != 0));
}

#include "nal/read.hpp"
#include "nal/write.hpp"
#include "tests/nal/net/support.hpp"
#include "tests/support/cancel.hpp"

namespace nal::test {

TEST_CASE("Bytes arrive whole over a stack that takes little at a time and blocks without need", "[faults]") {
  NetTest test;
  auto pair = test.connected();
  for (FakeStack* stack : {&test.client, &test.server}) {
    stack->faults().chunk = 3;
    stack->faults().hiccup = 2;
  }
  std::vector<std::byte> data(5000);
  for (std::size_t i = 0; i < data.size(); ++i) { data[i] = static_cast<std::byte>(i * 7); }
  std::vector<std::byte> got(data.size());
  auto ends = test.block(join(write_all(pair.client, data), read_exact(pair.server, got)));
  REQUIRE(ends);
  CHECK(std::get<0>(*ends));
  CHECK(std::get<1>(*ends));
  CHECK(got == data);
  CHECK(test.block(flush(pair.client)));
  CHECK(test.block(shutdown(pair.client)));
  CHECK(test.block(read(pair.server, got)) == 0u);
}

TEST_CASE("A connection that is reset at a given byte gives the bytes before it, then the reset", "[faults]") {
  for (std::uint64_t at = 1; at <= 20; ++at) {
    NetTest test;
    auto pair = test.connected();
    test.server.faults().reset_at = at;
    const auto written = test.block(write_all(pair.client, bytes("0123456789012345678901234567890123456789")));
    CHECK(written);
    std::array<std::byte, 40> got;
    auto reading = read_exact(pair.server, got);
    CHECK(test.block(reading) == Unexpected(Error::connection_reset));
    CHECK(reading.size() == at);
    CHECK(test.block(write_all(pair.client, bytes("x"))) == Unexpected(Error::connection_reset));
  }
}

TEST_CASE("A peer that fell silent is given up after the user time-out", "[faults]") {
  NetTest test;
  auto pair = test.connected();
  REQUIRE(pair.client.configure({.user_timeout = 20_s}));
  test.server.faults().silent = true;
  REQUIRE(test.block(write_all(pair.client, bytes("hello?"))));
  const Instant start = test.executor.now();
  std::byte got[1];
  CHECK(test.block(read(pair.client, got)) == Unexpected(Error::timed_out));
  CHECK(test.executor.now() - start == 20_s);
}

TEST_CASE("A peer that fell silent is found out by probing, without anything to send", "[faults]") {
  NetTest test;
  auto pair = test.connected();
  REQUIRE(pair.client.configure({.keep_alive = KeepAlive{.idle = 30_s, .interval = 5_s, .probes = 4}}));
  test.server.faults().silent = true;
  const Instant start = test.executor.now();
  std::byte got[1];
  CHECK(test.block(read(pair.client, got)) == Unexpected(Error::timed_out));
  CHECK(test.executor.now() - start == 50_s);
}

TEST_CASE("Without probing a silent peer is waited for as long as the caller likes", "[faults]") {
  NetTest test;
  auto pair = test.connected();
  test.server.faults().silent = true;
  std::byte got[1];
  CHECK(block_on(test.executor, with_timeout(24_h, read(pair.client, got))) == Unexpected(Error::timed_out));
  test.server.faults().silent = false;
  REQUIRE(test.block(write_all(pair.server, bytes("x"))));
  CHECK(test.block(read(pair.client, got)) == 1u);
}

TEST_CASE("A connect ends as the network wants it to", "[faults]") {
  NetTest test;
  auto listener = test.listen();
  const Endpoint remote = listener.local_endpoint();
  ConnectRule& rule = test.network.connect_rule(remote);
  rule.delay = 30_ms;
  struct Case {
    ConnectRule::Outcome outcome;
    Error error;
    Duration took;
  };
  using Outcome = ConnectRule::Outcome;
  for (const Case& one : {Case{Outcome::refuse, Error::connection_refused, 30_ms},
                          Case{Outcome::host_unreachable, Error::host_unreachable, 30_ms},
                          Case{Outcome::network_unreachable, Error::network_unreachable, 30_ms},
                          Case{Outcome::vanish, Error::timed_out, 75_s}}) {
    rule.outcome = one.outcome;
    const Instant start = test.executor.now();
    const auto stream = test.block(connect(test.client, remote));
    CHECK(stream.error_or(Error{}) == one.error);
    CHECK(test.executor.now() - start == one.took);
    CHECK(test.client.in_use() == 0);
  }
  rule.outcome = Outcome::arrive;
  CHECK(test.block(connect(test.client, remote)));
  CHECK(test.block(connect(test.client, {"192.0.2.99"_ip, 80})).error_or(Error{}) == Error::host_unreachable);
}

TEST_CASE("A connect into a silent network is given up by its own user time-out", "[faults]") {
  NetTest test;
  auto listener = test.listen();
  test.server.faults().silent = true;
  const Instant start = test.executor.now();
  const auto stream = test.block(connect(test.client, listener.local_endpoint(), {.user_timeout = 7_s}));
  CHECK(stream.error_or(Error{}) == Error::timed_out);
  CHECK(test.executor.now() - start == 7_s);
}

TEST_CASE("When memory fails in turn a conversation fails with it or works, and leaves nothing", "[faults][memory]") {
  unsigned failed = 0;
  for (unsigned which = 1; which < 10; ++which) {
    for (const bool at_server : {false, true}) {
      NetTest test;
      (at_server ? test.server : test.client).faults().fail_allocation = which;
      {
        auto listener = test.server.listen({test.server_address(), 80}, {});
        if (!listener) {
          CHECK(listener.error() == Error::no_memory);
          ++failed;
          listener = test.server.listen({test.server_address(), 80}, {});
        }
        REQUIRE(listener);
        auto started = test.client.start_tcp(listener->local_endpoint(), {});
        if (!started) {
          CHECK(started.error() == Error::no_memory);
          ++failed;
          started = test.client.start_tcp(listener->local_endpoint(), {});
        }
        REQUIRE(started);
        // A server without memory lets the handshake be tried again; an accept says so once and goes on.
        auto accepted = test.block(accept(*listener));
        if (!accepted) {
          CHECK(accepted.error() == Error::no_memory);
          ++failed;
          accepted = test.block(accept(*listener));
        }
        REQUIRE(accepted);
        REQUIRE(test.block(write_all(*started, bytes("x"))));
        std::byte got[1];
        CHECK(test.block(read_exact(*accepted, got)));
      }
      test.check_nothing_left();
    }
  }
  CHECK(failed == 3);
}

TEST_CASE("Datagrams are lost, queues overflow, and both ends live on", "[faults][udp]") {
  NetTest test;
  auto server = test.server.udp_bind_single({test.server_address(), 53}, {});
  REQUIRE(server);
  auto client = udp_connect(test.client, server->local_endpoint());
  REQUIRE(client);
  test.client.faults().lose_datagrams = 2;
  for (const char* data : {"a", "b", "c"}) { REQUIRE(test.block(send(*client, bytes(data)))); }
  std::byte buffer[10];
  const auto got = test.block(receive(*server, buffer));
  REQUIRE(got);
  CHECK(text(std::span(buffer).first(got->size)) == "c");
  for (int i = 0; i < 20; ++i) { REQUIRE(test.block(send(*client, bytes("flood")))); }
  unsigned received = 0;
  while (try_receive(test.executor, *server, buffer)) { ++received; }
  CHECK(received == test.server.host().config.udp_queue);
}

TEST_CASE("Ephemeral ports run out with an error and are found again", "[faults]") {
  NetTest test({.first_ephemeral = 50'000, .last_ephemeral = 50'002});
  auto listener = test.listen();
  std::vector<FakeTcpStream> streams;
  for (int i = 0; i < 3; ++i) {
    auto stream = test.block(connect(test.client, listener.local_endpoint()));
    REQUIRE(stream);
    streams.push_back(*std::move(stream));
  }
  CHECK(test.client.start_tcp(listener.local_endpoint(), {}).error_or(Error{}) == Error::address_not_available);
  streams[1].abort();
  CHECK(test.client.start_tcp(listener.local_endpoint(), {}));
}

TEST_CASE("A dropped stream lingers no longer than it may, and its peer learns that the end is missing", "[close]") {
  NetTest test;
  auto pair = test.connected();
  std::array<std::byte, 1000> data{};
  auto writing = write_all(pair.client, data);
  CHECK(block_on(test.executor, with_timeout(1_ms, writing)) == Unexpected(Error::timed_out));
  const Instant start = test.executor.now();
  { const FakeTcpStream dropped(std::move(pair.client)); }
  CHECK(test.client.tcp().lingering() == 1);
  test.executor.run_until([&] { return test.client.tcp().lingering() == 0; }, start + 1_h);
  CHECK(test.executor.now() - start == 10_s);
  std::vector<std::byte> got(writing.written());
  auto reading = read_exact(pair.server, got);
  CHECK(test.block(reading) == Unexpected(Error::connection_reset));
  CHECK(reading.size() == test.server.host().config.receive_ring);
}

TEST_CASE("A dropped stream whose end has arrived goes quietly when the peer keeps its own open", "[close]") {
  NetTest test;
  auto pair = test.connected();
  REQUIRE(test.block(write_all(pair.client, bytes("bye"))));
  { const FakeTcpStream dropped(std::move(pair.client)); }
  test.pass(11_s);
  CHECK(test.client.in_use() == 0);
  std::array<std::byte, 4> got;
  auto reading = read_exact(pair.server, got);
  CHECK(test.block(reading) == Unexpected(Error::end_of_stream));
  CHECK(reading.size() == 3);
  REQUIRE(test.block(write_all(pair.server, bytes("nobody"))));
  CHECK(test.block(read(pair.server, got)) == 0u);
  test.pass(1_ms);
  CHECK(test.block(write(pair.server, bytes("there"))) == Unexpected(Error::connection_reset));
}

TEST_CASE("An abort that the peer cannot hear frees this side all the same", "[close]") {
  NetTest test;
  auto pair = test.connected();
  test.server.faults().silent = true;
  pair.client.abort();
  CHECK(test.client.in_use() == 0);
  std::byte got[1];
  CHECK(block_on(test.executor, with_timeout(1_min, read(pair.server, got))) == Unexpected(Error::timed_out));
  test.server.faults().silent = false;
  REQUIRE(test.block(write_all(pair.server, bytes("hello?"))));
  CHECK(test.block(read(pair.server, got)) == Unexpected(Error::connection_reset));
}

TEST_CASE("A conversation given up at any poll over a bad stack leaves nothing", "[faults][cancel]") {
  struct Trial {
    Trial() {
      for (FakeStack* stack : {&test.client, &test.server}) {
        stack->faults().chunk = 2;
        stack->faults().hiccup = 3;
      }
    }
    static Task<> serve(FakeTcpListener& listener) {
      auto stream = co_await accept(listener);
      if (!stream) { co_return Unexpected(stream.error()); }
      std::byte buffer[5];
      for (;;) {
        const auto got = co_await read(*stream, buffer);
        if (!got) { co_return Unexpected(got.error()); }
        if (*got == 0) { break; }
        const auto written = co_await write_all(*stream, std::span(buffer).first(*got));
        if (!written) { co_return Unexpected(written.error()); }
      }
      const auto closed = co_await close(*std::move(stream));
      co_return closed;
    }
    static Task<> converse(FakeStack& stack, Endpoint remote) {
      auto stream = co_await connect(stack, remote);
      if (!stream) { co_return Unexpected(stream.error()); }
      const auto sent = co_await write_all(*stream, bytes("over a bad line"));
      if (!sent) { co_return Unexpected(sent.error()); }
      std::byte back[15];
      const auto got = co_await with_timeout(1_s, read_exact(*stream, back));
      if (!got) { co_return Unexpected(got.error()); }
      const auto closed = co_await close(*std::move(stream));
      co_return closed;
    }
    Executor& executor() { return test.executor; }
    static Duration patience() { return NetTest::kForever; }
    auto begin() {
      REQUIRE(serving.start(test.executor, serve, *listener));
      return converse(test.client, listener->local_endpoint());
    }
    void given_up() {
      test.pass(1_s);
      serving.cancel();
      listener.reset();
      test.check_nothing_left();
    }
    void finished(Result<>& result) {
      CHECK(result);
      given_up();
    }
    NetTest test;
    TaskSlot<8192> serving;
    std::optional<FakeTcpListener> listener = test.listen();
  };
  CHECK(cancel_at_every_poll(std::make_unique<Trial>) >= 10);
}

}  // namespace nal::test

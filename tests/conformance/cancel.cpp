#include "tests/conformance/cancelled.hpp"

namespace nal::conformance {

TEST_CASE("UDP operations given up at any poll took and sent nothing", "[cancel][udp]") {
  struct Base : Cancelled {
    Stack::UniquelyBoundUdp server = *world.server().udp_bind_single(world.at_server(), {});
    Stack::ConnectedUdp client = *udp_connect(world.client(), server.local_endpoint());
    std::byte buffer[16];
  };
  struct Receiving : Base {
    auto begin() {
      REQUIRE(sending.start(
          world.executor(),
          [](Stack::ConnectedUdp& socket) -> Task<> {
            co_await yield();
            const auto sent = co_await send(socket, bytes("x"));
            co_return sent;
          },
          client));
      return receive(server, buffer);
    }
    void given_up() {
      REQUIRE(world.run_until([this] { return !sending.running(); }));
      check_quiet();
      CHECK(world.block(receive(server, buffer)));
    }
    void finished(Result<Received>& got) { CHECK(got); }
    TaskSlot<2048> sending;
  };
  CHECK(test::cancel_at_every_poll(std::make_unique<Receiving>) >= 1);
  struct Sending : Base {
    auto begin() { return send(client, bytes("x")); }
    void given_up() {
      check_quiet();
      world.run_a_little();
      CHECK(try_receive(world.executor(), server, buffer).error_or(Error{}) == Error::would_block);
      REQUIRE(world.block(send(client, bytes("y"))));
      CHECK(world.block(receive(server, buffer)));
    }
    void finished(Result<>& result) { CHECK(result); }
  };
  CHECK(test::cancel_at_every_poll(std::make_unique<Sending>) >= 1);
  struct SendingTo : Base {
    auto begin() { return send_to(server, client.local_endpoint(), bytes("x")); }
    void given_up() {
      check_quiet();
      world.run_a_little();
      CHECK(try_receive(world.executor(), client, buffer).error_or(Error{}) == Error::would_block);
      REQUIRE(world.block(send_to(server, client.local_endpoint(), bytes("y"))));
      CHECK(world.block(receive(client, buffer)));
    }
    void finished(Result<>& result) { CHECK(result); }
  };
  CHECK(test::cancel_at_every_poll(std::make_unique<SendingTo>) >= 1);
}

TEST_CASE("Lookups given up at any poll are withdrawn", "[cancel][dns]") {
  struct Forward : Cancelled {
    auto begin() { return lookup(world.client(), "localhost", Family::v4, out); }
    void given_up() {
      check_quiet();
      CHECK(world.block(begin()));
    }
    void finished(Result<std::size_t>& count) { CHECK(count); }
    std::array<IpAddress, 4> out;
  };
  CHECK(test::cancel_at_every_poll(std::make_unique<Forward>) >= 1);
  struct Reverse : Cancelled {
    auto begin() { return reverse_lookup(world.client(), Ipv4Address::loopback(), out); }
    void given_up() {
      check_quiet();
      CHECK(world.block(begin()));
    }
    void finished(Result<std::size_t>& count) { CHECK(count); }
    std::array<char, 256> out;
  };
  CHECK(test::cancel_at_every_poll(std::make_unique<Reverse>) >= 1);
}

namespace {

Task<> serve_once(Listener& listener) {
  auto stream = co_await accept(listener);
  if (!stream) { co_return Unexpected(stream.error()); }
  std::byte buffer[64];
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

Task<> converse(Stack& stack, Endpoint remote) {
  auto stream = co_await with_timeout(Fixture::kPatience, connect(stack, remote));
  if (!stream) { co_return Unexpected(stream.error()); }
  for (int i = 0; i < 3; ++i) {
    const auto sent = co_await with_timeout(Fixture::kPatience, write_all(*stream, bytes("echo")));
    if (!sent) { co_return Unexpected(sent.error()); }
    std::byte back[4];
    const auto got = co_await with_timeout(Fixture::kPatience, read_exact(*stream, back));
    if (!got) { co_return Unexpected(got.error()); }
  }
  const auto closed = co_await with_timeout(Fixture::kPatience, close(*std::move(stream)));
  co_return closed;
}

}  // namespace

TEST_CASE("A whole conversation given up at any poll leaves nothing on either side", "[cancel][tcp]") {
  struct Trial : Cancelled {
    auto begin() {
      REQUIRE(serving.start(world.executor(), serve_once, *listener));
      return converse(world.client(), listener->local_endpoint());
    }
    void given_up() {
      // The server learns of it, or never met anybody.
      world.run_until([this] { return !serving.running() || world.executor().idle(); });
      serving.cancel();
      CHECK(serving.arena().live() == 0);
      check_quiet();
      listener.reset();
      CHECK(world.back_to_start());
    }
    void finished(Result<>& result) {
      CHECK(result);
      given_up();
    }
    TaskSlot<8192> serving;
    std::optional<Listener> listener = world.listen();
  };
  CHECK(test::cancel_at_every_poll(std::make_unique<Trial>) >= 4);
}

TEST_CASE("A task that another destroys in mid-round is gone, and its connection with it", "[cancel][tcp]") {
  World world;
  Pair pair = world.connect();
  struct Shared {
    TaskSlot<4096> victims[2];
    Stream* stream;
    std::byte buffers[2][8];
  } shared;
  shared.stream = &pair.server;
  auto reader = [](Stream& stream, std::span<std::byte> buffer) -> Task<> {
    const auto got = co_await read(stream, buffer);
    co_return got ? Result<>() : Result<>(Unexpected(got.error()));
  };
  // Both are woken by the same byte, in one round with the killer, who runs first.
  auto killer = [](Stream& stream, Shared& all) -> Task<> {
    std::byte buffer[8];
    const auto got = co_await read(stream, buffer);
    all.victims[0].cancel();
    all.victims[1].cancel();
    co_return got ? Result<>() : Result<>(Unexpected(got.error()));
  };
  TaskSlot<4096> killing;
  REQUIRE(killing.start(world.executor(), killer, pair.server, shared));
  for (int i = 0; i < 2; ++i) {
    REQUIRE(shared.victims[i].start(world.executor(), reader, pair.server, std::span(shared.buffers[i])));
  }
  while (world.executor().poll_once()) {}
  REQUIRE(world.block(write_all(pair.client, bytes("x"))));
  REQUIRE(world.run_until([&] { return !killing.running(); }));
  CHECK(*killing.result());
  for (auto& victim : shared.victims) {
    CHECK_FALSE(victim.running());
    CHECK(victim.arena().live() == 0);
  }
  std::byte got[1];
  REQUIRE(world.block(write_all(pair.client, bytes("y"))));
  CHECK(world.block(read_exact(pair.server, got)));
  CHECK(text(got) == "y");
}

TEST_CASE("A task that owns a connection may be destroyed by the task that reads its other end", "[cancel][tcp]") {
  World world;
  auto listener = world.listen();
  struct Shared {
    TaskSlot<8192> client;
  } shared;
  auto client = [](Stack& stack, Endpoint remote) -> Task<> {
    auto stream = co_await connect(stack, remote);
    if (!stream) { co_return Unexpected(stream.error()); }
    for (;;) {
      const auto written = co_await write_all(*stream, bytes("more and more"));
      if (!written) { co_return Unexpected(written.error()); }
    }
  };
  auto server = [](Listener& from, Shared& all) -> Task<> {
    auto stream = co_await accept(from);
    if (!stream) { co_return Unexpected(stream.error()); }
    std::byte buffer[4];
    const auto got = co_await read_exact(*stream, buffer);
    if (!got) { co_return Unexpected(got.error()); }
    all.client.cancel();
    std::vector<std::byte> rest;
    const auto end = co_await read_to_end(*stream, rest);
    co_return end ? Result<>() : Result<>(Unexpected(end.error()));
  };
  REQUIRE(shared.client.start(world.executor(), client, world.client(), listener.local_endpoint()));
  TaskSlot<8192> serving;
  CHECK(world.run_until([] { return true; }));
  REQUIRE(serving.start(world.executor(), server, listener, shared));
  REQUIRE(world.run_until([&] { return !serving.running(); }));
  // Nothing was unread when it was dropped: what it had written arrives, and the end.
  CHECK(*serving.result());
  CHECK(shared.client.arena().live() == 0);
}

}  // namespace nal::conformance

#include "tests/conformance/world.hpp"

namespace nal::conformance {

TEST_CASE("Every operation can be tried without waiting", "[styles]") {
  World world;
  auto& executor = world.executor();
  auto listener = world.listen();
  CHECK(try_accept(executor, listener).error_or(Error{}) == Error::would_block);
  auto client = world.client().start_tcp(listener.local_endpoint(), {});
  REQUIRE(client);
  std::optional<Stream> server;
  CHECK(world.run_until([&] {
    auto accepted = try_accept(executor, listener);
    if (accepted) { server.emplace(*std::move(accepted)); }
    return server.has_value();
  }));
  REQUIRE(server);
  std::byte buffer[16];
  CHECK(try_read(executor, *client, buffer) == Unexpected(Error::would_block));
  CHECK(try_write(executor, *client, bytes("data")) == 4u);
  std::size_t got = 0;
  CHECK(world.run_until([&] {
    const auto more = try_read(executor, *server, buffer);
    got = more.value_or(0u);
    return more.has_value();
  }));
  CHECK(text(std::span(buffer).first(got)) == "data");
  CHECK(try_once(executor, flush(*client)));
  CHECK(try_once(executor, shutdown(*client)));
  CHECK(world.run_until([&] { return try_read(executor, *server, buffer) == 0u; }));

  auto one = world.server().udp_bind_single(world.at_server(), {});
  REQUIRE(one);
  auto other = udp_connect(world.client(), one->local_endpoint());
  REQUIRE(other);
  CHECK(try_receive(executor, *one, buffer).error_or(Error{}) == Error::would_block);
  CHECK(try_send(executor, *other, bytes("x")));
  Result<Received> received = Unexpected(Error::would_block);
  CHECK(world.run_until([&] {
    received = try_receive(executor, *one, buffer);
    return received.has_value();
  }));
  REQUIRE(received);
  CHECK(try_send_to(executor, *one, received->remote, bytes("y")));
  CHECK(world.run_until([&] { return try_receive(executor, *other, buffer).has_value(); }));

  // What takes more than one step is kept and tried again.
  std::array<IpAddress, 2> addresses;
  std::array<char, 256> name;
  auto question = lookup(world.client(), "localhost", Family::v4, addresses);
  CHECK(world.run_until([&] { return try_once(executor, question).has_value(); }));
  auto reverse = reverse_lookup(world.client(), Ipv4Address::loopback(), name);
  CHECK(world.run_until([&] { return try_once(executor, reverse).has_value(); }));
  auto connecting = connect(world.client(), listener.local_endpoint());
  std::optional<Stream> near;
  CHECK(world.run_until([&] {
    auto connected = try_once(executor, connecting);
    if (connected) { near.emplace(*std::move(connected)); }
    return near.has_value();
  }));
  std::optional<Stream> far;
  CHECK(world.run_until([&] {
    auto accepted = try_accept(executor, listener);
    if (accepted) { far.emplace(*std::move(accepted)); }
    return far.has_value();
  }));
  REQUIRE(near);
  REQUIRE(far);
  auto closing = close(*std::move(near));
  auto closing_too = close(*std::move(far));
  CHECK(try_once(executor, closing) == Unexpected(Error::would_block));
  CHECK(world.run_until([&] { return try_once(executor, closing_too).has_value(); }));
  CHECK(world.run_until([&] { return try_once(executor, closing).has_value(); }));
}

TEST_CASE("Trying never links anything: what was tried can be dropped and moved", "[styles]") {
  World world;
  Pair pair = world.connect();
  std::byte buffer[4];
  auto reading = read(pair.server, buffer);
  Context context = Context::probe(world.executor());
  CHECK_FALSE(reading.poll(context).ready());
  auto moved = std::move(reading);
  REQUIRE(world.block(write_all(pair.client, bytes("data"))));
  CHECK(world.block(moved));
}

TEST_CASE("Every operation can be blocked on", "[styles]") {
  World world;
  auto& executor = world.executor();
  auto listener = world.listen();
  auto client = block_on(executor, connect(world.client(), listener.local_endpoint()));
  REQUIRE(client);
  auto server = block_on(executor, accept(listener));
  REQUIRE(server);
  CHECK(block_on(executor, write(*client, bytes("a"))) == 1u);
  CHECK(block_on(executor, write_all(*client, bytes("bcd"))));
  CHECK(block_on(executor, flush(*client)));
  std::byte buffer[4];
  CHECK(block_on(executor, read_exact(*server, buffer)));
  CHECK(text(buffer) == "abcd");
  CHECK(block_on(executor, write_all(*server, bytes("efgh"))));
  CHECK(block_on(executor, read(*client, buffer)));
  CHECK(block_on(executor, shutdown(*client)));
  CHECK(block_on(executor, read(*server, buffer)) == 0u);
  CHECK(block_on(executor, shutdown(*server)));
  CHECK(block_on(executor, close(*std::move(client))));

  auto one = world.server().udp_bind_single(world.at_server(), {});
  REQUIRE(one);
  auto other = udp_connect(world.client(), one->local_endpoint());
  REQUIRE(other);
  CHECK(block_on(executor, send(*other, bytes("x"))));
  const auto received = block_on(executor, receive(*one, buffer));
  REQUIRE(received);
  CHECK(block_on(executor, send_to(*one, received->remote, bytes("y"))));
  CHECK(block_on(executor, receive(*other, buffer)));

  std::array<IpAddress, 2> addresses;
  CHECK(block_on(executor, lookup(world.client(), "localhost", Family::v4, addresses)));
  std::array<char, 256> name;
  CHECK(block_on(executor, reverse_lookup(world.client(), addresses[0], name)));
}

TEST_CASE("A waiting task tells what it waits for", "[styles]") {
  World world;
  Pair pair = world.connect();
  fill(world, pair.client);
  auto listener = world.listen();
  auto socket = world.server().udp_bind_single(world.at_server(), {});
  REQUIRE(socket);
  std::byte buffer[4];
  const auto waits_for = [&](auto future) {
    Wait found = Wait::none;
    auto waiting = with_timeout(Fixture::kALittle, future);
    static_cast<void>(block_on(world.executor(), race(waiting, [&] {
                                 class Look {
                                  public:
                                   explicit Look(Wait& into) : into_(&into) {}
                                   Poll<Unit> poll(Context& context) {
                                     context.executor().for_each_task(
                                         [this](const RootTask& task) { *into_ = *into_ | task.waits_for(); });
                                     if (looked_) { return Unit{}; }
                                     looked_ = true;
                                     return pending;
                                   }

                                  private:
                                   Wait* into_;
                                   bool looked_ = false;
                                 };
                                 return Look(found);
                               }())));
    return found;
  };
  CHECK(contains(waits_for(read(pair.client, buffer)), Wait::readable));
  // More than a kernel that finds a little room late could take.
  CHECK(contains(waits_for(write_all(pair.client, std::vector<std::byte>(kMoreThanFits))), Wait::writable));
  CHECK(contains(waits_for(accept(listener)), Wait::acceptable));
  CHECK(contains(waits_for(receive(*socket, buffer)), Wait::readable));
}

TEST_CASE("Many conversations run side by side, none held up by another", "[styles]") {
  World world;
  auto listener = world.listen();
  auto serve = [](Stream stream) -> Task<> {
    std::byte buffer[64];
    for (;;) {
      const auto got = co_await read(stream, buffer);
      if (!got) { co_return Unexpected(got.error()); }
      if (*got == 0) { break; }
      const auto written = co_await write_all(stream, std::span(buffer).first(*got));
      if (!written) { co_return Unexpected(written.error()); }
    }
    const auto closed = co_await close(std::move(stream));
    co_return closed;
  };
  constexpr std::size_t kMany = 5;
  TaskPool<kMany, 4096> serving;
  struct Conversation {
    TaskSlot<4096> slot;
    std::size_t rounds = 0;
  };
  std::array<Conversation, kMany> asking;
  auto ask = [](Stream stream, std::size_t& rounds) -> Task<> {
    for (int i = 0; i < 20; ++i) {
      const auto sent = co_await write_all(stream, bytes("round and round"));
      if (!sent) { co_return Unexpected(sent.error()); }
      std::byte back[15];
      const auto got = co_await read_exact(stream, back);
      if (!got) { co_return Unexpected(got.error()); }
      ++rounds;
    }
    const auto closed = co_await close(std::move(stream));
    co_return closed;
  };
  // One peer never says anything.
  Pair silent = world.connect(listener);
  REQUIRE(serving.start(world.executor(), serve, std::move(silent.server)));
  for (std::size_t i = 1; i < kMany; ++i) {
    Pair pair = world.connect(listener);
    REQUIRE(serving.start(world.executor(), serve, std::move(pair.server)));
    REQUIRE(asking[i].slot.start(world.executor(), ask, std::move(pair.client), asking[i].rounds));
  }
  CHECK(world.run_until([&] { return serving.running() == 1; }));
  for (std::size_t i = 1; i < kMany; ++i) {
    REQUIRE(world.run_until([&] { return !asking[i].slot.running(); }));
    CHECK(*asking[i].slot.result());
    CHECK(asking[i].rounds == 20);
  }
  serving.cancel_all();
}

}  // namespace nal::conformance

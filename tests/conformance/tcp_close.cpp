#include "tests/conformance/world.hpp"

namespace nal::conformance {

namespace {

/// Reads until the stream says why it goes no further: nothing at its end.
Error how_it_ends(World& world, Stream& stream) {
  std::vector<std::byte> got;
  return world.block(read_to_end(stream, got)).error_or(Error{});
}

/// Writes until the stream says why not.
Error how_writing_ends(World& world, Stream& stream) {
  for (int i = 0; i < 100; ++i) {
    const auto written = world.block(write(stream, bytes("to nobody")));
    if (!written) { return written.error(); }
    world.run_a_little();
  }
  return Error{};
}

}  // namespace

TEST_CASE("A dropped stream with nothing unread still sends what was written, and then its end", "[tcp][close]") {
  World world(GENERATE(Family::v4, Family::v6));
  std::optional<Pair> pair(world.connect());
  const std::size_t written = fill(world, pair->client);
  { const Stream dropped(std::move(pair->client)); }
  std::vector<std::byte> got;
  CHECK(world.block(read_to_end(pair->server, got)) == end_of_dropped(written));
  CHECK(got == pattern_bytes(written));
  pair.reset();
  CHECK(world.back_to_start());
}

TEST_CASE("A stream that is dropped with one byte unread is reset", "[tcp][close]") {
  World world(GENERATE(Family::v4, Family::v6));
  Pair pair = world.connect();
  REQUIRE(world.block(write_all(pair.server, bytes("x"))));
  world.run_a_little();
  { const Stream dropped(std::move(pair.client)); }
  CHECK(how_it_ends(world, pair.server) == Error::connection_reset);
}

TEST_CASE("A stream that is dropped with part of the data read is reset", "[tcp][close]") {
  World world;
  Pair pair = world.connect();
  REQUIRE(world.block(write_all(pair.server, bytes("two"))));
  std::byte got[2];
  REQUIRE(world.block(read_exact(pair.client, got)));
  { const Stream dropped(std::move(pair.client)); }
  CHECK(how_it_ends(world, pair.server) == Error::connection_reset);
}

TEST_CASE("Data that reaches a dropped stream resets the connection", "[tcp][close]") {
  World world(GENERATE(Family::v4, Family::v6));
  Pair pair = world.connect();
  { const Stream dropped(std::move(pair.client)); }
  std::byte got[1];
  REQUIRE(world.block(read(pair.server, got)) == end_of_dropped());
  // Written to a peer that has ended both ways: some stacks call that a reset, some a broken pipe.
  const Error error = how_writing_ends(world, pair.server);
  CHECK((error == Error::connection_reset || error == Error::broken_pipe));
}

TEST_CASE("Closing completes once the peer has read everything and ended too", "[tcp][close]") {
  World world(GENERATE(Family::v4, Family::v6));
  Pair pair = world.connect();
  const std::size_t written = fill(world, pair.client);
  auto closing = close(std::move(pair.client));
  // The peer has not read: nothing proves anything yet.
  CHECK(block_on(world.executor(), with_timeout(Fixture::kALittle, closing)) == Unexpected(Error::timed_out));
  std::vector<std::byte> got;
  CHECK(world.block(read_to_end(pair.server, got)) == written);
  CHECK(got == pattern_bytes(written));
  CHECK(block_on(world.executor(), with_timeout(Fixture::kALittle, closing)) == Unexpected(Error::timed_out));
  { const Stream dropped(std::move(pair.server)); }
  CHECK(world.block(closing).error_or(Error{}) == end_of_dropped().error_or(Error{}));
}

TEST_CASE("Closing from both ends completes at both", "[tcp][close]") {
  World world(GENERATE(Family::v4, Family::v6));
  Pair pair = world.connect();
  REQUIRE(world.block(write_all(pair.client, bytes("unread"))));
  REQUIRE(world.block(write_all(pair.server, bytes("unread, too"))));
  auto ends = world.block(join(close(std::move(pair.client)), close(std::move(pair.server))));
  REQUIRE(ends);
  CHECK(std::get<0>(*ends));
  CHECK(std::get<1>(*ends));
  CHECK(world.back_to_start());
}

TEST_CASE("A closing side takes all that the peer sends before its end", "[tcp][close]") {
  World world;
  Pair pair = world.connect();
  auto server = [](Stream& stream) -> Task<> {
    const auto data = pattern_bytes(500'000);
    const auto written = co_await write_all(stream, data);
    if (!written) { co_return Unexpected(written.error()); }
    const auto ended = co_await shutdown(stream);
    co_return ended;
  };
  TaskSlot<4096> serving;
  REQUIRE(serving.start(world.executor(), server, pair.server));
  CHECK(world.block(close(std::move(pair.client))));
  REQUIRE(world.run_until([&] { return !serving.running(); }));
  CHECK(*serving.result());
}

TEST_CASE("Dropping a close resets the connection", "[tcp][close]") {
  World world(GENERATE(Family::v4, Family::v6));
  Pair pair = world.connect();
  const auto closed = block_on(world.executor(), with_timeout(Fixture::kALittle, close(std::move(pair.client))));
  CHECK(closed == Unexpected(Error::timed_out));
  std::byte got[1];
  world.run_a_little();
  // The end that close sent may come first; then writing tells.
  const auto end = world.block(read(pair.server, got));
  if (end) {
    CHECK(*end == 0);
    const Error error = how_writing_ends(world, pair.server);
    CHECK((error == Error::connection_reset || error == Error::broken_pipe));
  } else {
    CHECK(end.error() == Error::connection_reset);
  }
}

TEST_CASE("Closing a stream that was reset tells so", "[tcp][close]") {
  World world;
  Pair pair = world.connect();
  pair.server.abort();
  world.run_a_little();
  const auto closed = world.block(close(std::move(pair.client)));
  CHECK(closed == Unexpected(Error::connection_reset));
}

TEST_CASE("Aborting resets the connection, frees it now, and leaves the handle closed", "[tcp][close]") {
  World world(GENERATE(Family::v4, Family::v6));
  Pair pair = world.connect();
  fill(world, pair.client);
  const std::size_t before = world.fixture().in_use();
  pair.client.abort();
  CHECK(world.fixture().in_use() < before);
  std::byte got[1];
  CHECK(world.block(read(pair.client, got)) == Unexpected(Error::closed));
  CHECK(world.block(write(pair.client, bytes("x"))) == Unexpected(Error::closed));
  CHECK(world.block(shutdown(pair.client)) == Unexpected(Error::closed));
  pair.client.abort();
  CHECK(how_it_ends(world, pair.server) == Error::connection_reset);
}

TEST_CASE("Aborting after shutting down resets the connection", "[tcp][close]") {
  World world;
  Pair pair = world.connect();
  fill(world, pair.client);
  REQUIRE(world.block(shutdown(pair.client)));
  pair.client.abort();
  CHECK(how_it_ends(world, pair.server) == Error::connection_reset);
}

TEST_CASE("Dropping after shutting down loses nothing", "[tcp][close]") {
  World world;
  Pair pair = world.connect();
  const std::size_t written = fill(world, pair.client);
  REQUIRE(world.block(shutdown(pair.client)));
  { const Stream dropped(std::move(pair.client)); }
  std::vector<std::byte> got;
  CHECK(world.block(read_to_end(pair.server, got)) == written);
}

TEST_CASE("A stream that lingers is given up after a bounded time", "[tcp][close]") {
  World world;
  std::optional<Pair> pair(world.connect());
  fill(world, pair->client);
  const std::size_t before = world.fixture().in_use();
  { const Stream dropped(std::move(pair->client)); }
  CHECK(world.fixture().in_use() == before);
  // The peer never reads.
  CHECK(world.run_until([&] { return world.fixture().in_use() < before; }));
}

TEST_CASE("A lingering stream gives way to a new connection, an owned one never does", "[tcp][close][tables]") {
  World world;
  auto listener = world.listen({.backlog = 1000});
  // Streams of both kinds, until one more finds the table full.
  std::vector<Pair> pairs;
  std::vector<Stream> owned;
  Error error{};
  while (error == Error{} && owned.size() < 1000) {
    auto stream = world.client().start_tcp(listener.local_endpoint(), {});
    if (!stream) {
      error = stream.error();
      break;
    }
    owned.push_back(*std::move(stream));
    static_cast<void>(world.executor().poll_once());
  }
  REQUIRE(error == Error::table_full);
  // One of them lingers, since nobody takes its data.
  Stream& lingering = owned.back();
  fill(world, lingering);
  owned.pop_back();
  auto next = world.client().start_tcp(listener.local_endpoint(), {});
  REQUIRE(next);
  CHECK(world.client().start_tcp(listener.local_endpoint(), {}).error_or(Error{}) == Error::table_full);
  for (Stream& stream : owned) { CHECK(stream.remote_endpoint() == listener.local_endpoint()); }
}

}  // namespace nal::conformance

#include "tests/conformance/world.hpp"

#include "nal/split.hpp"

namespace nal::conformance {

TEST_CASE("Bytes arrive whole, in order and once, both ways at the same time", "[tcp][stream]") {
  World world(GENERATE(Family::v4, Family::v6));
  Pair pair = world.connect();
  const auto up = pattern_bytes(300'000);
  const auto down = pattern_bytes(200'000, 77);
  std::vector<std::byte> got_up(up.size());
  std::vector<std::byte> got_down(down.size());
  auto ends = world.block(join(write_all(pair.client, up), write_all(pair.server, down),
                               read_exact(pair.client, got_down), read_exact(pair.server, got_up)));
  REQUIRE(ends);
  check_each(*ends);
  CHECK(got_up == up);
  CHECK(got_down == down);
}

TEST_CASE("The end of a stream is 0, after the bytes, now and on every later read", "[tcp][stream]") {
  World world(GENERATE(Family::v4, Family::v6));
  Pair pair = world.connect();
  REQUIRE(world.block(write_all(pair.client, bytes("last"))));
  REQUIRE(world.block(shutdown(pair.client)));
  std::byte got[16];
  REQUIRE(world.block(read_exact(pair.server, std::span(got).first(4))));
  CHECK(text(std::span(got).first(4)) == "last");
  for (int i = 0; i < 3; ++i) { CHECK(world.block(read(pair.server, got)) == 0u); }
}

TEST_CASE("A reset is told apart from the end of the stream, again and again", "[tcp][stream]") {
  World world(GENERATE(Family::v4, Family::v6));
  Pair pair = world.connect();
  pair.client.abort();
  std::byte got[16];
  for (int i = 0; i < 3; ++i) { CHECK(world.block(read(pair.server, got)) == Unexpected(Error::connection_reset)); }
  const auto written = world.block(write(pair.server, bytes("x")));
  CHECK((written.error_or(Error{}) == Error::connection_reset || written.error_or(Error{}) == Error::broken_pipe));
}

TEST_CASE("What arrived before a reset is read before the reset is told", "[tcp][stream]") {
  World world;
  Pair pair = world.connect();
  REQUIRE(world.block(write_all(pair.client, bytes("before"))));
  world.run_a_little();
  pair.client.abort();
  world.run_a_little();
  std::vector<std::byte> got;
  CHECK(world.block(read_to_end(pair.server, got)) == Unexpected(Error::connection_reset));
  CHECK(text(got) == "before");
}

TEST_CASE("A reset wakes whoever waits to read and whoever waits to write", "[tcp][stream]") {
  World world;
  Pair pair = world.connect();
  fill(world, pair.server);
  TaskSlot<4096> ending;
  auto later = [](World& w, Stream& stream) -> Task<> {
    co_await sleep(Fixture::kALittle);
    stream.abort();
    static_cast<void>(w);
    co_return Unit{};
  };
  REQUIRE(ending.start(world.executor(), later, world, pair.client));
  std::byte got[1];
  // More than a kernel that finds a little room late could take.
  const std::vector<std::byte> rest(kMoreThanFits);
  auto both = world.block(join(read(pair.server, got), write_all(pair.server, rest)));
  REQUIRE(both);
  auto& [was_read, was_written] = *both;
  CHECK(was_read == Unexpected(Error::connection_reset));
  CHECK_FALSE(was_written);
}

TEST_CASE("Reading into nothing and writing nothing completes at once with 0", "[tcp][stream]") {
  World world;
  Pair pair = world.connect();
  CHECK(try_read(world.executor(), pair.client, {}) == 0u);
  CHECK(try_write(world.executor(), pair.client, {}) == 0u);
  fill(world, pair.client);
  CHECK(try_write(world.executor(), pair.client, {}) == 0u);
  CHECK(try_read(world.executor(), pair.server, {}) == 0u);
  // Nothing was read by that.
  std::byte got[1];
  CHECK(world.block(read_exact(pair.server, got)));
  CHECK(got[0] == pattern(0));
}

TEST_CASE("After its shutdown a stream still reads what the peer goes on to send", "[tcp][stream]") {
  World world(GENERATE(Family::v4, Family::v6));
  Pair pair = world.connect();
  REQUIRE(world.block(write_all(pair.client, bytes("question"))));
  REQUIRE(world.block(shutdown(pair.client)));
  std::vector<std::byte> question;
  REQUIRE(world.block(read_to_end(pair.server, question)));
  CHECK(text(question) == "question");
  const auto answer = pattern_bytes(50'000);
  std::vector<std::byte> got;
  auto ends = world.block(join(write_all(pair.server, answer), [&] {
    got.resize(answer.size());
    return read_exact(pair.client, got);
  }()));
  REQUIRE(ends);
  CHECK(std::get<0>(*ends));
  CHECK(std::get<1>(*ends));
  CHECK(got == answer);
  REQUIRE(world.block(shutdown(pair.server)));
  CHECK(world.block(read(pair.client, got)) == 0u);
}

TEST_CASE("Shutting down twice changes nothing, and writing after it is a broken pipe", "[tcp][stream]") {
  World world(GENERATE(Family::v4, Family::v6));
  Pair pair = world.connect();
  CHECK(world.block(shutdown(pair.client)));
  CHECK(world.block(shutdown(pair.client)));
  CHECK(world.block(write(pair.client, bytes("late"))) == Unexpected(Error::broken_pipe));
  CHECK(world.block(write_all(pair.client, bytes("late"))) == Unexpected(Error::broken_pipe));
  std::byte got[4];
  CHECK(world.block(read(pair.server, got)) == 0u);
  CHECK(world.block(write_all(pair.server, bytes("fine"))));
  CHECK(world.block(read_exact(pair.client, got)));
}

TEST_CASE("A shutdown stands behind all that was written", "[tcp][stream]") {
  World world;
  Pair pair = world.connect();
  const std::size_t written = fill(world, pair.client);
  REQUIRE(world.block(shutdown(pair.client)));
  std::vector<std::byte> got;
  CHECK(world.block(read_to_end(pair.server, got)) == written);
  CHECK(got == pattern_bytes(written));
}

TEST_CASE("A write takes between one byte and all, and waits when nothing has room", "[tcp][stream]") {
  World world;
  Pair pair = world.connect();
  const auto data = pattern_bytes(100'000'000 / 64);
  std::size_t sent = 0;
  const auto taken = world.block(write(pair.client, data));
  REQUIRE(taken);
  CHECK(*taken >= 1);
  CHECK(*taken <= data.size());
  sent += *taken;
  sent += fill(world, pair.client, sent);
  // Room comes with reading.
  const auto rest = pattern_bytes(1000, sent);
  std::vector<std::byte> got(sent + rest.size());
  auto both = world.block(join(write_all(pair.client, rest), read_exact(pair.server, got)));
  REQUIRE(both);
  check_each(*both);
  CHECK(got == pattern_bytes(sent + rest.size()));
}

TEST_CASE("Two ends that have both filled their windows go on when they read", "[tcp][stream]") {
  World world(GENERATE(Family::v4, Family::v6));
  Pair pair = world.connect();
  const std::size_t up = fill(world, pair.client);
  const std::size_t down = fill(world, pair.server);
  std::vector<std::byte> got_up(up + 1);
  std::vector<std::byte> got_down(down + 1);
  const auto last_up = pattern_bytes(1, up);
  const auto last_down = pattern_bytes(1, down);
  auto ends = world.block(join(write_all(pair.client, last_up), write_all(pair.server, last_down),
                               read_exact(pair.client, got_down), read_exact(pair.server, got_up)));
  REQUIRE(ends);
  check_each(*ends);
  CHECK(got_up == pattern_bytes(up + 1));
  CHECK(got_down == pattern_bytes(down + 1));
}

TEST_CASE("Several readers of one stream share its bytes, each byte going to one", "[tcp][stream]") {
  World world;
  Pair pair = world.connect();
  constexpr std::size_t kBytes = 20'000;
  struct Counts {
    std::array<std::size_t, 256> seen{};
    std::size_t total = 0;
  } counts;
  auto reader = [](Stream& stream, Counts& sum) -> Task<> {
    std::byte buffer[7];
    for (;;) {
      const auto got = co_await read(stream, buffer);
      if (!got) { co_return Unexpected(got.error()); }
      if (*got == 0) { co_return Unit{}; }
      for (std::size_t i = 0; i < *got; ++i) { ++sum.seen[std::to_integer<std::size_t>(buffer[i])]; }
      sum.total += *got;
    }
  };
  TaskSlot<4096> readers[3];
  for (auto& slot : readers) { REQUIRE(slot.start(world.executor(), reader, pair.server, counts)); }
  const auto data = pattern_bytes(kBytes);
  REQUIRE(world.block(write_all(pair.client, data)));
  REQUIRE(world.block(shutdown(pair.client)));
  for (auto& slot : readers) {
    REQUIRE(world.run_until([&] { return !slot.running(); }));
    REQUIRE(slot.result().ready());
    CHECK(*slot.result());
  }
  CHECK(counts.total == kBytes);
  std::array<std::size_t, 256> expected{};
  for (const std::byte byte : data) { ++expected[std::to_integer<std::size_t>(byte)]; }
  CHECK(counts.seen == expected);
}

TEST_CASE("The halves of a stream serve a reading and a writing task", "[tcp][stream]") {
  World world;
  Pair pair = world.connect();
  auto echo = [](Stream& stream) -> Task<> {
    std::byte buffer[100];
    for (;;) {
      const auto got = co_await read(stream, buffer);
      if (!got) { co_return Unexpected(got.error()); }
      if (*got == 0) { break; }
      const auto sent = co_await write_all(stream, std::span(buffer).first(*got));
      if (!sent) { co_return Unexpected(sent.error()); }
    }
    const auto ended = co_await shutdown(stream);
    co_return ended;
  };
  TaskSlot<4096> echoing;
  REQUIRE(echoing.start(world.executor(), echo, pair.server));
  auto [reader, writer] = split(pair.client);
  const auto data = pattern_bytes(30'000);
  std::vector<std::byte> got(data.size());
  auto ends = world.block(join(write_all(writer, data), read_exact(reader, got)));
  REQUIRE(ends);
  CHECK(std::get<0>(*ends));
  CHECK(std::get<1>(*ends));
  CHECK(got == data);
  REQUIRE(world.block(shutdown(writer)));
  CHECK(world.block(read(reader, got)) == 0u);
  CHECK(world.run_until([&] { return !echoing.running(); }));
}

TEST_CASE("A read under a deadline that passes took nothing, and the stream goes on", "[tcp][stream]") {
  World world;
  Pair pair = world.connect();
  std::byte got[4];
  auto waiting = read(pair.server, got);
  CHECK(block_on(world.executor(), with_timeout(Fixture::kALittle, waiting)) == Unexpected(Error::timed_out));
  CHECK(block_on(world.executor(), with_timeout(Fixture::kALittle, read(pair.server, got))) ==
        Unexpected(Error::timed_out));
  REQUIRE(world.block(write_all(pair.client, bytes("data"))));
  CHECK(world.block(read_exact(pair.server, got)));
  CHECK(text(got) == "data");
}

TEST_CASE("After a deadline a writer knows how much was taken, and a reader how much it has", "[tcp][stream]") {
  World world;
  Pair pair = world.connect();
  const std::size_t before = fill(world, pair.client);
  const auto data = pattern_bytes(before + 100'000, before);
  auto writing = write_all(pair.client, data);
  CHECK(block_on(world.executor(), with_timeout(Fixture::kALittle, writing)) == Unexpected(Error::timed_out));
  CHECK(writing.written() < data.size());
  const std::size_t sent = before + writing.written();
  std::vector<std::byte> got(sent);
  REQUIRE(world.block(read_exact(pair.server, got)));
  CHECK(got == pattern_bytes(sent));
  std::byte more[8];
  auto reading = read_exact(pair.server, more);
  REQUIRE(world.block(write_all(pair.client, bytes("five!"))));
  world.run_a_little();
  CHECK(block_on(world.executor(), with_timeout(Fixture::kALittle, reading)) == Unexpected(Error::timed_out));
  CHECK(reading.size() == 5);
}

TEST_CASE("A flush is done when what was written is with the transport, whatever the peer does", "[tcp][stream]") {
  World world;
  Pair pair = world.connect();
  CHECK(world.block(flush(pair.client)));
  REQUIRE(world.block(write_all(pair.client, bytes("some"))));
  CHECK(world.block(flush(pair.client)));
  std::byte got[4];
  CHECK(world.block(read_exact(pair.server, got)));
}

TEST_CASE("Pieces gathered in one write arrive as one run of bytes", "[tcp][stream]") {
  World world;
  Pair pair = world.connect();
  const auto body = pattern_bytes(40'000);
  std::array<std::span<const std::byte>, 5> pieces{bytes("head"), {}, body, bytes("tail"), {}};
  auto writing = write_gather(pair.client, pieces);
  std::vector<std::byte> got(body.size() + 8);
  auto ends = world.block(join(writing, read_exact(pair.server, got)));
  REQUIRE(ends);
  CHECK(std::get<0>(*ends));
  CHECK(std::get<1>(*ends));
  CHECK(writing.written() == got.size());
  CHECK(text(std::span(got).first(4)) == "head");
  CHECK(std::equal(body.begin(), body.end(), got.begin() + 4));
  CHECK(text(std::span(got).last(4)) == "tail");
}

TEST_CASE("An operation that waits on a handle which moves away learns it, and the stream lives on", "[tcp][stream]") {
  World world;
  Pair pair = world.connect();
  std::byte lost[4];
  auto waiting = read(pair.server, lost);
  CHECK(block_on(world.executor(), with_timeout(Fixture::kALittle, waiting)) == Unexpected(Error::timed_out));
  Stream elsewhere(std::move(pair.server));
  REQUIRE(world.block(write_all(pair.client, bytes("data"))));
  CHECK(world.block(waiting) == Unexpected(Error::closed));
  std::byte got[4];
  CHECK(world.block(read_exact(elsewhere, got)));
  CHECK(text(got) == "data");
}

TEST_CASE("A handle that was moved from is closed in every respect", "[tcp][stream]") {
  World world;
  Pair pair = world.connect();
  Stream elsewhere(std::move(pair.client));
  Stream& gone = pair.client;
  std::byte got[4];
  CHECK(world.block(read(gone, got)) == Unexpected(Error::closed));
  CHECK(world.block(write(gone, bytes("x"))) == Unexpected(Error::closed));
  CHECK(world.block(flush(gone)) == Unexpected(Error::closed));
  CHECK(world.block(shutdown(gone)) == Unexpected(Error::closed));
  CHECK(gone.configure({.no_delay = true}) == Unexpected(Error::closed));
  gone.abort();
  CHECK(world.block(write_all(elsewhere, bytes("x"))));
}

}  // namespace nal::conformance

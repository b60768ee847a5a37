#include "nal/buffered_reader.hpp"
#include "nal/copy.hpp"
#include "nal/split.hpp"
#include "tests/nal/net/support.hpp"
#include "tests/support/cancel.hpp"

namespace nal::test {

namespace {

/// Two ends that can be read and written where their bytes lie.
struct InPlaceTest : NetTest {
  explicit InPlaceTest(const FakeConfig& config = {}) : NetTest(config) {
    auto pair = connected();
    near.emplace(std::move(pair.client));
    far.emplace(std::move(pair.server));
  }
  std::optional<FakeInPlaceStream> near;
  std::optional<FakeInPlaceStream> far;
};

std::vector<std::byte> lines(std::size_t count) {
  std::vector<std::byte> data;
  for (std::size_t i = 0; i < count; ++i) {
    const auto line = bytes("a line of text\n");
    data.insert(data.end(), line.begin(), line.begin() + static_cast<std::ptrdiff_t>(15 - i % 3));
    if (i % 3 != 0) { data.push_back(std::byte{'\n'}); }
  }
  return data;
}

}  // namespace

TEST_CASE("What is shown in place stays until it is consumed", "[in_place]") {
  InPlaceTest test;
  REQUIRE(test.block(write_all(*test.near, bytes("hello world"))));
  test.pass(1_ms);
  Waiter waiter;
  Context context = Context::probe(test.executor);
  for (int i = 0; i < 2; ++i) {
    const auto shown = test.far->poll_fill(context, waiter);
    REQUIRE(shown.ready());
    CHECK(text(**shown) == "hello world");
  }
  test.far->consume(6);
  const auto rest = test.far->poll_fill(context, waiter);
  REQUIRE(rest.ready());
  CHECK(text(**rest) == "world");
}

TEST_CASE("read_until takes lines from the stack's own memory, across the edge of its ring", "[in_place]") {
  InPlaceTest test({.receive_ring = 32, .send_ring = 32});
  const auto data = lines(40);
  TaskSlot<2048> writing;
  REQUIRE(writing.start(
      test.executor,
      [](FakeInPlaceStream& stream, std::span<const std::byte> all) -> Task<> {
        const auto written = co_await write_all(stream, all);
        if (!written) { co_return Unexpected(written.error()); }
        const auto ended = co_await shutdown(stream);
        co_return ended;
      },
      *test.near, std::span(data)));
  std::vector<std::byte> got;
  std::byte buffer[64];
  for (;;) {
    const auto size = test.block(read_until(*test.far, buffer, std::byte{'\n'}));
    if (!size) {
      CHECK(size.error() == Error::end_of_stream);
      break;
    }
    CHECK(buffer[*size - 1] == std::byte{'\n'});
    got.insert(got.end(), buffer, buffer + *size);
  }
  CHECK(got == data);
}

TEST_CASE("Written in place and committed in part, only that part is sent", "[in_place]") {
  InPlaceTest test;
  Waiter waiter;
  Context context = Context::probe(test.executor);
  for (const std::string_view piece : {"not sent", "sent"}) {
    auto room = test.near->poll_reserve(context, waiter);
    REQUIRE(room.ready());
    REQUIRE(*room);
    REQUIRE((*room)->size() >= 8);
    std::ranges::copy(bytes(piece), (*room)->begin());
    if (piece == "sent") { test.near->commit(4); }
  }
  std::byte got[8];
  const auto n = test.block(read(*test.far, got));
  REQUIRE(n);
  CHECK(text(std::span(got).first(*n)) == "sent");
  REQUIRE(test.block(shutdown(*test.near)));
  auto late = test.near->poll_reserve(context, waiter);
  REQUIRE(late.ready());
  CHECK(late->error() == Error::broken_pipe);
}

TEST_CASE("Copying in place goes through no buffer and reads nothing that it does not write", "[in_place]") {
  InPlaceTest from({.receive_ring = 50});
  InPlaceTest* const test = &from;
  auto out = test->connected();
  const auto data = lines(60);
  TaskSlot<2048> writing;
  REQUIRE(writing.start(
      test->executor,
      [](FakeInPlaceStream& stream, std::span<const std::byte> all) -> Task<> {
        const auto written = co_await write_all(stream, all);
        if (!written) { co_return Unexpected(written.error()); }
        const auto ended = co_await shutdown(stream);
        co_return ended;
      },
      *test->near, std::span(data)));
  std::vector<std::byte> got(data.size());
  auto ends = test->block(join(nal::copy(*test->far, out.client), read_exact(out.server, got)));
  REQUIRE(ends);
  REQUIRE(std::get<0>(*ends));
  CHECK(*std::get<0>(*ends) == data.size());
  CHECK(got == data);
}

TEST_CASE("Copying in place given up at any poll loses nothing", "[in_place][cancel]") {
  struct Trial {
    Trial() {
      test.server.faults().hiccup = 2;
      ended = test.block(write_all(*test.near, data)).has_value() && test.block(shutdown(*test.near)).has_value();
      out.emplace(test.connected());
    }
    Executor& executor() { return test.executor; }
    static Duration patience() { return NetTest::kForever; }
    auto begin() { return nal::copy(*test.far, out->client); }
    void given_up() {
      test.server.faults().hiccup = 0;
      std::vector<std::byte> got(data.size());
      auto ends = test.block(join(nal::copy(*test.far, out->client), read_exact(out->server, got)));
      REQUIRE(ends);
      CHECK(std::get<0>(*ends));
      CHECK(std::get<1>(*ends));
      CHECK(got == data);
    }
    void finished(Result<std::uint64_t>& copied) { CHECK(copied == data.size()); }
    std::vector<std::byte> data = lines(8);
    InPlaceTest test;
    std::optional<NetTest::Pair> out;
    bool ended = false;
  };
  CHECK(cancel_at_every_poll(std::make_unique<Trial>) >= 2);
}

TEST_CASE("Gathering hands over as many pieces as there is room for, in one go", "[in_place]") {
  InPlaceTest test({.send_ring = 10});
  std::array<std::span<const std::byte>, 4> pieces{bytes("abc"), bytes(""), bytes("defgh"), bytes("ijklmn")};
  Waiter waiter;
  Context context = Context::probe(test.executor);
  const auto taken = test.near->poll_write_gather(context, waiter, pieces);
  REQUIRE(taken.ready());
  CHECK(*taken == 10u);
  std::array<std::span<const std::byte>, 1> rest{bytes("klmn")};
  std::byte got[14];
  auto ends = test.block(join(write_gather(*test.near, rest), read_exact(*test.far, got)));
  REQUIRE(ends);
  CHECK(text(got) == "abcdefghijklmn");
}

TEST_CASE("A stream that can gather does so through its halves, too", "[in_place]") {
  InPlaceTest test;
  auto [reader, writer] = split(*test.near);
  static_assert(GatherWriter<decltype(writer)> && ZeroCopyWriter<decltype(writer)> && ZeroCopyReader<decltype(reader)>);
  std::array<std::span<const std::byte>, 2> pieces{bytes("two "), bytes("pieces\n")};
  REQUIRE(test.block(write_gather(writer, pieces)));
  std::byte got[11];
  REQUIRE(test.block(read_exact(*test.far, got)));
  CHECK(text(got) == "two pieces\n");
  REQUIRE(test.block(write_all(*test.far, got)));
  std::byte line[20];
  CHECK(test.block(read_until(reader, line, std::byte{'\n'})) == 11u);
}

TEST_CASE("A buffered reader over a real stream reads lines and leaves the rest", "[in_place]") {
  NetTest test;
  auto pair = test.connected();
  REQUIRE(test.block(write_all(pair.client, bytes("one\ntwo\nthree"))));
  std::byte memory[8];
  BufferedReader reader(pair.server, memory);
  std::byte line[20];
  CHECK(test.block(read_until(reader, line, std::byte{'\n'})) == 4u);
  CHECK(test.block(read_until(reader, line, std::byte{'\n'})) == 4u);
  CHECK(text(std::span(line).first(4)) == "two\n");
  REQUIRE(test.block(shutdown(pair.client)));
  auto last = read_until(reader, line, std::byte{'\n'});
  CHECK(test.block(last) == Unexpected(Error::end_of_stream));
  CHECK(text(std::span(line).first(last.size())) == "three");
}

}  // namespace nal::test

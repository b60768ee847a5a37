#include <array>
#include <string_view>

#include "nal/buffered_reader.hpp"
#include "nal/combinators.hpp"
#include "nal/copy.hpp"
#include "nal/read.hpp"
#include "nal/sleep.hpp"
#include "nal/split.hpp"
#include "nal/write.hpp"
#include "tests/support/cancel_rounds.hpp"
#include "tests/support/check.hpp"
#include "tests/support/pipe.hpp"
#include "tests/support/virtual_clock.hpp"

using namespace nal;
using namespace nal::literals;
using test::PipeEnd;
using test::PipePair;
using test::VirtualClock;

namespace {

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }
std::string_view text(std::span<const std::byte> data) {
  return std::string_view(reinterpret_cast<const char*>(data.data()), data.size());
}
std::byte pattern(std::size_t i) { return static_cast<std::byte>(i * 7); }

Task<> echo(PipeEnd& stream) {
  std::byte buffer[7];
  for (;;) {
    NAL_CO_TRY_SET(const std::size_t got, read(stream, buffer));
    if (got == 0) { break; }
    NAL_CO_TRY(write_all(stream, std::span<const std::byte>(buffer, got)));
  }
  NAL_CO_TRY(shutdown(stream));
  co_return Unit{};
}

template <ByteWriter W>
Task<> produce(W writer, std::size_t total) {
  std::byte buffer[11];
  for (std::size_t sent = 0; sent < total;) {
    std::size_t size = 0;
    for (; size < sizeof buffer && sent < total; ++size, ++sent) { buffer[size] = pattern(sent); }
    NAL_CO_TRY(write_all(writer, std::span<const std::byte>(buffer, size)));
  }
  NAL_CO_TRY(shutdown(writer));
  co_return Unit{};
}

template <ByteReader R>
Task<> consume(R reader, std::size_t total, std::size_t& received) {
  std::byte buffer[6];
  for (;;) {
    NAL_CO_TRY_SET(const std::size_t got, read(reader, buffer));
    if (got == 0) { break; }
    for (std::size_t i = 0; i < got; ++i, ++received) {
      if (buffer[i] != pattern(received)) { co_return Unexpected(Error::protocol_error); }
    }
  }
  if (received != total) { co_return Unexpected(Error::end_of_stream); }
  co_return Unit{};
}

/// Both directions of one stream in one task, under a deadline.
Task<> converse(PipeEnd& stream, std::size_t total, std::size_t& received) {
  auto halves = split(stream);
  const auto both =
      co_await with_timeout(1_s, join(produce(halves.second, total), consume(halves.first, total, received)));
  if (!both) { co_return Unexpected(both.error()); }
  const Result<>& sent = std::get<0>(*both);
  if (!sent) { co_return Unexpected(sent.error()); }
  const Result<>& got = std::get<1>(*both);
  co_return got;
}

Task<> read_to_the_end(PipeEnd& stream, bool& ended) {
  NAL_CO_TRY(shutdown(stream));
  std::byte buffer[8];
  for (;;) {
    NAL_CO_TRY_SET(const std::size_t got, read(stream, buffer));
    if (got == 0) { break; }
  }
  ended = true;
  co_return Unit{};
}

Task<Result<std::size_t>> write_within(PipeEnd& stream, std::span<const std::byte> data, Duration limit) {
  auto operation = write_all(stream, data);
  const Result<> written = co_await with_timeout(limit, operation);
  if (written) { co_return Unexpected(Error::protocol_error); }
  co_return operation.written();
}

Task<> read_byte(PipeEnd& stream, unsigned& received) {
  std::byte buffer[1];
  NAL_CO_TRY_SET(const std::size_t got, read(stream, buffer));
  received += static_cast<unsigned>(got);
  co_return Unit{};
}

/// A reader that can be looked into.
using Buffered = BufferedReader<PipeEnd>;

/// A writer that takes several pieces at once and counts how often it was asked.
class GatherSink {
 public:
  Poll<Result<std::size_t>> poll_write(Context& context, Waiter& waiter, std::span<const std::byte> data) noexcept {
    const std::span<const std::byte> pieces[] = {data};
    return poll_write_gather(context, waiter, pieces);
  }
  Poll<Result<std::size_t>> poll_write_gather(Context&, Waiter&, ConstBuffers pieces) noexcept {
    ++calls_;
    std::size_t taken = 0;
    for (const auto piece : pieces) {
      for (const std::byte byte : piece) {
        if (taken == chunk_) { return taken; }
        memory_[size_++] = byte;
        ++taken;
      }
    }
    return taken;
  }
  Poll<Result<>> poll_flush(Context&, Waiter&) noexcept { return Result<>(); }
  Poll<Result<>> poll_shutdown(Context&, Waiter&) noexcept { return Result<>(); }

  void set_chunk(std::size_t chunk) noexcept { chunk_ = chunk; }
  unsigned calls() const noexcept { return calls_; }
  std::string_view content() const noexcept { return text(std::span(memory_).first(size_)); }

 private:
  std::array<std::byte, 64> memory_{};
  std::size_t size_ = 0;
  std::size_t chunk_ = 64;
  unsigned calls_ = 0;
};
static_assert(GatherWriter<GatherSink>);
static_assert(GatherWriter<WriteHalf<GatherSink>>);
static_assert(!GatherWriter<WriteHalf<PipeEnd>>);
static_assert(ZeroCopyReader<Buffered>);
static_assert(ZeroCopyReader<ReadHalf<BufferedReader<PipeEnd>>>);

}  // namespace

TEST_CASE("a split stream is read and written by two tasks at once, whole and in order", "[streams]") {
  VirtualClock clock;
  Executor executor(clock);
  PipePair pair;
  TaskSlot<2048> echoes;
  TaskSlot<2048> reads;
  TaskSlot<2048> writes;
  std::size_t received = 0;
  auto [reader, writer] = split(pair.near);
  REQUIRE(echoes.start(executor, echo, pair.far));
  REQUIRE(reads.start(executor, consume<ReadHalf<PipeEnd>>, reader, std::size_t{500}, received));
  REQUIRE(writes.start(executor, produce<WriteHalf<PipeEnd>>, writer, std::size_t{500}));
  executor.run();
  CHECK(received == 500);
  CHECK((*reads.result()).has_value());
  CHECK((*writes.result()).has_value());
  CHECK((*echoes.result()).has_value());
}

TEST_CASE("a conversation may be cancelled after every round and its stream stays usable", "[streams]") {
  const unsigned cuts = test::cancel_after_every_round([](unsigned rounds) {
    VirtualClock clock;
    Executor executor(clock);
    PipePair pair;
    TaskSlot<4096> talks;
    TaskSlot<2048> echoes;
    std::size_t received = 0;
    static_cast<void>(echoes.start(executor, echo, pair.far));
    static_cast<void>(talks.start(executor, converse, pair.near, std::size_t{120}, received));
    const bool finished = test::run_rounds(executor, talks, rounds);
    if (finished) {
      CHECK((*talks.result()).has_value());
      CHECK(received == 120);
    } else {
      talks.cancel();
      CHECK(talks.arena().live() == 0);
      CHECK(pair.pipe.back.readable.empty());
      CHECK(pair.pipe.ahead.writable.empty());
      CHECK(executor.next_timer().is_never());
      bool ended = false;
      static_cast<void>(talks.start(executor, read_to_the_end, pair.near, ended));
      test::run_ready(executor);
      CHECK(ended);
    }
    return finished;
  });
  CHECK(cuts > 10);
}

TEST_CASE("a reset reaches everybody who waits", "[streams]") {
  VirtualClock clock;
  Executor executor(clock);
  PipePair pair;
  TaskSlot<2048> reads;
  TaskSlot<2048> writes;
  std::size_t received = 0;
  auto [reader, writer] = split(pair.near);
  REQUIRE(reads.start(executor, consume<ReadHalf<PipeEnd>>, reader, std::size_t{500}, received));
  REQUIRE(writes.start(executor, produce<WriteHalf<PipeEnd>>, writer, std::size_t{500}));
  test::run_ready(executor);
  CHECK(reads.running());
  CHECK(writes.running());
  CHECK(contains(reads.waits_for(), Wait::readable));
  CHECK(contains(writes.waits_for(), Wait::writable));
  pair.pipe.break_down();
  test::run_ready(executor);
  REQUIRE(reads.result().ready());
  REQUIRE(writes.result().ready());
  CHECK(*reads.result() == Unexpected(Error::connection_reset));
  CHECK(*writes.result() == Unexpected(Error::connection_reset));
}

TEST_CASE("two readers of one stream are both served and neither spins", "[streams]") {
  VirtualClock clock;
  Executor executor(clock);
  PipePair pair;
  pair.pipe.hiccup = 0;
  TaskSlot<1024> readers[2];
  unsigned received = 0;
  for (auto& slot : readers) { REQUIRE(slot.start(executor, read_byte, pair.near, received)); }
  CHECK(test::run_ready(executor) == 1);
  const std::byte one[1] = {};
  CHECK(block_on(executor, write(pair.far, one)) == 1);
  CHECK(test::run_ready(executor) <= 1);
  CHECK(received == 1);
  CHECK(readers[0].running() != readers[1].running());
  CHECK(block_on(executor, write(pair.far, one)) == 1);
  test::run_ready(executor);
  CHECK(received == 2);
}

TEST_CASE("write_all cut by a deadline tells how far it came", "[streams]") {
  VirtualClock clock;
  Executor executor(clock);
  PipePair pair;
  TaskSlot<2048, Result<std::size_t>> slot;
  const std::byte data[40] = {};
  CHECK(block_on(executor, slot, write_within, pair.near, std::span(data), 10_ms) == test::PipeDirection::kCapacity);
  CHECK(pair.pipe.ahead.writable.empty());
}

TEST_CASE("read_exact fills its buffer or says how much it has at the end", "[streams]") {
  VirtualClock clock;
  Executor executor(clock);
  PipePair pair;
  TaskSlot<2048> writes;
  REQUIRE(writes.start(executor, produce<WriteHalf<PipeEnd>>, WriteHalf<PipeEnd>(pair.far), std::size_t{30}));
  std::array<std::byte, 20> whole{};
  REQUIRE(block_on(executor, read_exact(pair.near, whole)));
  for (std::size_t i = 0; i < whole.size(); ++i) { CHECK(whole[i] == pattern(i)); }
  auto rest = read_exact(pair.near, whole);
  CHECK(block_on(executor, rest) == Unexpected(Error::end_of_stream));
  CHECK(rest.size() == 10);
  CHECK(whole[9] == pattern(29));
  CHECK(block_on(executor, read_exact(pair.near, std::span<std::byte>())).has_value());
}

TEST_CASE("reading and writing nothing completes at once", "[streams]") {
  VirtualClock clock;
  Executor executor(clock);
  PipePair pair;
  CHECK(try_read(executor, pair.near, {}) == 0);
  CHECK(try_write(executor, pair.near, {}) == 0);
  CHECK(block_on(executor, write_all(pair.near, {})).has_value());
  CHECK(clock.sleeps() == 0);
}

TEST_CASE("trying to read or write does not wait", "[streams]") {
  VirtualClock clock;
  Executor executor(clock);
  PipePair pair;
  pair.pipe.hiccup = 0;
  std::byte buffer[16];
  CHECK(try_read(executor, pair.near, buffer) == Unexpected(Error::would_block));
  const std::byte data[16] = {};
  for (const std::size_t taken : {5u, 5u, 3u}) { CHECK(try_write(executor, pair.far, data) == taken); }
  CHECK(try_write(executor, pair.far, data) == Unexpected(Error::would_block));
  CHECK(try_read(executor, pair.near, buffer) == 13);
  CHECK(pair.pipe.back.readable.empty());
  CHECK(pair.pipe.back.writable.empty());
}

TEST_CASE("after the shutdown of one direction the other goes on", "[streams]") {
  VirtualClock clock;
  Executor executor(clock);
  PipePair pair;
  pair.pipe.hiccup = 0;
  std::byte buffer[8];
  REQUIRE(block_on(executor, write_all(pair.near, bytes("last"))));
  REQUIRE(block_on(executor, shutdown(pair.near)));
  REQUIRE(block_on(executor, shutdown(pair.near)));
  CHECK(block_on(executor, write(pair.near, bytes("more"))) == Unexpected(Error::broken_pipe));
  REQUIRE(block_on(executor, read(pair.far, buffer)) == 4);
  CHECK(text(std::span(buffer).first(4)) == "last");
  CHECK(block_on(executor, read(pair.far, buffer)) == 0);
  CHECK(block_on(executor, read(pair.far, buffer)) == 0);
  REQUIRE(block_on(executor, write_all(pair.far, bytes("back"))));
  CHECK(block_on(executor, read(pair.near, buffer)) == 4);
}

TEST_CASE("flush waits until everything was handed on", "[streams]") {
  VirtualClock clock;
  Executor executor(clock);
  PipePair pair;
  pair.pipe.hiccup = 0;
  CHECK(block_on(executor, flush(pair.near)).has_value());
  REQUIRE(block_on(executor, write_all(pair.near, bytes("x"))));
  CHECK(block_on(executor, with_timeout(1_ms, flush(pair.near))) == Unexpected(Error::timed_out));
  std::byte buffer[8];
  CHECK(block_on(executor, read(pair.far, buffer)) == 1);
  CHECK(block_on(executor, flush(pair.near)).has_value());
}

TEST_CASE("gather write sends its pieces in order, in one go where the stream can", "[streams]") {
  VirtualClock clock;
  Executor executor(clock);
  for (const std::size_t chunk : {1u, 3u, 4u, 64u}) {
    GatherSink sink;
    sink.set_chunk(chunk);
    std::array<std::span<const std::byte>, 5> pieces{bytes("one"), {}, bytes("two"), bytes("3"), {}};
    auto operation = write_gather(sink, pieces);
    REQUIRE(block_on(executor, operation));
    CHECK(operation.written() == 7);
    CHECK(sink.content() == "onetwo3");
    CHECK(sink.calls() == (7 + chunk - 1) / chunk);
  }
}

TEST_CASE("gather write goes piece by piece where the stream cannot, and tells how far it came", "[streams]") {
  VirtualClock clock;
  Executor executor(clock);
  PipePair pair;
  pair.pipe.hiccup = 0;
  std::array<std::span<const std::byte>, 3> pieces{bytes("0123456"), bytes("789ab"), bytes("cdef")};
  auto operation = write_gather(pair.near, pieces);
  CHECK(block_on(executor, with_timeout(1_ms, operation)) == Unexpected(Error::timed_out));
  CHECK(operation.written() == 13);
  std::byte buffer[16];
  REQUIRE(block_on(executor, read(pair.far, buffer)) == 13);
  CHECK(text(std::span(buffer).first(13)) == "0123456789abc");
  REQUIRE(block_on(executor, operation));
  CHECK(operation.written() == 16);
  REQUIRE(block_on(executor, read(pair.far, buffer)) == 3);
  CHECK(text(std::span(buffer).first(3)) == "def");
}

TEST_CASE("a buffered reader shows what is there until it is consumed", "[streams]") {
  VirtualClock clock;
  Executor executor(clock);
  PipePair pair;
  pair.pipe.hiccup = 0;
  std::byte memory[8];
  Buffered buffered(pair.near, memory);
  REQUIRE(block_on(executor, write_all(pair.far, bytes("hello world"))));
  struct Fill {
    static Task<Result<std::size_t>> run(Buffered& from) {
      class Operation {
       public:
        explicit Operation(Buffered& reader) noexcept : reader_(&reader) {}
        Poll<Result<std::size_t>> poll(Context& context) noexcept {
          auto filled = reader_->poll_fill(context, waiter_);
          if (!filled.ready()) { return pending; }
          if (!*filled) { return Unexpected(filled->error()); }
          return (*filled)->size();
        }

       private:
        Buffered* reader_;
        Waiter waiter_;
      };
      const Result<std::size_t> size = co_await Operation(from);
      co_return size;
    }
  };
  TaskSlot<1024, Result<std::size_t>> slot;
  CHECK(block_on(executor, slot, Fill::run, buffered) == 8);
  CHECK(block_on(executor, slot, Fill::run, buffered) == 8);
  CHECK(text(buffered.buffered()) == "hello wo");
  buffered.consume(6);
  CHECK(text(buffered.buffered()) == "wo");
  std::byte large[16];
  CHECK(block_on(executor, read(buffered, large)) == 2);
  CHECK(block_on(executor, read(buffered, large)) == 3);
  CHECK(text(std::span(large).first(3)) == "rld");
  REQUIRE(block_on(executor, shutdown(pair.far)));
  CHECK(block_on(executor, slot, Fill::run, buffered) == 0);
  CHECK(block_on(executor, read(buffered, large)) == 0);
  CHECK_ASSERTS(buffered.consume(1));
}

TEST_CASE("read_until takes up to the delimiter and nothing behind it", "[streams]") {
  VirtualClock clock;
  Executor executor(clock);
  PipePair pair;
  std::byte memory[6];
  Buffered buffered(pair.near, memory);
  TaskSlot<1024> writes;
  struct Code {
    static Task<> run(PipeEnd& stream) {
      NAL_CO_TRY(write_all(stream, bytes("first line\nsecond\n\nend")));
      NAL_CO_TRY(shutdown(stream));
      co_return Unit{};
    }
  };
  REQUIRE(writes.start(executor, Code::run, pair.far));
  const auto newline = static_cast<std::byte>('\n');
  std::byte line[11];
  REQUIRE(block_on(executor, read_until(buffered, line, newline)) == 11);
  CHECK(text(line) == "first line\n");
  REQUIRE(block_on(executor, read_until(buffered, line, newline)) == 7);
  CHECK(text(std::span(line).first(7)) == "second\n");
  CHECK(block_on(executor, read_until(buffered, line, newline)) == 1);
  auto last = read_until(buffered, line, newline);
  CHECK(block_on(executor, last) == Unexpected(Error::end_of_stream));
  CHECK(last.size() == 3);
}

TEST_CASE("read_until says when its buffer is too small, and keeps what it read", "[streams]") {
  VirtualClock clock;
  Executor executor(clock);
  PipePair pair;
  pair.pipe.hiccup = 0;
  std::byte memory[6];
  Buffered buffered(pair.near, memory);
  REQUIRE(block_on(executor, write_all(pair.far, bytes("too long\n"))));
  const auto newline = static_cast<std::byte>('\n');
  std::byte line[5];
  auto operation = read_until(buffered, line, newline);
  CHECK(block_on(executor, operation) == Unexpected(Error::buffer_too_small));
  CHECK(operation.size() == 5);
  CHECK(text(line) == "too l");
  REQUIRE(block_on(executor, read_until(buffered, line, newline)) == 4);
  CHECK(text(std::span(line).first(4)) == "ong\n");
}

TEST_CASE("copy carries everything to the end of its reader, through a buffer and in place", "[streams]") {
  for (const bool in_place : {false, true}) {
    VirtualClock clock;
    Executor executor(clock);
    PipePair from;
    PipePair to;
    std::byte memory[4];
    Buffered buffered(from.far, memory);
    std::byte buffer[5];
    TaskSlot<2048> writes;
    TaskSlot<2048> reads;
    std::size_t received = 0;
    REQUIRE(writes.start(executor, produce<WriteHalf<PipeEnd>>, WriteHalf<PipeEnd>(from.near), std::size_t{300}));
    REQUIRE(reads.start(executor, consume<ReadHalf<PipeEnd>>, ReadHalf<PipeEnd>(to.far), std::size_t{300}, received));
    if (in_place) {
      CHECK(block_on(executor, nal::copy(buffered, to.near)) == 300);
    } else {
      CHECK(block_on(executor, nal::copy(from.far, to.near, buffer)) == 300);
    }
    REQUIRE(block_on(executor, shutdown(to.near)));
    executor.run();
    CHECK(received == 300);
    CHECK((*reads.result()).has_value());
  }
}

TEST_CASE("copy cut by a deadline knows what is written and what is only read", "[streams]") {
  VirtualClock clock;
  Executor executor(clock);
  PipePair from;
  PipePair to;
  from.pipe.hiccup = 0;
  std::byte buffer[10];
  const std::string_view sent = "0123456789abc";
  REQUIRE(block_on(executor, write_all(to.near, bytes("1234"))));
  REQUIRE(block_on(executor, write_all(from.near, bytes(sent))));
  auto operation = nal::copy(from.far, to.near, buffer);
  CHECK(block_on(executor, with_timeout(1_ms, operation)) == Unexpected(Error::timed_out));
  CHECK(operation.copied() == 9);
  CHECK(text(operation.unwritten()) == "9");
}

TEST_CASE("copy between two fast ends lets other tasks run", "[streams]") {
  /// Gives a byte a read, for ever, up to a limit.
  struct Source {
    std::size_t left = 10'000;
    Poll<Result<std::size_t>> poll_read(Context&, Waiter&, std::span<std::byte> buffer) noexcept {
      if (left == 0) { return std::size_t{0}; }
      --left;
      buffer[0] = std::byte{};
      return std::size_t{1};
    }
  };
  struct Sink {
    Poll<Result<std::size_t>> poll_write(Context&, Waiter&, std::span<const std::byte> data) noexcept {
      return data.size();
    }
    Poll<Result<>> poll_flush(Context&, Waiter&) noexcept { return Result<>(); }
    Poll<Result<>> poll_shutdown(Context&, Waiter&) noexcept { return Result<>(); }
  };
  struct Code {
    static Task<> copies(Source& source, Sink& sink) {
      std::byte buffer[1];
      NAL_CO_TRY(nal::copy(source, sink, buffer));
      co_return Unit{};
    }
    static Task<> counts(TaskSlot<1024>& other, unsigned& turns) {
      while (other.running()) {
        ++turns;
        co_await yield();
      }
      co_return Unit{};
    }
  };
  VirtualClock clock;
  Executor executor(clock);
  Source source;
  Sink sink;
  TaskSlot<1024> copies;
  TaskSlot<1024> counts;
  unsigned turns = 0;
  REQUIRE(copies.start(executor, Code::copies, source, sink));
  REQUIRE(counts.start(executor, Code::counts, copies, turns));
  executor.run();
  CHECK(turns > 100);
}

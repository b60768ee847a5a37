#include "backends/posix/tcp.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <vector>

#include "tests/backends/posix/world.hpp"

using namespace nal;
using namespace nal::literals;
using namespace nal::test;

namespace {

constexpr const char* kReset = "<connection reset by peer>";

/// Text in which every position can be told from its neighbours.
std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) { text[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26); }
  return text;
}

Task<> write_whole(posix::TcpStream& stream, std::string_view text) {
  const Result<> written = co_await write_all(stream, bytes(text));
  co_return written;
}

Task<> write_pieces(posix::TcpStream& stream, std::span<std::span<const std::byte>> pieces) {
  const Result<> written = co_await write_gather(stream, pieces);
  co_return written;
}

}  // namespace

TEST_CASE("interrupted system calls are made again", "[posix][tcp]") {
  World world(each_poller());
  Faults faults;
  faults.fail(Call::accept4, EINTR, 3);
  faults.fail_afterwards(Call::connect, EINTR);  // the handshake goes on all the same
  auto listener = world.listen();
  auto client = world.must(connect(world.stack, listener.local_endpoint()));
  auto server = world.must(accept(listener));
  CHECK(faults.spent());

  faults.fail(Call::send, EINTR, 3);
  CHECK(world.must(write_all(client, bytes("ping"))) == Unit{});
  faults.fail(Call::sendmsg, EINTR, 3);
  std::array pieces = {bytes("po"), bytes("ng")};
  CHECK(world.must(write_gather(client, pieces)) == Unit{});
  faults.fail(Call::recv, EINTR, 3);
  CHECK(world.read_some(server) == "pingpong");
  faults.fail_afterwards(Call::close, EINTR);  // the descriptor is gone: closing it twice would close somebody else's
  const unsigned closed = faults.count(Call::close);
  client.abort();
  CHECK(faults.count(Call::close) == closed + 1);
  CHECK(faults.spent());
}

TEST_CASE("a peer that reads slowly gets everything, in order, however the writes are cut", "[posix][tcp]") {
  World world(each_poller());
  const std::string text = pattern(400'000);
  Faults faults;
  auto [stream, peer] = world.connected(Family::v4, {}, 8192);
  const int small = 8192;
  REQUIRE(::setsockopt(faults.last(Call::socket), SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
  TaskSlot<2048> slot;
  SECTION("one piece") { REQUIRE(slot.start(world.executor, write_whole, stream, text)); }
  const std::string_view view(text);
  std::vector<std::span<const std::byte>> pieces;
  SECTION("more pieces than one call takes, empty ones between them") {
    for (std::size_t at = 0; at < text.size(); at += 10'000) {
      pieces.push_back(bytes(view.substr(at, 10'000)));
      pieces.push_back({});
    }
    REQUIRE(slot.start(world.executor, write_pieces, stream, pieces));
  }
  std::string arrived;
  while (arrived.size() < text.size()) {
    world.settle();
    // All that is there, or the next byte: with so little room the system may take its time.
    arrived += peer.receive(std::max<std::size_t>(peer.waiting(), 1));
  }
  CHECK(arrived == text);
  world.executor.run();
  REQUIRE(slot.result().ready());
  CHECK(*slot.result() == Unit{});
  CHECK(faults.count(Call::send) + faults.count(Call::sendmsg) > 10);  // it was cut
}

TEST_CASE("what arrived before a reset is read first, and a reset never reads as an end", "[posix][tcp]") {
  World world(each_poller());
  auto [stream, peer] = world.accepted();
  SECTION("read before it came") {
    peer.send("last words");
    peer.reset();
    CHECK(world.read_some(stream) == "last words");
  }
  SECTION("seen by the reactor first") {
    peer.send("last words");
    world.settle();
    peer.reset();
    world.settle();
    CHECK(world.read_some(stream) == "last words");
  }
  SECTION("a write was told of it first") {
    peer.send("last words");
    peer.reset();
    CHECK(world.run(write(stream, bytes("x"))) == Unexpected(Error::connection_reset));
    CHECK(world.run(write(stream, bytes("x"))) == Unexpected(Error::connection_reset));
    CHECK(world.read_some(stream) == "last words");
  }
  SECTION("a shutdown was told of it first") {
    peer.send("last words");
    peer.reset();
    CHECK(error_of(world.run(shutdown(stream))) == Error::connection_reset);
    CHECK(world.read_some(stream) == "last words");
  }
  SECTION("read in pieces") {
    peer.send("last words");
    peer.reset();
    CHECK(world.read_some(stream, 4) == "last");
    CHECK(world.read_some(stream, 4) == " wor");
    CHECK(world.read_some(stream, 4) == "ds");
  }
  for (int i = 0; i < 3; ++i) { CHECK(world.read_some(stream) == kReset); }
  CHECK(world.run(write(stream, bytes("x"))) == Unexpected(Error::connection_reset));
  CHECK(world.run(flush(stream)) == Unexpected(Error::connection_reset));
}

TEST_CASE("a reset that comes while a task waits wakes it with the reset", "[posix][tcp]") {
  World world(each_poller());
  auto [stream, peer] = world.connected(Family::v4, {}, 8192);
  struct Code {
    static Task<> read_error(posix::TcpStream& from, Error& error) {
      Buffer buffer;
      const Result<std::size_t> got = co_await read(from, buffer);
      error = error_of(got);
      co_return Unit{};
    }
  };
  TaskSlot<2048> reads;
  TaskSlot<2048> writes;
  const std::string text = pattern(8'000'000);
  Error error{};
  REQUIRE(reads.start(world.executor, Code::read_error, stream, error));
  REQUIRE(writes.start(world.executor, write_whole, stream, text));
  world.settle();
  REQUIRE(reads.running());
  REQUIRE(writes.running());
  peer.reset();
  world.executor.run();
  CHECK(error == Error::connection_reset);
  CHECK(*writes.result() == Unexpected(Error::connection_reset));
}

TEST_CASE("an error that the system tells once is told to every later call", "[posix][tcp]") {
  World world(each_poller());
  auto [stream, peer] = world.accepted();
  Faults faults;
  faults.fail(Call::recv, ETIMEDOUT);  // the user time-out, or keep-alive
  CHECK(world.read_some(stream) == "<timed out>");
  CHECK(world.run(write(stream, bytes("x"))) == Unexpected(Error::timed_out));
  CHECK(world.run(flush(stream)) == Unexpected(Error::timed_out));
  CHECK(error_of(world.run(shutdown(stream))) == Error::timed_out);
  peer.send_end();
  CHECK(world.read_some(stream) == "<timed out>");  // what the system would now call an end
}

TEST_CASE("a system out of memory for a moment does not end a connection", "[posix][tcp]") {
  const int error = GENERATE(ENOBUFS, ENOMEM);
  World world(each_poller());
  auto [stream, peer] = world.accepted();
  Faults faults;
  faults.fail(Call::send, error).fail(Call::recv, error);
  CHECK(world.run(write(stream, bytes("x"))) == Unexpected(Error::no_memory));
  CHECK(world.read_some(stream) == "<out of memory>");
  CHECK(world.must(write_all(stream, bytes("on we go"))) == Unit{});
  CHECK(peer.receive(8) == "on we go");
  peer.send("indeed");
  CHECK(world.read_some(stream) == "indeed");
}

TEST_CASE("writing after one's own end is a broken pipe, and no signal", "[posix][tcp]") {
  static volatile std::sig_atomic_t signals;
  signals = 0;
  const auto before = std::signal(SIGPIPE, [](int) { signals = signals + 1; });
  World world(each_poller());
  auto [stream, peer] = world.accepted();
  CHECK(world.must(shutdown(stream)) == Unit{});
  CHECK(world.must(shutdown(stream)) == Unit{});
  CHECK(world.run(write(stream, bytes("x"))) == Unexpected(Error::broken_pipe));
  peer.send("still heard");
  CHECK(world.read_some(stream) == "still heard");

  auto [other, other_peer] = world.accepted();
  other_peer.reset();
  for (int i = 0; i < 3; ++i) {
    CHECK(world.run(write(other, bytes("x"))) == Unexpected(Error::connection_reset));
    std::array pieces = {bytes("x"), bytes("y")};
    CHECK(world.run(write_gather(other, pieces)) == Unexpected(Error::connection_reset));
  }
  CHECK(signals == 0);
  std::signal(SIGPIPE, before);
}

TEST_CASE("who waits to write is told when the stream is ended or fails under it", "[posix][tcp]") {
  World world(each_poller());
  auto [stream, peer] = world.connected(Family::v4, {}, 8192);
  const std::string text = pattern(8'000'000);
  TaskSlot<2048> slot;
  REQUIRE(slot.start(world.executor, write_whole, stream, text));
  world.settle();
  REQUIRE(slot.running());
  SECTION("ended by another task") {
    CHECK(world.must(shutdown(stream)) == Unit{});
    world.executor.run();
    CHECK(*slot.result() == Unexpected(Error::broken_pipe));
    CHECK(world.run(write(stream, bytes("x"))) == Unexpected(Error::broken_pipe));
    std::array pieces = {bytes("x")};
    CHECK(world.run(write_gather(stream, pieces)) == Unexpected(Error::broken_pipe));
    CHECK(world.run(write(stream, {})) == Unexpected(Error::broken_pipe));
  }
  SECTION("failed for another task") {
    peer.reset();
    CHECK(world.read_some(stream) == kReset);
    world.executor.run();
    CHECK(*slot.result() == Unexpected(Error::connection_reset));
    CHECK(world.run(write(stream, bytes("x"))) == Unexpected(Error::connection_reset));
  }
}

TEST_CASE("each direction of a connection ends by itself", "[posix][tcp]") {
  World world(each_poller());
  auto [stream, peer] = world.connected();
  SECTION("this side first") {
    CHECK(world.must(write_all(stream, bytes("question"))) == Unit{});
    CHECK(world.must(shutdown(stream)) == Unit{});
    CHECK(peer.receive_all() == "question");
    peer.send("answer");
    CHECK(world.read_some(stream) == "answer");
    peer.send("and more");
    peer.send_end();
    CHECK(world.read_some(stream) == "and more");
  }
  SECTION("the other side first") {
    peer.send("question");
    peer.send_end();
    CHECK(world.read_some(stream) == "question");
    CHECK(world.read_some(stream).empty());
    CHECK(world.must(write_all(stream, bytes("answer"))) == Unit{});
    CHECK(world.must(shutdown(stream)) == Unit{});
    CHECK(peer.receive_all() == "answer");
  }
  for (int i = 0; i < 3; ++i) { CHECK(world.read_some(stream).empty()); }
}

TEST_CASE("the end is found when it arrives together with data that fit into the buffer", "[posix][tcp]") {
  World world(each_poller());
  auto [stream, peer] = world.accepted();
  SECTION("before the first look") {
    peer.send("all");
    peer.send_end();
    CHECK(world.read_some(stream) == "all");
  }
  SECTION("after the first look, in one batch") {
    world.settle();
    peer.send("all");
    peer.send_end();
    world.settle();
    CHECK(world.read_some(stream) == "all");
  }
  SECTION("the end between the news of the data and the read") {
    world.settle();
    peer.send("all");
    world.settle();
    Faults faults;
    faults.before(Call::recv, [&peer = peer] { peer.send_end(); });
    CHECK(world.read_some(stream) == "all");
    CHECK(faults.spent());
  }
  SECTION("the end right after the read") {
    world.settle();
    peer.send("all");
    CHECK(world.read_some(stream) == "all");
    peer.send_end();
  }
  SECTION("a reset in place of the end") {
    world.settle();
    peer.send("all");
    peer.reset();
    world.settle();
    CHECK(world.read_some(stream) == "all");
    CHECK(world.read_some(stream) == kReset);
    return;
  }
  CHECK(world.read_some(stream).empty());
}

TEST_CASE("data that arrive between the news and the read, or right behind a short read, are found", "[posix][tcp]") {
  World world(each_poller());
  auto [stream, peer] = world.accepted();
  world.settle();
  Faults faults;
  peer.send("one");
  world.settle();
  faults.before(Call::recv, [&peer = peer] { peer.send("two"); });
  CHECK(world.read_some(stream) == "onetwo");
  peer.send("three");
  CHECK(world.read_some(stream) == "three");
  CHECK(faults.spent());
}

TEST_CASE("urgent data, which cut reads short, do not hide what follows", "[posix][tcp]") {
  World world(each_poller());
  auto [stream, peer] = world.accepted();
  SECTION("before the first look") {}
  SECTION("after the first look") { world.settle(); }
  SECTION("after a first read") {
    peer.send("0");
    CHECK(world.read_some(stream) == "0");
  }
  peer.send("before");
  peer.send_urgent('!');
  peer.send("behind");
  CHECK(world.read_some(stream) == "before");
  CHECK(world.read_some(stream) == "behind");
  peer.send_urgent('!');
  peer.send("again");
  CHECK(world.read_some(stream) == "again");
  peer.send_urgent('!');
  peer.send_end();
  CHECK(world.read_some(stream).empty());
}

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <optional>
#include <string>

#include "nal/sleep.hpp"
#include "tests/backends/posix/world.hpp"

using namespace nal;
using namespace nal::literals;
using namespace nal::test;

namespace {

constexpr posix::Config kLingering{.sockets = 4, .lookups = 1, .resolver_threads = 1, .linger_seconds = 7};

template <class Stream>
void drop(Stream& stream) {
  const Stream dropped = std::move(stream);
}

}  // namespace

TEST_CASE("dropping a stream with nothing unread sends what is queued and an end behind it", "[posix][closing]") {
  World world(each_poller());
  auto [stream, peer] = world.connected();
  const std::string text(100'000, 'x');
  CHECK(world.must(write_all(stream, bytes(text))) == Unit{});
  drop(stream);
  CHECK(world.stack.in_use() == 0);
  CHECK(peer.receive_all() == text);
}

TEST_CASE("dropping a stream with one byte unread resets it", "[posix][closing]") {
  World world(each_poller());
  auto [stream, peer] = world.connected();
  peer.send("xy");
  CHECK(world.read_some(stream, 1) == "x");
  drop(stream);
  CHECK(peer.was_reset());
}

TEST_CASE("data that arrive after a stream was dropped reset it", "[posix][closing]") {
  World world(each_poller());
  auto [stream, peer] = world.connected();
  drop(stream);
  CHECK(peer.read_error() == 0);  // the end
  peer.send("too late");
  CHECK(peer.was_reset());
}

TEST_CASE("how long a dropped stream lingers is bounded", "[posix][closing]") {
  World<kLingering> world(each_poller());
  auto [stream, peer] = world.connected();
  Faults faults;
  SECTION("by the stack's own bound") {
    drop(stream);
    CHECK(faults.option(IPPROTO_TCP, TCP_USER_TIMEOUT) == 7'000);
  }
  SECTION("by the application's, if that is shorter") {
    CHECK(stream.configure({.user_timeout = 2_s}));
    drop(stream);
    CHECK(faults.option(IPPROTO_TCP, TCP_USER_TIMEOUT) == 2'000);
  }
  SECTION("by the stack's, if the application's is longer") {
    CHECK(stream.configure({.user_timeout = 60_s}));
    drop(stream);
    CHECK(faults.option(IPPROTO_TCP, TCP_USER_TIMEOUT) == 7'000);
  }
  CHECK(faults.option(IPPROTO_TCP, TCP_LINGER2) == 7);
  CHECK(faults.option(SOL_SOCKET, SO_LINGER, -1) == -1);
  CHECK(faults.count(Call::close) == 1);
}

TEST_CASE("a stream that was written to before anybody asked whether it is connected lingers no longer than others",
          "[posix][closing]") {
  World<kLingering> world(each_poller());
  Peer listener = Peer::listen_at(any_port());
  auto stream = world.stack.start_tcp(listener.local(), {});
  REQUIRE(stream);
  Faults faults;
  CHECK(world.must(write_all(*stream, bytes("hello"))) == Unit{});
  drop(*stream);
  CHECK(faults.option(IPPROTO_TCP, TCP_USER_TIMEOUT) == 7'000);
  CHECK(listener.accept().receive_all() == "hello");
}

TEST_CASE("a stream that has failed is not told how long to linger", "[posix][closing]") {
  World world(each_poller());
  auto [stream, peer] = world.connected();
  peer.reset();
  CHECK(world.read_some(stream) == "<connection reset by peer>");
  Faults faults;
  drop(stream);
  CHECK(faults.options().empty());
  CHECK(faults.count(Call::close) == 1);
}

TEST_CASE("aborting a stream resets it, whatever stands where", "[posix][closing]") {
  World world(each_poller());
  auto [stream, peer] = world.connected();
  SECTION("nothing anywhere") {}
  SECTION("something written") { CHECK(world.must(write_all(stream, bytes("x"))) == Unit{}); }
  SECTION("something unread") { peer.send("x"); }
  SECTION("ended by this side") { CHECK(world.must(shutdown(stream)) == Unit{}); }
  stream.abort();
  CHECK(world.stack.in_use() == 0);
  CHECK(peer.was_reset());
  CHECK(world.read_some(stream) == "<already closed>");
  stream.abort();
  CHECK(world.stack.in_use() == 0);
}

TEST_CASE("closing waits for the peer's end and drops what it still sends", "[posix][closing]") {
  World world(each_poller());
  auto [stream, peer] = world.connected();
  const std::string text(50'000, 'x');
  CHECK(world.must(write_all(stream, bytes(text))) == Unit{});
  auto closing = close(std::move(stream));
  CHECK(block_on(world.executor, with_timeout(Duration::zero(), closing)) == Unexpected(Error::timed_out));
  peer.send("not read by anybody");
  CHECK(peer.receive_all() == text);
  CHECK(world.stack.in_use() == 1);
  peer.send_end();
  CHECK(world.run(closing) == Unit{});
  CHECK(world.stack.in_use() == 0);
  CHECK(peer.read_error() == 0);
}

TEST_CASE("closing tells when the peer reset the connection", "[posix][closing]") {
  World world(each_poller());
  auto [stream, peer] = world.connected();
  auto closing = close(std::move(stream));
  CHECK(block_on(world.executor, with_timeout(Duration::zero(), closing)) == Unexpected(Error::timed_out));
  peer.reset();
  CHECK(world.run(closing) == Unexpected(Error::connection_reset));
  CHECK(world.stack.in_use() == 0);
}

TEST_CASE("dropping a close aborts the connection", "[posix][closing]") {
  World world(each_poller());
  auto [stream, peer] = world.connected();
  {
    auto closing = close(std::move(stream));
    CHECK(block_on(world.executor, with_timeout(Duration::zero(), closing)) == Unexpected(Error::timed_out));
  }
  CHECK(world.stack.in_use() == 0);
  CHECK(peer.was_reset());
}

TEST_CASE("dropping a connect that is under way gives it up at once", "[posix][closing]") {
  World world(each_poller());
  Peer listener = Peer::listen_at(any_port(), 0);
  std::optional<posix::TcpStream> streams[3];
  for (auto& stream : streams) {
    auto started = world.stack.start_tcp(listener.local(), {});
    REQUIRE(started);
    stream.emplace(*std::move(started));
  }
  world.settle();
  REQUIRE(try_once(world.executor, Connected(*streams[2])) == Unexpected(Error::would_block));
  Faults faults;
  streams[2].reset();
  CHECK(faults.count(Call::close) == 1);
  CHECK(world.stack.in_use() == 2);
}

#include "adapters/asio/stream.hpp"

#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/read.hpp>
#include <asio/read_until.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <functional>
#include <memory>

#include "adapters/asio/acceptor.hpp"
#include "adapters/asio/udp.hpp"
#include "tests/adapters/asio/world.hpp"

namespace {

using namespace nal;
using namespace nal::test;

/// What a handler was told.
struct Told {
  unsigned calls = 0;
  ErrorCode error;
  std::size_t size = 0;
  auto handler() {
    return [this](ErrorCode e, std::size_t n) {
      ++calls;
      error = e;
      size = n;
    };
  }
  auto plain() {
    return [this](ErrorCode e) {
      ++calls;
      error = e;
    };
  }
};

template <class World>
void run(World& world) {
  world.context.restart();
  world.context.run();
}
template <class World>
void run_ready(World& world) {
  world.context.restart();
  while (world.context.poll() > 0) { world.context.restart(); }
}

TEMPLATE_TEST_CASE("what one end writes the other reads", "[asio]", PosixWorld, EmbeddedWorld) {
  TestType world;
  Connection connection(world);
  Told wrote;
  Told read;
  std::string got(5, ' ');
  connection.server.async_read_some(::asio::buffer(got), read.handler());
  connection.client.async_write_some(text("hello"), wrote.handler());
  CHECK(wrote.calls == 0);  // never inside what starts it
  run(world);
  CHECK(wrote.calls == 1);
  CHECK(wrote.size == 5);
  CHECK(read.calls == 1);
  CHECK(got == "hello");
}

TEMPLATE_TEST_CASE("buffer sequences are gathered and scattered", "[asio]", PosixWorld, EmbeddedWorld) {
  TestType world;
  Connection connection(world);
  Told wrote;
  Told read;
  const std::array pieces{text("ab"), text(""), text("cde"), text("f")};
  connection.client.async_write_some(pieces, wrote.handler());
  run(world);
  CHECK(wrote.size == 6);
  std::string one(2, ' ');
  std::string two;
  std::string three(10, ' ');
  const std::array into{::asio::buffer(one), ::asio::buffer(two), ::asio::buffer(three)};
  connection.server.async_read_some(into, read.handler());
  run(world);
  CHECK(read.size == 6);
  CHECK(one == "ab");
  CHECK(three.substr(0, 4) == "cdef");
}

TEMPLATE_TEST_CASE("operations without bytes complete at once, also while others wait", "[asio]", PosixWorld,
                   EmbeddedWorld) {
  TestType world;
  Connection connection(world);
  Told waiting;
  Told empty;
  std::string got(5, ' ');
  connection.server.async_read_some(::asio::buffer(got), waiting.handler());
  connection.server.async_read_some(::asio::mutable_buffer(), empty.handler());
  connection.server.async_write_some(::asio::const_buffer(), empty.handler());
  CHECK(empty.calls == 0);
  run_ready(world);
  CHECK(empty.calls == 2);
  CHECK(!empty.error);
  CHECK(empty.size == 0);
  CHECK(waiting.calls == 0);
  connection.server.cancel();
  run(world);
  CHECK(waiting.error == ::asio::error::operation_aborted);
}

TEMPLATE_TEST_CASE("the peer's end is eof without bytes, behind all that it wrote", "[asio]", PosixWorld,
                   EmbeddedWorld) {
  TestType world;
  Connection connection(world);
  Told wrote;
  connection.client.async_write_some(text("bye"), wrote.handler());
  Told shut;
  connection.client.async_shutdown_send(shut.plain());
  std::string got(10, ' ');
  Told read;
  ::asio::async_read(connection.server, ::asio::buffer(got), read.handler());
  run(world);
  CHECK(!shut.error);
  CHECK(read.error == ::asio::error::eof);
  CHECK(read.size == 3);
  // And the other direction goes on.
  ErrorCode none;
  connection.server.shutdown(::asio::socket_base::shutdown_send, none);
  CHECK(!none);
  Told end;
  connection.client.async_read_some(::asio::buffer(got), end.handler());
  run(world);
  CHECK(end.error == ::asio::error::eof);
  CHECK(end.size == 0);
}

TEMPLATE_TEST_CASE("a reset is told as Asio tells it", "[asio]", PosixWorld, EmbeddedWorld) {
  TestType world;
  Connection connection(world);
  std::string got(10, ' ');
  Told read;
  connection.server.async_read_some(::asio::buffer(got), read.handler());
  connection.client.abort();
  CHECK(!connection.client.is_open());
  run(world);
  CHECK(read.error == ::asio::error::connection_reset);
}

TEMPLATE_TEST_CASE("cancelling, closing and destroying a stream end what waits", "[asio]", PosixWorld, EmbeddedWorld) {
  TestType world;
  Connection connection(world);
  std::string got(10, ' ');
  Told read;
  connection.server.async_read_some(::asio::buffer(got), read.handler());
  run_ready(world);
  SECTION("cancel") { connection.server.cancel(); }
  SECTION("close") { connection.server.close(); }
  SECTION("destroy") { const auto gone = std::move(connection.server); }
  CHECK(read.calls == 0);
  run(world);
  CHECK(read.calls == 1);
  CHECK(read.error == ::asio::error::operation_aborted);
}

TEMPLATE_TEST_CASE("a signal cancels one operation, and the stream goes on", "[asio]", PosixWorld, EmbeddedWorld) {
  TestType world;
  Connection connection(world);
  ::asio::cancellation_signal signal;
  std::string got(5, ' ');
  std::string other(5, ' ');
  Told cancelled;
  Told goes_on;
  connection.server.async_read_some(::asio::buffer(got),
                                    ::asio::bind_cancellation_slot(signal.slot(), cancelled.handler()));
  run_ready(world);
  signal.emit(::asio::cancellation_type::total);
  connection.server.async_read_some(::asio::buffer(other), goes_on.handler());
  Told wrote;
  connection.client.async_write_some(text("hello"), wrote.handler());
  run(world);
  CHECK(cancelled.error == ::asio::error::operation_aborted);
  CHECK(goes_on.size == 5);
  CHECK(other == "hello");
}

TEMPLATE_TEST_CASE("a stream may be moved while its operations wait", "[asio]", PosixWorld, EmbeddedWorld) {
  TestType world;
  Connection connection(world);
  std::string got(5, ' ');
  Told read;
  connection.server.async_read_some(::asio::buffer(got), read.handler());
  auto moved = std::move(connection.server);
  Told wrote;
  connection.client.async_write_some(text("hello"), wrote.handler());
  run(world);
  CHECK(got == "hello");
  CHECK(moved.is_open());
}

TEMPLATE_TEST_CASE("a stream that is not open says so", "[asio]", PosixWorld, EmbeddedWorld) {
  TestType world;
  StreamOf<TestType> stream(world.loop);
  CHECK(!stream.is_open());
  std::string got(5, ' ');
  Told read;
  stream.async_read_some(::asio::buffer(got), read.handler());
  CHECK(read.calls == 0);
  run(world);
  CHECK(read.error == ::asio::error::bad_descriptor);
  CHECK_THROWS_AS(stream.remote_endpoint(), ::asio::system_error);
}

TEMPLATE_TEST_CASE("a connect to where nobody listens is refused", "[asio]", PosixWorld, EmbeddedWorld) {
  TestType world;
  Endpoint nobody;
  {
    auto acceptor = listen(world);
    nobody = with_asio::to_nal(acceptor.local_endpoint());
  }
  StreamOf<TestType> stream(world.loop);
  Told told;
  stream.async_connect(world.client(), nobody, told.plain());
  run(world);
  CHECK(told.error == ::asio::error::connection_refused);
  CHECK(!stream.is_open());
}

TEMPLATE_TEST_CASE("an end knows its endpoints and takes options", "[asio]", PosixWorld, EmbeddedWorld) {
  TestType world;
  Connection connection(world);
  CHECK(connection.client.local_endpoint() == connection.server.remote_endpoint());
  CHECK(connection.client.lowest_layer().remote_endpoint() == connection.server.local_endpoint());
  CHECK_NOTHROW(connection.client.set_option(::asio::ip::tcp::no_delay(false)));
  CHECK_NOTHROW(connection.client.set_option(::asio::socket_base::keep_alive(true)));
}

TEMPLATE_TEST_CASE("async_close ends when both ends have", "[asio]", PosixWorld, EmbeddedWorld) {
  TestType world;
  Connection connection(world);
  Told wrote;
  Told closed;
  Told read;
  std::string got;
  connection.client.async_write_some(text("all of it"), wrote.handler());
  connection.client.async_close(closed.plain());
  ::asio::async_read(connection.server, ::asio::dynamic_buffer(got), [&](ErrorCode error, std::size_t) {
    CHECK(error == ::asio::error::eof);
    CHECK(closed.calls == 0);
    connection.server.close();
  });
  run(world);
  CHECK(got == "all of it");
  CHECK(closed.calls == 1);
  CHECK(!closed.error);
}

::asio::awaitable<void> echo(auto stream) {
  std::array<char, 16> buffer;
  for (;;) {
    ErrorCode error;
    const std::size_t size =
        co_await stream.async_read_some(::asio::buffer(buffer), ::asio::redirect_error(::asio::use_awaitable, error));
    if (error) { co_return; }
    co_await ::asio::async_write(stream, ::asio::buffer(buffer, size), ::asio::use_awaitable);
  }
}
template <class A>
::asio::awaitable<void> serve(A& acceptor, int count) {
  for (int i = 0; i < count; ++i) {
    auto peer = co_await acceptor.async_accept(::asio::use_awaitable);
    ::asio::co_spawn(acceptor.get_executor(), echo(std::move(peer)), ::asio::detached);
  }
}
template <class World>
::asio::awaitable<void> ask(World& world, ::asio::ip::tcp::endpoint server, std::string& answer) {
  StreamOf<World> stream(world.loop);
  co_await stream.async_connect(world.client(), server, ::asio::use_awaitable);
  co_await ::asio::async_write(stream, text("a line of some length\n"), ::asio::use_awaitable);
  co_await ::asio::async_read_until(stream, ::asio::dynamic_buffer(answer), '\n', ::asio::use_awaitable);
}

TEMPLATE_TEST_CASE("coroutines of Asio's serve and ask over nal", "[asio]", PosixWorld, EmbeddedWorld) {
  TestType world;
  auto acceptor = listen(world);
  std::array<std::string, 3> answers;
  ::asio::co_spawn(world.context, serve(acceptor, 3), ::asio::detached);
  for (std::string& answer : answers) {
    ::asio::co_spawn(world.context, ask(world, acceptor.local_endpoint(), answer), ::asio::detached);
  }
  run(world);
  for (const std::string& answer : answers) { CHECK(answer == "a line of some length\n"); }
}

TEMPLATE_TEST_CASE("an accept is cancelled, and the next one gets the connection", "[asio]", PosixWorld,
                   EmbeddedWorld) {
  TestType world;
  auto acceptor = listen(world);
  Told first;
  acceptor.async_accept([&first](ErrorCode error, StreamOf<TestType> peer) {
    ++first.calls;
    first.error = error;
    CHECK(!peer.is_open());
  });
  run_ready(world);
  acceptor.cancel();
  run(world);
  CHECK(first.error == ::asio::error::operation_aborted);
  StreamOf<TestType> client(world.loop);
  Told connected;
  bool accepted = false;
  client.async_connect(world.client(), acceptor.local_endpoint(), connected.plain());
  acceptor.async_accept([&accepted](ErrorCode error, StreamOf<TestType> peer) { accepted = !error && peer.is_open(); });
  run(world);
  CHECK(!connected.error);
  CHECK(accepted);
  acceptor.close();
  CHECK_THROWS_AS(acceptor.local_endpoint(), ::asio::system_error);
}

TEMPLATE_TEST_CASE("a server whose sessions own their streams is taken down by closing the loop", "[asio]", PosixWorld,
                   EmbeddedWorld) {
  TestType world;
  Connection connection(world);
  auto session = std::make_shared<std::pair<StreamOf<TestType>, std::string>>(std::move(connection.server), "12345");
  const std::weak_ptr watch = session;
  auto& [stream, buffer] = *session;
  stream.async_read_some(::asio::buffer(buffer), [session](ErrorCode, std::size_t) {});
  session.reset();
  run_ready(world);
  CHECK(!watch.expired());
  world.loop.close();
  CHECK(watch.expired());
  CHECK(world.stack_is_empty());
}

/// A stream that takes and gives whatever it is asked for, and notes where that lies.
struct Noting {
  Poll<Result<std::size_t>> poll_read(Context&, Waiter&, std::span<std::byte> buffer) noexcept {
    *last = buffer.data();
    return buffer.size();
  }
  Poll<Result<std::size_t>> poll_write(Context&, Waiter&, std::span<const std::byte> data) noexcept {
    *last = data.data();
    return data.size();
  }
  Poll<Result<>> poll_flush(Context&, Waiter&) noexcept { return Result<>(); }
  Poll<Result<>> poll_shutdown(Context&, Waiter&) noexcept { return Result<>(); }
  const void** last;
};

TEST_CASE("the caller's buffers are what the nal stream works on: nothing is copied on the way", "[asio]") {
  ::asio::io_context context;
  Loop loop(context.get_executor());
  const void* last = nullptr;
  with_asio::Stream<Noting> stream(loop, Noting{&last});
  std::array<char, 64> buffer{};
  Told told;
  stream.async_write_some(::asio::buffer(buffer), told.handler());
  CHECK(last == buffer.data());
  last = nullptr;
  stream.async_read_some(::asio::buffer(buffer), told.handler());
  CHECK(last == buffer.data());
  CHECK(told.calls == 0);
  context.run();
  CHECK(told.calls == 2);
}

TEST_CASE("a handler that the caller keeps is copied", "[asio]") {
  ::asio::io_context context;
  Loop loop(context.get_executor());
  const void* last = nullptr;
  with_asio::Stream<Noting> stream(loop, Noting{&last});
  std::array<char, 64> buffer{};
  int calls = 0;
  const auto constant = [&calls](const ErrorCode&, std::size_t) { ++calls; };
  auto changing = [&calls, mine = 0](const ErrorCode&, std::size_t) mutable { calls += ++mine; };
  stream.async_write_some(::asio::buffer(buffer), constant);
  stream.async_write_some(::asio::buffer(buffer), changing);
  stream.async_write_some(::asio::buffer(buffer), changing);
  context.run();
  CHECK(calls == 3);
}

TEST_CASE("operations that are done at once leave the others of the io_context their turns", "[asio]") {
  ::asio::io_context context;
  Loop loop(context.get_executor());
  const void* last = nullptr;
  with_asio::Stream<Noting> stream(loop, Noting{&last});
  std::array<char, 64> buffer{};
  int calls = 0;
  int before = -1;
  std::function<void(const ErrorCode&, std::size_t)> again = [&](const ErrorCode&, std::size_t) {
    // Something of others' comes in between long before a chain without end is over.
    if (++calls == 1) {
      ::asio::post(context, [&] { before = calls; });
    }
    if (calls < 1000) { stream.async_write_some(::asio::buffer(buffer), again); }
  };
  stream.async_write_some(::asio::buffer(buffer), again);
  context.run();
  CHECK(calls == 1000);
  CHECK(before >= 1);
  CHECK(before < 50);
}

TEMPLATE_TEST_CASE("datagrams go both ways", "[asio]", PosixWorld, EmbeddedWorld) {
  TestType world;
  using Bound = with_asio::UdpSocket<typename TestType::Stack::MultiplyBoundUdp>;
  using Connected = with_asio::UdpSocket<typename TestType::Stack::ConnectedUdp>;
  Bound server(world.loop, world.server().udp_bind_multiple(TestType::any(), {}).value());
  Connected client(world.loop, udp_connect(world.client(), with_asio::to_nal(server.local_endpoint())).value());
  std::string got(32, ' ');
  std::string answer(4, ' ');
  ::asio::ip::udp::endpoint from;
  Told received;
  Told sent;
  Told answered;
  server.async_receive_from(::asio::buffer(got), from, received.handler());
  client.async_send(std::array{text("two"), text(" pieces")}, sent.handler());
  run(world);
  CHECK(sent.size == 10);
  CHECK(received.size == 10);
  CHECK(got.substr(0, 10) == "two pieces");
  CHECK(from == client.local_endpoint());
  CHECK(client.remote_endpoint() == server.local_endpoint());
  client.async_receive(::asio::buffer(answer), answered.handler());
  server.async_send_to(text("longer"), from, sent.handler());
  run(world);
  CHECK(sent.calls == 2);
  CHECK(answered.size == 4);  // cut, as Asio's are
  CHECK(answer == "long");
  Received about;
  server.async_receive_from(::asio::buffer(got), about, received.handler());
  client.async_send(::asio::const_buffer(), sent.handler());
  run(world);
  CHECK(received.calls == 2);
  CHECK(received.size == 0);
  CHECK(about.local == with_asio::to_nal(client.remote_endpoint()));
  server.async_send_from(text("x"), about.local, about.remote, sent.handler());
  client.async_receive(::asio::buffer(answer), answered.handler());
  run(world);
  CHECK(answered.size == 1);
  Told cancelled;
  server.async_receive_from(::asio::buffer(got), from, cancelled.handler());
  server.close();
  run(world);
  CHECK(cancelled.error == ::asio::error::operation_aborted);
}

}  // namespace

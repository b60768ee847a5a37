#include "adapters/asio/await.hpp"

#include <asio/bind_cancellation_slot.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>
#include <catch2/catch_test_macros.hpp>
#include <string>

#include "adapters/asio/socket.hpp"
#include "nal/combinators.hpp"
#include "nal/task_slot.hpp"
#include "tests/adapters/asio/world.hpp"
#include "tests/support/cancel.hpp"

namespace {

using namespace nal;
using namespace nal::test;
using with_asio::own;
using with_asio::use_nal;
using AsioTcp = ::asio::ip::tcp;

/// A connection between two sockets of Asio's.
struct Pair {
  explicit Pair(::asio::io_context& context) : near(context), far(context) {
    AsioTcp::acceptor acceptor(context, {::asio::ip::address_v4::loopback(), 0});
    near.connect(acceptor.local_endpoint());
    acceptor.accept(far);
  }
  AsioTcp::socket near;
  AsioTcp::socket far;
};

/// A loop of Asio's alone.
struct AsioWorld {
  ::asio::io_context context;
  Loop loop{context.get_executor()};
  Loop::Closing closing{loop};
  template <class Function, class Handler>
  void run(Function&& function, Handler&& handler) {
    spawn(loop, std::forward<Function>(function), std::forward<Handler>(handler));
    context.restart();
    context.run();
  }
};

Task<> use_timer(Loop& loop, ::asio::steady_timer& timer) {
  timer.expires_after(std::chrono::milliseconds(2));
  co_return co_await timer.async_wait(use_nal(loop));
}

TEST_CASE("a timer of Asio's is awaited from a nal task", "[asio]") {
  AsioWorld world;
  ::asio::steady_timer timer(world.context);
  ErrorCode told = ::asio::error::would_block;
  world.run([&] { return use_timer(world.loop, timer); }, [&told](ErrorCode error) { told = error; });
  CHECK(!told);
}

Task<> connect_and_accept(Loop& loop, AsioTcp::acceptor& acceptor, AsioTcp::socket& near,
                          Result<AsioTcp::socket>& far) {
  auto connecting = near.async_connect(acceptor.local_endpoint(), use_nal(loop));
  auto accepting = acceptor.async_accept(use_nal(loop));
  auto both = join(connecting, accepting);
  auto results = co_await both;
  if (!std::get<0>(results)) { co_return Unexpected(std::get<0>(results).error()); }
  far = std::move(std::get<1>(results));
  co_return Unit{};
}

Task<Result<std::size_t>> echo_once(Loop& loop, AsioTcp::socket& near, AsioTcp::socket& far, std::string& got) {
  NAL_CO_TRY(far.async_wait(AsioTcp::socket::wait_write, use_nal(loop)));
  auto writing = own(loop, std::string("hello"), [&far](std::string& bytes, auto token) {
    return ::asio::async_write(far, ::asio::buffer(bytes), std::move(token));
  });
  NAL_CO_TRY(writing);
  auto reading = own(loop, std::array<char, 64>(), [&near](auto& bytes, auto token) {
    return near.async_read_some(::asio::buffer(bytes), std::move(token));
  });
  NAL_CO_TRY_SET(const std::size_t size, reading);
  got.assign(reading.owned().data(), size);
  co_return size;
}

TEST_CASE("accept, connect, readiness and owned buffers of Asio's are awaited from a nal task", "[asio]") {
  AsioWorld world;
  AsioTcp::acceptor acceptor(world.context, {::asio::ip::address_v4::loopback(), 0});
  AsioTcp::socket near(world.context);
  Result<AsioTcp::socket> far = Unexpected(Error::cancelled);
  ErrorCode told = ::asio::error::would_block;
  world.run([&] { return connect_and_accept(world.loop, acceptor, near, far); },
            [&told](ErrorCode error) { told = error; });
  REQUIRE(!told);
  REQUIRE(far);
  std::string got;
  std::size_t size = 0;
  world.run([&] { return echo_once(world.loop, near, *far, got); }, [&size](ErrorCode, std::size_t n) { size = n; });
  CHECK(size == 5);
  CHECK(got == "hello");
}

Task<> read_end(Loop& loop, AsioTcp::socket& near, ErrorCode& code) {
  auto reading = own(loop, std::array<char, 8>(), [&near](auto& bytes, auto token) {
    return ::asio::async_read(near, ::asio::buffer(bytes), std::move(token));
  });
  const auto got = co_await reading;
  code = reading.code();
  if (!got) { co_return Unexpected(got.error()); }
  co_return Unit{};
}

TEST_CASE("what Asio fails with is an error of nal's", "[asio]") {
  AsioWorld world;
  Pair pair(world.context);
  pair.far.close();
  ErrorCode told;
  ErrorCode code;
  world.run([&] { return read_end(world.loop, pair.near, code); }, [&told](ErrorCode error) { told = error; });
  CHECK(told == ::asio::error::eof);
  CHECK(code == ::asio::error::eof);
}

/// Counts itself.
struct Counted {
  explicit Counted(int& count) noexcept : alive(&count) { ++*alive; }
  Counted(Counted&& other) noexcept : alive(std::exchange(other.alive, nullptr)) {}
  ~Counted() {
    if (alive) { --*alive; }
  }
  int* alive;
  std::array<char, 16> bytes{};
};

Task<> read_for_ever(Loop& loop, AsioTcp::socket& near, int& alive) {
  auto reading = own(loop, Counted(alive), [&near](Counted& owned, auto token) {
    return near.async_read_some(::asio::buffer(owned.bytes), std::move(token));
  });
  NAL_CO_TRY(reading);
  co_return Unit{};
}

TEST_CASE("a dropped read of Asio's is cancelled, and keeps its buffer until it has ended", "[asio]") {
  AsioWorld world;
  Pair pair(world.context);
  int alive = 0;
  ::asio::cancellation_signal signal;
  ErrorCode told;
  spawn(
      world.loop, [&] { return read_for_ever(world.loop, pair.near, alive); },
      ::asio::bind_cancellation_slot(signal.slot(), [&told](ErrorCode error) { told = error; }));
  while (world.context.poll() > 0) {}
  CHECK(alive == 1);
  signal.emit(::asio::cancellation_type::terminal);
  CHECK(alive == 1);  // the task is gone, the operation is not
  world.context.restart();
  world.context.run();
  CHECK(alive == 0);
  CHECK(told == ::asio::error::operation_aborted);
  // The socket goes on.
  pair.far.write_some(text("x"));
  char got = ' ';
  CHECK(pair.near.read_some(::asio::buffer(&got, 1)) == 1);
}

TEST_CASE("a deadline of nal's cancels an operation of Asio's", "[asio]") {
  AsioWorld world;
  ::asio::steady_timer timer(world.context, std::chrono::hours(1));
  ErrorCode told;
  world.run(
      [&] {
        return [](Loop& loop, ::asio::steady_timer& slow) -> Task<> {
          auto waiting = slow.async_wait(use_nal(loop));
          auto result = co_await with_timeout(1_ms, waiting);
          co_return result;
        }(world.loop, timer);
      },
      [&told](ErrorCode error) { told = error; });
  CHECK(told == ::asio::error::timed_out);
}

TEST_CASE("a context that ends first leaves a nal future cancelled", "[asio]") {
  auto context = std::make_unique<::asio::io_context>();
  ::asio::io_context own_context;
  Loop loop(own_context.get_executor());
  auto timer = std::make_unique<::asio::steady_timer>(*context, std::chrono::hours(1));
  ErrorCode told;
  const Loop::Closing closing(loop);
  spawn(
      loop, [&] { return use_timer(loop, *timer); }, [&told](ErrorCode error) { told = error; });
  own_context.poll();
  timer.reset();
  context.reset();
  own_context.restart();
  own_context.run();
  CHECK(told == ::asio::error::operation_aborted);
}

Task<Result<std::string>> shout(with_asio::Socket stream) {
  std::array<std::byte, 4> buffer;
  std::string all;
  for (;;) {
    NAL_CO_TRY_SET(const std::size_t size, read(stream, buffer));
    if (size == 0) { break; }
    all.append(reinterpret_cast<const char*>(buffer.data()), size);
  }
  NAL_CO_TRY(write_all(stream, std::as_bytes(std::span(all))));
  NAL_CO_TRY(shutdown(stream));
  co_return all;
}

TEST_CASE("a socket of Asio's is a nal stream", "[asio]") {
  AsioWorld world;
  Pair pair(world.context);
  std::string told;
  std::string back;
  const auto far_end = pair.near.local_endpoint();
  spawn(
      world.loop,
      [near = with_asio::Socket(world.loop, std::move(pair.near))]() mutable { return shout(std::move(near)); },
      [&told](ErrorCode, std::string all) { told = std::move(all); });
  CHECK(pair.far.remote_endpoint() == far_end);
  ::asio::async_write(pair.far, text("some words"), [&](ErrorCode, std::size_t) {
    pair.far.shutdown(AsioTcp::socket::shutdown_send);
    ::asio::async_read(pair.far, ::asio::dynamic_buffer(back),
                       [](ErrorCode error, std::size_t) { CHECK(error == ::asio::error::eof); });
  });
  world.context.run();
  CHECK(told == "some words");
  CHECK(back == "some words");
}

TEST_CASE("much goes through a nal stream over Asio, past full buffers", "[asio]") {
  AsioWorld world;
  Pair pair(world.context);
  const std::string much(3'000'000, 'm');
  std::string got;
  ErrorCode told = ::asio::error::would_block;
  spawn(
      world.loop,
      [&, near = with_asio::Socket(world.loop, std::move(pair.near))]() mutable {
        return [](with_asio::Socket stream, const std::string& data) -> Task<> {
          NAL_CO_TRY(write_all(stream, std::as_bytes(std::span(data))));
          co_return co_await close(std::move(stream));
        }(std::move(near), much);
      },
      [&told](ErrorCode error) { told = error; });
  ::asio::async_read(pair.far, ::asio::dynamic_buffer(got), [&pair](ErrorCode, std::size_t) { pair.far.close(); });
  world.context.run();
  CHECK(!told);
  CHECK(got == much);
}

}  // namespace

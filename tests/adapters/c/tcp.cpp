#include <vector>

#include "tests/adapters/c/desk.hpp"

using namespace nal;
using namespace nal::test;

namespace {

/// Writes until nothing more goes; how many bytes went.
std::size_t fill(nal_tcp& stream) {
  const std::vector<std::byte> chunk(1000, std::byte{7});
  std::size_t total = 0;
  for (;;) {
    const nal_count taken = nal_tcp_write(&stream, chunk.data(), chunk.size(), NAL_NO_WAIT);
    if (taken < 0) {
      CHECK(taken == NAL_WOULD_BLOCK);
      return total;
    }
    REQUIRE(taken > 0);
    total += static_cast<std::size_t>(taken);
  }
}

/// Reads up to the end of the stream; how many bytes came.
std::size_t drain(nal_tcp& stream, nal_deadline deadline) {
  std::array<std::byte, 1500> buffer{};
  std::size_t total = 0;
  for (;;) {
    const nal_count got = nal_tcp_read(&stream, buffer.data(), buffer.size(), deadline);
    REQUIRE(got >= 0);
    if (got == 0) { return total; }
    total += static_cast<std::size_t>(got);
  }
}

}  // namespace

TEMPLATE_TEST_CASE("C: bytes go both ways, and close proves that they arrived", "[c]", OnPosix, OnEmbedded) {
  Desk<TestType> desk;
  desk.connect();
  std::array<char, 16> buffer{};
  std::size_t count = 0;
  CHECK(nal_tcp_write_all(&desk.near, "hello", 5, &count, desk.patience()) == NAL_OK);
  CHECK(count == 5);
  CHECK(nal_tcp_read_exact(&desk.far, buffer.data(), 5, &count, desk.patience()) == NAL_OK);
  CHECK(count == 5);
  CHECK(std::string_view(buffer.data(), 5) == "hello");
  const nal_piece pieces[] = {{"a", 1}, {nullptr, 0}, {"bc", 2}};
  CHECK(nal_tcp_write_pieces(&desk.far, pieces, 3, desk.patience()) == 3);
  CHECK(nal_tcp_flush(&desk.far, desk.patience()) == NAL_OK);
  CHECK(nal_tcp_read(&desk.near, buffer.data(), buffer.size(), desk.patience()) == 3);
  CHECK(std::string_view(buffer.data(), 3) == "abc");
  CHECK(nal_tcp_write_pieces(&desk.far, pieces + 1, 1, desk.patience()) == 0);
  CHECK(nal_tcp_drop(&desk.far) == NAL_OK);
  CHECK(nal_tcp_close(&desk.near, desk.patience()) == NAL_OK);
  CHECK(desk.client.handles() == 0);
}

TEMPLATE_TEST_CASE("C: both ends of a connection tell the same endpoints", "[c]", OnPosix, OnEmbedded) {
  Desk<TestType> desk;
  desk.connect();
  nal_endpoint a{};
  nal_endpoint b{};
  CHECK(nal_tcp_local(&desk.near, &a) == NAL_OK);
  CHECK(nal_tcp_remote(&desk.far, &b) == NAL_OK);
  CHECK(nal_endpoint_equal(&a, &b) == 1);
  CHECK(nal_tcp_remote(&desk.near, &a) == NAL_OK);
  CHECK(nal_endpoint_equal(&a, &desk.here) == 1);
  CHECK(nal_endpoint_equal(&a, &b) == 0);
  nal_tcp_options options{};
  options.no_delay = -1;
  options.keep_alive = 1;
  options.keep_alive_idle_s = 30;
  options.keep_alive_probes = 3;
  options.hop_limit = 12;
  options.user_timeout_ms = 9000;
  CHECK(nal_tcp_configure(&desk.near, &options) == NAL_OK);
  options.keep_alive = -1;
  options.set_traffic_class = 1;
  CHECK(nal_tcp_configure(&desk.near, &options) == NAL_OK);
}

TEMPLATE_TEST_CASE("C: a connection that nobody wants is refused, and its handle is closed", "[c]", OnPosix,
                   OnEmbedded) {
  Desk<TestType> desk;
  nal_tcp_listener_close(&desk.listener);
  CHECK(nal_tcp_connect(&desk.client, &desk.near, &desk.here, nullptr, desk.patience()) == NAL_CONNECTION_REFUSED);
  CHECK(nal_tcp_read(&desk.near, nullptr, 0, NAL_NO_WAIT) == NAL_CLOSED);
  CHECK(desk.client.handles() == 0);
  CHECK(nal_tcp_accept(&desk.listener, &desk.far, NAL_NO_WAIT) == NAL_CLOSED);
}

TEMPLATE_TEST_CASE("C: what would have to wait says so, and what waits ends at its deadline", "[c]", OnPosix,
                   OnEmbedded) {
  Desk<TestType> desk;
  CHECK(nal_tcp_accept(&desk.listener, &desk.far, NAL_NO_WAIT) == NAL_WOULD_BLOCK);
  CHECK(nal_tcp_accept(&desk.listener, &desk.far, nal_within_ms(5)) == NAL_TIMED_OUT);
  desk.connect();
  std::array<char, 4> buffer{};
  CHECK(nal_tcp_read(&desk.near, buffer.data(), 4, NAL_NO_WAIT) == NAL_WOULD_BLOCK);
  const std::int64_t before = nal_now(&desk.client);
  CHECK(nal_tcp_read(&desk.near, buffer.data(), 4, before + 30'000) == NAL_TIMED_OUT);
  CHECK(nal_now(&desk.client) >= before + 30'000);
  CHECK(nal_tcp_read(&desk.near, buffer.data(), 4, before) == NAL_TIMED_OUT);  // a point that has passed asks once
  // The handle goes on; and a part that has come is told.
  std::size_t got = 9;
  CHECK(nal_tcp_write(&desk.far, "ab", 2, desk.patience()) == 2);
  CHECK(nal_tcp_read_exact(&desk.near, buffer.data(), 4, &got, nal_within_ms(60)) == NAL_TIMED_OUT);
  CHECK(got == 2);
  CHECK(nal_tcp_write(&desk.far, "cd", 2, desk.patience()) == 2);
  desk.settle();
  CHECK(nal_tcp_read(&desk.near, buffer.data(), 4, NAL_NO_WAIT) == 2);
}

TEMPLATE_TEST_CASE("C: a write takes what fits, tells how much, and loses nothing", "[c]", OnPosix, OnEmbedded) {
  Desk<TestType> desk;
  desk.connect();
  std::size_t sent = fill(desk.near);
  CHECK(sent > 1000);
  // A write of everything that does not fit tells how far it came.
  const std::vector<std::byte> much(TestType::kManyBytes, std::byte{7});
  std::size_t written = much.size() + 1;
  CHECK(nal_tcp_write_all(&desk.near, much.data(), much.size(), &written, nal_within_ms(20)) == NAL_TIMED_OUT);
  CHECK(written < much.size());
  sent += written;
  std::array<std::byte, 1000> buffer{};
  std::size_t received = 0;
  while (received < sent) {
    const nal_count got = nal_tcp_read(&desk.far, buffer.data(), buffer.size(), desk.patience());
    REQUIRE(got > 0);
    received += static_cast<std::size_t>(got);
  }
  CHECK(received == sent);
  CHECK(nal_tcp_read(&desk.far, buffer.data(), buffer.size(), NAL_NO_WAIT) == NAL_WOULD_BLOCK);
}

TEMPLATE_TEST_CASE("C: after a half-close the other direction goes on", "[c]", OnPosix, OnEmbedded) {
  Desk<TestType> desk;
  desk.connect();
  std::array<char, 8> buffer{};
  std::size_t got = 0;
  CHECK(nal_tcp_write(&desk.near, "last", 4, desk.patience()) == 4);
  CHECK(nal_tcp_shutdown(&desk.near, desk.patience()) == NAL_OK);
  CHECK(nal_tcp_write(&desk.near, "x", 1, desk.patience()) == NAL_BROKEN_PIPE);
  // The end comes behind the data, and again and again; a read of more than there was tells what came.
  CHECK(nal_tcp_read_exact(&desk.far, buffer.data(), 8, &got, desk.patience()) == NAL_END_OF_STREAM);
  CHECK(got == 4);
  CHECK(nal_tcp_read(&desk.far, buffer.data(), 8, desk.patience()) == 0);
  CHECK(nal_tcp_read(&desk.far, buffer.data(), 8, NAL_NO_WAIT) == 0);
  CHECK(nal_tcp_write(&desk.far, "answer", 6, desk.patience()) == 6);
  CHECK(nal_tcp_drop(&desk.far) == NAL_OK);
  CHECK(drain(desk.near, desk.patience()) == 6);
}

TEMPLATE_TEST_CASE("C: a reset is an error, and stays one", "[c]", OnPosix, OnEmbedded) {
  Desk<TestType> desk;
  desk.connect();
  CHECK(nal_tcp_abort(&desk.far) == NAL_OK);
  std::array<char, 4> buffer{};
  CHECK(nal_tcp_read(&desk.near, buffer.data(), 4, desk.patience()) == NAL_CONNECTION_RESET);
  CHECK(nal_tcp_read(&desk.near, buffer.data(), 4, desk.patience()) < 0);
  CHECK(nal_tcp_write(&desk.near, "x", 1, desk.patience()) < 0);
  CHECK(nal_tcp_close(&desk.near, desk.patience()) < 0);
  CHECK(desk.client.handles() == 0);
}

TEMPLATE_TEST_CASE("C: a close that the peer does not answer ends at its deadline, with the handle closed", "[c]",
                   OnPosix, OnEmbedded) {
  Desk<TestType> desk;
  desk.connect();
  CHECK(nal_tcp_close(&desk.near, nal_within_ms(20)) == NAL_TIMED_OUT);
  CHECK(nal_tcp_close(&desk.near, nal_within_ms(20)) == NAL_CLOSED);
  CHECK(nal_tcp_abort(&desk.near) == NAL_CLOSED);
  CHECK(desk.client.handles() == 0);
  std::array<char, 4> buffer{};
  CHECK(nal_tcp_read(&desk.far, buffer.data(), 4, desk.patience()) <= 0);
}

TEMPLATE_TEST_CASE("C: a call that waits can be cancelled, and the handle goes on", "[c]", OnPosix, OnEmbedded) {
  Desk<TestType> desk;
  desk.connect();
  std::array<char, 4> buffer{};
  nal_count ended = -1;
  const auto cancel = [&] { ended = nal_cancel(&desk.client, &desk.near); };
  desk.meanwhile(cancel);
  CHECK(nal_tcp_read(&desk.near, buffer.data(), 4, NAL_FOREVER) == NAL_CANCELLED);
  CHECK(ended == 1);
  CHECK(nal_cancel(&desk.client, &desk.near) == 0);
  CHECK(nal_tcp_write(&desk.far, "ok", 2, desk.patience()) == 2);
  CHECK(nal_tcp_read(&desk.near, buffer.data(), 4, desk.patience()) == 2);
  // What is waited for need not be a handle.
  const auto wake = [&] { ended = nal_cancel(&desk.client, &buffer); };
  desk.meanwhile(wake);
  CHECK(nal_sleep(&desk.client, &buffer, NAL_FOREVER) == NAL_CANCELLED);
}

TEMPLATE_TEST_CASE("C: closing a handle ends the calls that wait on it", "[c]", OnPosix, OnEmbedded) {
  Desk<TestType> desk;
  std::array<char, 4> buffer{};
  SECTION("a listener") {
    const auto close = [&] { CHECK(nal_tcp_listener_close(&desk.listener) == NAL_OK); };
    desk.meanwhile(close);
    CHECK(nal_tcp_accept(&desk.listener, &desk.far, NAL_FOREVER) == NAL_CLOSED);
  }
  SECTION("a stream that is dropped, aborted, or closed in vain from inside a task") {
    desk.connect();
    int (*const way)(nal_tcp*) = GENERATE(
        &nal_tcp_abort, &nal_tcp_drop, +[](nal_tcp* stream) {
          return nal_tcp_close(stream, NAL_FOREVER) == NAL_INVALID_ARGUMENT ? 0 : -1;  // it may not wait there
        });
    const auto close = [&] { CHECK(way(&desk.near) == NAL_OK); };
    desk.meanwhile(close);
    CHECK(nal_tcp_read(&desk.near, buffer.data(), 4, NAL_FOREVER) == NAL_CLOSED);
  }
  CHECK(desk.client.handles() == 0);
}

TEMPLATE_TEST_CASE("C: a stopped loop ends what waits, takes nothing new, and lets handles be closed", "[c]", OnPosix,
                   OnEmbedded) {
  Desk<TestType> desk;
  desk.connect();
  std::array<char, 4> buffer{};
  const auto stop = [&] { nal_loop_stop(&desk.client); };
  desk.meanwhile(stop);
  CHECK(nal_tcp_read(&desk.near, buffer.data(), 4, NAL_FOREVER) == NAL_CANCELLED);
  CHECK(nal_tcp_read(&desk.near, buffer.data(), 4, NAL_NO_WAIT) == NAL_CANCELLED);
  CHECK(nal_sleep(&desk.client, nullptr, nal_within_ms(1)) == NAL_CANCELLED);
  nal_loop_run(&desk.client);
  CHECK(nal_loop_finish(&desk.client, nal_within_ms(5)) == NAL_TIMED_OUT);
  CHECK(nal_tcp_close(&desk.near, NAL_FOREVER) == NAL_CANCELLED);
  CHECK(nal_loop_finish(&desk.client, nal_within_ms(5)) == NAL_OK);
  // The other loop on the same executor goes on.
  CHECK(nal_tcp_read(&desk.far, buffer.data(), 4, desk.patience()) == NAL_CONNECTION_RESET);
}

TEMPLATE_TEST_CASE("C: inside a task calls work that do not wait", "[c]", OnPosix, OnEmbedded) {
  Desk<TestType> desk;
  desk.connect();
  std::array<char, 4> buffer{};
  nal_count results[3] = {1, 1, 1};
  const auto act = [&] {
    results[0] = nal_tcp_read(&desk.near, buffer.data(), 4, NAL_NO_WAIT);
    results[1] = nal_tcp_read(&desk.near, buffer.data(), 4, nal_within_ms(1));
    results[2] = nal_tcp_write(&desk.near, "hi", 2, NAL_NO_WAIT);
  };
  desk.meanwhile(act);
  CHECK(nal_tcp_read(&desk.far, buffer.data(), 4, NAL_FOREVER) == 2);
  CHECK(results[0] == NAL_WOULD_BLOCK);
  CHECK(results[1] == NAL_INVALID_ARGUMENT);
  CHECK(results[2] == 2);
}

TEMPLATE_TEST_CASE("C: a handle is opened once at a time", "[c]", OnPosix, OnEmbedded) {
  Desk<TestType> desk;
  desk.connect();
  CHECK(nal_tcp_connect(&desk.client, &desk.near, &desk.here, nullptr, desk.patience()) == NAL_INVALID_ARGUMENT);
  CHECK(nal_tcp_accept(&desk.listener, &desk.far, desk.patience()) == NAL_INVALID_ARGUMENT);
  CHECK(nal_tcp_listen(&desk.server, &desk.listener, &desk.here, 1, nullptr) == NAL_INVALID_ARGUMENT);
  CHECK(desk.client.handles() == 1);
  CHECK(nal_tcp_abort(&desk.near) == NAL_OK);
  CHECK(nal_tcp_connect(&desk.client, &desk.near, &desk.here, nullptr, desk.patience()) == NAL_OK);
}

TEMPLATE_TEST_CASE("C: a connect that is given up frees its place", "[c]", OnPosix, OnEmbedded) {
  Desk<TestType> desk;
  const std::size_t before = desk.fixture.in_use();
  for (int i = 0; i < 100; ++i) {
    const int connected = nal_tcp_connect(&desk.client, &desk.near, &desk.here, nullptr, NAL_NO_WAIT);
    if (connected == NAL_OK) {
      nal_tcp_abort(&desk.near);
    } else {
      REQUIRE(connected == NAL_WOULD_BLOCK);
    }
    nal_tcp got{};
    if (nal_tcp_accept(&desk.listener, &got, nal_within_ms(1)) == NAL_OK) { nal_tcp_abort(&got); }
  }
  desk.settle();
  CHECK(desk.fixture.in_use() == before);
}

TEST_CASE("C: what was never opened is closed, and what is missing is an invalid argument", "[c]") {
  nal_tcp stream{};
  nal_tcp_listener listener{};
  nal_udp socket{};
  nal_endpoint endpoint{};
  char byte = 0;
  CHECK(nal_tcp_read(&stream, &byte, 1, NAL_NO_WAIT) == NAL_CLOSED);
  CHECK(nal_tcp_write(&stream, &byte, 1, NAL_NO_WAIT) == NAL_CLOSED);
  CHECK(nal_tcp_close(&stream, NAL_NO_WAIT) == NAL_CLOSED);
  CHECK(nal_tcp_abort(&stream) == NAL_CLOSED);
  CHECK(nal_tcp_local(&stream, &endpoint) == NAL_CLOSED);
  CHECK(nal_tcp_accept(&listener, &stream, NAL_NO_WAIT) == NAL_CLOSED);
  CHECK(nal_tcp_listener_close(&listener) == NAL_CLOSED);
  CHECK(nal_udp_receive(&socket, &byte, 1, nullptr, NAL_NO_WAIT) == NAL_CLOSED);
  CHECK(nal_udp_close(&socket) == NAL_CLOSED);
  CHECK(nal_tcp_read(nullptr, &byte, 1, NAL_NO_WAIT) == NAL_INVALID_ARGUMENT);
  CHECK(nal_tcp_read(&stream, nullptr, 1, NAL_NO_WAIT) == NAL_INVALID_ARGUMENT);
  CHECK(nal_tcp_close(nullptr, NAL_NO_WAIT) == NAL_INVALID_ARGUMENT);
  CHECK(nal_tcp_connect(nullptr, &stream, &endpoint, nullptr, NAL_NO_WAIT) == NAL_INVALID_ARGUMENT);
  CHECK(nal_udp_bind(nullptr, &socket, &endpoint, nullptr) == NAL_INVALID_ARGUMENT);
  CHECK(nal_cancel(nullptr, &stream) == NAL_INVALID_ARGUMENT);
  CHECK(nal_now(nullptr) == NAL_INVALID_ARGUMENT);
}

TEMPLATE_TEST_CASE("C: arguments that make no sense are refused before anything happens", "[c]", OnPosix, OnEmbedded) {
  Desk<TestType> desk;
  nal_endpoint nowhere{};  // of no family
  CHECK(nal_tcp_connect(&desk.client, &desk.near, &nowhere, nullptr, NAL_NO_WAIT) == NAL_INVALID_ARGUMENT);
  nal_tcp_listener other{};
  CHECK(nal_tcp_listen(&desk.client, &other, &nowhere, 1, nullptr) == NAL_INVALID_ARGUMENT);
  CHECK(nal_tcp_listen(&desk.client, &other, nullptr, 1, nullptr) == NAL_INVALID_ARGUMENT);
  desk.connect();
  const nal_piece piece{nullptr, 3};
  CHECK(nal_tcp_write_pieces(&desk.near, &piece, 1, NAL_NO_WAIT) == NAL_INVALID_ARGUMENT);
  CHECK(nal_tcp_configure(&desk.near, nullptr) == NAL_INVALID_ARGUMENT);
  CHECK(nal_tcp_local(&desk.near, nullptr) == NAL_INVALID_ARGUMENT);
}

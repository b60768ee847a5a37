#include <atomic>
#include <thread>
#include <vector>

#include "adapters/c/hosted_threads.hpp"
#include "tests/adapters/c/desk.hpp"

using namespace nal;
using namespace nal::test;

namespace {

constexpr nal_deadline kPatience = -20'000'000;

/// A loop that a thread of its own runs; tests are other threads.
class Running {
 public:
  Running() {
    std::atomic<nal_loop*> made{nullptr};
    thread_ = std::thread([this, &made] {
      OnPosix fixture;
      nal_loop loop(fixture.executor(), fixture.client(), &c::hosted_threads());
      made = &loop;
      made.notify_all();
      nal_loop_run(&loop);
      finished_ = nal_loop_finish(&loop, kPatience);
      left_ = fixture.in_use();
      // Other threads may still ask it something, and are refused.
      released_.wait(false);
    });
    made.wait(nullptr);
    loop_ = made;
  }
  ~Running() { join(); }
  /// Once every handle has been closed, or will be by other threads.
  void join() {
    if (!thread_.joinable()) { return; }
    nal_loop_stop(loop_);
    released_ = true;
    released_.notify_all();
    thread_.join();
    CHECK(finished_ == NAL_OK);
    CHECK(left_ == 0);
  }
  nal_loop* loop() const { return loop_; }

 private:
  std::thread thread_;
  nal_loop* loop_ = nullptr;
  int finished_ = -1;
  std::size_t left_ = 0;
  std::atomic<bool> released_{false};
};

nal_endpoint listen(nal_loop* loop, nal_tcp_listener& listener) {
  nal_endpoint local{};
  REQUIRE(nal_endpoint_parse(&local, "127.0.0.1:0") == NAL_OK);
  REQUIRE(nal_tcp_listen(loop, &listener, &local, 8, nullptr) == NAL_OK);
  REQUIRE(nal_tcp_listener_local(&listener, &local) == NAL_OK);
  return local;
}

/// Two handles that are each other's peers.
struct Pair {
  explicit Pair(nal_loop* loop) {
    nal_tcp_listener listener{};
    const nal_endpoint here = listen(loop, listener);
    REQUIRE(nal_tcp_connect(loop, &a, &here, nullptr, kPatience) == NAL_OK);
    REQUIRE(nal_tcp_accept(&listener, &b, kPatience) == NAL_OK);
    REQUIRE(nal_tcp_listener_close(&listener) == NAL_OK);
  }
  nal_tcp a{};
  nal_tcp b{};
};

/// Cancels until it was told that a call had been waiting.
void cancel(nal_loop* loop, const void* target) {
  nal_count ended = 0;
  while (ended == 0) { ended = nal_cancel(loop, target); }
  REQUIRE(ended == 1);
}

// No checks in here: Catch2's are for one thread.
bool echo_one(nal_tcp& stream) {
  std::array<char, 300> buffer{};
  for (;;) {
    const nal_count got = nal_tcp_read(&stream, buffer.data(), buffer.size(), kPatience);
    if (got == 0) { return nal_tcp_close(&stream, kPatience) == NAL_OK; }
    if (got < 0 || nal_tcp_write_all(&stream, buffer.data(), static_cast<std::size_t>(got), nullptr, kPatience) < 0) {
      nal_tcp_abort(&stream);
      return false;
    }
  }
}

bool ask_for_echoes(nal_loop* loop, const nal_endpoint& server, unsigned times) {
  nal_tcp stream{};
  if (nal_tcp_connect(loop, &stream, &server, nullptr, kPatience) != NAL_OK) { return false; }
  std::array<char, 100> sent{};
  std::array<char, 100> received{};
  for (unsigned i = 0; i < times; ++i) {
    sent.fill(static_cast<char>('a' + i % 26));
    if (nal_tcp_write_all(&stream, sent.data(), sent.size(), nullptr, kPatience) != NAL_OK ||
        nal_tcp_read_exact(&stream, received.data(), received.size(), nullptr, kPatience) != NAL_OK ||
        received != sent) {
      nal_tcp_abort(&stream);
      return false;
    }
  }
  return nal_tcp_close(&stream, kPatience) == NAL_OK;
}

}  // namespace

TEST_CASE("C: many threads share a loop", "[c][threads]") {
  Running running;
  constexpr unsigned kClients = 4;
  nal_tcp_listener listener{};
  const nal_endpoint here = listen(running.loop(), listener);
  std::atomic<unsigned> good{0};
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kClients; ++i) {
    threads.emplace_back([&] {
      nal_tcp stream{};
      if (nal_tcp_accept(&listener, &stream, kPatience) == NAL_OK && echo_one(stream)) { ++good; }
    });
    threads.emplace_back([&] {
      if (ask_for_echoes(running.loop(), here, 200)) { ++good; }
    });
  }
  for (auto& thread : threads) { thread.join(); }
  CHECK(good == 2 * kClients);
  CHECK(nal_tcp_listener_close(&listener) == NAL_OK);
}

TEST_CASE("C: one thread reads while another writes on the same handle", "[c][threads]") {
  Running running;
  Pair pair(running.loop());
  constexpr std::size_t kBytes = 2'000'000;
  const auto write = [](nal_tcp& stream) {
    const std::vector<char> data(kBytes, 'w');
    std::size_t written = 0;
    const int result = nal_tcp_write_all(&stream, data.data(), data.size(), &written, kPatience);
    return result == NAL_OK && written == kBytes && nal_tcp_shutdown(&stream, kPatience) == NAL_OK;
  };
  const auto read = [](nal_tcp& stream) {
    std::vector<char> data(10'000);
    std::size_t total = 0;
    for (;;) {
      const nal_count got = nal_tcp_read(&stream, data.data(), data.size(), kPatience);
      if (got <= 0) { return got == 0 && total == kBytes; }
      total += static_cast<std::size_t>(got);
    }
  };
  std::atomic<unsigned> good{0};
  std::vector<std::thread> threads;
  for (nal_tcp* stream : {&pair.a, &pair.b}) {
    threads.emplace_back([&, stream] { good += write(*stream); });
    threads.emplace_back([&, stream] { good += read(*stream); });
  }
  for (auto& thread : threads) { thread.join(); }
  CHECK(good == 4);
  CHECK(nal_tcp_close(&pair.a, kPatience) == NAL_OK);
  CHECK(nal_tcp_close(&pair.b, kPatience) == NAL_OK);
}

TEST_CASE("C: another thread cancels a call that waits, and the handle goes on", "[c][threads]") {
  Running running;
  Pair pair(running.loop());
  char byte = 0;
  std::atomic<nal_count> result{1};
  std::thread reader([&] {
    char read = 0;
    result = nal_tcp_read(&pair.a, &read, 1, NAL_FOREVER);
  });
  cancel(running.loop(), &pair.a);
  reader.join();
  CHECK(result == NAL_CANCELLED);
  CHECK(nal_tcp_write(&pair.b, "x", 1, kPatience) == 1);
  CHECK(nal_tcp_read(&pair.a, &byte, 1, kPatience) == 1);
  CHECK(nal_tcp_abort(&pair.a) == NAL_OK);
  CHECK(nal_tcp_abort(&pair.b) == NAL_OK);
}

TEST_CASE("C: a handle that another thread closes ends the call that waits on it", "[c][threads]") {
  Running running;
  Pair pair(running.loop());
  std::atomic<nal_count> result{1};
  std::thread reader([&] {
    char byte = 0;
    result = nal_tcp_read(&pair.a, &byte, 1, NAL_FOREVER);
  });
  // Whether the read has begun or not: it finds the handle closed.
  CHECK(nal_tcp_abort(&pair.a) == NAL_OK);
  reader.join();
  CHECK(result == NAL_CLOSED);
  CHECK(nal_tcp_abort(&pair.b) == NAL_OK);
}

TEST_CASE("C: stopping the loop ends what other threads wait for, and they still close their handles", "[c][threads]") {
  Running running;
  Pair pair(running.loop());
  constexpr int kThreads = 4;
  std::atomic<int> cancelled{0};
  std::atomic<int> asked{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      nal_tcp* stream = i % 2 == 0 ? &pair.a : &pair.b;
      char byte = 0;
      ++asked;
      if (nal_tcp_read(stream, &byte, 1, NAL_FOREVER) == NAL_CANCELLED) { ++cancelled; }
      if (nal_tcp_read(stream, &byte, 1, NAL_FOREVER) == NAL_CANCELLED) { ++cancelled; }
      if (i < 2) { nal_tcp_close(stream, NAL_FOREVER); }
    });
  }
  while (asked < kThreads) { std::this_thread::yield(); }
  nal_loop_stop(running.loop());
  for (auto& thread : threads) { thread.join(); }
  running.join();
  CHECK(cancelled == 2 * kThreads);
}

TEST_CASE("C: deadlines and the clock work from every thread", "[c][threads]") {
  Running running;
  Pair pair(running.loop());
  char byte = 0;
  const std::int64_t before = nal_now(running.loop());
  CHECK(before >= 0);
  CHECK(nal_tcp_read(&pair.a, &byte, 1, NAL_NO_WAIT) == NAL_WOULD_BLOCK);
  CHECK(nal_tcp_read(&pair.a, &byte, 1, nal_within_ms(2)) == NAL_TIMED_OUT);
  CHECK(nal_sleep(running.loop(), nullptr, nal_within_ms(1)) == NAL_OK);
  CHECK(nal_now(running.loop()) >= before + 3000);
  CHECK(nal_tcp_abort(&pair.a) == NAL_OK);
  CHECK(nal_tcp_abort(&pair.b) == NAL_OK);
}

TEST_CASE("C: without a thread port a call from another thread is refused", "[c][threads]") {
  Desk<OnPosix> desk;
  desk.connect();
  nal_count results[2] = {1, 1};
  std::thread other([&] {
    char byte = 0;
    results[0] = nal_tcp_read(&desk.near, &byte, 1, NAL_FOREVER);
    results[1] = nal_now(&desk.client) < 0 ? 0 : 1;
  });
  other.join();
  CHECK(results[0] == NAL_NOT_SUPPORTED);
  CHECK(results[1] == 0);
}

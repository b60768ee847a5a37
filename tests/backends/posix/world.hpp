#pragma once
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "backends/posix/stack.hpp"
#include "nal/hosted/format.hpp"
#include "nal/sleep.hpp"
#include "nal/task_slot.hpp"
#include "tests/backends/posix/faults.hpp"
#include "tests/backends/posix/peer.hpp"

namespace nal::test {

inline constexpr Duration kPatience = Duration::seconds(10);

/// Both of them, one after the other.
inline posix::Poller each_poller() {
  const auto poller = GENERATE(posix::Poller::epoll, posix::Poller::poll);
  UNSCOPED_INFO((poller == posix::Poller::epoll ? "epoll" : "poll()"));
  return poller;
}

inline Endpoint any_port(Family family = Family::v4) { return Endpoint(IpAddress::loopback(family), 0); }

inline std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// Room to receive in, seen as text.
class Buffer {
 public:
  explicit Buffer(std::size_t size = 64) : text_(size, '\0') {}
  operator std::span<std::byte>() { return std::as_writable_bytes(std::span(text_.data(), text_.size())); }
  std::string_view first(std::size_t size) const { return std::string_view(text_).substr(0, size); }

 private:
  std::string text_;
};

/// What went wrong, or `Error{}`: for results that cannot be compared.
template <class T>
Error error_of(const Result<T>& result) {
  return result ? Error{} : result.error();
}

/// Completes when a connection that was started is there, or has failed.
template <class Stream>
class Connected {
 public:
  explicit Connected(Stream& stream) noexcept : stream_(&stream) {}
  Poll<Result<>> poll(Context& context) noexcept { return stream_->poll_connected(context, waiter_); }

 private:
  Stream* stream_;
  Waiter waiter_;
};

/// An executor with a POSIX stack.
template <posix::Config kConfig = posix::Config{.sockets = 8, .lookups = 4, .resolver_threads = 2}>
struct World {
  explicit World(posix::Poller poller = posix::kDefaultPoller)
      : reactor(poller), executor(reactor), stack(reactor, executor, memory) {
    REQUIRE(reactor.status());
  }

  /// Runs an operation to its end; it has ten seconds.
  template <class F>
  auto run(F&& operation) {
    return block_on(executor, with_timeout(kPatience, std::forward<F>(operation)));
  }
  /// One that must succeed.
  template <class F>
  auto must(F&& operation) {
    auto result = run(std::forward<F>(operation));
    if (!result) { FAIL("failed: " << to_string(result.error())); }
    return *std::move(result);
  }
  /// What the next read gives, as text; an error as "<connection reset by peer>", the end as "".
  template <class Stream>
  std::string read_some(Stream& stream, std::size_t most = 64) {
    Buffer buffer(most);
    const auto got = run(read(stream, buffer));
    if (!got) { return std::string("<") + to_string(got.error()) + ">"; }
    return std::string(buffer.first(*got));
  }
  /// Runs until `done()`; it has ten seconds.
  template <class F>
  void until(F&& done) {
    REQUIRE(executor.run_until(std::forward<F>(done), executor.now() + kPatience));
  }
  /// Polls until nobody is ready and the system has nothing to tell: what is to happen has happened, unless the system
  /// is late with it. For what must not happen; see `until` for what must.
  void settle() {
    for (int quiet = 0; quiet < 3;) { quiet = executor.poll_once() ? 0 : quiet + 1; }
  }

  posix::TcpListener listen(const ListenOptions& options = {}, Family family = Family::v4) {
    auto listener = stack.listen(any_port(family), options);
    REQUIRE(listener);
    return *std::move(listener);
  }
  /// A connection that the peer opened.
  std::pair<posix::TcpStream, Peer> accepted(Family family = Family::v4) {
    auto listener = listen({}, family);
    Peer peer = Peer::connect_to(listener.local_endpoint());
    auto stream = must(accept(listener));
    return {std::move(stream), std::move(peer)};
  }
  /// A connection that this side opened.
  std::pair<posix::TcpStream, Peer> connected(Family family = Family::v4, const TcpOptions& options = {},
                                              int receive_buffer = 0) {
    Peer listener = Peer::listen_at(any_port(family), 8, receive_buffer);
    auto stream = must(connect(stack, listener.local(), options));
    Peer peer = listener.accept();
    return {std::move(stream), std::move(peer)};
  }

  posix::Reactor reactor;
  Executor executor;
  posix::Resources<kConfig> memory;
  posix::Stack stack;
};

}  // namespace nal::test

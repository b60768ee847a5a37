#pragma once
/// What every conformance test includes: the backend's fixture, wrapped so that a test reads as what it tests.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "nal/block_on.hpp"
#include "nal/combinators.hpp"
#include "nal/dns.hpp"
#include "nal/sleep.hpp"
#include "nal/tcp.hpp"
#include "nal/udp.hpp"
#include "tests/conformance/fixture.hpp"
#include "tests/support/print.hpp"
#include NAL_CONFORMANCE_FIXTURE

namespace nal::conformance {

using Fixture = NAL_CONFORMANCE_FIXTURE_TYPE;
using Stack = Fixture::Stack;
using Stream = Stack::TcpStream;
using Listener = Stack::TcpListener;

/// Both ends of a TCP connection.
struct Pair {
  Stream client;
  Stream server;
};

/// IPv4 wherever there is one.
inline Family usual_family() { return Fixture::has(Family::v4) ? Family::v4 : Family::v6; }

/// One backend, fresh for one test. Making it skips the test if the backend cannot have it.
class World {
 public:
  explicit World(Family tested = usual_family());

  Executor& executor() { return fixture_.executor(); }
  Stack& client() { return fixture_.client(); }
  Stack& server() { return fixture_.server(); }
  Fixture& fixture() { return fixture_; }
  Family family() const { return family_; }

  IpAddress client_address() { return fixture_.client_address(family_); }
  IpAddress server_address() { return fixture_.server_address(family_); }
  Endpoint at_client(std::uint16_t port = 0) { return {client_address(), port}; }
  Endpoint at_server(std::uint16_t port = 0) { return {server_address(), port}; }
  Endpoint any(std::uint16_t port = 0) const { return {IpAddress::unspecified(family_), port}; }

  /// Blocks on an operation; timed_out when the backend is broken, since nothing here takes long.
  template <class F>
  auto block(F&& future) {
    return block_on(executor(), with_timeout(Fixture::kPatience, std::forward<F>(future)));
  }
  /// The same with what tells no errors.
  template <class P>
  bool run_until(P&& done) {
    return executor().run_until(std::forward<P>(done), executor().now() + Fixture::kPatience);
  }
  /// Lets a while pass, for what must not happen.
  void run_a_little() {
    executor().run_until([] { return false; }, executor().now() + Fixture::kALittle);
  }

  Listener listen(const ListenOptions& options = {});
  /// A connection to the server's host, accepted there.
  Pair connect();
  Pair connect(Listener& listener);

  /// Table entries in use on both hosts have come back to what there was when the world was made.
  bool back_to_start() {
    return run_until([this] { return fixture_.in_use() == in_use_at_start_; });
  }

 private:
  Fixture fixture_;
  Family family_;
  std::size_t in_use_at_start_;
};

/// How reading ends whose peer has dropped its stream: with `at_end`; or as an error on a stack that tells it from an
/// end that the peer said.
template <class F = Fixture>
Result<std::size_t> end_of_dropped(std::size_t at_end = 0) {
  if constexpr (requires { F::kEndOfDroppedIsTold; }) {
    return Unexpected(Error::end_of_stream);
  } else {
    return at_end;
  }
}

/// Bytes that tell their place: a lost, doubled or swapped one shows.
inline std::byte pattern(std::size_t place) { return static_cast<std::byte>(place * 7 + place / 251); }
inline std::vector<std::byte> pattern_bytes(std::size_t size, std::size_t first = 0) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) { bytes[i] = pattern(first + i); }
  return bytes;
}

inline std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }
inline std::string_view text(std::span<const std::byte> data) {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

/// Checks each result of a `join`.
template <class... R>
void check_each(const std::tuple<R...>& results) {
  std::apply(
      [](const auto&... result) {
        const auto check = [](const auto& one) { CHECK(one); };
        (check(result), ...);
      },
      results);
}

/// Reads to the end of the stream (or an error, into `end`).
template <class S>
class [[nodiscard("await it")]] ReadToEnd {
 public:
  ReadToEnd(S& stream, std::vector<std::byte>& out) noexcept : stream_(&stream), out_(&out) {}
  Poll<Result<std::size_t>> poll(Context& context) noexcept {
    for (;;) {
      std::byte buffer[512];
      auto got = stream_->poll_read(context, waiter_, buffer);
      if (!got.ready()) { return pending; }
      if (!*got) { return Unexpected(got->error()); }
      if (**got == 0) { return out_->size(); }
      out_->insert(out_->end(), buffer, buffer + **got);
    }
  }

 private:
  S* stream_;
  std::vector<std::byte>* out_;
  Waiter waiter_;
};
/// *Completes* at the end of the stream with how many bytes `out` holds; they stay there on an error too.
template <class S>
ReadToEnd<S> read_to_end(S& stream, std::vector<std::byte>& out) noexcept {
  return ReadToEnd<S>(stream, out);
}

constexpr std::size_t kMoreThanFits = 16 << 20;
/// Writes until the stream takes no more at present; how many bytes it took. A kernel may find a little room later on:
/// a write that must wait writes `kMoreThanFits`.
std::size_t fill(World& world, Stream& stream, std::size_t first = 0);

}  // namespace nal::conformance

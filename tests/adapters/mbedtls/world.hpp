#pragma once
#include <catch2/catch_test_macros.hpp>

#include <array>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/mbedtls/tcp.hpp"
#include "nal/combinators.hpp"
#include "nal/hosted/entropy.hpp"
#include "nal/sleep.hpp"
#include "tests/support/fake_stack.hpp"
#include "tests/support/print.hpp"

namespace nal::tls::test {

/// What the script beside this made when the tests were built.
inline std::vector<std::byte> file(const std::string& name) {
  std::ifstream in(std::string(NAL_TEST_CERTIFICATES) + "/" + name, std::ios::binary);
  REQUIRE(in);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

inline std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }
inline std::string text(std::span<const std::byte> data) {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

/// What is done to the bytes that pass a `Tampering` stack's connections, counted from the connection's first.
struct Tamper {
  static constexpr std::size_t kNever = static_cast<std::size_t>(-1);
  std::size_t flip_out = kNever;   ///< the byte sent whose lowest bit is turned over
  std::size_t end_out = kNever;    ///< what is sent from here on is not; the transport's end comes in its place
  std::size_t stall_out = kNever;  ///< what is sent from here on is lost without a word
  std::size_t sent = 0;
};

/// A connection that tampers. As wide as a handle may be.
class TamperedStream {
 public:
  using Inner = nal::test::FakeStack::TcpStream;
  TamperedStream(Inner&& inner, Tamper& tamper) noexcept : inner_(std::move(inner)), tamper_(&tamper) {}

  Poll<Result<>> poll_connected(Context& context, Waiter& waiter) noexcept {
    return inner_.poll_connected(context, waiter);
  }
  Poll<Result<std::size_t>> poll_read(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept {
    return inner_.poll_read(context, waiter, buffer);
  }
  Poll<Result<std::size_t>> poll_write(Context& context, Waiter& waiter, std::span<const std::byte> data) noexcept {
    const std::size_t last = std::min(tamper_->end_out, tamper_->stall_out);
    if (tamper_->sent >= last) {
      if (tamper_->sent >= tamper_->end_out) { static_cast<void>(inner_.poll_shutdown(context, waiter)); }
      return data.size();
    }
    std::size_t size = std::min(data.size(), last - tamper_->sent);
    std::byte flipped{};
    if (tamper_->flip_out == tamper_->sent && size > 0) {
      flipped = data[0] ^ std::byte{1};
      data = std::span(&flipped, 1);
      size = 1;
    } else if (tamper_->flip_out > tamper_->sent) {
      size = std::min(size, tamper_->flip_out - tamper_->sent);
    }
    auto taken = inner_.poll_write(context, waiter, data.first(size));
    if (taken.ready() && *taken) { tamper_->sent += **taken; }
    return taken;
  }
  Poll<Result<>> poll_flush(Context& context, Waiter& waiter) noexcept { return inner_.poll_flush(context, waiter); }
  Poll<Result<>> poll_shutdown(Context& context, Waiter& waiter) noexcept {
    return inner_.poll_shutdown(context, waiter);
  }
  void abort() noexcept { inner_.abort(); }
  Result<> configure(const TcpOptions& options) noexcept { return inner_.configure(options); }
  Endpoint local_endpoint() const noexcept { return inner_.local_endpoint(); }
  Endpoint remote_endpoint() const noexcept { return inner_.remote_endpoint(); }

 private:
  Inner inner_;
  Tamper* tamper_;
};

class Tampering {
 public:
  using TcpStream = TamperedStream;
  Tampering(nal::test::FakeStack& stack, Tamper& tamper) noexcept : stack_(&stack), tamper_(&tamper) {}
  Result<TamperedStream> start_tcp(const Endpoint& remote, const TcpOptions& options) noexcept {
    auto stream = stack_->start_tcp(remote, options);
    if (!stream) { return Unexpected(stream.error()); }
    tamper_->sent = 0;
    return TamperedStream(*std::move(stream), *tamper_);
  }

 private:
  nal::test::FakeStack* stack_;
  Tamper* tamper_;
};

/// Certificates and keys for either side, kept while they are read.
struct Credentials {
  std::vector<std::byte> trusted{};
  std::vector<std::byte> certificate{};
  std::vector<std::byte> key{};
  std::string psk{};
  std::string identity{};
  Options options() const {
    Options options;
    options.trusted = trusted;
    options.certificate = certificate;
    options.key = key;
    options.psk = bytes(psk);
    options.psk_identity = identity;
    return options;
  }
};
inline Credentials trusting(const std::string& authority) { return {.trusted = file(authority + ".pem")}; }
inline Credentials showing(const std::string& name) {
  return {.certificate = file(name + ".pem"), .key = file(name + ".key")};
}
inline Credentials sharing(std::string psk, std::string identity = "device 7") {
  return {.psk = std::move(psk), .identity = std::move(identity)};
}

/// Two hosts on a fake network under a virtual clock, and TLS on top.
class World {
 public:
  World(const Options& client, const Options& server) {
    REQUIRE(client_config.setup(Role::client, client));
    REQUIRE(server_config.setup(Role::server, server));
    auto made = accepting.listen({nal::test::FakeWorld::server_address(), 4433}, {});
    REQUIRE(made);
    listener.emplace(*std::move(made));
  }

  Executor& executor() { return hosts.executor; }
  template <class F>
  auto block(F&& future, Duration patience = Duration::seconds(200)) {
    return block_on(executor(), with_timeout(patience, std::forward<F>(future)));
  }
  /// Bounded, since nothing is left that could wake anybody once a peer has stalled for good.
  void run_for(Duration duration) {
    executor().run_until([] { return false; }, executor().now() + duration);
  }
  Endpoint remote() const { return {nal::test::FakeWorld::server_address(), 4433}; }

  struct Pair {
    TlsStream client;
    TlsStream server;
  };
  /// Both ends, or why the client has none.
  Result<Pair> connect(const ServerName& name = ServerName("server.test"), SavedSession* saved = nullptr) {
    TlsConnect<Tampering> connecting(below, engine, client_config, name, saved);
    auto client = block(nal::connect(connecting, remote()));
    if (!client) { return Unexpected(client.error()); }
    auto server = block(accept(*listener), Duration::seconds(100));
    if (!server) { return Unexpected(server.error()); }
    return Pair{*std::move(client), *std::move(server)};
  }
  /// A few bytes there and back.
  static void check_echo(World& world, Pair& pair) {
    std::byte got[4];
    REQUIRE(world.block(write_all(pair.client, bytes("ping"))));
    REQUIRE(world.block(read_exact(pair.server, got)));
    CHECK(text(got) == "ping");
    REQUIRE(world.block(write_all(pair.server, bytes("pong"))));
    REQUIRE(world.block(read_exact(pair.client, got)));
    CHECK(text(got) == "pong");
  }

  nal::test::FakeWorld hosts;
  Config client_config{system_entropy()};
  Config server_config{system_entropy()};
  Tamper tamper;
  Tampering below{hosts.client, tamper};
  using Memory = Resources<EngineConfig{.sessions = 6, .listeners = 1}>;
  std::unique_ptr<Memory> memory = std::make_unique<Memory>();
  Engine engine{hosts.executor, *memory};
  TlsAccept<nal::test::FakeStack> accepting{hosts.server, engine, server_config};
  std::optional<TlsListener> listener;
};

}  // namespace nal::tls::test

#pragma once
#include <functional>

#include "adapters/mbedtls/udp.hpp"
#include "tests/adapters/mbedtls/world.hpp"

namespace nal::tls::test {

using Bytes = std::vector<std::byte>;

/// What is done to the datagrams of a `WireStack`'s sockets, in both directions.
struct Wire {
  struct Passed {
    bool to_server;
    Bytes data;
  };
  /// What becomes of a datagram, by its number: it as it is unless said otherwise.
  std::function<std::vector<Bytes>(std::size_t number, bool to_server, Bytes data)> change;
  /// What the client's stack says when it is to send one, by its number; nothing: it is sent.
  std::function<Error(std::size_t number)> refuse;
  Error told{};             ///< the next receiving of the client
  std::vector<Passed> log;  ///< what was sent, before anything was done to it

  std::vector<Bytes> pass(bool to_server, std::span<const std::byte> data) {
    Bytes bytes(data.begin(), data.end());
    log.push_back({to_server, bytes});
    if (!change) { return {std::move(bytes)}; }
    return change(log.size() - 1, to_server, std::move(bytes));
  }
};

/// A socket on the wire. As wide as a handle may be.
template <class Inner>
class WireSocket {
 public:
  WireSocket(Inner&& inner, Wire& wire) noexcept : inner_(std::move(inner)), wire_(&wire) {}
  Poll<Result<Received>> poll_receive(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept {
    if constexpr (ConnectedUdp<Inner>) {
      if (wire_->told != Error{}) { return Unexpected(std::exchange(wire_->told, Error{})); }
    }
    return inner_.poll_receive(context, waiter, buffer);
  }
  Poll<Result<>> poll_send(Context& context, Waiter& waiter, std::span<const std::byte> data) noexcept
    requires ConnectedUdp<Inner>
  {
    const Error refused = wire_->refuse ? wire_->refuse(wire_->log.size()) : Error{};
    const auto passed = wire_->pass(true, data);
    if (refused != Error{}) { return Unexpected(refused); }
    for (const Bytes& datagram : passed) {
      auto sent = inner_.poll_send(context, waiter, datagram);
      if (!sent.ready() || !*sent) { return sent; }
    }
    return Result<>();
  }
  Poll<Result<>> poll_send(Context& context, Waiter& waiter, const Endpoint& local, const Endpoint& remote,
                           std::span<const std::byte> data) noexcept
    requires UnconnectedUdp<Inner>
  {
    for (const Bytes& datagram : wire_->pass(false, data)) {
      auto sent = inner_.poll_send(context, waiter, local, remote, datagram);
      if (!sent.ready() || !*sent) { return sent; }
    }
    return Result<>();
  }
  Result<> configure(const UdpOptions& options) noexcept { return inner_.configure(options); }
  Endpoint local_endpoint() const noexcept { return inner_.local_endpoint(); }
  Endpoint remote_endpoint() const noexcept
    requires ConnectedUdp<Inner>
  {
    return inner_.remote_endpoint();
  }
  Result<> join(const IpAddress& group, InterfaceId interface) noexcept { return inner_.join(group, interface); }
  Result<> leave(const IpAddress& group, InterfaceId interface) noexcept { return inner_.leave(group, interface); }
  Result<> join_source(const IpAddress& group, const IpAddress& source, InterfaceId interface) noexcept {
    return inner_.join_source(group, source, interface);
  }
  Result<> leave_source(const IpAddress& group, const IpAddress& source, InterfaceId interface) noexcept {
    return inner_.leave_source(group, source, interface);
  }

 private:
  Inner inner_;
  Wire* wire_;
};

class WireStack {
 public:
  using ConnectedUdp = WireSocket<nal::test::FakeConnectedUdp>;
  using UniquelyBoundUdp = WireSocket<nal::test::FakeUnconnectedUdp>;
  using MultiplyBoundUdp = UniquelyBoundUdp;
  WireStack(nal::test::FakeStack& stack, Wire& wire) noexcept : stack_(&stack), wire_(&wire) {}
  Result<ConnectedUdp> udp_connect_from(const Endpoint& local, const Endpoint& remote,
                                        const UdpOptions& options) noexcept {
    return with(stack_->udp_connect_from(local, remote, options));
  }
  Result<UniquelyBoundUdp> udp_bind_single(const Endpoint& local, const UdpOptions& options) noexcept {
    return with(stack_->udp_bind_single(local, options));
  }
  Result<UniquelyBoundUdp> udp_bind_multiple(const Endpoint& local, const UdpOptions& options) noexcept {
    return with(stack_->udp_bind_multiple(local, options));
  }

 private:
  template <class U>
  Result<WireSocket<U>> with(Result<U> socket) noexcept {
    if (!socket) { return Unexpected(socket.error()); }
    return WireSocket<U>(*std::move(socket), *wire_);
  }
  nal::test::FakeStack* stack_;
  Wire* wire_;
};

inline Options of_datagrams(Options options) {
  options.transport = Transport::datagram;
  return options;
}

/// Two hosts on a fake network under a virtual clock, and DTLS on top.
class DtlsWorld {
 public:
  DtlsWorld(const Options& client, const Options& server, const DtlsOptions& dtls = {})
      : connecting(below_client, engine, &client_config, ServerName("server.test"), nullptr, &saved, dtls),
        serving(below_server, engine, server_config, dtls) {
    REQUIRE(client_config.setup(Role::client, of_datagrams(client)));
    REQUIRE(server_config.setup(Role::server, of_datagrams(server)));
    serve();
  }
  void serve() {
    auto made = serving.udp_bind_single(remote(), {});
    REQUIRE(made);
    server.emplace(*std::move(made));
  }

  Executor& executor() { return hosts.executor; }
  template <class F>
  auto block(F&& future, Duration patience = Duration::seconds(200)) {
    return block_on(executor(), with_timeout(patience, std::forward<F>(future)));
  }
  void run_for(Duration duration) {
    executor().run_until([] { return false; }, executor().now() + duration);
  }
  static Endpoint remote() { return {nal::test::FakeWorld::server_address(), 5684}; }

  /// A client that has shaken hands, or why it has not.
  Result<DtlsSocket> connect(std::uint16_t port = 0) {
    auto socket = connecting.udp_connect_from({nal::test::FakeWorld::client_address(), port}, remote(), {});
    if (!socket) { return Unexpected(socket.error()); }
    auto done = block(handshake(*socket));
    if (!done) { return Unexpected(done.error()); }
    return socket;
  }
  /// A datagram there and one back.
  void check_echo(DtlsSocket& client) {
    std::byte got[64];
    REQUIRE(block(send(client, bytes("ping"))));
    const auto there = block(receive(*server, got));
    REQUIRE(there);
    CHECK(text(std::span(got).first(there->size)) == "ping");
    CHECK(there->remote == client.local_endpoint());
    CHECK(there->local == remote());
    REQUIRE(block(send_to(*server, there->local, there->remote, bytes("pong!"))));
    const auto back = block(receive(client, got));
    REQUIRE(back);
    CHECK(text(std::span(got).first(back->size)) == "pong!");
    CHECK(back->remote == remote());
  }
  /// Nothing is left of clients: neither here nor below. The server stays.
  void check_no_clients() {
    CHECK(hosts.client.udp().slots_in_use() == 0);
    CHECK(engine.tasks() == (server ? 1u : 0u));
  }

  nal::test::FakeWorld hosts{{.udp_slots = 24, .udp_queue = 64}};
  Wire wire;
  WireStack below_client{hosts.client, wire};
  WireStack below_server{hosts.server, wire};
  Config client_config{system_entropy()};
  Config server_config{system_entropy()};
  SavedSession saved;
  static constexpr std::size_t kPeers = 3;
  using Memory = DtlsResources<DtlsEngineConfig{.clients = 5, .servers = 1, .peers = kPeers}>;
  std::unique_ptr<Memory> memory = std::make_unique<Memory>();
  DtlsEngine engine{hosts.executor, *memory};
  DtlsStack<WireStack> connecting;
  DtlsStack<WireStack> serving;
  std::optional<DtlsServerSocket> server;
};

}  // namespace nal::tls::test

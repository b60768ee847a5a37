#pragma once
#include <optional>

#include "tests/examples/coap/world.hpp"

namespace coap::test {

inline constexpr Type kCon = Type::confirmable;
inline constexpr Type kNon = Type::non_confirmable;

/// The other side, as the test says: datagrams by hand.
class Raw {
 public:
  Raw(nal::Executor& executor, nal::test::FakeStack& stack, const nal::Endpoint& local)
      : executor_(executor), socket_(*stack.udp_bind_single(local, {})) {}

  struct Got {
    Bytes bytes;
    Message message;  ///< views into `bytes`
    nal::Endpoint remote;
    nal::Instant at;
  };
  /// The next datagram; nothing if none comes within that time.
  std::optional<Got> receive(nal::Duration time = nal::Duration::milliseconds(1)) {
    std::vector<std::byte> buffer(2000);
    const auto got = nal::block_on(executor_, nal::with_timeout(time, nal::receive(socket_, buffer)));
    if (!got) { return std::nullopt; }
    std::optional<Got> out(Got{{}, {}, got->remote, executor_.now()});
    buffer.resize(got->size);
    out->bytes = std::move(buffer);
    REQUIRE(Message::parse(out->bytes, out->message));
    return out;
  }
  /// The next datagram, which must come.
  Got expect(nal::Duration time = nal::Duration::milliseconds(1)) {
    auto got = receive(time);
    REQUIRE(got);
    return *std::move(got);
  }
  void send(const nal::Endpoint& remote, const Bytes& data) {
    REQUIRE(nal::block_on(executor_, nal::send_to(socket_, remote, data)));
    // For it to be looked at.
    nal::block_on(executor_, nal::sleep(1_us));
  }
  nal::test::FakeUnconnectedUdp& socket() noexcept { return socket_; }

 private:
  nal::Executor& executor_;
  nal::test::FakeUnconnectedUdp socket_;
};

/// Builds a datagram: `Build(Type::confirmable, Code::get, 7, token).path("note").bytes()`.
class Build {
 public:
  Build(Type type, Code code, std::uint16_t id, std::span<const std::byte> token = {}) {
    writer_.begin(type, code, id, token);
  }
  Build(const Build&) = delete;
  Build& operator=(const Build&) = delete;
  Build& option(OptionNumber number, std::span<const std::byte> value) {
    writer_.add(number, value);
    return *this;
  }
  Build& uint(OptionNumber number, std::uint32_t value) {
    writer_.add_uint(number, value);
    return *this;
  }
  Build& path(std::string_view segment) {
    writer_.add(OptionNumber::uri_path, segment);
    return *this;
  }
  Build& block1(std::uint32_t number, bool more, std::uint8_t szx) {
    return uint(OptionNumber::block1, Block{number, more, szx}.value());
  }
  Build& block2(std::uint32_t number, bool more, std::uint8_t szx) {
    return uint(OptionNumber::block2, Block{number, more, szx}.value());
  }
  Build& payload(std::string_view data) {
    writer_.add_payload(bytes_of(data));
    return *this;
  }
  Bytes bytes() { return copy(*writer_.datagram()); }
  operator Bytes() { return bytes(); }

 private:
  std::vector<std::byte> buffer_ = std::vector<std::byte>(2000);
  MessageWriter writer_{buffer_};
};

/// A client, and a server by hand.
struct ClientWorld {
  explicit ClientWorld(const NodeConfig& config = {.seed = 1}, BufferSizes sizes = {})
      : receive(sizes.receive), send(sizes.send), node(config, Memory{receive, send}) {
    REQUIRE(running.start(world.executor, World::run_node, socket, node).has_value());
  }
  static nal::Task<nal::Result<Response>> ask(Client& client, const Request& request) {
    auto answer = co_await client.request(request);
    co_return answer;
  }
  using Slot = nal::TaskSlot<4096, nal::Result<Response>>;
  /// Asks in a task of its own, so that the test can play the server.
  void begin(Slot& slot, const Request& request) {
    REQUIRE(slot.start(world.executor, ask, client, request).has_value());
    pass(1_us);
  }
  template <class F>
  auto wait(F&& future) {
    return nal::block_on(world.executor, future);
  }
  void pass(nal::Duration time) { nal::block_on(world.executor, nal::sleep(time)); }

  nal::test::FakeWorld world;
  Raw server{world.executor, world.server, kServer};
  nal::test::FakeUnconnectedUdp socket =
      *world.client.udp_bind_single({nal::test::FakeWorld::client_address(), 40000}, {});
  std::vector<std::byte> receive;
  std::vector<std::byte> send;
  Node node;
  Client client{node};
  nal::TaskSlot<1024> running;
};

/// A server, and a client by hand.
struct ServerWorld : World {
  Raw peer{world.executor, world.client, {nal::test::FakeWorld::client_address(), 40001}};
  Raw other{world.executor, world.client, {nal::test::FakeWorld::client_address(), 40002}};
  /// Sends, and gives the answer at once.
  Raw::Got ask(const Bytes& request) {
    peer.send(kServer, request);
    return peer.expect();
  }
  Code code_of(const Bytes& request) { return ask(request).message.code; }
};

}  // namespace coap::test

// lwIP in an Asio program, with the embedded stack at the other end of a wire.
#include "adapters/asio/asio.hpp"  // first, see its README
//
#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <catch2/catch_test_macros.hpp>

#include "backends/lwip/stack.hpp"
#include "tests/adapters/asio/world.hpp"

namespace {

using namespace nal;
using namespace nal::test;

/// The client is lwIP, at 10.0.0.1.
struct LwipWorld {
  static constexpr embedded::Config kConfig{.packets = 48};
  static constexpr embedded::Settings kSettings{.addresses = {.ipv6_transmits = 0, .ipv4_probes = 0}};
  ::asio::io_context context;
  Loop loop{context.get_executor()};
  drivers::WirePair wire{drivers::WireConfig{}};
  lwip::Resources<> client_memory;
  embedded::Resources<kConfig> server_memory;
  lwip::Stack client{loop.executor(), client_memory, Entropy(std::array<std::byte, Entropy::kSize>{})};
  embedded::Stack server{loop.executor(), server_memory, Entropy(std::array<std::byte, Entropy::kSize>{}), kSettings};
  std::optional<with_asio::Drive<lwip::Stack>> drive_client;
  std::optional<with_asio::Drive<embedded::Stack>> drive_server;
  Loop::Closing closing{loop};

  LwipWorld() {
    const Loop::Turn turn(loop);
    REQUIRE(client.add_address(client.add_interface(wire.a()).value(), Cidr("10.0.0.1"_ip, 24)));
    REQUIRE(server.add_address(server.add_interface(wire.b()).value(), Cidr("10.0.0.2"_ip, 24)));
    drive_client.emplace(loop, client);
    drive_server.emplace(loop, server);
  }
};

template <class S>
::asio::awaitable<void> echo(S stream) {
  std::array<char, 512> buffer;
  try {
    for (;;) {
      const std::size_t size = co_await stream.async_read_some(::asio::buffer(buffer), ::asio::use_awaitable);
      co_await ::asio::async_write(stream, ::asio::buffer(buffer, size), ::asio::use_awaitable);
    }
  } catch (const ::asio::system_error&) {}
}

::asio::awaitable<void> ask(LwipWorld& world, ::asio::ip::tcp::endpoint server, std::string& answer) {
  with_asio::Stream<lwip::TcpStream> stream(world.loop);
  co_await stream.async_connect(world.client, server, ::asio::use_awaitable);
  const std::string question(20'000, 'q');
  ::asio::async_write(stream, ::asio::buffer(question), [](ErrorCode error, std::size_t) { CHECK(!error); });
  std::array<char, 512> buffer;
  while (answer.size() < question.size()) {
    const std::size_t size = co_await stream.async_read_some(::asio::buffer(buffer), ::asio::use_awaitable);
    answer.append(buffer.data(), size);
  }
}

TEST_CASE("Asio's streams run over lwIP", "[asio]") {
  LwipWorld world;
  with_asio::Acceptor<embedded::TcpListener> acceptor(world.loop,
                                                      world.server.listen("10.0.0.2:7"_endpoint, {}).value());
  acceptor.async_accept([&world](ErrorCode error, auto peer) {
    REQUIRE(!error);
    ::asio::co_spawn(world.context, echo(std::move(peer)), ::asio::detached);
  });
  std::string answer;
  ::asio::co_spawn(world.context, ask(world, acceptor.local_endpoint(), answer), ::asio::detached);
  world.context.run();
  CHECK(answer == std::string(20'000, 'q'));
}

}  // namespace

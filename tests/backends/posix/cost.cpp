#include <sys/socket.h>

#include <array>
#include <span>
#include <string_view>

#include "tests/backends/posix/world.hpp"

using namespace nal;
using namespace nal::literals;
using namespace nal::test;

namespace {

constexpr unsigned kEchoes = 1000;

Task<> echo(posix::TcpStream& stream) {
  std::array<std::byte, 256> buffer;
  for (;;) {
    const Result<std::size_t> got = co_await read(stream, buffer);
    if (!got) { co_return Unexpected(got.error()); }
    if (*got == 0) { co_return Unit{}; }
    const Result<> written = co_await write_all(stream, std::span(buffer).first(*got));
    if (!written) { co_return Unexpected(written.error()); }
  }
}

Task<> ask(posix::TcpStream& stream, unsigned times) {
  std::array<std::byte, 64> buffer;
  const std::string_view question = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
  for (unsigned i = 0; i < times; ++i) {
    const Result<> written = co_await write_all(stream, bytes(question));
    if (!written) { co_return Unexpected(written.error()); }
    const Result<> got = co_await read_exact(stream, buffer);
    if (!got) { co_return Unexpected(got.error()); }
  }
  co_return Unit{};
}

Task<> echo_datagrams(posix::BoundUdp& socket, unsigned times) {
  std::array<std::byte, 256> buffer;
  for (unsigned i = 0; i < times; ++i) {
    const Result<Received> got = co_await with_timeout(kPatience, receive(socket, buffer));
    if (!got) { co_return Unexpected(got.error()); }
    const Result<> sent = co_await send_to(socket, got->local, got->remote, std::span(buffer).first(got->size));
    if (!sent) { co_return Unexpected(sent.error()); }
  }
  co_return Unit{};
}

Task<> ask_datagrams(posix::ConnectedUdp& socket, unsigned times) {
  std::array<std::byte, 64> buffer;
  for (unsigned i = 0; i < times; ++i) {
    const Result<> sent = co_await send(socket, bytes("datagram"));
    if (!sent) { co_return Unexpected(sent.error()); }
    const Result<Received> got = co_await receive(socket, buffer);
    if (!got) { co_return Unexpected(got.error()); }
  }
  co_return Unit{};
}

}  // namespace

TEST_CASE("a thousand echoes over TCP allocate nothing", "[posix][cost]") {
  World world(each_poller());
  auto listener = world.listen();
  auto client = world.must(connect(world.stack, listener.local_endpoint()));
  auto server = world.must(accept(listener));
  TaskSlot<4096> echoes;
  TaskSlot<4096> asks;
  REQUIRE(echoes.start(world.executor, echo, server));
  REQUIRE(asks.start(world.executor, ask, client, kEchoes));
  const std::size_t before = allocations();
  world.executor.run_until([&] { return !asks.running(); });
  CHECK(allocations() - before == 0);
  CHECK(*asks.result() == Unit{});
  echoes.cancel();
}

TEST_CASE("a thousand echoes over UDP, each under a deadline, allocate nothing", "[posix][cost]") {
  World world(each_poller());
  auto server = world.stack.udp_bind_single(any_port(), {});
  REQUIRE(server);
  auto client = udp_connect(world.stack, server->local_endpoint());
  REQUIRE(client);
  TaskSlot<4096> echoes;
  TaskSlot<4096> asks;
  REQUIRE(echoes.start(world.executor, echo_datagrams, *server, kEchoes));
  REQUIRE(asks.start(world.executor, ask_datagrams, *client, kEchoes));
  const std::size_t before = allocations();
  world.executor.run();
  CHECK(allocations() - before == 0);
  CHECK(*asks.result() == Unit{});
}

TEST_CASE("an echo server makes three system calls a round trip: wait, receive, send", "[posix][cost]") {
  World world(each_poller());
  auto [stream, peer] = world.accepted();
  TaskSlot<4096> slot;
  REQUIRE(slot.start(world.executor, echo, stream));
  world.settle();
  Faults faults;
  for (unsigned i = 0; i < kEchoes; ++i) {
    peer.send("ping");
    const unsigned sent = faults.count(Call::send);
    world.until([&] { return faults.count(Call::send) > sent; });
    REQUIRE(peer.receive(4) == "ping");
  }
  CHECK(faults.count(Call::recv) == kEchoes);
  CHECK(faults.count(Call::send) == kEchoes);
  CHECK(faults.waits() <= kEchoes + kEchoes / 10);  // one is enough, unless loopback is late
  CHECK(faults.count(Call::epoll_ctl) == 0);
  CHECK(faults.count(Call::read) == 0);
  slot.cancel();
}

TEST_CASE("an idle connection costs no more than its budget beside buffers and tasks", "[posix][cost]") {
  CHECK(sizeof(posix::Socket) + sizeof(posix::TcpStream) + sizeof(Waiter) <= 512);
  CHECK(sizeof(posix::TcpStream) <= 3 * sizeof(void*));
  CHECK(sizeof(posix::TcpListener) <= 3 * sizeof(void*));
  CHECK(sizeof(posix::BoundUdp) <= 3 * sizeof(void*));
  CHECK(sizeof(posix::ConnectedUdp) <= 3 * sizeof(void*));
  CHECK(sizeof(posix::Stack::Lookup) <= 3 * sizeof(void*));
}

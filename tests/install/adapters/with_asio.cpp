// Asio's algorithms over a nal stack: a program talks to itself over loopback.
#include <asio.hpp>
#include <cstdio>

#include "adapters/asio/acceptor.hpp"
#include "adapters/asio/spawn.hpp"
#include "adapters/asio/stream.hpp"
#include "backends/posix/stack.hpp"

int main() {
  using namespace nal::literals;
  using Stack = nal::posix::Stack;
  asio::io_context context;
  nal::posix::Reactor reactor;
  nal::with_asio::Loop loop(context.get_executor(), reactor);
  static nal::posix::Resources<> memory;
  Stack stack(reactor, loop.executor(), memory);
  const nal::with_asio::Loop::Closing closing(loop);
  auto listener = stack.listen("127.0.0.1:0"_endpoint, nal::ListenOptions{});
  if (!loop.status() || !listener) { return 1; }

  nal::with_asio::Acceptor acceptor(loop, *std::move(listener));
  nal::with_asio::Stream<Stack::TcpStream> client(loop);
  nal::with_asio::Stream<Stack::TcpStream> server(loop);
  char word[5] = {};
  acceptor.async_accept(server, [&](const asio::error_code& failed) {
    if (!failed) {
      asio::async_write(server, asio::buffer("works", 5), [](const asio::error_code&, std::size_t) {});
    }
  });
  client.async_connect(stack, acceptor.local_endpoint(), [&](const asio::error_code& failed) {
    if (failed) { return; }
    asio::async_read(client, asio::buffer(word), [](const asio::error_code&, std::size_t) {});
  });
  context.run();
  std::printf("%.5s\n", word);
  return word[4] == 's' ? 0 : 1;
}

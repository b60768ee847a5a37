// The same echo server, over nal's POSIX sockets instead of Asio's.
#include "adapters/asio/acceptor.hpp"
#include "backends/posix/stack.hpp"
#include "echo_asio.hpp"

int main(int argc, char** argv) {
  using namespace nal::literals;
  asio::io_context context(1);
  nal::posix::Reactor reactor;
  nal::with_asio::Loop loop(context.get_executor(), reactor);
  static nal::posix::Resources<nal::posix::Config{.sockets = 1001}> memory;
  nal::posix::Stack stack(reactor, loop.executor(), memory);
  const nal::with_asio::Loop::Closing closing(loop);
  nal::ListenOptions options;
  options.backlog = 1000;
  auto listener = stack.listen("127.0.0.1:0"_endpoint, options);
  if (!listener) { return 1; }
  nal::with_asio::Acceptor acceptor(loop, *std::move(listener));
  bench::start_echo(context, acceptor, argc, argv);
  context.run();
  return 0;
}

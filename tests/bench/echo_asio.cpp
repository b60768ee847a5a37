// The echo server on Asio.
#include "echo_asio.hpp"

int main(int argc, char** argv) {
  using asio::ip::tcp;
  asio::io_context context(1);
  tcp::acceptor acceptor(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  acceptor.listen(1000);
  bench::start_echo(context, acceptor, argc, argv);
  context.run();
  return 0;
}

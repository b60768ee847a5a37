// Sends a line over TLS and prints what comes back, by co_await: Asio's ssl::stream over the embedded stack.
#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/ssl.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <cstdio>
#include <string>

#include "adapters/asio/stream.hpp"
#include "examples/asio/tap_stack.hpp"

namespace {

using Stream = nal::with_asio::Stream<nal::embedded::TcpStream>;

asio::awaitable<void> ask(examples::TapStack& tap, asio::ssl::context& tls, nal::Endpoint server, std::string line) {
  asio::ssl::stream<Stream> stream(Stream(tap.loop()), tls);
  co_await stream.lowest_layer().async_connect(tap.stack(), server, asio::use_awaitable);
  co_await stream.async_handshake(asio::ssl::stream_base::client, asio::use_awaitable);
  line += '\n';
  co_await asio::async_write(stream, asio::buffer(line), asio::use_awaitable);
  char last = 0;
  while (last != '\n') {
    char buffer[1024];
    const std::size_t size = co_await stream.async_read_some(asio::buffer(buffer), asio::use_awaitable);
    std::fwrite(buffer, 1, size, stdout);
    last = buffer[size - 1];
  }
}

int run(const char* interface, const char* authority, nal::Endpoint server, const char* line) {
  asio::ssl::context tls(asio::ssl::context::tls_client);
  tls.load_verify_file(authority);
  tls.set_verify_mode(asio::ssl::verify_peer);

  asio::io_context context;
  examples::TapStack tap(context, interface);
  if (const auto started = tap.start(); !started) {
    std::fprintf(stderr, "cannot use %s: %s\n", interface, to_string(started.error()));
    return 1;
  }
  int status = 1;
  asio::co_spawn(context, ask(tap, tls, server, line), [&status](std::exception_ptr failure) {
    if (failure) { std::rethrow_exception(failure); }
    status = 0;
  });
  context.run();
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  const auto server = argc == 5 ? nal::Endpoint::parse(argv[3]) : nal::Unexpected(nal::Error::invalid_argument);
  if (!server) {
    std::fprintf(stderr, "usage: %s INTERFACE AUTHORITY ADDRESS:PORT LINE\n", argv[0]);
    return 2;
  }
  try {
    return run(argv[1], argv[2], *server, argv[4]);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    return 1;
  }
}

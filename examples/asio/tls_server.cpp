// An echo server over TLS by callbacks: Asio's ssl::stream over the embedded stack.
#include <asio/signal_set.hpp>
#include <asio/ssl.hpp>
#include <asio/write.hpp>
#include <cstdio>
#include <memory>

#include "adapters/asio/acceptor.hpp"
#include "examples/asio/tap_stack.hpp"

namespace {

using Acceptor = nal::with_asio::Acceptor<nal::embedded::TcpListener>;
using TlsStream = asio::ssl::stream<Acceptor::Peer>;

/// One connection; its handlers own it.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Acceptor::Peer peer, asio::ssl::context& tls) : stream_(std::move(peer), tls) {}
  void start() {
    stream_.async_handshake(asio::ssl::stream_base::server, [self = shared_from_this()](asio::error_code error) {
      if (error) {
        std::fprintf(stderr, "handshake: %s\n", error.message().c_str());
      } else {
        self->read();
      }
    });
  }

 private:
  void read() {
    stream_.async_read_some(asio::buffer(buffer_),
                            [self = shared_from_this()](asio::error_code error, std::size_t size) {
                              if (error) {
                                self->end();
                              } else {
                                self->write(size);
                              }
                            });
  }
  void write(std::size_t size) {
    asio::async_write(stream_, asio::buffer(buffer_, size),
                      [self = shared_from_this()](asio::error_code error, std::size_t) {
                        if (!error) { self->read(); }
                      });
  }
  void end() {
    // close_notify, and then the connection, so that nothing is lost.
    stream_.async_shutdown([self = shared_from_this()](asio::error_code) {
      self->stream_.lowest_layer().async_close([self](asio::error_code) {});
    });
  }
  TlsStream stream_;
  char buffer_[4096];
};

void accept(Acceptor& acceptor, asio::ssl::context& tls) {
  acceptor.async_accept([&acceptor, &tls](asio::error_code error, Acceptor::Peer peer) {
    if (error == asio::error::operation_aborted) { return; }
    if (error) {
      std::fprintf(stderr, "accept: %s\n", error.message().c_str());
    } else {
      std::make_shared<Session>(std::move(peer), tls)->start();
    }
    accept(acceptor, tls);
  });
}

int serve(const char* interface, const char* certificate, const char* key) {
  asio::ssl::context tls(asio::ssl::context::tls_server);
  tls.use_certificate_chain_file(certificate);
  tls.use_private_key_file(key, asio::ssl::context::pem);

  asio::io_context context;
  examples::TapStack tap(context, interface);
  if (const auto started = tap.start(); !started) {
    std::fprintf(stderr, "cannot use %s: %s\n", interface, to_string(started.error()));
    return 1;
  }
  // At whatever address: the stack has its own only once the interface is up.
  auto listener = tap.stack().listen({nal::Ipv4Address(), 4433}, {});
  if (!listener) {
    std::fprintf(stderr, "cannot listen: %s\n", to_string(listener.error()));
    return 1;
  }
  Acceptor acceptor(tap.loop(), *std::move(listener));
  accept(acceptor, tls);
  asio::signal_set signals(context, SIGINT, SIGTERM);
  signals.async_wait([&context](asio::error_code, int) { context.stop(); });
  std::printf("serving on 10.9.0.2:4433\n");
  std::fflush(stdout);
  context.run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: %s INTERFACE CERTIFICATE KEY\n", argv[0]);
    return 2;
  }
  try {
    return serve(argv[1], argv[2], argv[3]);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    return 1;
  }
}

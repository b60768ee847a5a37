// The echo server on Asio: KIND "callback", else coroutines.
#include <asio.hpp>
#include <memory>

#include "echo_server.hpp"

namespace {

using asio::ip::tcp;

asio::awaitable<void> serve(tcp::socket socket) {
  char buffer[bench::kBufferSize];
  asio::error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  for (;;) {
    const std::size_t size = co_await socket.async_read_some(asio::buffer(buffer), token);
    if (error) { co_return; }
    co_await asio::async_write(socket, asio::buffer(buffer, size), token);
    if (error) { co_return; }
  }
}

asio::awaitable<void> accept_all(tcp::acceptor& acceptor, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
    socket.set_option(tcp::no_delay(true));
    asio::co_spawn(acceptor.get_executor(), serve(std::move(socket)), asio::detached);
  }
}

class Session : public std::enable_shared_from_this<Session> {
 public:
  explicit Session(tcp::socket socket) : socket_(std::move(socket)) {}
  void read() {
    socket_.async_read_some(asio::buffer(buffer_),
                            [self = shared_from_this()](const asio::error_code& error, std::size_t size) {
                              if (!error) { self->write(size); }
                            });
  }

 private:
  void write(std::size_t size) {
    asio::async_write(socket_, asio::buffer(buffer_, size),
                      [self = shared_from_this()](const asio::error_code& error, std::size_t) {
                        if (!error) { self->read(); }
                      });
  }
  tcp::socket socket_;
  char buffer_[bench::kBufferSize];
};

void accept_by_callback(tcp::acceptor& acceptor, std::size_t count) {
  if (count == 0) { return; }
  acceptor.async_accept([&acceptor, count](const asio::error_code& error, tcp::socket socket) {
    if (error) { return; }
    socket.set_option(tcp::no_delay(true));
    std::make_shared<Session>(std::move(socket))->read();
    accept_by_callback(acceptor, count - 1);
  });
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t count = bench::connections(argc, argv);
  asio::io_context context(1);
  tcp::acceptor acceptor(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  acceptor.listen(1000);
  bench::announce(acceptor.local_endpoint().port());
  if (bench::is_kind(argc, argv, "callback")) {
    accept_by_callback(acceptor, count);
  } else {
    asio::co_spawn(context, accept_all(acceptor, count), asio::detached);
  }
  context.run();
  return 0;
}

#pragma once
// The echo server in Asio's terms, for whatever acceptor and socket.
#include <asio.hpp>
#include <memory>

#include "echo_server.hpp"

namespace bench {

template <class Socket>
asio::awaitable<void> serve(Socket socket) {
  char buffer[kBufferSize];
  asio::error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  for (;;) {
    const std::size_t size = co_await socket.async_read_some(asio::buffer(buffer), token);
    if (error) { co_return; }
    co_await asio::async_write(socket, asio::buffer(buffer, size), token);
    if (error) { co_return; }
  }
}

template <class Acceptor>
asio::awaitable<void> accept_all(Acceptor& acceptor, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    auto socket = co_await acceptor.async_accept(asio::use_awaitable);
    socket.set_option(asio::ip::tcp::no_delay(true));
    asio::co_spawn(acceptor.get_executor(), serve(std::move(socket)), asio::detached);
  }
}

template <class Socket>
class Session : public std::enable_shared_from_this<Session<Socket>> {
 public:
  explicit Session(Socket socket) : socket_(std::move(socket)) {}
  void read() {
    socket_.async_read_some(asio::buffer(buffer_),
                            [self = this->shared_from_this()](const asio::error_code& error, std::size_t size) {
                              if (!error) { self->write(size); }
                            });
  }

 private:
  void write(std::size_t size) {
    asio::async_write(socket_, asio::buffer(buffer_, size),
                      [self = this->shared_from_this()](const asio::error_code& error, std::size_t) {
                        if (!error) { self->read(); }
                      });
  }
  Socket socket_;
  char buffer_[kBufferSize];
};

template <class Acceptor>
void accept_by_callback(Acceptor& acceptor, std::size_t count) {
  if (count == 0) { return; }
  acceptor.async_accept([&acceptor, count](const asio::error_code& error, auto socket) {
    if (error) { return; }
    socket.set_option(asio::ip::tcp::no_delay(true));
    std::make_shared<Session<decltype(socket)>>(std::move(socket))->read();
    accept_by_callback(acceptor, count - 1);
  });
}

/// KIND "callback", else coroutines.
template <class Acceptor>
void start_echo(asio::io_context& context, Acceptor& acceptor, int argc, char** argv) {
  const std::size_t count = connections(argc, argv);
  announce(acceptor.local_endpoint().port());
  if (is_kind(argc, argv, "callback")) {
    accept_by_callback(acceptor, count);
  } else {
    asio::co_spawn(context, accept_all(acceptor, count), asio::detached);
  }
}

}  // namespace bench

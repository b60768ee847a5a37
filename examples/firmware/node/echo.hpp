#pragma once
#include <span>

#include "nal/copy.hpp"
#include "nal/task_slot.hpp"
#include "nal/tcp.hpp"
#include "nal/udp.hpp"
#include "nal/write.hpp"

/// What a node answers to everybody, written against nal's concepts alone.
namespace node {

/// Sends back what a client sends, from the stack's own memory, until its end.
template <nal::TcpStream S>
nal::Task<> echo(S stream) {
  {
    const auto copied = co_await nal::copy(stream, stream);
    if (!copied) { co_return nal::Unexpected(copied.error()); }
  }
  const nal::Result<> closed = co_await nal::close(std::move(stream));
  co_return closed;
}

/// A task for each client. One more than there are tasks is reset.
template <nal::TcpListener L, class Clients>
nal::Task<> accept_clients(nal::Executor& executor, L& listener, Clients& clients) {
  for (;;) {
    auto stream = co_await nal::accept(listener);
    if (!stream) { continue; }
    static_cast<void>(clients.start(executor, echo<typename L::TcpStream>, *std::move(stream)));
  }
}

/// Sends each datagram back, from the address that it was sent to. `buffer` holds the longest.
template <nal::UnconnectedUdp U>
nal::Task<> echo_datagrams(U& socket, std::span<std::byte> buffer) {
  for (;;) {
    const nal::Result<nal::Received> received = co_await nal::receive(socket, buffer);
    if (!received || received->truncated) { continue; }
    // What cannot be sent is lost, as datagrams may be.
    const std::span<const std::byte> data = buffer.first(received->size);
    const nal::Result<> sent = co_await nal::send_to(socket, received->local, received->remote, data);
    static_cast<void>(sent);
  }
}

}  // namespace node

#pragma once
#include <optional>

#include "examples/coap/node.hpp"
#include "nal/udp.hpp"

namespace coap {

/// See `run(socket, node)`.
template <nal::DatagramReceiver U>
class [[nodiscard("await it")]] RunUdp {
 public:
  RunUdp(U& socket, Node& node) noexcept : socket_(&socket), node_(&node) {}

  nal::Poll<nal::Result<>> poll(nal::Context& context) noexcept {
    for (unsigned turn = 0; turn < kTurnsPerPoll; ++turn) {
      const nal::Instant now = context.now();
      if (const Node::Outgoing* out = node_->output(now)) {
        const auto sent = poll_send(context, *out);
        if (!sent.ready()) { return wait(context, now); }
        if (!*sent && (*sent).error() == nal::Error::closed) { return sent; }
        node_->sent(*sent);
        continue;
      }
      const auto room = node_->input_room();
      if (room.empty()) { return wait(context, now); }
      auto got = socket_->poll_receive(context, read_waiter_, room);
      if (!got.ready()) { return wait(context, now); }
      if (*got) {
        node_->received(**got, now);
      } else if (got->error() == nal::Error::closed) {
        return nal::Unexpected(got->error());
      } else if constexpr (nal::ConnectedUdp<U>) {
        if (connected()) { node_->refused(socket_->remote_endpoint(), got->error()); }
      }
    }
    context.wake_soon();
    return nal::pending;
  }

 private:
  /// Datagrams are small and waking is cheap: other tasks get their turn.
  static constexpr unsigned kTurnsPerPoll = 16;

  /// A type that is both, such as `nal::AnyUdpSocket`, tells what a socket was made for.
  bool connected() const noexcept {
    if constexpr (nal::ConnectedUdp<U> && nal::UnconnectedUdp<U>) { return socket_->remote_endpoint().port != 0; }
    return nal::ConnectedUdp<U>;
  }

  nal::Poll<nal::Result<>> poll_send(nal::Context& context, const Node::Outgoing& out) noexcept {
    if constexpr (nal::ConnectedUdp<U>) {
      if (connected()) { return socket_->poll_send(context, write_waiter_, out.bytes); }
    }
    if constexpr (nal::UnconnectedUdp<U>) {
      return socket_->poll_send(context, write_waiter_, out.ends.local, out.ends.remote, out.bytes);
    }
    return nal::Result<>(nal::Unexpected(nal::Error::not_connected));
  }

  nal::Poll<nal::Result<>> wait(nal::Context& context, nal::Instant now) noexcept {
    node_->wait_for_work(context, work_waiter_, timer_, now);
    return nal::pending;
  }

  U* socket_;
  Node* node_;
  nal::Waiter read_waiter_;
  nal::Waiter write_waiter_;
  nal::Waiter work_waiter_;
  nal::Timer timer_;
};

/// Moves the datagrams of a node: what its client and server need to make progress. *Completes* only when the socket is
/// closed. *Errors*: closed. *Cancellation*: nothing is lost but what is in the network; another `run` goes on. One at
/// a time; socket and node outlive it.
template <nal::DatagramReceiver U>
RunUdp<U> run(U& socket, Node& node) noexcept {
  return RunUdp<U>(socket, node);
}

}  // namespace coap

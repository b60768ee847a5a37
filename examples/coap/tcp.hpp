#pragma once
#include <algorithm>
#include <optional>

#include "examples/coap/stream_link.hpp"
#include "nal/tcp.hpp"

namespace coap {

/// See `run(stream, node)`.
template <nal::TcpStream S>
class [[nodiscard("await it")]] RunTcp {
 public:
  RunTcp(S& stream, Node& node) noexcept : stream_(&stream), node_(&node) {}
  RunTcp(RunTcp&& other) noexcept : stream_(other.stream_), node_(other.node_) { NAL_ASSERT(!other.link_); }

  nal::Poll<nal::Result<>> poll(nal::Context& context) noexcept {
    if (!link_) { link_.emplace(*node_); }
    for (unsigned turn = 0; turn < kTurnsPerPoll; ++turn) {
      const nal::Instant now = context.now();
      const auto wrote = poll_write(context, now);
      if (wrote.ready() && !*wrote) { return end((*wrote).error()); }
      if (wrote.ready()) { continue; }
      if (link_->finished() && flushed_) { return end(link_->error()); }
      const auto room = link_->input_room();
      if (room.empty()) { return wait(context, now); }
      auto got = stream_->poll_read(context, read_waiter_, room);
      if (!got.ready()) { return wait(context, now); }
      if (!*got) { return end(got->error()); }
      if (**got == 0) { return end(link_->released() ? nal::Error::closed : nal::Error::end_of_stream); }
      link_->received(**got, now);
    }
    context.wake_soon();
    return nal::pending;
  }

 private:
  /// Other tasks get their turn.
  static constexpr unsigned kTurnsPerPoll = 16;

  /// Ready when something was sent.
  nal::Poll<nal::Result<>> poll_write(nal::Context& context, nal::Instant now) noexcept {
    const auto bytes = link_->output(now);
    if (bytes.empty()) {
      if (flushed_) { return nal::pending; }
      auto flushed = stream_->poll_flush(context, write_waiter_);
      flushed_ = flushed.ready();
      return flushed;
    }
    const auto taken = stream_->poll_write(context, write_waiter_, bytes);
    if (!taken.ready()) { return nal::pending; }
    if (!*taken) { return nal::Unexpected((*taken).error()); }
    link_->sent(**taken);
    flushed_ = false;
    return nal::Result<>();
  }

  nal::Poll<nal::Result<>> wait(nal::Context& context, nal::Instant now) noexcept {
    node_->wait_for_work(context, work_waiter_, timer_, now);
    return nal::pending;
  }

  nal::Result<> end(nal::Error error) noexcept {
    link_->end(error);
    return nal::Unexpected(error);
  }

  S* stream_;
  Node* node_;
  std::optional<StreamLink> link_;
  bool flushed_ = true;
  nal::Waiter read_waiter_;
  nal::Waiter write_waiter_;
  nal::Waiter work_waiter_;
  nal::Timer timer_;
};

/// Moves the messages of a node over a connection (RFC 8323): the node's client and server then speak with its peer,
/// and everything of theirs ends with it. *Completes* only with what ended it. *Errors*: end_of_stream; closed: the
/// peer released it, or closed it after `Node::leave`; connection_aborted: the peer aborted it; protocol_error,
/// message_size: the peer broke the rules; the stream's. *Cancellation*: what was asked fails with connection_aborted;
/// close the stream. Stream and node outlive it.
template <nal::TcpStream S>
RunTcp<S> run(S& stream, Node& node) noexcept {
  return RunTcp<S>(stream, node);
}

}  // namespace coap

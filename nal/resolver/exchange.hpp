#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "nal/resolver/query.hpp"
#include "nal/tcp.hpp"
#include "nal/udp.hpp"

namespace nal::dns {

/// Drives a `Query` over a stack's sockets: at most one socket at a time, a new one for each attempt.
template <class Stack>
class Exchange {
 public:
  /// Goes on as far as it can without waiting, but only so far that others have their turn too. *Completes* when
  /// the query is done; every socket is closed then. *Cancellation*: `give_up`.
  Poll<Unit> poll(Context& context, Stack& stack, Shared& shared, Query& query) noexcept {
    for (unsigned turn = 0; turn < kTurnsPerPoll && !query.done(); ++turn) {
      if (attempt_ != query.attempt()) {
        close();
        attempt_ = query.attempt();
      }
      const bool went_on = query.transport() == Query::Transport::udp ? turn_udp(context, stack, shared, query)
                                                                      : turn_tcp(context, stack, query);
      if (query.done() || attempt_ != query.attempt()) { continue; }
      // After what has arrived: an answer wins a tie. But no flood moves the deadline.
      if (context.now() >= query.deadline()) {
        query.timed_out(context.now());
      } else if (!went_on) {
        context.arm(timer_, query.deadline());
        return pending;
      }
    }
    if (query.done()) {
      close();
      timer_.disarm();
      return Unit{};
    }
    context.wake_soon();
    return pending;
  }

  /// Everything is closed at once.
  void give_up() noexcept {
    complete_ = false;
    close();
    timer_.disarm();
    attempt_ = 0;
  }

 private:
  enum class Step : std::uint8_t { connect, send, receive_size, receive };
  static constexpr unsigned kTurnsPerPoll = 16;
  static constexpr unsigned kPortsToTry = 4;

  void close() noexcept {
    waiter_.unlink();
    udp_.reset();
    // Ended as the protocol wants it when all was read, else at once.
    if (tcp_ && !complete_) { tcp_->abort(); }
    tcp_.reset();
    step_ = Step::connect;
    progress_ = 0;
    complete_ = false;
  }

  // A turn is false when it waits.

  bool turn_udp(Context& context, Stack& stack, Shared& shared, Query& query) noexcept {
    if (!udp_) {
      auto opened = open(stack, shared, query.server());
      if (!opened) { return fail(context, query, opened.error()); }
      udp_.emplace(*std::move(opened));
      step_ = Step::send;
    }
    if (step_ == Step::send) {
      auto sent = udp_->poll_send(context, waiter_, query.message());
      if (!sent.ready()) { return false; }
      if (!*sent) { return fail(context, query, sent->error()); }
      step_ = Step::receive;
    }
    auto got = udp_->poll_receive(context, waiter_, query.memory());
    if (!got.ready()) { return false; }
    if (!*got) { return fail(context, query, got->error()); }
    const Endpoint& server = query.server();
    // The socket hears nobody else, if the stack keeps its promise from the first moment on.
    const bool from_server = (*got)->remote.port == server.port && same_host((*got)->remote.address, server.address);
    query.heard(from_server ? (*got)->size : 0, (*got)->truncated, context.now());
    return true;
  }

  static bool same_host(const IpAddress& a, const IpAddress& b) noexcept {
    if (a.family() != b.family()) { return false; }
    // Not the zone: a stack may leave it out where the socket has one.
    const auto left = a.bytes();
    const auto right = b.bytes();
    for (std::size_t i = 0; i < left.size(); ++i) {
      if (left[i] != right[i]) { return false; }
    }
    return true;
  }

  static Result<typename Stack::ConnectedUdp> open(Stack& stack, Shared& shared, const Endpoint& server) noexcept {
    const std::uint32_t first = shared.options.first_port;
    Endpoint local{IpAddress::unspecified(server.address.family()), 0};
    for (unsigned i = 0; i < kPortsToTry && first != 0; ++i) {
      local.port = static_cast<std::uint16_t>(first + shared.random.below(0x10000 - first));
      auto opened = stack.udp_connect_from(local, server, UdpOptions{});
      if (opened || opened.error() == Error::table_full || opened.error() == Error::no_memory) { return opened; }
    }
    // All were taken, or the stack gives no such ports away.
    local.port = 0;
    return stack.udp_connect_from(local, server, UdpOptions{});
  }

  bool turn_tcp(Context& context, Stack& stack, Query& query) noexcept {
    if (!tcp_) {
      auto started = stack.start_tcp(query.server(), TcpOptions{});
      if (!started) { return fail(context, query, started.error()); }
      tcp_.emplace(*std::move(started));
    }
    switch (step_) {
      case Step::connect: {
        auto connected = tcp_->poll_connected(context, waiter_);
        if (!connected.ready()) { return false; }
        if (!*connected) { return fail(context, query, connected->error()); }
        step_ = Step::send;
        return true;
      }
      case Step::send: {
        const auto rest = query.message().subspan(progress_);
        return advance(context, query, tcp_->poll_write(context, waiter_, rest), rest.size(), Step::receive_size);
      }
      case Step::receive_size: {
        const auto rest = std::span(size_).subspan(progress_);
        return advance(context, query, tcp_->poll_read(context, waiter_, rest), rest.size(), Step::receive);
      }
      default: return turn_receive(context, query);
    }
  }

  bool turn_receive(Context& context, Query& query) noexcept {
    const std::size_t size = WireReader(size_).u16();
    const std::size_t room = query.memory().size();
    const auto rest = query.memory().first(size < room ? size : room).subspan(progress_);
    if (!rest.empty()) {
      const bool went_on = advance(context, query, tcp_->poll_read(context, waiter_, rest), rest.size(), Step::receive);
      if (!went_on || progress_ != 0 || query.attempt() != attempt_ || query.done()) { return went_on; }
    }
    complete_ = size <= room;
    query.heard(size < room ? size : room, size > room, context.now());
    return true;
  }

  /// Counts what a read or a write has moved, and goes to the next step when it was all.
  bool advance(Context& context, Query& query, Poll<Result<std::size_t>> moved, std::size_t rest, Step next) noexcept {
    if (!moved.ready()) { return false; }
    if (!*moved) { return fail(context, query, moved->error()); }
    if (**moved == 0) { return fail(context, query, Error::end_of_stream); }
    progress_ += **moved;
    if (**moved == rest) {
      progress_ = 0;
      step_ = next;
    }
    return true;
  }

  static bool fail(Context& context, Query& query, Error error) noexcept {
    query.failed(error, context.now());
    return true;
  }

  std::optional<typename Stack::ConnectedUdp> udp_;
  std::optional<typename Stack::TcpStream> tcp_;
  Waiter waiter_;
  Timer timer_;
  std::size_t progress_ = 0;  ///< bytes of this step that are done
  unsigned attempt_ = 0;      ///< that the socket is for
  Step step_ = Step::connect;
  bool complete_ = false;            ///< nothing is left to read
  std::array<std::byte, 2> size_{};  ///< of the message that comes by TCP
};

}  // namespace nal::dns

// UDP echo that never waits: for programs with a main loop of their own, which give nal a slice of each turn.
#include <array>
#include <optional>

#include "examples/echo/echo.hpp"
#include "nal/dns.hpp"
#include "nal/udp.hpp"

namespace {

using namespace examples::echo;
using namespace nal::literals;

template <nal::UdpStack N>
int server(nal::Executor& executor, N& stack, const Options& options) {
  auto socket = stack.udp_bind_multiple(options.local, {});
  if (!socket) { return failed("bind to " + std::string(nal::to_text(options.local)), socket.error()); }
  announce(socket->local_endpoint());
  examples::Interrupt interrupt(executor);
  std::array<std::byte, 2048> buffer;
  while (!interrupt.happened()) {
    executor.poll_once();
    const auto received = nal::try_receive(executor, *socket, buffer);
    if (received) {
      // From the address that was asked, which need not be the one that the route back would choose. An answer that
      // the stack has no room for is lost, as datagrams are.
      const std::span data = std::span(buffer).first(received->size);
      const auto sent = nal::try_once(executor, nal::send_to(*socket, received->local, received->remote, data));
      if (!sent) { note(received->remote, sent.error()); }
    } else if (received.error() != nal::Error::would_block) {
      note(socket->local_endpoint(), received.error());
    }
    do_other_work();
  }
  return examples::kDone;
}

// The client's side, cut into steps.
template <class N>
class Conversation {
 public:
  Conversation(nal::Executor& executor, N& stack, const Options& options)
      : stack_(stack),
        options_(options),
        deadline_(executor.now() + options.timeout),
        looking_up_(nal::lookup(stack, options.host, nal::Family::any, addresses_)) {}

  /// Does what can be done now. `would_block`: there will be more to do; anything else: it is over.
  nal::Result<> step(nal::Executor& executor) {
    if (executor.now() >= deadline_) { return nal::Unexpected(nal::Error::timed_out); }
    if (count_ == 0) {
      NAL_TRY_SET(count_, nal::try_once(executor, looking_up_));
    } else if (!socket_) {
      NAL_TRY_SET(auto socket, nal::udp_connect(stack_, nal::Endpoint(addresses_[next_], options_.port)));
      socket_.emplace(std::move(socket));
    } else if (said_ == answered_ || executor.now() >= ask_again_at_) {
      // The first time, and again when the answer is late: datagrams get lost, either way.
      NAL_TRY(go_on(nal::try_send(executor, *socket_, bytes(options_.text))));
      said_ = answered_ + 1;
      ask_again_at_ = executor.now() + 500_ms;
    } else {
      const auto received = nal::try_receive(executor, *socket_, buffer_);
      if (!received) { return go_on(nal::Unexpected(received.error())); }
      if (!check(options_.text, std::span(buffer_).first(received->size))) {
        return nal::Unexpected(nal::Error::protocol_error);
      }
      if (++answered_ == options_.count) { return {}; }
    }
    return nal::Unexpected(nal::Error::would_block);
  }

 private:
  // A name may have addresses where nobody answers: tries one after the other.
  nal::Result<> go_on(nal::Result<> result) {
    const bool refused = !result && result.error() == nal::Error::connection_refused;
    if (!refused || next_ + 1 == count_) { return result; }
    ++next_;
    said_ = answered_;
    socket_.reset();
    return nal::Unexpected(nal::Error::would_block);
  }

  N& stack_;
  const Options& options_;
  nal::Instant deadline_;
  std::array<nal::IpAddress, 8> addresses_;
  nal::Lookup<N> looking_up_;
  std::size_t count_ = 0;
  std::size_t next_ = 0;
  std::optional<typename N::ConnectedUdp> socket_;
  std::array<std::byte, 2048> buffer_;
  unsigned said_ = 0;
  unsigned answered_ = 0;
  nal::Instant ask_again_at_;
};

template <class N>
int client(nal::Executor& executor, N& stack, const Options& options) {
  Conversation<N> conversation(executor, stack, options);
  for (;;) {
    const auto done = conversation.step(executor);
    if (done) { return examples::kDone; }
    if (done.error() != nal::Error::would_block) { return failed("talk to " + peer(options), done.error()); }
    executor.poll_once();
    do_other_work();
  }
}

}  // namespace

int main(int argc, char** argv) {
  return run(
      argc, argv, "nal-echo-udp-non-blocking", "UDP echo, written as steps of a main loop.",
      [](auto&... with) { return server(with...); }, [](auto&... with) { return client(with...); });
}

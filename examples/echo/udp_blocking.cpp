// UDP echo in blocking calls.
#include <array>

#include "examples/echo/echo.hpp"
#include "nal/dns.hpp"
#include "nal/sleep.hpp"
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
  for (;;) {
    const auto first = nal::block_on(executor, nal::race(nal::wait(interrupt.event()), nal::receive(*socket, buffer)));
    if (first.index() == 0) { return examples::kDone; }
    const auto& received = std::get<1>(first);
    if (!received) {
      note(socket->local_endpoint(), received.error());
      continue;
    }
    // From the address that was asked, which need not be the one that the route back would choose.
    const std::span data = std::span(buffer).first(received->size);
    const auto sent = nal::block_on(executor, nal::send_to(*socket, received->local, received->remote, data));
    if (!sent) { note(received->remote, sent.error()); }
  }
}

// Datagrams get lost, either way: sends until an answer comes.
template <nal::ConnectedUdp U>
nal::Result<std::size_t> ask(nal::Executor& executor, U& socket, const Options& options, std::span<std::byte> answer) {
  const nal::Instant deadline = executor.now() + options.timeout;
  for (;;) {
    NAL_TRY(nal::block_on(executor, nal::with_deadline(deadline, nal::send(socket, bytes(options.text)))));
    const auto received = nal::block_on(executor, nal::with_timeout(500_ms, nal::receive(socket, answer)));
    if (received) { return received->size; }
    if (received.error() != nal::Error::timed_out || executor.now() >= deadline) {
      return nal::Unexpected(received.error());
    }
  }
}

template <class N>
nal::Result<> talk(nal::Executor& executor, N& stack, nal::Endpoint remote, const Options& options) {
  NAL_TRY_SET(auto socket, nal::udp_connect(stack, remote));
  std::array<std::byte, 2048> answer;
  for (unsigned i = 0; i < options.count; ++i) {
    NAL_TRY_SET(const std::size_t size, ask(executor, socket, options, answer));
    if (!check(options.text, std::span(answer).first(size))) { return nal::Unexpected(nal::Error::protocol_error); }
  }
  return {};
}

template <class N>
int client(nal::Executor& executor, N& stack, const Options& options) {
  std::array<nal::IpAddress, 8> addresses;
  const auto count = nal::block_on(
      executor, nal::with_timeout(options.timeout, nal::lookup(stack, options.host, nal::Family::any, addresses)));
  if (!count) { return failed("find " + options.host, count.error()); }
  // A name may have addresses where nobody answers: tries one after the other.
  nal::Result<> done;
  for (std::size_t i = 0; i < *count; ++i) {
    done = talk(executor, stack, nal::Endpoint(addresses[i], options.port), options);
    if (done) { return examples::kDone; }
  }
  return failed("talk to " + peer(options), done.error());
}

}  // namespace

int main(int argc, char** argv) {
  return run(
      argc, argv, "nal-echo-udp-blocking", "UDP echo, written as blocking calls.",
      [](auto&... with) { return server(with...); }, [](auto&... with) { return client(with...); });
}

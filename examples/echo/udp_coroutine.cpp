// UDP echo in coroutines.
#include <array>

#include "examples/echo/echo.hpp"
#include "nal/dns.hpp"
#include "nal/sleep.hpp"
#include "nal/udp.hpp"

namespace {

using namespace examples::echo;
using namespace nal::literals;

template <nal::UnconnectedUdp U>
nal::Task<> serve(U& socket) {
  std::array<std::byte, 2048> buffer;
  for (;;) {
    const auto received = co_await nal::receive(socket, buffer);
    if (!received) {
      note(socket.local_endpoint(), received.error());
      continue;
    }
    // From the address that was asked, which need not be the one that the route back would choose.
    const std::span data = std::span(buffer).first(received->size);
    const auto sent = co_await nal::send_to(socket, received->local, received->remote, data);
    if (!sent) { note(received->remote, sent.error()); }
  }
}

template <nal::UdpStack N>
int server(nal::Executor& executor, N& stack, const Options& options) {
  auto socket = stack.udp_bind_multiple(options.local, {});
  if (!socket) { return failed("bind to " + std::string(nal::to_text(options.local)), socket.error()); }
  nal::TaskSlot<4096> slot;
  const auto started = slot.start(executor, serve<typename N::MultiplyBoundUdp>, *socket);
  if (!started) { return failed("start", started.error()); }
  announce(socket->local_endpoint());
  examples::Interrupt interrupt(executor);
  nal::block_on(executor, nal::wait(interrupt.event()));
  return examples::kDone;
}

// Datagrams get lost, either way: sends until an answer comes. The caller's deadline ends it.
template <nal::ConnectedUdp U>
nal::Task<nal::Result<std::size_t>> ask(U& socket, std::string_view text, std::span<std::byte> answer) {
  for (;;) {
    NAL_CO_TRY(nal::send(socket, bytes(text)));
    const auto received = co_await nal::with_timeout(500_ms, nal::receive(socket, answer));
    if (received) { co_return received->size; }
    if (received.error() != nal::Error::timed_out) { co_return nal::Unexpected(received.error()); }
  }
}

template <nal::ConnectedUdp U>
nal::Task<> talk(U& socket, const Options& options) {
  std::array<std::byte, 2048> answer;
  for (unsigned i = 0; i < options.count; ++i) {
    auto asking = ask(socket, options.text, answer);
    NAL_CO_TRY_SET(const std::size_t size, nal::with_timeout(options.timeout, std::move(asking)));
    if (!check(options.text, std::span(answer).first(size))) { co_return nal::Unexpected(nal::Error::protocol_error); }
  }
  co_return nal::Unit{};
}

// A name may have addresses where nobody answers: tries one after the other.
template <class N>
nal::Task<> talk_to_any(N& stack, const Options& options) {
  std::array<nal::IpAddress, 8> addresses;
  NAL_CO_TRY_SET(const std::size_t count,
                 nal::with_timeout(options.timeout, nal::lookup(stack, options.host, nal::Family::any, addresses)));
  nal::Result<> done;
  for (std::size_t i = 0; i < count; ++i) {
    auto socket = nal::udp_connect(stack, nal::Endpoint(addresses[i], options.port));
    if (!socket) {
      done = nal::Unexpected(socket.error());
      continue;
    }
    done = co_await talk(*socket, options);
    if (done) { break; }
  }
  co_return done;
}

template <class N>
int client(nal::Executor& executor, N& stack, const Options& options) {
  nal::TaskSlot<8192> slot;
  const auto done = nal::block_on(executor, slot, talk_to_any<N>, stack, options);
  return done ? examples::kDone : failed("talk to " + peer(options), done.error());
}

}  // namespace

int main(int argc, char** argv) {
  return run(
      argc, argv, "nal-echo-udp-coroutine", "UDP echo, written as coroutines.",
      [](auto&... with) { return server(with...); }, [](auto&... with) { return client(with...); });
}

// TCP echo in coroutines: as if every client had a thread, without threads and without a heap.
#include <array>

#include "examples/echo/echo.hpp"
#include "nal/happy_eyeballs.hpp"
#include "nal/sleep.hpp"

namespace {

using namespace examples::echo;

// One task a client, from a pool that is the limit on clients.
using Clients = nal::TaskPool<16, 4096>;

template <nal::TcpStream S>
nal::Task<> echo(S stream, nal::Duration timeout) {
  std::array<std::byte, 1024> buffer;
  for (;;) {
    NAL_CO_TRY_SET(const std::size_t size, nal::with_timeout(timeout, nal::read(stream, buffer)));
    if (size == 0) { break; }
    NAL_CO_TRY(nal::with_timeout(timeout, nal::write_all(stream, std::span(buffer).first(size))));
  }
  co_return co_await nal::with_timeout(timeout, nal::close(std::move(stream)));
}

template <nal::TcpStream S>
nal::Task<> serve(S stream, nal::Duration timeout) {
  const nal::Endpoint client = stream.remote_endpoint();
  const auto done = co_await echo(std::move(stream), timeout);
  if (!done) { note(client, done.error()); }
  co_return nal::Unit{};
}

template <nal::TcpListener L>
nal::Task<> accept_clients(nal::Executor& executor, L& listener, Clients& clients, nal::Duration timeout) {
  for (;;) {
    auto stream = co_await nal::accept(listener);
    if (!stream) {
      note(listener.local_endpoint(), stream.error());
      continue;
    }
    const nal::Endpoint client = stream->remote_endpoint();
    // A client too many is dropped, which resets its connection.
    const auto started = clients.start(executor, serve<typename L::TcpStream>, *std::move(stream), timeout);
    if (!started) { note(client, started.error()); }
  }
}

template <nal::TcpAccept N>
int server(nal::Executor& executor, N& stack, const Options& options) {
  auto listener = stack.listen(options.local, {});
  if (!listener) { return failed("listen on " + std::string(nal::to_text(options.local)), listener.error()); }
  static Clients clients;
  nal::TaskSlot<1024> acceptor;
  const auto started =
      acceptor.start(executor, accept_clients<typename N::TcpListener>, executor, *listener, clients, options.timeout);
  if (!started) { return failed("start", started.error()); }
  announce(listener->local_endpoint());
  examples::Interrupt interrupt(executor);
  nal::block_on(executor, nal::wait(interrupt.event()));
  clients.cancel_all();
  return examples::kDone;
}

template <class N>
nal::Task<> talk(N& stack, const Options& options) {
  NAL_CO_TRY_SET(auto stream, nal::with_timeout(options.timeout, nal::connect(stack, options.host, options.port)));
  std::array<std::byte, 1024> buffer;
  const std::span answer = std::span(buffer).first(std::min(buffer.size(), options.text.size()));
  for (unsigned i = 0; i < options.count; ++i) {
    NAL_CO_TRY(nal::with_timeout(options.timeout, nal::write_all(stream, bytes(options.text))));
    NAL_CO_TRY(nal::with_timeout(options.timeout, nal::read_exact(stream, answer)));
    if (!check(options.text, answer)) { co_return nal::Unexpected(nal::Error::protocol_error); }
  }
  co_return co_await nal::with_timeout(options.timeout, nal::close(std::move(stream)));
}

template <class N>
int client(nal::Executor& executor, N& stack, const Options& options) {
  nal::TaskSlot<8192> slot;
  const auto done = nal::block_on(executor, slot, talk<N>, stack, options);
  return done ? examples::kDone : failed("talk to " + peer(options), done.error());
}

}  // namespace

int main(int argc, char** argv) {
  return run(
      argc, argv, "nal-echo-tcp-coroutine", "TCP echo, written as coroutines.",
      [](auto&... with) { return server(with...); }, [](auto&... with) { return client(with...); });
}

// TCP echo in blocking calls: the simplest thing that works where there is one peer at a time.
#include <array>

#include "examples/echo/echo.hpp"
#include "nal/happy_eyeballs.hpp"
#include "nal/sleep.hpp"

namespace {

using namespace examples::echo;

template <nal::TcpStream S>
nal::Result<> serve(nal::Executor& executor, S stream, nal::Duration timeout) {
  std::array<std::byte, 1024> buffer;
  for (;;) {
    NAL_TRY_SET(const std::size_t size, nal::block_on(executor, nal::with_timeout(timeout, nal::read(stream, buffer))));
    if (size == 0) { break; }
    NAL_TRY(nal::block_on(executor, nal::with_timeout(timeout, nal::write_all(stream, std::span(buffer).first(size)))));
  }
  return nal::block_on(executor, nal::with_timeout(timeout, nal::close(std::move(stream))));
}

template <nal::TcpAccept N>
int server(nal::Executor& executor, N& stack, const Options& options) {
  auto listener = stack.listen(options.local, {});
  if (!listener) { return failed("listen on " + std::string(nal::to_text(options.local)), listener.error()); }
  announce(listener->local_endpoint());
  examples::Interrupt interrupt(executor);
  for (;;) {
    auto first = nal::block_on(executor, nal::race(nal::wait(interrupt.event()), nal::accept(*listener)));
    if (first.index() == 0) { return examples::kDone; }
    auto& stream = std::get<1>(first);
    if (!stream) {
      note(listener->local_endpoint(), stream.error());
      continue;
    }
    const nal::Endpoint client = stream->remote_endpoint();
    const auto done = serve(executor, *std::move(stream), options.timeout);
    if (!done) { note(client, done.error()); }
  }
}

template <class N>
nal::Result<> talk(nal::Executor& executor, N& stack, const Options& options) {
  // One deadline for the whole conversation, since here nothing else goes on beside it.
  const nal::Instant deadline = executor.now() + options.timeout;
  const auto wait_for = [&executor, deadline](auto&& operation) {
    return nal::block_on(executor, nal::with_deadline(deadline, std::move(operation)));
  };
  NAL_TRY_SET(auto stream, wait_for(nal::connect(stack, options.host, options.port)));
  std::array<std::byte, 1024> buffer;
  const std::span answer = std::span(buffer).first(std::min(buffer.size(), options.text.size()));
  for (unsigned i = 0; i < options.count; ++i) {
    NAL_TRY(wait_for(nal::write_all(stream, bytes(options.text))));
    NAL_TRY(wait_for(nal::read_exact(stream, answer)));
    if (!check(options.text, answer)) { return nal::Unexpected(nal::Error::protocol_error); }
  }
  return wait_for(nal::close(std::move(stream)));
}

template <class N>
int client(nal::Executor& executor, N& stack, const Options& options) {
  const auto done = talk(executor, stack, options);
  return done ? examples::kDone : failed("talk to " + peer(options), done.error());
}

}  // namespace

int main(int argc, char** argv) {
  return run(
      argc, argv, "nal-echo-tcp-blocking", "TCP echo, written as blocking calls.",
      [](auto&... with) { return server(with...); }, [](auto&... with) { return client(with...); });
}

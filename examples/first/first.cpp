#include <cstdio>
#include <cstdlib>

#include "backends/posix/stack.hpp"
#include "nal/happy_eyeballs.hpp"
#include "nal/sleep.hpp"
using namespace nal::literals;

// Asks a web server how it is. A template on the stack: this runs on any.
template <class Stack>
nal::Task<> ask(Stack& stack, const char* host, std::uint16_t port) {
  NAL_CO_TRY_SET(auto stream, nal::with_timeout(10_s, nal::connect(stack, host, port)));
  NAL_CO_TRY(nal::write_all(stream, std::as_bytes(std::span("HEAD / HTTP/1.0\r\n\r\n", 19))));
  std::byte answer[500];
  NAL_CO_TRY_SET(const std::size_t size, nal::with_timeout(10_s, nal::read(stream, answer)));
  std::fwrite(answer, 1, size, stdout);
  co_return co_await nal::with_timeout(10_s, nal::close(std::move(stream)));
}

int main(int argc, char** argv) {
  static nal::posix::Resources<> memory;
  nal::posix::Reactor reactor;
  nal::Executor executor(reactor);
  nal::posix::Stack stack(reactor, executor, memory);
  nal::TaskSlot<4096> slot;
  const char* host = argc > 1 ? argv[1] : "localhost";
  const auto port = static_cast<std::uint16_t>(argc > 2 ? std::atoi(argv[2]) : 80);
  const auto done = nal::block_on(executor, slot, ask<nal::posix::Stack>, stack, host, port);
  if (!done) { std::fprintf(stderr, "%s\n", nal::to_string(done.error())); }
  return done ? EXIT_SUCCESS : EXIT_FAILURE;
}

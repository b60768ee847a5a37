// An outside program, as a user's would be: it knows the installed tree alone, and talks to itself over loopback.
#include <array>
#include <cstdio>

#include "backends/posix/stack.hpp"
#include "nal/combinators.hpp"
#include "nal/read.hpp"
#include "nal/sleep.hpp"
#include "nal/tcp.hpp"
#include "nal/write.hpp"

namespace {

using namespace nal::literals;

template <nal::TcpListener L>
nal::Task<> answer(L& listener) {
  NAL_CO_TRY_SET(auto stream, nal::accept(listener));
  std::array<std::byte, 5> word;
  NAL_CO_TRY(nal::read_exact(stream, word));
  NAL_CO_TRY(nal::write_all(stream, word));
  co_return co_await nal::close(std::move(stream));
}

template <nal::TcpConnect S>
nal::Task<> ask(S& stack, nal::Endpoint server) {
  NAL_CO_TRY_SET(auto stream, nal::connect(stack, server));
  NAL_CO_TRY(nal::write_all(stream, std::as_bytes(std::span("works", 5))));
  std::array<std::byte, 5> word;
  NAL_CO_TRY(nal::read_exact(stream, word));
  std::printf("%.5s\n", reinterpret_cast<const char*>(word.data()));
  co_return co_await nal::close(std::move(stream));
}

template <class S>
nal::Task<> talk(S& stack) {
  auto listener = stack.listen("127.0.0.1:0"_endpoint, nal::ListenOptions{});
  if (!listener) { co_return nal::Unexpected(listener.error()); }
  const nal::Endpoint server = listener->local_endpoint();
  const auto [answered, asked] = co_await nal::join(answer(*listener), ask(stack, server));
  co_return answered ? asked : answered;
}

}  // namespace

int main() {
  static nal::posix::Resources<> memory;
  nal::posix::Reactor reactor;
  nal::Executor executor(reactor);
  nal::posix::Stack stack(reactor, executor, memory);
  nal::TaskSlot<8192> slot;
  const nal::Result<> done = nal::block_on(executor, slot, talk<nal::posix::Stack>, stack);
  if (!done) { std::fprintf(stderr, "%s\n", nal::to_string(done.error())); }
  return done ? 0 : 1;
}

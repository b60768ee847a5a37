// The echo server on nal's coroutines; KIND "poll" takes poll() for epoll. Counts heap allocations while it serves.
#include <new>

#include "backends/posix/stack.hpp"
#include "echo_server.hpp"

static std::size_t g_allocations = 0;

void* operator new(std::size_t size) {
  ++g_allocations;
  if (void* memory = std::malloc(size)) { return memory; }
  std::abort();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using nal::posix::Stack;
constexpr std::size_t kMost = 1000;
constexpr std::size_t kArena = 1024;

nal::Task<> serve(Stack::TcpStream stream) {
  std::byte buffer[bench::kBufferSize];
  for (;;) {
    NAL_CO_TRY_SET(const std::size_t size, nal::read(stream, buffer));
    if (size == 0) { co_return nal::Unit{}; }
    NAL_CO_TRY(nal::write_all(stream, std::span(buffer, size)));
  }
}

using Pool = nal::TaskPool<kMost, kArena>;

nal::Task<> accept_all(nal::Executor& executor, Stack::TcpListener& listener, Pool& pool, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    NAL_CO_TRY_SET(auto stream, nal::accept(listener));
    auto started = pool.start(executor, serve, std::move(stream));
    if (!started) { co_return nal::Unexpected(started.error()); }
  }
  co_return nal::Unit{};
}

}  // namespace

int main(int argc, char** argv) {
  using namespace nal::literals;
  const std::size_t count = bench::connections(argc, argv);
  const bool by_poll = bench::is_kind(argc, argv, "poll");
  nal::posix::Reactor reactor(by_poll ? nal::posix::Poller::poll : nal::posix::kDefaultPoller);
  nal::Executor executor(reactor);
  static nal::posix::Resources<nal::posix::Config{.sockets = kMost + 1}> memory;
  static Pool pool;
  Stack stack(reactor, executor, memory);
  nal::ListenOptions options;
  options.backlog = kMost;
  auto listener = stack.listen("127.0.0.1:0"_endpoint, options);
  if (!listener) { return 1; }
  bench::announce(listener->local_endpoint().port);
  static nal::TaskSlot<1024> acceptor;
  if (!acceptor.start(executor, accept_all, executor, *listener, pool, count)) { return 1; }
  executor.run_until([] { return !acceptor.running(); });
  const std::size_t before = g_allocations;
  executor.run();
  std::fprintf(stderr, "allocations %zu\n", g_allocations - before);
  std::fprintf(stderr, "arena_peak %zu\n", pool[0].arena().peak());
  std::fprintf(stderr, "connection_bytes %zu\n",
               sizeof(nal::posix::Socket) + sizeof(Stack::TcpStream) + sizeof(nal::TaskSlot<kArena>) - kArena);
  return acceptor.result().ready() && *acceptor.result() ? 0 : 1;
}

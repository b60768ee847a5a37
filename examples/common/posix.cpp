#include <cstdio>

#include "backends/posix/reactor.hpp"
#include "backends/posix/stack.hpp"
#include "examples/common/backends.hpp"

namespace examples::detail {

int run_on_posix(Run run, void* program) {
  nal::posix::Reactor reactor;
  if (const auto status = reactor.status(); !status) {
    std::fprintf(stderr, "error: cannot wait for the system's sockets: %s\n", nal::to_string(status.error()));
    return kFailed;
  }
  nal::Executor executor(reactor);
  static nal::posix::Resources<> memory;
  nal::posix::Stack stack(reactor, executor, memory);
  nal::AnyStack any(stack);
  Machine machine{executor, any};
  return run(program, machine);
}

}  // namespace examples::detail

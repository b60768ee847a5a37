#pragma once
/// The one place that knows which network stacks there are: programs are written against the concepts of nal, and this
/// hands them a stack by name.
#include <array>
#include <cstdio>
#include <string_view>
#include <utility>

#include "examples/common/exit_status.hpp"
#include "nal/executor.hpp"
#ifdef NAL_EXAMPLES_POSIX
#include "backends/posix/reactor.hpp"
#include "backends/posix/stack.hpp"
#endif

namespace examples {

/// The backends of this build; the first is the one to take when nobody chose.
inline constexpr auto kBackends = std::to_array<std::string_view>({
#ifdef NAL_EXAMPLES_POSIX
    "posix",
#endif
});
static_assert(!kBackends.empty(), "the examples need at least one backend: meson setup -Dbackends=posix");

#ifdef NAL_EXAMPLES_POSIX
template <class Program>
int run_on_posix(Program&& program) {
  nal::posix::Reactor reactor;
  if (const auto status = reactor.status(); !status) {
    std::fprintf(stderr, "error: cannot wait for the system's sockets: %s\n", nal::to_string(status.error()));
    return kFailed;
  }
  nal::Executor executor(reactor);
  static nal::posix::Resources<> memory;
  nal::posix::Stack stack(reactor, executor, memory);
  return std::forward<Program>(program)(executor, stack);
}
#endif

/// Makes the stack called `backend` with all that it stands on, and gives the exit status that
/// `program(executor, stack)` returns; stack and executor end with that call. `program` is a template on the stack: a
/// generic lambda, say. A name that is not in `kBackends` is `kWrongUsage`, and an error message says which are.
template <class Program>
int run_on(std::string_view backend, Program&& program) {
#ifdef NAL_EXAMPLES_POSIX
  if (backend == "posix") { return run_on_posix(std::forward<Program>(program)); }
#endif
  std::fprintf(stderr, "error: no backend '%.*s' in this build; there is:", static_cast<int>(backend.size()),
               backend.data());
  for (const std::string_view name : kBackends) {
    std::fprintf(stderr, " %.*s", static_cast<int>(name.size()), name.data());
  }
  std::fputc('\n', stderr);
  return kWrongUsage;
}

}  // namespace examples

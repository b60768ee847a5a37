#pragma once
/// The one place that knows which network stacks there are: programs are written against the concepts of nal, and this
/// hands them a stack by name.
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include "examples/common/exit_status.hpp"
#include "nal/any_stack.hpp"
#include "nal/executor.hpp"

namespace examples {

/// The backends of this build; the first is the one to take when nobody chose.
inline constexpr auto kBackends = std::to_array<std::string_view>({
#ifdef NAL_EXAMPLES_POSIX
    "posix",
#endif
#ifdef NAL_EXAMPLES_EMBEDDED
    "embedded",
#endif
});
static_assert(!kBackends.empty(), "the examples need at least one backend: meson setup -Dbackends=posix");

/// What may stand behind the backend's name and a colon, for --help; empty where nothing may.
std::string_view backend_settings();
/// Why `backend` is none of this build's, or its settings are wrong; empty if neither.
std::string check_backend(std::string_view backend);

namespace detail {
using Run = int (*)(void* program, nal::Executor& executor, nal::AnyStack& stack);
int run_on(std::string_view backend, Run run, void* program);
}  // namespace detail

/// Makes the stack called `backend` ("posix", or "embedded:" and its settings) with all that it stands on, and gives
/// the exit status that `program(executor, stack)` returns; stack and executor end with that call. The stack is a
/// `nal::AnyStack`, so a program is compiled once for all of them. What `check_backend` refuses is `kWrongUsage`, and
/// an error message says why.
template <class Program>
int run_on(std::string_view backend, Program&& program) {
  const auto run = [](void* erased, nal::Executor& executor, nal::AnyStack& stack) {
    return (*static_cast<std::remove_reference_t<Program>*>(erased))(executor, stack);
  };
  return detail::run_on(backend, run, std::addressof(program));
}

}  // namespace examples

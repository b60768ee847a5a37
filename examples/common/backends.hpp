#pragma once
/// One function for each backend: makes its stack, and has the program run on it.
#include "examples/common/backend.hpp"

namespace examples::detail {

#ifdef NAL_EXAMPLES_POSIX
int run_on_posix(Run run, void* program);
#endif

#ifdef NAL_EXAMPLES_EMBEDDED
int run_on_embedded(const BackendOptions& options, Run run, void* program);
#endif

#ifdef NAL_EXAMPLES_LWIP
int run_on_lwip(const BackendOptions& options, Run run, void* program);
#endif

}  // namespace examples::detail

#pragma once
/// One function for each backend: makes its stack, and has the program run on it.
#include <string_view>

#include "examples/common/backend.hpp"

namespace examples::detail {

#ifdef NAL_EXAMPLES_POSIX
int run_on_posix(Run run, void* program);
#endif

#ifdef NAL_EXAMPLES_EMBEDDED
std::string check_embedded(std::string_view settings);
int run_on_embedded(std::string_view settings, Run run, void* program);
#endif

}  // namespace examples::detail

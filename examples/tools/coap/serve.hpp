#pragma once
#include "examples/tools/coap/options.hpp"
#include "nal/any_stack.hpp"
#include "nal/executor.hpp"

namespace nal_coap {

/// `nal-coap serve`. Gives the exit status.
int serve(nal::Executor& executor, nal::AnyStack stack, const ServeOptions& options);

}  // namespace nal_coap

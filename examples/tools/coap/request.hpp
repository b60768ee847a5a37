#pragma once
#include "examples/tools/coap/options.hpp"
#include "nal/any_stack.hpp"
#include "nal/executor.hpp"

namespace nal_coap {

/// All subcommands that ask a server. Gives the exit status.
int request(nal::Executor& executor, nal::AnyStack stack, const RequestOptions& options);

}  // namespace nal_coap

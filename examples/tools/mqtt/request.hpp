#pragma once
#include "examples/tools/mqtt/options.hpp"
#include "nal/any_stack.hpp"

namespace nal_mqtt {

/// `nal-mqtt rr`. Gives the exit status.
int request(nal::Executor& executor, nal::AnyStack stack, const RequestOptions& options);

}  // namespace nal_mqtt

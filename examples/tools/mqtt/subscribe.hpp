#pragma once
#include "examples/tools/mqtt/options.hpp"
#include "nal/any_stack.hpp"

namespace nal_mqtt {

/// `nal-mqtt sub`. Gives the exit status.
int subscribe(nal::Executor& executor, nal::AnyStack stack, const SubscribeOptions& options);

}  // namespace nal_mqtt

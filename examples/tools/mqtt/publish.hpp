#pragma once
#include "examples/tools/mqtt/options.hpp"
#include "nal/any_stack.hpp"

namespace nal_mqtt {

/// `nal-mqtt pub`. Gives the exit status.
int publish(nal::Executor& executor, nal::AnyStack stack, const PublishOptions& options);

}  // namespace nal_mqtt

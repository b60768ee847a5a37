#pragma once
#include "examples/mqtt/operations.hpp"
#include "examples/tools/mqtt/options.hpp"
#include "nal/any_stack.hpp"
#include "nal/task.hpp"

namespace nal_mqtt {

/// `nal-mqtt sub`. Gives the exit status.
int subscribe(nal::Executor& executor, nal::AnyStack stack, const SubscribeOptions& options);

/// Subscribes, and says how that went. *Buffer lifetime*: all until it completes.
nal::Task<> subscribe_to(mqtt::Session& session, const ConnectionOptions& options, mqtt::FilterEntry entry);

}  // namespace nal_mqtt

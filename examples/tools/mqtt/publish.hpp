#pragma once
#include <optional>
#include <string>

#include "examples/mqtt/operations.hpp"
#include "examples/tools/mqtt/options.hpp"
#include "examples/tools/mqtt/payload.hpp"
#include "nal/any_stack.hpp"
#include "nal/task.hpp"

namespace nal_mqtt {

/// `nal-mqtt pub`. Gives the exit status.
int publish(nal::Executor& executor, nal::AnyStack stack, const PublishOptions& options);

/// Publish one message to the topic of the options, from memory or from a file, over however many connections. Errors
/// have been told. *Buffer lifetime*: all until they complete.
nal::Task<> publish_text(mqtt::Session& session, const ConnectionOptions& options, const PayloadOptions& payload,
                         const std::string& text, const mqtt::Properties& properties);
nal::Task<> publish_file(mqtt::Session& session, const ConnectionOptions& options, const PayloadOptions& payload,
                         SourceFile& file, const mqtt::Properties& properties);

/// What the client must have room for to publish it; nothing if it never can, which was told.
std::optional<std::size_t> room_for(const ConnectionOptions& options, const PayloadSource& source);

}  // namespace nal_mqtt

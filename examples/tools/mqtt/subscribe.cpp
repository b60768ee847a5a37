#include "examples/tools/mqtt/subscribe.hpp"

#include <cstdio>

#include "examples/tools/mqtt/connection.hpp"

namespace nal_mqtt {

namespace {

/// False when standard output takes no more.
bool print(const mqtt::Message& message, const SubscribeOptions& options) {
  const std::string_view topic = message.topic();
  const std::string_view text = message.text();
  if (options.with_topic) { std::printf("%.*s ", static_cast<int>(topic.size()), topic.data()); }
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (!options.no_newline) { std::putchar('\n'); }
  // Now, not when a buffer is full: somebody may be watching, and dropping the message acknowledges it.
  return std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
}

nal::Task<> print_messages(mqtt::Session& session, const SubscribeOptions& options) {
  for (const std::string& filter : options.topics) {
    const auto granted = co_await session.subscribe(filter, options.qos_level());
    if (!granted) {
      if (granted.error() != nal::Error::closed) {
        std::fprintf(stderr, "error: cannot subscribe to '%s': %s\n", filter.c_str(), nal::to_string(granted.error()));
      }
      co_return nal::Unexpected(granted.error());
    }
    if (options.verbose) {
      std::fprintf(stderr, "subscribed to '%s' with QoS %d\n", filter.c_str(), static_cast<int>(*granted));
    }
  }
  for (std::uint64_t count = 0; options.count == 0 || count < options.count;) {
    const auto message = co_await session.receive();
    if (!message) {
      if (message.error() == nal::Error::message_size) { continue; }  // the observer has told it
      co_return nal::Unexpected(message.error());
    }
    if (options.no_retained && message->retain()) { continue; }
    if (!print(*message, options)) {
      std::fprintf(stderr, "error: cannot write to standard output\n");
      co_return nal::Unexpected(nal::Error::io_error);
    }
    ++count;
  }
  co_return nal::Unit{};
}

}  // namespace

int subscribe(nal::Executor& executor, nal::AnyStack stack, const SubscribeOptions& options) {
  Connection connection(executor, stack, options, 0);
  nal::TaskSlot<8192> slot;
  if (!slot.start(executor, print_messages, connection.session(), options)) { return examples::kFailed; }
  const auto deadline = options.wait ? executor.now() + *options.wait : nal::Instant::max();
  const auto end = connection.run(slot, deadline);
  slot.cancel();
  return exit_status(end, slot.result());
}

}  // namespace nal_mqtt

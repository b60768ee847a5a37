#include "examples/tools/mqtt/subscribe.hpp"

#include <algorithm>
#include <cstdio>

#include "examples/mqtt/topic.hpp"
#include "examples/tools/mqtt/connection.hpp"
#include "examples/tools/mqtt/output.hpp"

namespace nal_mqtt {

nal::Task<> subscribe_to(mqtt::Session& session, const ConnectionOptions& options, mqtt::FilterEntry entry) {
  auto subscribing = session.subscribe(entry, options.properties.subscribe.view());
  const auto granted = co_await subscribing;
  const std::string filter(entry.filter);
  if (!granted) {
    if (granted.error() != nal::Error::closed) {
      const mqtt::Reason reason = subscribing.reason();
      const char* why =
          options.version_5() && mqtt::is_failure(reason) ? mqtt::to_string(reason) : nal::to_string(granted.error());
      std::fprintf(stderr, "error: cannot subscribe to '%s': %s\n", filter.c_str(), why);
    }
    co_return nal::Unexpected(granted.error());
  }
  if (options.verbose) {
    std::fprintf(stderr, "subscribed to '%s' with QoS %d\n", filter.c_str(), static_cast<int>(*granted));
  }
  co_return nal::Unit{};
}

namespace {

nal::Task<> begin(mqtt::Session& session, const SubscribeOptions& options) {
  for (const std::string& filter : options.unsubscribe) {
    const auto gone = co_await session.unsubscribe(filter);
    if (!gone) {
      std::fprintf(stderr, "error: cannot take back the subscription to '%s': %s\n", filter.c_str(),
                   nal::to_string(gone.error()));
      co_return nal::Unexpected(gone.error());
    }
  }
  for (const std::string& filter : options.topics) {
    mqtt::FilterEntry entry;
    entry.filter = filter;
    entry.qos = options.qos_level();
    entry.no_local = options.no_local;
    entry.retain_as_published = options.retain_as_published;
    entry.retain_handling = static_cast<mqtt::RetainHandling>(options.retain_handling);
    NAL_CO_TRY(subscribe_to(session, options, entry));
  }
  co_return nal::Unit{};
}

bool wanted(const SubscribeOptions& options, const mqtt::Message& message) {
  if (options.output.no_retained && message.retain()) { return false; }
  return std::none_of(options.filtered_out.begin(), options.filtered_out.end(),
                      [&message](const std::string& filter) { return mqtt::matches(filter, message.topic()); });
}

/// *Errors* that concern one message alone have been told: another may come.
bool is_of_one_message(nal::Error error) {
  return error == nal::Error::message_size || error == nal::Error::connection_reset;
}

nal::Task<> print_next(mqtt::Session& session, const SubscribeOptions& options, Printer& printer,
                       std::uint64_t& count) {
  NAL_CO_TRY_SET(auto message, session.receive());
  if (!wanted(options, message)) { co_return nal::Unit{}; }
  NAL_CO_TRY(printer.print(message, !options.quiet));
  ++count;
  co_return nal::Unit{};
}

nal::Task<> print_messages(mqtt::Session& session, const SubscribeOptions& options) {
  NAL_CO_TRY(begin(session, options));
  if (options.only_subscribe || options.topics.empty()) { co_return nal::Unit{}; }
  Printer printer(options.output);
  for (std::uint64_t count = 0; options.count == 0 || count < options.count;) {
    const auto printed = co_await print_next(session, options, printer, count);
    if (!printed && !is_of_one_message(printed.error())) { co_return printed; }
  }
  co_return nal::Unit{};
}

}  // namespace

int subscribe(nal::Executor& executor, nal::AnyStack stack, const SubscribeOptions& options) {
  Connection connection(executor, stack, options, options.store.empty() ? 0 : options.max_packet);
  if (!connection.open_store()) { return examples::kFailed; }
  nal::TaskSlot<8192> slot;
  if (!slot.start(executor, print_messages, connection.session(), options)) { return examples::kFailed; }
  return connection.run_to_status(slot, options.output.wait);
}

}  // namespace nal_mqtt

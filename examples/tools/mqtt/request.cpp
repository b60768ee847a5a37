#include "examples/tools/mqtt/request.hpp"

#include <cstdio>
#include <cstring>
#include <random>

#include "examples/tools/mqtt/connection.hpp"
#include "examples/tools/mqtt/output.hpp"
#include "examples/tools/mqtt/publish.hpp"
#include "examples/tools/mqtt/subscribe.hpp"

namespace nal_mqtt {

namespace {

using Id = mqtt::PropertyId;

/// What the request carries: what -D asks for, where the response is to go, and what tells it from others.
PropertyList request_properties(const RequestOptions& options) {
  PropertyList list;
  if (!options.version_5()) { return list; }
  for (const mqtt::Property& property : options.properties.publish.list()) {
    if (property.id == Id::user_property) {
      list.add_user(property.text(), property.value_text());
    } else if (mqtt::type_of(property.id) == mqtt::PropertyType::text ||
               mqtt::type_of(property.id) == mqtt::PropertyType::binary) {
      list.add(property.id, property.text());
    } else {
      list.add(property.id, property.number);
    }
  }
  if (!list.view().has(Id::response_topic)) { list.add(Id::response_topic, options.response_topic); }
  if (!list.view().has(Id::correlation_data)) {
    std::random_device random;
    char text[17];
    std::snprintf(text, sizeof text, "%08x%08x", random(), random());
    list.add(Id::correlation_data, text);
  }
  return list;
}

/// A responder that knows nothing of correlation data is believed.
bool answers(const mqtt::Message& message, const mqtt::Properties& request, const RequestOptions& options) {
  if (options.output.no_retained && message.retain()) { return false; }
  const auto correlation = message.properties().find(Id::correlation_data);
  return !correlation || correlation->text() == request.text(Id::correlation_data);
}

nal::Task<> receive_answer(mqtt::Session& session, const RequestOptions& options, const mqtt::Properties& request,
                           Printer& printer, bool& done) {
  NAL_CO_TRY_SET(auto message, session.receive());
  if (!answers(message, request, options)) { co_return nal::Unit{}; }
  NAL_CO_TRY(printer.print(message, !options.quiet));
  done = true;
  co_return nal::Unit{};
}

nal::Task<> ask(mqtt::Session& session, const RequestOptions& options, PayloadSource& source,
                const mqtt::Properties& properties) {
  mqtt::FilterEntry entry;
  entry.filter = options.response_topic;
  entry.qos = options.qos_level();
  NAL_CO_TRY(subscribe_to(session, options, entry));
  if (source.streamed) {
    NAL_CO_TRY(publish_file(session, options, options.payload, source.file, properties));
  } else {
    NAL_CO_TRY(publish_text(session, options, options.payload, source.text, properties));
  }
  Printer printer(options.output);
  for (bool done = false; !done;) {
    const auto received = co_await receive_answer(session, options, properties, printer, done);
    const bool again =
        !received && (received.error() == nal::Error::message_size || received.error() == nal::Error::connection_reset);
    if (!received && !again) { co_return received; }
  }
  co_return nal::Unit{};
}

}  // namespace

int request(nal::Executor& executor, nal::AnyStack stack, const RequestOptions& options) {
  PayloadSource source;
  if (!source.open(options.payload, options.max_packet)) { return examples::kFailed; }
  const auto room = room_for(options, source);
  if (!room) { return examples::kFailed; }
  const PropertyList list = request_properties(options);
  const mqtt::Properties properties = list.view();
  std::size_t more = 0;
  for (const mqtt::Property& property : list.list()) { more += 5 + property.bytes.size() + property.value.size(); }
  Connection connection(executor, stack, options, *room + more);
  if (!connection.open_store()) { return examples::kFailed; }
  nal::TaskSlot<8192> slot;
  if (!slot.start(executor, ask, connection.session(), options, source, properties)) { return examples::kFailed; }
  return connection.run_to_status(slot, options.output.wait);
}

}  // namespace nal_mqtt

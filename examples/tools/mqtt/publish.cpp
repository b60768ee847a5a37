#include "examples/tools/mqtt/publish.hpp"

#include <cstdio>
#include <fstream>
#include <iterator>

#include "examples/tools/mqtt/connection.hpp"
#include "examples/tools/mqtt/lines.hpp"

namespace nal_mqtt {

namespace {

using Source = PublishOptions::Source;

nal::Result<> explain(const PublishOptions& options, std::size_t size, nal::Error error) {
  const char* advice = error == nal::Error::message_size ? "; --max-packet makes room for it" : "";
  // A client that gave up has said why already.
  if (error != nal::Error::closed) {
    std::fprintf(stderr, "error: cannot publish %zu bytes to '%s': %s%s\n", size, options.topics[0].c_str(),
                 nal::to_string(error), advice);
  }
  return nal::Unexpected(error);
}

mqtt::Retain retain_of(const PublishOptions& options) { return options.retain ? mqtt::Retain::yes : mqtt::Retain::no; }

nal::Task<> publish_one(mqtt::Session& session, const PublishOptions& options, const std::string& payload) {
  const auto done = co_await session.publish(options.topics[0], payload, options.qos_level(), retain_of(options));
  if (!done) { co_return explain(options, payload.size(), done.error()); }
  co_return nal::Unit{};
}

nal::Task<> publish_lines(mqtt::Session& session, const PublishOptions& options, Lines& lines) {
  for (;;) {
    const auto line = co_await lines.next();
    if (!line) { break; }
    const auto accepted = co_await session.enqueue(options.topics[0], *line, options.qos_level(), retain_of(options));
    if (!accepted) { co_return explain(options, line->size(), accepted.error()); }
  }
  NAL_CO_TRY(session.drained());
  co_return nal::Unit{};
}

/// What is there to be published as one message; false if it cannot be read, which was told.
bool read_payload(const PublishOptions& options, std::string& payload) {
  switch (options.source) {
    case Source::message: payload = options.text; return true;
    case Source::all_input: payload = read_all_input(); return true;
    case Source::file: {
      std::ifstream file(options.text, std::ios::binary);
      payload.assign(std::istreambuf_iterator<char>(file), {});
      if (file && !file.bad()) { return true; }
      std::fprintf(stderr, "error: cannot read '%s'\n", options.text.c_str());
      return false;
    }
    default: return true;
  }
}

}  // namespace

int publish(nal::Executor& executor, nal::AnyStack stack, const PublishOptions& options) {
  nal::TaskSlot<8192> slot;
  if (options.source == Source::lines) {
    Lines lines(executor);
    Connection connection(executor, stack, options, options.max_packet);
    if (!slot.start(executor, publish_lines, connection.session(), options, lines)) { return examples::kFailed; }
    const auto end = connection.run(slot);
    slot.cancel();
    return exit_status(end, slot.result());
  }
  std::string payload;
  if (!read_payload(options, payload)) { return examples::kFailed; }
  const auto size = mqtt::publish_size(options.topics[0], payload.size(), options.qos_level());
  if (!size) {
    static_cast<void>(explain(options, payload.size(), size.error()));
    return examples::kFailed;
  }
  Connection connection(executor, stack, options, *size);
  if (!slot.start(executor, publish_one, connection.session(), options, payload)) { return examples::kFailed; }
  const auto end = connection.run(slot);
  slot.cancel();
  return exit_status(end, slot.result());
}

}  // namespace nal_mqtt

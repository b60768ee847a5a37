#include "examples/tools/mqtt/publish.hpp"

#include <cstdio>

#include "examples/mqtt/source.hpp"
#include "examples/tools/mqtt/connection.hpp"
#include "examples/tools/mqtt/lines.hpp"
#include "examples/tools/mqtt/progress.hpp"
#include "nal/sleep.hpp"

namespace nal_mqtt {

namespace {

constexpr std::size_t kPiece = 65536;

/// Says why a message could not be published, unless that has been said.
nal::Result<> explain(const ConnectionOptions& options, std::size_t size, nal::Error error, mqtt::Reason reason) {
  const char* advice = error == nal::Error::message_size ? "; --max-packet makes room for it" : "";
  const char* why = mqtt::is_failure(reason) ? mqtt::to_string(reason) : nal::to_string(error);
  // A client that gave up has said why already.
  if (error != nal::Error::closed) {
    std::fprintf(stderr, "error: cannot publish %zu bytes to '%s': %s%s\n", size, options.topics[0].c_str(), why,
                 advice);
  }
  return nal::Unexpected(error);
}

mqtt::Retain retain_of(const PayloadOptions& options) { return options.retain ? mqtt::Retain::yes : mqtt::Retain::no; }

}  // namespace

nal::Task<> publish_text(mqtt::Session& session, const ConnectionOptions& options, const PayloadOptions& payload,
                         const std::string& text, const mqtt::Properties& properties) {
  auto publishing = session.publish(options.topics[0], text, options.qos_level(), retain_of(payload), properties);
  const auto done = co_await publishing;
  if (!done) { co_return explain(options, text.size(), done.error(), publishing.reason()); }
  if (options.verbose) {
    std::fprintf(stderr, "published %zu bytes: %s\n", text.size(), mqtt::to_string(publishing.reason()));
  }
  co_return nal::Unit{};
}

namespace {

/// A file that shows how far it is read.
class ShownFile {
 public:
  ShownFile(SourceFile& file, Progress& progress) : file_(&file), progress_(&progress) {}
  std::size_t size() const { return file_->size(); }
  nal::Result<std::size_t> read(std::size_t offset, std::span<std::byte> room) noexcept {
    progress_->at(offset);
    return file_->read(offset, room);
  }

 private:
  SourceFile* file_;
  Progress* progress_;
};

}  // namespace

nal::Task<> publish_file(mqtt::Session& session, const ConnectionOptions& options, const PayloadOptions& payload,
                         SourceFile& file, const mqtt::Properties& properties) {
  std::vector<std::byte> piece(kPiece);
  Progress progress("published", file.size(), !options.quiet);
  ShownFile source(file, progress);
  auto publishing = mqtt::publish_from(session, options.topics[0], source, piece, options.qos_level(),
                                       retain_of(payload), properties);
  const auto done = co_await publishing;
  if (done) { co_return nal::Unit{}; }
  if (done.error() == nal::Error::end_of_stream) {
    std::fprintf(stderr, "error: '%s' has become shorter while it was sent\n", payload.text.c_str());
    co_return done;
  }
  co_return explain(options, file.size(), done.error(), publishing.reason());
}

namespace {

nal::Task<> publish_lines(mqtt::Session& session, const PublishOptions& options, Lines& lines) {
  const mqtt::Properties properties = options.properties.publish.view();
  for (;;) {
    const auto line = co_await lines.next();
    if (!line) { break; }
    const auto accepted =
        co_await session.enqueue(options.topics[0], *line, options.qos_level(), retain_of(options.payload), properties);
    if (!accepted) { co_return explain(options, line->size(), accepted.error(), mqtt::Reason::success); }
  }
  NAL_CO_TRY(session.drained());
  co_return nal::Unit{};
}

nal::Task<> publish_source(mqtt::Session& session, const PublishOptions& options, PayloadSource& source) {
  const mqtt::Properties properties = options.properties.publish.view();
  for (std::uint64_t i = 0; i < options.repeat; ++i) {
    if (i != 0 && options.repeat_delay > nal::Duration::zero()) { co_await nal::sleep(options.repeat_delay); }
    nal::Result<> done;
    if (source.streamed) {
      done = co_await publish_file(session, options, options.payload, source.file, properties);
    } else {
      done = co_await publish_text(session, options, options.payload, source.text, properties);
    }
    if (!done) { co_return done; }
  }
  // What an earlier run has left in the file of --persistence.
  NAL_CO_TRY(session.drained());
  co_return nal::Unit{};
}

}  // namespace

std::optional<std::size_t> room_for(const ConnectionOptions& options, const PayloadSource& source) {
  mqtt::Publish packet{options.topics[0], {}, options.qos_level()};
  packet.properties = options.properties.publish.view();
  const auto size = mqtt::publish_size5(packet, source.size());
  if (!size) {
    static_cast<void>(explain(options, source.size(), size.error(), mqtt::Reason::success));
    return std::nullopt;
  }
  // What an earlier run has left is to find room too.
  const std::size_t room = source.streamed ? *size - source.size() : *size;
  return options.store.empty() ? room : room + options.max_packet;
}

int publish(nal::Executor& executor, nal::AnyStack stack, const PublishOptions& options) {
  nal::TaskSlot<8192> slot;
  if (options.payload.source == PayloadOptions::Source::lines) {
    Lines lines(executor);
    Connection connection(executor, stack, options, options.max_packet);
    if (!connection.open_store()) { return examples::kFailed; }
    if (!slot.start(executor, publish_lines, connection.session(), options, lines)) { return examples::kFailed; }
    return connection.run_to_status(slot);
  }
  PayloadSource source;
  if (!source.open(options.payload, options.max_packet)) { return examples::kFailed; }
  const auto room = room_for(options, source);
  if (!room) { return examples::kFailed; }
  Connection connection(executor, stack, options, *room);
  if (!connection.open_store()) { return examples::kFailed; }
  if (!slot.start(executor, publish_source, connection.session(), options, source)) { return examples::kFailed; }
  return connection.run_to_status(slot);
}

}  // namespace nal_mqtt

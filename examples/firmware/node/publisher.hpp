#pragma once
#include <array>
#include <string_view>

#include "examples/mqtt/client.hpp"
#include "nal/signal.hpp"
#include "nal/sleep.hpp"
#include "nal/task_slot.hpp"
#include "nal/text.hpp"

/// What a node tells an MQTT broker and hears from it: "NAME/uptime" once a second, in milliseconds, and
/// "NAME/command", where "stop" ends the run.
namespace node {

using Topic = std::array<char, 40>;

/// "NAME/LAST" in `out`; nothing when the name is too long.
inline std::string_view topic(Topic& out, std::string_view name, std::string_view last) noexcept {
  nal::TextWriter writer(out);
  writer.put(name);
  writer.put('/');
  writer.put(last);
  return writer.text().value_or(std::string_view());
}

inline nal::Task<> publish(mqtt::SmallSession& session, nal::Executor& executor, std::string_view name,
                           unsigned& published) {
  Topic text;
  const std::string_view where = topic(text, name, "uptime");
  NAL_CO_TRY(session.connected());
  for (;;) {
    std::array<char, 12> number;
    nal::TextWriter writer(number);
    writer.put_decimal(static_cast<std::uint32_t>(executor.now().microseconds() / 1'000));
    // Waits while there is no connection, or too much is not acknowledged.
    NAL_CO_TRY(session.publish(where, writer.text().value_or(std::string_view()), mqtt::QoS::at_least_once));
    ++published;
    co_await nal::sleep(nal::Duration::seconds(1));
  }
}

inline nal::Task<> obey(mqtt::SmallSession& session, std::string_view name, nal::Signal& stop) {
  Topic text;
  const std::string_view where = topic(text, name, "command");
  NAL_CO_TRY(session.subscribe(where, mqtt::QoS::at_least_once));
  for (;;) {
    NAL_CO_TRY_SET(const mqtt::SmallMessage message, session.receive());
    if (message.text() == "stop") { break; }
  }
  stop.set();
  co_return nal::Unit{};
}

inline nal::Task<> say_goodbye(mqtt::SmallSession& session) {
  NAL_CO_TRY(session.disconnect());
  co_return nal::Unit{};
}

}  // namespace node

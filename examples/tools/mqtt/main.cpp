// nal-mqtt: publishes, subscribes and asks, with the habits of mosquitto_pub, mosquitto_sub and mosquitto_rr, over any
// network stack of nal.
#include "examples/common/backend.hpp"
#include "examples/tools/mqtt/options.hpp"
#include "examples/tools/mqtt/publish.hpp"
#include "examples/tools/mqtt/request.hpp"
#include "examples/tools/mqtt/subscribe.hpp"

int main(int argc, char** argv) {
  nal_mqtt::CommandLine commands;
  if (const auto status = nal_mqtt::parse(argc, argv, commands)) { return *status; }
  return examples::run_on(commands.connection().backend, [&commands](nal::Executor& executor, auto& stack) {
    nal::AnyStack any(stack);
    if (commands.publish) { return nal_mqtt::publish(executor, any, *commands.publish); }
    if (commands.subscribe) { return nal_mqtt::subscribe(executor, any, *commands.subscribe); }
    return nal_mqtt::request(executor, any, *commands.request);
  });
}

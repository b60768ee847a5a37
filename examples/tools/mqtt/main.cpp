// nal-mqtt: publishes and subscribes, with the habits of mosquitto_pub and mosquitto_sub, over any network stack of
// nal.
#include "examples/common/backend.hpp"
#include "examples/tools/mqtt/options.hpp"
#include "examples/tools/mqtt/publish.hpp"
#include "examples/tools/mqtt/subscribe.hpp"

int main(int argc, char** argv) {
  nal_mqtt::CommandLine commands;
  if (const auto status = nal_mqtt::parse(argc, argv, commands)) { return *status; }
  const std::string& backend = commands.publish ? commands.publish->backend : commands.subscribe->backend;
  return examples::run_on(backend, [&commands](nal::Executor& executor, auto& stack) {
    nal::AnyStack any(stack);
    if (commands.publish) { return nal_mqtt::publish(executor, any, *commands.publish); }
    return nal_mqtt::subscribe(executor, any, *commands.subscribe);
  });
}

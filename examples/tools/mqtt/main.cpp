// nal-mqtt: publishes, subscribes and asks, with the habits of mosquitto_pub, mosquitto_sub and mosquitto_rr, over any
// network stack of nal.
#include <cstdio>

#include "examples/common/backend.hpp"
#include "examples/common/tls.hpp"
#include "examples/tools/mqtt/options.hpp"
#include "examples/tools/mqtt/publish.hpp"
#include "examples/tools/mqtt/request.hpp"
#include "examples/tools/mqtt/subscribe.hpp"

namespace {

int run(const nal_mqtt::CommandLine& commands, nal::Executor& executor, nal::AnyStack stack) {
  if (commands.publish) { return nal_mqtt::publish(executor, stack, *commands.publish); }
  if (commands.subscribe) { return nal_mqtt::subscribe(executor, stack, *commands.subscribe); }
  return nal_mqtt::request(executor, stack, *commands.request);
}

int run_secured(const nal_mqtt::CommandLine& commands, nal::Executor& executor, nal::AnyStack below) {
  const auto secured =
      examples::SecureStack::make(executor, below, commands.connection().tls, commands.connection().host);
  if (!secured) { return examples::kFailed; }
  const int status = run(commands, executor, secured->stack());
  if (const char* why = secured->failure(); why && status == examples::kFailed) {
    std::fprintf(stderr, "error: TLS: %s\n", why);
  }
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  nal_mqtt::CommandLine commands;
  if (const auto status = nal_mqtt::parse(argc, argv, commands)) { return *status; }
  return examples::run_on(commands.connection().backend, [&commands](nal::Executor& executor, auto& stack) {
    nal::AnyStack any(stack);
    return commands.connection().secure ? run_secured(commands, executor, any) : run(commands, executor, any);
  });
}

// The smallest MQTT client: 3.1.1, QoS 0 and 1.
#include "tests/sizes/mqtt.hpp"

int main() {
  using namespace nal;
  static Executor executor(board::platform());
  static mqtt::Buffers<> buffers;
  static mqtt::SmallClient client(sizes::Connector{}, {.client_id = "board"}, buffers.memory());
  static TaskSlot<2048> runner;
  static TaskSlot<1024> user;
  if (!runner.start(executor, sizes::run_client<mqtt::kSmall>, client)) { return 1; }
  if (!user.start(executor, sizes::use_client<mqtt::kSmall>, client)) { return 1; }
  executor.run_until([] { return !runner.running() && !user.running(); }, Instant::max());
  return 0;
}

// The MQTT client with everything: 5.0 beside 3.1.1, QoS 2, streams, a store, authentication.
#include "tests/sizes/mqtt.hpp"

namespace {

using namespace nal;

/// Keeps nothing: a store is the application's.
struct NoStore {
  Result<> put(mqtt::StoreKey, ConstBuffers) noexcept { return {}; }
  void remove(mqtt::StoreKey) noexcept {}
  void clear() noexcept {}
  Result<> load(const mqtt::StoreVisitor&) noexcept { return {}; }
};

Result<std::span<const std::byte>> answer(void*, mqtt::Authenticator::Step, std::span<const std::byte> data) noexcept {
  return data;
}

Task<> use_everything(mqtt::BasicSession<mqtt::kFive>& session) {
  const mqtt::Property list[] = {mqtt::Property::user("unit", "bar")};
  NAL_CO_TRY(session.publish("a", "x", mqtt::QoS::exactly_once, mqtt::Retain::no, list));
  mqtt::Streaming<mqtt::kFive> stream = session.stream("a", 1000, mqtt::QoS::exactly_once);
  NAL_CO_TRY(stream.begin());
  NAL_CO_TRY(stream.write(mqtt::bytes_of("a piece")));
  NAL_CO_TRY(stream.finish());
  {
    NAL_CO_TRY_SET(mqtt::BasicMessage<mqtt::kFive> message, session.receive());
    NAL_CO_TRY_SET(const auto piece, message.read());
    board::print(static_cast<long>(piece.size()));
    board::print(static_cast<long>(message.properties().number(mqtt::PropertyId::message_expiry)));
  }
  NAL_CO_TRY(session.authenticate());
  NAL_CO_TRY(sizes::use_client<mqtt::kFive>(session));
  co_return Unit{};
}

}  // namespace

int main() {
  static Executor executor(board::platform());
  static NoStore store;
  static mqtt::Buffers<> buffers;
  static mqtt::Client<sizes::Connector, mqtt::kFive> client(sizes::Connector{},
                                                            {.client_id = "board",
                                                             .version = mqtt::Version::mqtt_5,
                                                             .persistence = store,
                                                             .authenticator = {"none", answer, nullptr}},
                                                            buffers.memory());
  static TaskSlot<2048> runner;
  static TaskSlot<1024> user;
  if (!runner.start(executor, sizes::run_client<mqtt::kFive>, client)) { return 1; }
  if (!user.start(executor, use_everything, client)) { return 1; }
  executor.run_until([] { return !runner.running() && !user.running(); }, Instant::max());
  return 0;
}

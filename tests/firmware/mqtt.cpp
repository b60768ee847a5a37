// A protocol library on bare metal: the MQTT client of examples/mqtt, as it is, against a broker of a few lines in the
// same image. Linked without a C library, so nothing of it can want a heap.
#include "examples/firmware/board.hpp"
#include "examples/mqtt/client.hpp"
#include "nal/sleep.hpp"
#include "nal/task_slot.hpp"
#include "tests/support/pipe.hpp"

namespace {

using nal::test::PipeEnd;
using nal::test::PipePair;

constexpr unsigned kMessages = 20;

/// Answers what an MQTT 3.1.1 client (OASIS, §3) of QoS 1 sends, packets of up to 127 bytes.
nal::Task<> serve(PipeEnd& stream, unsigned& published) {
  std::byte packet[129];
  for (;;) {
    NAL_CO_TRY(nal::read_exact(stream, std::span(packet).first(2)));
    const auto length = std::to_integer<std::size_t>(packet[1]);
    NAL_CO_TRY(nal::read_exact(stream, std::span(packet).subspan(2, length)));
    const auto type = std::to_integer<unsigned>(packet[0]) >> 4;
    if (type == 1) {
      const std::byte connack[] = {std::byte{0x20}, std::byte{2}, std::byte{0}, std::byte{0}};
      NAL_CO_TRY(nal::write_all(stream, connack));
    } else if (type == 3) {
      ++published;
      const auto topic = std::to_integer<std::size_t>(packet[3]);
      const std::byte puback[] = {std::byte{0x40}, std::byte{2}, packet[4 + topic], packet[5 + topic]};
      NAL_CO_TRY(nal::write_all(stream, puback));
    } else if (type == 14) {
      NAL_CO_TRY(nal::shutdown(stream));
      co_return nal::Unit{};
    } else {
      co_return nal::Unexpected(nal::Error::protocol_error);
    }
  }
}

nal::Task<> publish_all(mqtt::Session& session) {
  for (unsigned i = 0; i < kMessages; ++i) {
    NAL_CO_TRY(session.publish("board/tick", "a value", mqtt::QoS::at_least_once));
  }
  NAL_CO_TRY(session.disconnect());
  co_return nal::Unit{};
}

/// Gives the one end of a pipe as a connection.
class Connect {
 public:
  explicit Connect(PipePair& pair) noexcept : pair_(&pair) {}
  nal::Poll<nal::Result<PipeEnd>> poll(nal::Context&) noexcept { return nal::Result<PipeEnd>(std::move(pair_->near)); }

 private:
  PipePair* pair_;
};
struct Connector {
  PipePair* pair;
  Connect operator()() const noexcept { return Connect(*pair); }
};

nal::Task<> run_client(mqtt::Client<Connector>& client) {
  const nal::Result<> ended = co_await client.run();
  co_return ended;
}

void print_outcome(const char* who, const nal::Poll<nal::Result<>>& outcome) {
  board::print(who);
  board::print(!outcome.ready() ? "still runs" : (*outcome).has_value() ? "ok" : nal::to_string((*outcome).error()));
  board::print("\n");
}

}  // namespace

int main() {
  static nal::Executor executor(board::platform());
  static PipePair pair;
  static mqtt::Buffers<> buffers;
  static mqtt::Client client(Connector{&pair}, {.client_id = "board"}, buffers.memory());
  static nal::TaskSlot<1024> broker;
  static nal::TaskSlot<2048> runner;
  static nal::TaskSlot<1024> publisher;
  unsigned published = 0;
  if (!broker.start(executor, serve, pair.far, published)) { return 1; }
  if (!runner.start(executor, run_client, client)) { return 1; }
  if (!publisher.start(executor, publish_all, client)) { return 1; }
  const nal::Instant deadline = executor.now() + nal::Duration::seconds(30);
  executor.run_until([] { return !broker.running() && !runner.running() && !publisher.running(); }, deadline);
  print_outcome("broker: ", broker.result());
  print_outcome("client: ", runner.result());
  print_outcome("publisher: ", publisher.result());
  board::print(static_cast<long>(published));
  board::print(" messages\n");
  return published == kMessages ? 0 : 1;
}

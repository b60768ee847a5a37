// What the MQTT library takes for a message of QoS 0, beside the network: `publish|receive 3.1.1|5 COUNT`.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "examples/mqtt/operations.hpp"
#include "nal/block_on.hpp"

namespace {

using namespace mqtt;

class NoPlatform final : public nal::Platform {
 public:
  nal::Instant now() noexcept override { return {}; }
  void poll(nal::Executor&, nal::Instant) noexcept override {}
  void wake() noexcept override {}
};

constexpr std::string_view kTopic = "pump/7/state";
constexpr std::array<std::byte, 64> kPayload{};

/// A session that is online, whose bytes go nowhere and come from here.
template <Features F>
class Online {
 public:
  explicit Online(Version version) : executor_(platform_), session_(config(version), buffers_.memory()) {
    const bool five = version == Version::mqtt_5;
    const std::byte connack[5]{std::byte{0x20}, std::byte(five ? 3 : 2)};
    static_cast<void>(session_.start());
    session_.link_up(executor_.now());
    send();
    take(std::span(connack).first(five ? 5 : 4));
    const Publish message{kTopic, kPayload};
    const auto size = five ? encode5(packet_, message) : encode(packet_, message);
    size_ = size.value_or(0);
  }
  bool up() const { return session_.state() == SessionState::online && size_ != 0; }

  bool publish() {
    auto publishing = session_.publish(kTopic, kPayload);
    nal::Context context = nal::Context::probe(executor_);
    if (publishing.poll(context).ready()) { return false; }  // nothing was sent yet
    send();
    auto done = publishing.poll(context);
    return done.ready() && done->has_value();
  }

  bool receive() {
    take(std::span(packet_).first(size_));
    const auto message = nal::try_once(executor_, session_.receive());
    return message && message->payload().size() == kPayload.size();
  }

 private:
  static Config config(Version version) {
    Config made{.client_id = "pump-7", .keep_alive = 0};
    made.version = version;
    return made;
  }
  void send() {
    for (;;) {
      std::span<const std::byte> pieces[2];
      session_.output(pieces);
      const std::size_t size = pieces[0].size() + pieces[1].size();
      if (size == 0) { return; }
      session_.sent(size, executor_.now());
    }
  }
  void take(std::span<const std::byte> bytes) {
    std::memcpy(session_.input_room().data(), bytes.data(), bytes.size());
    session_.received(bytes.size(), executor_.now());
    static_cast<void>(session_.advance(executor_.now()));
  }

  NoPlatform platform_;
  nal::Executor executor_;
  Buffers<> buffers_;
  BasicSession<F> session_;
  std::array<std::byte, 128> packet_{};
  std::size_t size_ = 0;
};

template <Features F>
int run(Version version, std::string_view what, unsigned long count) {
  static Online<F> online(version);
  bool good = online.up();
  for (unsigned long i = 0; i < count && good; ++i) { good = what == "publish" ? online.publish() : online.receive(); }
  if (!good) { std::fprintf(stderr, "the session does not do what is to be measured\n"); }
  return good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: %s publish|receive 3.1.1|5 COUNT\n", argv[0]);
    return 2;
  }
  const unsigned long count = std::strtoul(argv[3], nullptr, 10);
  if (std::string_view(argv[2]) == "5") { return run<kFull>(Version::mqtt_5, argv[1], count); }
  return run<kSmall>(Version::mqtt_3_1_1, argv[1], count);
}

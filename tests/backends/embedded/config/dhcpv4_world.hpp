#pragma once
#include <functional>
#include <optional>
#include <vector>

#include "backends/embedded/config/dhcpv4.hpp"
#include "tests/backends/embedded/wire/hex.hpp"

namespace nal::embedded {

using wire::Dhcpv4MessageType;
using wire::Dhcpv4Option;
using wire::Dhcpv4View;
using wire::Dhcpv4Writer;

/// What the server below gives.
inline constexpr Ipv4Address kAddress{192, 0, 2, 77};

inline bool about(Duration got, Duration expected, Duration tolerance) {
  return got >= expected - tolerance && got <= expected + tolerance;
}
inline std::optional<std::span<const std::byte>> option(const Dhcpv4View& view, Dhcpv4Option code) {
  return *view.option(code, {});
}

/// A DHCPv4 server with one address to give. What it says can be changed at any time.
struct DhcpServer {
  Ipv4Address identifier{192, 0, 2, 1};
  Ipv4Address address = kAddress;
  std::optional<std::uint32_t> lease = 3600;
  bool silent = false;
  bool refuses = false;  ///< answers requests with NAK
  /// More options of offers and acknowledgements.
  std::function<void(Dhcpv4Writer&)> options = [](Dhcpv4Writer& writer) {
    writer.option_address(Dhcpv4Option::subnet_mask, {255, 255, 255, 0});
    writer.option_address(Dhcpv4Option::router, {192, 0, 2, 1});
  };

  Bytes make(const Dhcpv4View& message, Dhcpv4MessageType type) const {
    Bytes out(1500);
    Dhcpv4Writer writer(out,
                        {.reply = true,
                         .transaction = message.transaction(),
                         .your_address = type == Dhcpv4MessageType::nak ? Ipv4Address() : address,
                         .hardware_address = message.hardware_address()},
                        type);
    writer.option_address(Dhcpv4Option::server_identifier, identifier);
    if (type != Dhcpv4MessageType::nak) {
      if (lease) { writer.option_u32(Dhcpv4Option::lease_time, *lease); }
      options(writer);
    }
    return copy(*writer.finish());
  }

  /// What RFC 2131 §4.3 has it say to a message.
  std::optional<Bytes> answer(const Dhcpv4View& message) const {
    if (silent) { return std::nullopt; }
    const auto type = message.message_type();
    if (type == Dhcpv4MessageType::discover) { return make(message, Dhcpv4MessageType::offer); }
    if (type != Dhcpv4MessageType::request) { return std::nullopt; }
    const auto chosen = message.address(Dhcpv4Option::server_identifier);
    if (chosen && *chosen != identifier) { return std::nullopt; }
    if (refuses) { return make(message, Dhcpv4MessageType::nak); }
    const auto wanted = message.address(Dhcpv4Option::requested_address);
    if (wanted.value_or(message.client_address()) != address) { return make(message, Dhcpv4MessageType::nak); }
    return make(message, Dhcpv4MessageType::ack);
  }
};

/// A client, servers, and the wire between them, under a clock that goes where it is told.
class DhcpWorld {
 public:
  static constexpr MacAddress kMac{0x02, 0x00, 0x5e, 0x00, 0x00, 0x01};

  struct Sent {
    Instant at;
    Ipv4Address source;
    Ipv4Address destination;
    Bytes message;
    Dhcpv4View view() const { return *Dhcpv4View::parse(message); }
    Dhcpv4MessageType type() const { return *view().message_type(); }
  };

  explicit DhcpWorld(Dhcpv4Client::Settings settings = {}, unsigned seed = 1, std::size_t memory = 512)
      : random_(entropy(seed)), memory_(memory), client(kMac, settings, memory_, random_) {}

  /// Lets time pass up to `until`, in which everything due is done, and checks are answered with "free".
  void run(Instant until);
  void run_for(Duration duration) { run(now + duration); }
  /// To the moment of the next message, and gives it; at most a day.
  Sent next();
  /// From the start to an address in use.
  void bind() {
    client.start(now);
    run_for(Duration::milliseconds(1));
  }
  void deliver(const Bytes& message) { client.input(message, now); }

 private:
  static Entropy entropy(unsigned seed) {
    std::array<std::byte, Entropy::kSize> bytes{};
    bytes[0] = static_cast<std::byte>(seed);
    return Entropy(bytes);
  }
  /// Everything that is due now; whether a message was sent.
  bool step();

  Random random_;
  Bytes memory_;

 public:
  Dhcpv4Client client;
  std::vector<DhcpServer> servers{DhcpServer{}};
  std::vector<Sent> sent;
  Instant now = Instant::from_microseconds(1'000'000'000);
  std::size_t room = 1472;  ///< for a message
  std::size_t errors = 0;   ///< messages that did not fit
  bool answer_checks = true;
};

}  // namespace nal::embedded

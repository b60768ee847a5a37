// The DHCPv4 client on arbitrary answers, time and calls: it never sends without being asked to wait first, its clock
// never stands still, what it sends is a message, and a lease is one that a host can use.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "backends/embedded/config/dhcpv4.hpp"
#include "backends/embedded/wire/dhcpv4.hpp"
#include "tests/fuzz/harness.hpp"

namespace {

using namespace nal;
using namespace nal::embedded;
using nal::fuzz::require;
using nal::fuzz::take;
using wire::Dhcpv4MessageType;
using wire::Dhcpv4Option;
using Bytes = std::vector<std::byte>;

Entropy entropy() {
  const std::array<std::byte, Entropy::kSize> bytes{};
  return Entropy(bytes);
}

class World {
 public:
  explicit World(std::span<const std::byte> input)
      : input_(input), memory_(take(input_)), random_(entropy()), client_(kMac, settings(), memory_, random_) {}

  void run() {
    client_.start(now_);
    while (!input_.empty()) {
      act(take(input_));
      poll();
      check();
    }
  }

 private:
  static constexpr MacAddress kMac{2, 0, 0, 0, 0, 1};

  Dhcpv4Client::Settings settings() {
    const std::size_t choice = take(input_);
    Dhcpv4Client::Settings settings;
    if ((choice & 1) != 0) { settings.host_name = "host.lan"; }
    settings.register_name = (choice & 2) != 0;
    settings.broadcast = (choice & 4) != 0;
    settings.check_address = (choice & 8) != 0;
    return settings;
  }

  void act(std::size_t action) {
    switch (action % 10) {
      case 0: client_.start(now_); break;
      case 1: client_.stop(); break;
      case 2: client_.release(now_); break;
      case 3: client_.address_is_free(); break;
      case 4: client_.address_is_taken(now_); break;
      case 5: now_ += Duration::milliseconds(static_cast<std::int64_t>(take(input_) << take(input_) % 24)); break;
      case 6: raw(); break;
      default: answer(); break;
    }
  }

  /// The bytes as they are.
  void raw() {
    const std::size_t size = std::min(take(input_) * 2, input_.size());
    const Bytes message(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(size));
    input_ = input_.subspan(size);
    client_.input(message, now_);
  }

  /// A message in answer to the last one, with options from the input.
  void answer() {
    const std::size_t choice = take(input_);
    Bytes out(600);
    wire::Dhcpv4Writer writer(out,
                              {.reply = (choice & 0x80) == 0,
                               .transaction = transaction_ ^ ((choice & 0x40) != 0 ? 1U : 0U),
                               .your_address = Ipv4Address(192, 0, 2, static_cast<std::uint8_t>(take(input_) & 0x83)),
                               .hardware_address = kMac},
                              static_cast<Dhcpv4MessageType>(choice & 7));
    writer.option_address(Dhcpv4Option::server_identifier,
                          Ipv4Address(192, 0, 2, static_cast<std::uint8_t>((choice >> 4 & 1) + 1)));
    if ((choice & 8) == 0) { writer.option_u32(Dhcpv4Option::lease_time, 60U << take(input_) % 20); }
    for (std::size_t count = take(input_) % 5; count > 0; --count) {
      const auto code = static_cast<Dhcpv4Option>(take(input_));
      if (code == Dhcpv4Option::pad || code == Dhcpv4Option::end) { continue; }
      const std::size_t size = std::min(take(input_) % 40, input_.size());
      writer.option(code, input_.first(size));
      input_ = input_.subspan(size);
    }
    if (const auto message = writer.finish()) { client_.input(*message, now_); }
  }

  void poll() {
    for (unsigned rounds = 0; client_.poll_at() <= now_; ++rounds) {
      require(rounds < 10);
      Bytes out(room_);
      const auto sent = client_.poll(now_, out);
      if (!sent) {
        require(room_ < 400);
        continue;
      }
      if (sent->size == 0) { continue; }
      out.resize(sent->size);
      const auto view = wire::Dhcpv4View::parse(out);
      require(view && !view->is_reply() && view->hardware_address() == kMac && view->message_type().has_value());
      require(view->client_address() == sent->source);
      transaction_ = view->transaction();
    }
  }

  void check() {
    const Dhcpv4Lease* const lease = client_.lease();
    require(lease != nullptr || !client_.to_check() || client_.state() == Dhcpv4Client::State::checking);
    if (!lease) { return; }
    require(!lease->address.is_unspecified() && !lease->address.is_multicast() && !lease->server.is_unspecified());
    require(lease->prefix_length >= 1 && lease->prefix_length <= 32 && lease->renew_at <= lease->rebind_at);
    require(lease->rebind_at <= lease->expires);
    require(lease->expires > now_ || client_.state() == Dhcpv4Client::State::releasing);
    for (unsigned code = 0; code < 256; ++code) {
      const auto option = client_.option(static_cast<Dhcpv4Option>(code));
      require(!option || option->size() + 4 <= memory_.size());
    }
    const auto servers = client_.dns_servers();
    for (std::size_t i = 0; i < servers.size(); ++i) { static_cast<void>(servers[i]); }
  }

  std::span<const std::byte> input_;
  Bytes memory_;
  Random random_;
  Dhcpv4Client client_;
  Instant now_ = Instant::from_microseconds(1'000'000);
  std::uint32_t transaction_ = 0;
  std::size_t room_ = 600;
};

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  World(std::as_bytes(std::span(data, size))).run();
  return 0;
}

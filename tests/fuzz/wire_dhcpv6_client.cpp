// The DHCPv6 client on arbitrary answers, time and calls: its clock never stands still, what it sends is a message, and
// an address is one that a host can use.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "backends/embedded/config/dhcpv6.hpp"
#include "backends/embedded/wire/dhcpv6.hpp"
#include "tests/fuzz/harness.hpp"

namespace {

using namespace nal;
using namespace nal::embedded;
using nal::fuzz::require;
using nal::fuzz::take;
using wire::Dhcpv6MessageType;
using wire::Dhcpv6Option;
using wire::Dhcpv6Status;
using Bytes = std::vector<std::byte>;
using Mode = Dhcpv6Client::Mode;

Entropy entropy() {
  const std::array<std::byte, Entropy::kSize> bytes{};
  return Entropy(bytes);
}

class World {
 public:
  explicit World(std::span<const std::byte> input)
      : input_(input),
        memory_(take(input_)),
        random_(entropy()),
        client_(MacAddress(2, 0, 0, 0, 0, 1), settings(), memory_, random_) {}

  void run() {
    client_.start(now_, (take(input_) & 1) != 0 ? Mode::information : Mode::address);
    while (!input_.empty()) {
      act(take(input_));
      poll();
      check();
    }
  }

 private:
  Dhcpv6Client::Settings settings() {
    const std::size_t choice = take(input_);
    Dhcpv6Client::Settings settings;
    if ((choice & 1) != 0) { settings.host_name = "host.lan"; }
    settings.rapid_commit = (choice & 2) != 0;
    settings.check_address = (choice & 4) != 0;
    return settings;
  }

  void act(std::size_t action) {
    switch (action % 10) {
      case 0: client_.start(now_, (action & 16) != 0 ? Mode::information : Mode::address); break;
      case 1: client_.stop(); break;
      case 2: client_.release(now_); break;
      case 3: client_.address_is_free(); break;
      case 4: client_.address_is_taken(now_); break;
      case 5: now_ += Duration::milliseconds(static_cast<std::int64_t>(take(input_) << take(input_) % 24)); break;
      case 6: raw(); break;
      default: answer(); break;
    }
  }

  /// The bytes as they are, behind the head that lets them be looked at.
  void raw() {
    Bytes message(600);
    wire::Dhcpv6Writer writer(message, static_cast<Dhcpv6MessageType>(take(input_) & 15), transaction_);
    writer.option(Dhcpv6Option::client_identifier, identifier_);
    writer.option(Dhcpv6Option::server_identifier, identifier_);
    const auto head = writer.finish();
    require(head.has_value());
    message.resize(head->size());
    const std::size_t size = std::min(take(input_), input_.size());
    message.insert(message.end(), input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(size));
    input_ = input_.subspan(size);
    client_.input(message, now_);
  }

  /// A message in answer to the last one.
  void answer() {
    const std::size_t choice = take(input_);
    Bytes out(600);
    wire::Dhcpv6Writer writer(out, static_cast<Dhcpv6MessageType>((choice & 1) != 0 ? 2 : 7), transaction_);
    writer.option(Dhcpv6Option::client_identifier, identifier_);
    const std::byte server[] = {static_cast<std::byte>(choice >> 6)};
    writer.option(Dhcpv6Option::server_identifier, server);
    if ((choice & 2) != 0) { writer.option(Dhcpv6Option::rapid_commit, {}); }
    if ((choice & 4) != 0) { writer.status(static_cast<Dhcpv6Status>(take(input_) % 8)); }
    if ((choice & 8) != 0) {
      const std::size_t begun = writer.begin_association(
          Dhcpv6Option::ia_na, 1, static_cast<std::uint32_t>(take(input_)), static_cast<std::uint32_t>(take(input_)));
      const Ipv6Address address(0x2001, 0xdb8, 0, 0, 0, 0, 0, static_cast<std::uint16_t>(take(input_) & 3));
      writer.end(writer.begin_address(wire::bytes_of(address), static_cast<std::uint32_t>(take(input_)),
                                      static_cast<std::uint32_t>(take(input_) << take(input_) % 26)));
      if ((choice & 16) != 0) { writer.status(static_cast<Dhcpv6Status>(take(input_) % 8)); }
      writer.end(begun);
    }
    if ((choice & 32) != 0) {
      const auto code = static_cast<Dhcpv6Option>(take(input_));
      const std::size_t size = std::min(take(input_) % 64, input_.size());
      writer.option(code, input_.first(size));
      input_ = input_.subspan(size);
    }
    if (const auto message = writer.finish()) { client_.input(*message, now_); }
  }

  void poll() {
    for (unsigned rounds = 0; client_.poll_at() <= now_; ++rounds) {
      require(rounds < 10);
      Bytes out(400);
      const auto size = client_.poll(now_, out);
      require(size.has_value());
      if (*size == 0) { continue; }
      out.resize(*size);
      const auto view = wire::Dhcpv6View::parse(out);
      require(view.has_value());
      transaction_ = view->transaction();
      const auto identifier = view->options().find(Dhcpv6Option::client_identifier);
      require(identifier.has_value());
      identifier_.assign(identifier->begin(), identifier->end());
    }
  }

  void check() {
    const Dhcpv6Lease* const lease = client_.lease();
    for (std::size_t i = 0; i < client_.dns_server_count(); ++i) { static_cast<void>(client_.dns_server(i)); }
    if (!lease) { return; }
    require(!lease->address.is_unspecified() && !lease->address.is_multicast() && lease->valid_until > now_);
    require(lease->renew_at <= lease->rebind_at && lease->rebind_at <= lease->valid_until);
    require(lease->preferred_until <= lease->valid_until);
  }

  std::span<const std::byte> input_;
  Bytes memory_;
  Random random_;
  Dhcpv6Client client_;
  Instant now_ = Instant::from_microseconds(1'000'000);
  std::uint32_t transaction_ = 0;
  Bytes identifier_;
};

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  World(std::as_bytes(std::span(data, size))).run();
  return 0;
}

// Proof that a request is new, and that who asks is where the datagram says (RFC 9175 §2).
#include "examples/coap/server.hpp"

namespace coap {

namespace {

/// When it was made, and a keyed hash of that and of whom it was given to: nothing needs to be kept.
constexpr std::size_t kEchoSize = 12;

std::uint32_t seconds_of(nal::Instant now) noexcept {
  return static_cast<std::uint32_t>((now - nal::Instant()).seconds());
}

void make_echo(std::span<std::byte, kEchoSize> out, const Random& random, std::uint32_t seconds,
               const nal::Endpoint& remote) noexcept {
  // More words than the one of which the node's numbers are made.
  std::uint32_t words[8] = {seconds, 0, remote.port, remote.address.zone()};
  std::size_t i = 16;
  for (const std::uint8_t byte : remote.address.bytes()) {
    words[i / 4] = words[i / 4] << 8 | byte;
    ++i;
  }
  std::uint32_t value[] = {seconds, 0, 0};
  for (std::uint32_t k = 1; k < 3; ++k) {
    words[1] = k;
    value[k] = random.hash(words);
  }
  for (i = 0; i < kEchoSize; ++i) { out[i] = static_cast<std::byte>(value[i / 4] >> (24 - i % 4 * 8)); }
}

}  // namespace

bool Server::is_fresh(const Arrival& arrival) const noexcept {
  const auto value = arrival.message.options.find(OptionNumber::echo);
  if (!value || value->size() != kEchoSize) { return false; }
  const auto made = parse_uint(value->first<4>());
  if (!made || seconds_of(arrival.now) - *made > config_.echo_seconds) { return false; }
  std::byte expected[kEchoSize];
  make_echo(expected, node_.random(), *made, arrival.ends.remote);
  // In the same time whatever differs.
  unsigned different = 0;
  for (std::size_t i = 0; i < kEchoSize; ++i) { different |= std::to_integer<unsigned>(expected[i] ^ (*value)[i]); }
  return different == 0;
}

void Server::add_echo(MessageWriter& out, const Arrival& arrival) const noexcept {
  std::byte value[kEchoSize];
  make_echo(value, node_.random(), seconds_of(arrival.now), arrival.ends.remote);
  out.add(OptionNumber::echo, value);
}

}  // namespace coap

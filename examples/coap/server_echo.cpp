// Proof that a request is new, and that who asks is where the datagram says (RFC 9175 §2).
#include "examples/coap/server.hpp"

namespace coap {

namespace {

/// When it was made, and a keyed hash of that and of whom it was given to: nothing needs to be kept.
constexpr std::size_t kEchoSize = 12;

void make_echo(std::span<std::byte, kEchoSize> out, const Random& random, std::uint32_t at,
               const nal::Endpoint& remote) noexcept {
  // More words than the one of which the node's numbers are made.
  std::uint32_t words[8] = {at, 0, remote.port, remote.address.zone()};
  std::size_t i = 16;
  for (const std::uint8_t byte : remote.address.bytes()) {
    words[i / 4] = words[i / 4] << 8 | byte;
    ++i;
  }
  std::uint32_t value[] = {at, 0, 0};
  for (std::uint32_t k = 1; k < 3; ++k) {
    words[1] = k;
    value[k] = random.hash(words);
  }
  for (i = 0; i < kEchoSize; ++i) { out[i] = static_cast<std::byte>(value[i / 4] >> (24 - i % 4 * 8)); }
}

}  // namespace

bool by_echo(const Server& server, const Arrival& arrival, MessageWriter* challenge) noexcept {
  const Random& random = server.node().random();
  std::byte echo[kEchoSize];
  if (challenge) {
    make_echo(echo, random, coarse(arrival.now), arrival.ends.remote);
    challenge->add(OptionNumber::echo, echo);
    return false;
  }
  const auto value = arrival.message.options.find(OptionNumber::echo);
  if (!value || value->size() != kEchoSize) { return false; }
  const auto made = parse_uint(value->first<4>());
  if (!made || coarse(arrival.now) - *made > server.config().echo_seconds) { return false; }
  make_echo(echo, random, *made, arrival.ends.remote);
  // In the same time whatever differs.
  unsigned different = 0;
  for (std::size_t i = 0; i < kEchoSize; ++i) { different |= std::to_integer<unsigned>(echo[i] ^ (*value)[i]); }
  return different == 0;
}

}  // namespace coap

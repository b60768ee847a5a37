// What an outsider must not guess: initial sequence numbers, timestamps, ports.
#include "backends/embedded/tcp/tcp.hpp"

namespace nal::embedded {

namespace {

// What a keyed number is for.
constexpr std::uint32_t kSequence = 1;
constexpr std::uint32_t kTimestamp = 2;

// RFC 6335 §6
constexpr std::uint16_t kFirstPort = 49152;
constexpr std::uint16_t kPorts = 16384;

[[maybe_unused]] std::uint32_t number(const std::array<std::uint32_t, 8>& secret, const FlowKey& key,
                                      std::uint32_t purpose) noexcept {
  const std::array<std::uint32_t, 3> nonce{key.local.v4().to_uint32(), key.remote.v4().to_uint32(),
                                           std::uint32_t{key.local_port} << 16 | key.remote_port};
  std::array<std::uint32_t, 16> block;
  chacha20_block(secret, purpose, nonce, block);
  return block[0];
}

[[maybe_unused]] std::uint64_t number(const SipKey& secret, const FlowKey& key, std::uint32_t purpose) noexcept {
  constexpr std::size_t kAddress = Address::kSize / sizeof(std::uint32_t);
  std::uint32_t words[2 * kAddress + 2] = {};
  const auto put = [&words](std::size_t at, const Address& address) {
    const std::span<const std::byte> bytes = address.wire();
    std::memcpy(words + at, bytes.data(), bytes.size());
  };
  put(0, key.local);
  put(kAddress, key.remote);
  words[2 * kAddress] = std::uint32_t{key.local_port} << 16 | key.remote_port;
  words[2 * kAddress + 1] = purpose;
  return siphash(secret, words);
}

[[maybe_unused]] void fill(std::array<std::uint32_t, 8>& secret, Random& random) noexcept {
  for (std::uint32_t& word : secret) { word = random.u32(); }
}

[[maybe_unused]] void fill(SipKey& secret, Random& random) noexcept {
  for (std::uint64_t* const half : {&secret.k0, &secret.k1}) {
    const std::uint64_t high = random.u32();
    *half = high << 32 | random.u32();
  }
}

}  // namespace

std::uint64_t Tcp::keyed(const FlowKey& key, std::uint32_t purpose) const noexcept {
  return number(secret_, key, purpose);
}

Tcp::Secret Tcp::new_secret(Random& random) noexcept {
  Secret secret;
  fill(secret, random);
  return secret;
}

/// RFC 6528 §3: a clock of 4 microseconds a step, and what only this host knows of the connection.
SeqNumber Tcp::initial_sequence(const FlowKey& key) noexcept {
  return SeqNumber(static_cast<std::uint32_t>(now_.microseconds() / 4) +
                   static_cast<std::uint32_t>(keyed(key, kSequence)));
}

/// RFC 7323 §5.4: does not tell how long this host has been up; the same for a pair of hosts, so that a connection's
/// timestamps follow those of the one before it.
std::uint32_t Tcp::keyed_timestamp(const FlowKey& key) const noexcept {
  FlowKey hosts = key;
  hosts.local_port = hosts.remote_port = 0;
  return static_cast<std::uint32_t>(keyed(hosts, kTimestamp));
}

/// RFC 6056 §3.3.1: from a random place on, the first that no connection to that peer and no listener has.
Result<std::uint16_t> Tcp::pick_port(FlowKey key) noexcept {
  std::uint32_t place = random_.below(kPorts);
  for (std::uint32_t tried = 0; tried < kPorts; ++tried, ++place) {
    key.local_port = static_cast<std::uint16_t>(kFirstPort + place % kPorts);
    if (find_flow(key) != kNoFlow) { continue; }
    bool listened = false;
    if constexpr (features::kTcpListener) {
      each_listener(key.local_port, [&](const ListenerEntry&) { listened = true; });
    }
    if (!listened) { return key.local_port; }
  }
  return Unexpected(Error::address_not_available);
}

/// A port that was asked for: no connection to that peer has it, and no listener at that address.
Result<> Tcp::claim_port(const FlowKey& key) noexcept {
  bool taken = find_flow(key) != kNoFlow;
  if constexpr (features::kTcpListener) { taken = taken || find_listener(key) != nullptr; }
  if (taken) { return Unexpected(Error::address_in_use); }
  return {};
}

bool Tcp::listener_conflict(const ListenerEntry& wanted) const noexcept {
  bool conflict = false;
  each_listener(wanted.port, [&](const ListenerEntry& other) {
    if (other.family != wanted.family || (other.share && wanted.share)) { return; }
    const bool elsewhere = other.interface != 0 && wanted.interface != 0 && other.interface != wanted.interface;
    conflict = conflict || (!elsewhere && (other.any || wanted.any || other.local == wanted.local));
  });
  return conflict;
}

Result<std::uint16_t> Tcp::pick_listen_port(const ListenerEntry& wanted) noexcept {
  std::uint32_t place = random_.below(kPorts);
  ListenerEntry probe;
  probe.local = wanted.local;
  probe.family = wanted.family;
  probe.any = wanted.any;
  // Each port that is refused is a listener's: one more than there are will do.
  for (std::size_t tried = 0; tried <= memory_.listeners.size(); ++tried, ++place) {
    probe.port = static_cast<std::uint16_t>(kFirstPort + place % kPorts);
    if (!listener_conflict(probe)) { return probe.port; }
  }
  return Unexpected(Error::address_not_available);
}

}  // namespace nal::embedded

#pragma once
#include "backends/embedded/ping/ping.hpp"
#include "tests/backends/embedded/support/host.hpp"

namespace nal::embedded::test {

/// A host with probe sockets.
struct PingHost : Host {
  using Host::Host;
  PingMemory<2> ping_memory;
  Ping ping{stack, ping_memory, 3};

  ProbeSocket open(Family family, ProbeKind kind = ProbeKind::echo, std::uint16_t identifier = 0x1234) {
    return ping.open_probe({.local = IpAddress::unspecified(family), .kind = kind, .identifier = identifier}).value();
  }
  Result<ProbeAnswer> next(ProbeSocket& socket) { return once(receive_answer(socket, buffer)); }
  Bytes data(const ProbeAnswer& answer) { return {buffer.begin(), buffer.begin() + static_cast<long>(answer.size)}; }

  std::array<std::byte, 2000> buffer;
};

inline std::size_t header_size(Family family) { return family == Family::v4 ? 20 : 40; }

/// An ICMP message in its IP packet, by the type that each family has for it.
inline Bytes icmp(const Address& from, const Address& to, wire::Icmpv4Type v4, wire::Icmpv6Type v6, std::uint8_t code,
                  std::uint32_t rest, const Bytes& body, std::uint8_t hop_limit = 64) {
  if (from.is_v4()) {
    return ipv4({.source = from, .destination = to, .protocol = 1, .hop_limit = hop_limit},
                icmpv4(v4, code, rest, body));
  }
  return ipv6({.source = from, .destination = to, .protocol = 58, .hop_limit = hop_limit},
              icmpv6(from, to, v6, code, rest, body));
}
inline Bytes echo_request(const Address& from, const Address& to, std::uint16_t id, std::uint16_t sequence,
                          const Bytes& data) {
  return icmp(from, to, wire::Icmpv4Type::echo_request, wire::Icmpv6Type::echo_request, 0,
              wire::IcmpHeader::echo(id, sequence), data);
}
inline Bytes echo_reply(const Address& from, const Address& to, std::uint16_t id, std::uint16_t sequence,
                        const Bytes& data, std::uint8_t hop_limit = 64) {
  return icmp(from, to, wire::Icmpv4Type::echo_reply, wire::Icmpv6Type::echo_reply, 0,
              wire::IcmpHeader::echo(id, sequence), data, hop_limit);
}
inline Bytes time_exceeded(const Address& from, const Address& to, const Bytes& quoted) {
  return icmp(from, to, wire::Icmpv4Type::time_exceeded, wire::Icmpv6Type::time_exceeded, 0, 0, quoted);
}

}  // namespace nal::embedded::test

// The way to a peer, and the size of what fits through it.
#include <algorithm>

#include "backends/embedded/tcp/tcp.hpp"

namespace nal::embedded {

namespace {

constexpr std::uint16_t kIpv4Overhead = 40;  ///< IP and TCP headers without options
constexpr std::uint16_t kIpv6Overhead = 60;
constexpr std::uint16_t kIpv4SmallMtu = 576;
constexpr std::uint16_t kIpv6MinMtu = 1280;

}  // namespace

void Tcp::take_route(Connection& c, const Route& route) noexcept {
  const Network::OffloadSupport device = network_.offload(route.interface);
  c.next_hop = route.next_hop;
  c.route_interface = route.interface;
  c.route_neighbor = route.neighbor;
  c.route_version = static_cast<std::uint16_t>(network_.routes_version());
  c.device_sums = device.checksum;
  c.device_cuts = device.max_segmentation_size != 0;
}

/// Asks again for a way that may have changed. False while there is none: what was to be sent is lost, and sent again
/// when the timer says so.
bool Tcp::refresh_route(Connection& c) noexcept {
  if (c.route_version == static_cast<std::uint16_t>(network_.routes_version())) { return true; }
  const Result<Route> route = network_.route(c.key.remote, c.key.local, c.key.interface);
  if (!route) {
    c.soft_error = route.error();
    return false;
  }
  take_route(c, *route);
  if (route->mtu != c.route_mtu) { set_mtu(c, route->mtu); }
  return true;
}

/// RFC 9293 §3.7.1: what the path and the peer take, options included.
void Tcp::set_mtu(Connection& c, std::uint16_t mtu) noexcept {
  const bool v4 = c.key.remote.is_v4();
  c.route_mtu = mtu;
  if (c.small_segments) { mtu = std::min(mtu, v4 ? kIpv4SmallMtu : kIpv6MinMtu); }
  const std::uint16_t overhead = v4 ? kIpv4Overhead : kIpv6Overhead;
  const std::uint16_t fits = mtu > overhead ? static_cast<std::uint16_t>(mtu - overhead) : std::uint16_t{0};
  // Something must fit beside the options, whatever anybody says (SACK panic's "MSS of 8").
  c.mss = std::max<std::uint16_t>(std::min(fits, c.peer_mss), 88);
}

/// Large segments get lost again and again, small ones may get through: RFC 8899 §4.3, RFC 2923 §2.1.
void Tcp::suspect_black_hole(Connection& c) noexcept {
  if (c.small_segments ||
      c.mss <= (c.key.remote.is_v4() ? kIpv4SmallMtu - kIpv4Overhead : kIpv6MinMtu - kIpv6Overhead)) {
    return;
  }
  c.small_segments = true;
  set_mtu(c, c.route_mtu);
}

bool Tcp::delivery_error(const DeliveryError& error, Instant now) noexcept {
  advance_clock(now);
  // Ports and sequence number: the eight bytes that every ICMP error brings (RFC 792).
  if (error.transport.size() < 8) { return false; }
  const FlowKey key = FlowKey::of(error.local, wire::load_be16(&error.transport[wire::kTcpSourcePort]), error.remote,
                                  wire::load_be16(&error.transport[wire::kTcpDestinationPort]), error.interface);
  const FlowIndex index = find_flow(key);
  if (index == kNoFlow || index >= memory_.connections.size()) { return false; }
  Connection& c = memory_.connections[index];
  // RFC 5927 §4.1: about something that is under way, or it is made up.
  const SeqNumber seq(wire::load_be32(&error.transport[wire::kTcpSequence]));
  const bool handshake = c.state == TcpState::syn_sent || c.state == TcpState::syn_received;
  if (seq < c.snd_una || (handshake ? seq >= c.snd_nxt : seq > c.snd_nxt)) { return false; }

  if (error.error == Error::message_size) {
    const std::uint16_t before = c.mss;
    if (error.mtu >= c.route_mtu) { return true; }
    set_mtu(c, error.mtu);
    c.route_version = static_cast<std::uint16_t>(network_.routes_version());
    if (c.mss < before && c.synchronized()) {
      // Too large, not lost to congestion: sent again in smaller pieces at once (RFC 1191 §6.4).
      c.sent.mark_all_lost(c.snd_una);
      make_ready(c);
    }
    return true;
  }
  // RFC 1122 §4.2.3.9, RFC 5927 §5.2: only a connection that is not made yet dies of it.
  if (c.state == TcpState::syn_sent && (error.hard || c.backoff != 0)) {
    fail(c, error.error);
  } else {
    c.soft_error = error.error;
  }
  return true;
}

}  // namespace nal::embedded

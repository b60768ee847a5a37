// Where connections are waited for (RFC 9293 §3.10.7.2), and those that wait to be accepted.
#include <utility>

#include "backends/embedded/tcp/tcp.hpp"

namespace nal::embedded {

namespace flag = wire::tcp_flag;

Result<TcpListener> Tcp::listen(const Endpoint& local, const ListenOptions& options) noexcept {
  if constexpr (!features::kTcpListener) { return Unexpected(Error::not_supported); }
  ListenerEntry wanted;
  wanted.local = Address(local.address);
  wanted.port = local.port;
  wanted.family = local.address.family();
  wanted.any = local.address.is_unspecified();
  wanted.share = options.share_port;
  if (local.address.is_v6()) { wanted.interface = interface_index(local.address.v6().zone()); }
  if (options.accepted.hop_limit == std::uint8_t{0} || options.accepted.ring_class >= memory_.classes.size() ||
      options.backlog == 0) {
    return Unexpected(Error::invalid_argument);
  }
  if (!wanted.any && (wanted.local.is_multicast() || !network_.is_local(wanted.local, wanted.interface))) {
    return Unexpected(Error::address_not_available);
  }
  if ((wanted.family == Family::v4 && !features::kIpv4) || (wanted.family == Family::v6 && !features::kIpv6)) {
    return Unexpected(Error::address_not_available);
  }
  if (wanted.port == 0) {
    NAL_TRY_SET(wanted.port, pick_listen_port(wanted));
  } else if (listener_conflict(wanted)) {
    return Unexpected(Error::address_in_use);
  }
  for (std::size_t i = 0; i < memory_.listeners.size(); ++i) {
    ListenerEntry& listener = memory_.listeners[i];
    if (listener.port != 0) { continue; }
    listener.local = wanted.local;
    listener.port = wanted.port;
    listener.interface = wanted.interface;
    listener.family = wanted.family;
    listener.any = wanted.any;
    listener.share = wanted.share;
    listener.backlog = options.backlog;
    listener.options = options.accepted;
    if constexpr (!features::kFewSockets) {
      listener.hash_next = std::exchange(listener_bucket(listener.port), static_cast<FlowIndex>(i));
    }
    return TcpListener(*this, static_cast<std::uint16_t>(i), listener.generation);
  }
  return Unexpected(Error::table_full);
}

/// Those who wait are refused, and so is who comes.
void Tcp::drop(ListenerEntry& listener) noexcept {
  const auto index = static_cast<std::uint16_t>(&listener - memory_.listeners.data());
  while (listener.first != kNoFlow) {
    Connection& c = memory_.connections[listener.first];
    leave_backlog(c);
    abort(c);
  }
  for (SynEntry& entry : memory_.handshakes) {
    if (entry.listener == index) { release(entry); }
  }
  if constexpr (!features::kFewSockets) {
    FlowIndex* link = &listener_bucket(listener.port);
    while (*link != index) { link = hash_link(memory_.listeners[*link]); }
    *link = listener.hash_next;
  }
  ++listener.generation;
  listener.port = 0;
  listener.cookies = false;
  listener.options = {};
  listener.acceptable.wake_all();
}

/// The one that was bound most closely; of several that share, by chance.
ListenerEntry* Tcp::find_listener(const FlowKey& key) noexcept {
  ListenerEntry* best = nullptr;
  unsigned best_rank = 0;
  std::uint32_t equals = 0;
  each_listener(key.local_port, [&](ListenerEntry& listener) {
    if (listener.family != key.local.family() || (!listener.any && listener.local != key.local)) { return; }
    if (listener.interface != 0 && key.interface != 0 && listener.interface != key.interface) { return; }
    const unsigned rank = listener.any ? 1 : 2;
    if (rank < best_rank) { return; }
    if (rank > best_rank) { equals = 0; }
    ++equals;
    if (equals > 1 && random_.below(equals) != 0) { return; }
    best = &listener;
    best_rank = rank;
  });
  return best;
}

void Tcp::listen_in(ListenerEntry& listener, const FlowKey& key, const Segment& segment) noexcept {
  // First: a reset; second: an acknowledgement, of nothing that was ever sent unless it was a cookie.
  if (segment.has(flag::rst)) { return; }
  if (segment.has(flag::ack)) {
    if (!segment.has(flag::syn) && take_cookie(listener, key, segment)) { return; }
    return reset_stranger(key, segment);
  }
  // Third: a SYN; nothing else is of meaning. LAND: nobody connects to itself by the same port.
  if (!segment.has(flag::syn) || segment.has(flag::fin)) { return; }
  if (key.local == key.remote && key.local_port == key.remote_port) { return; }
  // Nobody accepts: a peer that asks again later finds room then.
  if (listener.waiting >= listener.backlog) {
    ++counters_.syns_dropped;
    return;
  }
  const Handshake agreed = offered(key, segment);
  SynEntry* const entry = take_handshake();
  if (!entry) {
    if constexpr (features::kTcpSynCookies) {
      if (tuning_.syn_cookies) { return send_cookie(listener, key, agreed); }
    }
    ++counters_.syns_dropped;
    return;
  }
  entry->key = key;
  static_cast<Handshake&>(*entry) = agreed;
  entry->listener = static_cast<std::uint16_t>(&listener - memory_.listeners.data());
  link_flow(index_of(*entry));
  try_syn_ack(*entry);
}

/// What a SYN asks for and we can have; our own first number.
Handshake Tcp::offered(const FlowKey& key, const Segment& segment) noexcept {
  Handshake agreed;
  agreed.irs = segment.seq;
  agreed.iss = initial_sequence(key);
  if (iss_above_known_) {
    iss_above_known_ = false;
    // RFC 6191 §2: ahead of all that the connection before may still have under way.
    if (agreed.iss <= iss_above_) { agreed.iss = iss_above_ + 0x10000; }
  }
  // RFC 9293 §3.7.1: 536 over IPv4 and 1220 over IPv6 unless told.
  agreed.peer_mss =
      segment.options.mss != 0 ? segment.options.mss : static_cast<std::uint16_t>(key.remote.is_v4() ? 536 : 1220);
  agreed.window = segment.window;
  if (features::kTcpWindowScale && tuning_.window_scale) { agreed.peer_scale = segment.options.window_scale; }
  agreed.sack = features::kTcpSack && tuning_.sack && segment.options.sack_permitted;
  if (features::kTcpTimestamps && tuning_.timestamps && segment.options.timestamps) {
    agreed.timestamps = true;
    agreed.ts_recent = segment.options.tsval;
    agreed.ts_offset = timestamp_offset(key);
  }
  agreed.ecn = features::kTcpEcn && tuning_.ecn && segment.has(flag::ece) && segment.has(flag::cwr);
  return agreed;
}

}  // namespace nal::embedded

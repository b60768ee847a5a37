// Beginnings and ends of connections.
#include "backends/embedded/tcp/tcp.hpp"

namespace nal::embedded {

namespace flag = wire::tcp_flag;

namespace {

std::uint16_t whole_seconds(Duration duration) noexcept {
  const std::int64_t n = duration.seconds();
  return static_cast<std::uint16_t>(n < 1 ? 1 : n > 0xffff ? 0xffff : n);
}

}  // namespace

void Tcp::configure(Connection& c, const TcpOptions& options) noexcept {
  if (options.no_delay) { c.no_delay = *options.no_delay; }
  if constexpr (features::kTcpKeepAlive) {
    if (options.keep_alive) {
      const KeepAlive& given = *options.keep_alive;
      c.keep_alive = given.enabled;
      c.keep_alive_idle = whole_seconds(given.idle);
      c.keep_alive_interval = whole_seconds(given.interval);
      c.keep_alive_probes = given.probes == 0 ? std::uint8_t{1} : given.probes;
      c.keep_alive_sent = 0;
    }
  }
  if (options.user_timeout) { c.user_timeout = whole_seconds(*options.user_timeout); }
  if (options.hop_limit) { c.hop_limit = *options.hop_limit; }
  // The last two bits are ECN's.
  if (options.traffic_class) { c.traffic_class = *options.traffic_class & 0xfc; }
}

Result<TcpStream> Tcp::start_tcp_from(const Endpoint& local, const Endpoint& remote,
                                      const TcpOptions& options) noexcept {
  const Address address(remote.address);
  if (remote.port == 0 || local.address.family() != remote.address.family() || address.is_unspecified() ||
      address.is_multicast() || options.hop_limit == std::uint8_t{0} || options.ring_class >= memory_.classes.size()) {
    return Unexpected(Error::invalid_argument);
  }
  const std::uint32_t zone = remote.address.is_v6() ? remote.address.v6().zone() : 0;
  NAL_TRY_SET(const Route route, network_.route(address, Address(local.address), interface_index(zone)));
  if (route.broadcast) { return Unexpected(Error::invalid_argument); }
  FlowKey key = FlowKey::of(route.source, local.port, address, remote.port, route.interface);
  if (key.local_port != 0) {
    NAL_TRY(claim_port(key));
  } else {
    NAL_TRY_SET(key.local_port, pick_port(key));
  }
  NAL_TRY_SET(Connection* const taken, take_connection());
  Connection& c = *taken;
  c.state = TcpState::syn_sent;
  c.owner = TcpOwner::handle;
  c.key = key;
  if (!lend_rings(c, options.ring_class)) {
    c.key = {};
    release(c);
    return Unexpected(Error::no_memory);
  }
  configure(c, options);
  link_flow(index_of(c));
  take_route(c, route);
  set_mtu(c, route.mtu);
  c.sack = features::kTcpSack && tuning_.sack;
  c.timestamps = features::kTcpTimestamps && tuning_.timestamps;
  c.ecn = features::kTcpEcn && tuning_.ecn;
  c.rcv_scale = scale_for(options.ring_class);
  c.ts_offset = timestamp_offset(key);
  c.snd_una = initial_sequence(key);
  c.snd_nxt = c.snd_una + 1;
  c.syn_due = true;
  kick(c);
  return TcpStream(*this, index_of(c), c.generation);
}

/// What the handshake agreed on; the rings are there.
void Tcp::begin(Connection& c, const Handshake& agreed) noexcept {
  c.peer_mss = agreed.peer_mss;
  c.sack = agreed.sack;
  c.timestamps = agreed.timestamps;
  c.ecn = agreed.ecn;
  c.ts_recent = agreed.ts_recent;
  c.ts_offset = agreed.ts_offset;
  if (agreed.peer_scale == 0xff) {
    c.snd_scale = c.rcv_scale = 0;
  } else {
    c.snd_scale = agreed.peer_scale;
    c.rcv_scale = scale_for(c.ring_class);
  }
  c.rcv_nxt = agreed.irs + 1;
  c.last_ack_sent = c.rcv_nxt;
  // What our SYN says of the window is not scaled.
  c.rcv_adv = c.rcv_nxt + std::min<std::uint32_t>(c.receive_room(), 0xffff);
  c.quick_acks = 8;
  set_mtu(c, c.route_mtu);
  c.rcv_mss = 536;
}

/// The handshake is done: the window of the peer is known.
void Tcp::establish(Connection& c) noexcept {
  c.state = TcpState::established;
  c.timer = TcpTimer::none;
  c.backoff = 0;
  c.syn_due = false;
  c.soft_error = Error{};
  c.congestion.start(c.mss, c.slow_syn);
  c.recover = c.snd_una - 1;
  c.heard_at = c.progress_at = now_ms_;
  c.writable.wake_all();
}

/// It ends because of `error`; what has arrived can still be read by whoever has the handle.
void Tcp::fail(Connection& c, Error error) noexcept {
  if (c.owner != TcpOwner::handle) { return release(c); }
  finish(c);
  c.error = error;
}

/// Nothing comes or goes any more.
void Tcp::finish(Connection& c) noexcept {
  if (c.owner == TcpOwner::lingering || c.owner == TcpOwner::none) { return release(c); }
  unlink_flow(index_of(c));
  unlink_ready(c);
  if (c.deadline.linked()) { deadlines_.remove(index_of(c)); }
  c.state = TcpState::closed;
  c.timer = TcpTimer::none;
  c.ack_due = c.ack_waiting = c.syn_due = c.probe_due = c.keep_alive_due = c.linger_timer = false;
  c.wake();
}

/// The handle is gone: see "Closing is a contract" in nal/tcp.hpp.
void Tcp::drop(Connection& c) noexcept {
  switch (c.state) {
    case TcpState::free:
    case TcpState::aborting: return;
    case TcpState::closed:
    case TcpState::syn_sent: return release(c);
    case TcpState::syn_received: return abort(c);
    default: break;
  }
  if (c.rx_unread != 0 || !c.early.empty()) { return abort(c); }
  if (!c.fin_queued) {
    c.fin_queued = true;
    if (c.state == TcpState::established) { c.state = TcpState::fin_wait_1; }
    if (c.state == TcpState::close_wait) { c.state = TcpState::last_ack; }
  }
  c.owner = TcpOwner::lingering;
  c.wake();
  push(lingering_.first, lingering_.last, c);
  c.linger_timer = true;
  c.ack_due = c.ack_due || c.ack_waiting;
  c.ack_waiting = false;
  c.ack_at = now_ms_ + limits_.linger;
  kick(c);
}

/// Ends it with a reset; its slot and rings are free for others at once.
void Tcp::abort(Connection& c) noexcept {
  const bool tell = c.state == TcpState::syn_received ||
                    (c.synchronized() && c.state != TcpState::last_ack && c.state != TcpState::closing);
  // RFC 9293 §3.10.5: in the last two there is nobody to tell, unless data are still under way.
  if (!tell && !(c.synchronized() && c.tx_size != 0)) { return release(c); }
  if (network_.can_send(c.route_interface)) {
    reset_peer(c);
    return release(c);
  }
  // The network has no room: the reset is all that it keeps the slot for.
  leave_backlog(c);
  leave_lingering(c);
  const SeqNumber seq = acceptable_seq(c);
  c.wake();
  unlink_flow(index_of(c));
  if (c.deadline.linked()) { deadlines_.remove(index_of(c)); }
  return_rings(c);
  c.snd_una = c.snd_nxt = seq;
  c.state = TcpState::aborting;
  c.timer = TcpTimer::none;
  c.ack_waiting = c.linger_timer = false;
  c.owner = TcpOwner::lingering;
  ++c.generation;
  ++aborting_;
  push(lingering_.first, lingering_.last, c);
  kick(c);
}

void Tcp::reset_peer(Connection& c) noexcept {
  if (c.state == TcpState::closed || c.state == TcpState::syn_sent || c.state == TcpState::free) { return; }
  ++counters_.resets_out;
  send_reply({c.key, acceptable_seq(c), c.rcv_nxt, flag::rst | flag::ack, 0, c.hop_limit, c.traffic_class}, {});
}

void Tcp::leave_backlog(Connection& c) noexcept {
  if (!features::kTcpListener || c.owner != TcpOwner::backlog) { return; }
  ListenerEntry& listener = memory_.listeners[c.listener];
  unlink(listener.first, listener.last, c);
  --listener.waiting;
  c.listener = kNoFlow;
  c.owner = TcpOwner::none;
}

void Tcp::leave_lingering(Connection& c) noexcept {
  if (c.owner != TcpOwner::lingering) { return; }
  unlink(lingering_.first, lingering_.last, c);
  c.owner = TcpOwner::none;
}

}  // namespace nal::embedded

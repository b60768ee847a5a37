#pragma once
// Steps that several files take, some of them with every segment: short enough to be taken in place.
#include <algorithm>

#include "backends/embedded/tcp/tcp.hpp"

namespace nal::embedded {

inline constexpr std::uint8_t kTcpMaxBackoff = 16;
/// RFC 8985 §7.2: what a peer may wait with the acknowledgement of a single segment.
inline constexpr std::uint32_t kTcpMaxAckDelay = 200;
/// However short the path: a peer whose processor is busy for a moment has lost nothing.
inline constexpr std::uint32_t kTcpMinProbeTimeout = 10;

inline std::uint32_t Tcp::rto(const Connection& c) const noexcept {
  const std::uint32_t base = c.rtt.rto(limits_.min_rto, c.slow_syn);
  if (c.backoff == 0) { return base; }
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(std::uint64_t{base} << std::min(c.backoff, kTcpMaxBackoff), RttEstimator::kMaxRto));
}

/// RFC 8985 §7.2: after how many milliseconds of silence a probe can tell more than a time-out; 0: it cannot.
inline std::uint32_t Tcp::probe_timeout(const Connection& c) const noexcept {
  if (!uses_rack(c) || c.recovery != TcpRecovery::open || c.tlp_sent || c.sent.sacked() != 0 || c.snd_wnd == 0 ||
      c.backoff != 0 || !c.rtt.known()) {
    return 0;
  }
  const std::uint32_t two_round_trips = 2 * (c.rtt.srtt() / 1000) + 2;
  return std::max(two_round_trips, kTcpMinProbeTimeout) + (c.flight() <= c.mss ? kTcpMaxAckDelay : 0);
}

/// RFC 6298 §5.1 to §5.3, or the probe before.
inline void Tcp::arm_retransmit(Connection& c) noexcept {
  if (c.flight() == 0) {
    c.timer = TcpTimer::none;
    return;
  }
  const std::uint32_t timeout = rto(c);
  const std::uint32_t probe = probe_timeout(c);
  probe != 0 && probe < timeout ? arm(c, TcpTimer::tlp, probe) : arm(c, TcpTimer::rto, timeout);
}

/// Something new has gone out. A time-out that runs goes on (RFC 6298 §5.1), but a probe may now come before it: the
/// first segment of a flight waits for an acknowledgement that may be delayed, the second does not.
inline void Tcp::arm_after_sending(Connection& c) noexcept {
  if (c.timer != TcpTimer::rto) {
    if (c.timer != TcpTimer::reorder) { arm_retransmit(c); }
    return;
  }
  const std::uint32_t probe = probe_timeout(c);
  if (probe != 0 && earlier(now_ms_ + probe, c.timer_at)) { arm(c, TcpTimer::tlp, probe); }
}

/// RFC 8985 §6.2 steps 1 to 3.
inline void Tcp::rack_update(Connection& c, bool echo, std::uint32_t tsecr,
                             const Scoreboard::Delivered& delivered) noexcept {
  if (delivered.reordered) { c.reordering = true; }
  const std::uint32_t rtt = std::max<std::uint32_t>(now_us_ - delivered.newest_sent, 1);
  if (delivered.newest_retransmitted) {
    // It may be the first one that is answered.
    if (c.timestamps && echo && earlier(tsecr - c.ts_offset, now_ms_ - rtt / 1000 - 1)) { return; }
    if (rtt < c.rtt.min_rtt()) { return; }
  }
  c.rack_rtt = rtt;
  if (c.rack_sent == 0 || earlier(c.rack_sent, delivered.newest_sent) ||
      (c.rack_sent == delivered.newest_sent && c.rack_end < delivered.newest_end)) {
    c.rack_sent = delivered.newest_sent;
    c.rack_end = delivered.newest_end;
  }
}

/// RFC 5681 §3.1; RFC 9438 §5.8: only who uses the window, with `flight` under way, gets more of it.
inline void Tcp::grow(Connection& c, std::uint32_t acked, std::uint32_t flight) noexcept {
  if (c.recovery == TcpRecovery::loss || flight + c.mss > c.congestion.window() ||
      (c.congestion.slow_start() && 2 * flight > c.congestion.window())) {
    c.congestion.on_ack(acked, c.mss, now_ms_, c.rtt.srtt() / 1000, tuning_.cubic);
  }
}

/// RFC 9293 §3.8.6.3, RFC 5681 §4.2: at once for the second full segment, else in a while.
inline void Tcp::acknowledge_later(Connection& c, std::uint32_t bytes) noexcept {
  // The largest that came is what the peer calls full; what was put together on the way is more than one.
  if (bytes > c.rcv_mss) { c.rcv_mss = static_cast<std::uint16_t>(std::min<std::uint32_t>(bytes, c.mss)); }
  const std::uint32_t unacknowledged = c.rcv_nxt - c.last_ack_sent;
  if (c.quick_acks != 0 && bytes >= c.rcv_mss) {
    --c.quick_acks;
    c.ack_due = true;
  }
  if (unacknowledged >= 2u * c.rcv_mss) { c.ack_due = true; }
  if (c.ack_due) { return make_ready(c); }
  if (!c.ack_waiting) {
    c.ack_waiting = true;
    c.ack_at = now_ms_ + limits_.delayed_ack;
  }
}

/// What of the ring's room a window may tell of. Scaling rounds each time, in the peer's favour so that the right edge
/// does not move back (RFC 9293 §3.8.6.2.2, RFC 7323 §2.4): what that adds up to before something is read is kept back.
inline std::uint32_t Tcp::window_limit(const Connection& c) noexcept {
  const std::uint32_t room = c.receive_room();
  if (c.rcv_scale == 0) { return std::min<std::uint32_t>(room, 0xffff); }
  const std::uint32_t kept = c.rx.size() / 64 + (1u << c.rcv_scale);
  return room > kept ? std::min(room - kept, std::uint32_t{0xffff} << c.rcv_scale) : 0;
}

/// The window as it goes into a header, and `rcv_adv` with it. Its right edge moves on by a worthwhile step only.
inline std::uint16_t Tcp::window_field(Connection& c) noexcept {
  const std::uint32_t unit = 1u << c.rcv_scale;
  const std::uint32_t free = window_limit(c);
  std::uint32_t window = c.rcv_adv > c.rcv_nxt ? c.rcv_adv - c.rcv_nxt : 0;
  const std::uint32_t step = std::min<std::uint32_t>(c.rx.size() / 2, c.mss);
  if (free >= window + step || (free > window && c.rx_unread == 0)) { window = free; }
  std::uint32_t field = std::min<std::uint32_t>((window + unit - 1) >> c.rcv_scale, 0xffff);
  // Never more than there is.
  if (field << c.rcv_scale > c.receive_room()) { field = c.receive_room() >> c.rcv_scale; }
  const SeqNumber edge = c.rcv_nxt + (field << c.rcv_scale);
  if (edge > c.rcv_adv) { c.rcv_adv = edge; }
  return static_cast<std::uint16_t>(field);
}

/// Room has come: the peer is told when it is worth it and when it may be waiting for it.
inline void Tcp::after_read(Connection& c) noexcept {
  if (!c.synchronized() || c.fin_received) { return; }
  const std::uint32_t window = c.rcv_adv > c.rcv_nxt ? c.rcv_adv - c.rcv_nxt : 0;
  if (window < c.rx.size() / 2 && window_limit(c) >= window + std::min<std::uint32_t>(c.rx.size() / 2, 2u * c.mss)) {
    c.ack_due = true;
    kick(c);
  }
}

/// Whether it is looked at no later than its next deadline. One that has moved back leaves it where it was, so that it
/// is looked at once too often: a busy connection's timers move with every segment.
inline bool Tcp::in_time(const Connection& c) const noexcept {
  if (c.deadline.linked() && !(features::kTcpKeepAlive && c.keep_alive)) {
    const std::uint32_t at = c.deadline.at;
    if (c.timer != TcpTimer::none && (earlier(c.timer_at, at) || earlier(c.progress_at + patience(c), at))) {
      return false;
    }
    return !(c.ack_waiting || c.linger_timer) || !earlier(c.ack_at, at);
  }
  bool any = false;
  const std::uint32_t at = next_deadline(c, any);
  return !any || (c.deadline.linked() && !earlier(at, c.deadline.at));
}

inline void Tcp::schedule(Connection& c) noexcept {
  if (!in_time(c)) { move_deadline(c); }
}

}  // namespace nal::embedded

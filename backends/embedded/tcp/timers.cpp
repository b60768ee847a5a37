// The retransmission timer in its forms (RFC 6298, RFC 8985 §7, RFC 9293 §3.8.6.1), and giving up.
#include <algorithm>

#include "backends/embedded/tcp/tcp.hpp"

namespace nal::embedded {

namespace {

constexpr std::uint8_t kMaxBackoff = 16;
/// RFC 8985 §7.2: what a peer may wait with the acknowledgement of a single segment.
constexpr std::uint32_t kMaxAckDelay = 200;
/// However short the path: a peer whose processor is busy for a moment has lost nothing.
constexpr std::uint32_t kMinProbeTimeout = 10;

}  // namespace

std::uint32_t Tcp::rto(const Connection& c) const noexcept {
  const std::uint32_t base = c.rtt.rto(limits_.min_rto, c.slow_syn);
  if (c.backoff == 0) { return base; }
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(std::uint64_t{base} << std::min(c.backoff, kMaxBackoff), RttEstimator::kMaxRto));
}

/// RFC 8985 §7.2: after how many milliseconds of silence a probe can tell more than a time-out; 0: it cannot.
std::uint32_t Tcp::probe_timeout(const Connection& c) const noexcept {
  if (!uses_rack(c) || c.recovery != TcpRecovery::open || c.tlp_sent || c.sent.sacked() != 0 || c.snd_wnd == 0 ||
      c.backoff != 0 || !c.rtt.known()) {
    return 0;
  }
  const std::uint32_t two_round_trips = 2 * (c.rtt.srtt() / 1000) + 2;
  return std::max(two_round_trips, kMinProbeTimeout) + (c.flight() <= c.mss ? kMaxAckDelay : 0);
}

/// RFC 6298 §5.1 to §5.3, or the probe before.
void Tcp::arm_retransmit(Connection& c) noexcept {
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
void Tcp::arm_after_sending(Connection& c) noexcept {
  if (c.timer != TcpTimer::rto) {
    if (c.timer != TcpTimer::reorder) { arm_retransmit(c); }
    return;
  }
  const std::uint32_t probe = probe_timeout(c);
  if (probe != 0 && earlier(now_ms_ + probe, c.timer_at)) { arm(c, TcpTimer::tlp, probe); }
}

/// Whether it was too long.
bool Tcp::gave_up(Connection& c) noexcept {
  if (!due(c.progress_at + patience(c))) { return false; }
  reset_peer(c);
  fail(c, c.soft_error == Error{} ? Error::timed_out : c.soft_error);
  return true;
}

void Tcp::on_timer(Connection& c) noexcept {
  if (gave_up(c) || !due(c.timer_at)) { return; }
  switch (c.timer) {
    case TcpTimer::none: return;
    case TcpTimer::rto: return on_rto(c);
    case TcpTimer::tlp:
      if constexpr (features::kTcpRackTlp) {
        c.timer = TcpTimer::none;
        c.probe_due = c.flight() != 0;
      }
      break;
    case TcpTimer::reorder:
      if constexpr (features::kTcpRackTlp) {
        arm(c, TcpTimer::rto, rto(c));
        if (rack_detect(c)) { enter_recovery(c); }
      }
      break;
    case TcpTimer::persist:
      c.timer = TcpTimer::none;
      c.probe_due = true;
      if (c.backoff < kMaxBackoff) { ++c.backoff; }
      break;
  }
  make_ready(c);
}

/// RFC 6298 §5.4 to §5.7, RFC 5681 §3.1.
void Tcp::on_rto(Connection& c) noexcept {
  ++counters_.timeouts;
  if (c.state == TcpState::syn_sent || c.state == TcpState::syn_received) {
    // The network has told why nobody answers (RFC 5461 §4.1).
    if (c.state == TcpState::syn_sent && c.soft_error != Error{}) { return fail(c, c.soft_error); }
    c.slow_syn = true;
    c.syn_due = true;
  } else if (c.flight() != 0 && c.snd_wnd == 0) {
    c.probe_due = true;
  } else if (c.flight() != 0) {
    if (c.backoff == 2) { suspect_black_hole(c); }
    // Only the first of several in a row is news (RFC 5681: "the value of ssthresh is held constant").
    if (c.backoff == 0 && c.recovery != TcpRecovery::loss) { c.congestion.reduce(c.flight(), c.mss, tuning_.cubic); }
    if (c.sent.first_is_sacked()) { c.sent.forget_sacked(); }
    c.sent.mark_all_lost(c.snd_una);
    c.duplicates = 0;
    c.congestion.on_timeout(c.mss);
    c.recovery = TcpRecovery::loss;
    c.recover = c.snd_nxt;
    c.tlp_sent = false;
    c.cwr_due = c.ecn;
  }
  if (c.backoff < kMaxBackoff) { ++c.backoff; }
  arm(c, TcpTimer::rto, rto(c));
  make_ready(c);
}

}  // namespace nal::embedded

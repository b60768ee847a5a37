// The retransmission timer in its forms (RFC 6298, RFC 8985 §7, RFC 9293 §3.8.6.1), and giving up.
#include "backends/embedded/tcp/steps.hpp"

namespace nal::embedded {

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
      if (c.backoff < kTcpMaxBackoff) { ++c.backoff; }
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
  if (c.backoff < kTcpMaxBackoff) { ++c.backoff; }
  arm(c, TcpTimer::rto, rto(c));
  make_ready(c);
}

}  // namespace nal::embedded

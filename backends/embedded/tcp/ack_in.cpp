// What the peer has: acknowledgements, cumulative and selective, the window, the round-trip time.
#include <algorithm>

#include "backends/embedded/tcp/steps.hpp"

namespace nal::embedded {

namespace flag = wire::tcp_flag;

/// The fifth step of RFC 9293 §3.10.7.4, from ESTABLISHED on. The acknowledgement is of something sent.
void Tcp::on_ack(Connection& c, const Segment& segment) noexcept {
  // Nothing is under way: data come, and their acknowledgement tells nothing but the window.
  if (segment.ack == c.snd_una && c.snd_una == c.snd_nxt) {
    update_window(c, segment.seq, segment.ack, segment.window, false);
    if (c.snd_nxt < c.data_end()) { make_ready(c); }
    return;
  }
  const SeqNumber una = c.snd_una;
  const std::uint32_t flight = c.flight();
  const std::uint32_t held = c.sent.sacked() + c.duplicates * std::uint32_t{c.mss};
  const bool forward = segment.ack > una;
  Scoreboard::Delivered delivered;
  if (forward) { take_acknowledged(c, segment.ack, delivered); }
  const bool dsack = take_sack(c, segment, delivered);
  const bool window_changed = update_window(c, segment.seq, segment.ack, segment.window, forward);
  // A peer that answers probes of its closed window lives (RFC 9293 §3.8.6.1).
  if (c.snd_wnd == 0) { c.progress_at = now_ms_; }
  // RFC 5681 §2: what a duplicate acknowledgement is, where the peer tells no more.
  if (!forward && !(features::kTcpSack && c.sack) && segment.ack == c.snd_una && c.flight() != 0 &&
      segment.length() == 0 && !window_changed && c.snd_wnd != 0 && c.duplicates < 0xff) {
    ++c.duplicates;
  }
  const bool echo = segment.options.timestamps;
  sample_rtt(c, echo, segment.options.tsecr, delivered);
  if constexpr (features::kTcpEcn) {
    if (c.ecn && segment.has(flag::ece)) { on_congestion_told(c); }
  }
  if (uses_rack(c)) {
    if (dsack) { rack_adapt(c); }
    if (delivered.any) { rack_update(c, echo, segment.options.tsecr, delivered); }
  }

  const std::uint32_t holds = c.sent.sacked() + c.duplicates * std::uint32_t{c.mss};
  const std::uint32_t acked = c.snd_una - una;
  // RFC 6937: what this acknowledgement tells to have left the network.
  const std::uint32_t arrived = acked + holds > held ? acked + holds - held : 0;
  const bool ended = c.recovery != TcpRecovery::open && c.snd_una >= c.recover;
  if (ended) {
    if (c.recovery == TcpRecovery::fast) { c.congestion.leave_recovery(); }
    c.recovery = TcpRecovery::open;
    if (c.rack_persist != 0 && --c.rack_persist == 0) { c.rack_multiplier = 1; }
  } else if (c.recovery == TcpRecovery::open && forward && c.snd_una - 1 > c.recover) {
    c.recover = c.snd_una - 1;  // does not fall behind by half the sequence space
  }
  if (forward || delivered.any || c.flight() == 0) { arm_retransmit(c); }
  const bool lost = detect_loss(c, delivered, forward && c.recovery == TcpRecovery::fast);
  switch (c.recovery) {
    case TcpRecovery::fast:
      c.congestion.in_recovery(arrived, c.pipe(), c.mss, forward && !lost);
      // RFC 6582 §3.2 steps 2 and 3: the first that was lost is sent again, and by each partial acknowledgement the
      // next.
      if (!(features::kTcpSack && c.sack) && (forward || (!features::kTcpSack && c.sent.lost() != 0))) {
        c.congestion.at_least(c.pipe() + c.mss);
      }
      break;
    case TcpRecovery::ecn: break;
    case TcpRecovery::open:
    case TcpRecovery::loss:
      if (forward && !ended) { grow(c, acked, flight); }
      break;
  }
  if (features::kTcpRackTlp && c.tlp_sent && c.snd_una >= c.recover) { end_of_probe(c, dsack); }
  if (c.sent.lost() != 0 || c.snd_nxt < c.data_end() || (c.fin_queued && !c.fin_sent())) { make_ready(c); }
  if (forward && c.fin_acknowledged) { on_fin_acknowledged(c); }
}

/// Everything up to `ack`, which is ahead of what was acknowledged before.
void Tcp::take_acknowledged(Connection& c, SeqNumber ack, Scoreboard::Delivered& delivered) noexcept {
  const std::uint32_t acked = ack - c.snd_una;
  c.sent.on_ack(c.snd_una, ack, delivered);
  const std::uint32_t data = std::min<std::uint32_t>(acked, c.tx_size);
  c.fin_acknowledged = data < acked;
  c.tx.consume(data);
  c.tx_size -= data;
  if (c.tx_size == 0) { c.tx.rewind(); }
  c.snd_una = ack;
  c.progress_at = now_ms_;
  c.backoff = 0;
  c.duplicates = 0;
  if (data != 0) { c.writable.wake_all(); }
  // RFC 4861 §7.3.1: the way there works.
  if (confirmed_ms_ != now_ms_ || confirmed_ != index_of(c)) { confirm(c); }
}

void Tcp::confirm(const Connection& c) noexcept {
  confirmed_ = index_of(c);
  confirmed_ms_ = now_ms_;
  network_.confirm_reachable(route_of(c));
}

/// RFC 2018 §4, RFC 2883 §4. Blocks are believed only as far as they tell of what is under way. Whether the first one
/// tells that something came twice.
bool Tcp::take_sack(Connection& c, const Segment& segment, Scoreboard::Delivered& delivered) noexcept {
  bool dsack = false;
  if constexpr (features::kTcpSack) {
    if (!c.sack) { return false; }
    const auto& blocks = segment.options.sack;
    for (std::size_t i = 0; i < segment.options.block_count; ++i) {
      const SeqNumber begin(blocks[i].begin);
      const SeqNumber end(blocks[i].end);
      if (begin >= end || end > c.snd_nxt) { continue; }
      if (i == 0) {
        const bool within =
            segment.options.block_count > 1 && begin >= SeqNumber(blocks[1].begin) && end <= SeqNumber(blocks[1].end);
        if (end <= c.snd_una || within) {
          dsack = true;
          continue;
        }
      }
      if (begin < c.snd_una) { continue; }
      c.sent.on_sack(c.snd_una, {begin, end}, delivered);
    }
  }
  return dsack;
}

/// RFC 6298 §3, RFC 7323 §4: never of what was sent twice, unless the peer's echo tells which was answered.
void Tcp::sample_rtt(Connection& c, bool echo, std::uint32_t tsecr, const Scoreboard::Delivered& delivered) noexcept {
  const std::uint32_t samples = c.flight() / (2u * c.mss) + 1;
  if (delivered.rtt_known && !delivered.retransmitted) {
    c.rtt.sample(now_us_ - delivered.rtt_sent, samples);
  } else if (delivered.any && c.timestamps && echo && tsecr != 0) {
    const std::uint32_t ms = now_ms_ + c.ts_offset - tsecr;
    // An echo of a sending before the last: the answer to that one was lost, and the wait in between is no round trip.
    if (ms <= (now_us_ - delivered.newest_sent) / 1000 + 1) { c.rtt.sample(ms * 1000, samples); }
  }
}

/// RFC 9293 §3.10.7.4: only by a segment that is not older than the one that told the window before.
bool Tcp::update_window(Connection& c, SeqNumber seq, SeqNumber ack, std::uint16_t field, bool forward) noexcept {
  if (ack < c.snd_una || seq < c.snd_wl1) { return false; }
  const std::uint32_t window = std::uint32_t{field} << c.snd_scale;
  // Of two with the same numbers none is known to be the older: the larger window, or that there is none, is believed.
  if (!forward && seq == c.snd_wl1 && window < c.snd_wnd && window != 0) { return false; }
  const bool changed = window != c.snd_wnd;
  const bool opened = c.snd_wnd == 0 && window != 0;
  c.snd_wl1 = seq;
  c.snd_wnd = window;
  c.max_snd_wnd = std::max<std::uint32_t>(c.max_snd_wnd, window);
  if (opened) {
    // What has been probing goes out again now, not when the timer that has backed off says so.
    c.backoff = 0;
    c.sent.mark_all_lost(c.snd_una);
    if (c.timer == TcpTimer::persist) { c.timer = TcpTimer::none; }
    arm_retransmit(c);
  } else if (c.timer == TcpTimer::persist && changed) {
    c.timer = TcpTimer::none;
  }
  return changed;
}

/// RFC 3168 §6.1.2: once a window.
void Tcp::on_congestion_told(Connection& c) noexcept {
  if (c.recovery != TcpRecovery::open || c.flight() == 0) { return; }
  c.congestion.reduce(c.flight(), c.mss, tuning_.cubic);
  c.congestion.to_threshold();
  c.recovery = TcpRecovery::ecn;
  c.recover = c.snd_nxt;
  c.cwr_due = true;
}

/// RFC 8985 §7.4.2: a probe that sent something again and was not told to have come twice has made good for a loss,
/// which counts as one.
void Tcp::end_of_probe(Connection& c, bool dsack) noexcept {
  c.tlp_sent = false;
  if (!c.tlp_again || dsack || c.recovery != TcpRecovery::open) { return; }
  c.congestion.reduce(c.congestion.window(), c.mss, tuning_.cubic);
  c.congestion.to_threshold();
}

}  // namespace nal::embedded

// What to send next: RFC 9293 §3.8.6.2.1 and §3.7.4 (silly windows, Nagle), RFC 5681 and RFC 6675 (how much).
#include <algorithm>

#include "backends/embedded/tcp/steps.hpp"

namespace nal::embedded {

/// Sends what there is to send now. False when the network had no room for all of it.
bool Tcp::transmit_any(Connection& c) noexcept {
  if (c.state == TcpState::aborting) {
    if (!network_.can_send(c.route_interface)) { return false; }
    reset_peer(c);
    release(c);
    return true;
  }
  if (c.state == TcpState::free || c.state == TcpState::closed) { return true; }
  if (!refresh_route(c)) {
    // Nothing goes anywhere; the timer asks again.
    c.ack_due = false;
    if (c.timer == TcpTimer::none && (c.syn_due || c.flight() != 0 || c.data_end() > c.snd_nxt)) {
      c.progress_at = now_ms_;
      arm(c, TcpTimer::rto, rto(c));
    }
    return true;
  }
  if (c.state == TcpState::syn_sent || c.state == TcpState::syn_received) {
    if (c.syn_due && send_syn(c) == Sent::blocked) { return false; }
    return true;
  }
  const SeqNumber before = c.snd_nxt;
  Sent sent{};
  do { sent = send_next(c); } while (sent == Sent::segment);
  if (c.snd_nxt != before) { arm_after_sending(c); }
  if (sent == Sent::blocked) { return false; }
  if (features::kTcpKeepAlive && c.keep_alive_due) {
    ++counters_.probes;
    // RFC 9293 §3.8.4: a number that the peer has had, so that it answers.
    if (send_ack(c, c.snd_nxt - 1) == Sent::blocked) { return false; }
    c.keep_alive_due = false;
  }
  if (c.ack_due && send_ack(c, acceptable_seq(c)) == Sent::blocked) { return false; }
  // Something waits, nothing is under way whose acknowledgement would tell of a larger window.
  if (c.timer == TcpTimer::none && c.snd_nxt < c.data_end()) {
    c.progress_at = now_ms_;
    arm(c, TcpTimer::persist, rto(c));
  }
  return true;
}

Tcp::Sent Tcp::send_next(Connection& c) noexcept {
  if (c.probe_due) { return send_probe(c); }
  if (c.sent.lost() != 0) {
    const Sent sent = send_lost(c);
    if (sent != Sent::nothing) { return sent; }
  }
  return send_new(c);
}

/// How much new data the peer's window takes.
std::uint32_t Tcp::window_room(const Connection& c) const noexcept {
  const SeqNumber edge = c.snd_una + c.snd_wnd;
  return edge > c.snd_nxt ? edge - c.snd_nxt : 0;
}

/// Payload of the largest segment now, beside its options.
std::uint32_t Tcp::payload_limit(const Connection& c) const noexcept {
  return tells_ranges(c) ? c.mss - static_cast<std::uint32_t>(segment_options(c).size()) : c.segment_size();
}

/// The front of a range that was sent before, as one segment.
Tcp::Piece Tcp::piece_of(const Connection& c, Scoreboard::Range range, std::uint32_t largest) const noexcept {
  const SeqNumber data_end = min(range.end, c.data_end());
  const std::uint32_t payload = std::min(data_end > range.begin ? data_end - range.begin : 0, largest);
  return {range.begin, payload, range.begin + payload == c.data_end() && range.end > c.data_end(), true};
}

Tcp::Sent Tcp::send_lost(Connection& c) noexcept {
  const Scoreboard::Range range = c.sent.next_lost(c.snd_una);
  // A closed window is probed by the timer, a byte at a time.
  if (range.empty() || c.snd_wnd == 0) { return Sent::nothing; }
  const Piece piece = piece_of(c, range, payload_limit(c));
  const std::uint32_t size = piece.payload + (piece.fin ? 1 : 0);
  if (c.pipe() != 0 && c.pipe() + size > c.congestion.window()) { return Sent::nothing; }
  const Sent sent = send_piece(c, piece);
  if (sent != Sent::segment) { return sent; }
  ++counters_.retransmitted;
  c.sent.on_retransmitted(c.snd_una, {piece.begin, piece.begin + size}, now_us_);
  if (c.recovery == TcpRecovery::fast) { c.congestion.sent_in_recovery(size); }
  if (c.timer == TcpTimer::none || c.timer == TcpTimer::tlp) { arm(c, TcpTimer::rto, rto(c)); }
  return sent;
}

Tcp::Sent Tcp::send_new(Connection& c) noexcept {
  if (c.fin_sent()) { return Sent::nothing; }
  const std::uint32_t waiting = c.data_end() - c.snd_nxt;
  if (waiting == 0) { return c.fin_queued ? send_first_time(c, 0, true) : Sent::nothing; }
  // RFC 5681 §4.1
  const std::uint32_t silent = now_ms_ - c.heard_at;
  if (silent > limits_.min_rto && c.flight() == 0 && silent > rto(c)) { c.congestion.on_idle(c.mss); }

  const std::uint32_t full = payload_limit(c);
  const std::uint32_t room = window_room(c);
  const std::uint32_t pipe = c.pipe();
  std::uint32_t allowed = c.congestion.window() > pipe ? c.congestion.window() - pipe : 0;
  // An empty pipe always takes a segment, or it would stay empty.
  if (pipe == 0) { allowed = std::max(allowed, full); }
  std::uint32_t size = std::min(waiting, room);
  if (size == 0) { return Sent::nothing; }
  if (size >= full) {
    if (allowed < full) { return Sent::nothing; }
    size = std::min(size, allowed);
    // Whole segments; the rest follows when it is all that is left.
    const std::uint32_t most =
        features::kOffload && c.device_cuts ? network_.offload(c.route_interface).max_segmentation_size : 0;
    size = most < 2 * full || size < 2 * full ? full : std::min(size, most) / full * full;
  } else {
    // RFC 9293 §3.8.6.2.1: all there is (if Nagle lets it), or half of the largest window that the peer ever had.
    const bool all = size == waiting;
    if (all ? !c.no_delay && c.flight() != 0 && !c.fin_queued : size < c.max_snd_wnd / 2) { return Sent::nothing; }
    if (allowed < size) { return Sent::nothing; }
  }
  return send_first_time(c, size, c.fin_queued && size == waiting);
}

Tcp::Sent Tcp::send_first_time(Connection& c, std::uint32_t payload, bool fin) noexcept {
  const SeqNumber begin = c.snd_nxt;
  const Sent sent = send_piece(c, {begin, payload, fin, false});
  if (sent != Sent::segment) { return sent; }
  const std::uint32_t size = payload + (fin ? 1 : 0);
  if (c.flight() == 0) { c.progress_at = now_ms_; }
  c.snd_nxt += size;
  c.sent.on_sent(begin, c.snd_nxt, now_us_);
  if (c.recovery == TcpRecovery::fast) { c.congestion.sent_in_recovery(size); }
  return sent;
}

/// One segment that the timer asks for, whatever the windows say.
Tcp::Sent Tcp::send_probe(Connection& c) noexcept {
  const Sent sent =
      !features::kTcpRackTlp || c.snd_wnd == 0 || c.flight() == 0 ? send_window_probe(c) : send_tail_probe(c);
  if (sent == Sent::blocked) { return sent; }
  c.probe_due = false;
  if (sent == Sent::segment) { ++counters_.probes; }
  if (c.flight() != 0) { arm(c, TcpTimer::rto, rto(c)); }
  return sent;
}

/// RFC 9293 §3.8.6.1: a byte at least. It is sent like any other, and counts: the peer may take it.
Tcp::Sent Tcp::send_window_probe(Connection& c) noexcept {
  if (c.flight() != 0) {
    const Sent sent = send_piece(c, piece_of(c, {c.snd_una, c.snd_nxt}, 1));
    if (sent == Sent::segment) { c.sent.touch_first(); }
    return sent;
  }
  const std::uint32_t waiting = c.data_end() - c.snd_nxt;
  if (waiting == 0) { return Sent::nothing; }
  const std::uint32_t size = std::min({waiting, std::max<std::uint32_t>(window_room(c), 1), payload_limit(c)});
  return send_first_time(c, size, c.fin_queued && size == waiting);
}

/// RFC 8985 §7.3: new data if there are, else the last that went out.
Tcp::Sent Tcp::send_tail_probe(Connection& c) noexcept {
  const std::uint32_t waiting = c.fin_sent() ? 0 : c.data_end() - c.snd_nxt;
  const std::uint32_t fresh = std::min({waiting, window_room(c), payload_limit(c)});
  c.tlp_again = fresh == 0;
  Sent sent = Sent::nothing;
  if (fresh != 0) {
    sent = send_first_time(c, fresh, c.fin_queued && fresh == waiting);
  } else {
    const Scoreboard::Range range = c.sent.last(c.snd_una, payload_limit(c));
    if (range.empty()) { return Sent::nothing; }
    const Piece piece = piece_of(c, range, payload_limit(c));
    sent = send_piece(c, piece);
    if (sent == Sent::segment) {
      ++counters_.retransmitted;
      c.sent.on_retransmitted(c.snd_una, {piece.begin, piece.begin + piece.payload + (piece.fin ? 1 : 0)}, now_us_);
    }
  }
  if (sent == Sent::segment) {
    c.tlp_sent = true;
    c.recover = c.snd_nxt;
  }
  return sent;
}

}  // namespace nal::embedded

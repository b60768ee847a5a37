// Text: its order, the window it comes through, and what is acknowledged when.
#include <algorithm>

#include "backends/embedded/tcp/tcp.hpp"

namespace nal::embedded {

namespace flag = wire::tcp_flag;

namespace {

std::uint32_t size_of(std::span<const std::byte> bytes) noexcept { return static_cast<std::uint32_t>(bytes.size()); }

}  // namespace

/// Seventh and eighth of RFC 9293 §3.10.7.4. The segment begins before the window's right edge.
void Tcp::receive(Connection& c, const Segment& segment) noexcept {
  if (c.state != TcpState::established && c.state != TcpState::fin_wait_1 && c.state != TcpState::fin_wait_2) {
    // Behind the peer's end there is nothing: it is its FIN once more, or not true.
    c.ack_due = true;
    return make_ready(c);
  }
  SeqNumber seq = segment.seq;
  std::span<const std::byte> payload = segment.payload;
  bool fin = segment.has(flag::fin);

  // What is in the window of it. The window ends where it was said to, and where the peer has ended.
  if (seq < c.rcv_nxt) {
    const std::uint32_t old = std::min(c.rcv_nxt - seq, size_of(payload));
    came_twice(c, seq, old);  // RFC 2883 §4.1
    payload = payload.subspan(old);
    seq += old;
    c.ack_due = true;
    if (seq < c.rcv_nxt) { return make_ready(c); }
  }
  SeqNumber edge = max(c.rcv_nxt, min(c.rcv_adv, c.rcv_nxt + c.receive_room()));
  if (c.fin_early && c.fin_at < edge) { edge = c.fin_at; }
  if (seq + size_of(payload) > edge) {
    // A FIN behind what was cut off would end the stream too early.
    payload = payload.first(edge < seq ? 0 : edge - seq);
    fin = false;
    c.ack_due = true;
    make_ready(c);
  }
  const SeqNumber end = seq + size_of(payload);
  if (fin) {
    // An end before what is already here, or elsewhere than said before, is not true.
    bool beyond = c.fin_early && c.fin_at != end;
    for (std::size_t i = 0; i < c.early.count(); ++i) { beyond = beyond || SeqNumber(c.early[i].end) > end; }
    if (!beyond) {
      c.fin_early = true;
      c.fin_at = end;
    }
  }
  if (!payload.empty() && c.owner == TcpOwner::lingering) {
    // Nobody will read it, and the peer must not think that somebody did.
    reset_peer(c);
    return release(c);
  }

  const bool had_gap = !c.early.empty();
  if (seq == c.rcv_nxt) {
    if (!payload.empty()) {
      if (!features::kFastPaths || !segment.in_place) { c.rx.put(c.rx_unread, payload); }
      const SeqNumber before = c.rcv_nxt;
      c.rcv_nxt = SeqNumber(c.early.advance(end.value()));
      c.rx_unread += c.rcv_nxt - before;
      c.readable.wake_all();
      acknowledge_later(c, size_of(payload));
      // RFC 5681 §4.2: a gap that is filled, in part or whole, is told at once.
      if (had_gap) {
        c.ack_due = true;
        make_ready(c);
      }
    }
  } else if (!payload.empty()) {
    ++counters_.out_of_order;
    if (c.early.contains(seq.value(), end.value())) { came_twice(c, seq, size_of(payload)); }
    if (c.early.add(seq.value(), end.value())) { c.rx.put(c.rx_unread + (seq - c.rcv_nxt), payload); }
    // RFC 5681 §4.2: each is answered at once, so that the peer can count; what cannot go now goes later.
    c.ack_due = true;
    if (send_ack(c, acceptable_seq(c)) != Sent::segment) { make_ready(c); }
  } else {
    c.ack_due = true;
    make_ready(c);
  }
  if (c.fin_early && c.rcv_nxt == c.fin_at) { on_fin(c); }
}

/// The peer's end, with everything before it.
void Tcp::on_fin(Connection& c) noexcept {
  c.fin_early = false;
  c.fin_received = true;
  c.rcv_nxt += 1;
  c.early.clear();
  c.ack_due = true;
  make_ready(c);
  c.readable.wake_all();
  switch (c.state) {
    case TcpState::established: c.state = TcpState::close_wait; break;
    case TcpState::fin_wait_1: c.state = TcpState::closing; break;
    case TcpState::fin_wait_2: enter_time_wait(c); break;
    default: break;
  }
}

/// RFC 9293 §3.8.6.3, RFC 5681 §4.2: at once for the second full segment, else in a while.
void Tcp::acknowledge_later(Connection& c, std::uint32_t bytes) noexcept {
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
std::uint32_t Tcp::window_limit(const Connection& c) noexcept {
  const std::uint32_t room = c.receive_room();
  if (c.rcv_scale == 0) { return std::min<std::uint32_t>(room, 0xffff); }
  const std::uint32_t kept = c.rx.size() / 64 + (1u << c.rcv_scale);
  return room > kept ? std::min(room - kept, std::uint32_t{0xffff} << c.rcv_scale) : 0;
}

/// The window as it goes into a header, and `rcv_adv` with it. Its right edge moves on by a worthwhile step only.
std::uint16_t Tcp::window_field(Connection& c) noexcept {
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
void Tcp::after_read(Connection& c) noexcept {
  if (!c.synchronized() || c.fin_received) { return; }
  const std::uint32_t window = c.rcv_adv > c.rcv_nxt ? c.rcv_adv - c.rcv_nxt : 0;
  if (window < c.rx.size() / 2 && window_limit(c) >= window + std::min<std::uint32_t>(c.rx.size() / 2, 2u * c.mss)) {
    c.ack_due = true;
    kick(c);
  }
}

}  // namespace nal::embedded

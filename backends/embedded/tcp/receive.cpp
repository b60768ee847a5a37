// Text: its order, the window it comes through, and what is acknowledged when.
#include <algorithm>

#include "backends/embedded/tcp/steps.hpp"

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
      c.rx.put(c.rx_unread, payload);
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

}  // namespace nal::embedded

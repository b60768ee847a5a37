// The short way of what most segments are (Van Jacobson's header prediction): the data that come next, and
// acknowledgements of what is under way, where there is nothing to recover from. It does nothing that segment_in.cpp,
// which takes all others, would not do.
#include "backends/embedded/tcp/tcp.hpp"

namespace nal::embedded {

namespace flag = wire::tcp_flag;

/// The connection that the last segment was for, if this one is, too.
Connection* Tcp::last_found(const Ingress& ingress, const wire::TcpView& view) noexcept {
  if (!features::kFastPaths || last_found_ == kNoFlow) { return nullptr; }
  Connection& c = memory_.connections[last_found_];
  const FlowKey& key = c.key;
  const bool same = key.remote_port == view.source_port() && key.local_port == view.destination_port() &&
                    key.remote == ingress.source && key.local == ingress.destination && !ingress.to_many &&
                    (key.interface == 0 || key.interface == ingress.interface);
  return same ? &c : nullptr;
}

/// Whether it was such a segment; otherwise nothing has happened. Its checksum was right.
bool Tcp::usual_in(Connection& c, const wire::TcpView& view, bool in_place) noexcept {
  if (c.state != TcpState::established || c.recovery != TcpRecovery::open || c.timer == TcpTimer::persist ||
      (view.flags() & ~flag::psh) != flag::ack || view.header().size() != wire::kTcpHeaderSize + c.timestamp_size()) {
    return false;
  }
  std::uint32_t tsval = 0;
  std::uint32_t tsecr = 0;
  if (c.timestamps) {
    const std::byte* const options = view.options().data();
    if (wire::load_be32(options) != 0x0101080a) { return false; }
    tsval = wire::load_be32(options + 4);
    tsecr = wire::load_be32(options + 8);
    if (earlier(tsval, c.ts_recent)) { return false; }
  }
  const SeqNumber seq(view.sequence());
  const SeqNumber ack(view.acknowledgment());
  const auto size = static_cast<std::uint32_t>(view.payload().size());
  const std::uint32_t flight = c.flight();
  const std::uint32_t acked = ack - c.snd_una;
  if (seq != c.rcv_nxt || acked > flight || (acked == 0 && size == 0) || view.window() == 0 || c.snd_wnd == 0 ||
      size > c.receive_room() || size > c.rcv_adv - c.rcv_nxt || !c.early.empty() || c.fin_early ||
      (c.sent.sacked() | c.sent.lost() | c.duplicates) != 0 || c.tlp_sent) {
    return false;
  }
  if (c.timestamps && seq <= c.last_ack_sent) { c.ts_recent = tsval; }
  c.heard_at = now_ms_;
  c.keep_alive_sent = 0;
  if (acked != 0) {
    Scoreboard::Delivered delivered;
    take_acknowledged(c, ack, delivered);
    sample_rtt(c, c.timestamps, tsecr, delivered);
    if (uses_rack(c)) { rack_update(c, c.timestamps, tsecr, delivered); }
    if (ack - 1 > c.recover) { c.recover = ack - 1; }
    grow(c, acked, flight);
  }
  update_window(c, seq, ack, view.window(), acked != 0);
  if (acked != 0) { arm_retransmit(c); }
  if (c.snd_nxt < c.data_end()) { make_ready(c); }
  if (size != 0) {
    if (!in_place) { c.rx.put(c.rx_unread, view.payload()); }
    c.rcv_nxt += size;
    c.rx_unread += size;
    c.readable.wake_all();
    acknowledge_later(c, size);
  }
  return true;
}

}  // namespace nal::embedded

// The short way of what most segments are (Van Jacobson's header prediction): the data that come next, and
// acknowledgements of what is under way, where there is nothing to recover from. It does nothing that tcp.cpp and
// segment_in.cpp, which take all others, would not do.
#include "backends/embedded/ip/headers.hpp"
#include "backends/embedded/tcp/steps.hpp"

namespace nal::embedded {

namespace flag = wire::tcp_flag;

/// As `on_ack` of what lies ahead.
[[gnu::always_inline]] inline void Tcp::usual_ack(Connection& c, SeqNumber ack, std::uint32_t tsecr) noexcept {
  const std::uint32_t flight = c.flight();
  const std::uint32_t acked = ack - c.snd_una;
  Scoreboard::Delivered delivered;
  if (c.sent.on_usual_ack(ack, delivered)) {
    // As `take_acknowledged`: no end is under way.
    c.fin_acknowledged = false;
    c.tx.consume(acked);
    c.tx_size -= acked;
    if (c.tx_size == 0) { c.tx.rewind(); }
    c.snd_una = ack;
    c.progress_at = now_ms_;
    c.backoff = 0;
    c.writable.wake_all();
    if (confirmed_ms_ != now_ms_ || confirmed_ != index_of(c)) { confirm(c); }
    c.rtt.sample(now_us_ - delivered.rtt_sent, c.flight() / (2u * c.mss) + 1);
  } else {
    take_acknowledged(c, ack, delivered);
    sample_rtt(c, c.timestamps, tsecr, delivered);
  }
  if (uses_rack(c)) { rack_update(c, c.timestamps, tsecr, delivered); }
  if (ack - 1 > c.recover) { c.recover = ack - 1; }
  grow(c, acked, flight);
}

[[gnu::always_inline]] inline bool Tcp::usual_in(Connection& c, const Ingress& ingress,
                                                 std::span<const std::byte> bytes) noexcept {
  const std::byte* const at = bytes.data();
  const bool timestamps = features::kTcpTimestamps && c.timestamps;
  const std::size_t header_size = wire::kTcpHeaderSize + (timestamps ? 12u : 0u);
  const std::uint32_t offset_and_flags = wire::load_be16(at + wire::kTcpDataOffset);
  const std::uint32_t field = wire::load_be16(at + wire::kTcpWindow);
  if (c.state != TcpState::established || c.recovery != TcpRecovery::open || c.timer == TcpTimer::persist ||
      (offset_and_flags & 0xf0ffu & ~std::uint32_t{flag::psh}) != (header_size << 10 | flag::ack) ||
      bytes.size() < header_size || field == 0 || c.snd_wnd == 0 || (ingress.traffic_class & 3) == 3) {
    return false;
  }
  std::uint32_t tsval = 0;
  std::uint32_t tsecr = 0;
  if (timestamps) {
    tsval = wire::load_be32(at + wire::kTcpHeaderSize + 4);
    tsecr = wire::load_be32(at + wire::kTcpHeaderSize + 8);
    if (wire::load_be32(at + wire::kTcpHeaderSize) != 0x0101080a || earlier(tsval, c.ts_recent)) { return false; }
  }
  const SeqNumber seq(wire::load_be32(at + wire::kTcpSequence));
  const SeqNumber ack(wire::load_be32(at + wire::kTcpAcknowledgment));
  const auto size = static_cast<std::uint32_t>(bytes.size() - header_size);
  const std::uint32_t acked = ack - c.snd_una;
  if (seq != c.rcv_nxt || acked > c.flight() || (acked | size) == 0 || size > c.receive_room() ||
      size > c.rcv_adv - c.rcv_nxt || !c.early.empty() || c.fin_early ||
      (c.sent.sacked() | c.sent.lost() | c.duplicates) != 0 || c.tlp_sent) {
    return false;
  }
  // Data go straight to where the application reads them, in the pass that sums them up; until `rcv_nxt` moves they
  // stand in free room.
  wire::Sum sum;
  if (size != 0) {
    const std::span<const std::byte> payload = bytes.subspan(header_size);
    if (ingress.checksum_verified) {
      c.rx.put(c.rx_unread, payload);
    } else {
      const std::span<std::byte> to = c.rx.piece(c.rx_unread, size);
      sum = wire::copy_and_sum_short(to.data(), payload.data(), to.size());
      if (to.size() < size) {
        const auto done = static_cast<std::uint32_t>(to.size());
        sum += wire::copy_and_sum(c.rx.piece(c.rx_unread + done, size - done), payload.subspan(done)).at(done);
      }
    }
  }
  if (!ingress.checksum_verified) {
    sum += pseudo_header_sum(ingress.source, ingress.destination, Protocol::tcp, bytes.size());
    sum += wire::sum_of_header(at, header_size);
    if (!sum.valid()) { return false; }
  }

  if (timestamps && seq <= c.last_ack_sent) { c.ts_recent = tsval; }
  c.heard_at = now_ms_;
  c.keep_alive_sent = 0;
  if (acked != 0) { usual_ack(c, ack, tsecr); }
  // As `update_window`, where neither window is closed.
  const std::uint32_t window = field << c.snd_scale;
  if (seq >= c.snd_wl1 && (acked != 0 || seq != c.snd_wl1 || window >= c.snd_wnd)) {
    c.snd_wl1 = seq;
    c.snd_wnd = window;
    if (window > c.max_snd_wnd) { c.max_snd_wnd = window; }
  }
  if (acked != 0) {
    if (c.flight() == 0) {
      c.timer = TcpTimer::none;
    } else {
      arm_retransmit(c);
    }
  }
  if (c.snd_nxt < c.data_end()) { make_ready(c); }
  if (size != 0) {
    c.rcv_nxt += size;
    c.rx_unread += size;
    c.readable.wake_all();
    acknowledge_later(c, size);
  }
  schedule(c);
  return true;
}

/// Whether it was such a segment; otherwise nothing has happened that anybody could see.
bool Tcp::usual_in(const Ingress& ingress, std::span<const std::byte> bytes) noexcept {
  if (bytes.size() < wire::kTcpHeaderSize || ingress.to_many) { return false; }
  const std::uint16_t source_port = wire::load_be16(&bytes[wire::kTcpSourcePort]);
  const std::uint16_t destination_port = wire::load_be16(&bytes[wire::kTcpDestinationPort]);
  const auto same = [&](const FlowKey& key) {
    return key.remote_port == source_port && key.local_port == destination_port && key.remote == ingress.source &&
           key.local == ingress.destination && (key.interface == 0 || key.interface == ingress.interface);
  };
  // What comes next is most often for the same connection.
  FlowIndex index = last_found_;
  if (index == kNoFlow || !same(memory_.connections[index].key)) {
    constexpr std::uint32_t kUnusual = flag::syn | flag::fin | flag::rst;
    if ((wire::load_u8(&bytes[wire::kTcpFlags]) & kUnusual) != 0) { return false; }
    const FlowKey key =
        FlowKey::of(ingress.destination, destination_port, ingress.source, source_port, ingress.interface);
    index = find_flow(key);
    if (index >= memory_.connections.size()) { return false; }
  }
  return usual_in(memory_.connections[index], ingress, bytes);
}

}  // namespace nal::embedded

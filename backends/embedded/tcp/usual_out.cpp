// The short way of what is sent most: new data and acknowledgements of an established connection that has nothing to
// recover from. It does nothing that send.cpp and segment_out.cpp, which send all else, would not do.
#include "backends/embedded/ip/headers.hpp"
#include "backends/embedded/tcp/steps.hpp"

namespace nal::embedded {

namespace flag = wire::tcp_flag;

namespace {

constexpr std::uint8_t kEct0 = 2;  ///< RFC 3168 §5

}  // namespace

/// Sends what there is, if all of it is of that kind: `nothing` if it is not. `blocked`: the network had no room for
/// all of it.
[[gnu::always_inline]] inline Tcp::Done Tcp::usual_out(Connection& c) noexcept {
  if (c.state != TcpState::established || c.recovery != TcpRecovery::open || c.probe_due || c.keep_alive_due ||
      c.ece_due || c.cwr_due || c.device_cuts || (c.sent.sacked() | c.sent.lost() | c.duplicates) != 0 ||
      tells_ranges(c) || c.route_version != static_cast<std::uint16_t>(network_.routes_version())) {
    return Done::nothing;
  }
  std::uint32_t flight = c.flight();
  // RFC 5681 §4.1
  if (flight == 0 && now_ms_ - c.heard_at > limits_.min_rto) { return Done::nothing; }
  const SeqNumber before = c.snd_nxt;
  const std::uint32_t full = c.segment_size();
  const std::uint32_t congestion_window = c.congestion.window();
  Sent sent = Sent::nothing;
  // As `send_new`.
  for (; flight < c.tx_size; flight = c.flight()) {
    const std::uint32_t waiting = c.tx_size - flight;
    const std::uint32_t room = c.snd_wnd > flight ? c.snd_wnd - flight : 0;
    std::uint32_t size = waiting < room ? waiting : room;
    std::uint32_t allowed = congestion_window > flight ? congestion_window - flight : 0;
    if (flight == 0 && allowed < full) { allowed = full; }
    if (size >= full) {
      size = full;
    } else if (size == 0 || (size == waiting ? !c.no_delay && flight != 0 : size < c.max_snd_wnd / 2)) {
      break;
    }
    if (allowed < size) { break; }
    sent = usual_segment(c, c.snd_nxt, size, size == waiting ? flag::ack | flag::psh : flag::ack);
    if (sent != Sent::segment) { break; }
    if (flight == 0) { c.progress_at = now_ms_; }
    const SeqNumber begin = c.snd_nxt;
    c.snd_nxt += size;
    c.sent.on_sent(begin, c.snd_nxt, now_us_);
  }
  if (c.snd_nxt != before) { arm_after_sending(c); }
  if (sent == Sent::blocked) { return Done::blocked; }
  if (c.ack_due && usual_segment(c, acceptable_seq(c), 0, flag::ack) == Sent::blocked) { return Done::blocked; }
  if (c.timer == TcpTimer::none && c.snd_nxt < c.data_end()) {
    c.progress_at = now_ms_;
    arm(c, TcpTimer::persist, rto(c));
  }
  return Done::all;
}

/// As `send_piece` and `send_ack`, without options other than timestamps.
Tcp::Sent Tcp::usual_segment(Connection& c, SeqNumber seq, std::uint32_t payload, std::uint8_t flags) noexcept {
  const bool timestamps = features::kTcpTimestamps && c.timestamps;
  const std::size_t header_size = wire::kTcpHeaderSize + (timestamps ? 12u : 0u);
  const std::size_t size = header_size + payload;
  Packet packet = network_.allocate_to(c.route_interface, 0);
  if (!packet) { return Sent::blocked; }
  if (packet.tailroom() < size) {
    return payload != 0 ? shrink_segments(c, packet.tailroom(), header_size, payload) : Sent::blocked;
  }
  std::byte* const at = packet.append(size).data();
  wire::Sum sum = wire::emit_plain_tcp(
      at, {c.key.local_port, c.key.remote_port, seq.value(), c.rcv_nxt.value(), flags, window_field(c)}, timestamps,
      now_ms_ + c.ts_offset, c.ts_recent);
  if (payload != 0) {
    const std::uint32_t offset = seq - c.snd_una;
    const std::span<const std::byte> from = c.tx.piece(offset, payload);
    if (from.size() == payload && !(features::kOffload && c.device_sums)) {
      sum += wire::copy_and_sum_short(at + header_size, from.data(), payload);
    } else {
      sum += copy_out(c, offset, {at + header_size, payload});
    }
  }
  const wire::Sum pseudo = pseudo_header_sum(c.key.local, c.key.remote, Protocol::tcp, size);
  if (features::kOffload && c.device_sums) {
    packet.offload().checksum_offset = wire::kTcpChecksum;
    wire::store_be16(at + wire::kTcpChecksum, pseudo.value());
  } else {
    wire::store_be16(at + wire::kTcpChecksum, (pseudo + sum).checksum());
  }
  const std::uint8_t ecn = c.ecn && payload != 0 ? kEct0 : std::uint8_t{0};
  const KnownWay way{.source = c.key.local,
                     .destination = c.key.remote,
                     .next_hop = c.next_hop,
                     .mtu = c.route_mtu,
                     .neighbor = c.route_neighbor,
                     .interface = c.route_interface,
                     .protocol = Protocol::tcp,
                     .hop_limit = c.hop_limit,
                     .traffic_class = static_cast<std::uint8_t>(c.traffic_class | ecn),
                     .dont_fragment = true};
  if (network_.send_known(packet, way)) {
    ++counters_.segments_out;
  } else if (const Result<> sent = hand_on(c, std::move(packet), ecn); !sent) {
    if (payload != 0) { return on_send_error(c, sent.error()); }
    if (sent.error() == Error::would_block) { return Sent::blocked; }
  }
  acknowledged(c);
  return Sent::segment;
}

bool Tcp::transmit_usual(Connection& c) noexcept {
  const Done done = usual_out(c);
  return done == Done::nothing ? transmit_any(c) : done == Done::all;
}

void Tcp::written(Connection& c, Instant now) noexcept {
  if (!features::kFastPaths || c.ready || c.flight() != 0 || !c.synchronized()) { return kick(c); }
  if (now > now_) { advance_clock(now); }
  const Done done = usual_out(c);
  const bool sent = done == Done::nothing ? transmit_any(c) : done == Done::all;
  if (!sent) { wait_for_network(c); }
  const bool early = in_time(c);
  if (!early) { move_deadline(c); }
  // Whoever runs the stack knows of the rest already.
  if (!sent || !early) { work_.wake_all(); }
}

}  // namespace nal::embedded

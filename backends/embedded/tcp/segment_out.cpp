// Sending a segment: header, options, payload and checksum into a packet, and what it has told.
#include <algorithm>

#include "backends/embedded/tcp/tcp.hpp"

namespace nal::embedded {

namespace flag = wire::tcp_flag;

namespace {

constexpr std::uint8_t kEct0 = 2;  ///< RFC 3168 §5

/// Completes the checksum of the header at the front of `packet`, or leaves that to the device.
void put_checksum(Packet& packet, const FlowKey& key, wire::Sum header, wire::Sum payload, bool by_device) noexcept {
  const wire::Sum pseudo = wire::pseudo_header_sum(key.local.wire(), key.remote.wire(),
                                                   static_cast<std::uint8_t>(Protocol::tcp), packet.size());
  std::byte* const field = &packet.data()[wire::kTcpChecksum];
  if (by_device) {
    packet.offload().checksum_offset = wire::kTcpChecksum;
    wire::store_be16(field, pseudo.value());
  } else {
    wire::store_be16(field, (pseudo + header + payload).checksum());
  }
}

}  // namespace

/// For what is sent without data: a number that is in the peer's window also where a probe stands outside of it.
SeqNumber Tcp::acceptable_seq(const Connection& c) const noexcept { return min(c.snd_nxt, c.snd_una + c.snd_wnd); }

wire::TcpSegmentOptions Tcp::segment_options(const Connection& c) const noexcept {
  wire::TcpSegmentOptions options;
  if constexpr (features::kTcpTimestamps) {
    if (c.timestamps) {
      options.timestamps = true;
      options.tsval = now_ms_ + c.ts_offset;
      options.tsecr = c.ts_recent;
    }
  }
  if constexpr (features::kTcpSack) {
    if (c.sack) {
      const std::size_t most = c.timestamps ? 3 : 4;
      if (dsack_of_ == index_of(c)) { options.sack[options.block_count++] = {dsack_.begin, dsack_.end}; }
      for (std::size_t i = 0; i < c.early.count() && options.block_count < most; ++i) {
        options.sack[options.block_count++] = {c.early[i].begin, c.early[i].end};
      }
    }
  }
  return options;
}

/// A segment with an acknowledgement has gone out.
void Tcp::acknowledged(Connection& c) noexcept {
  c.ack_due = c.ack_waiting = false;
  if (dsack_of_ == index_of(c)) { dsack_of_ = kNoFlow; }
  c.last_ack_sent = c.rcv_nxt;
}

Result<> Tcp::emit(Connection& c, Packet&& packet, const wire::TcpHeader& header,
                   const wire::TcpSegmentOptions& options, wire::Sum payload, std::uint16_t segment_size,
                   std::uint8_t ecn) noexcept {
  const std::span<std::byte> bytes = packet.data().first(wire::kTcpHeaderSize + options.size());
  wire::emit_tcp(bytes, header, options);
  const bool by_device = network_.offload(c.route_interface).checksum;
  put_checksum(packet, c.key, by_device ? wire::Sum() : wire::sum(bytes), payload, by_device);
  packet.offload().segment_size = segment_size;
  Route route = route_of(c);
  Egress egress{};
  egress.source = c.key.local;
  egress.destination = c.key.remote;
  egress.protocol = Protocol::tcp;
  egress.hop_limit = c.hop_limit;
  egress.traffic_class = static_cast<std::uint8_t>(c.traffic_class | ecn);
  egress.dont_fragment = true;
  ++counters_.segments_out;
  const Result<> sent = network_.send(std::move(packet), egress, route);
  c.route_neighbor = route.neighbor;
  return sent;
}

/// Nothing went out.
Tcp::Sent Tcp::on_send_error(Connection& c, Error error) noexcept {
  if (error == Error::would_block) { return Sent::blocked; }
  if (error == Error::message_size) {
    const std::uint16_t before = c.mss;
    c.route_version = static_cast<std::uint16_t>(network_.routes_version() - 1);
    if (refresh_route(c) && c.mss < before) {
      c.sent.mark_all_lost(c.snd_una);
      return Sent::blocked;
    }
  }
  // As if it had been lost on the way: the timer sees to it.
  c.soft_error = error;
  return Sent::segment;
}

Tcp::Sent Tcp::send_piece(Connection& c, const Piece& piece) noexcept {
  if (!network_.can_send(c.route_interface)) { return Sent::blocked; }
  const wire::TcpSegmentOptions options = segment_options(c);
  const std::size_t header_size = wire::kTcpHeaderSize + options.size();
  const std::uint32_t limit = c.mss - static_cast<std::uint32_t>(options.size());
  Packet packet = piece.payload > limit ? network_.allocate_for(header_size + piece.payload) : network_.allocate();
  if (!packet) { return Sent::blocked; }
  if (packet.tailroom() < header_size + piece.payload) {
    // Packets are smaller than the path would take.
    const std::size_t fits = packet.tailroom() + (c.key.remote.is_v4() ? 20u : 40u);
    set_mtu(c, static_cast<std::uint16_t>(std::min<std::size_t>(fits, 0xffff)));
    if (packet.tailroom() < header_size + std::min<std::size_t>(piece.payload, payload_limit(c))) {
      c.soft_error = Error::message_size;
      return Sent::segment;
    }
    return Sent::nothing;
  }
  packet.append(header_size);
  const bool by_device = network_.offload(c.route_interface).checksum;
  wire::Sum sum;
  if (piece.payload != 0) {
    const std::span<std::byte> out = packet.append(piece.payload);
    const std::uint32_t offset = piece.begin - c.snd_una;
    std::uint32_t done = 0;
    while (done < piece.payload) {
      const std::span<const std::byte> from = c.tx.piece(offset + done, piece.payload - done);
      if (by_device) {
        std::memcpy(&out[done], from.data(), from.size());
      } else {
        sum += wire::copy_and_sum(out.subspan(done), from).at(done);
      }
      done += static_cast<std::uint32_t>(from.size());
    }
  }
  std::uint8_t flags = flag::ack;
  std::uint8_t ecn = 0;
  if (piece.fin) { flags |= flag::fin; }
  if (piece.payload != 0 && piece.begin + piece.payload == c.data_end()) { flags |= flag::psh; }
  if constexpr (features::kTcpEcn) {
    if (c.ecn) {
      if (c.ece_due) { flags |= flag::ece; }
      if (!piece.again && piece.payload != 0) {
        ecn = kEct0;
        if (c.cwr_due) { flags |= flag::cwr; }
      }
    }
  }
  const Result<> sent =
      emit(c, std::move(packet),
           {c.key.local_port, c.key.remote_port, piece.begin.value(), c.rcv_nxt.value(), flags, window_field(c)},
           options, sum, piece.payload > limit ? static_cast<std::uint16_t>(limit) : std::uint16_t{0}, ecn);
  if (!sent) { return on_send_error(c, sent.error()); }
  if ((flags & flag::cwr) != 0) { c.cwr_due = false; }
  acknowledged(c);
  return Sent::segment;
}

Tcp::Sent Tcp::send_ack(Connection& c, SeqNumber seq) noexcept {
  if (!network_.can_send(c.route_interface)) { return Sent::blocked; }
  Packet packet = network_.allocate();
  const wire::TcpSegmentOptions options = segment_options(c);
  const std::size_t header_size = wire::kTcpHeaderSize + options.size();
  if (!packet || packet.tailroom() < header_size) { return Sent::blocked; }
  packet.append(header_size);
  std::uint8_t flags = flag::ack;
  if (c.ece_due) { flags |= flag::ece; }
  const Result<> sent = emit(
      c, std::move(packet),
      {c.key.local_port, c.key.remote_port, seq.value(), c.rcv_nxt.value(), flags, window_field(c)}, options, {}, 0, 0);
  if (!sent && sent.error() == Error::would_block) { return Sent::blocked; }
  acknowledged(c);
  return Sent::segment;
}

Tcp::Sent Tcp::send_syn(Connection& c) noexcept {
  if (!network_.can_send(c.route_interface)) { return Sent::blocked; }
  Packet packet = network_.allocate();
  const bool answer = c.state == TcpState::syn_received;
  wire::TcpSegmentOptions options;
  options.mss = our_mss(c.key, c.route_mtu);
  if (features::kTcpWindowScale && tuning_.window_scale && (!answer || c.snd_scale != 0 || c.rcv_scale != 0)) {
    options.window_scale = c.rcv_scale;
  }
  options.sack_permitted = c.sack;
  options.timestamps = c.timestamps;
  options.tsval = now_ms_ + c.ts_offset;
  options.tsecr = answer ? c.ts_recent : 0;
  const std::size_t header_size = wire::kTcpHeaderSize + options.size();
  if (!packet || packet.tailroom() < header_size) { return Sent::blocked; }
  packet.append(header_size);
  std::uint8_t flags = flag::syn;
  if (answer) { flags |= flag::ack; }
  // RFC 3168 §6.1.1.1: a path that drops what it does not know gets a plain one in the end.
  if (c.ecn && c.backoff < 2) { flags |= answer ? flag::ece : flag::ece | flag::cwr; }
  const auto window = static_cast<std::uint16_t>(std::min<std::uint32_t>(c.receive_room(), 0xffff));
  const Result<> sent =
      emit(c, std::move(packet),
           {c.key.local_port, c.key.remote_port, c.snd_una.value(), answer ? c.rcv_nxt.value() : 0, flags, window},
           options, {}, 0, 0);
  if (!sent && sent.error() == Error::would_block) { return Sent::blocked; }
  if (!sent) { c.soft_error = sent.error(); }
  c.syn_due = c.ack_due = false;
  c.rack_sent = now_us_;
  if (c.timer == TcpTimer::none) { c.progress_at = now_ms_; }
  arm(c, TcpTimer::rto, rto(c));
  return Sent::segment;
}

/// A segment without payload of a connection that is not, or not any more. Whether it went out.
bool Tcp::send_reply(const Reply& reply, const wire::TcpSegmentOptions& options) noexcept {
  const Result<Route> found = network_.route(reply.key.remote, reply.key.local, reply.key.interface);
  if (!found || found->broadcast || !network_.can_send(found->interface)) { return false; }
  Packet packet = network_.allocate();
  const std::size_t header_size = wire::kTcpHeaderSize + options.size();
  if (!packet || packet.tailroom() < header_size) { return false; }
  const std::span<std::byte> bytes = packet.append(header_size);
  wire::emit_tcp(
      bytes,
      {reply.key.local_port, reply.key.remote_port, reply.seq.value(), reply.ack.value(), reply.flags, reply.window},
      options);
  const bool by_device = network_.offload(found->interface).checksum;
  put_checksum(packet, reply.key, by_device ? wire::Sum() : wire::sum(bytes), {}, by_device);
  Route route = *found;
  Egress egress{};
  egress.source = reply.key.local;
  egress.destination = reply.key.remote;
  egress.protocol = Protocol::tcp;
  egress.hop_limit = reply.hop_limit;
  egress.traffic_class = reply.traffic_class;
  egress.dont_fragment = true;
  ++counters_.segments_out;
  return network_.send(std::move(packet), egress, route).has_value();
}

/// RFC 9293 §3.10.7.1: a segment that belongs to nobody.
void Tcp::reset_stranger(const FlowKey& key, const Segment& segment) noexcept {
  if (segment.has(flag::rst)) { return; }
  ++counters_.resets_out;
  if (segment.has(flag::ack)) {
    send_reply({key, segment.ack, SeqNumber(), flag::rst, 0}, {});
  } else {
    send_reply({key, SeqNumber(), segment.seq + segment.length(), flag::rst | flag::ack, 0}, {});
  }
}

}  // namespace nal::embedded

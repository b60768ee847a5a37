// Sending a segment: header, options, payload and checksum into a packet, and what it has told.
#include <algorithm>

#include "backends/embedded/ip/headers.hpp"
#include "backends/embedded/tcp/steps.hpp"

namespace nal::embedded {

namespace flag = wire::tcp_flag;

namespace {

constexpr std::uint8_t kEct0 = 2;  ///< RFC 3168 §5

/// Completes the checksum of the header at the front of `packet`, or leaves that to the device.
inline void put_checksum(Packet& packet, const FlowKey& key, wire::Sum sum, bool by_device) noexcept {
  const wire::Sum pseudo = pseudo_header_sum(key.local, key.remote, Protocol::tcp, packet.size());
  std::byte* const field = &packet.data()[wire::kTcpChecksum];
  if (features::kOffload && by_device) {
    packet.offload().checksum_offset = wire::kTcpChecksum;
    wire::store_be16(field, pseudo.value());
  } else {
    wire::store_be16(field, (pseudo + sum).checksum());
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
    if (tells_ranges(c)) {
      const std::size_t most = c.timestamps ? 3 : 4;
      if (dsack_of_ == index_of(c)) { options.sack[options.block_count++] = {dsack_.begin, dsack_.end}; }
      for (std::size_t i = 0; i < c.early.count() && options.block_count < most; ++i) {
        options.sack[options.block_count++] = {c.early[i].begin, c.early[i].end};
      }
    }
  }
  return options;
}

/// `options`: null for those that every segment has.
Result<> Tcp::emit(Connection& c, Packet&& packet, const wire::TcpHeader& header,
                   const wire::TcpSegmentOptions* options, wire::Sum payload, std::uint16_t segment_size,
                   std::uint8_t ecn) noexcept {
  wire::Sum sum;
  if (options) {
    const std::span<std::byte> bytes = packet.data().first(wire::kTcpHeaderSize + options->size());
    wire::emit_tcp(bytes, header, *options);
    sum = wire::sum_of_header(bytes.data(), bytes.size());
  } else {
    sum = wire::emit_plain_tcp(packet.data().data(), header, c.timestamps, now_ms_ + c.ts_offset, c.ts_recent);
  }
  put_checksum(packet, c.key, sum + payload, features::kOffload && c.device_sums);
  packet.offload().segment_size = segment_size;
  return hand_on(c, std::move(packet), ecn);
}

/// A segment that is complete, to the network.
Result<> Tcp::hand_on(Connection& c, Packet&& packet, std::uint8_t ecn) noexcept {
  Route route = route_of(c);
  const Egress egress{.source = c.key.local,
                      .destination = c.key.remote,
                      .protocol = Protocol::tcp,
                      .hop_limit = c.hop_limit,
                      .traffic_class = static_cast<std::uint8_t>(c.traffic_class | ecn),
                      .dont_fragment = true};
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

/// Packets are smaller than the path would take.
Tcp::Sent Tcp::shrink_segments(Connection& c, std::size_t room, std::size_t header_size,
                               std::uint32_t payload) noexcept {
  const std::size_t fits = room + (c.key.remote.is_v4() ? 20u : 40u);
  set_mtu(c, static_cast<std::uint16_t>(std::min<std::size_t>(fits, 0xffff)));
  if (room >= header_size + std::min<std::size_t>(payload, payload_limit(c))) { return Sent::nothing; }
  c.soft_error = Error::message_size;
  return Sent::segment;
}

/// Data of the ring into a packet, and their sum, if that is not for the device to make. In one piece, but for the
/// ring's end.
wire::Sum Tcp::copy_out(const Connection& c, std::uint32_t offset, std::span<std::byte> out) noexcept {
  const auto copy = [&c](std::span<std::byte> to, std::span<const std::byte> from) {
    if (!features::kOffload || !c.device_sums) { return wire::copy_and_sum(to, from); }
    std::memcpy(to.data(), from.data(), from.size());
    return wire::Sum();
  };
  const auto size = static_cast<std::uint32_t>(out.size());
  const std::span<const std::byte> first = c.tx.piece(offset, size);
  const auto done = static_cast<std::uint32_t>(first.size());
  wire::Sum sum = copy(out, first);
  if (done < size) { sum += copy(out.subspan(done), c.tx.piece(offset + done, size - done)).at(done); }
  return sum;
}

Tcp::Sent Tcp::send_piece(Connection& c, const Piece& piece) noexcept {
  const bool ranges = tells_ranges(c);
  wire::TcpSegmentOptions options;
  if (ranges) { options = segment_options(c); }
  const std::size_t options_size = ranges ? options.size() : c.timestamp_size();
  const std::size_t header_size = wire::kTcpHeaderSize + options_size;
  const std::uint32_t limit = c.mss - static_cast<std::uint32_t>(options_size);
  Packet packet = network_.allocate_to(c.route_interface, piece.payload > limit ? header_size + piece.payload : 0);
  if (!packet) { return Sent::blocked; }
  if (packet.tailroom() < header_size + piece.payload) {
    return shrink_segments(c, packet.tailroom(), header_size, piece.payload);
  }
  const std::span<std::byte> bytes = packet.append(header_size + piece.payload);
  wire::Sum sum;
  std::uint8_t flags = flag::ack;
  std::uint8_t ecn = 0;
  if (piece.fin) { flags |= flag::fin; }
  if (piece.payload != 0) {
    sum = copy_out(c, piece.begin - c.snd_una, bytes.subspan(header_size));
    if (piece.begin + piece.payload == c.data_end()) { flags |= flag::psh; }
  }
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
           ranges ? &options : nullptr, sum,
           piece.payload > limit ? static_cast<std::uint16_t>(limit) : std::uint16_t{0}, ecn);
  if (!sent) { return on_send_error(c, sent.error()); }
  if ((flags & flag::cwr) != 0) { c.cwr_due = false; }
  acknowledged(c);
  return Sent::segment;
}

Tcp::Sent Tcp::send_ack(Connection& c, SeqNumber seq) noexcept {
  Packet packet = network_.allocate_to(c.route_interface, 0);
  const bool ranges = tells_ranges(c);
  wire::TcpSegmentOptions options;
  if (ranges) { options = segment_options(c); }
  const std::size_t header_size = wire::kTcpHeaderSize + (ranges ? options.size() : c.timestamp_size());
  if (!packet || packet.tailroom() < header_size) { return Sent::blocked; }
  packet.append(header_size);
  std::uint8_t flags = flag::ack;
  if (c.ece_due) { flags |= flag::ece; }
  const Result<> sent =
      emit(c, std::move(packet),
           {c.key.local_port, c.key.remote_port, seq.value(), c.rcv_nxt.value(), flags, window_field(c)},
           ranges ? &options : nullptr, {}, 0, 0);
  if (!sent && sent.error() == Error::would_block) { return Sent::blocked; }
  acknowledged(c);
  return Sent::segment;
}

Tcp::Sent Tcp::send_syn(Connection& c) noexcept {
  Packet packet = network_.allocate_to(c.route_interface, 0);
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
           &options, {}, 0, 0);
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
  put_checksum(packet, reply.key, wire::sum_of_header(bytes.data(), bytes.size()),
               network_.offload(found->interface).checksum);
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

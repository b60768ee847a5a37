#include "backends/embedded/tcp/tcp.hpp"

#include "backends/embedded/ip/headers.hpp"
#include "backends/embedded/tcp/steps.hpp"

namespace nal::embedded {

namespace flag = wire::tcp_flag;

Tcp::Tcp(const TcpMemory& memory, Network& network, Random& random, TcpTuningGiven tuning) noexcept
    : std::conditional_t<features::kTcpTuning, TcpTuned, TcpUntuned>(tuning),
      memory_(memory),
      network_(network),
      random_(random),
      hash_key_(table_key(random)),
      secret_(new_secret(random)),
      deadlines_(*this) {
  for (FlowIndex& bucket : memory_.buckets.flows) { bucket = kNoFlow; }
  for (FlowIndex& bucket : memory_.buckets.listeners) { bucket = kNoFlow; }
  for (Connection& c : memory_.connections) { push(free_.first, free_.last, c); }
  for (std::size_t i = memory_.time_waits.size(); i != 0; --i) {
    memory_.time_waits[i - 1].next = free_time_wait_;
    free_time_wait_ = static_cast<FlowIndex>(i - 1);
  }
  if constexpr (!features::kFewSockets) {
    for (std::size_t i = memory_.handshakes.size(); i != 0; --i) {
      memory_.handshakes[i - 1].hash_next = free_handshake_;
      free_handshake_ = static_cast<FlowIndex>(i - 1);
    }
  }
  std::size_t links = 0;
  std::byte* bytes = memory_.ring_bytes.data();
  SentData::Record* record = memory_.records.data();
  RangeSet::Range* range = memory_.ranges.data();
  for (std::size_t i = 0; i < memory_.classes.size(); ++i) {
    const TcpRings& wanted = memory_.rings[i];
    RingClass& rings = memory_.classes[i];
    rings.rx = wanted.rx;
    rings.tx = wanted.tx;
    rings.count = wanted.count;
    rings.first = static_cast<std::uint16_t>(links);
    rings.records = TcpConfig::records(wanted);
    rings.bytes = bytes;
    rings.record = record;
    rings.ranges = TcpConfig::ranges(wanted);
    rings.range = range;
    rings.free = wanted.count == 0 ? kNoFlow : std::uint16_t{0};
    for (std::uint16_t j = 0; j < wanted.count; ++j) {
      memory_.ring_links[links++] = j + 1 < wanted.count ? static_cast<std::uint16_t>(j + 1) : kNoFlow;
    }
    bytes += (std::size_t{wanted.rx} + wanted.tx) * wanted.count;
    record += std::size_t{rings.records} * wanted.count;
    range += std::size_t{rings.ranges} * wanted.count;
  }
}

Tcp::~Tcp() {
  for (Connection& c : memory_.connections) { c.wake(); }
}

void Tcp::next_millisecond() noexcept {
  const std::int64_t ms = detail::divided_by<1000>(now_.microseconds());
  now_ms_ = static_cast<std::uint32_t>(ms);
  now_ms_began_ = 1000 * ms;
}

/// RFC 9293 §3.1
bool Tcp::verify(const Ingress& ingress, const wire::TcpView& view) noexcept {
  if (ingress.checksum_verified) { return true; }
  const std::span<const std::byte> payload = view.payload();
  const std::size_t header_size = view.header().size();
  wire::Sum sum = pseudo_header_sum(ingress.source, ingress.destination, Protocol::tcp, header_size + payload.size()) +
                  wire::sum_of_header(view.header().data(), header_size);
  if (!payload.empty()) { sum += wire::sum(payload); }
  return sum.valid();
}

void Tcp::input(const Ingress& ingress, Packet&& packet, Instant now) noexcept {
  const Packet taken = std::move(packet);
  advance_clock(now);
  ++counters_.segments_in;
  if (features::kFastPaths && usual_in(ingress, taken.data())) { return; }
  // RFC 9293 §3.9.2.3 (MUST-57, MUST-63): never to or from groups.
  const std::optional<wire::TcpView> view = wire::TcpView::parse(taken.data());
  if (!view || ingress.to_many || ingress.source.is_multicast() || ingress.source.is_unspecified() ||
      ingress.destination.is_multicast() || view->source_port() == 0 || view->destination_port() == 0) {
    ++counters_.malformed;
    return;
  }
  if (!verify(ingress, *view)) {
    ++counters_.bad_checksum;
    return;
  }
  const FlowKey key = FlowKey::of(ingress.destination, view->destination_port(), ingress.source, view->source_port(),
                                  ingress.interface);
  const FlowIndex index = find_flow(key);
  const Segment segment(*view, (ingress.traffic_class & 3) == 3);
  if (index < memory_.connections.size()) {
    Connection& c = memory_.connections[index];
    segment_in(c, segment);
    if (c.state != TcpState::free && c.state != TcpState::closed) { schedule(c); }
    return;
  }
  if (index != kNoFlow) {
    Flow& found = flow(index);
    if (features::kTcpListener && index < memory_.connections.size() + memory_.handshakes.size()) {
      return handshake_in(static_cast<SynEntry&>(found), segment);
    }
    if (!time_wait_in(static_cast<TimeWaitEntry&>(found), segment)) { return; }
  }
  if constexpr (features::kTcpListener) {
    if (ListenerEntry* const listener = find_listener(key)) { return listen_in(*listener, key, segment); }
  }
  reset_stranger(key, segment);
}

void Tcp::link_ready(Connection& c) noexcept {
  c.ready = true;
  const FlowIndex index = index_of(c);
  c.ready_next = kNoFlow;
  c.ready_previous = ready_.last;
  (ready_.last == kNoFlow ? ready_.first : memory_.connections[ready_.last].ready_next) = index;
  ready_.last = index;
  ++ready_count_;
  stuck_ = 0;
}

void Tcp::unlink_ready(Connection& c) noexcept {
  if (!c.ready) { return; }
  c.ready = false;
  --ready_count_;
  (c.ready_previous == kNoFlow ? ready_.first : memory_.connections[c.ready_previous].ready_next) = c.ready_next;
  (c.ready_next == kNoFlow ? ready_.last : memory_.connections[c.ready_next].ready_previous) = c.ready_previous;
}

std::uint32_t Tcp::next_deadline(const Connection& c, bool& any) const noexcept {
  std::uint32_t at = 0;
  const auto consider = [&](std::uint32_t candidate) {
    if (!any || earlier(candidate, at)) { at = candidate; }
    any = true;
  };
  if (c.timer != TcpTimer::none) {
    consider(c.timer_at);
    consider(c.progress_at + patience(c));
  }
  if (c.ack_waiting) { consider(c.ack_at); }
  if (c.linger_timer) { consider(c.ack_at); }
  if constexpr (features::kTcpKeepAlive) {
    if (c.keep_alive && c.synchronized()) {
      consider(c.heard_at + 1000u * c.keep_alive_idle + 1000u * c.keep_alive_interval * c.keep_alive_sent);
    }
  }
  return at;
}

void Tcp::move_deadline(Connection& c) noexcept {
  bool any = false;
  const std::uint32_t at = next_deadline(c, any);
  if (c.deadline.linked()) { deadlines_.remove(index_of(c)); }
  deadlines_.insert(index_of(c), at);
}

void Tcp::on_deadline(Connection& c) noexcept {
  if (c.linger_timer && due(c.ack_at)) {
    // Everything is acknowledged and only the peer's end is missing: there is nothing to tell.
    if (c.state != TcpState::fin_wait_2) { reset_peer(c); }
    return release(c);
  }
  if (c.ack_waiting && due(c.ack_at)) {
    c.ack_waiting = false;
    c.ack_due = true;
    make_ready(c);
  }
  if constexpr (features::kTcpKeepAlive) {
    if (c.keep_alive && c.synchronized() &&
        due(c.heard_at + 1000u * c.keep_alive_idle + 1000u * c.keep_alive_interval * c.keep_alive_sent)) {
      if (c.keep_alive_sent >= c.keep_alive_probes) {
        reset_peer(c);
        return fail(c, Error::timed_out);
      }
      ++c.keep_alive_sent;
      c.keep_alive_due = true;
      make_ready(c);
    }
  }
  if (c.timer != TcpTimer::none && (due(c.timer_at) || due(c.progress_at + patience(c)))) {
    on_timer(c);
    if (c.state == TcpState::free || c.state == TcpState::closed) { return; }
  }
  schedule(c);
}

bool Tcp::work_off(unsigned budget) noexcept {
  unsigned left = budget;
  while (left != 0 && !deadlines_.empty() && due(links(deadlines_.first()).at)) {
    --left;
    Connection& c = memory_.connections[deadlines_.first()];
    deadlines_.remove(index_of(c));
    on_deadline(c);
  }
  if constexpr (features::kTcpListener) { poll_handshakes(); }
  poll_time_waits();

  // Each that is ready now is visited once; who finds the network full goes to the end.
  if (blocked()) { stuck_ = 0; }
  const FlowIndex end = ready_.last;
  while (left != 0 && ready_.first != kNoFlow) {
    --left;
    Connection& c = memory_.connections[ready_.first];
    const bool last = ready_.first == end;
    unlink_ready(c);
    if (transmit(c)) {
      stuck_ = 0;
    } else {
      wait_for_network(c);
    }
    if (c.state != TcpState::free && c.state != TcpState::closed) { schedule(c); }
    if (last) { break; }
  }
  return (ready_.first != kNoFlow && !blocked()) ||
         (!deadlines_.empty() && due(memory_.connections[deadlines_.first()].deadline.at));
}

void Tcp::wait_for_network(Connection& c) noexcept {
  const std::uint16_t before = stuck_;
  make_ready(c);
  stuck_ = static_cast<std::uint16_t>(before + 1);
  // Not for ever: it counts as sent and lost.
  if (c.timer == TcpTimer::none && (c.syn_due || c.flight() != 0 || c.snd_nxt < c.data_end())) {
    c.progress_at = now_ms_;
    arm(c, TcpTimer::rto, rto(c));
  }
}

Instant Tcp::poll_at() const noexcept {
  if (ready_.first != kNoFlow && !blocked()) { return now_; }
  bool any = false;
  std::uint32_t at = 0;
  const auto consider = [&](std::uint32_t candidate) {
    if (!any || earlier(candidate, at)) { at = candidate; }
    any = true;
  };
  if (!deadlines_.empty()) { consider(memory_.connections[deadlines_.first()].deadline.at); }
  if (features::kTcpListener && handshake_timer_) { consider(handshake_at_); }
  if (old_.first != kNoFlow) { consider(memory_.time_waits[old_.first].at); }
  if (!any) { return Instant::max(); }
  const std::int64_t ms = detail::divided_by<1000>(now_.microseconds()) + static_cast<std::int32_t>(at - now_ms_);
  return Instant::from_microseconds(ms * 1000);
}

}  // namespace nal::embedded

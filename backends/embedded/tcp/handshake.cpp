// A peer's handshake with a listener: small entries, without rings, until its last acknowledgement.
#include <algorithm>

#include "backends/embedded/tcp/steps.hpp"

namespace nal::embedded {

namespace flag = wire::tcp_flag;

namespace {

/// RFC 9293 §3.8.3 asks for three minutes at least of an active opener; whoever is asked gives up sooner: after 1, 2,
/// 4, 8 and 16 s.
constexpr std::uint8_t kAnswers = 5;

}  // namespace

std::uint8_t Tcp::scale_for(std::uint8_t ring_class) const noexcept {
  std::uint8_t scale = 0;
  if (features::kTcpWindowScale && tuning_.window_scale) {
    while (scale < wire::kTcpMaxWindowScale && memory_.classes[ring_class].rx >> scale > 0xffff) { ++scale; }
  }
  return scale;
}

std::uint16_t Tcp::our_mss(const FlowKey& key, std::uint16_t mtu) const noexcept {
  const std::uint16_t overhead = key.remote.is_v4() ? 40 : 60;
  return mtu > overhead + 88 ? static_cast<std::uint16_t>(mtu - overhead) : std::uint16_t{88};
}

SynEntry* Tcp::take_handshake() noexcept {
  // A flood finds the table full, and must not have it searched for each SYN.
  if (handshakes_ == memory_.handshakes.size()) { return nullptr; }
  ++handshakes_;
  if constexpr (features::kFewSockets) {
    return &*std::ranges::find_if(memory_.handshakes, [](const SynEntry& entry) { return entry.listener == kNoFlow; });
  } else {
    SynEntry& entry = memory_.handshakes[free_handshake_];
    free_handshake_ = entry.hash_next;
    entry.hash_next = kNoFlow;
    return &entry;
  }
}

void Tcp::release(SynEntry& entry) noexcept {
  unlink_flow(index_of(entry));
  entry = SynEntry{};
  if constexpr (!features::kFewSockets) {
    entry.hash_next = free_handshake_;
    free_handshake_ = static_cast<FlowIndex>(&entry - memory_.handshakes.data());
  }
  --handshakes_;
}

void Tcp::handshake_due(std::uint32_t at) noexcept {
  if (!handshake_timer_ || earlier(at, handshake_at_)) { handshake_at_ = at; }
  handshake_timer_ = true;
}

bool Tcp::send_syn_ack(const FlowKey& key, const ListenerEntry& listener, const Handshake& agreed) noexcept {
  const Result<Route> route = network_.route(key.remote, key.local, key.interface);
  if (!route) { return false; }
  wire::TcpSegmentOptions options;
  options.mss = our_mss(key, route->mtu);
  if (agreed.peer_scale != 0xff) { options.window_scale = scale_for(listener.options.ring_class); }
  options.sack_permitted = agreed.sack;
  if (agreed.timestamps) {
    options.timestamps = true;
    options.tsval = now_ms_ + agreed.ts_offset;
    options.tsecr = agreed.ts_recent;
  }
  const std::uint32_t room = memory_.classes[listener.options.ring_class].rx;
  return send_reply(
      {key, agreed.iss, agreed.irs + 1, static_cast<std::uint8_t>(flag::syn | flag::ack | (agreed.ecn ? flag::ece : 0)),
       static_cast<std::uint16_t>(std::min<std::uint32_t>(room, 0xffff)), listener.options.hop_limit.value_or(0),
       static_cast<std::uint8_t>(listener.options.traffic_class.value_or(0) & 0xfc)},
      options);
}

void Tcp::try_syn_ack(SynEntry& entry) noexcept {
  entry.due = !send_syn_ack(entry.key, memory_.listeners[entry.listener], entry);
  // Not gone out for want of room: soon again.
  entry.at = now_ms_ + (entry.due ? 10u : RttEstimator::kInitialRto << entry.sent);
  if (!entry.due) { ++entry.sent; }
  handshake_due(entry.at);
}

void Tcp::poll_handshakes() noexcept {
  if (!handshake_timer_ || !due(handshake_at_)) { return; }
  handshake_timer_ = false;
  for (SynEntry& entry : memory_.handshakes) {
    if (entry.listener == kNoFlow) { continue; }
    if (!due(entry.at)) {
      handshake_due(entry.at);
    } else if (entry.sent <= kAnswers) {
      try_syn_ack(entry);
    } else {
      if (entry.acknowledged) {
        // The peer thinks that it is connected.
        ++counters_.resets_out;
        send_reply({entry.key, entry.iss + 1, entry.irs + 1, flag::rst | flag::ack, 0}, {});
      }
      release(entry);
    }
  }
}

/// RFC 9293 §3.10.7.4 for SYN-RECEIVED.
void Tcp::handshake_in(SynEntry& entry, const Segment& segment) noexcept {
  const std::uint32_t window =
      std::min<std::uint32_t>(memory_.classes[memory_.listeners[entry.listener].options.ring_class].rx, 0xffff);
  const SeqNumber rcv_nxt = entry.irs + 1;
  if (segment.has(flag::syn)) {
    // The same SYN once more: our answer was lost (it goes out again), or it never came to us before (RFC 5961 §4.2).
    if (segment.seq == entry.irs && !segment.has(flag::ack)) {
      if (!segment.has(flag::rst) && may_challenge()) {
        send_syn_ack(entry.key, memory_.listeners[entry.listener], entry);
      }
      return;
    }
    if (segment.has(flag::rst)) { return; }
    if (segment.has(flag::ack) && (segment.ack != entry.iss + 1)) { return reset_stranger(entry.key, segment); }
    if (may_challenge()) { send_reply({entry.key, entry.iss + 1, rcv_nxt, flag::ack, 0}, {}); }
    return;
  }
  // RFC 7323 §5.3
  if (entry.timestamps && !segment.has(flag::rst) && segment.options.timestamps &&
      earlier(segment.options.tsval, entry.ts_recent)) {
    ++counters_.unacceptable;
    return;
  }
  const std::int32_t begins = segment.seq.ahead_of(rcv_nxt);
  const std::int32_t ends = (segment.seq + segment.length()).ahead_of(rcv_nxt);
  if (begins > static_cast<std::int32_t>(window) || ends < 0) {
    ++counters_.unacceptable;
    if (!segment.has(flag::rst) && may_challenge()) {
      send_reply({entry.key, entry.iss + 1, rcv_nxt, flag::ack, 0}, {});
    }
    return;
  }
  if (segment.has(flag::rst)) {
    if (segment.seq == rcv_nxt) { release(entry); }
    return;
  }
  if (!segment.has(flag::ack)) { return; }
  if (segment.ack != entry.iss + 1) { return reset_stranger(entry.key, segment); }

  ListenerEntry& listener = memory_.listeners[entry.listener];
  const SynEntry agreed = entry;
  release(entry);
  if (complete(listener, agreed.key, agreed, segment)) { return; }
  // No room: the peer will say something again, if only because our answer comes again.
  SynEntry* const again = take_handshake();
  if (!again) { return; }
  *again = agreed;
  if constexpr (!features::kFewSockets) { again->hash_next = kNoFlow; }
  again->acknowledged = true;
  link_flow(index_of(*again));
}

/// The last acknowledgement: now it takes a slot and rings. Null without room for it.
Connection* Tcp::complete(ListenerEntry& listener, const FlowKey& key, const Handshake& agreed,
                          const Segment& segment) noexcept {
  if (listener.waiting >= listener.backlog) { return nullptr; }
  const Result<Route> route = network_.route(key.remote, key.local, key.interface);
  if (!route) { return nullptr; }
  const Result<Connection*> taken = take_connection();
  if (!taken) { return nullptr; }
  Connection& c = **taken;
  c.key = key;
  c.state = TcpState::syn_received;
  if (!lend_rings(c, listener.options.ring_class)) {
    release(c);
    return nullptr;
  }
  configure(c, listener.options);
  take_route(c, *route);
  c.route_mtu = route->mtu;
  begin(c, agreed);
  c.snd_una = agreed.iss + 1;
  c.snd_nxt = c.snd_una;
  c.snd_wl1 = segment.seq;
  c.snd_wnd = std::uint32_t{segment.window} << c.snd_scale;
  c.max_snd_wnd = std::max<std::uint32_t>(c.snd_wnd, agreed.window);
  establish(c);
  link_flow(index_of(c));
  c.owner = TcpOwner::backlog;
  c.listener = static_cast<std::uint16_t>(&listener - memory_.listeners.data());
  push(listener.first, listener.last, c);
  ++listener.waiting;
  listener.acceptable.wake_all();
  // The same segment may bring data.
  segment_in(c, segment);
  if (c.state != TcpState::free) { schedule(c); }
  return &c;
}

}  // namespace nal::embedded

// What a segment means for the connection that it belongs to: RFC 9293 §3.10.7.3 and §3.10.7.4, in that order.
#include <algorithm>

#include "backends/embedded/tcp/tcp.hpp"

namespace nal::embedded {

namespace flag = wire::tcp_flag;

namespace {

/// RFC 5961 §7: how many challenges this host sends a second, all connections together.
constexpr std::uint16_t kChallenges = 100;
/// RFC 7323 §5.5: a timestamp this old says nothing any more.
constexpr std::uint32_t kTimestampLife = 24u * 24 * 3600 * 1000;

}  // namespace

bool Tcp::may_challenge() noexcept {
  const std::uint32_t second = now_ms_ / 1000;
  if (second != challenge_second_) {
    challenge_second_ = second;
    // RFC 5961's limit is known to tell an off-path attacker what others do, unless it varies (CVE-2016-5696).
    challenges_left_ = static_cast<std::uint16_t>(kChallenges / 2 + random_.below(kChallenges));
  }
  if (challenges_left_ == 0) { return false; }
  --challenges_left_;
  ++counters_.challenges;
  return true;
}

/// RFC 5961: an acknowledgement to the real peer, whose answer tells what of a doubtful segment is true.
void Tcp::challenge(Connection& c) noexcept {
  if (!may_challenge()) { return; }
  c.ack_due = true;
  make_ready(c);
}

/// First: the sequence number. Whether to go on; what is not acceptable has been answered.
bool Tcp::acceptable(Connection& c, const Segment& segment) noexcept {
  // RFC 7323 §5.3 R1, R3: an old duplicate from before the sequence numbers wrapped.
  if (c.timestamps && !segment.has(flag::rst)) {
    if (!segment.options.timestamps) {
      // RFC 7323 §3.2: without timestamps, where they were agreed on, it is dropped.
      ++counters_.unacceptable;
      return false;
    }
    if (earlier(segment.options.tsval, c.ts_recent) && now_ms_ - c.heard_at < kTimestampLife) {
      ++counters_.unacceptable;
      c.ack_due = true;
      make_ready(c);
      return false;
    }
  }
  // A window that is closed is taken for one place, so that two ends which probe each other's closed windows hear each
  // other; and what a peer sends beyond its right edge by no more than that is only acknowledgements.
  const std::uint32_t window = std::max<std::uint32_t>(c.rcv_adv - c.rcv_nxt, 1);
  const std::int32_t begins = segment.seq.ahead_of(c.rcv_nxt);
  const std::int32_t ends = (segment.seq + segment.length()).ahead_of(c.rcv_nxt);
  const bool reset = segment.has(flag::rst);
  const bool inside = segment.length() == 0
                          ? begins >= 0 && begins <= static_cast<std::int32_t>(reset ? window - 1 : window)
                          : begins < static_cast<std::int32_t>(window) && ends > 0;
  if (inside) {
    // RFC 7323 §4.3: only of a segment that the last acknowledgement sent was waiting for.
    if (c.timestamps && segment.options.timestamps && segment.seq <= c.last_ack_sent) {
      c.ts_recent = segment.options.tsval;
    }
    return true;
  }
  ++counters_.unacceptable;
  if (reset) { return false; }
  if (segment.length() == 0) {
    // An acknowledgement alone, answered with one, could go to and fro for ever.
    if (begins < 0 && segment.seq + 1 == c.rcv_nxt && !segment.has(flag::syn)) {
      c.ack_due = true;  // a peer that asks whether we live
      make_ready(c);
    } else {
      challenge(c);
    }
    // RFC 9293 §3.4: an old segment's acknowledgement is not taken, a duplicate's of what has come is no harm.
    return false;
  }
  // RFC 2883 §4: it came twice.
  if (ends <= 0 && !segment.has(flag::syn)) {
    came_twice(c, segment.seq, static_cast<std::uint32_t>(segment.payload.size()));
  }
  if (segment.has(flag::syn)) {
    challenge(c);
  } else {
    c.ack_due = true;
    make_ready(c);
  }
  return false;
}

/// Second: a reset. Whether it ended the connection or the segment.
bool Tcp::on_reset(Connection& c, const Segment& segment) noexcept {
  if (!segment.has(flag::rst)) { return false; }
  // RFC 5961 §3.2: only the exact number is believed.
  if (segment.seq != c.rcv_nxt) {
    challenge(c);
    return true;
  }
  ++counters_.resets_in;
  if (c.state == TcpState::syn_received) {
    fail(c, Error::connection_refused);
  } else if (c.state == TcpState::closing || c.state == TcpState::last_ack) {
    // §3.10.7.4: both ends have ended; what the peer did not acknowledge it does not want.
    c.tx_size == 0 ? finish(c) : fail(c, Error::connection_reset);
  } else {
    fail(c, Error::connection_reset);
  }
  return true;
}

/// Fifth: the acknowledgement. Whether to go on with the segment.
bool Tcp::check_ack(Connection& c, const Segment& segment) noexcept {
  if (!segment.has(flag::ack)) { return false; }
  if (c.state == TcpState::syn_received) {
    if (segment.ack <= c.snd_una || segment.ack > c.snd_nxt) {
      const FlowKey key = c.key;
      send_reply({key, segment.ack, SeqNumber(), flag::rst, 0}, {});
      ++counters_.resets_out;
      return false;
    }
    // The SYN takes a place in front of the data, which the ring does not have.
    c.snd_una += 1;
    c.snd_wl1 = segment.seq;
    c.snd_wnd = std::uint32_t{segment.window} << c.snd_scale;
    c.max_snd_wnd = std::max<std::uint32_t>(c.max_snd_wnd, c.snd_wnd);
    establish(c);
  }
  // RFC 5961 §5.2
  if (segment.ack > c.snd_nxt || segment.ack < c.snd_una - std::max<std::uint32_t>(c.max_snd_wnd, 1)) {
    ++counters_.unacceptable;
    challenge(c);
    return false;
  }
  on_ack(c, segment);
  return c.state != TcpState::free && c.state != TcpState::closed;
}

/// Our end has arrived.
void Tcp::on_fin_acknowledged(Connection& c) noexcept {
  switch (c.state) {
    case TcpState::fin_wait_1: c.state = TcpState::fin_wait_2; break;
    case TcpState::closing: return enter_time_wait(c);
    case TcpState::last_ack: return finish(c);
    default: break;
  }
}

void Tcp::segment_in(Connection& c, const Segment& segment) noexcept {
  if (c.state == TcpState::aborting || c.state == TcpState::closed) { return; }
  if (c.state == TcpState::syn_sent) { return segment_in_syn_sent(c, segment); }
  // Both ends have opened, and this is the peer's answer to our SYN: its SYN once more.
  if (c.state == TcpState::syn_received && segment.has(flag::syn) && segment.has(flag::ack) &&
      segment.seq + 1 == c.rcv_nxt && segment.ack == c.snd_nxt) {
    Segment rest = segment;
    rest.seq += 1;
    rest.flags = static_cast<std::uint8_t>(rest.flags & ~flag::syn);
    if (check_ack(c, rest)) {
      c.ack_due = true;
      make_ready(c);
    }
    return;
  }
  if (!acceptable(c, segment)) { return; }
  if (on_reset(c, segment)) { return; }
  // Fourth: a SYN (RFC 5961 §4.2).
  if (segment.has(flag::syn)) { return challenge(c); }
  c.heard_at = now_ms_;
  c.keep_alive_sent = 0;
  if (!check_ack(c, segment)) { return; }
  if constexpr (features::kTcpEcn) {
    if (c.ecn) {
      // RFC 3168 §6.1.3
      if (segment.has(flag::cwr)) { c.ece_due = false; }
      if (segment.congested) {
        c.ece_due = true;
        c.ack_due = true;
        make_ready(c);
      }
    }
  }
  // Sixth, urgent data: they are data like others here (RFC 6093), so there is nothing to do. Seventh and eighth: text
  // and end.
  if (segment.length() != 0) { receive(c, segment); }
}

/// RFC 9293 §3.10.7.3
void Tcp::segment_in_syn_sent(Connection& c, const Segment& segment) noexcept {
  if (segment.has(flag::ack) && segment.ack != c.snd_nxt) {
    if (!segment.has(flag::rst)) {
      const FlowKey key = c.key;
      ++counters_.resets_out;
      send_reply({key, segment.ack, SeqNumber(), flag::rst, 0}, {});
    }
    return;
  }
  // Before our SYN has gone out nothing can be an answer to it.
  if (c.syn_due && c.timer == TcpTimer::none) { return; }
  if (segment.has(flag::rst)) {
    if (segment.has(flag::ack)) {
      ++counters_.resets_in;
      fail(c, Error::connection_refused);
    }
    return;
  }
  if (!segment.has(flag::syn)) { return; }

  Handshake agreed = offered(c.key, segment);
  agreed.sack = agreed.sack && c.sack;
  agreed.timestamps = agreed.timestamps && c.timestamps;
  agreed.ts_offset = c.ts_offset;
  // RFC 3168 §6.1.1: an answer of ECE alone; ECE and CWR together is what a broken peer reflects.
  agreed.ecn =
      c.ecn && segment.has(flag::ece) && (segment.has(flag::ack) ? !segment.has(flag::cwr) : segment.has(flag::cwr));
  c.route_neighbor = 0xffff;
  begin(c, agreed);
  c.snd_wl1 = segment.seq;
  c.snd_wnd = segment.window;  // RFC 7323 §2.2: a SYN's window is never scaled
  c.max_snd_wnd = c.snd_wnd;
  if (!segment.has(flag::ack)) {
    // Both ends have opened at the same time (§3.5): our SYN again, now with an acknowledgement.
    c.state = TcpState::syn_received;
    c.syn_due = true;
    make_ready(c);
    return;
  }
  c.snd_una = segment.ack;
  if (c.backoff == 0) { c.rtt.sample(now_us_ - c.rack_sent); }
  c.rack_sent = 0;
  establish(c);
  network_.confirm_reachable(route_of(c));
  c.ack_due = true;
  make_ready(c);
  if (!segment.payload.empty() || segment.has(flag::fin)) {
    Segment rest = segment;
    rest.seq += 1;
    rest.flags = static_cast<std::uint8_t>(rest.flags & ~flag::syn);
    receive(c, rest);
  }
}

}  // namespace nal::embedded

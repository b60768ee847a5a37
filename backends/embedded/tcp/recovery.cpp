// What the peer does not have: losses found and recovered from (RFC 5681, 6582, 6675, 8985).
#include <algorithm>

#include "backends/embedded/tcp/steps.hpp"

namespace nal::embedded {

namespace {

constexpr std::uint32_t kDupThresh = 3;

}  // namespace

/// Gives up what this acknowledgement tells to be lost, and begins recovery. Whether something was.
bool Tcp::detect_loss(Connection& c, const Scoreboard::Delivered& delivered, bool partial) noexcept {
  bool found = false;
  if (uses_rack(c)) {
    // Without either everything before what was delivered is acknowledged.
    if (c.rack_rtt != 0 && (c.sent.sacked() != 0 || c.recovery != TcpRecovery::open)) { found = rack_detect(c); }
  } else if (features::kTcpSack && c.sack) {
    // RFC 6675 §4: three segments behind it have arrived.
    if (delivered.sacked != 0 || partial) {
      found = c.sent.mark_lost_below(c.snd_una, (kDupThresh - 1) * c.segment_size());
    }
    // §5: fewer, but no more can be sent that would tell.
    if (!found && c.recovery == TcpRecovery::fast && partial && c.sent.sacked() == 0) {
      c.sent.mark_first_lost(c.snd_una, c.segment_size());
    }
  } else if (partial) {
    // RFC 6582 §3.2 step 3: the next one was lost, too.
    c.sent.mark_first_lost(c.snd_una, c.segment_size());
    return true;
  } else if (c.duplicates == kDupThresh && c.recovery != TcpRecovery::fast && c.recovery != TcpRecovery::loss &&
             c.snd_una > c.recover) {
    c.sent.mark_first_lost(c.snd_una, c.segment_size());
    found = true;
  }
  if (found) { enter_recovery(c); }
  return found;
}

void Tcp::enter_recovery(Connection& c) noexcept {
  make_ready(c);
  if (c.recovery == TcpRecovery::fast || c.recovery == TcpRecovery::loss) { return; }
  // What ECN told in this window has been answered already (RFC 3168 §6.1.2).
  if (c.recovery != TcpRecovery::ecn) { c.congestion.reduce(c.flight(), c.mss, tuning_.cubic); }
  c.congestion.enter_recovery(c.flight());
  c.congestion.in_recovery(0, c.pipe(), c.mss, false);
  c.recovery = TcpRecovery::fast;
  c.recover = c.snd_nxt;
  c.cwr_due = c.ecn;
  c.tlp_sent = false;
  if (c.timer == TcpTimer::tlp) { arm(c, TcpTimer::rto, rto(c)); }
}

/// §6.2 step 4: something was sent again for nothing, so more patience; once a round trip.
void Tcp::rack_adapt(Connection& c) noexcept {
  if (c.dsack_round && c.snd_una >= c.dsack_until) { c.dsack_round = false; }
  if (c.dsack_round) { return; }
  c.dsack_round = true;
  c.dsack_until = c.snd_nxt;
  if (c.rack_multiplier < 0xff) { ++c.rack_multiplier; }
  c.rack_persist = 16;
}

/// How much later than others a segment may come without being lost, microseconds.
std::uint32_t Tcp::rack_window(const Connection& c) const noexcept {
  if (!c.reordering) {
    if (c.recovery == TcpRecovery::fast || c.recovery == TcpRecovery::loss) { return 0; }
    if (c.sent.sacked() > (kDupThresh - 1) * c.segment_size()) { return 0; }
  }
  const std::uint64_t window = std::uint64_t{c.rtt.min_rtt()} * c.rack_multiplier / 4;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(window, c.rtt.srtt()));
}

/// §6.2 step 5. Sets the timer for what cannot be told yet.
bool Tcp::rack_detect(Connection& c) noexcept {
  bool found = false;
  const std::uint32_t wait =
      c.sent.mark_lost_before(c.snd_una, c.rack_end, c.rack_sent, c.rack_rtt + rack_window(c), now_us_, found);
  if (wait != 0) { arm(c, TcpTimer::reorder, wait / 1000 + 1); }
  return found;
}

}  // namespace nal::embedded

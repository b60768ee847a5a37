// SYN cookies (RFC 4987 §3.6): where every entry is taken, what would be kept in one is put into our first number, and
// comes back with the last acknowledgement. What fits: the peer's MSS, roughly. Window scale, SACK and ECN need
// timestamps, in whose low bits they travel.
#include "backends/embedded/tcp/tcp.hpp"

namespace nal::embedded {

namespace {

constexpr std::uint16_t kSizes[] = {536, 1220, 1300, 1360, 1400, 1440, 1460, 8960};
constexpr std::uint32_t kSizeBits = 3;
constexpr std::uint32_t kMinuteBits = 5;
constexpr std::uint32_t kCookie = 3;  ///< the purpose of the key
constexpr std::uint32_t kLife = 2;    ///< minutes that an answer may take
/// In the low bits of a timestamp: the scale in four, SACK, ECN. They make it up to 64 ms early.
constexpr std::uint32_t kStampMask = 0x3f;
constexpr std::uint32_t kStampSack = 0x10;
constexpr std::uint32_t kStampEcn = 0x20;
constexpr std::uint32_t kStampNoScale = 0x0f;

/// Where there are cookies the secret is SipHash's key.
template <class Secret>
std::uint64_t hash(const Secret& secret, std::span<const std::uint32_t> words) noexcept {
  if constexpr (features::kTcpSynCookies) { return siphash(secret, words); }
  return 0;
}

}  // namespace

std::uint32_t Tcp::cookie(const FlowKey& key, SeqNumber irs, std::uint32_t minute) const noexcept {
  const std::uint64_t flow = keyed(key, kCookie);
  const std::uint32_t words[] = {static_cast<std::uint32_t>(flow), static_cast<std::uint32_t>(flow >> 32), irs.value(),
                                 minute};
  return static_cast<std::uint32_t>(hash(secret_, words)) << (kSizeBits + kMinuteBits);
}

void Tcp::send_cookie(ListenerEntry& listener, const FlowKey& key, Handshake agreed) noexcept {
  const std::uint32_t minute = now_ms_ / 60'000;
  std::uint32_t size = 0;
  while (size + 1 < std::size(kSizes) && kSizes[size + 1] <= agreed.peer_mss) { ++size; }
  agreed.iss = SeqNumber(cookie(key, agreed.irs, minute) | (minute & ((1u << kMinuteBits) - 1)) << kSizeBits | size);
  if (agreed.timestamps) {
    std::uint32_t low = agreed.peer_scale == 0xff ? kStampNoScale : agreed.peer_scale;
    if (agreed.sack) { low |= kStampSack; }
    if (agreed.ecn) { low |= kStampEcn; }
    std::uint32_t stamp = now_ms_ + agreed.ts_offset;
    stamp = (stamp & ~kStampMask) | low;
    if (earlier(now_ms_ + agreed.ts_offset, stamp)) { stamp -= kStampMask + 1; }
    agreed.ts_offset = stamp - now_ms_;
  } else {
    agreed.peer_scale = 0xff;
    agreed.sack = agreed.ecn = false;
  }
  if (!send_syn_ack(key, listener, agreed)) { return; }
  ++counters_.cookies_out;
  listener.cookies = true;
  listener.cookies_until = now_ms_ + kLife * 60'000;
}

/// Whether the segment was the answer to one: it made a connection, or was dropped for want of room.
bool Tcp::take_cookie(ListenerEntry& listener, const FlowKey& key, const Segment& segment) noexcept {
  if constexpr (features::kTcpSynCookies) {
    if (!listener.cookies) { return false; }
    if (due(listener.cookies_until)) {
      listener.cookies = false;
      return false;
    }
    const SeqNumber iss = segment.ack - 1;
    const SeqNumber irs = segment.seq - 1;
    const std::uint32_t now = now_ms_ / 60'000;
    const std::uint32_t age = (now - (iss.value() >> kSizeBits)) & ((1u << kMinuteBits) - 1);
    if (age > kLife) { return false; }
    constexpr std::uint32_t kHashMask = ~((1u << (kSizeBits + kMinuteBits)) - 1);
    if ((iss.value() & kHashMask) != cookie(key, irs, now - age)) { return false; }
    Handshake agreed;
    agreed.irs = irs;
    agreed.iss = iss;
    agreed.peer_mss = kSizes[iss.value() & ((1u << kSizeBits) - 1)];
    if (features::kTcpTimestamps && tuning_.timestamps && segment.options.timestamps) {
      const std::uint32_t low = segment.options.tsecr & kStampMask;
      const std::uint32_t scale = low & 0x0f;
      agreed.timestamps = true;
      agreed.ts_recent = segment.options.tsval;
      agreed.ts_offset = timestamp_offset(key);
      if (features::kTcpWindowScale && tuning_.window_scale && scale != kStampNoScale) {
        agreed.peer_scale = static_cast<std::uint8_t>(scale);
      }
      agreed.sack = features::kTcpSack && tuning_.sack && (low & kStampSack) != 0;
      agreed.ecn = features::kTcpEcn && tuning_.ecn && (low & kStampEcn) != 0;
    }
    if (complete(listener, key, agreed, segment)) { ++counters_.cookies_in; }
    return true;
  } else {
    static_cast<void>(listener), static_cast<void>(key), static_cast<void>(segment);
    return false;
  }
}

}  // namespace nal::embedded

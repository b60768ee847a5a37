#pragma once
#include "backends/embedded/storage/deadline_heap.hpp"
#include "backends/embedded/tcp/connection.hpp"

namespace nal::embedded {

struct NoTcpAgreed {
  static constexpr Absent<bool> sack{}, timestamps{}, ecn{};
};
struct TcpAgreed {
  bool sack : 1 = false;
  bool timestamps : 1 = false;
  bool ecn : 1 = false;
};
struct NoPeerScale {
  static constexpr Absent<std::uint8_t, 0xff> peer_scale{};
};
struct PeerScale {
  std::uint8_t peer_scale = 0xff;  ///< 0xff: no window scaling
};

/// What the handshake of a connection agrees on, and what a listener keeps of it until the last acknowledgement.
struct Handshake : std::conditional_t<kTcpAnyFlags, TcpAgreed, NoTcpAgreed>,
                   std::conditional_t<features::kTcpWindowScale, PeerScale, NoPeerScale>,
                   std::conditional_t<features::kTcpTimestamps, TcpTimestamps, NoTcpTimestamps> {
  SeqNumber irs;
  SeqNumber iss;
  std::uint16_t peer_mss = 536;
  std::uint16_t window = 0;  ///< of the SYN: not scaled (RFC 7323 §2.2)
};

/// A connection that a peer asks for: without rings until its last acknowledgement.
struct SynEntry : Flow, Handshake {
  InterfaceIndex interface = 0;      ///< where it came from
  std::uint16_t listener = kNoFlow;  ///< `kNoFlow`: the entry is free
  std::uint8_t sent = 0;             ///< how often our SYN was sent
  bool due : 1 = false;              ///< to be sent again as soon as the network can
  bool acknowledged : 1 = false;     ///< the peer holds it for made; there was no room for it so far
  std::uint32_t at = 0;              ///< when it is due again
};

/// A connection that has ended, kept so that its late segments disturb no other (RFC 9293 §3.6.1).
struct TimeWaitEntry : Flow, std::conditional_t<features::kTcpTimestamps, TcpTimestamps, NoTcpTimestamps> {
  FlowIndex next = kNoFlow;  ///< by age, or of the free ones
  FlowIndex previous = kNoFlow;
  bool used : 1 = false;
  bool timestamps : 1 = false;
  std::uint8_t window_scale = 0;
  SeqNumber snd_nxt;
  SeqNumber rcv_nxt;
  std::uint32_t at = 0;  ///< when it is over
};

/// Where connections are waited for.
struct ListenerEntry : std::conditional_t<features::kFewSockets, UnhashedFlow, HashedFlow> {
  Address local;
  std::uint16_t port = 0;  ///< 0: free
  InterfaceIndex interface = 0;
  Family family = Family::v4;
  bool any = false;  ///< at every address of the family
  bool share = false;
  std::uint16_t generation = 0;
  std::uint16_t backlog = 0;
  std::uint16_t waiting = 0;  ///< to be accepted
  FlowIndex first = kNoFlow;
  FlowIndex last = kNoFlow;
  std::uint32_t cookies_until = 0;  ///< up to when an answer to a SYN cookie may come, if `cookies`
  bool cookies = false;
  TcpOptions options;
  WaitList acceptable;
};

/// Rings of one size, lent one pair a connection.
struct RingClass {
  std::uint32_t rx = 0;
  std::uint32_t tx = 0;
  std::uint16_t count = 0;
  std::uint16_t free = kNoFlow;  ///< the first free one
  std::uint16_t first = 0;       ///< of `next`
  std::uint16_t records = 0;     ///< transmit records of each
  std::byte* bytes = nullptr;
  SentData::Record* record = nullptr;
  RangeSet::Range* range = nullptr;
  std::uint16_t ranges = 0;  ///< of received data, of each
};

}  // namespace nal::embedded

#pragma once
#include <type_traits>

#include "backends/embedded/absent.hpp"
#include "backends/embedded/storage/byte_ring.hpp"
#include "backends/embedded/storage/deadline_heap.hpp"
#include "backends/embedded/storage/range_set.hpp"
#include "backends/embedded/tcp/congestion.hpp"
#include "backends/embedded/tcp/flow.hpp"
#include "backends/embedded/tcp/rtt.hpp"
#include "backends/embedded/tcp/seq_number.hpp"
#include "backends/embedded/tcp/simple_scoreboard.hpp"
#include "nal/tcp.hpp"

namespace nal::embedded {

/// RFC 9293 §3.3.2, without LISTEN and TIME-WAIT, which have tables of their own.
enum class TcpState : std::uint8_t {
  free,
  syn_sent,
  syn_received,  ///< both ends opened at the same time; a listener's are `SynEntry`s
  established,
  fin_wait_1,
  fin_wait_2,
  close_wait,
  closing,
  last_ack,
  closed,    ///< nothing comes or goes any more; what has arrived can be read
  aborting,  ///< a reset is still to be sent; then free
};

/// Whose a connection is.
enum class TcpOwner : std::uint8_t {
  none,
  handle,
  backlog,    ///< waits to be accepted
  lingering,  ///< dropped; says its last
};

/// What is being done about losses.
enum class TcpRecovery : std::uint8_t {
  open,
  ecn,   ///< the peer has told of congestion in this window (RFC 3168 §6.1.2)
  fast,  ///< fast recovery: what was lost is being sent again, clocked by acknowledgements
  loss,  ///< the retransmission timer expired
};

/// What the retransmission timer stands for: one at a time (RFC 8985 §7.2).
enum class TcpTimer : std::uint8_t {
  none,
  rto,      ///< RFC 6298
  tlp,      ///< RFC 8985 §7: a probe for the tail
  reorder,  ///< RFC 8985 §6.2 step 5: what may have been overtaken only
  persist,  ///< RFC 9293 §3.8.6.1: nothing is under way and the window is too small for what waits
};

// What some features need of a connection; without them it takes no memory and is always zero.

struct NoTcpFlags {
  static constexpr Absent<bool> keep_alive{}, sack{}, timestamps{}, ecn{};
  static constexpr Absent<bool> keep_alive_due{}, ece_due{}, cwr_due{};
  static constexpr Absent<bool> reordering{}, tlp_sent{}, tlp_again{}, dsack_round{};
};
struct TcpFlags {
  bool keep_alive : 1 = false;
  // What the handshake agreed on.
  bool sack : 1 = false;
  bool timestamps : 1 = false;
  bool ecn : 1 = false;
  // What is to be sent.
  bool keep_alive_due : 1 = false;
  bool ece_due : 1 = false;  ///< RFC 3168 §6.1.3: told until the peer says CWR
  bool cwr_due : 1 = false;
  // What is known.
  bool reordering : 1 = false;   ///< RFC 8985: seen on this path
  bool tlp_sent : 1 = false;     ///< the last thing sent was a probe, up to `recover`
  bool tlp_again : 1 = false;    ///< and it was sent before
  bool dsack_round : 1 = false;  ///< RFC 8985: `dsack_until` is of meaning
};
inline constexpr bool kTcpAnyFlags =
    features::kTcpKeepAlive || features::kTcpSack || features::kTcpTimestamps || features::kTcpEcn;

struct NoTcpRackCounts {
  static constexpr Absent<std::uint8_t> rack_multiplier{}, rack_persist{};
};
struct TcpRackCounts {
  std::uint8_t rack_multiplier = 1;  ///< RFC 8985: of the reordering window
  std::uint8_t rack_persist = 0;     ///< and for how many recoveries
};

struct NoTcpRack {
  static constexpr Absent<std::uint32_t> rack_rtt{};
  static constexpr Absent<SeqNumber> rack_end{}, dsack_until{};
};
struct TcpRack {
  SeqNumber rack_end;
  std::uint32_t rack_rtt = 0;  ///< microseconds
  SeqNumber dsack_until;
};

struct NoTcpTimestamps {
  static constexpr Absent<std::uint32_t> ts_recent{}, ts_offset{};
};
struct TcpTimestamps {
  std::uint32_t ts_recent = 0;
  std::uint32_t ts_offset = 0;  ///< what our timestamps are ahead of the clock
};

struct NoTcpKeepAlive {
  static constexpr Absent<std::uint8_t> keep_alive_sent{}, keep_alive_probes{};
  static constexpr Absent<std::uint16_t> keep_alive_idle{}, keep_alive_interval{};
};
struct TcpKeepAlive {
  std::uint8_t keep_alive_sent = 0;
  std::uint8_t keep_alive_probes = 0;
  std::uint16_t keep_alive_idle = 0;      ///< seconds
  std::uint16_t keep_alive_interval = 0;  ///< seconds
};

struct NoTcpScale {
  static constexpr Absent<std::uint8_t> snd_scale{}, rcv_scale{};
};
struct TcpScale {
  std::uint8_t snd_scale = 0;
  std::uint8_t rcv_scale = 0;
};

/// Whose backlog a connection is in.
struct TcpBacklog {
  std::uint16_t listener = kNoFlow;
};
struct NoTcpBacklog {
  static constexpr Absent<std::uint16_t> listener{};
};

/// What is known of a connection beside who waits for it: made new for each. Times are milliseconds since the stack's
/// start, low 32 bits.
struct ConnectionData : std::conditional_t<features::kTcpTimestamps, TcpTimestamps, NoTcpTimestamps>,
                        std::conditional_t<features::kTcpRackTlp, TcpRack, NoTcpRack>,
                        std::conditional_t<kTcpAnyFlags, TcpFlags, NoTcpFlags>,
                        std::conditional_t<features::kTcpRackTlp, TcpRackCounts, NoTcpRackCounts>,
                        std::conditional_t<features::kTcpWindowScale, TcpScale, NoTcpScale>,
                        std::conditional_t<features::kTcpListener, TcpBacklog, NoTcpBacklog>,
                        std::conditional_t<features::kTcpKeepAlive, TcpKeepAlive, NoTcpKeepAlive> {
  TcpState state = TcpState::free;
  TcpOwner owner = TcpOwner::none;
  TcpRecovery recovery = TcpRecovery::open;
  TcpTimer timer = TcpTimer::none;

  // Where it is in lists.
  FlowIndex queue_next = kNoFlow;  ///< of a backlog, of those that linger, or of the free ones
  FlowIndex queue_previous = kNoFlow;

  // What was asked for.
  std::uint8_t hop_limit = 0;  ///< 0: the stack's choice

  std::uint8_t traffic_class = 0;
  bool no_delay : 1 = true;
  // What is to be sent.
  bool syn_due : 1 = false;
  bool ack_due : 1 = false;      ///< now, not with the next data
  bool ack_waiting : 1 = false;  ///< at `ack_at`, if nothing carries it before
  bool fin_queued : 1 = false;   ///< behind the data
  bool probe_due : 1 = false;    ///< one segment in spite of windows: by the timer that has expired
  // What is known.
  bool fin_acknowledged : 1 = false;
  bool fin_received : 1 = false;  ///< everything before it too
  bool fin_early : 1 = false;     ///< the peer's end is at `fin_at`, with something missing before it
  bool linger_timer : 1 = false;
  bool slow_syn : 1 = false;        ///< the handshake's first segment was lost
  bool ready : 1 = false;           ///< is in the list of those with something to do
  bool small_segments : 1 = false;  ///< a black hole is suspected: RFC 8899 §4.3
  bool device_sums : 1 = false;     ///< the device of `route_interface` makes checksums
  bool device_cuts : 1 = false;     ///< it cuts what is larger than a segment

  Error error{};             ///< why it is closed, if not cleanly
  Error soft_error{};        ///< what the network last told (RFC 1122 §4.2.3.9); why, should it time out
  std::uint8_t backoff = 0;  ///< how often the retransmission timer doubled
  std::uint8_t ring_class : 4 = 0;
  std::uint8_t quick_acks : 4 = 0;  ///< of the first segments: each is acknowledged at once, for the peer's slow start
  InterfaceIndex route_interface = 0;
  std::uint8_t duplicates = 0;     ///< duplicate acknowledgements in a row, of a peer that tells no more
  std::uint16_t ring = kNoFlow;    ///< which of the rings it has, or none
  std::uint16_t user_timeout = 0;  ///< seconds; 0: as for all

  // The way there; the source is `key.local`.
  Address next_hop;
  std::uint16_t route_version = 0;  ///< low bits
  std::uint16_t route_mtu = 0;
  std::uint16_t route_neighbor = 0xffff;
  std::uint16_t mss = 536;       ///< of what we send: payload and options together
  std::uint16_t peer_mss = 536;  ///< what the peer said
  std::uint16_t rcv_mss = 536;   ///< the largest segment of late: what a full one is

  // What is used most stands first, in reach of short instructions.

  RingSize tx_size = 0;    ///< how many bytes are in `tx`, sent or not
  RingSize rx_unread = 0;  ///< how many are in `rx`, up to `rcv_nxt`
  // RFC 9293 §3.3.1
  RingSize snd_wnd = 0;
  RingSize max_snd_wnd = 0;
  SeqNumber snd_una;
  SeqNumber snd_nxt;  ///< behind everything ever sent
  SeqNumber rcv_nxt;
  SeqNumber rcv_adv;  ///< the window's right edge as advertised
  SeqNumber last_ack_sent;
  SeqNumber recover;  ///< of `recovery`, or of a probe: it ends when this is acknowledged

  std::uint32_t timer_at = 0;     ///< of `timer`
  std::uint32_t ack_at = 0;       ///< of `ack_waiting`, or of `linger_timer`: who lingers takes no data
  std::uint32_t heard_at = 0;     ///< the last segment of the peer
  std::uint32_t progress_at = 0;  ///< since when something is unacknowledged without progress
  /// When the SYN was sent; later RFC 8985's: of what was delivered last, 0 with `rack_rtt` 0. Microseconds.
  std::uint32_t rack_sent = 0;
  SeqNumber snd_wl1;
  SeqNumber fin_at;

  CongestionControl congestion;
  RttEstimator rtt;
  ByteRing tx;  ///< from the first byte that is not acknowledged on
  ByteRing rx;  ///< from the first byte that was not read on
  SentData sent;
  RangeSet early;  ///< what is in `rx` behind `rcv_nxt`

  /// Behind the last byte of data to be sent.
  SeqNumber data_end() const noexcept { return snd_una + tx_size; }
  bool fin_sent() const noexcept { return fin_acknowledged || (fin_queued && data_end() < snd_nxt); }
  std::uint32_t flight() const noexcept { return snd_nxt - snd_una; }
  /// What is thought to be in the network (RFC 6675 §4).
  std::uint32_t pipe() const noexcept {
    const std::uint32_t gone = sent.sacked() + sent.lost() + duplicates * std::uint32_t{mss};
    return flight() > gone ? flight() - gone : 0;
  }
  /// RFC 9293 §3.3.2: beyond the handshake and not over.
  bool synchronized() const noexcept { return state >= TcpState::established && state <= TcpState::last_ack; }
  /// What could still be received.
  std::uint32_t receive_room() const noexcept { return rx.size() - rx_unread; }
  std::size_t timestamp_size() const noexcept { return features::kTcpTimestamps && timestamps ? 12 : 0; }
  /// Payload that fits beside the options that every segment has.
  std::uint32_t segment_size() const noexcept { return mss - static_cast<std::uint32_t>(timestamp_size()); }
};

using TcpDeadline = std::conditional_t<features::kFewSockets, ScannedDeadline, DeadlineLinks>;

/// A TCP connection: what RFC 9293 calls its control block.
struct Connection : Flow, ConnectionData {
  TcpDeadline deadline;
  FlowIndex ready_next = kNoFlow;  ///< of those with something to do
  FlowIndex ready_previous = kNoFlow;
  std::uint16_t generation = 0;  ///< how many have been in this place
  WaitList readable;
  WaitList writable;

  void wake() noexcept {
    readable.wake_all();
    writable.wake_all();
  }
};

}  // namespace nal::embedded

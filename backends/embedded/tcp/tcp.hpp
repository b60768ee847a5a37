#pragma once
#include "backends/embedded/storage/siphash.hpp"
#include "backends/embedded/table_key.hpp"
#include "backends/embedded/tcp/handles.hpp"
#include "backends/embedded/tcp/memory.hpp"
#include "backends/embedded/tcp/segment.hpp"
#include "backends/embedded/tcp/tuning.hpp"
#include "nal/random.hpp"

namespace nal::embedded {

/// What has happened, for whoever wants to know; each wraps.
struct TcpCounters {
  Counter segments_in = 0;
  Counter segments_out = 0;
  Counter malformed = 0;  ///< header or length wrong, or to or from where no segment may go
  Counter bad_checksum = 0;
  Counter resets_out = 0;
  Counter resets_in = 0;
  Counter retransmitted = 0;  ///< segments
  Counter timeouts = 0;       ///< of the retransmission timer
  Counter probes = 0;         ///< of windows, tails and silent peers
  Counter out_of_order = 0;   ///< segments
  Counter unacceptable = 0;   ///< segments outside the window, or with an acknowledgement of what was never sent
  Counter challenges = 0;     ///< RFC 5961
  Counter syns_dropped = 0;   ///< for want of room
  Counter cookies_out = 0;
  Counter cookies_in = 0;  ///< connections made of them
};

/// TCP (RFC 9293) over a `Network`: connections, listeners, and the API of their handles. Owns no clock and no memory;
/// nothing here waits. What an application does through a handle puts the connection on a list and wakes `work()`;
/// `poll` sends.
class Tcp : private std::conditional_t<features::kTcpTuning, TcpTuned, TcpUntuned> {
 public:
  /// All of them outlive it. `memory` is its own from now on.
  Tcp(const TcpMemory& memory, Network& network, Random& random, TcpTuningGiven tuning = TcpTuning{}) noexcept;
  Tcp(const Tcp&) = delete;
  Tcp& operator=(const Tcp&) = delete;
  ~Tcp();

  /// A packet with a TCP header in front. Takes it.
  void input(const Ingress& ingress, Packet&& packet, Instant now) noexcept;
  /// ICMP told of a segment of this host's. Whether there is such a segment under way.
  bool delivery_error(const DeliveryError& error, Instant now) noexcept;
  /// Does what is due, for about `budget` connections. Whether something is left that can be done at once.
  bool poll(Instant now, unsigned budget) noexcept {
    advance_clock(now);
    return has_work() && work_off(budget);
  }
  /// When `poll` is to be called next, whatever happens; at once (a time that has passed) only if it then does
  /// something.
  Instant poll_at() const noexcept;
  /// Woken when a handle has given `poll` something to do.
  WaitList& work() noexcept { return work_; }

  Result<TcpStream> start_tcp(const Endpoint& remote, const TcpOptions& options) noexcept {
    return start_tcp_from(Endpoint(IpAddress::unspecified(remote.address.family()), 0), remote, options);
  }
  Result<TcpStream> start_tcp_from(const Endpoint& local, const Endpoint& remote, const TcpOptions& options) noexcept;
  Result<TcpListener> listen(const Endpoint& local, const ListenOptions& options) noexcept;

  /// Connections that hold a slot, lingering ones included.
  std::size_t connections_in_use() const noexcept;
  std::size_t listeners_in_use() const noexcept;
  /// Handshakes that listeners have under way.
  std::size_t handshakes_in_use() const noexcept;
  std::size_t time_waits_in_use() const noexcept;
  /// Pairs of rings that are not lent.
  std::size_t rings_free() const noexcept;
  const TcpCounters& counters() const noexcept { return counters_; }
  const TcpTuning& tuning() const noexcept { return tuning_; }
  // Free entries are among these.
  std::span<const Connection> connections() const noexcept { return memory_.connections; }
  std::span<const ListenerEntry> listeners() const noexcept { return memory_.listeners; }

  // For the heap of deadlines.
  TcpDeadline& links(std::uint16_t i) noexcept { return memory_.connections[i].deadline; }
  std::uint16_t link_count() const noexcept { return static_cast<std::uint16_t>(memory_.connections.size()); }

 private:
  friend class TcpStream;
  friend class TcpListener;

  // tables.cpp: who is where.
  FlowIndex index_of(const Connection& c) const noexcept {
    return static_cast<FlowIndex>(&c - memory_.connections.data());
  }
  FlowIndex index_of(const SynEntry& entry) const noexcept {
    return static_cast<FlowIndex>(memory_.connections.size() +
                                  static_cast<std::size_t>(&entry - memory_.handshakes.data()));
  }
  FlowIndex index_of(const TimeWaitEntry& entry) const noexcept {
    return static_cast<FlowIndex>(memory_.connections.size() + memory_.handshakes.size() +
                                  static_cast<std::size_t>(&entry - memory_.time_waits.data()));
  }
  Flow& flow(FlowIndex index) noexcept;
  FlowIndex& bucket(const FlowKey& key) noexcept;
  FlowIndex find_flow(const FlowKey& key) noexcept;
  void link_flow(FlowIndex index) noexcept;
  void unlink_flow(FlowIndex index) noexcept;
  Result<Connection*> take_connection() noexcept;
  static constexpr unsigned kAnyClass = 0xffff;
  bool evict_lingering(unsigned ring_class) noexcept;
  void release(Connection& c) noexcept;
  bool lend_rings(Connection& c, std::uint8_t ring_class) noexcept;
  void return_rings(Connection& c) noexcept;
  struct Queue {
    FlowIndex first = kNoFlow;
    FlowIndex last = kNoFlow;
  };
  void push(FlowIndex& first, FlowIndex& last, Connection& c) noexcept;
  void unlink(FlowIndex& first, FlowIndex& last, Connection& c) noexcept;

  // tcp.cpp: input, what is ready, what is due.
  void advance_clock(Instant now) noexcept {
    now_ = now;
    now_us_ = static_cast<std::uint32_t>(now.microseconds());
    const auto passed = static_cast<std::uint64_t>(now.microseconds() - now_ms_began_);
    if (passed >= 1000) { next_millisecond(); }
  }
  void next_millisecond() noexcept;
  /// Whether there is something for `poll` to do.
  bool has_work() const noexcept {
    return ready_.first != kNoFlow ||
           (!deadlines_.empty() && due(memory_.connections[deadlines_.first()].deadline.at)) ||
           (handshake_timer_ && due(handshake_at_)) ||
           (old_.first != kNoFlow && due(memory_.time_waits[old_.first].at));
  }
  bool work_off(unsigned budget) noexcept;
  static bool verify(const Ingress& ingress, const wire::TcpView& view) noexcept;
  void make_ready(Connection& c) noexcept {
    if (!c.ready) { link_ready(c); }
  }
  void link_ready(Connection& c) noexcept;
  void unlink_ready(Connection& c) noexcept;
  /// All that is ready waits for the network.
  bool blocked() const noexcept { return stuck_ >= ready_count_; }
  void wait_for_network(Connection& c) noexcept;
  /// The same from a handle: whoever runs the stack is told.
  void kick(Connection& c) noexcept {
    make_ready(c);
    work_.wake_all();
  }
  /// Something was written: at once, where nothing is under way whose acknowledgement would send it.
  void written(Connection& c, Instant now) noexcept;
  inline void schedule(Connection& c) noexcept;
  inline bool in_time(const Connection& c) const noexcept;
  void move_deadline(Connection& c) noexcept;
  void on_deadline(Connection& c) noexcept;
  std::uint32_t next_deadline(const Connection& c, bool& any) const noexcept;

  // life.cpp: beginnings and ends.
  void configure(Connection& c, const TcpOptions& options) noexcept;
  void begin(Connection& c, const Handshake& agreed) noexcept;
  void establish(Connection& c) noexcept;
  void fail(Connection& c, Error error) noexcept;
  void finish(Connection& c) noexcept;
  void drop(Connection& c) noexcept;
  void abort(Connection& c) noexcept;
  void reset_peer(Connection& c) noexcept;
  void leave_backlog(Connection& c) noexcept;
  void leave_lingering(Connection& c) noexcept;

  // route.cpp: the way there and the size of what fits.
  bool refresh_route(Connection& c) noexcept;
  void take_route(Connection& c, const Route& route) noexcept;
  Route route_of(const Connection& c) const noexcept {
    Route route;
    route.source = c.key.local;
    route.next_hop = c.next_hop;
    route.interface = c.route_interface;
    route.mtu = c.route_mtu;
    route.neighbor = c.route_neighbor;
    return route;
  }
  void set_mtu(Connection& c, std::uint16_t mtu) noexcept;
  void suspect_black_hole(Connection& c) noexcept;

  // isn.cpp, ports.cpp
  SeqNumber initial_sequence(const FlowKey& key) noexcept;
  std::uint32_t timestamp_offset(const FlowKey& key) const noexcept {
    return features::kTcpTimestamps ? keyed_timestamp(key) : 0;
  }
  std::uint32_t keyed_timestamp(const FlowKey& key) const noexcept;
  /// What keyed numbers follow from: by SipHash, or where it would be for them alone, on machines that it is slow on,
  /// by ChaCha20, which is there already and has room for two IPv4 addresses.
  static constexpr bool kChaCha = sizeof(void*) < 8 && Address::kSize == 4 && !features::kTcpSynCookies;
  using Secret = std::conditional_t<kChaCha, std::array<std::uint32_t, 8>, SipKey>;
  static Secret new_secret(Random& random) noexcept;
  std::uint64_t keyed(const FlowKey& key, std::uint32_t purpose) const noexcept;
  Result<std::uint16_t> pick_port(FlowKey key) noexcept;
  Result<> claim_port(const FlowKey& key) noexcept;
  Result<std::uint16_t> pick_listen_port(const ListenerEntry& wanted) noexcept;
  bool listener_conflict(const ListenerEntry& wanted) const noexcept;

  enum class Sent : std::uint8_t { nothing, segment, blocked };
  // usual_in.cpp: what most segments are that arrive.
  bool usual_in(const Ingress& ingress, std::span<const std::byte> bytes) noexcept;
  inline bool usual_in(Connection& c, const Ingress& ingress, std::span<const std::byte> bytes) noexcept;
  inline void usual_ack(Connection& c, SeqNumber ack, std::uint32_t tsecr) noexcept;

  // usual_out.cpp: and what most are that are sent.
  enum class Done : std::uint8_t { all, blocked, nothing };
  Done usual_out(Connection& c) noexcept;
  bool transmit_usual(Connection& c) noexcept;
  Sent usual_segment(Connection& c, SeqNumber seq, std::uint32_t payload, std::uint8_t flags) noexcept;

  // segment_in.cpp: RFC 9293 §3.10.7.
  void segment_in(Connection& c, const Segment& segment) noexcept;
  void segment_in_syn_sent(Connection& c, const Segment& segment) noexcept;
  bool acceptable(Connection& c, const Segment& segment) noexcept;
  bool on_reset(Connection& c, const Segment& segment) noexcept;
  bool check_ack(Connection& c, const Segment& segment) noexcept;
  void on_fin_acknowledged(Connection& c) noexcept;
  void challenge(Connection& c) noexcept;
  bool may_challenge() noexcept;

  // receive.cpp: text, its order, and what is acknowledged when.
  void receive(Connection& c, const Segment& segment) noexcept;
  void on_fin(Connection& c) noexcept;
  void came_twice(const Connection& c, SeqNumber begin, std::uint32_t size) noexcept {
    if (!features::kTcpSack || !c.sack || size == 0) { return; }
    dsack_ = {begin.value(), (begin + size).value()};
    dsack_of_ = index_of(c);
  }
  inline void acknowledge_later(Connection& c, std::uint32_t bytes) noexcept;
  static inline std::uint32_t window_limit(const Connection& c) noexcept;
  inline std::uint16_t window_field(Connection& c) noexcept;
  inline void after_read(Connection& c) noexcept;

  // ack_in.cpp: what the peer has.
  void on_ack(Connection& c, const Segment& segment) noexcept;
  bool take_sack(Connection& c, const Segment& segment, Scoreboard::Delivered& delivered) noexcept;
  void take_acknowledged(Connection& c, SeqNumber ack, Scoreboard::Delivered& delivered) noexcept;
  void confirm(const Connection& c) noexcept;
  inline void grow(Connection& c, std::uint32_t acked, std::uint32_t flight) noexcept;
  /// `echo`: there is a `tsecr`.
  void sample_rtt(Connection& c, bool echo, std::uint32_t tsecr, const Scoreboard::Delivered& delivered) noexcept;
  bool update_window(Connection& c, SeqNumber seq, SeqNumber ack, std::uint16_t field, bool forward) noexcept;
  void on_congestion_told(Connection& c) noexcept;
  void end_of_probe(Connection& c, bool dsack) noexcept;

  // recovery.cpp: what it does not have.
  bool detect_loss(Connection& c, const Scoreboard::Delivered& delivered, bool partial) noexcept;
  inline void rack_update(Connection& c, bool echo, std::uint32_t tsecr,
                          const Scoreboard::Delivered& delivered) noexcept;
  void rack_adapt(Connection& c) noexcept;
  bool rack_detect(Connection& c) noexcept;
  std::uint32_t rack_window(const Connection& c) const noexcept;
  void enter_recovery(Connection& c) noexcept;
  bool uses_rack(const Connection& c) const noexcept {
    return features::kTcpRackTlp && features::kTcpSack && tuning_.rack_tlp && c.sack;
  }

  // timers.cpp
  inline void arm_retransmit(Connection& c) noexcept;
  inline void arm_after_sending(Connection& c) noexcept;
  inline std::uint32_t probe_timeout(const Connection& c) const noexcept;
  void arm(Connection& c, TcpTimer timer, std::uint32_t wait) noexcept {
    c.timer = timer;
    c.timer_at = now_ms_ + wait;
  }
  inline std::uint32_t rto(const Connection& c) const noexcept;
  void on_timer(Connection& c) noexcept;
  void on_rto(Connection& c) noexcept;
  bool gave_up(Connection& c) noexcept;
  /// How long something may stay unacknowledged.
  std::uint32_t patience(const Connection& c) const noexcept {
    if (c.user_timeout != 0) { return 1000u * c.user_timeout; }
    return c.synchronized() ? limits_.user_timeout : limits_.connect_timeout;
  }

  // send.cpp: what to send next. segment_out.cpp: sending it.
  struct Piece {
    SeqNumber begin;
    std::uint32_t payload;
    bool fin;
    bool again;  ///< sent before
  };
  bool transmit(Connection& c) noexcept {
    if constexpr (features::kFastPaths) {
      return transmit_usual(c);
    } else {
      return transmit_any(c);
    }
  }
  bool transmit_any(Connection& c) noexcept;
  Sent send_next(Connection& c) noexcept;
  Sent send_lost(Connection& c) noexcept;
  Sent send_new(Connection& c) noexcept;
  Sent send_probe(Connection& c) noexcept;
  Sent send_window_probe(Connection& c) noexcept;
  Sent send_tail_probe(Connection& c) noexcept;
  Sent send_first_time(Connection& c, std::uint32_t payload, bool fin) noexcept;
  Piece piece_of(const Connection& c, Scoreboard::Range range, std::uint32_t largest) const noexcept;
  std::uint32_t window_room(const Connection& c) const noexcept;
  std::uint32_t payload_limit(const Connection& c) const noexcept;

  Sent send_piece(Connection& c, const Piece& piece) noexcept;
  Sent shrink_segments(Connection& c, std::size_t room, std::size_t header_size, std::uint32_t payload) noexcept;
  static wire::Sum copy_out(const Connection& c, std::uint32_t offset, std::span<std::byte> out) noexcept;
  Sent send_syn(Connection& c) noexcept;
  Sent send_ack(Connection& c, SeqNumber seq) noexcept;
  SeqNumber acceptable_seq(const Connection& c) const noexcept;
  wire::TcpSegmentOptions segment_options(const Connection& c) const noexcept;
  /// Whether they tell of more than timestamps.
  bool tells_ranges(const Connection& c) const noexcept {
    return features::kTcpSack && c.sack && (!c.early.empty() || (dsack_of_ != kNoFlow && dsack_of_ == index_of(c)));
  }
  Result<> hand_on(Connection& c, Packet&& packet, std::uint8_t ecn) noexcept;
  Result<> emit(Connection& c, Packet&& packet, const wire::TcpHeader& header, const wire::TcpSegmentOptions* options,
                wire::Sum payload, std::uint16_t segment_size, std::uint8_t ecn) noexcept;
  Sent on_send_error(Connection& c, Error error) noexcept;
  /// A segment with an acknowledgement has gone out.
  void acknowledged(Connection& c) noexcept {
    c.ack_due = c.ack_waiting = false;
    if (dsack_of_ != kNoFlow && dsack_of_ == index_of(c)) { dsack_of_ = kNoFlow; }
    c.last_ack_sent = c.rcv_nxt;
  }

  // reply.cpp: segments without a connection.
  struct Reply {
    const FlowKey& key;
    SeqNumber seq;
    SeqNumber ack;
    std::uint8_t flags;
    std::uint16_t window;
    std::uint8_t hop_limit = 0;
    std::uint8_t traffic_class = 0;
  };
  bool send_reply(const Reply& reply, const wire::TcpSegmentOptions& options) noexcept;
  void reset_stranger(const FlowKey& key, const Segment& segment) noexcept;

  // listener.cpp, handshake.cpp, syn_cookie.cpp
  /// Calls `f` with each listener at a port.
  template <class F>
  void each_listener(std::uint16_t port, F f) const noexcept {
    if constexpr (features::kFewSockets) {
      for (ListenerEntry& listener : memory_.listeners) {
        if (listener.port == port) { f(listener); }
      }
    } else {
      for (FlowIndex i = listener_bucket(port); i != kNoFlow; i = memory_.listeners[i].hash_next) {
        if (memory_.listeners[i].port == port) { f(memory_.listeners[i]); }
      }
    }
  }
  /// Nobody but this host chooses what it listens at, so that the port itself is a good hash of it.
  FlowIndex& listener_bucket(std::uint16_t port) const noexcept {
    return memory_.buckets.listeners[port & (memory_.buckets.listeners.size() - 1)];
  }
  ListenerEntry* find_listener(const FlowKey& key) noexcept;
  void listen_in(ListenerEntry& listener, const FlowKey& key, const Segment& segment) noexcept;
  void handshake_in(SynEntry& entry, const Segment& segment) noexcept;
  Connection* complete(ListenerEntry& listener, const FlowKey& key, const Handshake& agreed,
                       const Segment& segment) noexcept;
  Handshake offered(const FlowKey& key, const Segment& segment) noexcept;
  bool send_syn_ack(const FlowKey& key, const ListenerEntry& listener, const Handshake& agreed) noexcept;
  SynEntry* take_handshake() noexcept;
  void release(SynEntry& entry) noexcept;
  void try_syn_ack(SynEntry& entry) noexcept;
  void drop(ListenerEntry& listener) noexcept;
  void poll_handshakes() noexcept;
  void handshake_due(std::uint32_t at) noexcept;
  std::uint8_t scale_for(std::uint8_t ring_class) const noexcept;
  std::uint16_t our_mss(const FlowKey& key, std::uint16_t mtu) const noexcept;
  void send_cookie(ListenerEntry& listener, const FlowKey& key, Handshake agreed) noexcept;
  bool take_cookie(ListenerEntry& listener, const FlowKey& key, const Segment& segment) noexcept;
  std::uint32_t cookie(const FlowKey& key, SeqNumber irs, std::uint32_t minute) const noexcept;

  // time_wait.cpp
  void enter_time_wait(Connection& c) noexcept;
  bool time_wait_in(TimeWaitEntry& entry, const Segment& segment) noexcept;
  void release(TimeWaitEntry& entry) noexcept;
  void append(TimeWaitEntry& entry) noexcept;
  void unlink(TimeWaitEntry& entry) noexcept;
  void poll_time_waits() noexcept;

  /// Whether `at` has come.
  bool due(std::uint32_t at) const noexcept { return !earlier(now_ms_, at); }

  // First, in reach of short instructions.
  std::uint32_t now_ms_ = 0;
  std::uint32_t now_us_ = 0;
  Instant now_{};
  std::int64_t now_ms_began_ = 0;  ///< the time at which `now_ms_` was new
  TcpMemory memory_;
  Network& network_;
  Random& random_;
  HashKey hash_key_;
  Secret secret_;
  std::conditional_t<features::kFewSockets, DeadlineScan<Tcp>, DeadlineHeap<Tcp>> deadlines_;
  Queue ready_;
  Queue lingering_;
  Queue free_;  ///< connections
  Queue old_;   ///< TIME-WAIT entries by age
  FlowIndex free_time_wait_ = kNoFlow;
  FlowIndex free_handshake_ = kNoFlow;  ///< by `hash_next`
  FlowIndex confirmed_ = kNoFlow;  ///< whose way there was last told to work, and when: once a millisecond is enough
  std::uint32_t confirmed_ms_ = 0;
  FlowIndex last_found_ = kNoFlow;  ///< a linked connection: what comes next is most often for it, too
  std::uint16_t ready_count_ = 0;
  std::uint16_t stuck_ = 0;       ///< how many of them in a row have found the network full
  std::uint16_t handshakes_ = 0;  ///< in use
  std::uint16_t time_waits_ = 0;
  std::uint16_t connections_ = 0;
  std::uint16_t aborting_ = 0;  ///< of them, those that hold a slot only until their reset is sent
  std::uint16_t challenges_left_ = 0;
  bool handshake_timer_ = false;
  bool blocked_ = false;            ///< what is ready waits for the network
  std::uint32_t handshake_at_ = 0;  ///< when the first of them is due
  std::uint32_t challenge_second_ = 0;
  /// RFC 2883: what has come twice, of the connection that was sent it last; it is told with the next acknowledgement.
  RangeSet::Range dsack_{};
  FlowIndex dsack_of_ = kNoFlow;
  SeqNumber iss_above_;  ///< what a new connection's first number must be ahead of, if `iss_above_known_`
  bool iss_above_known_ = false;
  TcpCounters counters_;
  WaitList work_;
};

}  // namespace nal::embedded

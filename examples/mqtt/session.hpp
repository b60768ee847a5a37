#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "examples/mqtt/clock.hpp"
#include "examples/mqtt/config.hpp"
#include "examples/mqtt/features.hpp"
#include "examples/mqtt/inbox.hpp"
#include "examples/mqtt/outbox.hpp"
#include "examples/mqtt/packet_ids.hpp"
#include "examples/mqtt/session_parts.hpp"
#include "examples/mqtt/text.hpp"
#include "nal/future.hpp"

namespace mqtt {

template <Features F>
class BasicSession;
template <Features F>
class BasicMessage;
template <Features F>
class Publishing;
template <Features F>
class Streaming;
template <Features F>
class Enqueuing;
template <Features F>
class ChangingSubscription;
template <Features F>
class Subscribing;
template <Features F>
class Unsubscribing;
template <Features F>
class Receiving;
template <Features F>
class ReadingMessage;
template <Features F>
class Waiting;

using Session = BasicSession<kFull>;
using SmallSession = BasicSession<kSmall>;
using Message = BasicMessage<kFull>;
using SmallMessage = BasicMessage<kSmall>;

/// A message that was received: views into the client's receive buffer, which it holds until it is destroyed.
/// Destroying it acknowledges it (QoS 1 and 2), so a message whose handling was cut off by a power failure comes again.
/// While it lives no other message can be received, and those that arrive fill the buffer. The session outlives it.
template <Features F>
class [[nodiscard("dropping a message acknowledges it")]] BasicMessage {
 public:
  BasicMessage(BasicSession<F>& session, const Publish& packet) noexcept : session_(&session), packet_(packet) {}
  BasicMessage(BasicMessage&& other) noexcept
      : session_(std::exchange(other.session_, nullptr)), packet_(other.packet_) {}
  BasicMessage& operator=(BasicMessage&& other) noexcept {
    if (this != &other) {
      release();
      session_ = std::exchange(other.session_, nullptr);
      packet_ = other.packet_;
    }
    return *this;
  }
  ~BasicMessage() { release(); }

  std::string_view topic() const noexcept { return packet_.topic; }
  /// All of it, if the message is whole; nothing if it is larger than the buffer, and `read` gives it in pieces.
  std::span<const std::byte> payload() const noexcept { return packet_.payload; }
  std::string_view text() const noexcept { return text_of(packet_.payload); }
  QoS qos() const noexcept { return packet_.qos; }
  bool retain() const noexcept { return packet_.retain; }
  /// It may have been received before.
  bool duplicate() const noexcept { return packet_.duplicate; }
  /// Of 5.0; empty otherwise.
  const Properties& properties() const noexcept { return packet_.properties; }

  /// All of that at once, for `Routes`. Ends with the message.
  const Publish& packet() const noexcept { return packet_; }

  /// Of the whole payload.
  std::size_t size() const noexcept
    requires(F.streaming);
  bool whole() const noexcept
    requires(F.streaming);
  /// See operations.hpp.
  [[nodiscard]] ReadingMessage<F> read() noexcept
    requires(F.streaming);

 private:
  void release() noexcept {
    if (session_) { std::exchange(session_, nullptr)->released(); }
  }
  BasicSession<F>* session_;
  Publish packet_;
};

/// One MQTT session: what the application uses, whatever the transport, and the protocol as a machine without I/O or a
/// clock that a `Client` (or a test, or a fuzzer) drives. Confined to one executor. `Session` can do everything,
/// `SmallSession` the least; any other set of features is as good.
///
/// Messages of QoS 1 and 2 that were accepted stay in the store until the server has taken them, across any number of
/// connections and runs; they are sent in order, with DUP when they were sent before. Subscriptions stay likewise and
/// are asked for anew when the server does not know the session any more.
template <Features F>
class BasicSession : detail::Front {
 public:
  using State = SessionState;

  [[gnu::noinline]] BasicSession(const Config& config, const Memory& memory) noexcept;
  BasicSession(const BasicSession&) = delete;
  BasicSession& operator=(const BasicSession&) = delete;
  ~BasicSession() { NAL_ASSERT(delivery_ != Delivery::handed_out); }

  // For applications: operations.hpp, to be included for them, says what each does.
  [[nodiscard]] Publishing<F> publish(std::string_view topic, std::span<const std::byte> payload,
                                      QoS qos = QoS::at_most_once, Retain retain = Retain::no,
                                      const Properties& properties = {}) noexcept;
  [[nodiscard]] Publishing<F> publish(std::string_view topic, std::string_view text, QoS qos = QoS::at_most_once,
                                      Retain retain = Retain::no, const Properties& properties = {}) noexcept;
  [[nodiscard]] Enqueuing<F> enqueue(std::string_view topic, std::span<const std::byte> payload,
                                     QoS qos = QoS::at_least_once, Retain retain = Retain::no,
                                     const Properties& properties = {}) noexcept;
  [[nodiscard]] Enqueuing<F> enqueue(std::string_view topic, std::string_view text, QoS qos = QoS::at_least_once,
                                     Retain retain = Retain::no, const Properties& properties = {}) noexcept;
  [[nodiscard]] Streaming<F> stream(std::string_view topic, std::size_t size, QoS qos = QoS::at_most_once,
                                    Retain retain = Retain::no, const Properties& properties = {}) noexcept
    requires(F.streaming);
  [[nodiscard]] Subscribing<F> subscribe(std::string_view filter, QoS qos = QoS::at_most_once) noexcept;
  [[nodiscard]] Subscribing<F> subscribe(const FilterEntry& entry, const Properties& properties = {}) noexcept;
  [[nodiscard]] Unsubscribing<F> unsubscribe(std::string_view filter) noexcept;
  [[nodiscard]] Receiving<F> receive() noexcept;
  [[nodiscard]] Waiting<F> connected() noexcept;
  [[nodiscard]] Waiting<F> drained() noexcept;
  [[nodiscard]] Waiting<F> disconnect() noexcept;
  [[nodiscard]] Waiting<F> authenticate() noexcept
    requires(F.version_5);

  /// Accepts a message without waiting: with QoS 1 or 2 into the store, connected or not; with QoS 0 only while online,
  /// and if it fits the send buffer. *Errors*: would_block: no room now, or QoS 0 and not online; message_size: it can
  /// never fit, or the server does not take so much; invalid_argument: the topic, or a property; not_supported: QoS 2
  /// where that is no feature, or what the server cannot do; closed: QoS 0 and `run` has ended; the store's own. The
  /// value names the message for `in_flight` (0: QoS 0, nothing to wait for).
  nal::Result<std::uint32_t> try_publish(std::string_view topic, std::span<const std::byte> payload, QoS qos,
                                         Retain retain, const Properties& properties = {}) noexcept;
  /// The server has not taken it yet.
  bool in_flight(std::uint32_t serial) noexcept;
  std::size_t in_flight_count() noexcept;
  /// Asks `run` to end as soon as what stands in the send buffer is sent. Needs no waiting; `disconnect` is this and
  /// the wait. The reason is told to a server of 5.0: `disconnect_with_will` has it publish the will.
  void stop(Reason reason = Reason::success) noexcept;

  State state() const noexcept { return state_; }
  /// CONNACK has come: on this connection, or, while it cannot be gone on with, on any of this run.
  bool was_up() const noexcept {
    if constexpr (F.version_5) {
      if (state_ == State::failing) { return five_.was_online; }
    }
    return state_ >= State::online;
  }
  bool stopped() const noexcept { return state_ == State::stopped; }
  /// Why the last connection or attempt ended.
  const Failure& failure() const noexcept { return failure_; }
  const Config& config() const noexcept { return config_; }
  /// MQTT 5.0 is spoken.
  bool version_5() const noexcept { return F.version_5 && (!F.version_3_1_1 || config_.version == Version::mqtt_5); }
  /// Of the connection that there is, or was last.
  const ServerLimits& server() const noexcept
    requires(F.version_5)
  {
    return five_.server;
  }
  /// The client identifier: the configured one, or that which the server has assigned if there was room for it.
  std::string_view client_id() const noexcept;

  // For whoever moves the bytes.
  /// *Errors*: invalid_argument, buffer_too_small, message_size: CONNECT cannot be made of this configuration;
  /// not_supported: it wants what is no feature; the store's.
  nal::Result<> start() noexcept;
  /// There is a connection: nothing was sent or received on it yet.
  void link_up(nal::Instant now) noexcept;
  /// There is none any more. What was in flight is to be sent again.
  void link_down(const Failure& failure, nal::Duration retry_in) noexcept;
  void run_ended() noexcept;
  /// Parses what has arrived and looks at the clock. *Errors*: the connection must end; `fatal()` says why.
  nal::Result<> advance(nal::Instant now) noexcept;
  /// After an error of `advance`: whether something is to be sent before the connection is closed.
  bool say_why() noexcept;
  /// Where to put what arrives next; empty while nothing more can be taken.
  std::span<std::byte> input_room() noexcept { return inbox_.room(); }
  void received(std::size_t n, nal::Instant now) noexcept;
  /// What to send next, in order; nothing when both are empty.
  void output(std::span<const std::byte> (&pieces)[2]) noexcept;
  /// The first piece of that.
  std::span<const std::byte> output() noexcept {
    std::span<const std::byte> pieces[2];
    output(pieces);
    return pieces[0].empty() ? pieces[1] : pieces[0];
  }
  void sent(std::size_t n, nal::Instant now) noexcept;
  /// When `advance` has something to do even if nothing arrives.
  nal::Instant deadline() const noexcept { return instant_of(due()); }
  Time due() const noexcept;
  /// DISCONNECT has been sent: close the connection.
  bool finished() const noexcept { return disconnect_queued_ && outbox_.empty(); }
  bool stop_wanted() const noexcept { return stop_wanted_; }
  const Failure& fatal() const noexcept { return fatal_; }
  bool failed() const noexcept { return fatal_.cause != Failure::Cause::none; }
  /// The connection must end. False, as what failed gives.
  [[gnu::noinline]] bool fail(Failure::Cause cause, nal::Error error) noexcept {
    fatal_ = Failure::of(cause, error);
    return false;
  }
  /// Where the server that ended the last connection wants this client to go (5.0 §4.13); ends with `link_down`.
  std::string_view server_reference() const noexcept {
    if constexpr (F.version_5) { return five_.reference; }
    return {};
  }
  void tell(const Notice& notice) noexcept {
    if constexpr (F.callbacks) {
      if (config_.observer.tell) { config_.observer.tell(config_.observer.context, notice); }
    }
  }
  void tell(Notice::Kind kind) noexcept {
    if constexpr (F.callbacks) { tell(Notice{kind}); }
  }
  nal::WaitList& work() noexcept { return work_; }

 private:
  friend class BasicMessage<F>;
  friend class Publishing<F>;
  friend class Streaming<F>;
  friend class Enqueuing<F>;
  friend class ChangingSubscription<F>;
  friend class Receiving<F>;
  friend class ReadingMessage<F>;
  friend class Waiting<F>;
  using Direct = detail::Direct;
  using Answer = detail::Answer;
  using Owed = detail::Owed;

  using Delivery = detail::Delivery;
  using Discard = detail::Discard;
  /// What the server said of a message is kept until whoever waits for it has seen it.
  static constexpr bool kAwaits = F.version_5 || F.streaming;
  static constexpr std::size_t kAnswerSize = F.version_5 ? 5 : 4;
  /// A streamed message goes on behind its head only if there is so much room for its pieces.
  static constexpr std::size_t kPieceRoom = 16;
  /// What the store has of a message that is streamed: room for its PUBREL. Smaller than any PUBLISH with an
  /// identifier.
  static constexpr std::size_t kStreamedSize = 4;

  // session_link.hpp
  nal::Result<> fill_connect() noexcept;
  bool starts_clean() const noexcept;
  void requeue() noexcept;
  nal::Result<> restore() noexcept;
  static nal::Result<> take_restored(void* self, StoreKey key, std::span<const std::byte> bytes) noexcept;
  [[gnu::noinline]] bool fail(Fault fault) noexcept {
    fatal_ = Failure::protocol(fault);
    return false;
  }
  [[gnu::noinline]] void expect_answer(nal::Instant now) noexcept {
    answer_due_ = true;
    rest_.answer_by = after(now, config_.answer_timeout.microseconds());
  }
  void check_clock(nal::Instant now) noexcept;
  bool handle_connack(const Response& packet) noexcept;
  void take_server(const Response& packet) noexcept;
  bool handle_disconnect(const Response& packet) noexcept;
  bool handle_auth(const Response& packet) noexcept;
  nal::Poll<nal::Result<>> poll_authenticate(bool& begun) noexcept;
  bool send_auth(Reason reason, Authenticator::Step step, std::span<const std::byte> data) noexcept;
  void kick() noexcept { work_.wake_all(); }
  std::uint16_t keep_alive() const noexcept {
    if constexpr (F.version_5) { return five_.keep_alive; }
    return config_.keep_alive;
  }

  // session_send.hpp
  std::uint16_t next_packet_id() noexcept;
  nal::Result<std::size_t> size_of(const Publish& packet, std::size_t payload) noexcept;
  nal::Result<std::size_t> encode_any_head(std::span<std::byte> room, const Publish& packet,
                                           std::size_t payload) noexcept;
  nal::Result<> check_publish(const Publish& packet, std::size_t payload, std::size_t& size) noexcept;
  nal::Result<Record*> accept(Publish& packet, std::size_t size) noexcept;
  nal::Result<> store_publish(Publish& packet, std::uint32_t& serial) noexcept;
  nal::Result<> begin_direct(Direct& direct, Publish& packet, std::size_t size) noexcept;
  bool absorb(Direct& direct) noexcept;
  void abandon(Direct& direct) noexcept;
  void forget(std::uint32_t serial) noexcept;
  bool may_send_messages() noexcept;
  std::size_t window() noexcept;
  Record* next_to_send() noexcept;
  /// The record of a message of QoS 2 that the server has: a PUBREL.
  bool is_release(const Record& record) noexcept {
    return F.qos_2 && (store_.bytes(record)[0] >> 4) == std::byte{static_cast<std::uint8_t>(PacketType::pubrel)};
  }
  /// Its payload is not in the store.
  bool is_streamed(const Record& record) noexcept {
    return F.streaming && record.size == kStreamedSize && !is_release(record);
  }
  void fill_outbox() noexcept;
  [[gnu::noinline]] bool fill_short(PacketType type, std::uint16_t packet_id = 0) noexcept;
  bool fill_disconnect(Reason reason) noexcept;
  bool fill_answer() noexcept;
  void answer(const Answer& answer) noexcept;
  bool handle_acknowledge(const Response& packet) noexcept;
  bool handle_pubrec(const Response& packet) noexcept;
  bool handle_pubrel(const Response& packet) noexcept;
  void settle_message(Record& record, Reason reason, const Properties& properties) noexcept;
  void refuse_what_the_server_cannot() noexcept;

  // session_subscriptions.hpp
  bool handle_suback(const Response& packet) noexcept;
  void fill_subscriptions() noexcept;
  nal::Poll<nal::Result<>> begin_subscription(const FilterEntry& entry, const Properties& properties, bool leave,
                                              std::uint32_t& serial) noexcept;
  Record* subscription_of(std::string_view filter) noexcept;
  /// How much of a subscription's bytes stands in front of its filter: with the feature, the properties that SUBSCRIBE
  /// has, as they stand there.
  std::size_t prefix_of(const Record& record) noexcept;
  std::string_view filter_of(const Record& record) noexcept {
    return text_of(subscriptions_.bytes(record).subspan(prefix_of(record)));
  }
  void renew_subscriptions(bool session_present) noexcept;
  void tell_refused(const Record& record, const Properties& properties) noexcept;
  Reason check_subscription(const Record& record) noexcept;

  // session_receive.hpp
  bool handler() const noexcept { return F.callbacks && config_.handler.take != nullptr; }
  Fault read(std::span<const std::byte> bytes, Header& header) noexcept;
  Fault read(const Header& header, std::span<const std::byte> body, Publish& packet) noexcept;
  Fault read(const Header& header, std::span<const std::byte> body, Response& packet) noexcept;
  void parse() noexcept;
  Fault check_allowed(const Header& header) const noexcept;
  bool handle(const Header& header, std::span<const std::byte> body) noexcept;
  bool handle_publish(const Header& header, std::span<const std::byte> body) noexcept;
  bool check_arrived(const Publish& packet) noexcept;
  void deliver() noexcept;
  bool resolve_alias(Publish& packet) noexcept;
  void offer(const Owed& owed) noexcept;
  void settle(const Owed& owed) noexcept;
  /// False while more must arrive, or be done, first, or when it has failed.
  bool begin_oversized(const Header& header) noexcept;
  bool begin_streaming(const Header& header) noexcept;
  bool begin_discarding(const Header& header) noexcept;
  bool go_on_discarding() noexcept;
  void throw_away(std::size_t size, std::uint16_t packet_id, QoS qos) noexcept;
  void released() noexcept;
  nal::Poll<nal::Result<std::span<const std::byte>>> poll_piece(nal::Context& context, nal::Waiter& waiter) noexcept;

  struct Five {
    explicit Five(const Memory& memory) noexcept
        : aliases_in(memory.aliases_in, memory.aliases_in_topics),
          aliases_out(memory.aliases_out, memory.aliases_out_topics),
          client_id(memory.client_id) {}
    RecordStore aliases_in;   ///< their numbers stand where packet identifiers do
    RecordStore aliases_out;  ///< the first is alias 1
    std::span<std::byte> client_id;
    std::size_t client_id_size = 0;
    ServerLimits server{};
    std::string_view reference{};
    std::uint16_t keep_alive = 0;
    std::uint16_t unacknowledged = 0;  ///< messages of QoS 1 and 2 that came over this connection
    Reason goodbye = Reason::success;
    bool aliases_stale = false;   ///< those in `aliases_in` are of an earlier connection
    bool was_online = false;      ///< in this run
    bool authenticating = false;  ///< anew
    bool authenticated = false;   ///< the last time anew worked
  };
  struct QoS2 {
    explicit QoS2(const Memory& memory) noexcept : received(memory.received) {}
    PacketIds received;                ///< not released yet
    std::uint16_t stray_releases = 0;  ///< PUBRELs of messages that this client knows nothing of
  };
  struct Stream {
    std::size_t size = 0;  ///< of the payload
    std::size_t left = 0;  ///< of it, from the piece on that is shown
    std::size_t shown = 0;
    bool active = false;  ///< the message that is held is larger than the buffer, and goes on
    bool broken = false;  ///< and its connection is gone
  };

  Outbox outbox_;
  Inbox inbox_;
  RecordStore store_;
  RecordStore subscriptions_;

  nal::WaitList work_;      ///< `run`, for something to do
  nal::WaitList room_;      ///< whoever has something to publish
  nal::WaitList messages_;  ///< whoever receives
  nal::WaitList changed_;   ///< whoever waits for an answer of the server, or for a state

  detail::Rest rest_{};
  Config config_;
  [[no_unique_address]] detail::MemberIf<F.version_5, Five, 0> five_;
  [[no_unique_address]] detail::MemberIf<F.qos_2, QoS2, 1> two_;
  [[no_unique_address]] detail::MemberIf<F.streaming, Stream, 2> stream_;
};

}  // namespace mqtt

#include "examples/mqtt/session_link.hpp"
#include "examples/mqtt/session_receive.hpp"
#include "examples/mqtt/session_send.hpp"
#include "examples/mqtt/session_subscriptions.hpp"

// Where size counts, each program has its own, into which what is called once is inlined.
#ifndef __OPTIMIZE_SIZE__
namespace mqtt {

// Compiled once, in sessions.cpp.
extern template class BasicSession<kFull>;
extern template class BasicSession<kSmall>;

}  // namespace mqtt
#endif

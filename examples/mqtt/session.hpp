#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "examples/mqtt/config.hpp"
#include "examples/mqtt/inbox.hpp"
#include "examples/mqtt/outbox.hpp"
#include "examples/mqtt/text.hpp"
#include "nal/future.hpp"

namespace mqtt {

class Publishing;
class Enqueuing;
class Subscribing;
class Unsubscribing;
class Receiving;
class Waiting;

enum class Retain : bool { no, yes };

/// A message that was received: views into the client's receive buffer, which it holds until it is destroyed.
/// Destroying it acknowledges it (QoS 1), so a message whose handling was cut off by a power failure comes again. While
/// it lives no other message can be received, and those that arrive fill the buffer. The session outlives it.
class [[nodiscard("dropping a message acknowledges it")]] Message {
 public:
  Message(Session& session, const Publish& packet) noexcept : session_(&session), packet_(packet) {}
  Message(Message&& other) noexcept : session_(std::exchange(other.session_, nullptr)), packet_(other.packet_) {}
  Message& operator=(Message&& other) noexcept;
  ~Message() { release(); }

  std::string_view topic() const noexcept { return packet_.topic; }
  std::span<const std::byte> payload() const noexcept { return packet_.payload; }
  std::string_view text() const noexcept { return text_of(packet_.payload); }
  QoS qos() const noexcept { return packet_.qos; }
  bool retain() const noexcept { return packet_.retain; }
  /// It may have been received before.
  bool duplicate() const noexcept { return packet_.duplicate; }

 private:
  void release() noexcept;
  Session* session_;
  Publish packet_;
};

/// One MQTT session: what the application uses, whatever the transport, and the protocol as a machine without I/O or a
/// clock that a `Client` (or a test, or a fuzzer) drives. Confined to one executor.
///
/// Messages of QoS 1 that were accepted stay in the store until their PUBACK, across any number of connections and
/// runs; they are sent in order, with DUP when they were sent before. Subscriptions stay likewise and are asked for
/// anew when the server does not know the session any more.
class Session {
 public:
  enum class State : std::uint8_t {
    idle,        ///< `run` was not started yet
    connecting,  ///< there is no connection; one is being made, now or after a wait
    handshake,   ///< CONNECT was sent
    online,      ///< CONNACK has come
    stopping,    ///< DISCONNECT is on its way
    stopped,     ///< `run` has ended
  };

  Session(const Config& config, const Memory& memory) noexcept;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { NAL_ASSERT(delivery_ != Delivery::handed_out); }

  // For applications: operations.hpp, to be included for them, says what each does.
  [[nodiscard]] Publishing publish(std::string_view topic, std::span<const std::byte> payload,
                                   QoS qos = QoS::at_most_once, Retain retain = Retain::no) noexcept;
  [[nodiscard]] Publishing publish(std::string_view topic, std::string_view text, QoS qos = QoS::at_most_once,
                                   Retain retain = Retain::no) noexcept;
  [[nodiscard]] Enqueuing enqueue(std::string_view topic, std::span<const std::byte> payload,
                                  QoS qos = QoS::at_least_once, Retain retain = Retain::no) noexcept;
  [[nodiscard]] Enqueuing enqueue(std::string_view topic, std::string_view text, QoS qos = QoS::at_least_once,
                                  Retain retain = Retain::no) noexcept;
  [[nodiscard]] Subscribing subscribe(std::string_view filter, QoS qos = QoS::at_most_once) noexcept;
  [[nodiscard]] Unsubscribing unsubscribe(std::string_view filter) noexcept;
  [[nodiscard]] Receiving receive() noexcept;
  [[nodiscard]] Waiting connected() noexcept;
  [[nodiscard]] Waiting drained() noexcept;
  [[nodiscard]] Waiting disconnect() noexcept;

  /// Accepts a message without waiting: with QoS 1 into the store, connected or not; with QoS 0 only while online.
  /// *Errors*: would_block: no room now, or QoS 0 and not online; message_size: it can never fit; invalid_argument: the
  /// topic; not_supported: QoS 2; closed: QoS 0 and `run` has ended. The value names the message for `in_flight`
  /// (0: QoS 0, nothing to wait for).
  nal::Result<std::uint32_t> try_publish(std::string_view topic, std::span<const std::byte> payload, QoS qos,
                                         Retain retain) noexcept;
  /// Still waits for its PUBACK.
  bool in_flight(std::uint32_t serial) noexcept { return serial != 0 && store_.with_serial(serial) != nullptr; }
  std::size_t in_flight_count() const noexcept { return store_.count(); }
  /// Asks `run` to end as soon as what stands in the send buffer is sent. Needs no waiting; `disconnect` is this and
  /// the wait.
  void stop() noexcept;

  State state() const noexcept { return state_; }
  bool stopped() const noexcept { return state_ == State::stopped; }
  /// Why the last connection or attempt ended.
  const Failure& failure() const noexcept { return failure_; }
  const Config& config() const noexcept { return config_; }

  // For whoever moves the bytes.
  /// *Errors*: invalid_argument, buffer_too_small, message_size: CONNECT cannot be made of this configuration.
  nal::Result<> start() noexcept;
  /// There is a connection: nothing was sent or received on it yet.
  void link_up(nal::Instant now) noexcept;
  /// There is none any more. What was in flight is to be sent again.
  void link_down(const Failure& failure, nal::Duration retry_in) noexcept;
  void run_ended() noexcept;
  /// Parses what has arrived and looks at the clock. *Errors*: the connection must end; `fatal()` says why.
  nal::Result<> advance(nal::Instant now) noexcept;
  /// Where to put what arrives next; empty while nothing more can be taken.
  std::span<std::byte> input_room() noexcept { return inbox_.room(); }
  void received(std::size_t n, nal::Instant now) noexcept;
  /// What to send next; empty when there is nothing.
  std::span<const std::byte> output() noexcept;
  void sent(std::size_t n, nal::Instant now) noexcept;
  /// When `advance` has something to do even if nothing arrives.
  nal::Instant deadline() const noexcept;
  /// DISCONNECT has been sent: close the connection.
  bool finished() const noexcept { return finished_; }
  bool stop_wanted() const noexcept { return stop_wanted_; }
  const Failure& fatal() const noexcept { return fatal_; }
  void tell(const Notice& notice) noexcept;
  nal::WaitList& work() noexcept { return work_; }

 private:
  friend class Message;
  friend class Publishing;
  friend class Enqueuing;
  friend class Subscribing;
  friend class Unsubscribing;
  friend class Receiving;
  friend class Waiting;

  /// What becomes of the message that is held for the application.
  enum class Delivery : std::uint8_t { none, offered, handed_out };
  /// How far a PUBLISH that does not fit has been thrown away.
  enum class Discard : std::uint8_t { none, topic, packet_id, payload };

  // session.cpp
  Connect connect_packet() const noexcept;
  void requeue() noexcept;
  std::uint16_t next_packet_id() noexcept;
  void fill_outbox() noexcept;
  bool fill_empty(PacketType type) noexcept;
  void kick() noexcept { work_.wake_all(); }

  // session_subscriptions.cpp
  nal::Result<> handle_suback(const Suback& packet) noexcept;
  nal::Result<> handle_unsuback(const Acknowledge& packet) noexcept;
  void fill_subscriptions() noexcept;
  nal::Poll<nal::Result<std::uint32_t>> begin_subscription(std::string_view filter, QoS qos, bool leave) noexcept;
  Record* subscription_of(std::string_view filter) noexcept;
  void renew_subscriptions(bool session_present) noexcept;

  // session_input.cpp
  nal::Result<> fail(const Failure& failure) noexcept;
  nal::Result<> fail(Fault fault) noexcept { return fail(Failure::protocol(fault)); }
  nal::Result<> parse() noexcept;
  Fault check_allowed(PacketType type, QoS qos) const noexcept;
  nal::Result<> handle(const Header& header, std::span<const std::byte> body) noexcept;
  nal::Result<> handle_connack(const Connack& packet) noexcept;
  nal::Result<> handle_puback(const Acknowledge& packet) noexcept;
  nal::Result<> handle_publish(const Header& header, std::span<const std::byte> body) noexcept;
  void deliver() noexcept;
  /// False while more must arrive first.
  nal::Result<bool> begin_discarding(const Header& header) noexcept;
  nal::Result<bool> go_on_discarding() noexcept;
  void discarded() noexcept;
  void acknowledge(std::uint16_t packet_id) noexcept;
  void released() noexcept;
  nal::Result<> check_clock(nal::Instant now) noexcept;

  Config config_;
  Inbox inbox_;
  Outbox outbox_;
  RecordStore store_;
  RecordStore subscriptions_;

  State state_ = State::idle;
  Failure failure_{};  ///< why the last connection ended
  Failure fatal_{};    ///< why this one must

  // Sending.
  std::uint32_t sending_ = 0;  ///< the message that is partly sent
  std::size_t sending_offset_ = 0;
  std::uint16_t last_packet_id_ = 0;
  std::uint16_t ack_due_ = 0;  ///< a PUBACK for which there was no room yet
  bool ping_due_ = false;
  bool stop_wanted_ = false;
  bool disconnect_queued_ = false;
  bool finished_ = false;

  // Receiving.
  Delivery delivery_ = Delivery::none;
  Publish message_{};
  std::uint16_t message_ack_ = 0;  ///< what to acknowledge when the message is released; 0: nothing
  std::size_t kept_ = 0;           ///< messages that wait in the inbox
  std::size_t kept_stale_ = 0;     ///< the oldest of them, which came over an earlier connection
  std::size_t oversized_ = 0;      ///< messages thrown away that the application has not been told of
  Discard discard_ = Discard::none;
  std::uint16_t discard_ack_ = 0;
  std::size_t discard_left_ = 0;  ///< bytes of the packet behind what has been thrown away
  std::size_t discard_size_ = 0;  ///< of the whole packet
  QoS discard_qos_ = QoS::at_most_once;

  // The clock.
  nal::Instant last_sent_{};
  nal::Instant last_received_{};
  nal::Instant answer_by_ = nal::Instant::max();  ///< CONNACK or PINGRESP

  nal::WaitList work_;      ///< `run`, for something to do
  nal::WaitList room_;      ///< whoever has something to publish
  nal::WaitList acked_;     ///< whoever waits for PUBACKs
  nal::WaitList answered_;  ///< whoever waits for SUBACK and UNSUBACK
  nal::WaitList messages_;  ///< whoever receives
  nal::WaitList changed_;   ///< whoever waits for a state
};

}  // namespace mqtt

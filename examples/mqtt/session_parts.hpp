#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "examples/mqtt/clock.hpp"
#include "examples/mqtt/failure.hpp"
#include "examples/mqtt/packet.hpp"

/// What a session is made of that does not depend on its features; included by session.hpp.
namespace mqtt {

enum class Retain : bool { no, yes };

enum class SessionState : std::uint8_t {
  idle,        ///< `run` was not started yet
  connecting,  ///< there is no connection; one is being made, now or after a wait
  handshake,   ///< CONNECT was sent
  online,      ///< CONNACK has come
  stopping,    ///< DISCONNECT is on its way
  failing,     ///< DISCONNECT is on its way, for a fault of the server's (5.0)
  stopped,     ///< `run` has ended
};

/// What the server of this connection can do (5.0 §3.2.2.3).
struct ServerLimits {
  std::uint32_t session_expiry = 0;                 ///< seconds
  std::uint32_t maximum_packet_size = 0xFFFF'FFFF;  ///< that it takes
  std::uint16_t receive_maximum = 0xFFFF;           ///< messages of QoS 1 and 2 on their way there at most
  std::uint16_t topic_alias_maximum = 0;
  QoS maximum_qos = QoS::exactly_once;
  bool retain = true;
  bool wildcards = true;
  bool subscription_ids = true;
  bool shared = true;
};

namespace detail {

/// A payload that is sent from where it lies, behind its head in the send buffer.
struct Direct {
  enum class Status : std::uint8_t {
    idle,
    active,
    done,    ///< all of it was sent
    broken,  ///< the connection ended before
  };
  std::span<const std::byte> chunk{};  ///< what there is of it now
  std::size_t left = 0;                ///< of the payload, `chunk` included
  std::size_t size = 0;                ///< of the payload
  std::size_t head = 0;                ///< bytes of the head
  std::uint32_t serial = 0;            ///< the record of a message of QoS 1 or 2
  Status status = Status::idle;
  bool new_alias = false;  ///< the head tells the server a topic alias
};

/// What the server waits for.
struct Answer {
  std::uint16_t packet_id = 0;  ///< 0: nothing
  PacketType type{};
  Reason reason = Reason::success;
};

/// What the server is to be told when a message was handled.
struct Owed {
  std::uint16_t packet_id = 0;  ///< 0: nothing, as of every message of QoS 0
  QoS qos = QoS::at_most_once;
  bool fresh = false;  ///< it came over the connection that there is
};

/// What becomes of the message that is held for the application.
enum class Delivery : std::uint8_t { none, offered, handed_out };
/// How far a PUBLISH that does not fit has been thrown away.
enum class Discard : std::uint8_t { none, packet_id, done };

// What a session counts and remembers, but for its buffers: zeros at first, in two parts, each of which is cleared as
// one.

/// What is used most: in front of the session, within reach of the short instructions of a Cortex-M.
struct Front {
  SessionState state_ = SessionState::idle;
  Delivery delivery_ = Delivery::none;
  Discard discard_ = Discard::none;
  QoS discard_qos_ = QoS::at_most_once;
  std::uint8_t answers_due_ = 0;
  bool ping_due_ = false;
  bool answer_due_ = false;  ///< CONNACK or PINGRESP, at `answer_by`
  bool stop_wanted_ = false;
  bool disconnect_queued_ = false;
  bool resumed_ = false;   ///< the server knew the session
  bool restored_ = false;  ///< what the store had kept was loaded
  std::uint16_t last_packet_id_ = 0;
  std::uint16_t discard_id_ = 0;

  // Sending.
  std::uint32_t sending_ = 0;  ///< the message that is partly sent
  std::size_t sending_offset_ = 0;
  Direct* direct_ = nullptr;  ///< the payload that follows what stands in the outbox

  // Receiving.
  std::size_t kept_ = 0;        ///< messages that wait in the inbox
  std::size_t kept_stale_ = 0;  ///< the oldest of them, which came over an earlier connection

  Failure fatal_{};    ///< why this connection must end
  Failure failure_{};  ///< why the last one ended
};

/// What is used less.
struct Rest {
  Time answer_by = 0;
  Time last_sent = 0;
  Time last_received = 0;
  /// For which there was no room yet. One of them is the application's, for the message that it has released; whatever
  /// else is to be answered waits until there are none.
  Answer answers[2]{};
  Publish message{};
  Owed owed{};                    ///< when the message is released
  std::size_t kept_orphaned = 0;  ///< the oldest of what is stale, of a session that the server has forgotten
  std::size_t oversized = 0;      ///< messages thrown away that the application has not been told of
  std::size_t discard_left = 0;   ///< bytes of the packet behind what has been thrown away
};

}  // namespace detail

}  // namespace mqtt

#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "examples/coap/config.hpp"
#include "examples/coap/message.hpp"
#include "examples/coap/random.hpp"
#include "nal/endpoint.hpp"
#include "nal/udp.hpp"
#include "nal/wait.hpp"

namespace coap {

class Node;

/// Both ends of an exchange.
struct Ends {
  nal::Endpoint remote{};
  nal::Endpoint local{};
};

/// Time in steps of about a second, of which 32 bits last for a century.
inline constexpr unsigned kCoarseBits = 20;
inline std::uint32_t coarse(nal::Instant at) noexcept {
  return static_cast<std::uint32_t>(at.microseconds() >> kCoarseBits);
}

bool same(const nal::Endpoint& a, const nal::Endpoint& b) noexcept;
// Times are of 64 bits: these are functions once rather than code everywhere.
nal::Instant later(nal::Instant now, nal::Duration time) noexcept;
/// Whether more than `time` has passed.
bool passed(nal::Duration time, nal::Instant since, nal::Instant now) noexcept;
/// `first` becomes the earlier one.
void earlier(nal::Instant& first, nal::Instant other) noexcept;

/// A message that has arrived.
struct Arrival {
  Message message{};
  Ends ends{};
  nal::Instant now{};
  bool multicast = false;  ///< it was sent to a group
  bool truncated = false;  ///< the receive buffer was too small for its payload
};

/// What a node carries: a client or a server. Not for applications.
class Role {
 public:
  /// Takes a message. May begin one message, the answer. False: it was not for this role.
  virtual bool receive(const Arrival& arrival) noexcept = 0;
  /// Begins the next message that is due. False: there is none.
  virtual bool fill(nal::Instant now) noexcept = 0;
  /// When `fill` has something to do even if nothing arrives.
  virtual nal::Instant deadline(nal::Instant now) const noexcept = 0;
  /// The message of that id, or without one whatever was sent to that remote end, could not be delivered.
  virtual void undeliverable(const nal::Endpoint& remote, std::optional<std::uint16_t> id,
                             nal::Error error) noexcept = 0;
  /// The stream is gone, and all that hung on it (only over TCP).
  virtual void disconnected(nal::Error error) noexcept = 0;

 protected:
  Role() = default;
  ~Role() = default;
};

/// When a message is to be sent again (RFC 7252 §4.2).
struct Retransmission {
  nal::Instant due{};
  std::uint32_t timeout = 0;  ///< milliseconds
  std::uint16_t id = 0;
  std::uint8_t count = 0;

  void start(Node& node, nal::Instant now) noexcept;
  /// False: it was sent often enough.
  bool again(const Node& node, nal::Instant now) noexcept;
  /// It is due that much later.
  void wait(nal::Instant now, nal::Duration time) noexcept;
};

/// One socket's, or one TCP connection's, share of the protocol: message layer, buffers, message ids and tokens, as a
/// machine without I/O or a clock. `run` (udp.hpp, tcp.hpp), a test or a fuzzer drives it. Confined to one executor.
///
/// A `Client`, a `Server` or both are made on it; it outlives them.
class Node {
 public:
  Node(const NodeConfig& config, const Memory& memory) noexcept;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  ~Node() { NAL_ASSERT(!held_ && !client_ && !server_); }

  const Transmission& transmission() const noexcept { return config_.transmission; }
  /// What follows from them (RFC 7252 §4.8.2).
  nal::Duration transmit_span() const noexcept { return transmit_span_; }
  nal::Duration exchange_lifetime() const noexcept { return exchange_lifetime_; }
  /// Messages go over a stream: no types, no ids, no repetition.
  bool reliable() const noexcept { return reliable_; }

  // For whoever moves datagrams.
  /// Where to put the next datagram; empty while none can be taken: an answer is being looked at, or a message waits to
  /// be sent.
  std::span<std::byte> input_room() noexcept { return held_ || busy_ ? std::span<std::byte>() : memory_.receive; }
  /// A datagram stands in `input_room`.
  void received(const nal::Received& about, nal::Instant now) noexcept;
  struct Outgoing {
    Ends ends;
    std::span<const std::byte> bytes;
  };
  /// The next datagram to send; it stays the same until `sent`. Null: there is none.
  const Outgoing* output(nal::Instant now) noexcept;
  /// The stack has taken it, or never will. A request that cannot be sent fails.
  void sent(nal::Result<> result) noexcept;
  /// The socket told that nobody hears us at the remote end (only connected sockets do).
  void refused(const nal::Endpoint& remote, nal::Error error) noexcept;
  /// When `output` has something even if nothing arrives.
  nal::Instant deadline(nal::Instant now) const noexcept;
  /// Whoever waits is polled again when there is something to do, and at `deadline`.
  void wait_for_work(nal::Context& context, nal::Waiter& waiter, nal::Timer& timer, nal::Instant now) noexcept;

  /// Over TCP: tells the peer, behind what is being sent, that it may close the connection (RFC 8323 §5.5). Answers
  /// that are under way still arrive; ask nothing more. `run` goes on until the peer has closed, and ends then with
  /// `closed`: bound it with a time-out, then close the stream. Over UDP there is nothing to tell.
  void leave() noexcept {
    leaving_ = true;
    kick();
  }

  // For roles.
  void attach_client(Role* role) noexcept;
  void attach_server(Role* role) noexcept;
  Random& random() noexcept { return random_; }
  Token make_token() noexcept;
  std::uint16_t next_id(nal::Instant now) noexcept;
  /// When an id may be taken for a request without taking one that the peer may remember (RFC 7252 §4.4).
  nal::Instant next_id_at() const noexcept;
  /// The message is made here and sent next, as a datagram of at most `limit` bytes. Only one at a time (asserted).
  MessageWriter& begin(Type type, Code code, std::uint16_t id, const Token& token, const Ends& ends,
                       std::size_t limit = kNoLimit) noexcept;
  static constexpr std::size_t kNoLimit = 0xFFFF'FFFF;
  /// Acknowledges or rejects a message, without more (§4.2, §4.3).
  void send_empty(Type type, std::uint16_t id, const Ends& ends) noexcept;
  /// The same to a message that wants it: a confirmable one.
  void settle(Type type, const Arrival& arrival) noexcept;
  /// What was begun is not sent.
  void drop_output() noexcept { busy_ = false; }
  /// Sends bytes that were kept: a whole datagram.
  void send_again(std::span<const std::byte> datagram, const Ends& ends) noexcept;
  MessageWriter& writer() noexcept { return writer_; }
  /// How much of the receive buffer a payload cannot take that begins there.
  std::size_t front_of(std::span<const std::byte> payload) const noexcept {
    return static_cast<std::size_t>(payload.data() - memory_.receive.data());
  }
  std::size_t receive_size() const noexcept { return memory_.receive.size(); }
  /// How large messages may be: both directions' least.
  std::size_t max_message() const noexcept { return max_message_; }
  /// Both sides know blocks of several KiB (RFC 8323 §6).
  bool bert() const noexcept { return bert_; }
  bool busy() const noexcept { return busy_; }
  /// Acknowledges the message if it wants that, and remembers it. False: it has been here before.
  bool acknowledge(const Arrival& arrival) noexcept;
  void kick() noexcept;
  /// Messages to the peer are no larger than that.
  void set_peer_size(std::size_t size) noexcept;

  /// The receive buffer stays as it is, and the arrival with it, until `release`.
  void hold(const Arrival& arrival) noexcept;
  const Arrival& held() const noexcept { return held_arrival_; }
  void release() noexcept;

 private:
  friend class StreamLink;

  void dispatch(const Arrival& arrival) noexcept;
  void dispatch_empty(const Arrival& arrival) noexcept;
  bool was_acknowledged(const Arrival& arrival) const noexcept;
  bool client_takes(const Arrival& arrival) noexcept { return client_ && client_->receive(arrival); }
  bool server_takes(const Arrival& arrival) noexcept { return server_ && server_->receive(arrival); }

  /// Ids are taken one after the other; after each 4096 the time is noted, so that none is taken again too early.
  static constexpr unsigned kIdChunkBits = 12;
  static constexpr std::size_t kIdChunks = std::size_t{1} << (16 - kIdChunkBits);
  struct Acknowledged {
    nal::Endpoint remote;
    std::uint16_t id = 0;
    nal::Instant until{};
  };
  static constexpr std::size_t kAcknowledged = 4;

  // Flags first and tables last: small offsets make short instructions.
  bool busy_ = false;      ///< a message waits to be sent
  bool finished_ = false;  ///< and `outgoing_` shows it
  bool held_ = false;
  bool reliable_ = false;
  bool bert_ = false;
  bool leaving_ = false;  ///< the connection is to be released
  NodeConfig config_;
  Memory memory_;
  Role* client_ = nullptr;
  Role* server_ = nullptr;
  Random random_;
  MessageWriter writer_;
  /// `frame` over a stream; who links none does not pay for it.
  nal::Result<std::span<const std::byte>> (MessageWriter::*form_)() noexcept = &MessageWriter::datagram;
  Outgoing outgoing_{};
  nal::Duration transmit_span_;
  nal::Duration exchange_lifetime_;
  std::size_t max_message_;
  std::size_t send_size_;  ///< how large messages to the peer may be
  std::uint16_t next_id_;
  std::uint8_t next_acknowledged_ = 0;
  nal::WaitList work_;
  Arrival held_arrival_{};
  Acknowledged acknowledged_[kAcknowledged]{};
  std::uint32_t chunk_left_[kIdChunks]{};  ///< when a chunk's last id had been taken (`coarse`); 0: never
};

}  // namespace coap

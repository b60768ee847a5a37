#pragma once
#include <cstdint>
#include <span>

#include "examples/coap/node.hpp"

namespace coap {

/// A node's messages on a byte stream (RFC 8323): frames, capabilities, Ping and Pong, Release and Abort, as a machine
/// without I/O or a clock. `run(stream, node)`, a test or a fuzzer drives it. One for each connection.
class StreamLink {
 public:
  explicit StreamLink(Node& node) noexcept;
  StreamLink(const StreamLink&) = delete;
  StreamLink& operator=(const StreamLink&) = delete;
  ~StreamLink() { end(nal::Error::connection_aborted); }

  /// Where to put what arrives next; empty while nothing can be taken.
  std::span<std::byte> input_room() noexcept;
  void received(std::size_t n, nal::Instant now) noexcept;
  /// What to send next; it grows never and shrinks by `sent`. Empty: nothing.
  std::span<const std::byte> output(nal::Instant now) noexcept;
  void sent(std::size_t n) noexcept;
  /// The connection is gone: everything that hung on it fails.
  void end(nal::Error error) noexcept;

  /// The connection must be closed, when `output` is empty. The error says why; connection_aborted: the peer said so;
  /// closed: it has released the connection; protocol_error, message_size: it broke the rules and has been told.
  bool finished() const noexcept { return state_ == State::finished; }
  nal::Error error() const noexcept { return error_; }
  /// We have said that the peer may close the connection (`Node::leave`).
  bool released() const noexcept { return released_; }
  /// What the peer said when it aborted (RFC 8323 §5.6): as much of it as is kept.
  std::string_view diagnostic() const noexcept { return text_of(diagnostic_.span()); }

 private:
  enum class State : std::uint8_t { begun, up, finished };

  void process(nal::Instant now) noexcept;
  bool process_one(nal::Instant now) noexcept;
  void take_signal(const Arrival& arrival) noexcept;
  void take_capabilities(const Message& message) noexcept;
  void fail(nal::Error error) noexcept;

  // Options of signalling messages are numbered for each code (RFC 8323 §5.2).
  static constexpr OptionNumber kMaxMessageSize{2};
  static constexpr OptionNumber kBlockWise{4};

  Node& node_;
  SmallBytes<64> diagnostic_{};
  std::size_t fill_ = 0;     ///< bytes in the receive buffer
  std::size_t front_ = 0;    ///< bytes at its front that have been dealt with once they are held no more
  std::size_t written_ = 0;  ///< of the message that is being sent
  State state_ = State::begun;
  nal::Error error_ = nal::Error::connection_aborted;
  bool capabilities_due_ = true;
  bool abort_due_ = false;
  bool released_ = false;
  bool ended_ = false;
};

}  // namespace coap

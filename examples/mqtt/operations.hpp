#pragma once
#include "examples/mqtt/session.hpp"

namespace mqtt {

/// See `Session::publish`.
class [[nodiscard("await it")]] Publishing {
 public:
  Publishing(Session& session, const Publish& packet) noexcept : session_(&session), packet_(packet) {}
  nal::Poll<nal::Result<>> poll(nal::Context& context) noexcept;
  /// The message stands in the store, if it is of QoS 1, and will be sent whatever becomes of this operation.
  bool accepted() const noexcept { return accepted_; }

 private:
  Session* session_;
  Publish packet_;
  std::uint32_t serial_ = 0;
  bool accepted_ = false;
  nal::Waiter waiter_;
};

/// Publishes a message. *Completes*: QoS 0: when it stands in the send buffer of a session that is online, for which it
/// waits; QoS 1: when the server has acknowledged it, over however many connections. *Errors*: message_size: it fits
/// neither the buffers nor the standard; invalid_argument: the topic is no topic name; not_supported: QoS 2; closed:
/// `run` has ended (a message of QoS 1 that was accepted stays in the store for the next one). *Cancellation*: once it
/// is `accepted()` it is sent all the same. *Buffer lifetime*: topic and payload until it is accepted.
inline Publishing Session::publish(std::string_view topic, std::span<const std::byte> payload, QoS qos,
                                   Retain retain) noexcept {
  return Publishing(*this, Publish{topic, payload, qos, retain == Retain::yes, false, 0});
}
inline Publishing Session::publish(std::string_view topic, std::string_view text, QoS qos, Retain retain) noexcept {
  return publish(topic, bytes_of(text), qos, retain);
}

/// See `Session::enqueue`.
class [[nodiscard("await it")]] Enqueuing {
 public:
  Enqueuing(Session& session, const Publish& packet) noexcept : session_(&session), packet_(packet) {}
  nal::Poll<nal::Result<std::uint32_t>> poll(nal::Context& context) noexcept;

 private:
  Session* session_;
  Publish packet_;
  nal::Waiter waiter_;
};

/// Hands a message over without waiting for the server. *Completes* when it is accepted: QoS 1: in the store, connected
/// or not; QoS 0: as `publish`. Gives what `in_flight` asks for. *Errors* and *Buffer lifetime*: as `publish`.
/// *Cancellation*: not accepted.
inline Enqueuing Session::enqueue(std::string_view topic, std::span<const std::byte> payload, QoS qos,
                                  Retain retain) noexcept {
  return Enqueuing(*this, Publish{topic, payload, qos, retain == Retain::yes, false, 0});
}
inline Enqueuing Session::enqueue(std::string_view topic, std::string_view text, QoS qos, Retain retain) noexcept {
  return enqueue(topic, bytes_of(text), qos, retain);
}

/// See `Session::subscribe`.
class [[nodiscard("await it")]] Subscribing {
 public:
  Subscribing(Session& session, std::string_view filter, QoS qos) noexcept
      : session_(&session), filter_(filter), qos_(qos) {}
  nal::Poll<nal::Result<QoS>> poll(nal::Context& context) noexcept;

 private:
  Session* session_;
  std::string_view filter_;
  std::uint32_t serial_ = 0;
  QoS qos_;
  nal::Waiter waiter_;
};

/// Asks for the messages whose topics a filter takes, now and with every new session. Connected or not: it waits.
/// *Completes* with the QoS that the server granted. *Errors*: permission_denied: the server refused; invalid_argument:
/// no topic filter; not_supported: QoS 2; table_full: no room for another subscription; message_size: the filter is
/// longer than the send buffer takes; cancelled: unsubscribed meanwhile; closed: `run` has ended. *Cancellation*: it
/// may be asked for all the same; `unsubscribe` takes it back. *Buffer lifetime*: the filter until the first poll that
/// finds room.
inline Subscribing Session::subscribe(std::string_view filter, QoS qos) noexcept {
  return Subscribing(*this, filter, qos);
}

/// See `Session::unsubscribe`.
class [[nodiscard("await it")]] Unsubscribing {
 public:
  Unsubscribing(Session& session, std::string_view filter) noexcept : session_(&session), filter_(filter) {}
  nal::Poll<nal::Result<>> poll(nal::Context& context) noexcept;

 private:
  Session* session_;
  std::string_view filter_;
  std::uint32_t serial_ = 0;
  nal::Waiter waiter_;
};

/// Takes a subscription back; one that this client does not know (of an earlier life, say) too. *Completes* when the
/// server has said so. *Errors*: invalid_argument, table_full, message_size, closed as `subscribe`. *Cancellation*: it
/// may be taken back all the same. *Buffer lifetime*: as `subscribe`.
inline Unsubscribing Session::unsubscribe(std::string_view filter) noexcept { return Unsubscribing(*this, filter); }

/// See `Session::receive`.
class [[nodiscard("await it")]] Receiving {
 public:
  explicit Receiving(Session& session) noexcept : session_(&session) {}
  nal::Poll<nal::Result<Message>> poll(nal::Context& context) noexcept;

 private:
  Session* session_;
  nal::Waiter waiter_;
};

/// Waits for the next message. *Completes* with it. *Errors*: message_size: one that was larger than the receive buffer
/// came, was thrown away and acknowledged (told before messages that came earlier); call again. closed: `run` has ended
/// and nothing is left. *Cancellation*: takes nothing. Several may wait; each message goes to one of them. Not together
/// with a `Handler`.
///
/// Messages that nobody receives fill the receive buffer, and then nothing is read any more: a task that both receives
/// and waits for acknowledgements (`publish` with QoS 1, `subscribe`) needs room there for what may arrive meanwhile.
inline Receiving Session::receive() noexcept { return Receiving(*this); }

/// See `Session::connected`, `drained` and `disconnect`.
class [[nodiscard("await it")]] Waiting {
 public:
  enum class For : std::uint8_t { online, drained, stopped };
  Waiting(Session& session, For what) noexcept : session_(&session), what_(what) {}
  nal::Poll<nal::Result<>> poll(nal::Context& context) noexcept;

 private:
  Session* session_;
  For what_;
  nal::Waiter waiter_;
};

/// *Completes* when the session is online, which it may not be any more when the task runs next. *Errors*: closed:
/// `run` has ended. *Cancellation*: changes nothing.
inline Waiting Session::connected() noexcept { return Waiting(*this, Waiting::For::online); }
/// *Completes* when every message of QoS 1 has been acknowledged. *Errors*: closed: `run` has ended before that.
/// *Cancellation*: changes nothing.
inline Waiting Session::drained() noexcept { return Waiting(*this, Waiting::For::drained); }
/// Has `run` send what stands in the send buffer, DISCONNECT (so that the server forgets the will) and end; messages in
/// flight stay in the store: wait for `drained()` before. *Completes* when `run` has ended. *Errors*: none.
/// *Cancellation*: it ends all the same.
inline Waiting Session::disconnect() noexcept { return Waiting(*this, Waiting::For::stopped); }

}  // namespace mqtt

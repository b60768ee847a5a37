#pragma once
#include "examples/mqtt/session.hpp"

namespace mqtt {

/// See `Session::publish`.
template <Features F>
class [[nodiscard("await it")]] Publishing {
 public:
  [[gnu::always_inline]] Publishing(BasicSession<F>& session, std::string_view topic,
                                    std::span<const std::byte> payload, QoS qos, Retain retain,
                                    const Properties& properties) noexcept
      : session_(&session), packet_{topic, payload, qos, retain == Retain::yes, false, 0, 0, properties} {}
  Publishing(Publishing&& other) noexcept = default;
  ~Publishing() {
    session_->abandon(direct_);
    session_->forget(serial_);
  }

  nal::Poll<nal::Result<>> poll(nal::Context& context) noexcept {
    const nal::Poll<nal::Result<>> done = packet_.qos == QoS::at_most_once ? begin() : begin_stored();
    if (!done.ready()) {
      (serial_ != 0 ? session_->changed_ : session_->room_).add(context, waiter_, nal::Wait::other);
    }
    return done;
  }
  /// The message stands in the store, if it is of QoS 1 or 2, and will be sent whatever becomes of this operation; or
  /// all of it was sent, with QoS 0.
  bool accepted() const noexcept { return serial_ != 0 || direct_.status == detail::Direct::Status::done; }
  /// What the server said, once it is complete (5.0).
  Reason reason() const noexcept { return reason_; }

 private:
  using Status = detail::Direct::Status;

  nal::Poll<nal::Result<>> begin() noexcept {
    if (direct_.status == Status::idle || direct_.status == Status::broken) {
      const auto begun = session_->begin_direct(direct_, packet_, packet_.payload.size());
      if (!begun && begun.error() != nal::Error::would_block) { return begun; }
    }
    if (direct_.status == Status::done) { return nal::Result<>(); }
    return nal::pending;
  }
  nal::Poll<nal::Result<>> begin_stored() noexcept {
    BasicSession<F>& session = *session_;
    if (serial_ != 0) {
      const Record* record = session.store_.with_serial(serial_);
      if (!record) { return nal::Result<>(); }
      if constexpr (BasicSession<F>::kAwaits) {
        if (record->state == Record::State::done) {
          reason_ = static_cast<Reason>(record->answer);
          if (is_failure(reason_)) { return nal::Unexpected(Failure::error_of(reason_)); }
          return nal::Result<>();
        }
      }
    }
    if (session.stopped()) { return nal::Unexpected(nal::Error::closed); }
    if (serial_ == 0) {
      const auto accepted = session.store_publish(packet_, serial_);
      if (!accepted && accepted.error() != nal::Error::would_block) { return accepted; }
      if (BasicSession<F>::kAwaits && accepted) { session.store_.with_serial(serial_)->awaited = true; }
    }
    return nal::pending;
  }

  BasicSession<F>* session_;
  Publish packet_;
  detail::Direct direct_;
  std::uint32_t serial_ = 0;
  Reason reason_ = Reason::success;
  nal::Waiter waiter_;
};

/// Publishes a message. *Completes*: QoS 0: when all of it was sent, from where it lies, over a session that is online,
/// for which it waits; QoS 1 and 2: when the server has acknowledged it, over however many connections. *Errors*:
/// message_size: it fits neither the buffers nor the standard, or the server does not take so much; invalid_argument:
/// the topic is no topic name, or a property must not stand there; not_supported: QoS 2 where that is no feature, or
/// what the server cannot do; closed: `run` has ended (a message of QoS 1 or 2 that was accepted stays in the store for
/// the next one); the store's. In 5.0 also what the server's reason means, and `reason()` is precise:
/// permission_denied, table_full (a quota), invalid_argument. *Cancellation*: QoS 1 and 2: once it is `accepted()` it
/// is sent all the same. QoS 0: it is not sent, or if a part of it was, the rest goes through the send buffer; a rest
/// too large for that ends the connection (`Failure::Cause::abandoned`), which is then made anew. *Buffer lifetime*:
/// topic, payload and properties: QoS 1 and 2: until it is accepted; QoS 0: until it completes or is destroyed.
template <Features F>
Publishing<F> BasicSession<F>::publish(std::string_view topic, std::span<const std::byte> payload, QoS qos,
                                       Retain retain, const Properties& properties) noexcept {
  return Publishing<F>(*this, topic, payload, qos, retain, properties);
}
template <Features F>
Publishing<F> BasicSession<F>::publish(std::string_view topic, std::string_view text, QoS qos, Retain retain,
                                       const Properties& properties) noexcept {
  return publish(topic, bytes_of(text), qos, retain, properties);
}

/// See `Session::stream`. Stays where it is from its first use on.
template <Features F>
class Streaming {
 public:
  Streaming(BasicSession<F>& session, const Publish& packet, std::size_t size) noexcept
      : session_(&session), packet_(packet), size_(size) {}
  Streaming(Streaming&& other) noexcept = default;
  ~Streaming() {
    session_->abandon(direct_);
    session_->forget(serial_);
  }

  /// See `begin`.
  class [[nodiscard("await it")]] Begin {
   public:
    explicit Begin(Streaming& stream) noexcept : stream_(&stream) {}
    nal::Poll<nal::Result<>> poll(nal::Context& context) noexcept { return stream_->poll_begin(context, waiter_); }

   private:
    Streaming* stream_;
    nal::Waiter waiter_;
  };
  /// See `write`.
  class [[nodiscard("await it")]] Write {
   public:
    Write(Streaming& stream, std::span<const std::byte> piece) noexcept : stream_(&stream), piece_(piece) {}
    Write(Write&& other) noexcept = default;
    ~Write() { stream_->end_piece(given_); }
    nal::Poll<nal::Result<>> poll(nal::Context& context) noexcept {
      return stream_->poll_write(context, waiter_, piece_, given_);
    }

   private:
    Streaming* stream_;
    std::span<const std::byte> piece_;
    bool given_ = false;
    nal::Waiter waiter_;
  };
  /// See `finish`.
  class [[nodiscard("await it")]] Finish {
   public:
    explicit Finish(Streaming& stream) noexcept : stream_(&stream) {}
    nal::Poll<nal::Result<>> poll(nal::Context& context) noexcept { return stream_->poll_finish(context, waiter_); }

   private:
    Streaming* stream_;
    nal::Waiter waiter_;
  };

  /// Begins the message, or begins it again from its start. *Completes* when the session is online and nothing else is
  /// being sent. *Errors*: as `publish`; would_block never. *Cancellation*: nothing was sent.
  Begin begin() noexcept { return Begin(*this); }
  /// Sends the next piece from where it lies. *Completes* when all of it was sent. *Errors*: connection_reset: the
  /// connection ended: `begin` again; message_size: more than was announced. *Cancellation*: as that of the message, if
  /// a part was sent. *Buffer lifetime*: until it completes or is destroyed.
  Write write(std::span<const std::byte> piece) noexcept { return Write(*this, piece); }
  /// *Completes* when the server has acknowledged the message; with QoS 0 when all of it was sent. *Errors*:
  /// connection_reset: the connection ended before: `begin` again; invalid_argument: less was written than announced;
  /// what the server's reason means (5.0). *Cancellation*: changes nothing.
  Finish finish() noexcept { return Finish(*this); }

  std::size_t size() const noexcept { return size_; }
  /// Bytes sent since the last `begin`.
  std::size_t written() const noexcept { return direct_.size - direct_.left; }
  Reason reason() const noexcept { return reason_; }

 private:
  using Status = detail::Direct::Status;

  nal::Poll<nal::Result<>> poll_begin(nal::Context& context, nal::Waiter& waiter) noexcept {
    if (direct_.status == Status::active) { return nal::Unexpected(nal::Error::invalid_argument); }
    if (session_->stopped()) { return nal::Unexpected(nal::Error::closed); }
    if (packet_.qos != QoS::at_most_once && serial_ == 0) {
      std::size_t total = 0;
      const auto checked = session_->check_publish(packet_, size_, total);
      if (!checked) { return checked; }
      const auto accepted = session_->accept(packet_, BasicSession<F>::kStreamedSize);
      if (!accepted && accepted.error() != nal::Error::would_block) { return nal::Unexpected(accepted.error()); }
      if (!accepted) { return wait(context, waiter); }
      Record& record = **accepted;
      const auto first = static_cast<unsigned>(PacketType::publish) << 4 | static_cast<unsigned>(packet_.qos) << 1;
      session_->store_.bytes(record)[0] = static_cast<std::byte>(first);
      record.state = Record::State::streaming;
      record.awaited = true;
      serial_ = record.serial;
    }
    if (serial_ != 0) {
      Record* record = session_->store_.with_serial(serial_);
      // The server has it already (QoS 2), or is yet to answer.
      if (!record || record->state != Record::State::streaming) { return nal::Result<>(); }
      packet_.duplicate = (session_->store_.bytes(*record)[0] & kDuplicateFlag) != std::byte{0};
    }
    direct_.serial = serial_;
    packet_.payload = {};
    const auto begun = session_->begin_direct(direct_, packet_, size_);
    if (!begun && begun.error() == nal::Error::would_block) { return wait(context, waiter); }
    if (begun && serial_ != 0) {
      Record& record = *session_->store_.with_serial(serial_);
      session_->store_.bytes(record)[0] |= kDuplicateFlag;  // the next time
      if (direct_.status == Status::done) { record.state = Record::State::sent; }
    }
    return begun;
  }

  nal::Poll<nal::Result<>> poll_write(nal::Context& context, nal::Waiter& waiter, std::span<const std::byte> piece,
                                      bool& given) noexcept {
    if (already_there()) { return nal::Result<>(); }
    if (direct_.status == Status::broken) { return nal::Unexpected(nal::Error::connection_reset); }
    if (!given) {
      if (piece.size() > direct_.left) { return nal::Unexpected(nal::Error::message_size); }
      if (direct_.status != Status::active) { return nal::Result<>(); }
      direct_.chunk = piece;
      given = true;
      session_->kick();
    }
    if (direct_.chunk.empty()) {
      given = false;
      return nal::Result<>();
    }
    return wait(context, waiter);
  }

  /// A write has gone: its piece may not be looked at any more.
  void end_piece(bool given) noexcept {
    if (!given || direct_.status != Status::active || direct_.chunk.empty()) { return; }
    const std::size_t unsent = direct_.chunk.size();
    direct_.chunk = {};
    // It cannot be told which bytes of the payload follow.
    if (unsent != 0) { session_->abandon(direct_); }
  }

  nal::Poll<nal::Result<>> poll_finish(nal::Context& context, nal::Waiter& waiter) noexcept {
    if (serial_ == 0) {
      if (direct_.status == Status::broken) { return nal::Unexpected(nal::Error::connection_reset); }
      if (direct_.status == Status::done) { return nal::Result<>(); }
      return nal::Unexpected(nal::Error::invalid_argument);
    }
    Record* record = session_->store_.with_serial(serial_);
    if (!record) { return nal::Result<>(); }
    if (record->state == Record::State::done) {
      reason_ = static_cast<Reason>(record->answer);
      if (is_failure(reason_)) { return nal::Unexpected(Failure::error_of(reason_)); }
      return nal::Result<>();
    }
    if (direct_.status == Status::active) { return nal::Unexpected(nal::Error::invalid_argument); }
    if (record->state == Record::State::streaming) { return nal::Unexpected(nal::Error::connection_reset); }
    if (session_->stopped()) { return nal::Unexpected(nal::Error::closed); }
    session_->changed_.add(context, waiter, nal::Wait::other);
    return nal::pending;
  }

  /// The server does not need the payload any more.
  bool already_there() noexcept {
    if (serial_ == 0) { return false; }
    const Record* record = session_->store_.with_serial(serial_);
    return !record || record->state == Record::State::done || session_->is_release(*record);
  }
  nal::Poll<nal::Result<>> wait(nal::Context& context, nal::Waiter& waiter) noexcept {
    session_->room_.add(context, waiter, nal::Wait::other);
    return nal::pending;
  }

  BasicSession<F>* session_;
  Publish packet_;
  std::size_t size_;
  detail::Direct direct_;
  std::uint32_t serial_ = 0;
  Reason reason_ = Reason::success;
};

/// A message whose payload, of `size` bytes, comes in pieces, so that it need not be in memory as a whole:
///
///     auto message = session.stream("firmware/image", size, mqtt::QoS::at_least_once);
///     NAL_CO_TRY(message.begin());
///     while (...) { NAL_CO_TRY(message.write(piece)); }
///     NAL_CO_TRY(message.finish());
///
/// Nothing keeps the payload: when the connection ends, the pieces are asked for again, from the first. `publish_from`
/// does that with a source. While one is being sent nothing else is, not even PINGREQ. Destroying it in the middle ends
/// the connection (`Failure::Cause::abandoned`), since the server waits for the rest; one of QoS 1 or 2 that was sent
/// as a whole is acknowledged all the same. *Buffer lifetime*: topic and properties as long as it lives.
template <Features F>
Streaming<F> BasicSession<F>::stream(std::string_view topic, std::size_t size, QoS qos, Retain retain,
                                     const Properties& properties) noexcept
  requires(F.streaming)
{
  return Streaming<F>(*this, Publish{topic, {}, qos, retain == Retain::yes, false, 0, 0, properties}, size);
}

/// See `Session::enqueue`.
template <Features F>
class [[nodiscard("await it")]] Enqueuing {
 public:
  Enqueuing(BasicSession<F>& session, const Publish& packet) noexcept : session_(&session), packet_(packet) {}

  nal::Poll<nal::Result<std::uint32_t>> poll(nal::Context& context) noexcept { return poll(context, waiter_); }
  /// For an operation that has this one for a moment only, and a waiter of its own.
  nal::Poll<nal::Result<std::uint32_t>> poll(nal::Context& context, nal::Waiter& waiter) noexcept {
    if (session_->stopped()) { return nal::Unexpected(nal::Error::closed); }
    const auto accepted = session_->try_publish(packet_.topic, packet_.payload, packet_.qos,
                                                packet_.retain ? Retain::yes : Retain::no, packet_.properties);
    if (accepted || accepted.error() != nal::Error::would_block) { return accepted; }
    session_->room_.add(context, waiter, nal::Wait::other);
    return nal::pending;
  }

 private:
  BasicSession<F>* session_;
  Publish packet_;
  nal::Waiter waiter_;
};

/// Hands a message over without waiting for the server. *Completes* when it is accepted: QoS 1 and 2: in the store,
/// connected or not; QoS 0: in the send buffer. Gives what `in_flight` asks for. *Errors*: as `publish`, but for what
/// the server says: the observer is told. *Cancellation*: not accepted. *Buffer lifetime*: until it is accepted.
template <Features F>
Enqueuing<F> BasicSession<F>::enqueue(std::string_view topic, std::span<const std::byte> payload, QoS qos,
                                      Retain retain, const Properties& properties) noexcept {
  return Enqueuing<F>(*this, Publish{topic, payload, qos, retain == Retain::yes, false, 0, 0, properties});
}
template <Features F>
Enqueuing<F> BasicSession<F>::enqueue(std::string_view topic, std::string_view text, QoS qos, Retain retain,
                                      const Properties& properties) noexcept {
  return enqueue(topic, bytes_of(text), qos, retain, properties);
}

/// What subscribing and taking a subscription back have in common.
template <Features F>
class ChangingSubscription {
 public:
  /// What the server said, once it is complete.
  Reason reason() const noexcept { return reason_; }

 protected:
  ChangingSubscription(BasicSession<F>& session, const FilterEntry& entry, const Properties& properties,
                       bool leave) noexcept
      : session_(&session), entry_(entry), properties_(properties), leave_(leave) {}

  nal::Poll<nal::Result<>> poll_change(nal::Context& context) noexcept {
    if (serial_ == 0) {
      Properties properties;
      if constexpr (F.version_5) { properties = properties_; }
      const auto begun = session_->begin_subscription(entry_, properties, leave_, serial_);
      if (!begun.ready()) { return wait(context); }
      if (!*begun) { return begun; }
    }
    Record* record = session_->subscriptions_.with_serial(serial_);
    if (!record && leave_) { return nal::Result<>(); }
    if (!record) { return nal::Unexpected(nal::Error::cancelled); }
    const bool granted = record->state == Record::State::active;
    const bool not_left = record->state == Record::State::kept;
    const bool answered = leave_ ? not_left : granted || record->state == Record::State::refused;
    if (!answered) {
      const bool leaving = record->state == Record::State::leaving || record->state == Record::State::left;
      if (leaving != leave_) { return nal::Unexpected(nal::Error::cancelled); }
      if (session_->stopped()) { return nal::Unexpected(nal::Error::closed); }
      return wait(context);
    }
    reason_ = static_cast<Reason>(record->answer);
    if (granted) { return nal::Result<>(); }
    if (not_left) {
      record->state = Record::State::active;
    } else {
      session_->subscriptions_.remove(*record);
    }
    nal::Error error = nal::Error::permission_denied;
    if constexpr (F.version_5) { error = Failure::error_of(reason_); }
    return nal::Unexpected(error);
  }

 private:
  nal::Poll<nal::Result<>> wait(nal::Context& context) noexcept {
    session_->changed_.add(context, waiter_, nal::Wait::other);
    return nal::pending;
  }

  BasicSession<F>* session_;
  FilterEntry entry_;
  [[no_unique_address]] detail::MemberIf<F.version_5, Properties, 0> properties_;
  std::uint32_t serial_ = 0;
  bool leave_;
  Reason reason_ = Reason::success;
  nal::Waiter waiter_;
};

/// See `Session::subscribe`.
template <Features F>
class [[nodiscard("await it")]] Subscribing : public ChangingSubscription<F> {
 public:
  Subscribing(BasicSession<F>& session, const FilterEntry& entry, const Properties& properties) noexcept
      : ChangingSubscription<F>(session, entry, properties, false) {}

  nal::Poll<nal::Result<QoS>> poll(nal::Context& context) noexcept {
    const auto done = this->poll_change(context);
    if (!done.ready()) { return nal::pending; }
    if (!*done) { return nal::Unexpected((*done).error()); }
    return static_cast<QoS>(this->reason());
  }
};

/// Asks for the messages whose topics a filter takes, now and with every new session. Connected or not: it waits. In
/// 5.0 the entry may have options, and the properties may be user properties and an identifier that comes back with
/// each message; they are kept with the filter. *Completes* with the QoS that the server granted. *Errors*:
/// permission_denied: the server refused, and in 5.0 whatever else its `reason()` means; invalid_argument: no topic
/// filter, or no such property; not_supported: QoS 2 where that is no feature, what 5.0 has with 3.1.1, or what the
/// server cannot do; table_full: no room for another subscription, or for other properties of one; message_size: filter
/// and properties are longer than the send buffer takes; cancelled: unsubscribed meanwhile; closed: `run` has ended.
/// *Cancellation*: it may be asked for all the same; `unsubscribe` takes it back. *Buffer lifetime*: filter and
/// properties until the first poll that finds room.
template <Features F>
Subscribing<F> BasicSession<F>::subscribe(const FilterEntry& entry, const Properties& properties) noexcept {
  return Subscribing<F>(*this, entry, properties);
}
template <Features F>
Subscribing<F> BasicSession<F>::subscribe(std::string_view filter, QoS qos) noexcept {
  return Subscribing<F>(*this, FilterEntry{filter, qos}, {});
}

/// See `Session::unsubscribe`.
template <Features F>
class [[nodiscard("await it")]] Unsubscribing : public ChangingSubscription<F> {
 public:
  Unsubscribing(BasicSession<F>& session, std::string_view filter) noexcept
      : ChangingSubscription<F>(session, FilterEntry{filter}, {}, true) {}

  nal::Poll<nal::Result<>> poll(nal::Context& context) noexcept { return this->poll_change(context); }
};

/// Takes a subscription back; one that this client does not know (of an earlier life, say) too. *Completes* when the
/// server has said so. *Errors*: invalid_argument, table_full, message_size, closed as `subscribe`; in 5.0 what the
/// server's `reason()` means: it stays. *Cancellation*: it may be taken back all the same. *Buffer lifetime*: as
/// `subscribe`.
template <Features F>
Unsubscribing<F> BasicSession<F>::unsubscribe(std::string_view filter) noexcept {
  return Unsubscribing<F>(*this, filter);
}

/// See `Session::receive`.
template <Features F>
class [[nodiscard("await it")]] Receiving {
 public:
  explicit Receiving(BasicSession<F>& session) noexcept : session_(&session) {}

  nal::Poll<nal::Result<BasicMessage<F>>> poll(nal::Context& context) noexcept {
    using Delivery = typename BasicSession<F>::Delivery;
    BasicSession<F>& session = *session_;
    if constexpr (F.oversized) {
      if (session.rest_.oversized != 0) {
        --session.rest_.oversized;
        return nal::Unexpected(nal::Error::message_size);
      }
    }
    if (session.delivery_ == Delivery::offered) {
      session.delivery_ = Delivery::handed_out;
      return BasicMessage<F>(session, session.rest_.message);
    }
    if (session.stopped()) { return nal::Unexpected(nal::Error::closed); }
    session.messages_.add(context, waiter_, nal::Wait::other);
    return nal::pending;
  }

 private:
  BasicSession<F>* session_;
  nal::Waiter waiter_;
};

/// Waits for the next message. *Completes* with it. *Errors*: message_size: one that was larger than the receive buffer
/// came, was thrown away and acknowledged (told before messages that came earlier); call again. With the feature
/// `streaming` that becomes of those alone whose topic does not fit; without `oversized` they end the connection.
/// closed: `run` has ended and nothing is left. *Cancellation*: takes nothing. Several may wait; each message goes to
/// one of them. Not together with a `Handler`.
///
/// Messages that nobody receives fill the receive buffer, and then nothing is read any more: a task that both receives
/// and waits for acknowledgements (`publish` with QoS 1, `subscribe`) needs room there for what may arrive meanwhile.
template <Features F>
Receiving<F> BasicSession<F>::receive() noexcept {
  return Receiving<F>(*this);
}

/// See `Message::read`.
template <Features F>
class [[nodiscard("await it")]] ReadingMessage {
 public:
  ReadingMessage(BasicSession<F>* session, std::span<const std::byte> whole, bool is_whole) noexcept
      : session_(session), whole_(whole), is_whole_(is_whole) {}
  nal::Poll<nal::Result<std::span<const std::byte>>> poll(nal::Context& context) noexcept {
    if (is_whole_) { return nal::Result<std::span<const std::byte>>(whole_); }
    return session_->poll_piece(context, waiter_);
  }

 private:
  BasicSession<F>* session_;
  std::span<const std::byte> whole_;
  bool is_whole_;
  nal::Waiter waiter_;
};

/// Reads the payload piece by piece, whether it fits the buffer or not. *Completes* with the next piece; empty behind
/// the last. *Errors*: connection_reset: the rest does not come; a message of QoS 1 or 2 comes again as a whole.
/// *Cancellation*: nothing was taken. *Buffer lifetime*: the piece until the next `read` or the end of the message.
template <Features F>
ReadingMessage<F> BasicMessage<F>::read() noexcept
  requires(F.streaming)
{
  const auto whole_payload = packet_.payload;
  const bool is_whole = whole();
  if (is_whole) { packet_.payload = packet_.payload.last(0); }
  return ReadingMessage<F>(session_, whole_payload, is_whole);
}
template <Features F>
std::size_t BasicMessage<F>::size() const noexcept
  requires(F.streaming)
{
  return whole() ? packet_.payload.size() : session_->stream_.size;
}
template <Features F>
bool BasicMessage<F>::whole() const noexcept
  requires(F.streaming)
{
  return !session_->stream_.active;
}

/// See `Session::connected`, `drained`, `disconnect` and `authenticate`.
template <Features F>
class [[nodiscard("await it")]] Waiting {
 public:
  enum class For : std::uint8_t { online, drained, stopped, authenticated };
  Waiting(BasicSession<F>& session, For what) noexcept : session_(&session), what_(what) {}

  nal::Poll<nal::Result<>> poll(nal::Context& context) noexcept {
    BasicSession<F>& session = *session_;
    const bool ended = session.stopped();
    switch (what_) {
      case For::online:
        if (session.state() == SessionState::online) { return nal::Result<>(); }
        break;
      case For::drained:
        if (session.in_flight_count() == 0) { return nal::Result<>(); }
        break;
      case For::stopped:
        if (ended || session.state() == SessionState::idle) { return nal::Result<>(); }
        session.stop();
        break;
      case For::authenticated:
        if constexpr (F.version_5) {
          const auto done = session.poll_authenticate(begun_);
          if (done.ready()) { return done; }
        }
        break;
    }
    if (ended) { return nal::Unexpected(nal::Error::closed); }
    session.changed_.add(context, waiter_, nal::Wait::other);
    return nal::pending;
  }

 private:
  BasicSession<F>* session_;
  For what_;
  bool begun_ = false;
  nal::Waiter waiter_;
};

/// *Completes* when the session is online, which it may not be any more when the task runs next. *Errors*: closed:
/// `run` has ended. *Cancellation*: changes nothing.
template <Features F>
Waiting<F> BasicSession<F>::connected() noexcept {
  return Waiting<F>(*this, Waiting<F>::For::online);
}
/// *Completes* when every message of QoS 1 and 2 has been acknowledged. *Errors*: closed: `run` has ended before that.
/// *Cancellation*: changes nothing.
template <Features F>
Waiting<F> BasicSession<F>::drained() noexcept {
  return Waiting<F>(*this, Waiting<F>::For::drained);
}
/// Has `run` send what stands in the send buffer, DISCONNECT (so that the server forgets the will) and end; messages in
/// flight stay in the store: wait for `drained()` before. *Completes* when `run` has ended. *Errors*: none.
/// *Cancellation*: it ends all the same.
template <Features F>
Waiting<F> BasicSession<F>::disconnect() noexcept {
  return Waiting<F>(*this, Waiting<F>::For::stopped);
}
/// Authenticates anew on the connection that there is (5.0 §4.12.1), as the configured authenticator does. *Completes*
/// when the server is content. *Errors*: not_supported: there is no authenticator, or 3.1.1 is spoken; not_connected:
/// the session is not online, or the connection ended meanwhile (the next one authenticates anyhow); closed: `run` has
/// ended. *Cancellation*: it goes on all the same. One at a time.
template <Features F>
Waiting<F> BasicSession<F>::authenticate() noexcept
  requires(F.version_5)
{
  return Waiting<F>(*this, Waiting<F>::For::authenticated);
}

}  // namespace mqtt

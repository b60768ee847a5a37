#include "examples/mqtt/operations.hpp"

namespace mqtt {

using nal::Context;
using nal::Error;
using nal::pending;
using nal::Poll;
using nal::Result;
using nal::Unexpected;
using nal::Wait;

namespace {

Retain retain_of(const Publish& packet) noexcept { return packet.retain ? Retain::yes : Retain::no; }

}  // namespace

Poll<Result<std::uint32_t>> Enqueuing::poll(Context& context) noexcept {
  if (session_->stopped()) { return Unexpected(Error::closed); }
  const auto accepted = session_->try_publish(packet_.topic, packet_.payload, packet_.qos, retain_of(packet_));
  if (accepted || accepted.error() != Error::would_block) { return accepted; }
  session_->room_.add(context, waiter_, Wait::other);
  return pending;
}

Poll<Result<>> Publishing::poll(Context& context) noexcept {
  if (!accepted_) {
    if (session_->stopped()) { return Unexpected(Error::closed); }
    const auto accepted = session_->try_publish(packet_.topic, packet_.payload, packet_.qos, retain_of(packet_));
    if (!accepted) {
      if (accepted.error() != Error::would_block) { return Unexpected(accepted.error()); }
      session_->room_.add(context, waiter_, Wait::other);
      return pending;
    }
    accepted_ = true;
    serial_ = *accepted;
  }
  if (!session_->in_flight(serial_)) { return Result<>(); }
  if (session_->stopped()) { return Unexpected(Error::closed); }
  session_->acked_.add(context, waiter_, Wait::other);
  return pending;
}

Poll<Result<QoS>> Subscribing::poll(Context& context) noexcept {
  if (serial_ == 0) {
    const auto begun = session_->begin_subscription(filter_, qos_, false);
    if (!begun.ready()) {
      session_->answered_.add(context, waiter_, Wait::other);
      return pending;
    }
    if (!*begun) { return Unexpected((*begun).error()); }
    serial_ = **begun;
  }
  const Record* record = session_->subscriptions_.with_serial(serial_);
  if (!record) { return Unexpected(Error::cancelled); }
  switch (record->state) {
    case Record::State::active: return static_cast<QoS>(record->granted);
    case Record::State::refused: session_->subscriptions_.remove(*record); return Unexpected(Error::permission_denied);
    case Record::State::leaving:
    case Record::State::left: return Unexpected(Error::cancelled);
    default: break;
  }
  if (session_->stopped()) { return Unexpected(Error::closed); }
  session_->answered_.add(context, waiter_, Wait::other);
  return pending;
}

Poll<Result<>> Unsubscribing::poll(Context& context) noexcept {
  if (serial_ == 0) {
    const auto begun = session_->begin_subscription(filter_, QoS::at_most_once, true);
    if (!begun.ready()) {
      session_->answered_.add(context, waiter_, Wait::other);
      return pending;
    }
    if (!*begun) { return Unexpected((*begun).error()); }
    serial_ = **begun;
  }
  const Record* record = session_->subscriptions_.with_serial(serial_);
  if (!record) { return Result<>(); }
  if (record->state != Record::State::leaving && record->state != Record::State::left) {
    return Unexpected(Error::cancelled);
  }
  if (session_->stopped()) { return Unexpected(Error::closed); }
  session_->answered_.add(context, waiter_, Wait::other);
  return pending;
}

Poll<Result<Message>> Receiving::poll(Context& context) noexcept {
  Session& session = *session_;
  if (session.oversized_ != 0) {
    --session.oversized_;
    return Unexpected(Error::message_size);
  }
  if (session.delivery_ == Session::Delivery::offered) {
    session.delivery_ = Session::Delivery::handed_out;
    return Message(session, session.message_);
  }
  if (session.stopped()) { return Unexpected(Error::closed); }
  session.messages_.add(context, waiter_, Wait::other);
  return pending;
}

Poll<Result<>> Waiting::poll(Context& context) noexcept {
  Session& session = *session_;
  const bool ended = session.stopped();
  switch (what_) {
    case For::online:
      if (session.state() == Session::State::online) { return Result<>(); }
      break;
    case For::drained:
      if (session.in_flight_count() == 0) { return Result<>(); }
      break;
    case For::stopped:
      if (ended || session.state() == Session::State::idle) { return Result<>(); }
      session.stop();
      break;
  }
  if (ended) { return Unexpected(Error::closed); }
  (what_ == For::drained ? session.acked_ : session.changed_).add(context, waiter_, Wait::other);
  return pending;
}

}  // namespace mqtt

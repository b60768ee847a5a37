#include "examples/mqtt/session.hpp"
#include "examples/mqtt/wire.hpp"

namespace mqtt {

using nal::Error;
using nal::Instant;
using nal::Result;
using nal::Unexpected;

Result<> Session::fail(const Failure& failure) noexcept {
  fatal_ = failure;
  return Unexpected(failure.error);
}

Result<> Session::advance(Instant now) noexcept {
  // What has arrived first: it may be the answer whose time has just run out.
  deliver();
  NAL_TRY(parse());
  return check_clock(now);
}

Result<> Session::parse() noexcept {
  for (;;) {
    if (inbox_.skipping()) { return {}; }
    if (discard_ != Discard::none) {
      NAL_TRY_SET(const bool moved, go_on_discarding());
      if (!moved) { return {}; }
      continue;
    }
    const auto unread = inbox_.unread();
    if (unread.empty()) { return {}; }
    const auto header = Header::parse(unread);
    if (!header) { return fail(header.fault()); }
    if (const Fault fault = check_allowed(header->type, header->qos()); fault != Fault::none) { return fail(fault); }
    if (!header->complete()) { return {}; }

    if (inbox_.too_small_for(header->total())) {
      if (header->type != PacketType::publish) { return fail(Fault::size); }
      NAL_TRY_SET(const bool begun, begin_discarding(*header));
      if (!begun) { return {}; }
      continue;
    }
    if (unread.size() < header->total()) { return {}; }
    NAL_TRY(handle(*header, unread.subspan(header->size, header->remaining)));
  }
}

Fault Session::check_allowed(PacketType type, QoS qos) const noexcept {
  if (state_ == State::handshake) { return type == PacketType::connack ? Fault::none : Fault::unexpected_packet; }
  switch (type) {
    case PacketType::publish: return qos == QoS::exactly_once ? Fault::qos_not_granted : Fault::none;
    case PacketType::connack: return Fault::second_connack;
    case PacketType::puback:
    case PacketType::suback:
    case PacketType::unsuback:
    case PacketType::pingresp: return Fault::none;
    default: return Fault::unexpected_packet;
  }
}

Result<> Session::handle(const Header& header, std::span<const std::byte> body) noexcept {
  const auto checked = [this](const auto& packet, Result<> (Session::*take)(decltype(*packet)) noexcept) {
    return packet ? (this->*take)(*packet) : fail(packet.fault());
  };
  Result<> handled;
  switch (header.type) {
    case PacketType::publish: return handle_publish(header, body);
    case PacketType::connack: handled = checked(Connack::parse(header, body), &Session::handle_connack); break;
    case PacketType::puback: handled = checked(Acknowledge::parse(header, body), &Session::handle_puback); break;
    case PacketType::suback: handled = checked(Suback::parse(header, body), &Session::handle_suback); break;
    case PacketType::unsuback: handled = checked(Acknowledge::parse(header, body), &Session::handle_unsuback); break;
    default:  // PINGRESP: all that `check_allowed` leaves. One that was not asked for changes nothing.
      if (!ping_due_) { answer_by_ = Instant::max(); }
  }
  if (handled) { inbox_.consume(header.total()); }
  return handled;
}

Result<> Session::handle_connack(const Connack& packet) noexcept {
  if (packet.code != ConnectCode::accepted) { return fail(Failure::refused(packet.code)); }
  // §3.2.2.2: no session outlives a clean start.
  if (packet.session_present && config_.clean_session) { return fail(Fault::acknowledge_flags); }
  state_ = State::online;
  answer_by_ = Instant::max();
  renew_subscriptions(packet.session_present);
  Notice notice{Notice::Kind::connected};
  notice.session_present = packet.session_present;
  tell(notice);
  changed_.wake_all();
  room_.wake_all();
  return {};
}

Result<> Session::handle_puback(const Acknowledge& packet) noexcept {
  const Record* record = store_.with_packet_id(packet.packet_id);
  if (!record || record->state != Record::State::sent) { return fail(Fault::unknown_packet_id); }
  store_.remove(*record);
  acked_.wake_all();
  room_.wake_all();
  return {};
}

Result<> Session::handle_publish(const Header& header, std::span<const std::byte> body) noexcept {
  // Checked now, so that a fault ends the connection that it came over.
  if (const auto packet = Publish::parse(header, body); !packet) { return fail(packet.fault()); }
  inbox_.keep(header.total());
  ++kept_;
  deliver();
  return {};
}

void Session::deliver() noexcept {
  while (kept_ != 0 && delivery_ == Delivery::none && ack_due_ == 0) {
    const Header header = *Header::parse(inbox_.kept());
    --kept_;
    const bool stale = kept_stale_ != 0;
    if (stale) { --kept_stale_; }
    if (config_.handler.take) {
      const Publish packet = *Publish::parse(header, inbox_.kept().subspan(header.size, header.remaining));
      config_.handler.take(config_.handler.context, Result<Publish>(packet));
      inbox_.drop(header.total());
      if (!stale) { acknowledge(packet.packet_id); }
      continue;
    }
    const auto held = inbox_.hold(header.total());
    message_ = *Publish::parse(header, held.subspan(header.size));
    message_ack_ = stale ? std::uint16_t{0} : message_.packet_id;
    delivery_ = Delivery::offered;
    messages_.wake_all();
  }
}

void Session::acknowledge(std::uint16_t packet_id) noexcept {
  if (packet_id == 0) { return; }
  ack_due_ = packet_id;
  fill_outbox();
}

void Session::released() noexcept {
  delivery_ = Delivery::none;
  inbox_.release();
  acknowledge(std::exchange(message_ack_, std::uint16_t{0}));
  deliver();
  kick();
}

Result<bool> Session::begin_discarding(const Header& header) noexcept {
  if (ack_due_ != 0) { return false; }  // one at a time
  constexpr std::size_t kTopicLengthSize = 2;
  const auto unread = inbox_.unread();
  if (unread.size() < header.size + kTopicLengthSize) { return false; }
  Reader reader(unread.subspan(header.size));
  const std::size_t topic_size = reader.u16();
  const bool has_id = header.qos() != QoS::at_most_once;
  if (topic_size == 0) { return Unexpected(fail(Fault::topic).error()); }
  if (kTopicLengthSize + topic_size + (has_id ? 2 : 0) > header.remaining) {
    return Unexpected(fail(Fault::truncated).error());
  }
  discard_ = has_id ? Discard::packet_id : Discard::payload;
  discard_size_ = header.total();
  discard_left_ = header.remaining - kTopicLengthSize - topic_size;
  inbox_.consume(header.size + kTopicLengthSize);
  inbox_.skip(topic_size);
  return true;
}

Result<bool> Session::go_on_discarding() noexcept {
  if (discard_ == Discard::packet_id) {
    if (inbox_.unread().size() < 2) { return false; }
    discard_ack_ = Reader(inbox_.unread()).u16();
    if (discard_ack_ == 0) { return Unexpected(fail(Fault::packet_id).error()); }
    inbox_.consume(2);
    discard_left_ -= 2;
    discard_ = Discard::payload;
  } else if (discard_left_ != 0) {
    inbox_.skip(std::exchange(discard_left_, std::size_t{0}));
  } else {
    discarded();
  }
  return true;
}

void Session::discarded() noexcept {
  discard_ = Discard::none;
  Notice notice{Notice::Kind::oversized};
  notice.size = discard_size_;
  tell(notice);
  if (config_.handler.take) {
    config_.handler.take(config_.handler.context, Unexpected(Error::message_size));
  } else {
    ++oversized_;
    messages_.wake_all();
  }
  // Or the server would send it again with every connection.
  acknowledge(std::exchange(discard_ack_, std::uint16_t{0}));
}

Result<> Session::check_clock(Instant now) noexcept {
  if (now >= answer_by_) {
    // While messages that the application leaves there fill the buffer, the answer may have come and stand behind them.
    if (!inbox_.room().empty()) {
      return fail(
          Failure::timed_out(state_ == State::handshake ? Failure::Cause::no_answer : Failure::Cause::keep_alive));
    }
    answer_by_ = now + config_.answer_timeout;
  }
  if (state_ == State::online && answer_by_.is_never() && now >= deadline()) {
    ping_due_ = true;
    answer_by_ = now + config_.answer_timeout;
  }
  return {};
}

}  // namespace mqtt

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

    const bool is_publish = header->type == PacketType::publish;
    if (is_publish && (delivery_ != Delivery::none || ack_due_ != 0)) { return {}; }
    if (inbox_.too_small_for(header->total())) {
      if (!is_publish) { return fail(Fault::size); }
      NAL_TRY_SET(const bool begun, begin_discarding(*header));
      if (!begun) { return {}; }
      continue;
    }
    if (unread.size() < header->total()) { return {}; }
    if (is_publish) {
      NAL_TRY(handle_publish(*header));
    } else {
      NAL_TRY(handle(*header, unread.subspan(header->size, header->remaining)));
      inbox_.consume(header->total());
    }
  }
}

Fault Session::check_allowed(PacketType type, QoS qos) const noexcept {
  if (state_ == State::handshake) {
    return type == PacketType::connack ? Fault::none : Fault::unexpected_packet;
  }
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
  switch (header.type) {
    case PacketType::connack: return checked(Connack::parse(header, body), &Session::handle_connack);
    case PacketType::puback: return checked(Acknowledge::parse(header, body), &Session::handle_puback);
    case PacketType::suback: return checked(Suback::parse(header, body), &Session::handle_suback);
    case PacketType::unsuback: return checked(Acknowledge::parse(header, body), &Session::handle_unsuback);
    default:  // PINGRESP: all that `check_allowed` leaves. One that was not asked for changes nothing.
      if (!ping_due_) { answer_by_ = Instant::max(); }
      return {};
  }
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

Result<> Session::handle_publish(const Header& header) noexcept {
  const bool inline_handler = config_.handler.take != nullptr;
  // Held before it is parsed: holding may move it.
  const auto bytes = inline_handler ? inbox_.unread().first(header.total()) : inbox_.hold(header.total());
  const auto packet = Publish::parse(header, bytes.subspan(header.size));
  if (!packet) {
    if (!inline_handler) { inbox_.release(); }
    return fail(packet.fault());
  }
  if (inline_handler) {
    config_.handler.take(config_.handler.context, Result<Publish>(*packet));
    inbox_.consume(header.total());
    acknowledge(packet->packet_id);
    return {};
  }
  message_ = *packet;
  message_ack_ = packet->packet_id;
  delivery_ = Delivery::message;
  messages_.wake_all();
  return {};
}

void Session::acknowledge(std::uint16_t packet_id) noexcept {
  if (packet_id == 0) { return; }
  ack_due_ = packet_id;
  fill_outbox();
}

void Session::released() noexcept {
  handed_out_ = false;
  delivery_ = Delivery::none;
  inbox_.release();
  acknowledge(std::exchange(message_ack_, std::uint16_t{0}));
  kick();
}

Result<bool> Session::begin_discarding(const Header& header) noexcept {
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
    message_ack_ = Reader(inbox_.unread()).u16();
    if (message_ack_ == 0) { return Unexpected(fail(Fault::packet_id).error()); }
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
    delivery_ = Delivery::oversized;
    messages_.wake_all();
  }
  // Or the server would send it again with every connection.
  acknowledge(std::exchange(message_ack_, std::uint16_t{0}));
}

Result<> Session::check_clock(Instant now) noexcept {
  if (now >= answer_by_) {
    // While the application holds up the reading, the answer may have come and stand behind its message.
    const bool unreadable =
        delivery_ == Delivery::message && (state_ != State::handshake || inbox_.room().empty());
    if (!unreadable) {
      return fail(Failure::timed_out(state_ == State::handshake ? Failure::Cause::no_answer
                                                                : Failure::Cause::keep_alive));
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

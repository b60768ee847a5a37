#include "examples/mqtt/session.hpp"

#include <algorithm>

#include "examples/mqtt/topic.hpp"

namespace mqtt {

using nal::Error;
using nal::Instant;
using nal::Result;
using nal::Unexpected;

Message& Message::operator=(Message&& other) noexcept {
  if (this != &other) {
    release();
    session_ = std::exchange(other.session_, nullptr);
    packet_ = other.packet_;
  }
  return *this;
}

void Message::release() noexcept {
  if (session_) { std::exchange(session_, nullptr)->released(); }
}

Session::Session(const Config& config, const Memory& memory) noexcept
    : config_(config),
      inbox_(memory.receive),
      outbox_(memory.send),
      store_(memory.in_flight, memory.store),
      subscriptions_(memory.subscriptions, memory.filters) {
  NAL_ASSERT(memory.receive.size() >= 64);
}

Connect Session::connect_packet() const noexcept {
  return {config_.client_id, config_.clean_session, config_.keep_alive, config_.will, config_.user, config_.password};
}

std::uint16_t Session::next_packet_id() noexcept {
  for (unsigned tried = 0; tried < 0xFFFF; ++tried) {
    if (++last_packet_id_ == 0) { last_packet_id_ = 1; }
    const bool used = store_.with_packet_id(last_packet_id_) || subscriptions_.with_packet_id(last_packet_id_);
    if (!used) { return last_packet_id_; }
  }
  return 0;
}

Result<std::uint32_t> Session::try_publish(std::string_view topic, std::span<const std::byte> payload, QoS qos,
                                           Retain retain) noexcept {
  if (qos == QoS::exactly_once) { return Unexpected(Error::not_supported); }
  if (!is_topic_name(topic)) { return Unexpected(Error::invalid_argument); }
  NAL_TRY_SET(const std::size_t size, publish_size(topic, payload.size(), qos));
  Publish packet{topic, payload, qos, retain == Retain::yes, false, 0};

  if (qos == QoS::at_most_once) {
    if (size > outbox_.capacity()) { return Unexpected(Error::message_size); }
    if (stopped() || stop_wanted_) { return Unexpected(Error::closed); }
    // What was accepted before goes first.
    if (state_ != State::online || sending_ != 0 || store_.in_state(Record::State::queued)) {
      return Unexpected(Error::would_block);
    }
    const auto room = outbox_.reserve(size);
    if (room.empty()) { return Unexpected(Error::would_block); }
    NAL_TRY_SET(const std::size_t written, encode(room, packet));
    outbox_.commit(written);
    kick();
    return std::uint32_t{0};
  }

  if (!store_.could_hold(size)) { return Unexpected(Error::message_size); }
  packet.packet_id = next_packet_id();
  Record* record = packet.packet_id != 0 ? store_.add(size) : nullptr;
  if (!record) { return Unexpected(Error::would_block); }
  record->packet_id = packet.packet_id;
  NAL_TRY(encode(store_.bytes(*record), packet));
  kick();
  return record->serial;
}

void Session::stop() noexcept {
  if (state_ == State::idle || state_ == State::stopped) { return; }
  stop_wanted_ = true;
  if (state_ == State::online) { state_ = State::stopping; }
  room_.wake_all();
  kick();
}

Result<> Session::start() noexcept {
  NAL_ASSERT(state_ == State::idle || state_ == State::stopped);
  outbox_.clear();
  NAL_TRY(encode(outbox_.reserve(outbox_.capacity()), connect_packet()));
  state_ = State::connecting;
  stop_wanted_ = false;
  finished_ = false;
  return {};
}

void Session::link_up(Instant now) noexcept {
  NAL_ASSERT(state_ == State::connecting);
  inbox_.restart();
  outbox_.clear();
  const auto size = encode(outbox_.reserve(outbox_.capacity()), connect_packet());
  outbox_.commit(*size);  // `start` has seen that it fits
  state_ = State::handshake;
  fatal_ = {};
  last_sent_ = now;
  last_received_ = now;
  answer_by_ = now + config_.answer_timeout;
}

void Session::requeue() noexcept {
  for (Record& record : store_.all()) {
    const bool was_sent =
        record.state == Record::State::sent || (record.state == Record::State::sending && sending_offset_ != 0);
    if (was_sent) { store_.bytes(record)[0] |= kDuplicateFlag; }
    record.state = Record::State::queued;
  }
  for (Record& record : subscriptions_.all()) {
    if (record.state == Record::State::sent) { record.state = Record::State::queued; }
    if (record.state == Record::State::left) { record.state = Record::State::leaving; }
    record.packet_id = 0;
  }
  outbox_.clear();
  sending_ = 0;
  sending_offset_ = 0;
  ack_due_ = 0;
  // The server will send what is not acknowledged again, under another identifier.
  message_ack_ = 0;
  kept_stale_ = kept_;
  ping_due_ = false;
  disconnect_queued_ = false;
  discard_ = Discard::none;
  answer_by_ = Instant::max();
}

void Session::link_down(const Failure& failure, nal::Duration retry_in) noexcept {
  failure_ = failure;
  requeue();
  state_ = State::connecting;
  Notice notice{Notice::Kind::lost};
  notice.failure = failure;
  notice.retry_in = retry_in;
  tell(notice);
}

void Session::run_ended() noexcept {
  requeue();
  state_ = State::stopped;
  stop_wanted_ = false;
  room_.wake_all();
  acked_.wake_all();
  answered_.wake_all();
  messages_.wake_all();
  changed_.wake_all();
}

void Session::tell(const Notice& notice) noexcept {
  if (config_.observer.tell) { config_.observer.tell(config_.observer.context, notice); }
}

bool Session::fill_empty(PacketType type) noexcept {
  const auto room = outbox_.reserve(2);
  if (room.empty()) { return false; }
  outbox_.commit(*encode_empty(room, type));
  return true;
}

void Session::fill_outbox() noexcept {
  if ((state_ != State::online && state_ != State::stopping) || disconnect_queued_) { return; }
  if (ack_due_ != 0) {
    if (const auto room = outbox_.reserve(4); !room.empty()) {
      outbox_.commit(*encode(room, Acknowledge{PacketType::puback, ack_due_}));
      ack_due_ = 0;
    }
  }
  if (ping_due_ && fill_empty(PacketType::pingreq)) { ping_due_ = false; }
  if (state_ == State::online) { fill_subscriptions(); }
  if (state_ == State::stopping && ack_due_ == 0) { disconnect_queued_ = fill_empty(PacketType::disconnect); }
}

std::span<const std::byte> Session::output() noexcept {
  fill_outbox();
  if (sending_ == 0) {
    if (!outbox_.empty()) { return outbox_.front(); }
    Record* next = state_ == State::online ? store_.in_state(Record::State::queued) : nullptr;
    if (!next) { return {}; }
    next->state = Record::State::sending;
    sending_ = next->serial;
    sending_offset_ = 0;
  }
  return std::span<const std::byte>(store_.bytes(*store_.with_serial(sending_))).subspan(sending_offset_);
}

void Session::sent(std::size_t n, Instant now) noexcept {
  last_sent_ = now;
  if (sending_ == 0) {
    outbox_.consume(n);
    finished_ = disconnect_queued_ && outbox_.empty();
  } else {
    Record& record = *store_.with_serial(sending_);
    sending_offset_ += n;
    if (sending_offset_ < record.size) { return; }
    record.state = Record::State::sent;
    sending_ = 0;
  }
  room_.wake_all();
}

void Session::received(std::size_t n, Instant now) noexcept {
  inbox_.commit(n);
  last_received_ = now;
  // A long message in front of the PINGRESP is a sign of life as well.
  if (state_ == State::online && !answer_by_.is_never()) { answer_by_ = now + config_.answer_timeout; }
}

Instant Session::deadline() const noexcept {
  if (state_ != State::online || config_.keep_alive == 0 || !answer_by_.is_never()) { return answer_by_; }
  return std::min(last_sent_, last_received_) + nal::Duration::seconds(config_.keep_alive);
}

}  // namespace mqtt

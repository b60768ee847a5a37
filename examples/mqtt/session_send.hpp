#pragma once
#include <algorithm>
#include <cstring>

#include "examples/mqtt/packet_write.hpp"
#include "examples/mqtt/session.hpp"
#include "examples/mqtt/topic.hpp"

/// What a session sends, messages foremost; included by session.hpp.
namespace mqtt {

template <Features F>
std::uint16_t BasicSession<F>::next_packet_id() noexcept {
  for (unsigned tried = 0; tried < 0xFFFF; ++tried) {
    if (++last_packet_id_ == 0) { last_packet_id_ = 1; }
    const bool used = store_.with_packet_id(last_packet_id_) || subscriptions_.with_packet_id(last_packet_id_);
    if (!used) { return last_packet_id_; }
  }
  return 0;
}

template <Features F>
nal::Result<std::size_t> BasicSession<F>::size_of(const Publish& packet, std::size_t payload) noexcept {
  return version_5() ? publish_size5(packet, payload) : publish_size(packet, payload);
}

template <Features F>
nal::Result<std::size_t> BasicSession<F>::encode_any_head(std::span<std::byte> room, const Publish& packet,
                                                          std::size_t payload) noexcept {
  return version_5() ? detail::encode_valid_head5(room, packet, payload)
                     : detail::encode_valid_head(room, packet, payload);
}

/// The size of the packet with a payload of `payload` bytes, if it can be sent.
template <Features F>
nal::Result<> BasicSession<F>::check_publish(const Publish& packet, std::size_t payload, std::size_t& size) noexcept {
  if (!F.qos_2 && packet.qos == QoS::exactly_once) { return nal::Unexpected(nal::Error::not_supported); }
  if (!is_topic_name(packet.topic)) { return nal::Unexpected(nal::Error::invalid_argument); }
  if constexpr (F.version_5) {
    if (packet.properties.has(PropertyId::subscription_id)) { return nal::Unexpected(nal::Error::invalid_argument); }
    if (state_ == State::online && (packet.qos > five_.server.maximum_qos || (packet.retain && !five_.server.retain))) {
      return nal::Unexpected(nal::Error::not_supported);
    }
  }
  NAL_TRY_SET(size, size_of(packet, payload));
  return {};
}

template <Features F>
bool BasicSession<F>::may_send_messages() noexcept {
  // What was accepted before goes first.
  return state_ == State::online && sending_ == 0 && !direct_ && !store_.in_state(Record::State::queued);
}

template <Features F>
nal::Result<> BasicSession<F>::begin_direct(Direct& direct, Publish& packet, std::size_t size) noexcept {
  std::size_t total = 0;
  NAL_TRY(check_publish(packet, size, total));
  if (total - size > outbox_.capacity()) { return nal::Unexpected(nal::Error::message_size); }
  if (stopped() || stop_wanted_) { return nal::Unexpected(nal::Error::closed); }
  if (!may_send_messages() || window() == 0) { return nal::Unexpected(nal::Error::would_block); }
  direct.new_alias = false;
  packet.topic_alias = 0;
  [[maybe_unused]] const std::string_view topic = packet.topic;
  [[maybe_unused]] constexpr std::size_t kAliasSize = F.version_5 ? 4 : 0;  // and a length byte more, at the worst
  std::size_t head_room = total - size;
  if constexpr (F.version_5) {
    if (version_5()) {
      if (total > five_.server.maximum_packet_size) { return nal::Unexpected(nal::Error::message_size); }
      if (packet.qos == QoS::at_most_once && five_.server.topic_alias_maximum != 0 &&
          head_room + kAliasSize <= outbox_.capacity()) {
        head_room += kAliasSize;
      }
    }
  }
  const auto room = outbox_.reserve(head_room);
  if (room.empty()) { return nal::Unexpected(nal::Error::would_block); }
  if constexpr (F.version_5) {
    if (head_room != total - size) {
      RecordStore& aliases = five_.aliases_out;
      for (std::size_t i = 0; i != aliases.count(); ++i) {
        if (text_of(aliases.bytes(aliases.all()[i])) != topic) { continue; }
        packet.topic_alias = static_cast<std::uint16_t>(i + 1);
        packet.topic = {};
      }
      if (packet.topic_alias == 0 && aliases.count() < five_.server.topic_alias_maximum) {
        if (const Record* added = aliases.add(topic.size())) {
          std::memcpy(aliases.bytes(*added).data(), topic.data(), topic.size());
          packet.topic_alias = static_cast<std::uint16_t>(aliases.count());
          direct.new_alias = true;
        }
      }
    }
  }
  const auto head = encode_any_head(room, packet, size);
  if constexpr (F.version_5) { packet.topic = topic; }
  if (!head) {
    if constexpr (F.version_5) {
      if (direct.new_alias) { five_.aliases_out.remove(five_.aliases_out.all().back()); }
    }
    return nal::Unexpected(head.error());
  }
  outbox_.commit(*head);
  direct.head = *head;
  direct.chunk = packet.payload;
  direct.size = direct.left = size;
  direct.status = size == 0 ? Direct::Status::done : Direct::Status::active;
  if (size != 0) { direct_ = &direct; }
  kick();
  return {};
}

template <Features F>
bool BasicSession<F>::absorb(Direct& direct) noexcept {
  if (direct.chunk.size() != direct.left) { return false; }
  const auto room = outbox_.reserve(direct.left);
  if (room.empty()) { return false; }
  std::memcpy(room.data(), direct.chunk.data(), direct.left);
  outbox_.commit(direct.left);
  direct.status = Direct::Status::done;
  direct_ = nullptr;
  return true;
}

template <Features F>
void BasicSession<F>::abandon(Direct& direct) noexcept {
  if (direct.status != Direct::Status::active) { return; }
  const bool unsent = direct.left == direct.size && outbox_.size() >= direct.head;
  if (unsent) {
    outbox_.take_back(direct.head);
    if constexpr (F.version_5) {
      if (direct.new_alias) { five_.aliases_out.remove(five_.aliases_out.all().back()); }
    }
  } else if (!absorb(direct)) {
    // Nothing but the rest of it would make sense to the server.
    fatal_ = Failure::of(Failure::Cause::abandoned, nal::Error::cancelled);
  }
  direct.status = Direct::Status::broken;
  direct_ = nullptr;
  room_.wake_all();
  kick();
}

template <Features F>
nal::Result<Record*> BasicSession<F>::accept(Publish& packet, std::size_t size) noexcept {
  // Or it would be kept in place of one that an earlier life has left there.
  NAL_TRY(restore());
  if (!store_.could_hold(size)) { return nal::Unexpected(nal::Error::message_size); }
  packet.packet_id = next_packet_id();
  Record* record = packet.packet_id != 0 ? store_.add(size) : nullptr;
  if (!record) { return nal::Unexpected(nal::Error::would_block); }
  record->packet_id = packet.packet_id;
  record->qos = static_cast<std::uint8_t>(packet.qos);
  return record;
}

template <Features F>
nal::Result<> BasicSession<F>::store_publish(Publish& packet, std::uint32_t& serial) noexcept {
  std::size_t size = 0;
  NAL_TRY(check_publish(packet, packet.payload.size(), size));
  if constexpr (F.version_5) {
    if (state_ == State::online && size > five_.server.maximum_packet_size) {
      return nal::Unexpected(nal::Error::message_size);
    }
  }
  NAL_TRY_SET(Record * record, accept(packet, size));
  const auto room = store_.bytes(*record);
  const auto head = encode_any_head(room, packet, packet.payload.size());
  nal::Result<> done = head ? nal::Result<>() : nal::Unexpected(head.error());
  if (head && !packet.payload.empty()) {
    std::memcpy(room.data() + *head, packet.payload.data(), packet.payload.size());
  }
  if constexpr (F.persistence) {
    const std::span<const std::byte> pieces[] = {room};
    if (done) { done = config_.persistence.put({StoreKey::Kind::outgoing, packet.packet_id}, pieces); }
  }
  if (!done) {
    store_.remove(*record);
    return done;
  }
  kick();
  serial = record->serial;
  return {};
}

template <Features F>
nal::Result<std::uint32_t> BasicSession<F>::try_publish(std::string_view topic, std::span<const std::byte> payload,
                                                        QoS qos, Retain retain, const Properties& properties) noexcept {
  Publish packet{topic, payload, qos, retain == Retain::yes, false, 0, 0, properties};
  std::uint32_t serial = 0;
  if (qos != QoS::at_most_once) {
    NAL_TRY(store_publish(packet, serial));
    return serial;
  }
  std::size_t size = 0;
  NAL_TRY(check_publish(packet, payload.size(), size));
  if (size > outbox_.capacity()) { return nal::Unexpected(nal::Error::message_size); }
  Direct direct;
  NAL_TRY(begin_direct(direct, packet, payload.size()));
  if (direct.status == Direct::Status::active && !absorb(direct)) {
    abandon(direct);  // nothing of it was sent
    return nal::Unexpected(nal::Error::would_block);
  }
  return serial;
}

template <Features F>
bool BasicSession<F>::in_flight(std::uint32_t serial) noexcept {
  const Record* record = serial != 0 ? store_.with_serial(serial) : nullptr;
  return record && !(kAwaits && record->state == Record::State::done);
}

template <Features F>
std::size_t BasicSession<F>::in_flight_count() noexcept {
  if constexpr (!kAwaits) { return store_.count(); }
  std::size_t count = 0;
  for (const Record& record : store_.all()) { count += record.state != Record::State::done; }
  return count;
}

/// Whoever waits for the answer to a message has gone.
template <Features F>
void BasicSession<F>::forget(std::uint32_t serial) noexcept {
  if constexpr (!kAwaits) { return; }
  Record* record = serial != 0 ? store_.with_serial(serial) : nullptr;
  if (!record) { return; }
  record->awaited = false;
  if (record->state == Record::State::done || record->state == Record::State::streaming) {
    store_.remove(*record);
    room_.wake_all();
    changed_.wake_all();
  }
}

template <Features F>
bool BasicSession<F>::fill_short(PacketType type, std::uint16_t packet_id) noexcept {
  const auto room = outbox_.reserve(packet_id != 0 ? 4 : 2);
  if (room.empty()) { return false; }
  outbox_.commit(encode_short(room, type, packet_id));
  return true;
}

template <Features F>
bool BasicSession<F>::fill_disconnect(Reason reason) noexcept {
  if constexpr (F.version_5) {
    if (version_5()) {
      const auto room = outbox_.reserve(4);
      const auto size = room.empty() ? nal::Unexpected(nal::Error::would_block) : encode5(room, Disconnect{reason, {}});
      outbox_.commit(size.value_or(0));
      return size.has_value();
    }
  }
  return fill_short(PacketType::disconnect);
}

template <Features F>
bool BasicSession<F>::fill_answer() noexcept {
  const Answer& due = rest_.answers[0];
  if (F.version_5 && due.reason != Reason::success && version_5()) {
    const auto room = outbox_.reserve(kAnswerSize);
    if (room.empty()) { return false; }
    outbox_.commit(*encode5(room, Acknowledge{due.type, due.packet_id, due.reason, {}}));
  } else if (!fill_short(due.type, due.packet_id)) {
    return false;
  }
  rest_.answers[0] = rest_.answers[1];
  --answers_due_;
  return true;
}

template <Features F>
void BasicSession<F>::answer(const Answer& answer) noexcept {
  NAL_ASSERT(answers_due_ < 2);
  rest_.answers[answers_due_++] = answer;
  fill_outbox();
}

template <Features F>
void BasicSession<F>::fill_outbox() noexcept {
  if ((state_ != State::online && state_ != State::stopping) || disconnect_queued_ || direct_) { return; }
  while (answers_due_ != 0) {
    if (!fill_answer()) { return; }
  }
  if (ping_due_ && fill_short(PacketType::pingreq)) { ping_due_ = false; }
  if (state_ == State::online) { fill_subscriptions(); }
  if (state_ == State::stopping) {
    Reason reason = Reason::success;
    if constexpr (F.version_5) { reason = five_.goodbye; }
    disconnect_queued_ = fill_disconnect(reason);
  }
}

/// How many more messages of QoS 1 and 2 the server takes before it has answered some (5.0 §4.9).
template <Features F>
std::size_t BasicSession<F>::window() noexcept {
  if constexpr (F.version_5) {
    std::size_t left = five_.server.receive_maximum;
    for (const Record& record : store_.all()) {
      const bool counts = record.state == Record::State::sent || is_release(record);
      if (counts && left != 0) { --left; }
    }
    return left;
  }
  return 1;
}

template <Features F>
Record* BasicSession<F>::next_to_send() noexcept {
  Record* next = state_ == State::online ? store_.in_state(Record::State::queued) : nullptr;
  if constexpr (F.version_5) {
    if (next && !is_release(*next) && window() == 0) { return nullptr; }
  }
  return next;
}

template <Features F>
void BasicSession<F>::output(std::span<const std::byte> (&pieces)[2]) noexcept {
  pieces[0] = pieces[1] = {};
  // The server may wait for the rest of a packet that will not come.
  if (failed() && state_ != State::failing) { return; }
  fill_outbox();
  if (sending_ == 0 && outbox_.empty() && !direct_) {
    if (Record* next = next_to_send()) {
      next->state = Record::State::sending;
      sending_ = next->serial;
      sending_offset_ = 0;
    }
  }
  if (sending_ != 0) {
    pieces[0] = store_.bytes(*store_.with_serial(sending_)).subspan(sending_offset_);
  } else {
    pieces[0] = outbox_.front();
    if (direct_) { pieces[1] = direct_->chunk; }
  }
}

template <Features F>
void BasicSession<F>::sent(std::size_t n, nal::Instant now) noexcept {
  rest_.last_sent = now.microseconds();
  if (sending_ == 0) {
    const std::size_t here = std::min(n, outbox_.size());
    outbox_.consume(here);
    n -= here;
    if (n != 0) {
      direct_->chunk = direct_->chunk.subspan(n);
      direct_->left -= n;
      if (direct_->left == 0) {
        if constexpr (F.streaming) {
          Record* record = direct_->serial != 0 ? store_.with_serial(direct_->serial) : nullptr;
          if (record) { record->state = Record::State::sent; }
        }
        std::exchange(direct_, nullptr)->status = Direct::Status::done;
      }
    }
  } else {
    Record& record = *store_.with_serial(sending_);
    sending_offset_ += n;
    if (sending_offset_ < record.size) { return; }
    record.state = Record::State::sent;
    sending_ = 0;
  }
  room_.wake_all();
  if constexpr (F.version_5) { changed_.wake_all(); }
}

/// The server has answered it for good.
template <Features F>
void BasicSession<F>::settle_message(Record& record, Reason reason, const Properties& properties) noexcept {
  if constexpr (F.persistence) { config_.persistence.remove({StoreKey::Kind::outgoing, record.packet_id}); }
  record.packet_id = 0;
  if (kAwaits && record.awaited) {
    record.state = Record::State::done;
    record.answer = static_cast<std::uint8_t>(reason);
  } else {
    store_.remove(record);
  }
  changed_.wake_all();
  room_.wake_all();
  if constexpr (F.version_5) {
    if (!F.callbacks || !is_failure(reason)) { return; }
    Notice notice{Notice::Kind::message_refused};
    notice.reason = reason;
    notice.properties = properties;
    tell(notice);
  }
}

/// PUBACK and PUBCOMP.
template <Features F>
bool BasicSession<F>::handle_acknowledge(const Response& packet) noexcept {
  Record* record = store_.with_packet_id(packet.packet_id);
  bool expected = record && record->state == Record::State::sent;
  if constexpr (F.qos_2) {
    if (!record && packet.type == PacketType::pubcomp && two_.stray_releases != 0) {
      --two_.stray_releases;
      return true;
    }
    if (expected) {
      expected = packet.type == PacketType::pubcomp ? is_release(*record)
                                                    : record->qos == static_cast<std::uint8_t>(QoS::at_least_once);
    }
  }
  if (!expected) { return fail(Fault::unknown_packet_id); }
  // That the server does not know what it is to release any more is the end of it as well.
  const bool known = packet.type == PacketType::pubcomp;
  settle_message(*record, known ? Reason::success : packet.reason, packet.properties);
  return true;
}

template <Features F>
bool BasicSession<F>::handle_pubrec(const Response& packet) noexcept {
  if constexpr (F.qos_2) {
    Record* record = store_.with_packet_id(packet.packet_id);
    if (!record) {
      // A session that was resumed may know of messages that this client does not.
      if (!resumed_) { return fail(Fault::unknown_packet_id); }
      if (!is_failure(packet.reason)) {
        ++two_.stray_releases;
        answer({packet.packet_id, PacketType::pubrel, Reason::packet_identifier_not_found});
      }
      return true;
    }
    const auto bytes = store_.bytes(*record);
    if (is_release(*record)) { return true; }  // it is on its way, or will be
    const bool was_sent = record->state == Record::State::sent ||
                          (record->state == Record::State::queued && (bytes[0] & kDuplicateFlag) != std::byte{0});
    if (record->qos != static_cast<std::uint8_t>(QoS::exactly_once)) { return fail(Fault::unknown_packet_id); }
    // Of an earlier connection, while it is being sent again: that will be answered too.
    if (!was_sent && record->state != Record::State::queued && resumed_) { return true; }
    if (!was_sent) { return fail(Fault::unknown_packet_id); }
    if (is_failure(packet.reason)) {
      settle_message(*record, packet.reason, packet.properties);
      return true;
    }
    // From here on only the identifier matters: the record becomes the PUBREL, in its place.
    std::byte release[4];
    const std::size_t size = encode_short(release, PacketType::pubrel, packet.packet_id);
    if constexpr (F.persistence) {
      const std::span<const std::byte> pieces[] = {std::span(release).first(size)};
      const auto kept = config_.persistence.put({StoreKey::Kind::outgoing, packet.packet_id}, pieces);
      if (!kept) { return fail(Failure::Cause::store, kept.error()); }
    }
    std::memcpy(bytes.data(), release, size);
    record->size = static_cast<std::uint32_t>(size);
    record->state = Record::State::queued;
    record->answer = static_cast<std::uint8_t>(packet.reason);
    room_.wake_all();
  }
  return true;
}

template <Features F>
bool BasicSession<F>::handle_pubrel(const Response& packet) noexcept {
  if constexpr (F.qos_2) {
    const bool known = two_.received.remove(packet.packet_id);
    if constexpr (F.persistence) {
      if (known) { config_.persistence.remove({StoreKey::Kind::received, packet.packet_id}); }
    }
    if constexpr (F.version_5) {
      if (five_.unacknowledged != 0) { --five_.unacknowledged; }
    }
    answer({packet.packet_id, PacketType::pubcomp, known ? Reason::success : Reason::packet_identifier_not_found});
  }
  return true;
}

/// Messages that were accepted before it was known what the server takes.
template <Features F>
void BasicSession<F>::refuse_what_the_server_cannot() noexcept {
  if constexpr (F.version_5) {
    for (std::size_t i = store_.count(); i-- != 0;) {
      Record& record = store_.all()[i];
      const std::byte first = store_.bytes(record)[0];
      if (record.state != Record::State::queued || is_release(record)) { continue; }
      const bool retain = (first & std::byte{1}) != std::byte{0};
      if (static_cast<QoS>(std::to_integer<unsigned>(first) >> 1 & 3) > five_.server.maximum_qos) {
        settle_message(record, Reason::qos_not_supported, {});
      } else if (retain && !five_.server.retain) {
        settle_message(record, Reason::retain_not_supported, {});
      } else if (record.size > five_.server.maximum_packet_size) {
        settle_message(record, Reason::packet_too_large, {});
      }
    }
  }
}

}  // namespace mqtt

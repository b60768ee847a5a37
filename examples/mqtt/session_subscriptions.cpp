#include <algorithm>
#include <cstring>

#include "examples/mqtt/session.hpp"
#include "examples/mqtt/topic.hpp"

namespace mqtt {

using nal::Error;
using nal::Result;
using nal::Unexpected;

Record* Session::subscription_of(std::string_view filter) noexcept {
  for (Record& record : subscriptions_.all()) {
    if (text_of(subscriptions_.bytes(record)) == filter) { return &record; }
  }
  return nullptr;
}

nal::Poll<Result<std::uint32_t>> Session::begin_subscription(std::string_view filter, QoS qos, bool leave) noexcept {
  if (qos == QoS::exactly_once) { return Unexpected(Error::not_supported); }
  if (!is_topic_filter(filter)) { return Unexpected(Error::invalid_argument); }
  if (subscribe_size(filter) > outbox_.capacity()) { return Unexpected(Error::message_size); }
  if (stopped()) { return Unexpected(Error::closed); }
  Record* record = subscription_of(filter);
  if (!record) {
    record = subscriptions_.add(filter.size());
    if (!record) { return Unexpected(Error::table_full); }
    std::memcpy(subscriptions_.bytes(*record).data(), filter.data(), filter.size());
  } else if (record->state == Record::State::sent || record->state == Record::State::left) {
    return nal::pending;  // its acknowledgement is under way, and could not be told from the next one's
  }
  record->state = leave ? Record::State::leaving : Record::State::queued;
  record->qos = static_cast<std::uint8_t>(qos);
  kick();
  return Result<std::uint32_t>(record->serial);
}

void Session::fill_subscriptions() noexcept {
  for (Record& record : subscriptions_.all()) {
    const bool leave = record.state == Record::State::leaving;
    if (!leave && record.state != Record::State::queued) { continue; }
    const FilterEntry entry{text_of(subscriptions_.bytes(record)), static_cast<QoS>(record.qos)};
    const auto room = outbox_.reserve(subscribe_size(entry.filter));
    const std::uint16_t packet_id = room.empty() ? std::uint16_t{0} : next_packet_id();
    if (packet_id == 0) { return; }
    const auto size =
        leave ? encode_unsubscribe(room, packet_id, {&entry, 1}) : encode_subscribe(room, packet_id, {&entry, 1});
    outbox_.commit(*size);
    record.packet_id = packet_id;
    record.state = leave ? Record::State::left : Record::State::sent;
  }
}

void Session::renew_subscriptions(bool session_present) noexcept {
  for (Record& record : subscriptions_.all()) {
    const bool forgotten = record.state == Record::State::active && !session_present;
    if (forgotten || record.state == Record::State::refused) { record.state = Record::State::queued; }
  }
  if (session_present) { return; }
  // A server that knows nothing has nothing to take back.
  while (const Record* gone = subscriptions_.in_state(Record::State::leaving)) { subscriptions_.remove(*gone); }
  answered_.wake_all();
}

Result<> Session::handle_suback(const Suback& packet) noexcept {
  Record* record = subscriptions_.with_packet_id(packet.packet_id);
  if (!record || record->state != Record::State::sent) { return fail(Fault::unknown_packet_id); }
  if (packet.codes.size() != 1) { return fail(Fault::size); }
  const auto code = std::to_integer<std::uint8_t>(packet.codes[0]);
  record->packet_id = 0;
  if (packet.codes[0] == Suback::kFailure) {
    record->state = Record::State::refused;
    Notice notice{Notice::Kind::subscription_refused};
    notice.filter = text_of(subscriptions_.bytes(*record));
    tell(notice);
  } else {
    if (code > record->qos) { return fail(Fault::qos_not_granted); }
    record->granted = code;
    record->state = Record::State::active;
  }
  answered_.wake_all();
  return {};
}

Result<> Session::handle_unsuback(const Acknowledge& packet) noexcept {
  const Record* record = subscriptions_.with_packet_id(packet.packet_id);
  if (!record || record->state != Record::State::left) { return fail(Fault::unknown_packet_id); }
  subscriptions_.remove(*record);
  answered_.wake_all();
  return {};
}

}  // namespace mqtt

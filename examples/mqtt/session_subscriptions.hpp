#pragma once
#include <cstring>

#include "examples/mqtt/packet_write.hpp"
#include "examples/mqtt/session.hpp"
#include "examples/mqtt/topic.hpp"

/// What a session is subscribed to; included by session.hpp.
namespace mqtt {

namespace detail {

/// QoS and options as SUBSCRIBE has them (5.0 §3.8.3.1).
constexpr std::uint8_t subscription_options(const FilterEntry& entry) noexcept {
  return static_cast<std::uint8_t>(static_cast<unsigned>(entry.qos) | (entry.no_local ? 4U : 0U) |
                                   (entry.retain_as_published ? 8U : 0U) |
                                   static_cast<unsigned>(entry.retain_handling) << 4);
}

/// Whether a SUBSCRIBE may have them (5.0 §3.8.2.1).
inline bool may_subscribe_with(const Properties& properties) noexcept {
  bool identified = false;
  for (const Property& property : properties) {
    if (property.id == PropertyId::user_property) {
      if (!is_mqtt_text(property.text()) || !is_mqtt_text(property.value_text())) { return false; }
    } else if (property.id != PropertyId::subscription_id || property.number == 0 || property.number > kMaxRemaining ||
               std::exchange(identified, true)) {
      return false;
    }
  }
  return true;
}

}  // namespace detail

template <Features F>
std::size_t BasicSession<F>::prefix_of(const Record& record) noexcept {
  if constexpr (F.version_5) {
    const std::size_t size = Reader(subscriptions_.bytes(record)).variable();
    return detail::variable_size(size) + size;
  }
  return 0;
}

template <Features F>
Record* BasicSession<F>::subscription_of(std::string_view filter) noexcept {
  for (Record& record : subscriptions_.all()) {
    if (filter_of(record) == filter) { return &record; }
  }
  return nullptr;
}

template <Features F>
nal::Poll<nal::Result<>> BasicSession<F>::begin_subscription(const FilterEntry& entry, const Properties& properties,
                                                             bool leave, std::uint32_t& serial) noexcept {
  if (!F.qos_2 && entry.qos == QoS::exactly_once) { return nal::Unexpected(nal::Error::not_supported); }
  if constexpr (F.qos_2) {
    if (entry.qos == QoS::exactly_once && two_.received.capacity() == 0) {
      return nal::Unexpected(nal::Error::not_supported);
    }
  }
  const std::string_view filter = entry.filter;
  if (!is_topic_filter(filter) || (F.version_5 && !is_shared_filter_valid(filter))) {
    return nal::Unexpected(nal::Error::invalid_argument);
  }
  std::size_t listed = 0;
  std::size_t prefix = 0;
  if constexpr (F.version_5) {
    const bool options = entry.no_local || entry.retain_as_published || entry.retain_handling != RetainHandling::send ||
                         !properties.empty();
    if (!version_5() && options) { return nal::Unexpected(nal::Error::not_supported); }
    if (!detail::may_subscribe_with(properties) || (entry.no_local && is_shared(filter))) {
      return nal::Unexpected(nal::Error::invalid_argument);
    }
    listed = detail::properties_size(properties).value_or(0);
    prefix = detail::variable_size(listed) + listed;
  }
  const std::size_t size = prefix + filter.size();
  if (subscribe_size(size) > outbox_.capacity()) { return nal::Unexpected(nal::Error::message_size); }
  if (stopped()) { return nal::Unexpected(nal::Error::closed); }
  Record* record = subscription_of(filter);
  if (record && (record->state == Record::State::sent || record->state == Record::State::left)) {
    return nal::pending;  // its acknowledgement is under way, and could not be told from the next one's
  }
  const bool fits = record && (leave || !F.version_5 || record->size == size);
  if (!fits) {
    Record* added = subscriptions_.add(size);
    if (!added) { return nal::Unexpected(nal::Error::table_full); }
    std::memcpy(subscriptions_.bytes(*added).data() + prefix, filter.data(), filter.size());
    if (F.version_5 && record) {
      // With other properties it takes the place of the one that there was, also for whoever waits for that.
      added->serial = record->serial;
      subscriptions_.remove(*record);
    }
    record = &subscriptions_.all().back();
  }
  // One that is taken back may stay, as it is.
  if (!fits || !leave) {
    if constexpr (F.version_5) {
      Writer writer(subscriptions_.bytes(*record).first(prefix));
      static_cast<void>(detail::put_properties(writer, properties, PacketType::subscribe, listed));
    }
    record->qos = F.version_5 ? detail::subscription_options(entry) : static_cast<std::uint8_t>(entry.qos);
  }
  record->state = leave ? Record::State::leaving : Record::State::queued;
  kick();
  serial = record->serial;
  return nal::Result<>();
}

/// Whether the server of this connection can have it.
template <Features F>
Reason BasicSession<F>::check_subscription(const Record& record) noexcept {
  if constexpr (F.version_5) {
    const std::string_view filter = filter_of(record);
    const ServerLimits& server = five_.server;
    if (!server.shared && is_shared(filter)) { return Reason::shared_subscriptions_not_supported; }
    if (!server.wildcards && has_wildcards(filter)) { return Reason::wildcard_subscriptions_not_supported; }
    Properties properties;
    Reader reader(subscriptions_.bytes(record));
    static_cast<void>(detail::take_properties(reader, PacketType::subscribe, properties));
    if (!server.subscription_ids && properties.has(PropertyId::subscription_id)) {
      return Reason::subscription_identifiers_not_supported;
    }
    if (subscribe_size(record.size) > server.maximum_packet_size) { return Reason::packet_too_large; }
  }
  return Reason::success;
}

template <Features F>
void BasicSession<F>::fill_subscriptions() noexcept {
  for (Record& record : subscriptions_.all()) {
    const bool leave = record.state == Record::State::leaving;
    if (!leave && record.state != Record::State::queued) { continue; }
    const auto room = outbox_.reserve(subscribe_size(record.size));
    const std::uint16_t packet_id = room.empty() ? std::uint16_t{0} : next_packet_id();
    if (packet_id == 0) { return; }
    std::span<const std::byte> properties;
    const std::byte none{0};
    if constexpr (F.version_5) {
      const Reason reason = leave ? Reason::success : check_subscription(record);
      if (reason != Reason::success) {
        record.state = Record::State::refused;
        record.answer = static_cast<std::uint8_t>(reason);
        changed_.wake_all();
        tell_refused(record, {});
        continue;
      }
      if (version_5()) {
        properties = subscriptions_.bytes(record).first(prefix_of(record));
        if (leave) { properties = {&none, 1}; }
      }
    }
    const PacketType type = leave ? PacketType::unsubscribe : PacketType::subscribe;
    outbox_.commit(*detail::write_filter(room, type, packet_id, properties, filter_of(record), record.qos));
    record.packet_id = packet_id;
    record.state = leave ? Record::State::left : Record::State::sent;
  }
}

template <Features F>
void BasicSession<F>::renew_subscriptions(bool session_present) noexcept {
  for (Record& record : subscriptions_.all()) {
    const bool forgotten = record.state == Record::State::active && !session_present;
    if (forgotten || record.state == Record::State::refused) { record.state = Record::State::queued; }
  }
  if (session_present) { return; }
  // A server that knows nothing has nothing to take back.
  while (Record* gone = subscriptions_.in_state(Record::State::leaving)) { subscriptions_.remove(*gone); }
  changed_.wake_all();
}

template <Features F>
void BasicSession<F>::tell_refused([[maybe_unused]] const Record& record,
                                   [[maybe_unused]] const Properties& properties) noexcept {
  if constexpr (F.callbacks) {
    Notice notice{Notice::Kind::subscription_refused};
    notice.filter = filter_of(record);
    notice.reason = static_cast<Reason>(record.answer);
    notice.properties = properties;
    tell(notice);
  }
}

/// SUBACK and UNSUBACK.
template <Features F>
bool BasicSession<F>::handle_suback(const Response& packet) noexcept {
  Record* record = subscriptions_.with_packet_id(packet.packet_id);
  const bool leave = packet.type == PacketType::unsuback;
  if (!record || record->state != (leave ? Record::State::left : Record::State::sent)) {
    return fail(Fault::unknown_packet_id);
  }
  const bool silent = leave && packet.codes.empty();  // of 3.1.1
  if (!silent && packet.codes.size() != 1) { return fail(Fault::size); }
  const auto code = silent ? std::uint8_t{0} : std::to_integer<std::uint8_t>(packet.codes[0]);
  record->packet_id = 0;
  record->answer = code;
  if (code >= std::to_integer<std::uint8_t>(Suback::kFailure)) {
    // What cannot be taken back the server goes on with.
    record->state = leave ? Record::State::kept : Record::State::refused;
    if (!leave) { tell_refused(*record, packet.properties); }
  } else if (leave) {
    subscriptions_.remove(*record);
  } else {
    if (code > (record->qos & 3)) { return fail(Fault::qos_not_granted); }
    record->state = Record::State::active;
  }
  changed_.wake_all();
  return true;
}

}  // namespace mqtt

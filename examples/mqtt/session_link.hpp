#pragma once
#include <algorithm>
#include <cstring>

#include "examples/mqtt/clock.hpp"
#include "examples/mqtt/packet_write.hpp"
#include "examples/mqtt/session.hpp"
#include "examples/mqtt/topic.hpp"

/// How a session begins and ends on a connection; included by session.hpp.
namespace mqtt {

template <Features F>
BasicSession<F>::BasicSession(const Config& config, const Memory& memory) noexcept
    : Front{},
      outbox_(memory.send),
      inbox_(memory.receive),
      store_(memory.in_flight, memory.store),
      subscriptions_(memory.subscriptions, memory.filters),
      config_(config),
      five_(memory),
      two_(memory) {
  NAL_ASSERT(memory.receive.size() >= 64);
}

template <Features F>
std::string_view BasicSession<F>::client_id() const noexcept {
  if constexpr (F.version_5) {
    if (config_.client_id.empty()) {
      return text_of(std::span<const std::byte>(five_.client_id).first(five_.client_id_size));
    }
  }
  return config_.client_id;
}

template <Features F>
bool BasicSession<F>::starts_clean() const noexcept {
  if constexpr (F.version_5) {
    // The session of this run is gone on with, for as long as the server keeps it.
    if (version_5() && five_.was_online && config_.session_expiry != 0 && !client_id().empty()) { return false; }
  }
  return config_.clean_session;
}

template <Features F>
nal::Result<> BasicSession<F>::fill_connect() noexcept {
  outbox_.clear();
  const auto room = outbox_.reserve(outbox_.capacity());
  nal::Result<std::size_t> size = nal::Unexpected(nal::Error::not_supported);
  if constexpr (F.version_5) {
    if (version_5()) {
      constexpr std::size_t kUserProperties = 8;
      if (config_.user_properties.size() > kUserProperties) { return nal::Unexpected(nal::Error::invalid_argument); }
      Property list[8 + kUserProperties];
      std::size_t count = 0;
      const auto add = [&](PropertyId id, std::uint32_t number, std::uint32_t usual) __attribute__((noinline)) {
        if (number != usual) { list[count++] = Property::of(id, number); }
      };
      add(PropertyId::session_expiry, config_.session_expiry, 0);
      add(PropertyId::receive_maximum, config_.receive_maximum, 0);
      add(PropertyId::maximum_packet_size, config_.maximum_packet_size, 0);
      const auto aliases = std::min<std::size_t>(five_.aliases_in.capacity(), 0xFFFF);
      add(PropertyId::topic_alias_maximum, static_cast<std::uint32_t>(aliases), 0);
      add(PropertyId::request_problem_information, config_.request_problem_information, 1);
      add(PropertyId::request_response_information, config_.request_response_information, 0);
      if (config_.authenticator.answer) {
        NAL_TRY_SET(const auto data,
                    config_.authenticator.answer(config_.authenticator.context, Authenticator::Step::begin, {}));
        list[count++] = Property::of(PropertyId::authentication_method, config_.authenticator.method);
        if (!data.empty()) { list[count++] = Property::of(PropertyId::authentication_data, data); }
      }
      for (const Property& property : config_.user_properties) { list[count++] = property; }
      size = detail::write_connect<true>(room, config_, client_id(), starts_clean(),
                                         std::span<const Property>(list).first(count));
    }
  }
  if (F.version_3_1_1 && !version_5()) {
    size = detail::write_connect<false>(room, config_, client_id(), starts_clean(), {});
  }
  if (!size) { return nal::Unexpected(size.error()); }
  outbox_.commit(*size);
  return {};
}

template <Features F>
nal::Result<> BasicSession<F>::start() noexcept {
  NAL_ASSERT(state_ == State::idle || state_ == State::stopped);
  if (!F.version_5 && config_.version != Version::mqtt_3_1_1) { return nal::Unexpected(nal::Error::not_supported); }
  if (!F.version_3_1_1 && config_.version != Version::mqtt_5) { return nal::Unexpected(nal::Error::not_supported); }
  if constexpr (F.version_5) {
    if (config_.receive_maximum == 0 && F.qos_2 && two_.received.capacity() != 0) {
      // The table is what limits messages of QoS 2.
      config_.receive_maximum = static_cast<std::uint16_t>(std::min<std::size_t>(two_.received.capacity(), 0xFFFF));
    }
    if (config_.maximum_packet_size == 0 && (!F.streaming || handler())) {
      config_.maximum_packet_size = static_cast<std::uint32_t>(std::min<std::size_t>(inbox_.capacity(), 0xFFFF'FFFF));
    }
    five_.was_online = false;
    five_.goodbye = Reason::success;
  }
  NAL_TRY(restore());
  NAL_TRY(fill_connect());  // to see whether it can be
  state_ = State::connecting;
  stop_wanted_ = false;
  return {};
}

template <Features F>
nal::Result<> BasicSession<F>::restore() noexcept {
  if constexpr (F.persistence) {
    if (restored_) { return {}; }
    NAL_TRY(config_.persistence.load({&BasicSession::take_restored, this}));
    restored_ = true;
  }
  return {};
}

template <Features F>
nal::Result<> BasicSession<F>::take_restored(void* self, StoreKey key, std::span<const std::byte> bytes) noexcept {
  BasicSession& session = *static_cast<BasicSession*>(self);
  if (key.packet_id == 0) { return nal::Unexpected(nal::Error::invalid_argument); }
  if (key.kind == StoreKey::Kind::received) {
    if constexpr (F.qos_2) {
      if (session.two_.received.add(key.packet_id)) { return {}; }
    }
    return nal::Unexpected(nal::Error::table_full);
  }
  // A file may have been damaged: nothing is sent that is no PUBLISH or PUBREL.
  Header header;
  Fault fault = session.read(bytes, header);
  if (fault != Fault::none || !header.complete() || header.total() != bytes.size()) {
    return nal::Unexpected(nal::Error::invalid_argument);
  }
  const auto body = bytes.subspan(header.size);
  std::uint16_t packet_id = 0;
  if (header.type == PacketType::publish) {
    Publish packet;
    fault = session.read(header, body, packet);
    packet_id = packet.packet_id;
  } else if (F.qos_2 && header.type == PacketType::pubrel) {
    Response packet;
    fault = session.read(header, body, packet);
    packet_id = packet.packet_id;
  }
  // What was accepted before this start is in memory already.
  if (fault != Fault::none || packet_id != key.packet_id) { return nal::Unexpected(nal::Error::invalid_argument); }
  if (session.store_.with_packet_id(packet_id)) { return {}; }
  Record* record = session.store_.add(std::max<std::size_t>(bytes.size(), 4));
  if (!record) { return nal::Unexpected(nal::Error::table_full); }
  record->packet_id = packet_id;
  const QoS qos = header.type == PacketType::publish ? header.qos() : QoS::exactly_once;
  record->qos = static_cast<std::uint8_t>(qos);
  const auto to = session.store_.bytes(*record);
  std::memcpy(to.data(), bytes.data(), bytes.size());
  // Nobody knows whether it was sent.
  if (header.type == PacketType::publish) { to[0] |= kDuplicateFlag; }
  session.last_packet_id_ = packet_id;
  return {};
}

template <Features F>
void BasicSession<F>::link_up(nal::Instant now) noexcept {
  NAL_ASSERT(state_ == State::connecting);
  inbox_.restart();
  fatal_ = {};
  if constexpr (F.version_5) {
    five_.server = {};
    five_.keep_alive = config_.keep_alive;
  }
  // `start` has seen that it fits; an authenticator may be without an answer, or have a longer one.
  if (const auto filled = fill_connect(); !filled) { fail(Failure::Cause::authenticator, filled.error()); }
  state_ = State::handshake;
  rest_.last_sent = rest_.last_received = now.microseconds();
  expect_answer(now);
}

template <Features F>
void BasicSession<F>::requeue() noexcept {
  for (std::size_t i = store_.count(); i-- != 0;) {
    Record& record = store_.all()[i];
    const bool was_sent =
        record.state == Record::State::sent || (record.state == Record::State::sending && sending_offset_ != 0);
    if (kAwaits && (record.state == Record::State::done || record.state == Record::State::streaming)) { continue; }
    if (is_release(record)) {
      record.state = Record::State::queued;
      continue;
    }
    if (was_sent) { store_.bytes(record)[0] |= kDuplicateFlag; }
    if (!is_streamed(record)) {
      record.state = Record::State::queued;
    } else if (record.awaited) {
      record.state = Record::State::streaming;
    } else {
      store_.remove(record);  // nobody has its payload any more
    }
  }
  for (Record& record : subscriptions_.all()) {
    if (record.state == Record::State::sent) { record.state = Record::State::queued; }
    if (record.state == Record::State::left) { record.state = Record::State::leaving; }
    record.packet_id = 0;
  }
  outbox_.clear();
  sending_ = 0;
  sending_offset_ = 0;
  if (direct_) { std::exchange(direct_, nullptr)->status = Direct::Status::broken; }
  answers_due_ = 0;
  // The server will send what is not acknowledged again.
  rest_.owed.fresh = false;
  kept_stale_ = kept_;
  ping_due_ = false;
  disconnect_queued_ = false;
  discard_ = Discard::none;
  answer_due_ = false;
  if constexpr (F.version_5) {
    five_.aliases_out.clear();
    five_.aliases_stale = true;
    five_.unacknowledged = 0;
    five_.authenticating = false;
    five_.reference = {};
  }
  if constexpr (F.qos_2) { two_.stray_releases = 0; }
  if constexpr (F.streaming) {
    if (stream_.active) { stream_.broken = true; }
  }
  room_.wake_all();
  messages_.wake_all();
}

template <Features F>
void BasicSession<F>::link_down(const Failure& failure, [[maybe_unused]] nal::Duration retry_in) noexcept {
  failure_ = failure;
  requeue();
  state_ = State::connecting;
  changed_.wake_all();
  if constexpr (F.callbacks) {
    Notice notice{Notice::Kind::lost};
    notice.failure = failure;
    notice.retry_in = retry_in;
    notice.reason = failure.reason;
    tell(notice);
  }
}

template <Features F>
void BasicSession<F>::run_ended() noexcept {
  requeue();
  state_ = State::stopped;
  stop_wanted_ = false;
  changed_.wake_all();
}

template <Features F>
void BasicSession<F>::stop(Reason reason) noexcept {
  if (state_ == State::idle || state_ == State::stopped) { return; }
  if constexpr (F.version_5) { five_.goodbye = reason; }
  stop_wanted_ = true;
  if (state_ == State::online) { state_ = State::stopping; }
  room_.wake_all();
  kick();
}

template <Features F>
bool BasicSession<F>::say_why() noexcept {
  if constexpr (F.version_5) {
    if (!version_5() || state_ == State::connecting) { return false; }
    Reason reason = Reason::success;
    if (fatal_.cause == Failure::Cause::protocol) { reason = reason_of(fatal_.fault); }
    if (fatal_.cause == Failure::Cause::authenticator) { reason = Reason::not_authorized; }
    if (fatal_.cause == Failure::Cause::store) { reason = Reason::implementation_specific_error; }
    // Nothing can be put into the middle of a packet.
    if (reason == Reason::success || sending_ != 0 || direct_ || disconnect_queued_) { return false; }
    state_ = State::failing;
    disconnect_queued_ = fill_disconnect(reason);
    return disconnect_queued_;
  }
  return false;
}

template <Features F>
bool BasicSession<F>::handle_connack(const Response& packet) noexcept {
  if constexpr (F.version_5) {
    if (version_5() && packet.reason != Reason::success) {
      five_.reference = packet.properties.text(PropertyId::server_reference);
      fatal_ = Failure::told(Failure::Cause::refused, packet.reason);
      return false;
    }
  }
  if (packet.code != ConnectCode::accepted) {
    fatal_ = Failure::refused(packet.code);
    return false;
  }
  // §3.2.2.2: no session outlives a clean start.
  if (packet.session_present && starts_clean()) { return fail(Fault::acknowledge_flags); }
  if constexpr (F.version_5) {
    if (version_5()) {
      if (config_.authenticator.answer) {
        const auto checked = config_.authenticator.answer(config_.authenticator.context, Authenticator::Step::finish,
                                                          packet.properties.bytes(PropertyId::authentication_data));
        if (!checked) { return fail(Failure::Cause::authenticator, checked.error()); }
      } else if (packet.properties.has(PropertyId::authentication_method)) {
        return fail(Fault::authentication);
      }
      take_server(packet);
    }
    five_.was_online = true;
  }
  state_ = State::online;
  resumed_ = packet.session_present;
  answer_due_ = false;
  if constexpr (F.qos_2) {
    if (!packet.session_present) {
      // What the server has forgotten: its own messages, under whose identifiers others may come, and that it has ours.
      two_.received.clear();
      if constexpr (F.persistence) { config_.persistence.clear(); }
      rest_.kept_orphaned = kept_stale_;
      rest_.owed.packet_id = 0;
      for (std::size_t i = store_.count(); i-- != 0;) {
        Record& record = store_.all()[i];
        if (record.state != Record::State::queued) { continue; }
        if (is_release(record)) { settle_message(record, Reason::success, {}); }
      }
    }
  }
  if constexpr (F.version_5) {
    if (version_5()) { refuse_what_the_server_cannot(); }
  }
  renew_subscriptions(packet.session_present);
  if constexpr (F.callbacks) {
    Notice notice{Notice::Kind::connected};
    notice.session_present = packet.session_present;
    notice.properties = packet.properties;
    tell(notice);
  }
  changed_.wake_all();
  room_.wake_all();
  return true;
}

template <Features F>
void BasicSession<F>::take_server(const Response& packet) noexcept {
  if constexpr (F.version_5) {
    ServerLimits& server = five_.server;
    server.session_expiry = config_.session_expiry;
    for (const Property& property : packet.properties) {
      const std::uint32_t number = property.number;
      switch (property.id) {
        case PropertyId::session_expiry: server.session_expiry = number; break;
        case PropertyId::receive_maximum: server.receive_maximum = static_cast<std::uint16_t>(number); break;
        case PropertyId::maximum_qos: server.maximum_qos = static_cast<QoS>(number); break;
        case PropertyId::retain_available: server.retain = number != 0; break;
        case PropertyId::maximum_packet_size: server.maximum_packet_size = number; break;
        case PropertyId::topic_alias_maximum: server.topic_alias_maximum = static_cast<std::uint16_t>(number); break;
        case PropertyId::wildcard_available: server.wildcards = number != 0; break;
        case PropertyId::subscription_ids_available: server.subscription_ids = number != 0; break;
        case PropertyId::shared_available: server.shared = number != 0; break;
        case PropertyId::server_keep_alive: five_.keep_alive = static_cast<std::uint16_t>(number); break;
        case PropertyId::assigned_client_id:
          if (config_.client_id.empty() && !property.bytes.empty() && property.bytes.size() <= five_.client_id.size()) {
            std::memcpy(five_.client_id.data(), property.bytes.data(), property.bytes.size());
            five_.client_id_size = property.bytes.size();
          }
          break;
        default: break;
      }
    }
  }
}

template <Features F>
bool BasicSession<F>::handle_disconnect(const Response& packet) noexcept {
  if constexpr (F.version_5) { five_.reference = packet.properties.text(PropertyId::server_reference); }
  fatal_ = Failure::told(Failure::Cause::disconnected, packet.reason);
  return false;
}

template <Features F>
bool BasicSession<F>::handle_auth(const Response& packet) noexcept {
  if constexpr (F.version_5) {
    const Authenticator& authenticator = config_.authenticator;
    const bool expected = state_ == State::handshake || five_.authenticating;
    if (!authenticator.answer || !expected || packet.reason == Reason::re_authenticate) {
      return fail(Fault::unexpected_packet);
    }
    if (packet.properties.text(PropertyId::authentication_method) != authenticator.method) {
      return fail(Fault::authentication);
    }
    const auto data = packet.properties.bytes(PropertyId::authentication_data);
    if (packet.reason == Reason::continue_authentication) {
      // A server that goes on asking is alive, but must come to an end.
      return send_auth(Reason::continue_authentication, Authenticator::Step::proceed, data);
    }
    // It ends with CONNACK while there is no session.
    if (state_ == State::handshake) { return fail(Fault::unexpected_packet); }
    const auto checked = authenticator.answer(authenticator.context, Authenticator::Step::finish, data);
    if (!checked) { return fail(Failure::Cause::authenticator, checked.error()); }
    five_.authenticating = false;
    five_.authenticated = true;
    changed_.wake_all();
    return true;
  }
  return true;
}

template <Features F>
bool BasicSession<F>::send_auth(Reason reason, Authenticator::Step step, std::span<const std::byte> data) noexcept {
  if constexpr (F.version_5) {
    const auto said = config_.authenticator.answer(config_.authenticator.context, step, data);
    if (!said) { return fail(Failure::Cause::authenticator, said.error()); }
    const Property list[] = {Property::of(PropertyId::authentication_method, config_.authenticator.method),
                             Property::of(PropertyId::authentication_data, *said)};
    const Auth packet{reason, std::span<const Property>(list).first(said->empty() ? 1 : 2)};
    const std::size_t size = 32 + config_.authenticator.method.size() + said->size();
    const auto room = direct_ ? std::span<std::byte>() : outbox_.reserve(size);
    const auto written = room.empty() ? nal::Unexpected(nal::Error::buffer_too_small) : encode5(room, packet);
    if (!written) { return fail(Failure::Cause::authenticator, written.error()); }
    outbox_.commit(*written);
  }
  return true;
}

template <Features F>
nal::Poll<nal::Result<>> BasicSession<F>::poll_authenticate(bool& begun) noexcept {
  if constexpr (F.version_5) {
    if (!version_5() || !config_.authenticator.answer) { return nal::Unexpected(nal::Error::not_supported); }
    if (stopped()) { return nal::Unexpected(nal::Error::closed); }
    if (state_ != State::online) { return nal::Unexpected(nal::Error::not_connected); }
    if (!begun && !five_.authenticating) {
      if (direct_ || !outbox_.empty()) { return nal::pending; }
      begun = five_.authenticating = true;
      five_.authenticated = false;
      const bool sent = send_auth(Reason::re_authenticate, Authenticator::Step::begin, {});
      kick();
      if (!sent) { return nal::Unexpected(fatal_.error); }
      return nal::pending;
    }
    if (begun && five_.authenticated) { return nal::Result<>(); }
    if (begun && !five_.authenticating) { return nal::Unexpected(nal::Error::not_connected); }
    return nal::pending;
  }
  return nal::Unexpected(nal::Error::not_supported);
}

template <Features F>
nal::Result<> BasicSession<F>::advance(nal::Instant now) noexcept {
  // What has arrived first: it may be the answer whose time has just run out.
  deliver();
  if (!failed()) { parse(); }
  if (!failed()) { check_clock(now); }
  if (failed()) { return nal::Unexpected(fatal_.error); }
  return {};
}

template <Features F>
void BasicSession<F>::received(std::size_t n, nal::Instant now) noexcept {
  inbox_.commit(n);
  if constexpr (F.streaming || F.oversized) { inbox_.skip_on(); }
  if constexpr (F.streaming) {
    if (stream_.active) { messages_.wake_all(); }  // whoever reads the payload piece by piece
  }
  rest_.last_received = now.microseconds();
  // A long message in front of the PINGRESP is a sign of life as well.
  if (state_ == State::online && answer_due_) { expect_answer(now); }
}

template <Features F>
Time BasicSession<F>::due() const noexcept {
  if (answer_due_) { return rest_.answer_by; }
  if (state_ != State::online || keep_alive() == 0) { return kNever; }
  return std::min(rest_.last_sent, rest_.last_received) + Time{keep_alive()} * 1'000'000;
}

template <Features F>
void BasicSession<F>::check_clock(nal::Instant now) noexcept {
  if constexpr (F.qos_2) {
    // Nothing more can come in, not even the PUBREL that everything waits for.
    const bool stuck = kept_ != 0 && delivery_ == Delivery::none && answers_due_ == 0;
    if (stuck && two_.received.full() && inbox_.room().empty()) {
      fail(Fault::receive_maximum);
      return;
    }
  }
  if (!is_due(now, due())) { return; }
  if (!answer_due_) {
    ping_due_ = true;
  } else if (!inbox_.room().empty()) {
    // While messages that the application leaves there fill the buffer, the answer may have come and stand behind them.
    fail(state_ == State::handshake ? Failure::Cause::no_answer : Failure::Cause::keep_alive, nal::Error::timed_out);
    return;
  }
  expect_answer(now);
}

}  // namespace mqtt

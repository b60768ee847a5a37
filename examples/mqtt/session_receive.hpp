#pragma once
#include <cstring>

#include "examples/mqtt/session.hpp"
#include "examples/mqtt/wire.hpp"

/// What a session makes of what arrives; included by session.hpp.
namespace mqtt {

// Packets of the version that is spoken.
template <Features F>
Fault BasicSession<F>::read(std::span<const std::byte> bytes, Header& header) noexcept {
  return version_5() ? header.read5(bytes) : header.read(bytes);
}
template <Features F>
Fault BasicSession<F>::read(const Header& header, std::span<const std::byte> body, Publish& packet) noexcept {
  return version_5() ? packet.read5(header, body) : packet.read(header, body);
}
template <Features F>
Fault BasicSession<F>::read(const Header& header, std::span<const std::byte> body, Response& packet) noexcept {
  return version_5() ? packet.read5(header.type, body) : packet.read(header.type, body);
}

template <Features F>
void BasicSession<F>::parse() noexcept {
  for (;;) {
    if ((F.streaming || F.oversized) && inbox_.skipping()) { return; }
    if constexpr (F.streaming) {
      if (stream_.active && !stream_.broken) { return; }  // what follows is its payload
    }
    if constexpr (F.streaming || F.oversized) {
      if (discard_ != Discard::none) {
        if (!go_on_discarding()) { return; }
        continue;
      }
    }
    const auto unread = inbox_.unread();
    if (unread.empty()) { return; }
    Header header;
    Fault fault = read(unread, header);
    if (fault == Fault::none) { fault = check_allowed(header); }
    if (fault != Fault::none) {
      fail(fault);
      return;
    }
    if (!header.complete()) { return; }
    if constexpr (F.version_5) {
      const std::uint32_t limit = config_.maximum_packet_size;
      if (version_5() && limit != 0 && header.total() > limit) {
        fail(Fault::packet_too_large);
        return;
      }
      // What is left of an earlier connection goes by the aliases of that.
      if (header.type == PacketType::publish && kept_stale_ != 0 && five_.aliases_in.count() != 0) { return; }
    }

    if (inbox_.too_small_for(header.total())) {
      if (!begin_oversized(header)) { return; }
      continue;
    }
    if (unread.size() < header.total()) { return; }
    // Packets that are answered at once wait until there is room for it.
    if constexpr (F.qos_2) {
      const bool answered = header.type == PacketType::pubrec || header.type == PacketType::pubrel;
      if (answered && answers_due_ != 0) { return; }
    }
    if constexpr (F.version_5) {
      if (header.type == PacketType::auth && (direct_ || !outbox_.empty())) { return; }
    }
    if (!handle(header, unread.subspan(header.size).first(header.remaining))) { return; }
  }
}

template <Features F>
Fault BasicSession<F>::check_allowed(const Header& header) const noexcept {
  const PacketType type = header.type;
  if (state_ == State::handshake) {
    const bool allowed = type == PacketType::connack || (version_5() && type == PacketType::auth);
    return allowed ? Fault::none : Fault::unexpected_packet;
  }
  switch (type) {
    case PacketType::publish:
      return !F.qos_2 && header.qos() == QoS::exactly_once ? Fault::qos_not_granted : Fault::none;
    case PacketType::connack: return Fault::second_connack;
    case PacketType::puback:
    case PacketType::suback:
    case PacketType::unsuback:
    case PacketType::pingresp: return Fault::none;
    case PacketType::pubrec:
    case PacketType::pubrel:
    case PacketType::pubcomp: return F.qos_2 ? Fault::none : Fault::unexpected_packet;
    case PacketType::disconnect:
    case PacketType::auth: return version_5() ? Fault::none : Fault::unexpected_packet;
    default: return Fault::unexpected_packet;
  }
}

template <Features F>
bool BasicSession<F>::handle(const Header& header, std::span<const std::byte> body) noexcept {
  if (header.type == PacketType::publish) { return handle_publish(header, body); }
  bool handled = true;
  if (header.type == PacketType::pingresp) {
    // One that was not asked for changes nothing.
    if (!ping_due_) { answer_due_ = false; }
  } else {
    Response packet;
    const Fault fault = read(header, body, packet);
    if (fault != Fault::none) { return fail(fault); }
    // What `check_allowed` leaves.
    if (header.type == PacketType::connack) {
      handled = handle_connack(packet);
    } else if (header.type == PacketType::suback || header.type == PacketType::unsuback) {
      handled = handle_suback(packet);
    } else if (F.qos_2 && header.type == PacketType::pubrec) {
      handled = handle_pubrec(packet);
    } else if (F.qos_2 && header.type == PacketType::pubrel) {
      handled = handle_pubrel(packet);
    } else if (F.version_5 && header.type == PacketType::disconnect) {
      handled = handle_disconnect(packet);
    } else if (F.version_5 && header.type == PacketType::auth) {
      handled = handle_auth(packet);
    } else {
      handled = handle_acknowledge(packet);
    }
  }
  if (handled) { inbox_.consume(header.total()); }
  return handled;
}

/// What the window and the aliases allow, as soon as it has come.
template <Features F>
bool BasicSession<F>::check_arrived(const Publish& packet) noexcept {
  if constexpr (F.version_5) {
    if (!version_5()) { return true; }
    if (packet.topic_alias > five_.aliases_in.capacity()) { return fail(Fault::topic_alias); }
    if (packet.qos != QoS::at_most_once) {
      ++five_.unacknowledged;
      if (config_.receive_maximum != 0 && five_.unacknowledged > config_.receive_maximum) {
        return fail(Fault::receive_maximum);
      }
    }
  }
  return true;
}

template <Features F>
bool BasicSession<F>::handle_publish(const Header& header, std::span<const std::byte> body) noexcept {
  // Checked now, so that a fault ends the connection that it came over.
  Publish packet;
  const Fault fault = read(header, body, packet);
  if (fault != Fault::none) { return fail(fault); }
  if (!check_arrived(packet)) { return false; }
  inbox_.keep(header.total());
  ++kept_;
  deliver();
  return true;
}

/// Gives the message its topic, or learns what its alias stands for. False: the server breaks the protocol.
template <Features F>
bool BasicSession<F>::resolve_alias(Publish& packet) noexcept {
  if constexpr (F.version_5) {
    if (packet.topic_alias == 0) { return true; }
    RecordStore& aliases = five_.aliases_in;
    Record* known = aliases.with_packet_id(packet.topic_alias);
    if (!packet.topic.empty()) {
      const bool same = known && text_of(aliases.bytes(*known)) == packet.topic;
      if (same) { return true; }
      if (known) { aliases.remove(*known); }
      Record* added = aliases.add(packet.topic.size());
      if (!added) { return fail(Fault::topic_alias); }
      added->packet_id = packet.topic_alias;
      std::memcpy(aliases.bytes(*added).data(), packet.topic.data(), packet.topic.size());
      return true;
    }
    if (!known) { return fail(Fault::topic_alias); }
    packet.topic = text_of(aliases.bytes(*known));
  }
  return true;
}

template <Features F>
void BasicSession<F>::deliver() noexcept {
  while (kept_ != 0 && delivery_ == Delivery::none && answers_due_ == 0) {
    inbox_.prepare_hold();
    Header header;
    Publish& packet = rest_.message;
    static_cast<void>(read(inbox_.kept(), header));
    static_cast<void>(read(header, inbox_.kept().subspan(header.size).first(header.remaining), packet));
    Owed owed{packet.packet_id, packet.qos, kept_stale_ == 0};
    bool again = false;
    if constexpr (F.qos_2) {
      if (rest_.kept_orphaned != 0) { owed.packet_id = 0; }
      if (owed.qos == QoS::exactly_once && owed.packet_id != 0) {
        again = two_.received.contains(owed.packet_id);
        if (!again && two_.received.full()) { return; }  // until a PUBREL makes room
      }
    }
    if constexpr (F.version_5) {
      if (owed.fresh && std::exchange(five_.aliases_stale, false)) { five_.aliases_in.clear(); }
      if (!resolve_alias(packet)) {
        kick();
        return;
      }
    }
    --kept_;
    if (kept_stale_ != 0) { --kept_stale_; }
    if (F.qos_2 && rest_.kept_orphaned != 0) { --rest_.kept_orphaned; }
    if (again || handler()) {
      if (!again && handler()) { config_.handler.take(config_.handler.context, nal::Result<Publish>(packet)); }
      inbox_.drop(header.total());
      settle(owed);
      continue;
    }
    inbox_.hold(header.total());
    offer(owed);
  }
}

template <Features F>
void BasicSession<F>::offer(const Owed& owed) noexcept {
  rest_.owed = owed;
  delivery_ = Delivery::offered;
  messages_.wake_all();
}

/// The message was handled: the server is told, if it is there.
template <Features F>
void BasicSession<F>::settle(const Owed& owed) noexcept {
  if (owed.packet_id == 0) { return; }
  Answer due{owed.packet_id, PacketType::puback};
  if constexpr (F.qos_2) {
    if (owed.qos == QoS::exactly_once) {
      due.type = PacketType::pubrec;
      if constexpr (F.persistence) {
        const auto kept = two_.received.contains(owed.packet_id)
                              ? nal::Result<>()
                              : config_.persistence.put({StoreKey::Kind::received, owed.packet_id}, {});
        if (!kept) {
          fatal_ = Failure::of(Failure::Cause::store, kept.error());
          return;
        }
      }
      two_.received.add(owed.packet_id);
    }
  }
  if (!owed.fresh) { return; }
  if constexpr (F.version_5) {
    if (due.type == PacketType::puback && five_.unacknowledged != 0) { --five_.unacknowledged; }
  }
  answer(due);
}

template <Features F>
void BasicSession<F>::released() noexcept {
  delivery_ = Delivery::none;
  inbox_.release();
  if constexpr (F.streaming) {
    if (stream_.active) {
      stream_.active = false;
      inbox_.pin(false);
      if (stream_.broken) {
        rest_.owed = {};
      } else if (stream_.left != 0) {
        // The rest is thrown away, and the answer waits for its end.
        throw_away(stream_.left, rest_.owed.packet_id, rest_.owed.qos);
        rest_.owed = {};
      }
    }
  }
  settle(std::exchange(rest_.owed, Owed{}));
  deliver();
  kick();
}

template <Features F>
bool BasicSession<F>::begin_oversized(const Header& header) noexcept {
  if (header.type != PacketType::publish) { return fail(Fault::packet_too_large); }
  if constexpr (F.streaming || F.oversized) {
    if (answers_due_ != 0) { return false; }  // one at a time
  }
  if constexpr (F.streaming) {
    if (!handler()) { return begin_streaming(header); }
  }
  return begin_discarding(header);
}

template <Features F>
bool BasicSession<F>::begin_streaming(const Header& header) noexcept {
  if constexpr (F.streaming) {
    if (kept_ != 0 || delivery_ != Delivery::none) { return false; }
    const auto arrived = inbox_.unread().subspan(header.size);
    const Parsed<std::size_t> head =
        version_5() ? Publish::head_size5(header, arrived) : Publish::head_size(header, arrived);
    if (!head) { return fail(head.fault()); }
    const std::size_t known = *head != 0 ? *head : arrived.size();
    const bool too_large = header.size + known + kPieceRoom > inbox_.capacity();
    if (*head == 0 && !too_large) { return false; }
    if (too_large) {
      // Not even the topic fits.
      if (version_5()) { return fail(Fault::packet_too_large); }
      return begin_discarding(header);
    }
    if (arrived.size() < *head) { return false; }
    Header only_head = header;
    only_head.remaining = static_cast<std::uint32_t>(*head);
    Publish packet;
    const Fault fault = read(only_head, arrived.first(*head), packet);
    if (fault != Fault::none) { return fail(fault); }
    if constexpr (F.qos_2) {
      if (packet.qos == QoS::exactly_once) {
        if (two_.received.contains(packet.packet_id)) {
          if (!check_arrived(packet)) { return false; }
          inbox_.consume(header.size + *head);
          throw_away(header.remaining - *head, packet.packet_id, packet.qos);
          return true;
        }
        if (two_.received.full()) { return false; }
      }
    }
    if (!check_arrived(packet)) { return false; }
    rest_.message = packet;
    if constexpr (F.version_5) {
      if (std::exchange(five_.aliases_stale, false)) { five_.aliases_in.clear(); }
      if (!resolve_alias(rest_.message)) { return false; }
    }
    inbox_.keep(header.size + *head);
    inbox_.hold(header.size + *head);
    stream_ = {};
    stream_.active = true;
    stream_.size = stream_.left = header.remaining - *head;
    offer({packet.packet_id, packet.qos, true});
  }
  return true;
}

template <Features F>
nal::Poll<nal::Result<std::span<const std::byte>>> BasicSession<F>::poll_piece(nal::Context& context,
                                                                               nal::Waiter& waiter) noexcept {
  using Piece = nal::Result<std::span<const std::byte>>;
  if constexpr (F.streaming) {
    if (stream_.broken) { return Piece(nal::Unexpected(nal::Error::connection_reset)); }
    if (stream_.shown != 0) {
      inbox_.pin(false);
      inbox_.consume(stream_.shown);
      stream_.left -= std::exchange(stream_.shown, std::size_t{0});
      kick();
    }
    if (stream_.left == 0) { return Piece(std::span<const std::byte>()); }
    const auto unread = inbox_.unread();
    if (!unread.empty()) {
      stream_.shown = unread.size() < stream_.left ? unread.size() : stream_.left;
      inbox_.pin(true);
      return Piece(unread.first(stream_.shown));
    }
    messages_.add(context, waiter, nal::Wait::other);
  }
  return nal::pending;
}

/// What follows is thrown away, and its message settled when all of it has come.
template <Features F>
void BasicSession<F>::throw_away(std::size_t size, std::uint16_t packet_id, QoS qos) noexcept {
  discard_ = Discard::done;
  discard_id_ = packet_id;
  discard_qos_ = qos;
  inbox_.skip(size);
}

template <Features F>
bool BasicSession<F>::begin_discarding(const Header& header) noexcept {
  if constexpr (!F.oversized) { return fail(Fault::packet_too_large); }
  constexpr std::size_t kTopicLengthSize = 2;
  const auto unread = inbox_.unread();
  if (unread.size() < header.size + kTopicLengthSize) { return false; }
  const std::size_t topic_size = Reader(unread.subspan(header.size)).u16();
  const std::size_t id_size = header.qos() != QoS::at_most_once ? 2 : 0;
  if (topic_size == 0) { return fail(Fault::topic); }
  const std::size_t head = kTopicLengthSize + topic_size + id_size;
  if (head > header.remaining) { return fail(Fault::truncated); }
  inbox_.consume(header.size + kTopicLengthSize);
  if constexpr (F.callbacks) {
    Notice notice{Notice::Kind::oversized};
    notice.size = header.total();
    tell(notice);
  }
  if (handler()) {
    config_.handler.take(config_.handler.context, nal::Unexpected(nal::Error::message_size));
  } else {
    ++rest_.oversized;
    messages_.wake_all();
  }
  const std::size_t left = header.remaining - head;
  if (id_size == 0) {
    throw_away(topic_size + left, 0, QoS::at_most_once);
  } else {
    inbox_.skip(topic_size);
    discard_ = Discard::packet_id;
    rest_.discard_left = left;
    discard_qos_ = header.qos();
  }
  return true;
}

template <Features F>
bool BasicSession<F>::go_on_discarding() noexcept {
  if (discard_ == Discard::packet_id) {
    if (inbox_.unread().size() < 2) { return false; }
    const std::uint16_t packet_id = Reader(inbox_.unread()).u16();
    if (packet_id == 0) { return fail(Fault::packet_id); }
    inbox_.consume(2);
    throw_away(rest_.discard_left, packet_id, discard_qos_);
    return true;
  }
  if (answers_due_ != 0) { return false; }
  discard_ = Discard::none;
  // Or the server would send it again with every connection.
  settle({discard_id_, discard_qos_, true});
  return true;
}

}  // namespace mqtt

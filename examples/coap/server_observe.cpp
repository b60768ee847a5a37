// Observers (RFC 7641), and requests to a group that wait for their leisure (RFC 7252 §8.2): both are requests that are
// kept, to call their handler again.
#include "examples/coap/path.hpp"
#include "examples/coap/server.hpp"

namespace coap {

std::span<std::byte> Server::options_room(const Stored& stored) noexcept {
  const std::size_t size = memory_.stored_options.size() / memory_.stored.size();
  return memory_.stored_options.subspan(static_cast<std::size_t>(&stored - memory_.stored.data()) * size, size);
}

Options Server::options_of(const Stored& stored) noexcept {
  return Options::known(options_room(stored).first(stored.options_size));
}

Stored* Server::keep(const Arrival& arrival, const Route& route, Stored::Kind kind) noexcept {
  for (Stored& stored : memory_.stored) {
    if (stored.kind != Stored::Kind::free) { continue; }
    const auto options = arrival.message.options.bytes();
    const auto room = options_room(stored);
    if (options.size() > room.size()) { return nullptr; }
    stored.dirty = stored.outstanding = false;
    stored.unconfirmed = 0;
    stored.ends = arrival.ends;
    stored.token = arrival.message.token;
    stored.route = &route;
    stored.options_size = static_cast<std::uint16_t>(options.size());
    stored.retransmission.due = arrival.now;
    stored.kind = kind;
    std::copy(options.begin(), options.end(), room.begin());
    return &stored;
  }
  return nullptr;
}

Stored* Server::find_observer(const Ends& ends, const Token& token) noexcept {
  for (Stored& stored : memory_.stored) {
    const bool found = stored.kind == Stored::Kind::observer && stored.token == token &&
                       (node_.reliable() || same(stored.ends.remote, ends.remote));
    if (found) { return &stored; }
  }
  return nullptr;
}

bool Server::observe(Reply& reply, const Call& call) noexcept {
  const auto wish = call.options().find_uint(OptionNumber::observe);
  if (!wish || call.method() != Code::get || !call.route().observable || call.multicast()) { return false; }
  const Arrival& arrival = *call.arrival_;
  // Asking again replaces what was asked before (§4.1).
  if (Stored* known = find_observer(arrival.ends, arrival.message.token)) { release(*known); }
  const auto block = Block::find(call.options(), OptionNumber::block2);
  if (*wish != 0 || (block && block->number != 0)) { return false; }
  Stored* stored = keep(arrival, call.route(), Stored::Kind::observer);
  if (!stored) { return false; }
  stored->confirmed = arrival.now;
  stored->sequence = ++sequence_ & 0xFF'FFFF;
  stored->retransmission.id = arrival.message.id;
  reply.observer_ = stored;
  return true;
}

void Server::changed(std::string_view path) noexcept {
  for (Stored& stored : memory_.stored) {
    if (stored.kind != Stored::Kind::observer) { continue; }
    if (match_path(options_of(stored), path) != PathMatch::no) { stored.dirty = true; }
  }
  node_.kick();
}

std::size_t Server::observers() const noexcept {
  std::size_t count = 0;
  for (const Stored& stored : memory_.stored) { count += stored.kind == Stored::Kind::observer ? 1 : 0; }
  return count;
}

bool Server::advance(Stored& stored, nal::Instant now) noexcept {
  if (stored.kind == Stored::Kind::free || now < stored.retransmission.due) { return false; }
  if (stored.kind == Stored::Kind::group) { return notify(stored, now); }
  if (stored.outstanding) {
    if (!stored.retransmission.again(node_, now)) {
      release(stored);  // §4.5: it is gone
      return false;
    }
    if (!stored.dirty) { return notify(stored, now); }
  } else if (!stored.dirty) {
    return false;
  }
  // A new state; one that has not arrived yet is sent no more, but how often it was tried still counts (§4.5.2).
  stored.dirty = false;
  stored.sequence = ++sequence_ & 0xFF'FFFF;
  stored.retransmission.id = node_.reliable() ? std::uint16_t{0} : node_.next_id(now);
  ++stored.unconfirmed;
  const bool confirm = !node_.reliable() && (stored.unconfirmed >= config_.confirm_every ||
                                             passed(nal::Duration::hours(24), stored.confirmed, now));
  if (!stored.outstanding && confirm) {
    stored.retransmission.start(node_, now);
    stored.outstanding = true;
    stored.unconfirmed = 0;
  } else if (!stored.outstanding && !node_.reliable()) {
    pace(stored.ends.remote, now);
  }
  return notify(stored, now);
}

void Server::pace(const nal::Endpoint& client, nal::Instant now) noexcept {
  for (Stored& stored : memory_.stored) {
    const bool waits = stored.kind == Stored::Kind::observer && !stored.outstanding;
    if (waits && same(stored.ends.remote, client)) {
      stored.retransmission.wait(now, nal::Duration::seconds(config_.notify_seconds));
    }
  }
}

bool Server::notify(Stored& stored, nal::Instant now) noexcept {
  const bool group = stored.kind == Stored::Kind::group;
  Arrival arrival{.ends = stored.ends, .now = now, .multicast = group};
  arrival.message.type = Type::non_confirmable;
  arrival.message.code = Code::get;
  arrival.message.token = stored.token;
  arrival.message.options = options_of(stored);
  Call call(arrival, *stored.route);
  call.notification_ = true;
  // A group's address is nobody's to send from.
  if (group) { arrival.ends.local = {}; }
  MessageWriter& out = node_.begin(stored.outstanding ? Type::confirmable : Type::non_confirmable, Code::content,
                                   group ? node_.next_id(now) : stored.retransmission.id, stored.token, arrival.ends);
  Reply reply(*this, out, call);
  reply.observer_ = &stored;
  reply.finish(stored.route->handler(call, reply));
  const bool good = is_success(out.code());
  if (group && (!good || suppressed(arrival.message.options.uint_or(OptionNumber::no_response, 0), out.code()))) {
    node_.drop_output();
    release(stored);
    return false;
  }
  if (!good) { out.set_type(Type::non_confirmable); }
  if (!good || group) { release(stored); }  // §4.2: an error is the last one
  return true;
}

}  // namespace coap

// Requests that have been here before (RFC 7252 §4.5).
#include "examples/coap/server.hpp"

namespace coap {

std::size_t Server::answer_size() const noexcept {
  return memory_.seen.empty() ? 0 : memory_.answers.size() / memory_.seen.size();
}

std::span<std::byte> Server::answer_of(const Seen& seen) noexcept {
  return memory_.answers.subspan(static_cast<std::size_t>(&seen - memory_.seen.data()) * answer_size(), answer_size());
}

Seen* Server::find_seen(const Arrival& arrival) noexcept {
  for (Seen& seen : memory_.seen) {
    if (seen.keep == Seen::Keep::free || seen.id != arrival.message.id || !same(seen.remote, arrival.ends.remote)) {
      continue;
    }
    if (arrival.now < seen.until) { return &seen; }
    seen.keep = Seen::Keep::free;
  }
  return nullptr;
}

Seen* Server::remember(const Arrival& arrival, Seen::Keep keep) noexcept {
  // The oldest of those that may go, those first that do no harm.
  Seen* best = nullptr;
  for (Seen& seen : memory_.seen) {
    if (arrival.now >= seen.until) { seen.keep = Seen::Keep::free; }
    const bool may_go =
        seen.keep <= Seen::Keep::if_room || (seen.keep == Seen::Keep::while_sent && keep != Seen::Keep::if_room &&
                                             passed(node_.transmit_span(), seen.since, arrival.now));
    if (!may_go) { continue; }
    if (!best || seen.keep < best->keep || (seen.keep == best->keep && seen.since < best->since)) { best = &seen; }
  }
  if (!best) { return nullptr; }
  const bool confirmable = arrival.message.type == Type::confirmable;
  best->keep = keep;
  best->answer = Seen::Answer::none;
  best->id = arrival.message.id;
  best->remote = arrival.ends.remote;
  best->since = arrival.now;
  best->until = confirmable ? later(arrival.now, node_.exchange_lifetime())
                            : later(later(arrival.now, node_.transmit_span()), node_.transmission().max_latency);
  return best;
}

void Server::store(Seen* seen, const Arrival& arrival, bool answered) noexcept {
  if (!seen || arrival.message.type != Type::confirmable) { return; }
  if (!answered) {
    seen->answer = Seen::Answer::acknowledged;
    return;
  }
  const auto bytes = node_.writer().datagram();
  if (!bytes || bytes->size() > answer_size()) {
    seen->keep = Seen::Keep::free;  // an answer of no consequence, to be made again
    return;
  }
  seen->answer = Seen::Answer::stored;
  seen->size = static_cast<std::uint16_t>(bytes->size());
  std::copy(bytes->begin(), bytes->end(), answer_of(*seen).begin());
}

void Server::replay(const Seen& seen, const Arrival& arrival) noexcept {
  // A client that takes its id for another message, of another type or to a group, gets no acknowledgement for that.
  if (arrival.message.type != Type::confirmable) { return; }
  if (seen.answer == Seen::Answer::stored) {
    node_.send_again(answer_of(seen).first(seen.size), arrival.ends);
  } else if (seen.answer == Seen::Answer::acknowledged) {
    node_.send_empty(Type::acknowledgement, arrival.message.id, arrival.ends);
  }
}

}  // namespace coap

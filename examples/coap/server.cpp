#include "examples/coap/server.hpp"

#include "examples/coap/path.hpp"

namespace coap {

Server::Server(Node& node, std::span<const Route> routes, const ServerMemory& memory,
               const ServerConfig& config) noexcept
    : node_(node), routes_(routes), memory_(memory), config_(config), sequence_(node.random().next() >> 16) {
  node.attach_server(this);
}

Server::~Server() {
  NAL_ASSERT(responding_.empty());  // operations end before their server
  node_.attach_server(nullptr);
}

bool Server::receive(const Arrival& arrival) noexcept {
  const Message& message = arrival.message;
  if (message.code == Code::empty) { return receive_empty(arrival); }
  // RFC 7252 §8.1: what is sent to a group is never acknowledged.
  if (arrival.multicast && message.type != Type::non_confirmable) { return true; }
  if (const Seen* seen = node_.reliable() ? nullptr : find_seen(arrival)) {
    replay(*seen, arrival);
  } else {
    execute(arrival);
  }
  return true;
}

bool Server::receive_empty(const Arrival& arrival) noexcept {
  const Message& message = arrival.message;
  const bool rejected = message.type == Type::reset;
  for (Stored& stored : memory_.stored) {
    if (stored.kind != Stored::Kind::observer || stored.retransmission.id != message.id ||
        !same(stored.ends.remote, arrival.ends.remote)) {
      continue;
    }
    if (rejected) {
      release(stored);  // RFC 7641 §3.6
    } else {
      stored.outstanding = false;
      stored.confirmed = stored.retransmission.due = arrival.now;
      node_.kick();
    }
    return true;
  }
  return part_ && part_->receive_empty(*this, arrival);
}

const Route* Server::find_route(const Options& options) const noexcept {
  const Route* best = nullptr;
  for (const Route& route : routes_) {
    const PathMatch match = match_path(options, route.path);
    if (match == PathMatch::exact) { return &route; }
    const bool below = match == PathMatch::below && route.subtree;
    if (below && (!best || route.path.size() > best->path.size())) { best = &route; }
  }
  return best;
}

Code Server::check(const Arrival& arrival, const Route* route) const noexcept {
  const Message& message = arrival.message;
  const Options& options = message.options;
  if (options.first_bad()) { return Code::bad_option; }
  if (options.has(OptionNumber::proxy_uri) || options.has(OptionNumber::proxy_scheme)) {
    return Code::proxying_not_supported;
  }
  if (!route) { return Code::not_found; }
  if (!contains(route->methods, message.code)) { return Code::method_not_allowed; }
  if (arrival.truncated) { return Code::request_entity_too_large; }
  if (const auto format = options.find_uint(OptionNumber::content_format);
      format && route->consumes && *format != *route->consumes) {
    return Code::unsupported_content_format;
  }
  if (const auto format = options.find_uint(OptionNumber::accept);
      format && route->produces && *format != *route->produces) {
    return Code::not_acceptable;
  }
  const auto block = Block::find(options, OptionNumber::block2);
  if (block && block->szx == Block::kBert && !node_.reliable()) { return Code::bad_request; }
  if (route->fresh && !is_safe(message.code) && !route->fresh(*this, arrival, nullptr)) { return Code::unauthorized; }
  return Code::empty;
}

MessageWriter& Server::begin(const Arrival& arrival, std::size_t limit) noexcept {
  const Message& message = arrival.message;
  const bool piggybacked = message.type == Type::confirmable;
  const std::uint16_t id = piggybacked || node_.reliable() ? message.id : node_.next_id(arrival.now);
  return node_.begin(piggybacked ? Type::acknowledgement : Type::non_confirmable, Code::empty, id, message.token,
                     arrival.ends, limit);
}

void Server::explain(const Arrival& arrival, Code code, MessageWriter& out) const noexcept {
  if (code == Code::service_unavailable) {
    out.add_uint(OptionNumber::max_age, config_.retry_seconds);
  } else if (const Route* route = find_route(arrival.message.options); code == Code::unauthorized && route->fresh) {
    route->fresh(*this, arrival, &out);
  } else if (code == Code::request_entity_too_large && arrival.truncated) {
    const std::size_t front = node_.front_of(arrival.message.payload);
    const auto szx = Block::szx_for(node_.receive_size() - std::min(front, node_.receive_size()));
    if (szx) { out.add_uint(OptionNumber::block1, Block{0, true, *szx}.value()); }
  }
}

void Server::refuse(const Arrival& arrival, Code code) noexcept {
  const Message& message = arrival.message;
  const bool confirmable = message.type == Type::confirmable;
  // RFC 7252 §5.4.1: what makes no sense and wants no acknowledgement is rejected.
  if (code == Code::bad_option && !confirmable && !node_.reliable()) {
    node_.send_empty(Type::reset, message.id, arrival.ends);
    return;
  }
  MessageWriter& out = begin(arrival, Node::kNoLimit);
  out.set_code(code);
  explain(arrival, code, out);
  if (suppressed(message.options.uint_or(OptionNumber::no_response, 0), code)) {
    node_.drop_output();
    node_.settle(Type::acknowledgement, arrival);
  }
}

void Server::execute(const Arrival& arrival) noexcept {
  const Message& message = arrival.message;
  const Route* route = find_route(message.options);
  const Code problem = check(arrival, route);
  const bool safe = is_safe(message.code);
  if (arrival.multicast && (problem != Code::empty || (safe && message.payload.empty()))) {
    // §8.2: errors are not told; the answer comes at a moment of its own.
    Stored* stored = problem == Code::empty ? keep(arrival, *route, Stored::Kind::group) : nullptr;
    if (stored) {
      stored->retransmission.wait(arrival.now, node_.random().below(node_.transmission().leisure));
      node_.kick();
    }
    return;
  }
  if (problem != Code::empty) {
    refuse(arrival, problem);
    return;
  }

  const auto block = Block::find(message.options, OptionNumber::block1);
  const bool guarded = safe || (block && block->more);
  Seen* seen = nullptr;
  if (!node_.reliable()) {
    seen = remember(arrival, guarded                       ? Seen::Keep::if_room
                             : is_idempotent(message.code) ? Seen::Keep::while_sent
                                                           : Seen::Keep::always);
    if (!seen && !guarded) {
      if (!arrival.multicast) { refuse(arrival, Code::service_unavailable); }
      return;
    }
  }
  const bool kept = seen && !guarded && message.type == Type::confirmable;
  MessageWriter& out = begin(arrival, kept ? answer_size() : Node::kNoLimit);
  Call call(arrival, *route);
  call.payload_ = message.payload;
  Reply reply(*this, out, call);
  Upload* upload = nullptr;
  Code code = Code::empty;
  if (block) {
    code = take_block(call, *block, upload);
    out.add_uint(OptionNumber::block1, block->value());
  }
  if (code != Code::empty) {
    explain(arrival, code, out);
  } else {
    code = route->handler(call, reply);
    if (call.more_ && is_success(code)) {
      code = Code::continue_;
    } else if (upload) {
      upload->used = false;
    }
  }
  conclude(arrival, reply, code, seen);
}

void Server::conclude(const Arrival& arrival, Reply& reply, Code code, Seen* seen) noexcept {
  const Message& message = arrival.message;
  MessageWriter& out = *reply.out_;
  bool answered = !reply.later_ && !arrival.multicast;
  if (answered) {
    reply.finish(code);
    if (reply.observer_ && !is_success(out.code())) { release(*reply.observer_); }
    answered = !suppressed(message.options.uint_or(OptionNumber::no_response, 0), out.code());
  }
  store(seen, arrival, answered);
  if (answered) { return; }
  node_.drop_output();
  node_.settle(Type::acknowledgement, arrival);
}

bool Server::fill(nal::Instant now) noexcept {
  if (part_ && part_->fill(*this, now)) { return true; }
  // In turn, so that none is told all the time while others wait.
  for (std::size_t i = 0; i < memory_.stored.size(); ++i) {
    next_stored_ = next_stored_ + 1 < memory_.stored.size() ? next_stored_ + 1 : 0;
    if (advance(memory_.stored[next_stored_], now)) { return true; }
  }
  return false;
}

nal::Instant Server::deadline(nal::Instant) const noexcept {
  nal::Instant first = part_ ? part_->deadline(*this) : nal::Instant::max();
  for (const Stored& stored : memory_.stored) {
    const bool waits = stored.kind == Stored::Kind::group ||
                       (stored.kind == Stored::Kind::observer && (stored.outstanding || stored.dirty));
    if (waits) { earlier(first, stored.retransmission.due); }
  }
  return first;
}

void Server::undeliverable(const nal::Endpoint&, std::optional<std::uint16_t> id, nal::Error error) noexcept {
  if (part_ && id) { part_->undeliverable(*this, *id, error); }
}

void Server::disconnected(nal::Error) noexcept {
  for (Stored& stored : memory_.stored) { release(stored); }
  for (Upload& upload : memory_.uploads) {
    if (upload.used) { drop(upload); }
  }
  if (part_) { part_->disconnected(*this); }
}

}  // namespace coap

// Answers that come by themselves (RFC 7252 §5.2.2).
#include "examples/coap/server.hpp"

namespace coap {

Pending* Deferred::find() const noexcept {
  if (!server_) { return nullptr; }
  Pending& pending = server_->memory_.pending[index_];
  return pending.used && pending.generation == generation_ ? &pending : nullptr;
}

void Deferred::drop() noexcept {
  if (Pending* pending = find()) {
    pending->used = false;
    ++pending->generation;
  }
  server_ = nullptr;
}

Responding Server::respond(Deferred request, const Answer& answer) noexcept {
  return Responding(*this, std::move(request), answer);
}

nal::Poll<nal::Result<>> Responding::poll(nal::Context& context) noexcept {
  if (phase_ == Phase::idle) {
    phase_ = Phase::queued;
    server_->answers_later();
    server_->responding_.push_back(*this);
    server_->node_.kick();
  }
  if (phase_ == Phase::over) { return result_; }
  changed_.add(context, waiter_, nal::Wait::other);
  return nal::pending;
}

void Responding::finish(nal::Result<> result) noexcept {
  unlink();
  phase_ = Phase::over;
  result_ = result;
  request_ = Deferred();
  changed_.wake_all();
}

constinit const Server::Part Server::kLater{receive_later, fill_later, later_deadline, undeliverable_later,
                                            disconnect_later};

nal::Result<Deferred> Reply::later() noexcept {
  if (call_->notification_ || call_->multicast() || call_->more_ || later_) {
    return nal::Unexpected(nal::Error::not_supported);
  }
  const auto pending = server_->memory_.pending;
  for (std::size_t i = 0; i < pending.size(); ++i) {
    if (pending[i].used) { continue; }
    const Arrival& arrival = *call_->arrival_;
    pending[i].ends = arrival.ends;
    pending[i].token = arrival.message.token;
    pending[i].no_response = static_cast<std::uint8_t>(call_->options().uint_or(OptionNumber::no_response, 0));
    pending[i].confirmable = arrival.message.type == Type::confirmable;
    pending[i].used = true;
    later_ = true;
    server_->answers_later();
    return Deferred(*server_, static_cast<std::uint16_t>(i), pending[i].generation);
  }
  return nal::Unexpected(nal::Error::table_full);
}

bool Server::receive_later(Server& server, const Arrival& arrival) noexcept {
  const Message& message = arrival.message;
  for (Responding* r = server.responding_.front(); r; r = server.responding_.after(*r)) {
    if (r->phase_ != Responding::Phase::sent || r->retransmission_.id != message.id) { continue; }
    const Pending* request = r->request_.find();
    if (!request || !same(request->ends.remote, arrival.ends.remote)) { continue; }
    const bool rejected = message.type == Type::reset;
    r->finish(rejected ? nal::Result<>(nal::Unexpected(nal::Error::connection_reset)) : nal::Result<>());
    return true;
  }
  return false;
}

bool Server::fill_later(Server& server, nal::Instant now) noexcept {
  for (Responding* r = server.responding_.front(); r;) {
    Responding* next = server.responding_.after(*r);
    if (server.advance(*r, now)) { return true; }
    r = next;
  }
  return false;
}

nal::Instant Server::later_deadline(const Server& server) noexcept {
  nal::Instant first = nal::Instant::max();
  for (const Responding* r = server.responding_.front(); r; r = server.responding_.after(*r)) {
    first = std::min(first, r->retransmission_.due);
  }
  return first;
}

void Server::undeliverable_later(Server& server, std::uint16_t id, nal::Error error) noexcept {
  // What may pass by itself is left to the retransmissions.
  if (error != nal::Error::message_size && error != nal::Error::invalid_argument) { return; }
  for (Responding* r = server.responding_.front(); r; r = server.responding_.after(*r)) {
    if (r->phase_ == Responding::Phase::sent && r->retransmission_.id == id) {
      r->finish(nal::Unexpected(error));
      return;
    }
  }
}

void Server::disconnect_later(Server& server) noexcept {
  while (Responding* r = server.responding_.front()) { r->finish(nal::Unexpected(nal::Error::closed)); }
  for (Pending& pending : server.memory_.pending) {
    pending.used = false;
    ++pending.generation;
  }
}

bool Server::advance(Responding& responding, nal::Instant now) noexcept {
  const Pending* request = responding.request_.find();
  if (!request) {
    responding.finish(nal::Unexpected(nal::Error::closed));
    return false;
  }
  const bool confirmable = request->confirmable && !node_.reliable();
  Retransmission& retransmission = responding.retransmission_;
  if (responding.phase_ == Responding::Phase::queued) {
    if (suppressed(request->no_response, responding.answer_.code)) {
      responding.finish({});
      return false;
    }
    retransmission.start(node_, now);
    retransmission.id = node_.reliable() ? std::uint16_t{0} : node_.next_id(now);
    responding.phase_ = Responding::Phase::sent;
  } else {
    if (now < retransmission.due) { return false; }
    if (!retransmission.again(node_, now)) {
      responding.finish(nal::Unexpected(nal::Error::timed_out));
      return false;
    }
  }
  const Answer& answer = responding.answer_;
  MessageWriter& out = node_.begin(confirmable ? Type::confirmable : Type::non_confirmable, answer.code,
                                   retransmission.id, request->token, request->ends);
  if (answer.content_format) { out.add_uint(OptionNumber::content_format, *answer.content_format); }
  for (const Option& option : answer.options) { out.add(option.number, option.value); }
  out.add_payload(answer.payload);
  if (!out.fits()) {
    node_.drop_output();
    responding.finish(nal::Unexpected(nal::Error::message_size));
    return false;
  }
  if (!confirmable) { responding.finish({}); }
  return true;
}

}  // namespace coap

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
    server_->responding_.push_back(*this);
    // Named only here: a server that answers nothing later need not carry it.
    server_->advance_later_ = &Server::advance;
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

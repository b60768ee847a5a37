#include "examples/coap/client.hpp"

#include "examples/coap/uri.hpp"

namespace coap {

namespace {

using Phase = Exchange::Phase;
using Kind = Exchange::Kind;

/// Whether a notification is younger than the last one (RFC 7641 §3.4).
bool is_younger(std::uint32_t last, nal::Instant last_at, std::uint32_t sequence, nal::Instant at) noexcept {
  constexpr std::uint32_t kHalf = 1u << 23;
  return (last < sequence && sequence - last < kHalf) || (last > sequence && last - sequence > kHalf) ||
         passed(nal::Duration::seconds(128), last_at, at);
}

void add_parts(MessageWriter& out, OptionNumber number, std::string_view encoded, char separator) noexcept {
  if (encoded.empty()) { return; }
  std::array<char, kMaxUriPart> memory;
  UriParts parts(encoded, separator);
  while (const auto part = parts.next(memory)) { out.add(number, *part); }
}

}  // namespace

constinit const Message Response::kNone{};

const Message& Response::message() const noexcept { return node_ ? node_->held().message : kNone; }

Exchange::Exchange(Client& client, const Request& what, Kind the_kind) noexcept
    : kind(the_kind), client_(&client), request(what) {}

Exchange::Exchange(Exchange&& other) noexcept
    : kind(other.kind),
      client_(other.client_),
      observe(other.observe),
      patience(other.patience),
      request(other.request) {
  // What a transfer adds is added when it is polled.
  NAL_ASSERT(other.phase_ == Phase::idle && !other.block1 && !other.block2 && !other.source.valid());
}

void Exchange::start(bool same_token) noexcept {
  NAL_ASSERT(!answered_);
  unlink();
  if (!same_token) { token_ = client_->node_.make_token(); }
  error_ = {};
  trouble_ = nal::Error::timed_out;
  echoed_ = missed_ = fresh_ = false;
  phase_ = Phase::queued;
  client_->exchanges_.push_back(*this);
  client_->node_.kick();
}

void Exchange::give_up() noexcept {
  unlink();
  phase_ = Phase::over;
  if (std::exchange(answered_, false)) { client_->node_.release(); }
}

nal::Poll<nal::Result<Response>> Exchange::poll(nal::Context& context) noexcept {
  if (std::exchange(answered_, false)) { return Response(client_->node_); }
  if (phase_ == Phase::over) {
    if (!error_) { return nal::Unexpected(error_.error()); }
    return Response::none();
  }
  changed_.add(context, waiter_, nal::Wait::other);
  return nal::pending;
}

nal::Poll<nal::Result<>> Pinging::poll(nal::Context& context) noexcept {
  if (exchange_.phase() == Phase::idle) { exchange_.start(); }
  auto answer = exchange_.poll(context);
  if (!answer.ready()) { return nal::pending; }
  if (!*answer) { return nal::Unexpected(answer->error()); }
  return nal::Result<>();
}

nal::Poll<nal::Result<Response>> Observation::Next::poll(nal::Context& context) noexcept {
  Exchange& exchange = observation_->exchange_;
  if (!std::exchange(begun_, true) && !exchange.answered_) {
    if (exchange.phase_ == Phase::idle || exchange.phase_ == Phase::over) {
      exchange.observe = 0;
      exchange.start();
    } else if (exchange.missed_) {
      exchange.start(true);
    }
  }
  return exchange.poll(context);
}

nal::Poll<nal::Result<Response>> Observation::Cancel::poll(nal::Context& context) noexcept {
  Exchange& exchange = observation_->exchange_;
  if (!std::exchange(started_, true)) {
    if (std::exchange(exchange.answered_, false)) { exchange.client_->node().release(); }
    if (exchange.phase_ == Phase::idle || exchange.phase_ == Phase::over) { return Response::none(); }
    exchange.observe = 1;
    exchange.start(true);
  }
  return exchange.poll(context);
}

Client::Client(Node& node, nal::Duration patience) noexcept : node_(node), patience_(patience) {
  node.attach_client(this);
}

Client::~Client() {
  NAL_ASSERT(exchanges_.empty());  // operations end before their client
  node_.attach_client(nullptr);
}

Asking Client::request(const Request& request) noexcept { return Asking(*this, request); }
Asking Client::get(const nal::Endpoint& remote, std::string_view path) noexcept {
  return Asking(*this, Request{.method = Code::get, .remote = remote, .path = path});
}
Asking Client::put(const nal::Endpoint& remote, std::string_view path, std::span<const std::byte> payload,
                   std::optional<std::uint16_t> content_format) noexcept {
  return Asking(
      *this,
      Request{
          .method = Code::put, .remote = remote, .path = path, .payload = payload, .content_format = content_format});
}
Asking Client::post(const nal::Endpoint& remote, std::string_view path, std::span<const std::byte> payload,
                    std::optional<std::uint16_t> content_format) noexcept {
  return Asking(
      *this,
      Request{
          .method = Code::post, .remote = remote, .path = path, .payload = payload, .content_format = content_format});
}
Asking Client::remove(const nal::Endpoint& remote, std::string_view path) noexcept {
  return Asking(*this, Request{.method = Code::delete_, .remote = remote, .path = path});
}
Pinging Client::ping(const nal::Endpoint& remote) noexcept { return Pinging(*this, remote); }

std::size_t Client::in_flight() const noexcept {
  std::size_t count = 0;
  for (const Exchange* e = exchanges_.front(); e; e = exchanges_.after(*e)) { ++count; }
  return count;
}

void Client::finish(Exchange& exchange) noexcept {
  exchange.unlink();
  exchange.phase_ = Phase::over;
  exchange.changed_.wake_all();
  node_.kick();  // the next to that peer may go
}

void Client::fail(Exchange& exchange, nal::Error error) noexcept {
  exchange.error_ = nal::Unexpected(error);
  finish(exchange);
}

Exchange* Client::find(const Arrival& arrival) noexcept {
  const Message& message = arrival.message;
  for (Exchange* e = exchanges_.front(); e; e = exchanges_.after(*e)) {
    if (e->phase_ == Phase::queued) { continue; }
    const bool from = node_.reliable() || e->kind == Kind::group || same(e->request.remote, arrival.ends.remote);
    if (!from) { continue; }
    const bool by_id = e->phase_ == Phase::sent && e->retransmission_.id == message.id;
    if (message.code == Code::empty) {
      if (by_id && e->kind != Kind::group) { return e; }
      continue;
    }
    // A piggybacked answer belongs to the message that it acknowledges (§5.3.2).
    const bool fits = node_.reliable() || message.type != Type::acknowledgement || by_id;
    if (!fits || (e->kind == Kind::ping) != (message.code == Code::pong)) { continue; }
    // RFC 8323 §5.4 wants the token in a Pong; libcoap 4.3 leaves it out.
    const bool bare_pong = e->kind == Kind::ping && message.token.empty();
    if (e->token_ == message.token || bare_pong) { return e; }
  }
  return nullptr;
}

bool Client::receive(const Arrival& arrival) noexcept {
  Exchange* exchange = find(arrival);
  if (!exchange) { return false; }
  const bool pinged = exchange->kind == Kind::ping;
  const bool rejected = arrival.message.type == Type::reset;
  if (arrival.message.code != Code::empty && !pinged) {
    receive_response(*exchange, arrival);
  } else if (pinged || (!rejected && exchange->request.no_response == Request::kNoResponseAtAll)) {
    finish(*exchange);
  } else if (rejected) {
    fail(*exchange, nal::Error::connection_reset);
  } else {
    exchange->phase_ = Phase::acked;
    exchange->retransmission_.wait(arrival.now, patience_);
    node_.kick();
  }
  return true;
}

void Client::receive_response(Exchange& exchange, const Arrival& arrival) noexcept {
  const Message& message = arrival.message;
  if (message.options.first_bad()) {
    node_.settle(Type::reset, arrival);
    if (exchange.kind != Kind::group) { fail(exchange, nal::Error::protocol_error); }
    return;
  }
  if (!node_.acknowledge(arrival)) { return; }
  if (arrival.truncated) {
    if (exchange.kind != Kind::group) { fail(exchange, nal::Error::message_size); }
    return;
  }
  if (const auto echo = message.options.value_of(OptionNumber::echo); !echo.empty()) {
    exchange.echo_ = echo;
    // RFC 9175 §2.3: the server wants to see that we are there.
    if (message.code == Code::unauthorized && !exchange.echoed_ && exchange.kind != Kind::group) {
      exchange.start();
      exchange.echoed_ = true;
      return;
    }
  }
  deliver(exchange, arrival);
}

bool Client::is_news(Exchange& exchange, const Arrival& arrival, const std::optional<std::uint32_t>& observe) noexcept {
  if (exchange.observe == 1u) { return !observe; }  // a notification that crossed our good-bye
  if (!observe) { return true; }
  const bool answer = node_.reliable() || arrival.message.type == Type::acknowledgement;
  if (!answer && exchange.heard_ != nal::Instant::min() &&
      !is_younger(exchange.sequence_, exchange.heard_, *observe, arrival.now)) {
    return false;
  }
  exchange.sequence_ = *observe;
  exchange.heard_ = arrival.now;
  return true;
}

void Client::deliver(Exchange& exchange, const Arrival& arrival) noexcept {
  const Options& options = arrival.message.options;
  bool more = exchange.kind == Kind::group;
  if (exchange.kind == Kind::observe) {
    const auto observe = options.find_uint(OptionNumber::observe);
    if (!is_news(exchange, arrival, observe)) { return; }
    more = observe && is_success(arrival.message.code);
    if (more) {
      // §3.3.1: without news by then, we may have been forgotten.
      const auto age = nal::Duration::seconds(std::int64_t{options.uint_or(OptionNumber::max_age, 60)} + 5);
      exchange.retransmission_.wait(later(arrival.now, age), node_.random().below(nal::Duration::seconds(10)));
    }
  }
  if (more) {
    exchange.phase_ = Phase::waiting;
    node_.kick();
  }
  if (exchange.kind != Kind::single && !exchange.awaited()) {
    exchange.missed_ = more;
    if (!more) { finish(exchange); }
    return;
  }
  exchange.answered_ = true;
  node_.hold(arrival);
  if (more) {
    exchange.changed_.wake_all();
  } else {
    finish(exchange);
  }
}

bool Client::may_send(const Exchange& exchange, nal::Instant now) const noexcept {
  if (node_.reliable()) { return true; }
  if (now < node_.next_id_at()) { return false; }
  if (exchange.kind == Kind::group) { return true; }
  unsigned outstanding = 0;
  for (const Exchange* e = exchanges_.front(); e; e = exchanges_.after(*e)) {
    const bool counts = e->phase_ == Phase::sent && (e->request.confirmable || e->fresh_);
    if (counts && same(e->request.remote, exchange.request.remote)) { ++outstanding; }
  }
  return outstanding < node_.transmission().nstart;
}

bool Client::fill(nal::Instant now) noexcept {
  for (Exchange* e = exchanges_.front(); e;) {
    Exchange* next = exchanges_.after(*e);
    if (advance(*e, now)) { return true; }
    e = next;
  }
  return false;
}

bool Client::advance(Exchange& exchange, nal::Instant now) noexcept {
  if (exchange.phase_ == Phase::queued) {
    if (!may_send(exchange, now)) { return false; }
    exchange.retransmission_.start(node_, now);
    exchange.retransmission_.id = node_.reliable() ? std::uint16_t{0} : node_.next_id(now);
    if (!exchange.request.confirmable || node_.reliable()) {
      exchange.fresh_ = exchange.kind != Kind::group && !node_.reliable();
      const auto time = exchange.patience == nal::Duration() ? patience_ : exchange.patience;
      if (!exchange.fresh_) { exchange.retransmission_.wait(now, time); }
    }
    return send(exchange);
  }
  if (now < exchange.retransmission_.due) { return false; }
  if (exchange.phase_ == Phase::sent && exchange.request.confirmable && !node_.reliable()) {
    if (exchange.retransmission_.again(node_, now)) { return send(exchange); }
    fail(exchange, exchange.trouble_);
  } else if (exchange.phase_ == Phase::sent && exchange.fresh_) {
    // The answer to a non-confirmable request may be lost: others need not wait for it any longer.
    exchange.fresh_ = false;
    exchange.retransmission_.wait(now, patience_);
    node_.kick();
  } else if (exchange.phase_ == Phase::waiting && exchange.kind == Kind::observe) {
    exchange.start(true);
  } else {
    fail(exchange, nal::Error::timed_out);
  }
  return false;
}

bool Client::send(Exchange& exchange) noexcept {
  const bool confirmable = exchange.request.confirmable;
  const Ends ends{exchange.request.remote, {exchange.request.local, 0}};
  exchange.phase_ = Phase::sent;
  const bool ping = exchange.kind == Kind::ping;
  Code code = exchange.request.method;
  if (ping) { code = node_.reliable() ? Code::ping : Code::empty; }
  const Token& token = ping && !node_.reliable() ? kNoToken : exchange.token_;
  MessageWriter& out = node_.begin(confirmable ? Type::confirmable : Type::non_confirmable, code,
                                   exchange.retransmission_.id, token, ends);
  const auto encoded = ping ? nal::Result<>() : encode(exchange, out);
  if (!encoded || !out.fits()) {
    node_.drop_output();
    fail(exchange, encoded ? nal::Error::message_size : encoded.error());
    return false;
  }
  if (!confirmable && exchange.request.no_response == Request::kNoResponseAtAll) { finish(exchange); }
  return true;
}

nal::Result<> Client::encode(Exchange& exchange, MessageWriter& out) noexcept {
  using enum OptionNumber;
  const Request& request = exchange.request;
  // Only a connection that is up tells whether there are larger blocks than were asked for.
  if (exchange.bert && node_.bert()) {
    if (exchange.block1 && exchange.block1->number == 0 && exchange.block1->szx == 6) {
      exchange.block1->szx = Block::kBert;
    } else if (!exchange.block1 && !exchange.block2) {
      exchange.block2 = Block{0, false, Block::kBert};
    }
  }
  std::string_view path_text = request.path;
  if (!path_text.empty() && path_text.front() == '/') { path_text.remove_prefix(1); }
  if (exchange.observe) { out.add_uint(observe, *exchange.observe); }
  add_parts(out, uri_path, path_text, '/');
  if (request.content_format) { out.add_uint(content_format, *request.content_format); }
  add_parts(out, uri_query, request.query, '&');
  if (request.accept) { out.add_uint(accept, *request.accept); }
  if (exchange.block2) { out.add_uint(block2, exchange.block2->value()); }
  if (!exchange.echo_.empty()) { out.add(echo, exchange.echo_.span()); }
  if (request.no_response != 0) { out.add_uint(no_response, request.no_response); }
  for (const Option& option : request.options) { out.add(option.number, option.value); }
  if (!exchange.source.valid()) {
    out.add_payload(request.payload);
    exchange.sent_size = request.payload.size();
    return {};
  }

  // With `more`, so that the option is as long as it may become. What is one block alone needs none.
  Block& block = *exchange.block1;
  block.more = true;
  const auto whole = exchange.source.size();
  const bool alone = block.number == 0 && whole && *whole <= block.size();
  if (!alone) { out.add_uint(block1, block.value()); }
  if (block.number == 0 && whole && !alone) { out.add_uint(size1, *whole); }
  if (exchange.tag != 0 && !alone) { out.add_uint(request_tag, exchange.tag); }
  const auto room = out.payload_room();
  std::size_t want = block.size();
  if (block.szx == Block::kBert && room.size() > want) { want = (room.size() - 1) / want * want; }
  if (alone) { want = *whole; }
  if (room.size() < want || (!whole && room.size() == want)) { return nal::Unexpected(nal::Error::message_size); }
  // One byte more tells whether there is more.
  NAL_TRY_SET(std::size_t got, exchange.source.read(block.offset(), room.first(want + (whole ? 0 : 1))));
  block.more = whole ? block.offset() + got < *whole : got > want;
  exchange.sent_size = std::min(got, want);
  if (!block.more) { out.patch_last_byte(block1, static_cast<std::byte>(block.value())); }
  out.put_payload(exchange.sent_size);
  return {};
}

nal::Instant Client::deadline(nal::Instant now) const noexcept {
  nal::Instant first = nal::Instant::max();
  for (const Exchange* e = exchanges_.front(); e; e = exchanges_.after(*e)) {
    if (e->phase_ != Phase::queued) {
      earlier(first, e->retransmission_.due);
    } else if (node_.next_id_at() > now) {
      earlier(first, node_.next_id_at());
    }
  }
  return first;
}

void Client::undeliverable(const nal::Endpoint& remote, std::optional<std::uint16_t> id, nal::Error error) noexcept {
  for (Exchange* e = exchanges_.front(); e;) {
    Exchange* next = exchanges_.after(*e);
    const bool hit =
        e->phase_ == Phase::sent && same(e->request.remote, remote) && (!id || e->retransmission_.id == *id);
    // What may pass by itself, a route that is being found, say, is left to the retransmissions.
    const bool may_pass = e->request.confirmable && id && error != nal::Error::message_size &&
                          error != nal::Error::invalid_argument && error != nal::Error::connection_refused;
    if (hit && may_pass) {
      e->trouble_ = error;
    } else if (hit) {
      fail(*e, error);
    }
    e = next;
  }
}

void Client::disconnected(nal::Error error) noexcept {
  while (Exchange* e = exchanges_.front()) { fail(*e, error); }
}

}  // namespace coap

#include "examples/coap/node.hpp"

namespace coap {

namespace {

/// Of a few hours at most: without a division of 64 bits.
std::uint32_t milliseconds_of(nal::Duration time) noexcept {
  return static_cast<std::uint32_t>(time.microseconds() >> 3) / 125;
}

}  // namespace

std::uint32_t Random::hash(std::span<const std::uint32_t> words) const noexcept {
  nal::Hasher hasher(key_);
  for (const std::uint32_t word : words) { hasher.add(word); }
  return hasher.finish();
}

std::uint32_t Random::next() noexcept {
  const std::uint32_t words[] = {++counter_};
  return hash(words);
}

nal::Duration Random::below(nal::Duration limit) noexcept {
  return nal::Duration::microseconds((limit.microseconds() >> 16) * (next() >> 16));
}

bool same(const nal::Endpoint& a, const nal::Endpoint& b) noexcept { return a == b; }

void Retransmission::start(Node& node, nal::Instant now) noexcept {
  const Transmission& settings = node.transmission();
  const std::uint32_t least = milliseconds_of(settings.ack_timeout);
  const std::uint32_t spread = least * (settings.ack_random_percent - 100u) / 100;
  timeout = least + static_cast<std::uint32_t>(std::uint64_t{spread} * node.random().next() >> 32);
  wait(now, nal::Duration::milliseconds(timeout));
  count = 0;
}

bool Retransmission::again(const Node& node, nal::Instant now) noexcept {
  if (count >= node.transmission().max_retransmit) { return false; }
  ++count;
  timeout *= 2;
  wait(now, nal::Duration::milliseconds(timeout));
  return true;
}

void Retransmission::wait(nal::Instant now, nal::Duration time) noexcept { due = later(now, time); }

Node::Node(const NodeConfig& config, const Memory& memory) noexcept
    : config_(config),
      memory_(memory),
      random_(config.seed),
      writer_(memory.send),
      next_id_(static_cast<std::uint16_t>(random_.next())) {
  // What `Transmission` says, in 32 bits: a small machine need not divide 64.
  const Transmission& settings = config_.transmission;
  const std::uint32_t once = milliseconds_of(settings.ack_timeout);
  const std::uint32_t span = once * settings.ack_random_percent / 100 * ((1u << settings.max_retransmit) - 1);
  transmit_span_ = nal::Duration::milliseconds(span);
  exchange_lifetime_ = nal::Duration::milliseconds(span + 2 * milliseconds_of(settings.max_latency) + once);
  NAL_ASSERT(config.token_size >= 1 && config.token_size <= 8);
  NAL_ASSERT(memory.receive.size() >= 64 && memory.send.size() >= 64);
  set_peer_size(kNoLimit);
}

void Node::set_peer_size(std::size_t size) noexcept {
  // A stream's header is up to two bytes longer than a datagram's; a peer that takes next to nothing takes nothing.
  send_size_ = std::min(std::max<std::size_t>(size, 66), memory_.send.size()) - 2;
  max_message_ = std::min(memory_.receive.size(), send_size_);
}

void Node::attach_client(Role* role) noexcept {
  NAL_ASSERT(!client_ || !role);  // one client a node
  client_ = role;
}
void Node::attach_server(Role* role) noexcept {
  NAL_ASSERT(!server_ || !role);  // one server a node
  server_ = role;
}

Token Node::make_token() noexcept {
  std::byte bytes[8];
  for (std::size_t i = 0; i < sizeof bytes; i += 4) {
    std::uint32_t word = random_.next();
    for (std::size_t k = 0; k < 4; ++k, word >>= 8) { bytes[i + k] = static_cast<std::byte>(word); }
  }
  return std::span<const std::byte>(bytes).first(config_.token_size);
}

std::uint16_t Node::next_id(nal::Instant now) noexcept {
  const std::uint16_t id = next_id_++;
  if (next_id_ >> kIdChunkBits != id >> kIdChunkBits) { chunk_left_[id >> kIdChunkBits] = coarse(now) + 1; }
  return id;
}

nal::Instant Node::next_id_at() const noexcept {
  const std::uint32_t left = chunk_left_[next_id_ >> kIdChunkBits];
  if (left == 0) { return nal::Instant(); }
  return later(nal::Instant::from_microseconds(std::int64_t{left} << kCoarseBits), exchange_lifetime_);
}

MessageWriter& Node::begin(Type type, Code code, std::uint16_t id, const Token& token, const Ends& ends,
                           std::size_t limit) noexcept {
  NAL_ASSERT(!busy_);
  constexpr std::size_t kFront = MessageWriter::kHeaderRoom - Message::kHeaderSize;
  writer_.use(memory_.send.first(std::min(limit, send_size_) + kFront));
  busy_ = true;
  finished_ = false;
  outgoing_.ends = ends;
  // Of the other family is only an address that nobody has named.
  if (ends.local.address.family() != ends.remote.address.family()) {
    outgoing_.ends.local.address = nal::IpAddress::unspecified(ends.remote.address.family());
  }
  writer_.begin(type, code, id, token);
  return writer_;
}

void Node::send_empty(Type type, std::uint16_t id, const Ends& ends) noexcept {
  begin(type, Code::empty, id, kNoToken, ends);
}

void Node::settle(Type type, const Arrival& arrival) noexcept {
  const Message& message = arrival.message;
  if (message.type == Type::confirmable && !reliable_) { send_empty(type, message.id, arrival.ends); }
}

void Node::kick() noexcept { work_.wake_all(); }

void Node::release() noexcept {
  held_ = false;
  kick();
}

void Node::hold(const Arrival& arrival) noexcept {
  NAL_ASSERT(!held_);
  held_ = true;
  held_arrival_ = arrival;
}

void Node::send_again(std::span<const std::byte> datagram, const Ends& ends) noexcept {
  NAL_ASSERT(!busy_ && datagram.size() <= memory_.send.size());
  std::copy(datagram.begin(), datagram.end(), memory_.send.begin());
  busy_ = finished_ = true;
  outgoing_ = {ends, memory_.send.first(datagram.size())};
}

void Node::received(const nal::Received& about, nal::Instant now) noexcept {
  NAL_ASSERT(!held_ && !busy_);
  Arrival arrival{.ends = {about.remote, about.local}, .now = now, .truncated = about.truncated};
  arrival.multicast = about.local.address.is_multicast() || about.local.address.is_broadcast();
  const auto parsed = Message::parse(memory_.receive.first(about.size), arrival.message);
  if (parsed) {
    dispatch(arrival);
    return;
  }
  // §4.2: a confirmable message that makes no sense is rejected; others are passed over (§4.3), and so are other
  // versions (§3).
  const bool rejects =
      parsed.error() == nal::Error::protocol_error && about.size >= Message::kHeaderSize && !arrival.multicast;
  if (rejects) { settle(Type::reset, arrival); }
}

void Node::dispatch_empty(const Arrival& arrival) noexcept {
  const Type type = arrival.message.type;
  if (type == Type::acknowledgement || type == Type::reset) {
    if (!client_takes(arrival)) { server_takes(arrival); }
  } else if (!arrival.multicast) {
    settle(Type::reset, arrival);  // a ping (§4.3)
  }
}

void Node::dispatch(const Arrival& arrival) noexcept {
  const Message& message = arrival.message;
  if (message.code == Code::empty) {
    dispatch_empty(arrival);
    return;
  }
  const bool initiates = message.type == Type::confirmable || message.type == Type::non_confirmable;
  if (is_request(message.code) && initiates && server_takes(arrival)) { return; }
  if (is_response(message.code) && message.type != Type::reset && !arrival.multicast && client_takes(arrival)) {
    return;
  }
  if (arrival.multicast || reliable_ || busy_) { return; }
  // Nobody waits for it (any more). A non-confirmable notification is rejected too, so that whoever sends them stops
  // (RFC 7641 §3.6).
  const bool response = is_response(message.code);
  if (message.type == Type::confirmable) {
    const bool again = response && was_acknowledged(arrival);
    send_empty(again ? Type::acknowledgement : Type::reset, message.id, arrival.ends);
  } else if (message.type == Type::non_confirmable && response && !was_acknowledged(arrival)) {
    send_empty(Type::reset, message.id, arrival.ends);
  }
}

bool Node::was_acknowledged(const Arrival& arrival) const noexcept {
  for (const Acknowledged& known : acknowledged_) {
    if (known.id == arrival.message.id && same(known.remote, arrival.ends.remote) && arrival.now < known.until) {
      return true;
    }
  }
  return false;
}

bool Node::acknowledge(const Arrival& arrival) noexcept {
  const Message& message = arrival.message;
  if (reliable_ || message.type == Type::acknowledgement) { return true; }
  settle(Type::acknowledgement, arrival);
  if (was_acknowledged(arrival)) { return false; }
  Acknowledged& oldest = acknowledged_[next_acknowledged_];
  oldest.remote = arrival.ends.remote;
  oldest.id = message.id;
  oldest.until = later(arrival.now, exchange_lifetime_);
  next_acknowledged_ = static_cast<std::uint8_t>((next_acknowledged_ + 1) % kAcknowledged);
  return true;
}

const Node::Outgoing* Node::output(nal::Instant now) noexcept {
  for (;;) {
    if (!busy_ && !(client_ && client_->fill(now)) && !(server_ && server_->fill(now))) { return nullptr; }
    if (finished_) { return &outgoing_; }
    const auto bytes = (writer_.*form_)();
    if (bytes) {
      finished_ = true;
      outgoing_.bytes = *bytes;
    } else {
      sent(nal::Unexpected(bytes.error()));  // whoever wanted to send it gives up
    }
  }
}

void Node::sent(nal::Result<> result) noexcept {
  busy_ = false;
  if (result) { return; }
  // Bytes that were sent again are not the writer's, and of answers the id is the peer's: nobody here knows it.
  Message message;
  const bool parsed = finished_ && !reliable_ && Message::parse(outgoing_.bytes, message).has_value();
  const Type type = parsed ? message.type : writer_.type();
  if (type == Type::acknowledgement || type == Type::reset) { return; }
  const std::uint16_t id = parsed ? message.id : writer_.id();
  const nal::Endpoint& remote = outgoing_.ends.remote;
  if (client_) { client_->undeliverable(remote, id, result.error()); }
  if (server_) { server_->undeliverable(remote, id, result.error()); }
}

void Node::refused(const nal::Endpoint& remote, nal::Error error) noexcept {
  if (client_) { client_->undeliverable(remote, std::nullopt, error); }
}

nal::Instant later(nal::Instant now, nal::Duration time) noexcept { return now + time; }

bool passed(nal::Duration time, nal::Instant since, nal::Instant now) noexcept { return now > since + time; }

void earlier(nal::Instant& first, nal::Instant other) noexcept { first = std::min(first, other); }

nal::Instant Node::deadline(nal::Instant now) const noexcept {
  nal::Instant first = nal::Instant::max();
  if (client_) { earlier(first, client_->deadline(now)); }
  if (server_) { earlier(first, server_->deadline(now)); }
  return first;
}

void Node::wait_for_work(nal::Context& context, nal::Waiter& waiter, nal::Timer& timer, nal::Instant now) noexcept {
  work_.add(context, waiter, nal::Wait::other);
  // Nothing is begun before what waits to be sent has been.
  const nal::Instant due = busy_ ? nal::Instant::max() : deadline(now);
  if (due.is_never()) {
    timer.disarm();
  } else {
    context.arm(timer, due);
  }
}

}  // namespace coap

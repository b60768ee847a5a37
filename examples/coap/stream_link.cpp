#include "examples/coap/stream_link.hpp"

#include "examples/coap/tcp_frame.hpp"

namespace coap {

namespace {

/// Until the peer says more (RFC 8323 §5.3.1).
constexpr std::size_t kBaseSize = 1152;

}  // namespace

StreamLink::StreamLink(Node& node) noexcept : node_(node) {
  node_.reliable_ = true;
  node_.form_ = &MessageWriter::frame;
  node_.bert_ = node_.leaving_ = false;
  node_.drop_output();
  node_.set_peer_size(kBaseSize);
}

void StreamLink::end(nal::Error error) noexcept {
  if (std::exchange(ended_, true)) { return; }
  node_.drop_output();
  if (node_.client_) { node_.client_->disconnected(error); }
  if (node_.server_) { node_.server_->disconnected(error); }
}

void StreamLink::fail(nal::Error error) noexcept {
  state_ = State::finished;
  error_ = error;
}

std::span<std::byte> StreamLink::input_room() noexcept {
  if (node_.held_ || state_ == State::finished) { return {}; }
  return node_.memory_.receive.subspan(fill_);
}

void StreamLink::received(std::size_t n, nal::Instant now) noexcept {
  fill_ += n;
  process(now);
}

void StreamLink::process(nal::Instant now) noexcept {
  while (!node_.held_ && !node_.busy_ && state_ != State::finished && process_one(now)) {}
}

bool StreamLink::process_one(nal::Instant now) noexcept {
  const auto buffer = node_.memory_.receive;
  if (front_ != 0) {
    std::copy(buffer.begin() + static_cast<std::ptrdiff_t>(front_), buffer.begin() + static_cast<std::ptrdiff_t>(fill_),
              buffer.begin());
    fill_ -= front_;
    front_ = 0;
  }
  const auto header = TcpHeader::parse(buffer.first(fill_));
  // The length may be refused before all of the header has come.
  const bool too_large = header && header->complete() && header->total() > buffer.size();
  if (!header || too_large) {
    abort_due_ = true;
    fail(header ? nal::Error::message_size : header.error());
    return false;
  }
  if (!header->complete() || header->total() > fill_) { return false; }
  front_ = static_cast<std::size_t>(header->total());
  const auto frame = std::span<const std::byte>(buffer).first(front_).subspan(header->size);
  Arrival arrival{.now = now};
  arrival.message.code = static_cast<Code>(header->code);
  arrival.message.token = frame.first(header->token_length);
  const bool good = Message::parse_body(frame.subspan(header->token_length), arrival.message).has_value();
  // §5.3: capabilities come first.
  if (!good || (state_ == State::begun && arrival.message.code != Code::csm)) {
    abort_due_ = true;
    fail(nal::Error::protocol_error);
    return false;
  }
  if (is_signal(arrival.message.code)) {
    take_signal(arrival);
  } else if (arrival.message.code != Code::empty) {
    node_.dispatch(arrival);
  }
  return true;
}

void StreamLink::take_signal(const Arrival& arrival) noexcept {
  const Message& message = arrival.message;
  // Of signalling options only even numbers are known here; critical ones that are not must not be passed over (§5.2).
  for (const Option& option : message.options) {
    if (is_critical(option.number)) {
      abort_due_ = true;
      fail(nal::Error::protocol_error);
      return;
    }
  }
  switch (message.code) {
    case Code::csm: take_capabilities(message); break;
    case Code::ping: node_.begin(Type::confirmable, Code::pong, 0, message.token, arrival.ends); break;
    case Code::pong: node_.client_takes(arrival); break;
    case Code::release: fail(nal::Error::closed); break;
    case Code::abort:
      diagnostic_ = message.payload.first(std::min<std::size_t>(message.payload.size(), 64));
      fail(nal::Error::connection_aborted);
      break;
    default: break;
  }
}

void StreamLink::take_capabilities(const Message& message) noexcept {
  state_ = State::up;
  const auto size = message.options.find_uint(kMaxMessageSize);
  if (size) { node_.set_peer_size(*size); }
  // §6: with a size above the base, blocks of several KiB.
  if (message.options.has(kBlockWise)) { node_.bert_ = node_.max_message() > kBaseSize; }
  node_.kick();
}

std::span<const std::byte> StreamLink::output(nal::Instant now) noexcept {
  if (!node_.busy_) {
    if (std::exchange(capabilities_due_, false)) {
      MessageWriter& out = node_.begin(Type::confirmable, Code::csm, 0, {}, {});
      out.add_uint(kMaxMessageSize, static_cast<std::uint32_t>(node_.memory_.receive.size()));
      out.add(kBlockWise, std::span<const std::byte>());
    } else if (std::exchange(abort_due_, false)) {
      MessageWriter& out = node_.begin(Type::confirmable, Code::abort, 0, {}, {});
      out.add_payload(bytes_of(error_ == nal::Error::message_size ? "message too large" : "bad message"));
    } else if (state_ == State::finished) {
      return {};
    } else if (node_.leaving_ && !std::exchange(released_, true)) {
      node_.begin(Type::confirmable, Code::release, 0, {}, {});
    } else {
      process(now);
    }
  }
  // Nothing is asked before the peer has said how large messages may be; it says so at once.
  if (!node_.busy_ && state_ != State::up) { return {}; }
  const Node::Outgoing* out = node_.output(now);
  return out ? out->bytes.subspan(written_) : std::span<const std::byte>();
}

void StreamLink::sent(std::size_t n) noexcept {
  written_ += n;
  if (written_ < node_.outgoing_.bytes.size()) { return; }
  written_ = 0;
  node_.sent({});
}

}  // namespace coap

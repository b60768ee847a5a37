#include "examples/coap/message.hpp"

#include <cstring>

#include "examples/coap/tcp_frame.hpp"
#include "nal/assert.hpp"

namespace coap {

namespace {

constexpr std::byte kMarker{0xFF};

std::size_t extension_size(std::size_t field) noexcept { return field < 13 ? 0 : field < 269 ? 1 : 2; }
std::size_t option_size(std::uint32_t delta, std::size_t length) noexcept {
  return 1 + extension_size(delta) + extension_size(length) + length;
}
unsigned nibble(std::size_t field) noexcept {
  return static_cast<unsigned>(field < 13 ? field : 12 + extension_size(field));
}

}  // namespace

nal::Result<> Message::parse(std::span<const std::byte> datagram, Message& out) noexcept {
  if (datagram.size() < kHeaderSize) { return nal::Unexpected(nal::Error::protocol_error); }
  const auto first = std::to_integer<unsigned>(datagram[0]);
  if (first >> 6 != 1) { return nal::Unexpected(nal::Error::not_supported); }
  out.type = static_cast<Type>(first >> 4 & 3);
  out.code = static_cast<Code>(datagram[1]);
  out.id = load16(datagram.subspan<2, 2>());
  const std::size_t token_size = first & 15;
  const auto rest = datagram.subspan(kHeaderSize);
  if (token_size > 8 || rest.size() < token_size) { return nal::Unexpected(nal::Error::protocol_error); }
  out.token = rest.first(token_size);
  // An empty message is its header (§4.1).
  if (out.code == Code::empty && !rest.empty()) { return nal::Unexpected(nal::Error::protocol_error); }
  return parse_body(rest.subspan(token_size), out);
}

nal::Result<> Message::parse_body(std::span<const std::byte> body, Message& out) noexcept {
  std::size_t size = 0;
  NAL_TRY_SET(out.options, Options::parse(body, size));
  out.payload = {};
  if (size == body.size()) { return {}; }
  out.payload = body.subspan(size + 1);
  if (out.payload.empty()) { return nal::Unexpected(nal::Error::protocol_error); }
  return {};
}

void MessageWriter::begin(Type type, Code code, std::uint16_t id, std::span<const std::byte> token) noexcept {
  type_ = type;
  code_ = code;
  id_ = id;
  token_size_ = static_cast<std::uint8_t>(token.size());
  options_begin_ = kHeaderRoom + token.size();
  clear();
  if (fits_) { std::copy(token.begin(), token.end(), buffer_.begin() + kHeaderRoom); }
}

void MessageWriter::clear() noexcept {
  fits_ = options_begin_ <= buffer_.size();
  size_ = fits_ ? options_begin_ : 0;
  last_number_ = 0;
  payload_size_ = 0;
}

void MessageWriter::put_option(std::size_t at, std::uint32_t delta, std::span<const std::byte> value) noexcept {
  buffer_[at++] = static_cast<std::byte>(nibble(delta) << 4 | nibble(value.size()));
  for (const std::size_t field : {static_cast<std::size_t>(delta), value.size()}) {
    if (field >= 269) { buffer_[at++] = static_cast<std::byte>((field - 269) >> 8); }
    if (field >= 13) { buffer_[at++] = static_cast<std::byte>(field >= 269 ? field - 269 : field - 13); }
  }
  std::copy(value.begin(), value.end(), buffer_.begin() + static_cast<std::ptrdiff_t>(at));
}

void MessageWriter::add(OptionNumber number, std::span<const std::byte> value) noexcept {
  NAL_ASSERT(payload_size_ == 0);
  const auto wanted = static_cast<std::uint32_t>(number);
  std::size_t at = size_;
  std::uint32_t before = last_number_;
  std::uint32_t next = 0;  // of the option that follows; 0: none does
  std::span<const std::byte> next_value;
  if (fits_ && wanted < last_number_) {
    at = options_begin_;
    before = 0;
    for (const Option& option : options()) {
      next = static_cast<std::uint32_t>(option.number);
      next_value = option.value;
      if (next > wanted) { break; }
      at += option_size(next - before, next_value.size());
      before = next;
    }
  }
  const std::size_t more = option_size(wanted - before, value.size());
  // The next option's delta shrinks, and with it perhaps its front.
  const std::size_t old_front = next == 0 ? 0 : option_size(next - before, 0) + extension_size(next_value.size());
  const std::size_t new_front = next == 0 ? 0 : option_size(next - wanted, 0) + extension_size(next_value.size());
  const std::size_t size = size_ + more + new_front - old_front;
  if (!fits_ || value.size() > 0xFFFF || size > buffer_.size()) {
    fits_ = false;
    return;
  }
  if (next != 0) {
    const std::size_t tail = at + old_front;
    std::memmove(&buffer_[at + more + new_front], &buffer_[tail], size_ - tail);
    put_option(at + more, next - wanted,
               std::span<const std::byte>(buffer_).subspan(at + more + new_front, next_value.size()));
  }
  put_option(at, wanted - before, value);
  size_ = size;
  if (wanted > last_number_) { last_number_ = static_cast<std::uint16_t>(wanted); }
}

void MessageWriter::add_uint(OptionNumber number, std::uint32_t value) noexcept { add(number, UintValue(value)); }

Options MessageWriter::options() const noexcept {
  if (!fits_) { return {}; }
  return Options::known(buffer_.first(size_).subspan(options_begin_));
}

void MessageWriter::patch_last_byte(OptionNumber number, std::byte value) noexcept {
  const auto found = options().find(number);
  if (!found || found->empty()) { return; }
  buffer_[static_cast<std::size_t>(&found->back() - buffer_.data())] = value;
}

std::span<std::byte> MessageWriter::payload_room() noexcept {
  if (!fits_ || buffer_.size() - size_ < 2) { return {}; }
  return buffer_.subspan(size_ + 1);
}

void MessageWriter::put_payload(std::size_t size) noexcept {
  NAL_ASSERT(payload_size_ == 0);
  if (size == 0) { return; }
  NAL_ASSERT(size <= payload_room().size());
  buffer_[size_] = kMarker;
  payload_size_ = size;
  size_ += 1 + size;
}

void MessageWriter::add_payload(std::span<const std::byte> payload) noexcept {
  const auto room = payload_room();
  if (payload.size() > room.size()) {
    fits_ = false;
    return;
  }
  std::copy(payload.begin(), payload.end(), room.begin());
  put_payload(payload.size());
}

nal::Result<std::span<const std::byte>> MessageWriter::datagram() noexcept {
  if (!fits_) { return nal::Unexpected(nal::Error::message_size); }
  const auto out = buffer_.first(size_).subspan(kHeaderRoom - Message::kHeaderSize);
  out[0] = static_cast<std::byte>(0x40u | static_cast<unsigned>(type_) << 4 | token_size_);
  out[1] = static_cast<std::byte>(code_);
  store16(out.subspan<2, 2>(), id_);
  return std::span<const std::byte>(out);
}

nal::Result<std::span<const std::byte>> MessageWriter::frame() noexcept {
  if (!fits_) { return nal::Unexpected(nal::Error::message_size); }
  const auto length = static_cast<std::uint32_t>(size_ - options_begin_);
  const TcpHeader header{.token_length = token_size_, .code = static_cast<std::uint8_t>(code_), .length = length};
  const auto out = buffer_.first(size_).subspan(kHeaderRoom - TcpHeader::size_for(length));
  NAL_TRY(header.write(out));
  return std::span<const std::byte>(out);
}

}  // namespace coap

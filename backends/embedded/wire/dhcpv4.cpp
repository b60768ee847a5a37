#include "backends/embedded/wire/dhcpv4.hpp"

#include "backends/embedded/features.hpp"

namespace nal::embedded::wire {
namespace {

// RFC 2131 §2
constexpr std::size_t kServerName = 44;
constexpr std::size_t kServerNameSize = 64;
constexpr std::size_t kFile = 108;
constexpr std::size_t kFileSize = 128;
constexpr std::size_t kCookieAt = 236;
constexpr std::uint32_t kCookie = 0x6382'5363;
constexpr std::uint32_t kEthernet = 0x01'06;  // hardware type and size of its addresses
// RFC 2132 §9.3
constexpr std::uint8_t kOverloadFile = 1;
constexpr std::uint8_t kOverloadServerName = 2;

constexpr std::size_t kMaxPiece = 255;

constexpr std::uint8_t number(Dhcpv4Option code) noexcept { return static_cast<std::uint8_t>(code); }

/// The next piece of a field; none at its end, and where one does not end within the field.
std::optional<Dhcpv4View::Piece> next_piece(std::span<const std::byte>& rest) noexcept {
  while (!rest.empty() && load_u8(rest.data()) == number(Dhcpv4Option::pad)) { rest = rest.subspan(1); }
  if (rest.size() < 2 || load_u8(rest.data()) == number(Dhcpv4Option::end)) { return std::nullopt; }
  const std::size_t size = load_u8(rest.data() + 1);
  if (size > rest.size() - 2) { return std::nullopt; }
  const Dhcpv4View::Piece piece{static_cast<Dhcpv4Option>(load_u8(rest.data())), rest.subspan(2, size)};
  rest = rest.subspan(2 + size);
  return piece;
}

/// Whether a field is pieces to its end.
bool check(std::span<const std::byte> field) noexcept {
  while (next_piece(field)) {}
  return field.empty() || load_u8(field.data()) == number(Dhcpv4Option::end);
}

}  // namespace

std::optional<ClasslessRoutes::Route> ClasslessRoutes::next() noexcept {
  if (rest_.empty()) { return std::nullopt; }
  const std::uint8_t length = load_u8(rest_.data());
  const std::size_t significant = (length + std::size_t{7}) / 8;
  if (length > 32 || rest_.size() < 1 + significant + 4) {
    rest_ = {};
    return std::nullopt;
  }
  std::uint32_t destination = 0;
  for (std::size_t i = 0; i < significant; ++i) {
    destination |= std::uint32_t{load_u8(rest_.data() + 1 + i)} << (24 - 8 * i);
  }
  const Route route{Ipv4Address::from_uint32(destination).masked(length), length,
                    load_ipv4(rest_.data() + 1 + significant)};
  rest_ = rest_.subspan(1 + significant + 4);
  return route;
}

Dhcpv4View::Pieces::Pieces(const Dhcpv4View& view) noexcept : rest_(view.bytes_.subspan(kDhcpv4FixedSize)) {
  const std::uint8_t overload = view.overload();
  if ((overload & kOverloadFile) != 0) { then_[0] = view.bytes_.subspan(kFile, kFileSize); }
  if ((overload & kOverloadServerName) != 0) { then_[1] = view.bytes_.subspan(kServerName, kServerNameSize); }
}

std::optional<Dhcpv4View::Piece> Dhcpv4View::Pieces::next() noexcept {
  for (;;) {
    if (const auto piece = next_piece(rest_)) {
      if (piece->code == Dhcpv4Option::overload) { continue; }
      return piece;
    }
    if (then_[0].empty() && then_[1].empty()) {
      rest_ = {};
      return std::nullopt;
    }
    rest_ = then_[0].empty() ? then_[1] : then_[0];
    (then_[0].empty() ? then_[1] : then_[0]) = {};
  }
}

std::uint8_t Dhcpv4View::overload() const noexcept {
  auto field = bytes_.subspan(kDhcpv4FixedSize);
  while (const auto piece = next_piece(field)) {
    if (piece->code == Dhcpv4Option::overload && piece->data.size() == 1) { return load_u8(piece->data.data()); }
  }
  return 0;
}

std::optional<Dhcpv4View> Dhcpv4View::parse(std::span<const std::byte> bytes) noexcept {
  if (bytes.size() < kDhcpv4FixedSize || load_be32(bytes.data() + kCookieAt) != kCookie ||
      load_be16(bytes.data() + 1) != kEthernet || !check(bytes.subspan(kDhcpv4FixedSize))) {
    return std::nullopt;
  }
  const Dhcpv4View view(bytes);
  const std::uint8_t overload = view.overload();
  if ((overload & kOverloadFile) != 0 && !check(bytes.subspan(kFile, kFileSize))) { return std::nullopt; }
  if ((overload & kOverloadServerName) != 0 && !check(bytes.subspan(kServerName, kServerNameSize))) {
    return std::nullopt;
  }
  return view;
}

Result<std::optional<std::span<const std::byte>>> Dhcpv4View::option(Dhcpv4Option code,
                                                                     std::span<std::byte> scratch) const noexcept {
  std::optional<std::span<const std::byte>> found;
  std::size_t size = 0;
  bool several = false;
  auto walk = pieces();
  while (const auto piece = walk.next()) {
    if (piece->code != code) { continue; }
    if (!found) {
      found = piece->data;
      if constexpr (!features::kDhcpv4Extras) { break; }
      continue;
    }
    if (!several) {
      several = true;
      size = found->size();
      if (size > scratch.size()) { return Unexpected(Error::buffer_too_small); }
      std::copy(found->begin(), found->end(), scratch.begin());
    }
    if (piece->data.size() > scratch.size() - size) { return Unexpected(Error::buffer_too_small); }
    std::copy(piece->data.begin(), piece->data.end(), scratch.data() + size);
    size += piece->data.size();
    found = scratch.first(size);
  }
  return found;
}

namespace {

/// An option of exactly `size` bytes, at most four.
std::optional<std::uint32_t> fixed(const Dhcpv4View& view, Dhcpv4Option code, std::size_t size) noexcept {
  std::array<std::byte, 4> scratch;
  const auto option = view.option(code, std::span(scratch).first(size));
  if (!option || !*option || (*option)->size() != size) { return std::nullopt; }
  std::uint32_t value = 0;
  for (const std::byte byte : **option) { value = value << 8 | std::to_integer<std::uint32_t>(byte); }
  return value;
}

}  // namespace

std::optional<std::uint8_t> Dhcpv4View::u8(Dhcpv4Option code) const noexcept {
  const auto value = fixed(*this, code, 1);
  if (!value) { return std::nullopt; }
  return static_cast<std::uint8_t>(*value);
}
std::optional<std::uint16_t> Dhcpv4View::u16(Dhcpv4Option code) const noexcept {
  const auto value = fixed(*this, code, 2);
  if (!value) { return std::nullopt; }
  return static_cast<std::uint16_t>(*value);
}
std::optional<std::uint32_t> Dhcpv4View::u32(Dhcpv4Option code) const noexcept { return fixed(*this, code, 4); }
std::optional<Ipv4Address> Dhcpv4View::address(Dhcpv4Option code) const noexcept {
  const auto value = u32(code);
  if (!value) { return std::nullopt; }
  return Ipv4Address::from_uint32(*value);
}
std::optional<Dhcpv4MessageType> Dhcpv4View::message_type() const noexcept {
  const auto value = u8(Dhcpv4Option::message_type);
  if (!value) { return std::nullopt; }
  return static_cast<Dhcpv4MessageType>(*value);
}

Dhcpv4Writer::Dhcpv4Writer(std::span<std::byte> out, const Fixed& fixed, Dhcpv4MessageType type) noexcept : out_(out) {
  if (out_.size() <= kDhcpv4FixedSize) {
    failed_ = true;
    return;
  }
  std::byte* const at = out_.data();
  std::memset(at, 0, kDhcpv4FixedSize);
  store_u8(at, fixed.reply ? 2 : 1);
  store_be16(at + 1, kEthernet);
  store_be32(at + 4, fixed.transaction);
  store_be16(at + 8, fixed.seconds);
  store_be16(at + 10, fixed.broadcast ? 0x8000 : 0);
  store_ipv4(at + 12, fixed.client_address);
  store_ipv4(at + 16, fixed.your_address);
  store_ipv4(at + 24, fixed.relay);
  store_mac(at + 28, fixed.hardware_address);
  store_be32(at + kCookieAt, kCookie);
  size_ = kDhcpv4FixedSize;
  option_u8(Dhcpv4Option::message_type, static_cast<std::uint8_t>(type));
}

void Dhcpv4Writer::option(Dhcpv4Option code, std::span<const std::byte> data) noexcept {
  if constexpr (!features::kDhcpv4Extras) { data = data.first(std::min(data.size(), kMaxPiece)); }
  const std::size_t pieces = data.empty() ? 1 : (data.size() + kMaxPiece - 1) / kMaxPiece;
  // One more for the end.
  if (failed_ || data.size() + 2 * pieces + 1 > out_.size() - size_) {
    failed_ = true;
    return;
  }
  do {
    const auto piece = data.first(std::min(data.size(), kMaxPiece));
    std::byte* const at = out_.data() + size_;
    store_be16(at, std::uint32_t{number(code)} << 8 | static_cast<std::uint32_t>(piece.size()));
    std::copy(piece.begin(), piece.end(), at + 2);
    size_ += 2 + piece.size();
    data = data.subspan(piece.size());
  } while (!data.empty());
}

void Dhcpv4Writer::option_u8(Dhcpv4Option code, std::uint8_t value) noexcept {
  const std::byte data[] = {static_cast<std::byte>(value)};
  option(code, data);
}
void Dhcpv4Writer::option_u16(Dhcpv4Option code, std::uint16_t value) noexcept {
  std::byte data[2];
  store_be16(data, value);
  option(code, data);
}
void Dhcpv4Writer::option_u32(Dhcpv4Option code, std::uint32_t value) noexcept {
  std::byte data[4];
  store_be32(data, value);
  option(code, data);
}

Result<std::span<const std::byte>> Dhcpv4Writer::finish() noexcept {
  if (failed_) { return Unexpected(Error::buffer_too_small); }
  store_u8(out_.data() + size_++, number(Dhcpv4Option::end));
  const std::size_t padded = std::min(kDhcpv4MinSize, out_.size());
  if (size_ < padded) {
    std::memset(out_.data() + size_, 0, padded - size_);
    size_ = padded;
  }
  return std::span<const std::byte>(out_.first(size_));
}

}  // namespace nal::embedded::wire

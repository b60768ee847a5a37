#include "backends/embedded/wire/dhcpv6.hpp"

#include <algorithm>

namespace nal::embedded::wire {
namespace {

constexpr std::size_t kOptionHeader = 4;
constexpr std::size_t kAssociationSize = 12;
constexpr std::size_t kAddressSize = 24;

}  // namespace

std::optional<Dhcpv6Options::Option> Dhcpv6Options::next() noexcept {
  if (rest_.size() < kOptionHeader) { return std::nullopt; }
  const std::size_t size = load_be16(rest_.data() + 2);
  if (size > rest_.size() - kOptionHeader) { return std::nullopt; }
  const Option option{static_cast<Dhcpv6Option>(load_be16(rest_.data())), rest_.subspan(kOptionHeader, size)};
  rest_ = rest_.subspan(kOptionHeader + size);
  return option;
}

std::optional<std::span<const std::byte>> Dhcpv6Options::find(Dhcpv6Option code) const noexcept {
  Dhcpv6Options walk = *this;
  while (const auto option = walk.next()) {
    if (option->code == code) { return option->data; }
  }
  return std::nullopt;
}

Dhcpv6Status Dhcpv6Options::status() const noexcept {
  const auto data = find(Dhcpv6Option::status_code);
  if (!data) { return Dhcpv6Status::success; }
  return data->size() < 2 ? Dhcpv6Status::unspecified_failure : static_cast<Dhcpv6Status>(load_be16(data->data()));
}

bool Dhcpv6Options::check(std::span<const std::byte> bytes) noexcept {
  Dhcpv6Options walk(bytes);
  while (walk.next()) {}
  return walk.rest_.empty();
}

std::optional<Dhcpv6Association> Dhcpv6Association::parse(std::span<const std::byte> data) noexcept {
  if (data.size() < kAssociationSize || !Dhcpv6Options::check(data.subspan(kAssociationSize))) { return std::nullopt; }
  const std::byte* const at = data.data();
  const Dhcpv6Association found{load_be32(at), load_be32(at + 4), load_be32(at + 8),
                                Dhcpv6Options(data.subspan(kAssociationSize))};
  if (found.rebind != 0 && found.renew > found.rebind) { return std::nullopt; }
  return found;
}

std::optional<Dhcpv6Address> Dhcpv6Address::parse(std::span<const std::byte> data) noexcept {
  if (data.size() < kAddressSize || !Dhcpv6Options::check(data.subspan(kAddressSize))) { return std::nullopt; }
  const std::byte* const at = data.data();
  const Dhcpv6Address found{load_ipv6(at), load_be32(at + 16), load_be32(at + 20),
                            Dhcpv6Options(data.subspan(kAddressSize))};
  if (found.preferred_lifetime > found.valid_lifetime) { return std::nullopt; }
  return found;
}

std::optional<Dhcpv6View> Dhcpv6View::parse(std::span<const std::byte> bytes) noexcept {
  if (bytes.size() < kDhcpv6HeaderSize || !Dhcpv6Options::check(bytes.subspan(kDhcpv6HeaderSize))) {
    return std::nullopt;
  }
  return Dhcpv6View(bytes);
}

Dhcpv6Writer::Dhcpv6Writer(std::span<std::byte> out, Dhcpv6MessageType type, std::uint32_t transaction) noexcept
    : out_(out) {
  if (std::byte* const at = room(kDhcpv6HeaderSize)) {
    store_be32(at, static_cast<std::uint32_t>(type) << 24 | (transaction & 0xff'ffff));
  }
}

std::byte* Dhcpv6Writer::room(std::size_t size) noexcept {
  if (failed_ || size > out_.size() - size_) {
    failed_ = true;
    return nullptr;
  }
  std::byte* const at = out_.data() + size_;
  size_ += size;
  return at;
}

void Dhcpv6Writer::option(Dhcpv6Option code, std::span<const std::byte> data) noexcept {
  if (data.size() > 0xffff) { failed_ = true; }
  if (std::byte* const at = room(kOptionHeader + data.size())) {
    store_be16(at, static_cast<std::uint32_t>(code));
    store_be16(at + 2, static_cast<std::uint32_t>(data.size()));
    std::copy(data.begin(), data.end(), at + kOptionHeader);
  }
}

void Dhcpv6Writer::option_u16(Dhcpv6Option code, std::uint16_t value) noexcept {
  std::byte data[2];
  store_be16(data, value);
  option(code, data);
}

void Dhcpv6Writer::option_u32(Dhcpv6Option code, std::uint32_t value) noexcept {
  std::byte data[4];
  store_be32(data, value);
  option(code, data);
}

std::size_t Dhcpv6Writer::begin_association(Dhcpv6Option code, std::uint32_t id, std::uint32_t renew,
                                            std::uint32_t rebind) noexcept {
  std::byte data[kAssociationSize];
  store_be32(data, id);
  store_be32(data + 4, renew);
  store_be32(data + 8, rebind);
  const std::size_t begun = size_;
  option(code, data);
  return begun;
}

std::size_t Dhcpv6Writer::begin_address(Ipv6Bytes address, std::uint32_t preferred_lifetime,
                                        std::uint32_t valid_lifetime) noexcept {
  std::byte data[kAddressSize];
  store_ipv6(data, address);
  store_be32(data + 16, preferred_lifetime);
  store_be32(data + 20, valid_lifetime);
  const std::size_t begun = size_;
  option(Dhcpv6Option::ia_address, data);
  return begun;
}

void Dhcpv6Writer::end(std::size_t begun) noexcept {
  const std::size_t size = size_ - begun - kOptionHeader;
  if (failed_ || size > 0xffff) {
    failed_ = true;
    return;
  }
  store_be16(out_.data() + begun + 2, static_cast<std::uint32_t>(size));
}

Result<std::span<const std::byte>> Dhcpv6Writer::finish() const noexcept {
  if (failed_) { return Unexpected(Error::buffer_too_small); }
  return std::span<const std::byte>(out_.first(size_));
}

}  // namespace nal::embedded::wire

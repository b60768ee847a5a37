#include "nal/resolver/settings.hpp"

#include <cstring>

namespace nal::dns {

Result<> Servers::check(std::span<const Endpoint> endpoints) const noexcept {
  if (endpoints.size() > memory_.size()) { return Unexpected(Error::table_full); }
  for (const Endpoint& endpoint : endpoints) {
    if (endpoint.port == 0 || endpoint.address.is_unspecified() || endpoint.address.is_multicast()) {
      return Unexpected(Error::invalid_argument);
    }
  }
  return {};
}

void Servers::assign(std::span<const Endpoint> endpoints) noexcept {
  NAL_ASSERT(endpoints.size() <= memory_.size());
  size_ = endpoints.size();
  for (std::size_t i = 0; i < size_; ++i) { memory_[i] = Server{.endpoint = endpoints[i]}; }
}

std::optional<std::size_t> Servers::pick(std::uint32_t passed_over, Instant now) const noexcept {
  std::optional<std::size_t> last;
  for (std::size_t i = 0; i < size_; ++i) {
    if ((passed_over >> i & 1) != 0) { continue; }
    if (memory_[i].failed_until <= now) { return i; }
    if (!last) { last = i; }
  }
  return last;
}

Result<> SearchList::assign(std::span<const std::string_view> names) noexcept {
  std::size_t size = 0;
  for (const std::string_view text : names) {
    Name name;
    NAL_TRY(name.set_text(text));
    size += name.wire().size();
  }
  if (size > memory_.size()) { return Unexpected(Error::buffer_too_small); }
  size_ = 0;
  for (const std::string_view text : names) {
    Name name;
    NAL_TRY(name.set_text(text));
    std::memcpy(&memory_[size_], name.wire().data(), name.wire().size());
    size_ += name.wire().size();
  }
  return {};
}

std::span<const std::byte> SearchList::operator[](std::size_t index) const noexcept {
  std::size_t position = 0;
  while (position < size_) {
    const std::size_t start = position;
    while (memory_[position] != std::byte{0}) { position += 1 + std::to_integer<std::size_t>(memory_[position]); }
    ++position;
    if (index-- == 0) { return std::span<const std::byte>(memory_).subspan(start, position - start); }
  }
  return {};
}

}  // namespace nal::dns

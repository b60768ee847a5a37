#pragma once
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "nal/hash.hpp"
#include "nal/ip_address.hpp"
#include "nal/result.hpp"
#include "nal/text.hpp"

namespace nal {

/// One end of a TCP connection or of a UDP exchange. Orders by address, then port.
struct Endpoint {
  IpAddress address;
  /// In the machine's byte order; 0 stands for "none" or "any".
  std::uint16_t port = 0;

  /// "[address]:65535"
  static constexpr std::size_t kMaxTextSize = IpAddress::kMaxTextSize + 8;

  /// "1.2.3.4:80", "[::1]:80" or "[fe80::1%2]:80": the port is there, in decimal, without leading zeros; an IPv6
  /// address stands in brackets and no other does. Anything else is `Error::invalid_argument`.
  static constexpr Result<Endpoint> parse(std::string_view text) noexcept {
    if (text.empty() || text.front() != '[') {
      const std::size_t colon = detail::find(text, ':');
      NAL_TRY_SET(const Ipv4Address v4, Ipv4Address::parse(detail::first(text, colon)));
      return with_port(v4, text, colon);
    }
    text.remove_prefix(1);
    const std::size_t bracket = detail::find(text, ']');
    NAL_TRY_SET(const Ipv6Address v6, Ipv6Address::parse(detail::first(text, bracket)));
    if (bracket == text.size()) { return Unexpected(Error::invalid_argument); }
    return with_port(v6, detail::after(text, bracket), 0);
  }

  /// Writes the form that `parse` takes into `out` and returns it; `Error::buffer_too_small` leaves `out` with part of
  /// it.
  constexpr Result<std::string_view> format_to(std::span<char> out) const noexcept {
    return detail::format_to(*this, out);
  }
  constexpr void append_to(TextWriter& writer) const noexcept {
    if (address.is_v6()) { writer.put('['); }
    address.append_to(writer);
    if (address.is_v6()) { writer.put(']'); }
    writer.put(':');
    writer.put_decimal(port);
  }
  constexpr void hash_into(Hasher& hasher) const noexcept {
    address.hash_into(hasher);
    hasher.add(port);
  }

  friend constexpr auto operator<=>(const Endpoint&, const Endpoint&) noexcept = default;

 private:
  /// The port stands behind the colon at `colon`, or is missing.
  static constexpr Result<Endpoint> with_port(const IpAddress& address, std::string_view text,
                                              std::size_t colon) noexcept {
    if (colon >= text.size() || text[colon] != ':') { return Unexpected(Error::invalid_argument); }
    NAL_TRY_SET(const std::uint32_t port, detail::parse_decimal(detail::after(text, colon), 65535));
    return Endpoint{address, static_cast<std::uint16_t>(port)};
  }
};

static_assert(sizeof(Endpoint) <= 24);

namespace literals {

consteval Endpoint operator""_endpoint(const char* text, std::size_t size) {
  return detail::parse_literal<Endpoint>({text, size});
}

}  // namespace literals

}  // namespace nal

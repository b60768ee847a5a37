#pragma once
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "nal/assert.hpp"
#include "nal/hash.hpp"
#include "nal/ip_address.hpp"
#include "nal/result.hpp"
#include "nal/text.hpp"

namespace nal {

/// An address with the length of its network's prefix, as an interface or a route has it: "192.168.1.7/24". Keeps the
/// host's bits; `network` clears them.
template <class Address>
class BasicCidr {
 public:
  static constexpr std::size_t kMaxTextSize = Address::kMaxTextSize + (Address::kBits > 99 ? 4 : 3);

  /// 0.0.0.0/0 or ::/0: everything.
  constexpr BasicCidr() noexcept = default;
  /// A prefix longer than an address is a caller's bug (asserted).
  constexpr BasicCidr(const Address& address, unsigned prefix_length) noexcept
      : address_(address), prefix_length_(static_cast<std::uint8_t>(prefix_length)) {
    NAL_ASSERT(prefix_length <= Address::kBits);
  }

  /// "10.0.0.0/8", "fe80::1%3/64": the address, a slash and the prefix length in decimal, without leading zeros.
  /// Anything else is `Error::invalid_argument`.
  static constexpr Result<BasicCidr> parse(std::string_view text) noexcept {
    const std::size_t slash = detail::find(text, '/');
    if (slash == text.size()) { return Unexpected(Error::invalid_argument); }
    NAL_TRY_SET(const Address address, Address::parse(detail::first(text, slash)));
    NAL_TRY_SET(const std::uint32_t length, detail::parse_decimal(detail::after(text, slash), Address::kBits));
    return BasicCidr(address, length);
  }

  /// Writes the form that `parse` takes into `out` and returns it; `Error::buffer_too_small` leaves `out` with part of
  /// it.
  constexpr Result<std::string_view> format_to(std::span<char> out) const noexcept {
    return detail::format_to(*this, out);
  }
  constexpr void append_to(TextWriter& writer) const noexcept {
    address_.append_to(writer);
    writer.put('/');
    writer.put_decimal(prefix_length_);
  }
  constexpr void hash_into(Hasher& hasher) const noexcept {
    address_.hash_into(hasher);
    hasher.add(prefix_length_);
  }

  constexpr const Address& address() const noexcept { return address_; }
  constexpr unsigned prefix_length() const noexcept { return prefix_length_; }
  /// How many bits tell the hosts of the network apart.
  constexpr unsigned host_bits() const noexcept { return Address::kBits - prefix_length_; }
  constexpr Address netmask() const noexcept { return Address::netmask(prefix_length_); }

  /// The same network, named by its first address.
  constexpr BasicCidr network() const noexcept { return {first(), prefix_length_}; }
  /// Whether no bit of the host's part is set.
  constexpr bool is_network() const noexcept { return address_ == first(); }
  /// The lowest address of the network, all host bits zero.
  constexpr Address first() const noexcept { return address_.masked(prefix_length_); }
  /// The highest address of the network, all host bits one.
  constexpr Address last() const noexcept { return address_.filled(prefix_length_); }
  /// The address that reaches every host of an IPv4 network; a /31 (RFC 3021) and a /32 have none.
  constexpr std::optional<Address> broadcast() const noexcept
    requires std::same_as<Address, Ipv4Address>
  {
    if (prefix_length_ > 30) { return std::nullopt; }
    return last();
  }

  /// Whether `address` is of this network. A network with a zone has only addresses of that zone (RFC 4007 §11.7), one
  /// without has them of all.
  constexpr bool contains(const Address& address) const noexcept {
    if constexpr (std::same_as<Address, Ipv6Address>) {
      if (address_.zone() != 0 && address_.zone() != address.zone()) { return false; }
    }
    return address.has_prefix(address_, prefix_length_);
  }
  /// Whether the whole of `other` is in this network.
  constexpr bool contains(const BasicCidr& other) const noexcept {
    return other.prefix_length_ >= prefix_length_ && contains(other.address_);
  }

  /// By address, then length: a sorted list has a network before its parts, if all are networks.
  friend constexpr auto operator<=>(const BasicCidr&, const BasicCidr&) noexcept = default;

 private:
  Address address_;
  std::uint8_t prefix_length_ = 0;
};

using Ipv4Cidr = BasicCidr<Ipv4Address>;
using Ipv6Cidr = BasicCidr<Ipv6Address>;

/// An `Ipv4Cidr` or an `Ipv6Cidr`.
class Cidr {
 public:
  static constexpr std::size_t kMaxTextSize = Ipv6Cidr::kMaxTextSize;

  /// 0.0.0.0/0
  constexpr Cidr() noexcept = default;
  constexpr Cidr(const Ipv4Cidr& v4) noexcept
      : address_(v4.address()), prefix_length_(static_cast<std::uint8_t>(v4.prefix_length())) {}
  constexpr Cidr(const Ipv6Cidr& v6) noexcept
      : address_(v6.address()), prefix_length_(static_cast<std::uint8_t>(v6.prefix_length())) {}
  /// A prefix longer than the address is a caller's bug (asserted).
  constexpr Cidr(const IpAddress& address, unsigned prefix_length) noexcept
      : address_(address), prefix_length_(static_cast<std::uint8_t>(prefix_length)) {
    NAL_ASSERT(prefix_length <= bits());
  }

  /// What `Ipv4Cidr::parse` or `Ipv6Cidr::parse` takes, the latter for whatever has a colon in it.
  static constexpr Result<Cidr> parse(std::string_view text) noexcept {
    if (!detail::contains(text, ':')) {
      NAL_TRY_SET(const Ipv4Cidr v4, Ipv4Cidr::parse(text));
      return Cidr(v4);
    }
    NAL_TRY_SET(const Ipv6Cidr v6, Ipv6Cidr::parse(text));
    return Cidr(v6);
  }

  /// `f` called with the `Ipv4Cidr` or the `Ipv6Cidr`.
  template <class F>
  constexpr auto visit(F&& f) const {
    return is_v4() ? f(v4()) : f(v6());
  }

  /// Writes the form that `parse` takes into `out` and returns it; `Error::buffer_too_small` leaves `out` with part of
  /// it.
  constexpr Result<std::string_view> format_to(std::span<char> out) const noexcept {
    return detail::format_to(*this, out);
  }
  constexpr void append_to(TextWriter& writer) const noexcept {
    visit([&writer](const auto& cidr) { cidr.append_to(writer); });
  }
  constexpr void hash_into(Hasher& hasher) const noexcept {
    address_.hash_into(hasher);
    hasher.add(prefix_length_);
  }

  constexpr Family family() const noexcept { return address_.family(); }
  constexpr bool is_v4() const noexcept { return address_.is_v4(); }
  constexpr bool is_v6() const noexcept { return address_.is_v6(); }
  /// Only of an IPv4 network (asserted).
  constexpr Ipv4Cidr v4() const noexcept { return {address_.v4(), prefix_length_}; }
  /// Only of an IPv6 network (asserted).
  constexpr Ipv6Cidr v6() const noexcept { return {address_.v6(), prefix_length_}; }

  constexpr const IpAddress& address() const noexcept { return address_; }
  constexpr unsigned prefix_length() const noexcept { return prefix_length_; }
  constexpr unsigned host_bits() const noexcept { return bits() - prefix_length_; }
  constexpr IpAddress netmask() const noexcept {
    return visit([](const auto& cidr) { return IpAddress(cidr.netmask()); });
  }
  constexpr Cidr network() const noexcept {
    return visit([](const auto& cidr) { return Cidr(cidr.network()); });
  }
  constexpr bool is_network() const noexcept {
    return visit([](const auto& cidr) { return cidr.is_network(); });
  }
  constexpr IpAddress first() const noexcept {
    return visit([](const auto& cidr) { return IpAddress(cidr.first()); });
  }
  constexpr IpAddress last() const noexcept {
    return visit([](const auto& cidr) { return IpAddress(cidr.last()); });
  }
  /// Addresses of the other family are never of this network.
  constexpr bool contains(const IpAddress& address) const noexcept {
    if (address.family() != family()) { return false; }
    return is_v4() ? v4().contains(address.v4()) : v6().contains(address.v6());
  }
  constexpr bool contains(const Cidr& other) const noexcept {
    return other.prefix_length_ >= prefix_length_ && contains(other.address_);
  }

  friend constexpr auto operator<=>(const Cidr&, const Cidr&) noexcept = default;

 private:
  constexpr unsigned bits() const noexcept { return is_v4() ? Ipv4Address::kBits : Ipv6Address::kBits; }

  IpAddress address_;
  std::uint8_t prefix_length_ = 0;
};

namespace literals {

consteval Cidr operator""_cidr(const char* text, std::size_t size) { return detail::parse_literal<Cidr>({text, size}); }

}  // namespace literals

}  // namespace nal

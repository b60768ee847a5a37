#pragma once
#include <algorithm>

#include "adapters/asio/asio.hpp"
#include "nal/endpoint.hpp"

namespace nal::with_asio {

inline ::asio::ip::address to_asio(const IpAddress& address) noexcept {
  if (address.is_v4()) {
    ::asio::ip::address_v4::bytes_type bytes;
    std::copy_n(address.bytes().begin(), bytes.size(), bytes.begin());
    return ::asio::ip::address_v4(bytes);
  }
  ::asio::ip::address_v6::bytes_type bytes;
  std::copy_n(address.bytes().begin(), bytes.size(), bytes.begin());
  return ::asio::ip::address_v6(bytes, address.zone());
}
inline IpAddress to_nal(const ::asio::ip::address& address) noexcept {
  if (address.is_v4()) {
    const auto bytes = address.to_v4().to_bytes();
    return Ipv4Address(bytes[0], bytes[1], bytes[2], bytes[3]);
  }
  const ::asio::ip::address_v6 v6 = address.to_v6();
  const auto bytes = v6.to_bytes();
  return Ipv6Address::from_bytes(std::span<const std::uint8_t, 16>(bytes.data(), bytes.size()),
                                 static_cast<std::uint32_t>(v6.scope_id()));
}

/// As an endpoint of `asio::ip::tcp` or `asio::ip::udp`.
template <class Protocol>
::asio::ip::basic_endpoint<Protocol> to_asio(const Endpoint& endpoint) noexcept {
  return {to_asio(endpoint.address), endpoint.port};
}
template <class Protocol>
Endpoint to_nal(const ::asio::ip::basic_endpoint<Protocol>& endpoint) noexcept {
  return {to_nal(endpoint.address()), endpoint.port()};
}
inline const Endpoint& to_nal(const Endpoint& endpoint) noexcept { return endpoint; }

}  // namespace nal::with_asio

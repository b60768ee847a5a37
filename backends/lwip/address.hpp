#pragma once
#include "backends/lwip/lwip.hpp"
#include "nal/endpoint.hpp"
#include "nal/interface_id.hpp"

namespace nal::lwip {

/// lwIP's form of an address; false if this lwIP is built without its family.
bool to_lwip(const IpAddress& address, ip_addr_t& out) noexcept;
/// nal's form; the zone of an IPv6 address is lwIP's number of the interface.
IpAddress from_lwip(const ip_addr_t& address) noexcept;
inline Endpoint from_lwip(const ip_addr_t& address, u16_t port) noexcept { return {from_lwip(address), port}; }

/// What lwIP calls the type of addresses of this family.
inline u8_t type_of(const IpAddress& address) noexcept {
  return address.is_v4() ? static_cast<u8_t>(IPADDR_TYPE_V4) : static_cast<u8_t>(IPADDR_TYPE_V6);
}

/// The interface that has this address, or null.
netif* interface_with(const ip_addr_t& address) noexcept;
/// The interface with this number; with `InterfaceId::any()`, the default one or else the first that is no loopback.
netif* interface_by(InterfaceId id) noexcept;
/// Whether an IPv4 datagram there reaches every host of a network.
bool is_broadcast(const IpAddress& address) noexcept;
/// An address of the interface, of the family; null if it has none.
const ip_addr_t* address_of(netif& interface, Family family, ip_addr_t& scratch) noexcept;

}  // namespace nal::lwip

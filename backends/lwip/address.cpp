#include "backends/lwip/address.hpp"

#include <cstring>

namespace nal::lwip {

bool to_lwip(const IpAddress& address, ip_addr_t& out) noexcept {
  if (address.is_v4()) {
#if LWIP_IPV4
    ip4_addr_t v4;
    std::memcpy(&v4.addr, address.bytes().data(), sizeof v4.addr);
    ip_addr_copy_from_ip4(out, v4);
    return true;
#else
    return false;
#endif
  }
#if LWIP_IPV6
  ip6_addr_t v6;
  std::memcpy(v6.addr, address.bytes().data(), sizeof v6.addr);
  ip6_addr_clear_zone(&v6);
#if LWIP_IPV6_SCOPES
  if (ip6_addr_has_scope(&v6, IP6_UNKNOWN)) { ip6_addr_set_zone(&v6, static_cast<u8_t>(address.zone())); }
#endif
  ip_addr_copy_from_ip6(out, v6);
  return true;
#else
  return false;
#endif
}

IpAddress from_lwip(const ip_addr_t& address) noexcept {
#if LWIP_IPV4
  if (!IP_IS_V6_VAL(address)) {
    std::array<std::uint8_t, 4> bytes;
    std::memcpy(bytes.data(), &ip_2_ip4(&address)->addr, bytes.size());
    return Ipv4Address::from_bytes(bytes);
  }
#endif
#if LWIP_IPV6
  const ip6_addr_t& v6 = *ip_2_ip6(&address);
  Ipv6Address::Bytes bytes;
  std::memcpy(bytes.data(), v6.addr, bytes.size());
#if LWIP_IPV6_SCOPES
  return Ipv6Address::from_bytes(bytes, ip6_addr_zone(&v6));
#else
  return Ipv6Address::from_bytes(bytes);
#endif
#else
  return {};
#endif
}

netif* interface_with(const ip_addr_t& address) noexcept {
  netif* interface;
  NETIF_FOREACH(interface) {
#if LWIP_IPV4
    if (!IP_IS_V6_VAL(address) && netif_ip4_addr(interface)->addr == ip_2_ip4(&address)->addr) { return interface; }
#endif
#if LWIP_IPV6
    if (!IP_IS_V6_VAL(address)) { continue; }
    const ip6_addr_t& wanted = *ip_2_ip6(&address);
    for (s8_t i = 0; i < LWIP_IPV6_NUM_ADDRESSES; ++i) {
      if (ip6_addr_isinvalid(netif_ip6_addr_state(interface, i))) { continue; }
      if (std::memcmp(netif_ip6_addr(interface, i)->addr, wanted.addr, sizeof wanted.addr) != 0) { continue; }
#if LWIP_IPV6_SCOPES
      if (ip6_addr_has_zone(&wanted) && ip6_addr_zone(&wanted) != netif_get_index(interface)) { continue; }
#endif
      return interface;
    }
#endif
  }
  return nullptr;
}

netif* interface_by(InterfaceId id) noexcept {
  if (!id.is_any()) { return id.index() <= 255 ? netif_get_by_index(static_cast<u8_t>(id.index())) : nullptr; }
  if (netif_default) { return netif_default; }
  netif* interface;
  NETIF_FOREACH(interface) {
    if ((interface->flags & NETIF_FLAG_ETHERNET) != 0) { return interface; }
  }
  return nullptr;
}

bool is_broadcast(const IpAddress& address) noexcept {
#if LWIP_IPV4
  if (!address.is_v4()) { return false; }
  if (address.is_broadcast()) { return true; }
  ip_addr_t wanted;
  if (!to_lwip(address, wanted)) { return false; }
  netif* interface;
  NETIF_FOREACH(interface) {
    if (ip4_addr_isbroadcast(ip_2_ip4(&wanted), interface)) { return true; }
  }
#else
  static_cast<void>(address);
#endif
  return false;
}

const ip_addr_t* address_of(netif& interface, Family family, ip_addr_t& scratch) noexcept {
#if LWIP_IPV4
  if (family == Family::v4 && netif_ip4_addr(&interface)->addr != 0) {
    ip_addr_copy_from_ip4(scratch, *netif_ip4_addr(&interface));
    return &scratch;
  }
#endif
#if LWIP_IPV6
  if (family == Family::v6) {
    // The first that is no link-local one, or else that.
    for (s8_t i = 1; i <= LWIP_IPV6_NUM_ADDRESSES; ++i) {
      const s8_t at = static_cast<s8_t>(i % LWIP_IPV6_NUM_ADDRESSES);
      if (!ip6_addr_isvalid(netif_ip6_addr_state(&interface, at))) { continue; }
      ip_addr_copy_from_ip6(scratch, *netif_ip6_addr(&interface, at));
      return &scratch;
    }
  }
#endif
  return nullptr;
}

}  // namespace nal::lwip

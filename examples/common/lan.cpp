#include "examples/common/lan.hpp"

#include <algorithm>

#ifdef NAL_EXAMPLES_EMBEDDED
#include "backends/embedded/stack.hpp"
#endif
#ifdef NAL_EXAMPLES_POSIX
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <bit>
#include <cstring>
#endif

namespace examples {
namespace {

#ifdef NAL_EXAMPLES_POSIX
nal::Cidr cidr_of(const sockaddr* address, const sockaddr* mask) {
  unsigned prefix = 0;
  if (address->sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, address, sizeof v4);
    std::uint8_t bytes[4];
    std::memcpy(bytes, &v4.sin_addr, sizeof bytes);
    if (mask) {
      std::memcpy(&v4, mask, sizeof v4);
      prefix = static_cast<unsigned>(std::popcount(v4.sin_addr.s_addr));
    }
    return {nal::Ipv4Address(bytes[0], bytes[1], bytes[2], bytes[3]), prefix};
  }
  sockaddr_in6 v6;
  std::memcpy(&v6, address, sizeof v6);
  nal::Ipv6Address::Bytes bytes;
  std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
  if (mask) {
    std::memcpy(&v6, mask, sizeof v6);
    for (const std::uint8_t byte : v6.sin6_addr.s6_addr) { prefix += static_cast<unsigned>(std::popcount(byte)); }
  }
  return {nal::Ipv6Address::from_bytes(bytes), prefix};
}

std::vector<LanInterface> system_interfaces() {
  std::vector<LanInterface> found;
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) { return found; }
  for (const ifaddrs* one = all; one; one = one->ifa_next) {
    const int family = one->ifa_addr ? one->ifa_addr->sa_family : AF_UNSPEC;
    if ((one->ifa_flags & IFF_UP) == 0 || (family != AF_INET && family != AF_INET6)) { continue; }
    auto place =
        std::find_if(found.begin(), found.end(), [one](const auto& known) { return known.name == one->ifa_name; });
    if (place == found.end()) {
      found.push_back({nal::InterfaceId(::if_nametoindex(one->ifa_name)), one->ifa_name, {}});
      place = found.end() - 1;
    }
    place->addresses.push_back(cidr_of(one->ifa_addr, one->ifa_netmask));
  }
  ::freeifaddrs(all);
  return found;
}
#endif

std::vector<LanInterface> all_interfaces(const Machine& machine) {
#ifdef NAL_EXAMPLES_EMBEDDED
  if (machine.embedded) {
    std::vector<LanInterface> found;
    for (const nal::embedded::Interface& interface : machine.embedded->ip().interfaces()) {
      if (!interface.driver) { continue; }
      LanInterface one{nal::InterfaceId(interface.index), std::to_string(interface.index), {}};
      for (const auto& address : interface.addresses) {
        if (address.in_use()) { one.addresses.emplace_back(address.address.to_ip(), address.prefix_length); }
      }
      found.push_back(one);
    }
    return found;
  }
#endif
  if (!machine.interface.is_any()) {
    return {{machine.interface, std::to_string(machine.interface.index()), machine.addresses}};
  }
#ifdef NAL_EXAMPLES_POSIX
  return system_interfaces();
#else
  return {};
#endif
}

bool is_loopback(const LanInterface& interface) {
  return std::all_of(interface.addresses.begin(), interface.addresses.end(),
                     [](const nal::Cidr& address) { return address.address().is_loopback(); });
}

}  // namespace

std::vector<LanInterface> lan_interfaces(const Machine& machine, const std::vector<std::string>& names,
                                         std::string& unknown) {
  std::vector<LanInterface> all = all_interfaces(machine);
  std::vector<LanInterface> chosen;
  for (const std::string& name : names) {
    const auto found = std::find_if(all.begin(), all.end(), [&name](const LanInterface& one) {
      return one.name == name || std::to_string(one.id.index()) == name;
    });
    if (found == all.end()) {
      unknown = name;
    } else {
      chosen.push_back(*found);
    }
  }
  if (names.empty()) {
    std::copy_if(all.begin(), all.end(), std::back_inserter(chosen),
                 [](const LanInterface& one) { return !is_loopback(one); });
  }
  return chosen;
}

std::string interface_name(const std::vector<LanInterface>& interfaces, nal::InterfaceId id) {
  for (const LanInterface& one : interfaces) {
    if (one.id == id) { return one.name; }
  }
  return std::to_string(id.index());
}

}  // namespace examples

#include <algorithm>
#include <limits>

#include "backends/embedded/ip/ip_layer.hpp"

namespace nal::embedded {

namespace {

constexpr Duration kPathMtuLifetime = Duration::minutes(10);  // RFC 1191 §6.3, RFC 8201 §4
constexpr unsigned kWhole = 255;  ///< longer than any prefix: the destination was named by its interface

unsigned common_prefix(const Address& a, const Address& b) noexcept {
  return a.is_v4() ? a.v4().common_prefix_length(b.v4()) : a.v6().common_prefix_length(b.v6());
}

/// RFC 6724 §3.1; of an IPv6 address.
std::uint8_t scope(const Address& address) noexcept { return static_cast<std::uint8_t>(address.v6().scope()); }

/// RFC 6724 §2.1, the labels that matter to a host: unique local addresses are for one another.
bool same_label(const Address& a, const Address& b) noexcept {
  return a.v6().is_unique_local() == b.v6().is_unique_local();
}

}  // namespace

bool IpLayer::is_local(const Address& address, InterfaceIndex index) const noexcept {
  if (address.is_loopback()) { return index == 0 || index == kLoopback; }
  for (const Interface& entry : storage_.interfaces) {
    if (entry.driver && (index == 0 || entry.index == index) && entry.has(address)) { return true; }
  }
  return false;
}

bool IpLayer::is_broadcast(InterfaceIndex index, const Address& address) const noexcept {
  if (!features::kIpv4 || !address.is_v4()) { return false; }
  const Ipv4Address v4 = address.v4();
  if ((v4.to_uint32() & 3) != 3) { return false; }
  if (v4.is_broadcast()) { return true; }
  for (const Interface& entry : storage_.interfaces) {
    if (entry.driver && (index == entry.index || index == kLoopback) && entry.is_to_all(v4)) { return true; }
  }
  return false;
}

Result<Address> IpLayer::source_for(const Interface& out, const Address& destination, const Address& wanted) noexcept {
  if (!wanted.is_unspecified()) {
    // RFC 1122 §3.2.1.3 (g), RFC 4007 §9: neither a loopback address nor that of another link leaves by this one.
    const bool of_link = wanted.is_v6() && wanted.is_link_local();
    if (wanted.is_loopback() || !is_local(wanted, of_link ? out.index : InterfaceIndex{0})) {
      return Unexpected(Error::address_not_available);
    }
    return wanted;
  }
  // RFC 6724 §5, for IPv4 as far as it has a meaning there; one rule a line, the first that tells them apart decides.
  const InterfaceAddress* best = nullptr;
  const auto better = [&](const InterfaceAddress& a, const InterfaceAddress& b) {
    const bool a_deprecated = a.state == InterfaceAddress::State::deprecated;
    const bool b_deprecated = b.state == InterfaceAddress::State::deprecated;
    if (destination.is_v6()) {
      const std::uint8_t wanted_scope = scope(destination);
      const std::uint8_t a_scope = scope(a.address);
      const std::uint8_t b_scope = scope(b.address);
      if (a_scope != b_scope) { return a_scope < b_scope ? a_scope >= wanted_scope : b_scope < wanted_scope; }
      if (a_deprecated != b_deprecated) { return b_deprecated; }
      const bool a_label = same_label(a.address, destination);
      if (a_label != same_label(b.address, destination)) { return a_label; }
      if constexpr (features::kTemporaryAddresses) {
        const bool a_temporary = a.origin == InterfaceAddress::Origin::temporary;
        if (a_temporary != (b.origin == InterfaceAddress::Origin::temporary)) { return a_temporary; }
      }
    } else if (a_deprecated != b_deprecated) {
      return b_deprecated;
    }
    return common_prefix(a.address, destination) > common_prefix(b.address, destination);
  };
  for (const InterfaceAddress& entry : out.addresses) {
    if (!entry.in_use() || entry.address.is_v4() != destination.is_v4()) { continue; }
    if (!best || better(entry, *best)) { best = &entry; }
  }
  if (!best) { return Unexpected(Error::address_not_available); }
  return best->address;
}

Result<Route> IpLayer::route(const Address& destination, const Address& source, InterfaceIndex index) noexcept {
  if (destination.is_unspecified()) { return Unexpected(Error::invalid_argument); }
  if (destination.is_multicast() || (destination.is_v4() && destination.v4().is_broadcast())) {
    return route_to_group(destination, source, index);
  }
  const bool link_local = destination.is_v6() && destination.is_link_local();
  if (features::kLoopback && is_local(destination, link_local ? index : 0)) {
    Route route;
    route.source = source.is_unspecified() ? destination : source;
    if (!is_local(route.source, 0)) { return Unexpected(Error::address_not_available); }
    route.next_hop = destination;
    route.interface = kLoopback;
    route.device_sums = true;
    route.mtu =
        static_cast<std::uint16_t>(std::min<std::size_t>(pool_.capacity() - headroom_ + wire::kIpv4HeaderSize, 0xffff));
    return route;
  }
  if (destination.is_loopback()) { return Unexpected(Error::network_unreachable); }

  Route route;
  int length = -1;
  for (const Interface& entry : storage_.interfaces) {
    if (!entry.driver || !entry.up || (index != 0 && entry.index != index)) { continue; }
    // A link-local address says nothing of the link: it must be told, or there is but one.
    if (link_local) {
      if (length >= 0) { return Unexpected(Error::network_unreachable); }
      length = kWhole;
      route.interface = entry.index;
      route.next_hop = destination;
      continue;
    }
    for (const InterfaceAddress& own : entry.addresses) {
      // What is on the link of a SLAAC address its router says (RFC 5942 §4).
      if (!own.in_use() || own.origin == InterfaceAddress::Origin::slaac || own.is_temporary() ||
          !own.contains(destination)) {
        continue;
      }
      if (own.prefix_length > length) {
        length = own.prefix_length;
        route.interface = entry.index;
        route.next_hop = destination;
      }
    }
  }
  for (const StaticRoute& entry : storage_.routes) {
    if (entry.interface == 0 || (index != 0 && entry.interface != index) || entry.length <= length) { continue; }
    if (!storage_.interfaces[entry.interface - 1u].up || !destination.has_prefix(entry.prefix, entry.length)) {
      continue;
    }
    length = entry.length;
    route.interface = entry.interface;
    route.next_hop = entry.gateway.is_unspecified() ? destination : entry.gateway;
  }
  // What a router says stands behind what was configured, but before a default route that was.
  if (features::kSlaac && destination.is_v6() && length <= 0) {
    if (const auto learned = slaac_.next_hop(destination, index)) {
      length = kWhole;
      route.interface = learned->interface;
      route.next_hop = learned->address;
    }
  }
  if (length < 0) { return Unexpected(Error::network_unreachable); }
  const Interface& out = storage_.interfaces[route.interface - 1u];
  NAL_TRY_SET(route.source, source_for(out, destination, source));
  route.broadcast = is_broadcast(route.interface, destination);
  route.mtu = path_mtu(destination, out.mtu);
  route.device_sums = out.transmit_checksum;
  return route;
}

Result<Route> IpLayer::route_to_group(const Address& destination, const Address& source,
                                      InterfaceIndex index) noexcept {
  const Interface* out = nullptr;
  if (index != 0) {
    out = interface(index);
  } else {
    // The interface of the source, of a route to groups or of the default route; else the first that has an address.
    for (const Interface& entry : storage_.interfaces) {
      if (!entry.driver || !entry.up) { continue; }
      if (!source.is_unspecified() && entry.has(source)) { out = &entry; }
    }
    if constexpr (features::kMulticast) {
      int length = -1;
      for (const StaticRoute& entry : storage_.routes) {
        if (out || entry.interface == 0 || entry.length <= length) { continue; }
        if (!destination.has_prefix(entry.prefix, entry.length)) { continue; }
        length = entry.length;
        out = interface(entry.interface);
      }
    }
    for (const Interface& entry : storage_.interfaces) {
      if (out || !entry.driver || !entry.up) { continue; }
      if (source_for(entry, destination, Address())) { out = &entry; }
    }
  }
  if (!out) { return Unexpected(Error::network_unreachable); }
  if (!out->up) { return Unexpected(Error::network_down); }
  Route route;
  NAL_TRY_SET(route.source, source_for(*out, destination, source));
  route.next_hop = destination;
  route.interface = out->index;
  route.mtu = out->mtu;
  route.device_sums = out->transmit_checksum;
  route.broadcast = destination.is_v4() && destination.v4().is_broadcast();
  return route;
}

std::uint16_t IpLayer::path_mtu(const Address& destination, std::uint16_t mtu) const noexcept {
  if constexpr (features::kIcmpErrors) {
    for (const PathMtu& entry : storage_.path_mtus) {
      if (entry.mtu != 0 && entry.destination == destination) { return std::min(mtu, entry.mtu); }
    }
  }
  return mtu;
}

void IpLayer::set_path_mtu(const Address& destination, std::uint16_t mtu) noexcept {
  PathMtu* choice = nullptr;
  for (PathMtu& entry : storage_.path_mtus) {
    if (entry.mtu != 0 && entry.destination == destination) {
      choice = &entry;
      break;
    }
    // A free one, else the oldest: a path forgotten is found again.
    if (!choice || entry.mtu == 0 || (choice->mtu != 0 && entry.until < choice->until)) { choice = &entry; }
  }
  if (!choice) { return; }
  choice->destination = destination;
  choice->mtu = mtu;
  choice->until = now_ + kPathMtuLifetime;
  path_mtu_at_ = std::min(path_mtu_at_, choice->until);
  ++version_;
}

void IpLayer::age_path_mtus(Instant now) noexcept {
  path_mtu_at_ = Instant::max();
  for (PathMtu& entry : storage_.path_mtus) {
    if (entry.mtu == 0) { continue; }
    if (entry.until <= now) {
      entry.mtu = 0;
      ++version_;
    } else {
      path_mtu_at_ = std::min(path_mtu_at_, entry.until);
    }
  }
}

Result<> IpLayer::add_address(InterfaceIndex index, const Address& address, unsigned prefix_length, Instant now,
                              InterfaceAddress::Origin origin) noexcept {
  Interface* const in = interface(index);
  const bool for_a_host = !address.is_unspecified() && !address.is_multicast() && !address.is_loopback() &&
                          !(address.is_v4() && address.v4().is_broadcast());
  if (!in || !for_a_host || prefix_length > (address.is_v4() ? 32U : 128U) || in->find(address)) {
    return Unexpected(Error::invalid_argument);
  }
  InterfaceAddress* const entry = Dad::free_entry(*in);
  if (!entry) { return Unexpected(Error::table_full); }
  entry->address = address;
  entry->prefix_length = static_cast<std::uint8_t>(prefix_length);
  entry->origin = origin;
  now_ = now;
  dad_.start(*in, *entry, now);
  changed();
  return {};
}

Result<> IpLayer::remove_address(InterfaceIndex index, const Address& address) noexcept {
  Interface* const in = interface(index);
  InterfaceAddress* const entry = in ? in->find(address) : nullptr;
  if (!entry) { return Unexpected(Error::address_not_available); }
  from_outside();
  dad_.remove(*in, *entry, now_);
  changed();
  return {};
}

Result<> IpLayer::add_route(const Address& prefix, unsigned length, const Address& gateway,
                            InterfaceIndex index) noexcept {
  if (!interface(index) || length > (prefix.is_v4() ? 32U : 128U)) { return Unexpected(Error::invalid_argument); }
  StaticRoute* choice = nullptr;
  for (StaticRoute& entry : storage_.routes) {
    if (entry.interface == index && entry.prefix == prefix && entry.length == length) {
      choice = &entry;
      break;
    }
    if (!choice && entry.interface == 0) { choice = &entry; }
  }
  if (!choice) { return Unexpected(Error::table_full); }
  *choice = {prefix, gateway, static_cast<std::uint8_t>(length), index};
  changed();
  return {};
}

Result<> IpLayer::remove_route(const Address& prefix, unsigned length, InterfaceIndex index) noexcept {
  for (StaticRoute& entry : storage_.routes) {
    if (entry.interface == index && entry.prefix == prefix && entry.length == length) {
      entry.interface = 0;
      changed();
      return {};
    }
  }
  return Unexpected(Error::address_not_available);
}

Result<> IpLayer::start_link_local(InterfaceIndex index, Family family, Instant now) noexcept {
  Interface* const in = interface(index);
  if (!in) { return Unexpected(Error::invalid_argument); }
  now_ = now;
  from_outside();
  return dad_.start_link_local(*in, family, now);
}

Result<> IpLayer::start_slaac(InterfaceIndex index, Instant now, bool temporary) noexcept {
  Interface* const in = interface(index);
  if (!in) { return Unexpected(Error::invalid_argument); }
  now_ = now;
  from_outside();
  return slaac_.start(*in, now, temporary);
}

Result<> IpLayer::stop_slaac(InterfaceIndex index, Instant now) noexcept {
  Interface* const in = interface(index);
  if (!in) { return Unexpected(Error::invalid_argument); }
  now_ = now;
  slaac_.stop(*in, now);
  changed();
  return {};
}

Result<InterfaceIndex> IpLayer::join(const Address& group, const Address& source, InterfaceIndex index) noexcept {
  if constexpr (!features::kMulticast) { return Unexpected(Error::not_supported); }
  from_outside();
  if (index == 0) {
    NAL_TRY_SET(const Route way, route_to_group(group, Address(), 0));
    index = way.interface;
  }
  Interface* const in = interface(index);
  if (!in) { return Unexpected(Error::network_unreachable); }
  NAL_TRY(groups_.join(*in, group, source, now_));
  return index;
}

void IpLayer::leave(const Address& group, const Address& source, InterfaceIndex index) noexcept {
  if constexpr (!features::kMulticast) { return; }
  from_outside();
  if (Interface* const in = interface(index)) { (void)groups_.leave(*in, group, source, now_); }
}

void IpLayer::confirm_reachable(const Route& route) noexcept {
  if (const Interface* const out = interface(route.interface)) {
    neighbors_.confirm(*out, route.next_hop, route.neighbor, now_);
  }
}

}  // namespace nal::embedded

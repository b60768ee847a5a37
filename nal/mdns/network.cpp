#include "nal/mdns/network.hpp"

namespace nal::mdns {

LinkSet Network::links_of(InterfaceId interface) const noexcept {
  LinkSet set = 0;
  for (std::size_t i = 0; i < links_; ++i) {
    if (same_interface(link_memory_[i].interface, interface)) { set = static_cast<LinkSet>(set | link_bit(i)); }
  }
  return set;
}

Result<> Network::add_link(const Link& link) noexcept {
  for (const Link& known : links()) {
    if (known.interface == link.interface && known.family == link.family) { return Unexpected(Error::address_in_use); }
  }
  if (links_ == link_memory_.size()) { return Unexpected(Error::table_full); }
  link_memory_[links_++] = link;
  return {};
}

std::optional<std::uint8_t> Network::find_link(InterfaceId interface, Family family) const noexcept {
  for (std::size_t i = 0; i < links_; ++i) {
    if (link_memory_[i].family == family && same_interface(link_memory_[i].interface, interface)) {
      return static_cast<std::uint8_t>(i);
    }
  }
  return std::nullopt;
}

Result<> Network::set_addresses(InterfaceId interface, std::span<const Cidr> addresses) noexcept {
  std::size_t others = 0;
  for (const LocalAddress& known : this->addresses()) { others += known.interface != interface ? 1 : 0; }
  if (others + addresses.size() > address_memory_.size()) { return Unexpected(Error::table_full); }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < addresses_; ++i) {
    if (address_memory_[i].interface != interface) { address_memory_[kept++] = address_memory_[i]; }
  }
  for (const Cidr& address : addresses) { address_memory_[kept++] = {interface, address}; }
  addresses_ = kept;
  return {};
}

namespace {

bool same_bytes(const IpAddress& a, const IpAddress& b) noexcept {
  if (a.family() != b.family()) { return false; }
  const auto left = a.bytes();
  const auto right = b.bytes();
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (left[i] != right[i]) { return false; }
  }
  return true;
}

/// Without its zone, which a prefix need not have.
IpAddress bare(const IpAddress& address) noexcept {
  return address.is_v4() ? address : IpAddress(Ipv6Address::from_bytes(address.v6().bytes()));
}

}  // namespace

bool Network::is_own(const IpAddress& address) const noexcept {
  for (const LocalAddress& known : addresses()) {
    if (same_bytes(known.cidr.address(), address)) { return true; }
  }
  return false;
}

bool Network::on_link(std::uint8_t link, const IpAddress& remote, std::uint8_t hop_limit) const noexcept {
  if (hop_limit == 255 || remote.is_link_local() || remote.is_loopback()) { return true; }
  const IpAddress host = bare(remote);
  for (const LocalAddress& known : addresses()) {
    if (!same_interface(known.interface, link_memory_[link].interface)) { continue; }
    const Cidr prefix(bare(known.cidr.address()), known.cidr.prefix_length());
    if (prefix.family() == host.family() && prefix.contains(host)) { return true; }
  }
  return false;
}

}  // namespace nal::mdns

#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "nal/cidr.hpp"
#include "nal/endpoint.hpp"
#include "nal/interface_id.hpp"
#include "nal/resolver/message.hpp"
#include "nal/time.hpp"

namespace nal::mdns {

/// Everybody speaks and listens here (RFC 6762 §3).
inline constexpr std::uint16_t kPort = 5353;
inline constexpr IpAddress kGroupV4 = Ipv4Address(224, 0, 0, 251);
constexpr IpAddress group_v6(std::uint32_t zone = 0) noexcept {
  constexpr std::uint8_t kBytes[16] = {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfb};
  return Ipv6Address::from_bytes(kBytes, zone);
}

/// The top bit of a question's class: an answer by unicast is welcome (RFC 6762 §5.4); of a record's: there are no
/// others than those of this message (§10.2).
inline constexpr std::uint16_t kTopBit = 0x8000;

/// One family on one interface: what is said on one is not heard on another.
struct Link {
  InterfaceId interface {};  ///< any: the stack's choice
  Family family = Family::v4;
};
/// A set of links, by their numbers.
using LinkSet = std::uint8_t;
inline constexpr std::size_t kMaxLinks = 8;
constexpr LinkSet link_bit(std::size_t link) noexcept { return static_cast<LinkSet>(1U << link); }

/// An address of this host on one of its interfaces, with the prefix that is on the link there.
struct LocalAddress {
  InterfaceId interface {};
  Cidr cidr{};
};

/// A message as it arrived.
struct Incoming {
  std::span<const std::byte> bytes{};
  std::uint8_t link = 0;
  InterfaceId interface {};  ///< of the link's, where the stack tells it
  Endpoint remote{};
  bool to_group = true;  ///< by multicast, not to an address of this host
};

/// What this host knows of its network: links, and addresses on them, both in the caller's memory.
class Network {
 public:
  /// At most `kMaxLinks` links (asserted).
  Network(std::span<Link> links, std::span<LocalAddress> addresses) noexcept
      : link_memory_(links), address_memory_(addresses) {
    NAL_ASSERT(links.size() <= kMaxLinks);
  }

  std::span<const Link> links() const noexcept { return link_memory_.first(links_); }
  std::span<const LocalAddress> addresses() const noexcept { return address_memory_.first(addresses_); }
  LinkSet all_links() const noexcept { return static_cast<LinkSet>((1U << links_) - 1); }
  /// Those of one interface.
  LinkSet links_of(InterfaceId interface) const noexcept;
  /// *Errors*: table_full, address_in_use (it is there already).
  Result<> add_link(const Link& link) noexcept;
  /// The link on which a datagram of that family arrived.
  std::optional<std::uint8_t> find_link(InterfaceId interface, Family family) const noexcept;

  /// The addresses of one interface, in place of those before. *Errors*: table_full; they are as before then.
  Result<> set_addresses(InterfaceId interface, std::span<const Cidr> addresses) noexcept;
  /// Whether `address` is this host's.
  bool is_own(const IpAddress& address) const noexcept;
  /// Whether `remote` is a neighbour on that link, so that a message of its to one of our addresses may be believed
  /// (RFC 6762 §11): by a prefix of the interface's; by being link-local; or since no router has passed the datagram
  /// on, which its hop limit tells.
  bool on_link(std::uint8_t link, const IpAddress& remote, std::uint8_t hop_limit) const noexcept;

  static bool same_interface(InterfaceId a, InterfaceId b) noexcept { return a == b || a.is_any() || b.is_any(); }

 private:
  std::span<Link> link_memory_;
  std::span<LocalAddress> address_memory_;
  std::size_t links_ = 0;
  std::size_t addresses_ = 0;
};

}  // namespace nal::mdns

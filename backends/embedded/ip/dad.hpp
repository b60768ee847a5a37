#pragma once
#include "backends/embedded/ip/groups.hpp"
#include "backends/embedded/ip/link.hpp"

namespace nal::embedded {

/// Keeps the addresses of all interfaces: Duplicate Address Detection for IPv6 (RFC 4862 §5.4, with the nonce of
/// RFC 7527, so that a link that loops packets back does no harm) and IPv4 (RFC 5227, and RFC 3927 for link-local
/// ones), their defence, their lifetimes, and another try for an address made by the stack that somebody else has.
///
/// Whoever gives an interface an address fills in an `InterfaceAddress` (address, prefix, origin, lifetimes) and calls
/// `start`; what becomes of it is told by its state, and by `Link::changed` each time that this changes. Link-local and
/// SLAAC addresses that turn out to be taken are made anew up to three times; any other stays `duplicate` until its
/// owner does something about it (DHCP declines it).
class Dad {
 public:
  struct Detection {
    std::uint8_t ipv6_transmits = 1;  ///< DupAddrDetectTransmits (RFC 4862 §5.1); 0: addresses are used at once
    std::uint8_t ipv4_probes = 3;     ///< PROBE_NUM (RFC 5227 §1.1); 0: used at once, announced all the same
    /// What stable addresses are made from (RFC 7217 §5): secret, and the same after each restart for the addresses to
    /// be the same.
    std::array<std::uint32_t, 8> secret{};
  };
  struct NoDetection {
    static constexpr std::uint8_t ipv6_transmits = 0;
    static constexpr std::uint8_t ipv4_probes = 0;
    static constexpr std::array<std::uint32_t, 8> secret{};
  };
  using Config = std::conditional_t<kAddressesChange, Detection, NoDetection>;

  /// `interfaces[i]` has the index i + 1.
  Dad(Link& link, Groups& groups, std::span<Interface> interfaces, const Config& config) noexcept;

  /// A free entry of the interface with nothing in it yet, or null.
  static InterfaceAddress* free_entry(Interface& interface) noexcept;
  /// Begins with an address that has just been filled in: tentative, or in use at once where the link needs no
  /// detection (a tunnel, or as configured). While the link is down it waits for `link_up`.
  void start(Interface& interface, InterfaceAddress& entry, Instant now) noexcept;
  /// Takes an address away; the entry is free afterwards.
  void remove(Interface& interface, InterfaceAddress& entry, Instant now) noexcept;
  /// Gives an address other lifetimes, longer or shorter.
  void renew(InterfaceAddress& entry, Instant preferred_until, Instant valid_until, Instant now) noexcept;
  /// The link has come up: all addresses are looked at anew (RFC 4862 §5.4, RFC 5227 §2.1).
  void link_up(Interface& interface, Instant now) noexcept;

  /// Makes and starts the link-local address of an interface: fe80::/64 by RFC 7217, or 169.254/16 by RFC 3927.
  /// *Errors*: table_full; not_supported: not compiled in (`features::kIpv4LinkLocal`).
  Result<> start_link_local(Interface& interface, Family family, Instant now) noexcept;
  /// The stable address of this host in a prefix of 64 bits (RFC 7217 §5).
  Address stable_address(const Interface& interface, const Address& prefix, std::uint8_t dad_counter) const noexcept;

  /// An address of a prefix of 64 bits that nobody can tell beforehand (RFC 8981 §3.3.1).
  Address random_address(const Address& prefix) noexcept;

  /// ARP as received and parsed, from another station.
  void input_arp(Interface& interface, const MacAddress& sender_mac, Ipv4Address sender, Ipv4Address target,
                 Instant now) noexcept;
  /// Somebody else looks for (a solicitation from ::) or has (an advertisement) an address that is this host's.
  /// `nonce` is that of the solicitation, or empty.
  void input_nd(Interface& interface, InterfaceAddress& entry, std::span<const std::byte> nonce, Instant now) noexcept;

  void poll(Instant now) noexcept;
  /// After the last `poll`, never before its `now`.
  Instant poll_at() const noexcept { return kAddressesChange ? next_ : Instant::max(); }

 private:
  using Nonce = std::array<std::byte, 6>;

  void begin(Interface& interface, InterfaceAddress& entry, Instant now) noexcept;
  void advance(Interface& interface, InterfaceAddress& entry, Instant now) noexcept;
  bool probe(Interface& interface, const InterfaceAddress& entry, Instant now) noexcept;
  bool announce(Interface& interface, const InterfaceAddress& entry, Instant now) noexcept;
  void defend(Interface& interface, InterfaceAddress& entry, Instant now) noexcept;
  void accept(Interface& interface, InterfaceAddress& entry, Instant now) noexcept;
  void duplicate(Interface& interface, InterfaceAddress& entry, Instant now) noexcept;
  void expire(Interface& interface, InterfaceAddress& entry, Instant now) noexcept;
  Address random_link_local(const Interface& interface, std::uint8_t dad_counter) const noexcept;
  Nonce nonce(const Interface& interface, const Address& address) const noexcept;
  Duration random(Duration below) noexcept;
  void due(Instant at) noexcept { next_ = at < next_ ? at : next_; }

  Link& link_;
  Groups& groups_;
  std::span<Interface> interfaces_;
  [[no_unique_address]] Config config_;
  HashKey nonce_key_;
  Instant next_ = Instant::max();
};

}  // namespace nal::embedded

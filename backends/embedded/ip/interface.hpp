#pragma once
#include <span>

#include "backends/embedded/absent.hpp"
#include "backends/embedded/ip/network.hpp"
#include "nal/driver/driver.hpp"

namespace nal::embedded {

/// What a temporary address has besides.
struct TemporaryTime {
  Instant preferred_limit;  ///< whatever routers say: TEMP_PREFERRED_LIFETIME from its making, less DESYNC_FACTOR
};
struct NoTemporaryTime {
  static constexpr Absent<Instant> preferred_limit{};
};

/// Whether anything is to be done about an address but to use it.
inline constexpr bool kAddressesChange = features::kIpv6 || features::kIpv4Conflicts;

struct AddressTimes {
  Instant next_probe = Instant::max();
  Instant preferred_until = Instant::max();
  Instant valid_until = Instant::max();
};
struct NoAddressTimes {
  static constexpr AbsentInstant next_probe{}, preferred_until{}, valid_until{};
};

/// An address of an interface.
struct InterfaceAddress : std::conditional_t<features::kTemporaryAddresses, TemporaryTime, NoTemporaryTime>,
                          std::conditional_t<kAddressesChange, AddressTimes, NoAddressTimes> {
  enum class State : std::uint8_t {
    none,       ///< the entry is free
    tentative,  ///< Duplicate Address Detection runs: neither answered for nor sent from (RFC 4862 §5.4, RFC 5227)
    preferred,
    deprecated,  ///< used where nothing else does (RFC 4862 §5.5.4)
    duplicate,   ///< somebody else has it: of no use, kept so that it can be told
  };
  enum class Origin : std::uint8_t {
    manual,
    link_local,  ///< made by the stack (RFC 4862 §5.3, RFC 3927)
    slaac,
    dhcp,
    temporary,  ///< of a prefix that `slaac` has an address of too (RFC 8981)
  };

  Address address;
  std::uint8_t prefix_length = 0;
  State state = State::none;
  Origin origin = Origin::manual;
  /// Probes that are still to be sent while tentative, announcements afterwards.
  std::uint8_t probes_left = 0;
  /// Which try this is, since a duplicate stable address is made anew (RFC 7217 §6).
  std::uint8_t dad_counter = 0;

  bool is_temporary() const noexcept { return features::kTemporaryAddresses && origin == Origin::temporary; }
  bool in_use() const noexcept { return state == State::preferred || state == State::deprecated; }
  bool contains(const Address& other) const noexcept { return other.has_prefix(address, prefix_length); }
};

/// One network interface of a stack: a driver and what is configured on it. Data; the modules of the IP layer work on
/// it.
struct Interface {
  driver::Driver* driver = nullptr;  ///< null: the entry is free
  MacAddress hardware_address;
  bool transmit_checksum = false;  ///< of the device; see `driver::Capabilities`
  std::uint16_t max_segmentation_size = 0;
  driver::Medium medium = driver::Medium::ethernet;
  InterfaceIndex index = 0;
  bool up = false;              ///< the link, as last seen
  std::uint16_t mtu = 0;        ///< of the device, or what a router says that is less (RFC 4861 §6.3.4)
  std::uint8_t hop_limit = 64;  ///< of what is sent, unless a socket says otherwise; routers may set it for IPv6
  Duration reachable_time = Duration::seconds(30);  ///< BaseReachableTime (RFC 4861 §6.3.2)
  Duration retransmit_time = Duration::seconds(1);  ///< RetransTimer
  std::span<InterfaceAddress> addresses;

  bool is_ethernet() const noexcept { return features::kEthernet && medium == driver::Medium::ethernet; }

  /// Whether an address is that of all hosts, or of all of a network of the interface's.
  bool is_broadcast(Ipv4Address v4) const noexcept {
    // Few addresses end in ones: those that do not are told at once.
    return (v4.to_uint32() & 3) == 3 && is_to_all(v4);
  }
  bool is_to_all(Ipv4Address v4) const noexcept;

  /// The entry of an address in any state, or null.
  InterfaceAddress* find(const Address& address) const noexcept {
    for (InterfaceAddress& entry : addresses) {
      if (entry.state != InterfaceAddress::State::none && entry.address == address) { return &entry; }
    }
    return nullptr;
  }
  bool has(const Address& address) const noexcept {
    const InterfaceAddress* const entry = find(address);
    return entry && entry->in_use();
  }
};

}  // namespace nal::embedded

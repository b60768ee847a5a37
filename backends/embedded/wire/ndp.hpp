#pragma once
#include <array>
#include <optional>

#include "backends/embedded/wire/bytes.hpp"
#include "backends/embedded/wire/checksum.hpp"
#include "backends/embedded/wire/icmp.hpp"
#include "nal/assert.hpp"

/// Neighbor Discovery (RFC 4861). A message counts only with hop limit 255, a right checksum and code 0; the first two
/// are looked at by whoever has the IP header. Every `parse` here takes the ICMPv6 message whole and gives nothing when
/// it is too short, has another code, or holds an option of length 0 or one that is not all there (§6.1, §7.1, §8.1).

namespace nal::embedded::wire {

inline constexpr std::uint8_t kNdpHopLimit = 255;

enum class NdpOptionType : std::uint8_t {
  source_link_layer = 1,
  target_link_layer = 2,
  prefix_information = 3,
  redirected_header = 4,
  mtu = 5,
  nonce = 14,              ///< RFC 3971 §5.3.2, RFC 7527
  route_information = 24,  ///< RFC 4191
  recursive_dns = 25,      ///< RFC 8106
  dns_search_list = 31,    ///< RFC 8106
};

/// RFC 4191 §2.1, as a number whose order is that of preference; the reserved value reads as medium.
enum class RouterPreference : std::int8_t { low = -1, medium = 0, high = 1 };
constexpr RouterPreference router_preference(std::uint8_t field) noexcept {
  const unsigned bits = field >> 3 & 3U;
  return bits == 1 ? RouterPreference::high : bits == 3 ? RouterPreference::low : RouterPreference::medium;
}
constexpr std::uint8_t to_field(RouterPreference preference) noexcept {
  return static_cast<std::uint8_t>((static_cast<unsigned>(preference) & 3U) << 3);
}

/// "For ever", of lifetimes in seconds.
inline constexpr std::uint32_t kNdpInfinity = 0xffff'ffff;

/// RFC 4861 §4.6.2
struct PrefixInformation {
  static constexpr std::size_t kSize = 32;
  std::uint8_t prefix_length;  ///< may be more than 128: then the option is nothing
  bool on_link;
  bool autonomous;
  std::uint32_t valid_lifetime;      ///< seconds
  std::uint32_t preferred_lifetime;  ///< seconds
  Ipv6Bytes prefix;                  ///< bits behind the length are of no meaning
};

/// RFC 4191 §2.3
struct RouteInformation {
  std::uint8_t prefix_length;  ///< at most 128, and no more than `prefix` has
  RouterPreference preference;
  std::uint32_t lifetime;  ///< seconds
  /// 0, 8 or 16 bytes; what is missing is 0, bits behind the length are of no meaning.
  std::span<const std::byte> prefix;
};

/// RFC 8106 §5.1
struct RecursiveDns {
  std::uint32_t lifetime;              ///< seconds; 0: use them no longer
  std::span<const std::byte> servers;  ///< of 16 bytes each
  std::size_t count() const noexcept { return servers.size() / 16; }
  /// `i` below `count()`.
  Ipv6Bytes server(std::size_t i) const noexcept { return load_ipv6(servers.data() + 16 * i); }
};

/// RFC 8106 §5.2
struct DnsSearchList {
  std::uint32_t lifetime;            ///< seconds; 0: use them no longer
  std::span<const std::byte> names;  ///< see `DomainList`; zeros behind the last
};

/// An option, all there, from its type on.
class NdpOption {
 public:
  explicit NdpOption(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}

  NdpOptionType type() const noexcept { return static_cast<NdpOptionType>(load_u8(bytes_.data())); }
  /// Behind type and length.
  std::span<const std::byte> data() const noexcept { return bytes_.subspan(2); }

  // What it says, if it is of that type and of the right length.

  /// Of `source_link_layer` and `target_link_layer`, on Ethernet (RFC 2464 §6).
  std::optional<MacAddress> link_layer() const noexcept {
    if (bytes_.size() != 8) { return std::nullopt; }
    return load_mac(bytes_.data() + 2);
  }
  std::optional<PrefixInformation> prefix_information() const noexcept;
  std::optional<std::uint32_t> mtu() const noexcept {
    if (type() != NdpOptionType::mtu || bytes_.size() != 8) { return std::nullopt; }
    return load_be32(bytes_.data() + 4);
  }
  std::optional<RouteInformation> route_information() const noexcept;
  std::optional<RecursiveDns> recursive_dns() const noexcept;
  std::optional<DnsSearchList> dns_search_list() const noexcept;
  /// Of `redirected_header`: the packet, as far as it is quoted.
  std::span<const std::byte> redirected_packet() const noexcept { return bytes_.subspan(8 <= bytes_.size() ? 8 : 0); }

 private:
  std::span<const std::byte> bytes_;
};

/// Walks over the options of a message that a view has checked.
class NdpOptions {
 public:
  explicit NdpOptions(std::span<const std::byte> checked) noexcept : rest_(checked) {}

  std::optional<NdpOption> next() noexcept;
  /// The first of this type with an Ethernet address in it, from here on; walks no further itself.
  std::optional<MacAddress> link_layer(NdpOptionType type) const noexcept;
  /// The bytes of the first of this type, behind type and length; none.
  std::optional<std::span<const std::byte>> find(NdpOptionType type) const noexcept;

  /// Whether `bytes` are options, each of some length and all there.
  static bool check(std::span<const std::byte> bytes) noexcept;

 private:
  std::span<const std::byte> rest_;
};

/// RFC 4861 §4.3
class NeighborSolicitationView {
 public:
  static std::optional<NeighborSolicitationView> parse(std::span<const std::byte> message) noexcept;
  Ipv6Bytes target() const noexcept { return load_ipv6(bytes_.data() + 8); }
  NdpOptions options() const noexcept { return NdpOptions(bytes_.subspan(24)); }

 private:
  explicit NeighborSolicitationView(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}
  std::span<const std::byte> bytes_;
};

/// RFC 4861 §4.4
class NeighborAdvertisementView {
 public:
  static std::optional<NeighborAdvertisementView> parse(std::span<const std::byte> message) noexcept;
  bool router() const noexcept { return (flags() & 0x80) != 0; }
  bool solicited() const noexcept { return (flags() & 0x40) != 0; }
  bool overrides() const noexcept { return (flags() & 0x20) != 0; }
  Ipv6Bytes target() const noexcept { return load_ipv6(bytes_.data() + 8); }
  NdpOptions options() const noexcept { return NdpOptions(bytes_.subspan(24)); }

 private:
  explicit NeighborAdvertisementView(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}
  std::uint8_t flags() const noexcept { return load_u8(bytes_.data() + 4); }
  std::span<const std::byte> bytes_;
};

/// RFC 4861 §4.1
class RouterSolicitationView {
 public:
  static std::optional<RouterSolicitationView> parse(std::span<const std::byte> message) noexcept;
  NdpOptions options() const noexcept { return NdpOptions(bytes_.subspan(8)); }

 private:
  explicit RouterSolicitationView(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}
  std::span<const std::byte> bytes_;
};

/// RFC 4861 §4.2
class RouterAdvertisementView {
 public:
  static std::optional<RouterAdvertisementView> parse(std::span<const std::byte> message) noexcept;
  /// For what this host sends; 0: as before.
  std::uint8_t hop_limit() const noexcept { return load_u8(bytes_.data() + 4); }
  /// Addresses, or other configuration, by DHCPv6.
  bool managed() const noexcept { return (flags() & 0x80) != 0; }
  bool other() const noexcept { return (flags() & 0x40) != 0; }
  RouterPreference preference() const noexcept { return router_preference(flags()); }
  /// Seconds as a default router; 0: it is none.
  std::uint16_t router_lifetime() const noexcept { return load_be16(bytes_.data() + 6); }
  /// Milliseconds; 0: as before.
  std::uint32_t reachable_time() const noexcept { return load_be32(bytes_.data() + 8); }
  /// Milliseconds; 0: as before.
  std::uint32_t retransmit_timer() const noexcept { return load_be32(bytes_.data() + 12); }
  NdpOptions options() const noexcept { return NdpOptions(bytes_.subspan(16)); }

 private:
  explicit RouterAdvertisementView(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}
  std::uint8_t flags() const noexcept { return load_u8(bytes_.data() + 5); }
  std::span<const std::byte> bytes_;
};

/// RFC 4861 §4.5
class RedirectView {
 public:
  static std::optional<RedirectView> parse(std::span<const std::byte> message) noexcept;
  /// The better first hop; the destination itself when it is on the link.
  Ipv6Bytes target() const noexcept { return load_ipv6(bytes_.data() + 8); }
  Ipv6Bytes destination() const noexcept { return load_ipv6(bytes_.data() + 24); }
  NdpOptions options() const noexcept { return NdpOptions(bytes_.subspan(40)); }

 private:
  explicit RedirectView(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}
  std::span<const std::byte> bytes_;
};

/// Puts a message together: the fixed part at construction, options behind it, and the checksum at the end. What does
/// not fit is dropped, and the writer has failed from then on.
class NdpWriter {
 public:
  struct NeighborSolicitation {
    Ipv6Bytes target;
  };
  struct NeighborAdvertisement {
    bool router;
    bool solicited;
    bool overrides;
    Ipv6Bytes target;
  };
  struct RouterSolicitation {};
  struct RouterAdvertisement {
    std::uint8_t hop_limit;
    bool managed;
    bool other;
    RouterPreference preference;
    std::uint16_t router_lifetime;   ///< seconds
    std::uint32_t reachable_time;    ///< milliseconds
    std::uint32_t retransmit_timer;  ///< milliseconds
  };
  struct Redirect {
    Ipv6Bytes target;
    Ipv6Bytes destination;
  };

  NdpWriter(std::span<std::byte> out, const NeighborSolicitation& message) noexcept;
  NdpWriter(std::span<std::byte> out, const NeighborAdvertisement& message) noexcept;
  NdpWriter(std::span<std::byte> out, const RouterSolicitation& message) noexcept;
  NdpWriter(std::span<std::byte> out, const RouterAdvertisement& message) noexcept;
  NdpWriter(std::span<std::byte> out, const Redirect& message) noexcept;

  /// `source_link_layer` or `target_link_layer`.
  void link_layer(NdpOptionType type, const MacAddress& address) noexcept;
  /// At most 6 bytes (asserted).
  void nonce(std::span<const std::byte> nonce) noexcept;
  void mtu(std::uint32_t mtu) noexcept;
  void prefix_information(const PrefixInformation& prefix) noexcept;
  /// `prefix` of 0, 8 or 16 bytes (asserted).
  void route_information(const RouteInformation& route) noexcept;
  /// `servers` of 16 bytes each.
  void recursive_dns(std::uint32_t lifetime, std::span<const std::byte> servers) noexcept;
  /// Names as DNS has them on the wire, without compression.
  void dns_search_list(std::uint32_t lifetime, std::span<const std::byte> names) noexcept;
  /// As much of the packet as fits, in units of 8 bytes.
  void redirected_header(std::span<const std::byte> packet) noexcept;

  /// Puts the checksum in and gives the message; empty when it did not fit. `source` and `destination` of the packet.
  std::span<const std::byte> finish(Ipv6Bytes source, Ipv6Bytes destination) noexcept;

 private:
  NdpWriter(std::span<std::byte> out, Icmpv6Type type, std::size_t size, std::uint32_t rest) noexcept;
  /// Room for an option of `size` bytes, a multiple of 8, with type and length in it and zeros behind; null: none.
  std::byte* option(NdpOptionType type, std::size_t size) noexcept;
  std::byte* room(std::size_t size) noexcept;

  std::span<std::byte> out_;
  std::size_t size_ = 0;
  bool failed_ = false;
};

}  // namespace nal::embedded::wire

#pragma once
#include "backends/embedded/ip/neighbors.hpp"
#include "backends/embedded/wire/ndp.hpp"

namespace nal::embedded {

/// What routers have said of where packets go. An entry of `Slaac`.
struct LearnedRoute {
  enum class Kind : std::uint8_t {
    none,      ///< the entry is free
    on_link,   ///< the prefix is of this link (RFC 4861 §6.3.4)
    router,    ///< a default router
    specific,  ///< a router for this prefix (RFC 4191)
    redirect,  ///< one destination, by another neighbour than its router (RFC 4861 §8)
  };

  Address prefix;
  Address next_hop;  ///< unspecified: the destination itself
  std::uint8_t length = 0;
  Kind kind = Kind::none;
  InterfaceIndex interface = 0;
  std::int8_t preference = 0;  ///< -1, 0 or 1 (RFC 4191 §2.1)
  Instant until = Instant::max();
};

/// A DNS server that a router has told of (RFC 8106 §5.1).
struct LearnedDnsServer {
  Address address;
  InterfaceIndex interface = 0;  ///< 0: the entry is free
  Instant until = Instant::max();
};

/// A domain to search names in that a router has told of (RFC 8106 §5.2).
struct LearnedSearchDomain {
  std::array<char, 64> name{};  ///< "example.org", without a dot behind it; longer ones are left out
  std::uint8_t size = 0;        ///< 0: the entry is free
  InterfaceIndex interface = 0;
  Instant until = Instant::max();

  std::string_view text() const noexcept { return {name.data(), size}; }
};

/// Router and prefix discovery (RFC 4861 §6.3), stateless addresses (RFC 4862 §5.5) that are stable (RFC 7217), and
/// temporary ones (RFC 8981), specific routes (RFC 4191), redirects (RFC 4861 §8), DNS servers and search domains (RFC
/// 8106). Every table is of the size given; what does not fit is left out, and who came first stays.
class Slaac {
 public:
  /// What is kept for each interface.
  struct State {
    bool running = false;
    bool temporary = false;         ///< addresses of RFC 8981 besides
    bool managed = false;           ///< addresses by DHCPv6 (RFC 4861 §4.2)
    bool other = false;             ///< other configuration by DHCPv6
    std::uint16_t mtu = 0;          ///< of the interface before any router said otherwise
    Duration interval;              ///< from the last solicitation to the next (RFC 7559)
    Instant next = Instant::max();  ///< when to send the next one; never, once a router has answered
  };

  struct Storage {
    std::span<LearnedRoute> routes;  ///< a quarter of them for each kind
    std::span<LearnedDnsServer> dns_servers;
    std::span<LearnedSearchDomain> search_domains;
    std::span<State> states;  ///< one for each interface
  };

  struct NextHop {
    Address address;  ///< the destination itself, or a router
    InterfaceIndex interface;
  };

  /// `interfaces[i]` has the index i + 1.
  Slaac(Link& link, Dad& dad, Neighbors& neighbors, std::span<Interface> interfaces, const Storage& storage) noexcept;

  /// Begins on an interface with its link-local address (unless there is one) and solicitations; waits for the link.
  /// With temporary addresses, as long as there is room for them, one for each prefix besides the stable one.
  /// *Errors*: table_full: no room for the address; not_supported: temporary addresses are not compiled in.
  Result<> start(Interface& interface, Instant now, bool temporary = false) noexcept;
  /// Ends it, and forgets what routers have said on it.
  void stop(Interface& interface, Instant now) noexcept;
  /// The link has come up: routers are asked again. What is known stays until it is contradicted or runs out.
  void link_up(Interface& interface, Instant now) noexcept;

  /// A Router Advertisement or a Redirect with a good checksum, from its ICMPv6 header on.
  void input(Interface& interface, const Ingress& ingress, std::span<const std::byte> message, Instant now) noexcept;

  /// The way to an IPv6 destination on an interface (0: any), from what routers have said: by reachability, then the
  /// longest prefix, then preference (RFC 4191 §3.2). Changes are told by `Link::changed`, also when a router stops to
  /// answer.
  std::optional<NextHop> next_hop(const Address& destination, InterfaceIndex interface) const noexcept;

  // Free entries are among these.
  std::span<const LearnedRoute> routes() const noexcept { return storage_.routes; }
  std::span<const LearnedDnsServer> dns_servers() const noexcept { return storage_.dns_servers; }
  std::span<const LearnedSearchDomain> search_domains() const noexcept { return storage_.search_domains; }
  const State& state(const Interface& interface) const noexcept { return storage_.states[interface.index - 1u]; }

  void poll(Instant now) noexcept;
  /// After the last `poll`, never before its `now`.
  Instant poll_at() const noexcept { return next_; }

 private:
  void input_advertisement(Interface& interface, const Address& router, std::span<const std::byte> message,
                           Instant now) noexcept;
  void input_redirect(Interface& interface, const Address& router, std::span<const std::byte> message,
                      Instant now) noexcept;
  // Each of these tells whether anything has changed but a lifetime.
  bool set_parameters(Interface& interface, const wire::RouterAdvertisementView& view) noexcept;
  bool input_rarer_option(Interface& interface, const Address& router, const wire::NdpOption& option,
                          Instant now) noexcept;
  bool set_route(const LearnedRoute& route, Instant now) noexcept;
  bool add_prefix(Interface& interface, const wire::PrefixInformation& prefix, Instant now) noexcept;
  bool add_dns_servers(const Interface& interface, const wire::RecursiveDns& servers, Instant now) noexcept;
  bool add_search_domains(const Interface& interface, const wire::DnsSearchList& list, Instant now) noexcept;
  bool set_search_domain(const LearnedSearchDomain& domain, Instant now) noexcept;
  void add_address(Interface& interface, const wire::PrefixInformation& prefix, Instant now) noexcept;
  void renew_temporary(Interface& interface, const InterfaceAddress& stable, Instant now) noexcept;
  void keep_temporary(Interface& interface, const InterfaceAddress& stable, Instant now) noexcept;

  LearnedRoute* free_route(LearnedRoute::Kind kind) noexcept;
  bool has_router(InterfaceIndex interface) const noexcept;
  void solicit_soon(Interface& interface, Instant now) noexcept;
  void solicit(Interface& interface, Instant now) noexcept;
  bool expire(Instant now) noexcept;
  State& state_of(const Interface& interface) noexcept { return storage_.states[interface.index - 1u]; }
  void due(Instant at) noexcept { next_ = at < next_ ? at : next_; }

  Link& link_;
  Dad& dad_;
  Neighbors& neighbors_;
  std::span<Interface> interfaces_;
  Storage storage_;
  Instant next_ = Instant::max();
};

}  // namespace nal::embedded

#include "backends/embedded/ip/slaac.hpp"

#include <algorithm>

#include "backends/embedded/ip/nd.hpp"
#include "backends/embedded/wire/ipv6.hpp"

namespace nal::embedded {
namespace {

using Kind = LearnedRoute::Kind;

/// MAX_RTR_SOLICITATION_DELAY (RFC 4861 §10)
constexpr Duration kMaxDelay = Duration::seconds(1);
/// RFC 7559 §2
constexpr Duration kFirstInterval = Duration::seconds(4);
constexpr Duration kMaxInterval = Duration::hours(1);
/// MAX_REACHABLE_TIME (RFC 4861 §6.2.1)
constexpr std::uint32_t kMaxReachableTime = 3'600'000;
/// What a router may ask for, so that nobody is made to flood the link, or to wait for ever.
constexpr std::uint32_t kMinRetransmitTime = 100;
constexpr std::uint32_t kMaxRetransmitTime = 60'000;
/// RFC 4862 §5.5.3 e)
constexpr Duration kTwoHours = Duration::hours(2);
/// A redirect that has become wrong, without anybody saying so, lasts no longer.
constexpr Duration kRedirectTime = Duration::minutes(10);
/// RFC 8981 §3.8: TEMP_PREFERRED_LIFETIME, what TEMP_VALID_LIFETIME is longer, MAX_DESYNC_FACTOR and REGEN_ADVANCE
/// (with three tries of a second, §3.8).
constexpr Duration kTemporaryPreferred = Duration::hours(24);
constexpr Duration kTemporaryDeprecated = Duration::hours(24);
constexpr Duration kMaxDesync = Duration::minutes(24 * 60 * 4 / 10);
constexpr Duration kRegenAdvance = Duration::seconds(5);
constexpr Duration kNoPacketDelay = Duration::milliseconds(100);

Instant after(Instant now, std::uint32_t seconds) noexcept {
  return seconds == wire::kNdpInfinity ? Instant::max() : now + Duration::seconds(seconds);
}

void forget(LearnedRoute& route) noexcept {
  route.kind = Kind::none;
  route.interface = 0;
}

/// A quarter of the table for each kind, so that a flood of one leaves room for the others.
std::size_t limit(std::size_t size) noexcept { return std::max<std::size_t>(size / 4, 1); }

/// A name on the wire (RFC 1035 §3.1) as text; moves on behind it. Size 0 when it is too long or of other characters
/// than host names have; none at the end of the list, or when it is not all there.
std::optional<LearnedSearchDomain> take_name(std::span<const std::byte>& bytes) noexcept {
  LearnedSearchDomain domain;
  bool fits = true;
  std::size_t size = 0;
  while (!bytes.empty()) {
    const std::size_t label = wire::load_u8(bytes.data());
    if (label == 0) {
      if (size == 0) { return std::nullopt; }  // padding
      bytes = bytes.subspan(1);
      domain.size = fits ? static_cast<std::uint8_t>(size) : std::uint8_t{0};
      return domain;
    }
    if (label > 63 || label >= bytes.size()) { return std::nullopt; }
    fits = fits && size + (size > 0) + label <= domain.name.size();
    if (fits) {
      if (size > 0) { domain.name[size++] = '.'; }
      for (std::size_t i = 1; i <= label; ++i) {
        const auto c = static_cast<char>(bytes[i]);
        fits = fits &&
               ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_');
        domain.name[size++] = c;
      }
    }
    bytes = bytes.subspan(1 + label);
  }
  return std::nullopt;
}

[[maybe_unused]] bool is_temporary_of(const InterfaceAddress& entry, const InterfaceAddress& stable) noexcept {
  return entry.state != InterfaceAddress::State::none && entry.origin == InterfaceAddress::Origin::temporary &&
         stable.contains(entry.address);
}

}  // namespace

Slaac::Slaac(Link& link, Dad& dad, Neighbors& neighbors, std::span<Interface> interfaces,
             const Storage& storage) noexcept
    : link_(link), dad_(dad), neighbors_(neighbors), interfaces_(interfaces), storage_(storage) {}

Result<> Slaac::start(Interface& interface, Instant now, bool temporary) noexcept {
  if constexpr (!features::kSlaac) { return Unexpected(Error::not_supported); }
  if (!features::kTemporaryAddresses && temporary) { return Unexpected(Error::not_supported); }
  if (state_of(interface).running) { return {}; }
  NAL_TRY(dad_.start_link_local(interface, Family::v6, now));
  state_of(interface) = State();
  state_of(interface).running = true;
  state_of(interface).temporary = temporary;
  state_of(interface).mtu = interface.mtu;
  if (interface.up) { solicit_soon(interface, now); }
  return {};
}

void Slaac::stop(Interface& interface, Instant now) noexcept {
  if (state_of(interface).running) { interface.mtu = state_of(interface).mtu; }
  state_of(interface) = State();
  for (LearnedRoute& route : storage_.routes) {
    if (route.interface == interface.index) { forget(route); }
  }
  for (LearnedDnsServer& server : storage_.dns_servers) {
    if (server.interface == interface.index) { server.interface = 0; }
  }
  if constexpr (features::kSearchDomains) {
    for (LearnedSearchDomain& domain : storage_.search_domains) {
      if (domain.interface == interface.index) { domain = LearnedSearchDomain(); }
    }
  }
  for (InterfaceAddress& address : interface.addresses) {
    if (address.origin == InterfaceAddress::Origin::slaac || address.is_temporary()) {
      dad_.remove(interface, address, now);
    }
  }
  link_.changed();
}

void Slaac::link_up(Interface& interface, Instant now) noexcept {
  if (features::kSlaac && state_of(interface).running) { solicit_soon(interface, now); }
}

void Slaac::solicit_soon(Interface& interface, Instant now) noexcept {
  State& state = state_of(interface);
  state.interval = Duration::zero();
  state.next = now + Duration::microseconds(link_.random().below(static_cast<std::uint32_t>(kMaxDelay.microseconds())));
  due(state.next);
}

// RFC 7559 §2.1: until a router answers, twice as long from one to the next, up to an hour, each a tenth more or less.
void Slaac::solicit(Interface& interface, Instant now) noexcept {
  State& state = state_of(interface);
  Address source;
  for (const InterfaceAddress& address : interface.addresses) {
    if (address.in_use() && address.address.is_v6() && address.address.is_link_local()) { source = address.address; }
  }
  if (!send_router_solicitation(link_, interface, source, now)) {
    state.next = now + kNoPacketDelay;
    return;
  }
  Duration interval = state.interval == Duration::zero() ? kFirstInterval : state.interval + state.interval;
  if (interval > kMaxInterval) { interval = kMaxInterval; }
  state.interval = interval;
  const auto tenth = static_cast<std::uint32_t>(nal::detail::divided_by<10>(interval.microseconds()));
  state.next = now + interval + Duration::microseconds(std::int64_t{link_.random().below(2 * tenth)} - tenth);
}

bool Slaac::has_router(InterfaceIndex interface) const noexcept {
  for (const LearnedRoute& route : storage_.routes) {
    if (route.kind == Kind::router && route.interface == interface) { return true; }
  }
  return false;
}

void Slaac::input(Interface& interface, const Ingress& ingress, std::span<const std::byte> message,
                  Instant now) noexcept {
  // RFC 4861 §6.1.2, §8.1
  if (!features::kSlaac || !state_of(interface).running || message.empty() || ingress.hop_limit != wire::kNdpHopLimit ||
      !ingress.source.is_v6() || !ingress.source.is_link_local() || interface.find(ingress.source)) {
    return;
  }
  if (wire::load_u8(message.data()) == static_cast<std::uint8_t>(wire::Icmpv6Type::router_advertisement)) {
    input_advertisement(interface, ingress.source, message, now);
  } else {
    input_redirect(interface, ingress.source, message, now);
  }
}

// RFC 4861 §6.3.4
void Slaac::input_advertisement(Interface& interface, const Address& router, std::span<const std::byte> message,
                                Instant now) noexcept {
  const auto view = wire::RouterAdvertisementView::parse(message);
  if (!view) { return; }
  bool changed = set_parameters(interface, *view);

  LearnedRoute route;
  route.next_hop = router;
  route.interface = interface.index;
  route.kind = Kind::router;
  route.preference = static_cast<std::int8_t>(view->preference());
  route.until = now + Duration::seconds(view->router_lifetime());
  changed |= set_route(route, now);

  wire::NdpOptions options = view->options();
  while (const auto option = options.next()) {
    if (const auto prefix = option->prefix_information()) {
      changed |= add_prefix(interface, *prefix, now);
    } else if (const auto mtu = option->mtu()) {
      // §6.3.4: no less than IPv6 needs, no more than the device takes.
      if (*mtu >= wire::kIpv6MinMtu && *mtu <= state_of(interface).mtu && *mtu != interface.mtu) {
        interface.mtu = static_cast<std::uint16_t>(*mtu);
        changed = true;
      }
    } else if (const auto servers = option->recursive_dns()) {
      changed |= add_dns_servers(interface, *servers, now);
    } else {
      changed |= input_rarer_option(interface, router, *option, now);
    }
  }

  // New neighbours only of routers that were taken, so that a flood of others makes none.
  const Neighbor* const neighbor = neighbors_.lookup(interface.index, router);
  const bool taken = std::ranges::any_of(storage_.routes, [&](const LearnedRoute& known) {
    return known.kind != Kind::none && known.interface == interface.index && known.next_hop == router;
  });
  auto station = view->options().link_layer(wire::NdpOptionType::source_link_layer);
  if (!station && neighbor) { station = neighbor->hardware_address; }
  if (station && (taken || neighbor)) {
    neighbors_.learn(interface, router, *station, taken ? Neighbor::Role::router : Neighbor::Role::unknown, now);
  }

  State& state = state_of(interface);
  if (has_router(interface.index)) {
    state.next = Instant::max();
  } else if (state.next.is_never()) {
    solicit_soon(interface, now);
  }
  if (changed) { link_.changed(); }
}

// Those that not every product wants.
bool Slaac::input_rarer_option(Interface& interface, const Address& router, const wire::NdpOption& option,
                               Instant now) noexcept {
  if constexpr (features::kSpecificRoutes) {
    if (const auto specific = option.route_information()) {
      Ipv6Address::Bytes bytes{};
      std::memcpy(bytes.data(), specific->prefix.data(), specific->prefix.size());
      LearnedRoute route;
      route.next_hop = router;
      route.interface = interface.index;
      route.prefix = Ipv6Address::from_bytes(bytes).masked(specific->prefix_length);
      route.length = specific->prefix_length;
      route.kind = route.length == 0 ? Kind::router : Kind::specific;  // RFC 4191 §3.1
      route.preference = static_cast<std::int8_t>(specific->preference);
      route.until = after(now, specific->lifetime);
      return set_route(route, now);
    }
  }
  if constexpr (features::kSearchDomains) {
    if (const auto list = option.dns_search_list()) { return add_search_domains(interface, *list, now); }
  }
  return false;
}

bool Slaac::set_parameters(Interface& interface, const wire::RouterAdvertisementView& view) noexcept {
  State& state = state_of(interface);
  const bool changed = state.managed != view.managed() || state.other != view.other();
  state.managed = view.managed();
  state.other = view.other();
  if (view.hop_limit() != 0) { interface.hop_limit = view.hop_limit(); }
  if (view.reachable_time() != 0 && view.reachable_time() <= kMaxReachableTime) {
    interface.reachable_time = Duration::milliseconds(view.reachable_time());
  }
  if (view.retransmit_timer() != 0) {
    interface.retransmit_time =
        Duration::milliseconds(std::clamp(view.retransmit_timer(), kMinRetransmitTime, kMaxRetransmitTime));
  }
  return changed;
}

LearnedRoute* Slaac::free_route(Kind kind) noexcept {
  LearnedRoute* free = nullptr;
  LearnedRoute* soonest = nullptr;
  std::size_t count = 0;
  for (LearnedRoute& route : storage_.routes) {
    if (route.kind == Kind::none) { free = &route; }
    if (route.kind != kind) { continue; }
    ++count;
    if (!soonest || route.until < soonest->until) { soonest = &route; }
  }
  if (free && count < limit(storage_.routes.size())) { return free; }
  return kind == Kind::redirect ? soonest : nullptr;  // the oldest redirect gives way
}

// A lifetime of no time takes it away.
bool Slaac::set_route(const LearnedRoute& route, Instant now) noexcept {
  LearnedRoute* known = nullptr;
  for (LearnedRoute& candidate : storage_.routes) {
    if (candidate.kind == route.kind && candidate.interface == route.interface && candidate.length == route.length &&
        candidate.prefix == route.prefix && (route.kind == Kind::redirect || candidate.next_hop == route.next_hop)) {
      known = &candidate;
    }
  }
  if (route.until <= now) {
    if (known) { forget(*known); }
    return known != nullptr;
  }
  const bool same = known && known->preference == route.preference && known->next_hop == route.next_hop;
  if (!known) { known = free_route(route.kind); }
  if (!known) { return false; }
  *known = route;
  due(route.until);
  return !same;
}

bool Slaac::add_prefix(Interface& interface, const wire::PrefixInformation& prefix, Instant now) noexcept {
  const Address address = Address::from_wire(prefix.prefix);
  // RFC 4862 §5.5.3 b), RFC 4861 §6.3.4
  if (prefix.prefix_length > 128 || address.is_v4() || address.is_link_local() || address.is_multicast()) {
    return false;
  }
  if (prefix.autonomous) { add_address(interface, prefix, now); }
  if (!prefix.on_link) { return false; }
  LearnedRoute route;
  route.prefix = address.masked(prefix.prefix_length);
  route.length = prefix.prefix_length;
  route.kind = Kind::on_link;
  route.interface = interface.index;
  route.until = after(now, prefix.valid_lifetime);
  return set_route(route, now);
}

// RFC 4862 §5.5.3
void Slaac::add_address(Interface& interface, const wire::PrefixInformation& prefix, Instant now) noexcept {
  constexpr unsigned kLength = 64;  // all that interface identifiers of 64 bits go with
  if (prefix.preferred_lifetime > prefix.valid_lifetime || prefix.prefix_length != kLength) { return; }
  const Address network = Address::from_wire(prefix.prefix).masked(kLength);
  Instant valid_until = after(now, prefix.valid_lifetime);
  const Instant preferred_until = after(now, prefix.preferred_lifetime);
  std::size_t count = 0;
  for (InterfaceAddress& entry : interface.addresses) {
    if (entry.state == InterfaceAddress::State::none || entry.origin != InterfaceAddress::Origin::slaac) { continue; }
    ++count;
    if (!entry.address.has_prefix(network, kLength)) { continue; }
    // e): nobody takes an address away at once by a forged advertisement.
    const Instant soon = now + kTwoHours;
    if (valid_until <= soon && valid_until <= entry.valid_until) {
      valid_until = std::min<Instant>(entry.valid_until, soon);
    }
    dad_.renew(entry, std::min(preferred_until, valid_until), valid_until, now);
    renew_temporary(interface, entry, now);
    return;
  }
  // Half of the entries at most, so that a flood of prefixes leaves room for other addresses.
  InterfaceAddress* const entry = Dad::free_entry(interface);
  if (!entry || prefix.valid_lifetime == 0 || count >= std::max<std::size_t>(interface.addresses.size() / 2, 1)) {
    return;
  }
  entry->address = dad_.stable_address(interface, network, 0);
  entry->prefix_length = kLength;
  entry->origin = InterfaceAddress::Origin::slaac;
  entry->preferred_until = preferred_until;
  entry->valid_until = valid_until;
  dad_.start(interface, *entry, now);
  renew_temporary(interface, *entry, now);
}

// RFC 8981 §3.4, 1 and 2: they live as the stable one does, but not past their own time.
void Slaac::renew_temporary(Interface& interface, const InterfaceAddress& stable, Instant now) noexcept {
  if (!features::kTemporaryAddresses || !state_of(interface).temporary) { return; }
  for (InterfaceAddress& entry : interface.addresses) {
    if (!is_temporary_of(entry, stable)) { continue; }
    const Instant limit = entry.preferred_limit;
    dad_.renew(entry, std::min<Instant>(stable.preferred_until, limit),
               std::min<Instant>(stable.valid_until, limit + kTemporaryDeprecated), now);
  }
  keep_temporary(interface, stable, now);
}

// RFC 8981 §3.4, 3 to 6, and §3.5: the last one is replaced before it is preferred no longer.
void Slaac::keep_temporary(Interface& interface, const InterfaceAddress& stable, Instant now) noexcept {
  if constexpr (features::kTemporaryAddresses) {
    const InterfaceAddress* newest = nullptr;
    std::size_t count = 0;
    for (const InterfaceAddress& entry : interface.addresses) {
      if (entry.state == InterfaceAddress::State::none) { continue; }
      count += entry.origin == InterfaceAddress::Origin::temporary ? 1 : 0;
      const bool newer =
          is_temporary_of(entry, stable) && (!newest || Instant(entry.preferred_until) > newest->preferred_until);
      if (newer) { newest = &entry; }
    }
    if (newest) {
      // One that was somebody else's three times over is not tried again.
      if (newest->state == InterfaceAddress::State::duplicate) { return; }
      const Instant replaced = Instant(newest->preferred_until) - kRegenAdvance;
      if (!newest->preferred_until.is_never() && now < replaced) { return due(replaced); }
    }
    const auto desync =
        Duration::seconds(link_.random().below(static_cast<std::uint32_t>(kMaxDesync / Duration::seconds(1))));
    const Instant limit = now + kTemporaryPreferred - desync;
    const Instant preferred_until = std::min<Instant>(stable.preferred_until, limit);
    InterfaceAddress* const entry = Dad::free_entry(interface);
    // One that would be replaced at once is none. Where there is no room, the next advertisement tries again.
    const bool room = entry && count < std::max<std::size_t>(interface.addresses.size() / 2, 1);
    if (!room || preferred_until <= now + kRegenAdvance) { return; }
    entry->address = dad_.random_address(stable.address);
    entry->prefix_length = stable.prefix_length;
    entry->origin = InterfaceAddress::Origin::temporary;
    entry->preferred_limit = limit;
    entry->preferred_until = preferred_until;
    entry->valid_until = std::min<Instant>(stable.valid_until, limit + kTemporaryDeprecated);
    dad_.start(interface, *entry, now);
    due(preferred_until - kRegenAdvance);
  }
}

bool Slaac::add_dns_servers(const Interface& interface, const wire::RecursiveDns& servers, Instant now) noexcept {
  bool changed = false;
  for (std::size_t i = 0; i < servers.count(); ++i) {
    const Address address = Address::from_wire(servers.server(i));
    if (address.is_v4() || address.is_multicast() || address.is_unspecified() || address.is_loopback()) { continue; }
    LearnedDnsServer* known = nullptr;
    LearnedDnsServer* free = nullptr;
    for (LearnedDnsServer& server : storage_.dns_servers) {
      if (server.interface == interface.index && server.address == address) { known = &server; }
      if (server.interface == 0 && !free) { free = &server; }
    }
    if (servers.lifetime == 0) {
      changed |= known != nullptr;
      if (known) { known->interface = 0; }
      continue;
    }
    LearnedDnsServer* const server = known ? known : free;
    if (!server) { continue; }
    changed |= server != known;
    *server = {address, interface.index, after(now, servers.lifetime)};
    due(server->until);
  }
  return changed;
}

bool Slaac::set_search_domain(const LearnedSearchDomain& domain, Instant now) noexcept {
  LearnedSearchDomain* known = nullptr;
  LearnedSearchDomain* free = nullptr;
  for (LearnedSearchDomain& entry : storage_.search_domains) {
    if (entry.size == 0) {
      if (!free) { free = &entry; }
    } else if (entry.interface == domain.interface && entry.text() == domain.text()) {
      known = &entry;
    }
  }
  if (domain.until <= now) {
    if (known) { *known = LearnedSearchDomain(); }
    return known != nullptr;
  }
  LearnedSearchDomain* const entry = known ? known : free;
  if (!entry) { return false; }
  *entry = domain;
  due(domain.until);
  return entry != known;
}

bool Slaac::add_search_domains(const Interface& interface, const wire::DnsSearchList& list, Instant now) noexcept {
  bool changed = false;
  auto names = list.names;
  while (auto domain = take_name(names)) {
    if (domain->size == 0) { continue; }
    domain->interface = interface.index;
    domain->until = after(now, list.lifetime);
    changed |= set_search_domain(*domain, now);
  }
  return changed;
}

// RFC 4861 §8.1, §8.3
void Slaac::input_redirect(Interface& interface, const Address& router, std::span<const std::byte> message,
                           Instant now) noexcept {
  const auto view = wire::RedirectView::parse(message);
  if (!view) { return; }
  const Address target = Address::from_wire(view->target());
  const Address destination = Address::from_wire(view->destination());
  const bool on_link = target == destination;
  if (destination.is_v4() || target.is_v4() || destination.is_link_local() || destination.is_unspecified() ||
      destination.is_loopback() || interface.find(target) || interface.find(destination) ||
      (!on_link && !target.is_link_local())) {
    return;
  }
  // Only who the packets go to now may send them elsewhere.
  const auto current = next_hop(destination, interface.index);
  if (!current || current->address != router) { return; }
  LearnedRoute route;
  route.prefix = destination;
  route.length = 128;
  route.next_hop = on_link ? Address() : target;
  route.kind = Kind::redirect;
  route.interface = interface.index;
  route.until = now + kRedirectTime;
  const bool changed = set_route(route, now);
  if (const auto station = view->options().link_layer(wire::NdpOptionType::target_link_layer)) {
    neighbors_.learn(interface, target, *station, on_link ? Neighbor::Role::unknown : Neighbor::Role::router, now);
  }
  if (changed) { link_.changed(); }
}

std::optional<Slaac::NextHop> Slaac::next_hop(const Address& destination, InterfaceIndex interface) const noexcept {
  const LearnedRoute* best = nullptr;
  unsigned best_rank = 0;
  std::uint32_t best_used = 0;
  for (const LearnedRoute& route : storage_.routes) {
    if (route.kind == Kind::none || (interface != 0 && route.interface != interface) ||
        !destination.has_prefix(route.prefix, route.length)) {
      continue;
    }
    const bool routed = !route.next_hop.is_unspecified();
    const Neighbor* const neighbor = neighbors_.lookup(route.interface, routed ? route.next_hop : destination);
    const bool answers = !neighbor || !(neighbor->suspect || (routed && neighbor->role == Neighbor::Role::host));
    // Its own network is not reached by a router when a host in it does not answer.
    const bool usable = answers || route.kind == Kind::on_link;
    if (!answers && route.kind == Kind::redirect) { continue; }
    // RFC 4191 §3.2; of routers that all do not answer the one that was not tried for longest (RFC 4861 §6.3.6).
    const std::uint32_t used = usable || !neighbor ? 0 : neighbor->used;
    const unsigned rank = (usable ? 256U : 0U) + route.length;
    const bool better = !best || (rank != best_rank   ? rank > best_rank
                                  : used != best_used ? used < best_used
                                                      : route.preference > best->preference);
    if (better) {
      best = &route;
      best_rank = rank;
      best_used = used;
    }
  }
  if (!best) { return std::nullopt; }
  return NextHop{best->next_hop.is_unspecified() ? destination : best->next_hop, best->interface};
}

bool Slaac::expire(Instant now) noexcept {
  bool changed = false;
  for (LearnedRoute& route : storage_.routes) {
    if (route.kind == Kind::none) { continue; }
    if (route.until <= now) {
      const bool router = route.kind == Kind::router;
      Interface& interface = interfaces_[route.interface - 1u];
      forget(route);
      changed = true;
      if (router && !has_router(interface.index) && state_of(interface).running) { solicit_soon(interface, now); }
    } else {
      due(route.until);
    }
  }
  for (LearnedDnsServer& server : storage_.dns_servers) {
    if (server.interface == 0) { continue; }
    if (server.until <= now) {
      server.interface = 0;
      changed = true;
    } else {
      due(server.until);
    }
  }
  if constexpr (features::kSearchDomains) {
    for (LearnedSearchDomain& domain : storage_.search_domains) {
      if (domain.size == 0) { continue; }
      if (domain.until <= now) {
        domain = LearnedSearchDomain();
        changed = true;
      } else {
        due(domain.until);
      }
    }
  }
  return changed;
}

void Slaac::poll(Instant now) noexcept {
  if (!features::kSlaac || now < next_) { return; }
  next_ = Instant::max();
  const bool changed = expire(now);
  for (Interface& interface : interfaces_) {
    if (interface.index == 0) { continue; }
    State& state = state_of(interface);
    if (!state.running || !interface.up) { continue; }  // `link_up` begins again
    if (features::kTemporaryAddresses && state.temporary) {
      for (const InterfaceAddress& entry : interface.addresses) {
        if (entry.origin == InterfaceAddress::Origin::slaac && entry.in_use()) {
          keep_temporary(interface, entry, now);
        }
      }
    }
    if (state.next <= now) { solicit(interface, now); }
    due(state.next);
  }
  if (changed) { link_.changed(); }
}

}  // namespace nal::embedded

#include "backends/embedded/ip/neighbors.hpp"

#include "backends/embedded/ip/arp.hpp"
#include "backends/embedded/ip/nd.hpp"
#include "backends/embedded/wire/ethernet.hpp"
#include "backends/embedded/wire/ipv4.hpp"
#include "backends/embedded/wire/ipv6.hpp"
#include "backends/embedded/wire/ndp.hpp"

namespace nal::embedded {
namespace {

using State = Neighbor::State;

// RFC 4861 §10
constexpr std::uint8_t kMaxSolicitations = 3;  ///< MAX_MULTICAST_SOLICIT and MAX_UNICAST_SOLICIT
constexpr Duration kDelayFirstProbeTime = Duration::seconds(5);
/// RFC 1122 §2.3.2.1: no more than one ARP request a second to one host.
constexpr Duration kArpInterval = Duration::seconds(1);
/// How long a neighbour that did not answer is not asked again.
constexpr Duration kFailedTime = Duration::seconds(1);

bool is_v4_packet(const Packet& packet) noexcept {
  return !packet.data().empty() && wire::load_u8(packet.data().data()) >> 4 == 4;
}
EtherType type_of(const Packet& packet) noexcept { return is_v4_packet(packet) ? EtherType::ipv4 : EtherType::ipv6; }

/// The hardware address of what is no single neighbour; unspecified for one that is.
MacAddress group_address(const Interface& interface, const Address& next_hop) noexcept {
  if (next_hop.is_v4()) {
    const Ipv4Address v4 = next_hop.v4();
    if (v4.is_multicast()) { return wire::ethernet_group(v4); }
    return interface.is_broadcast(v4) ? MacAddress::broadcast() : MacAddress();
  }
  if (!next_hop.is_multicast()) { return {}; }
  return wire::ethernet_group(wire::Ipv6Bytes(next_hop.wire().data(), 16));
}

/// Whether an address is this host's, in use or about to be; one that turned out to be somebody else's is not.
bool is_own(const Interface& interface, const Address& address) noexcept {
  const InterfaceAddress* const entry = interface.find(address);
  return entry && entry->state != InterfaceAddress::State::duplicate;
}

/// Where a packet that waits comes from.
Address source_of(const driver::PacketBuffer& buffer) noexcept {
  auto& memory = const_cast<driver::PacketBuffer&>(buffer);
  const std::span<const std::byte> bytes(memory.memory() + buffer.begin, buffer.size);
  if (bytes.size() >= wire::kIpv4HeaderSize && wire::load_u8(bytes.data()) >> 4 == 4) {
    return Address::from_wire(bytes.subspan<12, 4>());
  }
  if (bytes.size() >= wire::kIpv6HeaderSize) { return Address::from_wire(bytes.subspan<8, 16>()); }
  return {};
}

/// From which address a neighbour is asked for: that of the packet that waits (RFC 4861 §7.2.2), else the one that is
/// nearest to it. Unspecified when there is none.
Address source_for(const Interface& interface, Neighbor& entry) noexcept {
  if (const driver::PacketBuffer* const waiting = entry.waiting.front()) {
    const Address source = source_of(*waiting);
    if (source.is_v4() == entry.address.is_v4() && interface.has(source)) { return source; }
  }
  const InterfaceAddress* best = nullptr;
  for (const InterfaceAddress& candidate : interface.addresses) {
    if (!candidate.in_use() || candidate.address.is_v4() != entry.address.is_v4()) { continue; }
    if (!best || candidate.contains(entry.address)) { best = &candidate; }
  }
  return best ? best->address : Address();
}

}  // namespace

Neighbors::Neighbors(Link& link, Dad& dad, std::span<Interface> interfaces, std::span<Neighbor> table,
                     std::size_t max_waiting) noexcept
    : link_(link),
      dad_(dad),
      interfaces_(interfaces),
      table_(table),
      chains_(table),
      max_waiting_(max_waiting),
      key_(table_key(link.random())) {}

Neighbors::~Neighbors() {
  for (Neighbor& entry : table_) { entry.waiting.clear(); }
}

Neighbor* Neighbors::find(InterfaceIndex interface, const Address& address) const noexcept {
  return chains_.find(hash_of(key_, interface, address),
                      [&](const Neighbor& entry) { return entry.is(interface, address); });
}

// A free entry, else the one that is missed least: one that does not answer, one that has not been used for long (or
// never, only told of by itself), and only for what this host sends one in use, one that packets wait for at last.
Neighbor* Neighbors::create(InterfaceIndex interface, const Address& address, For wanted, Instant now) noexcept {
  Neighbor* victim = nullptr;
  unsigned victim_worth = 0;
  for (Neighbor& entry : table_) {
    unsigned worth = 0;
    switch (entry.state) {
      case State::none: break;
      case State::failed: worth = 1; break;
      case State::stale: worth = 2; break;
      case State::reachable: worth = entry.timer <= now ? 2 : 3; break;
      case State::delay:
      case State::probe: worth = 3; break;
      case State::incomplete: worth = entry.waiting.empty() ? 3 : 4; break;
    }
    if (!victim || worth < victim_worth || (worth == victim_worth && entry.used < victim->used)) {
      victim = &entry;
      victim_worth = worth;
    }
    if (worth == 0) { break; }
  }
  if (!victim || (wanted == For::others && victim_worth > 2)) { return nullptr; }
  if (victim->state != State::none) {
    give_back(interfaces_[victim->interface - 1u], *victim, now);
    erase(*victim);
  }
  victim->address = address;
  victim->interface = interface;
  victim->state = State::incomplete;
  chains_.link(hash_of(key_, interface, address), *victim);
  return victim;
}

void Neighbors::erase(Neighbor& entry) noexcept {
  while (!entry.waiting.empty()) { drop_oldest(entry); }
  chains_.unlink(hash_of(key_, entry.interface, entry.address), entry);
  const std::uint16_t bucket = entry.bucket;
  entry = Neighbor();
  entry.bucket = bucket;
}

void Neighbors::send(Interface& interface, const Address& next_hop, std::uint16_t& hint, Packet&& packet,
                     Instant now) noexcept {
  MacAddress station;
  if (interface.is_ethernet()) {
    // A group is never in the table.
    Neighbor* entry = next_hop.is_multicast() ? nullptr : find(interface.index, next_hop);
    if (!entry) { station = group_address(interface, next_hop); }
    if (station.is_unspecified()) {
      if (!entry) { entry = create(interface.index, next_hop, For::sending, now); }
      if (!entry || (entry->state == State::failed && now < entry->timer)) {
        link_.unreachable(interface, std::move(packet), now);
        return;
      }
      hint = chains_.index(*entry);
      entry->used = coarse(now);
      if (entry->state == State::incomplete || entry->state == State::failed) {
        const bool ask_now = entry->state == State::failed || entry->solicitations == 0;  // or new
        wait(*entry, std::move(packet));
        if (ask_now) { ask(interface, *entry, State::incomplete, now); }
        return;
      }
      if (entry->state == State::stale || (entry->state == State::reachable && entry->timer <= now)) {
        delay(*entry, now);
      }
      station = entry->hardware_address;
    }
  }
  const EtherType type = type_of(packet);
  link_.send_frame(interface, station, type, std::move(packet), now);
}

void Neighbors::delay(Neighbor& entry, Instant now) noexcept {
  entry.state = State::delay;
  entry.solicitations = 0;
  entry.timer = now + kDelayFirstProbeTime;
  due(entry.timer);
}

void Neighbors::drop_oldest(Neighbor& entry) noexcept {
  entry.waiting.pop();
  --waiting_;
}

// Where too many wait in all, the neighbour that most wait for loses its oldest: what waits for one that is about to
// answer is seldom that.
void Neighbors::wait(Neighbor& entry, Packet&& packet) noexcept {
  if (entry.waiting.count() >= kMaxWaiting) { drop_oldest(entry); }
  if (waiting_ >= max_waiting_) {
    Neighbor* most = nullptr;
    for (Neighbor& other : table_) {
      if (other.waiting.empty()) { continue; }
      if (!most || other.waiting.count() > most->waiting.count() ||
          (other.waiting.count() == most->waiting.count() && other.solicitations > most->solicitations)) {
        most = &other;
      }
    }
    if (!most) { return; }
    drop_oldest(*most);
  }
  entry.waiting.push(std::move(packet));
  ++waiting_;
}

void Neighbors::ask(Interface& interface, Neighbor& entry, State state, Instant now) noexcept {
  entry.state = state;
  entry.solicitations = 0;
  solicit(interface, entry, now);
}

void Neighbors::solicit(Interface& interface, Neighbor& entry, Instant now) noexcept {
  // Counted and timed before it is sent: to send it comes back to this table.
  ++entry.solicitations;
  entry.timer = now + (entry.address.is_v4() ? kArpInterval : interface.retransmit_time);
  due(entry.timer);
  const Address source = source_for(interface, entry);
  const bool again = entry.state == State::probe;
  if (entry.address.is_v4()) {
    send_arp(link_, interface, again ? entry.hardware_address : MacAddress::broadcast(),
             {wire::ArpOperation::request,
              interface.hardware_address,
              source.is_unspecified() ? Ipv4Address() : source.v4(),
              {},
              entry.address.v4()},
             now);
  } else if (!source.is_unspecified()) {  // RFC 4861 §7.2.2: from :: it would be Duplicate Address Detection
    const Address target = entry.address;
    send_neighbor_solicitation(link_, interface, source, again ? target : target.solicited_node(), target, {}, now);
  }
}

void Neighbors::give_back(Interface& interface, Neighbor& entry, Instant now) noexcept {
  while (Packet packet = entry.waiting.pop()) {
    --waiting_;
    link_.unreachable(interface, std::move(packet), now);
  }
}

void Neighbors::fail(Interface& interface, Neighbor& entry, Instant now) noexcept {
  // What worked until now may have another hardware address: it is asked for as soon as it is needed.
  entry.timer = entry.state == State::incomplete ? now + kFailedTime : now;
  entry.state = State::failed;
  entry.suspect = true;
  give_back(interface, entry, now);
  link_.changed();
}

void Neighbors::reachable(const Interface& interface, Neighbor& entry, Instant now) noexcept {
  entry.state = State::reachable;
  entry.solicitations = 0;
  entry.timer = now + Duration::microseconds(interface.reachable_time.microseconds() * reachable_factor_ >> 8);
}

void Neighbors::heard(Interface& interface, Neighbor& entry, const MacAddress& hardware_address, State state,
                      Instant now) noexcept {
  entry.hardware_address = hardware_address;
  if (state == State::reachable) {
    reachable_factor_ = static_cast<std::uint16_t>(128 + link_.random().below(256));
    reachable(interface, entry, now);
  } else if (entry.waiting.empty()) {
    entry.state = State::stale;
    entry.timer = Instant::max();
  } else {
    delay(entry, now);
  }
  if (entry.suspect) {
    entry.suspect = false;
    link_.changed();
  }
  while (Packet packet = entry.waiting.pop()) {
    --waiting_;
    const EtherType type = type_of(packet);
    link_.send_frame(interface, hardware_address, type, std::move(packet), now);
  }
}

void Neighbors::set_role(Neighbor& entry, Neighbor::Role role) noexcept {
  if (entry.role == Neighbor::Role::router && role == Neighbor::Role::host) { link_.changed(); }
  entry.role = role;
}

void Neighbors::input_arp(Interface& interface, std::span<const std::byte> packet, Instant now) noexcept {
  const auto arp = wire::ArpView::parse(packet);
  if (!features::kIpv4 || !arp || !interface.is_ethernet()) { return; }
  const bool request = arp->operation() == wire::ArpOperation::request;
  if (!request && arp->operation() != wire::ArpOperation::reply) { return; }
  const MacAddress station = arp->sender_mac();
  const Ipv4Address sender = arp->sender();
  const Ipv4Address target = arp->target();
  // RFC 1812 §3.3.2: no group has the address of one host.
  if (!station.is_unicast() || station == interface.hardware_address) { return; }
  if (sender.is_multicast() || sender.is_loopback() || interface.is_broadcast(sender)) { return; }

  dad_.input_arp(interface, station, sender, target, now);
  const bool for_us = interface.has(target);
  if (!sender.is_unspecified() && !is_own(interface, sender)) {
    Neighbor* entry = find(interface.index, sender);
    if (entry) {
      const bool unknown = entry->state == State::incomplete || entry->state == State::failed;
      if (for_us && !request) {
        heard(interface, *entry, station, State::reachable, now);
      } else if (unknown || entry->hardware_address != station) {
        heard(interface, *entry, station, State::stale, now);
      }
    } else if (for_us && request) {
      entry = create(interface.index, sender, For::others, now);
      if (entry) { heard(interface, *entry, station, State::stale, now); }
    }
  }
  if (for_us && request) {
    send_arp(link_, interface, station,
             {wire::ArpOperation::reply, interface.hardware_address, target, station, sender}, now);
  }
}

void Neighbors::input_nd(Interface& interface, const Ingress& ingress, std::span<const std::byte> message,
                         Instant now) noexcept {
  // RFC 4861 §7.1
  if (!features::kIpv6 || message.empty() || ingress.hop_limit != wire::kNdpHopLimit || !ingress.source.is_v6() ||
      !ingress.destination.is_v6()) {
    return;
  }
  if (wire::load_u8(message.data()) == static_cast<std::uint8_t>(wire::Icmpv6Type::neighbor_solicitation)) {
    input_solicitation(interface, ingress, message, now);
  } else {
    input_advertisement(interface, ingress, message, now);
  }
}

void Neighbors::input_solicitation(Interface& interface, const Ingress& ingress, std::span<const std::byte> message,
                                   Instant now) noexcept {
  const auto view = wire::NeighborSolicitationView::parse(message);
  if (!view || ingress.source.is_multicast()) { return; }
  const Address target = Address::from_wire(view->target());
  if (target.is_v4()) { return; }  // IPv4-mapped: never on the wire (RFC 4038 §4.2)
  const wire::NdpOptions options = view->options();
  const auto station = options.link_layer(wire::NdpOptionType::source_link_layer);
  InterfaceAddress* const entry = interface.find(target);

  if (ingress.source.is_unspecified()) {
    // RFC 4861 §7.1.1, and RFC 4862 §5.4.3: somebody wants the address for itself.
    if (!ingress.destination.has_prefix(target.solicited_node(), 104) ||
        options.find(wire::NdpOptionType::source_link_layer) || !entry) {
      return;
    }
    const auto nonce = options.find(wire::NdpOptionType::nonce);
    if (entry->in_use()) {
      send_neighbor_advertisement(link_, interface, Ipv6Address::all_nodes(), target, false, now);
    } else {
      dad_.input_nd(interface, *entry, nonce ? *nonce : std::span<const std::byte>(), now);
    }
    return;
  }
  if (!entry || !entry->in_use() || is_own(interface, ingress.source)) { return; }
  if (station) { learn(interface, ingress.source, *station, Neighbor::Role::unknown, now); }
  // The answer alone is no use of the neighbour: whoever asks under many names makes no entry worth keeping by it, and
  // none that is probed.
  Neighbor* const asking = find(interface.index, ingress.source);
  const std::uint32_t used = asking ? asking->used : 0;
  const bool stale = asking && asking->state == State::stale;
  send_neighbor_advertisement(link_, interface, ingress.source, target, true, now);
  if (asking && asking->is(interface.index, ingress.source)) {
    asking->used = used;
    if (stale && asking->state == State::delay) {
      asking->state = State::stale;
      asking->timer = Instant::max();
    }
  }
}

// RFC 4861 §7.2.5; what it says is said of the target, whoever sends it.
void Neighbors::input_advertisement(Interface& interface, const Ingress& ingress, std::span<const std::byte> message,
                                    Instant now) noexcept {
  const auto view = wire::NeighborAdvertisementView::parse(message);
  if (!view || !interface.is_ethernet() || (ingress.destination.is_multicast() && view->solicited())) { return; }
  const Address target = Address::from_wire(view->target());
  if (target.is_v4()) { return; }
  if (is_own(interface, target)) {
    dad_.input_nd(interface, *interface.find(target), {}, now);
    return;
  }
  Neighbor* const entry = find(interface.index, target);
  if (!entry) { return; }
  const auto station = view->options().link_layer(wire::NdpOptionType::target_link_layer);
  if (station && !station->is_unicast()) { return; }
  const State heard_state = view->solicited() ? State::reachable : State::stale;

  if (entry->state == State::incomplete || entry->state == State::failed) {
    if (!station) { return; }
    heard(interface, *entry, *station, heard_state, now);
  } else {
    const bool other = station && *station != entry->hardware_address;
    if (other && !view->overrides()) {
      if (entry->state == State::reachable) {
        entry->state = State::stale;
        entry->timer = Instant::max();
      }
      return;
    }
    if (view->solicited() || other) {
      heard(interface, *entry, station ? *station : entry->hardware_address, heard_state, now);
    }
  }
  set_role(*entry, view->router() ? Neighbor::Role::router : Neighbor::Role::host);
}

void Neighbors::learn(Interface& interface, const Address& address, const MacAddress& hardware_address,
                      Neighbor::Role role, Instant now) noexcept {
  if (!interface.is_ethernet() || !hardware_address.is_unicast() || address.is_unspecified() ||
      address.is_multicast() || is_own(interface, address)) {
    return;
  }
  Neighbor* entry = find(interface.index, address);
  if (!entry) { entry = create(interface.index, address, For::others, now); }
  if (!entry) { return; }
  const bool unknown = entry->state == State::incomplete || entry->state == State::failed;
  if (unknown || entry->hardware_address != hardware_address) {
    heard(interface, *entry, hardware_address, State::stale, now);
  }
  if (role != Neighbor::Role::unknown) { set_role(*entry, role); }
}

void Neighbors::confirm(const Interface& interface, const Address& address, std::uint16_t hint, Instant now) noexcept {
  if (hint >= table_.size() || !table_[hint].is(interface.index, address)) { return; }
  Neighbor& entry = table_[hint];
  if (entry.state == State::incomplete || entry.state == State::failed) { return; }
  reachable(interface, entry, now);
}

void Neighbors::flush(InterfaceIndex interface) noexcept {
  for (Neighbor& entry : table_) {
    if (entry.state != State::none && entry.interface == interface) { erase(entry); }
  }
}

void Neighbors::poll(Instant now) noexcept {
  if (now < next_) { return; }
  next_ = Instant::max();
  for (Neighbor& entry : table_) {
    if (entry.state != State::incomplete && entry.state != State::delay && entry.state != State::probe) { continue; }
    if (entry.timer <= now) {
      Interface& interface = interfaces_[entry.interface - 1u];
      if (entry.state == State::delay) {
        ask(interface, entry, State::probe, now);
      } else if (entry.solicitations < kMaxSolicitations) {
        solicit(interface, entry, now);
      } else {
        fail(interface, entry, now);
        continue;
      }
    }
    due(entry.timer);
  }
}

}  // namespace nal::embedded

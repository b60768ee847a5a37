#include "backends/embedded/ip/groups.hpp"

#include "backends/embedded/ip/groups_report.hpp"
#include "backends/embedded/wire/igmp.hpp"
#include "backends/embedded/wire/mld.hpp"

namespace nal::embedded {
namespace {

// RFC 3376 §8, RFC 3810 §9
constexpr std::uint8_t kRobustness = 2;
constexpr Duration kUnsolicitedInterval = Duration::seconds(1);
/// RFC 2236 §8.10, RFC 2710 §7.10
constexpr Duration kOldUnsolicitedInterval = Duration::seconds(10);
/// Older Version Querier Present Timeout, of the default intervals (RFC 3376 §8.12, RFC 3810 §9.12)
constexpr Duration kOldQuerierTime = Duration::seconds(2 * 125 + 10);
/// Until a packet may be there to send a report in.
constexpr Duration kNoPacketDelay = Duration::milliseconds(100);

/// Without these nothing ever joins anything.
constexpr bool kAnyGroups = features::kMulticast || features::kIpv6;

constexpr Address kAllHosts = Ipv4Address(224, 0, 0, 1);

/// Hears every host, without ever saying so (RFC 3376 §5, RFC 3810 §6).
bool is_all_hosts(const Address& group) noexcept {
  constexpr Address kOfLink = Ipv6Address::all_nodes();
  constexpr Address kOfInterface = Ipv6Address(0xff01, 0, 0, 0, 0, 0, 0, 1);
  return group == kAllHosts || (features::kIpv6 && (group == kOfLink || group == kOfInterface));
}

/// Whether routers are told of it; not of what does not leave the host or has no scope (RFC 3810 §6).
bool is_reported(const Address& group) noexcept {
  if (!features::kMulticast || is_all_hosts(group)) { return false; }
  return group.is_v4() || group.v6().scope() >= Ipv6Scope::link_local;
}

MacAddress station_of(const Address& group) noexcept {
  if (group.is_v4()) { return wire::ethernet_group(group.v4()); }
  return wire::ethernet_group(wire::Ipv6Bytes(group.wire().data(), 16));
}

bool usable_source(const Address& group, const Address& source) noexcept {
  return source.is_unspecified() || (source.is_v4() == group.is_v4() && !source.is_multicast());
}

bool contains(std::span<const std::byte> sources, const Address& source) noexcept {
  const auto bytes = source.wire();
  for (; sources.size() >= bytes.size(); sources = sources.subspan(bytes.size())) {
    if (std::memcmp(sources.data(), bytes.data(), bytes.size()) == 0) { return true; }
  }
  return false;
}

}  // namespace

Groups::Groups(Link& link, std::span<Interface> interfaces, const Storage& storage) noexcept
    : link_(link),
      interfaces_(interfaces),
      storage_(storage),
      chains_(storage.groups),
      key_(table_key(link.random())) {}

Group* Groups::find(InterfaceIndex interface, const Address& group) const noexcept {
  return chains_.find(hash_of(key_, interface, group),
                      [&](const Group& entry) { return entry.interface == interface && entry.address == group; });
}

// A free entry, else one of a group that was left: of that only repetitions are lost.
Group* Groups::create(InterfaceIndex interface, const Address& group) noexcept {
  Group* found = nullptr;
  for (Group& entry : storage_.groups) {
    if (entry.member()) { continue; }
    found = &entry;
    if (entry.free()) { break; }
  }
  if (!found) { return nullptr; }
  if (!found->free()) { erase(*found); }
  found->address = group;
  found->interface = interface;
  chains_.link(hash_of(key_, interface, group), *found);
  return found;
}

void Groups::erase(Group& group) noexcept {
  free_sources(group, false);
  chains_.unlink(hash_of(key_, group.interface, group.address), group);
  const std::uint16_t bucket = group.bucket;
  group = Group();
  group.bucket = bucket;
}

GroupSource* Groups::find_source(const Group& group, const Address& source) const noexcept {
  if constexpr (!features::kMulticast) { return nullptr; }
  for (GroupSource& entry : storage_.sources) {
    if (entry.group == chains_.index(group) && entry.address == source) { return &entry; }
  }
  return nullptr;
}

GroupSource* Groups::create_source(const Group& group, const Address& source) noexcept {
  GroupSource* found = nullptr;
  for (GroupSource& entry : storage_.sources) {
    if (entry.joined > 0) { continue; }
    found = &entry;
    if (entry.group == kNoEntry) { break; }
  }
  if (found) {
    *found = GroupSource();
    found->group = chains_.index(group);
    found->address = source;
  }
  return found;
}

void Groups::free_sources(const Group& group, bool left_only) noexcept {
  if constexpr (!features::kMulticast) { return; }
  for (GroupSource& entry : storage_.sources) {
    if (entry.group != chains_.index(group)) { continue; }
    const bool left = entry.joined == 0 && entry.changes_left == 0;
    if (left || !left_only) { entry = GroupSource(); }
  }
}

// Many groups have one hardware address; the device knows it as long as one of them is joined.
bool Groups::shares_station(const Group& group) const noexcept {
  const MacAddress station = station_of(group.address);
  for (const Group& other : storage_.groups) {
    if (&other != &group && other.interface == group.interface && other.member() &&
        station_of(other.address) == station) {
      return true;
    }
  }
  return station == station_of(kAllHosts) || station == station_of(Ipv6Address::all_nodes());
}

Result<> Groups::device_join(Interface& interface, const Group& group) noexcept {
  if (!interface.is_ethernet() || shares_station(group)) { return {}; }
  return interface.driver->join(station_of(group.address));
}

void Groups::device_leave(Interface& interface, const Group& group) noexcept {
  if (interface.is_ethernet() && !shares_station(group)) { interface.driver->leave(station_of(group.address)); }
}

Result<> Groups::join(Interface& interface, const Address& group, const Address& source, Instant now) noexcept {
  if constexpr (!kAnyGroups) { return Unexpected(Error::not_supported); }
  const bool of_anybody = source.is_unspecified();
  if (!features::kMulticast && !of_anybody) { return Unexpected(Error::not_supported); }
  if (!group.is_multicast() || !usable_source(group, source)) { return Unexpected(Error::invalid_argument); }
  Group* entry = find(interface.index, group);
  if (!entry) { entry = create(interface.index, group); }
  if (!entry) { return Unexpected(Error::table_full); }
  const bool new_member = !entry->member();

  GroupSource* from = nullptr;
  Error error{};
  if (features::kMulticast && !of_anybody) {
    from = find_source(*entry, source);
    if (!from) { from = create_source(*entry, source); }
  }
  if (!from ? !of_anybody || entry->any_source == 0xffff : from->joined == 0xffff) {
    error = Error::table_full;
  } else if (new_member) {
    error = device_join(interface, *entry).error_or(Error{});
  }
  if (error != Error{}) {
    if (new_member) { settle(*entry); }
    return Unexpected(error);
  }

  if (!from) {
    if (++entry->any_source == 1) { mode_changed(interface, *entry, now); }
  } else if (features::kMulticast && ++from->joined == 1) {
    ++entry->sources;
    if (entry->any_source == 0) { source_changed(interface, *entry, *from, now); }
  }
  return {};
}

Result<> Groups::leave(Interface& interface, const Address& group, const Address& source, Instant now) noexcept {
  if constexpr (!kAnyGroups) { return Unexpected(Error::not_supported); }
  Group* const entry = find(interface.index, group);
  if (!entry) { return Unexpected(Error::address_not_available); }
  if (!features::kMulticast || source.is_unspecified()) {
    if (entry->any_source == 0) { return Unexpected(Error::address_not_available); }
    --entry->any_source;
    if (!entry->member()) { device_leave(interface, *entry); }
    if (entry->any_source == 0) { mode_changed(interface, *entry, now); }
    return {};
  }
  GroupSource* const from = find_source(*entry, source);
  if (!from || from->joined == 0) { return Unexpected(Error::address_not_available); }
  if (--from->joined > 0) { return {}; }
  --entry->sources;
  if (!entry->member()) { device_leave(interface, *entry); }
  if (entry->any_source == 0) {
    source_changed(interface, *entry, *from, now);
  } else {
    free_sources(*entry, true);
  }
  return {};
}

bool Groups::is_member(InterfaceIndex interface, const Address& group) const noexcept {
  if (is_all_hosts(group)) { return true; }
  if constexpr (!kAnyGroups) { return false; }
  const Group* const entry = find(interface, group);
  return entry && entry->member();
}

bool Groups::accepts(InterfaceIndex interface, const Address& group, const Address& source) const noexcept {
  if (is_all_hosts(group)) { return true; }
  if constexpr (!kAnyGroups) { return false; }
  const Group* const entry = find(interface, group);
  if (!entry) { return false; }
  if (entry->any_source > 0) { return true; }
  const GroupSource* const from = features::kMulticast && entry->sources > 0 ? find_source(*entry, source) : nullptr;
  return from && from->joined > 0;
}

void Groups::link_up(Interface& interface, Instant now) noexcept {
  // A device that cannot has other means for these, or none; nothing is to be done about it here.
  if (interface.is_ethernet()) {
    if constexpr (features::kIpv4) { static_cast<void>(interface.driver->join(station_of(kAllHosts))); }
    if constexpr (features::kIpv6) { static_cast<void>(interface.driver->join(station_of(Ipv6Address::all_nodes()))); }
  }
  if constexpr (!kAnyGroups) { return; }
  for (Group& group : storage_.groups) {
    if (group.interface != interface.index) { continue; }
    if (group.member() && interface.is_ethernet()) {
      static_cast<void>(interface.driver->join(station_of(group.address)));
    }
    mode_changed(interface, group, now);
  }
}

void Groups::flush(Interface& interface) noexcept {
  if constexpr (!kAnyGroups) { return; }
  for (Group& group : storage_.groups) {
    if (group.interface != interface.index) { continue; }
    if (group.member()) {
      group.any_source = group.sources = 0;
      device_leave(interface, group);
    }
    erase(group);
  }
  storage_.states[interface.index - 1u] = State();
}

// The report of a changed mode tells of all sources too (RFC 3376 §5.1).
void Groups::mode_changed(Interface& interface, Group& group, Instant now) noexcept {
  if constexpr (!features::kMulticast) { return settle(group); }
  forget_changes(group);
  group.changes_left = kRobustness;
  change_due(interface, group, now);
}

void Groups::source_changed(Interface& interface, Group& group, GroupSource& source, Instant now) noexcept {
  source.changes_left = kRobustness;
  change_due(interface, group, now);
}

// Told at once. While the link is down nobody is there to be told, and all is told when it comes up.
void Groups::change_due(Interface& interface, Group& group, Instant now) noexcept {
  if (!is_reported(group.address) || !interface.up) {
    forget_changes(group);
    settle(group);
    return;
  }
  send_change(interface, group, now);
}

void Groups::forget_changes(Group& group) noexcept {
  group.changes_left = 0;
  for (GroupSource& source : storage_.sources) {
    if (source.group == chains_.index(group)) { source.changes_left = 0; }
  }
}

/// All that has changed was told once more.
void Groups::count_change(Group& group) noexcept {
  if (group.changes_left > 0) { --group.changes_left; }
  for (GroupSource& source : storage_.sources) {
    if (source.group == chains_.index(group) && source.changes_left > 0) { --source.changes_left; }
  }
}

/// Frees what nobody has joined and nobody is still to be told of.
void Groups::settle(Group& group) noexcept {
  if constexpr (!features::kMulticast) {
    if (!group.member()) { erase(group); }
    return;
  }
  free_sources(group, true);
  bool pending = group.changes_left > 0;
  for (const GroupSource& source : storage_.sources) {
    pending |= source.group == chains_.index(group) && source.changes_left > 0;
  }
  if (!pending) { group.change_at = Instant::max(); }
  if (!group.member()) {
    group.answer_at = Instant::max();
    if (!pending) { erase(group); }
  }
}

Duration Groups::random(Duration below) noexcept {
  const std::int64_t range = std::clamp<std::int64_t>(below.microseconds(), 1, 0xffff'ffff);
  return Duration::microseconds(1 + link_.random().below(static_cast<std::uint32_t>(range)));
}

unsigned Groups::version(const Interface& interface, const Address& group, Instant now) const noexcept {
  const State& state = storage_.states[interface.index - 1u];
  if (group.is_v6()) { return now < state.mldv1_until ? 2 : 3; }
  return now < state.igmpv1_until ? 1 : now < state.igmpv2_until ? 2 : 3;
}

void Groups::send_change(Interface& interface, Group& group, Instant now) noexcept {
  const unsigned to = version(interface, group.address, now);
  // Older ones know nothing of sources.
  const bool sent =
      to == 3 ? report_change(interface, group, now) : send_old(interface, group, to, group.member(), now);
  if (sent) {
    if (to == 3 || group.member()) {
      count_change(group);
    } else {
      forget_changes(group);  // there a group is left once
    }
  }
  group.change_at = now + (!sent ? kNoPacketDelay : random(to == 3 ? kUnsolicitedInterval : kOldUnsolicitedInterval));
  settle(group);
  due(group.change_at);
}

bool Groups::report_change(Interface& interface, const Group& group, Instant now) noexcept {
  using Type = wire::GroupRecordType;
  GroupReport report(link_, interface, group.address, now);
  const bool mode = group.changes_left > 0;
  if (mode && (group.any_source > 0 || group.sources == 0)) {
    report.add(group.any_source > 0 ? Type::change_to_exclude : Type::change_to_include);
  } else {
    for (const bool joined : {true, false}) {
      const Type type = mode ? Type::change_to_include : joined ? Type::allow_new_sources : Type::block_old_sources;
      for (const GroupSource& source : storage_.sources) {
        if (source.group != chains_.index(group) || (source.joined > 0) != joined) { continue; }
        if (mode ? joined : source.changes_left > 0) { report.add_source(type, source.address); }
      }
    }
  }
  return report.send();
}

bool Groups::report_answer(Interface& interface, const Group& group, Instant now) noexcept {
  using Type = wire::GroupRecordType;
  GroupReport report(link_, interface, group.address, now);
  if (group.any_source > 0) {
    report.add(Type::mode_is_exclude);
  } else {
    for (const GroupSource& source : storage_.sources) {
      if (source.group == chains_.index(group) && source.joined > 0 && (source.asked || !group.answer_asked_only)) {
        report.add_source(Type::mode_is_include, source.address);
      }
    }
  }
  return report.send();
}

void Groups::send_answer(Interface& interface, Group& group, Instant now) noexcept {
  const unsigned to = version(interface, group.address, now);
  if (!(to < 3 ? send_old(interface, group, to, true, now) : report_answer(interface, group, now))) {
    group.answer_at = now + kNoPacketDelay;
    return;
  }
  group.answer_at = Instant::max();
  group.answer_asked_only = false;
  for (GroupSource& source : storage_.sources) {
    if (source.group == chains_.index(group)) { source.asked = false; }
  }
}

bool Groups::send_old(Interface& interface, const Group& group, unsigned version, bool joined, Instant now) noexcept {
  if (group.address.is_v6()) { return send_mldv1(link_, interface, group.address, joined, now); }
  if (version == 1 && !joined) { return true; }  // it knows no leaving
  return send_old_igmp(link_, interface, group.address, joined, version == 1, now);
}

// RFC 3376 §5.2, RFC 3810 §6.2. What is due already stays due, at the same time or earlier, and of at least as much.
void Groups::asked(Group& group, Instant at, std::span<const std::byte> sources) noexcept {
  const bool pending = !group.answer_at.is_never();
  // With everybody heard, all sources that were asked for are: the group says so itself.
  const bool whole = sources.empty() || group.any_source > 0;
  if (!whole) {
    bool any = false;
    for (GroupSource& source : storage_.sources) {
      if (source.group == chains_.index(group) && source.joined > 0 && contains(sources, source.address)) {
        source.asked = any = true;
      }
    }
    if (!any) { return; }
  }
  group.answer_asked_only = !whole && (!pending || group.answer_asked_only);
  if (at < group.answer_at) { group.answer_at = at; }
  due(group.answer_at);
}

void Groups::query(Interface& interface, const Address& group, Duration max_response,
                   std::span<const std::byte> sources, Instant now) noexcept {
  for (Group& entry : storage_.groups) {
    if (entry.interface != interface.index || !entry.member() || !is_reported(entry.address) ||
        entry.address.is_v4() != group.is_v4()) {
      continue;
    }
    if (group.is_unspecified() || entry.address == group) { asked(entry, now + random(max_response), sources); }
  }
}

void Groups::input_igmp(Interface& interface, const Ingress& ingress, std::span<const std::byte> message,
                        Instant now) noexcept {
  if constexpr (!features::kMulticast || !features::kIpv4) { return; }
  const auto view = wire::IgmpView::parse(message);
  if (!view || !ingress.destination.is_v4()) { return; }
  const Address group = view->group();
  if (view->type() == wire::IgmpType::query) {
    // RFC 3376 §9.1: so that nobody far away can ask.
    const bool general = group.is_unspecified();
    if (general ? ingress.destination != kAllHosts : !group.is_multicast()) { return; }
    State& state = state_of(interface);
    if (view->version() == 1) { state.igmpv1_until = now + kOldQuerierTime; }
    if (view->version() == 2) { state.igmpv2_until = now + kOldQuerierTime; }
    query(interface, group, Duration::milliseconds(100) * view->max_response_time(), view->sources().bytes(), now);
  } else if ((view->type() == wire::IgmpType::report_v1 || view->type() == wire::IgmpType::report_v2) &&
             version(interface, group, now) < 3) {
    heard_report(interface, group);
  }
}

void Groups::input_mld(Interface& interface, const Ingress& ingress, std::span<const std::byte> message,
                       Instant now) noexcept {
  if constexpr (!features::kMulticast || !features::kIpv6) { return; }
  const auto view = wire::MldView::parse(message);
  // RFC 3810 §5.1.14
  if (!view || ingress.hop_limit != wire::kMldHopLimit || !ingress.source.is_v6() || !ingress.source.is_link_local()) {
    return;
  }
  using Type = wire::Icmpv6Type;
  if (view->type() == Type::multicast_listener_query) {
    const Address group = Address::from_wire(view->group());
    if (!group.is_unspecified() && !group.is_multicast()) { return; }
    if (view->version() == 1) { state_of(interface).mldv1_until = now + kOldQuerierTime; }
    query(interface, group, Duration::milliseconds(view->max_response_time()), view->sources().bytes(), now);
  } else if (view->type() == Type::multicast_listener_report) {
    const Address group = Address::from_wire(view->group());
    if (version(interface, group, now) < 3) { heard_report(interface, group); }
  }
}

// RFC 2236 §3, RFC 2710 §4: who hears another's answer keeps its own for itself.
void Groups::heard_report(const Interface& interface, const Address& group) noexcept {
  if (Group* const entry = find(interface.index, group)) { entry->answer_at = Instant::max(); }
}

void Groups::poll(Instant now) noexcept {
  if (!features::kMulticast || now < next_) { return; }
  next_ = Instant::max();
  for (Group& group : storage_.groups) {
    if (group.free()) { continue; }
    Interface& interface = interfaces_[group.interface - 1u];
    if (!interface.up) {
      // Nobody is there to be told; all is told when the link comes up.
      forget_changes(group);
      group.answer_at = Instant::max();
      settle(group);
      continue;
    }
    if (group.change_at <= now) { send_change(interface, group, now); }
    if (group.free()) { continue; }
    if (group.answer_at <= now) { send_answer(interface, group, now); }
    due(group.change_at);
    due(group.answer_at);
  }
}

}  // namespace nal::embedded

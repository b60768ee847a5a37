#include "backends/embedded/ip/dad.hpp"

#include "backends/embedded/ip/arp.hpp"
#include "backends/embedded/ip/nd.hpp"

namespace nal::embedded {
namespace {

using State = InterfaceAddress::State;
using Origin = InterfaceAddress::Origin;

// RFC 5227 §1.1
constexpr Duration kProbeMin = Duration::seconds(1);
constexpr Duration kProbeMax = Duration::seconds(2);
constexpr Duration kAnnounceWait = Duration::seconds(2);
constexpr Duration kAnnounceInterval = Duration::seconds(2);
constexpr std::uint8_t kAnnouncements = 2;
constexpr Duration kDefendInterval = Duration::seconds(10);
constexpr unsigned kMaxConflicts = 10;
constexpr Duration kRateLimitInterval = Duration::seconds(60);
/// PROBE_WAIT, and MAX_RTR_SOLICITATION_DELAY, which spreads the hosts of a link that all begin at once (RFC 4862
/// §5.4.2)
constexpr Duration kMaxDelay = Duration::seconds(1);
/// IDGEN_RETRIES (RFC 7217 §6)
constexpr std::uint8_t kRetries = 3;
/// Until a packet may be there to send a probe in.
constexpr Duration kNoPacketDelay = Duration::milliseconds(100);

/// Whether the stack has made the address, and can make another one.
bool made_here(const InterfaceAddress& entry) noexcept {
  if (entry.address.is_v6() ? !features::kStableAddresses && !entry.is_temporary() : !features::kIpv4LinkLocal) {
    return false;
  }
  return entry.origin == Origin::slaac || entry.origin == Origin::link_local || entry.is_temporary();
}

/// RFC 5453, and the subnet-router anycast address (RFC 4291 §2.6.1).
bool reserved_interface_id(std::uint32_t high, std::uint32_t low) noexcept {
  return (high == 0 && low == 0) || (high == 0x0200'5eff && low >= 0xfe00'0000 && low <= 0xfe00'5212) ||
         (high == 0xfdff'ffff && low >= 0xffff'ff80);
}

std::uint32_t word_of(std::span<const std::uint8_t> bytes, std::size_t at) noexcept {
  return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 | std::uint32_t{bytes[at + 2]} << 8 |
         bytes[at + 3];
}

/// What nobody can tell who does not know the secret: 64 bits of a prefix, an interface and a number (RFC 7217 §5).
std::array<std::uint32_t, 16> secret_function(std::span<const std::uint32_t, 8> secret,
                                              std::span<const std::uint8_t> prefix, const MacAddress& mac,
                                              std::uint32_t number) noexcept {
  const MacAddress::Bytes& m = mac.bytes();
  const std::array<std::uint32_t, 3> nonce{word_of(prefix, 0), word_of(prefix, 4), word_of(m, 0)};
  std::array<std::uint32_t, 16> out;
  chacha20_block(secret, std::uint32_t{m[4]} << 24 | std::uint32_t{m[5]} << 16 | number, nonce, out);
  return out;
}

}  // namespace

Dad::Dad(Link& link, Groups& groups, std::span<Interface> interfaces, const Config& config) noexcept
    : link_(link),
      groups_(groups),
      interfaces_(interfaces),
      config_(config),
      nonce_key_(features::kIpv6 ? HashKey{link.random().u32(), link.random().u32()} : HashKey{}) {}

InterfaceAddress* Dad::free_entry(Interface& interface) noexcept {
  for (InterfaceAddress& entry : interface.addresses) {
    if (entry.state != State::none) { continue; }
    entry = InterfaceAddress();
    return &entry;
  }
  return nullptr;
}

void Dad::start(Interface& interface, InterfaceAddress& entry, Instant now) noexcept {
  entry.state = State::tentative;
  entry.next_probe = Instant::max();
  entry.probes_left = 0;
  due(entry.valid_until);
  if (entry.address.is_v6() && interface.is_ethernet()) {
    // Without room for the group, what others ask of it is not heard; the address works towards those it speaks to.
    static_cast<void>(groups_.join(interface, entry.address.solicited_node(), Address(), now));
  }
  if (interface.up) { begin(interface, entry, now); }
}

void Dad::remove(Interface& interface, InterfaceAddress& entry, Instant now) noexcept {
  if (entry.state == State::none) { return; }
  if (entry.address.is_v6() && interface.is_ethernet() && entry.state != State::duplicate) {
    static_cast<void>(groups_.leave(interface, entry.address.solicited_node(), Address(), now));
  }
  entry.state = State::none;
  link_.changed();
}

void Dad::renew(InterfaceAddress& entry, Instant preferred_until, Instant valid_until, Instant now) noexcept {
  entry.preferred_until = preferred_until;
  entry.valid_until = valid_until;
  due(preferred_until);
  due(valid_until);
  if (!entry.in_use()) { return; }
  const State state = preferred_until > now ? State::preferred : State::deprecated;
  if (state != entry.state) {
    entry.state = state;
    link_.changed();
  }
}

void Dad::link_up(Interface& interface, Instant now) noexcept {
  for (InterfaceAddress& entry : interface.addresses) {
    if (entry.state == State::none) { continue; }
    if (entry.state == State::duplicate) {
      start(interface, entry, now);
    } else {
      entry.state = State::tentative;
      begin(interface, entry, now);
    }
  }
  link_.changed();
}

void Dad::begin(Interface& interface, InterfaceAddress& entry, Instant now) noexcept {
  if constexpr (!kAddressesChange) { return accept(interface, entry, now); }
  entry.probes_left = entry.address.is_v6()      ? config_.ipv6_transmits
                      : features::kIpv4Conflicts ? config_.ipv4_probes
                                                 : std::uint8_t{0};
  if (!interface.is_ethernet() || entry.probes_left == 0) {
    accept(interface, entry, now);
    return;
  }
  Duration delay = random(kMaxDelay);
  if (features::kIpv4Conflicts && entry.address.is_v4() && entry.dad_counter >= kMaxConflicts) {
    delay += kRateLimitInterval;
  }  // RFC 3927 §2.2.1
  entry.next_probe = now + delay;
  due(entry.next_probe);
}

Duration Dad::random(Duration below) noexcept {
  return Duration::microseconds(link_.random().below(static_cast<std::uint32_t>(below.microseconds())));
}

Dad::Nonce Dad::nonce(const Interface& interface, const Address& address) const noexcept {
  Hasher hasher(nonce_key_);
  address.hash_into(hasher);
  hasher.add(interface.index);
  const std::uint32_t first = hasher.finish();
  hasher.add(first);
  const std::uint32_t second = hasher.finish();
  Nonce nonce;
  wire::store_be32(nonce.data(), first);
  wire::store_be16(nonce.data() + 4, second);
  return nonce;
}

bool Dad::probe(Interface& interface, const InterfaceAddress& entry, Instant now) noexcept {
  [[maybe_unused]] Nonce own;
  if (features::kIpv4Conflicts && entry.address.is_v4()) {
    return send_arp(link_, interface, MacAddress::broadcast(),
                    {wire::ArpOperation::request, interface.hardware_address, {}, {}, entry.address.v4()}, now);
  }
  if constexpr (features::kDadNonce) { own = nonce(interface, entry.address); }
  return send_neighbor_solicitation(
      link_, interface, Ipv6Address::unspecified(), entry.address.solicited_node(), entry.address,
      features::kDadNonce ? std::span<const std::byte>(own) : std::span<const std::byte>(), now);
}

bool Dad::announce(Interface& interface, const InterfaceAddress& entry, Instant now) noexcept {
  const Ipv4Address address = entry.address.v4();
  return send_arp(link_, interface, MacAddress::broadcast(),
                  {wire::ArpOperation::request, interface.hardware_address, address, {}, address}, now);
}

void Dad::accept(Interface& interface, InterfaceAddress& entry, Instant now) noexcept {
  entry.state = entry.preferred_until > now ? State::preferred : State::deprecated;
  entry.probes_left = 0;
  entry.next_probe = Instant::max();
  if (features::kIpv4Conflicts && entry.address.is_v4() && interface.is_ethernet()) {
    entry.probes_left = kAnnouncements;
    entry.next_probe = now;
    advance(interface, entry, now);
  }
  due(entry.preferred_until);
  link_.changed();
}

void Dad::advance(Interface& interface, InterfaceAddress& entry, Instant now) noexcept {
  if (entry.state == State::tentative && entry.probes_left == 0) {
    accept(interface, entry, now);
    return;
  }
  const bool tentative = !features::kIpv4Conflicts || entry.state == State::tentative;
  if (!(tentative ? probe(interface, entry, now) : announce(interface, entry, now))) {
    entry.next_probe = now + kNoPacketDelay;
  } else {
    --entry.probes_left;
    if (!tentative) {
      entry.next_probe = entry.probes_left > 0 ? now + kAnnounceInterval : Instant::max();
    } else if (entry.address.is_v6()) {
      entry.next_probe = now + interface.retransmit_time;
    } else {
      entry.next_probe = now + (entry.probes_left > 0 ? kProbeMin + random(kProbeMax - kProbeMin) : kAnnounceWait);
    }
  }
  due(entry.next_probe);
}

void Dad::input_arp(Interface& interface, const MacAddress& sender_mac, Ipv4Address sender, Ipv4Address target,
                    Instant now) noexcept {
  if (!features::kIpv4 || !features::kIpv4Conflicts || sender_mac == interface.hardware_address) { return; }
  if (InterfaceAddress* const entry = sender.is_unspecified() ? interface.find(target) : interface.find(sender)) {
    if (entry->state == State::tentative) {
      duplicate(interface, *entry, now);  // RFC 5227 §2.1.1: in use, or probed for at the same time
    } else if (!sender.is_unspecified() && entry->in_use()) {
      defend(interface, *entry, now);
    }
  }
}

// RFC 5227 §2.4: an address that somebody has given to this host is defended for good, though no more than once in
// ten seconds; any other is given up when it is claimed again within that time. `next_probe` says until when.
void Dad::defend(Interface& interface, InterfaceAddress& entry, Instant now) noexcept {
  const bool lately = entry.probes_left == 0 && entry.next_probe > now && !entry.next_probe.is_never();
  if (!lately) {
    announce(interface, entry, now);
    entry.probes_left = 0;
    entry.next_probe = now + kDefendInterval;
  } else if (entry.origin != Origin::manual) {
    duplicate(interface, entry, now);
  }
}

void Dad::input_nd(Interface& interface, InterfaceAddress& entry, std::span<const std::byte> nonce_seen,
                   Instant now) noexcept {
  if (!features::kIpv6 || entry.state != State::tentative || !interface.is_ethernet()) { return; }
  if constexpr (features::kDadNonce) {
    const Nonce own = nonce(interface, entry.address);
    if (std::equal(own.begin(), own.end(), nonce_seen.begin(), nonce_seen.end())) { return; }  // RFC 7527 §4.2
  }
  duplicate(interface, entry, now);
}

void Dad::duplicate(Interface& interface, InterfaceAddress& entry, Instant now) noexcept {
  const bool v6 = entry.address.is_v6();
  if (v6) { static_cast<void>(groups_.leave(interface, entry.address.solicited_node(), Address(), now)); }
  if (made_here(entry) && (v6 ? entry.dad_counter < kRetries : entry.dad_counter < 0xff)) {
    ++entry.dad_counter;
    if (entry.is_temporary()) {
      entry.address = random_address(entry.address);
    } else {
      entry.address = v6 ? stable_address(interface, entry.address, entry.dad_counter)
                         : random_link_local(interface, entry.dad_counter);
    }
    start(interface, entry, now);
  } else {
    entry.state = State::duplicate;
    entry.probes_left = 0;
    entry.next_probe = Instant::max();
  }
  link_.changed();
}

Address Dad::stable_address(const Interface& interface, const Address& prefix,
                            std::uint8_t dad_counter) const noexcept {
  Ipv6Address::Bytes bytes = prefix.v6().bytes();
  if constexpr (!features::kStableAddresses) {
    const MacAddress::Bytes& mac = interface.hardware_address.bytes();
    std::copy_n(mac.begin(), 3, bytes.begin() + 8);
    bytes[8] ^= 2;
    bytes[11] = 0xff;
    bytes[12] = 0xfe;
    std::copy_n(mac.begin() + 3, 3, bytes.begin() + 13);
    return Ipv6Address::from_bytes(bytes);
  }
  const auto words =
      secret_function(config_.secret, std::span(bytes).first<8>(), interface.hardware_address, dad_counter);
  std::size_t at = 0;
  while (at < 14 && reserved_interface_id(words[at], words[at + 1])) { at += 2; }
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[8 + i] = static_cast<std::uint8_t>(words[at + i / 4] >> (24 - 8 * (i % 4)));
  }
  return Ipv6Address::from_bytes(bytes);
}

Address Dad::random_address(const Address& prefix) noexcept {
  std::uint32_t high = 0;
  std::uint32_t low = 0;
  while (reserved_interface_id(high, low)) {
    high = link_.random().u32();
    low = link_.random().u32();
  }
  Ipv6Address::Bytes bytes = prefix.v6().bytes();
  for (std::size_t i = 0; i < 4; ++i) {
    bytes[8 + i] = static_cast<std::uint8_t>(high >> (24 - 8 * i));
    bytes[12 + i] = static_cast<std::uint8_t>(low >> (24 - 8 * i));
  }
  return Ipv6Address::from_bytes(bytes);
}

/// RFC 3927 §2.1: from 169.254.1.0 to 169.254.254.255, the same one after each restart.
Address Dad::random_link_local(const Interface& interface, std::uint8_t dad_counter) const noexcept {
  constexpr std::array<std::uint8_t, 8> kPrefix{169, 254};
  const auto words = secret_function(config_.secret, kPrefix, interface.hardware_address, dad_counter);
  return Ipv4Address::from_uint32(0xa9fe'0100 + words[0] % 0xfe00);
}

Result<> Dad::start_link_local(Interface& interface, Family family, Instant now) noexcept {
  if (family == Family::v4 ? !features::kIpv4LinkLocal : !features::kIpv6) { return Unexpected(Error::not_supported); }
  for (const InterfaceAddress& entry : interface.addresses) {
    if (entry.state != State::none && entry.origin == Origin::link_local && entry.address.family() == family) {
      return {};
    }
  }
  InterfaceAddress* const entry = free_entry(interface);
  if (!entry) { return Unexpected(Error::table_full); }
  entry->origin = Origin::link_local;
  if (features::kIpv4LinkLocal && family == Family::v4) {
    entry->address = random_link_local(interface, 0);
    entry->prefix_length = 16;
  } else {
    entry->address = stable_address(interface, Ipv6Address(0xfe80, 0, 0, 0, 0, 0, 0, 0), 0);
    entry->prefix_length = 64;
  }
  start(interface, *entry, now);
  return {};
}

void Dad::expire(Interface& interface, InterfaceAddress& entry, Instant now) noexcept {
  if (entry.valid_until <= now) {
    remove(interface, entry, now);
  } else if (entry.state == State::preferred && entry.preferred_until <= now) {
    entry.state = State::deprecated;
    link_.changed();
  }
}

void Dad::poll(Instant now) noexcept {
  if constexpr (!kAddressesChange) { return; }
  if (now < next_) { return; }
  next_ = Instant::max();
  for (Interface& interface : interfaces_) {
    for (InterfaceAddress& entry : interface.addresses) {
      if (entry.state == State::none) { continue; }
      expire(interface, entry, now);
      const bool probing = entry.state == State::tentative || entry.probes_left > 0;
      if (interface.up && probing && entry.next_probe <= now) { advance(interface, entry, now); }
      if (entry.state == State::none) { continue; }
      if (interface.up && (entry.state == State::tentative || entry.probes_left > 0)) { due(entry.next_probe); }
      if (entry.state == State::preferred) { due(entry.preferred_until); }
      due(entry.valid_until);
    }
  }
}

}  // namespace nal::embedded

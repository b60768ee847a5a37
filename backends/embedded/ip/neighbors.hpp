#pragma once
#include "backends/embedded/ip/chained_table.hpp"
#include "backends/embedded/ip/dad.hpp"
#include "nal/hash.hpp"

namespace nal::embedded {

/// Another host of a link, and what is known of it. An entry of `Neighbors`.
struct Neighbor {
  /// Of RFC 4861 §7.3.2, for both families.
  enum class State : std::uint8_t {
    none,        ///< the entry is free
    incomplete,  ///< being asked for; packets may wait
    reachable,   ///< heard from lately, until `timer`; after that stale, without anything being done about it
    stale,       ///< known, and asked again when it is used
    delay,       ///< used since; whoever uses it may still confirm it
    probe,       ///< being asked again, at its known address
    failed,      ///< does not answer; not asked again before `timer`
  };

  /// What it says that it is (RFC 4861 §7.2.5).
  enum class Role : std::uint8_t { unknown, host, router };

  Address address;
  MacAddress hardware_address;
  InterfaceIndex interface = 0;
  State state = State::none;
  Role role = Role::unknown;
  bool suspect = false;             ///< did not answer when last asked, and has not been heard of since
  std::uint8_t solicitations = 0;   ///< sent without an answer
  std::uint16_t bucket = kNoEntry;  ///< first entry of the hash bucket with this entry's number
  std::uint16_t next = kNoEntry;    ///< in the same bucket
  /// When this host last sent to it, in units of 2^20 microseconds; 0: never.
  std::uint32_t used = 0;
  driver::PacketQueue waiting;
  Instant timer = Instant::max();

  bool is(InterfaceIndex on, const Address& who) const noexcept {
    return state != State::none && interface == on && address == who;
  }
};

/// The neighbours of all interfaces, by ARP (RFC 826) and Neighbor Discovery (RFC 4861 §7), with unreachability
/// detection for both (RFC 4861 §7.3; for ARP RFC 1122 §2.3.2.1 asks for the same by unicast).
///
/// Each neighbour has its own timer and its own short queue, so one that does not answer holds nobody up. What somebody
/// else says makes an entry only when it is said to this host; all else only changes an entry that is there, so a flood
/// cannot push out the neighbours in use.
class Neighbors {
 public:
  /// Packets that wait for one neighbour; the oldest gives way.
  static constexpr std::size_t kMaxWaiting = 3;

  /// `table` has up to 65535 entries, `interfaces[i]` the index i + 1. At most `max_waiting` packets wait in all.
  Neighbors(Link& link, Dad& dad, std::span<Interface> interfaces, std::span<Neighbor> table,
            std::size_t max_waiting) noexcept;
  ~Neighbors();

  /// The hardware address of a neighbour that can be sent to at once, and is by whoever asks; else null: see `send`.
  const MacAddress* known(const Interface& interface, const Address& next_hop, std::uint16_t hint,
                          Instant now) noexcept {
    if (!features::kFastPaths || hint >= table_.size()) { return nullptr; }
    Neighbor& entry = table_[hint];
    const bool heard_of = (entry.state == State::reachable && now < entry.timer) || entry.state == State::delay ||
                          entry.state == State::probe;
    if (!heard_of || !entry.is(interface.index, next_hop)) { return nullptr; }
    entry.used = coarse(now);
    return &entry.hardware_address;
  }

  /// Sends an IP packet to a neighbour: at once if its hardware address is known, a group's and broadcast's being
  /// computed; else it waits while the neighbour is asked, and comes back by `Link::unreachable` if there is no answer.
  /// `hint` is where the neighbour was found before (any value), and is set to where it is.
  void send(Interface& interface, const Address& next_hop, std::uint16_t& hint, Packet&& packet, Instant now) noexcept;

  /// An ARP packet, behind the Ethernet header.
  void input_arp(Interface& interface, std::span<const std::byte> packet, Instant now) noexcept;
  /// A Neighbor Solicitation or Advertisement with a good checksum, from its ICMPv6 header on.
  void input_nd(Interface& interface, const Ingress& ingress, std::span<const std::byte> message, Instant now) noexcept;

  /// What another message of a neighbour tells of it: the source link-layer address of a Router Advertisement, the
  /// target's of a Redirect (RFC 4861 §6.3.4, §8.3).
  void learn(Interface& interface, const Address& address, const MacAddress& hardware_address, Neighbor::Role role,
             Instant now) noexcept;
  /// It has just been heard that what was sent to a neighbour has arrived (RFC 4861 §7.3.1).
  void confirm(const Interface& interface, const Address& address, std::uint16_t hint, Instant now) noexcept;
  /// What is known of a neighbour, or null.
  const Neighbor* lookup(InterfaceIndex interface, const Address& address) const noexcept {
    return find(interface, address);
  }
  /// The link is down, or the interface goes away: forgets its neighbours and what waits for them.
  void flush(InterfaceIndex interface) noexcept;

  /// Free entries are among them.
  std::span<const Neighbor> table() const noexcept { return table_; }

  void poll(Instant now) noexcept;
  /// After the last `poll`, never before its `now`.
  Instant poll_at() const noexcept { return next_; }

 private:
  using State = Neighbor::State;
  /// Who wants an entry: only what this host sends itself may push out neighbours that are in use.
  enum class For : bool { others, sending };

  Neighbor* find(InterfaceIndex interface, const Address& address) const noexcept;
  Neighbor* create(InterfaceIndex interface, const Address& address, For wanted, Instant now) noexcept;
  void erase(Neighbor& entry) noexcept;
  static std::uint32_t coarse(Instant now) noexcept {
    return static_cast<std::uint32_t>(now.microseconds() >> 20) | 1u;
  }
  void wait(Neighbor& entry, Packet&& packet) noexcept;
  void delay(Neighbor& entry, Instant now) noexcept;
  void drop_oldest(Neighbor& entry) noexcept;
  void ask(Interface& interface, Neighbor& entry, State state, Instant now) noexcept;
  void solicit(Interface& interface, Neighbor& entry, Instant now) noexcept;
  void fail(Interface& interface, Neighbor& entry, Instant now) noexcept;
  void give_back(Interface& interface, Neighbor& entry, Instant now) noexcept;
  void heard(Interface& interface, Neighbor& entry, const MacAddress& hardware_address, State state,
             Instant now) noexcept;
  void reachable(const Interface& interface, Neighbor& entry, Instant now) noexcept;
  void set_role(Neighbor& entry, Neighbor::Role role) noexcept;
  void input_solicitation(Interface& interface, const Ingress& ingress, std::span<const std::byte> message,
                          Instant now) noexcept;
  void input_advertisement(Interface& interface, const Ingress& ingress, std::span<const std::byte> message,
                           Instant now) noexcept;
  void due(Instant at) noexcept { next_ = at < next_ ? at : next_; }

  Link& link_;
  Dad& dad_;
  std::span<Interface> interfaces_;
  std::span<Neighbor> table_;
  ChainedTable<Neighbor> chains_;
  std::size_t max_waiting_;
  std::size_t waiting_ = 0;
  HashKey key_;
  std::uint16_t reachable_factor_ = 256;  ///< of 256ths: between a half and one and a half (RFC 4861 §6.3.2)
  Instant next_ = Instant::max();
};

}  // namespace nal::embedded

#pragma once
#include "backends/embedded/ip/chained_table.hpp"
#include "backends/embedded/ip/link.hpp"
#include "backends/embedded/wire/group_record.hpp"
#include "nal/hash.hpp"

namespace nal::embedded {

/// A group that an interface is a member of, or has just left. An entry of `Groups`.
struct Group {
  Address address;
  InterfaceIndex interface = 0;        ///< 0: the entry is free
  std::uint8_t changes_left = 0;       ///< reports that the group was joined or left, or for whom, still to be sent
  bool answer_asked_only = false;      ///< the answer that is due tells only of the sources asked for (RFC 3376 §5.2)
  std::uint16_t any_source = 0;        ///< how often joined for whatever source
  std::uint16_t sources = 0;           ///< for how many sources joined
  std::uint16_t bucket = kNoEntry;     ///< first entry of the hash bucket with this entry's number
  std::uint16_t next = kNoEntry;       ///< in the same bucket
  Instant change_at = Instant::max();  ///< when the next report of a change, of the group or its sources, is due
  Instant answer_at = Instant::max();  ///< when the answer to a query is due

  bool free() const noexcept { return interface == 0; }
  bool member() const noexcept { return any_source > 0 || (features::kMulticast && sources > 0); }
};

/// A source that a group is joined for, or was until now. An entry of `Groups`.
struct GroupSource {
  Address address;
  std::uint16_t group = kNoEntry;  ///< which entry; none: this one is free
  std::uint16_t joined = 0;        ///< how often
  std::uint8_t changes_left = 0;   ///< reports that it was joined or left, still to be sent
  bool asked = false;              ///< the answer that is due tells of it
};

/// The groups of all interfaces, and what routers are told of them: IGMPv3 (RFC 3376), IGMPv2 (RFC 2236) and v1 as the
/// routers of the link need it, MLDv2 (RFC 3810) and MLDv1 (RFC 2710) likewise. Every change is told as often as the
/// robustness asks for, each query is answered after a random while, and every group has its own timers for both, so
/// that no report takes the place of another.
class Groups {
 public:
  /// What is kept for each interface.
  struct State {
    Instant igmpv1_until = Instant::min();  ///< a router that knows no more was heard of (RFC 3376 §7.2.1)
    Instant igmpv2_until = Instant::min();
    Instant mldv1_until = Instant::min();  ///< RFC 3810 §8.2.1
  };

  struct Storage {
    std::span<Group> groups;  ///< up to 65535; one for each IPv6 address besides those that sockets join
    std::span<GroupSource> sources;
    std::span<State> states;  ///< one for each interface
  };

  /// `interfaces[i]` has the index i + 1.
  Groups(Link& link, std::span<Interface> interfaces, const Storage& storage) noexcept;

  /// One more that wants to hear a group on an interface, from `source`, or from anybody if that is unspecified. Each
  /// join needs its own leave. *Errors*: table_full; invalid_argument: no group, or a source of the other family;
  /// not_supported: the device cannot, or there are no sources (`features::kMulticast`).
  Result<> join(Interface& interface, const Address& group, const Address& source, Instant now) noexcept;
  /// *Errors*: address_not_available: not joined.
  Result<> leave(Interface& interface, const Address& group, const Address& source, Instant now) noexcept;

  /// Whether packets to a group are for this host; that of all hosts always is.
  bool is_member(InterfaceIndex interface, const Address& group) const noexcept;
  /// Whether somebody wants to hear them from that source.
  bool accepts(InterfaceIndex interface, const Address& group, const Address& source) const noexcept;

  /// The interface is new, or its link has come up: its device is told of the groups (again, maybe), its routers too.
  void link_up(Interface& interface, Instant now) noexcept;
  /// The interface goes away: forgets its groups, as though each had been left.
  void flush(Interface& interface) noexcept;

  /// An IGMP message, behind the IP header.
  void input_igmp(Interface& interface, const Ingress& ingress, std::span<const std::byte> message,
                  Instant now) noexcept;
  /// An MLD message with a good checksum, from its ICMPv6 header on.
  void input_mld(Interface& interface, const Ingress& ingress, std::span<const std::byte> message,
                 Instant now) noexcept;

  // Free entries are among these.
  std::span<const Group> groups() const noexcept { return storage_.groups; }
  std::span<const GroupSource> sources() const noexcept { return storage_.sources; }

  void poll(Instant now) noexcept;
  /// After the last `poll`, never before its `now`.
  Instant poll_at() const noexcept { return next_; }

 private:
  Group* find(InterfaceIndex interface, const Address& group) const noexcept;
  Group* create(InterfaceIndex interface, const Address& group) noexcept;
  void erase(Group& group) noexcept;
  GroupSource* find_source(const Group& group, const Address& source) const noexcept;
  GroupSource* create_source(const Group& group, const Address& source) noexcept;
  void free_sources(const Group& group, bool left_only) noexcept;
  Result<> device_join(Interface& interface, const Group& group) noexcept;
  void device_leave(Interface& interface, const Group& group) noexcept;
  bool shares_station(const Group& group) const noexcept;

  void mode_changed(Interface& interface, Group& group, Instant now) noexcept;
  void source_changed(Interface& interface, Group& group, GroupSource& source, Instant now) noexcept;
  void change_due(Interface& interface, Group& group, Instant now) noexcept;
  void forget_changes(Group& group) noexcept;
  void count_change(Group& group) noexcept;
  void settle(Group& group) noexcept;
  void query(Interface& interface, const Address& group, Duration max_response, std::span<const std::byte> sources,
             Instant now) noexcept;
  void asked(Group& group, Instant at, std::span<const std::byte> sources) noexcept;
  /// How old the routers are: 1 to 3, the latter standing for MLDv2 too; 2 for MLDv1.
  unsigned version(const Interface& interface, const Address& group, Instant now) const noexcept;
  void send_change(Interface& interface, Group& group, Instant now) noexcept;
  void send_answer(Interface& interface, Group& group, Instant now) noexcept;
  bool report_change(Interface& interface, const Group& group, Instant now) noexcept;
  bool report_answer(Interface& interface, const Group& group, Instant now) noexcept;
  bool send_old(Interface& interface, const Group& group, unsigned version, bool joined, Instant now) noexcept;
  void heard_report(const Interface& interface, const Address& group) noexcept;
  Duration random(Duration below) noexcept;
  State& state_of(const Interface& interface) noexcept { return storage_.states[interface.index - 1u]; }
  void due(Instant at) noexcept { next_ = at < next_ ? at : next_; }

  Link& link_;
  std::span<Interface> interfaces_;
  Storage storage_;
  ChainedTable<Group> chains_;
  HashKey key_;
  Instant next_ = Instant::max();
};

}  // namespace nal::embedded

#pragma once
#include "backends/embedded/ip/link.hpp"
#include "nal/hash.hpp"

namespace nal::embedded {

/// A group that an interface is a member of, or has just left. An entry of `Groups`.
struct Group {
  Address address;
  InterfaceIndex interface = 0;          ///< 0: the entry is free
  std::uint8_t changes_left = 0;         ///< reports of a changed filter mode (joined, left) that are still to be sent
  std::uint8_t source_changes_left = 0;  ///< reports of changed sources that are still to be sent
  bool answer_sources = false;           ///< only the sources that were asked for are to be answered (RFC 3376 §5.2)
  std::uint16_t any_source = 0;          ///< how often joined for whatever source
  std::uint16_t sources = 0;             ///< how many `GroupSource` are there, those just left among them
  std::uint16_t bucket = 0xffff;         ///< first entry of the hash bucket with this entry's number
  std::uint16_t next = 0xffff;           ///< in the same bucket
  Instant change_at = Instant::max();    ///< when the next report of a change is due
  Instant answer_at = Instant::max();    ///< when the answer to a query is due

  bool free() const noexcept { return interface == 0; }
};

/// A source that a group is joined for. An entry of `Groups`.
struct GroupSource {
  Address address;
  std::uint16_t group = 0xffff;   ///< which entry; 0xffff: this one is free
  std::uint16_t joined = 0;       ///< how often
  std::uint8_t changes_left = 0;  ///< reports that it was joined or left that are still to be sent
  bool asked = false;             ///< the answer that is due tells of it
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
  /// not_supported: the device cannot.
  Result<> join(Interface& interface, const Address& group, const Address& source, Instant now) noexcept;
  /// *Errors*: address_not_available: not joined.
  Result<> leave(Interface& interface, const Address& group, const Address& source, Instant now) noexcept;

  /// Whether packets to a group are for this host; that of all hosts always is.
  bool is_member(InterfaceIndex interface, const Address& group) const noexcept;
  /// Whether somebody wants to hear them from that source.
  bool accepts(InterfaceIndex interface, const Address& group, const Address& source) const noexcept;

  /// The interface is new, or its link has come up: the device is told of its groups, the routers too.
  void link_up(Interface& interface, Instant now) noexcept;
  /// The interface goes away: forgets its groups.
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
  void due(Instant at) noexcept { next_ = at < next_ ? at : next_; }

  Link& link_;
  std::span<Interface> interfaces_;
  Storage storage_;
  HashKey key_;
  Instant next_ = Instant::max();
};

}  // namespace nal::embedded

#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "nal/mdns/packet.hpp"
#include "nal/random.hpp"

namespace nal::mdns {

/// What a service is offered as (RFC 6763 §4).
struct Service {
  std::string_view instance{};                   ///< "Kitchen light", 1 to 63 bytes of UTF-8; any characters; copied
  std::string_view type{};                       ///< "_http._tcp"; copied
  std::uint16_t port = 0;                        ///< of this host
  std::span<const std::byte> text{};             ///< a TXT record's data, `TextBuilder` makes it; lent until withdrawn
  std::span<const std::string_view> subtypes{};  ///< "_printer" (RFC 6763 §7.1); lent until withdrawn
  std::uint16_t priority = 0;
  std::uint16_t weight = 0;
};

/// A name's way to being this host's (RFC 6762 §8).
enum class ClaimState : std::uint8_t {
  none,
  waiting,     ///< to be probed
  probing,     ///< somebody else may have it
  announcing,  ///< it is ours, and everybody is told so
  settled,
};

/// A name that this host claims: its own, or a service instance's.
struct Claim {
  ClaimState state = ClaimState::none;
  bool changed = false;        ///< nobody has been told of the state yet
  std::uint8_t count = 0;      ///< probes or announcements that were sent
  std::uint8_t conflicts = 0;  ///< since `conflict_since`; until it is settled again, once they are many
  std::uint8_t label_size = 0;
  LinkSet probe = 0;         ///< links on which to probe now
  std::uint16_t number = 0;  ///< that a conflict has put behind the label; 0: none
  Instant next{};
  Instant conflict_since{};
  std::array<char, dns::Name::kMaxLabel> label;  ///< as it was wished
};

struct ServiceSlot : Claim {
  bool in_use = false;
  std::uint8_t type_size = 0;
  std::uint16_t port = 0;
  std::uint16_t priority = 0;
  std::uint16_t weight = 0;
  std::array<std::byte, 32> type;  ///< "_x._tcp" as labels, without the root
  std::span<const std::byte> text{};
  std::span<const std::string_view> subtypes{};
};

/// A record of this host's: one of a responder's entries, made by its owner for it to fill.
struct OwnRecord {
  enum class Kind : std::uint8_t {
    address,       ///< host name → address
    reverse,       ///< address → host name
    host_types,    ///< NSEC
    instance,      ///< service type → instance
    subtype,       ///< subtype of it → instance
    service_type,  ///< _services._dns-sd._udp → service type (RFC 6763 §9)
    location,      ///< instance → SRV
    text,          ///< instance → TXT
    types,         ///< NSEC
  };
  bool in_use = false;
  bool leaving = false;  ///< to be told with no time to live, and then forgotten
  bool chosen = false;   ///< answers what is being read
  bool unicast = false;  ///< to whoever asked
  bool extra = false;    ///< of use to whoever asked for another
  bool written = false;
  Kind kind{};
  std::uint8_t owner = 0;  ///< 0: the host, else a service's number and 1
  std::uint8_t index = 0;  ///< of a subtype
  LinkSet now = 0;         ///< on which it is to be sent now
  LinkSet later = 0;       ///< with those that wait for a random time
  LinkSet held = 0;        ///< until whoever asked has said what he knows
  InterfaceId interface {};
  IpAddress address{};
};

struct ResponderStatistics {
  std::uint32_t responses = 0;   ///< messages by multicast
  std::uint32_t replies = 0;     ///< messages by unicast
  std::uint32_t probes = 0;      ///< messages
  std::uint32_t suppressed = 0;  ///< answers that the asker knew, or somebody else gave (RFC 6762 §7)
  std::uint32_t limited = 0;     ///< answers that everybody was given a second ago (RFC 6762 §6)
  std::uint32_t conflicts = 0;
  std::uint32_t malformed = 0;  ///< messages
};

/// The answering side of multicast DNS (RFC 6762 §6 to §10) and DNS-SD (RFC 6763), without sockets or clock: names that
/// are probed for, announced, defended, and given another number when somebody else has them.
class Responder {
 public:
  struct LinkState {
    Instant later_at{};
    Instant held_at{};
    IpAddress held_for{};
  };
  struct Memory {
    std::span<ServiceSlot> services;  ///< at most 254 (asserted)
    std::span<OwnRecord> records;
    std::span<LinkState> links;
    std::span<std::uint32_t> last;  ///< for each record and each link
  };
  /// Records that a host takes with that many addresses, and a service with that many subtypes.
  static constexpr std::size_t records_of_host(std::size_t addresses) noexcept { return 2 * addresses + 1; }
  static constexpr std::size_t records_of_service(std::size_t subtypes) noexcept { return 5 + subtypes; }

  /// All outlive it.
  Responder(const Network& network, const Memory& memory, Random& random) noexcept;

  /// Whether probes ask for answers by unicast (§8.1). Only for who has the port for himself (§15.1).
  void prefer_unicast(bool prefer) noexcept { unicast_ = prefer; }

  /// This host's name: one label, "kitchen", without ".local". Until it is settled no service is announced. *Errors*:
  /// invalid_argument (no label, or there is a name already: `stop` first); table_full (records).
  Result<> set_host(std::string_view label, Instant now) noexcept;
  /// After `Network::set_addresses`: what is new is announced, what is over is withdrawn. *Errors*: table_full; some
  /// addresses are not announced then.
  Result<> addresses_changed(Instant now) noexcept;
  /// Gives the service's number. *Errors*: invalid_argument; table_full (services, records); address_in_use (there is
  /// one of that instance and type).
  Result<std::uint8_t> add_service(const Service& service, Instant now) noexcept;
  /// Another TXT record, lent as before.
  void set_text(std::uint8_t service, std::span<const std::byte> text, Instant now) noexcept;
  void remove_service(std::uint8_t service, Instant now) noexcept;
  /// Everything is probed for again: after a link was down, or has become another (§8.3).
  void restart(Instant now) noexcept;
  /// Everything is withdrawn, and forgotten once that has been sent.
  void stop(Instant now) noexcept;
  /// Nothing is left of a claim that was removed: what it was lent may go.
  bool withdrawn(std::size_t claim) const noexcept;
  /// There is nothing left to send or withdraw.
  bool stopped() const noexcept;

  /// Number 0 is the host, a service's number and 1 a service.
  const Claim& claim(std::size_t number) const noexcept { return number == 0 ? host_ : services_[number - 1]; }
  /// The name as it is now, "Kitchen light (2)._http._tcp.local".
  void name_of(std::size_t claim, dns::Name& name) const noexcept;
  /// The number of a claim that has become settled or another name since it was last told.
  std::optional<std::size_t> take_change() noexcept;

  /// Takes a message. Gives the size of a reply to `from.remote`, which stands at the front of `reply` (512 bytes at
  /// least) and is to be sent before anything else; 0: none.
  std::size_t input(const dns::Message& message, const Incoming& from, Instant now,
                    std::span<std::byte> reply) noexcept;
  /// The next message to send at `now` by multicast, at the front of `out` (512 bytes at least), and on which link;
  /// 0: none.
  std::size_t poll(Instant now, std::span<std::byte> out, std::uint8_t& link) noexcept;
  Instant poll_at() const noexcept;
  bool take_news() noexcept { return std::exchange(news_, false); }

  const ResponderStatistics& statistics() const noexcept { return statistics_; }

 private:
  /// A record's data, made up.
  struct Made {
    dns::Name name;
    std::array<std::byte, 16> bytes;
    Data data{};
  };
  enum class Style : std::uint8_t { multicast, unicast, legacy };

  Claim& claim_at(std::size_t number) noexcept { return number == 0 ? host_ : services_[number - 1]; }
  std::size_t claims() const noexcept { return 1 + services_.size(); }
  bool answers_for(const OwnRecord& record) const noexcept;
  bool is_on(const OwnRecord& record, std::uint8_t link) const noexcept;
  OwnRecord* add_record(OwnRecord::Kind kind, std::uint8_t owner) noexcept;
  std::size_t free_records() const noexcept;
  LinkSet links_of(const OwnRecord& record) const noexcept;

  void type_name(const ServiceSlot& service, dns::Name& name) const noexcept;
  void owner_name(const OwnRecord& record, dns::Name& name) const noexcept;
  static dns::Type type_of(const OwnRecord& record) noexcept;
  static bool is_unique(const OwnRecord& record) noexcept;
  static std::uint32_t ttl_of(const OwnRecord& record) noexcept;
  void make_data(const OwnRecord& record, std::uint8_t link, Made& made) const noexcept;
  void make_types(const OwnRecord& record, std::uint8_t link, Made& made) const noexcept;

  void withdraw(OwnRecord& record) noexcept;
  void withdraw_owner(std::uint8_t owner, bool announced) noexcept;
  void begin(Claim& claim, Instant now) noexcept;
  void announce(Claim& claim, Instant now) noexcept;
  void conflict(std::size_t number, Instant now) noexcept;

  // What others say: responder_input.cpp.
  void input_response(dns::Message message, const Incoming& from, Instant now) noexcept;
  void heard_record(const dns::Name& name, const dns::Record& record, const Data& data, const Incoming& from,
                    Instant now) noexcept;
  void heard_claimed(std::size_t number, const dns::Record& record, const Data& data, Instant now) noexcept;
  void heard_same(OwnRecord& own, const dns::Record& record, const Incoming& from, Instant now) noexcept;
  std::size_t input_query(dns::Message message, const Incoming& from, Instant now, std::span<std::byte> reply) noexcept;
  void choose(const dns::Name& name, dns::Type type, bool unicast, const Incoming& from) noexcept;
  void strike_known(dns::Message message, const Incoming& from) noexcept;
  std::size_t reply_legacy(dns::Message message, const Incoming& from, Instant now,
                           std::span<std::byte> reply) noexcept;
  void schedule(const Incoming& from, bool probe, bool truncated, Instant now) noexcept;
  void resolve_probe(const dns::Name& name, const dns::Message& message, Instant now) noexcept;
  int compare_proposals(std::size_t number, const dns::Name& name, const dns::Message& message) const noexcept;
  bool all_ours(std::size_t number, const dns::Name& name, dns::Message message) const noexcept;
  bool has_data(std::size_t number, dns::Type type, const Data& data) const noexcept;
  bool is_proposed(const OwnRecord& record, std::size_t number) const noexcept;

  // What is said: responder_output.cpp.
  void tick(Instant now) noexcept;
  void advance(std::size_t number, Instant now) noexcept;
  bool put(PacketWriter& writer, dns::Section section, OwnRecord& record, std::uint8_t link, Style style) noexcept;
  void put_all(PacketWriter& writer, std::uint8_t link, Style style, Instant now) noexcept;
  bool selected(const OwnRecord& record, std::uint8_t link, Style style) const noexcept;
  bool said_already(const OwnRecord& record) const noexcept;
  void mark_extras(const OwnRecord& record) noexcept;
  void was_sent(OwnRecord& record, std::uint8_t link, Instant now) noexcept;
  bool sent_within(const OwnRecord& record, std::uint8_t link, Duration time, Instant now) const noexcept;
  std::size_t write_probe(Instant now, std::span<std::byte> out, std::uint8_t& link) noexcept;
  std::size_t write_response(Instant now, std::span<std::byte> out, std::uint8_t& link) noexcept;
  std::uint32_t& last(const OwnRecord& record, std::uint8_t link) const noexcept {
    return last_[static_cast<std::size_t>(&record - records_.data()) * link_states_.size() + link];
  }
  Duration random(std::uint32_t from_ms, std::uint32_t to_ms) noexcept;

  const Network* network_;
  std::span<ServiceSlot> services_;
  std::span<OwnRecord> records_;
  std::span<LinkState> link_states_;
  std::span<std::uint32_t> last_;  ///< when a record was last sent on a link, in milliseconds; 0: never
  Random* random_;
  Claim host_;
  ResponderStatistics statistics_{};
  bool unicast_ = false;
  bool news_ = false;
};

/// "_http._tcp" as labels without the root; empty if it is no type of a service (RFC 6763 §7).
std::span<const std::byte> service_type(std::string_view text, std::span<std::byte, 32> out) noexcept;

}  // namespace nal::mdns

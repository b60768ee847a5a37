// What a responder makes of the messages of others: questions, and names that are not theirs.
#include <cstring>

#include "nal/assert.hpp"
#include "nal/mdns/responder.hpp"

namespace nal::mdns {
namespace {

using namespace nal::literals;

/// More of one message is not looked at.
constexpr unsigned kMostRecords = 256;
constexpr unsigned kMostQuestions = 32;
constexpr std::uint16_t kAnyClass = 255;
/// RFC 6762 §6: a record is multicast at most so often, but for the defence of a name.
constexpr Duration kRateLimit = 1_s;
constexpr Duration kDefenceLimit = 250_ms;
/// RFC 6762 §8.2: how long to wait for whoever has won a name to announce it.
constexpr Duration kDeferral = 1_s;

int compare(std::span<const std::byte> a, std::span<const std::byte> b) noexcept {
  const std::size_t size = a.size() < b.size() ? a.size() : b.size();
  const int order = size == 0 ? 0 : std::memcmp(a.data(), b.data(), size);
  if (order != 0) { return order; }
  return a.size() < b.size() ? -1 : (a.size() > b.size() ? 1 : 0);
}

/// A record as simultaneous probes compare them (RFC 6762 §8.2): by type, then by data, names uncompressed. All are of
/// one class.
struct Proposal {
  dns::Type type{};
  const Data* data = nullptr;
};
int compare(const Proposal& a, const Proposal& b) noexcept {
  if (a.type != b.type) { return a.type < b.type ? -1 : 1; }
  // Data of one type has its name at one place, so part by part is byte by byte.
  for (const auto part : {&Data::front, &Data::name, &Data::back}) {
    if (const int order = compare(a.data->*part, b.data->*part); order != 0) { return order; }
  }
  return 0;
}

/// Calls `f(record, name, data)` for each good record of the internet's class, as long as it says true.
template <class F>
bool each_record(dns::Message& message, F&& f) noexcept {
  dns::Record record;
  for (unsigned i = 0; i < kMostRecords; ++i) {
    const auto more = message.next(record);
    if (!more || !*more) { return more.has_value(); }
    dns::Name name;
    RecordData data;
    if ((record.record_class & ~kTopBit) != dns::kInternet || record.type == dns::Type::opt ||
        !name.set_wire(message.bytes(), record.name) || !data.read(message, record)) {
      continue;
    }
    if (!f(record, name, data.data())) { return true; }
  }
  return true;
}

}  // namespace

std::size_t Responder::input(const dns::Message& message, const Incoming& from, Instant now,
                             std::span<std::byte> reply) noexcept {
  const dns::Header& header = message.header();
  // RFC 6762 §18.3, §18.11.
  if (header.opcode() != 0 || header.code() != dns::ResponseCode::no_error) { return 0; }
  if (!header.is(dns::Header::kResponse)) { return input_query(message, from, now, reply); }
  if (from.remote.port == kPort) { input_response(message, from, now); }
  return 0;
}

// Responses.

void Responder::input_response(dns::Message message, const Incoming& from, Instant now) noexcept {
  const bool whole =
      each_record(message, [&](const dns::Record& record, const dns::Name& name, const Data& data) noexcept {
        if (record.section != dns::Section::authority) { heard_record(name, record, data, from, now); }
        return true;
      });
  if (!whole) { ++statistics_.malformed; }
}

void Responder::heard_record(const dns::Name& name, const dns::Record& record, const Data& data, const Incoming& from,
                             Instant now) noexcept {
  dns::Name own;
  for (std::size_t number = 0; number < claims(); ++number) {
    if (claim(number).state < ClaimState::probing) { continue; }
    name_of(number, own);
    if (own == name) { heard_claimed(number, record, data, now); }
  }
  for (OwnRecord& mine : records_) {
    if (!answers_for(mine) || !is_on(mine, from.link) || type_of(mine) != record.type) { continue; }
    owner_name(mine, own);
    if (!(own == name)) { continue; }
    Made made;
    make_data(mine, from.link, made);
    if (same_data(made.data, data)) { heard_same(mine, record, from, now); }
  }
}

bool Responder::has_data(std::size_t number, dns::Type type, const Data& data) const noexcept {
  Made made;
  for (const OwnRecord& record : records_) {
    if (!is_proposed(record, number) || type_of(record) != type) { continue; }
    make_data(record, 0, made);
    if (same_data(made.data, data)) { return true; }
  }
  return false;
}

/// Somebody says something about a name of ours.
void Responder::heard_claimed(std::size_t number, const dns::Record& record, const Data& data, Instant now) noexcept {
  if (record.ttl == 0 || record.type == dns::Type::nsec || has_data(number, record.type, data)) { return; }
  if (claim(number).state == ClaimState::probing) {
    conflict(number, now);
    return;
  }
  // RFC 6762 §9: the same name, type and class, and other data.
  for (const OwnRecord& mine : records_) {
    if (is_proposed(mine, number) && !mine.leaving && type_of(mine) == record.type) {
      conflict(number, now);
      return;
    }
  }
}

/// Somebody says what this host says, too.
void Responder::heard_same(OwnRecord& own, const dns::Record& record, const Incoming& from, Instant now) noexcept {
  const std::uint32_t ttl = ttl_of(own);
  const LinkSet bit = link_bit(from.link);
  if (record.ttl < ttl / 2) {
    // RFC 6762 §6.6: else it would be forgotten too early.
    if (sent_within(own, from.link, kRateLimit, now)) { return; }
    own.later |= bit;
    LinkState& link = link_states_[from.link];
    const Instant at = now + random(20, 120);
    if (at < link.later_at) { link.later_at = at; }
  } else if (record.ttl >= ttl && !is_unique(own) && ((own.later | own.held) & bit) != 0) {
    // RFC 6762 §7.4.
    own.later = static_cast<LinkSet>(own.later & ~bit);
    own.held = static_cast<LinkSet>(own.held & ~bit);
    ++statistics_.suppressed;
  }
}

// Questions.

std::size_t Responder::input_query(dns::Message message, const Incoming& from, Instant now,
                                   std::span<std::byte> reply) noexcept {
  const dns::Message whole = message;
  const bool probe = message.header().authorities != 0;
  for (OwnRecord& record : records_) { record.chosen = record.unicast = false; }
  dns::Question question;
  for (unsigned i = 0; i < kMostQuestions; ++i) {
    const auto more = message.next(question);
    if (!more) {
      ++statistics_.malformed;
      return 0;
    }
    if (!*more) { break; }
    const auto asked_class = static_cast<std::uint16_t>(question.record_class & ~kTopBit);
    dns::Name name;
    if ((asked_class != dns::kInternet && asked_class != kAnyClass) || !name.set_wire(message.bytes(), question.name)) {
      continue;
    }
    if (probe && from.remote.port == kPort) { resolve_probe(name, whole, now); }
    choose(name, question.type, (question.record_class & kTopBit) != 0, from);
  }
  strike_known(whole, from);
  if (from.remote.port != kPort) { return reply_legacy(whole, from, now, reply); }
  schedule(from, probe, message.header().is(dns::Header::kTruncated), now);
  bool any = false;
  for (const OwnRecord& record : records_) { any = any || selected(record, from.link, Style::unicast); }
  if (!any) { return 0; }
  PacketWriter writer(reply, 0, dns::Header::kResponse | dns::Header::kAuthoritative);
  put_all(writer, from.link, Style::unicast, now);
  if (writer.empty()) { return 0; }
  ++statistics_.replies;
  return writer.message().size();
}

void Responder::choose(const dns::Name& name, dns::Type type, bool unicast, const Incoming& from) noexcept {
  bool found = false;
  OwnRecord* types = nullptr;
  dns::Name own;
  for (OwnRecord& record : records_) {
    if (!answers_for(record) || !is_on(record, from.link)) { continue; }
    const dns::Type mine = type_of(record);
    const bool of_type = mine == type || (type == dns::Type::any && mine != dns::Type::nsec);
    if (!of_type && mine != dns::Type::nsec) { continue; }
    owner_name(record, own);
    if (!(own == name)) { continue; }
    if (!of_type) {
      types = &record;
      continue;
    }
    found = record.chosen = true;
    record.unicast = record.unicast || unicast;
  }
  // RFC 6762 §6.1: the name is ours, and has none of those.
  if (!found && types && type != dns::Type::any) {
    types->chosen = true;
    types->unicast = types->unicast || unicast;
  }
}

/// RFC 6762 §7.1: what the asker knows, and will know for long enough. Of somebody who had more to say (§7.2), also
/// what waits for him.
void Responder::strike_known(dns::Message message, const Incoming& from) noexcept {
  LinkState& link = link_states_[from.link];
  const bool more = !link.held_at.is_never() && link.held_for == from.remote.address;
  bool any = more;
  for (const OwnRecord& record : records_) { any = any || record.chosen; }
  if (!any) { return; }
  dns::Name own;
  each_record(message, [&](const dns::Record& record, const dns::Name& name, const Data& data) noexcept {
    if (record.section != dns::Section::answer) { return false; }
    for (OwnRecord& mine : records_) {
      const bool concerned = mine.chosen || (more && (mine.held & link_bit(from.link)) != 0);
      if (!mine.in_use || !concerned || type_of(mine) != record.type || record.ttl < ttl_of(mine) / 2) { continue; }
      owner_name(mine, own);
      if (!(own == name)) { continue; }
      Made made;
      make_data(mine, from.link, made);
      if (!same_data(made.data, data)) { continue; }
      mine.chosen = mine.unicast = false;
      if (more) { mine.held = static_cast<LinkSet>(mine.held & ~link_bit(from.link)); }
      ++statistics_.suppressed;
    }
    return true;
  });
}

/// RFC 6762 §6.7: as a name server would, with the question and its id.
std::size_t Responder::reply_legacy(dns::Message message, const Incoming& from, Instant now,
                                    std::span<std::byte> reply) noexcept {
  bool any = false;
  for (OwnRecord& record : records_) {
    record.unicast = record.chosen;
    any = any || record.chosen;
  }
  if (!any) { return 0; }
  PacketWriter writer(reply, message.header().id, dns::Header::kResponse | dns::Header::kAuthoritative);
  dns::Question question;
  for (unsigned i = 0; i < kMostQuestions; ++i) {
    const auto more = message.next(question);
    if (!more || !*more) { break; }
    dns::Name name;
    if (name.set_wire(message.bytes(), question.name)) {
      writer.question(name.wire(), question.type, static_cast<std::uint16_t>(question.record_class & ~kTopBit));
    }
  }
  put_all(writer, from.link, Style::legacy, now);
  ++statistics_.replies;
  return writer.message().size();
}

/// What is to be said to all: at once if nobody else can have it to say, else after a random time (RFC 6762 §6), or
/// when the asker has said all that he knows (§7.2). What stays chosen goes to him alone (§5.4).
void Responder::schedule(const Incoming& from, bool probe, bool truncated, Instant now) noexcept {
  LinkState& link = link_states_[from.link];
  const LinkSet bit = link_bit(from.link);
  bool held = false;
  bool later = false;
  for (OwnRecord& record : records_) {
    if (!record.chosen) { continue; }
    const Duration quarter = Duration::seconds(ttl_of(record) / 4);
    if (record.unicast && sent_within(record, from.link, quarter, now)) { continue; }
    record.chosen = record.unicast = false;
    if (sent_within(record, from.link, probe ? kDefenceLimit : kRateLimit, now)) {
      ++statistics_.limited;
    } else if (probe || (!truncated && is_unique(record))) {
      record.now |= bit;
    } else if (truncated) {
      record.held |= bit;
      held = true;
    } else {
      record.later |= bit;
      later = true;
    }
  }
  if (held && link.held_at.is_never()) {
    link.held_at = now + random(400, 500);
    link.held_for = from.remote.address;
  }
  if (later) {
    const Instant at = now + random(20, 120);
    if (at < link.later_at) { link.later_at = at; }
  }
}

// Simultaneous probes (RFC 6762 §8.2).

void Responder::resolve_probe(const dns::Name& name, const dns::Message& message, Instant now) noexcept {
  dns::Name own;
  for (std::size_t number = 0; number < claims(); ++number) {
    Claim& claim = claim_at(number);
    if (claim.state != ClaimState::probing) { continue; }
    name_of(number, own);
    if (!(own == name) || compare_proposals(number, name, message) >= 0) { continue; }
    begin(claim, now);
    claim.next = now + kDeferral;
  }
}

/// Everything that is proposed there is ours, on this link or another.
bool Responder::all_ours(std::size_t number, const dns::Name& name, dns::Message message) const noexcept {
  bool ours = true;
  each_record(message, [&](const dns::Record& record, const dns::Name& of, const Data& data) noexcept {
    if (record.section == dns::Section::authority && of == name) { ours = has_data(number, record.type, data); }
    return ours;
  });
  return ours;
}

/// Below 0: theirs wins. Both sets in ascending order, record by record; who runs out first loses.
int Responder::compare_proposals(std::size_t number, const dns::Name& name,
                                 const dns::Message& message) const noexcept {
  if (all_ours(number, name, message)) { return 0; }
  // Without memory for either set: each step finds the least record above the one before, which both have in common.
  constexpr unsigned kMostSteps = 16;
  Made before;
  Proposal last{};
  for (unsigned step = 0; step < kMostSteps; ++step) {
    Made mine;
    Proposal own{};
    const OwnRecord* least = nullptr;
    for (const OwnRecord& record : records_) {
      if (!is_proposed(record, number) || record.leaving) { continue; }
      Made made;
      make_data(record, 0, made);
      const Proposal next{type_of(record), &made.data};
      if ((last.data && compare(next, last) <= 0) || (own.data && compare(next, own) >= 0)) { continue; }
      least = &record;
      make_data(record, 0, mine);
      own = {type_of(record), &mine.data};
    }
    // Of theirs it is enough to know whether one comes before ours, and whether ours is among them.
    bool below = false;
    bool same = false;
    bool any = false;
    dns::Message again = message;
    each_record(again, [&](const dns::Record& record, const dns::Name& of, const Data& data) noexcept {
      const Proposal theirs{record.type, &data};
      if (record.section != dns::Section::authority || !(of == name) || (last.data && compare(theirs, last) <= 0)) {
        return true;
      }
      any = true;
      if (own.data) {
        const int order = compare(theirs, own);
        below = below || order < 0;
        same = same || order == 0;
      }
      return true;
    });
    if (!least) { return any ? -1 : 0; }
    if (!any || below) { return 1; }  // theirs has run out, or its next is less
    if (!same) { return -1; }
    make_data(*least, 0, before);
    last = {type_of(*least), &before.data};
  }
  return 0;
}

}  // namespace nal::mdns

// What a responder says: probes, announcements, answers.
#include "nal/assert.hpp"
#include "nal/mdns/responder.hpp"

namespace nal::mdns {
namespace {

using namespace nal::literals;

constexpr std::uint8_t kProbes = 3;  // RFC 6762 §8.1
constexpr Duration kProbeInterval = 250_ms;
constexpr std::uint8_t kAnnouncements = 2;  // RFC 6762 §8.3
constexpr Duration kAnnounceInterval = 1_s;
constexpr std::uint32_t kLegacyTtl = 10;  // RFC 6762 §6.7, at most
/// RFC 6762 §6: what everybody was told so lately need not be told again.
constexpr Duration kRateLimit = 1_s;
constexpr std::size_t kProbesTogether = 8;

std::uint32_t milliseconds(Instant now) noexcept {
  const auto value = static_cast<std::uint32_t>(now.microseconds() / 1000);
  return value == 0 ? 1 : value;
}

}  // namespace

bool Responder::sent_within(const OwnRecord& record, std::uint8_t link, Duration time, Instant now) const noexcept {
  const std::uint32_t before = last(record, link);
  return before != 0 && milliseconds(now) - before < static_cast<std::uint32_t>(time.milliseconds());
}

bool Responder::is_proposed(const OwnRecord& record, std::size_t number) const noexcept {
  using Kind = OwnRecord::Kind;
  return record.in_use && record.owner == number &&
         (record.kind == Kind::address || record.kind == Kind::location || record.kind == Kind::text);
}

void Responder::tick(Instant now) noexcept {
  advance(0, now);
  for (std::size_t number = 1; number < claims(); ++number) {
    if (host_.state >= ClaimState::announcing) { advance(number, now); }
  }
  for (std::size_t link = 0; link < link_states_.size(); ++link) {
    LinkState& state = link_states_[link];
    const bool later = state.later_at <= now;
    const bool held = state.held_at <= now;
    if (!later && !held) { continue; }
    const LinkSet bit = link_bit(link);
    for (OwnRecord& record : records_) {
      if (later && (record.later & bit) != 0) { record.now |= bit; }
      if (held && (record.held & bit) != 0) { record.now |= bit; }
      if (later) { record.later = static_cast<LinkSet>(record.later & ~bit); }
      if (held) { record.held = static_cast<LinkSet>(record.held & ~bit); }
    }
    if (later) { state.later_at = Instant::max(); }
    if (held) { state.held_at = Instant::max(); }
  }
}

void Responder::advance(std::size_t number, Instant now) noexcept {
  Claim& claim = claim_at(number);
  if (claim.state == ClaimState::none || claim.state == ClaimState::settled || claim.next > now) { return; }
  if (claim.state == ClaimState::waiting) {
    claim.state = ClaimState::probing;
    claim.count = 0;
  }
  if (claim.state == ClaimState::probing) {
    if (claim.count < kProbes) {
      ++claim.count;
      claim.probe = network_->all_links();
      claim.next = now + kProbeInterval;
      return;
    }
    claim.state = ClaimState::announcing;
    claim.count = 0;
    claim.changed = news_ = true;
    if (number == 0) {
      // Where the services are has perhaps another name now.
      for (ServiceSlot& service : services_) {
        if (service.state >= ClaimState::announcing) { announce(service, now); }
      }
    }
  }
  if (claim.count == kAnnouncements) {
    claim.state = ClaimState::settled;
    claim.conflicts = 0;
    return;
  }
  ++claim.count;
  claim.next = now + kAnnounceInterval;
  for (OwnRecord& record : records_) {
    if (record.in_use && record.owner == number && type_of(record) != dns::Type::nsec) {
      record.now = links_of(record);
    }
  }
}

// Messages.

bool Responder::put(PacketWriter& writer, dns::Section section, OwnRecord& record, std::uint8_t link,
                    Style style) noexcept {
  dns::Name name;
  owner_name(record, name);
  Made made;
  make_data(record, link, made);
  std::uint32_t ttl = record.leaving ? 0 : ttl_of(record);
  if (style == Style::legacy && ttl > kLegacyTtl) { ttl = kLegacyTtl; }
  // What leaves does not take others of that name and type with it.
  const bool alone = is_unique(record) && style != Style::legacy && !record.leaving;
  return writer.record(section, name.wire(), type_of(record),
                       static_cast<std::uint16_t>(dns::kInternet | (alone ? kTopBit : 0)), ttl, made.data);
}

bool Responder::selected(const OwnRecord& record, std::uint8_t link, Style style) const noexcept {
  if (!is_on(record, link)) { return false; }
  return style == Style::multicast ? (record.now & link_bit(link)) != 0 : record.chosen && record.unicast;
}

void Responder::was_sent(OwnRecord& record, std::uint8_t link, Instant now) noexcept {
  const auto others = static_cast<LinkSet>(~link_bit(link));
  record.now &= others;
  record.later &= others;
  record.held &= others;
  last(record, link) = milliseconds(now);
}

/// RFC 6763 §12, RFC 6762 §6.2: what whoever gets this record will ask for next.
void Responder::mark_extras(const OwnRecord& record) noexcept {
  using Kind = OwnRecord::Kind;
  const bool to_instance = record.kind == Kind::instance || record.kind == Kind::subtype;
  const bool to_host = to_instance || record.kind == Kind::location || record.kind == Kind::address;
  for (OwnRecord& other : records_) {
    const bool of_instance = other.kind == Kind::location || other.kind == Kind::text || other.kind == Kind::types;
    const bool of_host = other.kind == Kind::address || other.kind == Kind::host_types;
    if ((to_instance && of_instance && other.owner == record.owner) || (to_host && of_host)) { other.extra = true; }
  }
}

/// Services of one type have this record in common.
bool Responder::said_already(const OwnRecord& record) const noexcept {
  if (record.kind != OwnRecord::Kind::service_type) { return false; }
  const ServiceSlot& service = services_[record.owner - 1];
  for (const OwnRecord& other : records_) {
    if (!other.written || other.kind != record.kind) { continue; }
    const ServiceSlot& before = services_[other.owner - 1];
    if (same_data({.name = std::span(before.type).first(before.type_size)},
                  {.name = std::span(service.type).first(service.type_size)})) {
      return true;
    }
  }
  return false;
}

/// Answers, and behind them what is of use. What does not fit among the answers stays selected.
void Responder::put_all(PacketWriter& writer, std::uint8_t link, Style style, Instant now) noexcept {
  for (OwnRecord& record : records_) { record.extra = record.written = false; }
  for (OwnRecord& record : records_) {
    if (!selected(record, link, style)) { continue; }
    if (said_already(record)) {
      was_sent(record, link, now);
      continue;
    }
    if (!put(writer, dns::Section::answer, record, link, style)) {
      // A message of its own would not hold it either.
      if (writer.empty()) { record.now = static_cast<LinkSet>(record.now & ~link_bit(link)); }
      if (style == Style::legacy) { writer.set_truncated(); }
      return;
    }
    record.written = true;
    record.chosen = record.unicast = false;
    if (style == Style::multicast) { was_sent(record, link, now); }
    if (!record.leaving) { mark_extras(record); }
  }
  for (OwnRecord& record : records_) {
    const bool useful = record.extra && !record.written && answers_for(record) && is_on(record, link);
    if (!useful || (style == Style::multicast && sent_within(record, link, kRateLimit, now))) { continue; }
    if (!put(writer, dns::Section::additional, record, link, style)) { return; }
    if (style == Style::multicast) { was_sent(record, link, now); }
  }
}

std::size_t Responder::write_probe(Instant now, std::span<std::byte> out, std::uint8_t& link) noexcept {
  static_cast<void>(now);
  for (link = 0; link < link_states_.size(); ++link) {
    PacketWriter writer(out, 0, 0);
    std::array<std::uint8_t, kProbesTogether> together;
    std::size_t count = 0;
    dns::Name name;
    for (std::size_t number = 0; number < claims() && count < together.size(); ++number) {
      Claim& claim = claim_at(number);
      if ((claim.probe & link_bit(link)) == 0) { continue; }
      name_of(number, name);
      if (!writer.question(name.wire(), dns::Type::any,
                           static_cast<std::uint16_t>(dns::kInternet | (unicast_ ? kTopBit : 0)))) {
        break;
      }
      claim.probe = static_cast<LinkSet>(claim.probe & ~link_bit(link));
      together[count++] = static_cast<std::uint8_t>(number);
    }
    if (count == 0) { continue; }
    // What does not fit only matters when somebody else begins at the same moment, who then sees less of it.
    for (std::size_t i = 0; i < count; ++i) {
      for (OwnRecord& record : records_) {
        if (!is_proposed(record, together[i]) || record.leaving || !is_on(record, link)) { continue; }
        Made made;
        make_data(record, link, made);
        name_of(together[i], name);
        writer.record(dns::Section::authority, name.wire(), type_of(record), dns::kInternet, ttl_of(record), made.data);
      }
    }
    ++statistics_.probes;
    return writer.message().size();
  }
  return 0;
}

std::size_t Responder::write_response(Instant now, std::span<std::byte> out, std::uint8_t& link) noexcept {
  for (link = 0; link < link_states_.size(); ++link) {
    bool any = false;
    for (const OwnRecord& record : records_) { any = any || selected(record, link, Style::multicast); }
    if (!any) { continue; }
    PacketWriter writer(out, 0, dns::Header::kResponse | dns::Header::kAuthoritative);
    put_all(writer, link, Style::multicast, now);
    if (writer.empty()) { continue; }
    ++statistics_.responses;
    return writer.message().size();
  }
  return 0;
}

std::size_t Responder::poll(Instant now, std::span<std::byte> out, std::uint8_t& link) noexcept {
  tick(now);
  std::size_t size = write_probe(now, out, link);
  if (size == 0) { size = write_response(now, out, link); }
  for (OwnRecord& record : records_) {
    if (record.leaving && (record.now & network_->all_links()) == 0) {
      record.in_use = record.leaving = false;
      news_ = true;
    }
  }
  return size;
}

Instant Responder::poll_at() const noexcept {
  Instant at = Instant::max();
  const auto sooner = [&at](Instant when) { at = when < at ? when : at; };
  for (std::size_t number = 0; number < 1 + services_.size(); ++number) {
    const Claim& claim = this->claim(number);
    if (claim.probe != 0) { return Instant::min(); }
    if (claim.state == ClaimState::none || claim.state == ClaimState::settled) { continue; }
    if (number == 0 || host_.state >= ClaimState::announcing) { sooner(claim.next); }
  }
  for (const OwnRecord& record : records_) {
    if (record.in_use && (record.leaving || (record.now & network_->all_links()) != 0)) { return Instant::min(); }
  }
  for (const LinkState& link : link_states_) {
    sooner(link.later_at);
    sooner(link.held_at);
  }
  return at;
}

}  // namespace nal::mdns

// What a responder has: claims and their records.
#include "nal/mdns/responder.hpp"

#include <cstring>

#include "nal/assert.hpp"

namespace nal::mdns {
namespace {

using namespace nal::literals;

constexpr std::uint32_t kHostTtl = 120;    // RFC 6762 §10: of records that tell a host's name or address
constexpr std::uint32_t kOtherTtl = 4500;  // and of others
/// RFC 6762 §8.1: after so many conflicts in so much time, an attempt at most every so often.
constexpr std::uint8_t kManyConflicts = 15;
constexpr Duration kConflictWindow = 10_s;
constexpr Duration kConflictPause = 5_s;

constexpr std::byte kLocal[] = {std::byte{5},   std::byte{'l'}, std::byte{'o'}, std::byte{'c'},
                                std::byte{'a'}, std::byte{'l'}, std::byte{0}};

void append_label(dns::Name& name, std::string_view text) noexcept {
  std::array<std::byte, 2 + dns::Name::kMaxLabel> label;
  label[0] = static_cast<std::byte>(text.size());
  std::memcpy(&label[1], text.data(), text.size());
  label[1 + text.size()] = std::byte{0};
  static_cast<void>(name.append(std::span(label).first(text.size() + 2)));
}

bool is_label(std::string_view text) noexcept { return !text.empty() && text.size() <= dns::Name::kMaxLabel; }

/// The wish, and the number behind it: "host-2", "Instance (2)". What has no room is cut, but no character in two.
std::string_view label_of(const Claim& claim, bool host, std::array<char, dns::Name::kMaxLabel>& out) noexcept {
  const std::string_view wish(claim.label.data(), claim.label_size);
  if (claim.number == 0) { return wish; }
  std::array<char, 10> digits;
  TextWriter number(digits);
  number.put(host ? "-" : " (");
  number.put_decimal(claim.number);
  if (!host) { number.put(')'); }
  const std::string_view behind = *number.text();
  std::size_t size = wish.size() < out.size() - behind.size() ? wish.size() : out.size() - behind.size();
  while (size > 0 && size < wish.size() && (static_cast<unsigned char>(wish[size]) & 0xc0) == 0x80) { --size; }
  TextWriter writer(out);
  writer.put(detail::first(wish, size));
  writer.put(behind);
  return *writer.text();
}

}  // namespace

std::span<const std::byte> service_type(std::string_view text, std::span<std::byte, 32> out) noexcept {
  dns::Name name;
  if (!name.set_text(text)) { return {}; }
  const auto wire = name.wire();
  const std::size_t first = std::to_integer<std::size_t>(wire[0]);
  // An underscore and up to 15 characters, then one of two protocols.
  if (first < 2 || first > 16 || wire.size() != 1 + first + 6 || wire[1] != std::byte{'_'}) { return {}; }
  const std::span<const std::byte> protocol = wire.subspan(1 + first);
  for (const char* known : {"\4_tcp", "\4_udp"}) {
    if (!same_data({.name = protocol}, {.name = std::as_bytes(std::span(known, 6))})) { continue; }
    std::memcpy(out.data(), wire.data(), wire.size() - 1);
    return out.first(wire.size() - 1);
  }
  return {};
}

Responder::Responder(const Network& network, const Memory& memory, Random& random) noexcept
    : network_(&network),
      services_(memory.services),
      records_(memory.records),
      link_states_(memory.links),
      last_(memory.last),
      random_(&random) {
  NAL_ASSERT(services_.size() <= 254 && last_.size() >= records_.size() * link_states_.size());
  for (LinkState& link : link_states_) { link = {.later_at = Instant::max(), .held_at = Instant::max()}; }
}

Duration Responder::random(std::uint32_t from_ms, std::uint32_t to_ms) noexcept {
  return Duration::microseconds(std::int64_t{from_ms} * 1000 + random_->below((to_ms - from_ms) * 1000 + 1));
}

OwnRecord* Responder::add_record(OwnRecord::Kind kind, std::uint8_t owner) noexcept {
  for (OwnRecord& record : records_) {
    if (record.in_use) { continue; }
    record = {.in_use = true, .kind = kind, .owner = owner};
    for (std::size_t link = 0; link < link_states_.size(); ++link) {
      last(record, static_cast<std::uint8_t>(link)) = 0;
    }
    return &record;
  }
  return nullptr;
}

std::size_t Responder::free_records() const noexcept {
  std::size_t count = 0;
  for (const OwnRecord& record : records_) { count += record.in_use ? 0 : 1; }
  return count;
}

LinkSet Responder::links_of(const OwnRecord& record) const noexcept { return network_->links_of(record.interface); }

bool Responder::is_on(const OwnRecord& record, std::uint8_t link) const noexcept {
  return record.in_use && (links_of(record) & link_bit(link)) != 0;
}

bool Responder::answers_for(const OwnRecord& record) const noexcept {
  return record.in_use && !record.leaving && claim(record.owner).state >= ClaimState::announcing;
}

// Names.

void Responder::name_of(std::size_t number, dns::Name& name) const noexcept {
  const Claim& claim = this->claim(number);
  std::array<char, dns::Name::kMaxLabel> label;
  name.clear();
  append_label(name, label_of(claim, number == 0, label));
  if (number == 0) {
    static_cast<void>(name.append(kLocal));
    return;
  }
  dns::Name type;
  type_name(services_[number - 1], type);
  static_cast<void>(name.append(type.wire()));
}

void Responder::type_name(const ServiceSlot& service, dns::Name& name) const noexcept {
  name.clear();
  std::array<std::byte, 33> wire;
  std::memcpy(wire.data(), service.type.data(), service.type_size);
  wire[service.type_size] = std::byte{0};
  static_cast<void>(name.append(std::span(wire).first(service.type_size + 1U)));
  static_cast<void>(name.append(kLocal));
}

void Responder::owner_name(const OwnRecord& record, dns::Name& name) const noexcept {
  using Kind = OwnRecord::Kind;
  switch (record.kind) {
    case Kind::reverse: name.set_reverse(record.address); return;
    case Kind::instance: type_name(services_[record.owner - 1], name); return;
    case Kind::subtype: {
      const ServiceSlot& service = services_[record.owner - 1];
      dns::Name type;
      type_name(service, type);
      name.clear();
      append_label(name, service.subtypes[record.index]);
      append_label(name, "_sub");
      static_cast<void>(name.append(type.wire()));
      return;
    }
    case Kind::service_type: static_cast<void>(name.set_text("_services._dns-sd._udp.local")); return;
    default: name_of(record.owner, name);
  }
}

// Records.

dns::Type Responder::type_of(const OwnRecord& record) noexcept {
  using Kind = OwnRecord::Kind;
  switch (record.kind) {
    case Kind::address: return record.address.is_v4() ? dns::Type::a : dns::Type::aaaa;
    case Kind::location: return dns::Type::srv;
    case Kind::text: return dns::Type::txt;
    case Kind::host_types:
    case Kind::types: return dns::Type::nsec;
    default: return dns::Type::ptr;
  }
}

bool Responder::is_unique(const OwnRecord& record) noexcept {
  using Kind = OwnRecord::Kind;
  return record.kind != Kind::instance && record.kind != Kind::subtype && record.kind != Kind::service_type;
}

std::uint32_t Responder::ttl_of(const OwnRecord& record) noexcept {
  using Kind = OwnRecord::Kind;
  switch (record.kind) {
    case Kind::address:
    case Kind::reverse:
    case Kind::host_types:
    case Kind::location: return kHostTtl;
    default: return kOtherTtl;
  }
}

void Responder::make_data(const OwnRecord& record, std::uint8_t link, Made& made) const noexcept {
  using Kind = OwnRecord::Kind;
  made.data = {};
  switch (record.kind) {
    case Kind::address: {
      const auto bytes = std::as_bytes(record.address.bytes());
      std::memcpy(made.bytes.data(), bytes.data(), bytes.size());
      made.data.front = std::span(made.bytes).first(bytes.size());
      return;
    }
    case Kind::text: {
      // There is at least one string (RFC 6763 §6.1).
      made.bytes[0] = std::byte{0};
      const auto text = services_[record.owner - 1].text;
      made.data.front = text.empty() ? std::span<const std::byte>(made.bytes).first(1) : text;
      return;
    }
    case Kind::location: {
      const ServiceSlot& service = services_[record.owner - 1];
      dns::WireWriter writer(made.bytes);
      writer.u16(service.priority);
      writer.u16(service.weight);
      writer.u16(service.port);
      made.data.front = std::span(made.bytes).first(6);
      name_of(0, made.name);
      break;
    }
    case Kind::reverse: name_of(0, made.name); break;
    case Kind::service_type: type_name(services_[record.owner - 1], made.name); break;
    case Kind::instance:
    case Kind::subtype: name_of(record.owner, made.name); break;
    case Kind::host_types:
    case Kind::types: make_types(record, link, made); break;
  }
  made.data.name = made.name.wire();
}

/// RFC 6762 §6.1: the record's own name, and one window of types.
void Responder::make_types(const OwnRecord& record, std::uint8_t link, Made& made) const noexcept {
  name_of(record.owner, made.name);
  made.bytes = {};
  std::size_t size = 0;
  const auto add = [&](dns::Type type) {
    const auto number = static_cast<std::size_t>(type);
    made.bytes[2 + number / 8] |= std::byte(0x80 >> (number & 7U));
    size = number / 8 + 1 > size ? number / 8 + 1 : size;
  };
  for (const OwnRecord& other : records_) {
    if (other.owner == record.owner && is_proposed(other, record.owner) && !other.leaving && is_on(other, link)) {
      add(type_of(other));
    }
  }
  made.bytes[1] = static_cast<std::byte>(size);
  made.data.back = std::span(made.bytes).first(size == 0 ? 0 : 2 + size);
}

// Claims.

Result<> Responder::set_host(std::string_view label, Instant now) noexcept {
  if (!is_label(label) || host_.state != ClaimState::none || !withdrawn(0)) {
    return Unexpected(Error::invalid_argument);
  }
  if (!add_record(OwnRecord::Kind::host_types, 0)) { return Unexpected(Error::table_full); }
  std::memcpy(host_.label.data(), label.data(), label.size());
  host_.label_size = static_cast<std::uint8_t>(label.size());
  host_.number = 0;
  begin(host_, now);
  return addresses_changed(now);
}

Result<> Responder::addresses_changed(Instant now) noexcept {
  if (host_.state == ClaimState::none) { return {}; }
  bool changed = false;
  const auto is_address = [](const OwnRecord& record) {
    return record.in_use && !record.leaving &&
           (record.kind == OwnRecord::Kind::address || record.kind == OwnRecord::Kind::reverse);
  };
  for (OwnRecord& record : records_) {
    bool stays = false;
    for (const LocalAddress& local : network_->addresses()) {
      stays = stays || (local.interface == record.interface && local.cidr.address() == record.address);
    }
    if (!is_address(record) || stays) { continue; }
    changed = true;
    if (host_.state >= ClaimState::announcing) {
      withdraw(record);
    } else {
      record.in_use = false;
    }
  }
  Result<> done;
  for (const LocalAddress& local : network_->addresses()) {
    const IpAddress& address = local.cidr.address();
    bool known = address.is_loopback() || address.is_multicast() || address.is_unspecified();
    for (const OwnRecord& record : records_) {
      known = known || (is_address(record) && record.interface == local.interface && record.address == address);
    }
    if (known) { continue; }
    if (free_records() < 2) {
      done = Unexpected(Error::table_full);
      break;
    }
    for (const auto kind : {OwnRecord::Kind::address, OwnRecord::Kind::reverse}) {
      OwnRecord& record = *add_record(kind, 0);
      record.interface = local.interface;
      record.address = address;
    }
    changed = true;
  }
  if (changed && host_.state >= ClaimState::announcing) { announce(host_, now); }
  return done;
}

Result<std::uint8_t> Responder::add_service(const Service& service, Instant now) noexcept {
  std::array<std::byte, 32> type;
  const auto wire = service_type(service.type, type);
  bool good = !wire.empty() && is_label(service.instance);
  for (const std::string_view subtype : service.subtypes) { good = good && is_label(subtype); }
  if (!good || service.subtypes.size() > 200) { return Unexpected(Error::invalid_argument); }
  ServiceSlot* slot = nullptr;
  for (ServiceSlot& other : services_) {
    const auto owner = static_cast<std::uint8_t>(&other - services_.data() + 1);
    if (!other.in_use && withdrawn(owner) && !slot) { slot = &other; }
    if (other.in_use && same_data({.name = std::span(other.type).first(other.type_size)}, {.name = wire}) &&
        std::string_view(other.label.data(), other.label_size) == service.instance) {
      return Unexpected(Error::address_in_use);
    }
  }
  if (!slot || free_records() < records_of_service(service.subtypes.size())) { return Unexpected(Error::table_full); }
  const auto number = static_cast<std::uint8_t>(slot - services_.data());
  const auto owner = static_cast<std::uint8_t>(number + 1);
  slot->in_use = true;
  slot->type = type;
  slot->type_size = static_cast<std::uint8_t>(wire.size());
  slot->port = service.port;
  slot->priority = service.priority;
  slot->weight = service.weight;
  slot->text = service.text;
  slot->subtypes = service.subtypes;
  std::memcpy(slot->label.data(), service.instance.data(), service.instance.size());
  slot->label_size = static_cast<std::uint8_t>(service.instance.size());
  slot->number = 0;
  slot->conflicts = 0;
  using Kind = OwnRecord::Kind;
  for (const Kind kind : {Kind::instance, Kind::location, Kind::text, Kind::service_type, Kind::types}) {
    add_record(kind, owner);
  }
  for (std::size_t i = 0; i < service.subtypes.size(); ++i) {
    add_record(Kind::subtype, owner)->index = static_cast<std::uint8_t>(i);
  }
  begin(*slot, now);
  return number;
}

void Responder::set_text(std::uint8_t service, std::span<const std::byte> text, Instant now) noexcept {
  services_[service].text = text;
  // RFC 6762 §8.4: the top bit of its class replaces what was known.
  if (services_[service].state >= ClaimState::announcing) { announce(services_[service], now); }
}

void Responder::remove_service(std::uint8_t service, Instant now) noexcept {
  ServiceSlot& slot = services_[service];
  if (!slot.in_use) { return; }
  static_cast<void>(now);
  withdraw_owner(static_cast<std::uint8_t>(service + 1), slot.state >= ClaimState::announcing);
  slot.in_use = false;
}

/// Told with no time to live on every link of it, and forgotten then.
void Responder::withdraw(OwnRecord& record) noexcept {
  record.leaving = true;
  record.now = links_of(record);
  record.later = record.held = 0;
}

void Responder::withdraw_owner(std::uint8_t owner, bool announced) noexcept {
  for (OwnRecord& record : records_) {
    if (!record.in_use || record.owner != owner) { continue; }
    // A type may be others' too, and what is denied is not withdrawn.
    if (announced && type_of(record) != dns::Type::nsec && record.kind != OwnRecord::Kind::service_type) {
      withdraw(record);
    } else {
      record.in_use = record.leaving;
    }
  }
  claim_at(owner).state = ClaimState::none;
  claim_at(owner).probe = 0;
}

void Responder::begin(Claim& claim, Instant now) noexcept {
  claim.state = ClaimState::waiting;
  claim.count = 0;
  claim.probe = 0;
  claim.next = now + random(0, 250);  // RFC 6762 §8.1
}

void Responder::announce(Claim& claim, Instant now) noexcept {
  claim.state = ClaimState::announcing;
  claim.count = 0;
  claim.next = now;
}

void Responder::restart(Instant now) noexcept {
  for (std::size_t number = 0; number < claims(); ++number) {
    if (claim(number).state != ClaimState::none) { begin(claim_at(number), now); }
  }
}

void Responder::stop(Instant now) noexcept {
  for (std::size_t i = 0; i < services_.size(); ++i) { remove_service(static_cast<std::uint8_t>(i), now); }
  withdraw_owner(0, host_.state >= ClaimState::announcing);
}

bool Responder::withdrawn(std::size_t number) const noexcept {
  for (const OwnRecord& record : records_) {
    if (record.in_use && record.owner == number) { return false; }
  }
  return true;
}

bool Responder::stopped() const noexcept {
  return host_.state == ClaimState::none && free_records() == records_.size();
}

std::optional<std::size_t> Responder::take_change() noexcept {
  for (std::size_t number = 0; number < claims(); ++number) {
    if (std::exchange(claim_at(number).changed, false)) { return number; }
  }
  return std::nullopt;
}

/// RFC 6762 §8.1, §9: somebody else has that name.
void Responder::conflict(std::size_t number, Instant now) noexcept {
  Claim& claim = claim_at(number);
  ++statistics_.conflicts;
  if (claim.conflicts < kManyConflicts && now - claim.conflict_since > kConflictWindow) {
    claim.conflict_since = now;
    claim.conflicts = 0;
  }
  claim.conflicts = claim.conflicts == 0xff ? claim.conflicts : static_cast<std::uint8_t>(claim.conflicts + 1);
  const bool established = claim.state >= ClaimState::announcing;
  begin(claim, now);
  if (!established) {
    claim.number = claim.number == 0 ? std::uint16_t{2} : static_cast<std::uint16_t>(claim.number + 1);
    if (claim.number == 0) { claim.number = 2; }
  }
  if (claim.conflicts >= kManyConflicts) { claim.next = now + kConflictPause; }
  for (OwnRecord& record : records_) {
    if (record.in_use && record.owner == number && !record.leaving) { record.now = record.later = record.held = 0; }
  }
}

}  // namespace nal::mdns

// The codec of MQTT 5.0 on arbitrary bytes: it stays within them, and what it takes is written and read back the same.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "examples/mqtt/packet.hpp"
#include "examples/mqtt/topic.hpp"
#include "tests/fuzz/harness.hpp"

namespace {

using namespace mqtt;
using Bytes = std::vector<std::byte>;

using nal::fuzz::require;

bool same(std::span<const std::byte> a, std::span<const std::byte> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

/// A topic alias is a field of its packet and is written last.
bool same(const Properties& a, const Properties& b) {
  const auto list = [](const Properties& properties) {
    std::vector<Property> all;
    for (const Property& property : properties) {
      if (property.id != PropertyId::topic_alias) { all.push_back(property); }
    }
    return all;
  };
  const auto x = list(a);
  const auto y = list(b);
  return std::equal(x.begin(), x.end(), y.begin(), y.end(), [](const Property& p, const Property& q) {
    return p.id == q.id && p.number == q.number && same(p.bytes, q.bytes) && same(p.value, q.value);
  });
}
bool same(const std::optional<Will>& a, const std::optional<Will>& b) {
  if (!a || !b) { return !a && !b; }
  return a->topic == b->topic && same(a->payload, b->payload) && a->qos == b->qos && a->retain == b->retain &&
         same(a->properties, b->properties);
}
bool same(const Connect& a, const Connect& b) {
  return a.client_id == b.client_id && a.clean_session == b.clean_session && a.keep_alive == b.keep_alive &&
         same(a.will, b.will) && a.user == b.user && a.password.has_value() == b.password.has_value() &&
         (!a.password || same(*a.password, *b.password)) && same(a.properties, b.properties);
}
bool same(const Connack& a, const Connack& b) {
  return a.session_present == b.session_present && a.reason == b.reason && same(a.properties, b.properties);
}
bool same(const Publish& a, const Publish& b) {
  return a.topic == b.topic && same(a.payload, b.payload) && a.qos == b.qos && a.retain == b.retain &&
         a.duplicate == b.duplicate && a.packet_id == b.packet_id && a.topic_alias == b.topic_alias &&
         same(a.properties, b.properties);
}
bool same(const Acknowledge& a, const Acknowledge& b) {
  return a.type == b.type && a.packet_id == b.packet_id && a.reason == b.reason && same(a.properties, b.properties);
}
bool same(const Suback& a, const Suback& b) {
  return a.type == b.type && a.packet_id == b.packet_id && same(a.codes, b.codes) && same(a.properties, b.properties);
}
template <class Packet>
bool same(const Packet& a, const Packet& b) {
  return a.reason == b.reason && same(a.properties, b.properties);
}

template <class Encode>
Bytes written_by(std::size_t size, Encode encode_into) {
  // A reason and a length of properties may be written that had been left out.
  Bytes out(size + 2);
  const auto written = encode_into(std::span(out));
  require(written.has_value());
  out.resize(*written);
  // One byte less is too little, and nothing is written behind it.
  Bytes small(*written - 1);
  require(encode_into(std::span(small)) == nal::Unexpected(nal::Error::buffer_too_small));
  return out;
}

/// Every number, text and byte of the properties is looked at, for AddressSanitizer.
void walk(const Properties& properties, PacketType in) {
  unsigned sum = 0;
  for (const Property& property : properties) {
    require(is_allowed(property.id, in));
    sum +=
        property.number + static_cast<unsigned>(std::count(property.bytes.begin(), property.bytes.end(), std::byte{}));
    sum += static_cast<unsigned>(std::count(property.value.begin(), property.value.end(), std::byte{}));
    require(properties.has(property.id));
  }
  static_cast<void>(sum);
}

template <class Packet>
void round_trip(std::span<const std::byte> whole, const Header& header) {
  const auto packet = Packet::parse5(header, whole.subspan(header.size, header.remaining));
  if (!packet) {
    const Reason reason = reason_of(packet.fault());
    require(is_failure(reason) &&
            (is_allowed(reason, PacketType::disconnect) || is_allowed(reason, PacketType::connack)));
    return;
  }
  walk(packet->properties, header.type);
  const Bytes written = written_by(whole.size(), [&](auto out) { return encode5(out, *packet); });
  const auto header_again = Header::parse5(written);
  require(static_cast<bool>(header_again) && header_again->total() == written.size());
  require(header_again->type == header.type && header_again->flags == header.flags);
  const auto again = Packet::parse5(*header_again, std::span(written).subspan(header_again->size));
  require(static_cast<bool>(again) && same(*packet, *again));
}

void round_trip_list(std::span<const std::byte> whole, const Header& header) {
  const auto body = whole.subspan(header.size, header.remaining);
  auto packet = FilterList::parse5(header, body);
  if (!packet) { return; }
  walk(packet->properties, header.type);
  std::vector<FilterEntry> entries;
  FilterList list = *packet;
  while (const auto entry = list.next()) { entries.push_back(*entry); }
  require(!entries.empty());
  for (const FilterEntry& entry : entries) { require(is_topic_filter(entry.filter)); }
  const Bytes written = written_by(whole.size(), [&](auto out) {
    return header.type == PacketType::subscribe
               ? encode_subscribe5(out, packet->packet_id, entries, packet->properties)
               : encode_unsubscribe5(out, packet->packet_id, entries, packet->properties);
  });
  require(same(written, whole));
}

/// What stands before a payload is told by any front of the packet, or not yet.
void check_head(const Header& header, std::span<const std::byte> body) {
  const auto right = Publish::head_size5(header, body);
  std::size_t known = 0;
  for (std::size_t arrived = 0; arrived <= body.size(); ++arrived) {
    const auto size = Publish::head_size5(header, body.first(arrived));
    if (!size) {
      require(!right);
      return;
    }
    require(known == 0 || *size == known);
    known = *size;
  }
  require(static_cast<bool>(right) && *right == known && known != 0);
  const auto head = Publish::parse5(header, body.first(known));
  const auto whole = Publish::parse5(header, body);
  require(static_cast<bool>(head) == static_cast<bool>(whole));
  require(!whole || whole->payload.size() == body.size() - known);
}

/// The whole that stands in `bytes` of the properties of any packet.
void parse_properties(std::span<const std::byte> bytes) {
  for (std::uint8_t type = 0; type < 16; ++type) {
    const PacketType in{type};
    if (const auto properties = Properties::parse(bytes, in)) { walk(*properties, in); }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes(reinterpret_cast<const std::byte*>(data), reinterpret_cast<const std::byte*>(data) + size);
  parse_properties(bytes);
  const auto header = Header::parse5(bytes);
  // A front of it is never another packet, and never a fault that the whole has not.
  for (std::size_t front = 0; front < bytes.size() && front <= kMaxHeaderSize; ++front) {
    const auto part = Header::parse5(std::span(bytes).first(front));
    if (header) { require(static_cast<bool>(part)); }
    if (part && part->complete()) { require(static_cast<bool>(header) && header->total() == part->total()); }
  }
  if (!header || !header->complete() || header->total() > bytes.size()) { return 0; }
  // Of just its size, so that AddressSanitizer sees a byte too many.
  const Bytes whole(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(header->total()));
  switch (header->type) {
    case PacketType::connect: round_trip<Connect>(whole, *header); break;
    case PacketType::connack: round_trip<Connack>(whole, *header); break;
    case PacketType::publish:
      round_trip<Publish>(whole, *header);
      check_head(*header, std::span(whole).subspan(header->size));
      break;
    case PacketType::suback:
    case PacketType::unsuback: round_trip<Suback>(whole, *header); break;
    case PacketType::subscribe:
    case PacketType::unsubscribe: round_trip_list(whole, *header); break;
    case PacketType::disconnect: round_trip<Disconnect>(whole, *header); break;
    case PacketType::auth: round_trip<Auth>(whole, *header); break;
    case PacketType::pingreq:
    case PacketType::pingresp: require(header->remaining == 0); break;
    default: round_trip<Acknowledge>(whole, *header); break;
  }
  return 0;
}

// The MQTT codec on arbitrary bytes: it stays within them, what it takes is written and read back the same, and topics
// and URLs behave as their rules say.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "examples/mqtt/packet.hpp"
#include "examples/mqtt/topic.hpp"
#include "examples/mqtt/url.hpp"
#include "tests/fuzz/harness.hpp"

namespace {

using namespace mqtt;

using nal::fuzz::require;

using Bytes = std::vector<std::byte>;

/// What was parsed from `whole` is written as `written`: the same bytes, but for a length field that was longer than it
/// had to be.
void require_same(std::span<const std::byte> whole, const Header& header, const Bytes& written) {
  const auto again = Header::parse(written);
  require(static_cast<bool>(again) && again->complete() && again->total() == written.size());
  require(again->type == header.type && again->flags == header.flags && again->remaining == header.remaining);
  const auto body = whole.subspan(header.size, header.remaining);
  require(std::equal(body.begin(), body.end(), written.begin() + again->size, written.end()));
}

template <class Encode>
Bytes written_by(std::size_t size, Encode encode_into) {
  Bytes out(size + kMaxHeaderSize);
  const auto written = encode_into(std::span(out));
  require(written.has_value());
  out.resize(*written);
  // One byte less is too little, and nothing is written behind it.
  Bytes small(*written - 1);
  require(encode_into(std::span(small)) == nal::Unexpected(nal::Error::buffer_too_small));
  return out;
}

template <class Packet>
void round_trip(std::span<const std::byte> whole, const Header& header) {
  const auto packet = Packet::parse(header, whole.subspan(header.size, header.remaining));
  if (!packet) { return; }
  require_same(whole, header, written_by(whole.size(), [&](auto out) { return encode(out, *packet); }));
}

void round_trip_list(std::span<const std::byte> whole, const Header& header) {
  auto packet = FilterList::parse(header, whole.subspan(header.size, header.remaining));
  if (!packet) { return; }
  std::vector<FilterEntry> entries;
  FilterList list = *packet;
  while (const auto entry = list.next()) { entries.push_back(*entry); }
  require(!entries.empty());
  for (const FilterEntry& entry : entries) { require(is_topic_filter(entry.filter)); }
  require_same(whole, header, written_by(whole.size(), [&](auto out) {
                 return header.type == PacketType::subscribe ? encode_subscribe(out, packet->packet_id, entries)
                                                             : encode_unsubscribe(out, packet->packet_id, entries);
               }));
}

void parse_packet(std::span<const std::byte> bytes) {
  const auto header = Header::parse(bytes);
  // A front of it is never another packet, and never a fault that the whole has not.
  for (std::size_t size = 0; size < bytes.size() && size <= kMaxHeaderSize; ++size) {
    const auto part = Header::parse(bytes.first(size));
    if (header) { require(static_cast<bool>(part)); }
    if (part && part->complete()) { require(static_cast<bool>(header) && header->total() == part->total()); }
  }
  if (!header || !header->complete() || header->total() > bytes.size()) { return; }
  const auto whole = bytes.first(header->total());
  switch (header->type) {
    case PacketType::connect: round_trip<Connect>(whole, *header); break;
    case PacketType::connack: round_trip<Connack>(whole, *header); break;
    case PacketType::publish: round_trip<Publish>(whole, *header); break;
    case PacketType::suback: round_trip<Suback>(whole, *header); break;
    case PacketType::subscribe:
    case PacketType::unsubscribe: round_trip_list(whole, *header); break;
    case PacketType::pingreq:
    case PacketType::pingresp:
    case PacketType::disconnect: require(header->remaining == 0); break;
    default: round_trip<Acknowledge>(whole, *header); break;
  }
}

std::vector<std::string> levels(std::string_view text) {
  std::vector<std::string> all(1);
  for (const char c : text) {
    if (c == '/') {
      all.emplace_back();
    } else {
      all.back() += c;
    }
  }
  return all;
}

/// The rules of §4.7, level by level.
bool matches_by_levels(std::string_view filter, std::string_view name) {
  const auto f = levels(filter);
  const auto n = levels(name);
  if (name[0] == '$' && (filter[0] == '#' || filter[0] == '+')) { return false; }
  for (std::size_t i = 0; i < f.size(); ++i) {
    if (f[i] == "#") { return n.size() >= i; }
    if (i >= n.size() || (f[i] != "+" && f[i] != n[i])) { return false; }
  }
  return f.size() == n.size();
}

void match(std::string_view text) {
  const std::size_t split = text.find('\n');
  if (split == std::string_view::npos) { return; }
  const std::string_view filter = text.substr(0, split);
  const std::string_view name = text.substr(split + 1);
  if (is_topic_filter(filter) && is_topic_name(name)) {
    require(matches(filter, name) == matches_by_levels(filter, name));
  } else {
    static_cast<void>(matches(filter, name));
  }
}

void parse_url(std::string_view text) {
  // On the heap and of just the right size, so that AddressSanitizer sees a byte too many.
  std::string buffer(text.size(), '\0');
  const auto url = Url::parse(text, buffer);
  if (!url) {
    require(url.error() == nal::Error::invalid_argument);
    return;
  }
  require(!url->host.empty() && url->port != 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes(reinterpret_cast<const std::byte*>(data), reinterpret_cast<const std::byte*>(data) + size);
  parse_packet(bytes);
  match(text_of(bytes));
  parse_url(text_of(bytes));
  return 0;
}

#include "examples/mqtt/packet_read.hpp"

namespace mqtt {

using namespace detail;

namespace {

/// What the flags of every type but PUBLISH must be (§2.2.2).
constexpr std::uint8_t required_flags(PacketType type) noexcept {
  return type == PacketType::pubrel || type == PacketType::subscribe || type == PacketType::unsubscribe ? 2 : 0;
}

constexpr BodySizes kSizes = {0,   // no type
                              12,  // CONNECT: variable header and an empty client identifier
                              exactly(2), 3,          exactly(2), exactly(2),
                              exactly(2), exactly(2),                          // CONNACK to PUBCOMP
                              6,          3,          5,          exactly(2),  // SUBSCRIBE to UNSUBACK
                              exactly(0), exactly(0), exactly(0)};

}  // namespace

Parsed<Header> detail::read_header(std::span<const std::byte> bytes, PacketType last_type) noexcept {
  Header header;
  if (bytes.empty()) { return header; }
  const auto first = std::to_integer<std::uint8_t>(bytes[0]);
  const std::uint8_t type = first >> 4;
  if (type == 0 || type > static_cast<std::uint8_t>(last_type)) { return Fault::packet_type; }
  header.type = static_cast<PacketType>(type);
  header.flags = first & 15;
  if (header.type == PacketType::publish) {
    if ((header.flags & 6) == 6) { return Fault::qos; }
    if (header.duplicate() && header.qos() == QoS::at_most_once) { return Fault::flags; }
  } else if (header.flags != required_flags(header.type)) {
    return Fault::flags;
  }
  for (std::size_t i = 1; i < kMaxHeaderSize; ++i) {
    if (i == bytes.size()) { return header; }
    const auto byte = std::to_integer<std::uint32_t>(bytes[i]);
    header.remaining |= (byte & 0x7F) << (7 * (i - 1));
    if ((byte & 0x80) == 0) {
      header.size = static_cast<std::uint8_t>(i + 1);
      return header;
    }
  }
  return Fault::remaining_length;
}

bool detail::possible_size(const Header& header, const BodySizes& sizes) noexcept {
  const unsigned rule = sizes[static_cast<unsigned>(header.type)];
  if (rule >= kExactly) { return header.remaining == rule - kExactly; }
  const bool has_id = header.type == PacketType::publish && header.qos() != QoS::at_most_once;
  return header.remaining >= rule + (has_id ? 2 : 0);
}

Parsed<Header> Header::parse(std::span<const std::byte> bytes) noexcept {
  const auto header = read_header(bytes, PacketType::disconnect);
  if (header && header->complete() && !possible_size(*header, kSizes)) { return Fault::size; }
  return header;
}

Parsed<Connect> Connect::parse(const Header&, std::span<const std::byte> body) noexcept {
  return read_connect<false>(body);
}

Parsed<Connack> Connack::parse(const Header&, std::span<const std::byte> body) noexcept {
  Reader reader(body);
  const std::uint8_t flags = reader.u8();
  const std::uint8_t code = reader.u8();
  if (code > static_cast<std::uint8_t>(kLastConnectCode)) { return Fault::return_code; }
  const Connack packet{flags == 1, static_cast<ConnectCode>(code)};
  if (flags > 1 || (packet.session_present && packet.code != ConnectCode::accepted)) {
    return Fault::acknowledge_flags;
  }
  return whole(reader, packet);
}

Parsed<Publish> Publish::parse(const Header& header, std::span<const std::byte> body) noexcept {
  return read_publish<false>(header, body);
}

Parsed<std::size_t> Publish::head_size(const Header& header, std::span<const std::byte> arrived) noexcept {
  return read_head_size<false>(header, arrived);
}

Parsed<Acknowledge> Acknowledge::parse(const Header& header, std::span<const std::byte> body) noexcept {
  Reader reader(body);
  const Acknowledge packet{header.type, reader.u16()};
  if (!reader.failed() && packet.packet_id == 0) { return Fault::packet_id; }
  return whole(reader, packet);
}

std::optional<FilterEntry> FilterList::next() noexcept {
  if (entries.empty()) { return std::nullopt; }
  Reader reader(entries);
  const FilterEntry entry = take_entry(reader, type);
  entries = reader.rest();
  return entry;
}

Parsed<FilterList> FilterList::parse(const Header& header, std::span<const std::byte> body) noexcept {
  return read_list<false>(header, body);
}

Parsed<Suback> Suback::parse(const Header&, std::span<const std::byte> body) noexcept {
  Reader reader(body);
  Suback packet;
  packet.packet_id = reader.u16();
  packet.codes = reader.rest();
  if (reader.failed()) { return Fault::truncated; }
  if (packet.packet_id == 0) { return Fault::packet_id; }
  if (packet.codes.empty()) { return Fault::empty_list; }
  for (const std::byte code : packet.codes) {
    if (code > std::byte{2} && code != kFailure) { return Fault::return_code; }
  }
  return packet;
}

}  // namespace mqtt

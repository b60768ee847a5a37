#include "examples/mqtt/packet_read.hpp"

namespace mqtt {

using namespace detail;

namespace {

/// What the flags of every type but PUBLISH must be (§2.2.2).
constexpr std::uint8_t required_flags(PacketType type) noexcept {
  return type == PacketType::pubrel || type == PacketType::subscribe || type == PacketType::unsubscribe ? 2 : 0;
}

constexpr HeaderRules kRules{false,
                             {HeaderRules::kNoType,
                              12,  // CONNECT: variable header and an empty client identifier
                              exactly(2), 3, exactly(2), exactly(2), exactly(2), exactly(2),  // CONNACK to PUBCOMP
                              6, 3, 5, exactly(2),                                            // SUBSCRIBE to UNSUBACK
                              exactly(0), exactly(0), exactly(0), HeaderRules::kNoType}};

}  // namespace

Fault detail::read_header(std::span<const std::byte> bytes, const HeaderRules& rules, Header& header) noexcept {
  header = {};
  if (bytes.empty()) { return Fault::none; }
  const auto first = std::to_integer<unsigned>(bytes[0]);
  const unsigned rule = rules.sizes[first >> 4];
  if (rule == HeaderRules::kNoType) { return Fault::packet_type; }
  header.type = static_cast<PacketType>(first >> 4);
  header.flags = first & 15;
  unsigned least = rule % HeaderRules::kExactly;
  if (header.type == PacketType::publish) {
    if ((first & 6) == 6) { return Fault::qos; }
    if ((first & 14) == 8) { return Fault::flags; }  // DUP with QoS 0
    if ((first & 6) != 0) { least += 2; }
  } else if (header.flags != required_flags(header.type)) {
    return Fault::flags;
  }
  for (std::size_t i = 1; i < kMaxHeaderSize; ++i) {
    if (i == bytes.size()) { return Fault::none; }
    const auto byte = std::to_integer<std::uint32_t>(bytes[i]);
    header.remaining |= (byte & 0x7F) << (7 * (i - 1));
    if ((byte & 0x80) != 0) { continue; }
    if (rules.shortest && byte == 0 && i != 1) { break; }
    header.size = static_cast<std::uint8_t>(i + 1);
    const bool possible = rule >= HeaderRules::kExactly ? header.remaining == least : header.remaining >= least;
    return possible ? Fault::none : Fault::size;
  }
  return Fault::remaining_length;
}

Fault Header::read(std::span<const std::byte> bytes) noexcept { return read_header(bytes, kRules, *this); }

Parsed<Header> Header::parse(std::span<const std::byte> bytes) noexcept {
  Header header;
  const Fault fault = header.read(bytes);
  return parsed(fault, header);
}

Parsed<Connect> Connect::parse(const Header&, std::span<const std::byte> body) noexcept {
  return read_connect<false>(body);
}

Parsed<Connack> Connack::parse(const Header&, std::span<const std::byte> body) noexcept {
  Response packet;
  const Fault fault = packet.read(PacketType::connack, body);
  return parsed(fault, Connack{packet.session_present, packet.code});
}

Fault Publish::read(const Header& header, std::span<const std::byte> body) noexcept {
  return read_publish<false>(header, body, *this);
}

Parsed<Publish> Publish::parse(const Header& header, std::span<const std::byte> body) noexcept {
  Publish packet;
  const Fault fault = packet.read(header, body);
  return parsed(fault, packet);
}

Parsed<std::size_t> Publish::head_size(const Header& header, std::span<const std::byte> arrived) noexcept {
  return read_head_size<false>(header, arrived);
}

Fault Response::read(PacketType of, std::span<const std::byte> body) noexcept {
  Reader reader(body);
  type = of;
  if (type == PacketType::connack) {
    const std::uint8_t flags = reader.u8();
    session_present = flags != 0;
    code = static_cast<ConnectCode>(reader.u8());
    if (code > kLastConnectCode) { return Fault::return_code; }
    if (flags > 1 || (session_present && code != ConnectCode::accepted)) { return Fault::acknowledge_flags; }
  } else {
    packet_id = reader.u16();
    if (!reader.failed() && packet_id == 0) { return Fault::packet_id; }
    if (type == PacketType::suback && !reader.failed()) {
      codes = reader.rest();
      if (codes.empty()) { return Fault::empty_list; }
      for (const std::byte each : codes) {
        if (each > std::byte{2} && each != Suback::kFailure) { return Fault::return_code; }
      }
    }
  }
  return end_of(reader);
}

Parsed<Acknowledge> Acknowledge::parse(const Header& header, std::span<const std::byte> body) noexcept {
  Response packet;
  const Fault fault = packet.read(header.type, body);
  return parsed(fault, Acknowledge{header.type, packet.packet_id});
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
  Response packet;
  const Fault fault = packet.read(PacketType::suback, body);
  return parsed(fault, Suback{packet.packet_id, packet.codes});
}

}  // namespace mqtt

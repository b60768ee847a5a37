#include "examples/mqtt/property.hpp"

#include <array>

#include "examples/mqtt/packet_wire.hpp"
#include "examples/mqtt/topic.hpp"

namespace mqtt {

namespace {

constexpr std::uint16_t in(std::initializer_list<PacketType> list) noexcept {
  unsigned mask = 0;
  for (const PacketType type : list) { mask |= 1U << static_cast<unsigned>(type); }
  return static_cast<std::uint16_t>(mask);
}

struct Row {
  PropertyType type = PropertyType::none;
  std::uint16_t allowed_in = 0;  ///< a bit for each packet type; bit 0 is the will
};

constexpr std::size_t kRows = static_cast<std::size_t>(kLastProperty) + 1;

constexpr std::array<Row, kRows> make_rows() noexcept {
  using enum PacketType;
  using enum PropertyType;
  using Id = PropertyId;
  std::array<Row, kRows> rows{};
  const auto set = [&rows](PropertyId id, PropertyType type, std::uint16_t allowed_in) {
    rows[static_cast<std::size_t>(id)] = {type, allowed_in};
  };
  const std::uint16_t message = in({publish, kWillProperties});
  const std::uint16_t greeting = in({connect, connack});
  const std::uint16_t answer = in({connack});
  set(Id::payload_format, byte, message);
  set(Id::message_expiry, four_bytes, message);
  set(Id::content_type, text, message);
  set(Id::response_topic, text, message);
  set(Id::correlation_data, binary, message);
  set(Id::subscription_id, variable, in({publish, subscribe}));
  set(Id::session_expiry, four_bytes, in({connect, connack, disconnect}));
  set(Id::assigned_client_id, text, answer);
  set(Id::server_keep_alive, two_bytes, answer);
  set(Id::authentication_method, text, in({connect, connack, auth}));
  set(Id::authentication_data, binary, in({connect, connack, auth}));
  set(Id::request_problem_information, byte, in({connect}));
  set(Id::will_delay, four_bytes, in({kWillProperties}));
  set(Id::request_response_information, byte, in({connect}));
  set(Id::response_information, text, answer);
  set(Id::server_reference, text, in({connack, disconnect}));
  set(Id::reason_string, text, in({connack, puback, pubrec, pubrel, pubcomp, suback, unsuback, disconnect, auth}));
  set(Id::receive_maximum, two_bytes, greeting);
  set(Id::topic_alias_maximum, two_bytes, greeting);
  set(Id::topic_alias, two_bytes, in({publish}));
  set(Id::maximum_qos, byte, answer);
  set(Id::retain_available, byte, answer);
  set(Id::user_property, text_pair,
      in({connect, connack, publish, kWillProperties, puback, pubrec, pubrel, pubcomp, subscribe, suback, unsubscribe,
          unsuback, disconnect, auth}));
  set(Id::maximum_packet_size, four_bytes, greeting);
  set(Id::wildcard_available, byte, answer);
  set(Id::subscription_ids_available, byte, answer);
  set(Id::shared_available, byte, answer);
  return rows;
}

constexpr std::array<Row, kRows> kTable = make_rows();

constexpr Row row_of(PropertyId id) noexcept {
  const auto at = static_cast<std::size_t>(id);
  return at < kRows ? kTable[at] : Row{};
}

/// Takes one property off the front. One that the standard does not have fails the reader: where it would end cannot be
/// told.
Property take(Reader& reader) noexcept {
  Property property;
  property.id = static_cast<PropertyId>(reader.u8());
  switch (type_of(property.id)) {
    case PropertyType::none: static_cast<void>(reader.raw(SIZE_MAX)); break;
    case PropertyType::byte: property.number = reader.u8(); break;
    case PropertyType::two_bytes: property.number = reader.u16(); break;
    case PropertyType::four_bytes: property.number = reader.u32(); break;
    case PropertyType::variable: property.number = reader.variable(); break;
    case PropertyType::text_pair:
      property.bytes = reader.binary();
      property.value = reader.binary();
      break;
    case PropertyType::text:
    case PropertyType::binary: property.bytes = reader.binary(); break;
  }
  return property;
}

Fault check_value(const Property& property, PropertyType type) noexcept {
  using Id = PropertyId;
  if (type == PropertyType::text || type == PropertyType::text_pair) {
    if (!is_mqtt_text(property.text()) || !is_mqtt_text(property.value_text())) { return Fault::text; }
  }
  // Every one that is a byte says yes or no, or is a QoS of 0 or 1.
  if (type == PropertyType::byte && property.number > 1) { return Fault::property_value; }
  switch (property.id) {
    case Id::topic_alias: return property.number == 0 ? Fault::topic_alias : Fault::none;
    case Id::receive_maximum:
    case Id::maximum_packet_size:
    case Id::subscription_id: return property.number == 0 ? Fault::property_value : Fault::none;
    case Id::response_topic: return is_topic_name(property.text()) ? Fault::none : Fault::property_value;
    default: return Fault::none;
  }
}

constexpr bool may_repeat(PropertyId id, PacketType in) noexcept {
  return id == PropertyId::user_property || (id == PropertyId::subscription_id && in == PacketType::publish);
}

}  // namespace

PropertyType type_of(PropertyId id) noexcept { return row_of(id).type; }

bool is_allowed(PropertyId id, PacketType in) noexcept {
  return (row_of(id).allowed_in >> static_cast<unsigned>(in) & 1U) != 0;
}

void Properties::Iterator::advance() noexcept {
  if (!wire_.empty()) {
    Reader reader(wire_);
    current_ = take(reader);
    wire_ = reader.rest();
  } else if (!list_.empty()) {
    current_ = list_.front();
    list_ = list_.subspan(1);
  } else {
    ended_ = true;
  }
}

std::optional<Property> Properties::find(PropertyId id) const noexcept {
  for (const Property& property : *this) {
    if (property.id == id) { return property; }
  }
  return std::nullopt;
}

std::uint32_t Properties::number(PropertyId id, std::uint32_t otherwise) const noexcept {
  const auto found = find(id);
  return found ? found->number : otherwise;
}

std::span<const std::byte> Properties::bytes(PropertyId id) const noexcept {
  const auto found = find(id);
  return found ? found->bytes : std::span<const std::byte>();
}

Parsed<Properties> Properties::parse(std::span<const std::byte> bytes, PacketType in) noexcept {
  Reader reader(bytes);
  std::uint64_t seen = 0;
  while (!reader.at_end()) {
    const Property property = take(reader);
    const PropertyType type = type_of(property.id);
    if (type == PropertyType::none || !is_allowed(property.id, in)) { return Fault::property; }
    if (reader.failed()) { return Fault::truncated; }
    const std::uint64_t bit = std::uint64_t{1} << static_cast<unsigned>(property.id);
    if ((seen & bit) != 0 && !may_repeat(property.id, in)) { return Fault::property_repeated; }
    seen |= bit;
    if (const Fault fault = check_value(property, type); fault != Fault::none) { return fault; }
  }
  Properties checked;
  checked.wire_ = bytes;
  return checked;
}

namespace detail {

Fault take_properties(Reader& reader, PacketType in, Properties& properties) noexcept {
  const auto bytes = reader.raw(reader.variable());
  if (reader.failed()) { return Fault::truncated; }
  const auto parsed = Properties::parse(bytes, in);
  if (parsed) { properties = *parsed; }
  return parsed.fault();
}

std::optional<std::size_t> properties_size(const Properties& properties, std::uint16_t topic_alias) noexcept {
  std::size_t size = topic_alias != 0 ? 3 : 0;
  for (const Property& property : properties) {
    if (property.id == PropertyId::topic_alias) { continue; }
    if (property.bytes.size() > 0xFFFF || property.value.size() > 0xFFFF) { return std::nullopt; }
    size += 1;
    switch (type_of(property.id)) {
      case PropertyType::none: return std::nullopt;
      case PropertyType::byte: size += 1; break;
      case PropertyType::two_bytes: size += 2; break;
      case PropertyType::four_bytes: size += 4; break;
      case PropertyType::variable: size += variable_size(property.number); break;
      case PropertyType::text_pair: size += 2 + property.value.size(); [[fallthrough]];
      case PropertyType::text:
      case PropertyType::binary: size += 2 + property.bytes.size(); break;
    }
  }
  return size;
}

bool put_properties(Writer& writer, const Properties& properties, PacketType in, std::size_t size,
                    std::uint16_t topic_alias) noexcept {
  writer.variable(size);
  const std::size_t first = writer.size();
  bool fits = true;
  const auto put = [&writer, &fits](const Property& property) {
    writer.u8(static_cast<std::uint8_t>(property.id));
    switch (type_of(property.id)) {
      case PropertyType::none: break;
      case PropertyType::byte:
        fits = fits && property.number <= 0xFF;
        writer.u8(static_cast<std::uint8_t>(property.number));
        break;
      case PropertyType::two_bytes:
        fits = fits && property.number <= 0xFFFF;
        writer.u16(static_cast<std::uint16_t>(property.number));
        break;
      case PropertyType::four_bytes: writer.u32(property.number); break;
      case PropertyType::variable: writer.variable(property.number); break;
      case PropertyType::text_pair:
        writer.binary(property.bytes);
        writer.binary(property.value);
        break;
      case PropertyType::text:
      case PropertyType::binary: writer.binary(property.bytes); break;
    }
  };
  for (const Property& property : properties) {
    if (property.id != PropertyId::topic_alias) { put(property); }
  }
  if (topic_alias != 0) { put(Property::of(PropertyId::topic_alias, topic_alias)); }
  // What was written is read as whoever gets it will read it.
  return writer.failed() || (fits && Properties::parse(writer.written().subspan(first), in));
}

}  // namespace detail

}  // namespace mqtt

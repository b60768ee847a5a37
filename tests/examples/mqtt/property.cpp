#include "examples/mqtt/property.hpp"

#include <map>
#include <set>

#include "tests/examples/mqtt/checks.hpp"

using namespace mqtt;
using namespace mqtt::test;
using Id = PropertyId;

namespace {

using enum PacketType;

/// Table 2-4 of MQTT 5.0, with a value for each.
struct Row {
  unsigned id;
  PropertyType type;
  std::set<PacketType> in;
  Bytes value;
};
const PacketType will = kWillProperties;
const Row kTable[] = {
    {0x01, PropertyType::byte, {publish, will}, bytes({1})},
    {0x02, PropertyType::four_bytes, {publish, will}, bytes({1, 2, 3, 4})},
    {0x03, PropertyType::text, {publish, will}, text_field("text/plain")},
    {0x08, PropertyType::text, {publish, will}, text_field("a/b")},
    {0x09, PropertyType::binary, {publish, will}, text_field("\xFF")},
    {0x0B, PropertyType::variable, {publish, subscribe}, bytes({0xFF, 0xFF, 0xFF, 0x7F})},
    {0x11, PropertyType::four_bytes, {connect, connack, disconnect}, bytes({0xFF, 0xFF, 0xFF, 0xFF})},
    {0x12, PropertyType::text, {connack}, text_field("c")},
    {0x13, PropertyType::two_bytes, {connack}, bytes({0, 60})},
    {0x15, PropertyType::text, {connect, connack, auth}, text_field("SCRAM")},
    {0x16, PropertyType::binary, {connect, connack, auth}, text_field("\xC3\x28")},
    {0x17, PropertyType::byte, {connect}, bytes({0})},
    {0x18, PropertyType::four_bytes, {will}, bytes({0, 0, 0, 9})},
    {0x19, PropertyType::byte, {connect}, bytes({1})},
    {0x1A, PropertyType::text, {connack}, text_field("r")},
    {0x1C, PropertyType::text, {connack, disconnect}, text_field("other:1883")},
    {0x1F,
     PropertyType::text,
     {connack, puback, pubrec, pubrel, pubcomp, suback, unsuback, disconnect, auth},
     text_field("why")},
    {0x21, PropertyType::two_bytes, {connect, connack}, bytes({0xFF, 0xFF})},
    {0x22, PropertyType::two_bytes, {connect, connack}, bytes({0, 0})},
    {0x23, PropertyType::two_bytes, {publish}, bytes({0, 1})},
    {0x24, PropertyType::byte, {connack}, bytes({1})},
    {0x25, PropertyType::byte, {connack}, bytes({0})},
    {0x26,
     PropertyType::text_pair,
     {connect, connack, publish, will, puback, pubrec, pubrel, pubcomp, subscribe, suback, unsubscribe, unsuback,
      disconnect, auth},
     text_field("name") + text_field("")},
    {0x27, PropertyType::four_bytes, {connect, connack}, bytes({0, 0, 0, 1})},
    {0x28, PropertyType::byte, {connack}, bytes({0})},
    {0x29, PropertyType::byte, {connack}, bytes({1})},
    {0x2A, PropertyType::byte, {connack}, bytes({1})},
};

Fault fault_in(PacketType in, const Bytes& properties) { return Properties::parse(properties, in).fault(); }
Bytes with_id(unsigned id, const Bytes& value) { return bytes({id}) + value; }

}  // namespace

TEST_CASE("Every property has the type and is allowed in the packets that the standard tells, and no others",
          "[mqtt]") {
  for (unsigned id = 0; id < 256; ++id) {
    const Row* row = nullptr;
    for (const Row& candidate : kTable) {
      if (candidate.id == id) { row = &candidate; }
    }
    INFO("property " << id);
    CHECK(type_of(static_cast<Id>(id)) == (row ? row->type : PropertyType::none));
    for (unsigned type = 0; type < 16; ++type) {
      const PacketType in{static_cast<std::uint8_t>(type)};
      const bool right = row && row->in.count(in) != 0;
      INFO("in packet type " << type);
      CHECK(is_allowed(static_cast<Id>(id), in) == right);
      if (row) { CHECK(fault_in(in, with_id(id, row->value)) == (right ? Fault::none : Fault::property)); }
    }
    if (!row) { CHECK(fault_in(PacketType::connack, with_id(id, bytes({0, 0, 0, 0}))) == Fault::property); }
  }
}

TEST_CASE("A property cut at any of its bytes is refused", "[mqtt]") {
  for (const Row& row : kTable) {
    const Bytes whole = with_id(row.id, row.value);
    const PacketType in = *row.in.begin();
    for (std::size_t size = 1; size < whole.size(); ++size) {
      INFO("property " << row.id << " cut to " << size);
      const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      CHECK(fault_in(in, cut) == Fault::truncated);
    }
  }
}

TEST_CASE("A property that stands there twice is refused unless it may", "[mqtt]") {
  for (const Row& row : kTable) {
    for (const PacketType in : row.in) {
      const Bytes twice = with_id(row.id, row.value) + with_id(row.id, row.value);
      const bool may = row.id == 0x26 || (row.id == 0x0B && in == publish);
      INFO("property " << row.id << " in packet type " << static_cast<int>(in));
      CHECK(fault_in(in, twice) == (may ? Fault::none : Fault::property_repeated));
    }
  }
}

TEST_CASE("Values that the standard does not allow are refused", "[mqtt]") {
  for (const unsigned id : {0x01U, 0x17U, 0x19U, 0x24U, 0x25U, 0x28U, 0x29U, 0x2AU}) {
    for (const Row& row : kTable) {
      if (row.id != id) { continue; }
      for (unsigned value = 0; value < 256; ++value) {
        INFO("property " << id << " of " << value);
        CHECK(fault_in(*row.in.begin(), bytes({id, value})) == (value < 2 ? Fault::none : Fault::property_value));
      }
    }
  }
  CHECK(fault_in(PacketType::connack, bytes({0x21, 0, 0})) == Fault::property_value);
  CHECK(fault_in(PacketType::connack, bytes({0x21, 0, 1})) == Fault::none);
  CHECK(fault_in(PacketType::connack, bytes({0x27, 0, 0, 0, 0})) == Fault::property_value);
  CHECK(fault_in(publish, bytes({0x23, 0, 0})) == Fault::topic_alias);
  CHECK(fault_in(publish, bytes({0x23, 0xFF, 0xFF})) == Fault::none);
  CHECK(fault_in(subscribe, bytes({0x0B, 0})) == Fault::property_value);
  CHECK(fault_in(subscribe, bytes({0x0B, 1})) == Fault::none);
  CHECK(fault_in(subscribe, bytes({0x0B, 0x80, 0x00})) == Fault::truncated);
  CHECK(fault_in(subscribe, bytes({0x0B, 0x80, 0x80, 0x80, 0x80, 0x01})) == Fault::truncated);
  CHECK(fault_in(publish, with_id(0x08, text_field("a/+"))) == Fault::property_value);
  CHECK(fault_in(publish, with_id(0x08, text_field(""))) == Fault::property_value);
}

TEST_CASE("Texts among the properties are UTF-8 without U+0000", "[mqtt]") {
  for (const Row& row : kTable) {
    const PacketType in = *row.in.begin();
    for (const std::string_view text : {std::string_view("a\0b", 3), std::string_view("\xFF"),
                                        std::string_view("\xED\xA0\x80"), std::string_view("\xC0\x80")}) {
      INFO("property " << row.id);
      if (row.type == PropertyType::text) { CHECK(fault_in(in, with_id(row.id, text_field(text))) == Fault::text); }
      if (row.type == PropertyType::binary) { CHECK(fault_in(in, with_id(row.id, text_field(text))) == Fault::none); }
      if (row.type == PropertyType::text_pair) {
        CHECK(fault_in(in, with_id(row.id, text_field(text) + text_field("v"))) == Fault::text);
        CHECK(fault_in(in, with_id(row.id, text_field("n") + text_field(text))) == Fault::text);
      }
    }
  }
}

TEST_CASE("Properties are found, read and walked through where they lie", "[mqtt]") {
  const Bytes wire = with_id(0x26, text_field("unit") + text_field("bar")) + bytes({0x02, 0, 1, 0, 2}) +
                     with_id(0x09, text_field("\x01\x02")) + with_id(0x26, text_field("unit") + text_field("psi")) +
                     bytes({0x0B, 7, 0x0B, 0x80, 1});
  const auto read = Properties::parse(wire, publish);
  REQUIRE(read);
  CHECK_FALSE(read->empty());
  CHECK(read->number(Id::message_expiry) == 0x00010002);
  CHECK(read->number(Id::topic_alias, 5) == 5);
  CHECK(text_of(read->bytes(Id::correlation_data)) == "\x01\x02");
  CHECK(read->text(Id::content_type).empty());
  CHECK(read->has(Id::user_property));
  CHECK_FALSE(read->has(Id::content_type));
  std::vector<std::string> users;
  std::vector<unsigned> ids;
  std::vector<unsigned> subscriptions;
  for (const Property& property : *read) {
    ids.push_back(static_cast<unsigned>(property.id));
    if (property.id == Id::user_property) {
      users.push_back(std::string(property.text()) + "=" + std::string(property.value_text()));
    }
    if (property.id == Id::subscription_id) { subscriptions.push_back(property.number); }
  }
  CHECK(ids == std::vector<unsigned>{0x26, 0x02, 0x09, 0x26, 0x0B, 0x0B});
  CHECK(users == std::vector<std::string>{"unit=bar", "unit=psi"});
  CHECK(subscriptions == std::vector<unsigned>{7, 128});
  CHECK(Properties().empty());
  CHECK(Properties().begin() == Properties().end());
}

TEST_CASE("Every property is written as it reads, from a list and from a view", "[mqtt]") {
  for (const Row& row : kTable) {
    const auto id = static_cast<Id>(row.id);
    if (row.in.count(publish) == 0 || id == Id::topic_alias) { continue; }
    const Bytes wire = with_id(row.id, row.value);
    const auto read = Properties::parse(wire, publish);
    REQUIRE(read);
    const std::vector<Property> list(1, *read->begin());
    INFO("property " << row.id);
    for (const Properties& properties : {*read, Properties(std::span<const Property>(list))}) {
      const Bytes whole = encoded5(Publish{.topic = "t", .payload = {}, .properties = properties});
      CHECK(whole == packet(0x30, text_field("t") + bytes({static_cast<unsigned>(wire.size())}) + wire));
    }
  }
}

#include <string>

#include "tests/examples/mqtt/checks.hpp"

using namespace mqtt;
using namespace mqtt::test;
using Id = PropertyId;

namespace {

constexpr Version kV5 = Version::mqtt_5;

Fault header_fault(std::initializer_list<unsigned> values) { return Header::parse5(bytes(values)).fault(); }
/// The properties of a packet behind their length.
Bytes properties(const Bytes& wire) { return bytes({static_cast<unsigned>(wire.size())}) + wire; }
Bytes reason_string(std::string_view text) { return bytes({0x1F}) + text_field(text); }

/// The length of the properties at `offset` of the packet, by one byte too long, too short, none and the longest.
template <class Packet>
void check_property_length(const Bytes& whole, std::size_t offset) {
  const unsigned right = std::to_integer<unsigned>(whole[offset]);
  REQUIRE(fault_of5<Packet>(whole) == Fault::none);
  for (const unsigned length : {right + 1, 0x7EU, 0x7FU}) {
    Bytes changed = whole;
    changed[offset] = static_cast<std::byte>(length);
    INFO("properties of " << length << " bytes instead of " << right);
    CHECK(fault_of5<Packet>(changed) != Fault::none);
  }
  for (unsigned length = 1; length < right; ++length) {
    Bytes changed = whole;
    changed[offset] = static_cast<std::byte>(length);
    INFO("properties of " << length << " bytes instead of " << right);
    // Where one property ends the others are taken for what follows.
    const auto kept = std::span(whole).subspan(offset + 1, length);
    if (!Properties::parse(kept, type_of(whole))) { CHECK(fault_of5<Packet>(changed) == Fault::truncated); }
  }
  for (const auto& field :
       {bytes({0x80, 0x80, 0x80, 0x80, 0x01}), bytes({0x80, 0x00}), bytes({0xFF, 0xFF, 0xFF, 0x7F})}) {
    const auto header = Header::parse5(whole);
    Bytes body(whole.begin() + header->size, whole.end());
    const auto at = static_cast<std::ptrdiff_t>(offset - header->size);
    const Bytes behind(body.begin() + at + 1, body.end());
    body.erase(body.begin() + at, body.end());
    CHECK(fault_of5<Packet>(packet(std::to_integer<unsigned>(whole[0]), body + field + behind)) == Fault::truncated);
  }
}

}  // namespace

TEST_CASE("The length field of 5.0 has no more bytes than it needs", "[mqtt]") {
  CHECK(header_fault({0x30, 0x7F}) == Fault::none);
  CHECK(header_fault({0x30, 0x80, 0x01}) == Fault::none);
  CHECK(header_fault({0x30, 0xFF, 0x00}) == Fault::remaining_length);
  CHECK(header_fault({0x30, 0x80, 0x80, 0x00}) == Fault::remaining_length);
  CHECK(header_fault({0x30, 0xFF, 0xFF, 0xFF, 0x00}) == Fault::remaining_length);
  CHECK(header_fault({0x30, 0xFF, 0xFF, 0xFF, 0x7F}) == Fault::none);
  CHECK(header_fault({0x30, 0xFF, 0xFF, 0xFF, 0xFF}) == Fault::remaining_length);
  CHECK(header_fault({0x30, 0x80, 0x80, 0x80, 0x80, 0x01}) == Fault::remaining_length);
}

TEST_CASE("Types and flags that 5.0 reserves are refused with their first byte", "[mqtt]") {
  for (unsigned flags = 0; flags < 16; ++flags) { CHECK(header_fault({flags}) == Fault::packet_type); }
  for (unsigned type = 1; type < 16; ++type) {
    if (type == 3) { continue; }
    const unsigned right = type == 6 || type == 8 || type == 10 ? 2 : 0;
    for (unsigned flags = 0; flags < 16; ++flags) {
      INFO("type " << type << ", flags " << flags);
      CHECK(header_fault({type << 4 | flags}) == (flags == right ? Fault::none : Fault::flags));
    }
  }
  CHECK(header_fault({0x36}) == Fault::qos);
  CHECK(header_fault({0x38}) == Fault::flags);
}

TEST_CASE("A length that no packet of 5.0 of the type can have is refused with the header", "[mqtt]") {
  struct Row {
    unsigned first_byte;
    std::uint32_t least;
    bool exact;
  };
  static constexpr Row kRows[] = {
      {0x10, 13, false}, {0x20, 2, false}, {0x30, 3, false}, {0x32, 5, false}, {0x40, 2, false},
      {0x50, 2, false},  {0x62, 2, false}, {0x70, 2, false}, {0x82, 7, false}, {0x90, 4, false},
      {0xA2, 6, false},  {0xB0, 4, false}, {0xC0, 0, true},  {0xD0, 0, true},  {0xE0, 0, false},
  };
  for (const Row& row : kRows) {
    INFO("first byte " << row.first_byte);
    if (row.least != 0) { CHECK(header_fault({row.first_byte, row.least - 1}) == Fault::size); }
    CHECK(header_fault({row.first_byte, row.least}) == Fault::none);
    CHECK(header_fault({row.first_byte, row.least + 1}) == (row.exact ? Fault::size : Fault::none));
    CHECK(header_fault({row.first_byte, 0xFF, 0xFF, 0xFF, 0x7F}) == (row.exact ? Fault::size : Fault::none));
  }
  CHECK(header_fault({0xF0, 0}) == Fault::none);
  CHECK(header_fault({0xF0, 1}) == Fault::size);
  CHECK(header_fault({0xF0, 2}) == Fault::none);
}

TEST_CASE("CONNACK of 5.0 tells session, reason and properties", "[mqtt]") {
  const Bytes wire = bytes({0x21, 0, 5, 0x24, 1, 0x12}) + text_field("auto-1") + bytes({0x26}) + text_field("a") +
                     text_field("b") + bytes({0x13, 0, 9});
  const Bytes whole = packet(0x20, bytes({1, 0}) + properties(wire));
  check_truncations<Connack, kV5>(whole);
  check_property_length<Connack>(whole, 4);
  const auto read = parsed5<Connack>(whole);
  CHECK(read.session_present);
  CHECK(read.reason == Reason::success);
  CHECK(read.properties.number(Id::receive_maximum, 65'535) == 5);
  CHECK(read.properties.number(Id::maximum_qos, 2) == 1);
  CHECK(read.properties.text(Id::assigned_client_id) == "auto-1");
  CHECK(read.properties.number(Id::server_keep_alive, 60) == 9);

  CHECK(parsed5<Connack>(packet(0x20, bytes({0, 0x88, 0}))).reason == Reason::server_unavailable);
  CHECK(fault_of5<Connack>(packet(0x20, bytes({2, 0, 0}))) == Fault::acknowledge_flags);
  CHECK(fault_of5<Connack>(packet(0x20, bytes({0x80, 0, 0}))) == Fault::acknowledge_flags);
  CHECK(fault_of5<Connack>(packet(0x20, bytes({1, 0x87, 0}))) == Fault::acknowledge_flags);
  CHECK(fault_of5<Connack>(packet(0x20, bytes({0, 0x01, 0}))) == Fault::return_code);
  CHECK(fault_of5<Connack>(packet(0x20, bytes({0, 0x8E, 0}))) == Fault::return_code);
  CHECK(fault_of5<Connack>(packet(0x20, bytes({0, 0xFF, 0}))) == Fault::return_code);
  CHECK(fault_of5<Connack>(packet(0x20, bytes({0, 0, 0, 0}))) == Fault::trailing_bytes);
  CHECK(fault_of5<Connack>(packet(0x20, bytes({0, 0}) + properties(bytes({0x23, 0, 1})))) == Fault::property);
  CHECK(fault_of5<Connack>(packet(0x20, bytes({0, 0}) + properties(bytes({0x16}) + text_field("data")))) ==
        Fault::authentication);
}

TEST_CASE("A server that knows 3.1.1 only is heard to refuse 5.0", "[mqtt]") {
  const auto read = parsed5<Connack>(bytes({0x20, 2, 0, 1}));
  CHECK(read.reason == Reason::unsupported_protocol_version);
  CHECK_FALSE(read.session_present);
  CHECK(fault_of5<Connack>(bytes({0x20, 2, 0, 0})) == Fault::size);
  CHECK(fault_of5<Connack>(bytes({0x20, 2, 1, 1})) == Fault::size);
  CHECK(fault_of5<Connack>(bytes({0x20, 2, 0, 0x84})) == Fault::size);
}

TEST_CASE("PUBLISH of 5.0 tells topic, alias, properties and payload", "[mqtt]") {
  const Bytes wire = bytes({0x23, 1, 2, 0x02, 0, 0, 0, 9});
  const Bytes whole = packet(0x3A, text_field("a/b") + bytes({0x12, 0x34}) + properties(wire));
  check_truncations<Publish, kV5>(whole);
  check_length_field<Publish, kV5>(whole, 2);
  check_property_length<Publish>(whole, 9);
  const auto read = parsed5<Publish>(whole);
  CHECK(read.topic == "a/b");
  CHECK(read.topic_alias == 0x0102);
  CHECK(read.packet_id == 0x1234);
  CHECK(read.qos == QoS::at_least_once);
  CHECK(read.duplicate);
  CHECK(read.payload.empty());
  CHECK(read.properties.number(Id::message_expiry) == 9);

  const Bytes short_one = packet(0x30, text_field("") + properties(bytes({0x23, 0, 1})) + bytes("hello"));
  const auto aliased = parsed5<Publish>(short_one);
  CHECK(aliased.topic.empty());
  CHECK(aliased.topic_alias == 1);
  CHECK(text_of(aliased.payload) == "hello");
}

TEST_CASE("PUBLISH of 5.0 without a topic, or with what the standard forbids, is refused", "[mqtt]") {
  const Bytes none = bytes({0});
  CHECK(fault_of5<Publish>(packet(0x30, text_field("a") + none)) == Fault::none);
  CHECK(fault_of5<Publish>(packet(0x30, text_field("") + none)) == Fault::no_topic);
  CHECK(fault_of5<Publish>(packet(0x30, text_field("") + properties(bytes({0x23, 0, 0})))) == Fault::topic_alias);
  CHECK(fault_of5<Publish>(packet(0x30, text_field("a") + properties(bytes({0x23, 0, 1, 0x23, 0, 1})))) ==
        Fault::property_repeated);
  CHECK(fault_of5<Publish>(packet(0x30, text_field("a/#") + none)) == Fault::topic);
  CHECK(fault_of5<Publish>(packet(0x30, text_field(std::string_view("a\0b", 3)) + none)) == Fault::text);
  CHECK(fault_of5<Publish>(packet(0x30, text_field("\xFF") + none)) == Fault::text);
  CHECK(fault_of5<Publish>(packet(0x32, text_field("a") + bytes({0, 0}) + none)) == Fault::packet_id);
  CHECK(fault_of5<Publish>(packet(0x34, text_field("a") + bytes({0, 0}) + none)) == Fault::packet_id);
  CHECK(fault_of5<Publish>(packet(0x30, text_field("abc"))) == Fault::truncated);
  CHECK(fault_of5<Publish>(packet(0x30, bytes({0xFF, 0xFF, 'a'}))) == Fault::truncated);
  CHECK(fault_of5<Publish>(packet(0x30, text_field("a") + properties(bytes({0x1F}) + text_field("x")))) ==
        Fault::property);
}

TEST_CASE("Acknowledgements of 5.0 tell a reason and properties, or leave them out", "[mqtt]") {
  struct Row {
    unsigned first_byte;
    unsigned code;
  };
  for (const Row& row : {Row{0x40, 0x10}, Row{0x50, 0x97}, Row{0x62, 0x92}, Row{0x70, 0x92}}) {
    INFO("first byte " << row.first_byte);
    const Bytes whole = packet(row.first_byte, bytes({0xFF, 0xFE, row.code}) + properties(reason_string("so")));
    check_truncations<Acknowledge, kV5>(whole, {2, 3});
    check_property_length<Acknowledge>(whole, 5);
    const auto read = parsed5<Acknowledge>(whole);
    CHECK(read.packet_id == 0xFFFE);
    CHECK(static_cast<unsigned>(read.reason) == row.code);
    CHECK(read.properties.text(Id::reason_string) == "so");
    CHECK(static_cast<unsigned>(read.type) == row.first_byte >> 4);
    CHECK(parsed5<Acknowledge>(bytes({row.first_byte, 2, 0, 1})).reason == Reason::success);
    CHECK(static_cast<unsigned>(parsed5<Acknowledge>(bytes({row.first_byte, 3, 0, 1, row.code})).reason) == row.code);
    CHECK(fault_of5<Acknowledge>(bytes({row.first_byte, 2, 0, 0})) == Fault::packet_id);
    CHECK(fault_of5<Acknowledge>(bytes({row.first_byte, 3, 0, 1, 0x81})) == Fault::return_code);
    CHECK(fault_of5<Acknowledge>(bytes({row.first_byte, 5, 0, 1, 0, 0, 0})) == Fault::trailing_bytes);
    CHECK(fault_of5<Acknowledge>(packet(row.first_byte, bytes({0, 1, 0}) + properties(bytes({0x21, 0, 1})))) ==
          Fault::property);
  }
}

TEST_CASE("SUBACK and UNSUBACK of 5.0 tell a reason for each filter", "[mqtt]") {
  const Bytes granted = packet(0x90, bytes({0, 7}) + properties(reason_string("x")) + bytes({0, 1, 2, 0x87, 0xA2}));
  CHECK(parsed5<Suback>(granted).codes.size() == 5);
  CHECK(parsed5<Suback>(granted).packet_id == 7);
  CHECK(parsed5<Suback>(granted).properties.text(Id::reason_string) == "x");
  const Bytes gone = packet(0xB0, bytes({0, 7}) + properties(reason_string("x")) + bytes({0, 0x11, 0x8F}));
  CHECK(parsed5<Suback>(gone).type == PacketType::unsuback);
  CHECK(parsed5<Suback>(gone).codes.size() == 3);
  for (const unsigned first_byte : {0x90U, 0xB0U}) {
    check_truncations<Suback, kV5>(packet(first_byte, bytes({0, 7}) + properties(reason_string("x")) + bytes({0})));
    CHECK(fault_of5<Suback>(packet(first_byte, bytes({0, 0, 0, 0}))) == Fault::packet_id);
    CHECK(fault_of5<Suback>(packet(first_byte, bytes({0, 1}) + properties(bytes({0x26}) + text_field("a") +
                                                                          text_field("b")))) == Fault::empty_list);
    for (const unsigned code : {0x03U, 0x7FU, 0x81U, 0xFFU}) {
      CHECK(fault_of5<Suback>(packet(first_byte, bytes({0, 1, 0, code}))) == Fault::return_code);
    }
  }
  CHECK(fault_of5<Suback>(bytes({0xB0, 4, 0, 1, 0, 1})) == Fault::return_code);     // QoS 1 of an UNSUBACK
  CHECK(fault_of5<Suback>(bytes({0x90, 4, 0, 1, 0, 0x11})) == Fault::return_code);  // and the reverse
}

TEST_CASE("DISCONNECT of 5.0 tells a reason and properties, or leaves them out", "[mqtt]") {
  const Bytes whole = packet(0xE0, bytes({0x9D}) + properties(bytes({0x1C}) + text_field("other:1883")));
  check_truncations<Disconnect, kV5>(whole, {0, 1});
  check_property_length<Disconnect>(whole, 3);
  const auto read = parsed5<Disconnect>(whole);
  CHECK(read.reason == Reason::server_moved);
  CHECK(read.properties.text(Id::server_reference) == "other:1883");
  CHECK(parsed5<Disconnect>(bytes({0xE0, 0})).reason == Reason::success);
  CHECK(parsed5<Disconnect>(bytes({0xE0, 1, 0x8B})).reason == Reason::server_shutting_down);
  CHECK(fault_of5<Disconnect>(bytes({0xE0, 1, 0x01})) == Fault::return_code);
  CHECK(fault_of5<Disconnect>(bytes({0xE0, 3, 0, 0, 0})) == Fault::trailing_bytes);
}

TEST_CASE("AUTH tells its method, or nothing at all", "[mqtt]") {
  const Bytes method = bytes({0x15}) + text_field("SCRAM");
  const Bytes data = bytes({0x16}) + text_field("\xFF");
  const Bytes whole = packet(0xF0, bytes({0x18}) + properties(method + data));
  check_truncations<Auth, kV5>(whole, {0});
  check_property_length<Auth>(whole, 3);
  CHECK(parsed5<Auth>(whole).reason == Reason::continue_authentication);
  CHECK(parsed5<Auth>(whole).properties.text(Id::authentication_method) == "SCRAM");
  CHECK(text_of(parsed5<Auth>(whole).properties.bytes(Id::authentication_data)) == "\xFF");
  CHECK(parsed5<Auth>(bytes({0xF0, 0})).reason == Reason::success);
  CHECK(fault_of5<Auth>(packet(0xF0, bytes({0x18}) + properties(data))) == Fault::authentication);
  CHECK(fault_of5<Auth>(bytes({0xF0, 2, 0x18, 0})) == Fault::authentication);
  CHECK(fault_of5<Auth>(packet(0xF0, bytes({0x87}) + properties(method))) == Fault::return_code);
}

TEST_CASE("SUBSCRIBE and UNSUBSCRIBE of 5.0 list filters with options, each checked", "[mqtt]") {
  const Bytes whole = packet(0x82, bytes({0, 1}) + properties(bytes({0x0B, 5})) + text_field("a/+") + bytes({0x2E}) +
                                       text_field("$share/g/b") + bytes({0x01}));
  check_property_length<FilterList>(whole, 4);
  auto list = parsed5<FilterList>(whole);
  CHECK(list.properties.number(Id::subscription_id) == 5);
  const auto first = list.next();
  REQUIRE(first);
  CHECK(first->filter == "a/+");
  CHECK(first->qos == QoS::exactly_once);
  CHECK(first->no_local);
  CHECK(first->retain_as_published);
  CHECK(first->retain_handling == RetainHandling::do_not_send);
  const auto second = list.next();
  REQUIRE(second);
  CHECK(second->qos == QoS::at_least_once);
  CHECK_FALSE(second->no_local);
  CHECK(second->retain_handling == RetainHandling::send);
  CHECK_FALSE(list.next());

  const auto with_options = [](unsigned options) {
    return fault_of5<FilterList>(packet(0x82, bytes({0, 1, 0}) + text_field("a") + bytes({options})));
  };
  for (unsigned options = 0; options < 256; ++options) {
    Fault right = Fault::none;
    if (options >> 4 > 2) { right = Fault::subscription_options; }
    if ((options & 3) == 3) { right = Fault::qos; }
    INFO("options " << options);
    CHECK(with_options(options) == right);
  }
  const Bytes leave =
      packet(0xA2, bytes({0, 1}) + properties(bytes({0x26}) + text_field("a") + text_field("b")) + text_field("a"));
  check_truncations<FilterList, kV5>(leave);
  CHECK(fault_of5<FilterList>(packet(0xA2, bytes({0, 0, 0}) + text_field("a"))) == Fault::packet_id);
  CHECK(fault_of5<FilterList>(packet(0xA2, bytes({0, 1, 0}) + text_field("a#"))) == Fault::filter);
  CHECK(fault_of5<FilterList>(packet(0xA2, bytes({0, 1, 0}) + text_field("\xFF"))) == Fault::text);
  CHECK(fault_of5<FilterList>(packet(0xA2, bytes({0, 1}) + properties(bytes({0x0B, 1})) + text_field("a"))) ==
        Fault::property);
}

TEST_CASE("CONNECT of 5.0 with everything in it reads as it was written", "[mqtt]") {
  const Property will_list[] = {Property::of(Id::will_delay, 30), Property::of(Id::content_type, "text/plain"),
                                Property::user("a", "b")};
  const Property list[] = {Property::of(Id::session_expiry, 3600), Property::of(Id::receive_maximum, 8),
                           Property::of(Id::authentication_method, "SCRAM"),
                           Property::of(Id::authentication_data, bytes_of("n,,"))};
  Connect written{.client_id = "pump-7", .clean_session = false, .keep_alive = 60};
  written.will = Will{"gone", bytes_of("bye"), QoS::at_least_once, true, will_list};
  written.user = "me";
  written.password = bytes_of("secret");
  written.properties = list;
  const Bytes whole = encoded5(written);
  check_truncations<Connect, kV5>(whole);
  check_property_length<Connect>(whole, 12);
  const auto read = parsed5<Connect>(whole);
  CHECK(read.client_id == "pump-7");
  CHECK_FALSE(read.clean_session);
  CHECK(read.keep_alive == 60);
  CHECK(read.properties.number(Id::session_expiry) == 3600);
  CHECK(read.properties.text(Id::authentication_method) == "SCRAM");
  REQUIRE(read.will);
  CHECK(read.will->topic == "gone");
  CHECK(text_of(read.will->payload) == "bye");
  CHECK(read.will->properties.number(Id::will_delay) == 30);
  CHECK(read.will->properties.text(Id::content_type) == "text/plain");
  CHECK(read.user == "me");
  REQUIRE(read.password);
  CHECK(text_of(*read.password) == "secret");
  CHECK(encoded5(read) == whole);
}

TEST_CASE("CONNECT of 5.0 allows what 3.1.1 did not, and no more", "[mqtt]") {
  const auto with_flags = [](unsigned flags, const Bytes& payload) {
    return fault_of5<Connect>(packet(0x10, text_field("MQTT") + bytes({5, flags, 0, 60, 0}) + payload));
  };
  const Bytes id = text_field("c");
  CHECK(with_flags(0x02, id) == Fault::none);
  CHECK(with_flags(0x00, text_field("")) == Fault::none);                 // the server gives it a name
  CHECK(with_flags(0x40, id + text_field("p")) == Fault::none);           // a password alone
  CHECK(with_flags(0x03, id) == Fault::connect_flags);                    // reserved
  CHECK(with_flags(0x0A, id) == Fault::connect_flags);                    // will QoS without a will
  CHECK(with_flags(0x1E, id + text_field("w")) == Fault::connect_flags);  // will QoS 3
  const Bytes will = text_field("w") + text_field("p");
  CHECK(with_flags(0x06, id + bytes({0}) + will) == Fault::none);
  CHECK(with_flags(0x06, id + properties(bytes({0x18, 0, 0, 0, 1})) + will) == Fault::none);
  CHECK(with_flags(0x06, id + properties(bytes({0x23, 0, 1})) + will) == Fault::property);
  CHECK(with_flags(0x06, id + bytes({0}) + text_field("w/#") + text_field("p")) == Fault::topic);
  CHECK(with_flags(0x02, id + bytes({1})) == Fault::trailing_bytes);
  const auto with_properties = [&](const Bytes& wire) {
    return fault_of5<Connect>(packet(0x10, text_field("MQTT") + bytes({5, 2, 0, 60}) + properties(wire) + id));
  };
  CHECK(with_properties(bytes({0x18, 0, 0, 0, 1})) == Fault::property);
  CHECK(with_properties(bytes({0x16}) + text_field("data")) == Fault::authentication);
  CHECK(fault_of5<Connect>(packet(0x10, text_field("MQTT") + bytes({4, 2, 0, 0, 0}) + id)) == Fault::protocol_name);
}

TEST_CASE("What stands before a payload is told as soon as it can be", "[mqtt]") {
  const auto check = [](const Bytes& whole, std::size_t payload, bool version5) {
    const auto header = version5 ? Header::parse5(whole) : Header::parse(whole);
    REQUIRE(header);
    const auto body = std::span(whole).subspan(header->size);
    const std::size_t right = body.size() - payload;
    bool known = false;
    for (std::size_t arrived = 0; arrived <= body.size(); ++arrived) {
      const auto size = version5 ? Publish::head_size5(*header, body.first(arrived))
                                 : Publish::head_size(*header, body.first(arrived));
      INFO(arrived << " of " << body.size() << " bytes");
      REQUIRE(size);
      if (*size == 0) {
        CHECK_FALSE(known);
        CHECK(arrived < right);
        continue;
      }
      known = true;
      CHECK(*size == right);
    }
    CHECK(known);
    const auto head =
        version5 ? Publish::parse5(*header, body.first(right)) : Publish::parse(*header, body.first(right));
    REQUIRE(head);
    CHECK(head->topic == "a/b");
    CHECK(head->payload.empty());
  };
  const std::string text(300, 'x');
  for (const QoS qos : {QoS::at_most_once, QoS::exactly_once}) {
    const Publish publish{"a/b", bytes_of(text), qos, false, false, 5};
    check(encoded(publish), text.size(), false);
    check(encoded5(publish), text.size(), true);
    const Property list[] = {Property::user("name", text)};  // a length of two bytes
    Publish with_properties = publish;
    with_properties.properties = list;
    check(encoded5(with_properties), text.size(), true);
    with_properties.payload = {};
    check(encoded5(with_properties), 0, true);
  }
}

TEST_CASE("What should stand before a payload and does not fit the packet is a fault", "[mqtt]") {
  const auto of = [](const Bytes& whole, bool version5) {
    const auto header = version5 ? Header::parse5(whole) : Header::parse(whole);
    const auto body = std::span(whole).subspan(header->size);
    return version5 ? Publish::head_size5(*header, body).fault() : Publish::head_size(*header, body).fault();
  };
  CHECK(of(packet(0x30, bytes({0, 2, 'a'})), false) == Fault::truncated);
  CHECK(of(packet(0x30, bytes({0, 1, 'a'})), false) == Fault::none);
  CHECK(of(packet(0x32, bytes({0, 2, 'a', 'b', 1})), false) == Fault::truncated);
  CHECK(of(packet(0x30, bytes({0, 1, 'a'})), true) == Fault::truncated);
  CHECK(of(packet(0x30, bytes({0, 1, 'a', 0})), true) == Fault::none);
  CHECK(of(packet(0x30, bytes({0, 1, 'a', 1})), true) == Fault::truncated);
  CHECK(of(packet(0x30, bytes({0, 1, 'a', 0x80})), true) == Fault::truncated);
  CHECK(of(packet(0x30, bytes({0, 1, 'a', 0x80, 0})), true) == Fault::truncated);
  CHECK(of(packet(0x30, bytes({0, 1, 'a', 0x80, 0x80, 0x80, 0x80, 1})), true) == Fault::truncated);
}

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <memory>
#include <string>

#include "tests/examples/mqtt/checks.hpp"

using namespace mqtt;
using namespace mqtt::test;

namespace {

Fault header_fault(std::initializer_list<unsigned> values) { return Header::parse(bytes(values)).fault(); }

}  // namespace

TEST_CASE("The length field has one to four bytes, and a fifth is a fault", "[mqtt]") {
  // The examples of table 2.4; PUBLISH may have any of these lengths but the first.
  struct Row {
    Bytes field;
    std::uint32_t value;
  };
  const Row rows[] = {
      {bytes({0x03}), 3},
      {bytes({0x7F}), 127},
      {bytes({0x80, 0x01}), 128},
      {bytes({0xFF, 0x7F}), 16'383},
      {bytes({0x80, 0x80, 0x01}), 16'384},
      {bytes({0xFF, 0xFF, 0x7F}), 2'097'151},
      {bytes({0x80, 0x80, 0x80, 0x01}), 2'097'152},
      {bytes({0xFF, 0xFF, 0xFF, 0x7F}), 268'435'455},
  };
  for (const Row& row : rows) {
    const Bytes whole = bytes({0x30}) + row.field;
    const auto header = Header::parse(whole);
    REQUIRE(header);
    CHECK(header->complete());
    CHECK(header->remaining == row.value);
    CHECK(header->size == whole.size());
    CHECK(header->total() == whole.size() + row.value);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const auto part = Header::parse(std::span(whole).first(size));
      REQUIRE(part);
      CHECK_FALSE(part->complete());
    }
  }
  CHECK(header_fault({0x30, 0xFF, 0xFF, 0xFF, 0xFF}) == Fault::remaining_length);
  CHECK(header_fault({0x30, 0x80, 0x80, 0x80, 0x80, 0x00}) == Fault::remaining_length);
}

TEST_CASE("Reserved packet types are refused with their first byte", "[mqtt]") {
  for (unsigned flags = 0; flags < 16; ++flags) {
    CHECK(header_fault({flags}) == Fault::packet_type);
    CHECK(header_fault({0xF0 | flags}) == Fault::packet_type);
  }
}

TEST_CASE("Flags other than the standard's are refused with their first byte", "[mqtt]") {
  for (unsigned type = 1; type < 15; ++type) {
    if (type == 3) { continue; }
    const unsigned right = type == 6 || type == 8 || type == 10 ? 2 : 0;
    for (unsigned flags = 0; flags < 16; ++flags) {
      INFO("type " << type << ", flags " << flags);
      CHECK(header_fault({type << 4 | flags}) == (flags == right ? Fault::none : Fault::flags));
    }
  }
  for (unsigned flags = 0; flags < 16; ++flags) {
    const unsigned qos = flags >> 1 & 3;
    Fault fault = Fault::none;
    if (qos == 3) { fault = Fault::qos; }
    if (qos == 0 && (flags & 8) != 0) { fault = Fault::flags; }
    CHECK(header_fault({0x30 | flags}) == fault);
  }
}

TEST_CASE("A length that no packet of the type can have is refused with the header", "[mqtt]") {
  struct Row {
    unsigned first_byte;
    std::uint32_t least;
    bool exact;
  };
  static constexpr Row kRows[] = {
      {0x10, 12, false}, {0x20, 2, true}, {0x30, 3, false}, {0x32, 5, false}, {0x40, 2, true},
      {0x50, 2, true},   {0x62, 2, true}, {0x70, 2, true},  {0x82, 6, false}, {0x90, 3, false},
      {0xA2, 5, false},  {0xB0, 2, true}, {0xC0, 0, true},  {0xD0, 0, true},  {0xE0, 0, true},
  };
  for (const Row& row : kRows) {
    INFO("first byte " << row.first_byte);
    if (row.least != 0) { CHECK(header_fault({row.first_byte, row.least - 1}) == Fault::size); }
    CHECK(header_fault({row.first_byte, row.least}) == Fault::none);
    CHECK(header_fault({row.first_byte, row.least + 1}) == (row.exact ? Fault::size : Fault::none));
    CHECK(header_fault({row.first_byte, 0xFF, 0xFF, 0xFF, 0x7F}) == (row.exact ? Fault::size : Fault::none));
  }
}

TEST_CASE("CONNACK tells session and return code, and nothing that the standard reserves", "[mqtt]") {
  check_truncations<Connack>(bytes({0x20, 2, 1, 0}));
  CHECK(parsed<Connack>(bytes({0x20, 2, 1, 0})).session_present);
  CHECK_FALSE(parsed<Connack>(bytes({0x20, 2, 0, 0})).session_present);
  for (unsigned code = 0; code < 6; ++code) {
    CHECK(parsed<Connack>(bytes({0x20, 2, 0, code})).code == static_cast<ConnectCode>(code));
  }
  CHECK(fault_of<Connack>(bytes({0x20, 2, 0, 6})) == Fault::return_code);
  CHECK(fault_of<Connack>(bytes({0x20, 2, 0, 255})) == Fault::return_code);
  CHECK(fault_of<Connack>(bytes({0x20, 2, 2, 0})) == Fault::acknowledge_flags);
  CHECK(fault_of<Connack>(bytes({0x20, 2, 0x80, 0})) == Fault::acknowledge_flags);
  CHECK(fault_of<Connack>(bytes({0x20, 2, 1, 5})) == Fault::acknowledge_flags);
}

TEST_CASE("PUBLISH tells topic, payload and identifier", "[mqtt]") {
  const Bytes qos0 = packet(0x31, text_field("a/b") + bytes("hello"));
  check_length_field<Publish>(qos0, 2);
  const auto first = parsed<Publish>(qos0);
  CHECK(first.topic == "a/b");
  CHECK(text_of(first.payload) == "hello");
  CHECK(first.qos == QoS::at_most_once);
  CHECK(first.retain);
  CHECK_FALSE(first.duplicate);

  const Bytes qos1 = packet(0x3A, text_field("a/b") + bytes({0x12, 0x34}));
  check_length_field<Publish>(qos1, 2);
  check_truncations<Publish>(qos1);
  const auto second = parsed<Publish>(qos1);
  CHECK(second.packet_id == 0x1234);
  CHECK(second.payload.empty());
  CHECK(second.qos == QoS::at_least_once);
  CHECK(second.duplicate);
  CHECK_FALSE(second.retain);

  CHECK(parsed<Publish>(packet(0x34, text_field("a") + bytes({0, 1}))).qos == QoS::exactly_once);
}

TEST_CASE("PUBLISH with a topic or an identifier that the standard forbids is refused", "[mqtt]") {
  CHECK(fault_of<Publish>(packet(0x30, text_field("") + bytes("x"))) == Fault::topic);
  CHECK(fault_of<Publish>(packet(0x30, text_field("a/+"))) == Fault::topic);
  CHECK(fault_of<Publish>(packet(0x30, text_field("#"))) == Fault::topic);
  CHECK(fault_of<Publish>(packet(0x30, text_field(std::string_view("a\0b", 3)))) == Fault::text);
  CHECK(fault_of<Publish>(packet(0x30, text_field("\xED\xA0\x80"))) == Fault::text);
  CHECK(fault_of<Publish>(packet(0x32, text_field("a") + bytes({0, 0}))) == Fault::packet_id);
  CHECK(fault_of<Publish>(packet(0x34, text_field("a") + bytes({0, 0}))) == Fault::packet_id);
  CHECK(fault_of<Publish>(packet(0x32, text_field("a") + bytes({0, 1}))) == Fault::none);
  CHECK(fault_of<Publish>(packet(0x32, text_field("a") + bytes({0xFF, 0xFF}))) == Fault::none);
  CHECK(fault_of<Publish>(packet(0x32, text_field("abc") + bytes({1}))) == Fault::truncated);
}

TEST_CASE("The longest topic that a length field can tell is taken", "[mqtt]") {
  const std::string longest(65'535, 't');
  const Bytes whole = packet(0x30, text_field(longest));
  CHECK(parsed<Publish>(whole).topic == longest);
  check_length_field<Publish>(whole, 4);
}

TEST_CASE("PUBACK and UNSUBACK tell an identifier that is not 0", "[mqtt]") {
  for (const unsigned first_byte : {0x40U, 0x50U, 0x62U, 0x70U, 0xB0U}) {
    const Bytes whole = bytes({first_byte, 2, 0xFF, 0xFE});
    check_truncations<Acknowledge>(whole);
    CHECK(parsed<Acknowledge>(whole).packet_id == 0xFFFE);
    CHECK(static_cast<unsigned>(parsed<Acknowledge>(whole).type) == first_byte >> 4);
    CHECK(fault_of<Acknowledge>(bytes({first_byte, 2, 0, 0})) == Fault::packet_id);
    CHECK(fault_of<Acknowledge>(bytes({first_byte, 3, 0, 1, 0})) == Fault::size);
  }
}

TEST_CASE("SUBACK tells a code for each filter", "[mqtt]") {
  const Bytes whole = bytes({0x90, 6, 0, 7, 0, 1, 2, 0x80});
  CHECK(parsed<Suback>(whole).packet_id == 7);
  CHECK(parsed<Suback>(whole).codes.size() == 4);
  CHECK(fault_of<Suback>(bytes({0x90, 3, 0, 0, 0})) == Fault::packet_id);
  CHECK(fault_of<Suback>(bytes({0x90, 2, 0, 1})) == Fault::size);
  for (const unsigned code : {3U, 0x7FU, 0x81U, 0xFFU}) {
    CHECK(fault_of<Suback>(bytes({0x90, 3, 0, 1, code})) == Fault::return_code);
  }
}

TEST_CASE("CONNECT with everything in it reads as it was written", "[mqtt]") {
  const Connect packet{.client_id = "pump-7",
                       .clean_session = false,
                       .keep_alive = 60,
                       .will = Will{"gone", bytes_of("bye"), QoS::at_least_once, true},
                       .user = "me",
                       .password = bytes_of("secret")};
  const Bytes whole = encoded(packet);
  check_truncations<Connect>(whole);
  for (const std::size_t offset : {2U, 12U, 20U, 26U, 31U, 35U}) { check_length_field<Connect>(whole, offset); }
  const auto read = parsed<Connect>(whole);
  CHECK(read.client_id == "pump-7");
  CHECK_FALSE(read.clean_session);
  CHECK(read.keep_alive == 60);
  REQUIRE(read.will);
  CHECK(read.will->topic == "gone");
  CHECK(text_of(read.will->payload) == "bye");
  CHECK(read.will->qos == QoS::at_least_once);
  CHECK(read.will->retain);
  CHECK(read.user == "me");
  REQUIRE(read.password);
  CHECK(text_of(*read.password) == "secret");
}

TEST_CASE("CONNECT whose flags contradict each other is refused", "[mqtt]") {
  const auto with_flags = [](unsigned flags, const Bytes& payload) {
    return packet(0x10, text_field("MQTT") + bytes({4, flags, 0, 60}) + payload);
  };
  const Bytes id = text_field("c");
  CHECK(fault_of<Connect>(with_flags(0x02, id)) == Fault::none);
  CHECK(fault_of<Connect>(with_flags(0x03, id)) == Fault::connect_flags);  // reserved
  CHECK(fault_of<Connect>(with_flags(0x0A, id)) == Fault::connect_flags);  // will QoS without a will
  CHECK(fault_of<Connect>(with_flags(0x22, id)) == Fault::connect_flags);  // will retain without a will
  CHECK(fault_of<Connect>(with_flags(0x1E, id + text_field("w") + text_field("p"))) == Fault::connect_flags);
  CHECK(fault_of<Connect>(with_flags(0x42, id + text_field("p"))) == Fault::connect_flags);  // password without user
  CHECK(fault_of<Connect>(with_flags(0x00, text_field(""))) == Fault::connect_flags);        // a session for nobody
  CHECK(fault_of<Connect>(with_flags(0x06, id + text_field("w/#") + text_field("p"))) == Fault::topic);
  CHECK(fault_of<Connect>(with_flags(0x82, id + text_field("\xFF"))) == Fault::text);
  CHECK(fault_of<Connect>(with_flags(0x02, text_field("\xFF"))) == Fault::text);
  CHECK(fault_of<Connect>(with_flags(0x02, id + bytes({1}))) == Fault::trailing_bytes);
  CHECK(fault_of<Connect>(packet(0x10, text_field("MQIs") + bytes({4, 2, 0, 0}) + id)) == Fault::protocol_name);
  CHECK(fault_of<Connect>(packet(0x10, text_field("MQTT") + bytes({5, 2, 0, 0}) + id)) == Fault::protocol_name);
}

TEST_CASE("SUBSCRIBE and UNSUBSCRIBE list filters, each checked", "[mqtt]") {
  Bytes whole(64);
  const FilterEntry entries[] = {{"a/+", QoS::at_least_once}, {"b/#", QoS::at_most_once}};
  whole.resize(*encode_subscribe(whole, 9, entries));
  auto list = parsed<FilterList>(whole);
  CHECK(list.packet_id == 9);
  for (const FilterEntry& entry : entries) {
    const auto read = list.next();
    REQUIRE(read);
    CHECK(read->filter == entry.filter);
    CHECK(read->qos == entry.qos);
  }
  CHECK_FALSE(list.next());
  check_length_field<FilterList>(whole, 4);
  check_length_field<FilterList>(whole, 10);

  whole.resize(64);
  whole.resize(*encode_unsubscribe(whole, 9, entries));
  list = parsed<FilterList>(whole);
  CHECK(list.next()->filter == "a/+");
  CHECK(list.next()->filter == "b/#");
  CHECK_FALSE(list.next());

  const auto subscribe = [](unsigned id, std::string_view filter, unsigned qos) {
    return fault_of<FilterList>(packet(0x82, bytes({0, id}) + text_field(filter) + bytes({qos})));
  };
  CHECK(subscribe(1, "a", 2) == Fault::none);
  CHECK(subscribe(0, "a", 0) == Fault::packet_id);
  CHECK(subscribe(1, "a#", 0) == Fault::filter);
  CHECK(subscribe(1, "a", 3) == Fault::qos);
  CHECK(subscribe(1, "\xFF", 0) == Fault::text);
  CHECK(fault_of<FilterList>(packet(0x82, bytes({0, 1}) + text_field("") + bytes({0, 0}))) != Fault::none);
  CHECK(fault_of<FilterList>(packet(0xA2, bytes({0, 1}) + text_field("a"))) == Fault::none);

  Header header;
  header.type = PacketType::subscribe;
  CHECK(FilterList::parse(header, bytes({0, 1})).fault() == Fault::empty_list);
  CHECK(FilterList::parse(header, bytes({0})).fault() == Fault::truncated);
  CHECK(Suback::parse(header, bytes({0, 1})).fault() == Fault::empty_list);
  CHECK(Suback::parse(header, bytes({0})).fault() == Fault::truncated);
  CHECK(Connect::parse(header, bytes({0})).fault() == Fault::truncated);
  CHECK(Connack::parse(header, bytes({0, 0, 0})).fault() == Fault::trailing_bytes);
}

TEST_CASE("Every fault, return code and failure has words of its own", "[mqtt]") {
  for (unsigned i = 0; i <= static_cast<unsigned>(kLastFault); ++i) {
    const auto fault = static_cast<Fault>(i);
    CHECK(to_string(fault) != std::string_view("unknown fault"));
    if (i != 0) { CHECK(Failure::protocol(fault).text() == std::string_view(to_string(fault))); }
  }
  for (unsigned i = 0; i <= static_cast<unsigned>(kLastConnectCode); ++i) {
    const auto code = static_cast<ConnectCode>(i);
    CHECK(to_string(code) != std::string_view("unknown return code"));
    CHECK(Failure::refused(code).text() == std::string_view(to_string(code)));
  }
  CHECK(to_string(static_cast<Fault>(255)) == std::string_view("unknown fault"));
  CHECK(to_string(static_cast<ConnectCode>(255)) == std::string_view("unknown return code"));
  CHECK(Failure::transport(nal::Error::timed_out).text() == std::string_view("timed out"));
  CHECK(Failure{}.text() == std::string_view("no failure"));
  CHECK(Failure::timed_out(Failure::Cause::keep_alive).text() !=
        std::string_view(Failure::timed_out(Failure::Cause::no_answer).text()));
}

TEST_CASE("A refusal is final unless the server is only unavailable", "[mqtt]") {
  using nal::Error;
  CHECK(Failure::refused(ConnectCode::protocol_version).error == Error::not_supported);
  CHECK(Failure::refused(ConnectCode::client_id).error == Error::invalid_argument);
  CHECK(Failure::refused(ConnectCode::server_unavailable).error == Error::connection_refused);
  CHECK(Failure::refused(ConnectCode::user_or_password).error == Error::permission_denied);
  CHECK(Failure::refused(ConnectCode::not_authorized).error == Error::permission_denied);
  CHECK(Failure::refused(ConnectCode::not_authorized).is_final());
  CHECK_FALSE(Failure::refused(ConnectCode::server_unavailable).is_final());
  CHECK_FALSE(Failure::transport(Error::connection_reset).is_final());
}

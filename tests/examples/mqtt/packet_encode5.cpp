#include <string>

#include "tests/examples/mqtt/checks.hpp"

using namespace mqtt;
using namespace mqtt::test;
using nal::Error;
using nal::Unexpected;
using Id = PropertyId;

TEST_CASE("Packets of 5.0 are written as the standard shows them", "[mqtt]") {
  CHECK(encoded5(Connect{.client_id = "c", .keep_alive = 0x1234}) ==
        bytes({0x10, 14, 0, 4, 'M', 'Q', 'T', 'T', 5, 2, 0x12, 0x34, 0, 0, 1, 'c'}));
  CHECK(encoded5(Connack{.session_present = true}) == bytes({0x20, 3, 1, 0, 0}));
  CHECK(encoded5(Connack{.reason = Reason::banned}) == bytes({0x20, 3, 0, 0x8A, 0}));
  CHECK(encoded5(Publish{"a", bytes_of("hi")}) == bytes({0x30, 6, 0, 1, 'a', 0, 'h', 'i'}));
  CHECK(encoded5(Publish{.topic = "", .payload = bytes_of("hi"), .topic_alias = 3}) ==
        bytes({0x30, 8, 0, 0, 3, 0x23, 0, 3, 'h', 'i'}));
  CHECK(encoded5(Acknowledge{PacketType::puback, 0x0102}) == bytes({0x40, 2, 1, 2}));
  CHECK(encoded5(Acknowledge{PacketType::pubrel, 1, Reason::packet_identifier_not_found}) ==
        bytes({0x62, 3, 0, 1, 0x92}));
  const Property why[] = {Property::of(Id::reason_string, "no")};
  CHECK(encoded5(Acknowledge{PacketType::puback, 1, Reason::success, why}) ==
        bytes({0x40, 9, 0, 1, 0, 5, 0x1F, 0, 2, 'n', 'o'}));
  CHECK(encoded5(Disconnect{}) == bytes({0xE0, 0}));
  CHECK(encoded5(Disconnect{Reason::disconnect_with_will}) == bytes({0xE0, 1, 4}));
  const Property method[] = {Property::of(Id::authentication_method, "X")};
  CHECK(encoded5(Auth{Reason::re_authenticate, method}) == bytes({0xF0, 6, 0x19, 4, 0x15, 0, 1, 'X'}));
  CHECK(encoded5(Auth{}) == bytes({0xF0, 0}));
  const Bytes codes = bytes({1, 0x87});
  CHECK(encoded5(Suback{3, codes}) == bytes({0x90, 5, 0, 3, 0, 1, 0x87}));
  const Bytes gone = bytes({0x11});
  CHECK(encoded5(Suback{3, gone, PacketType::unsuback}) == bytes({0xB0, 4, 0, 3, 0, 0x11}));

  Bytes out(16);
  FilterEntry entry{"a/+", QoS::at_least_once, true, true, RetainHandling::send_if_new};
  CHECK(encode_subscribe5(out, 1, {&entry, 1}) == 11U);
  CHECK(Bytes(out.begin(), out.begin() + 11) == bytes({0x82, 9, 0, 1, 0, 0, 3, 'a', '/', '+', 0x1D}));
  const Property id[] = {Property::of(Id::subscription_id, 200)};
  CHECK(encode_subscribe5(out, 1, {&entry, 1}, id) == 14U);
  CHECK(Bytes(out.begin(), out.begin() + 8) == bytes({0x82, 12, 0, 1, 3, 0x0B, 0xC8, 1}));
  CHECK(encode_unsubscribe5(out, 1, {&entry, 1}) == 10U);
  CHECK(Bytes(out.begin(), out.begin() + 10) == bytes({0xA2, 8, 0, 1, 0, 0, 3, 'a', '/', '+'}));
  CHECK(subscribe_size(1 + std::string_view("a/+").size()) >= 12U);
}

TEST_CASE("Encoders of 5.0 stay within the caller's buffer at every size", "[mqtt]") {
  const Property list[] = {Property::user("a", "b"), Property::of(Id::session_expiry, 1)};
  const Property will_list[] = {Property::of(Id::will_delay, 1), Property::of(Id::correlation_data, bytes_of("x"))};
  Connect connect{.client_id = "pump", .user = "u", .password = bytes_of("p")};
  connect.properties = list;
  connect.will = Will{"w", bytes_of("gone"), QoS::exactly_once, true, will_list};
  check_room(encoded5(connect).size(), [&](auto out) { return encode5(out, connect); });
  const Property message[] = {Property::of(Id::payload_format, 1), Property::of(Id::subscription_id, 300),
                              Property::of(Id::response_topic, "a/b")};
  Publish publish{"a/b", bytes_of("payload"), QoS::at_least_once, false, false, 1, 7};
  publish.properties = message;
  check_room(encoded5(publish).size(), [&](auto out) { return encode5(out, publish); });
  CHECK(publish_size5(publish, publish.payload.size()) == encoded5(publish).size());
  const std::size_t head = encoded5(publish).size() - publish.payload.size();
  check_room(head, [&](auto out) { return encode_head5(out, publish, publish.payload.size()); });
  const Property user[] = {Property::user("a", "b")};
  const Acknowledge puback{PacketType::puback, 1, Reason::success, user};
  check_room(encoded5(puback).size(), [&](auto out) { return encode5(out, puback); });
  const Connack connack{false, ConnectCode::accepted, Reason::success, user};
  check_room(encoded5(connack).size(), [&](auto out) { return encode5(out, connack); });
  const Disconnect disconnect{Reason::success, user};
  check_room(encoded5(disconnect).size(), [&](auto out) { return encode5(out, disconnect); });
  const Bytes codes = bytes({0});
  const Suback suback{1, codes, PacketType::suback, user};
  check_room(encoded5(suback).size(), [&](auto out) { return encode5(out, suback); });
  const FilterEntry entry{"a/#"};
  check_room(18, [&](auto out) { return encode_subscribe5(out, 1, {&entry, 1}, user); });
  check_room(17, [&](auto out) { return encode_unsubscribe5(out, 1, {&entry, 1}, user); });
}

TEST_CASE("All of a PUBLISH but its payload is written for either version", "[mqtt]") {
  const Publish publish{"a/b", bytes_of("payload"), QoS::at_least_once, true, true, 9};
  Bytes out(64);
  const Bytes whole = encoded(publish);
  CHECK(encode_head(out, publish, 7) == whole.size() - 7);
  CHECK(std::equal(whole.begin(), whole.end() - 7, out.begin()));
  const Bytes whole5 = encoded5(publish);
  CHECK(encode_head5(out, publish, 7) == whole5.size() - 7);
  CHECK(std::equal(whole5.begin(), whole5.end() - 7, out.begin()));
  CHECK(encode_head(out, publish, kMaxRemaining - 7) == 12U);
  CHECK(encode_head(out, publish, kMaxRemaining - 6) == Unexpected(Error::message_size));
  CHECK(encode_head5(out, publish, kMaxRemaining - 8) == 13U);
  CHECK(encode_head5(out, publish, kMaxRemaining - 7) == Unexpected(Error::message_size));
  CHECK(encode_head5(out, publish, SIZE_MAX) == Unexpected(Error::message_size));
  CHECK(publish_size5(publish, kMaxRemaining - 7) == Unexpected(Error::message_size));
}

TEST_CASE("What 5.0 does not allow is not written", "[mqtt]") {
  Bytes out(200'000);
  const auto refused = [&](const auto& packet) { return encode5(out, packet) == Unexpected(Error::invalid_argument); };
  const std::string long_text(65'536, 'x');
  const auto with = [](Property property) {
    static Property kept;
    kept = property;
    Publish publish{"a", {}};
    publish.properties = std::span<const Property>(&kept, 1);
    return publish;
  };
  CHECK_FALSE(refused(with(Property::of(Id::content_type, std::string_view(long_text).substr(1)))));
  CHECK(refused(with(Property::of(Id::content_type, long_text))));
  CHECK(publish_size5(with(Property::of(Id::content_type, long_text)), 0) == Unexpected(Error::invalid_argument));
  CHECK(refused(with(Property::user("a", long_text))));
  CHECK(refused(with(Property::user(long_text, "a"))));
  CHECK(refused(with(Property::user("a", "\xFF"))));
  CHECK(refused(with(Property::of(Id::content_type, std::string_view("a\0", 2)))));
  CHECK(refused(with(Property::of(Id::payload_format, 2))));
  CHECK(refused(with(Property::of(Id::payload_format, 256))));
  CHECK(refused(with(Property::of(Id::subscription_id, 0))));
  CHECK(refused(with(Property::of(Id::subscription_id, 268'435'456))));
  CHECK_FALSE(refused(with(Property::of(Id::subscription_id, 268'435'455))));
  CHECK(refused(with(Property::of(Id::response_topic, "a/#"))));
  CHECK(refused(with(Property::of(Id::reason_string, "x"))));
  CHECK(refused(with(Property::of(Id::receive_maximum, 1))));
  CHECK(refused(with(Property{static_cast<Id>(0x7F)})));
  CHECK(refused(with(Property{})));
  const Property twice[] = {Property::of(Id::message_expiry, 1), Property::of(Id::message_expiry, 2)};
  Publish repeated{"a", {}};
  repeated.properties = twice;
  CHECK(refused(repeated));

  CHECK(refused(Publish{"", {}}));
  CHECK(refused(Publish{"a/#", {}, QoS::at_most_once, false, false, 0, 1}));
  CHECK(refused(Publish{"a", {}, QoS::at_least_once}));
  CHECK(refused(Connack{.session_present = true, .reason = Reason::banned}));
  CHECK(refused(Connack{.reason = Reason::granted_qos_1}));
  CHECK(refused(Acknowledge{PacketType::puback, 0}));
  CHECK(refused(Acknowledge{PacketType::puback, 1, Reason::packet_identifier_not_found}));
  CHECK(refused(Disconnect{Reason::banned}));
  CHECK(refused(Auth{Reason::continue_authentication}));
  CHECK(refused(Suback{1, {}}));
  const Bytes wrong_code = bytes({3});
  CHECK(refused(Suback{1, wrong_code}));
  const Property data[] = {Property::of(Id::authentication_data, bytes_of("x"))};
  Connect connect{.client_id = "c"};
  connect.properties = data;
  CHECK(refused(connect));
  CHECK_FALSE(refused(Connect{.client_id = "", .clean_session = false}));
  CHECK_FALSE(refused(Connect{.client_id = "c", .password = bytes_of("p")}));
  const FilterEntry wrong{"a#"};
  const FilterEntry right{"a"};
  CHECK(encode_subscribe5(out, 1, {&wrong, 1}) == Unexpected(Error::invalid_argument));
  CHECK(encode_subscribe5(out, 0, {&right, 1}) == Unexpected(Error::invalid_argument));
  CHECK(encode_subscribe5(out, 1, {}) == Unexpected(Error::invalid_argument));
  CHECK(encode_subscribe5(out, 1, {&right, 1}, twice) == Unexpected(Error::invalid_argument));
}

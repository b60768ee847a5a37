#include <array>
#include <catch2/catch_test_macros.hpp>
#include <string>

#include "tests/examples/mqtt/checks.hpp"

using namespace mqtt;
using namespace mqtt::test;
using nal::Error;
using nal::Unexpected;

TEST_CASE("Packets are written as the standard shows them", "[mqtt]") {
  CHECK(encoded(Connect{.client_id = "c", .keep_alive = 0x1234}) ==
        bytes({0x10, 13, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0x12, 0x34, 0, 1, 'c'}));
  CHECK(encoded(Connack{true, ConnectCode::accepted}) == bytes({0x20, 2, 1, 0}));
  CHECK(encoded(Connack{false, ConnectCode::not_authorized}) == bytes({0x20, 2, 0, 5}));
  CHECK(encoded(Publish{"a", bytes_of("hi")}) == bytes({0x30, 5, 0, 1, 'a', 'h', 'i'}));
  CHECK(encoded(Publish{"a", {}, QoS::at_least_once, true, true, 0x0102}) == bytes({0x3B, 5, 0, 1, 'a', 1, 2}));
  CHECK(encoded(Acknowledge{PacketType::puback, 0x0102}) == bytes({0x40, 2, 1, 2}));
  CHECK(encoded(Acknowledge{PacketType::pubrel, 1}) == bytes({0x62, 2, 0, 1}));
  const Bytes codes = bytes({1, 0x80});
  CHECK(encoded(Suback{3, codes}) == bytes({0x90, 4, 0, 3, 1, 0x80}));
  Bytes out(16);
  const FilterEntry entry{"a/+", QoS::at_least_once};
  CHECK(encode_subscribe(out, 1, {&entry, 1}) == 10U);
  CHECK(Bytes(out.begin(), out.begin() + 10) == bytes({0x82, 8, 0, 1, 0, 3, 'a', '/', '+', 1}));
  CHECK(encode_unsubscribe(out, 1, {&entry, 1}) == 9U);
  CHECK(Bytes(out.begin(), out.begin() + 9) == bytes({0xA2, 7, 0, 1, 0, 3, 'a', '/', '+'}));
  CHECK(encode_empty(out, PacketType::pingreq) == 2U);
  CHECK(Bytes(out.begin(), out.begin() + 2) == bytes({0xC0, 0}));
  CHECK(encode_empty(out, PacketType::disconnect) == 2U);
  CHECK(Bytes(out.begin(), out.begin() + 2) == bytes({0xE0, 0}));
}

TEST_CASE("Encoders stay within the caller's buffer at every size", "[mqtt]") {
  const Connect connect{.client_id = "pump",
                        .will = Will{"w", bytes_of("gone"), QoS::exactly_once, true},
                        .user = "u",
                        .password = bytes_of("p")};
  check_room(encoded(connect).size(), [&](auto out) { return encode(out, connect); });
  const Publish publish{"a/b", bytes_of("payload"), QoS::at_least_once, false, false, 1};
  check_room(encoded(publish).size(), [&](auto out) { return encode(out, publish); });
  const Acknowledge puback{PacketType::puback, 1};
  check_room(4, [&](auto out) { return encode(out, puback); });
  check_room(4, [&](auto out) { return encode(out, Connack{}); });
  const Bytes codes = bytes({0});
  const Suback suback{1, codes};
  check_room(5, [&](auto out) { return encode(out, suback); });
  const FilterEntry entry{"a/#"};
  check_room(10, [&](auto out) { return encode_subscribe(out, 1, {&entry, 1}); });
  check_room(9, [&](auto out) { return encode_unsubscribe(out, 1, {&entry, 1}); });
  check_room(2, [&](auto out) { return encode_empty(out, PacketType::pingreq); });
}

TEST_CASE("The length field of a PUBLISH grows where the standard says", "[mqtt]") {
  for (const std::size_t remaining : {127U, 128U, 16'383U, 16'384U, 2'097'151U, 2'097'152U}) {
    const std::size_t payload = remaining - 3;
    const std::string text(payload, 'x');
    const Bytes whole = encoded(Publish{"t", bytes_of(text)}, remaining + kMaxHeaderSize);
    const auto header = Header::parse(whole);
    REQUIRE(header);
    CHECK(header->remaining == remaining);
    CHECK(header->total() == whole.size());
    CHECK(publish_size({"t", {}, QoS::at_most_once}, payload) == whole.size());
  }
  CHECK(publish_size({"t", {}, QoS::at_most_once}, kMaxRemaining - 3) == kMaxRemaining + kMaxHeaderSize);
  CHECK(publish_size({"t", {}, QoS::at_most_once}, kMaxRemaining - 2) == Unexpected(Error::message_size));
  CHECK(publish_size({"t", {}, QoS::at_least_once}, kMaxRemaining - 5) == kMaxRemaining + kMaxHeaderSize);
  CHECK(publish_size({"t", {}, QoS::at_least_once}, kMaxRemaining - 4) == Unexpected(Error::message_size));
  CHECK(publish_size({std::string(65'536, 't'), {}, QoS::at_most_once}, 0) == Unexpected(Error::message_size));
}

TEST_CASE("What the standard does not allow is not written", "[mqtt]") {
  Bytes out(70'000);
  const auto refused = [&](const auto& packet) { return encode(out, packet) == Unexpected(Error::invalid_argument); };
  CHECK(refused(Connect{.client_id = "", .clean_session = false}));
  CHECK(refused(Connect{.client_id = "\xFF"}));
  CHECK(refused(Connect{.client_id = "c", .will = Will{"w/#", {}}}));
  CHECK(refused(Connect{.client_id = "c", .user = "\xFF"}));
  CHECK(refused(Connect{.client_id = "c", .password = bytes_of("p")}));
  const std::string long_text(65'536, 'x');
  CHECK(refused(Connect{.client_id = "c", .user = "u", .password = bytes_of(long_text)}));
  CHECK(refused(Connect{.client_id = "c", .will = Will{"w", bytes_of(long_text)}}));
  CHECK(refused(Publish{"a/#", {}}));
  CHECK(refused(Publish{"", {}}));
  CHECK(refused(Publish{"a", {}, QoS::at_least_once}));
  CHECK(refused(Acknowledge{PacketType::puback, 0}));
  CHECK(refused(Suback{1, {}}));
  const FilterEntry wrong{"a#"};
  const FilterEntry right{"a"};
  CHECK(encode_subscribe(out, 1, {&wrong, 1}) == Unexpected(Error::invalid_argument));
  CHECK(encode_subscribe(out, 0, {&right, 1}) == Unexpected(Error::invalid_argument));
  CHECK(encode_subscribe(out, 1, {}) == Unexpected(Error::invalid_argument));
}

TEST_CASE("An empty client identifier is written with a clean session", "[mqtt]") {
  const auto read = parsed<Connect>(encoded(Connect{}));
  CHECK(read.client_id.empty());
  CHECK(read.clean_session);
  CHECK_FALSE(read.will);
  CHECK_FALSE(read.user);
  CHECK_FALSE(read.password);
}

TEST_CASE("DUP is written with QoS 1 only", "[mqtt]") {
  CHECK(encoded(Publish{"a", {}, QoS::at_most_once, false, true, 0})[0] == std::byte{0x30});
  CHECK(encoded(Publish{"a", {}, QoS::at_least_once, false, true, 1})[0] == std::byte{0x3A});
}

TEST_CASE("A short packet is what the longer way makes of it", "[mqtt]") {
  std::array<std::byte, 4> room{};
  const auto written = [&](PacketType type, std::uint16_t packet_id = 0) {
    return Bytes(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(encode_short(room, type, packet_id)));
  };
  CHECK(written(PacketType::pingreq) == bytes({0xC0, 0}));
  CHECK(written(PacketType::disconnect) == bytes({0xE0, 0}));
  CHECK(written(PacketType::pubrel, 0x1234) == bytes({0x62, 2, 0x12, 0x34}));
  for (const auto type : {PacketType::puback, PacketType::pubrec, PacketType::pubrel, PacketType::pubcomp}) {
    for (const auto id : std::array<std::uint16_t, 4>{1, 255, 256, 65'535}) {
      CHECK(written(type, id) == encoded5(Acknowledge{type, id}));
    }
  }
}

#include <functional>

#include "tests/examples/mqtt/machine.hpp"

using namespace mqtt;
using namespace mqtt::test;
using nal::Error;
using nal::Unexpected;

namespace {

Config five() {
  Config config{.client_id = "c"};
  config.version = Version::mqtt_5;
  return config;
}

Bytes message5(std::string_view topic, std::string_view payload, QoS qos = QoS::at_most_once,
               std::uint16_t packet_id = 0, std::uint16_t alias = 0) {
  return encoded5(Publish{topic, bytes_of(payload), qos, false, false, packet_id, alias, {}});
}

struct Ended {
  Fault fault;
  Reason reason;
  friend bool operator==(const Ended&, const Ended&) = default;
};
std::ostream& operator<<(std::ostream& out, const Ended& ended) {
  return out << to_string(ended.fault) << " / " << to_string(ended.reason);
}

/// How a session that is online takes bytes, whole and byte by byte: its fault, and what it tells the server.
Ended ended(const Bytes& data) {
  Ended first{};
  for (const std::size_t piece : {std::size_t{1'000'000}, std::size_t{1}}) {
    Machine machine(five());
    machine.connect5();
    const auto fed = machine.feed(data, piece);
    CHECK(fed == Unexpected(Error::protocol_error));
    CHECK(machine.session.fatal().cause == Failure::Cause::protocol);
    const auto sent = machine.farewell();
    REQUIRE(sent.size() == 1);
    CHECK(machine.session.finished());
    const Ended now{machine.session.fatal().fault, parsed5<Disconnect>(sent[0]).reason};
    if (piece != 1) { first = now; }
    CHECK(now == first);
  }
  return first;
}

/// The same for what a server answers to CONNECT.
Failure refused(const Bytes& data) {
  Machine machine(five());
  REQUIRE(machine.session.start());
  machine.session.link_up(machine.now());
  machine.take();
  CHECK_FALSE(machine.feed(data));
  return machine.session.fatal();
}

}  // namespace

TEST_CASE("Every fault of a server of 5.0 ends the connection with its reason", "[mqtt5]") {
  using enum Fault;
  const auto malformed = Reason::malformed_packet;
  const auto protocol = Reason::protocol_error;
  CHECK(ended(bytes({0x00})) == Ended{packet_type, malformed});
  CHECK(ended(bytes({0x36})) == Ended{qos, malformed});
  CHECK(ended(bytes({0x38})) == Ended{flags, malformed});
  CHECK(ended(bytes({0x41})) == Ended{flags, malformed});
  CHECK(ended(bytes({0x60})) == Ended{flags, malformed});
  CHECK(ended(bytes({0x30, 0xFF, 0xFF, 0xFF, 0xFF})) == Ended{remaining_length, malformed});
  CHECK(ended(bytes({0x40, 1})) == Ended{size, malformed});
  CHECK(ended(bytes({0x30, 4, 0, 9, 't', 0})) == Ended{truncated, malformed});
  CHECK(ended(bytes({0x30, 4, 0, 1, 0, 0})) == Ended{text, malformed});
  CHECK(ended(bytes({0x30, 4, 0, 1, 0xFF, 0})) == Ended{text, malformed});
  CHECK(ended(bytes({0x30, 4, 0, 1, '#', 0})) == Ended{topic, Reason::topic_name_invalid});
  CHECK(ended(bytes({0x32, 6, 0, 1, 't', 0, 0, 0})) == Ended{packet_id, protocol});
  CHECK(ended(bytes({0x40, 2, 0, 0})) == Ended{packet_id, protocol});
  // Properties: longer than the packet, unknown, not of PUBLISH, there twice.
  CHECK(ended(bytes({0x30, 4, 0, 1, 't', 1})).reason == malformed);
  CHECK(ended(bytes({0x30, 6, 0, 1, 't', 2, 0x7F, 0})) == Ended{property, malformed});
  CHECK(ended(bytes({0x30, 7, 0, 1, 't', 3, 0x21, 0, 1})) == Ended{property, malformed});
  CHECK(ended(bytes({0x30, 8, 0, 1, 't', 4, 1, 0, 1, 0})) == Ended{property_repeated, protocol});
  // Aliases: 0, above the maximum, of no topic yet, and neither topic nor alias.
  CHECK(ended(bytes({0x30, 7, 0, 1, 't', 3, 0x23, 0, 0})).reason == Reason::topic_alias_invalid);
  CHECK(ended(message5("t", "", QoS::at_most_once, 0, 3)) == Ended{topic_alias, Reason::topic_alias_invalid});
  CHECK(ended(message5("", "", QoS::at_most_once, 0, 1)).reason == Reason::topic_alias_invalid);
  CHECK(ended(bytes({0x30, 3, 0, 0, 0})) == Ended{no_topic, protocol});
  // Packets that are not due.
  CHECK(ended(encoded5(Connack{})) == Ended{second_connack, protocol});
  CHECK(ended(encoded5(Acknowledge{PacketType::puback, 5, {}, {}})) == Ended{unknown_packet_id, protocol});
  CHECK(ended(encoded5(Acknowledge{PacketType::pubrec, 5, {}, {}})) == Ended{unknown_packet_id, protocol});
  CHECK(ended(encoded5(Acknowledge{PacketType::pubcomp, 5, {}, {}})) == Ended{unknown_packet_id, protocol});
  CHECK(ended(bytes({0x90, 4, 0, 5, 0, 0})) == Ended{unknown_packet_id, protocol});
  CHECK(ended(bytes({0xB0, 4, 0, 5, 0, 0})) == Ended{unknown_packet_id, protocol});
  CHECK(ended(bytes({0xC0, 0})) == Ended{unexpected_packet, protocol});
  CHECK(ended(bytes({0xF0, 0})) == Ended{unexpected_packet, protocol});
  CHECK(ended(bytes({0x40, 3, 0, 5, 0x55})) == Ended{return_code, protocol});
}

TEST_CASE("A server that sends more than it may is told so", "[mqtt5]") {
  Bytes many;
  for (std::uint16_t id = 1; id <= 4; ++id) { many += message5("t", "x", QoS::at_least_once, id); }
  CHECK(ended(many) == Ended{Fault::receive_maximum, Reason::receive_maximum_exceeded});
  // Unless what it sent before was acknowledged.
  Machine machine(five());
  machine.connect5();
  for (std::uint16_t id = 1; id <= 40; ++id) {
    REQUIRE(machine.feed(message5("t", "x", QoS::at_least_once, id)));
    CHECK(machine.try_once(machine.session.receive()));
    CHECK(machine.take().size() == 1);
  }
  for (std::uint16_t id = 1; id <= 40; ++id) {
    REQUIRE(machine.feed(message5("t", "x", QoS::exactly_once, id)));
    CHECK(machine.try_once(machine.session.receive()));
    CHECK(machine.take().size() == 1);
    REQUIRE(machine.feed(encoded5(Acknowledge{PacketType::pubrel, id, {}, {}})));
    CHECK(machine.take().size() == 1);
  }
}

TEST_CASE("A packet larger than was allowed is told so, and one whose head does not fit", "[mqtt5]") {
  Config config = five();
  config.maximum_packet_size = 50;
  Machine machine(config);
  machine.connect5();
  REQUIRE(machine.feed(message5("t", std::string(44, 'x'))));
  CHECK_FALSE(machine.feed(message5("t", std::string(47, 'x'))));
  CHECK(machine.session.fatal().fault == Fault::packet_too_large);
  CHECK(parsed5<Disconnect>(machine.farewell().at(0)).reason == Reason::packet_too_large);
  CHECK(ended(message5(std::string(300, 't'), "")) == Ended{Fault::packet_too_large, Reason::packet_too_large});
}

TEST_CASE("An unknown PUBREL is answered with what is wrong", "[mqtt5]") {
  Machine machine(five());
  machine.connect5();
  REQUIRE(machine.feed(encoded5(Acknowledge{PacketType::pubrel, 9, {}, {}})));
  const auto sent = machine.take();
  REQUIRE(sent.size() == 1);
  CHECK(parsed5<Acknowledge>(sent[0]).reason == Reason::packet_identifier_not_found);
}

TEST_CASE("A refusal of 5.0 tells its reason and whether there is hope", "[mqtt5]") {
  const auto failure = [](Reason reason) { return refused(encoded5(Connack{false, {}, reason, {}})); };
  CHECK(failure(Reason::not_authorized).error == Error::permission_denied);
  CHECK(failure(Reason::not_authorized).is_final());
  CHECK(failure(Reason::client_identifier_not_valid).error == Error::invalid_argument);
  CHECK(failure(Reason::server_busy).error == Error::connection_refused);
  CHECK_FALSE(failure(Reason::server_busy).is_final());
  CHECK(failure(Reason::unsupported_protocol_version).error == Error::not_supported);
  CHECK(failure(Reason::use_another_server).is_final());
  CHECK(std::string_view(failure(Reason::banned).text()) == "banned");
  // A server that knows 3.1.1 only.
  CHECK(refused(bytes({0x20, 2, 0, 1})).reason == Reason::unsupported_protocol_version);
  // What no server may say before CONNACK.
  CHECK(refused(message5("t", "x")).fault == Fault::unexpected_packet);
  CHECK(refused(bytes({0xE0, 0})).fault == Fault::unexpected_packet);
  CHECK(refused(encoded5(Connack{true, {}, Reason::success, {}})).fault == Fault::acknowledge_flags);
}

TEST_CASE("DISCONNECT of the server tells why, and who has taken the session over is left it", "[mqtt5]") {
  const auto failure = [](Reason reason) {
    Machine machine(five());
    machine.connect5();
    CHECK_FALSE(machine.feed(encoded5(Disconnect{reason, {}})));
    CHECK(machine.farewell().empty());
    return machine.session.fatal();
  };
  CHECK(failure(Reason::server_shutting_down).cause == Failure::Cause::disconnected);
  CHECK(failure(Reason::server_shutting_down).error == Error::connection_aborted);
  CHECK_FALSE(failure(Reason::server_shutting_down).is_final());
  CHECK_FALSE(failure(Reason::packet_too_large).is_final());
  CHECK(failure(Reason::session_taken_over).is_final());
  CHECK(failure(Reason::server_moved).is_final());
}

TEST_CASE("A server of 3.1.1 sends no packet of 5.0", "[mqtt]") {
  for (const Bytes& packet : {bytes({0xE0, 0}), bytes({0xF0, 0})}) {
    Machine machine;
    machine.connect();
    CHECK_FALSE(machine.feed(packet));
    CHECK(machine.farewell().empty());
  }
}

TEST_CASE("Nothing is told in the middle of a packet", "[mqtt5]") {
  Machine machine(five());
  machine.connect5();
  REQUIRE(machine.publish("t", "payload", QoS::at_least_once));
  machine.take(4);
  CHECK_FALSE(machine.feed(bytes({0x00})));
  CHECK(machine.farewell().empty());
}

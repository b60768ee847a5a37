#include "tests/examples/mqtt/machine.hpp"

using namespace mqtt;
using namespace mqtt::test;
using nal::Error;
using nal::Unexpected;

namespace {

/// What a session that is online makes of bytes, in one piece and byte by byte.
template <class AnyMachine>
Fault session_fault(const Bytes& data) {
  AnyMachine whole;
  whole.connect();
  const auto result = whole.feed(data);
  AnyMachine dripping;
  dripping.connect();
  CHECK(dripping.feed(data, 1) == result);
  if (result) { return Fault::none; }
  CHECK(result == Unexpected(Error::protocol_error));
  CHECK(whole.session.fatal().cause == Failure::Cause::protocol);
  CHECK(dripping.session.fatal().fault == whole.session.fatal().fault);
  return whole.session.fatal().fault;
}
/// Where it makes no difference what the session can do.
Fault online_fault(const Bytes& data) {
  const Fault fault = session_fault<Machine<>>(data);
  CHECK(session_fault<Machine<kTestSizes, Features{.oversized = true}>>(data) == fault);
  return fault;
}
Fault small_fault(const Bytes& data) { return session_fault<SmallMachine>(data); }

}  // namespace

TEST_CASE("Whatever comes before CONNACK ends the connection", "[mqtt]") {
  for (const Bytes& early : {message("t", "x"), puback(1), suback(1, 0), unsuback(1),
                             empty_packet(PacketType::pingresp), empty_packet(PacketType::disconnect)}) {
    Machine machine;
    REQUIRE(machine.session.start());
    machine.session.link_up(machine.now());
    machine.take();
    CHECK(machine.feed(early) == Unexpected(Error::protocol_error));
    CHECK(machine.session.fatal().fault == Fault::unexpected_packet);
  }
}

TEST_CASE("A refusal tells its return code", "[mqtt]") {
  for (unsigned code = 1; code <= 5; ++code) {
    Machine machine;
    REQUIRE(machine.session.start());
    machine.session.link_up(machine.now());
    machine.take();
    const Failure expected = Failure::refused(static_cast<ConnectCode>(code));
    CHECK(machine.feed(connack(false, expected.code)) == Unexpected(expected.error));
    CHECK(machine.session.fatal().cause == Failure::Cause::refused);
    CHECK(machine.session.fatal().code == expected.code);
  }
}

TEST_CASE("A session present after a clean start ends the connection", "[mqtt]") {
  Machine machine({.client_id = "c", .clean_session = true});
  REQUIRE(machine.session.start());
  machine.session.link_up(machine.now());
  machine.take();
  CHECK_FALSE(machine.feed(connack(true)));
  CHECK(machine.session.fatal().fault == Fault::acknowledge_flags);
}

TEST_CASE("A second CONNACK ends the connection", "[mqtt]") { CHECK(online_fault(connack()) == Fault::second_connack); }

TEST_CASE("Packets that only a client sends end the connection, and those of QoS 2 where that is no feature",
          "[mqtt]") {
  CHECK(online_fault(encoded(Connect{.client_id = "x"})) == Fault::unexpected_packet);
  Bytes subscribe(32);
  const FilterEntry entry{"a"};
  subscribe.resize(*encode_subscribe(subscribe, 1, {&entry, 1}));
  CHECK(online_fault(subscribe) == Fault::unexpected_packet);
  CHECK(online_fault(empty_packet(PacketType::pingreq)) == Fault::unexpected_packet);
  CHECK(online_fault(empty_packet(PacketType::disconnect)) == Fault::unexpected_packet);
  CHECK(small_fault(bytes({0x50, 2, 0, 1})) == Fault::unexpected_packet);
  CHECK(small_fault(bytes({0x62, 2, 0, 1})) == Fault::unexpected_packet);
  CHECK(small_fault(bytes({0x70, 2, 0, 1})) == Fault::unexpected_packet);
  CHECK(small_fault(message("t", "x", QoS::exactly_once, 1)) == Fault::qos_not_granted);
}

TEST_CASE("Acknowledgements of what was not sent end the connection", "[mqtt]") {
  CHECK(online_fault(puback(1)) == Fault::unknown_packet_id);
  CHECK(online_fault(suback(1, 0)) == Fault::unknown_packet_id);
  CHECK(online_fault(unsuback(1)) == Fault::unknown_packet_id);
  CHECK(online_fault(puback(0)) == Fault::packet_id);
  CHECK(online_fault(suback(0, 0)) == Fault::packet_id);
  CHECK(online_fault(unsuback(0)) == Fault::packet_id);
}

TEST_CASE("An acknowledgement of another kind, a second one, or one too early ends the connection", "[mqtt]") {
  {
    Machine machine;
    machine.connect();
    REQUIRE(machine.publish("t", "x", QoS::at_least_once));
    const auto id = parsed<Publish>(machine.take().at(0)).packet_id;
    SECTION("SUBACK for a message") { CHECK_FALSE(machine.feed(suback(id, 0))); }
    SECTION("UNSUBACK for a message") { CHECK_FALSE(machine.feed(unsuback(id))); }
    SECTION("two PUBACKs") { CHECK_FALSE(machine.feed(puback(id) + puback(id))); }
    SECTION("PUBACK of a message that is not sent yet") {
      REQUIRE(machine.publish("t", "y", QoS::at_least_once));
      machine.take(4);
      CHECK_FALSE(machine.feed(puback(id + 1U)));
    }
    CHECK(machine.session.fatal().fault == Fault::unknown_packet_id);
  }
}

TEST_CASE("SUBACK with more codes than filters, or more QoS than was asked for, ends the connection", "[mqtt]") {
  Machine machine;
  machine.connect();
  static_cast<void>(machine.try_once(machine.session.subscribe("a")));
  const unsigned id = parsed<FilterList>(machine.take().at(0)).packet_id;
  SECTION("two codes") {
    CHECK_FALSE(machine.feed(bytes({0x90, 4, id >> 8, id & 0xFF, 0, 0})));
    CHECK(machine.session.fatal().fault == Fault::size);
  }
  SECTION("more than asked for") {
    CHECK_FALSE(machine.feed(suback(id, 1)));
    CHECK(machine.session.fatal().fault == Fault::qos_not_granted);
  }
  SECTION("more than the buffer holds") {
    CHECK_FALSE(machine.feed(bytes({0x90, 0xFF, 0x7F})));
    CHECK(machine.session.fatal().fault == Fault::packet_too_large);
  }
}

TEST_CASE("Malformed packets end the connection, each with its fault", "[mqtt]") {
  CHECK(online_fault(bytes({0x00})) == Fault::packet_type);
  CHECK(online_fault(bytes({0xF0})) == Fault::packet_type);
  CHECK(online_fault(bytes({0x41})) == Fault::flags);
  CHECK(online_fault(bytes({0x36})) == Fault::qos);
  CHECK(online_fault(bytes({0x38})) == Fault::flags);
  CHECK(online_fault(bytes({0x30, 0xFF, 0xFF, 0xFF, 0xFF})) == Fault::remaining_length);
  CHECK(online_fault(bytes({0x30, 2})) == Fault::size);
  CHECK(online_fault(packet(0x30, text_field(""))) == Fault::size);
  CHECK(online_fault(packet(0x30, text_field("") + bytes("x"))) == Fault::topic);
  CHECK(online_fault(packet(0x30, bytes({0, 9}) + bytes("short"))) == Fault::truncated);
  CHECK(online_fault(packet(0x30, text_field(std::string_view("\0", 1)))) == Fault::text);
  CHECK(online_fault(packet(0x32, text_field("t") + bytes({0, 0}))) == Fault::packet_id);
  CHECK(online_fault(bytes({0xD0, 1, 0})) == Fault::size);
}

TEST_CASE("A packet cut off by the end of the connection changes nothing", "[mqtt]") {
  const Bytes whole = message("topic", "payload", QoS::at_least_once, 5);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Machine machine;
    machine.connect();
    REQUIRE(machine.feed(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))));
    CHECK(machine.try_once(machine.session.receive()).error() == Error::would_block);
    machine.disconnect();
    machine.connect();
    REQUIRE(machine.feed(whole));
    CHECK(machine.try_once(machine.session.receive()));
    CHECK(machine.take().size() == 1);
  }
}

TEST_CASE("After a fault the next connection begins afresh", "[mqtt]") {
  Machine machine;
  machine.connect();
  CHECK_FALSE(machine.feed(bytes({0x00, 1, 2, 3})));
  machine.session.link_down(machine.session.fatal(), {});
  CHECK(machine.session.failure().fault == Fault::packet_type);
  machine.connect();
  CHECK(machine.feed(message("t", "x")));
  CHECK(machine.try_once(machine.session.receive()));
}

TEST_CASE("An oversized PUBLISH is checked as far as it is looked at", "[mqtt]") {
  CHECK(online_fault(bytes({0x30, 0xFF, 0x7F, 0, 0})) == Fault::topic);
  CHECK(online_fault(bytes({0x30, 0xFF, 0x01, 0xFF, 0xFF})) == Fault::truncated);
  CHECK(online_fault(bytes({0x32, 0xFF, 0x01, 0, 253})) == Fault::truncated);
  CHECK(online_fault(bytes({0x32, 0xFF, 0x01, 0, 1, 't', 0, 0})) == Fault::packet_id);
  CHECK(online_fault(bytes({0x32, 0xFF, 0x01, 0, 1, 't', 0, 1})) == Fault::none);
}

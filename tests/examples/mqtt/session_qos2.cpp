#include <functional>

#include "tests/examples/mqtt/machine.hpp"

using namespace mqtt;
using namespace mqtt::test;
using namespace nal::literals;
using nal::Error;
using nal::Unexpected;

namespace {

const Config kKept{.client_id = "c", .clean_session = false};

Bytes pubrec(unsigned id) { return acknowledgement(PacketType::pubrec, id); }
Bytes pubrel(unsigned id) { return acknowledgement(PacketType::pubrel, id); }
Bytes pubcomp(unsigned id) { return acknowledgement(PacketType::pubcomp, id); }

/// Takes the next message and drops it; its text.
std::string receive_one(Machine<>& machine) {
  auto received = machine.try_once(machine.session.receive());
  return received ? std::string(received->text()) : "";
}

}  // namespace

TEST_CASE("A message of QoS 2 is released when the server has it, and gone when that is complete", "[mqtt]") {
  Machine machine(kKept);
  machine.connect();
  const auto serial = machine.publish("t", "x", QoS::exactly_once);
  REQUIRE(serial);
  const auto sent = machine.take();
  REQUIRE(sent.size() == 1);
  const auto publish = parsed<Publish>(sent[0]);
  CHECK(publish.qos == QoS::exactly_once);
  REQUIRE(machine.feed(pubrec(publish.packet_id)));
  CHECK(machine.session.in_flight(*serial));
  CHECK(machine.take() == std::vector<Bytes>{pubrel(publish.packet_id)});
  REQUIRE(machine.feed(pubcomp(publish.packet_id)));
  CHECK_FALSE(machine.session.in_flight(*serial));
  CHECK(machine.session.in_flight_count() == 0);
}

TEST_CASE("A connection that breaks at any step of QoS 2 goes on with that step", "[mqtt]") {
  Machine machine(kKept);
  machine.connect();
  REQUIRE(machine.publish("t", "x", QoS::exactly_once));
  const unsigned id = parsed<Publish>(machine.take().at(0)).packet_id;
  machine.disconnect();
  machine.connect(true);
  const auto again = machine.take();
  REQUIRE(again.size() == 1);
  CHECK(parsed<Publish>(again[0]).duplicate);
  CHECK(parsed<Publish>(again[0]).packet_id == id);
  REQUIRE(machine.feed(pubrec(id)));
  machine.disconnect();  // PUBREL was not sent yet
  machine.connect(true);
  CHECK(machine.take() == std::vector<Bytes>{pubrel(id)});
  machine.disconnect();  // PUBCOMP did not come
  machine.connect(true);
  CHECK(machine.take() == std::vector<Bytes>{pubrel(id)});
  REQUIRE(machine.feed(pubcomp(id)));
  CHECK(machine.session.in_flight_count() == 0);
}

TEST_CASE("PUBREC may come on the next connection, before the message is sent again or while it is", "[mqtt]") {
  for (const std::size_t part : {0U, 3U, 100U}) {
    Machine machine(kKept);
    machine.connect();
    REQUIRE(machine.publish("t", "payload", QoS::exactly_once));
    const unsigned id = parsed<Publish>(machine.take().at(0)).packet_id;
    machine.disconnect();
    machine.connect(true);
    machine.take(part);
    REQUIRE(machine.feed(pubrec(id)));
    const auto sent = machine.take();
    REQUIRE(sent.size() == 1);
    if (part == 3) {
      CHECK(type_of(sent[0]) == PacketType::publish);
      REQUIRE(machine.feed(pubrec(id)));
      CHECK(machine.take() == std::vector<Bytes>{pubrel(id)});
    } else {
      CHECK(sent[0] == pubrel(id));
    }
    REQUIRE(machine.feed(pubrec(id)));  // once more: PUBREL is on its way
    CHECK(machine.take().empty());
    REQUIRE(machine.feed(pubcomp(id)));
    CHECK(machine.session.in_flight_count() == 0);
  }
}

TEST_CASE("PUBREL and messages go out in the order of the messages", "[mqtt]") {
  Machine machine(kKept);
  machine.connect();
  for (const auto* text : {"1", "2"}) { REQUIRE(machine.publish("t", text, QoS::exactly_once)); }
  const auto sent = machine.take();
  REQUIRE(sent.size() == 2);
  const unsigned first = parsed<Publish>(sent[0]).packet_id;
  const unsigned second = parsed<Publish>(sent[1]).packet_id;
  REQUIRE(machine.feed(pubrec(first) + pubrec(second)));
  REQUIRE(machine.publish("t", "3", QoS::exactly_once));
  const auto then = machine.take();
  REQUIRE(then.size() == 3);
  CHECK(then[0] == pubrel(first));
  CHECK(then[1] == pubrel(second));
  CHECK(text_of(parsed<Publish>(then[2]).payload) == "3");
}

TEST_CASE("A server that has forgotten the session needs no PUBREL, and gets what it had not acknowledged", "[mqtt]") {
  Machine machine(kKept);
  machine.connect();
  REQUIRE(machine.publish("t", "released", QoS::exactly_once));
  REQUIRE(machine.publish("t", "open", QoS::exactly_once));
  const auto sent = machine.take();
  REQUIRE(machine.feed(pubrec(parsed<Publish>(sent.at(0)).packet_id)));
  machine.disconnect();
  machine.connect(false);
  const auto again = machine.take();
  REQUIRE(again.size() == 1);
  CHECK(text_of(parsed<Publish>(again[0]).payload) == "open");
}

TEST_CASE("PUBACK, PUBREC and PUBCOMP end the connection where another of them is due", "[mqtt]") {
  const auto fault = [](QoS qos, const std::function<Bytes(unsigned)>& answer) {
    Machine machine(kKept);
    machine.connect();
    REQUIRE(machine.publish("t", "x", qos));
    const unsigned id = parsed<Publish>(machine.take().at(0)).packet_id;
    CHECK_FALSE(machine.feed(answer(id)));
    return machine.session.fatal().fault;
  };
  CHECK(fault(QoS::exactly_once, puback) == Fault::unknown_packet_id);
  CHECK(fault(QoS::exactly_once, pubcomp) == Fault::unknown_packet_id);
  CHECK(fault(QoS::exactly_once, [](unsigned id) { return pubrec(id + 1); }) == Fault::unknown_packet_id);
  CHECK(fault(QoS::at_least_once, pubrec) == Fault::unknown_packet_id);
  CHECK(fault(QoS::at_least_once, pubcomp) == Fault::unknown_packet_id);
  CHECK(fault(QoS::exactly_once, [](unsigned id) { return pubrec(id) + puback(id); }) == Fault::unknown_packet_id);
  CHECK(fault(QoS::exactly_once, [](unsigned) { return bytes({0x50, 2, 0, 0}); }) == Fault::packet_id);
  CHECK(fault(QoS::exactly_once, [](unsigned) { return bytes({0x60, 2, 0, 1}); }) == Fault::flags);
}

TEST_CASE("A session that was resumed releases what it knows nothing of, and takes the answer", "[mqtt]") {
  Machine machine(kKept);
  machine.connect(true);
  REQUIRE(machine.feed(pubrec(77)));
  CHECK(machine.take() == std::vector<Bytes>{pubrel(77)});
  REQUIRE(machine.feed(pubcomp(77)));
  CHECK_FALSE(machine.feed(pubcomp(77)));
}

TEST_CASE("A message of QoS 2 is received once, whatever is repeated", "[mqtt]") {
  Machine machine(kKept);
  machine.connect();
  REQUIRE(machine.feed(message("t", "x", QoS::exactly_once, 7)));
  CHECK(machine.take().empty());
  CHECK(receive_one(machine) == "x");
  CHECK(machine.take() == std::vector<Bytes>{pubrec(7)});
  machine.disconnect();  // and PUBREC was lost
  machine.connect(true);
  REQUIRE(machine.feed(message("t", "x", QoS::exactly_once, 7, true)));
  CHECK(receive_one(machine).empty());
  CHECK(machine.take() == std::vector<Bytes>{pubrec(7)});
  REQUIRE(machine.feed(pubrel(7)));
  CHECK(machine.take() == std::vector<Bytes>{pubcomp(7)});
  machine.disconnect();  // and PUBCOMP was lost
  machine.connect(true);
  REQUIRE(machine.feed(pubrel(7)));
  CHECK(machine.take() == std::vector<Bytes>{pubcomp(7)});
  // The identifier is free.
  REQUIRE(machine.feed(message("t", "y", QoS::exactly_once, 7)));
  CHECK(receive_one(machine) == "y");
}

TEST_CASE("A message of QoS 2 that is held, or waits, while the connection changes is received once", "[mqtt]") {
  Machine machine(kKept);
  machine.connect();
  REQUIRE(machine.feed(message("t", "held", QoS::exactly_once, 1) + message("t", "waits", QoS::exactly_once, 2)));
  auto held = machine.try_once(machine.session.receive());
  REQUIRE(held);
  machine.disconnect();
  machine.connect(true);
  REQUIRE(machine.feed(message("t", "held", QoS::exactly_once, 1, true) +
                       message("t", "waits", QoS::exactly_once, 2, true)));
  CHECK(held->text() == "held");
  held = Unexpected(Error::closed);
  REQUIRE(machine.session.advance(machine.now()));
  CHECK(receive_one(machine) == "waits");
  REQUIRE(machine.session.advance(machine.now()));
  CHECK(receive_one(machine).empty());
  CHECK(machine.take() == std::vector<Bytes>{pubrec(1), pubrec(2)});
}

TEST_CASE("Identifiers of a session that the server has forgotten mean nothing in the next", "[mqtt]") {
  Machine machine(kKept);
  machine.connect();
  REQUIRE(machine.feed(message("t", "old", QoS::exactly_once, 1)));
  CHECK(receive_one(machine) == "old");
  REQUIRE(machine.feed(message("t", "held", QoS::exactly_once, 2) + message("t", "waits", QoS::exactly_once, 3)));
  auto held = machine.try_once(machine.session.receive());
  REQUIRE(held);
  machine.take();
  machine.disconnect();
  machine.connect(false);
  REQUIRE(machine.feed(message("t", "new 2", QoS::exactly_once, 2) + message("t", "new 1", QoS::exactly_once, 1) +
                       message("t", "new 3", QoS::exactly_once, 3)));
  held = Unexpected(Error::closed);
  std::vector<std::string> texts;
  for (unsigned i = 0; i < 6; ++i) {
    REQUIRE(machine.session.advance(machine.now()));
    if (const auto text = receive_one(machine); !text.empty()) { texts.push_back(text); }
    for (const Bytes& packet : machine.take()) { texts.push_back(packet == pubrec(1) ? "rec 1" : "rec"); }
  }
  CHECK(texts == std::vector<std::string>{"waits", "new 2", "rec", "new 1", "rec 1", "new 3", "rec"});
}

TEST_CASE("More messages of QoS 2 than the table holds wait for a PUBREL, and a full buffer ends the connection",
          "[mqtt]") {
  Machine machine(kKept);
  machine.connect();
  for (unsigned id = 1; id <= 3; ++id) {
    REQUIRE(machine.feed(message("t", "x", QoS::exactly_once, static_cast<std::uint16_t>(id))));
    CHECK(receive_one(machine) == "x");
  }
  machine.take();
  REQUIRE(machine.feed(message("t", "late", QoS::exactly_once, 4)));
  CHECK(receive_one(machine).empty());
  SECTION("PUBREL makes room") {
    REQUIRE(machine.feed(pubrel(2)));
    REQUIRE(machine.session.advance(machine.now()));
    CHECK(receive_one(machine) == "late");
    CHECK(machine.take() == std::vector<Bytes>{pubcomp(2), pubrec(4)});
  }
  SECTION("nothing more can come in") {
    const auto fed = machine.feed(message("t", std::string(100, 'x')) + message("t", std::string(100, 'y')));
    CHECK_FALSE(fed);
    CHECK(machine.session.fatal().fault == Fault::receive_maximum);
  }
}

TEST_CASE("Answers wait for room, none is lost, and what is to be answered waits for them", "[mqtt]") {
  Machine machine(kKept);
  machine.connect();
  REQUIRE(machine.feed(message("t", "x", QoS::exactly_once, 1)));
  CHECK(receive_one(machine) == "x");
  REQUIRE(machine.feed(message("t", "y", QoS::exactly_once, 2)));
  auto held = machine.try_once(machine.session.receive());
  REQUIRE(held);
  // Something is half sent, and the send buffer is full.
  while (machine.publish("t", std::string(20, 'f'), QoS::at_most_once)) {}
  while (machine.publish("t", "", QoS::at_most_once)) {}
  REQUIRE(machine.feed(pubrel(1) + pubrel(9)));
  held = Unexpected(Error::closed);
  std::vector<Bytes> sent;
  for (unsigned i = 0; i < 400; ++i) {
    for (const Bytes& packet : machine.take(1)) { sent.push_back(packet); }
    REQUIRE(machine.session.advance(machine.now()));
  }
  std::erase_if(sent, [](const Bytes& packet) { return type_of(packet) == PacketType::publish; });
  CHECK(sent.size() == 4);
  CHECK(std::count(sent.begin(), sent.end(), pubrec(1)) == 1);
  CHECK(std::count(sent.begin(), sent.end(), pubrec(2)) == 1);
  CHECK(std::count(sent.begin(), sent.end(), pubcomp(1)) == 1);
  CHECK(std::count(sent.begin(), sent.end(), pubcomp(9)) == 1);
}

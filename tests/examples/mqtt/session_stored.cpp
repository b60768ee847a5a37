#include <list>

#include "tests/examples/mqtt/machine.hpp"
#include "tests/examples/mqtt/memory_store.hpp"

using namespace mqtt;
using namespace mqtt::test;
using nal::Error;
using nal::Unexpected;

namespace {

Config kept(MemoryStore& store) {
  Config config{.client_id = "c", .clean_session = false};
  config.persistence = store;
  return config;
}

}  // namespace

static_assert(Store<MemoryStore>);

TEST_CASE("What was accepted survives a restart, in order and as a duplicate", "[mqtt]") {
  MemoryStore store;
  {
    Machine machine(kept(store));
    machine.connect();
    REQUIRE(machine.publish("t", "1", QoS::at_least_once));
    REQUIRE(machine.publish("t", "2", QoS::exactly_once));
    REQUIRE(machine.publish("t", "3", QoS::exactly_once));
    REQUIRE(machine.publish("t", "4", QoS::at_least_once));
    const auto sent = machine.take();
    REQUIRE(machine.feed(puback(parsed<Publish>(sent.at(0)).packet_id)));
    REQUIRE(machine.feed(acknowledgement(PacketType::pubrec, parsed<Publish>(sent.at(1)).packet_id)));
  }
  CHECK(store.entries.size() == 3);
  Machine machine(kept(store));
  machine.connect(true);
  const auto sent = machine.take();
  REQUIRE(sent.size() == 3);
  CHECK(type_of(sent[0]) == PacketType::pubrel);
  CHECK(text_of(parsed<Publish>(sent[1]).payload) == "3");
  CHECK(parsed<Publish>(sent[1]).duplicate);
  CHECK(text_of(parsed<Publish>(sent[2]).payload) == "4");
  REQUIRE(machine.feed(acknowledgement(PacketType::pubcomp, parsed<Acknowledge>(sent[0]).packet_id)));
  const unsigned third = parsed<Publish>(sent[1]).packet_id;
  REQUIRE(machine.feed(acknowledgement(PacketType::pubrec, third)));
  CHECK(machine.take().size() == 1);
  REQUIRE(machine.feed(acknowledgement(PacketType::pubcomp, third)));
  REQUIRE(machine.feed(puback(parsed<Publish>(sent[2]).packet_id)));
  CHECK(store.entries.empty());
  CHECK(machine.session.in_flight_count() == 0);
  REQUIRE(machine.publish("t", "5", QoS::at_least_once));
  CHECK(store.entries.size() == 1);
}

TEST_CASE("A message of QoS 2 that was handled before a restart is not received again", "[mqtt]") {
  MemoryStore store;
  {
    Machine machine(kept(store));
    machine.connect();
    REQUIRE(machine.feed(message("t", "handled", QoS::exactly_once, 1)));
    CHECK(machine.try_once(machine.session.receive()));
    REQUIRE(machine.feed(message("t", "cut off", QoS::exactly_once, 2)));
  }
  CHECK(store.entries.size() == 1);
  Machine machine(kept(store));
  machine.connect(true);
  REQUIRE(machine.feed(message("t", "handled", QoS::exactly_once, 1, true) +
                       message("t", "cut off", QoS::exactly_once, 2, true)));
  {
    const auto received = machine.try_once(machine.session.receive());
    REQUIRE(received);
    CHECK(received->text() == "cut off");
  }
  CHECK(machine.take().size() == 2);
  REQUIRE(machine.feed(acknowledgement(PacketType::pubrel, 1) + acknowledgement(PacketType::pubrel, 2)));
  CHECK(store.entries.empty());
}

TEST_CASE("A server that has forgotten the session ends what the store knows of its messages", "[mqtt]") {
  MemoryStore store;
  Machine machine(kept(store));
  machine.connect();
  REQUIRE(machine.feed(message("t", "x", QoS::exactly_once, 1)));
  CHECK(machine.try_once(machine.session.receive()));
  CHECK(store.entries.size() == 1);
  machine.disconnect();
  machine.connect(false);
  CHECK(store.entries.empty());
}

TEST_CASE("What the store does not keep is not accepted, acknowledged or released", "[mqtt]") {
  MemoryStore store;
  Machine machine(kept(store));
  machine.connect();
  REQUIRE(machine.publish("t", "x", QoS::exactly_once));
  const unsigned id = parsed<Publish>(machine.take().at(0)).packet_id;
  store.full = true;
  CHECK(machine.publish("t", "y", QoS::at_least_once) == Unexpected(Error::io_error));
  CHECK(machine.session.in_flight_count() == 1);
  SECTION("a release") {
    CHECK(machine.feed(acknowledgement(PacketType::pubrec, id)) == Unexpected(Error::io_error));
    CHECK(machine.session.fatal().cause == Failure::Cause::store);
    machine.disconnect();
    machine.connect(true);
    CHECK(parsed<Publish>(machine.take().at(0)).duplicate);
  }
  SECTION("a receipt") {
    REQUIRE(machine.feed(message("t", "z", QoS::exactly_once, 1)));
    CHECK(machine.try_once(machine.session.receive()));
    CHECK(machine.take().empty());
    CHECK(machine.session.advance(machine.now()) == Unexpected(Error::io_error));
    CHECK(machine.session.fatal().cause == Failure::Cause::store);
  }
}

TEST_CASE("A store with what cannot be of a session is refused at the start", "[mqtt]") {
  const Bytes valid = message("t", "x", QoS::at_least_once, 7);
  const auto start = [](StoreKey key, const Bytes& data) {
    MemoryStore store;
    store.entries.push_back({key, data});
    return Machine(kept(store)).session.start();
  };
  const auto outgoing = [](unsigned id) { return StoreKey{StoreKey::Kind::outgoing, static_cast<std::uint16_t>(id)}; };
  CHECK(start(outgoing(7), valid).has_value());
  CHECK(start(outgoing(8), valid) == Unexpected(Error::invalid_argument));
  CHECK(start(outgoing(0), valid) == Unexpected(Error::invalid_argument));
  CHECK(start(outgoing(7), message("t", "x")) == Unexpected(Error::invalid_argument));
  CHECK(start(outgoing(7), puback(7)) == Unexpected(Error::invalid_argument));
  CHECK(start(outgoing(7), {}) == Unexpected(Error::invalid_argument));
  for (std::size_t size = 1; size < valid.size(); ++size) {
    CHECK(start(outgoing(7), Bytes(valid.begin(), valid.begin() + static_cast<std::ptrdiff_t>(size))) ==
          Unexpected(Error::invalid_argument));
  }
  CHECK(start(outgoing(7), message("t", std::string(200, 'x'), QoS::at_least_once, 7)) ==
        Unexpected(Error::table_full));
  MemoryStore many;
  for (std::uint16_t id = 1; id <= 4; ++id) { many.entries.push_back({{StoreKey::Kind::received, id}, {}}); }
  CHECK(Machine(kept(many)).session.start() == Unexpected(Error::table_full));
}

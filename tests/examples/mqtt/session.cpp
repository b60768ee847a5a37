#include "tests/examples/mqtt/machine.hpp"

using namespace mqtt;
using namespace mqtt::test;
using namespace nal::literals;
using nal::Error;
using nal::Unexpected;

TEST_CASE("A session begins with CONNECT as it was configured", "[mqtt]") {
  Machine machine({.client_id = "pump",
                   .clean_session = false,
                   .keep_alive = 30,
                   .will = Will{"gone", bytes_of("bye"), QoS::at_least_once, true},
                   .user = "me",
                   .password = bytes_of("pw")});
  REQUIRE(machine.session.start());
  machine.session.link_up(machine.now());
  const auto sent = machine.take();
  REQUIRE(sent.size() == 1);
  const auto connect = parsed<Connect>(sent[0]);
  CHECK(connect.client_id == "pump");
  CHECK_FALSE(connect.clean_session);
  CHECK(connect.keep_alive == 30);
  CHECK(connect.will->topic == "gone");
  CHECK(connect.user == "me");
  CHECK(machine.session.state() == Session::State::handshake);
  CHECK(machine.feed(connack(true)));
  CHECK(machine.session.state() == Session::State::online);
}

TEST_CASE("A configuration that no CONNECT can be made of is refused at the start", "[mqtt]") {
  CHECK(Machine({.client_id = "", .clean_session = false}).session.start() == Unexpected(Error::invalid_argument));
  const std::string long_id(200, 'x');
  CHECK(Machine({.client_id = long_id}).session.start() == Unexpected(Error::buffer_too_small));
}

TEST_CASE("A message of QoS 0 goes out as it is, and only while online", "[mqtt]") {
  Machine machine;
  CHECK(machine.publish("t", "x", QoS::at_most_once) == Unexpected(Error::would_block));
  machine.connect();
  CHECK(machine.publish("t", "x", QoS::at_most_once) == 0U);
  const auto sent = machine.take();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0] == message("t", "x"));
  CHECK(machine.session.in_flight_count() == 0);
}

TEST_CASE("A message of QoS 1 stays in flight until its PUBACK", "[mqtt]") {
  Machine machine;
  machine.connect();
  const auto serial = machine.publish("t", "x", QoS::at_least_once);
  REQUIRE(serial);
  CHECK(machine.session.in_flight(*serial));
  const auto sent = machine.take();
  REQUIRE(sent.size() == 1);
  const auto publish = parsed<Publish>(sent[0]);
  CHECK(publish.qos == QoS::at_least_once);
  CHECK_FALSE(publish.duplicate);
  CHECK(machine.feed(puback(publish.packet_id)));
  CHECK_FALSE(machine.session.in_flight(*serial));
  CHECK(machine.take().empty());
}

TEST_CASE("Messages of QoS 1 are accepted before there is a connection, and sent in order", "[mqtt]") {
  Machine machine;
  CHECK(machine.publish("t", "1", QoS::at_least_once));
  CHECK(machine.publish("t", "2", QoS::at_least_once));
  machine.connect();
  const auto sent = machine.take();
  REQUIRE(sent.size() == 2);
  CHECK(text_of(parsed<Publish>(sent[0]).payload) == "1");
  CHECK(text_of(parsed<Publish>(sent[1]).payload) == "2");
}

TEST_CASE("What was in flight is sent again with DUP and its identifier after a reconnect, the rest without",
          "[mqtt]") {
  Machine machine;
  machine.connect();
  REQUIRE(machine.publish("t", "1", QoS::at_least_once));
  REQUIRE(machine.publish("t", "2", QoS::at_least_once));
  const auto before = machine.take();
  REQUIRE(before.size() == 2);
  REQUIRE(machine.feed(puback(parsed<Publish>(before[0]).packet_id)));
  REQUIRE(machine.publish("t", "3", QoS::at_least_once));
  machine.disconnect();
  machine.connect();
  const auto after = machine.take();
  REQUIRE(after.size() == 2);
  const auto again = parsed<Publish>(after[0]);
  CHECK(text_of(again.payload) == "2");
  CHECK(again.duplicate);
  CHECK(again.packet_id == parsed<Publish>(before[1]).packet_id);
  const auto fresh = parsed<Publish>(after[1]);
  CHECK(text_of(fresh.payload) == "3");
  CHECK_FALSE(fresh.duplicate);
  CHECK(machine.feed(puback(again.packet_id) + puback(fresh.packet_id)));
  CHECK(machine.session.in_flight_count() == 0);
}

TEST_CASE("A message cut off at any byte is sent again from its start", "[mqtt]") {
  const std::size_t size = *publish_size(Publish{"topic", {}, QoS::at_least_once}, 7);
  for (std::size_t cut = 0; cut <= size; ++cut) {
    Machine machine;
    machine.connect();
    REQUIRE(machine.publish("topic", "payload", QoS::at_least_once));
    const auto whole = machine.take(cut);
    CHECK(whole.size() == (cut == size ? 1U : 0U));
    machine.disconnect();
    machine.connect();
    const auto sent = machine.take();
    REQUIRE(sent.size() == 1);
    CHECK(text_of(parsed<Publish>(sent[0]).payload) == "payload");
    CHECK(parsed<Publish>(sent[0]).duplicate == (cut != 0));
  }
}

TEST_CASE("A full store or table is would_block, and what can never fit is message_size", "[mqtt]") {
  Machine machine;
  machine.connect();
  const std::string large(100, 'x');
  REQUIRE(machine.publish("t", large, QoS::at_least_once));
  CHECK(machine.publish("t", large, QoS::at_least_once) == Unexpected(Error::would_block));
  for (unsigned i = 0; i < 3; ++i) { REQUIRE(machine.publish("t", "", QoS::at_least_once)); }
  CHECK(machine.publish("t", "", QoS::at_least_once) == Unexpected(Error::would_block));
  const std::string too_large(200, 'x');
  CHECK(machine.publish("t", too_large, QoS::at_least_once) == Unexpected(Error::message_size));
  CHECK(machine.publish("t", too_large, QoS::at_most_once) == Unexpected(Error::message_size));
  CHECK(machine.publish("t/#", "", QoS::at_most_once) == Unexpected(Error::invalid_argument));
  CHECK(SmallMachine().publish("t", "", QoS::exactly_once) == Unexpected(Error::not_supported));
}

TEST_CASE("QoS 0 waits behind messages of QoS 1 that were accepted before", "[mqtt]") {
  Machine machine;
  machine.connect();
  REQUIRE(machine.publish("t", "1", QoS::at_least_once));
  CHECK(machine.publish("t", "2", QoS::at_most_once) == Unexpected(Error::would_block));
  machine.take(3);
  CHECK(machine.publish("t", "2", QoS::at_most_once) == Unexpected(Error::would_block));
  machine.take();
  CHECK(machine.publish("t", "2", QoS::at_most_once));
}

TEST_CASE("A packet identifier in use is not given again when they wrap", "[mqtt]") {
  Machine machine;
  machine.connect();
  REQUIRE(machine.publish("t", "kept", QoS::at_least_once));
  const auto kept = parsed<Publish>(machine.take().at(0)).packet_id;
  for (unsigned i = 0; i < 70'000; ++i) {
    REQUIRE(machine.publish("t", "", QoS::at_least_once));
    const auto sent = machine.take();
    REQUIRE(sent.size() == 1);
    const auto id = parsed<Publish>(sent[0]).packet_id;
    REQUIRE(id != kept);
    REQUIRE(id != 0);
    REQUIRE(machine.feed(puback(id)));
  }
}

TEST_CASE("A subscription is asked for, granted, and asked for anew when the server has forgotten it", "[mqtt]") {
  Machine machine;
  auto subscribing = machine.session.subscribe("a/#", QoS::at_least_once);
  CHECK(machine.try_once(subscribing) == Unexpected(Error::would_block));
  machine.connect();
  auto sent = machine.take();
  REQUIRE(sent.size() == 1);
  auto list = parsed<FilterList>(sent[0]);
  CHECK(list.type == PacketType::subscribe);
  CHECK(list.next()->filter == "a/#");
  REQUIRE(machine.feed(suback(list.packet_id, 0)));
  auto context = nal::Context::probe(machine.executor);
  auto granted = subscribing.poll(context);
  REQUIRE(granted.ready());
  CHECK(*granted == QoS::at_most_once);

  machine.disconnect();
  machine.connect();
  sent = machine.take();
  REQUIRE(sent.size() == 1);
  list = parsed<FilterList>(sent[0]);
  const auto entry = list.next();
  CHECK(entry->filter == "a/#");
  CHECK(entry->qos == QoS::at_least_once);  // what was wanted, not what was granted
}

TEST_CASE("A server that kept the session is not asked again", "[mqtt]") {
  Machine machine({.client_id = "c", .clean_session = false});
  machine.connect();
  static_cast<void>(machine.try_once(machine.session.subscribe("a")));
  REQUIRE(machine.feed(suback(parsed<FilterList>(machine.take().at(0)).packet_id, 0)));
  machine.disconnect();
  machine.connect(true);
  CHECK(machine.take().empty());
  machine.disconnect();
  machine.connect(false);
  CHECK(machine.take().size() == 1);
}

TEST_CASE("A refused subscription is permission_denied for whoever asked", "[mqtt]") {
  struct Log {
    std::string refused;
  } log;
  Machine machine({.client_id = "c",
                   .observer = {[](void* context, const Notice& notice) noexcept {
                                  if (notice.kind == Notice::Kind::subscription_refused) {
                                    static_cast<Log*>(context)->refused = notice.filter;
                                  }
                                },
                                &log}});
  machine.connect();
  auto subscribing = machine.session.subscribe("secret/#");
  static_cast<void>(machine.try_once(subscribing));
  REQUIRE(machine.feed(suback(parsed<FilterList>(machine.take().at(0)).packet_id, 0x80)));
  CHECK(log.refused == "secret/#");
  auto context = nal::Context::probe(machine.executor);
  CHECK(*subscribing.poll(context) == Unexpected(Error::permission_denied));
  machine.disconnect();
  machine.connect();
  CHECK(machine.take().empty());  // it has been told and is forgotten
}

TEST_CASE("A subscription refused while nobody waits is asked for again with the next connection", "[mqtt]") {
  Machine machine;
  machine.connect();
  static_cast<void>(machine.try_once(machine.session.subscribe("a")));  // and dropped
  REQUIRE(machine.feed(suback(parsed<FilterList>(machine.take().at(0)).packet_id, 0x80)));
  CHECK(machine.take().empty());
  machine.disconnect();
  machine.connect();
  CHECK(machine.take().size() == 1);
}

TEST_CASE("Unsubscribing completes with UNSUBACK, also for a filter of an earlier life", "[mqtt]") {
  Machine machine({.client_id = "c", .clean_session = false});
  machine.connect(true);
  auto unsubscribing = machine.session.unsubscribe("old");
  CHECK(machine.try_once(unsubscribing) == Unexpected(Error::would_block));
  const auto sent = machine.take();
  REQUIRE(sent.size() == 1);
  auto list = parsed<FilterList>(sent[0]);
  CHECK(list.type == PacketType::unsubscribe);
  CHECK(list.next()->filter == "old");
  // The connection breaks before the answer: it is asked again.
  machine.disconnect();
  machine.connect(true);
  REQUIRE(machine.feed(unsuback(parsed<FilterList>(machine.take().at(0)).packet_id)));
  auto context = nal::Context::probe(machine.executor);
  CHECK(*unsubscribing.poll(context) == nal::Result<>());
  CHECK(machine.take().empty());
}

TEST_CASE("A server that knows nothing needs no UNSUBSCRIBE", "[mqtt]") {
  Machine machine({.client_id = "c", .clean_session = false});
  auto unsubscribing = machine.session.unsubscribe("old");
  static_cast<void>(machine.try_once(unsubscribing));
  machine.connect(false);
  CHECK(machine.take().empty());
  auto context = nal::Context::probe(machine.executor);
  CHECK(*unsubscribing.poll(context) == nal::Result<>());
}

TEST_CASE("Asking for and taking back the same filter takes its turn", "[mqtt]") {
  Machine machine;
  machine.connect();
  auto context = nal::Context::probe(machine.executor);
  auto first = machine.session.subscribe("a");
  CHECK_FALSE(first.poll(context).ready());
  const auto asked = parsed<FilterList>(machine.take().at(0));
  auto second = machine.session.unsubscribe("a");
  CHECK_FALSE(second.poll(context).ready());
  CHECK(machine.take().empty());  // it waits for the answer
  REQUIRE(machine.feed(suback(asked.packet_id, 0)));
  CHECK_FALSE(second.poll(context).ready());
  CHECK(*first.poll(context) == Unexpected(Error::cancelled));
  const auto taken_back = parsed<FilterList>(machine.take().at(0));
  auto third = machine.session.subscribe("a");
  CHECK_FALSE(third.poll(context).ready());
  REQUIRE(machine.feed(unsuback(taken_back.packet_id)));
  CHECK(*second.poll(context) == nal::Result<>());
  CHECK_FALSE(third.poll(context).ready());
  REQUIRE(machine.feed(suback(parsed<FilterList>(machine.take().at(0)).packet_id, 0)));
  CHECK(*third.poll(context) == QoS::at_most_once);
}

TEST_CASE("A subscription taken back before it was sent is cancelled, and the other way round", "[mqtt]") {
  Machine machine;
  auto context = nal::Context::probe(machine.executor);
  auto subscribing = machine.session.subscribe("a");
  CHECK_FALSE(subscribing.poll(context).ready());
  auto unsubscribing = machine.session.unsubscribe("a");
  CHECK_FALSE(unsubscribing.poll(context).ready());
  CHECK(*subscribing.poll(context) == Unexpected(Error::cancelled));
  auto again = machine.session.subscribe("a");
  CHECK_FALSE(again.poll(context).ready());
  CHECK(*unsubscribing.poll(context) == Unexpected(Error::cancelled));
  machine.connect();
  CHECK(machine.take().size() == 1);
}

TEST_CASE("Subscriptions that cannot be are refused where they are asked for", "[mqtt]") {
  Machine machine;
  CHECK(machine.try_once(machine.session.subscribe("a#")) == Unexpected(Error::invalid_argument));
  CHECK(machine.try_once(machine.session.unsubscribe("a#")) == Unexpected(Error::invalid_argument));
  SmallMachine small;
  CHECK(small.try_once(small.session.subscribe("a", QoS::exactly_once)) == Unexpected(Error::not_supported));
  CHECK(machine.try_once(machine.session.subscribe(std::string(120, 'a'))) == Unexpected(Error::message_size));
  for (const auto filter : {"1", "2", "3"}) {
    CHECK(machine.try_once(machine.session.subscribe(filter)) == Unexpected(Error::would_block));
  }
  CHECK(machine.try_once(machine.session.subscribe("4")) == Unexpected(Error::table_full));
  CHECK(machine.try_once(machine.session.unsubscribe("4")) == Unexpected(Error::table_full));
  CHECK(machine.try_once(machine.session.subscribe("3")) == Unexpected(Error::would_block));
}

TEST_CASE("PINGREQ is sent when nothing was sent or received for the keep-alive time", "[mqtt]") {
  Machine machine({.client_id = "c", .keep_alive = 10});
  machine.connect();
  CHECK(machine.session.deadline() == machine.now() + 10_s);
  REQUIRE(machine.wait(9999_ms));
  CHECK(machine.take().empty());
  REQUIRE(machine.wait(1_ms));
  auto sent = machine.take();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0] == empty_packet(PacketType::pingreq));
  REQUIRE(machine.feed(empty_packet(PacketType::pingresp)));
  CHECK(machine.session.deadline() == machine.now() + 10_s);

  // Sending alone proves nothing about the server.
  for (unsigned i = 0; i < 10; ++i) {
    REQUIRE(machine.wait(1_s));
    REQUIRE(machine.publish("t", "x", QoS::at_most_once));
    sent = machine.take();
  }
  CHECK(sent.size() == 2);
}

TEST_CASE("A server that does not answer PINGREQ in time is given up", "[mqtt]") {
  Machine machine({.client_id = "c", .keep_alive = 10, .answer_timeout = 3_s});
  machine.connect();
  REQUIRE(machine.wait(10_s));
  CHECK(machine.take().size() == 1);
  REQUIRE(machine.wait(2999_ms));
  CHECK(machine.wait(1_ms) == Unexpected(Error::timed_out));
  CHECK(machine.session.fatal().cause == Failure::Cause::keep_alive);
}

TEST_CASE("Bytes on their way are a sign of life even before the PINGRESP", "[mqtt]") {
  Machine machine({.client_id = "c", .keep_alive = 10, .answer_timeout = 3_s});
  machine.connect();
  REQUIRE(machine.wait(10_s));
  machine.take();
  const Bytes slow = message("t", "a long message over a slow line");
  for (const std::byte byte : slow) {
    REQUIRE(machine.wait(2_s));
    REQUIRE(machine.feed({byte}));
  }
  REQUIRE(machine.wait(2_s));
  CHECK(machine.feed(empty_packet(PacketType::pingresp)));
}

TEST_CASE("A keep-alive of 0 never pings", "[mqtt]") {
  Machine machine({.client_id = "c", .keep_alive = 0});
  machine.connect();
  CHECK(machine.session.deadline().is_never());
  REQUIRE(machine.wait(nal::Duration::hours(1000)));
  CHECK(machine.take().empty());
}

TEST_CASE("A server that does not answer CONNECT in time is given up", "[mqtt]") {
  Machine machine({.client_id = "c", .answer_timeout = 3_s});
  REQUIRE(machine.session.start());
  machine.session.link_up(machine.now());
  machine.take();
  CHECK(machine.session.deadline() == machine.now() + 3_s);
  CHECK(machine.wait(2999_ms));
  CHECK(machine.wait(1_ms) == Unexpected(Error::timed_out));
  CHECK(machine.session.fatal().cause == Failure::Cause::no_answer);
}

TEST_CASE("Stopping sends what stands in the send buffer, then DISCONNECT, and nothing after it", "[mqtt]") {
  Machine machine;
  machine.connect();
  REQUIRE(machine.publish("t", "x", QoS::at_most_once));
  machine.session.stop();
  CHECK(machine.session.state() == Session::State::stopping);
  CHECK(machine.publish("t", "y", QoS::at_most_once) == Unexpected(Error::closed));
  const auto sent = machine.take();
  REQUIRE(sent.size() == 2);
  CHECK(type_of(sent[0]) == PacketType::publish);
  CHECK(sent[1] == empty_packet(PacketType::disconnect));
  CHECK(machine.session.finished());
  REQUIRE(machine.feed(message("t", "late", QoS::at_least_once, 9)));
  auto late = machine.try_once(machine.session.receive());
  CHECK(late);
  late = Unexpected(Error::closed);
  CHECK(machine.take().empty());
}

TEST_CASE("Operations end with closed when the run has ended, and what was in flight stays for the next", "[mqtt]") {
  Machine machine;
  machine.connect();
  auto context = nal::Context::probe(machine.executor);
  auto publishing = machine.session.publish("t", "x", QoS::at_least_once);
  CHECK_FALSE(publishing.poll(context).ready());
  auto subscribing = machine.session.subscribe("a");
  CHECK_FALSE(subscribing.poll(context).ready());
  auto unsubscribing = machine.session.unsubscribe("b");
  CHECK_FALSE(unsubscribing.poll(context).ready());
  auto receiving = machine.session.receive();
  CHECK_FALSE(receiving.poll(context).ready());
  auto drained = machine.session.drained();
  CHECK_FALSE(drained.poll(context).ready());
  auto disconnecting = machine.session.disconnect();
  CHECK_FALSE(disconnecting.poll(context).ready());
  machine.session.run_ended();
  CHECK(*publishing.poll(context) == Unexpected(Error::closed));
  CHECK(*subscribing.poll(context) == Unexpected(Error::closed));
  CHECK(*unsubscribing.poll(context) == Unexpected(Error::closed));
  CHECK((*receiving.poll(context)).error() == Error::closed);
  CHECK(*drained.poll(context) == Unexpected(Error::closed));
  CHECK(*disconnecting.poll(context) == nal::Result<>());
  CHECK(machine.try_once(machine.session.connected()) == Unexpected(Error::closed));
  CHECK(machine.try_once(machine.session.publish("t", "y")) == Unexpected(Error::closed));
  CHECK(machine.try_once(machine.session.enqueue("t", "y")) == Unexpected(Error::closed));
  CHECK(machine.try_once(machine.session.subscribe("c")) == Unexpected(Error::closed));
  CHECK(machine.publish("t", "y", QoS::at_most_once) == Unexpected(Error::closed));
  machine.session.stop();  // nobody runs: nothing to stop

  CHECK(machine.session.in_flight_count() == 1);
  machine.connect();
  std::vector<PacketType> types;
  for (const Bytes& sent : machine.take()) { types.push_back(type_of(sent)); }
  CHECK(types == std::vector{PacketType::subscribe, PacketType::publish});
}

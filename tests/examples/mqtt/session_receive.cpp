#include "tests/examples/mqtt/machine.hpp"

using namespace mqtt;
using namespace mqtt::test;
using namespace nal::literals;
using nal::Error;
using nal::Unexpected;

TEST_CASE("A message is received where it lies and acknowledged when it is dropped", "[mqtt]") {
  Machine machine;
  machine.connect();
  REQUIRE(machine.feed(message("a/b", "hello", QoS::at_least_once, 7)));
  {
    auto received = machine.try_once(machine.session.receive());
    REQUIRE(received);
    const Message first = *std::move(received);
    CHECK(first.topic() == "a/b");
    CHECK(first.text() == "hello");
    CHECK(first.qos() == QoS::at_least_once);
    CHECK_FALSE(first.retain());
    CHECK_FALSE(first.duplicate());
    CHECK(machine.take().empty());
  }
  const auto sent = machine.take();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0] == puback(7));
}

TEST_CASE("A message of QoS 0 is not acknowledged", "[mqtt]") {
  Machine machine;
  machine.connect();
  REQUIRE(machine.feed(message("a", "x")));
  CHECK(machine.try_once(machine.session.receive()));
  CHECK(machine.take().empty());
}

TEST_CASE("Acknowledgements are read while a message is held, also past the end of the buffer", "[mqtt]") {
  Machine machine;
  machine.connect();
  REQUIRE(machine.feed(message("a", "held until the end of the test")));
  const auto held = machine.try_once(machine.session.receive());
  REQUIRE(held);
  for (unsigned i = 0; i < 200; ++i) {
    REQUIRE(machine.publish("t", "x", QoS::at_least_once));
    const auto sent = machine.take();
    REQUIRE(sent.size() == 1);
    REQUIRE(machine.feed(puback(parsed<Publish>(sent[0]).packet_id), 1 + i % 4));
    REQUIRE(machine.session.in_flight_count() == 0);
    REQUIRE(held->text() == "held until the end of the test");
  }
}

TEST_CASE("The next message waits until the one before is dropped, and the reading stops when the buffer is full",
          "[mqtt]") {
  Machine machine;
  machine.connect();
  Bytes many;
  for (unsigned i = 0; i < 20; ++i) { many += message("a", std::to_string(i) + std::string(20, '.')); }
  REQUIRE(machine.feed(many));
  CHECK(machine.unfed != 0);
  std::size_t fed = many.size() - machine.unfed;
  for (unsigned i = 0; i < 20; ++i) {
    auto received = machine.try_once(machine.session.receive());
    REQUIRE(received);
    CHECK(received->text().starts_with(std::to_string(i) + "."));
    CHECK(machine.try_once(machine.session.receive()).error() == Error::would_block);  // while it lives
    received = Unexpected(Error::closed);
    REQUIRE(machine.session.advance(machine.now()));
    const Bytes rest(many.begin() + static_cast<std::ptrdiff_t>(fed), many.end());
    REQUIRE(machine.feed(rest));
    fed += rest.size() - machine.unfed;
  }
  CHECK(fed == many.size());
}

TEST_CASE("A message that outlives its connection stays readable and is not acknowledged on the next", "[mqtt]") {
  Machine machine;
  machine.connect();
  REQUIRE(machine.feed(message("a", "kept", QoS::at_least_once, 7)));
  auto received = machine.try_once(machine.session.receive());
  REQUIRE(received);
  machine.disconnect();
  machine.connect();
  CHECK(received->text() == "kept");
  REQUIRE(machine.feed(message("a", "kept", QoS::at_least_once, 7, true)));
  CHECK(received->text() == "kept");
  received = Unexpected(Error::closed);
  CHECK(machine.take().empty());
  REQUIRE(machine.session.advance(machine.now()));
  received = machine.try_once(machine.session.receive());
  REQUIRE(received);
  CHECK(received->duplicate());
  received = Unexpected(Error::closed);
  CHECK(machine.take().at(0) == puback(7));
}

TEST_CASE("A message that nobody has taken survives the connection and the run", "[mqtt]") {
  Machine machine;
  machine.connect();
  REQUIRE(machine.feed(message("a", "kept", QoS::at_least_once, 7)));
  machine.disconnect();
  machine.session.run_ended();
  auto received = machine.try_once(machine.session.receive());
  REQUIRE(received);
  CHECK(received->text() == "kept");
  received = Unexpected(Error::closed);
  CHECK(machine.try_once(machine.session.receive()).error() == Error::closed);
}

namespace {

/// Without streams, but with what else there is.
constexpr Features kWhole{.qos_2 = true, .callbacks = true, .oversized = true};

}  // namespace

TEST_CASE("A message larger than the buffer is thrown away, acknowledged and told, and the stream stays in step",
          "[mqtt]") {
  for (const std::size_t topic_size : {1U, 60U, 120U, 128U, 500U}) {
    for (const std::size_t payload_size : {0U, 1U, 200U, 5000U}) {
      const Bytes large = message(std::string(topic_size, 't'), std::string(payload_size, 'x'), QoS::at_least_once, 9);
      if (large.size() <= kTestSizes.receive) { continue; }
      for (const std::size_t piece : {1U, 7U, 128U}) {
        std::size_t told = 0;
        Machine<kTestSizes, kWhole> machine({.client_id = "c",
                                             .observer = {[](void* context, const Notice& notice) noexcept {
                                                            if (notice.kind == Notice::Kind::oversized) {
                                                              *static_cast<std::size_t*>(context) = notice.size;
                                                            }
                                                          },
                                                          &told}});
        machine.connect();
        REQUIRE(machine.feed(large + message("a", "next"), piece));
        CHECK(told == large.size());
        CHECK(machine.try_once(machine.session.receive()).error() == Error::message_size);
        REQUIRE(machine.session.advance(machine.now()));
        const auto next = machine.try_once(machine.session.receive());
        REQUIRE(next);
        CHECK(next->text() == "next");
        CHECK(machine.take().at(0) == puback(9));
      }
    }
  }
}

TEST_CASE("A message larger than the buffer ends the connection where that is no feature", "[mqtt]") {
  SmallMachine machine;
  machine.connect();
  CHECK_FALSE(machine.feed(message("a", std::string(500, 'x'))));
  CHECK(machine.session.fatal().fault == Fault::packet_too_large);
}

TEST_CASE("A message of just the buffer's size is received", "[mqtt]") {
  Machine machine;
  machine.connect();
  const std::string payload(kTestSizes.receive - 5, 'x');
  const Bytes exact = message("a", payload);
  REQUIRE(exact.size() == kTestSizes.receive);
  for (unsigned i = 0; i < 3; ++i) {
    REQUIRE(machine.feed(exact));
    CHECK(machine.unfed == 0);
    const auto received = machine.try_once(machine.session.receive());
    REQUIRE(received);
    CHECK(received->text() == payload);
  }
}

TEST_CASE("A held message that fills the buffer stops the clock of the keep-alive, not the connection", "[mqtt]") {
  Machine machine({.client_id = "c", .keep_alive = 10, .answer_timeout = 3_s});
  machine.connect();
  REQUIRE(machine.feed(message("a", std::string(kTestSizes.receive - 5, 'x'))));
  auto held = machine.try_once(machine.session.receive());
  REQUIRE(held);
  REQUIRE(machine.wait(10_s));
  CHECK(machine.take().size() == 1);
  CHECK(machine.session.input_room().empty());
  for (unsigned i = 0; i < 10; ++i) { REQUIRE(machine.wait(3_s)); }
  held = Unexpected(Error::closed);
  CHECK(machine.feed(empty_packet(PacketType::pingresp)));
  // The same on a new connection, whose CONNACK cannot be read.
  REQUIRE(machine.feed(message("a", std::string(kTestSizes.receive - 5, 'x'))));
  held = machine.try_once(machine.session.receive());
  machine.disconnect();
  machine.session.link_up(machine.now());
  machine.take();
  REQUIRE(machine.wait(3_s));
  held = Unexpected(Error::closed);
  CHECK(machine.feed(connack()));
}

TEST_CASE("A handler takes messages as they arrive, and what is too large as message_size", "[mqtt]") {
  struct Log {
    std::vector<std::string> lines;
  } log;
  Machine machine({.client_id = "c",
                   .handler = {[](void* context, const nal::Result<Publish>& taken) noexcept {
                                 static_cast<Log*>(context)->lines.push_back(
                                     taken ? std::string(taken->topic) + "=" + std::string(text_of(taken->payload))
                                           : nal::to_string(taken.error()));
                               },
                               &log}});
  machine.connect();
  REQUIRE(machine.feed(message("a", "1", QoS::at_least_once, 1) + message("b", "2") +
                       message("c", std::string(500, 'x'), QoS::at_least_once, 2) +
                       message("d", "3", QoS::at_least_once, 3)));
  CHECK(log.lines == std::vector<std::string>{"a=1", "b=2", "message too large", "d=3"});
  const auto sent = machine.take();
  REQUIRE(sent.size() == 3);
  CHECK(sent[0] == puback(1));
  CHECK(sent[1] == puback(2));
  CHECK(sent[2] == puback(3));
  CHECK_FALSE(machine.feed(packet(0x30, text_field("#"))));
}

TEST_CASE("A full send buffer holds up messages, not acknowledgements, until PUBACK has room", "[mqtt]") {
  Machine machine;
  machine.connect();
  const auto serial = machine.publish("t", "x", QoS::at_least_once);
  const auto id = parsed<Publish>(machine.take().at(0)).packet_id;
  while (machine.publish("t", "", QoS::at_most_once)) {}
  REQUIRE(machine.feed(message("a", "1", QoS::at_least_once, 1)));
  { CHECK(machine.try_once(machine.session.receive())); }
  REQUIRE(machine.feed(puback(id) + message("a", "2", QoS::at_least_once, 2)));
  CHECK_FALSE(machine.session.in_flight(*serial));
  CHECK(machine.try_once(machine.session.receive()).error() == Error::would_block);
  const auto sent = machine.take();
  CHECK(sent.back() == puback(1));
  REQUIRE(machine.session.advance(machine.now()));
  CHECK(machine.try_once(machine.session.receive()));
}

TEST_CASE("Answers are found behind any number of messages that the buffer holds", "[mqtt]") {
  Machine machine;
  machine.connect();
  auto subscribing = machine.session.subscribe("a", QoS::at_least_once);
  auto context = nal::Context::probe(machine.executor);
  CHECK_FALSE(subscribing.poll(context).ready());
  const unsigned id = parsed<FilterList>(machine.take().at(0)).packet_id;
  Bytes many;
  for (unsigned i = 1; i <= 10; ++i) { many += message("a", "x", QoS::at_least_once, static_cast<std::uint16_t>(i)); }
  REQUIRE(machine.feed(many + suback(id, 1) + message("a", "last"), 3));
  CHECK(*subscribing.poll(context) == QoS::at_least_once);
  for (unsigned i = 1; i <= 10; ++i) {
    CHECK(machine.try_once(machine.session.receive()));
    CHECK(machine.take().at(0) == puback(i));
  }
  CHECK(machine.try_once(machine.session.receive())->text() == "last");
}

TEST_CASE("Messages kept over the end of a connection are still received, and not acknowledged on the next", "[mqtt]") {
  Machine machine;
  machine.connect();
  REQUIRE(machine.feed(message("a", "1", QoS::at_least_once, 1) + message("a", "2", QoS::at_least_once, 2)));
  machine.disconnect();
  machine.connect();
  REQUIRE(machine.feed(message("a", "3", QoS::at_least_once, 1)));
  CHECK(machine.try_once(machine.session.receive())->text() == "1");
  CHECK(machine.try_once(machine.session.receive())->text() == "2");
  CHECK(machine.take().empty());
  CHECK(machine.try_once(machine.session.receive())->text() == "3");
  CHECK(machine.take().at(0) == puback(1));
}

TEST_CASE("Messages can be moved, and each is acknowledged once", "[mqtt]") {
  Machine machine;
  machine.connect();
  REQUIRE(machine.feed(message("a", "1", QoS::at_least_once, 1)));
  {
    Message first = *machine.try_once(machine.session.receive());
    Message moved = std::move(first);
    first = std::move(moved);
    Message& itself = first;
    first = std::move(itself);
    CHECK(first.text() == "1");
    CHECK(machine.take().empty());
  }
  CHECK(machine.take().size() == 1);
}

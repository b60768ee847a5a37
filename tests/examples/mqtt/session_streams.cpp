#include "tests/examples/mqtt/machine.hpp"

using namespace mqtt;
using namespace mqtt::test;
using namespace nal::literals;
using nal::Error;
using nal::Unexpected;

namespace {

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) { text[i] = static_cast<char>('a' + i % 23); }
  return text;
}

/// Polls once, for a future that goes on.
template <class Future>
auto poll(Machine<>& machine, Future& future) {
  auto context = nal::Context::probe(machine.executor);
  return future.poll(context);
}

}  // namespace

TEST_CASE("A payload of QoS 0 is sent from where it lies, however large", "[mqtt]") {
  Machine machine;
  machine.connect();
  const std::string large = pattern(5000);
  auto publishing = machine.session.publish("t", large);
  CHECK_FALSE(poll(machine, publishing).ready());
  std::span<const std::byte> pieces[2];
  machine.session.output(pieces);
  CHECK(pieces[0].size() == 3 + 3);
  CHECK(pieces[1].data() == bytes_of(large).data());
  CHECK(pieces[1].size() == large.size());
  const auto sent = machine.take();
  REQUIRE(sent.size() == 1);
  CHECK(text_of(parsed<Publish>(sent[0]).payload) == large);
  const auto done = poll(machine, publishing);
  REQUIRE(done.ready());
  CHECK((*done).has_value());
}

TEST_CASE("A payload cut off at any byte by the end of the connection is sent from its start on the next", "[mqtt]") {
  const std::string payload = pattern(20);
  for (std::size_t cut = 0; cut < 25; ++cut) {
    Machine machine;
    machine.connect();
    auto publishing = machine.session.publish("t", payload);
    CHECK_FALSE(poll(machine, publishing).ready());
    machine.take(cut);
    machine.disconnect();
    CHECK_FALSE(poll(machine, publishing).ready());
    machine.connect();
    CHECK_FALSE(poll(machine, publishing).ready());
    const auto sent = machine.take();
    REQUIRE(sent.size() == 1);
    CHECK(text_of(parsed<Publish>(sent[0]).payload) == payload);
    CHECK(poll(machine, publishing).ready());
  }
}

TEST_CASE("A payload given up at any byte is taken back, or its rest goes through the send buffer", "[mqtt]") {
  const std::string payload = pattern(20);
  for (std::size_t cut = 0; cut < 25; ++cut) {
    Machine machine;
    machine.connect();
    {
      auto publishing = machine.session.publish("t", payload);
      CHECK_FALSE(poll(machine, publishing).ready());
      CHECK(machine.take(cut).empty());
    }
    REQUIRE(machine.session.advance(machine.now()));
    REQUIRE(machine.publish("t", "next", QoS::at_most_once));
    const auto sent = machine.take();
    REQUIRE(sent.size() == (cut == 0 ? 1U : 2U));
    if (cut != 0) { CHECK(text_of(parsed<Publish>(sent[0]).payload) == payload); }
    CHECK(text_of(parsed<Publish>(sent.back()).payload) == "next");
  }
}

TEST_CASE("A rest too large for the send buffer ends the connection, which says so", "[mqtt]") {
  Machine machine;
  machine.connect();
  const std::string large = pattern(5000);
  {
    auto publishing = machine.session.publish("t", large);
    CHECK_FALSE(poll(machine, publishing).ready());
    machine.take(1000);
  }
  // Nothing else may follow the half of a packet.
  static_cast<void>(machine.publish("t", "y", QoS::at_least_once));
  CHECK(machine.session.output().empty());
  CHECK(machine.session.advance(machine.now()) == Unexpected(Error::cancelled));
  CHECK(machine.session.fatal().cause == Failure::Cause::abandoned);
  machine.disconnect();
  machine.connect();
  CHECK(machine.take().size() == 1);
}

TEST_CASE("A message is streamed in pieces, with any QoS", "[mqtt]") {
  for (const QoS qos : {QoS::at_most_once, QoS::at_least_once, QoS::exactly_once}) {
    Machine machine;
    machine.connect();
    const std::string payload = pattern(3000);
    Streaming<kFull> stream = machine.session.stream("t", payload.size(), qos);
    auto begin = stream.begin();
    REQUIRE(poll(machine, begin).ready());
    Bytes all;
    std::vector<Bytes> sent;
    for (std::size_t i = 0; i < payload.size(); i += 250) {
      auto write = stream.write(bytes_of(payload).subspan(i, 250));
      CHECK_FALSE(poll(machine, write).ready());
      for (const Bytes& packet : machine.take()) { sent.push_back(packet); }
      const auto written = poll(machine, write);
      REQUIRE(written.ready());
      CHECK((*written).has_value());
    }
    REQUIRE(sent.size() == 1);
    const auto publish = parsed<Publish>(sent[0]);
    CHECK(text_of(publish.payload) == payload);
    CHECK(publish.qos == qos);
    CHECK_FALSE(publish.duplicate);
    auto finish = stream.finish();
    if (qos != QoS::at_most_once) { CHECK_FALSE(poll(machine, finish).ready()); }
    if (qos == QoS::at_least_once) { REQUIRE(machine.feed(puback(publish.packet_id))); }
    if (qos == QoS::exactly_once) {
      REQUIRE(machine.feed(acknowledgement(PacketType::pubrec, publish.packet_id)));
      CHECK(machine.take() == std::vector<Bytes>{acknowledgement(PacketType::pubrel, publish.packet_id)});
      REQUIRE(machine.feed(acknowledgement(PacketType::pubcomp, publish.packet_id)));
    }
    const auto finished = poll(machine, finish);
    REQUIRE(finished.ready());
    CHECK((*finished).has_value());
    CHECK(machine.session.in_flight_count() == 0);
  }
}

TEST_CASE("A stream whose connection ended is begun again, as a duplicate with its identifier", "[mqtt]") {
  for (const bool whole : {false, true}) {
    Machine machine({.client_id = "c", .clean_session = false});
    machine.connect();
    const std::string payload = pattern(600);
    Streaming<kFull> stream = machine.session.stream("t", payload.size(), QoS::at_least_once);
    {
      auto begin = stream.begin();
      REQUIRE(poll(machine, begin).ready());
      auto write = stream.write(bytes_of(payload).first(whole ? 600 : 300));
      CHECK_FALSE(poll(machine, write).ready());
      machine.take();
      machine.disconnect();
    }
    auto finish = stream.finish();
    const auto failed = poll(machine, finish);
    REQUIRE(failed.ready());
    CHECK(*failed == Unexpected(Error::connection_reset));
    machine.connect(true);
    auto begin = stream.begin();
    REQUIRE(poll(machine, begin).ready());
    auto write = stream.write(bytes_of(payload));
    CHECK_FALSE(poll(machine, write).ready());
    const auto sent = machine.take();
    REQUIRE(sent.size() == 1);
    const auto publish = parsed<Publish>(sent[0]);
    CHECK(text_of(publish.payload) == payload);
    CHECK(publish.duplicate);
    REQUIRE(machine.feed(puback(publish.packet_id)));
    auto finish_again = stream.finish();
    CHECK(poll(machine, finish_again).ready());
  }
}

TEST_CASE("A stream that is dropped in the middle ends the connection; too much is refused", "[mqtt]") {
  Machine machine;
  machine.connect();
  {
    Streaming<kFull> stream = machine.session.stream("t", 10, QoS::at_least_once);
    auto begin = stream.begin();
    REQUIRE(poll(machine, begin).ready());
    machine.take();
    auto write = stream.write(bytes_of("more than ten bytes"));
    const auto refused = poll(machine, write);
    REQUIRE(refused.ready());
    CHECK(*refused == Unexpected(Error::message_size));
    CHECK(machine.session.in_flight_count() == 1);
  }
  CHECK(machine.session.in_flight_count() == 0);
  CHECK(machine.session.advance(machine.now()) == Unexpected(Error::cancelled));
  CHECK(machine.session.fatal().cause == Failure::Cause::abandoned);
}

TEST_CASE("A message larger than the buffer is read in pieces, acknowledged at its end, and the stream stays in step",
          "[mqtt]") {
  for (const QoS qos : {QoS::at_most_once, QoS::at_least_once, QoS::exactly_once}) {
    for (const std::size_t piece : {1U, 7U, 128U}) {
      Machine machine;
      machine.connect();
      const std::string payload = pattern(2000);
      const Bytes wire = message("topic", payload, qos, 9) + message("a", "next");
      std::size_t fed = 0;
      const auto feed = [&] {
        const Bytes rest(wire.begin() + static_cast<std::ptrdiff_t>(fed), wire.end());
        REQUIRE(machine.feed(rest, piece));
        fed += rest.size() - machine.unfed;
      };
      feed();
      std::string got;
      {
        auto received = machine.try_once(machine.session.receive());
        REQUIRE(received);
        Message message = *std::move(received);
        CHECK(message.topic() == "topic");
        CHECK(message.size() == payload.size());
        CHECK_FALSE(message.whole());
        CHECK(message.payload().empty());
        for (;;) {
          auto reading = message.read();
          auto part = poll(machine, reading);
          if (!part.ready()) {
            feed();
            part = poll(machine, reading);
            REQUIRE(part.ready());
          }
          REQUIRE((*part).has_value());
          if ((**part).empty()) { break; }
          const std::string before(text_of(**part));
          feed();  // what is shown does not move
          CHECK(text_of(**part) == before);
          got += before;
        }
        CHECK(message.topic() == "topic");
        CHECK(machine.take().empty());
      }
      CHECK(got == payload);
      feed();
      REQUIRE(machine.session.advance(machine.now()));
      const auto sent = machine.take();
      REQUIRE(sent.size() == (qos == QoS::at_most_once ? 0U : 1U));
      if (qos == QoS::at_least_once) { CHECK(sent[0] == puback(9)); }
      if (qos == QoS::exactly_once) { CHECK(sent[0] == acknowledgement(PacketType::pubrec, 9)); }
      feed();
      auto next = machine.try_once(machine.session.receive());
      REQUIRE(next);
      CHECK(next->text() == "next");
      // A message that fits is read the same way.
      auto reading = next->read();
      CHECK(text_of(**poll(machine, reading)) == "next");
      auto end = next->read();
      CHECK((**poll(machine, end)).empty());
    }
  }
}

TEST_CASE("What is left of a streamed message is thrown away when it is dropped, and then acknowledged", "[mqtt]") {
  Machine machine;
  machine.connect();
  const Bytes wire = message("t", pattern(1000), QoS::at_least_once, 9) + message("a", "next");
  REQUIRE(machine.feed(wire));
  std::size_t fed = wire.size() - machine.unfed;
  {
    auto received = machine.try_once(machine.session.receive());
    REQUIRE(received);
    auto reading = received->read();
    CHECK(poll(machine, reading).ready());
  }
  CHECK(machine.take().empty());
  while (fed != wire.size()) {
    const Bytes rest(wire.begin() + static_cast<std::ptrdiff_t>(fed), wire.end());
    REQUIRE(machine.feed(rest));
    fed += rest.size() - machine.unfed;
  }
  CHECK(machine.take() == std::vector<Bytes>{puback(9)});
  const auto next = machine.try_once(machine.session.receive());
  REQUIRE(next);
  CHECK(next->text() == "next");
}

TEST_CASE("A streamed message whose connection ends says so, is not acknowledged, and comes again", "[mqtt]") {
  Machine machine({.client_id = "c", .clean_session = false});
  machine.connect();
  const Bytes wire = message("t", pattern(1000), QoS::exactly_once, 9);
  REQUIRE(machine.feed(wire));
  {
    auto received = machine.try_once(machine.session.receive());
    REQUIRE(received);
    auto reading = received->read();
    CHECK(poll(machine, reading).ready());
    machine.disconnect();
    auto broken = received->read();
    CHECK((*poll(machine, broken)).error() == Error::connection_reset);
    machine.connect(true);
    CHECK((*poll(machine, broken)).error() == Error::connection_reset);
    CHECK(received->topic() == "t");
  }
  CHECK(machine.take().empty());
  REQUIRE(machine.feed(wire));
  CHECK(machine.try_once(machine.session.receive()));
}

TEST_CASE("A large message waits until those before it were received", "[mqtt]") {
  Machine machine;
  machine.connect();
  const Bytes wire = message("a", "first") + message("t", pattern(500));
  REQUIRE(machine.feed(wire));
  {
    const auto first = machine.try_once(machine.session.receive());
    REQUIRE(first);
    CHECK(first->whole());
  }
  REQUIRE(machine.session.advance(machine.now()));
  auto large = machine.try_once(machine.session.receive());
  REQUIRE(large);
  CHECK(large->size() == 500);
}

TEST_CASE("A message whose topic does not fit is thrown away even where payloads are streamed", "[mqtt]") {
  Machine machine;
  machine.connect();
  REQUIRE(machine.feed(message(std::string(500, 't'), "x", QoS::exactly_once, 9) + message("a", "next")));
  CHECK(machine.try_once(machine.session.receive()).error() == Error::message_size);
  REQUIRE(machine.session.advance(machine.now()));
  CHECK(machine.try_once(machine.session.receive()));
  CHECK(machine.take() == std::vector<Bytes>{acknowledgement(PacketType::pubrec, 9)});
}

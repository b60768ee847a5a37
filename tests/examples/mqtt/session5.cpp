#include <functional>

#include "tests/examples/mqtt/machine.hpp"

using namespace mqtt;
using namespace mqtt::test;
using namespace nal::literals;
using nal::Error;
using nal::Unexpected;

namespace {

Config five(Config config = {}) {
  config.version = Version::mqtt_5;
  if (config.client_id.empty()) { config.client_id = "c"; }
  return config;
}

template <std::size_t N>
Connack granting(const Property (&list)[N]) {
  Connack packet;
  packet.properties = list;
  return packet;
}

Bytes message5(std::string_view topic, std::string_view payload, QoS qos = QoS::at_most_once,
               std::uint16_t packet_id = 0, const Properties& properties = {}, std::uint16_t alias = 0) {
  return encoded5(Publish{topic, bytes_of(payload), qos, false, false, packet_id, alias, properties});
}
Bytes answer5(PacketType type, unsigned id, Reason reason = Reason::success) {
  return encoded5(Acknowledge{type, static_cast<std::uint16_t>(id), reason, {}});
}
Bytes suback5(unsigned id, Reason reason, PacketType type = PacketType::suback) {
  const auto code = static_cast<std::byte>(reason);
  return encoded5(Suback{static_cast<std::uint16_t>(id), {&code, 1}, type, {}});
}

template <class Future>
auto poll(Machine<>& machine, Future& future) {
  auto context = nal::Context::probe(machine.executor);
  return future.poll(context);
}

/// The observer's notes.
struct Notes {
  std::vector<Notice::Kind> kinds;
  std::vector<Reason> reasons;
  std::vector<std::string> strings;
  Observer observer() {
    return {[](void* context, const Notice& notice) noexcept {
              auto& notes = *static_cast<Notes*>(context);
              notes.kinds.push_back(notice.kind);
              notes.reasons.push_back(notice.reason);
              notes.strings.emplace_back(notice.properties.text(PropertyId::reason_string));
            },
            this};
  }
};

}  // namespace

TEST_CASE("CONNECT of 5.0 tells what this client allows and wants", "[mqtt5]") {
  const Property user[] = {Property::user("site", "north")};
  Config config = five();
  config.session_expiry = 3600;
  config.request_response_information = true;
  config.request_problem_information = false;
  config.maximum_packet_size = 100;
  config.user_properties = user;
  const Property delay[] = {Property::of(PropertyId::will_delay, 30)};
  config.will = Will{"gone", bytes_of("bye"), QoS::exactly_once, true, delay};
  Machine machine(config);
  const Bytes sent = machine.connect5();
  const auto connect = parsed5<Connect>(sent);
  CHECK(connect.properties.number(PropertyId::session_expiry) == 3600);
  CHECK(connect.properties.number(PropertyId::receive_maximum) == 3);  // of QoS 2
  CHECK(connect.properties.number(PropertyId::maximum_packet_size) == 100);
  CHECK(connect.properties.number(PropertyId::topic_alias_maximum) == 2);
  CHECK(connect.properties.number(PropertyId::request_response_information) == 1);
  CHECK(connect.properties.number(PropertyId::request_problem_information, 1) == 0);
  CHECK(connect.properties.find(PropertyId::user_property)->value_text() == "north");
  CHECK(connect.will->properties.number(PropertyId::will_delay) == 30);
  CHECK(connect.will->qos == QoS::exactly_once);
}

TEST_CASE("A version that was not compiled in is refused at the start", "[mqtt5]") {
  CHECK(SmallMachine(five()).session.start() == Unexpected(Error::not_supported));
  Machine<kTestSizes, kFive> only_five{Config{.client_id = "c"}};
  CHECK(only_five.session.start() == Unexpected(Error::not_supported));
}

TEST_CASE("Too many user properties for CONNECT are refused at the start", "[mqtt5]") {
  const std::vector<Property> many(9, Property::user("a", "b"));
  Config config = five();
  config.user_properties = many;
  CHECK(Machine(config).session.start() == Unexpected(Error::invalid_argument));
}

TEST_CASE("A client of 5.0 alone does what the one of both does", "[mqtt5]") {
  Machine<kTestSizes, kFive> machine(five());
  machine.connect5();
  REQUIRE(machine.publish("t", "x", QoS::exactly_once));
  const auto sent = machine.take();
  REQUIRE(sent.size() == 1);
  CHECK(parsed5<Publish>(sent[0]).topic == "t");
}

TEST_CASE("What the server tells with CONNACK holds for the connection", "[mqtt5]") {
  const Property list[] = {
      Property::of(PropertyId::session_expiry, 60),      Property::of(PropertyId::receive_maximum, 5),
      Property::of(PropertyId::maximum_qos, 1),          Property::of(PropertyId::retain_available, 0),
      Property::of(PropertyId::maximum_packet_size, 40), Property::of(PropertyId::topic_alias_maximum, 7),
      Property::of(PropertyId::wildcard_available, 0),   Property::of(PropertyId::subscription_ids_available, 0),
      Property::of(PropertyId::shared_available, 0),     Property::of(PropertyId::server_keep_alive, 7)};
  Machine machine(five({.keep_alive = 100}));
  machine.connect5(granting(list));
  const ServerLimits& server = machine.session.server();
  CHECK(server.session_expiry == 60);
  CHECK(server.receive_maximum == 5);
  CHECK(server.maximum_qos == QoS::at_least_once);
  CHECK_FALSE(server.retain);
  CHECK(server.maximum_packet_size == 40);
  CHECK(server.topic_alias_maximum == 7);
  CHECK_FALSE(server.wildcards);
  CHECK_FALSE(server.subscription_ids);
  CHECK_FALSE(server.shared);
  CHECK(machine.session.deadline() == machine.now() + 7_s);

  // And is not asked for what it cannot do.
  CHECK(machine.publish("t", "x", QoS::exactly_once) == Unexpected(Error::not_supported));
  CHECK(machine.session.try_publish("t", {}, QoS::at_most_once, Retain::yes) == Unexpected(Error::not_supported));
  CHECK(machine.publish("t", std::string(40, 'x'), QoS::at_least_once) == Unexpected(Error::message_size));
  CHECK(machine.publish("t", std::string(40, 'x'), QoS::at_most_once) == Unexpected(Error::message_size));
  const auto refused = [&](const FilterEntry& entry, const Properties& properties, Reason reason) {
    auto subscribing = machine.session.subscribe(entry, properties);
    CHECK_FALSE(poll(machine, subscribing).ready());
    CHECK(machine.take().empty());
    CHECK(*poll(machine, subscribing) == Unexpected(Error::not_supported));
    CHECK(subscribing.reason() == reason);
  };
  refused({"a/#"}, {}, Reason::wildcard_subscriptions_not_supported);
  refused({"$share/g/a"}, {}, Reason::shared_subscriptions_not_supported);
  const Property identifier[] = {Property::of(PropertyId::subscription_id, 1)};
  refused({"a"}, identifier, Reason::subscription_identifiers_not_supported);

  // The next connection is a new server, as far as anyone knows.
  machine.disconnect();
  machine.connect5();
  CHECK(machine.session.server().receive_maximum == 0xFFFF);
  CHECK(machine.publish("t", "x", QoS::exactly_once));
}

TEST_CASE("Messages that were accepted before it was known what the server takes are refused, and told", "[mqtt5]") {
  Notes notes;
  Machine machine(five({.observer = notes.observer()}));
  REQUIRE(machine.publish("t", "x", QoS::exactly_once));
  REQUIRE(machine.session.try_publish("t", {}, QoS::at_least_once, Retain::yes));
  REQUIRE(machine.publish("t", std::string(50, 'x'), QoS::at_least_once));
  auto publishing = machine.session.publish("t", "y", QoS::exactly_once);
  CHECK_FALSE(poll(machine, publishing).ready());
  const Property list[] = {Property::of(PropertyId::maximum_qos, 1), Property::of(PropertyId::retain_available, 0),
                           Property::of(PropertyId::maximum_packet_size, 40)};
  machine.connect5(granting(list));
  CHECK(machine.take().empty());
  CHECK(machine.session.in_flight_count() == 0);
  CHECK(std::count(notes.kinds.begin(), notes.kinds.end(), Notice::Kind::message_refused) == 4);
  const auto answer = poll(machine, publishing);
  REQUIRE(answer.ready());
  CHECK(*answer == Unexpected(Error::not_supported));
  CHECK(publishing.reason() == Reason::qos_not_supported);
}

TEST_CASE("A client without an identifier keeps the one that the server assigned, and the session with it", "[mqtt5]") {
  const Property list[] = {Property::of(PropertyId::assigned_client_id, "assigned-1")};
  Config config = five();
  config.client_id = {};
  config.session_expiry = 60;
  Machine machine(config);
  CHECK(parsed5<Connect>(machine.connect5(granting(list))).clean_session);
  CHECK(machine.session.client_id() == "assigned-1");
  machine.disconnect();
  Connack present;
  present.session_present = true;
  const Bytes again = machine.connect5(present);
  CHECK(parsed5<Connect>(again).client_id == "assigned-1");
  CHECK_FALSE(parsed5<Connect>(again).clean_session);
}

TEST_CASE("No more messages are on their way than the server takes", "[mqtt5]") {
  const Property list[] = {Property::of(PropertyId::receive_maximum, 2)};
  Machine machine(five());
  machine.connect5(granting(list));
  for (const auto* text : {"1", "2", "3", "4"}) {
    REQUIRE(machine.publish("t", text, text[0] == '1' ? QoS::at_least_once : QoS::exactly_once));
  }
  const auto first = machine.take();
  REQUIRE(first.size() == 2);
  CHECK(machine.publish("t", "0", QoS::at_most_once) == Unexpected(Error::would_block));
  const unsigned one = parsed5<Publish>(first[0]).packet_id;
  const unsigned two = parsed5<Publish>(first[1]).packet_id;
  REQUIRE(machine.feed(answer5(PacketType::pubrec, two)));
  auto sent = machine.take();
  REQUIRE(sent.size() == 1);  // PUBREL counts nothing, and frees nothing
  CHECK(type_of(sent[0]) == PacketType::pubrel);
  REQUIRE(machine.feed(answer5(PacketType::puback, one)));
  sent = machine.take();
  REQUIRE(sent.size() == 1);
  CHECK(text_of(parsed5<Publish>(sent[0]).payload) == "3");
  REQUIRE(machine.feed(answer5(PacketType::pubrec, parsed5<Publish>(sent[0]).packet_id, Reason::quota_exceeded)));
  sent = machine.take();
  REQUIRE(sent.size() == 1);  // a failure frees it at once
  CHECK(text_of(parsed5<Publish>(sent[0]).payload) == "4");
  CHECK(machine.session.in_flight_count() == 2);
}

TEST_CASE("Reasons of the server are the answers of the operations", "[mqtt5]") {
  Notes notes;
  Machine machine(five({.observer = notes.observer()}));
  machine.connect5();
  const auto publish = [&](Reason reason, QoS qos) {
    auto publishing = machine.session.publish("t", "x", qos);
    CHECK_FALSE(poll(machine, publishing).ready());
    const unsigned id = parsed5<Publish>(machine.take().at(0)).packet_id;
    const Property why[] = {Property::of(PropertyId::reason_string, "because")};
    const auto type = qos == QoS::at_least_once ? PacketType::puback : PacketType::pubrec;
    REQUIRE(machine.feed(encoded5(Acknowledge{type, static_cast<std::uint16_t>(id), reason, why})));
    const auto answer = poll(machine, publishing);
    REQUIRE(answer.ready());
    CHECK(publishing.reason() == reason);
    return *answer;
  };
  CHECK(publish(Reason::no_matching_subscribers, QoS::at_least_once).has_value());
  CHECK(publish(Reason::not_authorized, QoS::at_least_once) == Unexpected(Error::permission_denied));
  CHECK(publish(Reason::quota_exceeded, QoS::exactly_once) == Unexpected(Error::table_full));
  CHECK(publish(Reason::topic_name_invalid, QoS::exactly_once) == Unexpected(Error::invalid_argument));
  CHECK(machine.session.in_flight_count() == 0);
  CHECK(notes.kinds.back() == Notice::Kind::message_refused);
  CHECK(notes.strings.back() == "because");

  auto subscribing = machine.session.subscribe("a");
  CHECK_FALSE(poll(machine, subscribing).ready());
  unsigned id = parsed5<FilterList>(machine.take().at(0)).packet_id;
  REQUIRE(machine.feed(suback5(id, Reason::quota_exceeded)));
  CHECK(*poll(machine, subscribing) == Unexpected(Error::table_full));
  CHECK(subscribing.reason() == Reason::quota_exceeded);

  auto unsubscribing = machine.session.unsubscribe("a");
  CHECK_FALSE(poll(machine, unsubscribing).ready());
  id = parsed5<FilterList>(machine.take().at(0)).packet_id;
  REQUIRE(machine.feed(suback5(id, Reason::not_authorized, PacketType::unsuback)));
  CHECK(*poll(machine, unsubscribing) == Unexpected(Error::permission_denied));
  auto again = machine.session.unsubscribe("a");
  CHECK_FALSE(poll(machine, again).ready());
  id = parsed5<FilterList>(machine.take().at(0)).packet_id;
  REQUIRE(machine.feed(suback5(id, Reason::no_subscription_existed, PacketType::unsuback)));
  CHECK((*poll(machine, again)).has_value());
}

TEST_CASE("A publish whose answer nobody waits for any more leaves nothing behind", "[mqtt5]") {
  Machine machine(five());
  machine.connect5();
  for (const bool answered : {false, true}) {
    unsigned id = 0;
    {
      auto publishing = machine.session.publish("t", "x", QoS::at_least_once);
      CHECK_FALSE(poll(machine, publishing).ready());
      id = parsed5<Publish>(machine.take().at(0)).packet_id;
      if (answered) { REQUIRE(machine.feed(answer5(PacketType::puback, id))); }
    }
    if (!answered) { REQUIRE(machine.feed(answer5(PacketType::puback, id))); }
    CHECK(machine.session.in_flight_count() == 0);
  }
  for (unsigned i = 0; i < 4; ++i) { REQUIRE(machine.publish("t", "", QoS::at_least_once)); }  // the whole table
}

TEST_CASE("Subscription options and identifiers go out, and come back with messages", "[mqtt5]") {
  Machine machine(five());
  machine.connect5();
  const Property asked[] = {Property::of(PropertyId::subscription_id, 4711)};
  static_cast<void>(machine.try_once(machine.session.subscribe(
      FilterEntry{"a/+", QoS::exactly_once, true, true, RetainHandling::do_not_send}, asked)));
  const auto sent = machine.take();
  REQUIRE(sent.size() == 1);
  auto list = parsed5<FilterList>(sent[0]);
  CHECK(list.properties.number(PropertyId::subscription_id) == 4711);
  const auto entry = list.next();
  CHECK(entry->qos == QoS::exactly_once);
  CHECK(entry->no_local);
  CHECK(entry->retain_as_published);
  CHECK(entry->retain_handling == RetainHandling::do_not_send);
  REQUIRE(machine.feed(suback5(list.packet_id, Reason::granted_qos_2)));
  const Property list_of[] = {Property::of(PropertyId::subscription_id, 4711), Property::user("k", "v"),
                              Property::of(PropertyId::response_topic, "answer/here")};
  REQUIRE(machine.feed(message5("a/b", "x", QoS::at_most_once, 0, list_of)));
  const auto received = machine.try_once(machine.session.receive());
  REQUIRE(received);
  CHECK(received->properties().number(PropertyId::subscription_id) == 4711);
  CHECK(received->properties().text(PropertyId::response_topic) == "answer/here");
  // Options and identifiers are of 5.0; a shared filter has a group, and its messages cannot leave out one's own.
  Machine old;
  old.connect();
  CHECK(old.try_once(old.session.subscribe(FilterEntry{"a"}, asked)) == Unexpected(Error::not_supported));
  CHECK(machine.try_once(machine.session.subscribe(FilterEntry{"$share/g/a", QoS::at_most_once, true})) ==
        Unexpected(Error::invalid_argument));
  for (const auto* filter : {"$share/g", "$share//a", "$share/g+/a", "$share/g/"}) {
    CHECK(machine.try_once(machine.session.subscribe(filter)) == Unexpected(Error::invalid_argument));
  }
}

TEST_CASE("Properties of a subscription go out with it, each time that it is asked for", "[mqtt5]") {
  Machine machine(five());
  machine.connect5();
  const auto sent = [&] {
    const auto packets = machine.take();
    REQUIRE(packets.size() == 1);
    auto list = parsed5<FilterList>(packets[0]);
    CHECK(list.next()->filter == "a");
    std::string told;
    for (const Property& property : list.properties) {
      told += property.id == PropertyId::user_property
                  ? std::string(property.text()) + "=" + std::string(property.value_text()) + " "
                  : std::to_string(property.number) + " ";
    }
    REQUIRE(machine.feed(suback5(list.packet_id, Reason::success)));
    return told;
  };
  const auto subscribe = [&](const Properties& properties) {
    auto subscribing = machine.session.subscribe(FilterEntry{"a"}, properties);
    CHECK_FALSE(poll(machine, subscribing).ready());
    const std::string told = sent();
    CHECK(*poll(machine, subscribing) == QoS::at_most_once);
    return told;
  };
  const auto after_reconnect = [&] {
    machine.disconnect();
    machine.connect5();
    return sent();
  };
  const Property two[] = {Property::user("token", "x"), Property::user("token", ""),
                          Property::of(PropertyId::subscription_id, 300)};
  CHECK(subscribe(two) == "token=x token= 300 ");
  CHECK(after_reconnect() == "token=x token= 300 ");
  // Asked for with others, of the same size or another, it has those.
  const Property same_size[] = {Property::user("token", "y"), Property::user("token", ""),
                                Property::of(PropertyId::subscription_id, 301)};
  CHECK(subscribe(same_size) == "token=y token= 301 ");
  CHECK(after_reconnect() == "token=y token= 301 ");
  const Property less[] = {Property::user("t", "")};
  CHECK(subscribe(less) == "t= ");
  CHECK(after_reconnect() == "t= ");
  CHECK(subscribe({}) == "");
  CHECK(subscribe(two) == "token=x token= 300 ");

  // Whoever waits for it has it with the properties of whoever came last.
  machine.disconnect();
  auto first = machine.session.subscribe(FilterEntry{"a"}, less);
  auto second = machine.session.subscribe(FilterEntry{"a"}, two);
  CHECK_FALSE(poll(machine, first).ready());
  CHECK_FALSE(poll(machine, second).ready());
  machine.connect5();
  CHECK(sent() == "token=x token= 300 ");
  CHECK(*poll(machine, first) == QoS::at_most_once);
  CHECK(*poll(machine, second) == QoS::at_most_once);

  // What a server does not take back is gone on with as it was.
  auto unsubscribing = machine.session.unsubscribe("a");
  CHECK_FALSE(poll(machine, unsubscribing).ready());
  const auto packets = machine.take();
  REQUIRE(packets.size() == 1);
  const auto list = parsed5<FilterList>(packets[0]);
  CHECK(list.properties.empty());
  REQUIRE(machine.feed(suback5(list.packet_id, Reason::not_authorized, PacketType::unsuback)));
  CHECK(*poll(machine, unsubscribing) == Unexpected(Error::permission_denied));
  CHECK(after_reconnect() == "token=x token= 300 ");
}

TEST_CASE("Properties that a subscription must not have, or has no room for, are refused", "[mqtt5]") {
  Machine machine(five());
  machine.connect5();
  const auto asked = [&](std::span<const Property> list) {
    return machine.try_once(machine.session.subscribe(FilterEntry{"a"}, list)).error();
  };
  const std::string long_text(70'000, 'x');
  const std::string text(300, 'x');
  using Id = PropertyId;
  for (const Property& wrong : {Property::of(Id::subscription_id, 0), Property::of(Id::subscription_id, 268'435'456),
                                Property::of(Id::message_expiry, 1), Property::user("a", std::string_view("\0", 1)),
                                Property::user("\xFF", "b"), Property::user("a", long_text)}) {
    CHECK(asked({&wrong, 1}) == Error::invalid_argument);
  }
  const Property twice[] = {Property::of(Id::subscription_id, 1), Property::of(Id::subscription_id, 1)};
  CHECK(asked(twice) == Error::invalid_argument);
  const Property large[] = {Property::user("a", text)};
  CHECK(asked(large) == Error::message_size);
  CHECK(machine.take().empty());
}

TEST_CASE("Properties go out with messages of every QoS, and those that must not are refused", "[mqtt5]") {
  Machine machine(five());
  machine.connect5();
  const Property list[] = {Property::of(PropertyId::message_expiry, 60), Property::user("unit", "bar")};
  for (const QoS qos : {QoS::at_most_once, QoS::at_least_once, QoS::exactly_once}) {
    REQUIRE(machine.session.try_publish("t", bytes_of("x"), qos, Retain::no, list));
    const Bytes sent = machine.take().at(0);
    const auto publish = parsed5<Publish>(sent);
    CHECK(publish.properties.number(PropertyId::message_expiry) == 60);
    CHECK(publish.properties.find(PropertyId::user_property)->text() == "unit");
  }
  const Property wrong[] = {Property::of(PropertyId::will_delay, 60)};
  const Property mine[] = {Property::of(PropertyId::subscription_id, 1)};
  for (const QoS qos : {QoS::at_most_once, QoS::at_least_once}) {
    CHECK(machine.session.try_publish("t", {}, qos, Retain::no, wrong) == Unexpected(Error::invalid_argument));
    CHECK(machine.session.try_publish("t", {}, qos, Retain::no, mine) == Unexpected(Error::invalid_argument));
  }
  CHECK(machine.take().empty());
}

TEST_CASE("Topics are told once and then by their alias, on each connection anew", "[mqtt5]") {
  const Property list[] = {Property::of(PropertyId::topic_alias_maximum, 10)};
  Machine machine(five());
  for (unsigned round = 0; round < 2; ++round) {
    machine.connect5(granting(list));
    std::vector<std::pair<std::string, unsigned>> seen;
    for (const auto* topic : {"first", "second", "first", "third", "second"}) {
      REQUIRE(machine.publish(topic, "x", QoS::at_most_once));
      const auto sent = machine.take();
      REQUIRE(sent.size() == 1);
      const auto publish = parsed5<Publish>(sent[0]);
      seen.emplace_back(publish.topic, publish.topic_alias);
    }
    CHECK(seen ==
          std::vector<std::pair<std::string, unsigned>>{{"first", 1}, {"second", 2}, {"", 1}, {"third", 0}, {"", 2}});
    machine.disconnect();
  }
}

TEST_CASE("An alias whose message was taken back unsent means nothing", "[mqtt5]") {
  const Property list[] = {Property::of(PropertyId::topic_alias_maximum, 10)};
  Machine machine(five());
  machine.connect5(granting(list));
  const std::string large(500, 'x');
  {
    auto publishing = machine.session.publish("topic", large);
    CHECK_FALSE(poll(machine, publishing).ready());
  }
  REQUIRE(machine.publish("topic", "x", QoS::at_most_once));
  const Bytes sent = machine.take().at(0);
  CHECK(parsed5<Publish>(sent).topic == "topic");
}

TEST_CASE("Aliases of the server stand for their topics, may be changed, and end with the connection", "[mqtt5]") {
  Machine machine(five());
  machine.connect5();
  const auto topic = [&](const Bytes& wire) {
    REQUIRE(machine.feed(wire));
    auto received = machine.try_once(machine.session.receive());
    REQUIRE(received);
    return std::string(received->topic());
  };
  CHECK(topic(message5("one", "x", QoS::at_most_once, 0, {}, 1)) == "one");
  CHECK(topic(message5("", "x", QoS::at_most_once, 0, {}, 1)) == "one");
  CHECK(topic(message5("two", "x", QoS::at_most_once, 0, {}, 2)) == "two");
  CHECK(topic(message5("uno", "x", QoS::at_most_once, 0, {}, 1)) == "uno");
  CHECK(topic(message5("", "x", QoS::at_most_once, 0, {}, 1)) == "uno");
  CHECK(topic(message5("", "x", QoS::at_most_once, 0, {}, 2)) == "two");
  // What waits goes by the aliases of its own connection.
  REQUIRE(machine.feed(message5("", "waits", QoS::at_most_once, 0, {}, 1)));
  REQUIRE(machine.feed(message5("", "waits too", QoS::at_most_once, 0, {}, 2)));
  machine.disconnect();
  machine.connect5();
  REQUIRE(machine.feed(message5("new", "x", QoS::at_most_once, 0, {}, 1)));
  for (const auto* expected : {"uno", "two", "new"}) {
    auto received = machine.try_once(machine.session.receive());
    REQUIRE(received);
    CHECK(received->topic() == expected);
    received = Unexpected(Error::closed);
    REQUIRE(machine.session.advance(machine.now()));
  }
  CHECK_FALSE(machine.feed(message5("", "x", QoS::at_most_once, 0, {}, 2)));
  CHECK(machine.session.fatal().fault == Fault::topic_alias);
}

TEST_CASE("DISCONNECT carries the reason it was given", "[mqtt5]") {
  Machine machine(five());
  machine.connect5();
  machine.session.stop(Reason::disconnect_with_will);
  const auto sent = machine.take();
  REQUIRE(sent.size() == 1);
  CHECK(parsed5<Disconnect>(sent[0]).reason == Reason::disconnect_with_will);
  CHECK(machine.session.finished());
}

TEST_CASE("An authentication goes step by step, and again when it is asked for", "[mqtt5]") {
  struct Method {
    std::vector<std::string> heard;
    std::string said;
    bool content = true;
  } method;
  Config config = five();
  config.authenticator = {"echo",
                          [](void* context, Authenticator::Step step,
                             std::span<const std::byte> data) noexcept -> nal::Result<std::span<const std::byte>> {
                            auto& self = *static_cast<Method*>(context);
                            self.heard.push_back(std::to_string(static_cast<int>(step)) + std::string(text_of(data)));
                            if (!self.content) { return Unexpected(Error::permission_denied); }
                            self.said = "re " + std::string(text_of(data));
                            return bytes_of(self.said);
                          },
                          &method};
  Machine machine(config);
  REQUIRE(machine.session.start());
  machine.session.link_up(machine.now());
  const auto connect_bytes = machine.take();
  const auto connect = parsed5<Connect>(connect_bytes.at(0));
  CHECK(connect.properties.text(PropertyId::authentication_method) == "echo");
  CHECK(text_of(connect.properties.bytes(PropertyId::authentication_data)) == "re ");
  method.heard.clear();
  const auto auth = [](Reason reason, std::string_view data, std::string_view name = "echo") {
    const Property list[] = {Property::of(PropertyId::authentication_method, name),
                             Property::of(PropertyId::authentication_data, bytes_of(data))};
    return encoded5(Auth{reason, list});
  };
  REQUIRE(machine.feed(auth(Reason::continue_authentication, "who?")));
  auto sent = machine.take();
  REQUIRE(sent.size() == 1);
  CHECK(parsed5<Auth>(sent[0]).reason == Reason::continue_authentication);
  CHECK(text_of(parsed5<Auth>(sent[0]).properties.bytes(PropertyId::authentication_data)) == "re who?");
  const Property last[] = {Property::of(PropertyId::authentication_method, "echo"),
                           Property::of(PropertyId::authentication_data, bytes_of("fine"))};
  REQUIRE(machine.feed(encoded5(granting(last))));
  CHECK(method.heard == std::vector<std::string>{"1who?", "2fine"});
  CHECK(machine.session.state() == SessionState::online);

  SECTION("again") {
    auto again = machine.session.authenticate();
    CHECK_FALSE(poll(machine, again).ready());
    sent = machine.take();
    REQUIRE(sent.size() == 1);
    CHECK(parsed5<Auth>(sent[0]).reason == Reason::re_authenticate);
    REQUIRE(machine.feed(auth(Reason::continue_authentication, "really?")));
    CHECK(machine.take().size() == 1);
    CHECK_FALSE(poll(machine, again).ready());
    REQUIRE(machine.feed(auth(Reason::success, "good")));
    CHECK((*poll(machine, again)).has_value());
  }
  SECTION("the connection ends meanwhile") {
    auto again = machine.session.authenticate();
    CHECK_FALSE(poll(machine, again).ready());
    machine.disconnect();
    CHECK(*poll(machine, again) == Unexpected(Error::not_connected));
  }
  SECTION("AUTH that nobody asked for") {
    CHECK_FALSE(machine.feed(auth(Reason::continue_authentication, "x")));
    CHECK(machine.session.fatal().fault == Fault::unexpected_packet);
  }
  SECTION("another method") {
    auto again = machine.session.authenticate();
    CHECK_FALSE(poll(machine, again).ready());
    machine.take();
    CHECK_FALSE(machine.feed(auth(Reason::continue_authentication, "x", "other")));
    CHECK(machine.session.fatal().fault == Fault::authentication);
  }
  SECTION("the authenticator will not go on") {
    auto again = machine.session.authenticate();
    CHECK_FALSE(poll(machine, again).ready());
    machine.take();
    method.content = false;
    CHECK(machine.feed(auth(Reason::continue_authentication, "x")) == Unexpected(Error::permission_denied));
    CHECK(machine.session.fatal().cause == Failure::Cause::authenticator);
    CHECK(machine.session.fatal().is_final());
    const auto farewell = machine.farewell();
    REQUIRE(farewell.size() == 1);
    CHECK(parsed5<Disconnect>(farewell[0]).reason == Reason::not_authorized);
  }
}

TEST_CASE("Authentication anew needs an authenticator and 5.0", "[mqtt5]") {
  Machine machine(five());
  machine.connect5();
  CHECK(machine.try_once(machine.session.authenticate()) == Unexpected(Error::not_supported));
  Machine old;
  old.connect();
  CHECK(old.try_once(old.session.authenticate()) == Unexpected(Error::not_supported));
}

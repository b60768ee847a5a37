#include "examples/mqtt/request.hpp"

#include "tests/examples/mqtt/machine.hpp"

using namespace mqtt;
using namespace mqtt::test;
using nal::Error;
using nal::Unexpected;

namespace {

template <class Future>
auto poll(Machine<>& machine, Future& future) {
  auto context = nal::Context::probe(machine.executor);
  return future.poll(context);
}

Config five() {
  Config config{.client_id = "c"};
  config.version = Version::mqtt_5;
  return config;
}

/// What a server that answers requests says to one of them.
Publish answer_to(const Bytes& request, std::string_view text, Property (&list)[1]) {
  const auto asked = parsed5<Publish>(request);
  list[0] = Property::of(PropertyId::correlation_data, asked.properties.bytes(PropertyId::correlation_data));
  return Publish{asked.properties.text(PropertyId::response_topic), bytes_of(text), {}, false, false, 0, 0, list};
}

}  // namespace

TEST_CASE("Each answer finds its request, in whatever order they come", "[mqtt5]") {
  Machine machine(five());
  machine.connect5();
  Requester requester(machine.session, "client/c/answers");
  std::array<std::byte, 16> first_answer;
  std::array<std::byte, 16> second_answer;
  auto first = requester.request("sum", bytes_of("1+1"), first_answer);
  auto second = requester.request("sum", bytes_of("2+2"), second_answer);
  CHECK_FALSE(poll(machine, first).ready());
  CHECK_FALSE(poll(machine, second).ready());
  const auto sent = machine.take();
  REQUIRE(sent.size() == 2);
  Property list[1];
  const Publish to_second = answer_to(sent[1], "4", list);
  CHECK(to_second.topic == "client/c/answers");
  requester.take(to_second);
  CHECK_FALSE(poll(machine, first).ready());
  const auto got = poll(machine, second);
  REQUIRE(got.ready());
  CHECK(*got == std::size_t{1});
  CHECK(second_answer[0] == std::byte{'4'});
  requester.take(to_second);  // once more: nobody waits for it
  requester.take(answer_to(sent[0], "2", list));
  CHECK(*poll(machine, first) == std::size_t{1});
}

TEST_CASE("A request that is given up takes no answer, and one whose answer is too long says so", "[mqtt5]") {
  Machine machine(five());
  machine.connect5();
  Requester requester(machine.session, "answers");
  std::array<std::byte, 2> answer;
  auto kept = requester.request("q", {}, answer);
  CHECK_FALSE(poll(machine, kept).ready());
  Bytes given_up;
  {
    auto request = requester.request("q", {}, answer);
    CHECK_FALSE(poll(machine, request).ready());
    const auto sent = machine.take();
    REQUIRE(sent.size() == 2);
    given_up = sent[1];
    Property list[1];
    requester.take(answer_to(sent[0], "long", list));
  }
  Property list[1];
  requester.take(answer_to(given_up, "x", list));
  CHECK(*poll(machine, kept) == Unexpected(Error::buffer_too_small));
  Publish stranger{"answers", {}, {}, false, false, 0, 0, {}};
  requester.take(stranger);
}

TEST_CASE("Requests need MQTT 5.0", "[mqtt]") {
  Machine machine;
  machine.connect();
  Requester requester(machine.session, "answers");
  CHECK(machine.try_once(requester.request("q", {}, {})) == Unexpected(Error::not_supported));
}

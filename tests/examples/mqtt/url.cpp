#include "examples/mqtt/url.hpp"

#include <array>
#include <catch2/catch_test_macros.hpp>

using mqtt::Url;
using nal::Error;
using nal::Unexpected;

namespace {

std::array<char, 128> memory;

nal::Result<Url> parse(std::string_view text) { return Url::parse(text, memory); }

}  // namespace

TEST_CASE("A URL gives host, port, topic, user and password", "[mqtt]") {
  const auto full = parse("mqtt://me:secret@broker.example:8883/a/b");
  REQUIRE(full);
  CHECK(full->host == "broker.example");
  CHECK(full->port == 8883);
  CHECK(full->user == "me");
  CHECK(full->password == "secret");
  CHECK(full->topic == "a/b");

  const auto least = parse("mqtt://h");
  REQUIRE(least);
  CHECK(least->host == "h");
  CHECK(least->port == mqtt::kDefaultPort);
  CHECK_FALSE(least->user);
  CHECK_FALSE(least->password);
  CHECK(least->topic.empty());

  CHECK(parse("mqtt://h/")->topic.empty());
  CHECK(parse("mqtt://h//a")->topic == "/a");
  CHECK(parse("mqtt://me@h/t")->user == "me");
  CHECK_FALSE(parse("mqtt://me@h/t")->password);
  CHECK(parse("mqtt://me:@h/t")->password == "");
  CHECK(parse("mqtt://[::1]:1884/t")->host == "::1");
  CHECK(parse("mqtt://[::1]:1884/t")->port == 1884);
  CHECK(parse("mqtt://[fe80::1%252]/t")->host == "fe80::1%2");
  CHECK(parse("mqtt://u:p@ss@h/t")->password == "p@ss");
}

TEST_CASE("A URL asks for TLS by its scheme, which has a port of its own", "[mqtt]") {
  const auto secure = parse("mqtts://me@h/t");
  REQUIRE(secure);
  CHECK(secure->secure);
  CHECK(secure->port == mqtt::kDefaultTlsPort);
  CHECK(secure->user == "me");
  CHECK(parse("mqtts://h:1883/t")->port == 1883);
  CHECK_FALSE(parse("mqtt://h/t")->secure);
}

TEST_CASE("Percent-encoded bytes are decoded", "[mqtt]") {
  const auto url = parse("mqtt://us%40er:p%3Aw%2F@h/a%20b/%23");
  REQUIRE(url);
  CHECK(url->user == "us@er");
  CHECK(url->password == "p:w/");
  CHECK(url->topic == "a b/#");
  CHECK(parse("mqtt://h/%") == Unexpected(Error::invalid_argument));
  CHECK(parse("mqtt://h/%2") == Unexpected(Error::invalid_argument));
  CHECK(parse("mqtt://h/%2g") == Unexpected(Error::invalid_argument));
  CHECK(parse("mqtt://h/%g2") == Unexpected(Error::invalid_argument));
}

TEST_CASE("What is no MQTT URL is refused", "[mqtt]") {
  for (const std::string_view text :
       {"", "mqtt:/", "http://h/t", "mqttss://h/t", "mqtts:/h/t", "mqtt://", "mqtt:///t", "mqtt://:1883/t",
        "mqtt://h:/t", "mqtt://h:0/t", "mqtt://h:65536/t", "mqtt://h:1x/t", "mqtt://[::1/t", "mqtt://[]/t",
        "mqtt://[::1]1/t", "mqtt://u@/t"}) {
    INFO(text);
    CHECK(parse(text) == Unexpected(Error::invalid_argument));
  }
}

TEST_CASE("A URL that the caller's buffer cannot hold is an error at every size", "[mqtt]") {
  constexpr std::string_view kText = "mqtt://u:p@host:1/topic";
  constexpr std::size_t kNeeded = 1 + 1 + 4 + 5;
  for (std::size_t room = 0; room < kNeeded; ++room) {
    CHECK(Url::parse(kText, std::span(memory).first(room)) == Unexpected(Error::buffer_too_small));
  }
  CHECK(Url::parse(kText, std::span(memory).first(kNeeded)));
}

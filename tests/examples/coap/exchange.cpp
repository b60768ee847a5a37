#include "tests/examples/coap/world.hpp"

using namespace coap;
using namespace coap::test;
using nal::Error;
using nal::Unexpected;

TEST_CASE("A request is answered in the acknowledgement", "[coap]") {
  World w;
  const auto answer = w.wait(w.client.get(kServer, "note"));
  REQUIRE(answer);
  CHECK(answer->code() == Code::content);
  CHECK(answer->text() == "hello");
  CHECK(answer->content_format() == 0u);
  CHECK(answer->message().type == Type::acknowledgement);
}

TEST_CASE("Bodies larger than a block travel both ways", "[coap]") {
  World w;
  std::string body;
  for (int i = 0; i < 5000; ++i) { body += static_cast<char>('a' + i % 26); }
  SpanSource source{std::string_view(body)};
  {
    const auto answer = w.wait(w.client.transfer({.method = Code::put, .remote = kServer, .path = "large"}, source));
    REQUIRE(answer);
    CHECK(answer->code() == Code::changed);
  }
  CHECK(w.shop.received == body);
  w.shop.large = body;
  std::vector<std::byte> memory(6000);
  SpanSink sink(memory);
  const auto answer = w.wait(w.client.transfer({.remote = kServer, .path = "large"}, sink));
  REQUIRE(answer);
  CHECK(answer->code() == Code::content);
  CHECK(sink.text() == body);
}

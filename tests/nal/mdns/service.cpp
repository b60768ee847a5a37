#include "nal/mdns/service.hpp"

#include "tests/nal/mdns/bench.hpp"

namespace nal::mdns::test {

TEST_CASE("Pairs of a text are written and read (RFC 6763 6.4)", "[mdns]") {
  std::array<std::byte, 300> memory;
  TextBuilder builder(memory);
  CHECK(builder.data().empty());
  REQUIRE(builder.add("path", "/a=b"));
  REQUIRE(builder.add("empty", ""));
  REQUIRE(builder.add("flag"));
  CHECK(builder.add("PATH", "x") == Unexpected(Error::invalid_argument));
  CHECK(builder.add("", "x") == Unexpected(Error::invalid_argument));
  CHECK(builder.add("a=b") == Unexpected(Error::invalid_argument));
  CHECK(builder.add("\x7f") == Unexpected(Error::invalid_argument));
  CHECK(builder.add("long", std::string(251, 'x')) == Unexpected(Error::invalid_argument));
  REQUIRE(builder.add("long", std::string(250, 'x')));
  CHECK(builder.add("more", std::string(100, 'x')) == Unexpected(Error::buffer_too_small));
  TextReader reader(builder.data());
  const auto next = [&reader] {
    const auto pair = reader.next();
    return !pair ? "none" : std::string(pair->key) + (pair->value ? "=" + std::string(*pair->value) : "");
  };
  CHECK(next() == "path=/a=b");
  CHECK(next() == "empty=");
  CHECK(next() == "flag");
  CHECK(next() == "long=" + std::string(250, 'x'));
  CHECK(next() == "none");
  CHECK(find_text(builder.data(), "Flag")->value == std::nullopt);
  CHECK(find_text(builder.data(), "Path")->value == "/a=b");
  CHECK(!find_text(builder.data(), "pat"));
}

TEST_CASE("A text from elsewhere is read as far as it is one", "[mdns]") {
  const Bytes data = Bytes().u8(0).u8(2).text("=x").u8(1).text("a").u8(9).text("b");
  TextReader reader(data);
  CHECK(reader.next()->key == "a");
  CHECK(!reader.next());
}

TEST_CASE("An instance's name is one label of any characters (RFC 6763 4.1)", "[mdns]") {
  dns::Name name;
  REQUIRE(set_service_name(name,
                           "K\xc3\xbc"
                           "che. \\1",
                           "_http._tcp"));
  CHECK(text_of(name) == "K\\195\\188che\\.\\032\\\\1._http._tcp.local");
  const auto parts = split_service_name(name);
  REQUIRE(parts);
  CHECK(parts->instance ==
        "K\xc3\xbc"
        "che. \\1");
  CHECK(parts->type_wire.size() == 11);
  CHECK(parts->rest_wire.size() == 7);
  REQUIRE(set_service_name(name, "", "_printer._sub._http._tcp"));
  CHECK(text_of(name) == "_printer._sub._http._tcp.local");
  CHECK(set_service_name(name, std::string(64, 'x'), "_http._tcp") == Unexpected(Error::invalid_argument));
  CHECK(!split_service_name(name_of("kitchen.local")));
  CHECK(!split_service_name(name_of("local")));
  CHECK(!split_service_name(dns::Name()));
  CHECK(!split_service_name(name_of("a._http.tcp.local")));
}

}  // namespace nal::mdns::test

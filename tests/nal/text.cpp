#include "nal/text.hpp"

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

#include "nal/ipv4_address.hpp"

using namespace nal;
using namespace nal::literals;

static_assert(to_text("192.0.2.1"_ipv4) == "192.0.2.1");
static_assert(std::is_trivially_copyable_v<Text<15>>);

TEST_CASE("a writer puts one text behind the other into the caller's buffer") {
  std::array<char, 32> buffer{};
  TextWriter writer(buffer);
  writer.put("mqtt/");
  writer.put_decimal(0);
  writer.put('/');
  writer.put_decimal(4294967295);
  writer.put('/');
  writer.put_hex(0xbeef);
  writer.put('/');
  writer.put_hex(0xa, 2);
  const Result<std::string_view> text = writer.text();
  REQUIRE(text.has_value());
  CHECK(*text == "mqtt/0/4294967295/beef/0a");
  CHECK(text->data() == buffer.data());
}

TEST_CASE("a writer whose buffer was too small once never gives a text") {
  std::array<char, 3> buffer{};
  TextWriter writer(buffer);
  writer.put("abcd");
  CHECK(writer.text() == Unexpected(Error::buffer_too_small));
  writer.put("");
  CHECK(writer.text() == Unexpected(Error::buffer_too_small));
  TextWriter nowhere{std::span<char>()};
  CHECK(nowhere.text() == std::string_view());
  nowhere.put('x');
  CHECK(nowhere.text() == Unexpected(Error::buffer_too_small));
}

TEST_CASE("a text by value converts to a view, compares, and ends with a zero") {
  const Text<15> text = to_text(Ipv4Address::broadcast());
  const std::string_view view = text;
  CHECK(view == "255.255.255.255");
  CHECK(text.size() == 15);
  CHECK(std::strlen(text.c_str()) == 15);
  CHECK(text == to_text("255.255.255.255"_ipv4));
  CHECK_FALSE(text == to_text("255.255.255.254"_ipv4));
  CHECK(text == "255.255.255.255");
  CHECK(Text<15>().view().empty());
}

TEST_CASE("a decimal number is digits alone, without leading zeros, up to its limit") {
  using detail::parse_decimal;
  CHECK(parse_decimal("0", 0) == 0u);
  CHECK(parse_decimal("255", 255) == 255u);
  CHECK(parse_decimal("4294967295", 4294967295) == 4294967295u);
  for (const std::string_view bad : {"", "-1", "+1", " 1", "1 ", "00", "01", "1a", "a", "0x1", "4294967296",
                                     "42949672950", "99999999999999999999"}) {
    INFO(bad);
    CHECK(parse_decimal(bad, 4294967295) == Unexpected(Error::invalid_argument));
  }
  CHECK(parse_decimal("256", 255) == Unexpected(Error::invalid_argument));
  CHECK(parse_decimal("1", 0) == Unexpected(Error::invalid_argument));
  CHECK(parse_decimal("9", 8) == Unexpected(Error::invalid_argument));
  CHECK(parse_decimal("5", 3) == Unexpected(Error::invalid_argument));
}

TEST_CASE("a hexadecimal number has at most as many digits as asked for") {
  using detail::parse_hex;
  CHECK(parse_hex("0", 4) == 0u);
  CHECK(parse_hex("ffff", 4) == 0xffffu);
  CHECK(parse_hex("09aA", 4) == 0x09aau);
  CHECK(parse_hex("FfFfFfFf", 8) == 0xffffffffu);
  for (const std::string_view bad : {"", "00000", "g", "G", "`", "@", "/", ":", "0x1", "-1", "1 "}) {
    INFO(bad);
    CHECK(parse_hex(bad, 4) == Unexpected(Error::invalid_argument));
  }
}

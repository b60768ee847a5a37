#include "examples/mqtt/topic.hpp"

#include <catch2/catch_test_macros.hpp>
#include <string>

using mqtt::is_mqtt_text;
using mqtt::is_topic_filter;
using mqtt::is_topic_name;
using mqtt::matches;
using namespace std::string_view_literals;

TEST_CASE("A text is well-formed UTF-8 of at most 65,535 bytes without U+0000", "[mqtt]") {
  static_assert(is_mqtt_text(""));
  static_assert(is_mqtt_text("a/b c"));
  static_assert(is_mqtt_text("\u00e9\u20ac\U0001F600"));
  static_assert(is_mqtt_text("\xEF\xBB\xBF"));  // §1.5.3-3: U+FEFF is a character like others
  static_assert(is_mqtt_text("\xED\x9F\xBF\xEE\x80\x80"));
  static_assert(is_mqtt_text("\xF4\x8F\xBF\xBF"));

  CHECK_FALSE(is_mqtt_text("a\0b"sv));
  CHECK_FALSE(is_mqtt_text("\x80"));
  CHECK_FALSE(is_mqtt_text("\xC0\x80"));  // overlong U+0000
  CHECK_FALSE(is_mqtt_text("\xC1\xBF"));
  CHECK_FALSE(is_mqtt_text("\xE0\x9F\xBF"));      // overlong
  CHECK_FALSE(is_mqtt_text("\xED\xA0\x80"));      // a surrogate
  CHECK_FALSE(is_mqtt_text("\xF0\x8F\xBF\xBF"));  // overlong
  CHECK_FALSE(is_mqtt_text("\xF4\x90\x80\x80"));  // above U+10FFFF
  CHECK_FALSE(is_mqtt_text("\xF5\x80\x80\x80"));
  CHECK_FALSE(is_mqtt_text("\xE2\x82"));  // cut off
  CHECK_FALSE(is_mqtt_text("\xE2\x28\xA1"));
  CHECK_FALSE(is_mqtt_text("\xE2\x82\xC0"));

  CHECK(is_mqtt_text(std::string(65'535, 'a')));
  CHECK_FALSE(is_mqtt_text(std::string(65'536, 'a')));
}

TEST_CASE("A topic name has a byte at least and no wildcards", "[mqtt]") {
  CHECK(is_topic_name("a"));
  CHECK(is_topic_name("/"));
  CHECK(is_topic_name("a//b "));
  CHECK(is_topic_name("$SYS/x"));
  CHECK(is_topic_name(std::string(65'535, 'a')));
  for (const auto name : {""sv, "a/+"sv, "#"sv, "a#"sv, "a\0"sv, "\xFF"sv}) { CHECK_FALSE(is_topic_name(name)); }
  CHECK_FALSE(is_topic_name(std::string(65'536, 'a')));
}

TEST_CASE("A wildcard stands alone in its level, and # in the last", "[mqtt]") {
  for (const auto filter : {"a"sv, "#"sv, "+"sv, "a/#"sv, "+/+"sv, "/+"sv, "+/a/#"sv, "/"sv, "a//#"sv}) {
    CHECK(is_topic_filter(filter));
  }
  for (const auto filter :
       {""sv, "a#"sv, "a/b#"sv, "#/a"sv, "a+"sv, "+a"sv, "a/+b"sv, "##"sv, "++"sv, "#a"sv, "\0"sv, "a/#/"sv, "+#"sv}) {
    CHECK_FALSE(is_topic_filter(filter));
  }
}

TEST_CASE("Filters take names as the standard's examples say", "[mqtt]") {
  struct Row {
    std::string_view filter;
    std::string_view name;
    bool takes;
  };
  static constexpr Row kRows[] = {
      {"sport/tennis/player1/#", "sport/tennis/player1", true},
      {"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
      {"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
      {"sport/tennis/player1/#", "sport/tennis/player2", false},
      {"sport/#", "sport", true},
      {"sport/#", "sports", false},
      {"#", "a/b/c", true},
      {"sport/tennis/+", "sport/tennis/player1", true},
      {"sport/tennis/+", "sport/tennis/player1/ranking", false},
      {"sport/+", "sport", false},
      {"sport/+", "sport/", true},
      {"+/+", "/finance", true},
      {"/+", "/finance", true},
      {"+", "/finance", false},
      {"+/tennis/#", "sport/tennis", true},
      {"+/#", "a", true},
      {"#", "$SYS/uptime", false},
      {"+/monitor/Clients", "$SYS/monitor/Clients", false},
      {"$SYS/#", "$SYS/uptime", true},
      {"$SYS/monitor/+", "$SYS/monitor/Clients", true},
      {"a/b", "a/b", true},
      {"a/b", "a/B", false},
      {"a/b", "a", false},
      {"a", "a/b", false},
      {"a/", "a", false},
      {"a", "a/", false},
      {"ab/c", "a/c", false},
      {"a/c", "ab/c", false},
      {"a/+/c", "a//c", true},
      {"a/+/c", "a/b/d", false},
      {"a/b", "", false},
      {"", "a", false},
  };
  for (const Row& row : kRows) {
    INFO(row.filter << " and " << row.name);
    CHECK(matches(row.filter, row.name) == row.takes);
  }
}

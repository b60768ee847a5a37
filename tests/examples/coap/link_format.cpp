#include "examples/coap/link_format.hpp"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

using coap::Link;
using coap::LinkParser;
using coap::LinkWriter;
using nal::Error;
using nal::Unexpected;

namespace {

/// All links, written again from what was read; fails if the text is no list.
nal::Result<std::vector<Link>> parse_links(std::string_view text) {
  std::vector<Link> links;
  LinkParser parser(text);
  for (;;) {
    NAL_TRY_SET(const auto link, parser.next());
    if (!link) { return links; }
    links.push_back(*link);
  }
}

bool is_list(std::string_view text) { return parse_links(text).has_value(); }

std::string value_of(const Link& link, std::string_view name) {
  const auto attribute = link.find(name);
  REQUIRE(attribute);
  REQUIRE(attribute->value);
  std::array<char, 64> out;
  return std::string(*attribute->value->unescape(out));
}

/// RFC 6690 §5.
constexpr std::string_view kSensors =
    "</sensors>;ct=40;title=\"Sensor Index\",</sensors/temp>;rt=\"temperature-c\";if=\"sensor\","
    "</sensors/light>;rt=\"light-lux\";if=\"sensor\",<http://www.example.com/sensors/t123>;anchor=\"/sensors/temp\""
    ";rel=\"describedby\",</t>;anchor=\"/sensors/temp\";rel=\"alternate\"";

std::size_t matching(std::string_view text, std::string_view query) {
  std::size_t count = 0;
  const auto links = parse_links(text);
  REQUIRE(links);
  for (const Link& link : *links) { count += link.matches(query); }
  return count;
}

}  // namespace

TEST_CASE("A list of links gives targets and attributes in their order", "[coap]") {
  const auto links = parse_links(kSensors);
  REQUIRE(links);
  REQUIRE(links->size() == 5);
  CHECK((*links)[0].target == "/sensors");
  CHECK(value_of((*links)[0], "ct") == "40");
  CHECK_FALSE((*links)[0].find("ct")->value->quoted());
  CHECK(value_of((*links)[0], "title") == "Sensor Index");
  CHECK((*links)[0].find("title")->value->quoted());
  CHECK((*links)[3].target == "http://www.example.com/sensors/t123");
  CHECK(value_of((*links)[3], "anchor") == "/sensors/temp");
  CHECK_FALSE((*links)[4].find("ct"));

  auto attributes = (*links)[1].attributes;
  CHECK(attributes.next()->name == "rt");
  CHECK(attributes.next()->name == "if");
  CHECK_FALSE(attributes.next());
  CHECK_FALSE(attributes.next());
}

TEST_CASE("An attribute may have no value, and a quoted value anything", "[coap]") {
  const auto links = parse_links(R"(<>;obs;title="a \"b\" \\ ,;<>=";title*=utf-8'en'x,</b>)");
  REQUIRE(links);
  REQUIRE(links->size() == 2);
  CHECK((*links)[0].target.empty());
  CHECK_FALSE((*links)[0].find("obs")->value);
  CHECK(value_of((*links)[0], "title") == R"(a "b" \ ,;<>=)");
  CHECK(value_of((*links)[0], "title*") == "utf-8'en'x");
  CHECK((*links)[1].target == "/b");
}

TEST_CASE("Nothing is a list of no links; spaces and line ends stand between links", "[coap]") {
  CHECK(parse_links("")->empty());
  CHECK(parse_links(" \r\n")->empty());
  CHECK(parse_links(" </a> ; rt=x ,\r\n </b>\n")->size() == 2);
}

TEST_CASE("What is no list of links is refused, again and again", "[coap]") {
  for (const std::string_view text : {"x",
                                      "<",
                                      "<a",
                                      "a>",
                                      "</a",
                                      "</a></b>",
                                      "</a>,",
                                      ",</a>",
                                      "</a>,,</b>",
                                      "</a>;",
                                      "</a>;;rt=x",
                                      "</a>;=x",
                                      "</a>;rt=",
                                      "</a>;rt=\"",
                                      "</a>;rt=\"x",
                                      "</a>;rt=\"x\\\"",
                                      "</a>;rt=\"x\\",
                                      "</a>;rt=\"x\"y",
                                      "</a>;rt=x\"y\"",
                                      "</a>x",
                                      "<a<b>",
                                      "</a b>",
                                      "</a>;r t=x",
                                      "</a>;rt= x",
                                      "</a>;\x01=x",
                                      "</a>;rt=\x01",
                                      "</a>;rt=\xc3"}) {
    INFO(text);
    CHECK_FALSE(is_list(text));
    LinkParser parser(text);
    while (true) {
      const auto link = parser.next();
      if (!link) { break; }
      REQUIRE(*link);
    }
    CHECK(parser.next() == Unexpected(Error::protocol_error));
    CHECK(parser.next() == Unexpected(Error::protocol_error));
  }
}

TEST_CASE("A list that is cut short at any byte is refused, or the list of links that were whole", "[coap]") {
  const auto whole = parse_links(kSensors);
  for (std::size_t size = 0; size < kSensors.size(); ++size) {
    const std::string text(kSensors.substr(0, size));
    const auto cut = parse_links(text);
    if (!cut) { continue; }
    REQUIRE(cut->size() <= whole->size());
    for (std::size_t i = 0; i < cut->size(); ++i) { CHECK((*cut)[i].target == (*whole)[i].target); }
  }
}

TEST_CASE("A query picks links by target and attributes", "[coap]") {
  CHECK(matching(kSensors, "") == 5);
  CHECK(matching(kSensors, "href=/sensors") == 1);
  CHECK(matching(kSensors, "href=/sensors*") == 3);
  CHECK(matching(kSensors, "href=/sensors/*") == 2);
  CHECK(matching(kSensors, "href=*") == 5);
  CHECK(matching(kSensors, "href=/nothing") == 0);
  CHECK(matching(kSensors, "href=") == 0);
  CHECK(matching(kSensors, "rt=light-lux") == 1);
  CHECK(matching(kSensors, "rt=light-lu") == 0);
  CHECK(matching(kSensors, "rt=light-luxx") == 0);
  CHECK(matching(kSensors, "rt=light-lux*") == 1);
  CHECK(matching(kSensors, "rt=*") == 2);
  CHECK(matching(kSensors, "if=sensor") == 2);
  CHECK(matching(kSensors, "anchor=/sensors/temp") == 2);
  CHECK(matching(kSensors, "title=Sensor*") == 1);
  CHECK(matching(kSensors, "title=Sensor") == 0);
  CHECK(matching(kSensors, "ct=40") == 1);
  CHECK(matching(kSensors, "ct=4") == 0);
  CHECK(matching(kSensors, "obs") == 0);
  CHECK(matching(kSensors, "rt") == 2);
  CHECK(matching("</a>;obs,</b>", "obs") == 1);
  CHECK(matching("</a>;obs,</b>", "obs=*") == 0);
}

TEST_CASE("A query is held against each word of an attribute that is a list", "[coap]") {
  constexpr std::string_view kWords = R"(</a>;rt="one two  three";title="one two",</b>;ct="0 41 110")";
  for (const std::string_view query :
       {"rt=one", "rt=two", "rt=three", "rt=tw*", "ct=0", "ct=41", "ct=110", "ct=4*", "title=one two", "title=one*"}) {
    INFO(query);
    CHECK(matching(kWords, query) == 1);
  }
  for (const std::string_view query :
       {"rt=on", "rt=ne", "rt=one two", "rt=onetwo", "rt=twoo", "ct=1", "title=one", "title=two", "rt=wo*"}) {
    INFO(query);
    CHECK(matching(kWords, query) == 0);
  }
}

TEST_CASE("A query is held against what a value says, not how it is written", "[coap]") {
  CHECK(matching(R"(</a>;title="a\"b")", "title=a\"b") == 1);
  CHECK(matching(R"(</a>;title="a\"b")", "title=a\\\"b") == 0);
  CHECK(matching(R"(</a>;rt="\a\b")", "rt=ab") == 1);
}

TEST_CASE("Links are written and read back", "[coap]") {
  std::array<char, 128> out;
  LinkWriter writer(out);
  writer.link("/time");
  writer.attribute("obs");
  writer.attribute("ct", 0U);
  writer.link("/b");
  writer.attribute("title", R"(a "b" \)");
  writer.attribute("sz", 4294967295U);
  writer.link("/c");
  writer.attributes("rt=x;if=\"y\"");
  writer.attributes("");
  const auto text = writer.text();
  REQUIRE(text);
  CHECK(*text == R"(</time>;obs;ct=0,</b>;title="a \"b\" \\";sz=4294967295,</c>;rt=x;if="y")");
  const auto links = parse_links(*text);
  REQUIRE(links);
  REQUIRE(links->size() == 3);
  CHECK(value_of((*links)[1], "title") == R"(a "b" \)");
}

TEST_CASE("Every window of a list that is written is that part of it", "[coap]") {
  const auto write = [](LinkWriter& writer) {
    writer.link("/a");
    writer.attribute("rt", "one two");
    writer.link("/b");
    writer.attribute("obs");
  };
  constexpr std::string_view kWhole = "</a>;rt=\"one two\",</b>;obs";
  for (std::size_t offset = 0; offset <= kWhole.size() + 1; ++offset) {
    for (std::size_t room = 0; room <= kWhole.size() + 1; ++room) {
      std::vector<char> out(room);
      LinkWriter writer(out, offset);
      write(writer);
      CHECK(writer.size() == kWhole.size());
      CHECK(writer.window() == (offset > kWhole.size() ? "" : kWhole.substr(offset, room)));
      CHECK(writer.text().has_value() == (offset == 0 && room >= kWhole.size()));
    }
  }
}

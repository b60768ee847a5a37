#include "examples/coap/uri.hpp"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <utility>
#include <vector>

using coap::Scheme;
using coap::Uri;
using coap::UriWriter;
using nal::Error;
using nal::Unexpected;

namespace {

std::array<char, coap::kMaxUriPart> memory;

nal::Result<Uri> parse(std::string_view text) { return Uri::parse(text, memory); }

using Options = std::vector<std::pair<int, std::string>>;

Options options_of(std::string_view text) {
  Options options;
  const auto uri = parse(text);
  REQUIRE(uri);
  const auto done = uri->for_each_option([&](coap::OptionNumber number, std::string_view value) -> nal::Result<> {
    options.emplace_back(static_cast<int>(number), std::string(value));
    return nal::Unit{};
  });
  CHECK(done);
  return options;
}

std::string composed(std::string_view text) {
  const auto uri = parse(text);
  REQUIRE(uri);
  std::array<char, 1024> out;
  UriWriter writer(out);
  writer.authority(uri->scheme, uri->host, uri->port);
  std::array<char, coap::kMaxUriPart> part;
  auto segments = uri->segments();
  while (const auto segment = segments.next(part)) { writer.segment(*segment); }
  auto arguments = uri->arguments();
  while (const auto argument = arguments.next(part)) { writer.argument(*argument); }
  return std::string(*writer.text());
}

}  // namespace

TEST_CASE("A URI gives scheme, host, port, path and query", "[coap]") {
  const auto full = parse("coap://example.net:61616/a/b?c=d&e");
  REQUIRE(full);
  CHECK(full->scheme == Scheme::coap);
  CHECK(full->host == "example.net");
  CHECK_FALSE(full->host_is_address);
  CHECK(full->port == 61616);
  CHECK(full->path == "a/b");
  CHECK(full->query == "c=d&e");

  const auto least = parse("coap://h");
  REQUIRE(least);
  CHECK(least->port == 5683);
  CHECK(least->path.empty());
  CHECK_FALSE(least->query);
}

TEST_CASE("Each scheme has its port and its transport", "[coap]") {
  CHECK(parse("coap://h")->scheme == Scheme::coap);
  CHECK(parse("coaps://h")->port == 5684);
  CHECK(parse("coap+tcp://h")->port == 5683);
  CHECK(parse("coaps+tcp://h")->port == 5684);
  CHECK(parse("COAP+Tcp://h")->scheme == Scheme::coap_tcp);
  CHECK(coap::is_tcp(Scheme::coap_tcp));
  CHECK(coap::is_tcp(Scheme::coaps_tcp));
  CHECK_FALSE(coap::is_tcp(Scheme::coap));
  CHECK(coap::is_secure(Scheme::coaps));
  CHECK_FALSE(coap::is_secure(Scheme::coap_tcp));
  CHECK(parse("coap://h:/x")->port == 5683);
}

TEST_CASE("The three forms of RFC 7252 §6.3 are one resource", "[coap]") {
  const Options wanted{{3, "example.com"}, {11, "~sensors"}, {11, "temp.xml"}};
  CHECK(options_of("coap://example.com:5683/~sensors/temp.xml") == wanted);
  CHECK(options_of("coap://EXAMPLE.com/%7Esensors/temp.xml") == wanted);
  CHECK(options_of("coap://EXAMPLE.com:/%7esensors/temp.xml") == wanted);
}

TEST_CASE("A URI becomes the options of RFC 7252 Appendix B, and again the URI", "[coap]") {
  CHECK(options_of("coap://[2001:db8::2:1]/") == Options{});
  CHECK(options_of("coap://example.net/") == Options{{3, "example.net"}});
  CHECK(options_of("coap://example.net/.well-known/core") ==
        Options{{3, "example.net"}, {11, ".well-known"}, {11, "core"}});
  CHECK(options_of("coap://xn--18j4d.example/%E3%81%93%E3%82%93%E3%81%AB%E3%81%A1%E3%81%AF") ==
        Options{{3, "xn--18j4d.example"}, {11, "こんにちは"}});
  CHECK(options_of("coap://198.51.100.1:61616//%2F//?%2F%2F&?%26") ==
        Options{{11, ""}, {11, "/"}, {11, ""}, {11, ""}, {15, "//"}, {15, "?&"}});

  for (const std::string_view text :
       {"coap://[2001:db8::2:1]/", "coap://example.net/", "coap://example.net/.well-known/core",
        "coap://xn--18j4d.example/%E3%81%93%E3%82%93%E3%81%AB%E3%81%A1%E3%81%AF",
        "coap://198.51.100.1:61616//%2F//?//&?%26", "coap://h/?", "coap://h/?&", "coap://h/a?b", "coap+tcp://h/",
        "coap://[fe80::1%25eth0]/", "coaps://h:5683/x", "coap://h/a%20%22%3C%3E%5B%5D%25%00b?a%23%5E"}) {
    INFO(text);
    CHECK(composed(text) == text);
  }
}

TEST_CASE("An address is no Uri-Host, an empty path no segment", "[coap]") {
  CHECK(options_of("coap://127.0.0.1/") == Options{});
  CHECK(options_of("coap://127.0.0.1") == Options{});
  CHECK(options_of("coap://[::1]") == Options{});
  CHECK(options_of("coap://127.0.0.1//") == Options{{11, ""}, {11, ""}});
  CHECK(options_of("coap://127.0.0.1/a/") == Options{{11, "a"}, {11, ""}});
  CHECK(options_of("coap://127.0.0.1?") == Options{{15, ""}});
  CHECK(options_of("coap://127.0.0.1?a&&b") == Options{{15, "a"}, {15, ""}, {15, "b"}});
  CHECK(options_of("coap://127.0.0.1/?a/b?c") == Options{{15, "a/b?c"}});
  CHECK(options_of("coap://127.1/") == Options{{3, "127.1"}});
}

TEST_CASE("The first option that does not fit ends the list", "[coap]") {
  const auto uri = parse("coap://h/a/b?c");
  REQUIRE(uri);
  for (int room = 0; room < 4; ++room) {
    int seen = 0;
    const auto done = uri->for_each_option([&](coap::OptionNumber, std::string_view) -> nal::Result<> {
      if (seen == room) { return Unexpected(Error::buffer_too_small); }
      ++seen;
      return nal::Unit{};
    });
    CHECK(done == Unexpected(Error::buffer_too_small));
    CHECK(seen == room);
  }
}

TEST_CASE("A zone is a number or a name, behind either form of a percent sign", "[coap]") {
  CHECK(parse("coap://[fe80::1%25eth0]/")->host == "fe80::1%eth0");
  CHECK(parse("coap://[fe80::1%eth0]/")->host == "fe80::1%eth0");
  CHECK(parse("coap://[FE80::A%252]/")->host == "fe80::a%2");
  CHECK(parse("coap://[fe80::1%Eth0]/")->host == "fe80::1%Eth0");
  CHECK(parse("coap://[fe80::1%25]/")->host == "fe80::1%25");
  CHECK(parse("coap://[fe80::1%]/") == Unexpected(Error::invalid_argument));
  CHECK(parse("coap://[fe80::1%25a%20b]/") == Unexpected(Error::invalid_argument));
}

TEST_CASE("What is no CoAP URI is refused", "[coap]") {
  for (const std::string_view text : {"",
                                      "coap",
                                      "coap:",
                                      "coap:/",
                                      "coap:h",
                                      "coap://",
                                      "coap:///x",
                                      "coap://:5683/x",
                                      "http://h/",
                                      "coapx://h/",
                                      "coa://h/",
                                      "coap+ws://h/",
                                      "coap://h:0/",
                                      "coap://h:65536/",
                                      "coap://h:1x/",
                                      "coap://h:-1/",
                                      "coap://u@h/",
                                      "coap://u:p@h/",
                                      "coap://[::1/",
                                      "coap://[]/",
                                      "coap://[::1]1/",
                                      "coap://[127.0.0.1]/",
                                      "coap://[v1.x]/",
                                      "coap://[::g]/",
                                      "coap://h[/",
                                      "coap://h]/",
                                      "coap://h/x#fragment",
                                      "coap://h/x#",
                                      "coap://h/a b",
                                      "coap://h/a\tb",
                                      "coap://h/\x7f",
                                      "coap://h/<x>",
                                      "coap://h/\"",
                                      "coap://h/%",
                                      "coap://h/%2",
                                      "coap://h/%2g",
                                      "coap://h/%g2",
                                      "coap://h?%",
                                      "coap://%/",
                                      "coap://%3a%3A1/",
                                      "coap://a%3Amble/",
                                      "coap://h/a/../b",
                                      "coap://h/.",
                                      "coap://h/..",
                                      "coap://h/%2e%2E/a",
                                      "/a/b",
                                      "//h/a"}) {
    INFO(text);
    CHECK(parse(text) == Unexpected(Error::invalid_argument));
  }
  CHECK(parse(std::string_view("coap://h/\0", 10)) == Unexpected(Error::invalid_argument));
  CHECK(parse("coap://h/..."));
  CHECK(parse("coap://h/x?.."));
}

TEST_CASE("A part may be as long as an option, and no longer", "[coap]") {
  for (const std::string_view part : {"a", "%41"}) {
    for (const std::size_t count : {0U, 1U, 254U, 255U, 256U}) {
      std::string text;
      for (std::size_t i = 0; i < count; ++i) { text += part; }
      INFO(part << " times " << count);
      CHECK(parse("coap://h/" + text).has_value() == (count <= 255));
      CHECK(parse("coap://h/x/" + text + "/y").has_value() == (count <= 255));
      CHECK(parse("coap://h/x?" + text).has_value() == (count <= 255));
      CHECK(parse("coap://h/x?y&" + text + "&z").has_value() == (count <= 255));
      if (part == "a") { CHECK(parse("coap://[::1%25" + text + "z]/").has_value() == (count < 254)); }
      CHECK(parse("coap://" + text + "/").has_value() == (count != 0 && count <= 255));
      if (count == 255) { CHECK(options_of("coap://127.0.0.1/" + text)[0].second.size() == 255); }
    }
  }
}

TEST_CASE("A host that the caller's buffer cannot hold is an error at every size", "[coap]") {
  for (const std::string_view text : {"coap://host/", "coap://[::1]/"}) {
    const std::size_t needed = parse(text)->host.size();
    for (std::size_t room = 0; room < needed; ++room) {
      CHECK(Uri::parse(text, std::span(memory).first(room)) == Unexpected(Error::buffer_too_small));
    }
    CHECK(Uri::parse(text, std::span(memory).first(needed)));
  }
}

TEST_CASE("A reference is written without an authority, and at every size that is too small not at all", "[coap]") {
  constexpr std::string_view kWanted = "/a%2Fb/c?d=%26&e";
  for (std::size_t room = 0; room <= kWanted.size(); ++room) {
    std::array<char, kWanted.size()> out;
    UriWriter writer(std::span<char>(out).first(room));
    writer.segment("a/b");
    writer.segment("c");
    writer.argument("d=&");
    writer.argument("e");
    const auto text = writer.text();
    CHECK(text.has_value() == (room == kWanted.size()));
    if (text) { CHECK(*text == kWanted); }
  }
}

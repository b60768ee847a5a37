#include "examples/tools/serve/http.hpp"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <utility>

using namespace nal_serve::http;
using Kind = Parsed::Kind;

namespace {

unsigned refused(const std::string& text, const Limits& limits = {}) {
  const Parsed parsed = parse(text, limits);
  return parsed.kind == Kind::refused ? parsed.status : 0;
}
std::string with_field(const std::string& field) { return "GET / HTTP/1.1\r\nHost: h\r\n" + field + "\r\n\r\n"; }

constexpr const char* kPlain = "GET /status.json?a=b HTTP/1.1\r\nHost: example\r\nAccept: */*\r\n\r\n";

}  // namespace

TEST_CASE("a request is its method, path and query, and ends where the next begins", "[http]") {
  const std::string two = std::string(kPlain) + "HEAD / HTTP/1.1\r\nhost: h\r\n\r\n";
  const Parsed first = parse(two);
  REQUIRE(first.kind == Kind::request);
  CHECK(first.size == std::string(kPlain).size());
  CHECK(first.request.method == Method::get);
  CHECK(first.request.path == "/status.json");
  CHECK(first.request.query == "a=b");
  CHECK(first.request.keep_alive);
  const std::string rest = two.substr(first.size);
  const Parsed second = parse(rest);
  REQUIRE(second.kind == Kind::request);
  CHECK(second.request.method == Method::head);
  CHECK(second.request.path == "/");
  CHECK(second.size == rest.size());
}

TEST_CASE("a request that is cut anywhere is incomplete", "[http]") {
  const std::string text = kPlain;
  for (std::size_t size = 0; size < text.size(); ++size) {
    INFO(size);
    CHECK(parse(text.substr(0, size)).kind == Kind::incomplete);
  }
}

TEST_CASE("lines may end in LF alone, and empty ones stand in front", "[http]") {
  CHECK(parse("\r\n\nGET / HTTP/1.0\n\n").kind == Kind::request);
  CHECK(parse("\r").kind == Kind::incomplete);
  CHECK(parse("\r\n\r\n").kind == Kind::incomplete);
}

TEST_CASE("who keeps the connection: RFC 9112 section 9.3", "[http]") {
  const auto keeps = [](const std::string& text) {
    const Parsed parsed = parse(text);
    REQUIRE(parsed.kind == Kind::request);
    return parsed.request.keep_alive;
  };
  CHECK(keeps(with_field("X: y")));
  CHECK_FALSE(keeps(with_field("Connection: close")));
  CHECK_FALSE(keeps(with_field("Connection: keep-alive , Close")));
  CHECK(keeps(with_field("Connection: closed")));
  CHECK_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
  CHECK(keeps("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
}

TEST_CASE("targets in every form", "[http]") {
  const auto path = [](const std::string& target) {
    const std::string text = "GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n";
    const Parsed parsed = parse(text);
    return parsed.kind == Kind::request ? std::string(parsed.request.path) + "|" + std::string(parsed.request.query)
                                        : std::to_string(parsed.status);
  };
  CHECK(path("/") == "/|");
  CHECK(path("/?") == "/|");
  CHECK(path("/a?b?c") == "/a|b?c");
  CHECK(path("http://h") == "/|");
  CHECK(path("HTTP://h:80/a?b") == "/a|b");
  CHECK(path("http://h?b") == "/|b");
  CHECK(path("http:///a") == "400");
  CHECK(path("*") == "400");
  CHECK(path("a") == "400");
  CHECK(path("/\x01") == "400");
  CHECK(path("/\x80") == "400");
  CHECK(path("/a b") == "400");
}

TEST_CASE("methods: what HTTP has and what it has not", "[http]") {
  const auto method = [](const std::string& name) {
    const Parsed parsed = parse(name + " * HTTP/1.1\r\nHost: h\r\n\r\n");
    REQUIRE(parsed.kind == Kind::request);
    return parsed.request.method;
  };
  CHECK(method("POST") == Method::known);
  CHECK(method("OPTIONS") == Method::known);
  CHECK(method("BREW") == Method::unknown);
  CHECK(method("get") == Method::unknown);
  CHECK(refused("G(T / HTTP/1.1\r\n\r\n") == 400);
  CHECK(refused(" GET / HTTP/1.1\r\n\r\n") == 400);
}

TEST_CASE("request lines that are none", "[http]") {
  for (const char* line : {"GET", "GET /", "GET / ", "GET / HTTP", "GET / HTTP/1", "GET / HTTP/1.1 ", "GET / HTTP/11.1",
                           "GET / http/1.1", "GET / HTTP/x.1", "GET / HTTP/1.x", "GET / HTTP/1.1\r"}) {
    INFO(line);
    CHECK(refused(std::string(line) + "\r\nHost: h\r\n\r\n") == 400);
  }
  CHECK(refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == 505);
  CHECK(refused("GET / HTTP/0.9\r\n\r\n") == 505);
}

TEST_CASE("fields that other servers might read otherwise", "[http]") {
  for (const char* field : {"X : y",
                            " X: y",
                            "\tX: y",
                            "X",
                            ": y",
                            "X\r: y",
                            "X: a\rb",
                            "X: a\x01z",
                            "X: a\x7f",
                            "A: b\r\n c",
                            "Host: other",
                            "Content-Length: -1",
                            "Content-Length: +1",
                            "Content-Length:",
                            "Content-Length: 1, 1",
                            "Content-Length: 1\r\nContent-Length: 2",
                            "Content-Length: 0x1",
                            "Content-Length: 18446744073709551616",
                            "Content-Length: 1\r\nTransfer-Encoding: chunked",
                            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"}) {
    INFO(field);
    CHECK(refused(with_field(field)) == 400);
  }
  CHECK(refused(with_field("Transfer-Encoding: gzip, chunked")) == 501);
  CHECK(refused("GET / HTTP/1.1\r\n\r\n") == 400);  // no Host
  CHECK(refused("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n") == 400);
  CHECK(refused(with_field(std::string("X: a\0b", 6))) == 400);
}

TEST_CASE("lengths of bodies", "[http]") {
  const auto length = [](const std::string& field) { return parse(with_field(field)).request.content_length; };
  CHECK(length("Content-Length: 0") == 0);
  CHECK(length("content-length:\t7 ") == 7);
  CHECK(length("Content-Length: 7\r\nContent-Length: 7") == 7);
  CHECK(length("Content-Length: 18446744073709551615") == 18446744073709551615U);
  CHECK(parse(with_field("Transfer-Encoding: Chunked")).request.has_chunked_body);
}

TEST_CASE("each limit holds, and what is at it passes", "[http]") {
  constexpr Limits kSmall{.target = 8, .head = 64, .fields = 3};
  const auto target = [](std::size_t size) {
    return "GET /" + std::string(size - 1, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n";
  };
  CHECK(parse(target(8), kSmall).kind == Kind::request);
  CHECK(refused(target(9), kSmall) == 414);
  CHECK(parse("GET / HTTP/1.1\r\nHost: h\r\na:\r\nb:\r\n\r\n", kSmall).kind == Kind::request);
  CHECK(refused("GET / HTTP/1.1\r\nHost: h\r\na:\r\nb:\r\nc:\r\n\r\n", kSmall) == 431);

  const std::string begin = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
  const auto head = [&](std::size_t size) { return begin + std::string(size - begin.size() - 4, 'x') + "\r\n\r\n"; };
  CHECK(parse(head(64), kSmall).kind == Kind::request);
  CHECK(refused(head(65), kSmall) == 431);
  // What never ends is refused as soon as the limit is reached.
  CHECK(parse(begin + std::string(63 - begin.size(), 'x'), kSmall).kind == Kind::incomplete);
  CHECK(refused(begin + std::string(64 - begin.size(), 'x'), kSmall) == 431);
  CHECK(refused("GET /" + std::string(59, 'a'), kSmall) == 414);
  CHECK(refused(std::string(64, 'A'), kSmall) == 431);
  CHECK(refused(std::string(64, '\n'), kSmall) == 431);
}

TEST_CASE("statuses have their reasons", "[http]") {
  CHECK(reason(200) == "OK");
  CHECK(reason(431) == "Request Header Fields Too Large");
  CHECK(reason(299) == "Error");
}

#include "examples/tools/serve/report.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace nal_serve;

namespace {

Report report() {
  return {{"list", {}, {{std::string("a"), std::uint64_t{7}}, {std::string("b"), true}}},
          {"table", {"x", "y"}, {{std::string("one"), std::uint64_t{1}}, {std::string("<&\"\\\n"), false}}},
          {"none", {"x"}, {}}};
}

}  // namespace

TEST_CASE("a report as JSON has lists as objects and tables as arrays of objects", "[report]") {
  CHECK(to_json(report()) ==
        "{\n\"list\":{\"a\":7,\"b\":true},\n\"table\":[\n  {\"x\":\"one\",\"y\":1},"
        "\n  {\"x\":\"<&\\\"\\\\\\u000a\",\"y\":false}],\n\"none\":[]\n}\n");
}

TEST_CASE("a report as a page shows the same, and nothing in it is taken for a tag", "[report]") {
  const std::string page = to_html("a <title>", report());
  CHECK(page.starts_with("<!DOCTYPE html>"));
  CHECK(page.find("<h1>a &lt;title&gt;</h1>") != std::string::npos);
  CHECK(page.find("<td>a</td><td>7</td>") != std::string::npos);
  CHECK(page.find("<th>x</th><th>y</th>") != std::string::npos);
  CHECK(page.find("<td>&lt;&amp;&quot;\\\n</td><td>no</td>") != std::string::npos);
  CHECK(page.ends_with("</html>\n"));
}

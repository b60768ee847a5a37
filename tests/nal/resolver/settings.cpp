#include "nal/resolver/settings.hpp"

#include <array>
#include <vector>

#include "nal/resolver/resolv_conf.hpp"
#include "tests/nal/resolver/bytes.hpp"

namespace nal::dns::test {

using namespace nal::literals;

TEST_CASE("Servers are picked in order, those that failed last", "[dns][settings]") {
  std::array<Server, 3> memory;
  Servers servers(memory);
  const Instant now = Instant::from_microseconds(10);
  CHECK_FALSE(servers.pick(0, now));
  const std::array three{"192.0.2.1:53"_endpoint, "192.0.2.2:53"_endpoint, "192.0.2.3:53"_endpoint};
  REQUIRE(servers.check(three));
  servers.assign(three);
  CHECK(servers.pick(0, now) == 0u);
  CHECK(servers.pick(1, now) == 1u);
  CHECK(servers.pick(3, now) == 2u);
  CHECK_FALSE(servers.pick(7, now));
  servers[0].failed_until = now + 1_s;
  CHECK(servers.pick(0, now) == 1u);
  CHECK(servers.pick(6, now) == 0u);
  CHECK(servers.pick(0, now + 1_s) == 0u);
}

TEST_CASE("Servers that cannot be are refused", "[dns][settings]") {
  std::array<Server, 1> memory;
  const Servers servers(memory);
  CHECK(servers.check(std::array{"192.0.2.1:53"_endpoint, "192.0.2.2:53"_endpoint}) == Unexpected(Error::table_full));
  for (const Endpoint& endpoint : {"192.0.2.1:0"_endpoint, "0.0.0.0:53"_endpoint, "[ff02::1]:53"_endpoint}) {
    CHECK(servers.check(std::array{endpoint}) == Unexpected(Error::invalid_argument));
  }
}

TEST_CASE("A search list is whole or as it was", "[dns][settings]") {
  Bytes memory(30);
  SearchList list(memory);
  CHECK(list[0].empty());
  REQUIRE(list.assign(std::array<std::string_view, 2>{"example.org", "corp."}));
  CHECK(Bytes(list[0]) == Bytes().name("example.org"));
  CHECK(Bytes(list[1]) == Bytes().name("corp"));
  CHECK(list[2].empty());
  CHECK(list.assign(std::array<std::string_view, 2>{"example.org", "a..b"}) == Unexpected(Error::invalid_argument));
  CHECK(list.assign(std::array<std::string_view, 3>{"example.org", "example.com", "example.net"}) ==
        Unexpected(Error::buffer_too_small));
  CHECK(Bytes(list[1]) == Bytes().name("corp"));
  REQUIRE(list.assign({}));
  CHECK(list[0].empty());
}

TEST_CASE("Settings are read from a text in the form of resolv.conf", "[dns][settings]") {
  const ResolvConf read(
      "# a comment\n"
      "; another\n"
      "search old.example\n"
      "nameserver 192.0.2.1\n"
      "nameserver\t2001:db8::53  # the other\r\n"
      "nameserver not-an-address\n"
      "nameserver\n"
      "sortlist 192.0.2.0\n"
      "search example.org corp.example bad..name\n"
      "options ndots:2 timeout:5 attempts:4 use-vc rotate edns0 ndots: ndots:x\n"
      "nameserver 0.0.0.0");
  const Settings settings = read.settings();
  REQUIRE(settings.servers.size() == 3);
  CHECK(settings.servers[0] == "192.0.2.1:53"_endpoint);
  CHECK(settings.servers[1] == "[2001:db8::53]:53"_endpoint);
  CHECK(settings.servers[2] == "127.0.0.1:53"_endpoint);
  REQUIRE(settings.search.size() == 2);
  CHECK(settings.search[0] == "example.org");
  CHECK(settings.search[1] == "corp.example");
  CHECK(settings.options.ndots == 2);
  CHECK(settings.options.timeout == 5_s);
  CHECK(settings.options.rounds == 4);
  CHECK(settings.options.tcp_only);
  CHECK(read.settings(1).servers.size() == 1);
}

TEST_CASE("Without a name server in the text, this host is asked", "[dns][settings]") {
  for (const std::string_view text : {"", "\n\n", "nameserver", "#nameserver 192.0.2.1", "nameserver fe80::1%eth0"}) {
    const ResolvConf read(text);
    REQUIRE(read.settings().servers.size() == 1);
    CHECK(read.settings().servers[0] == "127.0.0.1:53"_endpoint);
  }
}

TEST_CASE("Settings beyond their bounds are cut, and too many of something left out", "[dns][settings]") {
  const ResolvConf most("options ndots:99 timeout:99 attempts:99");
  CHECK(most.settings().options.ndots == 15);
  CHECK(most.settings().options.timeout == 30_s);
  CHECK(most.settings().options.rounds == 5);
  const ResolvConf least("options ndots:0 timeout:0 attempts:0");
  CHECK(least.settings().options.ndots == 0);
  CHECK(least.settings().options.timeout == 1_s);
  CHECK(least.settings().options.rounds == 1);
  std::string text;
  for (int i = 0; i < 20; ++i) { text += "nameserver 192.0.2.1\n"; }
  text += "search a b c d e f g h\n";
  const ResolvConf many(text);
  CHECK(many.settings().servers.size() == ResolvConf::kMostServers);
  CHECK(many.settings().search.size() == ResolvConf::kMostNames);
  const ResolvConf domain("domain example.org more");
  CHECK(domain.settings().search.size() == 1);
}

}  // namespace nal::dns::test

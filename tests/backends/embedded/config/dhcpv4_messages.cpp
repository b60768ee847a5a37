#include "backends/embedded/config/dhcpv4.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <set>
#include <string>

#include "tests/backends/embedded/config/dhcpv4_world.hpp"

namespace nal::embedded {
namespace {

using namespace nal::literals;

TEST_CASE("any option of the lease is there by its number, however the server put it", "[dhcp]") {
  Bytes search(600, std::byte{7});
  DhcpWorld world({}, 1, 1024);
  world.servers[0].options = [&](Dhcpv4Writer& writer) {
    writer.option(Dhcpv4Option::dns_servers, hex("c0000235 c0000236"));
    writer.option(Dhcpv4Option::ntp_servers, hex("c000027b"));
    writer.option(Dhcpv4Option::domain_search, search);  // in three pieces (RFC 3396)
    writer.option_u16(Dhcpv4Option::interface_mtu, 1400);
    writer.option(static_cast<Dhcpv4Option>(224), hex("0102"));
    writer.option(static_cast<Dhcpv4Option>(225), {});
  };
  world.bind();
  const Dhcpv4Client& client = world.client;
  REQUIRE(client.lease());
  CHECK(client.lease()->mtu == 1400);
  CHECK(client.lease()->prefix_length == 24);  // the class of 192.0.2.77: no mask was told
  CHECK(client.lease()->router == Ipv4Address());
  REQUIRE(client.dns_servers().size() == 2);
  CHECK(client.dns_servers()[1] == "192.0.2.54"_ipv4);
  REQUIRE(client.ntp_servers().size() == 1);
  CHECK(client.ntp_servers()[0] == "192.0.2.123"_ipv4);
  CHECK(same(client.option(Dhcpv4Option::domain_search).value(), search));
  CHECK(same(client.option(static_cast<Dhcpv4Option>(224)).value(), hex("0102")));
  CHECK(client.option(static_cast<Dhcpv4Option>(225)).value().empty());
  CHECK_FALSE(client.option(static_cast<Dhcpv4Option>(226)));
  CHECK_FALSE(client.option(Dhcpv4Option::message_type));
  CHECK(client.options_complete());
}

TEST_CASE("options that do not fit are told, and the lease stands all the same", "[dhcp]") {
  for (std::size_t memory = 0; memory < 40; ++memory) {
    DhcpWorld world({}, 1, memory);
    world.servers[0].options = [](Dhcpv4Writer& writer) {
      writer.option_address(Dhcpv4Option::subnet_mask, {255, 255, 240, 0});
      writer.option(Dhcpv4Option::dns_servers, hex("c0000235 c0000236"));
      writer.option(Dhcpv4Option::host_name, hex("6162636465666768"));
    };
    world.bind();
    REQUIRE(world.client.lease());
    CHECK(world.client.lease()->prefix_length == 20);
    CHECK(world.client.options_complete() == (memory >= 8 + 12 + 12));
    CHECK(world.client.option(Dhcpv4Option::subnet_mask).has_value() == (memory >= 8));
    world.next();  // renews without harm
    CHECK(world.client.lease());
    CHECK(world.client.version() == 1);
  }
}

TEST_CASE("where there are classless routes the default router is theirs (RFC 3442)", "[dhcp]") {
  struct Case {
    const char* routes;
    Ipv4Address router;
  };
  for (const Case& c : {
           Case{"00 c0000209", "192.0.2.9"_ipv4},
           Case{"08 0a c0000202 00 c0000209", "192.0.2.9"_ipv4},
           Case{"08 0a c0000202", Ipv4Address()},
           Case{"00 e0000001", Ipv4Address()},
       }) {
    DhcpWorld world;
    world.servers[0].options = [&](Dhcpv4Writer& writer) {
      writer.option_address(Dhcpv4Option::router, {192, 0, 2, 1});
      writer.option(Dhcpv4Option::classless_static_routes, hex(c.routes));
    };
    world.bind();
    CHECK(world.client.lease()->router == c.router);
  }
}

TEST_CASE("masks that are none count for nothing", "[dhcp]") {
  struct Case {
    Ipv4Address address;
    Ipv4Address mask;
    unsigned length;
  };
  for (const Case& c : {
           Case{kAddress, "255.255.255.255"_ipv4, 32},
           Case{kAddress, "128.0.0.0"_ipv4, 1},
           Case{kAddress, "0.0.0.0"_ipv4, 24},
           Case{kAddress, "255.0.255.0"_ipv4, 24},
           Case{kAddress, "0.0.0.255"_ipv4, 24},
           Case{"10.1.2.3"_ipv4, "0.0.0.0"_ipv4, 8},
           Case{"172.16.2.3"_ipv4, "0.0.0.0"_ipv4, 16},
       }) {
    DhcpWorld world;
    world.servers[0].address = c.address;
    world.servers[0].options = [&](Dhcpv4Writer& writer) { writer.option_address(Dhcpv4Option::subnet_mask, c.mask); };
    world.bind();
    REQUIRE(world.client.lease());
    CHECK(world.client.lease()->prefix_length == c.length);
  }
}

TEST_CASE("what the settings say is in the messages", "[dhcp]") {
  const Bytes identifier = hex("01 02005e000001");
  const Dhcpv4Option request[] = {static_cast<Dhcpv4Option>(224), Dhcpv4Option::router};
  DhcpWorld world({.host_name = "sensor-7",
                   .vendor_class = "nal",
                   .client_identifier = identifier,
                   .request = request,
                   .broadcast = true,
                   .max_message_size = 600});
  world.bind();
  for (const auto& sent : world.sent) {
    const Dhcpv4View view = sent.view();
    CHECK(view.broadcast());
    CHECK(same(option(view, Dhcpv4Option::host_name).value(), hex("73656e736f722d37")));
    CHECK(same(option(view, Dhcpv4Option::vendor_class).value(), hex("6e616c")));
    CHECK(same(option(view, Dhcpv4Option::client_identifier).value(), identifier));
    CHECK(view.u16(Dhcpv4Option::max_message_size) == 628);
    const auto wanted = option(view, Dhcpv4Option::parameter_request_list).value();
    CHECK(std::count(wanted.begin(), wanted.end(), std::byte{224}) == 1);
    CHECK(std::count(wanted.begin(), wanted.end(), std::byte{3}) >= 1);
  }
}

TEST_CASE("a name to register goes out as RFC 4702 has it", "[dhcp]") {
  struct Case {
    const char* name;
    const char* data;
  };
  for (const Case& c : {
           Case{"sensor.lan", "05 00 00 06 73656e736f72 03 6c616e 00"},
           Case{"sensor", "05 00 00 06 73656e736f72"},  // part of a name
       }) {
    DhcpWorld world({.host_name = c.name, .register_name = true});
    world.bind();
    CHECK(same(option(world.sent[0].view(), Dhcpv4Option::client_fqdn).value(), hex(c.data)));
    CHECK_FALSE(option(world.sent[0].view(), Dhcpv4Option::host_name));
  }
}

TEST_CASE("a message that does not fit is an error, tried again no faster than a lost one", "[dhcp]") {
  for (const std::size_t room : {0U, 1U, 239U, 240U, 244U, 275U}) {
    DhcpWorld world;
    world.room = room;
    world.client.start(world.now);
    world.run_for(60_s);
    CHECK(world.sent.empty());
    CHECK(world.errors > 2);
    CHECK(world.errors < 7);
    world.room = 576;
    world.run_for(70_s);
    CHECK(world.client.lease());
  }
  const std::string name(400, 'x');
  DhcpWorld world({.host_name = name});
  world.room = 576;
  world.client.start(world.now);
  world.run_for(60_s);
  CHECK(world.errors > 2);
}

TEST_CASE("the first message waits for a random part of the delay at start-up", "[dhcp]") {
  std::vector<Instant> times;
  for (unsigned seed = 1; seed < 5; ++seed) {
    DhcpWorld world({.startup_delay = 10'000}, seed);
    const Instant start = world.now;
    world.client.start(world.now);
    times.push_back(world.next().at);
    CHECK(times.back() >= start);
    CHECK(times.back() <= start + 10_s);
  }
  CHECK(std::set<Instant>(times.begin(), times.end()).size() == times.size());
}

TEST_CASE("transactions do not repeat", "[dhcp]") {
  std::set<std::uint32_t> transactions;
  DhcpWorld world;
  for (int i = 0; i < 50; ++i) {
    world.client.start(world.now);
    world.client.release(world.now);
    world.client.start(world.now);
    transactions.insert(world.next().view().transaction());
    world.client.stop();
    world.client.release(world.now);
  }
  CHECK(transactions.size() == 50);
}

}  // namespace
}  // namespace nal::embedded

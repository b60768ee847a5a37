#include "backends/embedded/config/dhcpv4.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "tests/backends/embedded/config/dhcpv4_world.hpp"

namespace nal::embedded {
namespace {

using namespace nal::literals;
using State = Dhcpv4Client::State;
using Type = Dhcpv4MessageType;

TEST_CASE("a lease is renewed with its server at T1, and goes on", "[dhcp]") {
  DhcpWorld world;
  world.bind();
  const Dhcpv4Lease first = *world.client.lease();
  const auto renewal = world.next();
  CHECK(renewal.at == first.renew_at);
  CHECK(renewal.type() == Type::request);
  CHECK(renewal.source == kAddress);
  CHECK(renewal.destination == "192.0.2.1"_ipv4);
  CHECK(renewal.view().client_address() == kAddress);
  CHECK_FALSE(renewal.view().broadcast());
  CHECK_FALSE(option(renewal.view(), Dhcpv4Option::server_identifier));
  CHECK_FALSE(option(renewal.view(), Dhcpv4Option::requested_address));
  CHECK(renewal.view().transaction() != world.sent[1].view().transaction());
  CHECK(world.client.state() == State::bound);
  CHECK(world.client.lease()->expires == renewal.at + 3600_s);
  CHECK(world.client.version() == 1);  // nothing to configure has changed
  world.run_for(Duration::hours(240));
  CHECK(world.client.state() == State::bound);
  CHECK(world.sent.size() < 2 + 240 * 2 + 20);
}

TEST_CASE("what a renewal changes is told by the version", "[dhcp]") {
  struct Case {
    const char* what;
    std::function<void(Dhcpv4Writer&)> options;
  };
  const auto base = [](Dhcpv4Writer& writer) {
    writer.option_address(Dhcpv4Option::subnet_mask, {255, 255, 255, 0});
    writer.option_address(Dhcpv4Option::dns_servers, {192, 0, 2, 53});
  };
  const Case cases[] = {
      {"nothing", base},
      {"another mask",
       [](Dhcpv4Writer& writer) {
         writer.option_address(Dhcpv4Option::subnet_mask, {255, 255, 0, 0});
         writer.option_address(Dhcpv4Option::dns_servers, {192, 0, 2, 53});
       }},
      {"another DNS server",
       [](Dhcpv4Writer& writer) {
         writer.option_address(Dhcpv4Option::subnet_mask, {255, 255, 255, 0});
         writer.option_address(Dhcpv4Option::dns_servers, {192, 0, 2, 54});
       }},
      {"an option less",
       [](Dhcpv4Writer& writer) {
         writer.option_address(Dhcpv4Option::subnet_mask, {255, 255, 255, 0});
       }},
      {"an option more",
       [&](Dhcpv4Writer& writer) {
         base(writer);
         writer.option_u16(Dhcpv4Option::interface_mtu, 1400);
       }},
  };
  for (const Case& c : cases) {
    INFO(c.what);
    DhcpWorld world;
    world.servers[0].options = base;
    world.bind();
    REQUIRE(world.client.version() == 1);
    world.servers[0].options = c.options;
    world.next();
    CHECK(world.client.version() == (&c == &cases[0] ? 1U : 2U));
  }
}

TEST_CASE("T1 and T2 are what the server says, where that makes sense", "[dhcp]") {
  struct Case {
    std::uint32_t t1, t2;
    std::int64_t renew, rebind;  // 0: the default
  };
  for (const Case& c : {
           Case{100, 200, 100, 200},
           Case{0, 0, 0, 0},
           Case{200, 100, 0, 100},   // T1 behind T2
           Case{100, 3600, 100, 0},  // T2 at the end
           Case{100, 5000, 100, 0},  // T2 behind it
           Case{4000, 5000, 0, 0},
           Case{100, 100, 0, 100},
           Case{0xffff'ffff, 0xffff'ffff, 0, 0},
       }) {
    INFO(c.t1 << ", " << c.t2);
    DhcpWorld world;
    world.servers[0].options = [&](Dhcpv4Writer& writer) {
      writer.option_u32(Dhcpv4Option::renewal_time, c.t1);
      writer.option_u32(Dhcpv4Option::rebinding_time, c.t2);
    };
    const Instant start = world.now;
    world.bind();
    const Dhcpv4Lease& lease = *world.client.lease();
    const Duration rebind = c.rebind != 0 ? Duration::seconds(c.rebind) : 3150_s;
    CHECK(lease.rebind_at == start + rebind);
    if (c.renew != 0) {
      CHECK(lease.renew_at == start + Duration::seconds(c.renew));
    } else {
      CHECK(lease.renew_at > start);
      CHECK(lease.renew_at < lease.rebind_at);
      CHECK(lease.renew_at <= start + 1800_s);
    }
  }
}

TEST_CASE("without an answer the server is asked again, then any server, and at the end the address is lost",
          "[dhcp]") {
  DhcpWorld world;
  const Instant start = world.now;
  world.bind();
  world.servers[0].silent = true;
  std::vector<DhcpWorld::Sent> unicast;
  std::vector<DhcpWorld::Sent> broadcast;
  while (world.now < start + 3600_s) {
    const auto sent = world.next();
    if (sent.at >= start + 3600_s) {
      CHECK(sent.type() == Type::discover);
      CHECK(sent.at == start + 3600_s);
      break;
    }
    CHECK(sent.type() == Type::request);
    CHECK(world.client.lease());
    (sent.destination == Ipv4Address::broadcast() ? broadcast : unicast).push_back(sent);
  }
  CHECK_FALSE(world.client.lease());
  CHECK(world.client.version() == 2);
  REQUIRE(unicast.size() >= 3);
  REQUIRE(broadcast.size() >= 2);
  CHECK(unicast.back().at < start + 3150_s);
  CHECK(broadcast.front().at == start + 3150_s);
  CHECK(broadcast.front().source == kAddress);
  CHECK(broadcast.front().view().client_address() == kAddress);
  for (const auto* list : {&unicast, &broadcast}) {
    for (std::size_t i = 1; i < list->size(); ++i) { CHECK((*list)[i].at - (*list)[i - 1].at >= 60_s); }
  }
}

TEST_CASE("rebinding takes the server that answers, and renews with that one from then on", "[dhcp]") {
  DhcpWorld world;
  const Instant start = world.now;
  world.bind();
  world.servers[0].silent = true;
  DhcpServer other;
  other.identifier = "192.0.2.2"_ipv4;
  world.servers.push_back(other);
  world.run(start + 3151_s);
  REQUIRE(world.client.state() == State::bound);
  CHECK(world.client.lease()->server == "192.0.2.2"_ipv4);
  CHECK(world.client.lease()->expires == start + 3150_s + 3600_s);
  CHECK(world.next().destination == "192.0.2.2"_ipv4);
}

TEST_CASE("a lease counts from the request, not from the answer", "[dhcp]") {
  DhcpWorld world;
  world.servers[0].silent = true;
  world.client.start(world.now);
  world.next();
  world.deliver(world.servers[0].make(world.sent[0].view(), Type::offer));
  const auto request = world.next();
  world.now += 2_s;
  world.deliver(world.servers[0].make(request.view(), Type::ack));
  world.client.address_is_free();
  REQUIRE(world.client.lease());
  CHECK(world.client.lease()->expires == request.at + 3600_s);
}

TEST_CASE("a lease for ever is never renewed", "[dhcp]") {
  DhcpWorld world;
  world.servers[0].lease = 0xffff'ffff;
  world.bind();
  REQUIRE(world.client.lease());
  CHECK(world.client.lease()->expires == Instant::max());
  CHECK(world.client.poll_at() == Instant::max());
}

TEST_CASE("leases of every length are kept without asking all the time", "[dhcp]") {
  for (const std::uint32_t seconds : {1U, 2U, 7U, 8U, 60U, 120U, 0x7fff'ffffU, 0xffff'fffeU}) {
    INFO(seconds);
    DhcpWorld world;
    world.servers[0].lease = seconds;
    world.bind();
    REQUIRE(world.client.lease());
    const Dhcpv4Lease& lease = *world.client.lease();
    CHECK(lease.renew_at < lease.rebind_at);
    CHECK(lease.rebind_at < lease.expires);
    const Duration length = Duration::seconds(seconds);
    world.run_for(std::min(length * 20, Duration::hours(1)));
    CHECK(world.client.lease());
    CHECK(world.sent.size() < 60);
  }
}

TEST_CASE("a released address is given back to its server, and used until that was said", "[dhcp]") {
  DhcpWorld world;
  world.bind();
  world.client.release(world.now);
  CHECK(world.client.lease());
  const auto release = world.next();
  CHECK(release.type() == Type::release);
  CHECK(release.source == kAddress);
  CHECK(release.destination == "192.0.2.1"_ipv4);
  CHECK(release.view().client_address() == kAddress);
  CHECK(release.view().address(Dhcpv4Option::server_identifier) == "192.0.2.1"_ipv4);
  CHECK_FALSE(option(release.view(), Dhcpv4Option::requested_address));
  CHECK_FALSE(world.client.lease());
  CHECK(world.client.state() == State::stopped);
  CHECK(world.client.version() == 2);
  CHECK(world.client.poll_at() == Instant::max());
  // It is not asked for again.
  world.client.start(world.now);
  CHECK(world.next().type() == Type::discover);
  // Where there is nothing to give back, nothing is said.
  DhcpWorld other;
  other.client.start(other.now);
  other.client.release(other.now);
  CHECK(other.client.poll_at() == Instant::max());
}

TEST_CASE("when the link comes up again the address of before is asked for, and not used before", "[dhcp]") {
  enum class Server { agrees, refuses, is_silent };
  for (const Server server : {Server::agrees, Server::refuses, Server::is_silent}) {
    DhcpWorld world;
    world.bind();
    world.run_for(100_s);
    world.client.stop();
    CHECK_FALSE(world.client.lease());
    CHECK(world.client.poll_at() == Instant::max());
    world.run_for(100_s);
    if (server == Server::refuses) { world.servers[0].address = "192.0.2.78"_ipv4; }
    world.servers[0].silent = server == Server::is_silent;
    world.answer_checks = false;
    const std::size_t before = world.sent.size();
    const Instant start = world.now;
    world.client.start(world.now);
    CHECK_FALSE(world.client.lease());
    const auto request = world.next();
    CHECK(request.type() == Type::request);
    CHECK(request.source == Ipv4Address());
    CHECK(request.destination == Ipv4Address::broadcast());
    CHECK(request.view().client_address() == Ipv4Address());
    CHECK(request.view().address(Dhcpv4Option::requested_address) == kAddress);
    CHECK_FALSE(option(request.view(), Dhcpv4Option::server_identifier));
    world.run(start + 20_s);
    switch (server) {
      case Server::agrees:
        CHECK(world.sent.size() == before + 1);
        CHECK(world.client.to_check() == kAddress);
        break;
      case Server::refuses:
        CHECK(world.sent[before + 1].type() == Type::discover);
        CHECK(world.sent[before + 1].at == start);
        CHECK(world.client.to_check() == "192.0.2.78"_ipv4);
        break;
      case Server::is_silent:
        CHECK(world.sent[before + 1].type() == Type::request);
        CHECK(world.sent[before + 2].type() == Type::discover);
        CHECK(about(world.sent[before + 2].at - start, 12_s, 2_s));
        break;
    }
  }
}

TEST_CASE("a lease that ended while the link was down is not asked for again", "[dhcp]") {
  DhcpWorld world;
  world.bind();
  world.client.stop();
  world.run_for(3600_s);
  world.client.start(world.now);
  CHECK(world.next().type() == Type::discover);
}

TEST_CASE("an address remembered from before the power went is asked for first", "[dhcp]") {
  DhcpWorld world;
  world.client.start(world.now, kAddress);
  const auto request = world.next();
  CHECK(request.type() == Type::request);
  CHECK(request.view().address(Dhcpv4Option::requested_address) == kAddress);
  world.run_for(1_ms);
  REQUIRE(world.client.lease());
  CHECK(world.client.lease()->server == "192.0.2.1"_ipv4);
  DhcpWorld other;
  other.client.start(other.now, "127.0.0.1"_ipv4);
  CHECK(other.next().type() == Type::discover);
}

}  // namespace
}  // namespace nal::embedded

#include "backends/embedded/config/dhcpv4.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <set>
#include <string>

#include "tests/backends/embedded/config/dhcpv4_world.hpp"

namespace nal::embedded {
namespace {

using namespace nal::literals;
using State = Dhcpv4Client::State;
using Type = Dhcpv4MessageType;

constexpr Ipv4Address kAddress{192, 0, 2, 77};

bool about(Duration got, Duration expected, Duration tolerance) {
  return got >= expected - tolerance && got <= expected + tolerance;
}
std::optional<std::span<const std::byte>> option(const Dhcpv4View& view, Dhcpv4Option code) {
  return *view.option(code, {});
}

TEST_CASE("a client asks for offers, then for what was offered, and has a lease", "[dhcp]") {
  DhcpWorld world;
  const Instant start = world.now;
  world.client.start(world.now);
  world.run_for(1_ms);

  REQUIRE(world.sent.size() == 2);
  const Dhcpv4View discover = world.sent[0].view();
  CHECK_FALSE(discover.is_reply());
  CHECK(world.sent[0].type() == Type::discover);
  CHECK(world.sent[0].source == Ipv4Address());
  CHECK(world.sent[0].destination == Ipv4Address::broadcast());
  CHECK(discover.hardware_address() == DhcpWorld::kMac);
  CHECK(discover.client_address() == Ipv4Address());
  CHECK_FALSE(discover.broadcast());
  CHECK(world.sent[0].message.size() >= 300);
  // RFC 4361: 255, the interface's number, a DUID of the hardware address
  REQUIRE(option(discover, Dhcpv4Option::client_identifier));
  CHECK(same(*option(discover, Dhcpv4Option::client_identifier), hex("ff 5e000001 0003 0001 02005e000001")));
  CHECK_FALSE(option(discover, Dhcpv4Option::server_identifier));
  CHECK_FALSE(option(discover, Dhcpv4Option::requested_address));
  CHECK(option(discover, Dhcpv4Option::parameter_request_list));
  CHECK(discover.u16(Dhcpv4Option::max_message_size) == 1500);

  const Dhcpv4View request = world.sent[1].view();
  CHECK(world.sent[1].type() == Type::request);
  CHECK(world.sent[1].destination == Ipv4Address::broadcast());
  CHECK(request.transaction() == discover.transaction());
  CHECK(request.client_address() == Ipv4Address());
  CHECK(request.address(Dhcpv4Option::server_identifier) == "192.0.2.1"_ipv4);
  CHECK(request.address(Dhcpv4Option::requested_address) == kAddress);

  CHECK(world.client.state() == State::bound);
  const Dhcpv4Lease* lease = world.client.lease();
  REQUIRE(lease);
  CHECK(lease->address == kAddress);
  CHECK(lease->prefix_length == 24);
  CHECK(lease->router == "192.0.2.1"_ipv4);
  CHECK(lease->server == "192.0.2.1"_ipv4);
  CHECK(lease->mtu == 0);
  CHECK(lease->expires == start + 3600_s);
  CHECK(lease->rebind_at == start + 3150_s);
  CHECK(lease->renew_at <= start + 1800_s);
  CHECK(lease->renew_at >= start + 1680_s);  // not everybody at once
  CHECK(world.client.version() == 1);
}

TEST_CASE("an address is not used before its check, and is used after it", "[dhcp]") {
  DhcpWorld world;
  world.answer_checks = false;
  world.bind();
  CHECK(world.client.state() == State::checking);
  CHECK(world.client.to_check() == kAddress);
  CHECK_FALSE(world.client.lease());
  CHECK(world.client.version() == 0);
  world.client.address_is_free();
  CHECK(world.client.lease());
  CHECK_FALSE(world.client.to_check());
  CHECK(world.client.version() == 1);

  DhcpWorld unchecked({.check_address = false});
  unchecked.answer_checks = false;
  unchecked.bind();
  CHECK(unchecked.client.lease());
}

TEST_CASE("an address that is never checked is given up when its lease ends", "[dhcp]") {
  DhcpWorld world;
  world.answer_checks = false;
  world.bind();
  CHECK(world.client.poll_at() == world.now - 1_ms + 3600_s);
  world.servers[0].silent = true;
  world.now = world.client.poll_at();
  CHECK(world.next().type() == Type::discover);
}

TEST_CASE("an address that another host has is declined, and another is asked for 10 s later", "[dhcp]") {
  for (const bool while_bound : {false, true}) {
    DhcpWorld world;
    world.answer_checks = while_bound;
    world.bind();
    const std::uint32_t version = world.client.version();
    const std::size_t before = world.sent.size();
    world.client.address_is_taken(world.now);
    CHECK_FALSE(world.client.lease());
    CHECK(world.client.version() == version + (while_bound ? 1 : 0));
    const auto decline = world.next();
    CHECK(decline.type() == Type::decline);
    CHECK(decline.source == Ipv4Address());
    CHECK(decline.destination == Ipv4Address::broadcast());
    CHECK(decline.view().client_address() == Ipv4Address());
    CHECK(decline.view().address(Dhcpv4Option::requested_address) == kAddress);
    CHECK(decline.view().address(Dhcpv4Option::server_identifier) == "192.0.2.1"_ipv4);
    CHECK(option(decline.view(), Dhcpv4Option::client_identifier));
    // RFC 2131 table 5: MUST NOT
    CHECK_FALSE(option(decline.view(), Dhcpv4Option::parameter_request_list));
    CHECK_FALSE(option(decline.view(), Dhcpv4Option::max_message_size));
    CHECK(decline.view().seconds() == 0);
    world.servers[0].address = "192.0.2.78"_ipv4;
    world.answer_checks = true;
    const auto discover = world.next();
    CHECK(discover.type() == Type::discover);
    CHECK(discover.at == decline.at + 10_s);
    world.run_for(1_ms);
    CHECK(world.client.lease()->address == "192.0.2.78"_ipv4);
    CHECK(world.sent.size() == before + 3);
  }
}

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

TEST_CASE("discovery backs off to about a minute, never in step with others", "[dhcp]") {
  std::vector<Duration> first;
  for (const unsigned seed : {1U, 2U, 3U}) {
    DhcpWorld world({}, seed);
    world.servers.clear();
    world.client.start(world.now);
    Instant last = world.next().at;
    const std::uint32_t transaction = world.sent[0].view().transaction();
    for (const int seconds : {4, 8, 16, 32, 64, 64, 64}) {
      const auto sent = world.next();
      CHECK(sent.type() == Type::discover);
      CHECK(sent.view().transaction() == transaction);
      CHECK(about(sent.at - last, Duration::seconds(seconds), 1_s));
      CHECK(sent.view().seconds() == (sent.at - world.sent[0].at).seconds());
      if (seconds == 4) { first.push_back(sent.at - last); }
      last = sent.at;
    }
  }
  CHECK(first[0] != first[1]);
  CHECK(first[1] != first[2]);
}

TEST_CASE("a request that nobody answers ends in new offers after a minute", "[dhcp]") {
  DhcpWorld world;
  world.servers[0].lease = std::nullopt;  // its acknowledgements are none
  const Instant start = world.now;
  world.client.start(world.now);
  CHECK(world.next().type() == Type::discover);
  world.run(start + 70_s);
  std::size_t requests = 0;
  while (world.sent[1 + requests].type() == Type::request) { ++requests; }
  CHECK(requests == 4);
  CHECK(world.sent[1 + requests].type() == Type::discover);
  CHECK(world.sent[1 + requests].view().transaction() != world.sent[0].view().transaction());
  CHECK(about(world.sent[1 + requests].at - start, 60_s, 4_s));
}

TEST_CASE("a refused request begins again at once, and ever more slowly when that goes on", "[dhcp]") {
  DhcpWorld world;
  world.servers[0].refuses = true;
  const Instant start = world.now;
  world.client.start(world.now);
  world.run_for(1_ms);
  CHECK(world.sent.size() == 4);  // two times discover and request
  CHECK_FALSE(world.client.lease());
  world.run(start + Duration::hours(1));
  CHECK(world.sent.size() < 2 * 70);
  world.servers[0].refuses = false;
  world.run_for(70_s);
  CHECK(world.client.lease());
}

TEST_CASE("a refusal while bound takes the address away at once", "[dhcp]") {
  DhcpWorld world;
  world.bind();
  world.servers[0].address = "192.0.2.78"_ipv4;  // so that it refuses the old one
  world.next();
  world.run_for(1_ms);
  REQUIRE(world.client.lease());
  CHECK(world.client.lease()->address == "192.0.2.78"_ipv4);
  CHECK(world.client.version() == 3);  // lost, and had again
}

TEST_CASE("of two servers that offer, the first is asked, and the other has nothing to say", "[dhcp]") {
  DhcpWorld world;
  DhcpServer other;
  other.identifier = "192.0.2.2"_ipv4;
  other.address = "192.0.2.99"_ipv4;
  world.servers.push_back(other);
  world.client.start(world.now);
  world.servers[0].silent = true;
  world.servers[1].silent = true;
  world.next();
  const Dhcpv4View discover = world.sent[0].view();
  world.deliver(world.servers[0].make(discover, Type::offer));
  world.deliver(other.make(discover, Type::offer));
  const auto request = world.next();
  CHECK(request.view().address(Dhcpv4Option::server_identifier) == "192.0.2.1"_ipv4);
  world.deliver(other.make(request.view(), Type::nak));
  CHECK(world.client.state() == State::requesting);
  other.address = kAddress;
  world.deliver(other.make(request.view(), Type::ack));
  CHECK(world.client.state() == State::requesting);
  world.deliver(world.servers[0].make(request.view(), Type::ack));
  CHECK(world.client.to_check() == kAddress);
}

TEST_CASE("answers that are not this client's, or not whole, change nothing", "[dhcp]") {
  DhcpWorld world;
  world.servers[0].silent = true;
  world.client.start(world.now);
  world.next();
  const Dhcpv4View discover = world.sent[0].view();
  const Bytes offer = world.servers[0].make(discover, Type::offer);
  const auto ignored = [&](const Bytes& message) {
    world.deliver(message);
    return world.client.state() == State::selecting;
  };
  const auto changed = [&](std::size_t at) {
    Bytes message = offer;
    message[at] ^= std::byte{1};
    return message;
  };
  CHECK(ignored(changed(0)));  // a request
  CHECK(ignored(changed(1)));  // other hardware
  CHECK(ignored(changed(4)));  // transaction
  CHECK(ignored(changed(7)));
  CHECK(ignored(changed(28)));  // hardware address
  CHECK(ignored(changed(33)));
  CHECK(ignored(changed(236)));  // cookie
  CHECK(ignored(changed(242)));  // type: a request, and what follows
  CHECK(ignored(world.servers[0].make(discover, Type::ack)));
  CHECK(ignored(world.servers[0].make(discover, Type::nak)));
  for_each_truncation(offer, [&](const Bytes& part) {
    if (part.size() < 249) { CHECK(ignored(part)); }  // before the server's identifier is whole
  });
  DhcpServer wrong = world.servers[0];
  for (const Ipv4Address address :
       {"0.0.0.0"_ipv4, "127.0.0.1"_ipv4, "224.0.0.1"_ipv4, "255.255.255.255"_ipv4, "240.0.0.1"_ipv4}) {
    wrong.address = address;
    CHECK(ignored(wrong.make(discover, Type::offer)));
  }
  wrong = world.servers[0];
  wrong.identifier = {};
  CHECK(ignored(wrong.make(discover, Type::offer)));
  wrong = world.servers[0];
  wrong.options = [](Dhcpv4Writer& writer) { writer.option(Dhcpv4Option::client_identifier, hex("01 020304050607")); };
  CHECK(ignored(wrong.make(discover, Type::offer)));  // RFC 6842
  CHECK_FALSE(ignored(offer));
}

TEST_CASE("an acknowledgement without a lease, of another address or of an old request is none", "[dhcp]") {
  DhcpWorld world;
  world.servers[0].silent = true;
  world.client.start(world.now);
  world.next();
  world.deliver(world.servers[0].make(world.sent[0].view(), Type::offer));
  const auto request = world.next();
  const auto ignored = [&](const Bytes& message) {
    world.deliver(message);
    return world.client.state() == State::requesting;
  };
  DhcpServer wrong = world.servers[0];
  wrong.lease = std::nullopt;
  CHECK(ignored(wrong.make(request.view(), Type::ack)));
  wrong.lease = 0;
  CHECK(ignored(wrong.make(request.view(), Type::ack)));
  wrong = world.servers[0];
  wrong.address = "192.0.2.78"_ipv4;
  CHECK(ignored(wrong.make(request.view(), Type::ack)));
  CHECK(ignored(world.servers[0].make(request.view(), Type::offer)));
  world.servers[0].lease = 3;
  world.now += 3_s;  // a lease that has ended before its acknowledgement came
  CHECK(ignored(world.servers[0].make(request.view(), Type::ack)));
  world.servers[0].lease = 4;
  CHECK_FALSE(ignored(world.servers[0].make(request.view(), Type::ack)));
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

#include "backends/embedded/config/dhcpv4.hpp"

#include <catch2/catch_test_macros.hpp>

#include "tests/backends/embedded/config/dhcpv4_world.hpp"

namespace nal::embedded {
namespace {

using namespace nal::literals;
using State = Dhcpv4Client::State;
using Type = Dhcpv4MessageType;

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

}  // namespace
}  // namespace nal::embedded

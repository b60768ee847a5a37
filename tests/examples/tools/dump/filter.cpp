#include "examples/tools/dump/filter.hpp"

#include <catch2/catch_test_macros.hpp>

namespace dump {
namespace {

using namespace nal::literals;

Facts tcp_packet() {
  Facts facts;
  facts.size = 100;
  facts.ethernet = true;
  facts.mac_source = {2, 0, 0, 0, 0, 1};
  facts.mac_destination = {2, 0, 0, 0, 0, 2};
  facts.ether_type = 0x0800;
  facts.ip_version = 4;
  facts.source = "10.0.0.1"_ip;
  facts.destination = "192.0.2.7"_ip;
  facts.protocol = 6;
  facts.source_port = 1000;
  facts.destination_port = 80;
  return facts;
}

bool matches(std::string_view text, const Facts& facts = tcp_packet()) {
  INFO(text);
  const auto filter = Filter::parse(text);
  REQUIRE(std::holds_alternative<Filter>(filter));
  return std::get<Filter>(filter).matches(facts);
}

}  // namespace

TEST_CASE("A filter of hosts, networks, ports and protocols matches as tcpdump's does", "[dump]") {
  for (const auto* const text : {"",
                                 "tcp",
                                 "ip",
                                 "host 10.0.0.1",
                                 "10.0.0.1",
                                 "src 10.0.0.1",
                                 "dst host 192.0.2.7",
                                 "net 10.0.0.0/8",
                                 "dst net 192.0.2.0/24",
                                 "port 80",
                                 "port http",
                                 "tcp port 80",
                                 "src port 1000",
                                 "portrange 70-90",
                                 "tcp dst portrange 80-80",
                                 "src or dst port 80",
                                 "ip proto 6",
                                 "ip proto \\tcp",
                                 "ether proto 0x0800",
                                 "ether host 02:00:00:00:00:01",
                                 "ether dst 02:00:00:00:00:02",
                                 "less 100",
                                 "greater 100",
                                 "not udp",
                                 "!arp",
                                 "tcp and port 80",
                                 "udp or tcp",
                                 "port 443 or 80",
                                 "(udp or tcp) and not port 443",
                                 "tcp && !(port 53 || 443)",
                                 "udp and arp or tcp"}) {
    CHECK(matches(text));
  }
  for (const auto* const text : {"udp",
                                 "ip6",
                                 "arp",
                                 "host 10.0.0.2",
                                 "src 192.0.2.7",
                                 "dst net 10.0.0.0/8",
                                 "port 443",
                                 "udp port 80",
                                 "dst port 1000",
                                 "src and dst port 80",
                                 "less 99",
                                 "greater 101",
                                 "vlan",
                                 "icmp",
                                 "icmp6",
                                 "multicast",
                                 "broadcast",
                                 "not tcp",
                                 "tcp and not port 80",
                                 "ip6 host fd00::1",
                                 "arp host 10.0.0.1",
                                 "tcp or udp and arp"}) {
    CHECK_FALSE(matches(text));
  }
}

TEST_CASE("VLANs, ARP, groups and broadcast are told apart by a filter", "[dump]") {
  Facts facts = tcp_packet();
  facts.vlan = 5;
  CHECK(matches("vlan", facts));
  CHECK(matches("vlan 5 and tcp", facts));
  CHECK_FALSE(matches("vlan 6", facts));
  facts = {};
  facts.ethernet = facts.arp = true;
  facts.mac_destination = nal::MacAddress::broadcast();
  facts.ether_type = 0x0806;
  facts.source = "10.0.0.1"_ip;
  facts.destination = "10.0.0.2"_ip;
  CHECK(matches("arp", facts));
  CHECK(matches("arp host 10.0.0.2", facts));
  CHECK(matches("broadcast", facts));
  CHECK_FALSE(matches("ip", facts));
  CHECK_FALSE(matches("tcp", facts));
}

TEST_CASE("What is no filter is refused, whatever it is", "[dump]") {
  for (const auto* const text : {"(",
                                 ")",
                                 "tcp and",
                                 "not",
                                 "or tcp",
                                 "host",
                                 "host nowhere",
                                 "port",
                                 "port 65536",
                                 "port -1",
                                 "portrange 5",
                                 "net 10.0.0.0/33",
                                 "ether",
                                 "ether host 1:2",
                                 "less",
                                 "greater x",
                                 "tcp udp",
                                 "((tcp)",
                                 "ip proto 256",
                                 "10.0.0.1 10.0.0.2",
                                 "&",
                                 "!"}) {
    INFO(text);
    CHECK(std::holds_alternative<std::string>(Filter::parse(text)));
  }
  CHECK(std::holds_alternative<std::string>(Filter::parse(std::string(10'000, '('))));
  CHECK(std::holds_alternative<std::string>(Filter::parse(std::string(10'000, '!'))));
  std::string many = "tcp";
  for (int i = 0; i < 10'000; ++i) { many += " and tcp"; }
  CHECK(matches(many));
  const std::string_view whole = "not (tcp dst port 80 or ether src 02:00:00:00:00:01) and vlan 5";
  for (std::size_t size = 0; size <= whole.size(); ++size) { static_cast<void>(Filter::parse(whole.substr(0, size))); }
}

TEST_CASE("A frame that is cut anywhere has what there is of it", "[dump]") {
  const std::array<std::uint8_t, 42> bytes{2,    0, 0,  0,  0, 2, 2,    0,    0,    0,    0, 1, 8,  0,
                                           0x45, 0, 0,  28, 0, 0, 0,    0,    64,   17,   0, 0, 10, 0,
                                           0,    1, 10, 0,  0, 2, 0x1b, 0x58, 0x00, 0x35, 0, 8, 0,  0};
  const auto frame = std::as_bytes(std::span(bytes));
  for (std::size_t size = 0; size <= frame.size(); ++size) {
    const Facts facts = look_at(frame.first(size), nal::driver::Medium::ethernet, frame.size());
    CHECK(facts.size == frame.size());
    CHECK(facts.ethernet == (size >= 14));
    CHECK((facts.ip_version == 4) == (size >= 34));
    CHECK(facts.destination_port.has_value() == (size >= 38));
  }
  const Facts facts = look_at(frame, nal::driver::Medium::ethernet, frame.size());
  CHECK(facts.destination_port == 53);
  CHECK(facts.source == "10.0.0.1"_ip);
}

}  // namespace dump

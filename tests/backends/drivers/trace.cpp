#include <catch2/catch_test_macros.hpp>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "backends/drivers/trace/describe.hpp"
#include "backends/drivers/trace/tracer.hpp"
#include "backends/embedded/wire/checksum.hpp"
#include "nal/driver/checksum.hpp"
#include "tests/backends/drivers/driving.hpp"
#include "tests/backends/drivers/memory_world.hpp"

namespace nal::test {
namespace {

using driver::Medium;

Frame from_hex(std::string_view text) {
  Frame frame;
  unsigned value = 0;
  int digits = 0;
  for (const char c : text) {
    if (c == ' ') { continue; }
    value = value << 4 | static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
    if (++digits % 2 == 0) { frame.push_back(static_cast<std::byte>(value & 0xff)); }
  }
  return frame;
}

std::string said(const Frame& frame, Medium medium, bool checksums_made = false) {
  std::array<char, drivers::kDescriptionSize> room;
  return std::string(drivers::describe(frame, medium, checksums_made, room));
}

Frame operator+(Frame a, const Frame& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

void put16(Frame& frame, std::size_t at, std::size_t value) {
  frame[at] = static_cast<std::byte>(value >> 8 & 0xff);
  frame[at + 1] = static_cast<std::byte>(value & 0xff);
}

/// An IPv4 packet from 10.0.0.1 to 10.0.0.2 with its header's checksum.
Frame ipv4(unsigned protocol, const Frame& payload) {
  Frame packet = from_hex("4500 0000 0000 0000 4000 0000 0a000001 0a000002");
  put16(packet, 2, 20 + payload.size());
  packet[9] = static_cast<std::byte>(protocol);
  put16(packet, 10, static_cast<std::uint16_t>(~driver::internet_sum(packet) & 0xffff));
  return packet + payload;
}

/// An IPv6 packet from fe80::1 to fe80::2.
Frame ipv6(unsigned next_header, const Frame& payload) {
  Frame packet = from_hex("6000 0000 0000 00ff fe80000000000000 0000000000000001 fe80000000000000 0000000000000002");
  put16(packet, 4, payload.size());
  packet[6] = static_cast<std::byte>(next_header);
  return packet + payload;
}

Frame ethernet(std::string_view type, const Frame& payload) {
  return from_hex("02000000000b 02000000000a") + from_hex(type) + payload;
}

const Frame kUdp = from_hex("0044 0043 000a 0000 6869");

}  // namespace

TEST_CASE("a frame is described from the outside in", "[drivers][trace]") {
  const Frame tcp = from_hex(
      "03e8 0050 00000001 00000000 a0 02 ffff 0000 0000"
      "020405b4 0402 080a 00000007 00000000 01 030307");
  CHECK(said(ethernet("0800", ipv4(6, tcp)), Medium::ethernet) ==
        "02:00:00:00:00:0a > 02:00:00:00:00:0b, IPv4 10.0.0.1 > 10.0.0.2 ttl 64, TCP 1000 > 80 [S] seq 1 win 65535 "
        "<mss 1460, scale 7, SACK permitted, time 7 echo 0>, 0 bytes");
  CHECK(said(ethernet("8100 602a 0800", ipv4(17, kUdp)), Medium::ethernet) ==
        "02:00:00:00:00:0a > 02:00:00:00:00:0b, VLAN 42 priority 3, IPv4 10.0.0.1 > 10.0.0.2 ttl 64, UDP 68 > 67 "
        "DHCP, 2 bytes");
  CHECK(said(ethernet("88b5", Frame(46)), Medium::ethernet) ==
        "02:00:00:00:00:0a > 02:00:00:00:00:0b, type 0x88b5, 46 bytes");
  CHECK(said(ethernet("0026", Frame(46)), Medium::ethernet) ==
        "02:00:00:00:00:0a > 02:00:00:00:00:0b, IEEE 802.3 length 38, 46 bytes");
}

TEST_CASE("ARP is told as question, answer, probe and announcement", "[drivers][trace]") {
  const auto arp = [](std::string_view rest) {
    const std::string line = said(ethernet("0806", from_hex("0001 0800 0604") + from_hex(rest)), Medium::ethernet);
    return line.substr(line.find("ARP"));
  };
  CHECK(arp("0001 02000000000a 0a000001 000000000000 0a000002") == "ARP who has 10.0.0.2? tell 10.0.0.1");
  CHECK(arp("0002 02000000000b 0a000002 02000000000a 0a000001") == "ARP 10.0.0.2 is at 02:00:00:00:00:0b");
  CHECK(arp("0001 02000000000a 00000000 000000000000 0a000002") == "ARP who has 10.0.0.2? (probe)");
  CHECK(arp("0001 02000000000a 0a000001 000000000000 0a000001") ==
        "ARP who has 10.0.0.1? tell 10.0.0.1 (announcement)");
}

TEST_CASE("segments are told with their flags, numbers and SACK blocks", "[drivers][trace]") {
  const Frame tcp = from_hex(
      "0050 03e8 00000010 00000020 80 39 0100 0000 0005"
      "0101 050a 00000030 00000040");
  CHECK(said(ipv4(6, tcp + Frame(3)), Medium::ip) ==
        "IPv4 10.0.0.1 > 10.0.0.2 ttl 64, TCP 80 > 1000 [FPAU] seq 16 ack 32 win 256 urgent 5 <SACK 48-64>, 3 bytes");
}

TEST_CASE("ICMP errors tell what they are about", "[drivers][trace]") {
  const Frame quoted = ipv4(17, kUdp);
  CHECK(said(ipv4(1, from_hex("0303 0000 00000000") + quoted), Medium::ip) ==
        "IPv4 10.0.0.1 > 10.0.0.2 ttl 64, ICMP port unreachable of (IPv4 10.0.0.1 > 10.0.0.2 ttl 64, UDP 68 > 67)");
  CHECK(said(ipv4(1, from_hex("0304 0000 00000514") + quoted), Medium::ip).find("fragmentation needed mtu 1300 of (") !=
        std::string::npos);
  CHECK(said(ipv6(58, from_hex("0200 0000 00000500") + ipv6(6, Frame(20))), Medium::ip) ==
        "IPv6 fe80::1 > fe80::2 hop limit 255, ICMPv6 packet too big mtu 1280 of (IPv6 fe80::1 > fe80::2 hop limit "
        "255, TCP 0 > 0)");
  CHECK(said(ipv4(1, from_hex("0800 0000 0007 0002") + Frame(56)), Medium::ip) ==
        "IPv4 10.0.0.1 > 10.0.0.2 ttl 64, ICMP echo request 7 seq 2, 56 bytes");
}

TEST_CASE("neighbours and routers are told with addresses and prefixes", "[drivers][trace]") {
  const std::string front = "IPv6 fe80::1 > fe80::2 hop limit 255, ICMPv6 ";
  CHECK(said(ipv6(58, from_hex("8700 0000 00000000 fe800000000000000000000000000002 0101 02000000000a")), Medium::ip) ==
        front + "neighbor solicitation who has fe80::2? from 02:00:00:00:00:0a");
  CHECK(said(ipv6(58, from_hex("8800 0000 60000000 fe800000000000000000000000000002 0201 02000000000b")), Medium::ip) ==
        front + "neighbor advertisement fe80::2 is at 02:00:00:00:00:0b solicited override");
  CHECK(said(ipv6(58, from_hex("8600 0000 4040 0708 00000000 00000000"
                               "0304 40c0 00015180 00003840 00000000 20010db8000000000000000000000000"
                               "0501 0000 000005dc")),
             Medium::ip) ==
        front + "router advertisement lifetime 1800 other prefix 2001:db8::/64 valid 86400 preferred 14400 mtu 1500");
}

TEST_CASE("fragments are told, and extension headers walked over", "[drivers][trace]") {
  Frame first = ipv4(17, kUdp);
  first[6] = std::byte{0x20};
  CHECK(said(first, Medium::ip).find("fragment 0 at 0+, UDP 68 > 67 DHCP, 2 bytes") != std::string::npos);
  CHECK(said(ipv6(44, from_hex("11000008 00000007") + Frame(20)), Medium::ip) ==
        "IPv6 fe80::1 > fe80::2 hop limit 255, fragment 0x00000007 at 8, 20 bytes");
  CHECK(said(ipv6(0, from_hex("1100 0104 00000000") + kUdp), Medium::ip) ==
        "IPv6 fe80::1 > fe80::2 hop limit 255, UDP 68 > 67 DHCP, 2 bytes");
}

TEST_CASE("a wrong checksum is remarked on where it is the sender's to make", "[drivers][trace]") {
  Frame udp = kUdp;
  const auto pseudo = driver::internet_sum(from_hex("0a000001 0a000002 0011 000a"));
  put16(udp, 6, static_cast<std::uint16_t>(~driver::internet_sum(udp, pseudo) & 0xffff));
  CHECK(said(ipv4(17, udp), Medium::ip, true).find("bad") == std::string::npos);
  udp[9] ^= std::byte{1};
  CHECK(said(ipv4(17, udp), Medium::ip, true).find("UDP 68 > 67 DHCP (bad checksum), 2 bytes") != std::string::npos);
  CHECK(said(ipv4(17, udp), Medium::ip, false).find("bad") == std::string::npos);
  Frame header = ipv4(17, kUdp);
  header[8] = std::byte{63};
  CHECK(said(header, Medium::ip) == "IPv4 10.0.0.1 > 10.0.0.2 ttl 63 (bad checksum), UDP 68 > 67 DHCP, 2 bytes");
}

TEST_CASE("any bytes have a description, cut off anywhere and in any room", "[drivers][trace]") {
  const std::vector<Frame> frames = {
      ethernet("8100 602a 0800", ipv4(6, from_hex("03e8 0050 00000001 00000000 60 02 ffff 0000 0000 020405b4"))),
      ethernet("86dd", ipv6(58, from_hex("8700 0000 00000000 fe800000000000000000000000000002 0101 02000000000a"))),
      ethernet("0800", ipv4(1, from_hex("0303 0000 00000000") + ipv4(17, kUdp))),
      ethernet("0800", ipv4(2, from_hex("1600 09fd e0000002"))),
      ethernet("86dd", ipv6(0, from_hex("3a00 0502 0000 0000") + from_hex("8f00 0000 00000000"))),
  };
  for (const Frame& whole : frames) {
    for (std::size_t size = 0; size <= whole.size(); ++size) {
      const Frame part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      CHECK_FALSE(said(part, Medium::ethernet, true).empty());
      CHECK_FALSE(said(part, Medium::ip, true).empty());
    }
    for (std::size_t at = 0; at < whole.size(); ++at) {
      for (const unsigned value : {0x00U, 0x01U, 0x7fU, 0x80U, 0xffU}) {
        Frame wrong = whole;
        wrong[at] = static_cast<std::byte>(value);
        CHECK_FALSE(said(wrong, Medium::ethernet, true).empty());
      }
    }
    const std::string line = said(whole, Medium::ethernet);
    for (std::size_t room = 0; room <= line.size(); ++room) {
      std::vector<char> exact(room);
      CHECK(drivers::describe(whole, Medium::ethernet, false, exact) == line.substr(0, room));
    }
  }
}

TEST_CASE("a tracer has a line for each frame that goes through, and passes it on untouched", "[drivers][trace]") {
  WireWorld<> world;
  std::vector<std::string> lines;
  drivers::Tracer tracer(
      world.wire.a(), "wire0",
      [](void* context, std::string_view line) { static_cast<std::vector<std::string>*>(context)->emplace_back(line); },
      &lines);
  const Instant now = Instant::from_microseconds(12'000'345);
  REQUIRE(world.deliver(ethernet_frame(60, 1)));
  CHECK(to_frame(tracer.receive(world.pool, now)) == ethernet_frame(60, 1));
  driver::Packet packet = to_packet(world.pool, ethernet_frame(61, 2));
  REQUIRE(tracer.transmit(packet, now));
  CHECK(world.collect() == ethernet_frame(61, 2));
  REQUIRE(lines.size() == 2);
  CHECK(lines[0] == "12.000345 wire0 in 02:00:00:00:01:01 > ff:ff:ff:ff:ff:ff, type 0x88b5, 46 bytes");
  CHECK(lines[1] == "12.000345 wire0 out 02:00:00:00:01:01 > ff:ff:ff:ff:ff:ff, type 0x88b5, 47 bytes");

  for (unsigned i = 0; i < 20; ++i) {
    driver::Packet more = to_packet(world.pool, ethernet_frame(60, i));
    REQUIRE(tracer.transmit(more, now));
  }
  lines.clear();
  driver::Packet waits = to_packet(world.pool, ethernet_frame(60, 1));
  CHECK(tracer.transmit(waits, now) == Unexpected(Error::would_block));
  CHECK(lines.empty());
  world.wire.b().plug(false);
  CHECK(tracer.transmit(waits, now) == Unexpected(Error::network_down));
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].ends_with("46 bytes: network down"));
}

}  // namespace nal::test

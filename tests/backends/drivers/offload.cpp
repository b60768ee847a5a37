#include <catch2/catch_test_macros.hpp>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "backends/drivers/linux/tap.hpp"
#include "nal/driver/checksum.hpp"
#include "tests/backends/drivers/driving.hpp"
#include "tests/backends/drivers/linux_world.hpp"

namespace nal::test {
namespace {

using driver::internet_sum;
using driver::Medium;
using drivers::Tap;
using drivers::TapOffload;

void put16(Frame& frame, std::size_t at, std::size_t value) {
  frame[at] = static_cast<std::byte>(value >> 8 & 0xff);
  frame[at + 1] = static_cast<std::byte>(value & 0xff);
}

std::size_t get16(std::span<const std::byte> frame, std::size_t at) {
  return std::to_integer<std::size_t>(frame[at]) << 8 | std::to_integer<std::size_t>(frame[at + 1]);
}

/// The pseudo header's sum (RFC 9293 §3.1, RFC 8200 §8.1) of the IP packet at `ip`.
std::uint16_t pseudo_sum(std::span<const std::byte> packet) {
  const bool v6 = (std::to_integer<unsigned>(packet[0]) >> 4) == 6;
  const std::size_t header = v6 ? 40 : 20;
  const unsigned protocol = std::to_integer<unsigned>(packet[v6 ? 6 : 9]);
  const std::size_t length = v6 ? get16(packet, 4) : get16(packet, 2) - header;
  return internet_sum(v6 ? packet.subspan(8, 32) : packet.subspan(12, 8),
                      static_cast<std::uint32_t>(protocol + length));
}

/// Whether the transport checksum of the IP packet is right.
bool checksum_right(std::span<const std::byte> packet) {
  const bool v6 = (std::to_integer<unsigned>(packet[0]) >> 4) == 6;
  return internet_sum(packet.subspan(v6 ? 40 : 20), pseudo_sum(packet)) == 0xffff;
}

/// An Ethernet frame to all with an IP packet whose transport header is `header` bytes, its checksum left undone.
Frame transport_frame(bool v6, unsigned protocol, std::size_t header, std::size_t checksum_at, std::size_t payload) {
  const std::size_t ip = v6 ? 40 : 20;
  Frame frame = ethernet_frame(14 + ip + header + payload, 1);
  put16(frame, 12, v6 ? 0x86dd : 0x0800);
  std::fill_n(frame.begin() + 14, ip + header, std::byte{0});
  if (v6) {
    frame[14] = std::byte{0x60};
    put16(frame, 18, header + payload);
    frame[20] = static_cast<std::byte>(protocol);
    frame[21] = std::byte{64};
    frame[22] = frame[38] = std::byte{0xfd};
    frame[37] = std::byte{2};
    frame[53] = std::byte{1};
  } else {
    frame[14] = std::byte{0x45};
    put16(frame, 16, ip + header + payload);
    frame[20] = std::byte{0x40};  // do not fragment, as TCP has it
    frame[22] = std::byte{64};
    frame[23] = static_cast<std::byte>(protocol);
    const unsigned char addresses[] = {10, 9, 0, 2, 10, 9, 0, 1};
    std::memcpy(frame.data() + 26, addresses, sizeof addresses);
    put16(frame, 24, static_cast<std::uint16_t>(~internet_sum(std::span(frame).subspan(14, 20)) & 0xffff));
  }
  const std::size_t start = 14 + ip;
  put16(frame, start, 1000);
  put16(frame, start + 2, 9999);
  if (protocol == 17) { put16(frame, start + 4, header + payload); }
  if (protocol == 6) {
    frame[start + 12] = std::byte{0x50};
    frame[start + 13] = std::byte{0x18};  // ACK and PSH
  }
  put16(frame, start + checksum_at, pseudo_sum(std::span(frame).subspan(14)));
  return frame;
}

/// Two devices of one stack, with a bridge of the kernel between them.
struct Bridged : LinuxWorld {
  explicit Bridged(TapOffload first, TapOffload second)
      : a(reactor, {.name = "nal0", .offload = first}), b(reactor, {.name = "nal1", .offload = second}) {
    REQUIRE(a.status());
    REQUIRE(b.status());
    network.ip("link add bridge type bridge forward_delay 0 mcast_snooping 0");
    for (const char* name : {"nal0", "nal1"}) {
      network.ip(std::string("link set ") + name + " master bridge arp off up");
    }
    network.ip("link set bridge arp off up");
    REQUIRE(until([&] { return a.link_up() && b.link_up(); }));
  }
  driver::Driver& driver() { return b; }

  /// What comes out of the second device; the packets are of `Tap::kLongPacketSize`.
  driver::Packet pass(const Frame& frame, const driver::Offload& offload) {
    driver::Packet packet = to_packet(big, frame, a.capabilities().headroom);
    packet.offload() = offload;
    REQUIRE(a.transmit(packet, executor_.now()));
    return must_receive(*this, big);
  }

  Pool<8, Tap::kLongPacketSize> big;
  Tap a;
  Tap b;
};

}  // namespace

TEST_CASE("the kernel makes checksums that are left to it", "[drivers][offload]") {
  Bridged world(TapOffload::checksum, TapOffload::none);
  for (const bool v6 : {false, true}) {
    for (const unsigned protocol : {6U, 17U}) {
      INFO((v6 ? "IPv6" : "IPv4") << ", protocol " << protocol);
      const std::size_t at = protocol == 6 ? 16 : 6;
      const Frame frame = transport_frame(v6, protocol, protocol == 6 ? 20 : 8, at, 101);
      driver::Offload offload;
      offload.checksum_start = v6 ? 54 : 34;
      offload.checksum_offset = static_cast<std::uint16_t>(at);
      CHECK_FALSE(checksum_right(std::span(frame).subspan(14)));
      const driver::Packet packet = world.pass(frame, offload);
      CHECK(packet.size() == frame.size());
      CHECK(checksum_right(packet.data().subspan(14)));
      CHECK_FALSE(packet.offload().checksum_verified);
    }
  }
}

TEST_CASE("the kernel leaves checksums to a device that takes them, and says where", "[drivers][offload]") {
  Bridged world(TapOffload::checksum, TapOffload::checksum);
  const Frame frame = transport_frame(false, 17, 8, 6, 100);
  driver::Offload offload;
  offload.checksum_start = 34;
  offload.checksum_offset = 6;
  driver::Packet packet = world.pass(frame, offload);
  CHECK(packet.offload().checksum_verified);
  CHECK(packet.offload().checksum_start == 0);
  CHECK(packet.offload().unfinished_start == 34);
  CHECK(to_frame(packet) == frame);
  REQUIRE(driver::finish_checksum(packet));
  CHECK(checksum_right(packet.data().subspan(14)));
}

TEST_CASE("the kernel cuts long segments up for a device that cannot", "[drivers][offload]") {
  for (const bool v6 : {false, true}) {
    Bridged world(TapOffload::segmentation, TapOffload::none);
    INFO((v6 ? "IPv6" : "IPv4"));
    CHECK(world.a.capabilities().max_segmentation_size >= 60'000);
    const std::size_t headers = 14 + (v6 ? 40 : 20) + 20;
    const Frame frame = transport_frame(v6, 6, 20, 16, 4000);
    driver::Offload offload;
    offload.checksum_start = static_cast<std::uint16_t>(headers - 20);
    offload.checksum_offset = 16;
    offload.segment_size = 1400;
    Frame payload;
    driver::Packet packet = world.pass(frame, offload);
    for (const std::size_t size : {1400U, 1400U, 1200U}) {
      CHECK(packet.size() == headers + size);
      CHECK(packet.offload().segment_size == 0);
      CHECK(checksum_right(packet.data().subspan(14)));
      payload.insert(payload.end(), packet.data().begin() + static_cast<std::ptrdiff_t>(headers), packet.data().end());
      if (size == 1400) { packet = must_receive(world, world.big); }
    }
    CHECK(payload == Frame(frame.begin() + static_cast<std::ptrdiff_t>(headers), frame.end()));
  }
}

TEST_CASE("long segments pass whole between devices that cut up, up to 64 KiB", "[drivers][offload]") {
  Bridged world(TapOffload::segmentation, TapOffload::segmentation);
  const std::size_t most = world.a.capabilities().max_segmentation_size;
  CHECK(most > 65'000);
  for (const std::size_t size : {std::size_t{2000}, std::size_t{30'000}, most}) {
    const Frame frame = transport_frame(false, 6, 20, 16, size);
    driver::Offload offload;
    offload.checksum_start = 34;
    offload.checksum_offset = 16;
    offload.segment_size = 1448;
    const driver::Packet packet = world.pass(frame, offload);
    CHECK(to_frame(packet) == frame);
    CHECK(packet.offload().segment_size == 1448);
    CHECK(packet.offload().checksum_verified);
  }
}

TEST_CASE("long frames come in long packets, short ones in short ones", "[drivers][offload]") {
  LinuxWorld world;
  Pool<2, Tap::kLongPacketSize> big;
  {
    Tap a(world.reactor, {.name = "nal0", .offload = TapOffload::segmentation, .long_packets = &big.pool});
    REQUIRE(a.status());
    world.network.ip("link set nal0 arp off up");
    REQUIRE(world.until([&] { return a.link_up(); }));
    const Outside outside(world.network.index("nal0"));
    // Frames as long as they may be, and the pool's packets shorter than that.
    Pool<4, 256> small;
    const Watcher watcher(world.executor(), a);
    const auto next = [&] {
      driver::Packet packet;
      REQUIRE(world.until([&] {
        packet = a.receive(small, world.executor().now());
        return static_cast<bool>(packet);
      }));
      return packet;
    };
    for (unsigned i = 0; i < 8; ++i) {
      const bool is_long = i % 2 == 0;
      const Frame frame = ethernet_frame(is_long ? 1500 - i : 200, i);
      REQUIRE(outside.send(frame));
      const driver::Packet packet = next();
      CHECK(to_frame(packet) == frame);
      CHECK(packet.buffer()->pool == (is_long ? &big.pool : &small.pool));
    }
    // Without any packet of the stack's the long ones serve; without both the frame is lost.
    driver::PacketQueue taken;
    while (driver::Packet packet = small->allocate(0)) { taken.push(std::move(packet)); }
    REQUIRE(outside.send(ethernet_frame(60, 9)));
    const driver::Packet first = next();
    CHECK(to_frame(first) == ethernet_frame(60, 9));
    REQUIRE(outside.send(ethernet_frame(60, 10)));
    const driver::Packet second = next();
    REQUIRE(outside.send(ethernet_frame(60, 11)));
    REQUIRE(world.until([&] {
      CHECK_FALSE(a.receive(small, world.executor().now()));
      return a.counters().no_packet == 1;
    }));
    a.give_back(big);
  }
  CHECK(big->available() == big->count());
}

TEST_CASE("what cannot be left to a device is refused, and the packet is gone", "[drivers][offload]") {
  Bridged world(TapOffload::segmentation, TapOffload::none);
  const Frame frame = transport_frame(false, 6, 20, 16, 4000);
  driver::Offload outside;
  outside.checksum_start = 5000;
  outside.checksum_offset = 16;
  driver::Offload without;
  without.segment_size = 1000;
  for (const driver::Offload& offload : {outside, without}) {
    driver::Packet packet = to_packet(world.big, frame, 10);
    packet.offload() = offload;
    if (offload.segment_size == 0) { packet.truncate(1000); }
    CHECK(world.a.transmit(packet, world.executor_.now()) == Unexpected(Error::io_error));
    CHECK_FALSE(packet);
  }
}

TEST_CASE("a datagram of the kernel reaches the device, and one of the device a socket", "[drivers][offload]") {
  LinuxWorld world;
  Tap tap(world.reactor, {.name = "nal0", .offload = TapOffload::checksum});
  REQUIRE(tap.status());
  world.network.ip("link set nal0 arp off up");
  world.network.ip("address add 10.9.0.1/24 dev nal0");
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  REQUIRE(fd >= 0);
  const timeval patience{10, 0};
  REQUIRE(::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(0x0a090001);
  address.sin_port = htons(9999);
  REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(world.until([&] { return tap.link_up(); }));

  address.sin_addr.s_addr = htonl(0x0a090002);
  REQUIRE(::sendto(fd, "hello", 5, 0, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 5);
  driver::Packet packet;
  const Watcher watcher(world.executor(), tap);
  REQUIRE(world.until([&] {
    packet = tap.receive(world.pool, world.executor().now());
    return static_cast<bool>(packet);
  }));
  CHECK(packet.offload().checksum_verified);
  CHECK(packet.offload().unfinished_start == 34);
  REQUIRE(driver::finish_checksum(packet));
  CHECK(checksum_right(packet.data().subspan(14)));

  // To the kernel's own address this time, or it would take no notice.
  Frame frame = transport_frame(false, 17, 8, 6, 5);
  std::memcpy(frame.data(), packet.data().data() + 6, 6);
  driver::Packet answer = to_packet(world.pool, frame, 10);
  answer.offload().checksum_start = 34;
  answer.offload().checksum_offset = 6;
  REQUIRE(tap.transmit(answer, world.executor().now()));
  std::array<char, 16> got{};
  CHECK(::recv(fd, got.data(), got.size(), 0) == 5);
  CHECK(std::memcmp(got.data(), frame.data() + 42, 5) == 0);
  ::close(fd);
}

}  // namespace nal::test

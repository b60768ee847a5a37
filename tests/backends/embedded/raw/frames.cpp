#include "backends/embedded/raw/frames.hpp"

#include <catch2/generators/catch_generators.hpp>

#include "tests/backends/embedded/support/host.hpp"
#include "tests/support/cancel.hpp"

namespace nal::embedded::test {

namespace {
using namespace nal::literals;

struct FrameHost : Host {
  explicit FrameHost(driver::Medium medium = driver::Medium::ethernet) : Host(medium) {}
  RawFramesMemory<2> raw_memory;
  RawFrames raw{stack, raw_memory, 3};
  std::array<std::byte, 2000> frame_buffer;

  Bytes next(FrameSocket& socket) {
    const auto got = once(receive_frame(socket, frame_buffer));
    if (!got) {
      REQUIRE(got.error() == Error::would_block);
      return {};
    }
    return {frame_buffer.begin(), frame_buffer.begin() + static_cast<long>(got->size)};
  }
};

constexpr auto kExperimental = static_cast<wire::EtherType>(0x88b5);
Bytes to_host(wire::EtherType type, const Bytes& payload, const MacAddress& to = TestDevice::kAddress) {
  return ethernet(to, Host::kPeerMac, type, payload);
}

struct FullWorld {
  FullWorld() { host.device.room = 0; }
  Executor& executor() { return host.executor; }
  SendFrame begin() { return send_frame(socket, {}, frame); }
  FrameHost host;
  FrameSocket socket = host.raw.open({.interface = host.interface}).value();
  Bytes frame = to_host(kExperimental, pattern(50));
};

}  // namespace

TEST_CASE("A frame socket receives frames of its type, and sends what it is given", "[embedded][raw]") {
  FrameHost host;
  FrameSocket socket = host.raw.open({.interface = host.interface, .ether_type = 0x88b5}).value();
  const Bytes frame = to_host(kExperimental, pattern(50));
  host.receive(frame);
  host.receive(to_host(static_cast<wire::EtherType>(0x88b6), pattern(50)));
  const auto got = host.once(receive_frame(socket, host.frame_buffer));
  REQUIRE(got);
  CHECK(got->interface == host.interface);
  CHECK_FALSE(got->outgoing);
  CHECK(got->frame_size == frame.size());
  CHECK(host.next(socket).empty());
  REQUIRE(host.once(send_frame(socket, {}, frame)));
  CHECK(host.take() == frame);
  CHECK(host.next(socket).empty());  // its own
}

TEST_CASE("A socket for every frame sees what is for other stations, and what the stack sends", "[embedded][raw]") {
  FrameHost host;
  FrameSocket socket = host.raw.open({.outgoing = true}).value();
  const Bytes other = to_host(kExperimental, pattern(50), {2, 0, 0, 0, 0, 9});
  host.receive(other);
  CHECK(host.next(socket) == other);
  CHECK(host.stack.ip().statistics().not_for_us == 1);
  auto udp_socket = host.stack.udp_bind_multiple({IpAddress::unspecified(Family::v4), 1}, {}).value();
  REQUIRE(host.once(send_to(udp_socket, {Ipv4Address(10, 0, 0, 2), 5}, pattern(1))));
  const Bytes request = host.take();
  const auto got = host.once(receive_frame(socket, host.frame_buffer));
  REQUIRE(got);
  CHECK(got->outgoing);
  CHECK(got->frame_size == request.size());
  host.pass(10_s);  // the datagram's neighbour does not answer
}

TEST_CASE("A frame with a VLAN tag has two types", "[embedded][raw]") {
  FrameHost host;
  FrameSocket inner = host.raw.open({.ether_type = 0x88b5}).value();
  FrameSocket outer = host.raw.open({.ether_type = 0x8100}).value();
  Bytes frame(18);
  wire::EthernetHeader{.destination = TestDevice::kAddress, .source = Host::kPeerMac, .type = kExperimental, .vlan = 5}
      .emit(frame);
  host.receive(frame + pattern(46));
  CHECK(host.next(inner).size() == 64);
  CHECK(host.next(outer).size() == 64);
}

TEST_CASE("On a bare IP device there are packets in place of frames", "[embedded][raw]") {
  FrameHost host(driver::Medium::ip);
  FrameSocket v6 = host.raw.open({.ether_type = 0x86dd}).value();
  FrameSocket v4 = host.raw.open({.ether_type = 0x0800}).value();
  const Bytes packet = ip({.source = Host::kPeer6, .destination = Host::k6}, udp(Host::kPeer6, Host::k6, 1, 2, {}));
  host.receive(packet);
  CHECK(host.next(v6) == packet);
  CHECK(host.next(v4).empty());
  host.take(1);
}

TEST_CASE("What is no frame is not sent, and says why", "[embedded][raw]") {
  FrameHost host;
  FrameSocket socket = host.raw.open({.interface = host.interface}).value();
  FrameSocket any = host.raw.open({}).value();
  CHECK(host.raw.open({}).error() == Error::table_full);
  CHECK(host.raw.open({.interface = InterfaceId(7)}).error() == Error::network_down);
  for (std::size_t size = 0; size < 14; ++size) {
    CHECK(host.once(send_frame(socket, {}, pattern(size))).error() == Error::invalid_argument);
  }
  CHECK(host.once(send_frame(socket, {}, pattern(1519))).error() == Error::message_size);
  CHECK(host.once(send_frame(any, {}, pattern(60))).error() == Error::network_down);
  CHECK(host.once(send_frame(any, InterfaceId(7), pattern(60))).error() == Error::network_down);
  host.take(0);
  CHECK(host.once(send_frame(socket, {}, pattern(1518))));
  CHECK(host.once(send_frame(any, host.interface, pattern(14))));
  host.take(2);
}

TEST_CASE("Frames of any length and content reach a frame socket whole, and the stack goes on", "[embedded][raw]") {
  FrameHost host;
  FrameSocket socket = host.raw.open({}).value();
  for (std::size_t size = 0; size < 70; ++size) {
    Bytes frame = pattern(size);
    host.receive(frame);
    const auto got = host.once(receive_frame(socket, host.frame_buffer));
    REQUIRE(got);
    CHECK(got->frame_size == size);
  }
  for (int i = 0; i < 10; ++i) { host.receive(to_host(kExperimental, pattern(50))); }
  CHECK(socket.dropped() == 7);
}

TEST_CASE("A frame that the device has no room for waits, and may be given up", "[embedded][raw][cancel]") {
  FullWorld world;
  const auto make = [&] { return world.begin(); };
  ::nal::test::Victim<SendFrame> victim(world.executor(), make, 1, ::nal::test::Moment::after_poll);
  ::nal::test::run_ready(world.executor());
  CHECK(victim.over());
  CHECK_FALSE(victim.finished());
  world.host.device.room = 1000;
  CHECK(world.host.once(world.begin()));
  world.host.take(1);
}

}  // namespace nal::embedded::test

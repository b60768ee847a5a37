// What the embedded stack takes: two of them on an Ethernet wire, MTU 1500, every checksum made and verified, 64 KiB
// rings, in one thread. `bulk|bulk-offload|ping-pong|active|udp COUNT [IDLE]`: segments of 1460 bytes, the same with a
// device that makes and verifies transport checksums, round trips of one byte, the same by each of 1,000 connections in
// turn, or echoed datagrams of 64 bytes, beside so many idle sockets of either kind on each side. Time passes by 1 us a
// poll.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <vector>

#include "backends/drivers/wire_pair.hpp"
#include "backends/embedded/stack.hpp"
#include "tests/support/virtual_clock.hpp"

namespace {

using namespace nal;
using embedded::Stack;

constexpr std::uint16_t kMostIdle = 10'000;
constexpr std::uint16_t kActive = 1000;
constexpr embedded::Config kConfig{
    .packets = 256,
    .addresses = 2,
    .groups = 4,
    .udp_sockets = kMostIdle + 2,
    .tcp = {.connections = kMostIdle + 2,
            .listeners = 2,
            .handshakes = 16,
            .rings = {{{65536, 65536, 2}, {64, 64, kMostIdle}}}},
};
constexpr embedded::Settings kSettings{.addresses = {.ipv6_transmits = 0, .ipv4_probes = 0}};
constexpr std::size_t kSegment = 1460;

Entropy entropy(unsigned seed) {
  std::array<std::byte, Entropy::kSize> bytes{};
  bytes[0] = static_cast<std::byte>(seed);
  return Entropy(bytes);
}

/// A stack and its half of an exchange.
struct Side {
  Side(Executor& executor, driver::Driver& driver, unsigned number)
      : address(Ipv4Address(10, 0, 0, static_cast<std::uint8_t>(number))),
        stack(executor, memory(number), entropy(number), kSettings) {
    const InterfaceId interface = stack.add_interface(driver).value();
    if (!stack.add_address(interface, Cidr(address, 24))) { std::abort(); }
  }
  static embedded::Resources<kConfig>& memory(unsigned number) {
    static std::array<embedded::Resources<kConfig>, 2> memories;
    return memories[number - 1];
  }

  IpAddress address;
  Stack stack;
};

class World {
  // First, since what they give is deduced.
  void turn() {
    clock_.advance(Duration::microseconds(1));
    client_.stack.poll(clock_.now());
    server_.stack.poll(clock_.now());
  }
  template <class F>
  auto until(F poll) {
    for (;;) {
      auto result = poll();
      if (result.ready()) { return std::move(*result).value(); }
      turn();
    }
  }
  using Stream = Stack::TcpStream;

  static drivers::WireConfig wire(bool offload) {
    drivers::WireConfig config{.queue = 128};
    config.capabilities.transmit_checksum = config.capabilities.receive_checksum = offload;
    return config;
  }
  void round_trip(Stream& near, Stream& far) {
    std::array<std::byte, 1> byte{};
    until([&] { return near.poll_write(context_, waiter_, byte); });
    until([&] { return far.poll_read(context_, waiter_, byte); });
    until([&] { return far.poll_write(context_, waiter_, byte); });
    until([&] { return near.poll_read(context_, waiter_, byte); });
  }
  void connect(std::uint16_t port) {
    auto listener = server_.stack.listen({server_.address, port}, {}).value();
    near_.emplace(client_.stack.start_tcp({server_.address, port}, {}).value());
    until([&] { return near_->poll_connected(context_, waiter_); });
    far_.emplace(until([&] { return listener.poll_accept(context_, waiter_); }));
  }

 public:
  World(std::uint16_t idle, bool offload) : wire_(wire(offload)) {
    if (idle == 0) { return; }
    auto listener = server_.stack.listen({server_.address, 9}, {.backlog = 64, .accepted = {.ring_class = 1}}).value();
    for (std::uint16_t i = 0; i < idle; ++i) {
      idle_udp_.push_back(server_.stack.udp_bind_multiple({Ipv4Address(), 0}, {}).value());
      idle_udp_.push_back(client_.stack.udp_bind_multiple({Ipv4Address(), 0}, {}).value());
      idle_tcp_.push_back(client_.stack.start_tcp({server_.address, 9}, {.ring_class = 1}).value());
      idle_tcp_.push_back(until([&] { return listener.poll_accept(context_, waiter_); }));
    }
  }

  void bulk(unsigned long segments) {
    connect(7);
    static std::array<std::byte, 16 * kSegment> data{};
    static std::array<std::byte, 65536> taken{};
    std::size_t to_send = segments * kSegment;
    std::size_t to_take = to_send;
    while (to_take > 0) {
      while (to_send > 0) {
        auto sent = near_->poll_write(context_, waiter_, std::span(data).first(std::min(to_send, data.size())));
        if (!sent.ready()) { break; }
        to_send -= sent->value();
      }
      for (;;) {
        auto got = far_->poll_read(context_, waiter_, taken);
        if (!got.ready()) { break; }
        to_take -= got->value();
      }
      turn();
    }
  }
  void ping_pong(unsigned long count) {
    connect(7);
    for (unsigned long i = 0; i < count; ++i) { round_trip(*near_, *far_); }
  }
  void active(unsigned long count) {
    for (unsigned long i = 0; i < count; ++i) {
      Stream& near = idle_tcp_[2 * (i % kActive)];
      Stream& far = idle_tcp_[2 * (i % kActive) + 1];
      round_trip(near, far);
    }
  }
  void udp(unsigned long count) {
    auto server = server_.stack.udp_bind_multiple({Ipv4Address(), 7}, {}).value();
    auto client = client_.stack.udp_connect_from({Ipv4Address(), 0}, {server_.address, 7}, {}).value();
    std::array<std::byte, 64> data{};
    for (unsigned long i = 0; i < count; ++i) {
      until([&] { return client.poll_send(context_, waiter_, data); });
      const Received about = until([&] { return server.poll_receive(context_, waiter_, data); });
      until([&] { return server.poll_send(context_, waiter_, about.local, about.remote, data); });
      until([&] { return client.poll_receive(context_, waiter_, data); });
    }
  }

 private:
  test::VirtualClock clock_;
  Executor executor_{clock_};
  Context context_ = Context::probe(executor_);
  Waiter waiter_;
  drivers::WirePair wire_;
  Side client_{executor_, wire_.a(), 1};
  Side server_{executor_, wire_.b(), 2};
  std::optional<Stream> near_;
  std::optional<Stream> far_;
  std::vector<Stack::MultiplyBoundUdp> idle_udp_;
  std::vector<Stream> idle_tcp_;
};

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 2 ? argv[1] : "";
  const unsigned long count = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 0;
  const unsigned long idle = argc > 3 ? std::strtoul(argv[3], nullptr, 10) : what == "active" ? kActive : 0;
  if (idle > kMostIdle) { return 2; }
  static std::optional<World> world;
  world.emplace(static_cast<std::uint16_t>(idle), what == "bulk-offload");
  if (what == "bulk" || what == "bulk-offload") {
    world->bulk(count);
  } else if (what == "active" && idle >= kActive) {
    world->active(count);
  } else if (what == "ping-pong") {
    world->ping_pong(count);
  } else if (what == "udp") {
    world->udp(count);
  } else {
    std::fprintf(stderr, "usage: %s bulk|bulk-offload|ping-pong|active|udp COUNT [IDLE]\n", argv[0]);
    return 2;
  }
  world.reset();
  return 0;
}

#include "tests/backends/drivers/linux_world.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

namespace nal::test {

namespace {

std::uint16_t big_endian(std::uint16_t value) {
  const unsigned char bytes[] = {static_cast<unsigned char>(value >> 8), static_cast<unsigned char>(value & 0xff)};
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

}  // namespace

Outside::Outside(std::uint32_t interface) : fd_(::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
  REQUIRE(fd_ >= 0);
  const int on = 1;
  REQUIRE(::setsockopt(fd_, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) == 0);
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = big_endian(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(interface);
  REQUIRE(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
}

Outside::~Outside() { ::close(fd_); }

bool Outside::send(const Frame& frame) const {
  return ::send(fd_, frame.data(), frame.size(), 0) == static_cast<ssize_t>(frame.size());
}

std::optional<Frame> Outside::receive() const {
  Frame frame(70'000);
  const ssize_t size = ::recv(fd_, frame.data(), frame.size(), 0);
  if (size < 0) { return std::nullopt; }
  frame.resize(static_cast<std::size_t>(size));
  return frame;
}

LinuxWorld::LinuxWorld() {
  network.set("ipv6/conf/default/disable_ipv6", "1");
  REQUIRE(reactor.status());
}

void LinuxWorld::pause() { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }

posix::Poller LinuxWorld::poller() {
  const auto poller = GENERATE(posix::Poller::epoll, posix::Poller::poll);
  UNSCOPED_INFO((poller == posix::Poller::epoll ? "epoll" : "poll()"));
  return poller;
}

}  // namespace nal::test

// The embedded stack on a TAP interface against the kernel's TCP: bytes to it or from it, in one thread.
// `send|receive BYTES none|checksum|segmentation [RINGS]`: through nal0, which it makes and which the caller has
// brought up as 10.9.0.1/24 as soon as it says "up"; its peer listens on 10.9.0.1:9; with rings of class 0 (64 KiB), 1
// (256 KiB) or 2 (1 MiB). `peer sink|source BYTES`: that peer, on the kernel's sockets. What the CPU was used for by
// the one is told on standard output: bytes, seconds, user and system CPU seconds, frames in and out.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

#include "backends/drivers/linux/tap.hpp"
#include "backends/embedded/stack.hpp"
#include "backends/posix/reactor.hpp"
#include "nal/block_on.hpp"
#include "nal/hosted/entropy.hpp"
#include "nal/task_slot.hpp"
#include "nal/tcp.hpp"

namespace {

using namespace nal;
using embedded::Stack;

constexpr std::uint16_t kPort = 9;
constexpr std::size_t kBlock = 256 * 1024;
constexpr embedded::Config kConfig{
    .packets = 256,
    .packet_size = 2048,
    .large_packets = 16,
    .large_packet_size = drivers::Tap::kLongPacketSize,
    .tcp = {.connections = 2, .rings = {{{65536, 65536, 1}, {256 << 10, 256 << 10, 1}, {1 << 20, 1 << 20, 1}}}},
};
constexpr embedded::Settings kSettings{.addresses = {.ipv6_transmits = 0, .ipv4_probes = 0}};

int failed(const char* what, Error why) {
  std::fprintf(stderr, "cannot %s: %s\n", what, to_string(why));
  return 1;
}

Task<> run_stack(Stack& stack) { co_return co_await stack.run(); }

Task<> send(Stack::TcpStream& stream, std::span<const std::byte> block, unsigned long bytes) {
  while (bytes > 0) {
    const std::size_t size = std::min<std::size_t>(bytes, block.size());
    NAL_CO_TRY(write_all(stream, block.first(size)));
    bytes -= size;
  }
  co_return Unit{};
}

Task<> receive(Stack::TcpStream& stream, std::span<std::byte> block, unsigned long bytes) {
  while (bytes > 0) {
    NAL_CO_TRY_SET(const std::size_t got, read(stream, block));
    if (got == 0) { co_return Unexpected(Error::end_of_stream); }
    bytes -= got;
  }
  co_return Unit{};
}

Task<> talk(Stack& stack, bool sends, std::span<std::byte> block, unsigned long bytes, std::uint8_t rings) {
  const Endpoint peer(Ipv4Address(10, 9, 0, 1), kPort);
  const TcpOptions options{.ring_class = rings};
  NAL_CO_TRY_SET(auto stream, connect(stack, peer, options));
  if (sends) {
    NAL_CO_TRY(send(stream, block, bytes));
  } else {
    NAL_CO_TRY(receive(stream, block, bytes));
  }
  co_return co_await close(std::move(stream));
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

int run(bool sends, unsigned long bytes, std::string_view offload, std::uint8_t rings) {
  using drivers::TapOffload;
  // A pool of the device's own for frames longer than the stack's packets.
  static driver::PacketMemory<64, drivers::Tap::kLongPacketSize> long_memory;
  driver::PacketPool long_packets(long_memory);
  posix::Reactor reactor;
  Executor executor(reactor);
  drivers::Tap tap(reactor, {.name = "nal0",
                             .offload = offload == "segmentation" ? TapOffload::segmentation
                                        : offload == "checksum"   ? TapOffload::checksum
                                                                  : TapOffload::none,
                             .long_packets = offload == "segmentation" ? &long_packets : nullptr});
  if (!tap.status()) { return failed("make nal0", tap.status().error()); }
  static embedded::Resources<kConfig> memory;
  int status = 0;
  {
    Stack stack(executor, memory, system_entropy(), kSettings);
    const InterfaceId interface = stack.add_interface(tap).value();
    if (!stack.add_address(interface, Cidr(Ipv4Address(10, 9, 0, 2), 24))) { std::abort(); }
    std::puts("up");
    std::fflush(stdout);
    TaskSlot<1024> runner;
    if (!runner.start(executor, run_stack, stack)) { std::abort(); }
    if (const auto up = block_on(executor, stack.wait_config_up(interface)); !up) {
      return failed("wait for nal0", up.error());
    }
    std::vector<std::byte> block(kBlock);
    TaskSlot<4096> slot;
    const Instant begin = executor.now();
    const auto done = block_on(executor, slot, talk, stack, sends, block, bytes, rings);
    const Duration took = executor.now() - begin;
    if (!done) { status = failed("exchange", done.error()); }
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    std::printf("%lu %.6f %.6f %.6f %u %u\n", bytes, static_cast<double>(took.microseconds()) * 1e-6,
                seconds(usage.ru_utime), seconds(usage.ru_stime), tap.counters().received, tap.counters().transmitted);
    runner.cancel();
  }
  tap.give_back(long_packets);
  return status;
}

/// The kernel's end: takes everything, or sends so much.
int peer(bool sink, unsigned long bytes) {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(kPort);
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener, 1) != 0) {
    std::perror("listen");
    return 1;
  }
  std::puts("listening");
  std::fflush(stdout);
  const int fd = ::accept(listener, nullptr, nullptr);
  std::vector<char> block(kBlock);
  if (!sink) {
    while (bytes > 0) {
      const ssize_t sent = ::send(fd, block.data(), std::min<std::size_t>(bytes, block.size()), MSG_NOSIGNAL);
      if (sent <= 0) { return 1; }
      bytes -= static_cast<unsigned long>(sent);
    }
    ::shutdown(fd, SHUT_WR);
  }
  while (::recv(fd, block.data(), block.size(), 0) > 0) {}
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const auto is = [&](int i, std::string_view what) { return i < argc && argv[i] == what; };
  if (argc == 4 && is(1, "peer") && (is(2, "sink") || is(2, "source"))) {
    return peer(is(2, "sink"), std::strtoul(argv[3], nullptr, 10));
  }
  const unsigned long rings = argc > 4 ? std::strtoul(argv[4], nullptr, 10) : 0;
  if ((argc == 4 || argc == 5) && (is(1, "send") || is(1, "receive")) && rings < 3) {
    return run(is(1, "send"), std::strtoul(argv[2], nullptr, 10), argv[3], static_cast<std::uint8_t>(rings));
  }
  std::fprintf(stderr,
               "usage: %s send|receive BYTES none|checksum|segmentation [RINGS]\n       %s peer sink|source BYTES\n",
               argv[0], argv[0]);
  return 2;
}

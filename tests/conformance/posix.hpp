#pragma once
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string_view>

#include "backends/posix/stack.hpp"
#include "tests/conformance/fixture.hpp"

namespace nal::conformance {

/// One POSIX stack that speaks with itself over the machine's loopback interface. `NAL_TEST_POLLER` (epoll, poll) in the
/// environment says how its reactor waits.
class PosixFixture {
 public:
  using Stack = posix::Stack;
  static constexpr std::array kSkipped{
      SkippedCase{"A stream that lingers is given up after a bounded time",
                  "the kernel lingers, under TCP_USER_TIMEOUT and TCP_LINGER2; the entry is free at once"},
      SkippedCase{"A lingering stream gives way to a new connection, an owned one never does",
                  "the kernel lingers, and no entry of the stack's does"},
      SkippedCase{"A name that does not exist is not found",
                  "the system's resolver would ask the machine's name server; examples/run asks one of its own"},
      SkippedCase{"A connection that was reset while it waited is passed over",
                  "Linux hands it to accept all the same, and its first read tells the reset"},
      SkippedCase{"A sender that does not want its own datagrams back does not get them",
                  "on the loopback interface what is sent comes back through the interface, not through the option"},
  };
  /// Only a broken backend takes so long.
  static constexpr Duration kPatience = Duration::seconds(10);
  static constexpr Duration kALittle = Duration::milliseconds(20);
  static constexpr std::size_t kLargestDatagram = 60'000;
  static constexpr std::size_t kManyBytes = 5'000'000;

  Executor& executor() { return executor_; }
  Stack& client() { return stack_; }
  Stack& server() { return stack_; }
  std::size_t in_use() const { return stack_.in_use(); }

  static bool has(Family family) {
    if (family != Family::v6) { return true; }
    const int fd = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) { return false; }
    const sockaddr_in6 loopback{.sin6_family = AF_INET6,
                                .sin6_port = 0,
                                .sin6_flowinfo = 0,
                                .sin6_addr = IN6ADDR_LOOPBACK_INIT,
                                .sin6_scope_id = 0};
    const bool bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&loopback), sizeof loopback) == 0;
    ::close(fd);
    return bound;
  }
  /// Linux carries no IPv6 multicast on its loopback interface.
  static bool has_multicast(Family family) { return family == Family::v4; }
  static IpAddress client_address(Family family) { return IpAddress::loopback(family); }
  static IpAddress server_address(Family family) { return IpAddress::loopback(family); }
  /// IPv6 has one loopback address only.
  static IpAddress other_server_address(Family family) {
    return family == Family::v4 ? IpAddress(Ipv4Address(127, 0, 0, 2)) : IpAddress::loopback(family);
  }
  static IpAddress broadcast_address() { return Ipv4Address(127, 255, 255, 255); }
  static InterfaceId multicast_interface() {
    const unsigned index = ::if_nametoindex("lo");
    return InterfaceId(index != 0 ? index : ::if_nametoindex("lo0"));
  }

 private:
  static posix::Poller poller() {
    const char* name = std::getenv("NAL_TEST_POLLER");
    if (!name) { return posix::kDefaultPoller; }
    return std::string_view(name) == "poll" ? posix::Poller::poll : posix::Poller::epoll;
  }

  posix::Reactor reactor_{poller()};
  Executor executor_{reactor_};
  posix::Resources<posix::Config{.sockets = 24, .lookups = 4}> memory_;
  posix::Stack stack_{reactor_, executor_, memory_};
};

}  // namespace nal::conformance

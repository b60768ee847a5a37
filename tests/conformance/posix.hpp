#pragma once
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <span>
#include <string_view>

#include "backends/posix/stack.hpp"
#include "tests/conformance/fixture.hpp"
#include "tests/support/own_network.hpp"

namespace nal::conformance {

/// One POSIX stack that speaks with itself. In the environment, `NAL_TEST_POLLER` (epoll, poll) says how its reactor
/// waits, and `NAL_TEST_NETWORK` where: over the machine's loopback interface, or (own) in a network of the process's
/// own, with an interface that carries all that loopback does not.
class PosixFixture {
 public:
  using Stack = posix::Stack;

  static std::span<const SkippedCase> skipped() {
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
    return std::span(kSkipped).first(own_network() ? kSkipped.size() - 1 : kSkipped.size());
  }
  static constexpr unsigned kTasks = 0;
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
  static bool has_multicast(Family family) { return own_network() || family == Family::v4; }
  static IpAddress client_address(Family family) { return server_address(family); }
  static IpAddress server_address(Family family) {
    using namespace literals;
    if (!own_network()) { return IpAddress::loopback(family); }
    return family == Family::v4 ? "10.77.0.1"_ip : "fd77::1"_ip;
  }
  static IpAddress other_server_address(Family family) {
    using namespace literals;
    if (own_network()) { return family == Family::v4 ? "10.77.0.2"_ip : "fd77::2"_ip; }
    // Of IPv6 there is one loopback address only.
    return family == Family::v4 ? "127.0.0.2"_ip : IpAddress::loopback(family);
  }
  static IpAddress broadcast_address() {
    return own_network() ? Ipv4Address(10, 77, 0, 255) : Ipv4Address(127, 255, 255, 255);
  }
  static InterfaceId multicast_interface() {
    if (own_network()) { return InterfaceId(::if_nametoindex("nal0")); }
    const unsigned index = ::if_nametoindex("lo");
    return InterfaceId(index != 0 ? index : ::if_nametoindex("lo0"));
  }

 private:
  static std::string_view environment(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
  }
  static posix::Poller poller() {
    static_cast<void>(own_network());  // entered before the backend makes anything
    const std::string_view name = environment("NAL_TEST_POLLER");
    if (name.empty()) { return posix::kDefaultPoller; }
    return name == "poll" ? posix::Poller::poll : posix::Poller::epoll;
  }
  /// Whether it was asked for and the system allows it. Entered when first asked about, before there are threads.
  static bool own_network() {
    static const bool own = environment("NAL_TEST_NETWORK") == "own" && test::enter_own_network();
    return own;
  }

  posix::Reactor reactor_{poller()};
  Executor executor_{reactor_};
  posix::Resources<posix::Config{.sockets = 24, .lookups = 4}> memory_;
  posix::Stack stack_{reactor_, executor_, memory_};
};

}  // namespace nal::conformance

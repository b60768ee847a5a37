#include "tests/backends/posix/own_network.hpp"

#include <catch2/catch_test_macros.hpp>

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <thread>

#include "tests/backends/posix/faults.hpp"

namespace nal::test {

namespace {

int current_network() {
  const int fd = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  REQUIRE(fd >= 0);
  return fd;
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  INFO("writing '" << text << "' to " << path);
  REQUIRE(file.good());
}

// A new user namespace, once a process, in which this process may do to networks what it likes.
bool may_have_networks() {
  static const bool may = [] {
    const std::string uid = std::to_string(::getuid());
    const std::string gid = std::to_string(::getgid());
    if (::unshare(CLONE_NEWUSER) < 0) { return ::geteuid() == 0; }
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/uid_map", "0 " + uid + " 1");
    write_file("/proc/self/gid_map", "0 " + gid + " 1");
    return true;
  }();
  return may;
}

}  // namespace

OwnNetwork::OwnNetwork() {
  const Untouched untouched;
  if (!may_have_networks()) { SKIP("user namespaces are forbidden here"); }
  if (std::system("ip -V >/dev/null 2>&1") != 0) { SKIP("ip (iproute2) is not there"); }
  before_ = current_network();
  if (::unshare(CLONE_NEWNET) < 0) { SKIP("network namespaces are forbidden here: " << std::strerror(errno)); }
  own_ = current_network();
  ip("link set lo up");
}

OwnNetwork::~OwnNetwork() {
  const Untouched untouched;
  if (own_ < 0) { return; }
  ::setns(before_, CLONE_NEWNET);
  ::close(before_);
  ::close(own_);
}

void OwnNetwork::ip(const std::string& words) const {
  const Visit visit(*this);
  const std::string command = "ip " + words;
  INFO(command);
  REQUIRE(std::system(command.c_str()) == 0);
}

void OwnNetwork::set(const std::string& name, const std::string& value) const {
  const Visit visit(*this);
  write_file("/proc/sys/net/" + name, value);
}

void OwnNetwork::wire(const std::string& a, const std::string& b) const {
  ip("link add " + a + " type veth peer name " + b);
  ip("link set " + a + " up");
  ip("link set " + b + " up");
  await_running(a);
  await_running(b);
}

void OwnNetwork::await(const std::string& command) const {
  const Untouched untouched;
  const Visit visit(*this);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  bool done = false;
  while (!done && std::chrono::steady_clock::now() < end) {
    done = std::system(command.c_str()) == 0;
    if (!done) { std::this_thread::sleep_for(std::chrono::milliseconds(5)); }
  }
  INFO(command);
  REQUIRE(done);
}

void OwnNetwork::await_running(const std::string& interface) const {
  // Until then Linux lets it have the queue that takes everything and sends nothing.
  await("ip link show dev " + interface + " | grep -q 'state UP'");
  // It says so before it is done, under a lock that this has to wait for.
  ip("link set " + interface + " up");
}

void OwnNetwork::add_address(const std::string& interface, const std::string& address) const {
  const bool v6 = address.find(':') != std::string::npos;
  ip("address add " + address + " dev " + interface + (v6 ? " nodad" : ""));
  // Linux adds the route to an IPv6 address a little later.
  if (v6) { await("ip -6 route show table local | grep -q 'local " + address.substr(0, address.find('/')) + " '"); }
}

std::uint32_t OwnNetwork::index(const std::string& interface) const {
  const Visit visit(*this);
  const unsigned index = ::if_nametoindex(interface.c_str());
  REQUIRE(index != 0);
  return index;
}

void OwnNetwork::give(const std::string& interface, const OwnNetwork& to) const {
  ip("link set " + interface + " netns /proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(to.own_));
}

OwnNetwork::Visit::Visit(const OwnNetwork& network) : before_(current_network()) {
  REQUIRE(::setns(network.own_, CLONE_NEWNET) == 0);
}
OwnNetwork::Visit::~Visit() {
  const Untouched untouched;
  ::setns(before_, CLONE_NEWNET);
  ::close(before_);
}

}  // namespace nal::test

#include "backends/drivers/linux/link_watch.hpp"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "backends/posix/error.hpp"

namespace nal::drivers {

namespace {

Result<> fail() noexcept { return Unexpected(posix::error_from_errno(errno)); }

/// Asks about the interface `name`, on any socket.
bool ask(int fd, unsigned long what, const char* name, ifreq& answer) noexcept {
  answer = {};
  std::string_view(name).copy(answer.ifr_name, sizeof answer.ifr_name - 1);
  return ::ioctl(fd, what, &answer) == 0;
}

}  // namespace

Result<> LinkWatch::open(posix::Reactor& reactor, const char* name, posix::Source& device) noexcept {
  NAL_ASSERT(source_.fd < 0);
  std::string_view(name).copy(name_, sizeof name_ - 1);
  source_.fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (source_.fd < 0) { return fail(); }
  sockaddr_nl groups{};
  groups.nl_family = AF_NETLINK;
  groups.nl_groups = RTMGRP_LINK;
  if (::bind(source_.fd, reinterpret_cast<const sockaddr*>(&groups), sizeof groups) < 0) { return fail(); }

  ifreq answer;
  if (!ask(source_.fd, SIOCGIFINDEX, name_, answer)) { return Unexpected(Error::network_down); }
  index_ = answer.ifr_ifindex;
  if (!ask(source_.fd, SIOCGIFMTU, name_, answer)) { return fail(); }
  mtu_ = static_cast<std::uint16_t>(std::clamp(answer.ifr_mtu, 68, 65535));
  if (ask(source_.fd, SIOCGIFHWADDR, name_, answer)) {
    MacAddress::Bytes bytes;
    std::memcpy(bytes.data(), answer.ifr_hwaddr.sa_data, bytes.size());
    address_ = MacAddress::from_bytes(bytes);
  }

  source_.wakes = &device;
  NAL_TRY(reactor.add(source_));
  reactor_ = &reactor;
  source_.readable = true;  // nothing is known yet
  return {};
}

void LinkWatch::close() noexcept {
  if (reactor_) { reactor_->remove(source_); }
  if (source_.fd >= 0) { ::close(source_.fd); }
  source_.fd = -1;
  reactor_ = nullptr;
}

bool LinkWatch::look() noexcept {
  if (!source_.readable || !reactor_) { return false; }
  source_.readable = false;
  // What the messages say is asked for anyway: too many of them lose some.
  std::byte ignored[64];
  while (::recv(source_.fd, ignored, sizeof ignored, 0) >= 0 || errno == EINTR || errno == ENOBUFS) {}
  ifreq answer;
  up_ = ask(source_.fd, SIOCGIFFLAGS, name_, answer) && (answer.ifr_flags & IFF_UP) != 0 &&
        (answer.ifr_flags & IFF_RUNNING) != 0;
  return true;
}

}  // namespace nal::drivers

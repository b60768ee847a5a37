#pragma once
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace nal::test {

/// A network of this process's own (Linux): nothing of the machine's is seen or changed, and it goes with the process.
///
/// Interface `nal0` has 10.77.0.1, 10.77.0.2, fd77::1 and fd77::2, and the multicast and broadcast that loopback lacks;
/// nobody is at its other end. Call it before the process has threads. False where the system does not allow it or has
/// no `ip` command; then nothing has changed that matters.
inline bool enter_own_network() {
#ifdef __linux__
  const auto write_to = [](const char* path, const std::string& text) {
    const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
    const bool written = fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    if (fd >= 0) { ::close(fd); }
    return written;
  };
  const std::string user = std::to_string(::getuid());
  const std::string group = std::to_string(::getgid());
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) { return false; }
  return write_to("/proc/self/setgroups", "deny") && write_to("/proc/self/uid_map", "0 " + user + " 1") &&
         write_to("/proc/self/gid_map", "0 " + group + " 1") &&
         std::system(
             "{ ip link set lo up && ip link add nal0 type veth peer name nal1 && ip link set nal1 up &&"
             " ip link set nal0 up && ip address add 10.77.0.1/24 broadcast + dev nal0 &&"
             " ip address add 10.77.0.2/24 dev nal0 && ip address add fd77::1/64 dev nal0 nodad &&"
             " ip address add fd77::2/64 dev nal0 nodad; } 2>/dev/null") == 0;
#else
  return false;
#endif
}

}  // namespace nal::test

#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "nal/time.hpp"

namespace nal::test {

/// The system calls that tests stand in for. The linker leads every call in this program, the library's and the tests'
/// own, through faults.cpp (`--wrap`, see meson.build).
enum class Call : std::uint8_t {
  accept4,
  bind,
  close,
  connect,
  epoll_create1,
  epoll_ctl,
  epoll_pwait2,
  epoll_wait,
  eventfd,
  getpeername,
  getsockname,
  getsockopt,
  listen,
  poll,
  pthread_create,
  read,
  recv,
  recvmsg,
  send,
  sendmsg,
  setsockopt,
  shutdown,
  socket,
  write,
};
inline constexpr std::size_t kCalls = static_cast<std::size_t>(Call::write) + 1;

/// One `setsockopt` with an int (or whatever begins with one).
struct OptionSet {
  int fd;
  int level;
  int name;
  int value;
};

/// Stands between this thread and the system while it lives: counts calls, and has them fail by a script. What is
/// scripted for a call happens in the order in which it was said, one call after the other; calls beyond the script go
/// through. Other threads are not touched. There is one at a time.
class Faults {
 public:
  Faults();
  Faults(const Faults&) = delete;
  Faults& operator=(const Faults&) = delete;
  ~Faults();

  /// The next `times` calls do nothing but fail.
  Faults& fail(Call call, int error, unsigned times = 1);
  /// The next call does its work and then says that it failed.
  Faults& fail_afterwards(Call call, int error);
  /// The next `times` calls go through.
  Faults& let_through(Call call, unsigned times = 1);
  /// The next call goes through, once `what` has happened.
  Faults& before(Call call, std::function<void()> what);
  /// The next `getsockopt(SO_ERROR)` tells this.
  Faults& pending_error(int error);
  /// The next wait for readiness asks nobody, and tells this of everything that is watched.
  Faults& pretend(std::uint32_t epoll_events, short poll_events);
  /// As `fail`, for whichever call waits for readiness.
  Faults& fail_waiting(int error, unsigned times = 1);

  /// From now on the clock stands still but for waiting: a wait that nothing ends takes its time-out and `lateness`,
  /// and returns at once.
  void virtual_time(Duration lateness = {});

  /// Calls so far, scripted ones included.
  unsigned count(Call call) const;
  /// Calls that waited for readiness.
  unsigned waits() const { return count(Call::epoll_wait) + count(Call::epoll_pwait2) + count(Call::poll); }
  /// Everything that was scripted has happened.
  bool spent() const;
  /// What the last such call gave (a descriptor, for `socket` and `accept4`).
  int last(Call call) const;
  /// The options set so far, in order.
  const std::vector<OptionSet>& options() const;
  /// The value of the last option of that name, or `none`.
  int option(int level, int name, int none = -1) const;

  struct State;

 private:
  std::unique_ptr<State> state_;
};

/// While it lives the calls of this thread are neither counted nor changed: for the other end of a connection.
class Untouched {
 public:
  Untouched();
  Untouched(const Untouched&) = delete;
  Untouched& operator=(const Untouched&) = delete;
  ~Untouched();

 private:
  Faults::State* before_;
};

/// Calls of `malloc` and its like, and of `operator new`, that this program's own code (Catch2's and the tests' too)
/// has made so far, in any thread.
std::size_t allocations();

/// Threads that this program's own code (no shared library's) has started and that have not ended.
std::size_t live_threads();

}  // namespace nal::test

#pragma once
#include <poll.h>

#include "nal/detail/list.hpp"
#include "nal/executor.hpp"
#include "nal/result.hpp"

namespace nal::posix {

/// A file descriptor whose readiness the reactor watches. What lives in a socket table, a TAP driver, a pipe.
///
/// The flags remember what the system said last: while `readable` (or `writable`) is true, trying may succeed; whoever
/// gets EAGAIN clears it and waits in the list. An edge from the system sets it and wakes the list.
struct Source : detail::ListNode<Source> {
  int fd = -1;
  bool readable = true;
  bool writable = true;
  /// A short read does not prove that nothing is left, because the edge that tells of the rest has gone by: the peer
  /// has ended, an error stands, or there was urgent data, at whose mark a read stops.
  bool keep_reading = false;
  /// Whose readers are woken too by whatever is told of this one: who waits for a device waits in one list for all that
  /// may happen to it.
  Source* wakes = nullptr;
  WaitList readers;
  WaitList writers;
};

/// Which system call waits for readiness.
enum class Poller : std::uint8_t {
  epoll,  ///< Linux; cost follows activity
  poll,   ///< any POSIX system; cost follows the number of waiting sources
};
#ifdef __linux__
inline constexpr Poller kDefaultPoller = Poller::epoll;
#else
inline constexpr Poller kDefaultPoller = Poller::poll;
#endif

/// The platform of a POSIX thread: the monotonic clock, and sleep until a descriptor is ready, a timer is due, or
/// another thread raises an event. Shared by every stack and driver of its executor; outlives them all.
///
/// Readiness is edge-triggered: a source is registered once, and no system call is spent on re-arming it.
class Reactor final : public Platform {
 public:
  explicit Reactor(Poller poller = kDefaultPoller) noexcept;
  ~Reactor();

  /// What went wrong when it was made (out of descriptors, say); then nothing else works.
  Result<> status() const noexcept { return status_; }
  Poller poller() const noexcept { return poller_; }

  /// Watches `source.fd`, which must be non-blocking and open. *Errors*: no_memory, table_full.
  Result<> add(Source& source) noexcept;
  /// Forgets it; before the descriptor is closed.
  void remove(Source& source) noexcept;

  /// Has `waiter` woken after a pause, or by `retry_now`: for what no descriptor announces, such as a free descriptor.
  void wait_for_retry(Context& context, Waiter& waiter, Wait why) noexcept;
  void retry_now() noexcept;

  // For a loop of somebody else's, which polls the executor when the descriptor is readable, or that instant has come.

  /// Readable when `poll` would find something; -1 with `Poller::poll`, which has no such descriptor.
  int descriptor() const noexcept { return epoll_fd_; }
  /// When `poll` has something to do that neither the descriptor nor a timer of the executor tells of.
  Instant poll_at() const noexcept { return retry_at_; }

  Instant now() noexcept override;
  void poll(Executor& executor, Instant deadline) noexcept override;
  void wake() noexcept override;

  static constexpr Duration kRetryPause = Duration::milliseconds(100);

 private:
  void wait_epoll(Instant deadline) noexcept;
  void wait_poll(Instant deadline) noexcept;
  void open_wake_descriptors() noexcept;
  void drain_wake_descriptor() noexcept;
  void poll_otherwise(Instant deadline) noexcept;
  static void make_readable(Source& source) noexcept;
  static void make_writable(Source& source) noexcept;

  Result<> reserve(std::size_t count) noexcept;

  Poller poller_;
  int epoll_fd_ = -1;
  int wake_read_fd_ = -1;
  int wake_write_fd_ = -1;
  Result<> status_;
  detail::List<Source, Source> sources_;
  std::size_t source_count_ = 0;
  // For `poll()`: what to ask, and whom it concerns.
  pollfd* polled_ = nullptr;
  Source** waiting_ = nullptr;
  std::size_t capacity_ = 0;
  WaitList retry_;
  Instant retry_at_ = Instant::max();
  bool plain_ = false;  ///< epoll works and nobody waits for a retry: nothing but `wait_epoll` to do
};

}  // namespace nal::posix

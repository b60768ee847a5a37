#include "backends/posix/reactor.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <ctime>
#ifdef __linux__
#include <sys/epoll.h>
#include <sys/eventfd.h>
#endif

#include "backends/posix/error.hpp"

namespace nal::posix {

namespace {

// As the caller's deadline, so that a wait never ends before it: rounded up.
int milliseconds_until(Instant deadline, Instant now) noexcept {
  if (deadline == Instant::max()) { return -1; }
  if (deadline <= now) { return 0; }
  const std::int64_t ms = (deadline - now).milliseconds_rounded_up();
  return ms > INT_MAX ? INT_MAX : static_cast<int>(ms);
}

}  // namespace

Reactor::Reactor(Poller poller) noexcept : poller_(poller) {
#ifdef __linux__
  if (poller_ == Poller::epoll) {
    epoll_fd_ = ::epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd_ < 0) {
      status_ = Unexpected(error_from_errno(errno));
      return;
    }
  }
#else
  poller_ = Poller::poll;
#endif
  open_wake_descriptors();
  if (poller_ == Poller::poll && status_) { status_ = reserve(1); }
  plain_ = poller_ == Poller::epoll && status_;
}

Reactor::~Reactor() {
  NAL_ASSERT(sources_.empty());
  if (wake_write_fd_ >= 0 && wake_write_fd_ != wake_read_fd_) { ::close(wake_write_fd_); }
  if (wake_read_fd_ >= 0) { ::close(wake_read_fd_); }
  if (epoll_fd_ >= 0) { ::close(epoll_fd_); }
  std::free(polled_);
  std::free(waiting_);
}

void Reactor::open_wake_descriptors() noexcept {
#ifdef __linux__
  wake_read_fd_ = wake_write_fd_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (wake_read_fd_ < 0) {
    status_ = Unexpected(error_from_errno(errno));
    return;
  }
  if (poller_ == Poller::epoll) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    event.data.ptr = nullptr;
    if (::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, wake_read_fd_, &event) < 0) {
      status_ = Unexpected(error_from_errno(errno));
    }
  }
#else
  int ends[2];
  if (::pipe(ends) < 0) {
    status_ = Unexpected(error_from_errno(errno));
    return;
  }
  for (int end : ends) {
    ::fcntl(end, F_SETFL, O_NONBLOCK);
    ::fcntl(end, F_SETFD, FD_CLOEXEC);
  }
  wake_read_fd_ = ends[0];
  wake_write_fd_ = ends[1];
#endif
}

Result<> Reactor::add(Source& source) noexcept {
  NAL_ASSERT(source.fd >= 0 && !source.linked());
  NAL_TRY(status_);
#ifdef __linux__
  if (poller_ == Poller::epoll) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET;
    event.data.ptr = &source;
    if (::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, source.fd, &event) < 0) { return Unexpected(error_from_errno(errno)); }
  }
#endif
  if (poller_ == Poller::poll) { NAL_TRY(reserve(source_count_ + 2)); }
  ++source_count_;
  sources_.push_back(source);
  return {};
}

// Grown when a source is added, so that waiting never allocates. One more than the sources: the wake descriptor.
Result<> Reactor::reserve(std::size_t count) noexcept {
  if (count <= capacity_) { return {}; }
  const std::size_t wanted = count * 2;
  void* polled = std::realloc(static_cast<void*>(polled_), wanted * sizeof(pollfd));
  if (!polled) { return Unexpected(Error::no_memory); }
  polled_ = static_cast<pollfd*>(polled);
  void* waiting = std::realloc(static_cast<void*>(waiting_), wanted * sizeof(Source*));
  if (!waiting) { return Unexpected(Error::no_memory); }
  waiting_ = static_cast<Source**>(waiting);
  capacity_ = wanted;
  return {};
}

void Reactor::remove(Source& source) noexcept {
  if (!source.linked()) { return; }
#ifdef __linux__
  // Closing alone does not do it: a descriptor that a child process inherited keeps the registration alive.
  if (poller_ == Poller::epoll) { ::epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, source.fd, nullptr); }
#endif
  --source_count_;
  source.unlink();
}

Instant Reactor::now() noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return Instant::from_microseconds(std::int64_t{time.tv_sec} * 1'000'000 + time.tv_nsec / 1'000);
}

void Reactor::wake() noexcept {
  const std::uint64_t one = 1;
  const int saved = errno;  // may run in a signal handler
  while (::write(wake_write_fd_, &one, wake_write_fd_ == wake_read_fd_ ? sizeof one : 1) < 0 && errno == EINTR) {}
  errno = saved;
}

void Reactor::drain_wake_descriptor() noexcept {
  std::uint64_t count = 0;
  while (::read(wake_read_fd_, &count, sizeof count) > 0 && wake_read_fd_ != wake_write_fd_) {}
}

void Reactor::wait_for_retry(Context& context, Waiter& waiter, Wait why) noexcept {
  const Instant at = context.now() + kRetryPause;
  if (at < retry_at_) { retry_at_ = at; }
  plain_ = false;
  retry_.add(context, waiter, why);
}

void Reactor::retry_now() noexcept {
  retry_at_ = Instant::max();
  plain_ = poller_ == Poller::epoll && status_;
  retry_.wake_all();
}

inline void Reactor::make_readable(Source& source) noexcept {
  source.readable = true;
  source.readers.wake_all();
  if (source.wakes) { source.wakes->readers.wake_all(); }
}

inline void Reactor::make_writable(Source& source) noexcept {
  source.writable = true;
  source.writers.wake_all();
  if (source.wakes) { source.wakes->readers.wake_all(); }
}

#ifdef __linux__
namespace {

constexpr int kBatch = 64;

// Microseconds, where the system has them: a millisecond timer would add up to one of delay to every round.
[[gnu::noinline]] int epoll_until(int epoll_fd, epoll_event* events, Instant deadline, Instant now) noexcept {
#if defined(__GLIBC_PREREQ) && __GLIBC_PREREQ(2, 35)
  const std::int64_t us = deadline > now ? (deadline - now).microseconds() : 0;
  timespec timeout{};
  timeout.tv_sec = static_cast<time_t>(us / 1'000'000);
  timeout.tv_nsec = static_cast<long>(us % 1'000'000 * 1'000);
  const int count = ::epoll_pwait2(epoll_fd, events, kBatch, &timeout, nullptr);
  // Not there in kernels before 5.11; forbidden by the system call filters of containers that know it not.
  if (count >= 0 || (errno != ENOSYS && errno != EPERM)) { return count; }
#endif
  return ::epoll_wait(epoll_fd, events, kBatch, milliseconds_until(deadline, now));
}

}  // namespace

[[gnu::always_inline]] inline void Reactor::wait_epoll(Instant deadline) noexcept {
  epoll_event events[kBatch];
  int count;
  if (deadline == Instant::max() || deadline == Instant{}) {
    count = ::epoll_wait(epoll_fd_, events, kBatch, deadline == Instant{} ? 0 : -1);
  } else {
    count = epoll_until(epoll_fd_, events, deadline, now());
  }
  // Nothing of the application runs in this loop, so no source of the batch can go away under it.
  for (const epoll_event* event = events; count > 0; --count, ++event) {
    auto* source = static_cast<Source*>(event->data.ptr);
    if (!source) { continue; }  // the wake descriptor: edge-triggered, so never read
    std::uint32_t what = event->events;
    if ((what & ~std::uint32_t{EPOLLIN | EPOLLOUT}) != 0) {
      source->keep_reading = true;
      what = EPOLLIN | EPOLLOUT;
    }
    if (what & EPOLLIN) { make_readable(*source); }
    // An edge tells everything that is ready, not what is new: most are about reading.
    if ((what & EPOLLOUT) != 0 && (!source->writable || !source->writers.empty())) { make_writable(*source); }
  }
}
#else
inline void Reactor::wait_epoll(Instant) noexcept {}
#endif

void Reactor::poll(Executor& executor, Instant deadline) noexcept {
  if (executor.has_events()) { deadline = Instant{}; }
  if (plain_) {
    wait_epoll(deadline);
  } else {
    poll_otherwise(deadline);
  }
}

void Reactor::poll_otherwise(Instant deadline) noexcept {
  if (retry_at_ < deadline) { deadline = retry_at_; }
  if (!status_) {
    // Nothing to wait with and nothing watched: no more than timers, and events a little late.
    const Instant soon = now() + kRetryPause;
    ::poll(nullptr, 0, milliseconds_until(deadline < soon ? deadline : soon, now()));
  } else if (poller_ == Poller::epoll) {
    wait_epoll(deadline);
  } else {
    wait_poll(deadline);
  }
  if (retry_at_ != Instant::max() && now() >= retry_at_) { retry_now(); }
}

void Reactor::wait_poll(Instant deadline) noexcept {
  std::size_t count = 0;
  polled_[count] = {wake_read_fd_, POLLIN, 0};
  waiting_[count++] = nullptr;
  for (Source* source = sources_.front(); source; source = sources_.after(*source)) {
    int events = (source->readers.empty() ? 0 : POLLIN) | (source->writers.empty() ? 0 : POLLOUT);
    if (source->wakes && !source->wakes->readers.empty()) { events |= POLLIN | (source->writable ? 0 : POLLOUT); }
    if (events == 0) { continue; }
    polled_[count] = {source->fd, static_cast<short>(events), 0};
    waiting_[count++] = source;
  }
  const int timeout = deadline == Instant{} ? 0 : milliseconds_until(deadline, now());
  if (::poll(polled_, static_cast<nfds_t>(count), timeout) <= 0) { return; }
  if (polled_[0].revents != 0) { drain_wake_descriptor(); }
  for (std::size_t i = 1; i < count; ++i) {
    const int what = polled_[i].revents;
    if (what == 0) { continue; }
    const bool ended = (what & (POLLHUP | POLLERR | POLLNVAL)) != 0;
    if (ended) { waiting_[i]->keep_reading = true; }
    if (ended || (what & POLLIN) != 0) { make_readable(*waiting_[i]); }
    if (ended || (what & POLLOUT) != 0) { make_writable(*waiting_[i]); }
  }
}

}  // namespace nal::posix

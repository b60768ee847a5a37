#include "tests/backends/posix/faults.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <map>
#include <new>
#include <optional>
#include <utility>

#include "nal/assert.hpp"

namespace nal::test {

namespace {

struct Step {
  int error = 0;
  bool afterwards = false;
  unsigned times = 1;
  std::function<void()> first{};
  std::optional<int> so_error{};
  bool pretends = false;
  std::uint32_t epoll_events = 0;
  short poll_events = 0;
};

std::atomic<std::size_t> allocated{0};
std::atomic<std::size_t> threads{0};

// What a thread is to do, and its count.
struct Start {
  void* (*function)(void*);
  void* argument;
};
void* run_counted(void* argument) {
  const std::unique_ptr<Start> start(static_cast<Start*>(argument));
  void* result = start->function(start->argument);
  threads.fetch_sub(1, std::memory_order_release);
  return result;
}

}  // namespace

struct Faults::State {
  std::array<std::deque<Step>, kCalls> script;
  std::array<unsigned, kCalls> counts{};
  std::array<int, kCalls> last{};
  std::vector<OptionSet> options;
  std::deque<Step> waiting;  // for whichever call waits
  bool virtual_time = false;
  Instant time = Instant::from_microseconds(1'000'000'000);
  Duration lateness{};
};

namespace {

thread_local Faults::State* current = nullptr;

// What each epoll descriptor of this process watches, and the word it gives back. Not by thread: a reactor may be made
// before the faults.
std::map<std::pair<int, int>, epoll_data_t>& watched() {
  static thread_local std::map<std::pair<int, int>, epoll_data_t> map;
  return map;
}

std::optional<Step> next_step(std::deque<Step>& steps) {
  if (steps.empty()) { return std::nullopt; }
  Step step = steps.front();
  if (--steps.front().times == 0) { steps.pop_front(); }
  return step;
}

// Faults are told by the very calls that they concern, so what a step does goes to the system.
void do_first(const Step& step) {
  if (step.first) {
    const Untouched untouched;
    step.first();
  }
}

template <class F>
auto around(Call call, F&& real) -> decltype(real()) {
  Faults::State* state = current;
  if (!state) { return real(); }
  const auto index = static_cast<std::size_t>(call);
  ++state->counts[index];
  const auto step = next_step(state->script[index]);
  if (step) {
    do_first(*step);
    if (step->error != 0 && !step->afterwards) {
      errno = step->error;
      return static_cast<decltype(real())>(-1);
    }
  }
  const auto result = real();
  state->last[index] = static_cast<int>(result);
  if (step && step->afterwards) {
    errno = step->error;
    return static_cast<decltype(real())>(-1);
  }
  return result;
}

// `real(timeout)` waits that long; `pretend(step)` makes events up. `timeout` is never without an end of the wait.
template <class Real, class Pretend>
int around_wait(Call call, Duration timeout, Real&& real, Pretend&& pretend) {
  Faults::State* state = current;
  if (!state) { return real(timeout); }
  const auto index = static_cast<std::size_t>(call);
  ++state->counts[index];
  // What is scripted for this very call comes first.
  auto step = next_step(state->script[index]);
  if (!step) { step = next_step(state->waiting); }
  if (step) {
    do_first(*step);
    if (step->error != 0) {
      errno = step->error;
      return -1;
    }
    if (step->pretends) { return pretend(*step); }
  }
  if (!state->virtual_time || timeout.is_never()) { return real(timeout); }
  const int found = real(Duration::zero());
  if (found == 0 && timeout > Duration::zero()) { state->time += timeout + state->lateness; }
  return found;
}

int pretend_epoll(int epoll_fd, epoll_event* events, int most, const Step& step) {
  int count = 0;
  for (const auto& [key, data] : watched()) {
    // The word of the reactor's own descriptor is null.
    if (key.first != epoll_fd || data.ptr == nullptr || count == most) { continue; }
    events[count].events = step.epoll_events;
    events[count++].data = data;
  }
  return count;
}

Duration from_milliseconds(int ms) { return ms < 0 ? Duration::max() : Duration::milliseconds(ms); }
int to_milliseconds(Duration duration) {
  return duration.is_never() ? -1 : static_cast<int>(duration.milliseconds_rounded_up());
}

}  // namespace

Faults::Faults() : state_(std::make_unique<State>()) {
  NAL_ASSERT(current == nullptr);
  current = state_.get();
}
Faults::~Faults() { current = nullptr; }

Faults& Faults::fail(Call call, int error, unsigned times) {
  state_->script[static_cast<std::size_t>(call)].push_back({.error = error, .times = times});
  return *this;
}
Faults& Faults::fail_afterwards(Call call, int error) {
  state_->script[static_cast<std::size_t>(call)].push_back({.error = error, .afterwards = true});
  return *this;
}
Faults& Faults::let_through(Call call, unsigned times) {
  state_->script[static_cast<std::size_t>(call)].push_back({.times = times});
  return *this;
}
Faults& Faults::before(Call call, std::function<void()> what) {
  state_->script[static_cast<std::size_t>(call)].push_back({.first = std::move(what)});
  return *this;
}
Faults& Faults::pending_error(int error) {
  state_->script[static_cast<std::size_t>(Call::getsockopt)].push_back({.so_error = error});
  return *this;
}
Faults& Faults::pretend(std::uint32_t epoll_events, short poll_events) {
  state_->waiting.push_back({.pretends = true, .epoll_events = epoll_events, .poll_events = poll_events});
  return *this;
}
Faults& Faults::fail_waiting(int error, unsigned times) {
  state_->waiting.push_back({.error = error, .times = times});
  return *this;
}
void Faults::virtual_time(Duration lateness) {
  state_->virtual_time = true;
  state_->lateness = lateness;
}

unsigned Faults::count(Call call) const { return state_->counts[static_cast<std::size_t>(call)]; }
bool Faults::spent() const {
  for (const auto& steps : state_->script) {
    if (!steps.empty()) { return false; }
  }
  return state_->waiting.empty();
}
int Faults::last(Call call) const { return state_->last[static_cast<std::size_t>(call)]; }
const std::vector<OptionSet>& Faults::options() const { return state_->options; }
int Faults::option(int level, int name, int none) const {
  for (const OptionSet& option : state_->options) {
    if (option.level == level && option.name == name) { none = option.value; }
  }
  return none;
}

Untouched::Untouched() : before_(std::exchange(current, nullptr)) {}
Untouched::~Untouched() { current = before_; }

std::size_t live_threads() { return threads.load(std::memory_order_acquire); }
std::size_t allocations() { return allocated.load(std::memory_order_relaxed); }

namespace {
void count_allocation() { allocated.fetch_add(1, std::memory_order_relaxed); }
}  // namespace

// Declares what the linker calls the system's own, and begins the definition of what stands in its place.
#define NAL_WRAP(result, name, parameters)    \
  extern "C" result __real_##name parameters; \
  extern "C" result __wrap_##name parameters; \
  extern "C" result __wrap_##name parameters

NAL_WRAP(int, accept4, (int fd, sockaddr* address, socklen_t* length, int flags)) {
  return around(Call::accept4, [&] { return __real_accept4(fd, address, length, flags); });
}
NAL_WRAP(int, bind, (int fd, const sockaddr* address, socklen_t length)) {
  return around(Call::bind, [&] { return __real_bind(fd, address, length); });
}
NAL_WRAP(int, close, (int fd)) {
  // The system forgets what it watched for a closed descriptor, and who watched.
  std::erase_if(watched(), [fd](const auto& entry) { return entry.first.first == fd || entry.first.second == fd; });
  return around(Call::close, [&] { return __real_close(fd); });
}
NAL_WRAP(int, connect, (int fd, const sockaddr* address, socklen_t length)) {
  return around(Call::connect, [&] { return __real_connect(fd, address, length); });
}
NAL_WRAP(int, epoll_create1, (int flags)) {
  return around(Call::epoll_create1, [&] { return __real_epoll_create1(flags); });
}
NAL_WRAP(int, epoll_ctl, (int epoll_fd, int what, int fd, epoll_event* event)) {
  return around(Call::epoll_ctl, [&] {
    const int done = __real_epoll_ctl(epoll_fd, what, fd, event);
    if (done == 0 && what == EPOLL_CTL_DEL) {
      watched().erase({epoll_fd, fd});
    } else if (done == 0) {
      watched()[{epoll_fd, fd}] = event->data;
    }
    return done;
  });
}
NAL_WRAP(int, epoll_wait, (int epoll_fd, epoll_event* events, int most, int timeout)) {
  return around_wait(
      Call::epoll_wait, from_milliseconds(timeout),
      [&](Duration duration) { return __real_epoll_wait(epoll_fd, events, most, to_milliseconds(duration)); },
      [&](const Step& step) { return pretend_epoll(epoll_fd, events, most, step); });
}
NAL_WRAP(int, epoll_pwait2,
         (int epoll_fd, epoll_event* events, int most, const timespec* timeout, const sigset_t* signals)) {
  const Duration asked =
      timeout ? Duration::seconds(timeout->tv_sec) + Duration::microseconds(timeout->tv_nsec / 1000) : Duration::max();
  return around_wait(
      Call::epoll_pwait2, asked,
      [&](Duration duration) {
        if (duration.is_never()) { return __real_epoll_pwait2(epoll_fd, events, most, nullptr, signals); }
        const timespec time{static_cast<time_t>(duration.seconds()),
                            static_cast<long>(duration.microseconds() % 1'000'000 * 1'000)};
        return __real_epoll_pwait2(epoll_fd, events, most, &time, signals);
      },
      [&](const Step& step) { return pretend_epoll(epoll_fd, events, most, step); });
}
NAL_WRAP(int, poll, (pollfd * asked, nfds_t count, int timeout)) {
  // A look at one descriptor, and no wait.
  if (count == 1 && timeout == 0) { return __real_poll(asked, count, timeout); }
  return around_wait(
      Call::poll, from_milliseconds(timeout),
      [&](Duration duration) { return __real_poll(asked, count, to_milliseconds(duration)); },
      [&](const Step& step) {
        asked[0].revents = 0;  // the reactor's own descriptor
        for (nfds_t i = 1; i < count; ++i) {
          asked[i].revents = static_cast<short>(step.poll_events & (asked[i].events | POLLHUP | POLLERR | POLLNVAL));
        }
        return static_cast<int>(count) - 1;
      });
}
NAL_WRAP(int, eventfd, (unsigned value, int flags)) {
  return around(Call::eventfd, [&] { return __real_eventfd(value, flags); });
}
NAL_WRAP(int, getpeername, (int fd, sockaddr* address, socklen_t* length)) {
  return around(Call::getpeername, [&] { return __real_getpeername(fd, address, length); });
}
NAL_WRAP(int, getsockname, (int fd, sockaddr* address, socklen_t* length)) {
  return around(Call::getsockname, [&] { return __real_getsockname(fd, address, length); });
}
NAL_WRAP(int, getsockopt, (int fd, int level, int name, void* value, socklen_t* length)) {
  if (current && level == SOL_SOCKET && name == SO_ERROR) {
    auto& script = current->script[static_cast<std::size_t>(Call::getsockopt)];
    if (!script.empty() && script.front().so_error) {
      ++current->counts[static_cast<std::size_t>(Call::getsockopt)];
      *static_cast<int*>(value) = *script.front().so_error;
      script.pop_front();
      return 0;
    }
  }
  return around(Call::getsockopt, [&] { return __real_getsockopt(fd, level, name, value, length); });
}
NAL_WRAP(int, listen, (int fd, int backlog)) {
  return around(Call::listen, [&] { return __real_listen(fd, backlog); });
}
NAL_WRAP(int, pthread_create,
         (pthread_t * thread, const pthread_attr_t* attributes, void* (*start)(void*), void* argument)) {
  // It tells its error as what it returns.
  const int done = around(Call::pthread_create, [&] {
    auto counted = std::make_unique<Start>(Start{start, argument});
    threads.fetch_add(1, std::memory_order_relaxed);
    const int made = __real_pthread_create(thread, attributes, &run_counted, counted.get());
    if (made == 0) {
      static_cast<void>(counted.release());  // the thread's now
    } else {
      threads.fetch_sub(1, std::memory_order_relaxed);
    }
    return made;
  });
  return done < 0 ? errno : done;
}
NAL_WRAP(ssize_t, read, (int fd, void* buffer, std::size_t size)) {
  return around(Call::read, [&] { return __real_read(fd, buffer, size); });
}
NAL_WRAP(ssize_t, recv, (int fd, void* buffer, std::size_t size, int flags)) {
  return around(Call::recv, [&] { return __real_recv(fd, buffer, size, flags); });
}
NAL_WRAP(ssize_t, recvmsg, (int fd, msghdr* message, int flags)) {
  return around(Call::recvmsg, [&] { return __real_recvmsg(fd, message, flags); });
}
NAL_WRAP(ssize_t, send, (int fd, const void* data, std::size_t size, int flags)) {
  return around(Call::send, [&] { return __real_send(fd, data, size, flags); });
}
NAL_WRAP(ssize_t, sendmsg, (int fd, const msghdr* message, int flags)) {
  return around(Call::sendmsg, [&] { return __real_sendmsg(fd, message, flags); });
}
NAL_WRAP(int, setsockopt, (int fd, int level, int name, const void* value, socklen_t length)) {
  if (current && length >= sizeof(int)) {
    current->options.push_back({fd, level, name, *static_cast<const int*>(value)});
  }
  return around(Call::setsockopt, [&] { return __real_setsockopt(fd, level, name, value, length); });
}
NAL_WRAP(int, shutdown, (int fd, int how)) {
  return around(Call::shutdown, [&] { return __real_shutdown(fd, how); });
}
NAL_WRAP(int, socket, (int family, int type, int protocol)) {
  return around(Call::socket, [&] { return __real_socket(family, type, protocol); });
}
NAL_WRAP(ssize_t, write, (int fd, const void* data, std::size_t size)) {
  return around(Call::write, [&] { return __real_write(fd, data, size); });
}

NAL_WRAP(int, clock_gettime, (clockid_t clock, timespec* time)) {
  if (!current || !current->virtual_time || clock != CLOCK_MONOTONIC) { return __real_clock_gettime(clock, time); }
  const std::int64_t us = current->time.microseconds();
  *time = {static_cast<time_t>(us / 1'000'000), static_cast<long>(us % 1'000'000 * 1'000)};
  return 0;
}

NAL_WRAP(void*, malloc, (std::size_t size)) {
  count_allocation();
  return __real_malloc(size);
}
NAL_WRAP(void*, calloc, (std::size_t count, std::size_t size)) {
  count_allocation();
  return __real_calloc(count, size);
}
NAL_WRAP(void*, realloc, (void* memory, std::size_t size)) {
  count_allocation();
  return __real_realloc(memory, size);
}
// operator new(std::size_t), its nothrow form, and those for arrays, by their names in the objects.
NAL_WRAP(void*, _Znwm, (std::size_t size)) {
  count_allocation();
  return __real__Znwm(size);
}
NAL_WRAP(void*, _Znam, (std::size_t size)) {
  count_allocation();
  return __real__Znam(size);
}
NAL_WRAP(void*, _ZnwmRKSt9nothrow_t, (std::size_t size, const std::nothrow_t& tag)) {
  count_allocation();
  return __real__ZnwmRKSt9nothrow_t(size, tag);
}
NAL_WRAP(void*, _ZnamRKSt9nothrow_t, (std::size_t size, const std::nothrow_t& tag)) {
  count_allocation();
  return __real__ZnamRKSt9nothrow_t(size, tag);
}

#undef NAL_WRAP

}  // namespace nal::test

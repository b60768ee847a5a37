#include <lwip/opt.h>
#if !NO_SYS
#include <lwip/stats.h>
#include <lwip/sys.h>

#include <atomic>
#include <chrono>
#include <new>
#include <thread>

#include "backends/lwip/port/threads.hpp"
#include "nal/assert.hpp"

namespace nal::lwip::port {

namespace {

using SystemClock = std::chrono::steady_clock;

std::atomic<ThreadTime*> chosen{nullptr};

class System final : public ThreadTime {
 public:
  Instant now() noexcept override {
    const auto past = SystemClock::now().time_since_epoch();
    return Instant::from_microseconds(std::chrono::duration_cast<std::chrono::microseconds>(past).count());
  }
  void sleep(std::condition_variable& changed, std::unique_lock<std::mutex>& lock, Instant deadline) noexcept override {
    if (deadline.is_never()) {
      changed.wait(lock);
    } else {
      changed.wait_until(lock, SystemClock::time_point(std::chrono::microseconds(deadline.microseconds())));
    }
  }
  void stir(std::unique_lock<std::mutex>& /*lock*/) noexcept override {}
};

}  // namespace

ThreadTime& thread_time() noexcept {
  static System system;
  ThreadTime* const other = chosen.load(std::memory_order_acquire);
  return other ? *other : system;
}

void set_thread_time(ThreadTime& time) noexcept { chosen.store(&time, std::memory_order_release); }

}  // namespace nal::lwip::port

using nal::Duration;
using nal::Instant;
using nal::lwip::port::thread_time;

namespace nal::lwip::port {

/// Something that threads of lwIP's wait for.
struct Monitor {
  std::mutex mutex;
  std::condition_variable changed;

  /// Wakes one, or all; with the lock held.
  void notify(std::unique_lock<std::mutex>& lock) {
    thread_time().stir(lock);
    changed.notify_all();
  }
  /// Until `done()`, for so many milliseconds at most, or for ever if 0. How long that was; SYS_ARCH_TIMEOUT if it was
  /// in vain.
  template <class F>
  u32_t wait(std::unique_lock<std::mutex>& lock, u32_t timeout, F&& done) {
    const Instant start = thread_time().now();
    const Instant deadline = timeout == 0 ? Instant::max() : start + Duration::milliseconds(timeout);
    while (!done()) {
      if (thread_time().now() >= deadline) { return SYS_ARCH_TIMEOUT; }
      thread_time().sleep(changed, lock, deadline);
    }
    return static_cast<u32_t>((thread_time().now() - start).milliseconds() & 0x7fffffff);
  }
};

}  // namespace nal::lwip::port

struct nal_lwip_semaphore : nal::lwip::port::Monitor {
  unsigned count = 0;
};

struct nal_lwip_mailbox : nal::lwip::port::Monitor {
  void** messages = nullptr;
  unsigned capacity = 0;
  unsigned first = 0;
  unsigned count = 0;
};

struct nal_lwip_mutex {
  std::mutex mutex;
  std::atomic<std::thread::id> owner{};
};

namespace {

/// Taken for moments only, one inside the other.
std::recursive_mutex& protection() {
  static std::recursive_mutex mutex;
  return mutex;
}

}  // namespace

extern "C" {

void sys_init() {}

err_t sys_sem_new(sys_sem_t* sem, u8_t count) {
  *sem = new (std::nothrow) nal_lwip_semaphore;
  if (!*sem) { return ERR_MEM; }
  (*sem)->count = count;
  return ERR_OK;
}
void sys_sem_free(sys_sem_t* sem) { delete *sem; }

void sys_sem_signal(sys_sem_t* sem) {
  nal_lwip_semaphore& one = **sem;
  std::unique_lock lock(one.mutex);
  ++one.count;
  one.notify(lock);
}

u32_t sys_arch_sem_wait(sys_sem_t* sem, u32_t timeout) {
  nal_lwip_semaphore& one = **sem;
  std::unique_lock lock(one.mutex);
  const u32_t waited = one.wait(lock, timeout, [&one] { return one.count > 0; });
  if (waited != SYS_ARCH_TIMEOUT) { --one.count; }
  return waited;
}

err_t sys_mutex_new(sys_mutex_t* mutex) {
  *mutex = new (std::nothrow) nal_lwip_mutex;
  return *mutex ? ERR_OK : ERR_MEM;
}
void sys_mutex_free(sys_mutex_t* mutex) { delete *mutex; }

void sys_mutex_lock(sys_mutex_t* mutex) {
  NAL_ASSERT(!nal_lwip_holds(*mutex));
  (*mutex)->mutex.lock();
  (*mutex)->owner.store(std::this_thread::get_id(), std::memory_order_relaxed);
}
void sys_mutex_unlock(sys_mutex_t* mutex) {
  (*mutex)->owner.store({}, std::memory_order_relaxed);
  (*mutex)->mutex.unlock();
}
int nal_lwip_holds(const struct nal_lwip_mutex* mutex) {
  return mutex->owner.load(std::memory_order_relaxed) == std::this_thread::get_id();
}

err_t sys_mbox_new(sys_mbox_t* mailbox, int size) {
  *mailbox = new (std::nothrow) nal_lwip_mailbox;
  if (!*mailbox) { return ERR_MEM; }
  (*mailbox)->capacity = size > 0 ? static_cast<unsigned>(size) : 32;
  (*mailbox)->messages = new (std::nothrow) void*[(*mailbox)->capacity];
  if ((*mailbox)->messages) { return ERR_OK; }
  delete *mailbox;
  *mailbox = nullptr;
  return ERR_MEM;
}
void sys_mbox_free(sys_mbox_t* mailbox) {
  delete[] (*mailbox)->messages;
  delete *mailbox;
}

err_t sys_mbox_trypost(sys_mbox_t* mailbox, void* message) {
  nal_lwip_mailbox& one = **mailbox;
  std::unique_lock lock(one.mutex);
  if (one.count == one.capacity) { return ERR_MEM; }
  one.messages[(one.first + one.count++) % one.capacity] = message;
  one.notify(lock);
  return ERR_OK;
}
err_t sys_mbox_trypost_fromisr(sys_mbox_t* mailbox, void* message) { return sys_mbox_trypost(mailbox, message); }

void sys_mbox_post(sys_mbox_t* mailbox, void* message) {
  nal_lwip_mailbox& one = **mailbox;
  std::unique_lock lock(one.mutex);
  one.wait(lock, 0, [&one] { return one.count < one.capacity; });
  one.messages[(one.first + one.count++) % one.capacity] = message;
  one.notify(lock);
}

u32_t sys_arch_mbox_fetch(sys_mbox_t* mailbox, void** message, u32_t timeout) {
  nal_lwip_mailbox& one = **mailbox;
  std::unique_lock lock(one.mutex);
  const u32_t waited = one.wait(lock, timeout, [&one] { return one.count > 0; });
  if (message) { *message = nullptr; }
  if (waited == SYS_ARCH_TIMEOUT) { return waited; }
  if (message) { *message = one.messages[one.first]; }
  one.first = (one.first + 1) % one.capacity;
  --one.count;
  one.notify(lock);
  return waited;
}

u32_t sys_arch_mbox_tryfetch(sys_mbox_t* mailbox, void** message) {
  nal_lwip_mailbox& one = **mailbox;
  {
    const std::lock_guard lock(one.mutex);
    if (one.count == 0) { return SYS_MBOX_EMPTY; }
  }
  return sys_arch_mbox_fetch(mailbox, message, 1) == SYS_ARCH_TIMEOUT ? SYS_MBOX_EMPTY : 0;
}

sys_thread_t sys_thread_new(const char* /*name*/, lwip_thread_fn function, void* argument, int /*stack*/,
                            int /*priority*/) {
  // Ends with the process: lwIP has no way to end it.
  std::thread(function, argument).detach();
  return 1;
}

sys_prot_t sys_arch_protect() {
  protection().lock();
  return 0;
}
void sys_arch_unprotect(sys_prot_t /*before*/) { protection().unlock(); }
}
#endif

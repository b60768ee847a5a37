#pragma once
#include <atomic>
#include <mutex>

namespace nal {
class FrameArena;
}

/// nal on a system with threads. One executor a thread; events cross threads without a lock.
namespace nal::platform {

inline FrameArena*& current_arena() noexcept {
  static thread_local constinit FrameArena* arena = nullptr;
  return arena;
}

/// Not needed where the inbox is atomic; here so that drivers may share small state between threads.
class CriticalSection {
 public:
  CriticalSection() noexcept { mutex().lock(); }
  CriticalSection(const CriticalSection&) = delete;
  ~CriticalSection() { mutex().unlock(); }

 private:
  static std::recursive_mutex& mutex() noexcept {
    static std::recursive_mutex instance;
    return instance;
  }
};

class Flag {
 public:
  bool raise() noexcept { return !raised_.exchange(true, std::memory_order_acq_rel); }
  void lower() noexcept { raised_.exchange(false, std::memory_order_acq_rel); }
  bool raised() const noexcept { return raised_.load(std::memory_order_acquire); }

 private:
  std::atomic<bool> raised_{false};
};

template <class T>
class Inbox {
 public:
  bool push(T& item) noexcept {
    T* head = head_.load(std::memory_order_relaxed);
    do {
      item.next_ = head;
    } while (!head_.compare_exchange_weak(head, &item, std::memory_order_acq_rel, std::memory_order_relaxed));
    return head == nullptr;
  }
  T* take_all() noexcept { return empty() ? nullptr : head_.exchange(nullptr, std::memory_order_acq_rel); }
  bool empty() const noexcept { return head_.load(std::memory_order_acquire) == nullptr; }

 private:
  static_assert(std::atomic<T*>::is_always_lock_free);
  std::atomic<T*> head_{nullptr};
};

}  // namespace nal::platform

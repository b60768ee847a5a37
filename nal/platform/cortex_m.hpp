#pragma once
#include <cstdint>

namespace nal {
class FrameArena;
}

/// nal on a bare-metal Cortex-M, from M0 on: one thread of execution and interrupts. No atomics are asked of the core.
namespace nal::platform {

namespace detail {
inline constinit FrameArena* arena_slot = nullptr;
}

inline FrameArena*& current_arena() noexcept { return detail::arena_slot; }

/// Interrupts are held off (PRIMASK) while one exists; nests.
class CriticalSection {
 public:
  CriticalSection() noexcept { __asm volatile("mrs %0, primask\n\tcpsid i" : "=r"(primask_)::"memory"); }
  CriticalSection(const CriticalSection&) = delete;
  ~CriticalSection() { __asm volatile("msr primask, %0" ::"r"(primask_) : "memory"); }

 private:
  std::uint32_t primask_;
};

class Flag {
 public:
  bool raise() noexcept {
    CriticalSection section;
    const bool was_clear = !raised_;
    raised_ = true;
    return was_clear;
  }
  void lower() noexcept {
    CriticalSection section;
    raised_ = false;
  }
  bool raised() const noexcept { return raised_; }

 private:
  volatile bool raised_ = false;
};

template <class T>
class Inbox {
 public:
  bool push(T& item) noexcept {
    CriticalSection section;
    T* head = head_;
    item.next_ = head;
    head_ = &item;
    return head == nullptr;
  }
  T* take_all() noexcept {
    CriticalSection section;
    T* all = head_;
    head_ = nullptr;
    return all;
  }
  bool empty() const noexcept { return head_ == nullptr; }

 private:
  T* volatile head_ = nullptr;
};

}  // namespace nal::platform

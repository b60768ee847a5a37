#pragma once
/// The platform seam: what differs between a hosted system, an RTOS and bare metal, and nothing else.
///
/// Chosen when nal is compiled:
/// - `NAL_PLATFORM_HEADER` names a header of yours, or else
/// - hosted systems: threads, `std::atomic`;
/// - bare-metal Arm Cortex-M: one thread, interrupts are held off by PRIMASK.
///
/// A platform header defines, in `nal::platform`:
/// - `FrameArena*& current_arena() noexcept`: a slot of the running thread of execution (thread, RTOS task; on bare
///   metal one variable), null at first;
/// - `class CriticalSection`: while one exists nothing else that may call `Event::raise` runs (an interrupt; another
///   thread); may nest;
/// - `class Flag`: `bool raise() noexcept` sets it and tells whether it was clear, `void lower() noexcept`, `bool
///   raised() const noexcept`;
/// - `template <class T> class Inbox`: a stack of `T`s linked by their member `next_`: `bool push(T&) noexcept` tells
///   whether it was empty, `T* take_all() noexcept`, `bool empty() const noexcept`.
/// `Flag` and `Inbox` are what an interrupt or another thread touches: atomic, or guarded by the critical section.
#include "nal/time.hpp"

namespace nal {
class FrameArena;
class Executor;
}  // namespace nal

#if defined(NAL_PLATFORM_HEADER)
#include NAL_PLATFORM_HEADER
#elif __STDC_HOSTED__ && (defined(__unix__) || defined(__APPLE__))
#include "nal/platform/hosted.hpp"
#elif defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
#include "nal/platform/cortex_m.hpp"
#else
#error "nal: no platform known for this target; define NAL_PLATFORM_HEADER (see nal/platform.hpp)"
#endif

namespace nal {

/// Time and sleep for one executor. Implemented by `posix::Reactor`, `platform::Thread`, a board, a simulator.
///
/// All calls come from the executor's thread, except `wake`.
class Platform {
 public:
  /// Monotonic; never goes back. Its zero is the platform's choice.
  virtual Instant now() noexcept = 0;

  /// Gathers what happened outside and wakes whom it concerns; sleeps until something happens or `deadline` passes.
  /// A deadline that has passed means "do not sleep". Must return at once when `executor.has_events()`, and that check
  /// and going to sleep must be one step as far as `wake` is concerned. May return early for no reason.
  virtual void poll(Executor& executor, Instant deadline) noexcept = 0;

  /// Ends a `poll` that sleeps, or the next one. Called from interrupts and other threads.
  virtual void wake() noexcept = 0;

 protected:
  Platform() = default;
  Platform(const Platform&) = delete;
  Platform& operator=(const Platform&) = delete;
  ~Platform() = default;
};

}  // namespace nal

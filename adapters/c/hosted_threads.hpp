#pragma once
#include <condition_variable>
#include <mutex>

#include "adapters/c/nal_c.h"

namespace nal::c {

/// The `nal_thread_port` of a system with threads: `nal_loop loop(executor, stack, &nal::c::hosted_threads());`
inline const nal_thread_port& hosted_threads() noexcept {
  struct Sleeper {
    std::mutex mutex;
    std::condition_variable condition;
    unsigned wakes = 0;
  };
  static constexpr nal_thread_port port{
      .self = []() -> void* {
        static thread_local Sleeper sleeper;
        return &sleeper;
      },
      .wait =
          [](void* thread) {
            auto& sleeper = *static_cast<Sleeper*>(thread);
            std::unique_lock lock(sleeper.mutex);
            sleeper.condition.wait(lock, [&sleeper] { return sleeper.wakes != 0; });
            --sleeper.wakes;
          },
      .wake =
          [](void* thread) {
            auto& sleeper = *static_cast<Sleeper*>(thread);
            // Told under the lock: after it the thread may be gone, and the sleeper with it.
            const std::lock_guard lock(sleeper.mutex);
            ++sleeper.wakes;
            sleeper.condition.notify_one();
          },
  };
  return port;
}

}  // namespace nal::c

#pragma once
#include <atomic>
#include <limits>

namespace nal::test {

/// lwIP's allocations, counted, and made to fail. Programs that include this are linked with `failing_memory.cpp` and
/// `--wrap=memp_malloc,--wrap=mem_malloc`. Also where lwIP has a thread of its own.
struct FailingMemory {
  static constexpr unsigned kNever = std::numeric_limits<unsigned>::max();
  static inline std::atomic<unsigned> made = 0;            ///< since the last `reset`, failed ones among them
  static inline std::atomic<unsigned> fail_from = kNever;  ///< the first of them that fails
  static inline std::atomic<unsigned> fail_count = 1;      ///< and how many do
  static inline std::atomic<int> only_pool = -1;           ///< of this pool alone (`memp_t`), or of any

  static void reset() {
    made = 0;
    fail_from = kNever;
    fail_count = 1;
    only_pool = -1;
  }
  static bool fails(int pool) {
    if (only_pool >= 0 && pool != only_pool) { return false; }
    const unsigned turn = made++;
    return turn >= fail_from && turn - fail_from < fail_count;
  }
};

}  // namespace nal::test

#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>

#include "nal/platform.hpp"

namespace nal {

/// Where coroutine frames live: a coalescing free list over memory that somebody else declared.
///
/// Blocks may be freed in any order; freed neighbours merge, so loops of any shape do not wear it out. First fit by
/// address. No header: blocks are freed with their size. Confined to the thread of its executor.
class FrameArena {
 public:
  static constexpr std::size_t kAlign = 2 * sizeof(void*) < 8 ? 8 : 2 * sizeof(void*);

  /// Where an arena of a hosted program may turn instead of to memory of its own (`nal/hosted/heap_arena.hpp`).
  struct Upstream {
    void* (*allocate)(std::size_t size) noexcept;
    void (*deallocate)(void* block, std::size_t size) noexcept;
  };

  /// Uses `memory[0, size)`, which must be aligned to `kAlign` and outlive the arena.
  FrameArena(std::byte* memory, std::size_t size) noexcept;
  explicit FrameArena(const Upstream& upstream) noexcept : upstream_(&upstream) {}
  FrameArena(const FrameArena&) = delete;
  FrameArena& operator=(const FrameArena&) = delete;
  /// Nothing may be alive in it (asserted): a frame must not outlive its memory.
  ~FrameArena() { NAL_ASSERT(live_ == 0); }

  /// Memory aligned to `kAlign`, or null.
  void* allocate(std::size_t size) noexcept;
  /// `size` as it was given to `allocate`.
  void deallocate(void* block, std::size_t size) noexcept;

  /// Blocks alive, and their bytes.
  std::size_t live() const noexcept { return live_; }
  std::size_t used() const noexcept { return used_; }
  /// The highest byte ever in use: the size to budget for this sequence of frames.
  std::size_t peak() const noexcept { return peak_; }
  /// How often `allocate` had nothing to give.
  std::uint32_t failed() const noexcept { return failed_; }
  std::size_t capacity() const noexcept { return capacity_; }
  /// False where `block` is certainly not from here.
  bool may_own(const void* block) const noexcept { return upstream_ || (block >= base_ && block < base_ + capacity_); }

 private:
  struct Free {
    Free* next;
    std::size_t size;
  };
  static constexpr std::size_t round_up(std::size_t size) noexcept { return (size + kAlign - 1) & ~(kAlign - 1); }

  std::byte* base_ = nullptr;
  Free* free_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t used_ = 0;
  std::size_t peak_ = 0;
  std::size_t live_ = 0;
  const Upstream* upstream_ = nullptr;
  std::uint32_t failed_ = 0;
};

/// An arena with its memory.
template <std::size_t Bytes>
class FixedArena : public FrameArena {
 public:
  FixedArena() noexcept : FrameArena(memory_, sizeof memory_) {}

 private:
  alignas(kAlign) std::byte memory_[Bytes];
};

/// Makes an arena the current one of this thread of execution for a scope.
class ArenaScope {
 public:
  explicit ArenaScope(FrameArena* arena) noexcept : outer_(std::exchange(platform::current_arena(), arena)) {}
  ArenaScope(const ArenaScope&) = delete;
  ArenaScope& operator=(const ArenaScope&) = delete;
  ~ArenaScope() { platform::current_arena() = outer_; }

 private:
  FrameArena* outer_;
};

}  // namespace nal

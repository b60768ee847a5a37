#pragma once
#include <new>

#include "nal/frame_arena.hpp"

namespace nal {

/// An arena whose frames come from the heap, for hosted programs that would rather not budget: it is never full before
/// the machine is. Firmware has `FixedArena`.
class HeapArena : public FrameArena {
 public:
  HeapArena() noexcept : FrameArena(kHeap) {}

 private:
  static constexpr Upstream kHeap{
      .allocate = [](std::size_t size) noexcept { return ::operator new(size, std::nothrow); },
      .deallocate = [](void* block, std::size_t) noexcept { ::operator delete(block); },
  };
};

}  // namespace nal

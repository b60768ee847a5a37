#include "nal/frame_arena.hpp"

#include <new>

namespace nal {

static std::byte* bytes(void* p) noexcept { return static_cast<std::byte*>(p); }

FrameArena::FrameArena(std::byte* memory, std::size_t size) noexcept : base_(memory), capacity_(size & ~(kAlign - 1)) {
  static_assert(sizeof(Free) <= kAlign);
  NAL_ASSERT(reinterpret_cast<std::uintptr_t>(memory) % kAlign == 0);
  if (capacity_ != 0) { free_ = ::new (static_cast<void*>(base_)) Free{nullptr, capacity_}; }
}

void* FrameArena::allocate(std::size_t size) noexcept {
  size = round_up(size);
  void* block = nullptr;
  std::size_t end = used_ + size;
  if (upstream_) {
    block = upstream_->allocate(size);
  } else {
    for (Free** link = &free_; *link; link = &(*link)->next) {
      Free* found = *link;
      if (found->size < size) { continue; }
      const Free rest{found->next, found->size - size};
      *link = rest.size == 0 ? rest.next : ::new (static_cast<void*>(bytes(found) + size)) Free(rest);
      block = found;
      end = static_cast<std::size_t>(bytes(block) - base_) + size;
      break;
    }
  }
  if (!block) {
    ++failed_;
    return nullptr;
  }
  used_ += size;
  ++live_;
  if (end > peak_) { peak_ = end; }
  return block;
}

void FrameArena::deallocate(void* block, std::size_t size) noexcept {
  size = round_up(size);
  NAL_ASSERT(live_ != 0 && used_ >= size);
  used_ -= size;
  --live_;
  if (upstream_) {
    upstream_->deallocate(block, size);
    return;
  }
  Free* before = nullptr;
  Free* behind = free_;
  while (behind && bytes(behind) < bytes(block)) {
    before = behind;
    behind = behind->next;
  }
  Free* freed = ::new (block) Free{behind, size};
  if (behind && bytes(freed) + size == bytes(behind)) {
    freed->size += behind->size;
    freed->next = behind->next;
  }
  if (before && bytes(before) + before->size == bytes(freed)) {
    before->size += freed->size;
    before->next = freed->next;
  } else if (before) {
    before->next = freed;
  } else {
    free_ = freed;
  }
}

}  // namespace nal

#include "nal/frame_arena.hpp"

#include <array>
#include <cstdint>

#include "tests/support/check.hpp"

using namespace nal;

namespace {

constexpr std::size_t kAlign = FrameArena::kAlign;

/// A small generator (Marsaglia's xorshift32), so that a run repeats.
class Random {
 public:
  std::uint32_t below(std::uint32_t limit) noexcept {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    return state_ % limit;
  }

 private:
  std::uint32_t state_ = 2463534242u;
};

}  // namespace

TEST_CASE("an arena gives aligned blocks that do not overlap, and all of its memory", "[arena]") {
  FixedArena<16 * kAlign> arena;
  std::array<void*, 16> blocks{};
  for (void*& block : blocks) {
    block = arena.allocate(1);
    REQUIRE(block != nullptr);
    CHECK(reinterpret_cast<std::uintptr_t>(block) % kAlign == 0);
    for (void* const& other : blocks) { CHECK((&other == &block || other != block)); }
  }
  CHECK(arena.live() == 16);
  CHECK(arena.used() == arena.capacity());
  CHECK(arena.allocate(1) == nullptr);
  CHECK(arena.failed() == 1);
  for (void* block : blocks) { arena.deallocate(block, 1); }
  CHECK(arena.live() == 0);
  CHECK(arena.used() == 0);
}

TEST_CASE("an arena of no bytes has nothing to give", "[arena]") {
  FrameArena arena(nullptr, 0);
  CHECK(arena.allocate(1) == nullptr);
  CHECK(arena.failed() == 1);
  alignas(kAlign) std::byte scrap[kAlign - 1];
  FrameArena small(scrap, sizeof scrap);
  CHECK(small.capacity() == 0);
  CHECK(small.allocate(1) == nullptr);
}

TEST_CASE("freed neighbours merge whatever the order they are freed in", "[arena]") {
  // All orders of freeing four blocks; afterwards one block of everything must fit.
  std::array<unsigned, 4> order{0, 1, 2, 3};
  for (unsigned a = 0; a < 4; ++a) {
    for (unsigned b = 0; b < 4; ++b) {
      for (unsigned c = 0; c < 4; ++c) {
        if (a == b || a == c || b == c) { continue; }
        order = {a, b, c, 6 - a - b - c};
        FixedArena<4 * kAlign> arena;
        std::array<void*, 4> blocks{};
        for (void*& block : blocks) { block = arena.allocate(kAlign); }
        for (const unsigned i : order) { arena.deallocate(blocks[i], kAlign); }
        void* all = arena.allocate(4 * kAlign);
        CHECK(all != nullptr);
        arena.deallocate(all, 4 * kAlign);
      }
    }
  }
}

TEST_CASE("a block goes to the first gap that holds it", "[arena]") {
  FixedArena<8 * kAlign> arena;
  void* const a = arena.allocate(2 * kAlign);
  void* const b = arena.allocate(kAlign);
  void* const c = arena.allocate(3 * kAlign);
  void* const d = arena.allocate(kAlign);
  arena.deallocate(a, 2 * kAlign);
  arena.deallocate(c, 3 * kAlign);
  void* const large = arena.allocate(3 * kAlign);
  CHECK(large == c);
  void* const small = arena.allocate(kAlign);
  CHECK(small == a);
  for (auto [block, size] : {std::pair{b, std::size_t{1}}, {d, 1}, {large, 3}, {small, 1}}) {
    arena.deallocate(block, size * kAlign);
  }
  CHECK(arena.live() == 0);
}

TEST_CASE("the peak is the highest byte that was ever in use", "[arena]") {
  FixedArena<8 * kAlign> arena;
  CHECK(arena.peak() == 0);
  void* const a = arena.allocate(kAlign);
  void* const b = arena.allocate(2 * kAlign);
  CHECK(arena.peak() == 3 * kAlign);
  arena.deallocate(a, kAlign);
  // Too large for the gap in front, so it stands behind `b`.
  void* const c = arena.allocate(2 * kAlign);
  CHECK(arena.used() == 4 * kAlign);
  CHECK(arena.peak() == 5 * kAlign);
  arena.deallocate(b, 2 * kAlign);
  arena.deallocate(c, 2 * kAlign);
  CHECK(arena.peak() == 5 * kAlign);
}

TEST_CASE("loops of any shape do not wear an arena out", "[arena]") {
  FixedArena<256 * kAlign> arena;
  struct Block {
    std::byte* memory = nullptr;
    std::size_t size = 0;
    std::byte mark{};
  };
  std::array<Block, 24> blocks{};
  Random random;
  bool intact = true;
  for (unsigned step = 0; step < 20'000; ++step) {
    Block& block = blocks[random.below(blocks.size())];
    if (block.memory != nullptr) {
      for (std::size_t i = 0; i < block.size; ++i) { intact = intact && block.memory[i] == block.mark; }
      arena.deallocate(block.memory, block.size);
      block = {};
      continue;
    }
    block.size = 1 + random.below(8 * kAlign);
    block.mark = static_cast<std::byte>(step);
    block.memory = static_cast<std::byte*>(arena.allocate(block.size));
    if (block.memory == nullptr) {
      block = {};
      continue;
    }
    for (std::size_t i = 0; i < block.size; ++i) { block.memory[i] = block.mark; }
  }
  CHECK(intact);
  for (Block& block : blocks) {
    if (block.memory != nullptr) { arena.deallocate(block.memory, block.size); }
  }
  CHECK(arena.used() == 0);
  void* const all = arena.allocate(arena.capacity());
  CHECK(all != nullptr);
  arena.deallocate(all, arena.capacity());
}

TEST_CASE("an arena scope makes an arena current and gives the outer one back", "[arena]") {
  FixedArena<kAlign> outer;
  FixedArena<kAlign> inner;
  FrameArena* const before = platform::current_arena();
  {
    const ArenaScope a(&outer);
    CHECK(platform::current_arena() == &outer);
    {
      const ArenaScope b(&inner);
      CHECK(platform::current_arena() == &inner);
    }
    CHECK(platform::current_arena() == &outer);
  }
  CHECK(platform::current_arena() == before);
}

TEST_CASE("an arena knows which blocks cannot be its own", "[arena]") {
  FixedArena<4 * kAlign> mine;
  FixedArena<4 * kAlign> other;
  void* const block = mine.allocate(kAlign);
  CHECK(mine.may_own(block));
  CHECK_FALSE(other.may_own(block));
  mine.deallocate(block, kAlign);
}

TEST_CASE("an arena that ends before what lives in it asserts", "[arena]") {
  CHECK_ASSERTS(FixedArena<kAlign> arena; static_cast<void>(arena.allocate(1)));
}

TEST_CASE("freeing what was never allocated asserts", "[arena]") {
  CHECK_ASSERTS(FixedArena<kAlign> arena; std::byte stranger; arena.deallocate(&stranger, 1));
}

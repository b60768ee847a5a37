#include "backends/embedded/wire/checksum.hpp"

#include <algorithm>
#include <cstring>

#include "backends/embedded/wire/checksum_kernels.hpp"
#include "nal/assert.hpp"

namespace nal::embedded::wire {
namespace {

#ifdef NAL_CHECKSUM_X86_64

/// From here on vectors are worth their beginning and end.
constexpr std::size_t kMinAvx2 = 160;
constexpr std::size_t kMinCopyAvx2 = 128;

Sum sum_of(const std::byte* from, std::size_t size) noexcept {
  if (size < kMinAvx2 || !kernel::has_avx2()) { return kernel::sum_x86_64(from, size); }
  if (size <= kernel::kMaxAvx2) [[likely]] { return kernel::sum_avx2(from, size); }
  constexpr std::size_t kPart = kernel::kMaxAvx2 / 2;
  Sum sum;
  for (; size > kernel::kMaxAvx2; size -= kPart, from += kPart) { sum += kernel::sum_avx2(from, kPart); }
  return sum + kernel::sum_avx2(from, size);
}

Sum copy_and_sum_of(std::byte* to, const std::byte* from, std::size_t size) noexcept {
  if (size < kMinCopyAvx2) { return kernel::copy_and_sum_x86_64(to, from, size); }
  if (!kernel::has_avx2()) {
    // Two passes: the second finds the bytes in the cache.
    std::memcpy(to, from, size);
    return kernel::sum_x86_64(to, size);
  }
  if (size <= kernel::kMaxAvx2) [[likely]] { return kernel::copy_and_sum_avx2(to, from, size); }
  constexpr std::size_t kPart = kernel::kMaxAvx2 / 2;
  Sum sum;
  for (; size > kernel::kMaxAvx2; size -= kPart, from += kPart, to += kPart) {
    sum += kernel::copy_and_sum_avx2(to, from, kPart);
  }
  return sum + kernel::copy_and_sum_avx2(to, from, size);
}

#else

#if defined(__thumb2__) && defined(__ARMEL__) && !defined(NAL_CHECKSUM_PORTABLE)
/// Cortex-M3 and up: four words a load, and each added with the carry of the one before, which the loop's end leaves
/// alone. `size` is a multiple of 32 and not 0, `from` aligned to 4.
std::uint32_t add_blocks(const std::byte* from, std::size_t size) noexcept {
  std::uint32_t sum = 0;
  const std::byte* const end = from + size;
  __asm__(
      "adds %[sum], %[sum], #0\n"
      "1:\n\t"
      "ldmia %[from]!, {r3, r4, r5, r6}\n\t"
      "adcs %[sum], %[sum], r3\n\t"
      "adcs %[sum], %[sum], r4\n\t"
      "adcs %[sum], %[sum], r5\n\t"
      "adcs %[sum], %[sum], r6\n\t"
      "ldmia %[from]!, {r3, r4, r5, r6}\n\t"
      "adcs %[sum], %[sum], r3\n\t"
      "adcs %[sum], %[sum], r4\n\t"
      "adcs %[sum], %[sum], r5\n\t"
      "adcs %[sum], %[sum], r6\n\t"
      "teq %[from], %[end]\n\t"
      "bne 1b\n\t"
      "adc %[sum], %[sum], #0"
      : [sum] "+r"(sum), [from] "+r"(from)
      : [end] "r"(end)
      : "r3", "r4", "r5", "r6", "cc", "memory");
  return sum;
}
constexpr bool kHasBlocks = true;
#else
std::uint32_t add_blocks(const std::byte* /*from*/, std::size_t /*size*/) noexcept { return 0; }
constexpr bool kHasBlocks = false;
#endif

/// One pass over the bytes; to `to` as well, unless that is null. Words are loaded where they are aligned, for machines
/// that can do nothing else or are slow at it.
Sum run(std::byte* to, const std::byte* from, std::size_t size) noexcept {
  constexpr std::size_t kWord = sizeof(std::uint32_t);
  // Less than a word.
  const auto few = [&](std::size_t count) {
    std::byte word[kWord] = {};
    for (std::size_t i = 0; i < count; ++i) {
      word[i] = *from++;
      if (to) { *to++ = word[i]; }
    }
    std::uint32_t value = 0;
    __builtin_memcpy(&value, word, kWord);
    return value;
  };
  const std::size_t before = std::min(size, (0 - reinterpret_cast<std::uintptr_t>(from)) % kWord);
  const std::uint32_t head = few(before);
  size -= before;
  // Words of 32 bits, so that the carries of 2^32 of them find room above.
  std::uint64_t total = 0;
  if (kHasBlocks && !to && size >= 32) {
    const std::size_t blocks = size / 32 * 32;
    total = add_blocks(from, blocks);
    from += blocks;
    size -= blocks;
  }
  for (; size >= kWord; size -= kWord) {
    std::uint32_t word = 0;
    __builtin_memcpy(&word, __builtin_assume_aligned(from, kWord), kWord);
    if (to) {
      __builtin_memcpy(to, &word, kWord);
      to += kWord;
    }
    total += word;
    from += kWord;
  }
  total += few(size);
  return Sum::from_machine_words(head) + Sum::from_machine_words(total).at(before);
}

Sum sum_of(const std::byte* from, std::size_t size) noexcept { return run(nullptr, from, size); }
Sum copy_and_sum_of(std::byte* to, const std::byte* from, std::size_t size) noexcept { return run(to, from, size); }

#endif

}  // namespace

Sum sum(std::span<const std::byte> bytes) noexcept { return sum_of(bytes.data(), bytes.size()); }

Sum copy_and_sum(std::span<std::byte> to, std::span<const std::byte> from) noexcept {
  return copy_and_sum_of(to.data(), from.data(), from.size());
}

Sum pseudo_header_sum(std::span<const std::byte> source, std::span<const std::byte> destination, std::uint8_t protocol,
                      std::size_t length) noexcept {
  NAL_ASSERT((source.size() == 4 || source.size() == 16) && destination.size() == source.size());
  std::uint64_t total = 0;
  for (std::size_t at = 0; at < source.size(); at += 4) {
    std::uint32_t words[2];
    __builtin_memcpy(&words[0], source.data() + at, 4);
    __builtin_memcpy(&words[1], destination.data() + at, 4);
    total += words[0];
    total += words[1];
  }
  return Sum::from_machine_words(total) + Sum::of(protocol) + Sum::of32(static_cast<std::uint32_t>(length));
}

}  // namespace nal::embedded::wire

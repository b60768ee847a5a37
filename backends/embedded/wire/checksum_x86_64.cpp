#include "backends/embedded/wire/checksum_kernels.hpp"

#ifdef NAL_CHECKSUM_X86_64
#include <immintrin.h>

#include <cstring>

namespace nal::embedded::wire::kernel {
namespace {

std::uint64_t load64(const std::byte* at) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

/// Of less than 8 bytes: a word with zeros behind them.
std::uint64_t load_tail(const std::byte* at, std::size_t size) noexcept {
  std::uint64_t word = 0;
  std::size_t shift = 0;
  if ((size & 4) != 0) {
    std::uint32_t part = 0;
    std::memcpy(&part, at, sizeof part);
    word = part;
    shift = 32;
    at += 4;
  }
  if ((size & 2) != 0) {
    std::uint16_t part = 0;
    std::memcpy(&part, at, sizeof part);
    word |= std::uint64_t{part} << shift;
    shift += 16;
    at += 2;
  }
  if ((size & 1) != 0) { word |= std::uint64_t{std::to_integer<std::uint8_t>(*at)} << shift; }
  return word;
}

/// Adds words of 64 bits in ones' complement: the carry of one addition goes into the next. In assembly, since
/// compilers do not keep a carry where it is. The address is in a register of its own: one that the compiler writes may
/// have an offset already, before which no other can be written.
template <std::size_t kSize>
void add_words(std::uint64_t& sum, const std::byte* from) noexcept {
  using Block = const std::byte(*)[kSize];
  if constexpr (kSize == 128) {
    __asm__(
        "addq (%1), %0\n\tadcq 8(%1), %0\n\tadcq 16(%1), %0\n\tadcq 24(%1), %0\n\t"
        "adcq 32(%1), %0\n\tadcq 40(%1), %0\n\tadcq 48(%1), %0\n\tadcq 56(%1), %0\n\t"
        "adcq 64(%1), %0\n\tadcq 72(%1), %0\n\tadcq 80(%1), %0\n\tadcq 88(%1), %0\n\t"
        "adcq 96(%1), %0\n\tadcq 104(%1), %0\n\tadcq 112(%1), %0\n\tadcq 120(%1), %0\n\t"
        "adcq $0, %0"
        : "+&r"(sum)
        : "r"(from), "m"(*reinterpret_cast<Block>(from))
        : "cc");
  } else {
    static_assert(kSize == 32);
    __asm__("addq (%1), %0\n\tadcq 8(%1), %0\n\tadcq 16(%1), %0\n\tadcq 24(%1), %0\n\tadcq $0, %0"
            : "+&r"(sum)
            : "r"(from), "m"(*reinterpret_cast<Block>(from))
            : "cc");
  }
}
/// The same of 32 bytes, which go to `to` as well.
void copy_words(std::uint64_t& sum, std::byte* to, const std::byte* from) noexcept {
  using From = const std::byte(*)[32];
  using To = std::byte(*)[32];
  std::uint64_t word = 0;
  __asm__(
      "movq (%3), %1\n\taddq %1, %0\n\tmovq %1, (%4)\n\t"
      "movq 8(%3), %1\n\tadcq %1, %0\n\tmovq %1, 8(%4)\n\t"
      "movq 16(%3), %1\n\tadcq %1, %0\n\tmovq %1, 16(%4)\n\t"
      "movq 24(%3), %1\n\tadcq %1, %0\n\tmovq %1, 24(%4)\n\t"
      "adcq $0, %0"
      : "+&r"(sum), "=&r"(word), "=m"(*reinterpret_cast<To>(to))
      : "r"(from), "r"(to), "m"(*reinterpret_cast<From>(from))
      : "cc");
}
void add_word(std::uint64_t& sum, std::uint64_t word) noexcept {
  sum += word;
  sum += sum < word;
}

/// A vector kernel's: words w in lanes of 32 bits as w - 0x8000, since it multiplies signed ones.
__attribute__((target("avx2"))) inline std::uint64_t fold(__m256i lanes, std::size_t words) noexcept {
  const __m256i low = _mm256_cvtepi32_epi64(_mm256_castsi256_si128(lanes));
  const __m256i high = _mm256_cvtepi32_epi64(_mm256_extracti128_si256(lanes, 1));
  const __m256i four = _mm256_add_epi64(low, high);
  const __m128i two = _mm_add_epi64(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1));
  const std::int64_t one = _mm_cvtsi128_si64(two) + _mm_extract_epi64(two, 1);
  return static_cast<std::uint64_t>(one + static_cast<std::int64_t>(words) * 0x8000);
}

/// From byte n on: 32 - n bytes that are passed over, and n that count.
alignas(32) constexpr std::uint8_t kLastBytes[64] = {
    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,
    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
};

/// Of 32 bytes to `kMaxAvx2`.
template <bool kCopy>
__attribute__((target("avx2"))) inline Sum run_avx2(std::byte* to, const std::byte* from, std::size_t size) noexcept {
  const __m256i flip = _mm256_set1_epi16(-0x8000);
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i lanes = _mm256_setzero_si256();
  const auto load = [&](std::size_t at) __attribute__((target("avx2"), always_inline)) {
    const __m256i data = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + at));
    if constexpr (kCopy) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + at), data); }
    return data;
  };
  const auto words = [&](__m256i data) __attribute__((target("avx2"), always_inline)) {
    return _mm256_madd_epi16(_mm256_xor_si256(data, flip), ones);
  };
  std::size_t at = 0;
  for (; size - at >= 128; at += 128) {
    const __m256i first = _mm256_add_epi32(words(load(at)), words(load(at + 32)));
    const __m256i second = _mm256_add_epi32(words(load(at + 64)), words(load(at + 96)));
    lanes = _mm256_add_epi32(lanes, _mm256_add_epi32(first, second));
  }
  for (; size - at >= 32; at += 32) { lanes = _mm256_add_epi32(lanes, words(load(at))); }
  std::size_t count = at / 2;
  Sum odd;
  if (const std::size_t rest = size - at; rest != 0) {
    // The last 32 bytes once more, without those that were summed already.
    const __m256i mask = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kLastBytes + rest));
    const __m256i last = words(_mm256_and_si256(load(size - 32), mask));
    if (size % 2 == 0) {
      lanes = _mm256_add_epi32(lanes, last);
      count += 16;
    } else {
      odd = Sum::from_machine_words(fold(last, 16)).at(1);
    }
  }
  return Sum::from_machine_words(fold(lanes, count)) + odd;
}

}  // namespace

Sum sum_x86_64(const std::byte* from, std::size_t size) noexcept {
  std::uint64_t sum = 0;
  for (; size >= 128; size -= 128) {
    add_words<128>(sum, from);
    from += 128;
  }
  for (; size >= 32; size -= 32) {
    add_words<32>(sum, from);
    from += 32;
  }
  for (; size >= 8; size -= 8) {
    add_word(sum, load64(from));
    from += 8;
  }
  if (size != 0) { add_word(sum, load_tail(from, size)); }
  return Sum::from_machine_words(sum);
}

Sum copy_and_sum_x86_64(std::byte* to, const std::byte* from, std::size_t size) noexcept {
  std::uint64_t sum = 0;
  for (; size >= 32; size -= 32, to += 32, from += 32) { copy_words(sum, to, from); }
  for (; size >= 8; size -= 8, to += 8, from += 8) {
    const std::uint64_t word = load64(from);
    std::memcpy(to, &word, sizeof word);
    add_word(sum, word);
  }
  if (size != 0) {
    const std::uint64_t tail = load_tail(from, size);
    add_word(sum, tail);
    std::uint64_t word = tail;
    if ((size & 4) != 0) {
      std::memcpy(to, &word, 4);
      to += 4;
      word >>= 32;
    }
    if ((size & 2) != 0) {
      std::memcpy(to, &word, 2);
      to += 2;
      word >>= 16;
    }
    if ((size & 1) != 0) { *to = static_cast<std::byte>(word); }
  }
  return Sum::from_machine_words(sum);
}

__attribute__((target("avx2"))) Sum sum_avx2(const std::byte* from, std::size_t size) noexcept {
  return run_avx2<false>(nullptr, from, size);
}

__attribute__((target("avx2"))) Sum copy_and_sum_avx2(std::byte* to, const std::byte* from, std::size_t size) noexcept {
  return run_avx2<true>(to, from, size);
}

}  // namespace nal::embedded::wire::kernel
#endif

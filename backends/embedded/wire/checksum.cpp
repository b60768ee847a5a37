#include "backends/embedded/wire/checksum.hpp"

#include <cstring>

#include "backends/embedded/wire/checksum_kernels.hpp"
#include "nal/assert.hpp"

namespace nal::embedded::wire {
namespace {

#ifdef NAL_CHECKSUM_X86_64

/// From here on vectors are worth their beginning and end.
constexpr std::size_t kMinAvx2 = 160;

Sum sum_of(const std::byte* from, std::size_t size) noexcept {
  Sum sum;
  if (size >= kMinAvx2 && kernel::has_avx2()) {
    for (; size > kernel::kMaxAvx2; size -= kernel::kMaxAvx2 / 2) {
      sum += kernel::sum_avx2(from, kernel::kMaxAvx2 / 2);
      from += kernel::kMaxAvx2 / 2;
    }
    return sum + kernel::sum_avx2(from, size);
  }
  return kernel::sum_x86_64(from, size);
}

Sum copy_and_sum_of(std::byte* to, const std::byte* from, std::size_t size) noexcept {
  if (size >= 32 && kernel::has_avx2()) {
    Sum sum;
    for (; size > kernel::kMaxAvx2; size -= kernel::kMaxAvx2 / 2) {
      sum += kernel::copy_and_sum_avx2(to, from, kernel::kMaxAvx2 / 2);
      from += kernel::kMaxAvx2 / 2;
      to += kernel::kMaxAvx2 / 2;
    }
    return sum + kernel::copy_and_sum_avx2(to, from, size);
  }
  // Two passes: the second finds the bytes in the cache.
  if (size != 0) { std::memcpy(to, from, size); }
  return kernel::sum_x86_64(to, size);
}

#else

/// One pass over the bytes; with `kCopy`, to `to` as well.
template <bool kCopy>
Sum run(std::byte* to, const std::byte* from, std::size_t size) noexcept {
  // Words of 32 bits, so that the carries of 2^32 of them find room above.
  std::uint64_t total = 0;
  const auto take = [&](std::size_t at) {
    std::uint32_t word = 0;
    std::memcpy(&word, from + at, sizeof word);
    if constexpr (kCopy) { std::memcpy(to + at, &word, sizeof word); }
    total += word;
  };
  while (size >= 16) {
    take(0);
    take(4);
    take(8);
    take(12);
    from += 16;
    if constexpr (kCopy) { to += 16; }
    size -= 16;
  }
  while (size >= 4) {
    take(0);
    from += 4;
    if constexpr (kCopy) { to += 4; }
    size -= 4;
  }
  Sum sum = Sum::from_machine_words(total);
  if (size > 0) {
    std::uint32_t word = 0;
    std::memcpy(&word, from, size);
    if constexpr (kCopy) { std::memcpy(to, &word, size); }
    sum += Sum::from_machine_words(word);
  }
  return sum;
}

Sum sum_of(const std::byte* from, std::size_t size) noexcept { return run<false>(nullptr, from, size); }
Sum copy_and_sum_of(std::byte* to, const std::byte* from, std::size_t size) noexcept {
  return run<true>(to, from, size);
}

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
    std::memcpy(&words[0], source.data() + at, 4);
    std::memcpy(&words[1], destination.data() + at, 4);
    total += words[0];
    total += words[1];
  }
  return Sum::from_machine_words(total) + Sum::of(protocol) + Sum::of32(static_cast<std::uint32_t>(length));
}

}  // namespace nal::embedded::wire

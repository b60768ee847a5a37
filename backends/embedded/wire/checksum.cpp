#include "backends/embedded/wire/checksum.hpp"

#include <cstring>

namespace nal::embedded::wire {
namespace {

/// One pass over the bytes; with `kCopy`, to `to` as well.
template <bool kCopy>
Sum run(std::byte* to, const std::byte* from, std::size_t size) noexcept {
  // Halves of words are added, so that the carries of 2^32 words find room.
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  const auto take = [&](std::size_t at) {
    std::uint64_t word = 0;
    std::memcpy(&word, from + at, sizeof word);
    if constexpr (kCopy) { std::memcpy(to + at, &word, sizeof word); }
    low += static_cast<std::uint32_t>(word);
    high += word >> 32;
  };
  while (size >= 32) {
    take(0);
    take(8);
    take(16);
    take(24);
    from += 32;
    if constexpr (kCopy) { to += 32; }
    size -= 32;
  }
  while (size >= 8) {
    take(0);
    from += 8;
    if constexpr (kCopy) { to += 8; }
    size -= 8;
  }
  Sum sum = Sum::from_machine_words(low) + Sum::from_machine_words(high);
  if (size > 0) {
    std::uint64_t word = 0;
    std::memcpy(&word, from, size);
    if constexpr (kCopy) { std::memcpy(to, &word, size); }
    sum += Sum::from_machine_words(word);
  }
  return sum;
}

}  // namespace

Sum sum(std::span<const std::byte> bytes) noexcept { return run<false>(nullptr, bytes.data(), bytes.size()); }

Sum copy_and_sum(std::span<std::byte> to, std::span<const std::byte> from) noexcept {
  return run<true>(to.data(), from.data(), from.size());
}

Sum pseudo_header_sum(std::span<const std::byte> source, std::span<const std::byte> destination, std::uint8_t protocol,
                      std::size_t length) noexcept {
  return sum(source) + sum(destination) + Sum::of(protocol) + Sum::of32(static_cast<std::uint32_t>(length));
}

}  // namespace nal::embedded::wire

#include "nal/random.hpp"

#include <bit>

namespace nal {

Entropy::Entropy(std::span<const std::byte, kSize> bytes) noexcept {
  for (std::size_t i = 0; i < words_.size(); ++i) {
    words_[i] = 0;
    for (std::size_t j = 4; j-- > 0;) { words_[i] = words_[i] << 8 | std::to_integer<std::uint32_t>(bytes[4 * i + j]); }
  }
}

void chacha20_block(std::span<const std::uint32_t, 8> key, std::uint32_t counter,
                    std::span<const std::uint32_t, 3> nonce, std::span<std::uint32_t, 16> out) noexcept {
  std::array<std::uint32_t, 16> start{0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
  for (std::size_t i = 0; i < key.size(); ++i) { start[4 + i] = key[i]; }
  start[12] = counter;
  for (std::size_t i = 0; i < nonce.size(); ++i) { start[13 + i] = nonce[i]; }
  for (std::size_t i = 0; i < 16; ++i) { out[i] = start[i]; }
  // The columns and then the diagonals, ten times.
  for (unsigned round = 0; round < 80; ++round) {
    const std::size_t column = round % 4;
    const std::size_t shift = round % 8 < 4 ? 0 : 1;
    std::uint32_t& a = out[column];
    std::uint32_t& b = out[4 + (column + shift) % 4];
    std::uint32_t& c = out[8 + (column + 2 * shift) % 4];
    std::uint32_t& d = out[12 + (column + 3 * shift) % 4];
    a += b;
    d = std::rotl(d ^ a, 16);
    c += d;
    b = std::rotl(b ^ c, 12);
    a += b;
    d = std::rotl(d ^ a, 8);
    c += d;
    b = std::rotl(b ^ c, 7);
  }
  for (std::size_t i = 0; i < 16; ++i) { out[i] += start[i]; }
}

std::uint32_t Random::u32() noexcept {
  if (left_ == 0) {
    std::array<std::uint32_t, 16> block;
    chacha20_block(key_, 0, std::array<std::uint32_t, 3>{}, block);
    for (std::size_t i = 0; i < 8; ++i) {
      key_[i] = block[i];
      words_[i] = block[8 + i];
    }
    left_ = 8;
  }
  const std::uint32_t word = words_[--left_];
  words_[left_] = 0;
  return word;
}

std::uint16_t Random::u16() noexcept { return static_cast<std::uint16_t>(u32()); }

std::uint32_t Random::below(std::uint32_t bound) noexcept {
  // Unbiased to one part in 2^32 / bound, which nobody can use.
  return static_cast<std::uint32_t>(std::uint64_t{u32()} * bound >> 32);
}

}  // namespace nal

#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace nal::embedded {

/// A secret of 128 bits.
struct SipKey {
  std::uint64_t k0 = 0;
  std::uint64_t k1 = 0;
};

/// SipHash-2-4 (Aumasson and Bernstein, 2012) of whole 32-bit words: who does not know the key can neither tell nor
/// choose what it gives. For what an outsider must not guess; tables are indexed by the quicker `nal::Hasher`.
constexpr std::uint64_t siphash(const SipKey& key, std::span<const std::uint32_t> words) noexcept {
  std::uint64_t v0 = key.k0 ^ 0x736f6d6570736575;
  std::uint64_t v1 = key.k1 ^ 0x646f72616e646f6d;
  std::uint64_t v2 = key.k0 ^ 0x6c7967656e657261;
  std::uint64_t v3 = key.k1 ^ 0x7465646279746573;
  const auto rounds = [&](int count) {
    for (; count != 0; --count) {
      v0 += v1;
      v1 = std::rotl(v1, 13) ^ v0;
      v0 = std::rotl(v0, 32);
      v2 += v3;
      v3 = std::rotl(v3, 16) ^ v2;
      v0 += v3;
      v3 = std::rotl(v3, 21) ^ v0;
      v2 += v1;
      v1 = std::rotl(v1, 17) ^ v2;
      v2 = std::rotl(v2, 32);
    }
  };
  const auto absorb = [&](std::uint64_t block) {
    v3 ^= block;
    rounds(2);
    v0 ^= block;
  };
  std::size_t i = 0;
  for (; i + 1 < words.size(); i += 2) { absorb(std::uint64_t{words[i + 1]} << 32 | words[i]); }
  const std::uint64_t length = std::uint64_t{words.size() * 4} << 56;
  absorb(i < words.size() ? length | words[i] : length);
  v2 ^= 0xff;
  rounds(4);
  return v0 ^ v1 ^ v2 ^ v3;
}

}  // namespace nal::embedded

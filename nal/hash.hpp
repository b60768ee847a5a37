#pragma once
#include <bit>
#include <concepts>
#include <cstdint>

namespace nal {

/// Keeps outsiders from choosing values that all fall into one bucket. Take it from a random source once a table.
struct HashKey {
  std::uint32_t k0 = 0;
  std::uint32_t k1 = 0;
};

/// HalfSipHash-1-3 over whole 32-bit words: every input bit reaches every output bit, and with a secret key an outsider
/// cannot aim for collisions. Made of 32-bit additions and rotations, so it is as quick on a Cortex-M as on a host. For
/// hash tables; it authenticates nothing.
class Hasher {
 public:
  constexpr explicit Hasher(HashKey key = {}) noexcept
      : v0_(key.k0), v1_(key.k1), v2_(0x6c796765 ^ key.k0), v3_(0x74656462 ^ key.k1) {}

  constexpr void add(std::uint32_t word) noexcept {
    ++words_;
    absorb(word);
  }

  constexpr std::uint32_t finish() const noexcept {
    Hasher end = *this;
    end.absorb(words_ << 26);  // the message's length in bytes, in the top byte
    end.v2_ ^= 0xff;
    end.round();
    end.round();
    end.round();
    return end.v1_ ^ end.v3_;
  }

 private:
  constexpr void absorb(std::uint32_t word) noexcept {
    v3_ ^= word;
    round();
    v0_ ^= word;
  }
  constexpr void round() noexcept {
    v0_ += v1_;
    v1_ = std::rotl(v1_, 5) ^ v0_;
    v0_ = std::rotl(v0_, 16);
    v2_ += v3_;
    v3_ = std::rotl(v3_, 8) ^ v2_;
    v0_ += v3_;
    v3_ = std::rotl(v3_, 7) ^ v0_;
    v2_ += v1_;
    v1_ = std::rotl(v1_, 13) ^ v2_;
    v2_ = std::rotl(v2_, 16);
  }

  std::uint32_t v0_;
  std::uint32_t v1_;
  std::uint32_t v2_;
  std::uint32_t v3_;
  std::uint32_t words_ = 0;
};

/// A value that can be hashed: `x.hash_into(hasher)` adds every word that equality looks at.
template <class T>
concept Hashable = requires(const T& x, Hasher& hasher) {
  { x.hash_into(hasher) } -> std::same_as<void>;
};

/// Equal values have equal hashes under the same key.
template <Hashable T>
constexpr std::uint32_t hash_value(const T& value, HashKey key = {}) noexcept {
  Hasher hasher(key);
  value.hash_into(hasher);
  return hasher.finish();
}

}  // namespace nal

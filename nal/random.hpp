#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace nal {

/// 32 bytes that nobody else can know, from the machine's source of randomness (on hosts `system_entropy()` of
/// nal/hosted/entropy.hpp). Whoever can tell them can tell what follows from them, DNS ids, ports and TCP's initial
/// sequence numbers, and speak in a peer's place: they are never the same twice, also not after a restart. There is no
/// default.
class Entropy {
 public:
  static constexpr std::size_t kSize = 32;
  explicit Entropy(std::span<const std::byte, kSize> bytes) noexcept;

 private:
  friend class Random;
  std::array<std::uint32_t, 8> words_;
};

/// Numbers that cannot be told from those given before: ChaCha20 (RFC 8439 §2.3), whose key is replaced with its own
/// output each time, so that what it holds does not tell what it gave.
class Random {
 public:
  explicit Random(const Entropy& entropy) noexcept : key_(entropy.words_) {}

  std::uint32_t u32() noexcept;
  std::uint16_t u16() noexcept;
  /// From 0 to `bound` - 1; `bound` is at least 1.
  std::uint32_t below(std::uint32_t bound) noexcept;

 private:
  std::array<std::uint32_t, 8> key_;
  std::array<std::uint32_t, 8> words_{};
  std::uint8_t left_ = 0;  ///< of `words_`
};

/// One block of ChaCha20 (RFC 8439 §2.3): 16 words from the key, the counter and the nonce.
void chacha20_block(std::span<const std::uint32_t, 8> key, std::uint32_t counter,
                    std::span<const std::uint32_t, 3> nonce, std::span<std::uint32_t, 16> out) noexcept;

}  // namespace nal

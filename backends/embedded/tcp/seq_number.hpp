#pragma once
#include <cstdint>

namespace nal::embedded {

/// A place in the 32-bit sequence space of one direction of a connection (RFC 9293 §3.4). Compares as places at most
/// 2^31 - 1 apart do: `a < b` when b is ahead of a.
class SeqNumber {
 public:
  constexpr SeqNumber() noexcept = default;
  constexpr explicit SeqNumber(std::uint32_t value) noexcept : value_(value) {}

  constexpr std::uint32_t value() const noexcept { return value_; }

  friend constexpr bool operator==(SeqNumber, SeqNumber) noexcept = default;
  friend constexpr bool operator<(SeqNumber a, SeqNumber b) noexcept { return b.ahead_of(a) > 0; }
  friend constexpr bool operator>(SeqNumber a, SeqNumber b) noexcept { return b < a; }
  friend constexpr bool operator<=(SeqNumber a, SeqNumber b) noexcept { return !(b < a); }
  friend constexpr bool operator>=(SeqNumber a, SeqNumber b) noexcept { return !(a < b); }

  friend constexpr SeqNumber operator+(SeqNumber a, std::uint32_t n) noexcept { return SeqNumber(a.value_ + n); }
  friend constexpr SeqNumber operator-(SeqNumber a, std::uint32_t n) noexcept { return SeqNumber(a.value_ - n); }
  constexpr SeqNumber& operator+=(std::uint32_t n) noexcept { return *this = *this + n; }
  /// How far `a` is ahead of `b`; only where it is known not to be behind.
  friend constexpr std::uint32_t operator-(SeqNumber a, SeqNumber b) noexcept { return a.value_ - b.value_; }
  /// How far it is ahead of `other`; negative when behind.
  constexpr std::int32_t ahead_of(SeqNumber other) const noexcept {
    return static_cast<std::int32_t>(value_ - other.value_);
  }

 private:
  std::uint32_t value_ = 0;
};

constexpr SeqNumber min(SeqNumber a, SeqNumber b) noexcept { return b < a ? b : a; }
constexpr SeqNumber max(SeqNumber a, SeqNumber b) noexcept { return a < b ? b : a; }

/// Whether instant `a` comes before `b`, both as the low 32 bits of a clock and less than half its range apart.
constexpr bool earlier(std::uint32_t a, std::uint32_t b) noexcept { return static_cast<std::int32_t>(a - b) < 0; }

}  // namespace nal::embedded

#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace nal::embedded::wire {

/// A sum of 16-bit words in ones' complement (RFC 1071), as it is while a checksum is being made. Kept in the machine's
/// byte order, so that nothing is swapped until the end. Sums of parts add up to the sum of the whole.
class Sum {
 public:
  constexpr Sum() noexcept = default;

  constexpr Sum& operator+=(Sum other) noexcept {
    value_ += other.value_;
    value_ += value_ < other.value_;  // the carry comes in again at the other end
    return *this;
  }
  friend constexpr Sum operator+(Sum a, Sum b) noexcept { return a += b; }

  /// Of one word of a header, whose value this is.
  static constexpr Sum of(std::uint16_t word) noexcept { return from_machine_words(to_machine(word)); }
  /// Of two words of a header.
  static constexpr Sum of32(std::uint32_t words) noexcept {
    return of(static_cast<std::uint16_t>(words >> 16)) + of(static_cast<std::uint16_t>(words));
  }
  /// Of words as the machine loads them; any number of them may be in it already.
  static constexpr Sum from_machine_words(std::uint64_t words) noexcept {
    const auto high = static_cast<std::uint32_t>(words >> 32);
    auto value = static_cast<std::uint32_t>(words) + high;
    value += value < high;
    Sum sum;
    sum.value_ = value;
    return sum;
  }

  /// The same bytes, standing `offset` bytes from the start of what is summed as a whole: at an odd one they fall into
  /// the other halves of the words.
  constexpr Sum at(std::size_t offset) const noexcept {
    return (offset & 1) != 0 ? from_machine_words(std::rotl(value_, 8)) : *this;
  }

  /// What goes into the checksum field, as a number: the complement.
  constexpr std::uint16_t checksum() const noexcept {
    return static_cast<std::uint16_t>(~std::uint32_t{to_machine(folded())});
  }
  /// The same for UDP, where 0 says that there is none (RFC 768).
  constexpr std::uint16_t udp_checksum() const noexcept {
    const std::uint16_t value = checksum();
    return value == 0 ? std::uint16_t{0xffff} : value;
  }
  /// What the checksum field has when a device completes it (`Offload::checksum_start`): the sum itself, as a number.
  constexpr std::uint16_t value() const noexcept { return to_machine(folded()); }
  /// Whether the bytes summed, the checksum field among them, are as they were sent.
  constexpr bool valid() const noexcept { return folded() == 0xffff; }

 private:
  constexpr std::uint16_t folded() const noexcept {
    std::uint32_t value = (value_ & 0xffff) + (value_ >> 16);
    value += value >> 16;
    return static_cast<std::uint16_t>(value);
  }
  /// Between a number and the word that its bytes are when loaded.
  static constexpr std::uint16_t to_machine(std::uint16_t word) noexcept {
    if constexpr (std::endian::native == std::endian::little) {
      return static_cast<std::uint16_t>(word << 8 | word >> 8);
    } else {
      return word;
    }
  }

  std::uint32_t value_ = 0;
};

/// Two words of a header, whose value this is, as the machine loads their bytes.
constexpr std::uint32_t to_machine32(std::uint32_t words) noexcept {
  return std::endian::native == std::endian::little ? __builtin_bswap32(words) : words;
}

/// Of any number of bytes at any alignment; the last of an odd number has a zero behind it.
Sum sum(std::span<const std::byte> bytes) noexcept;

/// Of a header of whole words, 20 bytes or more: too short for a call, unless flash is.
inline Sum sum_of_header(const std::byte* at, std::size_t size) noexcept {
  if constexpr (sizeof(void*) < 8) { return sum({at, size}); }
  std::uint32_t words[5];
  __builtin_memcpy(words, at, sizeof words);
  std::uint64_t total = std::uint64_t{words[0]} + words[1] + words[2] + words[3] + words[4];
  at += 20;
  size -= 20;
  if (size == 12) {  // TCP's timestamps
    std::uint32_t more[3];
    __builtin_memcpy(more, at, sizeof more);
    return Sum::from_machine_words(total + more[0] + more[1] + more[2]);
  }
  for (; size != 0; at += 4, size -= 4) {
    std::uint32_t word = 0;
    __builtin_memcpy(&word, at, sizeof word);
    total += word;
  }
  return Sum::from_machine_words(total);
}

/// Copies `from` to the start of `to`, which has room for it and does not overlap it, and gives the sum of what it has
/// copied: one pass over the bytes.
Sum copy_and_sum(std::span<std::byte> to, std::span<const std::byte> from) noexcept;

/// The same where a few bytes are as likely as many, which are not worth a call then.
inline Sum copy_and_sum_short(std::byte* to, const std::byte* from, std::size_t size) noexcept {
  if (size >= 8) { return copy_and_sum({to, size}, {from, size}); }
  std::uint64_t total = 0;
  const auto part = [&]<class Word>(Word word) {
    __builtin_memcpy(&word, from, sizeof word);
    __builtin_memcpy(to, &word, sizeof word);
    from += sizeof word;
    to += sizeof word;
    total += word;
  };
  if ((size & 4) != 0) { part(std::uint32_t{0}); }
  if ((size & 2) != 0) { part(std::uint16_t{0}); }
  if ((size & 1) != 0) {
    *to = *from;
    const auto last = std::to_integer<std::uint32_t>(*from);
    total += std::endian::native == std::endian::little ? last : last << 8;
  }
  return Sum::from_machine_words(total);
}

/// Of the header that TCP, UDP and ICMPv6 checksums cover beside their own (RFC 9293 §3.1, RFC 8200 §8.1): addresses as
/// they stand in the packet, both of 4 or both of 16 bytes; `length` of the transport's header and payload.
Sum pseudo_header_sum(std::span<const std::byte> source, std::span<const std::byte> destination, std::uint8_t protocol,
                      std::size_t length) noexcept;

/// The checksum of a header in which one word has changed (RFC 1624). Never 0: 0xffff is the same number, and right
/// also where all that it covers has become 0.
constexpr std::uint16_t updated_checksum(std::uint16_t checksum, std::uint16_t before, std::uint16_t after) noexcept {
  return (Sum::of(static_cast<std::uint16_t>(~checksum)) + Sum::of(static_cast<std::uint16_t>(~before)) +
          Sum::of(after))
      .udp_checksum();
}

}  // namespace nal::embedded::wire

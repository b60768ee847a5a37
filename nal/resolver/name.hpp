#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "nal/ip_address.hpp"
#include "nal/result.hpp"
#include "nal/text.hpp"

namespace nal::dns {

/// A message's header ends here, and no name begins before (RFC 1035 §4.1.1).
inline constexpr std::size_t kHeaderSize = 12;

/// Walks the labels of a name in a message and follows its compression pointers (RFC 1035 §4.1.4). Total and bounded:
/// each pointer must point before all that was walked so far and behind the header, so that no name can loop; there are
/// no more of them than a name may have labels; and a name has at most 255 bytes once expanded (RFC 9267 §2).
class Labels {
 public:
  /// `message` outlives it.
  Labels(std::span<const std::byte> message, std::size_t offset) noexcept
      : message_(message), position_(offset), lowest_(offset) {}

  /// The next label, 1 to 63 bytes of the message; empty at the name's end. *Errors*: protocol_error.
  Result<std::span<const std::byte>> next() noexcept;
  /// Where the message goes on behind the name, once its end was reached.
  std::size_t end() const noexcept { return end_; }

 private:
  std::span<const std::byte> message_;
  std::size_t position_;
  std::size_t lowest_;    ///< pointers lead before this
  std::size_t end_ = 0;   ///< behind the first pointer; 0: none was met yet
  std::size_t size_ = 1;  ///< of the name expanded so far, with the root's zero
  unsigned pointers_ = 0;
};

/// A domain name: up to 255 bytes of labels with their lengths, in memory of its own (RFC 1035 §3.1). Names are
/// compared without regard to the case of ASCII letters, and keep it.
class Name {
 public:
  static constexpr std::size_t kMaxSize = 255;
  static constexpr std::size_t kMaxLabel = 63;

  /// The root.
  Name() noexcept { clear(); }

  void clear() noexcept {
    size_ = 1;
    bytes_[0] = std::byte{0};
  }
  /// From text: labels between dots, a dot at the end or none, `\.` and `\123` for characters that would not stand
  /// there otherwise. Any printable character is a name's character, the underscore too. *Errors*: invalid_argument for
  /// empty or too long labels and names, and for control characters and blanks; the name is then the root.
  Result<> set_text(std::string_view text) noexcept;
  /// From a message. Gives where the message goes on behind it. *Errors*: protocol_error; the name is then of no use.
  Result<std::size_t> set_wire(std::span<const std::byte> message, std::size_t offset) noexcept;
  /// The name under which an address's name is asked for: in-addr.arpa (RFC 1035 §3.5) or ip6.arpa (RFC 3596 §2.5).
  void set_reverse(const IpAddress& address) noexcept;
  /// Appends another name. *Errors*: invalid_argument when it becomes too long; the name is as before then.
  Result<> append(std::span<const std::byte> wire) noexcept;

  /// Uncompressed, with the root's zero.
  std::span<const std::byte> wire() const noexcept { return std::span(bytes_).first(size_); }
  std::span<std::byte> wire() noexcept { return std::span(bytes_).first(size_); }
  bool is_root() const noexcept { return size_ == 1; }
  /// "www.example.org": without a dot at the end, the root as ".". What set_text needs escaped is escaped, so that no
  /// name from the network carries a blank, a zero, or a dot that is none. *Errors*: buffer_too_small.
  Result<std::string_view> format_to(std::span<char> out) const noexcept;

  /// Whether the name at `offset` of a message is this one; a malformed one is not.
  bool is_at(std::span<const std::byte> message, std::size_t offset) const noexcept;
  /// Whether it is `other` or a name under it.
  bool is_under(const Name& other) const noexcept;

  friend bool operator==(const Name& a, const Name& b) noexcept;

 private:
  Result<> append_label(std::span<const std::byte> label) noexcept;

  std::uint8_t size_;
  std::array<std::byte, kMaxSize> bytes_;  // not initialised beyond its size: names are large
};

/// An ASCII letter in lower case; anything else as it is (RFC 4343).
constexpr std::byte to_lower(std::byte c) noexcept {
  return c >= std::byte{'A'} && c <= std::byte{'Z'} ? c | std::byte{0x20} : c;
}
constexpr bool is_letter(std::byte c) noexcept {
  const std::byte lower = to_lower(c);
  return lower >= std::byte{'a'} && lower <= std::byte{'z'};
}

/// Names that are answered without a name server.
enum class SpecialName : std::uint8_t {
  none,
  localhost,  ///< this host, and every name under it (RFC 6761 §6.3)
  multicast,  ///< ".local": for multicast DNS alone (RFC 6762 §3)
  never,      ///< ".invalid" (RFC 6761 §6.4) and ".onion" (RFC 7686 §2): no such name
};
SpecialName special_name(const Name& name) noexcept;

}  // namespace nal::dns

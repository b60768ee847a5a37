#pragma once
#include <optional>
#include <string_view>

#include "backends/embedded/wire/bytes.hpp"
#include "nal/result.hpp"

namespace nal::embedded::wire {

/// A name and its dots, without one at the end.
inline constexpr std::size_t kMaxDomainText = 253;

/// Walks over the names of a search list: of DHCPv4 (RFC 3397, compressed against the list itself), of DHCPv6 (RFC 8415
/// §10) and of router advertisements (RFC 8106 §5.2, with zeros behind the last). Total and bounded: what is no name
/// ends the list.
class DomainList {
 public:
  /// `bytes` outlive it.
  explicit DomainList(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}

  /// The next name as text in `out`; nothing at the end. A name that holds anything but letters, digits, hyphens and
  /// underscores ends the list.
  std::optional<std::string_view> next(std::span<char, kMaxDomainText> out) noexcept;

 private:
  std::span<const std::byte> bytes_;
  std::size_t position_ = 0;
};

/// Puts a name given as text ("www.example.org", with a dot at the end or none) behind `position` of `out` as DNS has
/// it on the wire. Where the next one goes. *Errors*: buffer_too_small, invalid_argument.
Result<std::size_t> put_domain(std::string_view text, std::span<std::byte> out, std::size_t position = 0) noexcept;

}  // namespace nal::embedded::wire

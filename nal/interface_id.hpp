#pragma once
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "nal/hash.hpp"
#include "nal/result.hpp"
#include "nal/text.hpp"

namespace nal {

/// Names a network interface of a stack by number; the zone of a link-local IPv6 address is such a number. 0 stands for
/// "any" or "not told".
class InterfaceId {
 public:
  /// "4294967295"
  static constexpr std::size_t kMaxTextSize = 10;

  constexpr InterfaceId() noexcept = default;
  constexpr explicit InterfaceId(std::uint32_t index) noexcept : index_(index) {}

  static constexpr InterfaceId any() noexcept { return {}; }

  constexpr std::uint32_t index() const noexcept { return index_; }
  constexpr bool is_any() const noexcept { return index_ == 0; }

  /// Writes the number into `out` and returns it; `Error::buffer_too_small` leaves `out` with part of it.
  constexpr Result<std::string_view> format_to(std::span<char> out) const noexcept {
    return detail::format_to(*this, out);
  }
  constexpr void append_to(TextWriter& writer) const noexcept { writer.put_decimal(index_); }
  constexpr void hash_into(Hasher& hasher) const noexcept { hasher.add(index_); }

  friend constexpr auto operator<=>(InterfaceId, InterfaceId) noexcept = default;

 private:
  std::uint32_t index_ = 0;
};

}  // namespace nal

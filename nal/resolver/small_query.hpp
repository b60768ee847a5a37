#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "nal/ip_address.hpp"
#include "nal/resolver/message.hpp"

namespace nal::dns {

/// A question about a name's addresses as a message, and what an answer says to it: what there is of DNS in a
/// `SmallResolver`. No sockets and no clock.
class SmallQuery {
 public:
  enum class Says : std::uint8_t {
    nothing,    ///< it is no answer to this question, or a malformed one
    addresses,  ///< one at least
    no_such,    ///< no such name, or none of these addresses
    failed,     ///< this server does not know
  };

  /// The question of a name with an id that nobody can guess. *Errors*: invalid_argument: no possible name.
  Result<> start(std::string_view name, Type type, std::uint16_t id) noexcept;
  /// The same about another type.
  void ask_for(Type type, std::uint16_t id) noexcept;
  Type type() const noexcept;
  std::span<const std::byte> message() const noexcept { return std::span(bytes_).first(size_); }

  /// Puts the addresses that `message` tells of into `out` from `count` on, as far as there is room.
  Says read(std::span<const std::byte> message, std::span<IpAddress> out, std::size_t& count) const noexcept;

 private:
  std::uint16_t size_ = 0;
  std::array<std::byte, kHeaderSize + Name::kMaxSize + 4> bytes_;
};

}  // namespace nal::dns

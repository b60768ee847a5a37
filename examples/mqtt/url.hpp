#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "nal/result.hpp"

namespace mqtt {

inline constexpr std::uint16_t kDefaultPort = 1883;
inline constexpr std::uint16_t kDefaultTlsPort = 8883;

/// `mqtt[s]://[user[:password]@]host[:port][/topic]`, as mosquitto_pub and mosquitto_sub have it: the topic is all that
/// follows the slash. A host may be an IPv6 address in brackets.
struct Url {
  std::string_view host;  ///< without brackets
  std::uint16_t port = kDefaultPort;
  std::optional<std::string_view> user{};
  std::optional<std::string_view> password{};
  std::string_view topic;  ///< empty: none was given
  bool secure = false;     ///< mqtts: over TLS

  /// Percent-encoded bytes are decoded into `out`, which the views then point to: as many bytes as `text` has suffice.
  /// *Errors*: invalid_argument: no such URL; buffer_too_small.
  static nal::Result<Url> parse(std::string_view text, std::span<char> out) noexcept;
};

}  // namespace mqtt

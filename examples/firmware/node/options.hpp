#pragma once
#include <array>
#include <optional>
#include <string_view>

#include "nal/cidr.hpp"
#include "nal/endpoint.hpp"
#include "nal/mac_address.hpp"

namespace node {

/// What a product has in its settings; here it comes from the board's argument.
struct Options {
  std::optional<nal::Cidr> ipv4;  ///< without, DHCP
  std::optional<nal::Cidr> ipv6;  ///< without, what routers tell
  std::optional<nal::IpAddress> gateway;
  std::optional<nal::Endpoint> broker;  ///< without, nothing is published
  nal::MacAddress mac{0x02, 0, 0, 0, 0, 0x42};
  std::string_view name = "node";  ///< of the MQTT client, and before its topics
};

/// Words such as "ip=192.0.2.5/24 ip=2001:db8::5/64 gateway=192.0.2.1 broker=192.0.2.1:1883 mac=02:00:00:00:00:43
/// name=pump", in any order. Nothing when one of them is none of these.
inline std::optional<Options> parse(std::string_view words) noexcept {
  Options options;
  while (!words.empty()) {
    // Not the text functions of the library, which want a C library.
    const std::size_t space = nal::detail::find(words, ' ');
    const std::string_view word = nal::detail::first(words, space);
    words = space < words.size() ? nal::detail::after(words, space) : std::string_view();
    if (word.empty()) { continue; }
    const std::size_t equals = nal::detail::find(word, '=');
    if (equals == word.size()) { return std::nullopt; }
    const std::string_view key = nal::detail::first(word, equals);
    const std::string_view value = nal::detail::after(word, equals);
    bool good = true;
    const auto take = [&good](const auto& parsed, auto& into) {
      good = parsed.has_value();
      if (good) { into = *parsed; }
    };
    if (key == "ip") {
      const auto cidr = nal::Cidr::parse(value);
      const bool v4 = cidr && cidr->address().family() == nal::Family::v4;
      take(cidr, v4 ? options.ipv4 : options.ipv6);
    } else if (key == "gateway") {
      take(nal::IpAddress::parse(value), options.gateway);
    } else if (key == "broker") {
      take(nal::Endpoint::parse(value), options.broker);
    } else if (key == "mac") {
      take(nal::MacAddress::parse(value), options.mac);
    } else if (key == "name" && !value.empty()) {
      options.name = value;
    } else {
      return std::nullopt;
    }
    if (!good) { return std::nullopt; }
  }
  return options;
}

}  // namespace node

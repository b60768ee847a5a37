#pragma once
#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "nal/resolver/settings.hpp"

namespace nal::dns {

/// The settings in a text of the form of /etc/resolv.conf: `nameserver`, `search`, `domain`, and of `options` ndots,
/// timeout, attempts and use-vc, each within its bounds. What it does not understand it passes over, as others do;
/// without a name server, this host is asked. The text outlives it, and it the settings that it gives.
class ResolvConf {
 public:
  static constexpr std::size_t kMostServers = 8;
  static constexpr std::size_t kMostNames = 6;

  explicit ResolvConf(std::string_view text) noexcept;

  /// With at most so many of the servers.
  Settings settings(std::size_t servers = kMostServers) const noexcept {
    return {.servers = std::span(servers_).first(servers < server_count_ ? servers : server_count_),
            .search = std::span(names_).first(name_count_),
            .options = options_};
  }

 private:
  void line(std::string_view text) noexcept;
  void option(std::string_view text) noexcept;
  void add_server(const IpAddress& address) noexcept;

  std::array<Endpoint, kMostServers> servers_{};
  std::array<std::string_view, kMostNames> names_{};
  std::size_t server_count_ = 0;
  std::size_t name_count_ = 0;
  Options options_{};
};

}  // namespace nal::dns

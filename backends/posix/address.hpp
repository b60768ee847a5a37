#pragma once
#include <sys/socket.h>

#include "nal/endpoint.hpp"

namespace nal::posix {

/// A `sockaddr` of either family, with its length.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = sizeof(sockaddr_storage);

  SocketAddress() noexcept = default;
  explicit SocketAddress(const Endpoint& endpoint) noexcept;

  sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
  /// The IPv4 unspecified endpoint if it holds no internet address.
  Endpoint endpoint() const noexcept;
};

/// AF_INET or AF_INET6.
int address_family(const IpAddress& address) noexcept;

}  // namespace nal::posix

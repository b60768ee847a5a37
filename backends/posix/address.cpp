#include "backends/posix/address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstring>

namespace nal::posix {

SocketAddress::SocketAddress(const Endpoint& endpoint) noexcept {
  const auto bytes = endpoint.address.bytes();
  if (endpoint.address.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    std::memcpy(&v4.sin_addr, bytes.data(), sizeof v4.sin_addr);
    std::memcpy(&storage, &v4, sizeof v4);
    length = sizeof v4;
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(endpoint.port);
    v6.sin6_scope_id = endpoint.address.zone();
    std::memcpy(&v6.sin6_addr, bytes.data(), sizeof v6.sin6_addr);
    std::memcpy(&storage, &v6, sizeof v6);
    length = sizeof v6;
  }
}

Endpoint SocketAddress::endpoint() const noexcept {
  if (storage.ss_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &storage, sizeof v4);
    Ipv4Address::Bytes bytes;
    std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
    return Endpoint(Ipv4Address::from_bytes(bytes), ntohs(v4.sin_port));
  }
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &storage, sizeof v6);
    Ipv6Address::Bytes bytes;
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return Endpoint(Ipv6Address::from_bytes(bytes, v6.sin6_scope_id), ntohs(v6.sin6_port));
  }
  return {};
}

int address_family(const IpAddress& address) noexcept { return address.is_v4() ? AF_INET : AF_INET6; }

}  // namespace nal::posix

#pragma once
#include "backends/embedded/ip/link.hpp"

namespace nal::embedded {

// What a host sends of Neighbor Discovery. False when there is no packet to send it in.

/// RFC 4861 §4.3; with the nonce of RFC 7527 if there is one. From the unspecified address, for Duplicate Address
/// Detection, it does not tell the own hardware address.
bool send_neighbor_solicitation(Link& link, Interface& interface, const Address& source, const Address& destination,
                                const Address& target, std::span<const std::byte> nonce, Instant now) noexcept;
/// RFC 4861 §4.4: `target`, which is this host's, is here.
bool send_neighbor_advertisement(Link& link, Interface& interface, const Address& destination, const Address& target,
                                 bool solicited, Instant now) noexcept;
/// RFC 4861 §4.1; `source` may be unspecified.
bool send_router_solicitation(Link& link, Interface& interface, const Address& source, Instant now) noexcept;

}  // namespace nal::embedded

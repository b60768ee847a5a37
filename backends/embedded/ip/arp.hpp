#pragma once
#include "backends/embedded/ip/link.hpp"
#include "backends/embedded/wire/arp.hpp"

namespace nal::embedded {

/// Sends an ARP packet from the interface to one station or all of them; `sender` is unspecified in a probe
/// (RFC 5227 §1.1). False when there is no packet to send it in.
bool send_arp(Link& link, Interface& interface, const MacAddress& station, const wire::ArpPacket& packet,
              Instant now) noexcept;

}  // namespace nal::embedded

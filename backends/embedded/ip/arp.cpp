#include "backends/embedded/ip/arp.hpp"

namespace nal::embedded {

bool send_arp(Link& link, Interface& interface, const MacAddress& station, const wire::ArpPacket& packet,
              Instant now) noexcept {
  Packet frame = link.allocate();
  if (!frame || frame.tailroom() < wire::kArpSize) { return false; }
  packet.emit(frame.append(wire::kArpSize));
  link.send_frame(interface, station, EtherType::arp, std::move(frame), now);
  return true;
}

}  // namespace nal::embedded

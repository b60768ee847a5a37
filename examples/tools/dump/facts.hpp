#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "nal/driver/driver.hpp"
#include "nal/ip_address.hpp"
#include "nal/mac_address.hpp"

namespace dump {

/// What a filter asks of a frame.
struct Facts {
  std::size_t size = 0;  ///< on the wire
  bool ethernet = false;
  nal::MacAddress mac_source{};
  nal::MacAddress mac_destination{};
  std::optional<std::uint16_t> vlan;
  std::uint16_t ether_type = 0;  ///< behind a tag; of a frame without Ethernet that of its IP
  bool arp = false;
  unsigned ip_version = 0;  ///< 0: none
  /// Of IP, or of ARP: of whom it is, and whom it asks.
  std::optional<nal::IpAddress> source;
  std::optional<nal::IpAddress> destination;
  std::uint8_t protocol = 0;  ///< what IP carries, behind extension headers
  std::optional<std::uint16_t> source_port;
  std::optional<std::uint16_t> destination_port;
};

/// Total: of what is cut off or wrong it tells what there is. `size` is the frame's on the wire.
Facts look_at(std::span<const std::byte> frame, nal::driver::Medium medium, std::size_t size);

}  // namespace dump

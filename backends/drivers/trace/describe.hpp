#pragma once
#include <cstddef>
#include <span>
#include <string_view>

#include "nal/driver/driver.hpp"

namespace nal::drivers {

/// Room for the description of any frame that is no oddity; a longer one is cut off.
inline constexpr std::size_t kDescriptionSize = 512;

/// Says in one line what a frame is, from the outermost protocol to the innermost that is known, much as tcpdump does:
///
///     02:00:00:00:00:0a > 02:00:00:00:00:0b, IPv4 10.0.0.1 > 10.0.0.2 ttl 64, TCP 1000 > 80 [S] seq 1 win 100
///     <mss 1460>, 0 bytes
///
/// `checksums_made`: TCP's, UDP's and ICMP's are in the frame, and a wrong one is remarked on; otherwise a device is to
/// make them, or has looked at them. Total: any bytes give a line. The text is in `out`.
std::string_view describe(std::span<const std::byte> frame, driver::Medium medium, bool checksums_made,
                          std::span<char> out) noexcept;

/// The same for a packet, whose offload says which checksums are made.
std::string_view describe(const driver::Packet& packet, driver::Medium medium, std::span<char> out) noexcept;

}  // namespace nal::drivers

#pragma once
#include <string_view>

#include "backends/drivers/around.hpp"

namespace nal::drivers {

/// A driver around a driver that says of each frame that goes through, in a line, when it went, where and what it is:
///
///     12.000345 eth0 in 02:00:00:00:00:0a > ff:ff:ff:ff:ff:ff, ARP who has 10.0.0.1? tell 10.0.0.2
class Tracer final : public Around {
 public:
  /// Gets each line, without a line feed; the text lives as long as the call.
  using Sink = void (*)(void* context, std::string_view line);

  /// The driver, the name and what `context` points to outlive it.
  Tracer(driver::Driver& inner, std::string_view name, Sink sink, void* context) noexcept
      : Around(inner), name_(name), sink_(sink), context_(context) {}

  driver::Packet receive(driver::PacketPool& pool, Instant now) noexcept override;
  /// A frame that the device refuses has a line that says why; one that it has no room for has none yet.
  Result<> transmit(driver::Packet& packet, Instant now) noexcept override;

 private:
  std::string_view name_;
  Sink sink_;
  void* context_;
};

}  // namespace nal::drivers

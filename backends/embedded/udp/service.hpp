#pragma once
#include "backends/embedded/ip/network.hpp"

namespace nal::embedded {

/// A protocol over UDP that has to do with the interfaces themselves, which no socket can do: a DHCP client speaks
/// before there is an address. Attached to a stack (`Udp::attach`), which drives it; a stack without it does not link
/// it.
class UdpService {
 public:
  /// A datagram with a good checksum. True: it is this service's, and nobody else's.
  virtual bool input(const Ingress& ingress, std::uint16_t destination_port, std::span<const std::byte> payload,
                     Instant now) noexcept = 0;
  virtual void poll(Instant now) noexcept = 0;
  virtual Instant poll_at() const noexcept = 0;

 protected:
  /// Until a packet may be there to send in.
  static constexpr Duration kNoPacketDelay = Duration::milliseconds(100);

  UdpService() = default;
  UdpService(const UdpService&) = delete;
  UdpService& operator=(const UdpService&) = delete;
  ~UdpService() = default;

 private:
  friend class Udp;
  UdpService* next_ = nullptr;
};

}  // namespace nal::embedded

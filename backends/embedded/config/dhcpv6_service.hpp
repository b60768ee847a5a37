#pragma once
#include "backends/embedded/config/dhcpv6.hpp"
#include "backends/embedded/ip/ip_layer.hpp"
#include "backends/embedded/udp/udp.hpp"

namespace nal::embedded {

/// Keeps an interface configured by DHCPv6 as its routers want it (RFC 4861 §4.2): with the M flag an address, which it
/// gives the interface once nobody else turns out to have it and takes away when its time is over; with the O flag
/// other configuration alone, which is asked of `client()`. Router discovery runs on the interface (`start_slaac`);
/// begins with the first router that has a flag, and again when the link comes up.
///
///     embedded::Dhcpv6Service dhcp(stack.ip(), stack.udp(), interface, {}, options, random);
///     dhcp.start();
///
/// Outlived by the stack; its end takes the address away.
class Dhcpv6Service final : public UdpService {
 public:
  /// `options` keeps what the server tells beside addresses; it outlives the service.
  Dhcpv6Service(IpLayer& ip, Udp& udp, InterfaceIndex interface, const Dhcpv6Client::Settings& settings,
                std::span<std::byte> options, Random& random) noexcept;
  ~Dhcpv6Service();

  void start() noexcept;
  /// Gives the address back to the server, and ends.
  void release(Instant now) noexcept;

  const Dhcpv6Client& client() const noexcept { return client_; }

  bool input(const Ingress& ingress, std::uint16_t destination_port, std::span<const std::byte> payload,
             Instant now) noexcept override;
  void poll(Instant now) noexcept override;
  Instant poll_at() const noexcept override;

 private:
  enum class Doing : std::uint8_t { nothing, information, address };

  Doing wanted() const noexcept;
  const InterfaceAddress* link_local() const noexcept;
  InterfaceAddress* entry() const noexcept;
  void follow_routers(Instant now) noexcept;
  void check_address(Instant now) noexcept;
  void send_what_is_due(Instant now) noexcept;
  void take_address_away() noexcept;

  IpLayer& ip_;
  Udp& udp_;
  InterfaceIndex interface_;
  bool started_ = false;
  Doing doing_ = Doing::nothing;
  std::uint32_t version_ = 0;  ///< of the client, as last told
  Dhcpv6Client client_;
  Address address_;          ///< that the interface has, in whatever state, from this; or unspecified
  Instant no_packet_until_;  ///< before that what is due is not sent
};

}  // namespace nal::embedded

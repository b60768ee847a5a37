#pragma once
#include "backends/embedded/config/dhcpv4.hpp"
#include "backends/embedded/ip/ip_layer.hpp"
#include "backends/embedded/udp/udp.hpp"

namespace nal::embedded {

/// Keeps an interface configured by DHCPv4: gives it the address once nobody else turns out to have it, the mask and
/// the default router; takes them away when the lease ends; asks again when the link comes up. What else the server
/// tells is asked of `client()`.
///
///     embedded::Dhcpv4Service dhcp(stack.ip(), stack.udp(), interface, {.host_name = "sensor"}, options, random);
///     dhcp.start(executor.now());
///
/// Outlived by the stack; its end takes the configuration away.
class Dhcpv4Service final : public UdpService {
 public:
  /// `options` keeps what the server tells beside addresses; it outlives the service.
  Dhcpv4Service(IpLayer& ip, Udp& udp, InterfaceIndex interface, const Dhcpv4Client::Settings& settings,
                std::span<std::byte> options, Random& random) noexcept;
  ~Dhcpv4Service();

  /// Begins; `remembered` is the address of before, if there was one.
  void start(Instant now, Ipv4Address remembered = {}) noexcept;
  /// Gives the address back to the server, and ends.
  void release(Instant now) noexcept;

  const Dhcpv4Client& client() const noexcept { return client_; }

  bool input(const Ingress& ingress, std::uint16_t destination_port, std::span<const std::byte> payload,
             Instant now) noexcept override;
  void poll(Instant now) noexcept override;
  Instant poll_at() const noexcept override;

 private:
  void look_at_link(Instant now) noexcept;
  void check_address(Instant now) noexcept;
  void send_what_is_due(Instant now) noexcept;
  void configure(Instant now) noexcept;
  void take_address_away() noexcept;

  IpLayer& ip_;
  Udp& udp_;
  InterfaceIndex interface_;
  Dhcpv4Client client_;
  Ipv4Address address_;  ///< that the interface has, in whatever state, from this; or unspecified
  Ipv4Address router_;
  std::uint32_t version_ = 0;  ///< of what is configured
  bool wanted_ = false;        ///< started
  bool running_ = false;       ///< and the link is up
  Instant no_packet_until_;    ///< before that what is due is not sent
};

}  // namespace nal::embedded

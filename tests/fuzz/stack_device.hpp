#pragma once
// The device of a fuzzed stack, and what must hold of every frame that it is given.
#include <deque>
#include <vector>

#include "backends/embedded/wire/arp.hpp"
#include "backends/embedded/wire/ethernet.hpp"
#include "backends/embedded/wire/icmp.hpp"
#include "backends/embedded/wire/igmp.hpp"
#include "backends/embedded/wire/ipv4.hpp"
#include "backends/embedded/wire/ipv6.hpp"
#include "backends/embedded/wire/tcp.hpp"
#include "backends/embedded/wire/udp.hpp"
#include "nal/driver/checksum.hpp"
#include "nal/driver/driver.hpp"
#include "tests/fuzz/harness.hpp"

namespace nal::fuzz {

using Bytes = std::vector<std::byte>;

/// A device whose other end is the input.
class FuzzDevice final : public driver::Driver {
 public:
  FuzzDevice(driver::Medium medium, std::uint16_t mtu, std::uint8_t last, bool finishes_checksums) noexcept
      : address_{2, 0, 0, 0, 0, last} {
    capabilities_.medium = medium;
    capabilities_.mtu = mtu;
    capabilities_.transmit_checksum = finishes_checksums;
  }

  driver::Capabilities capabilities() const noexcept override { return capabilities_; }
  MacAddress hardware_address() const noexcept override { return address_; }
  bool link_up() noexcept override { return up; }
  driver::Packet receive(driver::PacketPool& pool, Instant /*now*/) noexcept override {
    if (arriving.empty()) { return {}; }
    const Bytes frame = std::move(arriving.front());
    arriving.pop_front();
    driver::Packet packet = pool.allocate(capabilities_.headroom);
    // As the drivers do: without a packet a frame is lost.
    if (!packet || frame.size() > packet.tailroom()) { return receive(pool, {}); }
    if (!frame.empty()) { std::copy(frame.begin(), frame.end(), packet.append(frame.size()).begin()); }
    return packet;
  }
  bool can_transmit() noexcept override { return sent.size() < room; }
  Result<> transmit(driver::Packet& packet, Instant /*now*/) noexcept override {
    if (!can_transmit()) { return Unexpected(Error::would_block); }
    require(packet.size() <= driver::max_frame_size(capabilities_));
    require(packet.offload().checksum_start == 0 || capabilities_.transmit_checksum);
    require(packet.offload().segment_size == 0);
    require(driver::finish_checksum(packet));
    const auto data = packet.data();
    sent.emplace_back(data.begin(), data.end());
    packet = driver::Packet();
    return {};
  }
  void wait(Context& context, Waiter& waiter, bool for_transmit) noexcept override {
    if (!arriving.empty() || (for_transmit && can_transmit())) { context.wake_soon(); }
    waiters_.add(context, waiter, Wait::device);
  }
  /// Something of this has changed.
  void wake() noexcept { waiters_.wake_all(); }

  std::deque<Bytes> arriving;
  std::vector<Bytes> sent;
  std::size_t room = 1000;
  bool up = true;

 private:
  driver::Capabilities capabilities_;
  MacAddress address_;
  WaitList waiters_;
};

namespace wire = embedded::wire;

/// What IP carries, told by what carried it.
struct Carried {
  std::span<const std::byte> source;
  std::span<const std::byte> destination;
  std::uint8_t protocol = 0;
  std::uint8_t hop_limit = 0;
  bool to_many = false;
  bool from_nobody = false;
  bool router_alert = false;
  std::span<const std::byte> bytes;
};

inline void check_carried(const Carried& it) {
  const bool v4 = it.source.size() == 4;
  const auto sum =
      wire::pseudo_header_sum(it.source, it.destination, it.protocol, it.bytes.size()) + wire::sum(it.bytes);
  switch (it.protocol) {
    case 6: {
      const auto tcp = wire::TcpView::parse(it.bytes);
      require(tcp.has_value() && sum.valid() && !it.to_many && !it.from_nobody);
      require(tcp->source_port() != 0 && tcp->destination_port() != 0);
      const std::uint8_t kinds = tcp->flags() & (wire::tcp_flag::syn | wire::tcp_flag::fin | wire::tcp_flag::rst);
      require((kinds & (kinds - 1)) == 0);
      break;
    }
    case 17: {
      const auto udp = wire::UdpView::parse(it.bytes);
      require(udp.has_value() && udp->length() == it.bytes.size());
      require(udp->has_checksum() && sum.valid());
      require(udp->source_port() != 0 && udp->destination_port() != 0);
      require(!it.from_nobody || udp->source_port() == 68);
      break;
    }
    case 1:
    case 58: {
      require(v4 == (it.protocol == 1));
      const auto icmp = wire::IcmpView::parse(it.bytes);
      require(icmp.has_value());
      require(v4 ? icmp->checksum_valid_v4() : sum.valid());
      const bool error = v4 ? icmp->is_error_v4() : icmp->is_error_v6();
      // RFC 1122 §3.2.2, RFC 4443 §2.4 (e)
      require(!error || (!it.to_many && !it.from_nobody));
      const std::uint8_t type = icmp->type();
      if (!v4 && type >= 133 && type <= 137) { require(it.hop_limit == 255); }
      if (!v4 && ((type >= 130 && type <= 132) || type == 143)) { require(it.hop_limit == 1 && it.router_alert); }
      break;
    }
    case 2: require(v4 && it.hop_limit == 1 && it.router_alert && wire::sum(it.bytes).valid()); break;
    default: require(false);
  }
}

/// `packet` begins with its IP header.
inline void check_ip(std::span<const std::byte> packet, std::size_t mtu) {
  require(!packet.empty() && packet.size() <= mtu);
  if (wire::load_u8(packet.data()) >> 4 == 4) {
    const auto ip = wire::Ipv4View::parse(packet);
    require(ip && ip->checksum_valid() && ip->total_length() == packet.size() && ip->hop_limit() > 0);
    const Ipv4Address source = ip->source();
    const Ipv4Address destination = ip->destination();
    require(!source.is_multicast() && !source.is_broadcast() && !source.is_loopback());
    require(!destination.is_unspecified() && !destination.is_loopback());
    if (ip->is_fragment()) {
      require(!ip->more_fragments() || ip->payload().size() % 8 == 0);
      return;
    }
    check_carried({ip->source_bytes(), ip->destination_bytes(), ip->protocol(), ip->hop_limit(),
                   destination.is_multicast() || destination.is_broadcast(), source.is_unspecified(),
                   ip->options().size() == 4, ip->payload()});
    return;
  }
  const auto ip = wire::Ipv6View::parse(packet);
  require(ip && wire::kIpv6HeaderSize + ip->payload_length() == packet.size() && ip->hop_limit() > 0);
  const Ipv6Address source = wire::to_ipv6(ip->source());
  const Ipv6Address destination = wire::to_ipv6(ip->destination());
  require(!source.is_multicast() && !source.is_loopback());
  require(!destination.is_unspecified() && !destination.is_loopback());
  const wire::Ipv6Chain chain = wire::walk_extension_headers(*ip);
  if (chain.verdict == wire::Ipv6Chain::Verdict::fragment) {
    require(!chain.more_fragments || (packet.size() - chain.offset) % 8 == 0);
    return;
  }
  require(chain.verdict == wire::Ipv6Chain::Verdict::deliver);
  check_carried({packet.subspan(8, 16), packet.subspan(24, 16), chain.protocol, ip->hop_limit(),
                 destination.is_multicast(), source.is_unspecified(), chain.router_alert,
                 packet.subspan(chain.offset)});
}

/// Aborts unless the frame is one that a host may send. Gives the IP packet in it, or nothing.
inline std::span<const std::byte> check_sent(const FuzzDevice& device, std::span<const std::byte> frame) {
  const driver::Capabilities capabilities = device.capabilities();
  if (capabilities.medium == driver::Medium::ethernet) {
    const auto ethernet = wire::EthernetView::parse(frame);
    require(ethernet && ethernet->source() == device.hardware_address());
    frame = ethernet->payload();
    if (ethernet->type() == wire::EtherType::arp) {
      const auto arp = wire::ArpView::parse(frame);
      require(arp && frame.size() == wire::kArpSize && arp->sender_mac() == device.hardware_address());
      require(arp->operation() == wire::ArpOperation::reply || !arp->target().is_unspecified());
      return {};
    }
    const bool v4 = ethernet->type() == wire::EtherType::ipv4;
    require(v4 || ethernet->type() == wire::EtherType::ipv6);
    require(!frame.empty() && wire::load_u8(frame.data()) >> 4 == (v4 ? 4 : 6));
  }
  check_ip(frame, capabilities.mtu);
  return frame;
}

}  // namespace nal::fuzz

#include "backends/lwip/interface.hpp"

#include <lwip/etharp.h>
#include <lwip/ethip6.h>
#include <netif/ethernet.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

// Where one thread has both lwIP and the packets. Who forwards puts headers in front, where lwIP will have none here.
#define NAL_LWIP_LENDS (NO_SYS && LWIP_SUPPORT_CUSTOM_PBUF && !IP_FORWARD && !LWIP_IPV6_FORWARD)

namespace nal::lwip {

namespace {

/// Frames that wait for the device, at most: what comes beyond is dropped, as it would be in a switch.
constexpr std::size_t kMaxWaiting = 32;

#if LWIP_IPV4
err_t output_v4(netif* interface, pbuf* packet, const ip4_addr_t* /*to*/) noexcept {
  return interface->linkoutput(interface, packet);
}
#endif
#if LWIP_IPV6
err_t output_v6(netif* interface, pbuf* packet, const ip6_addr_t* /*to*/) noexcept {
  return interface->linkoutput(interface, packet);
}
#endif

/// The bytes of a frame of lwIP's, one after the other.
void gather(const pbuf& frame, std::span<std::byte> to) noexcept {
  std::byte* at = to.data();
  std::size_t skip = ETH_PAD_SIZE;
  for (const pbuf* part = &frame; part; part = part->next) {
    const std::size_t size = part->len - skip;
    std::memcpy(at, static_cast<const std::byte*>(part->payload) + skip, size);
    at += size;
    skip = 0;
    if (part->len == part->tot_len) { return; }  // behind it may stand another frame, which waits for its address
  }
}

/// A received frame in memory of lwIP's; null if there is none.
pbuf* copy(std::span<const std::byte> frame) noexcept {
  const auto size = static_cast<u16_t>(frame.size());
  pbuf* const buffer = pbuf_alloc(PBUF_RAW, static_cast<u16_t>(size + ETH_PAD_SIZE), PBUF_POOL);
  if (buffer) { pbuf_take_at(buffer, frame.data(), size, ETH_PAD_SIZE); }
  return buffer;
}

#if LWIP_IPV6 && LWIP_IPV6_AUTOCONFIG
bool is_router_advertisement(std::span<const std::byte> frame, bool ethernet) noexcept {
  constexpr std::size_t kHeader = 40;
  const std::size_t ip = ethernet ? 14 : 0;
  return frame.size() > ip + kHeader && (!ethernet || (frame[12] == std::byte{0x86} && frame[13] == std::byte{0xdd})) &&
         (frame[ip] & std::byte{0xf0}) == std::byte{0x60} && frame[ip + 6] == std::byte{58} &&
         frame[ip + kHeader] == std::byte{134};
}
#endif

#if NAL_LWIP_LENDS
/// Stands behind a frame that lwIP has, in the frame's own packet.
struct Lent {
  pbuf_custom buffer;  // first, since lwIP gives this back
  driver::PacketBuffer* packet;
};

void give_back(pbuf* buffer) noexcept {
  // Which ends the packet.
  driver::Packet::adopt(reinterpret_cast<Lent*>(buffer)->packet);
}

/// Whether lwIP keeps a frame no longer than whoever reads its payload: one whole datagram or segment.
bool is_whole(std::span<const std::byte> frame, bool ethernet) noexcept {
  const std::size_t ip = ethernet ? 14 : 0;
  if (frame.size() < ip + 40) { return false; }
  const std::byte* const header = frame.data() + ip;
  const auto carried = [](std::byte protocol) { return protocol == std::byte{6} || protocol == std::byte{17}; };
  const bool may_be_v4 = !ethernet || (frame[12] == std::byte{0x08} && frame[13] == std::byte{0x00});
  if (may_be_v4 && header[0] == std::byte{0x45}) {
    // RFC 791 §3.1: more fragments, and which one.
    return (header[6] & std::byte{0x3f}) == std::byte{} && header[7] == std::byte{} && carried(header[9]);
  }
  const bool may_be_v6 = !ethernet || (frame[12] == std::byte{0x86} && frame[13] == std::byte{0xdd});
  return may_be_v6 && (header[0] & std::byte{0xf0}) == std::byte{0x60} && carried(header[6]);
}

/// A received frame for lwIP to read where it lies, with its packet; null, and nothing is changed, if it is to be
/// copied.
pbuf* lend(driver::Packet& packet, bool ethernet) noexcept {
  constexpr std::size_t kAlignment = std::min<std::size_t>(MEM_ALIGNMENT, 4);
  driver::PacketPool& pool = *packet.buffer()->pool;
  const std::span<std::byte> frame = packet.data();
  const auto size = static_cast<u16_t>(frame.size() + ETH_PAD_SIZE);
  const std::size_t padding = -reinterpret_cast<std::uintptr_t>(frame.data() + frame.size()) % alignof(Lent);
  if (pool.available() < pool.count() / 2 || packet.tailroom() < padding + sizeof(Lent) ||
      packet.headroom() + frame.size() < size ||
      (reinterpret_cast<std::uintptr_t>(frame.data()) - ETH_PAD_SIZE) % kAlignment != 0 || !is_whole(frame, ethernet)) {
    return nullptr;
  }
  auto* const lent = new (frame.data() + frame.size() + padding) Lent;
  lent->buffer.custom_free_function = &give_back;
  pbuf* const buffer = pbuf_alloced_custom(PBUF_RAW, size, PBUF_REF, &lent->buffer, frame.data() - ETH_PAD_SIZE, size);
  lent->packet = packet.detach();
  return buffer;
}
#endif

}  // namespace

bool Interface::add(Core& core, driver::Driver& driver, driver::PacketPool& pool) noexcept {
  core_ = &core;
  driver_ = &driver;
  pool_ = &pool;
  const netif_input_fn on_input =
      driver.capabilities().medium == driver::Medium::ethernet ? &ethernet_input : &ip_input;
#if LWIP_IPV4
  ip4_addr_t none;
  ip4_addr_set_zero(&none);
  const bool added = netif_add(&netif_, &none, &none, &none, this, &on_init, on_input) != nullptr;
#else
  const bool added = netif_add(&netif_, this, &on_init, on_input) != nullptr;
#endif
  if (!added) {
    driver_ = nullptr;
    return false;
  }
  netif_set_up(&netif_);
  follow_link();
  return true;
}

void Interface::remove() noexcept {
#if ENABLE_LOOPBACK
  netif_poll(&netif_);  // what this host said to itself is lwIP's still
#endif
  netif_remove(&netif_);
  waiting_.clear();
  waiter_.unlink();
#if !NO_SYS
  for (; outgoing_count_ > 0; --outgoing_count_) { pbuf_free(outgoing_[outgoing_first_++ % kOutgoing]); }
  filter_count_ = 0;
#endif
  driver_->give_back(*pool_);
  driver_ = nullptr;
}

err_t Interface::on_init(::netif* netif) noexcept {
  of(netif).configure();
  return ERR_OK;
}

void Interface::configure() noexcept {
  const driver::Capabilities can = driver_->capabilities();
  headroom_ = can.headroom;
  netif_.name[0] = 'n';
  netif_.name[1] = 'l';
  netif_.mtu = can.mtu;
  netif_.linkoutput = &on_output;
  if (can.medium == driver::Medium::ethernet) {
    const MacAddress mac = driver_->hardware_address();
    netif_.hwaddr_len = ETH_HWADDR_LEN;
    std::ranges::copy(mac.bytes(), netif_.hwaddr);
    netif_.flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET;
  }
#if LWIP_IPV4
  netif_.output = can.medium == driver::Medium::ethernet ? &etharp_output : &output_v4;
#if LWIP_IGMP
  netif_.flags = static_cast<u8_t>(netif_.flags | NETIF_FLAG_IGMP);
  netif_set_igmp_mac_filter(
      &netif_, [](::netif* netif, const ip4_addr_t* group, netif_mac_filter_action action) noexcept -> err_t {
        const u32_t address = lwip_ntohl(group->addr);
        // RFC 1112 §6.4
        const MacAddress mac(0x01, 0x00, 0x5e, static_cast<u8_t>(address >> 16 & 0x7f), static_cast<u8_t>(address >> 8),
                             static_cast<u8_t>(address));
        return of(netif).filter(mac, action == NETIF_ADD_MAC_FILTER);
      });
#endif
#endif
#if LWIP_IPV6
#if LWIP_IPV6_AUTOCONFIG
  netif_set_ip6_autoconfig_enabled(&netif_, 0);  // lwIP would do so unasked
#endif
  netif_.output_ip6 = can.medium == driver::Medium::ethernet ? &ethip6_output : &output_v6;
#if LWIP_IPV6_MLD
  netif_.flags = static_cast<u8_t>(netif_.flags | NETIF_FLAG_MLD6);
  netif_set_mld_mac_filter(
      &netif_, [](::netif* netif, const ip6_addr_t* group, netif_mac_filter_action action) noexcept -> err_t {
        const u32_t last = lwip_ntohl(group->addr[3]);
        // RFC 2464 §7
        const MacAddress mac(0x33, 0x33, static_cast<u8_t>(last >> 24), static_cast<u8_t>(last >> 16),
                             static_cast<u8_t>(last >> 8), static_cast<u8_t>(last));
        return of(netif).filter(mac, action == NETIF_ADD_MAC_FILTER);
      });
#endif
#endif
}

/// Has the device pass frames to a group, or pass them no longer.
err_t Interface::filter(const MacAddress& group, bool add) noexcept {
#if !NO_SYS
  if (!CoreLock::held()) { return filter_later(group, add); }
  filter_pending();
#endif
  if (!add) {
    driver_->leave(group);
    return ERR_OK;
  }
  return driver_->join(group) ? ERR_OK : ERR_IF;
}

void Interface::follow_link() noexcept {
  const bool up = driver_->link_up();
  if (up) {
    netif_set_link_up(&netif_);
  } else {
    netif_set_link_down(&netif_);
  }
}

/// Copies the frame to the device, or to those that wait for it. False: no packet is left, lwIP keeps the frame.
inline bool Interface::send(pbuf& frame, Instant now) noexcept {
  const std::size_t size = std::size_t{frame.tot_len} - ETH_PAD_SIZE;
  driver::Packet packet = pool_->allocate_to_send(headroom_);
  if (!packet || size > packet.tailroom()) {
    ++statistics_.no_packet;
    blocked_ = true;
    core_->kick();  // `run()` waits for packets, and has lwIP try again
    return false;
  }
  gather(frame, packet.append(size));
  if (waiting_.empty()) {
    const Result<> sent = driver_->transmit(packet, now);
    if (sent) {
      ++statistics_.sent;
      return true;
    }
    if (sent.error() != Error::would_block) {
      ++statistics_.refused;
      return true;
    }
  }
  if (waiting_.count() >= kMaxWaiting) {
    ++statistics_.refused;
    return true;
  }
  waiting_.push(std::move(packet));
  return true;
}

err_t Interface::on_output(::netif* netif, pbuf* frame) noexcept {
  Interface& self = of(netif);
#if !NO_SYS
  if (!CoreLock::held()) { return self.output_later(*frame); }
  self.send_outgoing(self.core_->now());
  if (self.outgoing_count_ > 0) { return self.output_later(*frame); }
#endif
  return self.send(*frame, self.core_->now()) ? ERR_OK : ERR_MEM;
}

#if !NO_SYS
/// In lwIP's thread, whose the device is not.
err_t Interface::output_later(pbuf& frame) noexcept {
  if (outgoing_count_ == kOutgoing) {
    ++statistics_.no_packet;
    blocked_ = true;
    return ERR_MEM;
  }
  // As for any device that sends later: what is lwIP's own stays as it is while somebody else has it.
  pbuf* kept = &frame;
  bool volatile_data = false;
  for (pbuf* at = &frame; at; at = at->next) { volatile_data |= PBUF_NEEDS_COPY(at) != 0; }
  if (volatile_data) {
    kept = pbuf_clone(PBUF_RAW, PBUF_RAM, &frame);
    if (!kept) { return ERR_MEM; }
  } else {
    pbuf_ref(kept);
  }
  outgoing_[(outgoing_first_ + outgoing_count_++) % kOutgoing] = kept;
  core_->kick();
  return ERR_OK;
}

void Interface::send_outgoing(Instant now) noexcept {
  while (outgoing_count_ > 0 && waiting_.count() < kMaxWaiting) {
    pbuf* const frame = outgoing_[outgoing_first_];
    if (!send(*frame, now)) { return; }
    outgoing_first_ = (outgoing_first_ + 1) % kOutgoing;
    --outgoing_count_;
    pbuf_free(frame);
  }
}

/// The device's filter, set by lwIP's thread.
err_t Interface::filter_later(const MacAddress& group, bool add) noexcept {
  if (filter_count_ == kFilters) { return ERR_MEM; }
  filters_[filter_count_++] = {group, add};
  core_->kick();
  return ERR_OK;
}

void Interface::filter_pending() noexcept {
  const unsigned count = std::exchange(filter_count_, 0);
  for (unsigned i = 0; i < count; ++i) { static_cast<void>(filter(filters_[i].group, filters_[i].add)); }
}
#endif

/// Ends the packet, or lends it.
void Interface::input(driver::Packet& packet) noexcept {
  ++statistics_.received;
  if (packet.size() > 0xffff - ETH_PAD_SIZE) { return; }
#if LWIP_IPV6 && LWIP_IPV6_AUTOCONFIG
  // lwIP would take a router's DNS server in the place of DHCP's, without an address to reach it from.
  if (!netif_.ip6_autoconfig_enabled && is_router_advertisement(packet.data(), netif_.hwaddr_len != 0)) { return; }
#endif
#if LWIP_CHECKSUM_CTRL_PER_NETIF
  const u16_t none = NETIF_CHECKSUM_ENABLE_ALL & ~(NETIF_CHECKSUM_CHECK_UDP | NETIF_CHECKSUM_CHECK_TCP);
  NETIF_SET_CHECKSUM_CTRL(&netif_, packet.offload().checksum_verified ? none : NETIF_CHECKSUM_ENABLE_ALL);
#endif
#if NAL_LWIP_LENDS
  pbuf* buffer = lend(packet, netif_.hwaddr_len != 0);
  if (buffer) {
    ++statistics_.lent;
  } else {
    buffer = copy(packet.data());
    packet = {};  // before lwIP answers: it may need the packet for that
  }
#else
  pbuf* const buffer = copy(packet.data());
  packet = {};
#endif
  if (!buffer) {
    ++statistics_.no_pbuf;
    return;
  }
  if (netif_.input(buffer, &netif_) != ERR_OK) {
    ++statistics_.refused;
    pbuf_free(buffer);
  }
}

void Interface::transmit_waiting(Instant now) noexcept {
  while (!waiting_.empty() && driver_->can_transmit()) {
    driver::Packet packet = waiting_.pop();
    ++(driver_->transmit(packet, now) ? statistics_.sent : statistics_.refused);
  }
}

#if LWIP_IPV6 && defined(LWIP_HOOK_ND6_GET_GW)
const ip6_addr_t* Interface::ip6_gateway_of(::netif* netif) noexcept {
  if (netif->linkoutput != &on_output || ip6_addr_isany(&of(netif).ip6_gateway_)) { return nullptr; }
  return &of(netif).ip6_gateway_;
}
#endif

}  // namespace nal::lwip

#if LWIP_IPV6 && defined(LWIP_HOOK_ND6_GET_GW)
extern "C" const ip6_addr_t* nal_lwip_ip6_gateway(netif* netif) { return nal::lwip::Interface::ip6_gateway_of(netif); }
#endif

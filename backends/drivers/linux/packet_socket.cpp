#include "backends/drivers/linux/packet_socket.hpp"

#include <arpa/inet.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "backends/drivers/linux/frame_room.hpp"
#include "backends/drivers/linux/virtio_header.hpp"
#include "backends/posix/error.hpp"
#include "nal/driver/checksum.hpp"

namespace nal::drivers {

using driver::Medium;
using driver::Packet;
using driver::PacketPool;

static_assert(PacketSocket::kLongPacketSize > kLongestSegmentedFrame + kVirtioHeaderSize);

namespace {

constexpr std::size_t kTagSize = 4;
constexpr std::size_t kAddressesSize = 12;  // of an Ethernet header, which come before a VLAN's tag

Result<> fail() noexcept { return Unexpected(posix::error_from_errno(errno)); }

Result<> set(int fd, int name, int value) noexcept {
  if (::setsockopt(fd, SOL_PACKET, name, &value, sizeof value) < 0) { return fail(); }
  return {};
}

Result<> change_membership(int fd, int how, int interface, int type, const MacAddress& address) noexcept {
  packet_mreq request{};
  request.mr_ifindex = interface;
  request.mr_type = static_cast<unsigned short>(type);
  request.mr_alen = 6;
  std::memcpy(request.mr_address, address.bytes().data(), 6);
  if (::setsockopt(fd, SOL_PACKET, how, &request, sizeof request) < 0) { return fail(); }
  return {};
}

/// Room for what Linux tells beside a frame.
union Control {
  cmsghdr header;
  std::byte bytes[CMSG_SPACE(sizeof(tpacket_auxdata))];
};

const tpacket_auxdata* find_auxdata(msghdr& message) noexcept {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level == SOL_PACKET && part->cmsg_type == PACKET_AUXDATA) {
      return reinterpret_cast<const tpacket_auxdata*>(CMSG_DATA(part));
    }
  }
  return nullptr;
}

/// Linux takes a frame's VLAN tag off; this puts it back, for which there is headroom.
void insert_tag(Packet& packet, const tpacket_auxdata& about) noexcept {
  if ((about.tp_status & TP_STATUS_VLAN_VALID) == 0 || packet.size() < kAddressesSize) { return; }
  const unsigned type = (about.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0 ? about.tp_vlan_tpid : ETH_P_8021Q;
  driver::Offload& offload = packet.offload();
  if (offload.unfinished_start > 255 - kTagSize) {
    driver::finish_checksum(packet);
  } else if (offload.unfinished_start != 0) {
    offload.unfinished_start = static_cast<std::uint8_t>(offload.unfinished_start + kTagSize);
  }
  packet.prepend(kTagSize);
  const std::span<std::byte> bytes = packet.data();
  std::memmove(bytes.data(), bytes.data() + kTagSize, kAddressesSize);
  bytes[12] = static_cast<std::byte>(type >> 8);
  bytes[13] = static_cast<std::byte>(type & 0xff);
  bytes[14] = static_cast<std::byte>(about.tp_vlan_tci >> 8);
  bytes[15] = static_cast<std::byte>(about.tp_vlan_tci & 0xff);
}

}  // namespace

PacketSocket::PacketSocket(posix::Reactor& reactor, const PacketSocketConfig& config) noexcept
    : reactor_(&reactor), status_(open(config)) {
  if (!status_) { lose(); }
}

PacketSocket::~PacketSocket() { lose(); }

void PacketSocket::lose() noexcept {
  source_.readable = source_.writable = false;
  link_.close();
  reactor_->remove(source_);
  if (source_.fd >= 0) { ::close(source_.fd); }
  source_.fd = -1;
  source_.readers.wake_all();
}

Result<> PacketSocket::open(const PacketSocketConfig& config) noexcept {
  long_packets_ = config.long_packets;
  // Of no protocol, so that nothing arrives before it is bound to the interface.
  source_.fd = ::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (source_.fd < 0) { return fail(); }
  source_.wakes = &source_;
  NAL_TRY(reactor_->add(source_));
  NAL_TRY(link_.open(*reactor_, config.name, source_));
  const int fd = source_.fd;
  NAL_TRY(set(fd, PACKET_VNET_HDR, 1));
  NAL_TRY(set(fd, PACKET_AUXDATA, 1));
  if (!config.outgoing) { NAL_TRY(set(fd, PACKET_IGNORE_OUTGOING, 1)); }
  if (config.promiscuous) {
    NAL_TRY(change_membership(fd, PACKET_ADD_MEMBERSHIP, link_.index(), PACKET_MR_PROMISC, {}));
  }

  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = link_.index();
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) { return fail(); }
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) < 0) { return fail(); }
  switch (address.sll_hatype) {
    case ARPHRD_ETHER:
    case ARPHRD_LOOPBACK: capabilities_.medium = Medium::ethernet; break;
    case ARPHRD_NONE:
    case ARPHRD_TUNNEL:
    case ARPHRD_TUNNEL6:
    case ARPHRD_SIT: capabilities_.medium = Medium::ip; break;
    default: return Unexpected(Error::not_supported);
  }
  address_ = config.address.is_unspecified() ? link_.address() : config.address;
  capabilities_.mtu = link_.mtu();
  capabilities_.headroom = kVirtioHeaderSize;
  capabilities_.transmit_checksum = true;
  capabilities_.receive_checksum = true;
  capabilities_.max_segmentation_size = kMaxSegmentation;
  return {};
}

Packet PacketSocket::receive(PacketPool& pool, Instant) noexcept {
  // A frame that is lost is no end: the next one may be fine. Bounded, since each call of this is one frame's work.
  for (int tries = 0; source_.readable && tries < 8; ++tries) {
    Packet packet = pool.allocate(0);
    if (long_packets_ && !long_packet_) { long_packet_ = long_packets_->allocate(0); }
    FrameRoom room(packet, long_packet_, kTagSize);
    // The header at least has to fit, or the frame is lost without a word.
    std::byte nowhere[kVirtioHeaderSize + 1];
    iovec pieces[] = {{room.first().data(), room.first().size()}, {room.rest().data(), room.rest().size()}};
    if (room.size() == 0) { pieces[0] = {nowhere, sizeof nowhere}; }
    Control control;
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = 2;
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    const ssize_t size = ::recvmsg(source_.fd, &message, 0);
    if (size < 0) {
      if (errno != EAGAIN) { continue; }  // interrupted, or told once (the interface is down); what came is still there
      source_.readable = false;
      return {};
    }
    if (room.size() == 0) {
      ++counters_.no_packet;
      continue;
    }
    if ((message.msg_flags & MSG_TRUNC) != 0) {
      ++counters_.too_long;
      continue;
    }
    room.settle(static_cast<std::size_t>(size));
    if (!trim_virtio_header(packet)) { continue; }
    if (const tpacket_auxdata* about = find_auxdata(message)) {
      if ((about->tp_status & TP_STATUS_CSUM_VALID) != 0) { packet.offload().checksum_verified = true; }
      insert_tag(packet, *about);
    }
    ++counters_.received;
    return packet;
  }
  return {};
}

Result<> PacketSocket::transmit(Packet& packet, Instant) noexcept {
  if (!can_transmit()) { return Unexpected(Error::would_block); }
  const Result<> sent = send_frame(packet);
  if (sent == Unexpected(Error::would_block)) { return sent; }
  ++(sent ? counters_.transmitted : counters_.refused);
  const Packet done = std::move(packet);
  return sent;
}

Result<> PacketSocket::send_frame(Packet& packet) noexcept {
  if (packet.offload().segment_size == 0 && packet.size() > driver::max_frame_size(capabilities_)) {
    return Unexpected(Error::message_size);
  }
  if (source_.fd < 0) { return Unexpected(Error::network_down); }
  if (!prepend_virtio_header(packet, capabilities_.medium)) { return Unexpected(Error::io_error); }
  ssize_t size;
  do { size = ::send(source_.fd, packet.data().data(), packet.size(), 0); } while (size < 0 && errno == EINTR);
  if (size >= 0) { return {}; }
  switch (errno) {
    case EAGAIN:
      source_.writable = false;
      packet.trim_front(kVirtioHeaderSize);
      return Unexpected(Error::would_block);
    case EMSGSIZE: return Unexpected(Error::message_size);
    case ENETDOWN:
    case ENXIO:
    case ENODEV: return Unexpected(Error::network_down);
    default: return Unexpected(Error::io_error);
  }
}

void PacketSocket::wait(Context& context, Waiter& waiter, bool for_transmit) noexcept {
  if (source_.readable || (for_transmit && source_.writable) || link_.look()) { context.wake_soon(); }
  source_.readers.add(context, waiter, Wait::device);
}

Result<> PacketSocket::join(const MacAddress& group) noexcept {
  if (source_.fd < 0) { return Unexpected(Error::not_supported); }
  return change_membership(source_.fd, PACKET_ADD_MEMBERSHIP, link_.index(), PACKET_MR_MULTICAST, group);
}

void PacketSocket::give_back(PacketPool& pool) noexcept {
  if (long_packet_ && long_packet_.buffer()->pool == &pool) { long_packet_ = {}; }
}

void PacketSocket::leave(const MacAddress& group) noexcept {
  if (source_.fd < 0) { return; }
  static_cast<void>(change_membership(source_.fd, PACKET_DROP_MEMBERSHIP, link_.index(), PACKET_MR_MULTICAST, group));
}

}  // namespace nal::drivers

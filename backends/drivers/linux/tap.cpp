#include "backends/drivers/linux/tap.hpp"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "backends/drivers/linux/frame_room.hpp"
#include "backends/drivers/linux/virtio_header.hpp"
#include "backends/posix/error.hpp"

namespace nal::drivers {

using driver::Medium;
using driver::Packet;
using driver::PacketPool;

static_assert(Tap::kLongPacketSize > kLongestSegmentedFrame + kVirtioHeaderSize);

namespace {

Result<> fail() noexcept {
  if (errno == ENOENT || errno == ENODEV || errno == ENXIO) { return Unexpected(Error::not_supported); }
  return Unexpected(posix::error_from_errno(errno));
}

/// The other end of a wire needs another address than this one: locally administered, and one bit away from it.
MacAddress other_address(const MacAddress& address) noexcept {
  MacAddress::Bytes bytes = address.bytes();
  bytes[0] = static_cast<std::uint8_t>((bytes[0] | 2) & ~1);
  bytes[5] ^= 1;
  return MacAddress::from_bytes(bytes);
}

}  // namespace

Tap::Tap(posix::Reactor& reactor, const TapConfig& config) noexcept : reactor_(&reactor), status_(open(config)) {
  if (!status_) { lose(); }
}

Tap::~Tap() { lose(); }

// The system would tell of an error on the descriptor for ever.
void Tap::lose() noexcept {
  gone_ = true;
  source_.readable = source_.writable = false;
  link_.close();
  reactor_->remove(source_);
  if (source_.fd >= 0) { ::close(source_.fd); }
  source_.fd = -1;
  source_.readers.wake_all();
}

Result<> Tap::open(const TapConfig& config) noexcept {
  long_packets_ = config.long_packets;
  source_.fd = ::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (source_.fd < 0) { return fail(); }
  const bool with_header = config.offload != TapOffload::none;
  ifreq request{};
  std::string_view(config.name).copy(request.ifr_name, sizeof request.ifr_name - 1);
  request.ifr_flags = static_cast<short>((config.medium == Medium::ethernet ? IFF_TAP : IFF_TUN) | IFF_NO_PI |
                                         (with_header ? IFF_VNET_HDR : 0));
  if (::ioctl(source_.fd, TUNSETIFF, &request) < 0) { return fail(); }
  std::memcpy(name_, request.ifr_name, sizeof name_ - 1);

  // What the kernel may leave to this end. An interface that was there may have kept what an earlier owner said.
  unsigned left_to_us = 0;
  if (config.offload != TapOffload::none) { left_to_us |= TUN_F_CSUM; }
  if (config.offload == TapOffload::segmentation) { left_to_us |= TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN; }
  if (::ioctl(source_.fd, TUNSETOFFLOAD, left_to_us) < 0) { return fail(); }
  if (with_header) {
    int size = kVirtioHeaderSize;
    if (::ioctl(source_.fd, TUNSETVNETHDRSZ, &size) < 0) { return fail(); }
  }

  source_.wakes = &source_;
  NAL_TRY(reactor_->add(source_));
  NAL_TRY(link_.open(*reactor_, name_, source_));
  address_ = config.address.is_unspecified() ? other_address(link_.address()) : config.address;
  capabilities_ = {
      .medium = config.medium,
      .mtu = link_.mtu(),
      .headroom = static_cast<std::uint8_t>(with_header ? kVirtioHeaderSize : 0),
      .transmit_checksum = with_header,
      .receive_checksum = with_header,
      .max_segmentation_size = config.offload == TapOffload::segmentation ? kMaxSegmentation : std::uint16_t{0}};
  longest_ =
      capabilities_.headroom +
      (config.offload == TapOffload::segmentation ? kLongestSegmentedFrame : driver::max_frame_size(capabilities_));
  return {};
}

Packet Tap::receive(PacketPool& pool, Instant) noexcept {
  // Two bytes in front of an Ethernet header put what follows it on a 4-byte boundary.
  const std::size_t padding = capabilities_.medium == Medium::ethernet && capabilities_.headroom == 0 ? 2 : 0;
  // A frame that is lost is no end: the next one may be fine. Bounded, since each call of this is one frame's work.
  for (int tries = 0; source_.readable && tries < 8; ++tries) {
    Packet packet = pool.allocate(0);
    if (long_packets_ && !long_packet_) { long_packet_ = long_packets_->allocate(0); }
    FrameRoom room(packet, long_packet_, padding);
    // A read cuts off what does not fit and does not say so: a byte more than can be used tells. The header at least
    // has to fit, or nothing is said of the frame at all.
    std::byte more[kVirtioHeaderSize + 1];
    const iovec pieces[] = {
        {room.first().data(), room.first().size()}, {room.rest().data(), room.rest().size()}, {more, sizeof more}};
    const bool simple = room.first().size() > longest_;
    const ssize_t size =
        simple ? ::read(source_.fd, room.first().data(), room.first().size()) : ::readv(source_.fd, pieces, 3);
    if (size < 0) {
      switch (errno) {
        case EAGAIN: source_.readable = false; return {};
        case EBADFD:
        case EBADF:
        case EIO: lose(); return {};
        default: continue;  // interrupted, or something was wrong with one frame
      }
    }
    const auto got = static_cast<std::size_t>(size);
    if (room.size() == 0) {
      ++counters_.no_packet;
    } else if (simple ? got == room.first().size() : got > room.size()) {
      ++counters_.too_long;
    } else {
      room.settle(got);
      if (capabilities_.headroom != 0 && !trim_virtio_header(packet)) { continue; }
      ++counters_.received;
      return packet;
    }
  }
  return {};
}

Result<> Tap::transmit(Packet& packet, Instant) noexcept {
  if (!source_.writable && !gone_) { return Unexpected(Error::would_block); }
  const Result<> sent = write_frame(packet);
  if (sent == Unexpected(Error::would_block)) { return sent; }
  ++(sent ? counters_.transmitted : counters_.refused);
  const Packet done = std::move(packet);
  return sent;
}

Result<> Tap::write_frame(Packet& packet) noexcept {
  const bool cut_up = packet.offload().segment_size != 0;
  if (cut_up ? capabilities_.max_segmentation_size == 0 : packet.size() > driver::max_frame_size(capabilities_)) {
    return Unexpected(Error::message_size);
  }
  if (gone_) { return Unexpected(Error::network_down); }
  const std::size_t header = capabilities_.headroom;
  if (header != 0 && !prepend_virtio_header(packet, capabilities_.medium)) { return Unexpected(Error::io_error); }
  ssize_t size;
  do { size = ::write(source_.fd, packet.data().data(), packet.size()); } while (size < 0 && errno == EINTR);
  if (size >= 0) { return {}; }
  switch (errno) {
    case EAGAIN:
      source_.writable = false;
      packet.trim_front(header);
      return Unexpected(Error::would_block);
    case EBADFD:
    case EBADF: lose(); return Unexpected(Error::network_down);
    case EIO: return Unexpected(Error::network_down);
    default: return Unexpected(Error::io_error);
  }
}

void Tap::give_back(PacketPool& pool) noexcept {
  if (long_packet_ && long_packet_.buffer()->pool == &pool) { long_packet_ = {}; }
}

void Tap::wait(Context& context, Waiter& waiter, bool for_transmit) noexcept {
  if (source_.readable || (for_transmit && source_.writable) || link_.look()) { context.wake_soon(); }
  source_.readers.add(context, waiter, Wait::device);
}

}  // namespace nal::drivers

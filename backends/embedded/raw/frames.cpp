#include "backends/embedded/raw/frames.hpp"

#include <algorithm>
#include <cstring>

#include "nal/driver/checksum.hpp"

namespace nal::embedded {

namespace {

/// `PacketBuffer::flags` of the copy of a frame that was sent.
constexpr std::uint8_t kOutgoing = 1;

bool has_type(const Interface& interface, const Packet& packet, std::uint16_t wanted) noexcept {
  if (wanted == 0) { return true; }
  if (interface.is_ethernet()) {
    const auto frame = wire::EthernetView::parse(packet.data());
    return frame && (static_cast<std::uint16_t>(frame->type()) == wanted ||
                     (frame->tagged() && wanted == static_cast<std::uint16_t>(wire::EtherType::vlan)));
  }
  const unsigned version = packet.size() == 0 ? 0 : wire::load_u8(packet.data().data()) >> 4;
  return wanted == static_cast<std::uint16_t>(version == 4 ? wire::EtherType::ipv4 : wire::EtherType::ipv6);
}

Packet copy_of(const Packet& packet, const Interface& interface, bool outgoing) noexcept {
  Packet copy = allocate_copy(packet, packet.headroom(), packet.size());
  if (!copy) { return copy; }
  std::memcpy(copy.data().data(), packet.data().data(), copy.size());
  copy.buffer()->interface = interface.index;
  copy.buffer()->flags = outgoing ? kOutgoing : std::uint8_t{0};
  copy.offload() = packet.offload();
  driver::finish_checksum(copy);
  return copy;
}

}  // namespace

RawFrames::RawFrames(Stack& stack, std::span<FrameSlot> slots, std::uint16_t queue_limit) noexcept
    : stack_(stack), slots_(slots), queue_limit_(queue_limit) {
  static_assert(features::kRaw, "raw sockets need features::kRaw");
  NAL_ASSERT(stack.ip().frame_observer() == nullptr);  // one of a stack
  stack.ip().observe(this);
}

RawFrames::~RawFrames() {
  NAL_ASSERT(in_use() == 0);
  stack_.ip().observe(static_cast<FrameObserver*>(nullptr));
}

std::size_t RawFrames::in_use() const noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(slots_, [](const FrameSlot& slot) { return slot.used; }));
}

Result<FrameSocket> RawFrames::open(const FrameOptions& options) noexcept {
  if (!options.interface.is_any() && !stack_.ip().interface(interface_index(options.interface.index()))) {
    return Unexpected(Error::network_down);
  }
  const auto free = std::ranges::find_if(slots_, [](const FrameSlot& slot) { return !slot.used; });
  if (free == slots_.end()) { return Unexpected(Error::table_full); }
  free->used = true;
  free->options = options;
  return FrameSocket(*this, static_cast<std::uint16_t>(free - slots_.begin()), free->generation);
}

void RawFrames::frame(const Interface& interface, const Packet& packet, bool outgoing) noexcept {
  for (FrameSlot& slot : slots_) {
    const FrameOptions& options = slot.options;
    if (!slot.used || (outgoing && !options.outgoing) ||
        (!options.interface.is_any() && options.interface.index() != interface.index) ||
        !has_type(interface, packet, options.ether_type)) {
      continue;
    }
    slot.push(slot.packets.count() < queue_limit_ ? copy_of(packet, interface, outgoing) : Packet(), queue_limit_);
  }
}

Poll<Result<>> RawFrames::poll_send(Context& context, Waiter& waiter, InterfaceId interface,
                                    std::span<const std::byte> frame) noexcept {
  IpLayer& ip = stack_.ip();
  const InterfaceIndex index = interface_index(interface.index());
  Interface* const out = ip.interface(index);
  if (!out || !out->up) { return Unexpected(Error::network_down); }
  if (frame.size() < (out->is_ethernet() ? wire::kEthernetHeaderSize : 1)) {
    return Unexpected(Error::invalid_argument);
  }
  const driver::Capabilities capabilities = out->driver->capabilities();
  if (frame.size() > driver::max_frame_size(capabilities) ||
      frame.size() + capabilities.headroom > stack_.packets().capacity()) {
    return Unexpected(Error::message_size);
  }
  Packet packet;
  if (ip.can_send(index)) { packet = ip.allocate_frame(index); }
  if (!packet) {
    ip.wait_for_room(context, waiter, index, frame.size());
    return pending;
  }
  std::copy(frame.begin(), frame.end(), packet.append(frame.size()).begin());
  return ip.send_raw_frame(index, std::move(packet));
}

Poll<Result<>> FrameSocket::poll_send(Context& context, Waiter& waiter, InterfaceId interface,
                                      std::span<const std::byte> frame) noexcept {
  FrameSlot* const mine = slot();
  if (!mine) { return Unexpected(Error::closed); }
  return module_->poll_send(context, waiter, interface.is_any() ? mine->options.interface : interface, frame);
}

Poll<Result<FrameSocket::Taken>> FrameSocket::poll_take(Context& context, Waiter& waiter) noexcept {
  FrameSlot* const mine = slot();
  if (!mine) { return Unexpected(Error::closed); }
  Taken taken;
  taken.packet = take(*mine, context, waiter);
  if (!taken.packet) { return pending; }
  taken.about.interface = InterfaceId(taken.packet.buffer()->interface);
  taken.about.outgoing = taken.packet.buffer()->flags == kOutgoing;
  taken.about.frame_size = taken.about.size = taken.packet.size();
  return Result<Taken>(std::move(taken));
}

Poll<Result<FrameReceived>> FrameSocket::poll_receive(Context& context, Waiter& waiter,
                                                      std::span<std::byte> buffer) noexcept {
  auto taken = poll_take(context, waiter);
  if (!taken.ready()) { return pending; }
  if (!*taken) { return Unexpected(taken->error()); }
  FrameReceived about = (*taken)->about;
  about.size = std::min(about.frame_size, buffer.size());
  about.truncated = about.size < about.frame_size;
  if (about.size != 0) { std::memcpy(buffer.data(), (*taken)->packet.data().data(), about.size); }
  return about;
}

}  // namespace nal::embedded

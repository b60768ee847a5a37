#pragma once
#include <array>

#include "backends/embedded/raw/queue.hpp"
#include "backends/embedded/stack.hpp"
#include "nal/block_on.hpp"

namespace nal::embedded {

/// What a raw frame socket is made with.
struct FrameOptions {
  InterfaceId interface {};      ///< 0: every one
  std::uint16_t ether_type = 0;  ///< of the frame, or behind its VLAN tag; 0: every one
  bool outgoing = false;         ///< also frames that this stack sends
};

/// What a frame tells beside its bytes.
struct FrameReceived {
  InterfaceId interface {};
  bool outgoing = false;  ///< this stack has sent it
  bool truncated = false;
  std::size_t frame_size = 0;  ///< of the whole frame
  std::size_t size = 0;        ///< bytes that stand in the buffer: always safe to look at
};

/// What a raw frame socket is made of, beside its queue. Of concern to `RawFrames`.
struct FrameSlot : RawQueue {
  FrameOptions options;
};

/// The memory of `kSockets` raw frame sockets; outlives the `RawFrames` that uses it.
template <std::size_t kSockets = 1>
struct RawFramesMemory {
  std::array<FrameSlot, kSockets> slots;
};

class FrameSocket;

/// Raw Ethernet sockets over a stack (of devices whose medium is `ip`: packets without a frame), made beside it by
/// whoever wants them; a device that does not links none of it. One of a stack.
///
/// A socket gets a copy of every frame as the device gives it, before the stack looks at it: also what is for other
/// stations, where the device gives that (a packet socket made with `promiscuous`, a TAP). A checksum that was left to
/// a device is made in the copy. Copies never take the packets that are kept for receiving.
///
/// The stack and the memory outlive it; every handle is gone before it.
class RawFrames final : private FrameObserver {
 public:
  /// `queue_limit` frames wait in each socket.
  template <std::size_t kSockets>
  RawFrames(Stack& stack, RawFramesMemory<kSockets>& memory, std::uint16_t queue_limit = 4) noexcept
      : RawFrames(stack, std::span<FrameSlot>(memory.slots), queue_limit) {}
  ~RawFrames();

  /// *Errors*: table_full; network_down (no such interface).
  Result<FrameSocket> open(const FrameOptions& options) noexcept;
  std::size_t in_use() const noexcept;

 private:
  friend class FrameSocket;
  template <class, class>
  friend class RawHandle;
  RawFrames(Stack& stack, std::span<FrameSlot> slots, std::uint16_t queue_limit) noexcept;

  // FrameObserver
  void frame(const Interface& interface, const Packet& packet, bool outgoing) noexcept override;

  FrameSlot* find(std::uint16_t slot, std::uint16_t generation) noexcept {
    return slots_[slot].generation == generation ? &slots_[slot] : nullptr;
  }
  Poll<Result<>> poll_send(Context& context, Waiter& waiter, InterfaceId interface,
                           std::span<const std::byte> frame) noexcept;

  Stack& stack_;
  std::span<FrameSlot> slots_;
  std::uint16_t queue_limit_;
};

class FrameSocket : public RawHandle<RawFrames, FrameSlot> {
 public:
  /// The oldest frame that waits. One larger than the buffer is cut and says so.
  Poll<Result<FrameReceived>> poll_receive(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept;

  /// The frame that `poll_take` gives.
  struct Taken {
    Packet packet;
    FrameReceived about;
  };
  /// As `poll_receive`, without a further copy. The packet goes back to the stack's pool when it ends: soon, and before
  /// the stack.
  Poll<Result<Taken>> poll_take(Context& context, Waiter& waiter) noexcept;

  /// Sends a frame, its header included, over an interface (0: the one that the socket was made with). *Errors*:
  /// message_size, network_down (also: no such interface), invalid_argument (shorter than a header).
  Poll<Result<>> poll_send(Context& context, Waiter& waiter, InterfaceId interface,
                           std::span<const std::byte> frame) noexcept;

 private:
  friend class RawFrames;
  using RawHandle::RawHandle;
};

/// Operations on frame sockets. *Cancellation*: nothing was received or sent. *Buffer lifetime*: until it completes or
/// is destroyed.
class [[nodiscard("await it")]] ReceiveFrame {
 public:
  ReceiveFrame(FrameSocket& socket, std::span<std::byte> buffer) noexcept : socket_(&socket), buffer_(buffer) {}
  Poll<Result<FrameReceived>> poll(Context& context) noexcept {
    return socket_->poll_receive(context, waiter_, buffer_);
  }

 private:
  FrameSocket* socket_;
  std::span<std::byte> buffer_;
  Waiter waiter_;
};
inline ReceiveFrame receive_frame(FrameSocket& socket, std::span<std::byte> buffer) noexcept {
  return {socket, buffer};
}

class [[nodiscard("await it")]] SendFrame {
 public:
  SendFrame(FrameSocket& socket, InterfaceId interface, std::span<const std::byte> frame) noexcept
      : socket_(&socket), interface_(interface), frame_(frame) {}
  Poll<Result<>> poll(Context& context) noexcept { return socket_->poll_send(context, waiter_, interface_, frame_); }

 private:
  FrameSocket* socket_;
  InterfaceId interface_;
  std::span<const std::byte> frame_;
  Waiter waiter_;
};
inline SendFrame send_frame(FrameSocket& socket, InterfaceId interface, std::span<const std::byte> frame) noexcept {
  return {socket, interface, frame};
}

}  // namespace nal::embedded

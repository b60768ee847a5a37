#pragma once
#include <array>
#include <optional>

#include "backends/embedded/raw/queue.hpp"
#include "backends/embedded/stack.hpp"
#include "nal/block_on.hpp"

namespace nal::embedded {

/// What a raw IP socket is made with.
struct RawIpOptions {
  Family family = Family::v4;  ///< not any
  /// What is received, and sent as; none: everything is received, and only whole packets are sent.
  std::optional<std::uint8_t> protocol{};
  /// Received is only what is sent to it, and sent is from it; unspecified: any.
  IpAddress local{};
  InterfaceId interface {};  ///< received is only what comes by it, and sent is over it; 0: any
  /// What is sent begins with its IP header: see `RawIpSocket::poll_send`.
  bool whole_header = false;
  /// Where in the payload the Internet checksum stands, which is made for what is sent: as IPV6_CHECKSUM of RFC 3542
  /// §3.1. Of ICMPv6 it is always made.
  std::optional<std::uint16_t> checksum_offset{};
  bool broadcast = false;      ///< may send to broadcast addresses
  std::uint8_t hop_limit = 0;  ///< 0: the stack's
  bool dont_fragment = false;  ///< what is larger than the path takes is `Error::message_size`
};

/// What a received packet tells beside its bytes.
struct RawReceived {
  IpAddress source{};
  IpAddress destination{};
  InterfaceId interface {};
  std::uint8_t protocol = 0;    ///< behind the extension headers
  std::size_t header_size = 0;  ///< of the IP header, options or extension headers included
  std::size_t packet_size = 0;  ///< of the whole packet
  std::size_t size = 0;         ///< bytes that stand in the buffer: always safe to look at
  bool truncated = false;
};

/// What a raw IP socket is made of, beside its queue. Of concern to `RawIp`.
struct RawIpSlot : RawQueue {
  RawIpOptions options;
};

/// The memory of `kSockets` raw IP sockets; outlives the `RawIp` that uses it.
template <std::size_t kSockets = 1>
struct RawIpMemory {
  std::array<RawIpSlot, kSockets> slots;
};

class RawIpSocket;

/// Raw IP sockets over a stack, made beside it by whoever wants them; a device that does not links none of it. One of a
/// stack.
///
/// A socket gets a copy of every packet for this host of its protocol, what the stack itself takes (TCP, UDP, ICMP) as
/// well; what nobody else takes is not answered with an error then. Copies never take the packets that are kept for
/// receiving.
///
/// The stack and the memory outlive it; every handle is gone before it.
class RawIp final : private PacketObserver {
 public:
  /// `queue_limit` packets wait in each socket.
  template <std::size_t kSockets>
  RawIp(Stack& stack, RawIpMemory<kSockets>& memory, std::uint16_t queue_limit = 4) noexcept
      : RawIp(stack, std::span<RawIpSlot>(memory.slots), queue_limit) {}
  ~RawIp();

  /// *Errors*: table_full; address_not_available; invalid_argument (no family; a checksum at an odd place; a whole
  /// header with a checksum).
  Result<RawIpSocket> open(const RawIpOptions& options) noexcept;
  std::size_t in_use() const noexcept;

 private:
  friend class RawIpSocket;
  template <class, class>
  friend class RawHandle;
  RawIp(Stack& stack, std::span<RawIpSlot> slots, std::uint16_t queue_limit) noexcept;

  // PacketObserver
  bool packet(const Ingress& ingress, const Packet& packet) noexcept override;

  RawIpSlot* find(std::uint16_t slot, std::uint16_t generation) noexcept {
    return slots_[slot].generation == generation ? &slots_[slot] : nullptr;
  }
  Poll<Result<>> poll_send(Context& context, Waiter& waiter, const RawIpSlot& slot, const IpAddress& destination,
                           std::span<const std::byte> data) noexcept;

  Stack& stack_;
  std::span<RawIpSlot> slots_;
  std::uint16_t queue_limit_;
};

class RawIpSocket : public RawHandle<RawIp, RawIpSlot> {
 public:
  /// The oldest packet that waits, with its IP header. One larger than the buffer is cut and says so.
  Poll<Result<RawReceived>> poll_receive(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept;

  /// The packet that `poll_take` gives.
  struct Taken {
    Packet packet;  ///< its data begin with the IP header
    RawReceived about;
  };
  /// As `poll_receive`, without a further copy. The packet goes back to the stack's pool when it ends: soon, and before
  /// the stack.
  Poll<Result<Taken>> poll_take(Context& context, Waiter& waiter) noexcept;

  /// Sends a payload behind a header that the stack makes, in fragments if it is large. With `whole_header` the data
  /// are the whole packet: the stack makes lengths and checksum, and source and identification where they are 0;
  /// `destination` is where it goes, whatever its header says. *Errors*: message_size, network_unreachable,
  /// permission_denied (broadcast), invalid_argument, network_down.
  Poll<Result<>> poll_send(Context& context, Waiter& waiter, const IpAddress& destination,
                           std::span<const std::byte> data) noexcept;

 private:
  friend class RawIp;
  using RawHandle::RawHandle;
};

/// Operations on raw IP sockets. *Cancellation*: nothing was received or sent. *Buffer
/// lifetime*: until it completes or is destroyed.
class [[nodiscard("await it")]] ReceiveRaw {
 public:
  ReceiveRaw(RawIpSocket& socket, std::span<std::byte> buffer) noexcept : socket_(&socket), buffer_(buffer) {}
  Poll<Result<RawReceived>> poll(Context& context) noexcept { return socket_->poll_receive(context, waiter_, buffer_); }

 private:
  RawIpSocket* socket_;
  std::span<std::byte> buffer_;
  Waiter waiter_;
};
inline ReceiveRaw receive_packet(RawIpSocket& socket, std::span<std::byte> buffer) noexcept { return {socket, buffer}; }

class [[nodiscard("await it")]] SendRaw {
 public:
  SendRaw(RawIpSocket& socket, const IpAddress& destination, std::span<const std::byte> data) noexcept
      : socket_(&socket), destination_(destination), data_(data) {}
  Poll<Result<>> poll(Context& context) noexcept { return socket_->poll_send(context, waiter_, destination_, data_); }

 private:
  RawIpSocket* socket_;
  IpAddress destination_;
  std::span<const std::byte> data_;
  Waiter waiter_;
};
inline SendRaw send_packet(RawIpSocket& socket, const IpAddress& destination,
                           std::span<const std::byte> data) noexcept {
  return {socket, destination, data};
}

}  // namespace nal::embedded

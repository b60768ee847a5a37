#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

#include "nal/assert.hpp"
#include "nal/wait.hpp"

namespace nal::driver {

class PacketPool;

/// What hardware is asked to do, or has done, for a packet. Offsets count from the first byte of the frame.
struct Offload {
  /// Received: the device has verified the transport checksum, or the packet never left the host.
  bool checksum_verified = false;
  /// Received from this host, not 0: `checksum_verified` is set, and the sum that the sender left to its device, of all
  /// bytes from here on, was never made; at `checksum_offset` stands the pseudo header's. For whoever shows or forwards
  /// the frame; a stack needs not look.
  std::uint8_t unfinished_start = 0;
  /// To be sent, not 0: the device adds the sum of all bytes from here on, and puts its complement at
  /// `checksum_start + checksum_offset`, where the pseudo header's sum stands already.
  std::uint16_t checksum_start = 0;
  std::uint16_t checksum_offset = 0;
  /// To be sent, not 0: the device cuts the TCP payload into segments of this many bytes (TSO).
  /// Received: the frame was put together of segments of this size.
  std::uint16_t segment_size = 0;
};

/// The head of a packet's memory; its bytes follow at once. Of concern to `Packet`, `PacketPool` and `PacketQueue`.
struct PacketBuffer {
  PacketBuffer* next;
  PacketPool* pool;
  std::uint32_t begin;  ///< offset of the first byte in use
  std::uint32_t size;
  Offload offload;
  std::uint16_t network_header;  ///< where the IP header starts, from the start of the memory; the stack's
  std::uint8_t interface;        ///< which interface it came by, or 0; the stack's
  std::uint8_t flags;            ///< the stack's

  std::byte* memory() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
};

/// An owned buffer with one frame or datagram in it and room on both sides, from a `PacketPool`, to which it returns
/// when it ends. One pointer; moves, never copies; null when default-made, moved from or when the pool was empty.
class Packet {
 public:
  Packet() noexcept = default;
  Packet(Packet&& other) noexcept : buffer_(std::exchange(other.buffer_, nullptr)) {}
  Packet& operator=(Packet&& other) noexcept {
    Packet old(std::exchange(buffer_, std::exchange(other.buffer_, nullptr)));
    return *this;
  }
  ~Packet() {
    if (buffer_) { release(); }
  }

  explicit operator bool() const noexcept { return buffer_ != nullptr; }

  std::span<std::byte> data() noexcept { return {buffer_->memory() + buffer_->begin, buffer_->size}; }
  std::span<const std::byte> data() const noexcept { return {buffer_->memory() + buffer_->begin, buffer_->size}; }
  std::size_t size() const noexcept { return buffer_->size; }
  /// Bytes that `prepend` can still give.
  std::size_t headroom() const noexcept { return buffer_->begin; }
  /// Bytes that `append` can still give.
  inline std::size_t tailroom() const noexcept;

  /// `count` bytes more in front, to be filled; there must be headroom (asserted).
  std::span<std::byte> prepend(std::size_t count) noexcept {
    NAL_ASSERT(count <= headroom());
    buffer_->begin -= static_cast<std::uint32_t>(count);
    buffer_->size += static_cast<std::uint32_t>(count);
    return data().first(count);
  }
  /// `count` bytes more behind, to be filled; there must be tailroom (asserted).
  std::span<std::byte> append(std::size_t count) noexcept {
    NAL_ASSERT(count <= tailroom());
    buffer_->size += static_cast<std::uint32_t>(count);
    return data().last(count);
  }
  /// Takes `count` bytes off the front; they become headroom. At most `size()` (asserted).
  void trim_front(std::size_t count) noexcept {
    NAL_ASSERT(count <= size());
    buffer_->begin += static_cast<std::uint32_t>(count);
    buffer_->size -= static_cast<std::uint32_t>(count);
  }
  /// Keeps the first `count` bytes. At most `size()` (asserted).
  void truncate(std::size_t count) noexcept {
    NAL_ASSERT(count <= size());
    buffer_->size = static_cast<std::uint32_t>(count);
  }
  /// Empties it, with `headroom` bytes free in front.
  inline void clear(std::size_t headroom) noexcept;

  /// Another packet of the same pool with the same bytes and as much room in front; null when the pool is empty.
  inline Packet copy() const noexcept;

  /// Gives the packet up without ending it, for hardware to have: whoever holds the buffer owes it to `adopt`.
  PacketBuffer* detach() noexcept { return std::exchange(buffer_, nullptr); }
  /// Owns a buffer that was detached, or nothing.
  static Packet adopt(PacketBuffer* buffer) noexcept { return Packet(buffer); }

  Offload& offload() noexcept { return buffer_->offload; }
  const Offload& offload() const noexcept { return buffer_->offload; }
  PacketBuffer* buffer() noexcept { return buffer_; }
  const PacketBuffer* buffer() const noexcept { return buffer_; }

 private:
  friend class PacketPool;
  friend class PacketQueue;
  explicit Packet(PacketBuffer* buffer) noexcept : buffer_(buffer) {}
  inline void release() noexcept;

  PacketBuffer* buffer_ = nullptr;
};

/// Memory for `kCount` packets of up to `kSize` bytes each, headers of every layer included.
template <std::size_t kCount, std::size_t kSize>
struct PacketMemory {
  static constexpr std::size_t kStride =
      (sizeof(PacketBuffer) + kSize + alignof(PacketBuffer) - 1) / alignof(PacketBuffer) * alignof(PacketBuffer);
  alignas(PacketBuffer) std::byte bytes[kCount * kStride];
};

/// A fixed number of packets. Confined to one executor; every packet has come back before it ends (asserted).
class PacketPool {
 public:
  /// `reserve` packets are kept for receiving: `allocate_to_send` leaves them alone, so that what is queued to be sent
  /// can never keep the answer out that would let it go.
  template <std::size_t kCount, std::size_t kSize>
  explicit PacketPool(PacketMemory<kCount, kSize>& memory, std::size_t reserve = kCount / 4) noexcept
      : PacketPool(memory.bytes, PacketMemory<kCount, kSize>::kStride, kCount, reserve) {}
  PacketPool(std::byte* memory, std::size_t stride, std::size_t count, std::size_t reserve) noexcept
      : capacity_(static_cast<std::uint32_t>(stride - sizeof(PacketBuffer))),
        count_(static_cast<std::uint16_t>(count)),
        reserve_(static_cast<std::uint16_t>(reserve)) {
    for (std::size_t i = 0; i < count; ++i) {
      put(reinterpret_cast<PacketBuffer*>(memory + i * stride));  // NOLINT(*-reinterpret-cast): see PacketMemory
    }
  }
  PacketPool(const PacketPool&) = delete;
  PacketPool& operator=(const PacketPool&) = delete;
  ~PacketPool() { NAL_ASSERT(available_ == count_); }

  /// An empty packet with `headroom` bytes free in front; null when there is none. For what was received.
  Packet allocate(std::size_t headroom) noexcept {
    if (!free_) { return {}; }
    PacketBuffer* const buffer = free_;
    free_ = buffer->next;
    --available_;
    NAL_ASSERT(headroom <= capacity_);
    // One by one, since compilers build a whole one beside it first.
    buffer->next = nullptr;
    buffer->pool = this;
    buffer->begin = static_cast<std::uint32_t>(headroom);
    buffer->size = 0;
    buffer->offload = {};
    buffer->network_header = 0;
    buffer->interface = 0;
    buffer->flags = 0;
    return Packet(buffer);
  }
  /// The same for what is to be sent: null also when only the reserve is left.
  Packet allocate_to_send(std::size_t headroom) noexcept {
    return available_ > reserve_ ? allocate(headroom) : Packet();
  }

  /// Bytes of each packet, headers included.
  std::size_t capacity() const noexcept { return capacity_; }
  std::size_t count() const noexcept { return count_; }
  std::size_t available() const noexcept { return available_; }
  bool can_send() const noexcept { return available_ > reserve_; }
  /// Woken when a packet comes back.
  WaitList& returned() noexcept { return returned_; }

 private:
  friend class Packet;
  void put(PacketBuffer* buffer) noexcept {
    buffer->next = free_;
    free_ = buffer;
    ++available_;
    returned_.wake_all();
  }

  PacketBuffer* free_ = nullptr;
  std::uint32_t capacity_;
  std::uint16_t count_;
  std::uint16_t available_ = 0;
  std::uint16_t reserve_;
  WaitList returned_;
};

inline std::size_t Packet::tailroom() const noexcept {
  return buffer_->pool->capacity() - buffer_->begin - buffer_->size;
}
inline void Packet::clear(std::size_t headroom) noexcept {
  NAL_ASSERT(headroom <= buffer_->pool->capacity());
  buffer_->begin = static_cast<std::uint32_t>(headroom);
  buffer_->size = 0;
}
inline Packet Packet::copy() const noexcept {
  Packet other = buffer_->pool->allocate(headroom());
  if (other) {
    std::memcpy(other.append(size()).data(), data().data(), size());
    other.buffer_->offload = buffer_->offload;
    other.buffer_->network_header = buffer_->network_header;
    other.buffer_->interface = buffer_->interface;
    other.buffer_->flags = buffer_->flags;
  }
  return other;
}
inline void Packet::release() noexcept {
  PacketBuffer* const buffer = std::exchange(buffer_, nullptr);
  buffer->pool->put(buffer);
}

/// Packets, first in, first out. Ends what is in it.
class PacketQueue {
 public:
  PacketQueue() noexcept = default;
  PacketQueue(PacketQueue&& other) noexcept
      : first_(std::exchange(other.first_, nullptr)),
        last_(std::exchange(other.last_, nullptr)),
        count_(std::exchange(other.count_, 0)) {}
  PacketQueue& operator=(PacketQueue&& other) noexcept {
    clear();
    std::swap(first_, other.first_);
    std::swap(last_, other.last_);
    std::swap(count_, other.count_);
    return *this;
  }
  ~PacketQueue() { clear(); }

  bool empty() const noexcept { return first_ == nullptr; }
  std::size_t count() const noexcept { return count_; }
  /// Not null (asserted).
  void push(Packet&& packet) noexcept {
    PacketBuffer* const buffer = std::exchange(packet.buffer_, nullptr);
    NAL_ASSERT(buffer);
    buffer->next = nullptr;
    (first_ ? last_->next : first_) = buffer;
    last_ = buffer;
    ++count_;
  }
  /// The oldest, or null.
  Packet pop() noexcept {
    PacketBuffer* const buffer = first_;
    if (buffer) {
      first_ = buffer->next;
      --count_;
    }
    return Packet(buffer);
  }
  /// The oldest, which stays; null when there is none.
  PacketBuffer* front() noexcept { return first_; }
  void clear() noexcept {
    while (!empty()) { pop(); }
  }
  /// Ends those of `pool`; the others keep their order.
  void remove(const PacketPool& pool) noexcept {
    for (std::size_t left = count_; left > 0; --left) {
      Packet packet = pop();
      if (packet.buffer()->pool != &pool) { push(std::move(packet)); }
    }
  }

 private:
  PacketBuffer* first_ = nullptr;
  PacketBuffer* last_ = nullptr;
  std::size_t count_ = 0;
};

}  // namespace nal::driver

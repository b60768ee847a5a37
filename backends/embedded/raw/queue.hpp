#pragma once
#include <utility>

#include "backends/embedded/ip/network.hpp"
#include "nal/wait.hpp"

namespace nal::embedded {

/// What raw sockets share: copies of packets that wait for the application, up to a limit.
struct RawQueue {
  std::uint16_t generation = 0;
  bool used = false;
  std::uint32_t dropped = 0;  ///< what had no room here, or found no packet to be copied to
  driver::PacketQueue packets;
  WaitList readable;

  /// Takes a copy in, or counts it as dropped when it is null or one too many.
  void push(Packet&& copy, std::size_t limit) noexcept;
  void release() noexcept;
};

/// A packet for a copy of `size` bytes, from the pool that `original` is of; of its reserve, which is for receiving,
/// nothing is taken.
Packet allocate_copy(const Packet& original, std::size_t headroom, std::size_t size) noexcept;

/// A handle of two words to a slot of `Module`, which has `find` and `release`. Dropping it frees the slot and what
/// waits in it.
template <class Module, class Slot>
class RawHandle {
 public:
  RawHandle(RawHandle&& other) noexcept
      : module_(std::exchange(other.module_, nullptr)), slot_(other.slot_), generation_(other.generation_) {}
  RawHandle& operator=(RawHandle&& other) noexcept {
    if (this != &other) {
      drop();
      module_ = std::exchange(other.module_, nullptr);
      slot_ = other.slot_;
      generation_ = other.generation_;
    }
    return *this;
  }
  ~RawHandle() { drop(); }

  /// Packets that were for it, and were dropped since too many waited.
  std::uint32_t dropped() const noexcept {
    const Slot* const mine = slot();
    return mine ? mine->dropped : 0;
  }

 protected:
  RawHandle(Module& module, std::uint16_t slot, std::uint16_t generation) noexcept
      : module_(&module), slot_(slot), generation_(generation) {}
  Slot* slot() const noexcept { return module_ ? module_->find(slot_, generation_) : nullptr; }
  void drop() noexcept {
    if (Slot* const mine = slot()) { mine->release(); }
    module_ = nullptr;
  }
  /// The oldest that waits; null when nothing does, and then the waiter is linked.
  static Packet take(Slot& slot, Context& context, Waiter& waiter) noexcept {
    if (slot.packets.empty()) { slot.readable.add(context, waiter, Wait::readable); }
    return slot.packets.pop();
  }

  Module* module_;
  std::uint16_t slot_;
  std::uint16_t generation_;
};

}  // namespace nal::embedded
